"""Scores of every format."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrion.score import BUILTIN_TUNES, Part, Score
from tests.fuzz.reader import NOTES, Reader

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


READERS = {
    "midi": Reader((_midi, _pedalled), _read_score),
    "musicxml": Reader((_musicxml,), _read_score),
    "mxl": Reader((_mxl,), _read_score),
    "abc": Reader((_abc,), _read_score),
    "kern": Reader((_kern,), _read_score),
}
