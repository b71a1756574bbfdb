"""Fixtures for all tests."""

from __future__ import annotations

import os

# Tests run one process a core; torch would otherwise start a thread a core in each of them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Figures are drawn to files; there may be no display.
os.environ.setdefault("MPLBACKEND", "Agg")
