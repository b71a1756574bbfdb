"""`evaluate … --cluster`: the numbers of one machine, whatever becomes of the workers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from orchestrion import cluster, weights
from orchestrion.cli.app import cli
from orchestrion.composer.compose import Composer
from orchestrion.composer.config import ComposerConfig
from orchestrion.composer.network import Biaxial
from orchestrion.datasets.banks.mixing import FittedBank
from orchestrion.datasets.banks.notebank import open_folder
from orchestrion.datasets.corpora.json_corpus import KIND
from orchestrion.generators.files import save_generator
from orchestrion.generators.table import BACKENDS
from orchestrion.renderer.config import PRESETS
from orchestrion.renderer.network import WaveNet
from orchestrion.training import learn
from tests.cli.test_cluster import processes, threads
from tests.datasets.banks.notes import write_bank

NAMES = ("composer", "writing", "notes", "backend")
pytest.importorskip("distributed")


@pytest.fixture
def commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A command for each of `NAMES`, with all that it reads."""
    monkeypatch.setenv("ORCHESTRION_CACHE", str(folder / "cache"))
    monkeypatch.setattr("orchestrion.composer.scoring.BATCH_STEPS", 300)
    monkeypatch.setattr("orchestrion.training.evaluate_backend.BATCHES_A_CALL", 1)
    torch.manual_seed(0)
    config = ComposerConfig(pitch_low=48, pitch_high=79, time_sizes=(8,), note_sizes=(8,), lags_bars=(1,), foresight=8)
    Composer(Biaxial(config), {"licence": "none", "defaults": {"voices": 4, "polyphony": 4}}).save("composer.safetensors")
    draw = np.random.default_rng(0)
    pieces = [
        {"name": f"p{n}", "split": split, "meter": [4, 4], "sharps": 0,
         "notes": [[step, step + 4, int(pitch)] for step in range(0, 16 * (12 + n), 4) for pitch in draw.choice(np.arange(50, 76), 3, replace=False)]}
        for n in range(4) for split in ("train", "validation", "test")
    ]  # fmt: skip
    Path("corpus.json").write_text(json.dumps({"kind": KIND, "pieces": pieces}))
    bank = FittedBank.fit(open_folder(write_bank(folder / "harp", [60, 62, 64, 67])), threads=1)
    driven = dataclasses.replace(
        PRESETS["small"], layers=4, cycle=4, residual=8, skip=16, head=16, context_channels=8, conditioning_channels=8, history=4, source_window=4
    )
    told = learn.metadata(bank.bank.information, bank.bank.pitch_range, driven, {})
    weights.save("harp.safetensors", WaveNet(driven).state_dict() | learn.source_tensors(bank.source()), told)
    kind = BACKENDS["sample-lstm"]
    save_generator("lstm.safetensors", "sample-lstm", kind.network(kind.config_of({"hidden": 8, "window": 50, "targets": 50, "sample_rate": 4000})), {})
    Path("songs").mkdir()
    for n in range(4):
        soundfile.write(f"songs/s{n}.wav", 0.1 * draw.standard_normal(8000), 4000)
    prepared = CliRunner().invoke(cli, ["data", "prepare", "songs", "--rate", "4000", "-o", "set"])
    assert prepared.exit_code == 0, prepared.output
    composer = ["evaluate", "composer", "--model", "composer.safetensors", "--data", "corpus.json"]
    return {
        "composer": composer,
        "writing": [*composer, "--writing", "6"],
        "notes": ["evaluate", "notes", "-i", "harp.safetensors", "--bank", "harp"],
        "backend": ["evaluate", "sample-lstm", "--model", "lstm.safetensors", "--data", "set", "--split", "train", "--seconds", "1"],
    }


def measures(command: list[str], *more: str) -> dict[str, object]:
    result = CliRunner().invoke(cli, [*command, "--json", *more])
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_the_cluster_measures_what_one_machine_does(commands: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Callable[..., object]] = []
    run = cluster.Cluster.run

    def counted(self: cluster.Cluster, function: Callable[..., object], given: Iterator[tuple[object, list[object]]]) -> Iterator[object]:
        for label, arguments in run(self, function, given):
            calls.append(function)
            yield label, arguments

    monkeypatch.setattr(cluster.Cluster, "run", counted)
    with threads() as address:
        for name in NAMES:
            here, before = measures(commands[name]), len(calls)
            assert measures(commands[name], "--cluster", address) == here, name
            assert len(calls) >= before + 2, name
            assert {"composer": "harmonising_nll_seen", "writing": "told_apart_f1", "notes": "long_level_error_db_worst", "backend": "loss"}[name] in here


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_worker_that_is_killed_changes_no_number(name: str, commands: dict[str, list[str]], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, run, killed = measures(commands[name]), cluster.Cluster.run, []
    with processes(folder, 2) as (address, workers):

        def killing(self: cluster.Cluster, function: Callable[..., object], given: Iterator[tuple[object, list[object]]]) -> Iterator[object]:
            for answer in run(self, function, given):
                if not killed:
                    workers[0].kill()
                    killed.append(workers[0].wait())
                yield answer

        monkeypatch.setattr(cluster.Cluster, "run", killing)
        assert measures(commands[name], "--cluster", address) == here
    assert killed
