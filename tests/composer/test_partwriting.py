"""Rules of four-part writing, on chords made by hand (soprano, alto, tenor, bass), and that what is written keeps them."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import numpy as np
import pytest

from orchestrion.composer.compose import compose
from orchestrion.composer.partwriting import FIFTH, OCTAVE, Moment, acceptance, is_consonant, n_parallels, n_unresolved
from orchestrion.composer.voices import CHOIR, QUARTET, SILENT, FourParts, assigned
from orchestrion.evaluation.composition import voice_leading
from orchestrion.options import Composing
from orchestrion.score import PianoRoll, Score

C = [72, 67, 64, 48]
G7 = [71, 67, 65, 43]
OFF, BEAT = Moment(on_beat=False), Moment(on_beat=True)


@pytest.mark.parametrize(
    ("now", "before", "rules"),
    [
        ([74, 69, 66, 50], C, ["octaves", "fifths"]),  # all parts a tone up
        ([72, 69, 60, 50], [72, 67, 64, 48], ["fifths"]),  # alto and bass, a fifth apart both times
        ([74, 67, 60, 50], [72, 67, 64, 48], ["octaves"]),
        ([72, 67, 64, 64], [72, 67, 64, 48], ["leap"]),
        ([84, 67, 64, 48], [77, 67, 64, 48], ["range"]),
    ],
)
@pytest.mark.parametrize("ensemble", [CHOIR, QUARTET])
def test_rules_by_hand(now: list[int], before: list[int], rules: list[str], ensemble: FourParts) -> None:
    inside = replace(ensemble, ranges=CHOIR.ranges)
    assert acceptance(now, before, OFF, inside) == pytest.approx(prod(ensemble.accepted.get(rule, 1.0) for rule in rules))


def test_what_holds_and_what_moves_well_is_taken() -> None:
    assert acceptance(C, C, BEAT) == 1.0
    assert acceptance(C, [SILENT] * 4, BEAT) == 1.0
    assert acceptance([71, 67, 62, 43], C, BEAT) == 1.0
    assert acceptance([SILENT] * 4, C, BEAT) == 1.0


def test_leading_notes_rise_where_the_bass_reaches_the_tonic() -> None:
    assert n_unresolved([72, 67, 64, 48], G7, 0) == 0
    assert n_unresolved([67, 67, 64, 48], G7, 0) == 1
    assert n_unresolved([67, 67, 64, 48], G7, None) == n_unresolved([67, 67, 64, 45], G7, 0) == 0


def test_fifths_that_stand_or_are_shared_are_no_parallels() -> None:
    for interval in (FIFTH, OCTAVE):
        assert n_parallels([67, 67, 60, 60], [69, 69, 60, 60], interval) == 0
        assert n_parallels(C, C, interval) == 0


def test_dissonances_are_rarer_on_beats_and_the_end_is_the_tonics_triad() -> None:
    assert not is_consonant([72, 67, 65, 48]) and is_consonant(C)
    fourth = [72, 67, 65, 48]
    assert acceptance(fourth, fourth, BEAT) == CHOIR.accepted["dissonance"] and acceptance(fourth, fourth, OFF) == 1.0
    end = Moment(on_beat=True, ends=True, tonic=0)
    assert acceptance(C, C, end) == 1.0
    assert acceptance([72, 69, 65, 53], C, end) < 1e-5 and acceptance([SILENT] * 4, C, end) < 1e-5
    assert acceptance(C, C, Moment(on_beat=False, ends=True, tonic=0)) < 1e-5
    assert acceptance(C, C, Moment(on_beat=False, ends=True, tonic=0), attacks=False) == 1.0


@pytest.mark.parametrize("key", ["C major", "F# major"])
def test_what_is_written_keeps_within_the_parts_and_seldom_moves_in_parallels(key: str) -> None:
    score = compose("chorales", Composing(key=key, bars=4, seed=1))[0]
    lines = assigned(PianoRoll.from_score(score).grid, 0)
    low, high = np.array(CHOIR.ranges).T
    sounding = lines != SILENT
    assert (((lines >= low) & (lines <= high)) | ~sounding).mean() > 0.97
    assert voice_leading.parallels(lines, 7) + voice_leading.parallels(lines, 0) < 6
    assert [part.name for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]


def test_what_the_quartet_plays_lies_in_its_players_ranges_and_ends_on_the_tonic() -> None:
    score = compose("quartets", Composing(key="D major", bars=4, meter=(3, 4), seed=1))[0]
    assert [part.name for part in score.parts] == list(QUARTET.names)
    for part, (low, high) in zip(score.parts, QUARTET.ranges, strict=True):
        assert all(low <= note.pitch <= high for note in part.notes), part.name
        assert all(one.offset_s <= two.onset_s + 1e-9 for one, two in pairwise(sorted(part.notes, key=lambda note: note.onset_s)))
    last = [note.pitch for note in score.notes if note.offset_s == score.duration_s]
    assert min(last) % 12 == 2


def test_a_quartet_plays_beneath_a_given_melody() -> None:
    score = compose("quartets", Composing(melody="ode-to-joy", seed=2))[0]
    melody = Score.read("ode-to-joy")
    assert [(note.onset_s, note.pitch) for note in score.parts[0].notes] == [(note.onset_s, note.pitch) for note in melody.notes]
    assert all(part.notes for part in score.parts)
