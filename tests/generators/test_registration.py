"""One row registers a back-end: it trains, generates, is compared and has help, and no other file names it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import orchestrion
from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import prepare_songs
from orchestrion.evaluation.comparison.lineup import line_up
from orchestrion.generators.table import BACKENDS
from tests.generators.backends import tones
from tests.generators.toy import TOY

SCRIPT = "from tests.generators import toy; toy.register(); from orchestrion.cli import main; main()"


def test_a_row_in_the_table_is_all_that_a_back_end_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> str:
        root = Path(orchestrion.__file__).parents[1]
        process = subprocess.run([sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, cwd=root, check=False)
        assert process.returncode == 0, process.stderr
        return process.stdout

    (tmp_path / "songs").mkdir()
    for number in range(2):
        Waveform(tones(6000, 4410, number), 4410).write(tmp_path / "songs" / f"song{number}.wav")
    prepare_songs(tmp_path / "songs", tmp_path / "set", sample_rate=4410, validation=["song1"])
    assert "affine map" in run("train", "--help") and "taps=8" in run("train", "toy", "--help")
    trained = str(tmp_path / "run")
    run("train", "toy", "--data", str(tmp_path / "set"), "--set", "taps=5", "--steps", "5", "--threads", "1", "-o", trained)
    audio = str(tmp_path / "out.wav")
    run("generate", "toy", "--model", trained, "--seconds", "0.1", "-o", audio)
    assert len(Waveform.read(audio).samples) == 441
    monkeypatch.setitem(BACKENDS, "toy", TOY)
    (entry,) = line_up({"toy": trained}, only=("toy",))
    assert entry.model == trained


def test_the_names_of_back_ends_stand_in_the_table_alone() -> None:
    package = Path(orchestrion.__file__).parent
    for path in package.rglob("*.py"):
        if path.relative_to(package).as_posix() != "generators/table.py":
            text = path.read_text(encoding="utf-8")
            listed = [name for name in ('"spectral-base"', '"spectral-bilinear"', '"stft-encdec"', '"sample-lstm"') if name in text]
            assert not listed, f"{path} lists {', '.join(listed)}; read generators.table instead"
