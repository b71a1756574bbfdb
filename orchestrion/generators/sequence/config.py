"""Sizes of the three time-domain back-ends, all at 4.41 kHz (Xu & Swar 2021); the defaults are the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrion.errors import OrchestrionError
from orchestrion.generators.configuring import BackendConfig, Bounds
from orchestrion.generators.spectral.config import CELLS

LOSSES = ("huber", "log-cosh", "mse")


@dataclass(frozen=True)
class SampleLstmConfig(BackendConfig):
    """Sizes.

    Attributes:
        window: samples the LSTM reads before it predicts.
        hidden: its units.
        targets: predictions learnt from in a training example: 1 in the paper (many to one); with more, the example is so
            many samples longer and each of its last samples is predicted, with a history of ``window`` or a little more.
    """

    sample_rate: int = 4410
    window: int = 500
    hidden: int = 256
    targets: int = 1

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        return {"sample_rate": (1000, 192000), "window": (2, 65536), "hidden": (1, 16384), "targets": (1, 65536)}

    @property
    def history(self) -> int:
        """Samples that a prediction is made from."""
        return self.window


@dataclass(frozen=True)
class EncDecConfig(BackendConfig):
    """Sizes: blocks of ``block`` samples, ``steps`` of them in and out, ``hidden`` units in each LSTM.

    ``compression``: as of `SpectralConfig`.
    """

    sample_rate: int = 4410
    block: int = 500
    transform: str = "dft"
    steps: int = 20
    cell: str = "lstm"
    hidden: int = 2048
    compression: float = 1.0

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        return {"sample_rate": (1000, 192000), "block": (4, 65536), "steps": (1, 4096), "hidden": (1, 16384), "compression": (0.1, 1.0)}

    @classmethod
    def choices(cls) -> Mapping[str, tuple[object, ...]]:
        return {"transform": ("dft", "rfft"), "cell": CELLS}

    @classmethod
    def younger(cls) -> dict[str, object]:
        return {"compression": 1.0}


@dataclass(frozen=True)
class TcnConfig(BackendConfig):
    """Sizes.

    Attributes:
        window: samples that a prediction is made from, at least.
        kernel: taps of each convolution.
        dilations: of a stack's blocks.
        stacks: how often they are repeated.
        filters: channels.
        loss: ``huber`` or ``log-cosh`` as the paper, or ``mse``.
        targets: predictions learnt from in a training example; 1 in the paper.
    """

    sample_rate: int = 4410
    window: int = 512
    kernel: int = 5
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    stacks: int = 1
    filters: int = 64
    loss: str = "huber"
    targets: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        right = all(isinstance(d, int) and 1 <= d <= 65536 for d in self.dilations)
        if not right or not 2 <= len(self.dilations) * self.stacks <= 200:
            raise OrchestrionError(f"Back-end config: dilations are {self.dilations}; give 2 to 200 whole numbers of 1 or more.")

    @property
    def receptive_field(self) -> int:
        """Samples that reach one prediction: equation (1)."""
        return 1 + 2 * (self.kernel - 1) * self.stacks * sum(self.dilations)

    @property
    def history(self) -> int:
        """Samples that a prediction is made from: the window, or more where more reach it (kernels above 5)."""
        return max(self.window, self.receptive_field)

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        return {
            "sample_rate": (1000, 192000), "window": (2, 1 << 20), "kernel": (2, 64), "stacks": (1, 16), "filters": (1, 4096),
            "targets": (1, 1 << 20),
        }  # fmt: skip

    @classmethod
    def choices(cls) -> Mapping[str, tuple[object, ...]]:
        return {"loss": LOSSES}
