"""Synthetic recordings of an instrument whose partials are known exactly."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.score import Note

RATE = 24000
INHARMONICITY, CENTS = 4e-4, 6.0
SLOPE_DB = 0.4  # a unit of velocity
RELEASE_DB_S = 90.0


def struck(notes: list[Note], seconds: float, *, noise: float = 1e-4) -> np.ndarray:
    """Twelve stretched partials a note, .1 / k at velocity 64, falling by 15 + 3k dB a second and by 90 more once released."""
    rng = np.random.default_rng(1)
    x = noise * rng.standard_normal(round(seconds * RATE))
    for note in notes:
        begin = round(note.onset_s * RATE)
        t = np.arange(min(len(x) - begin, round((note.duration_s + 0.6) * RATE))) / RATE
        f1 = 440 * 2 ** ((note.pitch - 69 + CENTS / 100) / 12)
        fallen = RELEASE_DB_S * np.maximum(t - note.duration_s, 0)
        for k in range(1, 13):
            hz = k * f1 * np.sqrt((1 + INHARMONICITY * k * k) / (1 + INHARMONICITY))
            if hz < 0.45 * RATE:
                db = SLOPE_DB * (min(note.velocity, 64) - 64) - (15 + 3 * k) * t - fallen
                x[begin : begin + len(t)] += 0.1 / k * 10 ** (db / 20) * np.cos(2 * np.pi * hz * t + rng.uniform(0, 6)) * np.minimum(t / 0.002, 1)
    return x.astype(np.float32)


def bowed(notes: list[Note], seconds: float, *, cents: float = 20.0, rate_hz: float = 5.5) -> np.ndarray:
    """Eight harmonic partials a note along a vibrato."""
    x = np.zeros(round(seconds * RATE))
    for i, note in enumerate(notes):
        begin = round(note.onset_s * RATE)
        t = np.arange(min(len(x) - begin, round(note.duration_s * RATE))) / RATE
        contour = (15 * (-1) ** i + cents * np.sin(2 * np.pi * rate_hz * t)) / 1200
        phase = 2 * np.pi * np.cumsum(440 * 2 ** ((note.pitch - 69) / 12 + contour)) / RATE
        shape = np.minimum(t / 0.04, 1.0) * np.minimum((t[-1] - t) / 0.04, 1.0)
        x[begin : begin + len(t)] += shape * sum(0.12 / k * np.cos(k * phase + k) for k in range(1, 9))
    return x.astype(np.float32)


def chords(seconds: float, seed: int) -> list[Note]:
    """One to three notes of a scale at a time, .2 to .8 s, velocities 30 to 64."""
    rng, notes, now = np.random.default_rng(seed), [], 0.1
    scale = np.array([48, 50, 52, 53, 55, 57, 59, 60, 62, 64, 65, 67, 69, 71, 72])
    while now < seconds - 1.5:
        length = float(rng.uniform(0.2, 0.8))
        notes += [Note(now, now + 0.95 * length, int(p), int(rng.integers(30, 65))) for p in rng.choice(scale, int(rng.integers(1, 4)), replace=False)]
        now += length
    return sorted(notes)


def line(seconds: float, seed: int) -> list[Note]:
    """A melody, .5 to .9 s a note."""
    rng, notes, now = np.random.default_rng(seed), [], 0.1
    while now < seconds - 1.2:
        length = float(rng.uniform(0.5, 0.9))
        notes.append(Note(now, now + 0.95 * length, int(rng.integers(60, 82)), 80))
        now += length
    return notes


def write_set(folder: Path, make=struck, scores=chords, seconds: float = 16.0, **facts: object) -> Path:
    """Two pieces to train on and one held out."""
    folder.mkdir(parents=True)
    for number, name in enumerate(("one", "two", "held")):
        notes = scores(seconds, number)
        Waveform(make(notes, seconds), RATE).write(folder / f"{name}.wav")
        write_notes(folder / f"{name}.tsv", notes)
    (folder / "splits.json").write_text(json.dumps({"train": ["one", "two"], "validation": ["held"]}))
    (folder / "dataset.json").write_text(json.dumps({"licence": "CC0 1.0"} | facts))
    return folder
