import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.files import alone_in
from orchestrion.training.runs import SETTINGS, claim, released_if_refused


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


def test_a_training_whose_data_is_refused_leaves_no_folder_of_its_own(tmp_path) -> None:
    """`train renderer --data none -o run` left an empty folder."""
    (tmp_path / "theirs").mkdir()
    for name in ("ours", "theirs"):
        is_new = claim(tmp_path / name, False, {"preset": "small"})
        with pytest.raises(OrchestrionError, match="no such data"), released_if_refused(tmp_path / name, False, is_new=is_new):
            raise OrchestrionError("There is no such data.")
    assert list(tmp_path.iterdir()) == [tmp_path / "theirs"] and not list((tmp_path / "theirs").iterdir())
    assert claim(tmp_path / "ours", False, {"preset": "small"})
    assert not claim(tmp_path / "ours", True, {"preset": "small"})
