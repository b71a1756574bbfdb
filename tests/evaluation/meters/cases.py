"""Seeded cases for the meters of failure: sound audio, and the same with one fault in it of varying kind and strength.

The music is additive synthesis of random melodies over chords, by a random "instrument" (partials, decay,
inharmonicity, attack noise), with uneven timing and dynamics and a little background noise. `FAULTS` maps each meter
to a function that draws one case with its fault, one without, and says whether the meter finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.signal import butter, sosfiltfilt

from orchestrion.audio import Waveform
from orchestrion.evaluation.meters.band import MusicBand, measure_band
from orchestrion.evaluation.meters.clicks import measure_clicks
from orchestrion.evaluation.meters.copying import measure_copying
from orchestrion.evaluation.meters.loops import measure_loops
from orchestrion.evaluation.meters.noise import MusicFlatness, measure_noise
from orchestrion.evaluation.meters.residue import measure_residue
from orchestrion.evaluation.meters.silence import measure_silence

RATE = 16000
SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


@dataclass(frozen=True)
class Instrument:
    """Amplitudes of partials [h], decay a second, inharmonicity, attack in seconds, noise of the attack."""

    partials: np.ndarray
    decay: float
    inharmonicity: float
    attack_s: float
    hammer: float


def instrument(rng: np.random.Generator) -> Instrument:
    h = np.arange(1, 13)
    partials = h ** -rng.uniform(0.8, 2.0) * rng.uniform(0.3, 1.0, len(h))
    return Instrument(
        partials, rng.uniform(0.3, 3.0), rng.uniform(0, 4e-4), rng.uniform(0.003, 0.05), rng.uniform(0, 0.1)
    )


def note(rng: np.random.Generator, sound: Instrument, pitch: float, held_s: float) -> np.ndarray:
    time_s = np.arange(int((held_s + 0.15) * RATE)) / RATE
    h = np.arange(1, len(sound.partials) + 1)
    hz = 440 * 2 ** ((pitch - 69) / 12) * h * np.sqrt(1 + sound.inharmonicity * h**2)
    kept = hz < 0.45 * RATE
    # Phases differ from note to note, as they do for a string that still moves when it is struck.
    phases = 2 * np.pi * hz[kept, None] * time_s + rng.uniform(0, 2 * np.pi, (kept.sum(), 1))
    fading = np.exp(-time_s * sound.decay * (0.7 + 0.3 * h[kept, None]))
    tone = (sound.partials[kept, None] * fading * np.sin(phases)).sum(axis=0)
    tone += sound.hammer * rng.normal(size=len(time_s)) * np.exp(-time_s / 0.01)
    return tone * np.clip(time_s / sound.attack_s, 0, 1) * np.clip((held_s + 0.15 - time_s) / 0.15, 0, 1)


def music(rng: np.random.Generator, duration_s: float = 10.0, sound: Instrument | None = None) -> np.ndarray:
    """Samples [t] at 16 kHz, RMS between -26 and -14 dB of full scale."""
    sound = sound or instrument(rng)
    out = np.zeros(round((duration_s + 8) * RATE))
    beat_s, key, at_s, degree = rng.uniform(0.25, 0.6), rng.integers(55, 68), 0.0, 7
    while at_s < duration_s:
        length_s = beat_s * rng.choice([0.5, 1, 1, 1.5, 2])
        degree = int(np.clip(degree + rng.integers(-3, 4), 0, 14))
        chord = [0, 2, 4] if rng.random() < 0.25 else [0]
        for voice in chord:
            pitch = key + SCALE[(degree + voice) % 7] + 12 * ((degree + voice) // 7)
            tone = rng.uniform(0.4, 1.0) * note(rng, sound, pitch, length_s * rng.uniform(0.8, 1.1))
            start = round(max(0.0, at_s + rng.normal(0, 0.006)) * RATE)
            out[start : start + len(tone)] += tone
        at_s += length_s
    out = out[: round(duration_s * RATE)]
    out *= 10 ** (rng.uniform(-26, -14) / 20) / np.sqrt(np.mean(np.square(out)))
    return out + rng.normal(0, 10 ** (rng.uniform(-80, -60) / 20), len(out))


@lru_cache(maxsize=64)
def piece(seed: int, duration_s: float = 10.0) -> np.ndarray:
    """`music` by number, kept: several meters look at the same pieces."""
    return music(np.random.default_rng(seed), duration_s)


def wave(samples: np.ndarray) -> Waveform:
    return Waveform(np.clip(samples, -1, 1), RATE)


def level(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def relative(
    rng: np.random.Generator, samples: np.ndarray, added: np.ndarray, low_db: float, high_db: float
) -> np.ndarray:
    """``samples`` with ``added`` at a level of ``low_db`` to ``high_db`` relative to them."""
    return samples + added * level(samples) / level(added) * 10 ** (rng.uniform(low_db, high_db) / 20)


def colour(rng: np.random.Generator, n: int) -> np.ndarray:
    """Noise whose power falls by 0 to 6 dB an octave."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    shape = np.maximum(np.fft.rfftfreq(n, 1 / RATE), 20.0) ** -rng.uniform(0, 1)
    return np.fft.irfft(spectrum * shape, n)


