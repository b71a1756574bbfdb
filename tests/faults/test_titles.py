"""Scores and audio whose titles are missing or odd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
@pytest.mark.parametrize("title", ["", "\0", "\0x", "x" * 30_000])
def test_any_title_can_be_written(title: str, suffix: str, tmp_path: Path) -> None:
    """`compare SCORE.mid` failed for every score without a title: libsndfile refuses the empty one.

    A very long one cost a WAV all of its tags. What makes the audio must be said whatever the title.
    """
    target = tmp_path / f"a{suffix}"
    Waveform(np.full(1000, 0.1), 16_000, {"title": title, "comment": "machine-generated", "seed": "3"}).write(target)
    tags = Waveform.read(target).tags
    assert tags["comment"] == "machine-generated; seed=3"
    assert tags.get("title", "") == title.partition("\0")[0][:1000]
