"""Every back-end in one run, with tiny models of random weights and songs of a few seconds."""

from __future__ import annotations

import re
import shlex
import shutil
import warnings

import click
import numpy as np
import pytest
from click.testing import CliRunner

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison.lineup import line_up
from orchestrion.evaluation.comparison.openings import InMemory, from_tunes, recordings_of
from orchestrion.evaluation.judge import reference
from orchestrion.evaluation.listening.clips import find_clips
from orchestrion.generators.table import BACKENDS
from orchestrion.score import BUILTIN_TUNES
from tests.evaluation.comparison.conftest import PRESENT


def test_everything_is_written(compared):
    folder, report, printed = compared
    assert {path.name for path in folder.iterdir()} == {
        "clips", "seeds", "report.json", "report.md", "report.html", "settings.json", "spectrograms.png",
        "mean-spectrograms.png", "mean-spectra.png", "peak-frequencies.png",
    }  # fmt: skip
    assert report["n_clips"] == 2 and len(list((folder / "seeds").iterdir())) == 2
    for name in (*PRESENT, "recording"):
        lengths = [Waveform.read(folder / "clips" / name / f"clip-{n}.wav").duration_s for n in (1, 2)]
        assert lengths == pytest.approx([1.0, 1.0], abs=0.01)
    assert "report.html" in printed


def test_all_are_measured_by_the_same_meters(compared):
    _, report, _ = compared
    for name in (*PRESENT, "recording"):
        system = report["systems"][name]
        assert system["n_clips"] == 2 and len(system["clips"]) == 2
        for clip in system["clips"]:
            assert {"loops", "noise", "silence", "band", "copying"} <= set(clip)
            # One second after half a second of seed: six times the seed is out of sight.
            assert clip["loops"]["within_6_seeds"] in (None, True)
        assert system["frechet_distance"] >= 0
    assert (
        "imaginary_residue" in report["systems"]["spectral-lstm"]
        and "imaginary_residue" not in report["systems"]["tcn"]
    )
    assert "notes" in report["systems"]["wavenet"] and "notes" not in report["systems"]["recording"]
    # Samples one by one have no edges; the recording is no copy of the training songs and no noise.
    assert "clicks" not in report["systems"]["tcn"]["clips"][0]
    assert "noise" not in report["systems"]["recording"]["summary"]["faults"]


def test_who_has_no_model_is_named_with_the_command_that_makes_one(compared):
    folder, report, printed = compared
    absent = report["systems"]["stft-encdec"]
    # Its set must be at 4.41 kHz, which the one at hand is not.
    assert (
        absent["present"] is False and "--rate 4410 -o songs-4410 && orchestrion train stft-encdec" in absent["command"]
    )
    assert absent["command"] in printed and "stft-encdec: absent" in (folder / "report.html").read_text()
    entries = line_up(data="a set", rate=16000, only=("spectral-base", "sample-lstm"))
    commands = [entry.command for entry in entries if entry.command]
    assert "spectral-base" in shipped.generators() or "--data 'a set' -o" in commands[0]
    for command in [absent["command"], *commands]:
        for line in command.split(" && "):
            parses(shlex.split(line)[1:])


def parses(words: list[str]) -> None:
    node: click.Command = cli
    while isinstance(node, click.Group):
        node = node.commands[words.pop(0)]
    node.make_context("command", words)


def test_the_page_needs_no_other_file_and_has_all_players(compared):
    folder, _, _ = compared
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == 2 * (len(PRESENT) + 2) + 4 and all(source.startswith("data:") for source in sources)
    assert "http" not in page and "<script" not in page
    assert page.count("<audio controls") == page.count("aria-label=")
    table = (folder / "report.md").read_text()
    assert all(f"| `{name}` |" in table for name in PRESENT)


def test_its_clips_make_a_listening_test(compared):
    found = find_clips([compared[0] / "clips"])
    assert {source.system for source in found} == {*PRESENT, "recording"}
    assert {source.item for source in found} == {"clip-1", "clip-2"}


