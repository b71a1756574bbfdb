"""The table of the polyphonic sets: what is scored, what it says, and one run from training to the page."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.io import savemat

from orchestrion.composer.compose import Composer
from orchestrion.composer.scoring import Nll
from orchestrion.datasets.corpora.piece import CorpusPiece

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "composer_table.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("composer_table", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def piece(pitch: int, n_steps: int) -> CorpusPiece:
    return CorpusPiece(f"{pitch}", ((0, n_steps, pitch),))


def test_only_pieces_that_stay_on_the_keyboard_in_every_transposition_are_moved(script: ModuleType) -> None:
    pieces = [piece(21, 5), piece(60, 30), piece(108, 5), piece(27, 10), piece(102, 20)]
    assert [p.name for p in script.within(pieces, 1000)] == ["27", "102", "60"]
    assert [p.name for p in script.within(pieces, 15)] == ["27", "102"]


def test_ours_stand_beside_published_figures(script: ModuleType) -> None:
    row = script.Row("JSB_Chorales", "test", Nll(4.9, 4.85), {s: 0.01 * s for s in script.SHIFTS}, 3, 2000, 50.0, 0.67, [(1.0, 6.0)])
    other = script.Row("MuseData", "validation", Nll(3.5, 3.4), {s: 0.0 for s in script.SHIFTS}, 0, 10, 5.0, 0.03, [(1.0, 6.0)])
    text = script.table_of({row.name: row, other.name: other})
    assert "| BALSTM, best (2017) | 5.05 | 3.90 | 1.55 | 4.90 |" in text
    assert "| ours, average over frames | 4.90 | 3.50 (validation) | – | – |" in text
    assert "| JSB_Chorales | 2,000 | 50 | 0.7 | 3 | -0.06 |" in text


@pytest.mark.slow
def test_a_set_is_trained_and_scored_by_one_command_each(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cells = {}
    for name in ("traindata", "validdata", "testdata"):
        rolls = np.empty((1, 2), dtype=object)
        rolls[0] = [np.eye(40, 88, k=20, dtype=np.uint8), np.eye(36, 88, k=24, dtype=np.uint8)]
        cells[name] = rolls
    cells["traindata"][0][0] = np.eye(48, 88, k=22, dtype=np.uint8)
    savemat(tmp_path / "JSB_Chorales.mat", cells)
    run = str(tmp_path / "run")
    script.main(["train", str(tmp_path / "JSB_Chorales.mat"), "-o", run, "--minutes", "0.05", "--dropout", "0.2"])
    weights = Composer.load(tmp_path / "run" / "model.safetensors")
    assert weights.config.dropout == 0.2 and weights.config.time_sizes == (200, 200)
    calibration = weights.metadata["calibration"]
    assert isinstance(calibration, dict) and calibration["pieces"] == 2 and 0 < calibration["scale"] < 10
    script.main(["calibrate", run])
    assert "calibrated already" in capsys.readouterr().out
    assert Composer.load(tmp_path / "run" / "model.safetensors").metadata == weights.metadata
    monkeypatch.setattr(script, "PAGE", tmp_path / "page.md")
    script.main(["table", run, "--transposed-steps", "50"])
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "ours, average over frames" in page and (tmp_path / "page.png").exists()
