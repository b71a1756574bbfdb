"""Partials that beat (two reeds, two ranks of pipes): each is two tones a few hertz apart, with an envelope of its own.

Played with a steady phase, the amplitude of a beat has cusps where the two tones cancel, and sidebands that the recording does not have:
an accordion's noise between its partials is 5 dB louder so. Two steady tones beat by themselves.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_banded

from orchestrion.datasets.banks.modulation import smooth
from orchestrion.datasets.banks.partials import HOP, Partials, refined

STEADY_S = (0.05, 2.05)  # where the tones are looked for
# Slower beats are followed as amplitudes, their sidebands stay near the partial; farther apart where each tone is a cluster by itself (two sections of reeds).
APART_HZ = 6.0, 10.0, 16.0, 24.0
FARTHEST_HZ = 60.0
SECOND_DB, LOUD_DB = -12.0, -32.0  # the weaker tone under the stronger, the partial under the loudest one
MOST_BEAT, COUNTED_DB = 0.34, -25.0  # a share of the partials that are so loud must beat, or the note is left as it is: one voice's partials sway, too
EXPLAINED = 0.9  # of a partial's power: with less it is no pair of tones
FOLLOWED = 0.35  # of the distance of two tones: how fast their envelopes may move
GROWN_S = (0.24, 0.36)  # by then a note has its level
PHASE_S = 0.02, 0.3  # where the phases are taken from that a table plays
ATTACK_S, ATTACK_SMOOTHED = (0.08, 0.16), 7  # until when an attack is as loud as the partial was, by which knots
N_FOURIER = 8192
PASSES = 2  # in which what both leave is taken up


def with_pairs(x: np.ndarray, found: Partials, sample_rate: int) -> tuple[Partials, np.ndarray, np.ndarray]:
    """``found`` in the note ``x`` with the partials that beat as two tones, the louder one in its place and the other behind all.

    Returns:
        The partials; amplitudes ``[m, k]`` for their tables: of two tones those of the slow envelopes, without what these leave; and which are such
        tones, ``[k]``.
    """
    c = found.envelopes
    amplitudes = np.abs(c)
    steady = slice(*(int(s * sample_rate / HOP) for s in STEADY_S))
    turned = found.fundamental_hz(sample_rate)[steady]
    if len(turned) < 0.5 * (steady.stop - steady.start):
        return found, amplitudes, np.zeros(len(found.ratios), bool)
    power, grown = (amplitudes[steady] ** 2).mean(0), _grown(c, sample_rate)
    pairs: dict[int, _Pair] = {}
    for k in np.flatnonzero(power > power.max() * 10 ** (LOUD_DB / 10)):
        tried = [_Pair.of(c[:, k], hz, grown, steady, sample_rate) for hz in _two_tones(c[steady, k], sample_rate)]
        best = min(tried, key=lambda pair: pair.left_power, default=None)
        if best is not None and best.left_power < (1 - EXPLAINED) * power[k]:
            pairs[int(k)] = best
    counted = np.flatnonzero(power > power.max() * 10 ** (COUNTED_DB / 10))
    if sum(int(k) in pairs for k in counted) < MOST_BEAT * len(counted):
        return found, amplitudes, np.zeros(len(found.ratios), bool)
    places, chosen, f1 = list(pairs), list(pairs.values()), float(np.median(turned))
    ratios, envelopes = found.ratios.copy(), c.copy()
    ratios[places] += [pair.hz[0] / f1 for pair in chosen]
    envelopes[:, places] = np.stack([pair.first for pair in chosen], 1)
    others = np.stack([pair.slow[:, 1] for pair in chosen], 1)
    both = np.stack([pair.amplitudes for pair in chosen], 1)  # [m, pairs, 2]
    amplitudes[:, places] = both[..., 0]
    is_tone = np.ones(len(ratios) + len(places), bool)
    is_tone[: len(ratios)] = np.isin(np.arange(len(ratios)), places)
    made = dataclasses.replace(
        found, ratios=np.concatenate([ratios, found.ratios[places] + [pair.hz[1] / f1 for pair in chosen]]), envelopes=np.concatenate([envelopes, others], 1)
    )
    return refined(made, x, sample_rate, PASSES), np.concatenate([amplitudes, both[..., 1]], 1), is_tone


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two tones in one partial's place.

    Attributes:
        hz: ``[2]`` beside the partial.
        slow: ``[m, 2]`` their slow envelopes.
        first: ``[m]`` the first one's, with all that these leave.
        amplitudes: ``[m, 2]`` of the slow envelopes, in the attack as much louder as the partial is than two steady tones.
        left_power: of what they leave where the note is steady.
    """

    hz: np.ndarray
    slow: np.ndarray
    first: np.ndarray
    amplitudes: np.ndarray
    left_power: float

    @classmethod
    def of(cls, c: np.ndarray, hz: np.ndarray, grown: np.ndarray, steady: slice, sample_rate: int) -> _Pair:
        """Of a partial's envelope ``[m]``."""
        turning = np.exp(2j * np.pi * np.arange(len(c))[:, None] * HOP / sample_rate * hz)
        slow = _slow(c, turning * grown[:, None], FOLLOWED * abs(hz[1] - hz[0]) * HOP / sample_rate) * grown[:, None]
        left = c - (slow * turning).sum(1)
        amplitudes = np.abs(slow)
        begin, end = (int(s * sample_rate / HOP) for s in PHASE_S)
        played = (amplitudes * turning * np.exp(1j * np.angle(slow[begin:end].sum(0)))).sum(1)
        louder = np.sqrt(_attack_power(c) / np.maximum(_attack_power(played), 1e-20))
        age, (whole, gone) = np.arange(len(c)) * HOP / sample_rate, ATTACK_S
        amplitudes *= (np.clip(louder, 0.5, 2.0) ** np.clip((gone - age) / (gone - whole), 0.0, 1.0))[:, None]
        return cls(hz, slow, slow[:, 0] + left * np.conj(turning[:, 0]), amplitudes, float((np.abs(left[steady]) ** 2).mean()))


