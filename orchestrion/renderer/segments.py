"""Cutting one long score into pieces that are played in parallel, and joining their audio.

A piece is cut at a rest, else just before a strong attack, which masks the join::

    score      ....rest....|onset                     the cut is the frame of the attack
    piece i    ─────────────┤                         ends there
    piece i+1      ╌╌╌╌╌┄┄┄┄├──────────               warm-up (dropped), overlap, then what is kept
                        └ cross-fade of 10 ms, where both together are weakest in the overlap

The warm-up covers the receptive field. With a harmonic source that is enough, since the source gives the phases; pieces can then
be short (`benchmarks/settling.py`). A network without a source needs a longer warm-up that begins with an attack, because its
partials take their phases from its own past output.

Sample n draws the same random number in every piece (the counter is the position in the score). The cuts depend on the score,
the network and the device only, so the number of threads or of simultaneous pieces changes no sample.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.renderer.config import WaveNetConfig

LONGEST_S = 5.0  # pieces wanted
SPREAD, SPREAD_S = 0.2, 0.6  # how far from the length wanted a cut may lie: in most music an attack lies within
OVERLAP_S = 0.064
FADE_S = 0.010
DECAY_S, RELEASE_S = 0.6, 0.08  # a rough guess of how notes die away, to find where little sounds
WORTH = 0.02  # the attack that a cut without any counts for


@dataclass(frozen=True)
class Cutting:
    """How a score is cut.

    Attributes:
        pieces: wanted, if they are not shorter than ``shortest_s``.
        settling_s: of the warm-up, beyond the receptive field.
        look_back_s: how much earlier a warm-up may begin to start with an attack.
    """

    pieces: int
    shortest_s: float
    settling_s: float
    look_back_s: float


# By device. Two processors are kept busy by some dozens of pieces. A GPU has thousands of places, and its time is that of the
# longest piece. Without a source, from silence into what would sound there takes a note or so, and of pieces of a second the
# piano's note accuracy suffers (`benchmarks/parallel_price.py --cutting cuda`).
CUTTINGS = {"cpu": Cutting(24, 2.5, 0.6, 0.5), "cuda": Cutting(256, 1.5, 0.6, 0.5)}
DRIVEN_CUTTINGS = {"cpu": Cutting(24, 1.0, 0.0, 0.0), "cuda": Cutting(512, 0.5, 0.0, 0.0)}


def cutting_for(config: WaveNetConfig, device: str = "cpu") -> Cutting:
    """How scores are cut for a network on a device."""
    return (DRIVEN_CUTTINGS if config.source_window else CUTTINGS)[device]


@dataclass(frozen=True)
class Segment:
    """Frames ``first .. last`` of a series; the first ``kept - first`` are warm-up and overlap with the piece before."""

    first: int
    kept: int
    last: int


def plan(series: ConditioningSeries, config: WaveNetConfig, device: str = "cpu") -> list[Segment]:
    """The pieces of a series for the player of ``device``, in order; one where it is too short to cut."""
    cutting = cutting_for(config, device)
    cuts = [0, *cuts_of(series, cutting), series.n_frames]
    pieces = [Segment(0, 0, cuts[1])]
    for cut, end in itertools.pairwise(cuts[1:]):
        pieces.append(Segment(_warm_start(series, config, cutting, cut), cut, end))
    return pieces


def cuts_of(series: ConditioningSeries, cutting: Cutting) -> list[int]:
    """Frames to cut at, each the cheapest near the length wanted: pieces of like length keep a batch full."""
    rate = series.sample_rate / series.hop
    wanted = int(np.clip(series.n_frames / rate / cutting.pieces, cutting.shortest_s, LONGEST_S) * rate)
    spread = max(int(SPREAD * wanted), min(int(SPREAD_S * rate), wanted // 2))
    costs = cut_costs(series)
    cuts, at = [], 0
    while series.n_frames - at > 1.7 * wanted:
        low, high = at + wanted - spread, at + wanted + spread
        distance = np.abs(np.arange(low, high) - at - wanted) / wanted
        at = low + int(np.argmin(costs[low:high] + 1e-3 * distance))
        cuts.append(at)
    return cuts


def cut_costs(series: ConditioningSeries) -> np.ndarray:
    """What a cut before each frame costs, ``[n_frames]``: what still sounds there over the attack that hides it."""
    notes, rate = series.notes, series.sample_rate / series.hop
    sounding, attacks = np.zeros(series.n_frames + 1), np.zeros(series.n_frames + 1)
    fall = np.exp(-np.arange(int(8 * DECAY_S * rate)) / (DECAY_S * rate))
    release = np.exp(-np.arange(int(8 * RELEASE_S * rate)) / (RELEASE_S * rate))
    for onset, offset, velocity in zip(notes.onset_frame, notes.offset_frame, notes.velocity, strict=True):
        power = (velocity / 127) ** 2
        held = min(offset - onset, len(fall))
        _add(sounding, onset, power * fall[:held])
        _add(sounding, offset, power * fall[held - 1] * release)
        if onset >= 0:
            attacks[onset] += power
    before = np.concatenate([[0.0], sounding[:-2]])
    return before / (WORTH + attacks[:-1])


def fade_length(config: WaveNetConfig) -> int:
    return max(2, int(FADE_S * config.sample_rate))


def overlap_frames(config: WaveNetConfig) -> int:
    return max(2, int(OVERLAP_S * config.sample_rate / config.hop))


def join(before: np.ndarray, after: np.ndarray, fade: int) -> np.ndarray:
    """Two versions of the same stretch, ``[t]`` each, as one: the first's beginning, the second's end.

    The cross-fade of ``fade`` samples lies where the two together are weakest. It keeps the power: with gains a and b and
    correlation r of the two, a² + b² + 2rab = 1, which is the usual equal-power fade for r = 0 and the plain one for r = 1.
    """
    fade = min(fade, len(before))
    start = weakest(before, after, fade)
    span = slice(start, start + fade)
    x, y = before[span].astype(np.float64), after[span].astype(np.float64)
    power = float(np.sqrt(float(x @ x) * float(y @ y)))
    correlation = max(0.0, float(x @ y) / power) if power > 0 else 0.0
    angle = (np.arange(fade) + 0.5) / fade * np.pi / 2
    out_gain, in_gain = np.cos(angle), np.sin(angle)
    mixed = (out_gain * x + in_gain * y) / np.sqrt(1 + 2 * correlation * out_gain * in_gain)
    mixed = np.clip(mixed, -1.0, 1.0).astype(np.float32)
    return np.concatenate([before[:start], mixed, after[start + fade :]])


def weakest(before: np.ndarray, after: np.ndarray, fade: int) -> int:
    """Where the ``fade`` samples with the least power of both begin; the last such place."""
    power = np.concatenate([[0.0], np.cumsum(before.astype(np.float64) ** 2 + after.astype(np.float64) ** 2)])
    windows = power[fade:] - power[:-fade]
    return len(windows) - 1 - int(np.argmin(windows[::-1]))


class Joiner:
    """Takes the pieces of one series in order and gives the joined audio as far as it is final.

    ``held`` is the end of the last piece, which the next one's overlap is still to be joined to.
    """

    def __init__(self, config: WaveNetConfig, held: np.ndarray | None = None):
        self.hop, self.overlap, self.fade = config.hop, overlap_frames(config), fade_length(config)
        self.held = held

    def add(self, piece: Segment, audio: np.ndarray, *, is_last: bool) -> np.ndarray:
        """``audio`` of frames ``piece.first .. piece.last``; returns what can be played."""
        if self.held is not None:
            overlap = len(self.held)
            kept = (piece.kept - piece.first) * self.hop
            joined = join(self.held, audio[kept - overlap : kept], self.fade)
            audio = np.concatenate([joined, audio[kept:]])
        if is_last:
            self.held = None
            return audio
        cut = max(0, len(audio) - self.overlap * self.hop)
        self.held = audio[cut:]
        return audio[:cut]


def _add(target: np.ndarray, start: int, values: np.ndarray) -> None:
    """target[start:] += values, as far as both reach."""
    skipped = max(0, -start)
    stop = min(start + len(values), len(target))
    if stop > start + skipped:
        target[start + skipped : stop] += values[skipped : stop - start]


def _warm_start(series: ConditioningSeries, config: WaveNetConfig, cutting: Cutting, cut: int) -> int:
    rate = config.sample_rate / config.hop
    latest = cut - overlap_frames(config) - -(-config.receptive_field // config.hop) - int(cutting.settling_s * rate)
    onsets = series.notes.onset_frame
    near = onsets[(onsets <= latest) & (onsets >= latest - int(cutting.look_back_s * rate))]
    return max(0, int(near.max()) if len(near) else latest)
