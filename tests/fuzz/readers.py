"""The readers that are fuzzed: each with small sound files that the package wrote itself, and the call that reads them."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np

from orchestrion.score import BUILTIN_TUNES, Note, Part, Score

RATE = 16000
NOTES = tuple(Note(i / 16, i / 16 + 0.1, 55 + 2 * i, 60 + 10 * i) for i in range(4))


@dataclass(frozen=True)
class Reader:
    """``write`` puts a sound seed into an empty folder; ``read`` reads the folder.

    Attributes:
        write: one function a seed.
        read: raises an `OrchestrionError` where it refuses.
    """

    write: Sequence[Callable[[Path], None]]
    read: Callable[[Path], None]


def seeds(reader: Reader, scratch: Path) -> list[dict[str, bytes]]:
    """The reader's sound files, made in the new folder ``scratch``."""
    found = []
    for number, write in enumerate(reader.write):
        folder = scratch / str(number)
        folder.mkdir(parents=True)
        write(folder)
        found.append({path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()})
    return found


# Scores.

ABC = """X:1
T:A tune
M:6/8
L:1/8
Q:3/8=60
V:1 clef=treble name="Fiddle"
V:2 clef=bass
K:Gmix
V:1
|: "Em"B2 A {g}G>AB | (3def g2 [GBd]3 |1 ~d3 z3 :|2 !trill!d4 || [M:2/4][K:D] A,/B,/ C^D =E_F- | F4 |]
w: la la
V:2
[1 G,,6 | D,3 D,2 z | G,6 | D,4 || A,,4 | x4 |]
"""
KERN = """**kern\t**kern\t**dynam
*Ivioln\t*Iflt\t*
*M4/4\t*M4/4\t*
*k[f#]\t*k[f#]\t*
*MM120\t*MM120\t*
=1-\t=1-\t=1-
4.G\t8gg#L\tf
.\t8aaJ\t.
8A 8cc\t4r\t.
*\t*^\t*
[2b\t4dd\t4b\tp
.\t4.ee;\t4qc\t.
*\t*v\t*v\t*
=2:|!\t=2:|!\t=2:|!
2b]\t12ccL\t.
.\t12dd\t.
.\t12eeJ\t.
==\t==\t==
*-\t*-\t*-
"""


def _score() -> Score:
    tune = BUILTIN_TUNES["happy-birthday"]
    return Score((*tune.parts, Part("Drums", 0, NOTES, True), Part("Bass", 32, NOTES)), tune.tempos, tune.meters, "A tune")


def _midi(folder: Path) -> None:
    _score().write(folder / "a.mid")


def _musicxml(folder: Path) -> None:
    _score().write(folder / "a.musicxml")


def _abc(folder: Path) -> None:
    (folder / "a.abc").write_text(ABC)


def _kern(folder: Path) -> None:
    (folder / "a.krn").write_text(KERN)


def _pedalled(folder: Path) -> None:
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=93.0)
    piano = pretty_midi.Instrument(0, name="Piano")
    piano.notes = [pretty_midi.Note(70, 60 + i, i / 3, i / 3 + 0.3) for i in range(4)]
    piano.control_changes = [pretty_midi.ControlChange(64, 127 * (i % 2), i / 4) for i in range(6)]
    piano.pitch_bends = [pretty_midi.PitchBend(500, 0.5)]
    midi.instruments.append(piano)
    midi.time_signature_changes.append(pretty_midi.TimeSignature(3, 4, 0.0))
    midi.write(str(folder / "a.mid"))


def _read_score(folder: Path) -> None:
    from orchestrion.inspection import describe

    (path,) = folder.iterdir()
    Score.read(path)
    json.dumps(describe(path))


def _mxl(folder: Path) -> None:
    import zipfile

    _score().write(folder / "a.musicxml")
    with zipfile.ZipFile(folder / "a.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/container.xml"), '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>')
        archive.writestr(zipfile.ZipInfo("score.xml"), (folder / "a.musicxml").read_bytes(), zipfile.ZIP_DEFLATED)
    (folder / "a.musicxml").unlink()


# Audio.


def _sound(seconds: float = 0.3) -> np.ndarray:
    return (0.4 * np.sin(np.arange(round(seconds * RATE)) ** 1.1 / 9)).astype(np.float32)


def _audio(name: str, subtype: str | None = None, channels: int = 1) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        import soundfile

        samples = np.stack([_sound()] * channels, axis=1)
        kind = {".opus": ("OGG", "OPUS")}.get(Path(name).suffix, (None, subtype))
        soundfile.write(folder / name, samples, RATE, format=kind[0], subtype=kind[1])

    return write


