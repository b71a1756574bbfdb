"""Sets, labels and banks."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import numpy as np

from tests.fuzz.of_audio import audio_file, sound
from tests.fuzz.reader import NOTES, RATE, Reader


def _table(folder: Path) -> None:
    from orchestrion.datasets.recordings.notesfile import write_notes

    write_notes(folder / "a.tsv", NOTES)


def _read_table(folder: Path) -> None:
    from orchestrion.datasets.recordings.notesfile import read_notes

    read_notes(folder / "a.tsv")


def _set(folder: Path) -> None:
    from orchestrion.datasets.recordings.rawaudio import write_raw

    pieces = {}
    for name in "ab":
        written = write_raw(folder / f"{name}.npy", [sound(0.6)])
        pieces[name] = {"work": name, "notes": len(NOTES), "samples": written.n_samples, "audio_sha256": written.sha256}
    _table(folder)
    shutil.copy(folder / "a.tsv", folder / "b.tsv")
    (folder / "dataset.json").write_text(json.dumps({"orchestrion": "0", "kind": "aligned", "name": "set", "licence": "CC0", "sample_rate": RATE, "pieces": pieces}))
    (folder / "splits.json").write_text(json.dumps({"train": ["a"], "validation": ["b"]}))


def _shards(folder: Path) -> None:
    _set(folder)
    with tarfile.open(folder / "train-000000.tar", "w") as tar:
        for path in sorted(folder.glob("[ab].*")):
            tar.add(path, path.name)
            path.unlink()
    information = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(information | {"shards": {"train": ["train-000000.tar"]}}))


def _plain_set(folder: Path) -> None:
    audio_file("a.wav")(folder)
    _table(folder)
    (folder / "splits.json").write_text(json.dumps({"train": ["a"], "validation": []}))


def _read_set(folder: Path) -> None:
    from orchestrion.datasets.recordings.aligned import AlignedSet

    opened = AlignedSet.open(folder, sample_rate=RATE, cache_dir=folder / "cache")
    for piece in (*opened.split("train"), *opened.split("validation")):
        _ = piece.notes, piece.series, piece.samples(0, min(10, piece.n_samples))


def _songs(folder: Path) -> None:
    from orchestrion.datasets.recordings.songs import prepare_songs

    (folder / "songs").mkdir()
    for name in ("a.wav", "b.wav"):
        audio_file(name)(folder / "songs")
    prepare_songs(folder / "songs", folder / "set", sample_rate=8000)
    for path in (folder / "songs").iterdir():
        path.unlink()
    for path in (folder / "set").iterdir():
        path.rename(folder / path.name)


def _read_songs(folder: Path) -> None:
    from orchestrion.datasets.recordings.songs import SongSet

    opened = SongSet.open(folder)
    json.dumps(opened.summary())
    for song in opened.songs:
        song.samples(0, min(10, song.n_samples))


def _preparation(folder: Path) -> None:
    from orchestrion.datasets.recordings.preparation import preparation

    with preparation(folder / "set") as work:
        for name in "ab":
            (work.folder / f"{name}.npy").write_bytes(b"audio")
            work.finish(name, {"key": {"sha256": name * 64, "sample_rate": RATE}, "files": [f"{name}.npy"], "n_samples": 5})


def _read_preparation(folder: Path) -> None:
    from orchestrion.datasets.recordings.preparation import preparation

    with preparation(folder / "set") as work:
        for name in list(work.records):
            work.is_finished(name, work.key(name))
        work.keep_only(["a"])
        work.complete({"kind": "songs"}, {"train": ["a"]})


def _bank(folder: Path) -> None:
    from tests.datasets.banks.notes import write_bank

    write_bank(folder, [60, 64], make=_short, layers=((1, 80, 0.5), (81, 127, 1.0)))
    facts = {"sustained": False, "stretched": True, "law": "as recorded", "release_db_s": 120, "licence": "CC0", "name": "harp", "program": 46}
    (folder / "bank.json").write_text(json.dumps(facts))


def _short(pitch: float) -> np.ndarray:
    from tests.datasets.banks.notes import plucked

    return plucked(pitch, 0.25)


SFZ = """// An instrument
#define $LOW 58
<control> default_path=Samples/
#include "more.sfz"
<global> ampeg_release=0.4 amp_veltrack=100 sw_default=24
<group> lovel=1 hivel=127 volume=-3
<region> sample=60.wav lokey=$LOW hikey=62 pitch_keycenter=c4 tune=-5 offset=10 end=5000
<region> sample=64.wav key=64 loop_mode=loop_continuous loop_start=1000 loop_end=3000 sw_last=24
"""


def _sfz(folder: Path) -> None:
    import soundfile

    (folder / "harp" / "Samples").mkdir(parents=True)
    for pitch in (60, 64):
        soundfile.write(folder / "harp" / "Samples" / f"{pitch}.wav", _short(pitch), 24000)
    (folder / "harp" / "harp.sfz").write_text(SFZ)
    (folder / "harp" / "more.sfz").write_text("<group> note_offset=0\n")


def _read_sfz(folder: Path) -> None:
    from orchestrion.datasets.banks.opening import open_bank

    open_bank(folder / "harp" / "harp.sfz", 24000)


def _soundfont(folder: Path) -> None:
    from tests.datasets.banks.soundfonts import sounding_soundfont

    (folder / "a.sf2").write_bytes(sounding_soundfont())


def _layered_soundfont(folder: Path) -> None:
    from tests.datasets.banks.soundfonts import RELEASE, sounding_soundfont

    (folder / "a.sf2").write_bytes(sounding_soundfont((2, 3), [(RELEASE, 0)]))


def _read_soundfont(folder: Path) -> None:
    from orchestrion.datasets.banks.soundfontbank import soundfont_file_bank

    soundfont_file_bank(folder / "a.sf2", 0, range(60, 62))


def _read_bank(folder: Path) -> None:
    from orchestrion.datasets.banks.opening import open_bank

    open_bank(folder, 24000)


READERS = {
    "notes": Reader((_table,), _read_table),
    "set": Reader((_set, _plain_set), _read_set),
    "shards": Reader((_shards,), _read_set),
    "songs": Reader((_songs,), _read_songs),
    "preparation": Reader((_preparation,), _read_preparation),
    "bank": Reader((_bank,), _read_bank),
    "sfz": Reader((_sfz,), _read_sfz),
}
if shutil.which("fluidsynth"):
    READERS["soundfont"] = Reader((_soundfont, _layered_soundfont), _read_soundfont)
