import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.files import alone_in
from orchestrion.training.runs import SETTINGS, claim


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_run_whose_settings_are_damaged_is_not_resumed(tmp_path, content) -> None:
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(OrchestrionError, match="JSON"):
        claim(tmp_path, True, {"preset": "small"})
    assert (tmp_path / SETTINGS).read_text() == content


def test_a_folder_in_which_a_training_runs_is_not_resumed_by_another(tmp_path) -> None:
    claim(tmp_path, False, {"preset": "small"})
    before = (tmp_path / SETTINGS).read_bytes()
    with alone_in(tmp_path), pytest.raises(OrchestrionError, match="in use"):
        claim(tmp_path, True, {"preset": "small", "loop": 2})
    assert (tmp_path / SETTINGS).read_bytes() == before
    claim(tmp_path, True, {"preset": "small", "loop": 2})  # it has ended: now it may
    assert (tmp_path / SETTINGS).read_bytes() != before
