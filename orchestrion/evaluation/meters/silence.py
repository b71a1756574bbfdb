"""Has the generator fallen silent?

A frame of 50 ms is silent if its level is more than 45 dB below the seed or the held-out music, or below -70 dB of full scale. Faults
are sound that ends for good before nine tenths of its length, and pauses that music of its kind does not make: half of it
silent, or three seconds in one piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestrion.audio import Waveform

FRAME_S = 0.05
BELOW_DB = 45.0
SILENT_DB = -70.0
LONGEST_S = 3.0
SHARE = 0.5


@dataclass(frozen=True, slots=True)
class SilenceMeter:
    """``share`` of frames silent; ``longest_s`` in one piece; ``sounds_until_s``: end of the last frame with sound."""

    share: float
    longest_s: float
    sounds_until_s: float
    duration_s: float

    @property
    def found(self) -> bool:
        # Below two seconds the end of the last note is no sign of anything.
        stopped = self.duration_s > 2 and self.sounds_until_s < 0.9 * self.duration_s - 1
        return stopped or self.share > SHARE or self.longest_s >= LONGEST_S


def measure_silence(audio: Waveform, usual_db: float | None = None) -> SilenceMeter:
    """Silence in ``audio``.

    Args:
        usual_db: RMS level in dB of full scale of what it continues or should sound like; its own without it.
    """
    size = max(1, round(FRAME_S * audio.sample_rate))
    n = -(-len(audio.samples) // size)
    frames = np.pad(audio.samples, (0, n * size - len(audio.samples))).reshape(n, size).astype(np.float64)
    power = np.square(frames).mean(axis=1)
    usual = power.mean() if usual_db is None else 10 ** (usual_db / 10)
    silent = power < max(usual * 10 ** (-BELOW_DB / 10), 10 ** (SILENT_DB / 10))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8))).reshape(-1, 2)
    longest = int((edges[:, 1] - edges[:, 0]).max(initial=0))
    last = int(np.flatnonzero(~silent).max(initial=-1)) + 1
    return SilenceMeter(
        float(silent.mean()), longest * FRAME_S, min(last * FRAME_S, audio.duration_s), audio.duration_s
    )
