"""The spectral family's config; the eight published systems are eight values of it (see `generators.table`).

Sources: A. Nayebi, M. Vitelli, "GRUV: Algorithmic Music Generation using Recurrent Neural Networks", 2015 (N&V), and
V. Kalingeri, S. Grandhe, "Music Generation with Deep Learning", 2016 (K&G). Where they are silent or contradict themselves:

- Biases: N&V's equations (2) to (11) print none; their program (a general toolkit's layers) has them, and so have we.
- Normalisation: N&V print none, their program has a z-score of each dimension; K&G say nothing, and get the same.
- Clips: 40 blocks are 40 inputs, so a clip is 41 blocks long; after a song's end follows silence.
- K&G give the base model an LSTM that "generates" 8,000 dimensions and a state of 2,048, so an affine head stands between.
- K&G's fully connected input stage is said to need no more than the base; with 2,048 of 8,000 → 2,048 it makes the LSTM's
  input smaller: 16.4 + 33.6 million parameters against 82.3 before the head. So it has fewer, not more, than the base.
- K&G's 1-D convolutions are said to be "fewer parameters" and faster; 12 maps of 3,999 values, all given to the LSTM, are
  six times as many inputs as before: 426 million parameters in all. ``merge`` adds what would make the claim true, a sum of the maps
  with learnt weights; `small` has it, `paper` has not. Their "2x2" pooling has one dimension to work on: 2 in frequency.
- K&G's 2-D network has no sizes: here 12 filters of K × 3, ReLU, pooling 2, then 2 filters of 1 × 3, ReLU, pooling 2,
  which compresses 3 × 4,000 × 2 numbers to 2,000, about the state's size. The window of K blocks moves by one.
- K&G's dropout on the LSTM's input and hidden state is one mask a sequence, the same for all gates (Gal & Ghahramani 2016);
  that of dense layers and the L2 penalty are on the input stage, not on the head, whose values are the prediction.
- K&G "also tried an ensemble of stacked LSTM models with very low dimensional cell states", of which no more is said: the core
  ``ensemble``, whose members learn together and whose predictions are summed.
- K&G trained for 2,000 epochs but listened to weights of epoch 2,100; a training here stops when its budget ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestrion.errors import OrchestrionError
from orchestrion.generators.configuring import BackendConfig, Bounds

TRANSFORMS = ("dft", "rfft", "overlap", "mdct")
STAGES = ("none", "dense", "conv1d", "conv2d")
CORES = ("single", "stacked", "bilinear", "ensemble")
CELLS = ("lstm", "lstm-peephole", "gru", "torch-lstm", "torch-gru")
GENERATION = ("growing", "predicted", "window")


@dataclass(frozen=True)
class SpectralConfig(BackendConfig):
    """Sizes of one member of the family.

    Attributes:
        sample_rate: samples a second.
        block: samples a step (N).
        transform: ``dft`` [Re ‖ Im], ``rfft`` (no Hermitian half), ``overlap`` (real FFT, 50 % overlap-add) or ``mdct``.
        steps: blocks of a training example, and of the window that generation looks at (T).
        stage: what stands before the core.
        context: blocks that the stage ``conv2d`` sees at once (K).
        filters: of the convolutions.
        merge: whether ``conv1d`` sums its maps with learnt weights before the core.
        core: one cell, two one after the other, two side by side and summed, or an ensemble: several of the second side by side,
            each with a head of its own, whose predictions are summed.
        members: of the ensemble.
        cell: ``lstm`` (no peepholes), ``lstm-peephole`` and ``gru`` as N&V print them, or torch's own.
        hidden: units of each cell, and of the dense stage.
        dropout: after the dense stage, in training.
        cell_dropout: on the inputs and on the hidden state of each cell, in training.
        l2: penalty on the dense stage's weights.
        generation: ``growing`` (N&V's program: the whole sequence so far), ``predicted`` (N&V's text: the same, but of the
            seed the network's predictions) or ``window`` (K&G: the last ``steps`` blocks).
        compression: power that magnitudes are raised to before they are normalised, phases kept; 1 in the papers.
    """

    sample_rate: int = 16000
    block: int = 4000
    transform: str = "dft"
    steps: int = 40
    stage: str = "none"
    context: int = 1
    filters: int = 12
    merge: bool = False
    core: str = "single"
    members: int = 4
    cell: str = "lstm"
    hidden: int = 2048
    dropout: float = 0.0
    cell_dropout: float = 0.0
    l2: float = 0.0
    generation: str = "window"
    compression: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.context > 1 and self.stage != "conv2d":
            raise OrchestrionError(f"Back-end config: {self.context} blocks at once are for the stage conv2d alone.")
        if self.block < 16 and self.stage != "none":
            raise OrchestrionError(f"Back-end config: blocks of {self.block} are too short to be pooled; take 16 or more.")

    @classmethod
    def limits(cls) -> Mapping[str, Bounds]:
        return {
            "sample_rate": (1000, 192000), "block": (4, 65536), "steps": (2, 4096), "context": (1, 16), "filters": (1, 256),
            "hidden": (1, 16384), "dropout": (0.0, 0.95), "cell_dropout": (0.0, 0.95), "l2": (0.0, 1.0),
            "compression": (0.1, 1.0), "members": (1, 64),
        }  # fmt: skip

    @classmethod
    def choices(cls) -> Mapping[str, tuple[object, ...]]:
        return {
            "transform": TRANSFORMS, "stage": STAGES, "core": CORES, "cell": CELLS, "generation": GENERATION,
            "merge": (True, False),
        }  # fmt: skip

    @classmethod
    def younger(cls) -> dict[str, object]:
        return {"compression": 1.0, "members": 4}


NV = SpectralConfig(sample_rate=44100, block=11025, generation="growing")
KG = SpectralConfig(cell_dropout=0.5)


def small(config: SpectralConfig) -> SpectralConfig:
    """A published system scaled down to a laptop: 16 kHz, blocks of 32 ms, 128 units, no dropout, maps merged.

    A quarter of a second is 8,000 dimensions at 16 kHz, which no state of 128 can carry; the blocks keep the ratio of
    dimensions to units (8 here, 4 and 11 in the papers) and 40 of them are 1.3 s.
    """
    merge = config.stage == "conv1d"
    return replace(
        config, sample_rate=16000, block=512, hidden=128, merge=merge, dropout=0.0, cell_dropout=0.0, l2=0.0
    )  # fmt: skip
