"""The pitch contours of bowed and blown notes in a recording, found before their partials are.

1. Among offsets from the note's pitch, the path that a comb of six partials hears best (Viterbi), knot by knot.
2. Rounds of demodulation along it: the partials' own phases say by how much it is still off (see ``banks.partials``).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from orchestrion.compiled import compiled
from orchestrion.datasets.banks.partials import drift
from orchestrion.datasets.tracking import envelopes
from orchestrion.datasets.tracking.ringing import KNOT, Ringing

WIDEST_CENTS, STEP_CENTS = 60.0, 5.0
COMB_PARTIALS, ROUNDS = 6, 3
STEP_COST = 0.25  # of the comb's mean, for each step from knot to knot
WINDOW = 2048
FASTEST_STEPS = 2  # from knot to knot: 10 cents in 8 ms


def with_contours(x: np.ndarray, notes: Ringing, expected: np.ndarray, sample_rate: int) -> Ringing:
    """``notes`` with the phases of their own contours in the recording ``x`` float32 [n].

    Args:
        expected: amplitudes of the cells, see `envelopes.add_pass`.
    """
    if not len(notes):
        return notes
    offsets = np.arange(-WIDEST_CENTS, WIDEST_CENTS + 1, STEP_CENTS)
    phase = np.empty_like(notes.phase)
    for i in range(len(notes)):
        at = _phases_of(notes, i)
        step = float(notes.phase[at][1] - notes.phase[at][0])
        hz = step / KNOT * sample_rate / (2 * math.pi)
        magnitude = np.abs(envelopes.spectra(x, int(notes.first_knot[i]), int(notes.n_knots[i]), WINDOW)).astype(np.float32)
        heard = _comb(magnitude, hz, offsets, sample_rate, min(COMB_PARTIALS, int(notes.n_partials[i])))
        cents = offsets[_best_path(heard, STEP_COST * float(heard.mean()), FASTEST_STEPS)]
        smooth = np.convolve(np.pad(cents, (2, 2), mode="edge"), np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
        turns = np.concatenate([[0.0], np.cumsum((smooth[1:] + smooth[:-1]) / 2)])
        # To the first order in the contour: Φ = Φ₀ + step · Σ ln 2 cents / 1200.
        phase[at] = notes.phase[at] + step * turns * math.log(2) / 1200
    found = replace(notes, phase=phase)
    for _ in range(ROUNDS):
        found = _refined(x, found, expected, sample_rate)
    return found


def _phases_of(notes: Ringing, note: int) -> slice:
    begin = int(notes.first_phase[note])
    return slice(begin, begin + int(notes.n_knots[note]))


@compiled(nogil=True, fastmath=True)
def _comb(magnitude: np.ndarray, hz: float, offsets: np.ndarray, sample_rate: int, partials: int) -> np.ndarray:  # pragma: no cover - compiled
    """``[knots, offsets]`` sum of the magnitudes' roots at the partials of ``hz`` moved by each offset."""
    n, bins = magnitude.shape
    out = np.zeros((n, len(offsets)))
    for o in range(len(offsets)):
        bin_hz = hz * 2.0 ** (offsets[o] / 1200) * (2 * (bins - 1)) / sample_rate
        for k in range(1, partials + 1):
            place = k * bin_hz
            low = int(place)
            if low + 1 >= bins:
                break
            part = place - low
            for m in range(n):
                out[m, o] += math.sqrt((1 - part) * magnitude[m, low] + part * magnitude[m, low + 1])
    return out


@compiled(nogil=True)
def _best_path(heard: np.ndarray, cost: float, fastest: int) -> np.ndarray:  # pragma: no cover - compiled
    """``[knots]`` the path of the greatest sum, less ``cost`` for each step; at most ``fastest`` steps from knot to knot (Viterbi)."""
    n, k = heard.shape
    best, back = heard[0].copy(), np.zeros((n, k), np.int64)
    for m in range(1, n):
        now = np.empty(k)
        for j in range(k):
            top, there = -1e300, j
            for i in range(max(0, j - fastest), min(k, j + fastest + 1)):
                value = best[i] - cost * abs(i - j)
                if value > top:
                    top, there = value, i
            now[j] = top + heard[m, j]
            back[m, j] = there
        best = now
    path = np.empty(n, np.int64)
    path[n - 1] = np.argmax(best)
    for m in range(n - 1, 0, -1):
        path[m - 1] = back[m, path[m]]
    return path


def _refined(x: np.ndarray, notes: Ringing, expected: np.ndarray, sample_rate: int) -> Ringing:
    """One round of demodulation, and the phases that it corrects."""
    c = np.zeros(notes.n_cells, np.complex64)
    rest = x
    for _ in range(2):
        envelopes.add_pass(rest, notes, expected, c, WINDOW, floor=1e-5, lowest_hz=2.0 * sample_rate / WINDOW, sample_rate=sample_rate)
        rest = x - envelopes.synthesise(notes, c, len(x))
    phase = notes.phase.copy()
    for i in range(len(notes)):
        phase[_phases_of(notes, i)] += drift(notes.shaped(c, i)[:, :COMB_PARTIALS].astype(np.complex128))
    return replace(notes, phase=phase)


def contour_cents(notes: Ringing, note: int) -> np.ndarray:
    """``[knots - 1]`` the note's contour about its median, while it is held."""
    turned = np.maximum(np.diff(notes.phase[_phases_of(notes, note)]), 1e-6)
    held = max(1, int((notes.offset[note] - notes.onset[note]) // KNOT))
    return np.asarray(1200 * np.log2(turned / np.median(turned[:held])))[:held]
