"""Minutes and labels as Table 1 counts them: of all recordings an instrument plays in, and of solo ensembles."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.datasets.layouts.musicnet_statistics import TABLE_1, statistics
from orchestrion.errors import OrchestrionError
from tests.datasets.layouts import published


def test_counts(tmp_path):
    rows = {row.name: row for row in statistics(published.musicnet(tmp_path))}
    # Cello in 2000, 2001, 2002, 2003 and 2191 (90, 91, 92, 93 and 94 s), three labels each.
    assert rows["Cello"].labels == 15 and rows["Cello"].minutes == pytest.approx((90 + 91 + 92 + 93 + 94) / 60)
    assert rows["Solo Cello"].labels == 12 and rows["Solo Cello"].minutes == pytest.approx((90 + 91 + 93 + 94) / 60)
    assert rows["Piano"].labels == 6 and rows["Violin"].labels == 3 and rows["Solo Piano"].labels == 3
    assert list(rows)[-2:] == ["Solo Cello", "Solo Piano"] and rows["Cello"].printed == TABLE_1["Cello"] == (621, 99407)


def test_the_command(tmp_path):
    folder = published.musicnet(tmp_path)
    assert "99,407" in CliRunner().invoke(cli, ["data", "statistics", str(folder)]).output
    result = CliRunner().invoke(cli, ["data", "statistics", str(folder), "--json"])
    assert {row["name"] for row in json.loads(result.output)} >= set(TABLE_1) - {"Solo Violin"}
    (tmp_path / "musicnet_metadata.csv").unlink()
    with pytest.raises(OrchestrionError, match="no musicnet_metadata"):
        statistics(folder)
