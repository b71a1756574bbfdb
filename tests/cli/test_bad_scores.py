"""Bad scores, as a user meets them: one sentence on standard error, status 1, within a second, nothing left behind."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import orchestrion
from orchestrion.score import Note, Part, Score
from tests import invoking


def midi(resolution: int = 480, tracks: int = 1, events: bytes = b"", declared: int | None = None) -> bytes:
    """A format 1 MIDI file whose every track holds ``events`` and an end."""
    body = events + b"\x00\xff\x2f\x00"
    track = b"MTrk" + struct.pack(">I", len(body)) + body
    header = b"MThd" + struct.pack(">IHHH", 6, 1, tracks if declared is None else declared, resolution)
    return header + track * tracks


ONE_NOTE = b"\x00\x90\x3c\x50" + b"\x83\x60\x80\x3c\x00"
# The largest delta that MIDI can write is 2^28 - 1 ticks; four of them lie beyond 10^9.
FAR_AWAY = b"\xff\xff\xff\x7f\x90\x3c\x50" * 4 + b"\x00\x80\x3c\x00"


def bomb_xml() -> bytes:
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a0 "aaaaaaaaaa">{entities}]><s>&a9;</s>'.encode()


def bomb_mxl(path: Path) -> None:
    container = '<container><rootfiles><rootfile full-path="s.xml"/></rootfiles></container>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("META-INF/container.xml", container)
        with archive.open("s.xml", "w", force_zip64=True) as entry:
            entry.write(b'<?xml version="1.0"?><score-partwise>')
            for _ in range(64):
                entry.write(b" " * (1 << 20))


def valid_midi() -> bytes:
    return midi(events=ONE_NOTE)


FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "empty": ("a.mid", lambda: b""),
    "truncated": ("a.mid", lambda: valid_midi()[:30]),
    "random bytes": ("a.mid", lambda: random.Random(1).randbytes(5_000)),
    "header then random bytes": ("a.mid", lambda: valid_midi()[:22] + random.Random(2).randbytes(5_000)),
    "resolution 0": ("a.mid", lambda: midi(resolution=0, events=ONE_NOTE)),
    "a tick at 10^9": ("a.mid", lambda: midi(events=FAR_AWAY)),
    "65535 tracks declared": ("a.mid", lambda: midi(declared=65_535, events=ONE_NOTE)),
    "65535 tracks present": ("a.mid", lambda: midi(tracks=65_535, events=b"")),
    "no notes": ("a.mid", lambda: midi()),
    "malformed XML": ("a.musicxml", lambda: b"<score-partwise><part></score-partwise>"),
    "XML that is no score": ("a.xml", lambda: b"<?xml version='1.0'?><html></html>"),
    "entity bomb": ("a.musicxml", bomb_xml),
    "mxl that is no archive": ("a.mxl", lambda: b"PK\x03\x04 but not really"),
    "ABC with a broken bar": ("a.abc", lambda: b"X:1\nT:t\nM:4/4\nL:1/4\nK:C\nC D E [F | ]] (((3 |\n"),
    "ABC without a tune": ("a.abc", lambda: b"nothing here\n"),
    "unknown extension": ("a.docx", lambda: b"text"),
    "random bytes as kern": ("a.krn", lambda: random.Random(3).randbytes(2_000)),
}


def render(*arguments: str) -> Result:
    return invoking.invoke("render", *arguments, "-o", "out.wav")


def check_refused(call: Callable[[], Result], folder: Path) -> str:
    call()  # the first call imports whatever the format needs
    sentence = invoking.check_refused(call, folder)
    assert sentence.endswith((".", "?"))
    return sentence


@pytest.mark.parametrize("what", FILES)
def test_broken_files(what: str, folder: Path) -> None:
    name, content = FILES[what]
    (folder / name).write_bytes(content())
    assert name in check_refused(lambda: render(name), folder)


def test_an_archive_that_unpacks_to_much_more_than_it_is(folder: Path) -> None:
    bomb_mxl(folder / "a.mxl")
    assert "a.mxl" in check_refused(lambda: render("a.mxl"), folder)


def test_missing_file(folder: Path) -> None:
    assert "nowhere.mid" in check_refused(lambda: render("nowhere.mid"), folder)


def test_unknown_tune(folder: Path) -> None:
    assert "ode-to-sorrow" in check_refused(lambda: render("ode-to-sorrow"), folder)


def test_folder_without_scores(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "empty" in check_refused(lambda: render("empty"), folder)


def test_a_folder_under_a_files_name(folder: Path) -> None:
    (folder / "tune.mid").mkdir()
    check_refused(lambda: render("tune.mid"), folder)


def test_unreadable_file(folder: Path) -> None:
    target = folder / "a.mid"
    if os.geteuid() == 0:
        target.symlink_to(target)  # root may read everything, but not a link to itself
    else:
        target.write_bytes(valid_midi())
        target.chmod(0)
    assert "a.mid" in check_refused(lambda: render("a.mid"), folder)


def test_name_that_is_not_utf8(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mid")
    (folder / name).write_bytes(b"junk")
    process = subprocess.run(
        [sys.executable, "-m", "orchestrion", "render", name, "-o", "out.wav"],
        capture_output=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(orchestrion.__file__).parent.parent)},
    )
    assert process.returncode == 1
    assert process.stdout == b""
    assert process.stderr.startswith(b"Error: ") and process.stderr.count(b"\n") == 1
    assert invoking.listing(folder) == [b"caf\xe9.mid"]


def test_part_that_is_not_there(folder: Path) -> None:
    assert "soprano" in check_refused(lambda: render("ode-to-joy", "--part", "soprano"), folder)


def test_nothing_left_after_a_cut(folder: Path) -> None:
    check_refused(lambda: render("ode-to-joy", "--start", "5000"), folder)


def test_transposed_out_of_midi(folder: Path) -> None:
    check_refused(lambda: render("ode-to-joy", "--transpose", "100"), folder)


def test_drums_only(folder: Path) -> None:
    Score((Part("drums", 0, (Note(0.0, 1.0, 36, 90),), is_drum=True),)).write(folder / "drums.mid")
    check_refused(lambda: render("drums.mid"), folder)
