"""Notes in seconds to bars: as played, and on a grid."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.labelling.bars import Barred, in_bars
from orchestrion.options import GRIDS, Transcribing
from orchestrion.score import Note, Part
from orchestrion.score.tempomap import TempoMap
from tests.labelling.test_beats import TUNES, as_played, quarters


def barred(notes: tuple[Note, ...], **wishes: object) -> Barred:
    return in_bars(Part("melody", 0, notes), Transcribing.of(**wishes), is_melody=True)


@pytest.mark.parametrize("name", TUNES)
def test_on_the_grid_a_wandering_performance_is_the_tune(name: str) -> None:
    meter = {"happy-birthday": (3, 4), "minuet-in-g": (3, 4)}.get(name, (4, 4))
    found = barred(as_played(name, 92.0, jitter_s=0.01, wander=0.004, start_s=0.5), meter=meter, quantize="1/16")
    (tempo,) = found.score.tempos
    scale = tempo.bpm / 60
    onsets = np.array([note.onset_s * scale for note in found.score.notes])
    true = np.array([onset for onset, _, _ in quarters(name)])
    factor = max((0.5, 1.0, 2.0), key=lambda k: np.mean(np.abs(onsets - true * k) < 0.01))
    assert np.mean(np.abs(np.diff(onsets) - factor * np.diff(true)) < 0.01) > 0.95
    assert found.bpm == tempo.bpm and min(abs(tempo.bpm / (k * 92) - 1) for k in (0.5, 1, 2)) < 0.06
    assert found.start_s == pytest.approx(0.5, abs=0.1)


def test_as_played_nothing_moves_and_the_bars_follow() -> None:
    notes = as_played("ode-to-joy", 100.0, jitter_s=0.005, wander=0.008, start_s=1.0)
    found = barred(notes)
    shift_s = notes[0].onset_s - found.score.notes[0].onset_s
    np.testing.assert_allclose([n.onset_s + shift_s for n in found.score.notes], [n.onset_s for n in notes], atol=1e-9)
    assert len(found.score.tempos) > 5
    at = TempoMap.from_tempos(found.score.tempos).to_beats(np.array([n.onset_s for n in found.score.notes]))
    true = np.array([onset for onset, _, _ in quarters("ode-to-joy")])
    assert np.abs(at - true).max() < 0.3  # without the tempos' changes: several beats in the end


def test_a_steady_performance_has_one_tempo() -> None:
    found = barred(as_played("ode-to-joy", 96.0, jitter_s=0.004, start_s=0.3))
    assert [tempo.bpm for tempo in found.score.tempos] == [pytest.approx(96.0, rel=0.005)]


def test_a_tempo_that_is_named_is_written() -> None:
    notes = as_played("ode-to-joy", 96.1, jitter_s=0.004)
    assert barred(notes, tempo=96.0, quantize="1/8").bpm == 96.0
    assert [tempo.bpm for tempo in barred(notes[:30], tempo=96.0).score.tempos] == [96.0]
    assert barred(notes, tempo=48.0, quantize="1/16").bpm == 48.0


def test_a_pickup_comes_before_the_first_bar_line() -> None:
    found = barred(as_played("happy-birthday", 90.0), tempo=90.0, meter=(3, 4), pickup=1, quantize="1/16")
    assert found.score.pickup_quarters == pytest.approx(1.0) and found.score.meter.numerator == 3
    assert found.score.meters[1].time_s == pytest.approx(60 / 90)
    compound = barred(as_played("ode-to-joy", 90.0), tempo=90.0, meter=(6, 8), pickup=1, quantize="1/16")
    assert compound.score.pickup_quarters == pytest.approx(1.5)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"quantize": "1/5"}, "choose one of none, 1/4"),
        ({"tempo": 5.0}, "number from 10 up to 1000, not 5"),
        ({"tempo": float("nan")}, "number from 10"),
        ({"meter": (3, 5)}, "meter of 3/5 is impossible"),
        ({"pickup": 4}, "pickup of 4 beats does not fit a bar of 4/4"),
        ({"pickup": -1}, "whole number from 0"),
    ],
)
def test_what_is_not_possible_is_one_sentence(options: dict[str, object], says: str) -> None:
    with pytest.raises(OrchestrionError, match=says):
        barred(as_played("ode-to-joy", 90.0), **options)


times = st.floats(0, 20, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(times, st.floats(0.01, 3), st.integers(40, 44)), min_size=1, max_size=30),
    st.sampled_from([None, *GRIDS]),
    st.booleans(),
)
def test_no_note_vanishes(notes: list[tuple[float, float, int]], grid: str | None, is_melody: bool) -> None:
    part = Part("", 0, tuple(Note(on, on + length, pitch, 64) for on, length, pitch in notes))
    found = in_bars(part, Transcribing(quantize=grid), is_melody=is_melody).score.notes
    assert sorted(n.pitch for n in found) == sorted(n.pitch for n in part.notes)
    if grid is not None and is_melody:
        assert all(a.offset_s <= b.onset_s + 1e-9 for a, b in pairwise(found))
