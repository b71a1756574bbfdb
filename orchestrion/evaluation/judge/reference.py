"""A reference performance of a score: by FluidSynth where it is installed, else by additive synthesis.

The additive synthesis imitates no instrument; its notes are certainly right. Partials have amplitudes 1/h^1.2 and zero phase at the
onset. They decay exponentially (higher ones faster) for struck and plucked programs and are held for others. Attack and release
are raised cosines.
"""

from __future__ import annotations

import shutil

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Score

SAMPLE_RATE = 16000
PEAK = 0.5
N_PARTIALS = 16
ATTACK_S, RELEASE_S = 0.008, 0.08
# General MIDI programs that go on sounding with one strength: organs, accordions, bowed strings to pipes.
SUSTAINED = frozenset([*range(16, 24), *range(40, 45), *range(48, 80)])


def reference_performance(score: Score, program: int | None = None, *, tail_s: float = 1.0) -> tuple[Waveform, str]:
    """Audio at 16 kHz with a peak of 0.5, and what made it: ``"FluidSynth"`` or ``"additive synthesis"``.

    Args:
        program: General MIDI program from 0; without it, the one of the score's first pitched part.
        tail_s: seconds after the last release.

    Raises:
        OrchestrionError: the score has no notes, or FluidSynth fails.
    """
    chosen = program if program is not None else next((p.program for p in score.parts if not p.is_drum and p.notes), 0)
    if has_fluidsynth():
        from orchestrion.datasets.banks.fluidsynth import synthesise

        audio, maker = synthesise(score, chosen, 0.25, tail_s=tail_s).samples, "FluidSynth"
    else:
        audio, maker = additive(score, chosen, tail_s=tail_s).samples, "additive synthesis"
    peak = max(float(np.abs(audio).max()), 1e-6)
    return Waveform(audio * (PEAK / peak), SAMPLE_RATE, {"title": score.title, "software": maker}), maker


def has_fluidsynth() -> bool:
    """Whether the program and a General MIDI SoundFont are here."""
    from orchestrion.datasets.banks.fluidsynth import DEFAULT_SOUNDFONTS

    return shutil.which("fluidsynth") is not None and any(path.is_file() for path in DEFAULT_SOUNDFONTS)


def additive(score: Score, program: int = 0, *, sample_rate: int = SAMPLE_RATE, tail_s: float = 1.0) -> Waveform:
    """Additive synthesis of all pitched notes of ``score``, peak 0.5.

    Raises:
        OrchestrionError: the score has no pitched notes.
    """
    if not score.notes:
        raise OrchestrionError("The score has no notes, so there is nothing to synthesise.")
    samples = np.zeros(int(np.ceil((score.duration_s + tail_s) * sample_rate)), dtype=np.float64)
    for note in score.notes:
        start = round(note.onset_s * sample_rate)
        sound = _note(note, program in SUSTAINED, sample_rate)[: len(samples) - start]
        samples[start : start + len(sound)] += sound
    peak = max(float(np.abs(samples).max()), 1e-6)
    return Waveform((samples * (PEAK / peak)).astype(np.float32), sample_rate, {"software": "additive synthesis"})


def _note(note: Note, is_sustained: bool, sample_rate: int) -> np.ndarray:
    """Samples [t] from the onset to the end of the release."""
    held_s = note.offset_s - note.onset_s
    time_s = np.arange(int((held_s + RELEASE_S) * sample_rate)) / sample_rate
    f0 = 440 * 2 ** ((note.pitch - 69) / 12)
    h = np.arange(1, N_PARTIALS + 1)
    h = h[h * f0 < 0.45 * sample_rate]
    # A4 loses 60 dB in about four seconds on a piano, an octave higher in half of that; upper partials go faster.
    rate = 0.0 if is_sustained else 1.7 * 2 ** ((note.pitch - 69) / 12)
    decay = np.exp(-time_s * rate * (0.6 + 0.4 * h[:, None]))
    sound = (h[:, None] ** -1.2 * decay * np.sin(2 * np.pi * f0 * h[:, None] * time_s)).sum(axis=0)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(time_s / (4 * ATTACK_S if is_sustained else ATTACK_S), 0, 1))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.clip((time_s - held_s) / RELEASE_S, 0, 1))
    return np.asarray((note.velocity / 127) ** 1.5 * sound * rise * fall)
