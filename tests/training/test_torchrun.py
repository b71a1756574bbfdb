"""Several processes with the same command, under torchrun."""

import json
import subprocess
import sys

import numpy as np
import pytest

from orchestrion.audio import Waveform


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
