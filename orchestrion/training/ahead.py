"""Batches made before they are asked for, in a thread of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

Batch = TypeVar("Batch")


def made_ahead(make: Callable[[int], Batch], first: int, ahead: int) -> Iterator[Batch]:
    """``make(first)``, ``make(first + 1)``, …: up to ``ahead`` of them are made while the last one is in use; 0: each when it is asked for.

    What ``make`` raises is raised where its batch is asked for.
    """
    steps = count(first)
    if not ahead:
        yield from map(make, steps)
        return
    pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
    try:
        waiting = deque(pool.submit(make, step) for _, step in zip(range(ahead), steps, strict=False))
        while True:
            batch = waiting.popleft().result()
            waiting.append(pool.submit(make, next(steps)))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)
