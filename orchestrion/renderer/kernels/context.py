"""The score's way into the sample loop, by the compiled kernels: rows once a frame, the drive at audio rate.

The twin of ``WaveNet.conditioning_rows`` and ``WaveNet.drive``. A convolution is a product with windows of frames side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from orchestrion.matrices.dense import LEAST, Dense
from orchestrion.matrices.matrix import grown
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.renderer.coding import SOURCE_GAIN, compand
from orchestrion.renderer.config import WaveNetConfig

NOTHING = np.float32(0.0)


@dataclass(frozen=True)
class Context:
    """The packed matrices of the conditioning.

    Attributes:
        convolutions: over frames, in order; one of the paper's, two of ours; then ``last`` of ours.
        rows: V and the gates' biases, ``[conditioning_channels, layers * 2 * width]`` in the order of ``packing.gate_order``.
        drive: of the harmonics, or of the companded and the linear source; none without.
    """

    config: WaveNetConfig
    width: int
    convolutions: tuple[Dense, ...]
    last: Dense | None
    rows: Dense
    drive: tuple[Dense, ...]

    @classmethod
    def of(cls, config: WaveNetConfig, arrays: Mapping[str, np.ndarray], w_rows: np.ndarray, b_rows: np.ndarray, width: int) -> Self:
        """Pack a network's ``arrays``; ``w_rows`` and ``b_rows`` are V and the biases with their columns in order."""
        c, convolutions, last = config, [], None
        drive: tuple[Dense, ...] = ()
        if c.conditioned:
            for name in ("reduce",) if c.conditioning == "causal" else ("first", "second"):
                weight = arrays[f"context.{name}.weight"].transpose(2, 1, 0)  # [width, in, out]
                convolutions.append(Dense.of(weight.reshape(-1, weight.shape[2]), arrays[f"context.{name}.bias"]))
            if c.conditioning == "context":
                last = Dense.of(arrays["context.last.weight"].T, arrays["context.last.bias"])
        if c.drive_channels:
            parts = np.split(arrays["w_exc"], 2) if c.source_window else [arrays["w_exc"]]
            drive = tuple(Dense.of(grown(part, len(part), width)) for part in parts)
        return cls(c, width, tuple(convolutions), last, Dense.of(w_rows, b_rows), drive)

    def rows_of(self, frames: np.ndarray) -> np.ndarray:
        """``[f, layers, 2 * width]`` of ``frames`` with ``config.context_frames`` before and after them."""
        c = self.config
        if self.last is None:
            y = _convolved(self.convolutions[0], frames, 2)
        else:
            first, second = self.convolutions
            hidden = _convolved(first, frames, c.context_width, floor=NOTHING)
            reach = c.context_width // 2 * c.context_dilation
            deep = _convolved(second, hidden[:, : c.context_channels], c.context_width, c.context_dilation, floor=NOTHING)
            y = _convolved(self.last, (hidden[reach:] if reach else hidden)[: len(deep)] + deep, 1, floor=NOTHING)
        return self._shaped(_convolved(self.rows, y[:, : c.conditioning_channels], 1))

    def rows_without_score(self, n_frames: int) -> np.ndarray:
        """The rows of an unconditioned network, ``[f, layers, 2 * width]``."""
        return self._shaped(np.tile(self.rows.bias, (n_frames, 1)))

    def drive_of(self, signal: np.ndarray) -> np.ndarray:
        """What is added at the input, ``[t, width]``, of `Features.signal`."""
        if not self.config.source_window:
            return _convolved(self.drive[0], signal, 1)
        window, chain = 2 * self.config.source_window + 1, None
        n = len(signal) - window + 1
        for dense, heard in zip(self.drive, (_companded(signal), np.float32(SOURCE_GAIN) * signal), strict=True):
            # Each row begins a sample later; beyond the window the weights are 0.
            chain = dense(grown(heard, len(heard) + dense.matrix.k - window), n=n, stride=1, chain=chain)
        assert chain is not None
        return chain

    def centre_of(self, signal: np.ndarray) -> np.ndarray:
        """What a mixture's means lie about, ``[t]``."""
        w = self.config.source_window
        return _companded(signal[w:-w])

    def _shaped(self, rows: np.ndarray) -> np.ndarray:
        return rows.reshape(len(rows), self.config.layers, 2 * self.width)


def _convolved(dense: Dense, x: np.ndarray, width: int, dilation: int = 1, floor: np.float32 = LEAST) -> np.ndarray:
    """A convolution of ``x [f, k]`` over ``width`` frames, ``[f - (width - 1) * dilation, columns]``."""
    n, k = len(x) - (width - 1) * dilation, min(x.shape[1], dense.matrix.k)
    windows = aligned_zeros(n, dense.matrix.k)
    for tap in range(width):
        windows[:, tap * k : (tap + 1) * k] = x[tap * dilation :][:n, :k]
    return dense(windows, n=n, stride=dense.matrix.k, floor=floor)


def _companded(signal: np.ndarray) -> np.ndarray:
    return compand(np.clip(signal, np.float32(-1), np.float32(1)))
