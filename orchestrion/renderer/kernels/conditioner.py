"""What the score gives the sample loop, a block of frames at a time, so that memory stays flat however long the score.

A block is always the frames ``[BLOCK * i, BLOCK * (i + 1))`` of its series, computed alone and with the same shapes. The
numbers of a frame therefore do not depend on where rendering began, who is rendered beside it, or where it was interrupted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.source import HarmonicSource
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.features import Features
from orchestrion.renderer.kernels.batch import Block, Prepared
from orchestrion.renderer.kernels.context import Context
from orchestrion.renderer.kernels.packing import Packed

BLOCK = 128  # frames; the convolutions over frames see 20 more on either side, which is less of more
HOTTEST = 100.0
COLDEST = 1e-4


class Instrumental(Protocol):
    """What decides the conditioning inputs beside the series: of a `Parameters` or a `WaveNet`."""

    @property
    def config(self) -> WaveNetConfig: ...

    @property
    def source(self) -> HarmonicSource | None: ...


class Conditioner:
    """Rows, drive and temperature of one series.

    Args:
        model: whose clock and source they are.
        packed: the weights of the player that it feeds. The GPU's takes the ``features`` and makes its own rows.
        temperature: one number, or one a frame ``[n_frames]``; 0 takes the likeliest level.

    Raises:
        OrchestrionError: another sample rate or hop than the model's, or a temperature outside 0 to 100.
    """

    def __init__(self, model: Instrumental, packed: Prepared, series: ConditioningSeries, temperature: float | np.ndarray = 1.0):
        c = model.config
        if (series.sample_rate, series.hop) != (c.sample_rate, c.hop):
            raise OrchestrionError(
                f"The series is on {series.sample_rate} Hz with {series.hop} samples a frame, the renderer on {c.sample_rate} Hz"
                f" with {c.hop}; make the series for the renderer's clock."
            )
        self.model, self.packed, self.series = model, packed, series
        self.features = Features(series, c, model.source)
        self._sharpness = _sharpness(temperature, series.n_frames)
        self._blocks: dict[str, dict[int, np.ndarray]] = {}
        self._last_signal: tuple[int, np.ndarray] = -1, np.empty(0)

    def fresh(self) -> Conditioner:
        """A twin with nothing in its cache, for another thread."""
        twin = copy.copy(self)
        twin._blocks, twin._last_signal = {}, (-1, np.empty(0))
        return twin

    @property
    def n_frames(self) -> int:
        return self.series.n_frames

    def rows(self, start: int, n_frames: int) -> np.ndarray:
        """V·y + gate biases of frames from ``start``, ``[n_frames, layers, 2 * width]`` in the order of ``packing.gate_order``. Beyond the series it is silent."""
        return self._window(self._rows, start, n_frames)

    def drive(self, start: int, n_frames: int) -> np.ndarray:
        """What is added at the input in frames from ``start``, ``[n_frames, hop, width]`` float32."""
        return self._window(self._drive, start, n_frames)

    def centre(self, start: int, n_frames: int) -> np.ndarray:
        """What a mixture's means lie about in frames from ``start``, ``[n_frames, hop]`` float32."""
        return self._window(self._centre, start, n_frames)

    def sharpness(self, start: int, n_frames: int) -> np.ndarray:
        """One over the temperature, ``[n_frames]`` float32."""
        frames = np.arange(start, start + n_frames)
        return self._sharpness[np.minimum(frames, len(self._sharpness) - 1)]

    def _window(self, compute: Callable[[int], np.ndarray], start: int, n_frames: int) -> np.ndarray:
        stop, parts = start + n_frames, []
        for index in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            begin = BLOCK * index
            parts.append(self._cached(compute, index)[max(start - begin, 0) : stop - begin])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _cached(self, compute: Callable[[int], np.ndarray], index: int) -> np.ndarray:
        """A block, from the two last ones where it is there: windows are asked for in order."""
        blocks = self._blocks.setdefault(compute.__name__, {})
        if index not in blocks:
            if len(blocks) == 2:
                del blocks[min(blocks)]
            blocks[index] = compute(index)
        return blocks[index]

    def _rows(self, index: int) -> np.ndarray:
        c, context = self.model.config, self._context
        if not c.conditioned:
            return context.rows_without_score(BLOCK)
        past, future = c.context_frames
        return context.rows_of(self.features.frames(BLOCK * index - past, BLOCK * (index + 1) + future))

    def _drive(self, index: int) -> np.ndarray:
        return self._context.drive_of(self._signal(index)).reshape(BLOCK, self.model.config.hop, -1)

    def _centre(self, index: int) -> np.ndarray:
        return self._context.centre_of(self._signal(index)).reshape(BLOCK, self.model.config.hop)

    @property
    def _context(self) -> Context:
        assert isinstance(self.packed, Packed), "the GPU's player makes its own rows"
        return self.packed.context

    def _signal(self, index: int) -> np.ndarray:
        """The source or the harmonics of a block; the last one is kept, since it is asked for twice."""
        if self._last_signal[0] != index:
            signal = self.features.signal(BLOCK * index, BLOCK * (index + 1))
            assert signal is not None
            self._last_signal = index, signal
        return self._last_signal[1]


def gather(
    packed: Packed, conditioners: Sequence[Conditioner], starts: Sequence[int], n_frames: int, forced: Sequence[np.ndarray | None]
) -> Block:
    """``n_frames`` frames from ``starts[v]`` of every voice v, side by side.

    ``forced[v]`` holds levels ``[n_frames * hop]`` int32 to take instead of drawing where they are >= 0.
    """
    c, n = packed.config, len(conditioners)
    rows = _side_by_side([a.rows(t, n_frames) for a, t in zip(conditioners, starts, strict=True)], 2)
    sharpness = np.empty((n_frames, n), dtype=np.float32)
    levels = np.full((n_frames * c.hop, n), -1, dtype=np.int32)
    drive = centre = None
    if c.drive_channels:
        parts = [a.drive(t, n_frames).reshape(-1, packed.width) for a, t in zip(conditioners, starts, strict=True)]
        drive = _side_by_side(parts, 1)
    if c.source_window:
        parts = [a.centre(t, n_frames).reshape(-1, 1) for a, t in zip(conditioners, starts, strict=True)]
        centre = _side_by_side(parts, 1)[..., 0]
    for v, (conditioner, start) in enumerate(zip(conditioners, starts, strict=True)):
        sharpness[:, v] = conditioner.sharpness(start, n_frames)
        taken = forced[v]
        if taken is not None:
            levels[:, v] = taken
    return Block(rows, drive, centre, sharpness, levels)


def _side_by_side(parts: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """One part a voice along a new ``axis``; no copy where there is nothing to do."""
    first = parts[0]
    if len(parts) == 1 and first.flags.c_contiguous:
        return np.expand_dims(first, axis)
    out = aligned_zeros(*first.shape[:axis], len(parts), *first.shape[axis:])
    for v, part in enumerate(parts):
        out[(slice(None),) * axis + (v,)] = part
    return out


def _sharpness(temperature: float | np.ndarray, n_frames: int) -> np.ndarray:
    values = np.atleast_1d(np.asarray(temperature, dtype=np.float64))
    if values.shape not in ((1,), (n_frames,)):
        raise OrchestrionError(f"Temperatures of shape {values.shape} do not fit {n_frames} frames; give one, or one a frame.")
    if not np.all((values >= 0) & (values <= HOTTEST)):
        raise OrchestrionError(f"The temperature must lie between 0 and {HOTTEST:g}.")
    return (1.0 / np.maximum(values, COLDEST)).astype(np.float32)
