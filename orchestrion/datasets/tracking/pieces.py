"""Pieces that were recorded, with their source, as a driven network is trained on: the twin of ``banks.mixing.MixedPiece``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.noise import N_BANDS, N_FINE, OVERLAP, refined
from orchestrion.datasets.banks.mixing import Mixed
from orchestrion.datasets.banks.ownnoise import own_noise
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.datasets.recordings.rawaudio import RawAudio
from orchestrion.score import Note


@dataclass(frozen=True, eq=False)
class TrackedPiece:
    """A recording and its source along its own phases (see `tracker`).

    Attributes:
        bank_name: of the set, whose tables play it.
        recording: audio and notes.
        source_audio: the source, as long as the recording.
        powers: float16 ``[frames, 12]`` dB of the mean square of what is not harmonic.
    """

    bank_name: str
    recording: AlignedPiece
    source_audio: RawAudio
    powers_db: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.bank_name}/{self.recording.name}"

    @property
    def hop(self) -> int:
        return self.recording.hop

    @property
    def series(self) -> ConditioningSeries:
        return self.recording.series

    @property
    def n_frames(self) -> int:
        return self.series.n_frames

    @property
    def n_samples(self) -> int:
        return self.n_frames * self.hop

    @property
    def notes(self) -> tuple[Note, ...]:
        return self.recording.notes

    def mix(self, start: int, stop: int, margin: int = 0, *, noise_margin: tuple[int, int] = (0, 0), gain: float = 1.0) -> Mixed:
        """Frames ``start..stop`` with ``margin`` samples more on either side; outside the recording it is silent.

        Args: see `MixedPiece.mix`.
        """
        first, last = start * self.hop - margin, stop * self.hop + margin
        before, after = start - noise_margin[0], stop + noise_margin[1]
        a, b = np.clip((before, after), 0, len(self.powers_db))
        power = np.zeros((after - before, N_BANDS))
        power[a - before : b - before] = 10 ** (self.powers_db[a:b].astype(np.float64) / 10)
        x, y = (_read(audio, first, last) for audio in (self.recording.audio, self.source_audio))
        y = y + self._own_noise(first, last)
        return Mixed((gain * x).astype(np.float32), (gain * y).astype(np.float32), gain**2 * power)

    def _own_noise(self, first: int, last: int) -> np.ndarray:
        """Samples [first, last) of noise along the recording's own phases."""
        a, b = first // self.hop - OVERLAP, -(-last // self.hop) + OVERLAP
        inside = np.clip((a, b), 0, len(self.powers_db))
        power = np.zeros((b - a, N_FINE))
        power[inside[0] - a : inside[1] - a] = 10 ** (refined(self.powers_db[inside[0] : inside[1]].astype(np.float32)[:, :, None])[:, :, 0] / 10)
        rest = _read(self.recording.audio, a * self.hop, b * self.hop) - _read(self.source_audio, a * self.hop, b * self.hop)
        made = own_noise(rest, power, self.hop, self.recording.sample_rate)[first - a * self.hop : last - a * self.hop]
        place = np.arange(first, last)
        return np.where((place >= 0) & (place < self.recording.n_samples), made, 0.0)


def _read(audio: RawAudio, first: int, last: int) -> np.ndarray:
    """Samples [first, last), 0 outside the recording."""
    a, b = np.clip((first, last), 0, audio.n_samples)
    out = np.zeros(last - first, np.float32)
    if a < b:
        out[a - first : b - first] = audio.read(int(a), int(b))
    return out
