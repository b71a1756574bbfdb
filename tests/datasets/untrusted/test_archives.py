"""Hostile archives leave nothing, inside the folder or out of it; honest ones are unpacked whole."""

from __future__ import annotations

import io
import tarfile
import zipfile

import pytest

from orchestrion.datasets.untrusted import archives
from orchestrion.datasets.untrusted.archives import unpack
from orchestrion.errors import OrchestrionError

FILES = {"set/a.txt": b"one", "set/deep/b.wav": b"two" * 1000}


def zipped(path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("set/"), b"")
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


def tarred(path, files: dict[str, bytes], *more: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for info in more:
            archive.addfile(info)
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


WRITERS = {"x.zip": zipped, "x.tar.gz": tarred}


def odd(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "room" / "folder"
    inside.mkdir(parents=True)
    return inside


def refused(archive, folder, **bounds) -> str:
    before = {path for path in folder.parent.rglob("*")}
    with pytest.raises(OrchestrionError) as caught:
        unpack(archive, folder, **bounds)
    assert {path for path in folder.parent.rglob("*")} == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", WRITERS)
def test_honest_archives(tmp_path, folder, name):
    WRITERS[name](tmp_path / name, FILES)
    (folder / "set").mkdir()
    (folder / "set" / "a.txt").write_bytes(b"an older one")
    assert unpack(tmp_path / name, folder) == 2
    assert {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")} == FILES


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    "evil", ["../out.txt", "/tmp/out.txt", "set/../../out.txt", "c:/out.txt", "..\\out.txt", "a\nb", "x" * 300]
)
def test_names_that_lead_out(tmp_path, folder, name, evil):
    WRITERS[name](tmp_path / name, FILES | {evil: b"evil"})
    assert "would not stay in its folder" in refused(tmp_path / name, folder)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tar(tmp_path, folder, kind):
    tarred(tmp_path / "x.tar.gz", FILES, odd("set/link", kind, "/etc/passwd"))
    refused(tmp_path / "x.tar.gz", folder)


def test_a_link_and_then_a_file_through_it(tmp_path, folder):
    tarred(tmp_path / "x.tar.gz", {"set/door/out.txt": b"evil"}, odd("set/door", tarfile.SYMTYPE, str(tmp_path)))
    refused(tmp_path / "x.tar.gz", folder)
    assert not (tmp_path / "out.txt").exists()


def test_links_in_zip(tmp_path, folder):
    info = zipfile.ZipInfo("set/link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "no plain file" in refused(tmp_path / "x.zip", folder)


def test_links_that_lie_in_the_folder_are_not_followed(tmp_path, folder):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_bytes(b"mine")
    (folder / "set").symlink_to(outside)
    zipped(tmp_path / "x.zip", FILES)
    assert "in the way" in refused(tmp_path / "x.zip", folder)
    (folder / "set").unlink()
    (folder / "set").mkdir()
    (folder / "set" / "a.txt").symlink_to(outside / "a.txt")
    unpack(tmp_path / "x.zip", folder)
    assert (outside / "a.txt").read_bytes() == b"mine" and (folder / "set" / "a.txt").read_bytes() == b"one"


@pytest.mark.parametrize("name", WRITERS)
def test_bombs(tmp_path, folder, name, monkeypatch):
    WRITERS[name](tmp_path / name, {"set/zeros": bytes(30 << 20)})
    assert "unpacks to more than 10 MiB" in refused(tmp_path / name, folder, most_bytes=10 << 20)
    monkeypatch.setattr(archives, "RATIO_FROM_BYTES", 1 << 20)  # a thousandfold growth is no audio, whatever the bound
    assert "unpacks to more than" in refused(tmp_path / name, folder)
    WRITERS[name](tmp_path / name, {f"set/{i}": b"" for i in range(50)})
    assert "more than 20 files" in refused(tmp_path / name, folder, most_files=20)


def test_a_zip_that_lies_about_its_sizes(tmp_path, folder):
    zipped(tmp_path / "x.zip", {"set/a": b"a" * 5000})
    content = bytearray((tmp_path / "x.zip").read_bytes())
    for marker, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.rindex(marker)
        content[start + at : start + at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "x.zip").write_bytes(bytes(content))
    refused(tmp_path / "x.zip", folder)


@pytest.mark.parametrize("name", WRITERS)
def test_damaged_archives(tmp_path, folder, name):
    import random

    noise = random.Random(0).randbytes(20000)
    WRITERS[name](tmp_path / name, {"set/noise": noise})
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    refused(tmp_path / name, folder)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 0xFF
    (tmp_path / name).write_bytes(bytes(flipped))
    refused(tmp_path / name, folder)
    (tmp_path / name).write_bytes(b"plain text")
    assert "neither a zip nor a tar" in refused(tmp_path / name, folder)
    WRITERS[name](tmp_path / name, {})
    refused(tmp_path / name, folder)


def test_a_name_twice_and_an_encrypted_archive(tmp_path, folder):
    tarred(tmp_path / "x.tar.gz", {"a": b"1", "./a": b"2"})
    refused(tmp_path / "x.tar.gz", folder)
    zipped(tmp_path / "x.zip", {"a": b"secret"})
    content = bytearray((tmp_path / "x.zip").read_bytes())
    for marker, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        start = content.rindex(marker)
        content[start + at] |= 1
    (tmp_path / "x.zip").write_bytes(bytes(content))
    refused(tmp_path / "x.zip", folder)
