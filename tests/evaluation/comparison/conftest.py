"""One comparison of tiny models, made once for all tests of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from orchestrion import shipped
from orchestrion.cli.app import cli
from orchestrion.datasets.recordings.songs import prepare_songs
from orchestrion.generators.files import save_generator
from tests.evaluation.meters.cases import RATE, piece, wave
from tests.generators.backends import make

PRESENT = ("wavenet", "spectral-lstm", "tcn")


class Compared(NamedTuple):
    """The folder, report.json, and what the command printed."""

    folder: Path
    report: dict
    printed: str


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared set of five songs of four seconds; the first is held out."""
    source = tmp_path_factory.mktemp("songs")
    for number in range(5):
        wave(piece(number, 4.0)).write(source / f"song{number}.wav")
    folder = tmp_path_factory.mktemp("sets") / "set"
    prepare_songs(source, folder, sample_rate=RATE, validation=["song0"])
    return folder


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, one for each of `PRESENT`."""
    folder = tmp_path_factory.mktemp("runs")
    for name in PRESENT:
        (folder / name).mkdir()
        save_generator(folder / name / "model.safetensors", name, make(name), {"licence": "none"})
    return folder


@pytest.fixture(scope="session")
def compared(songs: Path, runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    folder = tmp_path_factory.mktemp("out") / "all"
    only = [word for name in (*PRESENT, "stft-encdec") for word in ("--only", name)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shipped, "generators", list)
        result = CliRunner().invoke(cli, [
            "compare-all", "ode-to-joy", "--data", str(songs), "--runs", str(runs), *only,
            "--seconds", "1", "--seed-seconds", "0.5", "--clips", "2", "-o", str(folder),
        ])  # fmt: skip
    assert result.exit_code == 0, result.output
    return Compared(folder, json.loads((folder / "report.json").read_text()), result.stdout)
