"""Finished trainings take the place of those of conditioned WaveNets."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.options import Crops, Reproducing
from orchestrion.papers import instruments
from orchestrion.papers.instruments import SMALL, Finished, Renderer, train_alike
from orchestrion.papers.lab import Lab
from orchestrion.papers.planning import LEAST_STEPS
from orchestrion.papers.running import run_experiment
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_backend import read_metrics
from orchestrion.training.train_renderer import train_renderer

LITTLE = dataclasses.replace(SMALL, layers=2, residual=8, skip=8, head=8)


@pytest.fixture
def twins(noted: Path, tmp_path: Path) -> dict[str, str]:
    """Two trainings of three updates, of two crops of .16 s each."""
    runs = {}
    for name, unconditioned in (("with-notes", False), ("without-notes", True)):
        runs[name] = str(tmp_path / name)
        loop = LoopSettings(steps=3, precision="32-true", keep="last")
        train_renderer(
            noted, runs[name], preset="paper", config=LITTLE, unconditioned=unconditioned, loop=loop, listen=False,
            crops=Crops(batch_size=2, crop_frames=40, gain_db=0.0, polarity=False),
        )  # fmt: skip
    return runs


def test_a_page_is_made_of_finished_trainings(
    twins: dict[str, str], tiny: Reproducing, noted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("trained anew")

    monkeypatch.setattr(instruments, "train_renderer", refuse)
    found = run_experiment("manzelli-twin", tmp_path, replace(tiny, data=(str(noted),), runs=twins))
    rows = {str(row["network"]): row for row in found.sections[0].table.to_json()} if found.sections[0].table else {}
    assert set(rows) == set(twins) and {(row["steps"], row["examples"], row["seconds of audio"]) for row in rows.values()} == {(3, 6, 1)}
    told = json.loads((tmp_path / "manzelli-twin" / "page.json").read_text(encoding="utf-8"))
    assert told["facts"]["budget"] == "finished trainings"
    assert "64 skip channels" not in json.dumps(told["deviations"])  # of networks that were not trained here
    assert Finished.of(Path(twins["with-notes"])).config == LITTLE.to_dict()


def test_a_page_says_of_each_stage_how_long_it_was_trained(twins: dict[str, str], tiny: Reproducing, noted: Path, tmp_path: Path) -> None:
    (section,) = run_experiment("manzelli-genre", tmp_path, replace(tiny, data=(str(noted),), runs={"genre": twins["with-notes"]})).sections
    assert section.table
    trained = [row["training"] for row in section.table.to_json()]
    assert re.fullmatch(r"[\d,]+ steps, [\d.]+ minutes", str(trained[0])) and trained[1:] == ["3 steps, 1 s of audio", None]
    assert str(trained[0]) in section.text and str(trained[1]) in section.text
    told = json.loads((tmp_path / "manzelli-genre" / "page.json").read_text(encoding="utf-8"))
    assert told["facts"]["budget"] == "0.0001 minutes of training, beside finished trainings"


def test_networks_that_a_page_trains_are_validated_once(tiny: Reproducing, noted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instruments, "SMALL", LITTLE)
    lab = Lab("test", tmp_path, tiny)
    run = train_alike(lab, [Renderer("told", noted)], 1e-4)["told"]
    (line,) = read_metrics(run)
    assert line["step"] == LEAST_STEPS and "note_f1_50ms" not in line  # nothing was played


def test_a_training_that_no_network_of_the_page_is_called_by_is_refused(twins: dict[str, str], tiny: Reproducing, noted: Path, tmp_path: Path) -> None:
    options = replace(tiny, data=(str(noted),), runs={"with-words": twins["with-notes"]})
    with pytest.raises(OrchestrionError, match="trains no 'with-words', but with-notes, without-notes"):
        run_experiment("manzelli-twin", tmp_path, options)
    with pytest.raises(OrchestrionError, match="leave out --runs"):
        run_experiment("nayebi-losses", tmp_path, replace(tiny, runs=twins))
