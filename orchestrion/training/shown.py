"""What a person sees of a training at a terminal: what is done of it, the time left, the step and the loss."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from torch import Tensor

from orchestrion.progress import ProgressBar, progress, waiting

EVERY_S = 1.0  # to read the loss is to wait for the step under way


class Shown:
    """A bar of one training. Until the first step is done, which may compile the network, another moves to and fro.

    A bar that is resumed, or goes on after a validation, begins where it stands, so that the time left is of the present pace.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._bar: ProgressBar | None = None
        self._next_s = 0.0

    def begin(self, compiles: bool) -> None:
        """The first step is under way."""
        self._stack.enter_context(waiting("Compiling the network, in the first step" if compiles else "The first step"))

    def step(self, share: float, step: int, loss: Tensor) -> None:
        """``step`` steps, a ``share`` of the training (0 to 1), are done."""
        if not sys.stderr.isatty():
            return
        if self._bar is None:
            self._stack.close()
            self._bar = self._stack.enter_context(progress(1.0, "Training", done=share))
        if time.monotonic() >= self._next_s:
            self._bar.show(share, f"Training: step {step:,}, loss {float(loss):.4g}")
            self._next_s = time.monotonic() + EVERY_S

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Held-out data is measured; the bar makes room."""
        self.close()
        with waiting("Measuring held-out data"):
            yield

    def close(self) -> None:
        """Take away what is shown."""
        self._stack.close()
        self._bar = None
