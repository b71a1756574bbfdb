"""Helper thread for sampling few voices; used only while it is faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from orchestrion.matrices.emitter import PANEL
from orchestrion.matrices.matrix import TOGETHER, padded
from orchestrion.matrices.memory import aligned_zeros
from orchestrion.renderer.kernels.loop import STOP, WORDS_BYTES
from orchestrion.renderer.kernels.packing import Packed

TRY_AGAIN = 32  # runs, after which both ways are timed anew
WORTH_COMPILING = 128  # runs alone, a quarter of a second of audio each, before the helper's side is compiled if that was never done
LAYER_COST = 4096  # the part of a layer that cannot be shared beside its weights, in multiply-adds that take as long


class Helper:
    """The helper's thread and the words it shares with the drawing thread (see ``loop``).

    On a processor that other programs want too, two threads that wait for each other can be slower than one. The results are
    the same, so runs with and without help are timed now and then, and the quicker way is taken. A short rendering does not wait
    for the helper's side to be compiled, which takes longer than it saves.
    """

    def __init__(self) -> None:
        self.words = aligned_zeros(WORDS_BYTES // 8, dtype=np.int64)
        self._pool = ThreadPoolExecutor(1)
        self._runs = self._runs_before = 0
        self._pace = {True: 0.0, False: 0.0}  # seconds a sample

    @contextmanager
    def beside(self, n_samples: int, help_along: Callable[[], None], is_compiled: Callable[[], bool]) -> Iterator[None]:
        """Call ``help_along`` on the other thread, unless that has been slower; it has returned when this ends.

        Args:
            is_compiled: whether that can be called at once.
        """
        helped = self._is_worth_it(is_compiled) and self._chosen()
        self.words[:] = 0
        started = time.perf_counter()
        helping = self._pool.submit(help_along) if helped else None
        try:
            yield
        finally:
            if helping:
                self.words[STOP // 8] = 1
                helping.result()
        pace = (time.perf_counter() - started) / n_samples
        self._pace[helped] = (self._pace[helped] + pace) / 2 if self._pace[helped] else pace

    def _is_worth_it(self, is_compiled: Callable[[], bool]) -> bool:
        if not self._runs and not is_compiled() and self._runs_before < WORTH_COMPILING:
            self._runs_before += 1
            return False
        return True

    def _chosen(self) -> bool:
        turn = self._runs % TRY_AGAIN
        self._runs += 1
        return turn in (1, 2) or (turn > 2 and self._pace[True] < self._pace[False])


def own_columns(packed: Packed) -> tuple[int, int, int]:
    """Columns of the skip sum, the hidden layer and the logits that the drawing thread keeps when it is helped.

    The helper takes the skip sums until both have as much to do, and half of the rest.
    """
    alone = LAYER_COST + 5 * packed.width**2  # of a layer: gates, and the residual stream
    skips = max(packed.width * packed.skip_width - alone, 0) // (2 * packed.width)
    hidden, levels = len(packed.head_bias), len(packed.out_bias)
    shares = ((skips, packed.skip_width), (hidden // 2, hidden), (levels // 2, levels))
    own = [min(padded(share, TOGETHER * PANEL), columns) for share, columns in shares]
    return own[0], own[1], own[2]
