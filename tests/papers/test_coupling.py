"""Coupled training: the gradient goes the whole way, and where the audio depends on the score it says which notes sound."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrion.composer.network import Biaxial
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.papers import coupling
from orchestrion.papers.instruments import SMALL
from orchestrion.renderer.network import WaveNet

TINY = dataclasses.replace(SMALL, layers=4, cycle=4, residual=8, skip=8, head=8)


@pytest.fixture
def renderer() -> WaveNet:
    torch.manual_seed(0)
    return WaveNet(TINY).requires_grad_(False).eval()


@pytest.fixture
def passages(noted: Path, renderer: WaveNet) -> coupling.Passages:
    return coupling.Passages(AlignedSet.open(noted, sample_rate=TINY.sample_rate, hop=TINY.hop).pieces, renderer)


def test_a_relaxed_note_is_drawn_as_often_as_its_probability_and_has_a_gradient() -> None:
    logits = torch.full((20_000,), -1.0, requires_grad=True)
    drawn = coupling.relaxed(logits, torch.Generator().manual_seed(0))
    assert set(drawn.detach().unique().tolist()) == {0.0, 1.0}
    assert float(drawn.detach().mean()) == pytest.approx(float(torch.sigmoid(torch.tensor(-1.0))), abs=0.01)
    (gradient,) = torch.autograd.grad(drawn.sum(), [logits])
    assert (gradient >= 0).all() and (gradient > 0).float().mean() > 0.9


def test_the_audio_of_a_passage_lies_where_its_notes_do(passages: coupling.Passages, renderer: WaveNet) -> None:
    rng = np.random.default_rng(0)
    for passage in [passages.drawn(rng) for _ in range(40)]:  # steps begin within frames as well as between them
        assert len(passage.targets) == len(passage.steps) * TINY.hop == coupling.HEARD_STEPS * TINY.sample_rate // coupling.STEPS_PER_SECOND
        assert sorted(set(passage.steps.tolist())) == list(range(coupling.N_STEPS - coupling.HEARD_STEPS, coupling.N_STEPS))
        assert passage.grid[0, :, :, 0].sum(1).max() == 1  # the recordings' line is of one voice


def test_the_likelihood_of_the_audio_reaches_the_composers_weights(passages: coupling.Passages, renderer: WaveNet) -> None:
    torch.manual_seed(1)
    composer = Biaxial(coupling.SIZES)
    done = []
    trained = coupling.train(
        composer, renderer, passages, 2, notes=False, audio=True, seed=0, advance=lambda n=1.0: done.append(n)
    )  # fmt: skip
    assert len(done) == 2
    before, after = composer.state_dict(), trained.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert all(weight.grad is None for weight in renderer.parameters())


def test_a_renderer_whose_audio_hangs_on_the_notes_tells_which_sound(passages: coupling.Passages, renderer: WaveNet) -> None:
    """With a likelihood that is least for the true roll, the gradient is right everywhere; with its opposite, wrong everywhere."""
    composer = Biaxial(coupling.SIZES)
    shown = passages.spread(3)

    def told(sign: float) -> Callable[[WaveNet, coupling.Passage, torch.Tensor], torch.Tensor]:
        def nll(renderer: WaveNet, passage: coupling.Passage, roll: torch.Tensor) -> torch.Tensor:
            return sign * ((1 - 2 * passage.grid[0, ..., 0]) * roll).sum()

        return nll

    for sign, expected in ((1.0, 1.0), (-1.0, 0.0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(coupling, "audio_nll", told(sign))
            assert coupling.direction(composer, renderer, shown, 0) == (expected, expected)


def test_composers_are_measured_on_notes_and_on_audio(passages: coupling.Passages, renderer: WaveNet) -> None:
    torch.manual_seed(1)
    composer = Biaxial(coupling.SIZES)
    better = coupling.train(composer, renderer, passages, 30, notes=True, audio=False, seed=0, advance=lambda n=1.0: None)
    shown = passages.spread(3)
    first, second = (coupling.measure(each.eval(), renderer, shown, 0) for each in (composer, better))
    assert second.notes < first.notes
    assert 0 < second.audio < 20
