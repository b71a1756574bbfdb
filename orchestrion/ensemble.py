"""Several players at once: tracks are added sample by sample, each with its gain and its place between left and right."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.audiofiles import write
from orchestrion.audio.rates import check_rate
from orchestrion.errors import OrchestrionError
from orchestrion.options import AudioFormat, Playing
from orchestrion.score import Score


@dataclass(frozen=True)
class Mix:
    """Audio of one or two channels.

    Args:
        samples: float32 [t, c] in [-1, 1]; c is 1 (mono) or 2 (left, right).
        sample_rate: samples a second.
        lowered_db: how far the whole mix was turned down so that its peak is full scale; 0 where it fitted.
        tags: as in `Waveform`.
    """

    samples: np.ndarray
    sample_rate: int
    lowered_db: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def to_mono(self) -> Waveform:
        """The mean of the channels."""
        return Waveform(self.samples.mean(axis=1), self.sample_rate, self.tags)

    def resample(self, sample_rate: int) -> Mix:
        """As `Waveform.resample`."""
        check_rate(sample_rate)
        if sample_rate == self.sample_rate or not len(self.samples):
            return self
        import soxr

        converted = soxr.resample(self.samples, self.sample_rate, sample_rate, quality="HQ")
        return replace(self, samples=np.clip(converted if len(converted) else self.samples[:1], -1.0, 1.0), sample_rate=sample_rate)

    def _repr_html_(self) -> str:
        """In a notebook: a player of all channels, and the spectrogram of their mean."""
        from orchestrion.audio.showing import MOST_S, audio_html

        return audio_html(self.to_mono(), sound=replace(self, samples=self.samples[: round(MOST_S * self.sample_rate)]))

    def write(self, path: str | os.PathLike[str], wanted: AudioFormat | None = None) -> None:
        """As `Waveform.write`."""
        write(path, self.samples, self.sample_rate, self.tags, wanted)


def split_parts(score: Score) -> list[Score]:
    """One score a pitched part, each on the clock of the whole; drums and empty parts are left out."""
    return [score.select(i) for i, part in enumerate(score.parts) if part.notes and not part.is_drum]


def mix(
    tracks: Sequence[Waveform], gains_db: Sequence[float] | None = None, pans: Sequence[float] | None = None
) -> Mix:
    """Add tracks sample by sample; shorter ones end in silence, lower rates are converted to the highest.

    Mono without ``pans``: the sum of gain * track. With ``pans`` (-1 left … 1 right), stereo at constant power:
    a track in the middle reaches each side at -3 dB. Where the sum would pass full scale, the whole mix is turned down
    by one factor, never limited or clipped, and ``lowered_db`` says by how much.

    Raises:
        OrchestrionError: no tracks, not one gain (pan) for each track, or one that is not finite.
    """
    if not tracks:
        raise OrchestrionError("There is nothing to mix: the score has no pitched part with notes.")
    gains = gains_of(len(tracks), gains_db, pans)
    rate = max(track.sample_rate for track in tracks)
    played = [track.resample(rate).samples for track in tracks]
    total = np.zeros((max(map(len, played)), gains.shape[1]))
    for samples, channels in zip(played, gains, strict=True):
        total[: len(samples)] += samples[:, None] * channels
    peak = float(np.abs(total).max())
    if peak > 1.0:
        total /= peak
    return Mix(total.astype(np.float32), rate, 20.0 * math.log10(max(peak, 1.0)), dict(tracks[0].tags))


def without_silent(score: Score, playing: Playing) -> Playing:
    """``playing`` less the gains and pans, one for each part of ``score``, of the parts that have no note, which a warning names."""
    if not (playing.gains_db or playing.pans):
        return playing
    if silent := [part.name for part in score.parts if not part.notes]:
        warnings.warn(f"No note in this piece, and so no gain or pan: {', '.join(silent)}.", stacklevel=2)
    has_notes = [bool(part.notes) for part in score.parts]
    return replace(playing, gains_db=tuple(compress(playing.gains_db, has_notes)), pans=tuple(compress(playing.pans, has_notes)))


def gains_of(n_tracks: int, gains_db: Sequence[float] | None = None, pans: Sequence[float] | None = None) -> np.ndarray:
    """Linear gain of each track into each channel, [track, channel]; one channel without ``pans``.

    Raises:
        OrchestrionError: as `mix`.
    """
    gains = [10.0 ** (gain / 20.0) for gain in _one_each("gain", gains_db or [0.0] * n_tracks, n_tracks)]
    sides = [(1.0,)] * n_tracks if not pans else [_sides(pan) for pan in _one_each("pan", pans, n_tracks)]
    return np.array([gain * np.asarray(channels) for gain, channels in zip(gains, sides, strict=True)])


def _one_each(what: str, values: Sequence[float], n_tracks: int) -> Sequence[float]:
    if len(values) != n_tracks:
        there = "There is 1 part" if n_tracks == 1 else f"There are {n_tracks} parts"
        raise OrchestrionError(f"{there} to mix but {len(values)} --{what} values; give one for each.")
    if not all(math.isfinite(value) for value in values):
        raise OrchestrionError(f"Each --{what} must be a finite number; they are {', '.join(map(str, values))}.")
    return values


def _sides(pan: float) -> tuple[float, float]:
    if not -1.0 <= pan <= 1.0:
        raise OrchestrionError(f"Pan {pan} is outside -1 (left) to 1 (right).")
    angle = (pan + 1.0) * math.pi / 4.0
    return math.cos(angle), math.sin(angle)
