"""The catalogue's commands, as a user types them."""

from __future__ import annotations

import json

import pytest

from orchestrion.datasets.catalogue import source, sources
from orchestrion.datasets.recordings.aligned import AlignedSet
from tests.datasets.layouts import published
from tests.invoking import invoke


def run(*arguments: object):
    return invoke("data", *arguments)


def test_every_source_has_content_licence_and_origin():
    for record in sources():
        assert record.content and record.licence and record.source and source(record.name) == record
    assert source("Nottingham").kind == "scores"


def test_info():
    shown = run("info", "maestro").output
    assert "6680fea5be2339ea15091a249fbd70e49551246ddbd5ca50f1b2352c08c95291" in shown and "non-commercial" in shown
    assert json.loads(run("info", "guitarset", "--json").output)["downloads"][0]["checksum"].startswith("md5:")
    assert "no checksum is published" in run("info", "saarland").output
    unknown = run("info", "musicnot")
    assert unknown.exit_code == 1 and "did you mean 'musicnet'?" in unknown.stderr


def test_prepare_a_known_set_and_pack_it(tmp_path):
    folder = published.musicnet(tmp_path)
    made = run("prepare", "musicnet", folder, "--ensemble", "Solo Cello", "-o", tmp_path / "set", "--json")
    figures = json.loads(made.output)
    assert (
        made.exit_code == 0
        and figures["pieces"] == {"train": 1, "validation": 1}
        and "musicnet_2003" in figures["left_out"]
    )
    packed = run("shard", tmp_path / "set", "-o", tmp_path / "shards", "--megabytes", 1)
    assert packed.exit_code == 0 and "train-000000.tar" in packed.output
    assert len(AlignedSet.open(tmp_path / "shards").pieces) == 3
    assert "minutes" in run("check", tmp_path / "set").output


def test_prepare_pairs_and_scores(tmp_path):
    for name in ("one", "two"):
        published.audio(tmp_path / "mine" / f"{name}.wav")
        published.midi(tmp_path / "mine" / f"{name}.mid")
    shown = run("prepare", "pairs", tmp_path / "mine", "-o", tmp_path / "set", "--licence", "CC0", "--rate", 8000)
    assert shown.exit_code == 0 and "CC0" in shown.output
    assert AlignedSet.open(tmp_path / "set", sample_rate=8000).information["licence"] == "CC0"
    shown = run("prepare", "scores", tmp_path / "mine", "-o", tmp_path / "mine.json", "--transpose", "c")
    assert shown.exit_code == 0 and (tmp_path / "mine.json").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("prepare", "kazoo", "x", "-o", "y"), 1, "no data set 'kazoo'"),
        (("prepare", "a", "b", "c", "-o", "y"), 2, "Give a folder"),
        (("prepare", "x", "--instrument", "cello", "-o", "y"), 1, "--instrument means nothing for a folder of songs"),
        (("prepare", "maps", "x", "--stem", "drums", "-o", "y"), 1, "--stem means nothing for maps"),
        (("prepare", "nowhere", "-o", "y"), 1, "There is no folder nowhere"),
        (("prepare", "maps", "nowhere", "-o", "y"), 1, "There is no nowhere"),
        (("validate", "nowhere"), 1, "nowhere"),
        (("download", "maps", "-o", "y"), 1, "cannot be fetched by a program"),
        (("shard", "nowhere", "-o", "y"), 1, "no prepared set"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, arguments, status, said):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == status and said in result.stderr and "Traceback" not in result.stderr
    assert not [path for path in tmp_path.iterdir() if path.name != "y" or any(path.iterdir())]
