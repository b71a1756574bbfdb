"""Fetching from servers that drop, lie and change: what arrives is the file that was published, or nothing."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.datasets import catalogue, download
from orchestrion.datasets.records import RECORDINGS, DataSource, Download
from orchestrion.errors import OrchestrionError
from tests.datasets.server import Behaviour, served

CONTENT = bytes(range(256)) * 2000
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(download, "PAUSE_S", 0.0)
    monkeypatch.setenv("no_proxy", "*")


def item(address: str, **options) -> Download:
    return Download(**{"address": f"{address}/set.bin", "filename": "set.bin", "checksum": MD5} | options)


def fetched(behaviour: Behaviour, folder, **options) -> bytes:
    with served(behaviour) as address:
        return download.fetch(item(address, **options), folder).read_bytes()


def refused(behaviour: Behaviour, folder, **options) -> str:
    with served(behaviour) as address, pytest.raises(OrchestrionError) as caught:
        download.fetch(item(address, **options), folder)
    assert "\n" not in str(caught.value) and not (folder / "set.bin").exists()
    return str(caught.value)


def test_a_file_is_fetched_once(tmp_path):
    behaviour = Behaviour({"/set.bin": CONTENT})
    assert fetched(behaviour, tmp_path) == CONTENT
    assert fetched(behaviour, tmp_path) == CONTENT
    assert behaviour.requests == [("/set.bin", None)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloads.json", "set.bin"]


def test_dropped_connections_are_taken_up_where_they_stopped(tmp_path):
    behaviour = Behaviour({"/set.bin": CONTENT}, drop_after=200_000, drops=2)
    assert fetched(behaviour, tmp_path) == CONTENT
    assert [asked for _, asked in behaviour.requests] == [None, "bytes=200000-", "bytes=400000-"]


def test_a_later_run_goes_on_too(tmp_path):
    assert "same command goes on" in refused(Behaviour({"/set.bin": CONTENT}, drop_after=1000, drops=99), tmp_path)
    behaviour = Behaviour({"/set.bin": CONTENT})
    assert fetched(behaviour, tmp_path) == CONTENT
    assert behaviour.requests == [("/set.bin", "bytes=5000-")]


def test_a_server_that_ignores_ranges_is_read_from_the_start(tmp_path):
    behaviour = Behaviour({"/set.bin": CONTENT}, drop_after=300_000, drops=1, ignores_range=True)
    assert fetched(behaviour, tmp_path) == CONTENT


def test_a_file_that_changed_meanwhile_is_read_from_the_start(tmp_path):
    old = b"x" * len(CONTENT)
    refused(Behaviour({"/set.bin": old}, drop_after=1000, drops=99), tmp_path)
    assert fetched(Behaviour({"/set.bin": CONTENT}, version='"two"'), tmp_path) == CONTENT


def test_a_shorter_file_on_the_server_is_read_from_the_start(tmp_path):
    (tmp_path / "set.bin.part").write_bytes(b"y" * (len(CONTENT) + 5))
    assert fetched(Behaviour({"/set.bin": CONTENT}), tmp_path) == CONTENT


def test_a_whole_part_only_needs_its_name(tmp_path):
    (tmp_path / "set.bin.part").write_bytes(CONTENT)
    behaviour = Behaviour({"/set.bin": CONTENT})
    assert fetched(behaviour, tmp_path) == CONTENT and len(behaviour.requests) == 1


def test_servers_that_lie_about_length_or_range(tmp_path):
    assert "is not the file" in refused(Behaviour({"/set.bin": CONTENT}, claims=1000), tmp_path)
    assert "not the 999 that are published" in refused(Behaviour({"/set.bin": CONTENT}), tmp_path, n_bytes=999)
    endless = Behaviour({"/set.bin": CONTENT}, no_length=True)
    assert "more than the 999 bytes" in refused(endless, tmp_path, n_bytes=999)
    (tmp_path / "set.bin.part").write_bytes(CONTENT[:100])
    assert "another part" in refused(Behaviour({"/set.bin": CONTENT}, wrong_range=True), tmp_path)
    assert fetched(Behaviour({"/set.bin": CONTENT}, no_length=True), tmp_path, n_bytes=len(CONTENT)) == CONTENT


def test_a_server_that_promises_too_much_still_gives_the_file(tmp_path):
    assert fetched(Behaviour({"/set.bin": CONTENT}, claims=len(CONTENT) + 10), tmp_path) == CONTENT


def test_passing_faults_are_tried_again_and_final_ones_are_not(tmp_path):
    behaviour = Behaviour({"/set.bin": CONTENT}, statuses=[503, 429, 500])
    assert fetched(behaviour, tmp_path) == CONTENT and len(behaviour.requests) == 4
    missing = Behaviour({})
    assert "Cannot fetch" in refused(missing, tmp_path / "..", filename="other.bin") and len(missing.requests) == 1
    with pytest.raises(OrchestrionError, match="no web address"):
        download.fetch(Download("file:///etc/passwd", "x"), tmp_path)
    with pytest.raises(OrchestrionError, match="Cannot fetch"):
        download.fetch(Download("http://127.0.0.1:9/x", "x"), tmp_path)


def test_wrong_files_are_put_aside(tmp_path):
    other = CONTENT[:-1] + b"?"
    assert "is not the file" in refused(Behaviour({"/set.bin": other}), tmp_path)
    assert (tmp_path / "set.bin.wrong").read_bytes() == other
    assert fetched(Behaviour({"/set.bin": CONTENT}), tmp_path) == CONTENT


def test_without_a_published_sum_the_first_one_seen_counts(tmp_path):
    assert fetched(Behaviour({"/set.bin": CONTENT}), tmp_path, checksum="") == CONTENT
    seen = json.loads((tmp_path / "downloads.json").read_text())["set.bin"]["sum"]
    assert seen == "sha256:" + hashlib.sha256(CONTENT).hexdigest()
    (tmp_path / "set.bin").unlink()
    assert "is not the file" in refused(Behaviour({"/set.bin": CONTENT + b"!"}), tmp_path, checksum="")


def record(address: str, content: bytes, **options) -> DataSource:
    sum_ = "sha256:" + hashlib.sha256(content).hexdigest()
    files = (
        Download(
            **{"address": f"{address}/a.zip", "filename": "a.zip", "checksum": sum_, "unpacked_gib": 0.001} | options
        ),
    )
    return DataSource("tiny", "recordings", "a tiny set", "CC0", address, downloads=files)


def packed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tiny/one.txt", "one")
    return buffer.getvalue()


def test_archives_are_unpacked_once(tmp_path, monkeypatch):
    content = packed()
    with served(Behaviour({"/a.zip": content})) as address:
        download.download_all(record(address, content), tmp_path / "set")
        assert (tmp_path / "set" / "tiny" / "one.txt").read_text() == "one"
        monkeypatch.setattr(download, "unpack_archive", lambda *_: pytest.fail("unpacked twice"))
        download.download_all(record(address, content), tmp_path / "set")


def test_the_disk_is_looked_at_first(tmp_path):
    behaviour = Behaviour({"/a.zip": packed()})
    with served(behaviour) as address, pytest.raises(OrchestrionError, match="GiB are free"):
        download.download_all(record(address, packed(), unpacked_gib=1e9), tmp_path)
    assert not behaviour.requests


def test_sets_on_request_say_where_to_ask():
    for name in ("maps", "urmp"):
        with pytest.raises(OrchestrionError, match="cannot be fetched by a program; get it from https"):
            download.download_all(catalogue.source(name), None)


def test_the_command_shows_the_licence_first(tmp_path, monkeypatch):
    content = packed()
    with served(Behaviour({"/a.zip": content})) as address:
        monkeypatch.setattr(catalogue, "sources", lambda: (record(address, content),))
        result = CliRunner().invoke(cli, ["data", "download", "tiny", "-o", str(tmp_path / "set")])
    assert result.exit_code == 0 and "Licence: CC0" in result.stderr and result.stdout.strip().endswith("a.zip")


def test_published_sums_have_the_right_form():
    lengths = {"md5": 32, "sha256": 64}
    for entry in (item for one in RECORDINGS for item in one.downloads):
        assert entry.address.startswith("https://")
        algorithm, _, digits = entry.checksum.partition(":")
        assert not entry.checksum or (len(digits) == lengths[algorithm] and int(digits, 16) >= 0)
