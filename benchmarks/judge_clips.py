"""Clips of very different quality for `judge.py`: right and wrong notes, SoundFont and neural instruments, clean and damaged audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.signal import butter, fftconvolve, sosfilt

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.evaluation.judge.instrument_report import into_range
from orchestrion.evaluation.judge.reference import additive, reference_performance
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score

LENGTH_S = 12.0
PROGRAMS = {"violin": 40, "flute": 73, "cello": 42, "guitar": 24, "organ": 19}
Change = Callable[[Score, np.random.Generator], Score]
Damage = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """``audio`` that should play ``score``.

    Args:
        piece, condition: what is played, and how; clips of one condition are alike in quality.
        group: ``reference``, ``wrong`` (notes), ``damaged`` (audio) or ``instrument`` (neural).
        truth: the notes that really sound; None where a network played.
    """

    piece: str
    condition: str
    group: str
    score: Score
    truth: Score | None
    audio: Waveform

    @property
    def name(self) -> str:
        return f"{self.piece}-{self.condition}"


def clips(seed: int = 0) -> Iterator[Clip]:
    """About 170 clips of twelve seconds."""
    tunes = {name: BUILTIN_TUNES[name].crop(0.0, LENGTH_S) for name in ("ode-to-joy", "greensleeves", "minuet-in-g")}
    scores = {**tunes, "chorale": chorale(), "runs": runs(), "bass": tunes["minuet-in-g"].transpose(-24)}
    for piece, score in scores.items():
        clean = played(score, 0)
        yield Clip(piece, "piano", "reference", score, score, clean)
        for kind, change in CHANGES.items():
            wrong = change(score, np.random.default_rng([seed, len(piece), *kind.encode()]))
            yield Clip(piece, f"piano-{kind}", "wrong", score, wrong, played(wrong, 0))
        for kind, damage in DAMAGES.items():
            rng = np.random.default_rng([seed, len(piece), *kind.encode()])
            samples = damage(clean.samples.astype(np.float64), clean.sample_rate, rng)
            yield Clip(piece, f"piano-{kind}", "damaged", score, score, waveform(samples, clean.sample_rate))
    for name, program in PROGRAMS.items():
        for piece in ("ode-to-joy", "minuet-in-g"):
            score = into_range(scores[piece], 36, 72) if name == "cello" else scores[piece]
            yield Clip(piece, name, "reference", score, score, played(score, program))
            for kind in ("ghosts-half", "wrong-third"):
                wrong = CHANGES[kind](score, np.random.default_rng([seed, program, *kind.encode()]))
                yield Clip(piece, f"{name}-{kind}", "wrong", score, wrong, played(wrong, program))
    ode, other = scores["ode-to-joy"], scores["greensleeves"]
    yield Clip("ode-to-joy", "additive", "reference", ode, ode, additive(ode))
    yield Clip("ode-to-joy", "another-tune", "wrong", ode, other, played(other, 0))
    yield from _of_instruments(scores, seed)


def _of_instruments(scores: dict[str, Score], seed: int) -> Iterator[Clip]:
    for name in shipped.instruments():
        instrument = Instrument.load(name)
        for piece, score in scores.items():
            if _fits(score, instrument) and (piece not in ("bass", "runs") or name == "piano"):
                placed = into_range(score, *instrument.pitch_range)
                yield Clip(piece, f"neural-{name}", "instrument", placed, None, instrument.render(placed, seed=seed))
        if instrument.config.conditioned:
            placed = into_range(scores["greensleeves"], *instrument.pitch_range)
            hot = instrument.render(placed, seed=seed, temperature=1.15)
            yield Clip("greensleeves", f"neural-{name}-hot", "instrument", placed, None, hot)


def _fits(score: Score, instrument: Instrument) -> bool:
    low, high = instrument.pitch_range
    pitches = [note.pitch for note in score.notes]
    return max(pitches) - min(pitches) <= high - low - 11


def played(score: Score, program: int) -> Waveform:
    """By FluidSynth."""
    audio, maker = reference_performance(score, program)
    if maker != "FluidSynth":
        raise SystemExit("The clips are played by FluidSynth; install it and a General MIDI SoundFont.")
    return audio


def waveform(samples: np.ndarray, rate: int) -> Waveform:
    """With a peak of 0.5."""
    return Waveform(samples * (0.5 / max(float(np.abs(samples).max()), 1e-9)), rate)


def chorale() -> Score:
    """Four voices, a chord every 0.75 s."""
    roots = ((48, 55, 64, 72), (45, 57, 64, 72), (53, 57, 65, 72), (43, 55, 62, 71), (48, 55, 64, 72), (50, 57, 65, 74),
             (43, 59, 65, 74), (48, 55, 64, 76))  # fmt: skip
    notes = [Note(0.3 + 0.75 * i, 0.97 + 0.75 * i, p, 80) for i, chord in enumerate(roots * 2) for p in chord]
    return Score((Part("", 0, tuple(sorted(notes))),), title="Chorale")


def runs() -> Score:
    """Eight notes a second, up and down broken chords."""
    steps = (0, 4, 7, 12, 16, 12, 7, 4)
    roots = (60, 57, 65, 67, 60, 62, 67, 60)
    pitches = [root + step for root in roots for step in steps]
    notes = [Note(0.3 + 0.125 * i, 0.42 + 0.125 * i, p, 75 + 15 * (i % 4 == 0)) for i, p in enumerate(pitches)]
    return Score((Part("", 0, tuple(notes)),), title="Runs")


def _notes(score: Score, change: Callable[[Note], Note | None]) -> Score:
    parts = tuple(replace(p, notes=tuple(sorted(n for note in p.notes if (n := change(note))))) for p in score.parts)
    return replace(score, parts=parts)


def _wrong(share: float, steps: tuple[int, ...]) -> Change:
    def change(score: Score, rng: np.random.Generator) -> Score:
        def moved(note: Note) -> Note:
            return replace(note, pitch=note.pitch + int(rng.choice(steps))) if rng.random() < share else note

        return _notes(score, moved)

    return change


def _missing(share: float) -> Change:
    return lambda score, rng: _notes(score, lambda note: None if rng.random() < share else note)


def _late(mean_s: float, deviation_s: float) -> Change:
    def change(score: Score, rng: np.random.Generator) -> Score:
        def moved(note: Note) -> Note:
            late_s = max(mean_s + rng.normal(0, deviation_s), -note.onset_s)
            return replace(note, onset_s=note.onset_s + late_s, offset_s=note.offset_s + max(late_s, 0.0))

        return _notes(score, moved)

    return change


def _ghosts(share: float, loudness: float) -> Change:
    """Added notes: neighbours, fifths and octaves of real ones, at random times within them."""

    def change(score: Score, rng: np.random.Generator) -> Score:
        part = score.parts[0]
        chosen = [note for note in part.notes for _ in range(int(share + rng.random()))]
        ghosts = [_ghost(note, loudness, rng) for note in chosen]
        return replace(score, parts=(replace(part, notes=tuple(sorted([*part.notes, *ghosts]))),))

    return change


def _ghost(note: Note, loudness: float, rng: np.random.Generator) -> Note:
    pitch = note.pitch + int(rng.choice((-12, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 12)))
    onset_s = note.onset_s + rng.uniform(0.0, 0.8) * note.duration_s
    velocity = int(np.clip(note.velocity * loudness * rng.uniform(0.8, 1.2), 1, 127))
    return Note(onset_s, onset_s + rng.uniform(0.15, 0.5), int(np.clip(pitch, 21, 108)), velocity)


def _blurred(score: Score, rng: np.random.Generator) -> Score:
    """Every note rings 1.5 s longer."""
    return _notes(score, lambda note: replace(note, offset_s=note.offset_s + 1.5))


def _repeated(share: float) -> Change:
    """Some notes are struck twice."""

    def change(score: Score, rng: np.random.Generator) -> Score:
        part, notes = score.parts[0], []
        for note in score.parts[0].notes:
            middle_s = note.onset_s + note.duration_s * rng.uniform(0.35, 0.65)
            twice = rng.random() < share and note.duration_s > 0.1
            notes += [replace(note, offset_s=middle_s), replace(note, onset_s=middle_s)] if twice else [note]
        return replace(score, parts=(replace(part, notes=tuple(sorted(notes))),))

    return change


def _noise(snr_db: float) -> Damage:
    def damage(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
        power = np.mean(np.square(samples)) * 10 ** (-snr_db / 10)
        return samples + rng.normal(0, np.sqrt(power), len(samples))

    return damage


def _low_passed(hz: float) -> Damage:
    return lambda samples, rate, rng: sosfilt(butter(6, hz, output="sos", fs=rate), samples)


def _in_a_hall(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    tail = rng.normal(size=2 * rate) * np.exp(-6.9 * np.arange(2 * rate) / (1.6 * rate)) * 0.05
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)]


def _overdriven(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    return np.tanh(30 * samples)


CHANGES: dict[str, Change] = {
    "wrong-tenth": _wrong(0.1, (-2, -1, 1, 2)),
    "wrong-third": _wrong(0.33, (-2, -1, 1, 2)),
    "octaves": _wrong(0.3, (-12, 12)),
    "missing-third": _missing(0.33),
    "late-jitter": _late(0.0, 0.04),
    "late-much": _late(0.0, 0.1),
    "ghosts-quiet": _ghosts(0.5, 0.4),
    "ghosts-half": _ghosts(0.5, 0.85),
    "ghosts-many": _ghosts(1.5, 0.85),
    "struck-twice": _repeated(0.4),
    "blurred": _blurred,
}
DAMAGES: dict[str, Damage] = {
    "noise-20dB": _noise(20.0),
    "noise-5dB": _noise(5.0),
    "noise-minus-5dB": _noise(-5.0),
    "below-1000Hz": _low_passed(1000.0),
    "below-300Hz": _low_passed(300.0),
    "hall": _in_a_hall,
    "overdriven": _overdriven,
}
