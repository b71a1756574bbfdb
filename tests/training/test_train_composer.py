from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from orchestrion.composer.compose import Composer
from orchestrion.errors import OrchestrionError
from orchestrion.training.runs import claim
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_composer import train_composer


@pytest.fixture
def rolls(tmp_path: Path) -> Path:
    cells = np.empty((1, 2), dtype=object)
    for i in range(2):
        cells[0, i] = np.eye(36, 88, k=20, dtype=np.uint8)
    savemat(tmp_path / "Tiny.mat", {"traindata": cells, "validdata": cells})
    return tmp_path / "Tiny.mat"


@pytest.mark.slow
def test_a_run_leaves_a_composer_that_can_be_used_and_resumed(rolls: Path, tmp_path: Path) -> None:
    run, steps = tmp_path / "run", {"validate_minutes": 9.0, "precision": "32-true"}
    first = train_composer(rolls, run, preset="compact", loop=LoopSettings(steps=2, **steps), batch=1, crop_steps=16)
    assert first["loss"] > 0
    assert Composer.load(run / "model.safetensors").metadata["metrics"]["loss"] == pytest.approx(first["loss"])
    more = LoopSettings(steps=4, **steps)
    with pytest.raises(OrchestrionError, match="--resume"):
        train_composer(rolls, run, preset="compact", loop=more, batch=1, crop_steps=16)
    with pytest.raises(OrchestrionError, match="another crops"):
        train_composer(rolls, run, preset="compact", loop=more, batch=2, crop_steps=16, resume=True)
    assert train_composer(rolls, run, preset="compact", loop=more, batch=1, crop_steps=16, resume=True) != first


def test_a_run_begins_with_another_composers_weights(rolls: Path, tmp_path: Path, monkeypatch) -> None:
    begun = []
    monkeypatch.setattr("orchestrion.training.train_composer.fit", lambda task, *_: begun.append(task) or {})
    loop = LoopSettings(steps=1)
    train_composer(rolls, tmp_path / "run", preset="compact-chorales", start_from="melodies", loop=loop)
    parent = Composer.load("melodies").model.state_dict()
    assert all(tensor.equal(parent[name]) for name, tensor in begun[0].model.state_dict().items())
    with pytest.raises(OrchestrionError, match="another size"):
        train_composer(rolls, tmp_path / "other", preset="repo", start_from="melodies", loop=loop)
    assert not (tmp_path / "other").exists()


def test_no_preset_no_data_no_folder(rolls: Path, tmp_path: Path) -> None:
    loop = LoopSettings(steps=1)
    with pytest.raises(OrchestrionError, match="preset"):
        train_composer(rolls, tmp_path / "run", preset="vast", loop=loop)
    with pytest.raises(OrchestrionError, match="neither a corpus"):
        train_composer(tmp_path / "none", tmp_path / "run", preset="paper", loop=loop)
    assert not (tmp_path / "run").exists()


def test_a_run_is_claimed_once(tmp_path: Path) -> None:
    record = {"kind": "composer", "loop": {"steps": 1}}
    claim(tmp_path / "run", False, record)
    with pytest.raises(OrchestrionError, match="holds a training already"):
        claim(tmp_path / "run", False, record)
    claim(tmp_path / "run", True, record | {"loop": {"steps": 2}})
    with pytest.raises(OrchestrionError, match="another kind"):
        claim(tmp_path / "run", True, record | {"kind": "renderer"})
