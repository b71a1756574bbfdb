"""How good each labelling method is on recordings whose notes are known: the tables of docs/labels.md.

    python benchmarks/labels.py violin=DIR maps=DIR [--seconds 60] [--methods pyin melodia …] [--json FILE]

A folder holds NAME.flac and NAME.tsv, side by side or in subfolders; of each piece the first seconds are taken. What a method
finds is compared with the notes by mir_eval.transcription: onsets within 50 and 100 ms, and onsets with offsets (50 ms
or a fifth of the note). For pyin and melodia also the melody itself: mir_eval.melody's raw pitch accuracy, on the frames
where one true note sounds alone (violin), and against the highest sounding note (the other sets).

There is no score beside these recordings, so `align` is given one made from the true notes: their time is stretched by
a tempo that wanders between 0.74 and 1.35, onsets within 60 ms of each other are put together, and velocities are lost.
Real scores differ more (ornaments, wrong notes): take it for an upper bound.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mir_eval
import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.checking.flux import FRAME_S, SAMPLE_RATE
from orchestrion.datasets.recordings.notesfile import read_notes
from orchestrion.labelling import methods
from orchestrion.labelling.melodia import melodia
from orchestrion.labelling.phantoms import without_phantoms
from orchestrion.labelling.pitchtrack import PitchTrack
from orchestrion.labelling.pyin import pyin
from orchestrion.progress import progress
from orchestrion.score import Note, Part, Score

KNOT_S, TEMPO_SPREAD, TOGETHER_S = 4.0, 0.3, 0.06
COLUMNS = {
    "f1_50": "onset F1 50 ms", "precision_50": "precision", "recall_50": "recall", "f1_100": "onset F1 100 ms",
    "f1_offset": "onset + offset F1", "share_found": "notes found / true", "raw_pitch": "raw pitch accuracy",
    "cpu_s_a_minute": "CPU s a minute",
}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """The beginning of a recording, with its true notes."""

    name: str
    audio: Waveform
    notes: tuple[Note, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--methods", nargs="+", choices=list(methods.METHODS), default=list(methods.METHODS))
    parser.add_argument("--json", type=Path, help="write all figures, piece by piece, to this file")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for given in arguments.sets:
        name, folder = given.split("=", 1)
        for method in arguments.methods:
            rows += measure(name, Path(folder), method, arguments.seconds)
            print_table(rows[-1:] if len(rows) > 1 else rows, heading=len(rows) == 1)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": platform.processor() or platform.machine(), "rows": rows}, indent=2))


def measure(set_name: str, folder: Path, method: str, seconds: float) -> list[dict[str, object]]:
    """One row: means over the pieces (weighted equally), and each piece's figures under ``pieces``."""
    found = pieces(folder, seconds)
    notes_by(method, warm_up())  # compilation is not what is measured
    figures = []
    with progress(len(found), f"{method} on {set_name}") as advance:
        for piece in found:
            figures.append({"piece": piece.name, **judge(piece, method, alone=set_name == "violin")})
            advance()
    keys = [key for key in figures[0] if key != "piece"]
    means = {key: float(np.mean([one[key] for one in figures])) for key in keys}
    return [{"set": set_name, "method": method, "n": len(found), **means, "pieces": figures}]


def pieces(folder: Path, seconds: float) -> list[Piece]:
    tables = {path.stem: path for path in folder.rglob("*.tsv")}
    return [_piece(path, tables[path.stem], seconds) for path in sorted(folder.rglob("*.flac"))]


def _piece(path: Path, table: Path, seconds: float) -> Piece:
    audio = Waveform.read(path, SAMPLE_RATE)
    audio = Waveform(audio.samples[: round(seconds * SAMPLE_RATE)], SAMPLE_RATE)
    end_s = audio.duration_s
    kept = [n for n in read_notes(table) if n.onset_s < end_s - 0.05]
    return Piece(path.stem, audio, tuple(replace(n, offset_s=min(n.offset_s, end_s)) for n in kept))


def warm_up() -> Piece:
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    return Piece("", Waveform(0.3 * np.sin(2 * np.pi * 440 * time_s), SAMPLE_RATE), (Note(0.0, 1.9, 69, 64),))


def notes_by(method: str, piece: Piece) -> tuple[tuple[Note, ...], PitchTrack | None]:
    """The notes of a piece, and its melody where the method has one."""
    if method in TRACKERS:
        track = TRACKERS[method](piece.audio)
        return methods.line_of(track, piece.audio), track
    score = made_score(piece) if method == "align" else None
    return methods.notes_of(piece.audio, method, score), None


