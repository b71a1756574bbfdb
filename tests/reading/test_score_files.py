"""Which files are read and written at all."""

import os
import resource
import signal

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score

TUNE = BUILTIN_TUNES["twinkle-twinkle"]


LONG = "x" * 5000
NO_SCORES = ["missing.mid", "a.pdf", "folder", "folder.mid", "tune.MP3", "nul\0.mid", "", LONG, LONG + ".mid"]


@pytest.mark.parametrize("name", NO_SCORES, ids=range(len(NO_SCORES)))
def test_what_is_no_score_is_one_sentence(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.mid").mkdir()
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(OrchestrionError) as caught:
        Score.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.mid")
    with pytest.raises(OrchestrionError, match="not a regular file"):
        Score.read(tmp_path / "a.mid")


def test_an_unreadable_file_is_one_sentence(tmp_path, monkeypatch):
    # As root every file can be read, so the refusal of the system is played.
    def refuse(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    TUNE.write(tmp_path / "a.mid")
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OrchestrionError, match="Permission denied"):
        Score.read(tmp_path / "a.mid")


@pytest.mark.parametrize("suffix", [b".mid", b".musicxml", b".MID"])
def test_names_that_are_not_utf8_are_read_and_written(tmp_path, suffix):
    path = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9" + suffix))
    TUNE.write(path)
    assert len(Score.read(path).notes) == len(TUNE.notes)


def test_sentences_show_odd_names_so_that_any_terminal_prints_them(tmp_path):
    name = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"caf\xe9\x1b[31m\n.mid"))
    with pytest.raises(OrchestrionError) as caught:
        Score.read(name)
    assert str(caught.value).encode("utf-8").isascii() and "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a.wav", "a", "a.mxl", "missing/a.mid"])
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path, name):
    with pytest.raises(OrchestrionError):
        TUNE.write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".mid", ".musicxml"])
def test_a_score_without_notes_is_not_written(tmp_path, suffix):
    with pytest.raises(OrchestrionError, match="no notes"):
        Score(()).write(tmp_path / f"a{suffix}")


def test_a_full_disk_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"before")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OrchestrionError, match="Cannot write"):
            TUNE.write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_score_without_a_title_has_none_in_musicxml_either(tmp_path):
    """MuseScore printed "Music21 Fragment" above every melody that was composed."""
    path = tmp_path / "a.musicxml"
    Score((Part("", 0, (Note(0.0, 1.0, 60, 80),)),)).write(path)
    assert "Fragment" not in path.read_text() and Score.read(path).title == ""
    Score((Part("", 0, (Note(0.0, 1.0, 60, 80),)),), title="A & B").write(path)
    assert Score.read(path).title == "A & B"
