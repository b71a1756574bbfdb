"""Broken and hostile MusicXML, MXL, ABC and kern: one sentence within a second, no pickle, no file, no noise."""

import io
import pickle
import subprocess
import sys
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.errors import OrchestrionError
from orchestrion.reading.notationfiles import read as read_notation
from orchestrion.reading.notationfiles import write_musicxml
from orchestrion.score import BUILTIN_TUNES, Score

GOOD = write_musicxml(BUILTIN_TUNES["happy-birthday"])
CONTAINER = b'<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
ABC = "X:1\nT:t\nM:4/4\nL:1/4\nK:C\n"

LAUGHS = b'<!DOCTYPE lolz [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%b">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in range(ord("b"), ord("k"))
)
BOMB = b'<?xml version="1.0"?>' + LAUGHS + b"]><score-partwise>&j;</score-partwise>"
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><score-partwise>&e;</score-partwise>'
)


def mxl(entries, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def gigabytes():
    """A score entry that unpacks to two gigabytes, and says so."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        with archive.open("score.xml", "w", force_zip64=True) as entry:
            for _ in range(64):
                entry.write(bytes(1 << 20))
    return buffer.getvalue()


def lying():
    """An entry of 64 MiB that claims to have 10 bytes."""
    data = gigabytes()
    return data.replace((64 << 20).to_bytes(8, "little"), (10).to_bytes(8, "little")).replace(
        (64 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little")
    )


def nested_repeats(depth):
    start = b"<barline location='left'><repeat direction='forward'/></barline>"
    end = b"<barline location='right'><repeat direction='backward' times='1000000'/></barline>"
    body = b"<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration></note>"
    measures = b"".join(b"<measure>" + start + body + b"</measure>" for _ in range(depth))
    measures += b"".join(b"<measure>" + body + end + b"</measure>" for _ in range(depth))
    parts = b"<part-list><score-part id='P1'><part-name/></score-part></part-list>"
    return b"<score-partwise>" + parts + b"<part id='P1'>" + measures + b"</part></score-partwise>"


HOSTILE = {
    "malformed.musicxml": GOOD[: len(GOOD) // 2],
    "empty.xml": b"",
    "text.xml": b"hello",
    "pickle.musicxml": pickle.dumps({"a": 1}),
    "bomb.musicxml": BOMB,
    "external.xml": EXTERNAL,
    "timewise.xml": b"<score-timewise/>",
    "html.xml": b"<html><body/></html>",
    "empty-score.xml": b"<score-partwise/>",
    "deep.xml": b"<score-partwise>" + b"<a>" * 100_000,
    "encoding.xml": b'<?xml version="1.0" encoding="klingon"?><score-partwise/>',
    "not-utf8.xml": b'<?xml version="1.0" encoding="UTF-8"?><score-partwise>\xff</score-partwise>',
    "repeats.xml": nested_repeats(12),
    "not-a-zip.mxl": b"PK\x03\x04 and nothing more",
    "cut.mxl": mxl({"META-INF/container.xml": CONTAINER, "score.xml": GOOD})[:-30],
    "gigabytes.mxl": gigabytes(),
    "lying.mxl": lying(),
    "many.mxl": mxl({f"{number}.xml": b"x" for number in range(300)}),
    "no-score.mxl": mxl({"META-INF/container.xml": CONTAINER}),
    "bomb.mxl": mxl({"META-INF/container.xml": CONTAINER, "score.xml": BOMB}),
    "container-bomb.mxl": mxl({"META-INF/container.xml": BOMB, "score.xml": GOOD}),
    "path.mxl": mxl({"META-INF/container.xml": CONTAINER.replace(b"score.xml", b"../../../../etc/passwd")}),
    "lzma.mxl": mxl({"score.xml": GOOD}, zipfile.ZIP_LZMA),
    "open-chord.abc": (ABC + "C D E F | G A [B c | d e f g |]\n").encode(),
    "closed-chord.abc": (ABC + "C D E F | G A ] B c | d e f g |]\n").encode(),
    "open-grace.abc": (ABC + "C D E F | {B G A c | d e f g |]\n").encode(),
    "open-quote.abc": (ABC + 'C D E F | "Am G A B c | d e f g |]\n').encode(),
    "no-length.abc": (ABC + "C D E F | G/0 A B c |]\n").encode(),
    "no-key.abc": b"X:1\nC D E F |]\n",
    "no-notes.abc": ABC.encode(),
    "binary.abc": b"X:1\nK:C\n\0\0\0",
    "text.krn": b"hello",
    "no-notes.krn": b"**kern\n*-\n",
    "broken.krn": b"**kern\t**kern\n4c\n4d\t4e\t4f\n*-\t*-\n",
}


@pytest.fixture(scope="module", autouse=True)
def music21_is_loaded():
    """Its import takes a second by itself; what is timed here is the work on the file."""
    read_notation(GOOD, "good", "musicxml")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_one_sentence_within_a_second(tmp_path, capfd, name):
    (tmp_path / name).write_bytes(HOSTILE[name])
    started = time.process_time()
    with pytest.raises(OrchestrionError) as caught:
        Score.read(tmp_path / name)
    assert time.process_time() - started < 1.0
    assert name in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_ordinary_archives_are_read(tmp_path):
    plain = Score.read("happy-birthday")
    for entries in ({"META-INF/container.xml": CONTAINER, "score.xml": GOOD}, {"score.xml": GOOD}):
        (tmp_path / "a.mxl").write_bytes(mxl(entries))
        assert [note.pitch for note in Score.read(tmp_path / "a.mxl").notes] == [note.pitch for note in plain.notes]


PLANTED = """
import io, os, pathlib, pickle, sys
import music21
from music21 import converter, freezeThaw
from orchestrion.score import Score

class Evil:
    def __reduce__(self):
        return (os.mkdir, (sys.argv[2],))

scratch = pathlib.Path(sys.argv[3])
music21.environment.UserSettings
music21.environment.Environment()["directoryScratch"] = scratch
for name in ("a.musicxml", "a.abc", "a.krn"):
    cached = converter.PickleFilter(pathlib.Path(sys.argv[1]) / name).getPickleFp(scratch)
    import zlib
    cached.write_bytes(zlib.compress(pickle.dumps(Evil())))
planted = {path: path.stat().st_mtime_ns for path in scratch.iterdir()}
assert len(planted) == 3
for loader in ("load", "loads", "Unpickler"):
    def refuse(*_a, **_k):
        raise SystemExit("a pickle was loaded")
    setattr(pickle, loader, refuse)
for name in ("a.musicxml", "a.abc", "a.krn"):
    Score.read(pathlib.Path(sys.argv[1]) / name)
assert planted == {path: path.stat().st_mtime_ns for path in scratch.iterdir()}, "the cache was written to"
assert not os.path.exists(sys.argv[2])
"""


def test_music21_s_cache_of_pickles_is_neither_read_nor_written(tmp_path):
    files, scratch, home = tmp_path / "files", tmp_path / "scratch", tmp_path / "home"
    for folder in (files, scratch, home):
        folder.mkdir()
    (files / "a.musicxml").write_bytes(GOOD)
    (files / "a.abc").write_text(ABC + "C D E F |]\n")
    (files / "a.krn").write_text("**kern\n4c\n4d\n*-\n")
    arguments = [sys.executable, "-c", PLANTED, str(files), str(tmp_path / "owned"), str(scratch)]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "files")}
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(home.iterdir()) == []
    assert sorted(path.name for path in files.iterdir()) == ["a.abc", "a.krn", "a.musicxml"]


def attempt(data, format_name):
    try:
        read_notation(data, "x", format_name)
    except OrchestrionError as error:
        assert "\n" not in str(error)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["musicxml", "abc", "kern"]))
def test_random_bytes_raise_nothing_but_our_error(data, format_name):
    attempt(data, format_name)


@settings(max_examples=80, deadline=None)
@given(st.text("ABCDEFGabcdefgz|:[](){}0123456789/<>-=^_,'\"~ \n%!+MKLQVXTw", max_size=80))
def test_random_abc_raises_nothing_but_our_error(music):
    attempt((ABC + music).encode(), "abc")


@settings(max_examples=60, deadline=None)
@given(st.text("**kern\t\n 4c8.dE-#[]_=:|;rq*M/K{}()&LJ^v+-", max_size=80))
def test_random_kern_raises_nothing_but_our_error(music):
    attempt(("**kern\n" + music).encode(), "kern")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_flipped_bytes_of_musicxml_raise_nothing_but_our_error(data):
    broken = bytearray(GOOD)
    for at in data.draw(st.lists(st.integers(0, len(GOOD) - 1), min_size=1, max_size=3)):
        broken[at] = data.draw(st.sampled_from(b"0123456789-abc<>/\"'& "))
    attempt(bytes(broken), "musicxml")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_flipped_bytes_of_archives_raise_nothing_but_our_error(data):
    broken = bytearray(mxl({"META-INF/container.xml": CONTAINER, "score.xml": b"<score-partwise/>"}))
    for at in data.draw(st.lists(st.integers(0, len(broken) - 1), min_size=1, max_size=3)):
        broken[at] = data.draw(st.integers(0, 255))
    attempt(bytes(broken), "musicxml")
