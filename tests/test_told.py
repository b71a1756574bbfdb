"""That a rendering tells how far it is while it plays, not only at its end."""

from pathlib import Path

import pytest

from orchestrion.options import Playing
from orchestrion.playing import render_to_file
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import BUILTIN_TUNES


@pytest.mark.parametrize("resume", [False, True])
def test_a_score_in_pieces_is_told_of_while_its_one_block_is_made(tmp_path: Path, resume: bool) -> None:
    told: list[float] = []
    tune = BUILTIN_TUNES["frere-jacques"].crop(0.0, 8.0)
    facts = render_to_file(
        tune, Instrument.load("violin"), tmp_path / "a.wav", Playing(parallel=True, threads=1), resume=resume, advance=told.append
    )
    assert sum(told) == pytest.approx(facts["duration_s"])
    assert all(seconds > 0 for seconds in told)
    assert len(told) > 5 and max(told) < 0.5 * sum(told)