def _read_audio(folder: Path) -> None:
    from orchestrion.audio import Waveform
    from orchestrion.audio.audiostream import length, read_blocks
    from orchestrion.errors import OrchestrionError
    from orchestrion.inspection import describe

    (path,) = folder.iterdir()
    with suppress(OrchestrionError):
        length(path)
    with suppress(OrchestrionError):
        for _ in read_blocks(path, 8000):
            pass
    with suppress(OrchestrionError):
        json.dumps(describe(path))
    Waveform.read(path)


# Weights, and the journal of a rendering.


def _instrument_file(folder: Path) -> None:
    from orchestrion import weights
    from orchestrion.renderer.config import WaveNetConfig
    from orchestrion.renderer.parameters import shapes

    config = WaveNetConfig(layers=3, cycle=3, residual=8, skip=8, head=8, harmonics=0, conditioning_channels=4, context_channels=4)
    draw = np.random.default_rng(0)
    arrays = {name: draw.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes(config).items()}
    about: dict[str, object] = {"architecture": "wavenet", "config": config.to_dict(), "pitch_range": [50, 72], "licence": "none", "temperature": 0.9}
    weights.save(folder / "a.safetensors", arrays, about)


def _driven_file(folder: Path) -> None:
    """A shipped instrument of tables alone, which has a harmonic source."""
    from orchestrion import shipped

    smallest = min((shipped.find(name) for name in shipped.instruments()), key=lambda path: path.stat().st_size)
    shutil.copy(smallest, folder / "a.safetensors")


def _composer_file(folder: Path) -> None:
    from orchestrion.composer.compose import Composer
    from orchestrion.composer.config import ComposerConfig
    from orchestrion.composer.network import Biaxial

    config = ComposerConfig(pitch_low=60, pitch_high=76, time_sizes=(2,), note_sizes=(2,))
    Composer(Biaxial(config), {"licence": "none", "defaults": {"polyphony": 1}}).save(folder / "a.safetensors")


def _read_weights(folder: Path) -> None:
    from orchestrion import header
    from orchestrion.composer.compose import Composer
    from orchestrion.generators.files import load_generator
    from orchestrion.renderer.instrument import Instrument

    path = folder / "a.safetensors"
    load = {"wavenet": Instrument.load, "generator": load_generator}.get(str(header.read(path).get("architecture")), Composer.load)
    loaded = load(path)
    if isinstance(loaded, Instrument):
        loaded.series(Score((Part("", 0, NOTES),)))
        _ = loaded.pitch_range, loaded.notice, loaded.temperature, loaded.gain_db


def _journal(parallel: bool) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with patch("orchestrion.renderer.resuming.FIRST_SAVE_S", 0.0), suppress(KeyboardInterrupt):
            _render(folder, parallel, stop=True)
        (folder / "parallel").write_text(str(parallel))

    return write


def _render(folder: Path, parallel: bool, *, stop: bool = False) -> None:
    from orchestrion.options import Playing
    from orchestrion.playing import render_to_file
    from orchestrion.renderer.instrument import Instrument

    told: list[float] = []

    def advance(n: float = 1) -> None:
        told.append(n)
        if stop and sum(told) > 0.1:
            raise KeyboardInterrupt

    _instrument_file(folder)
    instrument = Instrument.load(folder / "a.safetensors")
    (folder / "a.safetensors").unlink()
    score = Score((Part("", 0, tuple(Note(i, i + 0.2, 60, 80) for i in range(2 if not parallel else 12))),))
    render_to_file(score, instrument, folder / "out.wav", Playing(device="cpu", threads=1, parallel=parallel), resume=True, advance=advance)


def _read_journal(folder: Path) -> None:
    _render(folder, (folder / "parallel").exists() and (folder / "parallel").read_bytes() == b"True")


# Sets, labels, banks.


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
        written = write_raw(folder / f"{name}.npy", [_sound(0.6)])
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
    _audio("a.wav")(folder)
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
        _audio(name)(folder / "songs")
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


def _read_bank(folder: Path) -> None:
    from orchestrion.datasets.banks.opening import open_bank

    open_bank(folder, 24000)


# Listeners' answers, corpora, archives.


