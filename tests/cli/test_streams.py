"""How figures are shown."""

from __future__ import annotations

import json

from orchestrion.cli.streams import echo_measures


def test_measures_of_a_group_have_a_line_each(capsys):
    figures = {"loss": 0.5, "trained": {"steps": 271, "seconds_of_audio": 12.5}, "songs": ["a", "b"]}
    echo_measures(figures, as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "loss                      0.5000", "trained_steps             271", "trained_seconds_of_audio  12.5000"]  # fmt: skip
    echo_measures(figures, as_json=True)
    assert json.loads(capsys.readouterr().out) == figures
