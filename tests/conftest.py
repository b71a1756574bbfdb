"""Fixtures for all tests."""

from __future__ import annotations

import os
from ctypes.util import find_library

import pytest

# Tests run one process a core; torch would otherwise start a thread a core in each of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Figures are drawn to files; there may be no display.
os.environ.setdefault("MPLBACKEND", "Agg")
# Where there is no NVIDIA driver, Triton interprets the GPU's kernels; it looks at this when it is imported.
if find_library("cuda") is None:
    os.environ.setdefault("TRITON_INTERPRET", "1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("there is no GPU")
