"""The family's input stages and recurrent cores; the head is an affine map (see `network`).

A stage maps ``[b, s, d]`` normalised spectra to ``[b, s, features]`` and sees no later block than the one it stands at.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from orchestrion.generators.spectral.cells import CELLS, CellState
from orchestrion.generators.spectral.config import SpectralConfig

CONV_1D_WIDTH = 3
CONV_2D_MAPS_OUT = 2


class InputStage(nn.Module):
    """An input stage; ``features`` is how many values a step it gives the core."""

    features: int

    def penalty(self) -> Tensor | float:
        """What it adds to the loss in training."""
        return 0.0


class PlainStage(InputStage):
    """The spectrum itself."""

    def __init__(self, config: SpectralConfig, dimensions: int, channels: int):
        super().__init__()
        self.features = dimensions

    def forward(self, x: Tensor) -> Tensor:
        return x


class DenseStage(InputStage):
    """ReLU(W x + b) with as many units as a cell has, dropout, and an L2 penalty on W (K&G section 3.2 and 4)."""

    def __init__(self, config: SpectralConfig, dimensions: int, channels: int):
        super().__init__()
        self.features = config.hidden
        self.affine = nn.Linear(dimensions, config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self._l2 = config.l2

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.dropout(F.relu(self.affine(x)))
        return result

    def penalty(self) -> Tensor:
        return self._l2 * self.affine.weight.square().sum()


class Conv1d(InputStage):
    """Along the vector [Re ‖ Im] as one line: filters of width 3, ReLU, the greater of each two (K&G section 3.2)."""

    def __init__(self, config: SpectralConfig, dimensions: int, channels: int):
        super().__init__()
        self.convolution = nn.Conv1d(1, config.filters, CONV_1D_WIDTH)
        self.merge = nn.Conv1d(config.filters, 1, 1) if config.merge else None
        width = (dimensions - CONV_1D_WIDTH + 1) // 2
        self.features = width * (1 if config.merge else config.filters)

    def forward(self, x: Tensor) -> Tensor:
        maps = F.max_pool1d(F.relu(self.convolution(x.flatten(0, 1)[:, None])), 2)
        if self.merge is not None:
            maps = self.merge(maps)
        result: Tensor = maps.flatten(1).unflatten(0, x.shape[:2])
        return result


class Conv2d(InputStage):
    """Over an image of K blocks × bins with Re and Im as channels (K&G section 3.4); before the first block, the mean's.

    At step t the image is blocks t - K + 1 to t. The sizes are ours (see `config`).
    """

    def __init__(self, config: SpectralConfig, dimensions: int, channels: int):
        super().__init__()
        self.context, self.channels = config.context, channels
        self.first = nn.Conv2d(channels, config.filters, (config.context, 3), padding=(0, 1))
        self.second = nn.Conv2d(config.filters, CONV_2D_MAPS_OUT, (1, 3), padding=(0, 1))
        self.features = CONV_2D_MAPS_OUT * (dimensions // channels // 2 // 2)

    def forward(self, x: Tensor) -> Tensor:
        image = x.unflatten(-1, (self.channels, -1)).transpose(1, 2)  # [b, channels, s, bins]
        image = F.pad(image, (0, 0, self.context - 1, 0))
        maps = F.max_pool2d(F.relu(self.first(image)), (1, 2))
        maps = F.max_pool2d(F.relu(self.second(maps)), (1, 2))
        return maps.transpose(1, 2).flatten(2)


class Chain(nn.Module):
    """Cells one after the other: one is N&V's and K&G's base, two are K&G's stacked LSTMs."""

    def __init__(self, make: Callable[[int], nn.Module], inputs: int, hidden: int, n_cells: int):
        super().__init__()
        self.width = hidden
        self.cells = nn.ModuleList(make(inputs if i == 0 else hidden) for i in range(n_cells))

    def forward(self, x: Tensor, states: list[CellState] | None = None) -> tuple[Tensor, list[CellState]]:
        after = []
        for i, cell in enumerate(self.cells):
            x, state = cell(x, states[i] if states else None)
            after.append(state)
        return x, after


class Bilinear(nn.Module):
    """Two cells that read the same and whose outputs are summed (K&G section 3.3)."""

    def __init__(self, make: Callable[[int], nn.Module], inputs: int, hidden: int):
        super().__init__()
        self.width = hidden
        self.cells = nn.ModuleList(make(inputs) for _ in range(2))

    def forward(self, x: Tensor, states: list[CellState] | None = None) -> tuple[Tensor, list[CellState]]:
        outs, after = zip(*(cell(x, states[i] if states else None) for i, cell in enumerate(self.cells)), strict=True)
        return torch.stack(outs).sum(0), list(after)


class Ensemble(nn.Module):
    """Several stacks of two cells that read the same, side by side: a head of all their states is the sum of a head each."""

    def __init__(self, make: Callable[[int], nn.Module], inputs: int, hidden: int, n_members: int):
        super().__init__()
        self.width = n_members * hidden
        self.members = nn.ModuleList(Chain(make, inputs, hidden, 2) for _ in range(n_members))

    def forward(self, x: Tensor, states: list[CellState] | None = None) -> tuple[Tensor, list[CellState]]:
        outs, after = [], []
        for i, member in enumerate(self.members):
            out, own = member(x, states[2 * i : 2 * i + 2] if states else None)
            outs.append(out)
            after += own
        return torch.cat(outs, -1), after


STAGES: dict[str, Callable[[SpectralConfig, int, int], InputStage]] = {
    "none": PlainStage,
    "dense": DenseStage,
    "conv1d": Conv1d,
    "conv2d": Conv2d,
}


def make_core(config: SpectralConfig, inputs: int) -> Chain | Bilinear | Ensemble:
    """The recurrent core of ``config``; its forward takes and returns a list with the state of every cell. ``width`` is its output's."""

    def make(n: int) -> nn.Module:
        return CELLS[config.cell](n, config.hidden, dropout=config.cell_dropout)

    cores: dict[str, Callable[[], Chain | Bilinear | Ensemble]] = {
        "single": lambda: Chain(make, inputs, config.hidden, 1),
        "stacked": lambda: Chain(make, inputs, config.hidden, 2),
        "bilinear": lambda: Bilinear(make, inputs, config.hidden),
        "ensemble": lambda: Ensemble(make, inputs, config.hidden, config.members),
    }
    return cores[config.core]()
