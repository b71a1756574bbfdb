"""How long and how a training runs: the settings that every task shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from orchestrion.errors import OrchestrionError
from orchestrion.options import Training
from orchestrion.training.precision import Precision, native_precision

DEFAULT_MINUTES = 60.0


@dataclass(frozen=True)
class LoopSettings:
    """Settings of the loop; saved as ``settings.json`` in the run's folder.

    Attributes:
        minutes: time budget of the whole training, resumed parts added up; None for no budget.
        steps: number of steps; None for no limit. One of the two must be given; whichever ends first ends the training,
            and the learning rate follows a cosine over it.
        optimizer: ``adamw``, or what papers used: ``adam``, ``rmsprop``, ``sgd`` (see ``training.optimizers``).
        learning_rate: its peak, reached after ``warmup_steps``; falls to ``final_share`` of it.
        schedule: how it falls: ``cosine`` over the whole training, or ``halved`` after half of it.
        weight_decay: AdamW's; the others have none.
        clip: gradient norm at which gradients are scaled down; 0 for never.
        ema_decay: decay a step of the exponential moving average of the weights, which is what validation sees and what is
            saved. Smaller in the first steps, (1 + n) / (10 + n), so that the initial weights are soon forgotten.
        precision: ``bf16-mixed`` or ``32-true`` (Lightning's names); see `native_precision`.
        seed: of the initial weights, the batches and the noise.
        validate_minutes: minutes between validations (and between checkpoints).
        validate_steps: updates between them instead: a training that is stopped and resumed then validates where one in one go does.
        keep: whether ``model.safetensors`` is the ``best`` validation's weights or the ``last`` one's.
        keep_steps: (step, file name) of further weights to keep, as they are after that step.
        compile: whether to run the loss through torch.compile; needs a C++ compiler where there is no GPU.
        threads: torch threads on the CPU; None leaves torch's choice.
    """

    minutes: float | None = None
    steps: int | None = None
    optimizer: Literal["adamw", "adam", "rmsprop", "sgd"] = "adamw"
    learning_rate: float = 2e-3
    schedule: Literal["cosine", "halved"] = "cosine"
    warmup_steps: int = 200
    final_share: float = 0.02
    weight_decay: float = 0.01
    clip: float = 1.0
    ema_decay: float = 0.999
    precision: Precision = "32-true"
    seed: int = 0
    validate_minutes: float = 5.0
    validate_steps: int | None = None
    keep: Literal["best", "last"] = "best"
    keep_steps: tuple[tuple[int, str], ...] = ()
    compile: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.minutes is None and self.steps is None:
            raise OrchestrionError("A training needs an end: give minutes or steps.")
        for name in ("minutes", "steps", "learning_rate", "validate_minutes", "validate_steps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise OrchestrionError(f"Training setting {name} is {value}; it must be a number greater than 0.")

    def progress(self, step: int, elapsed_s: float) -> float:
        """The share of the training that is done, 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = elapsed_s / 60 / self.minutes if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))


def settled(asked: Training, *, learning_rate: float = 2e-3, ema_decay: float = 0.999, compile: bool = False) -> LoopSettings:
    """The loop of a renderer's training, and what is not ``asked`` for."""
    minutes = DEFAULT_MINUTES if asked.minutes is None and asked.steps is None else asked.minutes
    return LoopSettings(
        minutes=minutes,
        steps=asked.steps,
        learning_rate=asked.learning_rate or learning_rate,
        ema_decay=ema_decay,
        precision=native_precision() if asked.precision == "auto" else asked.precision,
        seed=asked.seed,
        validate_minutes=asked.validate_minutes,
        validate_steps=asked.validate_steps,
        compile=compile if asked.compiled is None else asked.compiled,
        threads=asked.threads,
    )


def composers_loop(asked: Training) -> LoopSettings:
    """The loop of a composer's training."""
    return settled(asked, learning_rate=3e-3, ema_decay=0.995)
