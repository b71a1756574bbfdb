"""`Waveform`: mono audio, in memory and on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from orchestrion.audio.rates import check_rate
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_AUDIO_S
from orchestrion.options import AudioFormat

MACHINE_GENERATED = "machine-generated"


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Mono audio.

    Args:
        samples: float32 [t], finite, in [-1, 1], at least one; copied and read-only.
        sample_rate: samples a second, 1,000 to 768,000.
        tags: short texts that travel with the file: title, software, model, seed, comment.

    Raises:
        OrchestrionError: no samples, more than six hours, not finite, beyond full scale, or a wrong rate.
    """

    samples: np.ndarray
    sample_rate: int
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        samples = np.array(self.samples, dtype=np.float32)
        if samples.ndim != 1 or not len(samples):
            raise OrchestrionError(f"Audio must be mono and hold at least one sample; its shape is {samples.shape}.")
        check_rate(self.sample_rate)
        if len(samples) > MAX_AUDIO_S * self.sample_rate:
            seconds = len(samples) / self.sample_rate
            raise OrchestrionError(f"Audio of {seconds:.0f} s is longer than {MAX_AUDIO_S:g} s.")
        if not np.isfinite(samples).all():
            at = int(np.flatnonzero(~np.isfinite(samples))[0])
            raise OrchestrionError(f"Audio holds a value that is not a number (sample {at}); it cannot be played.")
        if max(-samples.min(), samples.max()) > 1.0:
            peak = float(np.abs(samples).max())
            raise OrchestrionError(f"Audio reaches {peak:.3f}, beyond full scale 1.0; turn it down first.")
        samples.setflags(write=False)
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "tags", MappingProxyType(dict(self.tags)))

    @classmethod
    def read(cls, path: str | os.PathLike[str], sample_rate: int | None = None, *, longest_s: float = MAX_AUDIO_S) -> Waveform:
        """Read any format that libsndfile knows; channels are averaged, and the rate converted where one is asked for.

        A file of floats beyond full scale is turned down to a peak of 1.

        Args:
            longest_s: longer audio is refused, six hours at most.

        Raises:
            OrchestrionError: no such file, not audio, no samples, not finite, more than 64 channels, or too long.
        """
        from orchestrion.audio import audiofiles  # not above: soundfile loads libsndfile

        waveform = cls(*audiofiles.read(path, longest_s))
        return waveform if sample_rate is None else waveform.resample(sample_rate)

    def write(self, path: str | os.PathLike[str], wanted: AudioFormat | None = None) -> None:
        """Write .wav, .flac, .ogg (Vorbis), .opus or .mp3, atomically, with the tags; same .wav and .flac bytes each time.

        Args:
            wanted: such as ``AudioFormat(rate=44100, channels=2, bits=24)``; None for the waveform's rate, mono, 16 bits.

        Raises:
            OrchestrionError: unknown extension, a format that does not have what is wanted, or the file cannot be written.
        """
        from orchestrion.audio import audiofiles

        audiofiles.write(path, self.samples, self.sample_rate, self.tags, wanted)

    def resample(self, sample_rate: int) -> Waveform:
        """Convert the rate with soxr (high quality); overshoot beyond full scale is clipped."""
        check_rate(sample_rate)
        if sample_rate == self.sample_rate:
            return self
        import soxr

        converted = soxr.resample(self.samples, self.sample_rate, sample_rate, quality="HQ")
        # A waveform shorter than the filter's step can come out empty.
        samples = converted if len(converted) else self.samples[:1]
        return replace(self, samples=np.clip(samples, -1.0, 1.0), sample_rate=sample_rate)

    def _repr_html_(self) -> str:
        """In a notebook: a player and a spectrogram."""
        from orchestrion.audio.showing import audio_html

        return audio_html(self)

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate
