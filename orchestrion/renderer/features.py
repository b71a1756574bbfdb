"""What the network is shown of the score: features a frame, and the sinusoidal excitation a sample.

Both are made from the series' note table, block by block where wanted: the numbers of a frame do not depend on the block
it was asked for in, so that streaming, batching and resuming agree bit for bit.

Groups (each ``pitch_high - pitch_low + 1`` channels):
    sounding   1 while a note is held (Manzelli et al. 2018)
    velocity   velocity / 127 while held
    onset      velocity / 127 in the frame of attack
    decay      velocity / 127 while held, falling by 1/e every ``DECAY_S`` since the attack: how old the note is
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.compiled import compiled
from orchestrion.renderer.config import WaveNetConfig

DECAY_S = 0.4
RELEASE_S = 0.06  # the excitation dies away by 1/e in this time after a note's end
RELEASE_ENDS_S = 0.4


class Features:
    """The features of one series, by the block; ordering its notes once keeps an hour's rendering linear in its length."""

    def __init__(self, series: ConditioningSeries, config: WaveNetConfig):
        self.series, self.config = series, config
        notes = series.notes
        self._held = _Reach(notes.onset_frame, notes.offset_frame)
        self._ends = _release_ends(notes.onset_frame, notes.offset_frame, notes.pitch, config)
        self._ringing = _Reach(notes.onset_frame, self._ends)

    @cached_property
    def key(self) -> bytes:
        """The same for series of the same notes, whose features are the same."""
        notes = self.series.notes
        table = np.stack([notes.onset_frame, notes.offset_frame, notes.pitch, notes.velocity]).astype(np.int64)
        return hashlib.sha256(table.tobytes()).digest()

    def frames(self, start: int, stop: int) -> np.ndarray:
        """See `frame_features`."""
        config, notes = self.config, self.series.notes
        pitches = config.pitch_high - config.pitch_low + 1
        out = np.zeros((stop - start, len(config.groups), pitches), dtype=np.float32)
        decay = math.exp(-config.hop / config.sample_rate / DECAY_S)
        for index in self._held.between(start, stop):
            onset, offset, pitch = int(notes.onset_frame[index]), int(notes.offset_frame[index]), int(notes.pitch[index])
            if not config.pitch_low <= pitch <= config.pitch_high:
                continue
            first, last = max(onset, start), min(offset, stop)
            level = float(notes.velocity[index]) / 127
            for channel, group in enumerate(config.groups):
                cell = out[:, channel, pitch - config.pitch_low]
                if group == "sounding":
                    cell[first - start : last - start] = 1.0
                elif group == "velocity":
                    cell[first - start : last - start] = level
                elif group == "decay":
                    cell[first - start : last - start] = level * decay ** np.arange(first - onset, last - onset)
                elif first == onset:
                    cell[onset - start] = level
        return out.reshape(stop - start, config.input_channels)

    def excitation(self, start: int, stop: int) -> np.ndarray:
        """See `excitation`."""
        config, notes = self.config, self.series.notes
        out = np.zeros((stop - start, config.hop, 2 * config.harmonics))
        for i in self._ringing.between(start, stop) if config.harmonics else ():
            if config.pitch_low <= notes.pitch[i] <= config.pitch_high:
                _add_note(
                    out, start, int(notes.onset_frame[i]), int(notes.offset_frame[i]), int(self._ends[i]),
                    int(notes.pitch[i]), float(notes.velocity[i]) / 127, config.sample_rate, RELEASE_S * config.sample_rate,
                    inharmonicity(int(notes.pitch[i])) if config.stretched else 0.0,
                )  # fmt: skip
        return out.reshape(-1, 2 * config.harmonics).astype(np.float32)


class _Reach:
    """Finds the notes that sound in a stretch of frames without a look at all of them."""

    def __init__(self, onset: np.ndarray, end: np.ndarray):
        self._order = np.argsort(onset, kind="stable")
        self._onset, self._end = onset[self._order], end[self._order]
        # From here back no note reaches further than this.
        self._latest = np.maximum.accumulate(self._end)

    def between(self, start: int, stop: int) -> np.ndarray:
        """The notes with end > start and onset < stop, ascending."""
        near = slice(np.searchsorted(self._latest, start, side="right"), np.searchsorted(self._onset, stop))
        return np.sort(self._order[near][self._end[near] > start])


def frame_features(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """Frames ``start..stop`` of the network's conditioning input, ``[f, input_channels]`` float32.

    Frames may lie outside the series (before 0 or past the end): these are silent. For many blocks, keep a `Features`.
    """
    return Features(series, config).frames(start, series.n_frames if stop is None else stop)


def excitation(series: ConditioningSeries, config: WaveNetConfig, start: int = 0, stop: int | None = None) -> np.ndarray:
    """The excitation of frames ``start..stop``, ``[(stop - start) * hop, 2 * harmonics]`` float32.

    Channel 2(h-1) is the sum over notes of g·sin(φ_h), channel 2h-1 of g·cos(φ_h), with φ_h = 2πf_h·n/sample_rate, n samples
    since the note's first frame began, f_h = hf, f the equal-tempered frequency (A4 = 440 Hz), and g the velocity / 127, which
    dies away after the note's end (``RELEASE_S``) or stops where the pitch is struck again. Where ``config.stretched``,
    f_h = hf·√((1 + Bh²)/(1 + B)), with B the `inharmonicity`. Harmonics at or above the Nyquist frequency are left out.
    """
    return Features(series, config).excitation(start, series.n_frames if stop is None else stop)


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
def _add_note(out, start, onset, offset, end, pitch, level, sample_rate, release, inharmonic):
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
