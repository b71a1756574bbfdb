"""The tuning curve of an instrument that was recorded playing: f1 and inharmonicity of every pitch.

Measured on each pitch's longest and least disturbed notes. A piano's inharmonicity is a smooth function of pitch (Rigaud, David,
Daudet, JASA 2013), and so is its stretched tuning but for single keys that are out of tune; both curves are fitted robustly,
and pitches that were not heard lie on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.datasets.banks.partials import tuning, typical_inharmonicity

LISTENED_S, SHORTEST_S = 0.8, 0.25
BEGIN_S = 0.03  # after the attack's noise
NOTES_A_PITCH = 5
OUT_OF_TUNE_CENTS = 12.0  # a key may be off its curve by so much
CURVE_SEMITONES = 5.0
RETUNED_PARTIALS = 32
FOLLOWED_CENTS = 20.0  # what turns faster was another note's


@dataclass(frozen=True)
class Listened:
    """A note that the tuning was measured on: its pitch, how many cents it is off, its inharmonicity."""

    pitch: int
    cents: float
    inharmonicity: float


@dataclass(frozen=True)
class Candidate:
    """A note that may be listened to: how well it stands alone, and where."""

    worth: float
    piece: int
    onset: int
    stop: int


def candidates(tables: Sequence[FrameNotes], hop: int, sample_rate: int) -> dict[int, list[Candidate]]:
    """By pitch, the notes worth listening to in each piece's table, the best first."""
    found: dict[int, list[Candidate]] = {}
    for number, t in enumerate(tables):
        onset, offset = t.onset_frame * hop / sample_rate, t.offset_frame * hop / sample_rate
        order = np.sort(onset)
        for i in range(len(t)):
            length = min(float(offset[i] - onset[i]), LISTENED_S)
            if length < SHORTEST_S:
                continue
            others = np.searchsorted(order, onset[i] + length) - np.searchsorted(order, onset[i] - 0.3) - 1
            worth = length * float(t.velocity[i]) / (1.0 + others)
            begin = int((onset[i] + BEGIN_S) * sample_rate)
            found.setdefault(int(t.pitch[i]), []).append(Candidate(worth, number, begin, begin + int(length * sample_rate)))
    return {pitch: sorted(of, key=lambda one: -one.worth)[:NOTES_A_PITCH] for pitch, of in found.items()}


def listen(samples: np.ndarray, pitch: int, sample_rate: int, *, stretched: bool) -> Listened:
    """Measure one note's stretch of audio."""
    f1, b = tuning(samples.astype(np.float64), pitch, sample_rate, stretched)
    return Listened(pitch, 1200 * float(np.log2(f1 / equal_tempered_hz(pitch))), b)


def falling_db(samples: np.ndarray, sample_rate: int) -> float | None:
    """By how many dB a note falls from about .1 to about .4 s; None of shorter or silent ones."""
    early, late = (samples[int(a * sample_rate) : int((a + 0.1) * sample_rate)].astype(np.float64) for a in (0.05, 0.35))
    if len(late) < 0.09 * sample_rate or not np.any(early):
        return None
    return float(10 * np.log10((np.mean(early**2) + 1e-12) / (np.mean(late**2) + 1e-12)))


def sounds_stretched(listened: Sequence[Listened]) -> bool:
    """Whether notes are as inharmonic as a piano's: most have a third of its typical inharmonicity and more."""
    ratios = [one.inharmonicity / typical_inharmonicity(one.pitch) for one in listened]
    return bool(ratios) and float(np.median(ratios)) > 1 / 3


def curve(listened: Sequence[Listened], pitches: Sequence[int], *, stretched: bool) -> dict[int, tuple[float, float]]:
    """(f1 in Hz, inharmonicity) of each of ``pitches``."""
    at = np.array([one.pitch for one in listened], dtype=float)
    cents = np.array([one.cents for one in listened])
    found = {}
    for pitch in pitches:
        smooth = _local(at, cents, pitch) if len(at) else 0.0
        own = cents[at == pitch]
        off = float(np.median(own)) - smooth if len(own) >= 2 else 0.0
        cent = smooth + (off if abs(off) < OUT_OF_TUNE_CENTS else 0.0)
        found[pitch] = equal_tempered_hz(pitch) * 2 ** (cent / 1200), _inharmonicity(listened, pitch) if stretched else 0.0
    return found


