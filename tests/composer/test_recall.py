"""Bars of a gap that repeat bars given after it, and the likelihood of gaps."""

import numpy as np
import pytest
import torch

from orchestrion.composer.compose import Composer
from orchestrion.composer.features import clock_rows, memories
from orchestrion.composer.filling import gap_nll
from orchestrion.composer.form import EXACT, UNTOLD, VARIED, Plan, untold
from orchestrion.composer.given import given_of
from orchestrion.composer.likelihood import step_nll
from orchestrion.composer.recall import MOST, Recall
from orchestrion.datasets.corpora.piece import CorpusPiece
from tests.composer.models import TINY_FORM, random_model

PLANS = [[[1, 0], [1, 0], [1, 0], [1, 0], [3, 4], [3, 4], [2, 4], [1, 0]]]
BAR = 16


def piece(*bars: int) -> CorpusPiece:
    """Bars of 4/4 of four quarters: the same number, the same bar."""
    notes = [(i * BAR + beat, i * BAR + beat + 4, 60 + (bar * 5 + beat) % 12) for i, bar in enumerate(bars) for beat in range(0, BAR, 4)]
    return CorpusPiece("piece", tuple(notes), (4, 4), 0)


def masked(tune: CorpusPiece, *open_bars: int) -> np.ndarray:
    grid = tune.grid_in(55, 79, tune.n_whole_steps)
    known = np.ones(grid.shape[:2], dtype=bool)
    for bar in open_bars:
        known[bar * BAR : (bar + 1) * BAR] = False
    return given_of(grid, known)


def test_the_pieces_own_repeats_say_which_bar_is_repeated() -> None:
    tune = piece(1, 2, 3, 4, 1, 2, 3, 4)
    recall = Recall.of(masked(tune, 2, 3), BAR, PLANS)
    assert recall is not None and not recall.chances[[0, 1, 4, 5, 6, 7]].any()
    assert recall.chances[2].argmax() == recall.chances[3].argmax() == 4
    other = Recall.of(masked(piece(1, 2, 3, 4, 5, 6, 7, 8), 2, 3), BAR, PLANS)
    assert other is not None and recall.chances[2, 4] > other.chances[2, 4] > 0
    assert max(recall.chances.sum(axis=1).max(), other.chances.sum(axis=1).max()) <= MOST + 1e-9


def test_nothing_is_recalled_where_no_bar_is_given_after_an_open_one() -> None:
    tune = piece(1, 2, 3, 4)
    assert Recall.of(masked(tune, 2, 3), BAR, PLANS) is None
    assert Recall.of(masked(tune), BAR, PLANS) is None
    melody_only = masked(tune, 1)
    melody_only[..., 0] *= melody_only[..., 1]
    assert Recall.of(melody_only, BAR, PLANS) is None


def test_what_is_drawn_follows_the_chances_and_goes_on_where_it_was() -> None:
    recall = Recall.of(masked(piece(1, 2, 3, 4, 1, 2, 3, 4), 2, 3), BAR, PLANS)
    assert recall is not None
    draws = np.random.default_rng(0).random((4000, 3))
    found = [recall.drawn(2, 0, each) for each in draws]
    for lag in range(1, 6):
        assert np.mean([source == 2 + lag for _, source in found]) == pytest.approx(recall.chances[2, lag], abs=0.03)
    assert all((kind == UNTOLD) == (source < 0) for kind, source in found)
    repeats = [kind for kind, source in found if source >= 0]
    assert np.mean([kind == EXACT for kind in repeats]) == pytest.approx(recall.exact, abs=0.04)
    assert recall.drawn(3, 4, np.array([0.0, 0.999, 0.0])) == (EXACT, 7)
    assert recall.drawn(3, 4, np.array([0.0, 0.999, 0.999])) == (VARIED, 7)
    assert recall.drawn(3, 4, np.array([0.999, 0.999, 0.0])) == recall.drawn(3, 0, np.array([0.0, 0.999, 0.0])) == (UNTOLD, -1)


def nll_told(composer: Composer, tune: CorpusPiece, plan: Plan, gap: slice, given: np.ndarray | None) -> float:
    """By the network's ``forward``, in nats; a note after silence has an attack in any case."""
    grid = tune.grid_in(55, 79, tune.n_whole_steps)
    clock = clock_rows(TINY_FORM, tune.meter, 0, len(grid), len(grid), kinds=plan.kinds)
    memory = memories(grid, TINY_FORM, BAR, plan, 0, len(grid))
    whole, ticks, earlier = (torch.from_numpy(each)[None] for each in (grid, clock, memory))
    ahead = None if given is None else torch.from_numpy(given)[None]
    with torch.no_grad():
        logits = composer.model(whole, ticks, memory=earlier, given=ahead)
    goes_on = whole.clone()
    goes_on[:, 1:, :, 0] *= whole[:, :-1, :, 0]
    return float((step_nll(logits, whole).play + step_nll(logits, goes_on).articulation)[0, gap].sum())


def test_a_gap_is_as_likely_as_the_network_says_summed_over_what_it_may_repeat() -> None:
    composer = Composer(random_model(TINY_FORM, seed=3), {"defaults": {"plans": PLANS}})
    tune, gap = piece(1, 2, 3, 4, 5, 9, 3), slice(2 * BAR, 3 * BAR)
    given = masked(tune, 2)
    with torch.no_grad():
        plain = gap_nll(composer, tune, 2, 1, ahead=False, repeats=False)
        ahead = gap_nll(composer, tune, 2, 1, repeats=False)
        both = gap_nll(composer, tune, 2, 1)
    assert plain == pytest.approx(nll_told(composer, tune, untold(7), gap, None) / BAR, abs=2e-3)
    assert ahead == pytest.approx(nll_told(composer, tune, untold(7), gap, given) / BAR, abs=2e-3)
    recall = Recall.of(given, BAR, PLANS)
    assert recall is not None and recall.chances[2, 4] > 0
    logs = [np.log(1 - recall.chances[2].sum()) - nll_told(composer, tune, untold(7), gap, given)]
    for lag in np.flatnonzero(recall.chances[2]):
        for kind, share in ((EXACT, recall.exact), (VARIED, 1 - recall.exact)):
            chance = np.log(recall.chances[2, lag] * share)
            logs.append(chance - nll_told(composer, tune, untold(7).told(2, kind, 2 + int(lag)), gap, given))
    assert both == pytest.approx(-np.logaddexp.reduce(logs) / BAR, abs=0.15)
    assert abs(both - ahead) > 1e-4
