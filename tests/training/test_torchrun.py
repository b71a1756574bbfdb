"""Several processes with the same command, under torchrun."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from orchestrion import weights
from orchestrion.audio import Waveform
from orchestrion.training.loop import fit
from tests.training.test_loop import SETTINGS, Line

STOPPED_AT, VALIDATED_EVERY, STEPS = 25, 10, 60


@pytest.mark.slow
def test_two_processes_train_one_instrument(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for name in "ab":
        Waveform(0.3 * np.sin(np.arange(32000) / 9).astype(np.float32), 16000).write(folder / f"{name}.wav")
        (folder / f"{name}.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n0.0\t1.9\t69\t90\n")
    (folder / "splits.json").write_text(json.dumps({"train": ["a"], "validation": ["b"]}))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "orchestrion", "train", "renderer",
        "--data", str(folder), "--preset", "small", "--no-compile", "--steps", "3", "--threads", "1",
        "-o", str(tmp_path / "run"),
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    (line,) = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["step"] == 3
    assert (tmp_path / "run" / "model.safetensors").exists()


class Shared(Line):
    """The batch of one process, divided among all: two have half of it each."""

    def batch(self, step, rank, world):
        whole = super().batch(step, 0, 1)
        return {name: values[rank::world] for name, values in whole.items()}


def train(run, *arguments):
    """Train `Shared` in the folder ``run``; what this file does when torchrun starts it."""
    stopped = STOPPED_AT if "stopped" in arguments else None
    fit(Shared(stopped), Path(run), replace(SETTINGS, steps=STEPS, validate_steps=VALIDATED_EVERY, threads=1), resume="resumed" in arguments)


def start(run, *arguments, n=2):
    run.mkdir(exist_ok=True)
    how = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)] if n > 1 else []
    command = [sys.executable, *how, "-m", "tests.training.test_torchrun", str(run), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)


def measured(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_lose_what_one_does_with_twice_the_batch_and_resume_to_the_same_weights(tmp_path):
    one, two, stopped = (tmp_path / name for name in ("one", "two", "stopped"))
    for done in (start(one, n=1), start(two)):
        assert done.returncode == 0, done.stderr[-2000:]
    alone, together = measured(one), measured(two)
    assert [line["step"] for line in together] == list(range(VALIDATED_EVERY, STEPS + 1, VALIDATED_EVERY))
    for name in ("train_loss", "loss"):
        np.testing.assert_allclose([line[name] for line in together], [line[name] for line in alone], rtol=1e-4)
    assert start(stopped, "stopped").returncode != 0 and (stopped / "checkpoint.safetensors").exists()
    assert [line["step"] for line in measured(stopped)] == [10, 20]
    done = start(stopped, "resumed")
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line["loss"] for line in measured(stopped)] == [line["loss"] for line in together]
    # To the bit: the averages, and, in the checkpoint, the weights and the optimiser's moments.
    for name, key in (("model.safetensors", ""), ("checkpoint.safetensors", "model.")):
        straight, resumed = (weights.load(run / name)[0] for run in (two, stopped))
        assert straight.keys() == resumed.keys() and any(tensor.startswith(key) for tensor in straight)
        assert all(torch.equal(straight[tensor], resumed[tensor]) for tensor in straight)


if __name__ == "__main__":
    train(*sys.argv[1:])
