"""Every experiment of the papers at a tiny scale: a page with figures of its own networks, and nothing is done twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.options import Reproducing
from orchestrion.papers import lab as laboratory
from orchestrion.papers.lab import Lab
from orchestrion.papers.page import Findings
from orchestrion.papers.planning import Job
from orchestrion.papers.running import run_experiment
from orchestrion.papers.table import EXPERIMENTS

QUICK = "nayebi-spectra"


def check_page(found: Findings, folder: Path) -> None:
    assert found.sections and all(section.heading and section.reported for section in found.sections)
    told = json.loads((folder / "page.json").read_text(encoding="utf-8"))
    assert told["experiment"] == found.name and len(told["sections"]) == len(found.sections)
    page, text = ((folder / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    for section, said in zip(found.sections, told["sections"], strict=True):
        assert section.heading in text
        if section.table:
            assert section.table.rows and len(said["table"]) == len(section.table.rows)
        if section.picture:
            assert section.picture.read_bytes().startswith(b"\x89PNG") and f"({said['picture']})" in text
        assert all((folder / path).exists() for path in section.links.values())
    n_sounds = sum(len(section.sounds) for section in found.sections)
    assert page.count("<audio") == n_sounds and "<script" not in page


@pytest.mark.parametrize("name", [QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in EXPERIMENTS if name != QUICK)])
def test_an_experiment_writes_its_page(name: str, tiny: Reproducing, noted: Path, tmp_path: Path) -> None:
    found = run_experiment(name, tmp_path, replace(tiny, data=(str(noted),)) if EXPERIMENTS[name].needs_notes else tiny)
    check_page(found, tmp_path / name)


def test_what_is_finished_is_kept_and_what_is_compared_has_seen_the_same(
    tiny: Reproducing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [Job("spectral-lstm", "data-1", {"hidden": "8"}), Job("spectral-gru", "data-1", {"hidden": "8"})]
    lab = Lab("test", tmp_path, tiny)
    first = lab.train(jobs, 1e-4)
    rows = [lab.row(each) for each in first]
    assert rows[0]["steps"] == rows[1]["steps"] and rows[0]["examples"] == rows[1]["examples"] == 2 * int(str(rows[0]["steps"]))
    assert rows[0]["seconds of audio"] == rows[1]["seconds of audio"]
    clip = lab.continuation(first[0], None, "noise")

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("made twice")

    for name in ("seconds_a_step", "evaluate_backend", "prepare_songs"):
        monkeypatch.setattr(laboratory, name, refuse)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    again = Lab("test", tmp_path, tiny)
    second = again.train(jobs, 1e-4)
    assert [again.row(each) for each in second] == rows
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.safetensors")}
    monkeypatch.setattr("orchestrion.generators.generating.LoadedModel.load", refuse)
    assert (again.continuation(first[0], None, "noise").samples == clip.samples).all()


def test_another_setting_is_another_training(tiny: Reproducing, tmp_path: Path) -> None:
    job = Job("spectral-lstm", "data-1", {"hidden": "8"})
    one = Lab("test", tmp_path, tiny).train([job], 1e-4)[0].run
    other = Lab("test", tmp_path, replace(tiny, seed=1)).train([job], 1e-4)[0].run
    assert one != other


def test_a_training_that_is_stopped_says_how_to_go_on(tiny: Reproducing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **kwargs: object) -> None:
        raised = KeyboardInterrupt()
        raised.add_note("with --resume")
        raise raised

    monkeypatch.setattr(laboratory, "train_backend", stop)
    with pytest.raises(KeyboardInterrupt) as stopped:
        Lab("test", tmp_path, tiny).train([Job("spectral-lstm", "data-1", {"hidden": "8"})], 1e-4)
    assert stopped.value.__notes__ == ["What is finished is kept; the same command goes on from there."]


def test_settings_that_differ_from_the_papers_are_listed(tiny: Reproducing, tmp_path: Path) -> None:
    lab = Lab("test", tmp_path, tiny)
    lab.used = {job.label: job for job in (Job("spectral-lstm", "a"), Job("spectral-gru", "a", {"hidden": "64"}))}
    rows = lab.settings_table().rows
    assert ("sample_rate", "44100", "16000", "all") in rows
    assert ("hidden", "2048", "64", "spectral-gru-a-hidden-64") in rows and ("hidden", "2048", "128", "spectral-lstm-a") in rows


def test_the_command_lists_runs_and_refuses(tiny: Reproducing, tmp_path: Path, recordings: Path) -> None:
    listed = CliRunner().invoke(cli, ["paper", "list", "--json"])
    assert [row["name"] for row in json.loads(listed.output)] == list(EXPERIMENTS)
    assert CliRunner().invoke(cli, ["paper", "nothing"]).exit_code == 2
    with pytest.raises(OrchestrionError, match="no experiment 'nothing'"):
        run_experiment("nothing", tmp_path)
    refused = CliRunner().invoke(cli, ["paper", QUICK, "--data", str(tmp_path / "none"), "-o", str(tmp_path / "out")])
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1 and not (tmp_path / "out" / QUICK / "page.html").exists()
