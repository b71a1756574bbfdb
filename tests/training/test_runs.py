import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.training.runs import SETTINGS, claim


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_a_run_whose_settings_are_damaged_is_not_resumed(tmp_path, content) -> None:
    (tmp_path / SETTINGS).write_text(content)
    with pytest.raises(OrchestrionError, match="JSON"):
        claim(tmp_path, True, {"preset": "small"})
    assert (tmp_path / SETTINGS).read_text() == content
