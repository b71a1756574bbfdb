"""The Python API takes what the command line takes, and gives the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import orchestrion
from orchestrion import Note, OrchestrionError, Part, Score, Waveform
from orchestrion.cli.app import cli


@pytest.fixture()
def duo(tmp_path: Path) -> Path:
    parts = (Part("Melody", 0, (Note(0.0, 0.2, 67, 80),)), Part("Bass", 0, (Note(0.0, 0.2, 55, 80),)))
    Score(parts).write(tmp_path / "duo.mid")
    return tmp_path / "duo.mid"


def test_wishes_may_be_written_as_in_a_shell(tiny_composer: Path) -> None:
    typed = orchestrion.compose(tiny_composer, bars=2, meter=(3, 4), pitch_range=(60, 72), tempo=90.0, seed=3)
    written = orchestrion.compose(tiny_composer, bars="2", meter="3/4", pitch_range="C4-C5", tempo="90", seed="3")
    assert written == typed
    several = orchestrion.compose(tiny_composer, bars=1, count="2")
    assert isinstance(several, list) and len(several) == 2


def test_scores_are_played_one_or_several(tiny: Path, duo: Path) -> None:
    melody = orchestrion.arrange(duo, part="Melody")
    one = orchestrion.render(melody, tiny, seed=2)
    both = orchestrion.render([melody, orchestrion.arrange(duo, part=1, transpose="7")], tiny, seed="2")
    assert isinstance(one, Waveform) and len(both) == 2
    np.testing.assert_array_equal(both[0].samples, one.samples)
    assert not np.array_equal(both[1].samples, one.samples)


def test_instruments_are_given_by_part(tiny: Path, duo: Path) -> None:
    named = orchestrion.render(duo, [f"{tiny}=Melody", "violin=rest"], only_source=False, gains_db=["0", "-120"], seed=1)
    in_order = orchestrion.render(duo, [tiny, "violin"], gains_db=[0, -120], seed=1)
    np.testing.assert_array_equal(named.samples, in_order.samples)
    with pytest.raises(OrchestrionError, match="no part 'Alto'"):
        orchestrion.render(duo, f"{tiny}=Alto")


def test_pans_are_as_on_the_command_line(tiny: Path, duo: Path, tmp_path: Path) -> None:
    orchestrion.render(duo, [tiny, "violin"], gains_db=[0, "-3"], pans=[-1, "0.5"], seed=1).write(tmp_path / "api.wav")
    asked = ["render", str(duo), "-i", str(tiny), "-i", "violin", "--gain", "0", "--gain=-3", "--pan=-1", "--pan", "0.5", "--seed", "1"]
    assert CliRunner().invoke(cli, [*asked, "-o", str(tmp_path / "cli.wav")], catch_exceptions=False).exit_code == 0
    assert (tmp_path / "api.wav").read_bytes() == (tmp_path / "cli.wav").read_bytes()
    melody = orchestrion.arrange(duo, part="Melody")
    several = orchestrion.render([melody, melody], tiny, pans=[1], seed=1)
    assert [type(one) for one in several] == [orchestrion.Mix] * 2 and several[0].samples.shape[1] == 2
    assert np.abs(several[0].samples[:, 0]).max() < 1e-6 < np.abs(several[0].samples[:, 1]).max()
    shown = several[0]._repr_html_()
    assert "<audio controls" in shown and "data:image/png" in shown
    with pytest.raises(OrchestrionError, match="2 parts to mix but 1"):
        orchestrion.render(duo, [tiny, "violin"], pans=[0])


def test_blocks_are_the_same_audio(tiny: Path, duo: Path) -> None:
    score = orchestrion.arrange(duo, part="Melody")
    streamed = np.concatenate(list(orchestrion.stream(score, tiny, seed="2")))
    np.testing.assert_array_equal(streamed, orchestrion.render(score, tiny, seed=2, parallel=False).samples)
