"""What is read is never written over; what is replaced, and what is ignored, is said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from orchestrion.score import Note, Part, Score
from tests.invoking import invoke as run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Score((Part("", 0, (Note(0.0, 0.5, 60, 80),)),)).write("in.mid")
    Waveform(np.full(16_000, 0.1), 16_000).write("in.wav")
    return tmp_path


@pytest.mark.parametrize("through", ["same", "symbolic link", "hard link"])
def test_an_output_that_is_an_input_is_refused(through: str, folder: Path, tiny_composer: Path) -> None:
    """`compose --prime in.mid -o in.mid` and `generate --seed-audio r.flac -o r.flac` lost the input without a question."""
    for source, *command in (
        ("in.mid", "compose", "--model", tiny_composer, "--prime", "in.mid"),
        ("in.wav", "generate", "tcn", "--seed-audio", "in.wav"),
    ):
        target = source
        if through != "same":
            target = f"link{Path(source).suffix}"
            Path(target).symlink_to(source) if through == "symbolic link" else Path(target).hardlink_to(source)
        before = Path(source).read_bytes()
        result = run(*command, "-o", target)
        assert result.exit_code == 1 and "but it is read; name another output" in result.stderr, result.output
        assert Path(source).read_bytes() == before


def test_weights_are_not_written_over_by_the_settings(folder: Path, tiny: Path) -> None:
    """The settings file beside the output counts as an output."""
    Path("a.wav.json").write_bytes(tiny.read_bytes())
    result = run("render", "in.mid", "-i", "a.wav.json", "-o", "a.wav")
    assert result.exit_code == 1 and "a.wav.json would be written over" in result.stderr
    assert Path("a.wav.json").read_bytes() == tiny.read_bytes()


def test_what_is_replaced_is_said_before_the_work(folder: Path, tiny: Path) -> None:
    """Files were overwritten without a word. They still are replaced (scripts rely on it), with one line beforehand."""
    first = run("render", "in.mid", "-i", tiny, "-o", "out.wav")
    assert first.exit_code == 0 and "replaced" not in first.stderr
    second = run("render", "in.mid", "-i", tiny, "-o", "out.wav")
    assert second.exit_code == 0 and second.stderr.startswith("Warning: out.wav exists already and will be replaced.\n")


def test_a_report_that_is_replaced_is_said(folder: Path) -> None:
    """Of `compare`, too, which writes into a folder."""
    Path("d").mkdir()
    Path("d/report.html").touch()
    result = run("compare", "in.mid", "-i", "none", "-o", "d")
    assert result.exit_code == 1 and "Warning: d/report.html exists already and will be replaced." in result.stderr


def test_rendering_a_composition_keeps_its_seed(folder: Path, tiny: Path, tiny_composer: Path) -> None:
    """`tune.mid` and `tune.wav` shared `tune.json`: rendering lost the composition's seed. Each must have its own."""
    assert run("compose", "--model", tiny_composer, "--bars", 1, "--seed", 5, "-o", "tune.mid").exit_code == 0
    assert run("render", "tune.mid", "-i", tiny, "--seed", 9, "-o", "tune.wav").exit_code == 0
    seeds = [json.loads(Path(f"tune.{kind}.json").read_text())["options"]["seed"] for kind in ("mid", "wav")]
    assert seeds == [5, 9]


def test_a_second_instrument_is_refused_where_one_plays(folder: Path) -> None:
    """`perform -i violin -i piano` silently took the last; so did `compare` and `evaluate renderer`."""
    for command in (("perform", "-o", "d"), ("compare", "in.mid", "-o", "d"), ("evaluate", "renderer", "--data", "d")):
        result = run(*command, "-i", "violin", "-i", "piano")
        assert result.exit_code == 2 and "takes one instrument, and 2 were given" in result.stderr
    assert not Path("d").exists()


def test_the_place_of_one_instrument_is_obeyed_or_refused(folder: Path, tiny: Path) -> None:
    """`--pan` of one instrument was ignored on standard output. A file is stereo; standard output refuses it."""
    import soundfile

    assert run("render", "in.mid", "-i", tiny, "--pan", -1, "-o", "left.wav").exit_code == 0
    samples, _ = soundfile.read("left.wav")
    assert np.abs(samples[:, 0]).max() > 0.01 and not samples[:, 1].any()
    for option in ("--pan", "--gain"):
        result = run("render", "in.mid", "-i", tiny, option, -1, "-o", "-")
        assert result.exit_code == 2 and not result.stdout_bytes and "Standard output takes no --gain" in result.stderr


def test_a_misspelt_name_is_guessed(folder: Path) -> None:
    """`violn` got no "did you mean violin", and the list mixed composers with instruments."""
    result = run("render", "in.mid", "-i", "violn", "-o", "out.wav")
    assert result.exit_code == 1 and "did you mean 'violin'?" in result.stderr and "composer" not in result.stderr
    result = run("compose", "--model", "Choral", "-o", "out.mid")
    assert result.exit_code == 1 and "did you mean 'chorales'?" in result.stderr and "violin" not in result.stderr
    result = run("rendr", "in.mid", "-o", "out.wav")
    assert result.exit_code == 2 and "Did you mean 'render'?" in result.stderr


def test_one_is_singular() -> None:
    """`1 notes`."""
    from orchestrion.terminal import plural

    assert [plural(n, "note") for n in (0, 1, 2, 1000)] == ["0 notes", "1 note", "2 notes", "1,000 notes"]
