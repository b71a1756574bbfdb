"""Training examples from songs: cut when they are needed, from audio that stays on disk.

An epoch is as many examples as the songs have consecutive ones, and position p of the whole training is example p mod n
of epoch p div n; so the batches of a step depend on its number alone, and a training can be resumed anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from orchestrion.datasets.recordings.recording import Recording
from orchestrion.errors import OrchestrionError
from orchestrion.options import Stages

BATCH_OF_PASS = 8  # at 44.1 kHz a batch of ten-second spectra in double precision takes 60 MB, several times over


class Clips:
    """Examples of ``length`` samples from ``songs``; a song's last one, and a short song's only one, ends in silence.

    Args:
        random: examples begin anywhere, longer songs being chosen more often, instead of one after another.

    Raises:
        OrchestrionError: there are no songs.
    """

    def __init__(self, songs: Sequence[Recording], length: int, seed: int = 0, random: bool = False):
        if not songs:
            raise OrchestrionError("The set has no song in one of its splits; prepare it with songs in both.")
        self.songs, self.length, self.seed, self.random = songs, length, seed, random
        self._starts = [(s, start) for s, song in enumerate(songs) for start in range(0, song.n_samples, length)]
        self._ends = np.cumsum([song.n_samples for song in songs])

    def __len__(self) -> int:
        """Examples in an epoch."""
        return len(self._starts)

    def at(self, position: int) -> np.ndarray:
        """Example number ``position`` of the whole training, float32 [length]."""
        epoch, index = divmod(position, len(self))
        if self.random:
            return self._anywhere(np.random.default_rng((self.seed, position)))
        order = np.random.default_rng((self.seed, epoch)).permutation(len(self))
        return self._cut(*self._starts[order[index]])

    def in_order(self, most: int | None = None, batches: range | None = None) -> Iterator[Tensor]:
        """All examples as they lie, or ``most`` of them evenly spaced, in batches ``[b, length]``; or only those ``batches``."""
        chosen = np.unique(np.linspace(0, len(self) - 1, min(most or len(self), len(self))).round().astype(int))
        for first in range(0, len(chosen), BATCH_OF_PASS) if batches is None else (BATCH_OF_PASS * i for i in batches):
            yield torch.from_numpy(np.stack([self._cut(*self._starts[i]) for i in chosen[first : first + BATCH_OF_PASS]]))

    def n_batches(self) -> int:
        """Batches of `in_order`."""
        return -(-len(self) // BATCH_OF_PASS)

    def _anywhere(self, rng: np.random.Generator) -> np.ndarray:
        song = int(np.searchsorted(self._ends, rng.integers(self._ends[-1]), side="right"))
        return self._cut(song, int(rng.integers(max(self.songs[song].n_samples - self.length, 0) + 1)))

    def _cut(self, song: int, start: int) -> np.ndarray:
        part = self.songs[song].samples(start, min(start + self.length, self.songs[song].n_samples))
        return np.pad(part, (0, self.length - len(part)))


def batch_at(stages: Stages, step: int, per_epoch: int) -> tuple[int, int]:
    """(position of its first example, batch size) of a step, when batches grow at the epochs that ``stages`` name."""
    position, done = 0, 0
    for (_, size), (until, _) in zip(stages, [*stages[1:], (None, 0)], strict=True):
        steps = None if until is None else max(0, -(-(until * per_epoch - position) // size))
        if steps is None or step < done + steps:
            return position + (step - done) * size, size
        position, done = position + steps * size, done + steps
    raise AssertionError("the last stage has no end")


def steps_of(stages: Stages, epochs: float, per_epoch: int) -> int:
    """Steps that so many epochs take."""
    low, high = 0, max(1, int(epochs * per_epoch) + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if batch_at(stages, middle, per_epoch)[0] < epochs * per_epoch else (low, middle)
    return max(low, 1)
