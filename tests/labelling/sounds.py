"""Instruments made of sums of partials, for tests: what is played is known exactly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.score import Note

RATE = 16000


def played(notes: Sequence[Note], *, seconds: float | None = None, decay: float = 1.5, noise: float = 3e-4) -> Waveform:
    """``notes`` with eight partials each, an attack of 10 ms, and a release of 50 ms; louder where the velocity is."""
    end_s = max(note.offset_s for note in notes) + 0.3 if seconds is None else seconds
    samples = np.random.default_rng(0).standard_normal(round(end_s * RATE)) * noise
    for note in notes:
        first = round(note.onset_s * RATE)
        tone = tone_of(note.pitch, note.duration_s + 0.05, decay) * note.velocity / 127 * 0.2
        tone = tone[: len(samples) - first]
        samples[first : first + len(tone)] += tone
    return Waveform(np.clip(samples, -1, 1).astype(np.float32), RATE)


def tone_of(pitch: float, seconds: float, decay: float) -> np.ndarray:
    time_s = np.arange(round(seconds * RATE)) / RATE
    hz = 440 * 2 ** ((pitch - 69) / 12)
    partials = [np.sin(2 * np.pi * h * hz * time_s) / h for h in range(1, 9) if h * hz < 0.48 * RATE]
    shape = np.minimum(time_s / 0.01, 1) * np.exp(-decay * time_s) * np.minimum((seconds - time_s) / 0.05, 1)
    return np.sum(partials, axis=0) * shape


def line(pitches: Sequence[int], seconds: float = 0.4, share: float = 0.9, velocity: int = 90) -> tuple[Note, ...]:
    """One note after the other, each for ``share`` of its ``seconds``, from 0.2 s on."""
    return tuple(
        Note(0.2 + i * seconds, 0.2 + (i + share) * seconds, pitch, velocity) for i, pitch in enumerate(pitches)
    )