def looped(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Goes round from somewhere in its first 40 % on, a period of 0.1 to 1.9 s, with noise 25 to 45 dB below."""
    start, period = round(rng.uniform(0.1, 0.4) * len(samples)), round(rng.uniform(0.1, 1.9) * RATE)
    segment = samples[start : start + period].copy()
    fade = min(64, period // 8)
    ramp = np.linspace(0, 1, fade)
    segment[:fade] = segment[:fade] * ramp + samples[start + period : start + period + fade] * (1 - ramp)
    out = np.concatenate([samples[:start], np.resize(segment, len(samples) - start)])
    if level(out[start:]) < 0.2 * level(samples):
        out[start:] *= level(samples) / (level(out[start:]) + 1e-6)
    return relative(rng, out, rng.normal(size=len(out)), -45, -25)


def drowned(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """White to brown noise, alone or 3 to 15 dB above the music."""
    noise = colour(rng, len(samples))
    return 0.05 * noise / level(noise) if rng.random() < 0.4 else 0.1 * relative(rng, samples, noise, 3, 15)


def hushed(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Falls silent: for good, for a long while, or again and again."""
    n, out = len(samples), samples.copy()
    kind = rng.integers(3)
    rest = 10 ** (rng.uniform(-120, -75) / 20) * rng.normal(size=n)
    if kind == 0:
        silent = np.arange(n) > rng.uniform(0.05, 0.7) * n
    elif kind == 1:
        start = rng.uniform(0, 0.5) * n
        silent = (np.arange(n) >= start) & (np.arange(n) < start + rng.uniform(3.3, 5) * RATE)
    else:
        silent = np.arange(n) % (RATE // 2) > rng.uniform(0.1, 0.4) * RATE // 2
    out[silent] = rest[silent]
    return out


def butted(rng: np.random.Generator, samples: np.ndarray, block: int) -> np.ndarray:
    """Blocks that do not meet: each loses its own offset or a few samples, as blocks of a DFT do."""
    out = samples.copy()
    for start in range(block, len(out) - block, block):
        shift = int(rng.integers(8, 200))
        out[start : start + block] = np.roll(samples, shift)[start : start + block]
        out[start : start + block] += rng.normal(0, 0.1) * level(samples)
    return out


def coloured_outside(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Hiss above 6 kHz, hum below 60 Hz, or a whistle at 7 kHz, 10 to 0 dB below the music."""
    n = len(samples)
    kind = rng.integers(3)
    if kind == 0:
        added = sosfiltfilt(butter(4, 6000, "highpass", fs=RATE, output="sos"), rng.normal(size=n))
    else:
        hz = rng.uniform(20, 60) if kind == 1 else rng.uniform(6500, 7800)
        added = np.sin(2 * np.pi * hz * np.arange(n) / RATE)
    return relative(rng, samples, added, -10, 0)


def hermitian(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Spectra [n, 4000] of blocks, rounded to 32 bits."""
    return np.fft.fft(samples[: len(samples) // 4000 * 4000].reshape(-1, 4000), axis=1).astype(np.complex64)


def unhermitian(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """The same with errors of real and imaginary parts that keep to no symmetry, 50 to 0 dB below them."""
    spectra = hermitian(rng, samples)
    errors = rng.normal(size=spectra.shape) + 1j * rng.normal(size=spectra.shape)
    return spectra + errors * np.sqrt(np.mean(np.abs(spectra) ** 2) / 2) * 10 ** (rng.uniform(-50, 0) / 20)


def copied(rng: np.random.Generator, samples: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Three to five seconds of the training audio, louder or softer, inverted or not, with noise 12 to 40 dB below."""
    length = round(rng.uniform(3, 5) * RATE)
    start, at = rng.integers(len(source) - length), rng.integers(len(samples) - length)
    out = samples.copy()
    taken = source[start : start + length] * rng.uniform(0.3, 1.5) * rng.choice([-1, 1])
    out[at : at + length] = relative(rng, taken, rng.normal(size=length), -40, -12)
    return out


@lru_cache(maxsize=1)
def held_out() -> tuple[MusicFlatness, MusicBand]:
    """What sixteen pieces that occur in no case are like."""
    sounds = [wave(piece(seed)) for seed in range(9000, 9016)]
    return MusicFlatness.of(sounds, RATE), MusicBand.of(sounds)


@lru_cache(maxsize=1)
def training() -> tuple[Instrument, tuple[np.ndarray, ...]]:
    """An instrument and 48 s of music played on it; the audio that is judged is played on the same one."""
    rng = np.random.default_rng(4711)
    sound = instrument(rng)
    return sound, tuple(music(rng, 12.0, sound) for _ in range(4))


def loop_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([1, seed]), piece(seed)
    return measure_loops(wave(looped(rng, samples) if faulty else samples)).found


def noise_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([2, seed]), piece(seed)
    heard = drowned(rng, samples) if faulty else relative(rng, samples, colour(rng, len(samples)), -50, -20)
    return measure_noise(wave(heard), held_out()[0]).found


def silence_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([3, seed]), piece(seed)
    return measure_silence(wave(hushed(rng, samples) if faulty else samples), -20.0).found


def click_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([4, seed]), piece(seed)
    block = int(rng.choice([2000, 4000, 8000]))
    return measure_clicks(wave(butted(rng, samples, block) if faulty else samples), block).found


def band_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([5, seed]), piece(seed)
    return measure_band(wave(coloured_outside(rng, 0.5 * samples) if faulty else samples), held_out()[1]).found


def residue_case(seed: int, faulty: bool) -> bool:
    rng, samples = np.random.default_rng([6, seed]), piece(seed)
    return measure_residue((unhermitian if faulty else hermitian)(rng, samples)).found


def copy_case(seed: int, faulty: bool) -> bool:
    sound, sources = training()
    rng = np.random.default_rng([7, seed])
    samples = music(rng, 10.0, sound)
    heard = copied(rng, samples, sources[int(rng.integers(len(sources)))]) if faulty else samples
    return measure_copying([wave(heard)], lambda: map(wave, sources))[0].found


CASES: dict[str, Callable[[int, bool], bool]] = {
    "generation loops": loop_case,
    "noise": noise_case,
    "silence": silence_case,
    "clicks at block edges": click_case,
    "energy outside the band": band_case,
    "imaginary residue": residue_case,
    "copying": copy_case,
}


def rates(meter: str, n: int, first_seed: int = 0) -> tuple[float, float]:
    """Shares of ``n`` faulty cases found and of ``n`` sound ones accused."""
    case = CASES[meter]
    seeds = range(first_seed, first_seed + n)
    return sum(case(seed, True) for seed in seeds) / n, sum(case(seed, False) for seed in seeds) / n
