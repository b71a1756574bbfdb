"""The conditioning of many voices on the GPU: each block of a score once, however many voices hear it.

Blocks are those of ``kernels.conditioner``: `BLOCK` frames from a multiple of it, always computed in one shape, so that a
frame's numbers depend neither on who else plays nor on where rendering began. No more are held than a launch needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from orchestrion.bridge.noise import AFTER, BEFORE
from orchestrion.renderer.gpu.batch import GpuBlock
from orchestrion.renderer.gpu.source import GpuSource, overlapped
from orchestrion.renderer.gpu.weights import GpuWeights
from orchestrion.renderer.kernels.conditioner import BLOCK, Conditioner
from orchestrion.renderer.task import Voice

Key = tuple[bytes, int]
RUN = 16  # blocks that are computed together


class Pool:
    """Blocks of conditioning in device memory."""

    def __init__(self, weights: GpuWeights):
        self.weights = weights
        self._index: dict[Key, int] = {}
        self._sources: dict[bytes, GpuSource] = {}
        self._rows, self._drive, self._centre = self._room(1)

    def gather(self, voices: Sequence[Voice | None], n_frames: int) -> GpuBlock:
        """What the kernel needs for the next ``n_frames`` frames of each place's voice.

        A place without a voice (None) is given anything. Frames after a voice's end are as the series has them: silent.
        """
        hop, device = self.weights.config.hop, self.weights.device
        present = [(place, voice) for place, voice in enumerate(voices) if voice is not None]
        self._have({key: voice.task.conditioner for _, voice in present for key in self._keys(voice, n_frames)})
        places = np.zeros((n_frames, len(voices)), dtype=np.int64)
        sharpness = np.ones((n_frames, len(voices)), dtype=np.float32)
        has_forced = any(voice.task.forced is not None for _, voice in present)
        forced = np.full((n_frames * hop, len(voices)), -1, dtype=np.int32) if has_forced else None
        for place, voice in present:
            conditioner, start = voice.task.conditioner, voice.frame
            done = 0
            for key in self._keys(voice, n_frames):
                first = (start + done) % BLOCK
                n = min(BLOCK - first, n_frames - done)
                places[done : done + n, place] = self._index[key] * BLOCK + np.arange(first, first + n)
                done += n
            sharpness[:, place] = conditioner.sharpness(start, n_frames)
            taken = voice.forced(n_frames)
            if forced is not None and taken is not None:
                forced[:, place] = taken
        on_device = None if forced is None else upload(forced, device)
        rows, drive, centre = (held.flatten(0, 1) for held in (self._rows, self._drive, self._centre))
        return GpuBlock(rows, drive, centre, upload(places, device), upload(sharpness, device), on_device)

    def _keys(self, voice: Voice, n_frames: int) -> list[Key]:
        """The blocks that the next frames of a voice lie in, in order."""
        features = voice.task.conditioner.features
        blocks = range(voice.frame // BLOCK, (voice.frame + n_frames - 1) // BLOCK + 1)
        # Without conditioning there is nothing to tell frames apart.
        return [(features.key, block) if self.weights.config.conditioned else (b"", 0) for block in blocks]

    def _have(self, needed: Mapping[Key, Conditioner]) -> None:
        """Compute the blocks that are not there yet, in the room of those that are not needed."""
        missing = [key for key in needed if key not in self._index]
        free = sorted(set(range(len(self._rows))) - set(self._index.values()))
        for key in [key for key in self._index if key not in needed][: max(0, len(missing) - len(free))]:
            free.append(self._index.pop(key))
        if len(missing) > len(free):
            free += range(len(self._rows), self._grow(len(missing) - len(free)))
        slots = dict(zip(missing, free, strict=False))
        self._index |= slots
        if self.weights.config.source_window:
            self._sources = {key[0]: self._sources[key[0]] for key in needed if key[0] in self._sources}
            for run in runs(sorted(slots)):
                self._compute_driven(needed[run[0]], run[0][1], [slots[key] for key in run])
        else:
            for key, slot in slots.items():
                self._compute(needed[key], key[1], slot)

    def _compute(self, conditioner: Conditioner, index: int, slot: int) -> None:
        c, device = self.weights.config, self.weights.device
        start, stop = BLOCK * index, BLOCK * (index + 1)
        past, future = c.context_frames
        frames = upload(conditioner.features.frames(start - past, stop + future), device)
        self._rows[slot] = self.weights.rows(frames[None])[0, past : past + BLOCK]
        signal = conditioner.features.signal(start, stop)
        if signal is not None:
            drive, centre = self.weights.drive(upload(signal, device)[None])
            self._drive[slot], self._centre[slot] = drive[0], centre[0]

    def _compute_driven(self, conditioner: Conditioner, first: int, slots: Sequence[int]) -> None:
        """Up to `RUN` successive blocks of a network that a source drives."""
        c, features = self.weights.config, conditioner.features
        if features.key not in self._sources:
            assert features.source is not None
            self._sources[features.key] = GpuSource(features.source, c, self.weights.device)
        source, n = self._sources[features.key], len(slots)
        start, stop, past = BLOCK * first, BLOCK * (first + n), c.context_frames[0]
        margin = max(past, BEFORE + 1)
        values, spectra = source.frames(start - margin, stop + margin)
        heard = windows(values[margin - past : len(values) - margin + past], BLOCK + 2 * past)
        noise = overlapped(windows(spectra[margin - BEFORE - 1 : len(spectra) - margin + AFTER + 1], BLOCK + 2 + BEFORE + AFTER), c.hop)
        # A frame more on either side, as in `Features.signal`.
        audio = (windows(source.partials(start - 1, stop + 1), BLOCK + 2).flatten(1) + noise).double()
        emphasised = c.gain * (audio[:, 1:] - c.preemphasis * audio[:, :-1])
        signal = emphasised[:, c.hop - c.source_window - 1 : (BLOCK + 1) * c.hop + c.source_window - 1].float()
        where = torch.tensor(slots, device=self.weights.device)
        self._rows[where] = self.weights.rows(heard)[:n, past : past + BLOCK]
        drive, centre = self.weights.drive(signal)
        self._drive[where], self._centre[where] = drive[:n], centre[:n]

    def _grow(self, n: int) -> int:
        """Room for ``n`` blocks more, at least twice as many; how many there are then."""
        before = self._rows, self._drive, self._centre
        after = self._room(len(self._rows) + max(n, len(self._rows)))
        for old, new in zip(before, after, strict=True):
            new[: len(old)] = old
        self._rows, self._drive, self._centre = after
        return len(self._rows)

    def _room(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        c, width, device = self.weights.config, self.weights.width, self.weights.device
        rows = torch.zeros(n, BLOCK, c.layers, 2 * width, device=device)
        drive = torch.zeros(n, BLOCK * c.hop, width if c.drive_channels else 1, device=device)
        return rows, drive, torch.zeros(n, BLOCK * c.hop, device=device)


def runs(keys: Sequence[Key]) -> Iterator[list[Key]]:
    """Blocks of one score that follow each other, up to `RUN` at a time; ``keys`` are sorted."""
    run: list[Key] = []
    for score, block in keys:
        if run and (run[-1] != (score, block - 1) or len(run) == RUN):
            yield run
            run = []
        run.append((score, block))
    if run:
        yield run


def windows(frames: Tensor, length: int) -> Tensor:
    """`RUN` windows of ``[f, …]``, a block apart, ``[RUN, length, …]``: zeros where the frames end, so that the shape is always the same."""
    n = 1 + (len(frames) - length) // BLOCK
    out = frames.new_zeros(RUN, length, *frames.shape[1:])
    out[:n] = frames.unfold(0, length, BLOCK).movedim(-1, 1)
    return out


def upload(array: np.ndarray, device: torch.device) -> Tensor:
    """``array`` on ``device``; from pinned memory, so that it does not wait for what the GPU is at."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
