"""Fault: neither the package, nor the home, nor the caches in it can be written, as in a container that runs as some user."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

import orchestrion
from tests.labelling.sounds import line, played

PR_CAPBSET_DROP = 24
OVERRIDING = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by which root writes where the mode forbids it."""
PACKAGE = Path(orchestrion.__file__).parent
Run = Callable[..., list[str]]


def _as_anybody() -> None:
    for capability in OVERRIDING if sys.platform == "linux" else ():
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command of a package in a read-only folder, with a read-only home, and returns what it said on standard error."""
    for name in ("NUMBA_CACHE_DIR", "ORCHESTRION_CACHE", "XDG_CACHE_HOME", "MPLCONFIGDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    app, home = tmp_path / "app", tmp_path / "home"
    copytree(PACKAGE, app / "orchestrion", ignore=ignore_patterns("__pycache__", "*.safetensors"))
    for weights in PACKAGE.rglob("*.safetensors"):
        (app / "orchestrion" / weights.relative_to(PACKAGE)).symlink_to(weights)
    folders = [home, app, *(path for path in app.rglob("*") if path.is_dir())]
    for folder in (home, tmp_path / "temporary", tmp_path / "work"):
        folder.mkdir()
    for folder in folders:
        folder.chmod(0o555)

    def run(*arguments: object, status: int = 0, temporary: Path = tmp_path / "temporary") -> list[str]:
        environment = os.environ | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": f"{app}:{tmp_path / 'more'}"}
        done = subprocess.run(
            [sys.executable, "-B", "-m", "orchestrion", *map(str, arguments)],
            cwd=tmp_path / "work", env=environment, preexec_fn=_as_anybody, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == status and "Traceback" not in done.stderr, done.stderr
        return done.stderr.splitlines()

    yield run
    for folder in folders:
        folder.chmod(0o755)


def warned(said: list[str]) -> list[str]:
    return [text for text in said if text.startswith("Warning: ")]


def test_the_folders_are_really_read_only(container: Run, tmp_path: Path) -> None:
    """Without which the tests below would prove nothing."""
    home = tmp_path / "home" / "x"
    write = subprocess.run([sys.executable, "-c", f"open({str(home)!r}, 'w')"], preexec_fn=_as_anybody, capture_output=True, text=True, check=False)
    assert "PermissionError" in write.stderr


def test_data_label_works_and_says_one_line(container: Run, tmp_path: Path) -> None:
    played(line([60, 64, 67])).write(tmp_path / "work" / "take.wav")
    said = container("data", "label", "take.wav", "--method", "pyin", "-o", "set")
    assert len(said) == 1 and "compiled code is kept in" in said[0] and str(tmp_path / "temporary") in said[0], said
    assert (tmp_path / "work" / "set" / "take.png").read_bytes().startswith(b"\x89PNG")
    assert container("data", "label", "take.wav", "--method", "pyin", "-o", "set") == said


def test_only_the_output_folder_can_be_written(container: Run, tmp_path: Path) -> None:
    """No folder for temporary files either, without which matplotlib cannot be imported (``docker run --read-only``)."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "sitecustomize.py").write_text(f"import tempfile\ntempfile._candidate_tempdir_list = lambda: [{str(tmp_path / 'home')!r}]\n")
    played(line([60, 64, 67])).write(tmp_path / "work" / "take.wav")
    (tmp_path / "work" / "out").mkdir()
    (tmp_path / "work").chmod(0o555)
    try:
        said = container("data", "label", "take.wav", "--method", "pyin", "-o", "out", temporary=tmp_path / "home")
    finally:
        (tmp_path / "work").chmod(0o755)
    assert len(said) == 1 and "functions are compiled anew in this run" in said[0], said
    assert {path.name for path in (tmp_path / "work" / "out").iterdir()} == {"dataset.json", *(f"take.{kind}" for kind in ("flac", "label.json", "mid", "png", "tsv"))}


@pytest.mark.slow
def test_train_renderer_works_and_says_where_its_caches_are(container: Run, tmp_path: Path) -> None:
    """The shortest possible training, of recordings that are labelled on the way."""
    from tests.training.test_own_recordings import tune

    (tmp_path / "work" / "mine").mkdir()
    played(tune(20), seconds=20).write(tmp_path / "work" / "mine" / "take.wav")
    command = ["train", "renderer", "--data", "mine", "--label", "pyin", "--preset", "small", "--precision", "32-true", "--no-compile", "--threads", 1]
    said = warned(container(*command, "--steps", 1, "-o", "run"))
    (kept,) = (tmp_path / "temporary").glob("orchestrion-*")
    assert len(said) == 2 and "compiled code is kept in" in said[0] and said[1].endswith(f"What is kept between runs goes to {kept}."), said
    assert {path.name for path in kept.iterdir()} == {"compiled", "audio", "tracked"}
    assert kept.stat().st_mode & 0o077 == 0
    out = tmp_path / "work" / "out.wav"
    container("render", "ode-to-joy", "-i", "run/model.safetensors", "--end", 1, "-o", out)
    assert json.loads(out.with_name("out.wav.json").read_text())["duration_s"] > 0
