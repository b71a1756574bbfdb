"""Playing audio aloud while it is made."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from orchestrion.realtime.session import Output

LEAST_S = 0.4  # of audio in hand before it begins
MARGIN = 1.1  # of what is held where audio is made more slowly than it sounds
BLOCK_S = 0.05  # of what is handed over at once, so that a stop is quick


def play_aloud(
    blocks: Iterable[np.ndarray],
    output: Output,
    sample_rate: int,
    total_s: float,
    *,
    advance: Callable[[float], None] = lambda seconds: None,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Play ``blocks`` (float32, mono) as they are made; how often the device ran dry.

    Where they are made more slowly than they sound, playing begins as late as it must for the end to come in time.

    Args:
        advance: called with the seconds handed over since its last call.
    """
    made: queue.Queue[np.ndarray | None] = queue.Queue()
    stopped = threading.Event()
    dropouts, has_begun = 0, False
    pool = ThreadPoolExecutor(1, "playing aloud")
    began_s = clock()  # before the first block is under way
    maker = pool.submit(_make, blocks, made, stopped)
    try:
        for block in _buffered(made, sample_rate, total_s, clock, began_s):
            for piece in np.array_split(block, max(1, round(len(block) / (BLOCK_S * sample_rate)))):
                ran_dry = output.write(piece)
                dropouts += ran_dry and has_begun
                has_begun = True
                advance(len(piece) / sample_rate)
        maker.result()  # what went wrong there is raised here
    finally:
        stopped.set()
        pool.shutdown()
    return dropouts


def _make(blocks: Iterable[np.ndarray], made: queue.Queue[np.ndarray | None], stopped: threading.Event) -> None:
    try:
        for block in blocks:
            made.put(block)
            if stopped.is_set():
                return
    finally:
        made.put(None)


def _buffered(made: queue.Queue[np.ndarray | None], rate: int, total_s: float, clock: Callable[[], float], began_s: float) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    held_s = 0.0
    while (block := made.get()) is not None:
        held.append(block)
        held_s += len(block) / rate
        speed = held_s / max(clock() - began_s, 1e-9)
        if held_s >= max(LEAST_S, total_s * (1 - speed) * MARGIN):
            break
    yield from held
    while block is not None and (block := made.get()) is not None:
        yield block
