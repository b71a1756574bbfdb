import numpy as np
import pytest

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.form import (
    EXACT,
    NEW,
    UNTOLD,
    VARIED,
    checked_plans,
    drawn_plan,
    packed,
    plan_of,
    plan_of_sections,
    variations,
)
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import PianoRoll, Score
from orchestrion.values import sections
from tests.composer.models import TINY_BAR, TINY_FORM, random_model

PLANS = [[[NEW, 0], [NEW, 0], [EXACT, 2], [VARIED, 2]]]
RNG = np.random.default_rng(0)


def bars_of(score: Score, bar_steps: int = 16) -> list[bytes]:
    grid = PianoRoll.from_score(score).grid
    grid = np.pad(grid, ((0, -len(grid) % bar_steps), (0, 0), (0, 0)))
    return [grid[start : start + bar_steps].tobytes() for start in range(0, len(grid), bar_steps)]


def bar(pitches: list[int]) -> np.ndarray:
    """[8, 30, 2]: an attack a step."""
    rows = np.zeros((8, 30, 2))
    rows[np.arange(8), pitches] = 1
    return rows


def test_a_plan_is_read_off_a_piece() -> None:
    a, b = bar([1, 2, 3, 4, 5, 6, 7, 8]), bar([9, 9, 9, 9, 9, 9, 9, 9])
    like_a = bar([1, 2, 3, 4, 5, 6, 20, 21])
    plan = plan_of(np.concatenate([a, b, a, b, like_a, np.zeros_like(a)]), 8)
    assert plan.kinds.tolist() == [NEW, NEW, EXACT, EXACT, VARIED, NEW]
    assert plan.sources.tolist() == [-1, -1, 0, 1, 0, -1] or plan.sources.tolist() == [-1, -1, 0, 1, 2, -1]
    assert packed(plan)[2] == [EXACT, 2]


def test_sections_of_a_form() -> None:
    assert sections("A A' B A") == sections("AA’BA") == [("A", 0), ("A", 1), ("B", 0), ("A", 0)]
    plan = plan_of_sections("A A' B A", 8, RNG)
    assert plan.kinds.tolist()[:2] == [NEW, NEW] and plan.kinds[3] == VARIED and plan.kinds.tolist()[4:] == [NEW, NEW, EXACT, EXACT]
    assert plan.sources.tolist() == [-1, -1, 0, 1, -1, -1, 0, 1]
    assert plan.ends == {1, 3, 5, 7} and plan.copied == {6, 7} and plan.final == {1, 7}


@pytest.mark.parametrize(("text", "message"), [("", "not a form"), ("aab", "not a form"), ("A*B", "not a form"), ("AB" * 40, "longer")])
def test_other_forms_are_one_sentence(text: str, message: str) -> None:
    with pytest.raises(OrchestrionError, match=message):
        sections(text)


def test_bars_that_cannot_be_divided() -> None:
    with pytest.raises(OrchestrionError, match="ask for 6 or 9"):
        plan_of_sections("ABA", 7, RNG)


def test_plans_of_a_file_are_checked() -> None:
    assert checked_plans(PLANS) == PLANS
    for damaged in (None, [], [[]], [[[9, 0]]], [[[NEW, 5]]], [[[NEW, "0"]]], [["x"]]):
        with pytest.raises(OrchestrionError):
            checked_plans(damaged)


def test_a_drawn_plan_goes_on_and_refers_to_bars_that_are_there() -> None:
    for n_bars in (1, 3, 4, 6, 11):
        plan = drawn_plan(PLANS, n_bars, RNG)
        assert plan.n_bars == n_bars and n_bars - 1 in plan.ends
        assert (plan.sources < np.arange(n_bars)).all()
        assert plan.copied == {bar for bar in range(n_bars) if plan.kinds[bar] == EXACT}


@pytest.mark.parametrize("config", [TINY_BAR, TINY_FORM], ids=["untold", "told"])
def test_exact_repeats_of_a_drawn_plan_are_repeats(config) -> None:
    composer = Composer(random_model(config), {"defaults": {"polyphony": 1, "plans": PLANS}})
    first, _, third, _ = bars_of(compose(composer, Composing(bars=4, seed=4))[0])
    assert first == third


def test_variations_refer_to_the_theme() -> None:
    plan = variations(4, 2)
    assert plan.kinds.tolist() == [UNTOLD] * 4 + [VARIED] * 8 and plan.sources.tolist()[4:] == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("config", [TINY_BAR, TINY_FORM], ids=["untold", "told"])
def test_exact_sections_repeat_and_others_do_not(config) -> None:
    composer = Composer(random_model(config), {"defaults": {"polyphony": 1}})
    a1, a2, b1, b2, *again = bars_of(compose(composer, Composing(form="ABA", bars=6, seed=4))[0])
    assert again == [a1, a2] and len({a1, a2, b1, b2}) == 4


def test_notes_that_went_on_into_a_repeated_bar_begin_in_its_repeat() -> None:
    model = random_model(TINY_BAR, bias=0.0)
    model.out.bias.data[1] = -8.0  # long notes, over bar lines
    plans = [[[NEW, 0], [NEW, 0], [NEW, 0], [EXACT, 2]]]
    composer = Composer(model, {"defaults": {"polyphony": 1, "plans": plans}})
    for seed in range(8):
        grid = PianoRoll.from_score(compose(composer, Composing(bars=4, seed=seed))[0]).grid[..., 0]
        np.testing.assert_array_equal(grid[16:32], np.pad(grid, ((0, 64 - len(grid)), (0, 0)))[48:])


def test_a_varied_section_keeps_strong_notes_and_changes_others() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 1}})
    score = compose(composer, Composing(form="A A'", bars=8, seed=1))[0]
    bars, grid = bars_of(score), PianoRoll.from_score(score).grid
    assert bars[:4] != bars[4:] and bars[3] != bars[7]
    grid = np.pad(grid, ((0, -len(grid) % 16), (0, 0), (0, 0)))
    for step in range(0, 64, 8):
        attacks = grid[step, :, 1]
        assert (grid[64 + step, attacks, 0]).all()


def test_pieces_end_on_the_tonic_on_a_strong_beat() -> None:
    composer = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 1, "plans": PLANS}})
    for score in compose(composer, Composing(key="D major", bars=4, count=12, seed=2)):
        last = score.notes[-1]
        assert last.pitch % 12 == 2
    free = compose(composer, Composing(key="D major", bars=4, count=12, seed=2, form="free"))
    assert not all(score.notes[-1].pitch % 12 == 2 for score in free)


def test_forms_that_were_not_learnt_and_contradictions_are_one_sentence() -> None:
    composer = Composer(random_model(TINY_BAR), {})
    with pytest.raises(OrchestrionError, match="learnt no forms"):
        compose(composer, Composing(form="auto"))
    with pytest.raises(OrchestrionError, match="cannot be divided"):
        compose(composer, Composing(form="ABA", bars=8))
    with pytest.raises(OrchestrionError, match="form or variations"):
        Composing(form="AB", variations=2, prime="ode-to-joy")
    for wishes in ({}, {"prime": "ode-to-joy", "bars": 4}, {"prime": "ode-to-joy", "seconds": 4}):
        with pytest.raises(OrchestrionError, match="give a prime, and no length"):
            Composing(variations=2, **wishes)
    with pytest.raises(OrchestrionError, match="no note to vary"):
        compose(composer, Composing(variations=2, prime=Score(())))