TRACKERS: dict[str, Callable[[Waveform], PitchTrack]] = {
    "pyin": lambda audio: without_phantoms(pyin(audio.samples), audio.samples),
    "melodia": melodia,
}


def made_score(piece: Piece) -> Score:
    """The true notes with another timing, see the module."""
    rng = np.random.default_rng(zlib.crc32(piece.name.encode()))
    end_s = piece.audio.duration_s
    knots = np.arange(0, end_s + 2 * KNOT_S, KNOT_S)
    time_s = np.linspace(0, end_s, 20000)
    tempo = np.exp(np.interp(time_s, knots, rng.uniform(-TEMPO_SPREAD, TEMPO_SPREAD, len(knots))))
    warped = np.concatenate([[0.0], np.cumsum(tempo[:-1] * np.diff(time_s))])
    notes, last_s = [], -1.0
    for note in sorted(piece.notes):
        last_s = last_s if note.onset_s - last_s < TOGETHER_S else note.onset_s
        onset_s, offset_s = np.interp((last_s, max(note.offset_s, last_s + 0.02)), time_s, warped)
        notes.append(Note(float(onset_s), float(max(offset_s, onset_s + 0.01)), note.pitch, 64))
    return Score((Part("", 0, tuple(notes)),))


def judge(piece: Piece, method: str, *, alone: bool) -> dict[str, float]:
    """All figures of one piece."""
    started = time.process_time()
    found, track = notes_by(method, piece)
    cpu_s = time.process_time() - started
    result = {"share_found": len(found) / len(piece.notes), "cpu_s_a_minute": cpu_s / piece.audio.duration_s * 60}
    for label, tolerance_s in (("50", 0.05), ("100", 0.1)):
        precision, recall, f1 = _scores(piece.notes, found, onset_tolerance=tolerance_s, offset_ratio=None)
        result |= {f"precision_{label}": precision, f"recall_{label}": recall, f"f1_{label}": f1}
    result["f1_offset"] = _scores(piece.notes, found, onset_tolerance=0.05, offset_ratio=0.2)[2]
    if track is not None:
        result["raw_pitch"] = raw_pitch(piece, track, alone=alone)
    return result


def _scores(true: Sequence[Note], found: Sequence[Note], **options: float | None) -> tuple[float, float, float]:
    if not true or not found:
        return 0.0, 0.0, 0.0
    scores = mir_eval.transcription.precision_recall_f1_overlap(*_spans(true), *_spans(found), **options)
    return float(scores[0]), float(scores[1]), float(scores[2])


def _spans(notes: Sequence[Note]) -> tuple[np.ndarray, np.ndarray]:
    return (np.array([(n.onset_s, n.offset_s) for n in notes]),
            mir_eval.util.midi_to_hz(np.array([n.pitch for n in notes], dtype=float)))  # fmt: skip


def raw_pitch(piece: Piece, track: PitchTrack, *, alone: bool) -> float:
    """Share of the melody's frames whose pitch is right within half a semitone."""
    count, highest = np.zeros(len(track.hz), dtype=int), np.zeros(len(track.hz))
    for note in piece.notes:
        span = slice(round(note.onset_s / FRAME_S), round(note.offset_s / FRAME_S))
        count[span] += 1
        highest[span] = np.maximum(highest[span], note.pitch)
    is_melody = count == 1 if alone else count > 0
    hz = np.where(is_melody, 440 * 2 ** ((highest - 69) / 12), 0.0)
    time_s = np.arange(len(hz)) * FRAME_S
    estimate = np.where(track.voiced, track.hz, -track.hz)  # negative: a guess where no melody is thought to be
    return float(mir_eval.melody.evaluate(time_s, hz, time_s, estimate)["Raw Pitch Accuracy"])


def print_table(rows: Sequence[dict[str, object]], *, heading: bool) -> None:
    for line in _lines(rows, heading):
        print(line, flush=True)


def _lines(rows: Sequence[dict[str, object]], heading: bool) -> Iterator[str]:
    if heading:
        yield f"| set | method | {' | '.join(COLUMNS.values())} |"
        yield f"| --- | --- | {' | '.join(['---:'] * len(COLUMNS))} |"
    for row in rows:
        numbers = [f"{row[key]:.{1 if key == 'cpu_s_a_minute' else 2}f}" if key in row else "–" for key in COLUMNS]
        yield f"| {row['set']} ({row['n']}) | `{row['method']}` | {' | '.join(numbers)} |"


if __name__ == "__main__":
    main()
