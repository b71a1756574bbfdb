"""Bad weights and bad outputs at the command line: one sentence, status 1, nothing left behind."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

import orchestrion
from orchestrion import weights
from orchestrion.cli.app import cli
from tests import invoking


def truncated(tiny: Path, composer: Path, bad: Path) -> None:
    bad.write_bytes(tiny.read_bytes()[:-1000])


def cut_in_the_header(tiny: Path, composer: Path, bad: Path) -> None:
    bad.write_bytes(tiny.read_bytes()[:100])


def bit_flipped(tiny: Path, composer: Path, bad: Path) -> None:
    content = bytearray(tiny.read_bytes())
    content[-5000] ^= 0x04
    bad.write_bytes(content)


def of_another_architecture(tiny: Path, composer: Path, bad: Path) -> None:
    bad.write_bytes(composer.read_bytes())


def with_nan(tiny: Path, composer: Path, bad: Path) -> None:
    tensors, metadata = weights.load(tiny)
    tensors["b_out"][0] = torch.nan
    weights.save(bad, tensors, metadata)


def of_another_shape(tiny: Path, composer: Path, bad: Path) -> None:
    tensors, metadata = weights.load(tiny)
    tensors["b_out"] = tensors["b_out"][:-1].clone()
    weights.save(bad, tensors, metadata)


def with_a_config_of_nonsense(tiny: Path, composer: Path, bad: Path) -> None:
    tensors, metadata = weights.load(tiny)
    weights.save(bad, tensors, metadata | {"config": {"layers": 10**9}})


def a_pickle(tiny: Path, composer: Path, bad: Path) -> None:
    bad.write_bytes(pickle.dumps({"model": [1.0] * 100}))


def a_torch_checkpoint(tiny: Path, composer: Path, bad: Path) -> None:
    torch.save({"model": torch.zeros(3)}, bad)


def of_another_program(tiny: Path, composer: Path, bad: Path) -> None:
    save_file(load_file(tiny), bad)


def empty(tiny: Path, composer: Path, bad: Path) -> None:
    bad.write_bytes(b"")


CASES: tuple[Callable[[Path, Path, Path], None], ...] = (
    truncated, cut_in_the_header, bit_flipped, of_another_architecture, with_nan, of_another_shape,
    with_a_config_of_nonsense, a_pickle, a_torch_checkpoint, of_another_program, empty,
)  # fmt: skip


def check_refused(folder: Path, *arguments: object) -> str:
    return invoking.check_refused(lambda: invoking.invoke(*arguments), folder)


@pytest.mark.parametrize("damage", CASES, ids=lambda case: case.__name__)
def test_bad_weights(damage: Callable, tiny: Path, tiny_composer: Path, folder: Path) -> None:
    damage(tiny, tiny_composer, folder / "bad.safetensors")
    CliRunner().invoke(cli, ["render", "ode-to-joy", "-i", "bad.safetensors", "-o", "out.wav"])  # imports torch
    assert "bad.safetensors" in check_refused(folder, "render", "ode-to-joy", "-i", "bad.safetensors", "-o", "out.wav")


def test_an_instrument_is_no_composer(tiny: Path, folder: Path) -> None:
    assert "wavenet" in check_refused(folder, "compose", "--model", tiny, "-o", "out.mid")


def test_unknown_model(folder: Path) -> None:
    assert "kazoo" in check_refused(folder, "render", "ode-to-joy", "-i", "kazoo", "-o", "out.wav")


@pytest.mark.parametrize(
    "output", ["missing/out.wav", "file/out.wav", "out.m4a", "out", "/dev/full", "/dev/full.wav/out.wav", "link.wav"]
)
def test_outputs_that_cannot_be_written(output: str, tiny: Path, folder: Path) -> None:
    (folder / "file").write_text("not a folder")
    (folder / "out").write_text("not a folder either")
    (folder / "link.wav").symlink_to("/dev/full")
    check_refused(folder, "render", "ode-to-joy", "-i", tiny, "--end", 0.1, "-o", output)
    assert Path("/dev/full").is_char_device()


def test_composing_refuses_the_same_outputs(folder: Path) -> None:
    for output in ("missing/tune.mid", "tune.wav", "tune"):
        check_refused(folder, "compose", "-o", output)


def start(*arguments: object, cwd: Path, stdout: int = subprocess.PIPE, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrion", *map(str, arguments)],
        cwd=cwd,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(orchestrion.__file__).parent.parent)},
        **options,
    )


@pytest.mark.parametrize("name", ["out.wav", "out.flac", "out.ogg"])
def test_a_full_disk_leaves_nothing(name: str, tiny: Path, folder: Path) -> None:
    arguments = ["render", "ode-to-joy", "-i", str(tiny), "--transpose", "-5", "--end", "1", "-o"]
    CliRunner().invoke(cli, [*arguments, str(folder.parent / f"warm-{name}")])  # compiled code is written to disk as well
    with invoking.files_of_at_most(4096):
        check_refused(folder, *arguments, name)


def test_a_reader_that_goes_away_is_no_traceback(tiny: Path, folder: Path) -> None:
    process = start("render", "ode-to-joy", "-i", tiny, "--transpose", -5, "--end", 2, "-o", "-", cwd=folder)
    process.stdout.close()
    assert process.wait(timeout=300) == 1
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()


def processor_seconds(pid: int) -> float:
    """Of a running process and its threads."""
    numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_half_way_leaves_nothing(number: int, status: int, tiny: Path, folder: Path) -> None:
    process = start("render", "greensleeves", "-i", tiny, "--count", 500, "-o", "out", cwd=folder)
    deadline = time.monotonic() + 120
    while not (folder / "out").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    begun_s = processor_seconds(process.pid)
    while processor_seconds(process.pid) < begun_s + 0.5 and time.monotonic() < deadline:
        time.sleep(0.05)  # until it is well into playing, however busy the machine is
    process.send_signal(number)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == status, stderr
    assert b"Traceback" not in stderr
    assert not (folder / "out").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_inside_a_callback_from_c(number: int, status: int, folder: Path) -> None:
    """There an exception goes nowhere; it once made `render` play on after Ctrl-C that came while it compiled."""
    program = f"""
import ctypes, signal, sys, time
from orchestrion.cli import app
def command(*arguments, **options):
    ctypes.CFUNCTYPE(None)(lambda: signal.raise_signal({int(number)}))()
    time.sleep(60)
app.models.invoke = command
sys.argv = ["orchestrion", "models", "list"]
app.run()
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=50, cwd=folder)
    assert done.returncode == status and b"Traceback" not in done.stderr, done.stderr


def test_verbose_shows_the_traceback(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["render", "nowhere.mid", "-o", "out.wav", "-v"])
    assert result.exit_code == 1 and "Traceback" in result.stderr and "Error: " in result.stderr


def test_models_of_a_bad_file(folder: Path, tiny: Path) -> None:
    (folder / "bad.safetensors").write_bytes(b"\xff" * 100)
    check_refused(folder, "models", "info", "bad.safetensors")
    shown = json.loads(CliRunner().invoke(cli, ["models", "info", str(tiny)]).stdout)
    assert shown["architecture"] == "wavenet"