def retuned(tuning: Mapping[int, tuple[float, float]], turns: np.ndarray, sample_rate: int, knot: int) -> dict[int, tuple[float, float]]:
    """The curve once the partials of all notes have been followed along it.

    Args:
        turns: complex ``[128, partials]``, the loudness-weighted sum of by how much each partial turned from knot to knot beside what
            ``tuning`` says.
        knot: samples between knots.
    """
    listened = []
    for pitch, (f1, b) in tuning.items():
        found = _stiff_string(f1, b, turns[pitch], sample_rate / (2 * np.pi * knot))
        if found is not None and abs(np.log2(found[0] / f1)) * 1200 < FOLLOWED_CENTS:
            listened += [Listened(pitch, 1200 * float(np.log2(found[0] / equal_tempered_hz(pitch))), found[1])] * 2
    stretched = any(b > 0 for _, b in tuning.values())
    return curve(listened, list(tuning), stretched=stretched) if listened else dict(tuning)


def _stiff_string(f1: float, b: float, turns: np.ndarray, hz_a_radian: float) -> tuple[float, float] | None:
    """f1 and B whose partials turn as measured: least squares on (f_k / k)² = f1'² (1 + B k²); None where nothing was heard."""
    size = np.abs(turns)
    if not size.max() > 0:
        return None
    k = np.arange(1, len(turns) + 1.0)
    weight = (size / size.max()) ** 0.25 * (size > 1e-6 * size.max()) * (np.arange(len(k)) < RETUNED_PARTIALS)
    y = ((f1 * k * np.sqrt((1 + b * k * k) / (1 + b)) + np.angle(turns) * hz_a_radian) / k) ** 2
    if b == 0 or (weight > 0).sum() < 3:
        level = float((weight * k * y).sum() / (weight * k).sum())
        return (float(np.sqrt(level * (1 + b))) if level > 0 else f1), b
    for _ in range(3):  # partials that another note's neighbours drag away count less each round
        basis = np.stack([np.ones_like(k), k * k], 1) * weight[:, None]
        (level, slope), *_ = np.linalg.lstsq(basis, y * weight, rcond=None)
        rest = np.abs(y - level - slope * k * k) / y
        weight = weight / (1 + rest / (2 * np.median(rest[weight > 0]) + 1e-12))
    if level <= 0:
        return None
    stiffness = float(np.clip(slope / level, 1e-6, 0.02))
    return float(np.sqrt(level * (1 + stiffness))), stiffness


def equal_tempered_hz(pitch: float) -> float:
    """A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))


def _inharmonicity(listened: Sequence[Listened], pitch: int) -> float:
    """By how much the notes near by differ from a typical piano's, on a logarithmic scale."""
    heard = [(one.pitch, np.log(one.inharmonicity / typical_inharmonicity(one.pitch))) for one in listened if one.inharmonicity > 1e-5]
    if not heard:
        return typical_inharmonicity(pitch)
    at, ratio = np.array(heard).T
    return float(np.clip(typical_inharmonicity(pitch) * np.exp(np.clip(_local(at, ratio, pitch), -2, 2)), 0.0, 0.02))


def _local(at: np.ndarray, values: np.ndarray, pitch: float) -> float:
    """A robust local line through (at, values), at ``pitch``: weighted least squares, what lies far off counting less each round."""
    near = np.exp(-0.5 * ((at - pitch) / CURVE_SEMITONES) ** 2) + 1e-4 / (1 + np.abs(at - pitch))
    weight = near.copy()
    middle = 0.0
    for _ in range(4):
        mean_at = float((weight * at).sum() / weight.sum())
        mean = float((weight * values).sum() / weight.sum())
        spread = float((weight * (at - mean_at) ** 2).sum()) + 4.0 * float(weight.sum())  # a ridge: no steep lines beyond the ends
        slope = float((weight * (at - mean_at) * (values - mean)).sum()) / spread
        middle = mean + slope * (pitch - mean_at)
        rest = np.abs(values - (mean + slope * (at - mean_at)))
        scale = float(np.median(rest[near > 0.05 * near.max()])) + 1e-9
        weight = near / (1 + (rest / (2 * scale)) ** 2)
    return middle