def _attack_power(c: np.ndarray) -> np.ndarray:
    """``[m]`` of an envelope ``[m]``, smoothed."""
    return smooth(np.abs(c)[:, None] ** 2, ATTACK_SMOOTHED)[:, 0]


def _grown(c: np.ndarray, sample_rate: int) -> np.ndarray:
    """``[m]`` the attack that all partials ``[m, k]`` share: rising to 1."""
    risen = np.maximum.accumulate(np.sqrt((np.abs(c) ** 2).sum(1)))
    level = float(np.median(risen[slice(*(int(s * sample_rate / HOP) for s in GROWN_S))]))
    return np.asarray(np.clip(risen / max(level, 1e-12), 1e-3, 1.0))


def _two_tones(c: np.ndarray, sample_rate: int) -> list[np.ndarray]:
    """How many Hz the two loudest tones of a partial's envelope ``[m]`` lie beside its frequency, the louder first, by how far apart they must be;
    empty where one is all."""
    spectrum = np.abs(np.fft.fft(c * np.hanning(len(c)), N_FOURIER))
    hz = np.fft.fftfreq(N_FOURIER, HOP / sample_rate)
    spectrum[np.abs(hz) > FARTHEST_HZ] = 0.0
    first = int(np.argmax(spectrum))
    seconds = {int(np.argmax(np.where(np.abs(hz - hz[first]) >= apart, spectrum, 0.0))) for apart in APART_HZ}
    return [hz[[first, second]] for second in sorted(seconds) if spectrum[second] > spectrum[first] * 10 ** (SECOND_DB / 20)]


def _slow(c: np.ndarray, tones: np.ndarray, cutoff: float) -> np.ndarray:
    """Envelopes ``[m, j]`` of ``tones [m, j]``, which sum up to ``c [m]`` as nearly as envelopes without much above ``cutoff`` (periods a knot) can.

    Least squares with a penalty on second differences (Whittaker 1923), which is ``1 / cutoff ** 4`` in units of what they leave.
    """
    m, j = tones.shape
    reach = 3 * j - 1
    banded = np.zeros((2 * reach + 1, m * j), np.complex128)

    def add(row: np.ndarray, column: np.ndarray, value: np.ndarray | float) -> None:
        banded[reach + row - column, column] += value  # of one call all places differ

    knot = np.arange(m) * j
    for a in range(j):
        for b in range(j):
            add(knot + a, knot + b, np.conj(tones[:, a]) * tones[:, b])
    stiffness = (2 * np.pi * cutoff) ** -4
    for a in range(j):
        for p, left in enumerate((1.0, -2.0, 1.0)):
            for q, right in enumerate((1.0, -2.0, 1.0)):
                add(knot[: m - 2] + p * j + a, knot[: m - 2] + q * j + a, stiffness * left * right)
    return np.asarray(solve_banded((reach, reach), banded, (np.conj(tones) * c[:, None]).ravel()).reshape(m, j))
