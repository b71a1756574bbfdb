"""Faults that fuzzing found (`make fuzz`), each as a small file that must be refused in one sentence, or read."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.datasets.banks import notebank
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.datasets.banks.sfz import read_regions
from orchestrion.datasets.corpora.matlab import read_mat
from orchestrion.datasets.recordings.notesfile import read_notes
from orchestrion.datasets.recordings.preparation import preparation
from orchestrion.datasets.recordings.splits import read_splits
from orchestrion.datasets.untrusted import textfiles
from orchestrion.errors import OrchestrionError
from tests.datasets.banks.notes import RATE, plucked, write_bank


def refused(call, *arguments: object) -> str:
    with pytest.raises(OrchestrionError) as caught:
        call(*arguments)
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 1000
    return sentence


def test_a_small_file_takes_no_more_memory_than_it_has_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python sets aside as many bytes as are asked for: a gibibyte for a corpus of a kilobyte."""
    import tracemalloc

    (tmp_path / "a.json").write_text("{}")
    tracemalloc.start()
    try:
        assert textfiles.read_json(tmp_path / "a.json", 1 << 30) == {}
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert "larger than 1 MiB" in refused(textfiles.read_bytes, _sized(tmp_path / "b", (1 << 20) + 1), 0, None, 1 << 20)
    assert textfiles.read_bytes(tmp_path / "b", 10, 5) == textfiles.read_bytes(tmp_path / "b", 1 << 20)[:1] * 5
    assert textfiles.read_bytes(tmp_path / "b", 1 << 22) == b""


def _sized(path: Path, n: int) -> Path:
    path.write_bytes(bytes(n))
    return path


def test_a_long_name_in_the_splits_is_cut(tmp_path: Path) -> None:
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["x" * 5000 + "\n"]}))
    assert "not in the folder" in refused(read_splits, tmp_path, ["a"])


def test_a_number_of_thousands_of_digits_in_a_table_of_notes(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(f"onset_s\toffset_s\tpitch\tvelocity\n0\t1\t{'9' * 4000}\t90\n")
    assert "line 2" in refused(read_notes, tmp_path / "a.tsv")


@pytest.mark.parametrize("line", ["5", "[5, {}]", "[[], {}]", '["a", {}, 1]', "[" * 100_000, '["a", {"files": [5]}]', '["a", {"files": ["../x"]}]',
                                  '["a", {"files": ["\\u0000"]}]'])  # fmt: skip
def test_a_damaged_line_of_a_preparation_does_not_count(line: str, tmp_path: Path) -> None:
    (tmp_path / ".set-partial").mkdir()
    (tmp_path / "x").touch()
    (tmp_path / ".set-partial" / "finished.jsonl").write_text(f'{line}\n["good", {{"files": []}}]\n')
    with preparation(tmp_path / "set") as work:
        assert list(work.records) == ["good"]


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0", bytes(126), b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"\x0f\0\0\0\xff\0\0\0"])
def test_damaged_matlab_files(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    refused(read_mat, tmp_path / "a.mat", "train")


# SFZ instruments and folders of single notes.


@pytest.mark.parametrize("opcodes", ["ampeg_release=0.4s", "amp_veltrack=\0", "tune=1e9" + "9" * 5000, "offset=x", "lokey=1e5", "key=" + "9" * 5000])
def test_values_of_an_sfz_region(opcodes: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "60.wav", plucked(60, 0.5), RATE)
    (tmp_path / "a.sfz").write_text(f"<region> sample=60.wav key=60 {opcodes}\n")
    refused(open_bank, tmp_path / "a.sfz", RATE)


def test_words_that_double_each_other(tmp_path: Path) -> None:
    lines = [f"#define ${'A' * (60 - n)} ${'A' * (59 - n)}${'A' * (59 - n)}" for n in range(59)]
    (tmp_path / "a.sfz").write_text("\n".join([*lines, f"<region> sample=${'A' * 60}"]))
    assert "characters" in refused(read_regions, tmp_path / "a.sfz")
    (tmp_path / "a.sfz").write_text("".join(f"#define $W{n} 1\n" for n in range(2000)))
    assert "words" in refused(read_regions, tmp_path / "a.sfz")


def test_a_region_repeated_thousands_of_times_is_one_note(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "60.wav", plucked(60, 0.5), RATE)
    (tmp_path / "a.sfz").write_text("<region> sample=60.wav key=60 loop_mode=loop_continuous loop_start=0 loop_end=1000\n" * 5000)
    assert len(open_bank(tmp_path / "a.sfz", RATE).notes) == 1


def test_notes_of_many_channels_at_a_high_rate_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bank(tmp_path, [60])
    monkeypatch.setattr(notebank, "MOST_NUMBERS", 2 * RATE - 1)
    assert "more samples than a note may have" in refused(open_bank, tmp_path, RATE)
    soundfile.write(tmp_path / "60-127.flac", np.zeros(900), 900)
    assert "sample rate" in refused(open_bank, tmp_path, RATE)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("index.tsv", "file\tpitch\n60-127.flac\t60\t1\t2\n" + "x" * 200_000), ("index.tsv", "file\tpitch\n\0\t60\n"), ("index.tsv", "file\tpitch\n\t60\n"),
        ("index.tsv", "file\tpitch\n"), ("index.tsv", "pitch\n60\n"), ("index.tsv", "file\tpitch\n60-127.flac\t60\n" * 5000),
        ("bank.json", "[" * 100_000), ("bank.json", '{"release_db_s": "fast"}'), ("bank.json", '{"release_db_s": NaN}'), ("bank.json", "[]"),
        ("bank.json", '{"law": []}'), ("bank.json", '{"law": "' + "x" * 5000 + '"}'),
    ],
)  # fmt: skip
def test_damaged_banks(file: str, content: str, tmp_path: Path) -> None:
    write_bank(tmp_path, [60])
    (tmp_path / file).write_text(content)
    refused(open_bank, tmp_path, RATE)


def test_notes_shorter_than_what_tells_a_sustained_one_make_no_noise(tmp_path: Path) -> None:
    write_bank(tmp_path, [60, 64], make=lambda pitch: plucked(pitch, 0.25))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(open_bank(tmp_path, RATE).notes) == 5
