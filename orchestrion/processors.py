"""How many processors there are to run on, and keeping torch to one where our own threads are the parallelism."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def usable_processors() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def single_threaded_torch() -> Iterator[None]:
    """torch on one thread: sums keep one order, whatever the number of processors."""
    torch = sys.modules.get("torch")
    if torch is None:  # which is not waited for where nothing needs it
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
