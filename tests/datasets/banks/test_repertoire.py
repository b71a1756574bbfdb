"""What is played: tunes performed, voices picked out, built-in tunes kept out, the same plan for the same seed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from orchestrion.datasets.banks import performing
from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND
from orchestrion.datasets.banks.instruments import INSTRUMENTS, soundfont_instrument
from orchestrion.datasets.banks.repertoire import opening, plan
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.errors import OrchestrionError
from orchestrion.score import BUILTIN_TUNES

CHORALE = ((0, 8, 72), (0, 4, 64), (4, 8, 62), (0, 8, 48), (8, 12, 71), (8, 12, 43))


def tune(name: str, seed: int, n_notes: int = 96) -> CorpusPiece:
    walk = 67 + np.clip(np.cumsum(np.random.default_rng(seed).integers(-3, 4, size=n_notes)), -7, 12)
    return CorpusPiece(name, tuple((4 * i, 4 * i + 4, int(pitch)) for i, pitch in enumerate(walk)))


TUNES = [tune(f"tune{i}", i) for i in range(12)]


def test_outer_voices_of_a_chorale():
    assert performing.skyline(CHORALE) == [(0, 8, 72), (8, 12, 71)]
    assert performing.ground(CHORALE) == [(0, 8, 48), (8, 12, 43)]


def test_a_performance_keeps_order_pitches_and_proportions():
    piece = tune("t", 1)
    played = performing.perform(piece.notes, 16, 1000.0, np.random.default_rng(0))
    assert [n.pitch for n in played] == [pitch for _, _, pitch in piece.notes]
    onsets = np.array([n.onset for n in played])
    beat = onsets[-1] / (len(onsets) - 1)
    assert np.abs(onsets - beat * np.arange(len(onsets))).max() <= 1.0
    assert 60 / performing.FASTEST_BPM <= beat / FRAMES_PER_SECOND <= 60 / performing.SLOWEST_BPM
    assert all(performing.QUIETEST <= n.velocity <= performing.LOUDEST for n in played)


def test_the_accompaniment_of_a_tonic_triad_is_the_tonic():
    melody = [(0, 4, 72), (4, 8, 76), (8, 12, 79), (12, 16, 72)]
    piece = CorpusPiece("t", tuple(melody))
    chords = {manner: performing.accompaniment(piece, melody, manner) for manner in performing.MANNERS}
    assert chords["bass"] == [(0, 8, 36), (8, 16, 36)]
    assert {pitch % 12 for _, _, pitch in chords["block"]} == {0, 4, 7}
    assert [pitch for _, _, pitch in chords["broken"][:4]] == [36, 43, 52, 43]
    in_g = CorpusPiece("t", tuple((a, b, p + 7) for a, b, p in melody), sharps=1)
    assert performing.accompaniment(in_g, list(in_g.notes), "bass")[0][2] % 12 == 7


@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_plans_stay_within_the_instrument(name):
    instrument = soundfont_instrument(name)
    pieces = plan(instrument, 4.0, 0, TUNES, TUNES)
    pitches = {n.pitch for piece in pieces for n in piece.notes}
    assert instrument.low <= min(pitches) and max(pitches) <= instrument.high
    for piece in pieces:
        table = piece.table
        assert table.n_frames < piece.n_frames
        assert table.onset_frame[0] >= 25


def test_exercises_alone_reach_every_pitch():
    violin = INSTRUMENTS["violin"]
    pieces = plan(violin, 45.0, 3, [], [])
    assert {n.pitch for piece in pieces for n in piece.notes} == set(range(violin.low, violin.high + 1))
    minutes = sum(piece.n_frames for piece in pieces) / FRAMES_PER_SECOND / 60
    assert 0.45 * 45 <= minutes < 0.45 * 45 + 1.1


def test_same_seed_same_plan_and_each_tune_once():
    first, second = (plan(INSTRUMENTS["violin"], 6.0, 4, TUNES, []) for _ in range(2))
    assert first == second
    assert first != plan(INSTRUMENTS["violin"], 6.0, 5, TUNES, [])
    melodies = [piece for piece in plan(INSTRUMENTS["violin"], 600.0, 4, TUNES, []) if piece.name.startswith("melody")]
    assert len(melodies) == len(TUNES)


def test_line_instruments_play_one_note_at_a_time():
    for piece in plan(INSTRUMENTS["flute"], 4.0, 0, TUNES, TUNES):
        assert all(a.offset <= b.onset for a, b in pairwise(piece.notes))


@pytest.mark.parametrize("name", sorted(BUILTIN_TUNES))
def test_built_in_tunes_are_kept_out(name):
    notes = [(4 * i, 4 * i + 4, note.pitch + 3) for i, note in enumerate(BUILTIN_TUNES[name].notes)]
    hidden = CorpusPiece("hidden", ((0, 4, 50), *((a + 4, b + 4, p) for a, b, p in notes)))
    openings = [opening([n.pitch for n in t.notes]) for t in BUILTIN_TUNES.values()]
    kept = plan(INSTRUMENTS["piano"], 5.0, 0, [hidden], [], openings)
    assert not [piece for piece in kept if piece.name.startswith("melody")]
    assert [piece for piece in plan(INSTRUMENTS["piano"], 5.0, 0, [hidden], []) if piece.name.startswith("melody")]


def test_unknown_instruments_are_named():
    with pytest.raises(OrchestrionError, match="violin"):
        soundfont_instrument("theremin")
