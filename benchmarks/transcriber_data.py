"""Audio for fitting the transcriber: random notes on many General MIDI instruments, as if from many rooms.

No piece of music is among them. Lines, repeated notes, textures and block chords are drawn at random and played by
FluidSynth. Some have ghosts: quiet short notes between the others, and notes struck twice, which the transcriber must
hear. Every recording comes clean and in two disguises: coloured, low-passed, overdriven, put in a room, quantised,
detuned, covered with noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr
from scipy.signal import butter, fftconvolve, firwin2, lfilter, sosfilt

from orchestrion.datasets.banks.fluidsynth import synthesise
from orchestrion.score import Note, Part, Score
from orchestrion.score.keys import MAJOR

RATE = 16000
DURATION_S = 24.0
START_S = 0.3
# Program: lowest and highest pitch, of instruments that play single lines here.
RANGES = {
    40: (55, 98), 41: (48, 88), 42: (36, 76), 43: (28, 60), 73: (60, 96), 71: (50, 91), 68: (58, 88), 56: (54, 84),
    60: (40, 77), 65: (50, 84), 74: (60, 96), 75: (60, 90), 24: (40, 80), 46: (30, 96), 19: (36, 96), 11: (53, 88),
    6: (30, 88), 52: (48, 80), 0: (36, 96),
}  # fmt: skip
LINES = [40] * 8 + [42] * 8 + [73] * 6 + [41, 43, 71, 68, 56, 60, 65, 74, 75, 24, 46, 19, 11, 6, 0, 0, 0, 52]
REPEATS = [40] * 7 + [42] * 8 + [73] * 7 + [71, 56, 68, 19, 0, 0]
TEXTURES = [0] * 30 + [1, 1, 2, 4, 6, 24, 24, 46, 46, 48, 19, 11, 40, 42]
CHORDS = [0] * 14 + [1, 2, 4, 6, 24, 24, 24, 25, 46, 46, 48, 48, 11, 40, 42, 73]
GHOSTLY = [0] * 10 + [24, 40, 40, 42, 42, 73, 73, 71, 46, 4]
RECORDINGS_A_SCORE = 3  # one clean, the others in disguise


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """``samples`` float32 [t] at 16 kHz and rows ``(onset_s, pitch)`` of the notes in it [n, 2]."""

    samples: np.ndarray
    notes: np.ndarray


def recordings(rng: np.random.Generator) -> Iterator[Recording]:
    """Every score clean and in disguise; then noise without notes."""
    kinds = ((_line, LINES), (_repeats, REPEATS), (_texture, TEXTURES), (_block_chords, CHORDS), (_ghostly, GHOSTLY))
    for draw, program in [(draw, program) for draw, programs in kinds for program in programs]:
        low, high = RANGES.get(program, (36, 96))
        score = Score((Part("", program, tuple(draw(low, high, rng))),))
        clean = Recording(
            synthesise(score, program, 0.2).samples, np.array([(n.onset_s, n.pitch) for n in score.notes])
        )
        yield clean
        for _ in range(RECORDINGS_A_SCORE - 1):
            yield disguised(clean, rng)
    for index in range(10):
        yield Recording(_noise(index, rng), np.zeros((0, 2)))


def disguised(clean: Recording, rng: np.random.Generator) -> Recording:
    """The recording through random colour, low-pass, overdrive, room, 8-bit quantisation, noise, and detuned by up to 10 cents."""
    samples, notes = clean.samples.astype(np.float64), clean.notes
    if rng.random() < 0.6:
        gains_db = np.interp(np.linspace(0, 1, 65), np.sort([0, *rng.random(4), 1]), rng.normal(0, 5, 6))
        samples = fftconvolve(samples, firwin2(129, np.linspace(0, 1, 65), 10 ** (gains_db / 20)), "same")
    if rng.random() < 0.25:
        samples = sosfilt(butter(int(rng.integers(1, 7)), 300 * 10 ** rng.uniform(0, 1), output="sos", fs=RATE), samples)
    if rng.random() < 0.15:
        samples = np.tanh(samples / np.abs(samples).max() * rng.uniform(2, 20))
    if rng.random() < 0.5:
        samples = fftconvolve(samples, _room(rng))[: len(samples)]
    samples *= rng.uniform(0.2, 0.9) / np.abs(samples).max()
    if rng.random() < 0.5:
        samples = _mulaw(samples)
    if rng.random() < 0.7:
        hiss = rng.normal(size=len(samples))
        hiss = lfilter([0.3], [1, -0.95], hiss) if rng.random() < 0.5 else hiss
        samples = samples + hiss * 10 ** rng.uniform(-4.5, -1.5)
    if rng.random() < 0.5:
        faster = 2 ** (rng.uniform(-10, 10) / 1200)
        samples, notes = soxr.resample(samples, RATE, RATE / faster), notes / np.array([faster, 1.0])
    return Recording(samples.astype(np.float32), notes)


def _line(low: int, high: int, rng: np.random.Generator) -> list[Note]:
    steps = (0, 0, 0, 1, -1, 2, -2, 3, -3, 4, -4, 5, 7, -7, 12, -12)
    base = rng.choice([0.12, 0.2, 0.3, 0.5, 0.8])
    notes, now, pitch = [], START_S, int(rng.integers(low + 5, high - 5))
    while now < DURATION_S:
        length = max(base * rng.choice([1, 1, 1, 2, 3, 0.5]), 0.1)
        pitch = int(np.clip(pitch + rng.choice(steps), low, high))
        held = length * rng.choice([1, 1, 1, 0.95, 0.85, 0.6])
        notes.append(Note(now, now + held, pitch, int(rng.integers(35, 121))))
        now += length + (rng.uniform(0.2, 0.8) if rng.random() < 0.08 else 0)
    return notes


def _repeats(low: int, high: int, rng: np.random.Generator) -> list[Note]:
    """Tunes with many repeated notes, let go 0 to 60 ms early."""
    steps = (0, 0, 0, 0, 1, -1, 2, -2, 2, -2, 3, -3, 4, -4, 5, -5)
    base, gap_s = rng.choice([0.15, 0.25, 0.4, 0.5, 0.6]), rng.choice([0, 0.02, 0.04, 0.04, 0.06])
    notes, now, pitch = [], START_S, int(rng.integers(low + 5, high - 5))
    while now < DURATION_S:
        length = base * rng.choice([1, 1, 1, 2, 3])
        pitch = int(np.clip(pitch + rng.choice(steps), low, high))
        notes.append(Note(now, now + length - min(gap_s, 0.2 * length), pitch, int(rng.integers(70, 105))))
        now += length
    return notes


def _texture(low: int, high: int, rng: np.random.Generator) -> list[Note]:
    """Sections of chords and runs, some with octaves, some held on as by a pedal."""
    low, high = (max(low - 12, 21), min(high + 12, 108)) if (low, high) == RANGES[0] else (low, high)
    notes: list[Note] = []
    now = START_S
    while now < DURATION_S:
        end, base, voices = (
            now + rng.uniform(2, 6),
            rng.choice([0.1, 0.15, 0.2, 0.3, 0.45, 0.6]),
            rng.choice([1, 2, 3, 4, 6]),
        )
        velocity, is_pedalled = rng.integers(35, 111), rng.random() < 0.5
        centre, key = rng.uniform(low + 8, high - 8), rng.integers(12)
        while now < end:
            for pitch in _chord(int(rng.integers(1, voices + 1)), centre, int(key), low, high, rng):
                length = base * rng.choice([0.6, 0.9, 1, 2, 4]) + 0.05
                length = max(length, rng.uniform(0.5, 2.5)) if is_pedalled else length
                onset_s = now + abs(rng.normal(0, 0.008))
                loud = int(np.clip(velocity + rng.integers(-20, 21), 15, 127))
                notes.append(Note(onset_s, onset_s + length, pitch, loud))
            now += base * rng.choice([1, 1, 1, 2])
    return _released_before_repeats(notes)


def _block_chords(low: int, high: int, rng: np.random.Generator) -> list[Note]:
    """Chords of two to five voices that begin together and are held until the next, as in a chorale."""
    base, spread_s = rng.choice([0.25, 0.4, 0.6, 0.75, 1.0]), rng.choice([0.0, 0.0, 0.004, 0.015])
    held, velocity, now = rng.choice([0.5, 0.9, 0.97, 1.0]), int(rng.integers(40, 105)), START_S
    notes: list[Note] = []
    while now < DURATION_S:
        length = base * rng.choice([1, 1, 1, 2])
        pitch = int(rng.integers(low, min(low + 15, high - 12)))
        for _ in range(int(rng.integers(2, 6))):
            loud = int(np.clip(velocity + rng.integers(-12, 13), 15, 127))
            onset_s = now + abs(rng.normal(0, spread_s))
            if low <= pitch <= high:
                notes.append(Note(onset_s, onset_s + held * length, pitch, loud))
            pitch += int(rng.choice([3, 4, 5, 7, 7, 8, 9, 12, 12]))
        now += length
    return _released_before_repeats(notes)


def _ghostly(low: int, high: int, rng: np.random.Generator) -> list[Note]:
    """A line or texture with quiet short notes added, and some notes struck again after 60 to 250 ms."""
    draw = (_line, _repeats, _texture)[int(rng.integers(3))]
    share, quiet = rng.uniform(0.2, 1.0), rng.uniform(0.25, 0.9)
    added: list[Note] = []
    real = draw(low, high, rng)
    for note in real:
        if rng.random() < share:
            pitch = note.pitch + int(rng.choice([-12, -7, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 7, 12, 19, 0, 0]))
            onset_s = note.onset_s + rng.uniform(0.0, 1.0) * note.duration_s
            onset_s = max(onset_s, note.onset_s + 0.06) if pitch == note.pitch else onset_s
            loud = int(np.clip(note.velocity * quiet * rng.uniform(0.7, 1.3), 5, 127))
            if low <= pitch <= high:
                added.append(Note(onset_s, onset_s + rng.uniform(0.06, 0.5), pitch, loud))
    return _released_before_repeats(sorted([*real, *added]), 0.06)


def _chord(size: int, centre: float, key: int, low: int, high: int, rng: np.random.Generator) -> list[int]:
    pitches: set[int] = set()
    for _ in range(size):
        pitch = round(rng.normal(centre, 9))
        if pitches and rng.random() < 0.25:
            pitch = int(rng.choice(sorted(pitches))) + int(rng.choice([12, -12, 7, 4, 3, 24]))
        pitch = int(np.clip(pitch, low, high))
        if (pitch - key) % 12 in MAJOR or rng.random() < 0.1:
            pitches.add(pitch)
    return sorted(pitches)


def _released_before_repeats(notes: list[Note], fastest_s: float = 0.08) -> list[Note]:
    """Notes of one pitch that overlap are cut; repetitions faster than ``fastest_s`` are left out."""
    kept: list[Note] = []
    latest: dict[int, int] = {}
    for note in sorted(notes):
        index = latest.get(note.pitch)
        if index is not None:
            before = kept[index]
            if note.onset_s - before.onset_s < fastest_s:
                continue
            cut_s = min(before.offset_s, note.onset_s - 0.01)
            kept[index] = Note(before.onset_s, cut_s, before.pitch, before.velocity)
        latest[note.pitch] = len(kept)
        kept.append(note)
    return kept


def _room(rng: np.random.Generator) -> np.ndarray:
    length = int(rng.uniform(0.1, 1.2) * RATE)
    tail = rng.normal(size=length) * np.exp(-6.9 * np.arange(length) / length) * rng.uniform(0.005, 0.04)
    tail[0] = 1.0
    return tail


def _mulaw(samples: np.ndarray) -> np.ndarray:
    curved = np.sign(samples) * np.log1p(255 * np.abs(samples)) / np.log(256)
    stepped = np.floor((curved + 1) / 2 * 255 + 0.5) / 255 * 2 - 1
    return np.sign(stepped) * (256 ** np.abs(stepped) - 1) / 255


def _noise(index: int, rng: np.random.Generator) -> np.ndarray:
    """White, brown and low-passed noise in turn, half of it swelling."""
    noise = rng.normal(size=int(12 * RATE))
    if index % 3 == 1:
        noise = lfilter([1], [1, -0.97], noise)
    if index % 3 == 2:
        noise = lfilter(*butter(2, rng.uniform(0.02, 0.5)), noise)
    if index >= 5:
        noise = noise * np.interp(np.arange(len(noise)), np.linspace(0, len(noise), 26), rng.uniform(0.05, 1, 26))
    return (noise * (0.5 / np.abs(noise).max())).astype(np.float32)
