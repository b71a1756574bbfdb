"""Prepared sets of recordings with notes: what is kept, how works are divided, resuming, shards, and little memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile

import numpy as np
import pytest
import soundfile

from orchestrion.audio import Waveform
from orchestrion.datasets.dataset import initialise
from orchestrion.datasets.recordings import prepare
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.dividing import divide, held_out_works
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.datasets.recordings.prepare import prepare_aligned, shard
from orchestrion.datasets.recordings.tracks import Selection, Track
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note
from tests.datasets.layouts import published


def made_track(
    folder, name: str, work: str | None = None, split: str | None = None, seconds: float = 0.3, late_s: float = 0.0
):
    folder.mkdir(exist_ok=True)
    audio, table = folder / f"{name}.wav", folder / f"{name}.tsv"
    soundfile.write(audio, published.sound(seconds, 8000, seed=len(name)), 8000)
    notes = (Note(0.05 + late_s, 0.2 + late_s, 60, 70), Note(0.1 + late_s, 0.25 + late_s, 64, 80))
    write_notes(table, notes)
    return Track(name, audio, (table,), lambda: notes, work or name, split, about={"player": "me"})


@pytest.fixture
def tracks(tmp_path):
    return [made_track(tmp_path / "source", name, work) for name, work in zip("abcdef", "uuvwxy", strict=True)]


def test_audio_and_notes_come_back(tmp_path, tracks):
    made = prepare_aligned(tracks, tmp_path / "set", sample_rate=16000, information={"licence": "CC0"})
    piece = made.piece("a")
    np.testing.assert_allclose(piece.samples(), Waveform.read(tracks[0].audio, 16000).samples, atol=1.01 / 32768)
    assert piece.notes == tracks[0].read_notes() and piece.series.n_frames == -(-piece.n_samples // 64)
    assert made.information["licence"] == "CC0" and "pieces" not in made.information
    manifest = json.loads((tmp_path / "set" / "dataset.json").read_text())
    entry = manifest["pieces"]["a"]
    assert (entry["work"], entry["notes"], entry["lowest_pitch"], entry["highest_pitch"]) == ("u", 2, 60, 64)
    assert len(entry["audio_sha256"]) == 64 and manifest["left_out"] == {}
    assert isinstance(np.load(tmp_path / "set" / "a.npy"), np.ndarray)
    with pytest.raises(OrchestrionError, match="--rate 22050"):
        AlignedSet.open(tmp_path / "set", sample_rate=22050)


def test_no_work_is_in_two_splits(tmp_path):
    made = prepare_aligned(initialise("maps", published.maps(tmp_path / "maps")).tracks(), tmp_path / "set")
    names = {split: {piece.name for piece in made.split(split)} for split in ("train", "validation")}
    twins = {"MAPS_MUS-ty_mai_ENSTDkCl", "MAPS_MUS-ty_mai_ENSTDkAm"}
    assert names["train"] and names["validation"] and (twins <= names["train"] or twins <= names["validation"])


def test_official_splits_count_and_conflicts_are_left_out(tmp_path):
    made = initialise("musicnet", published.musicnet(tmp_path), Selection(ensemble="Solo Cello")).prepare(
        tmp_path / "set"
    )
    assert [piece.name for piece in made.split("test")] == ["musicnet_2191"]
    named = {piece.name for split in ("train", "validation", "test") for piece in made.split(split)}
    assert named == {"musicnet_2000", "musicnet_2001", "musicnet_2191"}
    left_out = json.loads((tmp_path / "set" / "dataset.json").read_text())["left_out"]
    assert "test split" in left_out["musicnet_2003"]
    assert "CC BY 4.0" in made.information["licence"] and "Thickstun" in made.information["attribution"]


def plain(name: str, work: str, split: str | None = None) -> Track:
    return Track(name, None, (), tuple, work, split)


def test_dividing():
    many = [plain(f"{work}{copy}", f"w{work}") for work in range(60) for copy in "ab"]
    splits, left_out = divide(many)
    works = {split: {name[:-1] for name in names} for split, names in splits.items()}
    assert not works["train"] & works["validation"] and not left_out and 1 <= len(works["validation"]) <= 12
    tested = [plain(name, name, "test" if name < "t" else None) for name in "mnopqrstuv"]
    assert divide(tested)[0]["validation"] and not divide(tested)[1]  # whatever work would be first to be held out
    splits, _ = divide(many, ["3a"])
    assert splits["validation"] == ["3a", "3b"]
    official = [
        plain("a", "u", "train"),
        plain("b", "v", "validation"),
        plain("c", "u", "test"),
        plain("d", "x", "train"),
    ]
    splits, left_out = divide(official)
    assert splits == {"train": ["d"], "validation": ["b"], "test": ["c"]} and list(left_out) == ["a"]
    assert divide([plain("a", "u")])[0] == {"train": ["a"], "validation": []}
    assert held_out_works(["only"]) == set()
    with pytest.raises(OrchestrionError, match="no piece 'z'"):
        divide(official, ["z"])
    with pytest.raises(OrchestrionError, match="left to train"):
        divide([plain("a", "u")], ["a"])


def test_what_cannot_be_used_is_left_out_and_said(tmp_path, tracks):
    tracks[0].audio.unlink()
    tracks[1].audio.write_bytes(b"no audio at all")
    bad = [made_track(tmp_path / "source", "late", late_s=9.0)]
    silent = Track("silent", tracks[2].audio, (), tuple, "s")
    unheard = made_track(tmp_path / "source", "unheard")
    soundfile.write(unheard.audio, np.full(4000, np.nan, np.float32), 8000, subtype="FLOAT")
    made = prepare_aligned([*tracks, *bad, silent, unheard], tmp_path / "set")
    assert {piece.name for piece in made.pieces} == set("cdef")
    left_out = json.loads((tmp_path / "set" / "dataset.json").read_text())["left_out"]
    assert left_out["a"] == "a.wav is missing" and "not audio" in left_out["b"] and "ends at 0.30 s" in left_out["late"]
    assert "not numbers" in left_out["unheard"] and not (tmp_path / "set" / "unheard.npy").exists()
    assert left_out["silent"] == "it has no notes that were asked for"
    with pytest.raises(OrchestrionError, match="Nothing can be prepared: a\\.wav is missing"):
        prepare_aligned(tracks[:1], tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_killed_preparation_goes_on(tmp_path, tracks, monkeypatch):
    real, done = prepare.write_raw, []

    def killed(path, blocks):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(path.name)
        return real(path, blocks)

    monkeypatch.setattr(prepare, "write_raw", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_aligned(tracks, tmp_path / "set")
    done.clear()
    made = prepare_aligned(tracks, tmp_path / "set")
    assert len(made.pieces) == 6 and done == ["d.npy", "e.npy", "f.npy"]
    monkeypatch.undo()
    prepare_aligned(tracks, tmp_path / "again")
    for path in sorted((tmp_path / "again").iterdir()):
        assert path.name == "dataset.json" or path.read_bytes() == (tmp_path / "set" / path.name).read_bytes()


def test_shards_are_read_as_the_set_is(tmp_path, tracks):
    made = prepare_aligned(tracks, tmp_path / "set")
    names = shard(tmp_path / "set", tmp_path / "shards", 20000)
    assert len([name for name in names if name.startswith("train-")]) > 1
    read = AlignedSet.open(tmp_path / "shards")
    for split in ("train", "validation"):
        assert [piece.name for piece in read.split(split)] == [piece.name for piece in made.split(split)]
    for piece in made.pieces:
        twin = read.piece(piece.name)
        np.testing.assert_array_equal(twin.samples(), piece.samples())
        assert twin.notes == piece.notes and twin.series.n_frames == piece.series.n_frames
    again = shard(tmp_path / "set", tmp_path / "again", 20000)
    assert all((tmp_path / "again" / n).read_bytes() == (tmp_path / "shards" / n).read_bytes() for n in again)


def test_a_machine_may_hold_some_of_the_shards(tmp_path, tracks):
    prepare_aligned(tracks, tmp_path / "set")
    names = shard(tmp_path / "set", tmp_path / "shards", 1)
    gone = next(name for name in names if name.startswith("train-"))
    (tmp_path / "shards" / gone).unlink()
    read = AlignedSet.open(tmp_path / "shards")
    assert len(read.pieces) == 5 and len(read.split("validation")) >= 1


def test_shards_follow_the_webdataset_layout(tmp_path, tracks):
    prepare_aligned(tracks, tmp_path / "set")
    for name in shard(tmp_path / "set", tmp_path / "shards"):
        with tarfile.open(tmp_path / "shards" / name) as tar:
            members = tar.getnames()
        keys = [member.split(".")[0] for member in members]
        assert all(keys[i] == keys[i + 1] for i in range(0, len(keys), 2))
        assert [member.split(".")[1] for member in members] == ["npy", "tsv"] * (len(keys) // 2)


def test_damaged_shards_are_one_sentence(tmp_path, tracks):
    prepare_aligned(tracks, tmp_path / "set")
    name = shard(tmp_path / "set", tmp_path / "shards")[0]
    path = tmp_path / "shards" / name
    content = path.read_bytes()
    for broken in (content[:3000], content[:700], b"no tar"):
        path.write_bytes(broken)
        with pytest.raises(OrchestrionError):
            AlignedSet.open(tmp_path / "shards")
    for other in (tmp_path / "shards").glob("*.tar"):
        other.unlink()
    with pytest.raises(OrchestrionError, match="no shards"):
        AlignedSet.open(tmp_path / "shards")
    with pytest.raises(OrchestrionError, match="no prepared set"):
        shard(tmp_path / "source", tmp_path / "x")


MEASURE = """
import sys
import numpy as np
from orchestrion.datasets.recordings.aligned import AlignedSet
made = AlignedSet.open(sys.argv[1])
rng = np.random.default_rng(0)
for piece in made.pieces:
    start = int(rng.integers(0, piece.n_samples - 6144))
    piece.samples(start, start + 6144)
    piece.series
