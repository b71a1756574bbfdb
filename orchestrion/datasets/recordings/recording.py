"""`Recording`: mono audio of one piece, which stays on disk until it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from orchestrion.datasets.recordings.rawaudio import RawAudio
from orchestrion.errors import OrchestrionError


@dataclass(frozen=True, eq=False)
class Recording:
    """Audio at ``sample_rate``."""

    name: str
    sample_rate: int
    audio: RawAudio = field(repr=False)

    @property
    def n_samples(self) -> int:
        """Samples of audio."""
        return self.audio.n_samples

    @property
    def duration_s(self) -> float:
        """Seconds of audio."""
        return self.n_samples / self.sample_rate

    def samples(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Audio in [start, stop): float32 in [-1, 1]. Only what is asked for is read.

        Raises:
            OrchestrionError: the interval is not within the recording.
        """
        stop = self.n_samples if stop is None else stop
        if not 0 <= start <= stop <= self.n_samples:
            raise OrchestrionError(f"Samples {start} to {stop} are not within the {self.n_samples} of {self.name}.")
        return self.audio.read(start, stop)


def check_plain(name: str, folder: Path) -> None:
    """Refuse a piece of the prepared set in ``folder`` whose name leads elsewhere.

    Raises:
        OrchestrionError: it does.
    """
    if not name or Path(name).name != name or "\0" in name:
        raise OrchestrionError(f"{folder / 'dataset.json'} names {name!r}, which is no plain name.")
