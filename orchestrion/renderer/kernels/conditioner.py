"""What the score gives the sample loop, a block of frames at a time, so that memory stays flat however long the score.

A block is always the frames ``[BLOCK * i, BLOCK * (i + 1))`` of its series, computed alone and with the same shapes. The
numbers of a frame therefore do not depend on where rendering began, who is rendered beside it, or where it was interrupted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch

from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.renderer.features import Features
from orchestrion.renderer.kernels.batch import Block, Prepared
from orchestrion.renderer.kernels.packing import Packed, in_gate_order
from orchestrion.renderer.network import WaveNet

BLOCK = 128  # frames; the convolutions over frames see 20 more on either side, which is less of more
HOTTEST = 100.0
COLDEST = 1e-4


class Conditioner:
    """Rows, excitation and temperature of one series.

    Args:
        packed: the weights of the player that it feeds. The GPU's takes the ``features`` and makes its own rows.
        temperature: one number, or one a frame ``[n_frames]``; 0 takes the likeliest level.

    Raises:
        OrchestrionError: another sample rate or hop than the model's, or a temperature outside 0 to 100.
    """

    def __init__(self, model: WaveNet, packed: Prepared, series: ConditioningSeries, temperature: float | np.ndarray = 1.0):
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
        self._last_signal: tuple[int, torch.Tensor] = -1, torch.empty(0)

    def fresh(self) -> Conditioner:
        """A twin with nothing in its cache, for another thread."""
        twin = copy.copy(self)
        twin._blocks, twin._last_signal = {}, (-1, torch.empty(0))
        return twin

    @property
    def n_frames(self) -> int:
        return self.series.n_frames

    def rows(self, start: int, n_frames: int) -> np.ndarray:
        """V·y + gate biases of frames from ``start``, ``[n_frames, layers, 2, residual]``. Beyond the series it is silent."""
        return self._window(self._rows, start, n_frames)

    def drive(self, start: int, n_frames: int) -> np.ndarray:
        """What is added at the input in frames from ``start``, ``[n_frames, hop, residual]`` float32."""
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
        c = self.model.config
        start, stop = BLOCK * index, BLOCK * (index + 1)
        with torch.inference_mode():
            if not c.conditioned:
                rows = self.model.conditioning_rows(None, n_frames=BLOCK)
            else:
                past, future = c.context_frames
                frames = torch.from_numpy(self.features.frames(start - past, stop + future))
                # As ``WaveNet.conditioning_rows``, which makes those of the margins too: twice as long.
                y = self.model.context(frames[None])[0, past : past + BLOCK]
                rows = torch.addmm(self.model.b_gate.flatten(), y, self.model.w_cond)[None]
        return rows[0].detach().float().numpy().reshape(BLOCK, c.layers, 2, c.residual)

    def _drive(self, index: int) -> np.ndarray:
        c = self.model.config
        with torch.inference_mode():
            return self.model.drive(self._signal(index))[0].float().numpy().reshape(BLOCK, c.hop, c.residual)

    def _centre(self, index: int) -> np.ndarray:
        c = self.model.config
        with torch.inference_mode():
            return self.model.centre(self._signal(index), torch.Size((1, BLOCK * c.hop)))[0].numpy().reshape(BLOCK, c.hop)

    def _signal(self, index: int) -> torch.Tensor:
        """The source or the harmonics of a block, ``[1, ...]``; the last one is kept, since it is asked for twice."""
        if self._last_signal[0] != index:
            signal = self.features.signal(BLOCK * index, BLOCK * (index + 1))
            assert signal is not None
            self._last_signal = index, torch.from_numpy(signal)[None]
        return self._last_signal[1]


def gather(
    packed: Packed, conditioners: Sequence[Conditioner], starts: Sequence[int], n_frames: int, forced: Sequence[np.ndarray | None]
) -> Block:
    """``n_frames`` frames from ``starts[v]`` of every voice v, side by side.

    ``forced[v]`` holds levels ``[n_frames * hop]`` int32 to take instead of drawing where they are >= 0.
    """
    c, n = packed.config, len(conditioners)
    rows = _side_by_side([a.rows(t, n_frames) for a, t in zip(conditioners, starts, strict=True)], 2, packed.width)
    sharpness = np.empty((n_frames, n), dtype=np.float32)
    levels = np.full((n_frames * c.hop, n), -1, dtype=np.int32)
    drive = centre = None
    if c.drive_channels:
        parts = [a.drive(t, n_frames).reshape(-1, c.residual) for a, t in zip(conditioners, starts, strict=True)]
        drive = _side_by_side(parts, 1, packed.width)
    if c.source_window:
        parts = [a.centre(t, n_frames).reshape(-1, 1) for a, t in zip(conditioners, starts, strict=True)]
        centre = _side_by_side(parts, 1, 1)[..., 0]
    for v, (conditioner, start) in enumerate(zip(conditioners, starts, strict=True)):
        sharpness[:, v] = conditioner.sharpness(start, n_frames)
        taken = forced[v]
        if taken is not None:
            levels[:, v] = taken
    return Block(in_gate_order(rows), drive, centre, sharpness, levels)


def _side_by_side(parts: Sequence[np.ndarray], axis: int, width: int) -> np.ndarray:
    """One part a voice along a new ``axis``, padded with zeros to ``width`` in the last; no copy where there is nothing to do."""
    first = parts[0]
    if len(parts) == 1 and first.shape[-1] == width and first.flags.c_contiguous:
        return np.expand_dims(first, axis)
    out = aligned_zeros(*first.shape[:axis], len(parts), *first.shape[axis:-1], width)
    for v, part in enumerate(parts):
        out[(slice(None),) * axis + (v, ..., slice(part.shape[-1]))] = part
    return out


def _sharpness(temperature: float | np.ndarray, n_frames: int) -> np.ndarray:
    values = np.atleast_1d(np.asarray(temperature, dtype=np.float64))
    if values.shape not in ((1,), (n_frames,)):
        raise OrchestrionError(f"Temperatures of shape {values.shape} do not fit {n_frames} frames; give one, or one a frame.")
    if not np.all((values >= 0) & (values <= HOTTEST)):
        raise OrchestrionError(f"The temperature must lie between 0 and {HOTTEST:g}.")
    return (1.0 / np.maximum(values, COLDEST)).astype(np.float32)