lines = dict(line.split(":") for line in open("/proc/self/status"))
print(lines["RssAnon"].split()[0], len(list(__import__("pathlib").Path("/proc/self/fd").iterdir())))
"""


def fake_set(folder, n_pieces: int, seconds: int, notes_a_second: int) -> None:
    """A prepared set of sparse files: hours of silence that take no disk, with real tables of notes."""
    from orchestrion.datasets.recordings.rawaudio import npy_header

    folder.mkdir()
    names = [f"p{index:04d}" for index in range(n_pieces)]
    rows = [
        f"{i / notes_a_second:.6f}\t{i / notes_a_second + 0.05:.6f}\t{30 + i % 60}\t64"
        for i in range(seconds * notes_a_second)
    ]
    table = "onset_s\toffset_s\tpitch\tvelocity\n" + "\n".join(rows) + "\n"
    for name in names:
        with open(folder / f"{name}.npy", "wb") as handle:
            handle.write(npy_header(seconds * 16000))
            handle.truncate(128 + 2 * seconds * 16000)
        (folder / f"{name}.tsv").write_text(table)
    (folder / "splits.json").write_text(json.dumps({"train": names[1:], "validation": names[:1]}))
    pieces = {name: {} for name in names}
    (folder / "dataset.json").write_text(json.dumps({"kind": "aligned", "sample_rate": 16000, "pieces": pieces}))


def test_memory_and_open_files_do_not_grow_with_the_audio(tmp_path):
    """What grows is 32 bytes a note once a piece was used: 10 million notes in 300 hours at 10 a second are 330 MiB."""
    used = []
    for index, (n_pieces, seconds) in enumerate([(2, 20), (150, 120)]):  # 40 seconds, and 5 hours
        fake_set(tmp_path / str(index), n_pieces, seconds, 1)
        command = [sys.executable, "-c", MEASURE, str(tmp_path / str(index))]
        used.append(
            [int(x) for x in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()]
        )
    notes = 150 * 120
    assert used[1][0] - used[0][0] < 16 * 1024 + notes * 100 / 1024 and used[1][1] < 40
