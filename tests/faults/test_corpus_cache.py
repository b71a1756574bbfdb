"""Faults of the cache of parsed corpora: a damaged file is made anew; a full or unwritable disk costs one line."""

import errno
import warnings

import pytest

from orchestrion import files
from orchestrion.datasets.corpora import loading
from orchestrion.datasets.corpora.piece import CorpusPiece

PIECES = [CorpusPiece(str(n), tuple((i, i + 1, 60 + n * i % 11) for i in range(9))) for n in range(20)]


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """How often the corpus was read; its cache is in ``tmp_path``."""
    calls = []

    def read(report):
        calls.append(1)
        return PIECES

    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(loading.CORPORA, "melodies", read)
    return calls


def test_a_damaged_corpus_is_read_anew(reads, tmp_path):
    assert loading.load_corpus("melodies", "all") == PIECES
    (file,) = (tmp_path / "cache").iterdir()
    whole = file.read_bytes()
    other_pitch = whole.replace(b"60", b"61", 1)
    for damage in (b"", whole[:100], whole[:-3], other_pitch, b"[]", b"\xff" * 50):
        file.write_bytes(damage)
        n_reads = len(reads)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert loading.load_corpus("melodies", "all") == PIECES
        assert len(reads) == n_reads + 1 and file.read_bytes() == whole
    assert loading.load_corpus("melodies", "all") == PIECES and len(reads) == 7


def test_a_full_disk_costs_one_line(reads, tmp_path, monkeypatch):
    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "_flush", full)
    with pytest.warns(UserWarning, match="read anew next time.*the disk is full") as said:
        assert loading.load_corpus("melodies", "all") == PIECES
    assert len(said) == 1 and not list((tmp_path / "cache").iterdir())


def test_a_folder_that_cannot_be_made_costs_one_line(reads, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="read anew next time") as said:
        assert loading.load_corpus("melodies", "all") == PIECES
    assert len(said) == 1
