"""Tempo and beats of notes that people play: early, late, and faster or slower as they go."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrion.labelling.beats import beats_of, tempo_of
from orchestrion.score import BUILTIN_TUNES, Note

TUNES = ("ode-to-joy", "happy-birthday", "twinkle-twinkle", "frere-jacques", "minuet-in-g")


def quarters(name: str) -> list[tuple[float, float, int]]:
    """Onset, end and pitch of the melody's notes in quarters."""
    score = BUILTIN_TUNES[name]
    scale = score.tempos[0].bpm / 60
    return [(n.onset_s * scale, n.offset_s * scale, n.pitch) for n in score.parts[0].notes]


def as_played(name: str, bpm: float, *, jitter_s: float = 0.0, wander: float = 0.0, start_s: float = 0.0, seed: int = 0) -> tuple[Note, ...]:
    """The tune at ``bpm``, each onset off by ``jitter_s`` and the tempo by ``wander`` (log) more at every note."""
    rng = np.random.default_rng(seed)
    notes = quarters(name)
    onsets = np.array([onset for onset, _, _ in notes])
    pace = 60 / bpm * np.exp(np.cumsum(rng.normal(0, wander, len(notes))))
    played_s = start_s + np.concatenate([[0.0], np.cumsum(np.diff(onsets) * pace[1:])]) + np.maximum(rng.normal(0, jitter_s, len(notes)), -start_s)
    return tuple(
        Note(float(at_s), float(at_s + 0.85 * (end - onset) * 60 / bpm), pitch, 80)
        for at_s, (onset, end, pitch) in zip(played_s, notes, strict=True)
    )


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("bpm", [78.0, 96.0, 131.0])
def test_the_tempo_is_that_of_the_tune(name: str, bpm: float) -> None:
    found = tempo_of(as_played(name, bpm, jitter_s=0.015, start_s=0.7))
    assert found is not None and min(abs(found / (k * bpm) - 1) for k in (0.5, 1, 2)) < 0.03


def test_beats_of_three_parts() -> None:
    notes = tuple(Note(i * 0.25, i * 0.25 + 0.2, 60, 80) for i in range(36) if i % 6 != 1)
    found = tempo_of(notes, ternary=True)
    assert found == pytest.approx(80, rel=0.02)  # three eighths of 0.25 s


def test_too_few_notes_have_no_tempo() -> None:
    assert tempo_of([Note(i * 0.5, i * 0.5 + 0.4, 60, 80) for i in range(3)]) is None


@pytest.mark.parametrize("name", TUNES)
def test_beats_follow_a_tempo_that_wanders(name: str) -> None:
    notes = as_played(name, 100.0, jitter_s=0.01, wander=0.006, start_s=0.4)
    beats_s = beats_of(notes, 100.0)
    assert np.all(np.diff(beats_s) > 0) and beats_s[0] <= notes[0].onset_s + 0.1 and beats_s[-1] >= notes[-1].offset_s
    at = np.interp([n.onset_s for n in notes], beats_s, np.arange(len(beats_s)))
    steps = np.rint(np.diff(at) * 4) / 4
    true = np.diff([onset for onset, _, _ in quarters(name)])
    assert np.mean(np.abs(steps - true) < 0.13) > 0.95


def test_one_note_has_beats_around_it() -> None:
    beats_s = beats_of([Note(1.0, 3.0, 60, 80)], 60.0)
    assert beats_s[0] <= 1.0 + 1e-9 and beats_s[-1] >= 3.0 and len(beats_s) >= 3
