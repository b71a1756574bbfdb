"""What is given is in the result to the last digit, and nothing else sounds there."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.voices import CHOIR
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.score import Meter, Note, Part, PianoRoll, Score, Tempo
from tests.composer.models import TINY_BAR, TINY_FORM, random_model

FOUR = {"defaults": {"polyphony": 4, "voices": 4}}
COMPOSERS = [Composer(random_model(config), FOUR) for config in (TINY_BAR, TINY_FORM)]
BAR_S = 2.0

# Notes anywhere in eight bars of 2 s, off the grid as people play them.
notes = st.builds(
    lambda onset, length, pitch, velocity: Note(onset, onset + length, pitch, velocity),
    st.floats(0, 15.9), st.floats(0.05, 1.5), st.integers(58, 78), st.integers(1, 127),
)  # fmt: skip
scores = st.lists(notes, min_size=1, max_size=30).map(
    lambda found: Score((Part("tune", 3, tuple(found)), Part("end", 1, (Note(15.0, 15.9, 60, 5),))))
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scores, st.integers(1, 8), st.integers(0, 3), st.sampled_from(COMPOSERS))
def test_every_kept_note_is_in_the_result_and_nothing_else_sounds_in_kept_bars(score: Score, first: int, more: int, composer: Composer) -> None:
    last = min(8, first + more)
    made = compose(composer, Composing(keep=score, fill=((first, last),), seed=1))[0]
    begin_s, end_s = (first - 1) * BAR_S, last * BAR_S
    step_s = BAR_S / 16

    def is_kept(note: Note) -> bool:
        onset = np.floor(note.onset_s / step_s + 0.5) * step_s
        return not begin_s <= onset < end_s

    for before, after in zip(score.parts, made.parts, strict=True):
        assert (before.name, before.program) == (after.name, after.program)
        kept = [note for note in before.notes if is_kept(note)]
        written = list(after.notes)
        for note in kept:
            written.remove(note)
        assert all(begin_s - 1e-9 <= note.onset_s and note.offset_s <= end_s + 1e-9 for note in written)
    assert made.tempos == score.tempos and made.meters == score.meters


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(62, 74), st.integers(1, 6)), min_size=2, max_size=16), st.sampled_from(["melody", "bass"]), st.sampled_from(COMPOSERS))
def test_a_harmonised_line_stays_as_it_is_and_is_the_outermost(line: list[tuple[int, int]], which: str, composer: Composer) -> None:
    step_s, at, found = 60 / 90 / 4, 0, []
    for pitch, length in line:
        found.append(Note(at * step_s, (at + length) * step_s, pitch, 70))
        at += length
    tune = Score((Part("sung", 0, tuple(found)),), (Tempo(0.0, 90.0),), (Meter(0.0, 3, 4),))
    made = compose(composer, Composing(**{which: tune}, seed=2))[0]
    assert [part.name for part in made.parts] == list(CHOIR.names) and made.tempos == tune.tempos
    mine = made.parts[0 if which == "melody" else 3]
    assert mine.notes == tune.parts[0].notes
    for other in made.parts:
        for note in other.notes:
            for held in found:
                if note.onset_s < held.offset_s - 1e-6 and held.onset_s < note.offset_s - 1e-6:
                    assert note.pitch <= held.pitch if which == "melody" else note.pitch >= held.pitch


def test_a_pickup_is_bar_0_and_keeps_its_place() -> None:
    pickup = Part("tune", 0, tuple(Note(i * 0.5, (i + 1) * 0.5, 60 + i, 80) for i in range(13)))
    tune = Score((pickup,), (Tempo(0.0, 120.0),), (Meter(0.0, 1, 4), Meter(0.5, 4, 4)))
    made = compose(COMPOSERS[0], Composing(keep=tune, fill="2"))[0]
    kept = [note for note in pickup.notes if not 2.5 <= note.onset_s < 4.5]
    assert set(kept) <= set(made.parts[0].notes) and made.meters == tune.meters
    assert all(2.5 <= note.onset_s < 4.5 for note in set(made.parts[0].notes) - set(kept))


def test_drums_stay_and_a_score_of_notes_out_of_reach_is_refused() -> None:
    drums = Part("drums", 0, (Note(0, 1, 36, 90),), is_drum=True)
    tune = Part("tune", 0, (Note(0, 2, 60, 80), Note(2, 6, 62, 80), Note(6, 8, 64, 80)))
    made = compose(COMPOSERS[0], Composing(keep=Score((drums, tune)), fill="2-3"))[0]
    assert made.parts[0] == drums
    high = Score((Part("tune", 0, (Note(0, 2, 60, 80), Note(0, 2, 120, 80))),))
    with pytest.raises(OrchestrionError, match="outside the model's"):
        compose(COMPOSERS[0], Composing(prime=high))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"keep": "ode-to-joy"}, "give both"),
        ({"fill": "5-8"}, "give both"),
        ({"keep": "ode-to-joy", "fill": "8-5"}, "from the first to the last"),
        ({"keep": "ode-to-joy", "fill": "many"}, "no bars"),
        ({"keep": "ode-to-joy", "fill": "5", "prime": "ode-to-joy"}, "not both"),
        ({"melody": "ode-to-joy", "bars": 4}, "follows from the given score"),
        ({"chords": "| H |"}, "not a chord"),
        ({"chords": "| C || G |"}, "bar by bar"),
    ],
)
def test_contradictions_are_one_sentence(wishes: dict, message: str) -> None:
    with pytest.raises(OrchestrionError, match=message) as error:
        Composing(**wishes)
    assert "\n" not in str(error.value)


def test_bars_that_are_not_there_changing_meters_and_one_part_are_refused() -> None:
    tune = Score((Part("tune", 0, (Note(0, 4, 60, 80),)),))
    with pytest.raises(OrchestrionError, match="has the bars 1 to 2"):
        compose(COMPOSERS[0], Composing(keep=tune, fill="3"))
    with pytest.raises(OrchestrionError, match="changes its meter"):
        compose(COMPOSERS[0], Composing(keep=replace(tune, meters=(Meter(0.0, 4, 4), Meter(2.0, 3, 4))), fill="1"))
    with pytest.raises(OrchestrionError, match="writes one part"):
        compose(Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 1}}), Composing(melody=tune))


def test_chords_hold_on_every_beat() -> None:
    free = Composer(random_model(TINY_BAR), {"defaults": {"polyphony": 3}})
    grid = PianoRoll.from_score(compose(free, Composing(chords="| C | F G7 |", seed=5))[0]).grid[..., 0]
    expected = {0: {0, 4, 7}, 16: {0, 5, 9}, 24: {2, 5, 7, 11}}
    assert grid.any(axis=1).sum() > 16
    for step in range(0, len(grid), 4):
        classes = set((np.flatnonzero(grid[step]) % 12).tolist())
        assert classes <= expected[max(begin for begin in expected if begin <= step)]


def test_seconds_are_those_of_the_whole() -> None:
    prime = Score((Part("tune", 0, (Note(0, 4, 60, 80),)),))  # two bars
    made = compose(COMPOSERS[0], Composing(prime=prime, seconds=8))[0]
    assert 4 < made.duration_s <= 8
    with pytest.raises(OrchestrionError, match="longer than 3 s"):
        compose(COMPOSERS[0], Composing(prime=prime, seconds=3))