def _answers(folder: Path) -> None:
    from tests.evaluation.listening.listeners import key, session

    (folder / "key.json").write_text(json.dumps(key(2, 2)))
    for name in ("ann", "bob"):
        content = session(name, np.array([[2, 3], [4, 5]]), again=np.array([2, 3]), wins=[("s0c0", "s1c0"), ("s1c1", "s0c1")])
        (folder / f"{name}.json").write_text(json.dumps(content))
    rows = ["study,listener,trial,kind,clip,other,answer,repeat,plays,seconds,check_failures"]
    rows += [f"5eed,carol,{i},rate,s{i % 2}c0,,{1 + i},false,1,9.0,0" for i in range(4)] + ["5eed,carol,4,pair,s0c0,s1c0,a,true,1 1,9.0,0"]
    (folder / "carol.csv").write_text("\n".join(rows) + "\n")


def _read_answers(folder: Path) -> None:
    from orchestrion.evaluation.listening.results import evaluate_answers

    files = [folder / name for name in ("ann.json", "bob.json", "carol.csv")]
    json.dumps(evaluate_answers(files, folder / "key.json", keep_all=True))


def _corpus(folder: Path) -> None:
    from orchestrion.datasets.corpora.json_corpus import prepare_scores

    for name in ("happy-birthday", "ode-to-joy"):
        BUILTIN_TUNES[name].write(folder / f"{name}.mid")
    prepare_scores(folder, folder / "a.json")
    for path in folder.glob("*.mid"):
        path.unlink()


def _chorales(folder: Path) -> None:
    steps = [[72, 67, 64, 48], [72, 67, 64, 48], [71, 67, -1, 43], [72, 67, 64, 48]] * 8
    (folder / "jsb-16th.json").write_text(json.dumps({"train": [steps], "valid": [steps], "test": [steps]}))


def _read_corpus(folder: Path) -> None:
    from orchestrion.datasets.corpora.json_corpus import read_corpus

    (path,) = folder.iterdir()
    read_corpus(path, "all")


def _matlab(folder: Path) -> None:
    from scipy.io import savemat

    rolls = np.empty(2, dtype=object)
    for i in range(2):
        rolls[i] = (np.random.default_rng(i).random((12, 88)) < 0.05).astype(np.uint8)
    savemat(folder / "a.mat", {name: rolls for name in ("traindata", "validdata", "testdata")})


def _read_matlab(folder: Path) -> None:
    from orchestrion.datasets.corpora.matlab import read_mat

    read_mat(folder / "a.mat", "train")


def _zip(folder: Path) -> None:
    from tests.datasets.untrusted.test_archives import FILES, zipped

    zipped(folder / "a.zip", FILES)


def _tar(folder: Path) -> None:
    from tests.datasets.untrusted.test_archives import FILES

    with tarfile.open(folder / "a.tar.gz", "w:gz") as archive:
        for name, content in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def _read_archive(folder: Path) -> None:
    from orchestrion.datasets.untrusted.archives import unpack

    (path,) = folder.iterdir()
    unpack(path, folder / "unpacked")


READERS: Mapping[str, Reader] = {
    "midi": Reader((_midi, _pedalled), _read_score),
    "musicxml": Reader((_musicxml,), _read_score),
    "mxl": Reader((_mxl,), _read_score),
    "abc": Reader((_abc,), _read_score),
    "kern": Reader((_kern,), _read_score),
    "wav": Reader((_audio("a.wav"), _audio("a.wav", "FLOAT", 2), _audio("a.wav", "IMA_ADPCM")), _read_audio),
    "flac": Reader((_audio("a.flac"), _audio("a.flac", "PCM_24", 2)), _read_audio),
    "ogg": Reader((_audio("a.ogg"),), _read_audio),
    "opus": Reader((_audio("a.opus"),), _read_audio),
    "mp3": Reader((_audio("a.mp3"), _audio("a.mp3", channels=2)), _read_audio),
    "aiff": Reader((_audio("a.aiff", channels=2),), _read_audio),
    "weights": Reader((_instrument_file, _driven_file, _composer_file), _read_weights),
    "journal": Reader((_journal(False), _journal(True)), _read_journal),
    "notes": Reader((_table,), _read_table),
    "set": Reader((_set, _plain_set), _read_set),
    "shards": Reader((_shards,), _read_set),
    "songs": Reader((_songs,), _read_songs),
    "preparation": Reader((_preparation,), _read_preparation),
    "bank": Reader((_bank,), _read_bank),
    "sfz": Reader((_sfz,), _read_sfz),
    "answers": Reader((_answers,), _read_answers),
    "corpus": Reader((_corpus, _chorales), _read_corpus),
    "matlab": Reader((_matlab,), _read_matlab),
    "archive": Reader((_zip, _tar), _read_archive),
}

