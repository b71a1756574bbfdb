from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from orchestrion.composer.compose import Composer
from orchestrion.composer.config import NEAR, PRESETS
from orchestrion.composer.network import Biaxial
from orchestrion.errors import OrchestrionError
from orchestrion.training.composer_task import ComposerTask
from orchestrion.training.runs import claim
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_composer import FIRST_INPUTS, NOTE_INPUTS, train_composer


@pytest.fixture
def rolls(tmp_path: Path) -> Path:
    return written(tmp_path / "Tiny.mat", traindata=[36, 36], validdata=[40])


def written(path: Path, **splits: list[int]) -> Path:
    """Rolls of rising scales, as long as said."""
    cells = {name: np.empty((1, len(lengths)), dtype=object) for name, lengths in splits.items()}
    for name, lengths in splits.items():
        cells[name][0] = [np.eye(n, 88, k=20, dtype=np.uint8) for n in lengths]
    savemat(path, cells)
    return path


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
    parent, own = Composer.load("melodies").model.state_dict(), begun[0].model.state_dict()
    first, notes = parent.pop(FIRST_INPUTS), parent.pop(NOTE_INPUTS)
    assert own[NOTE_INPUTS][:, : notes.shape[1]].equal(notes) and not own[NOTE_INPUTS][:, notes.shape[1] :].any()
    assert all(tensor.equal(own[name]) for name, tensor in parent.items())
    assert own[FIRST_INPUTS][:, : first.shape[1]].equal(first) and not own[FIRST_INPUTS][:, first.shape[1] :].any()
    with pytest.raises(OrchestrionError, match="another size"):
        train_composer(rolls, tmp_path / "other", preset="repo", start_from="melodies", loop=loop)
    assert not (tmp_path / "other").exists()


def test_memories_are_taken_over_from_those_of_the_same_bars_and_matches_alone(tmp_path: Path, rolls: Path, monkeypatch) -> None:
    begun, parent = [], tmp_path / "parent.safetensors"
    monkeypatch.setattr("orchestrion.training.train_composer.fit", lambda task, *_: begun.append(task) or {})
    sizes = replace(PRESETS["matching"], time_sizes=(6,), note_sizes=(5,))
    Composer(Biaxial(sizes), {}).save(parent)
    for i, config in enumerate((sizes, replace(sizes, matches=(), lags_bars=(1, 2, 4)))):
        monkeypatch.setitem(PRESETS, "tiny", config)
        train_composer(rolls, tmp_path / f"run-{i}", preset="tiny", start_from=parent, loop=LoopSettings(steps=1))
    first = Composer.load(parent).model.state_dict()[FIRST_INPUTS]
    same, others = (task.model.state_dict()[FIRST_INPUTS] for task in begun)
    assert same.equal(first) and not others[:, -3 * 2 * NEAR :].any() and others[:, :60].equal(first[:, :60])


def test_pieces_that_a_held_out_split_holds_are_not_learnt_from(tmp_path: Path) -> None:
    rolls = written(tmp_path / "Leaky.mat", traindata=[36, 40, 44], validdata=[40], testdata=[44])
    assert ComposerTask(PRESETS["paper"], str(rolls)).leaked == ["Leaky/train#1", "Leaky/train#2"]
    with pytest.raises(OrchestrionError, match="held out"):
        ComposerTask(PRESETS["paper"], str(written(tmp_path / "Same.mat", traindata=[40], validdata=[40])))


def test_crops_are_moved_within_the_keys(rolls: Path) -> None:
    task = ComposerTask(PRESETS["paper"], str(rolls), crop_steps=8, batch=64, transpose=30)
    batch = task.batch(0)
    lowest = batch["lowest"] + batch["grid"][..., 0].amax(dim=1).argmax(dim=1)
    assert lowest.min() < 20 < lowest.max() and len(set(lowest.tolist())) > 20
    again = ComposerTask(PRESETS["paper"], str(rolls), crop_steps=8, batch=64, transpose=30)
    assert all(values.equal(again.batch(0)[name]) for name, values in task.batch(0).items())


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
