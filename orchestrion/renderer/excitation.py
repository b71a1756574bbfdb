"""Sinusoidal excitation: the harmonics of the notes, sample by sample, made from the score alone.

The numbers of a frame do not depend on the block it was asked for in, so that streaming, batching and resuming agree bit
for bit.
"""

from __future__ import annotations

import math

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.reach import Reach
from orchestrion.compiled import compiled
from orchestrion.renderer.config import WaveNetConfig

RELEASE_S = 0.06  # it dies away by 1/e in this time after a note's end
RELEASE_ENDS_S = 0.4


class Excitation:
    """The excitation of one series, by the block; ordering its notes once keeps an hour's rendering linear in its length.

    Channel 2(h-1) is the sum over notes of g·sin(φ_h), channel 2h-1 of g·cos(φ_h), with φ_h = 2πf_h·n/sample_rate, n samples
    since the note's first frame began, f_h = hf, f the equal-tempered frequency (A4 = 440 Hz), and g the velocity / 127, which
    dies away after the note's end (``RELEASE_S``) or stops where the pitch is struck again. Where ``config.stretched``,
    f_h = hf·√((1 + Bh²)/(1 + B)), with B the `inharmonicity`. Harmonics at or above the Nyquist frequency are left out.
    """

    def __init__(self, series: ConditioningSeries, config: WaveNetConfig):
        notes = series.notes
        self._notes, self._config = notes, config
        self._ends = _release_ends(notes.onset_frame, notes.offset_frame, notes.pitch, config)
        self._ringing = Reach(notes.onset_frame, self._ends)

    def block(self, start: int, stop: int) -> np.ndarray:
        """Frames [start, stop): ``[(stop - start) * hop, 2 * harmonics]`` float32. Those outside the series are silent."""
        config, notes = self._config, self._notes
        out = np.zeros((stop - start, config.hop, 2 * config.harmonics))
        for i in self._ringing.between(start, stop) if config.harmonics else ():
            if config.pitch_low <= notes.pitch[i] <= config.pitch_high:
                _add_note(
                    out, start, int(notes.onset_frame[i]), int(notes.offset_frame[i]), int(self._ends[i]),
                    int(notes.pitch[i]), float(notes.velocity[i]) / 127, config.sample_rate, RELEASE_S * config.sample_rate,
                    inharmonicity(int(notes.pitch[i])) if config.stretched else 0.0,
                )  # fmt: skip
        return out.reshape(-1, 2 * config.harmonics).astype(np.float32)


def inharmonicity(pitch: int) -> float:
    """B of a typical piano's string for a MIDI pitch: bass bridge and treble bridge together (Rigaud, David, Daudet, JASA 2013)."""
    return math.exp(-0.0847 * pitch - 5.82) + math.exp(0.0926 * pitch - 13.64)


def _release_ends(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, config: WaveNetConfig) -> np.ndarray:
    """The frame in which each note's excitation ends: its release, or the next attack of its pitch if that is sooner."""
    ends = offset + math.ceil(RELEASE_ENDS_S * config.sample_rate / config.hop)
    order = np.lexsort((onset, pitch))
    follows = pitch[order[1:]] == pitch[order[:-1]]
    earlier, later = order[:-1][follows], order[1:][follows]
    ends[earlier] = np.minimum(ends[earlier], onset[later])
    return ends


@compiled()
def _add_note(
    out: np.ndarray, start: int, onset: int, offset: int, end: int, pitch: int, level: float, sample_rate: int, release: float,
    inharmonic: float,
) -> None:
    n_frames, hop, channels = out.shape
    fundamental = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
    turns, n = np.empty(channels // 2), 0
    for h in range(channels // 2):
        stretch = math.sqrt((1.0 + inharmonic * (h + 1) ** 2) / (1.0 + inharmonic))
        turns[h] = (h + 1) * stretch * fundamental / sample_rate
        if turns[h] >= 0.5 - 1e-12:
            break
        n += 1
    turn_re, turn_im = np.cos(2 * math.pi * turns[:n]), np.sin(2 * math.pi * turns[:n])
    re, im = np.empty(n), np.empty(n)
    for frame in range(max(onset, start), min(end, start + n_frames)):
        # The phase is taken anew from absolute time in every frame, so no block boundary and no rounding shows in it.
        for h in range(n):
            position = turns[h] * ((frame - onset) * hop)
            phase = 2 * math.pi * (position - math.floor(position))
            re[h], im[h] = math.cos(phase), math.sin(phase)
        for k in range(hop):
            since_end = (frame - offset) * hop + k
            gain = level if since_end < 0 else level * math.exp(-since_end / release)
            for h in range(n):  # side by side, since each waits for its own last product
                out[frame - start, k, 2 * h] += gain * im[h]
                out[frame - start, k, 2 * h + 1] += gain * re[h]
                re[h], im[h] = re[h] * turn_re[h] - im[h] * turn_im[h], re[h] * turn_im[h] + im[h] * turn_re[h]