def test_without_recordings_the_other_tunes_are_played(monkeypatch):
    monkeypatch.setattr(reference, "has_fluidsynth", lambda: False)
    recordings = from_tunes(BUILTIN_TUNES["ode-to-joy"], 2, 3.0, 4.0)
    assert len(recordings.openings) == 2 and not recordings.training
    assert all(opening.recording != "ode-to-joy" for opening in recordings.openings)
    assert {opening.seed.duration_s for opening in recordings.openings} == {3.0}


def test_openings_and_held_out_stretches_do_not_overlap_and_join():
    samples = np.linspace(-0.9, 0.9, 20 * 1000)
    song = InMemory("ramp", Waveform(samples, 1000))
    recordings = recordings_of([song], [], 3, 2.0, 2.0, "ramp")
    for opening in recordings.openings:
        assert opening.follows.samples[0] - opening.seed.samples[-1] == pytest.approx(samples[1] - samples[0], abs=1e-6)
    starts = [float(sound.samples[0]) for sound in recordings.held_out]
    assert len(starts) == 7 and not {float(o.follows.samples[0]) for o in recordings.openings} & set(starts)
    with pytest.raises(OrchestrionError, match="22 s long"):
        recordings_of([song], [], 3, 2.0, 20.0, "ramp")


def test_fewer_seeds_than_asked_for_are_told():
    """`compare-all --clips 3` on a set with one held-out song made one clip each, without a word."""
    song = InMemory("ramp", Waveform(np.linspace(-0.9, 0.9, 20 * 1000), 1000))
    with pytest.warns(UserWarning, match="^1 seed, not 3: the held-out songs have no more stretches of 9 s after 9 s.$"):
        assert len(recordings_of([song], [], 3, 9.0, 9.0, "held-out songs").openings) == 1


def test_shipped_models_play_unless_others_are_named(runs):
    entries = {entry.backend: entry for entry in line_up(instrument="violin")}
    assert tuple(entries) == tuple(BACKENDS) and entries["wavenet"].model == "violin"
    assert entries["wavenet-unconditioned"].model in ("wavenet-unconditioned", "violin-unconditioned")
    named = {
        entry.backend: entry.model for entry in line_up({"tcn": str(runs / "tcn")}, runs, only=("tcn", "spectral-lstm"))
    }
    assert named == {"tcn": str(runs / "tcn"), "spectral-lstm": str(runs / "spectral-lstm")}
    for models, folder, words in (
        ({"piano": "x"}, None, "no back-end"),
        ({"tcn": "nowhere"}, None, "nowhere"),
        ({}, "nowhere", "no folder"),
    ):
        with pytest.raises(OrchestrionError, match=words):
            line_up(models, folder)


def test_runs_that_are_called_after_no_back_end_are_named(tmp_path):
    """`compare-all --runs runs` passed runs/lstm over in silence, and the network that ships played."""
    for name in ("tcn", "lstm", "violin"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").touch()
    (tmp_path / "sweep").mkdir()
    with pytest.warns(UserWarning, match=r"as not called after a back-end: lstm, violin \(--models"):
        line_up(runs=tmp_path, only=("tcn",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shutil.rmtree(tmp_path / "violin")
        line_up({"spectral-lstm": str(tmp_path / "lstm")}, tmp_path, only=("tcn",))
        line_up(only=("tcn",))


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["compare", "-o", "x"], 2),
        (["compare", "ode-to-joy", "--clips", "3", "-o", "x"], 2),
        (["compare-all", "ode-to-joy", "--temperature", "1", "-o", "x"], 2),
        (["compare-all", "ode-to-joy", "--models", "tcn", "-o", "x"], 2),
        (["compare-all", "ode-to-joy", "--data", "nowhere", "-o", "x"], 1),
        (["compare-all", "ode-to-joy", "--models", "tcn=nowhere", "-o", "x"], 1),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(arguments, status, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == status, result.output
    assert not list(tmp_path.iterdir())


def test_a_failing_model_leaves_nothing_half_done(songs, runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [
        "compare-all",
        "ode-to-joy",
        "--data",
        str(songs),
        "--models",
        f"tcn={runs / 'spectral-lstm'}",
        "--only",
        "tcn",
    ]
    result = CliRunner().invoke(cli, [*arguments, "--seconds", "1", "--seed-seconds", "1", "-o", "x"])
    assert result.exit_code == 1 and "spectral-lstm" in result.stderr
    assert not list(tmp_path.iterdir())
