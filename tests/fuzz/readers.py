"""The readers that are fuzzed, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import of_audio, of_layouts, of_others, of_runs, of_scores, of_sets, of_weights
from tests.fuzz.reader import Reader

READERS: Mapping[str, Reader] = {
    **of_scores.READERS, **of_audio.READERS, **of_weights.READERS, **of_sets.READERS, **of_others.READERS, **of_runs.READERS,
    **of_layouts.READERS,
}  # fmt: skip
