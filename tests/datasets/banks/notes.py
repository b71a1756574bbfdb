"""Synthetic single notes, whose partials are known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 24000


def plucked(pitch: float, seconds: float = 2.0, *, inharmonicity: float = 2e-4, cents: float = 0.0, noise: float = 0.0, n: int = 12) -> np.ndarray:
    """``n`` stretched partials of amplitude .2 / k that fall by 20 + 6k dB a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    f1 = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
    rng = np.random.default_rng(int(pitch))
    x = noise * rng.standard_normal(len(t)) * 10 ** (-60 * t / 20)
    for k in range(1, n + 1):
        hz = k * f1 * np.sqrt((1 + inharmonicity * k * k) / (1 + inharmonicity))
        if hz < 0.45 * RATE:
            x = x + 0.2 / k * 10 ** (-(20 + 6 * k) * t / 20) * np.cos(2 * np.pi * hz * t + rng.uniform(0, 6))
    return x.astype(np.float32)


def bowed(pitch: float, seconds: float = 3.0, *, cents: float = 12.0, rate_hz: float = 5.5, delay_s: float = 0.3) -> np.ndarray:
    """Harmonic partials of amplitude .2 / k along a vibrato that begins after ``delay_s``."""
    t = np.arange(int(seconds * RATE)) / RATE
    contour = cents * np.sin(2 * np.pi * rate_hz * np.maximum(t - delay_s, 0)) / 1200
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((pitch - 69) / 12 + contour)) / RATE
    attack = np.minimum(t / 0.05, 1.0)
    return (attack * sum(0.2 / k * np.cos(k * phase + k) for k in range(1, 9))).astype(np.float32)


def write_bank(folder: Path, pitches: list[int], make=plucked, layers: tuple[tuple[int, int, float], ...] = ((1, 127, 1.0),)) -> Path:
    """A folder of notes; ``layers``: (lowest velocity, highest, factor on the samples)."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["file\tpitch\tvelocity_low\tvelocity_high"]
    for pitch in pitches:
        for low, high, factor in layers:
            name = f"{pitch}-{high}.flac"
            soundfile.write(folder / name, factor * make(pitch), RATE, subtype="PCM_24")
            rows.append(f"{name}\t{pitch}\t{low}\t{high}")
    (folder / "index.tsv").write_text("\n".join(rows) + "\n")
    return folder


def bar(pitch: float, ratios: tuple[float, ...], *, noise: float = 0.0, seconds: float = 1.5) -> np.ndarray:
    """A bar whose modes lie at ``ratios``, each 6 dB under the one before, all falling by 20 dB a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(int(pitch))
    f1 = 440 * 2 ** ((pitch - 69) / 12)
    modes = sum(0.2 / 2**i * np.cos(2 * np.pi * f1 * ratio * t + rng.uniform(0, 6)) for i, ratio in enumerate(ratios))
    return (10 ** (-20 * t / 20) * modes + noise * rng.standard_normal(len(t))).astype(np.float32)
