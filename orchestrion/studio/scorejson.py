"""Scores as the page has them: JSON in, JSON out, and the MIDI file that both sides agree on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrion.errors import OrchestrionError
from orchestrion.reading import midifile, midiscore
from orchestrion.score import Meter, Note, Part, Score, Tempo

MOST_NOTES = 50_000
MOST_PARTS = 64
MOST_CHANGES = 2_000
MOST_CHARACTERS = 200
LONGEST_S = 600.0


@dataclass(frozen=True)
class MidiScore:
    """A score exactly as a MIDI file holds it, so that the command line makes of that file what the studio made.

    Attributes:
        score: what ``data`` reads as.
        data: the bytes of the file.
    """

    score: Score
    data: bytes

    @classmethod
    def of(cls, score: Score) -> MidiScore:
        """Times rounded to the ticks of the file.

        Raises:
            OrchestrionError: no notes, or longer than the studio takes.
        """
        if not any(part.notes for part in score.parts):
            raise OrchestrionError("There are no notes yet; draw some, open a file, or compose.")
        check_length(score)
        data = midifile.encode(midiscore.from_score(score))
        return cls(midiscore.to_score(midifile.decode(data, "the score"), "the score"), data)

    def musicxml(self) -> bytes:
        """The bytes of a MusicXML file."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "score.musicxml"
            self.score.write(path)
            return path.read_bytes()


def check_length(score: Score) -> None:
    """Raise an `OrchestrionError` where a score is longer, or has more notes or parts, than the studio takes."""
    n_notes = sum(len(part.notes) for part in score.parts)
    if score.duration_s > LONGEST_S:
        raise OrchestrionError(
            f"The studio takes scores of up to {LONGEST_S / 60:g} minutes, and this one lasts {score.duration_s / 60:.1f}; "
            "the command line (orchestrion render) takes longer ones."
        )
    if n_notes > MOST_NOTES or len(score.parts) > MOST_PARTS:
        raise OrchestrionError(
            f"The studio takes scores of up to {MOST_NOTES:,} notes and {MOST_PARTS} parts, and this one has {n_notes:,} notes "
            f"and {len(score.parts)} parts."
        )


def to_json(score: Score) -> dict[str, object]:
    """``{title, tempos: [[s, bpm]], meters: [[s, n, d]], parts: [{name, program, drum, notes: [[s, s, pitch, velocity]]}]}``."""
    return {
        "title": score.title,
        "tempos": [[tempo.time_s, tempo.bpm] for tempo in score.tempos],
        "meters": [[meter.time_s, meter.numerator, meter.denominator] for meter in score.meters],
        "parts": [
            {"name": part.name, "program": part.program, "drum": part.is_drum,
             "notes": [[note.onset_s, note.offset_s, note.pitch, note.velocity] for note in part.notes]}
            for part in score.parts
        ],
    }  # fmt: skip


def from_json(given: object) -> Score:
    """The inverse of `to_json`, of what a browser sent.

    Raises:
        OrchestrionError: another shape, a value out of its range, or more than the studio takes.
    """
    whole = mapping(given, "a score")
    parts = [mapping(part, "a part") for part in _listed(whole.get("parts"), "parts", MOST_PARTS)]
    rows = [_listed(part.get("notes"), "notes", MOST_NOTES) for part in parts]
    if sum(map(len, rows)) > MOST_NOTES:
        raise OrchestrionError(f"The studio takes scores of up to {MOST_NOTES:,} notes.")
    score = Score(
        tuple(
            Part(_text(part.get("name")), _whole(part.get("program")), tuple(map(_note, notes)), part.get("drum") is True)
            for part, notes in zip(parts, rows, strict=True)
        ),
        tuple(Tempo(*_numbers(row, 2)) for row in _listed(whole.get("tempos"), "tempos", MOST_CHANGES)),
        tuple(_meter(row) for row in _listed(whole.get("meters"), "meters", MOST_CHANGES)),
        _text(whole.get("title")),
    )
    check_length(score)
    return score


def mapping(given: object, what: str) -> Mapping[str, object]:
    """``given``, which must be an object of JSON.

    Raises:
        OrchestrionError: it is none; the sentence names ``what`` was expected.
    """
    if not isinstance(given, dict):
        raise OrchestrionError(f"This is not {what}: an object of JSON was expected.")
    return given


def _note(row: object) -> Note:
    onset_s, offset_s, pitch, velocity = _numbers(row, 4)
    return Note(onset_s, offset_s, _whole(pitch), _whole(velocity))


def _meter(row: object) -> Meter:
    time_s, numerator, denominator = _numbers(row, 3)
    return Meter(time_s, _whole(numerator), _whole(denominator))


def _listed(given: object, what: str, most: int) -> list[object]:
    if not isinstance(given, list):
        raise OrchestrionError(f"This is not a score: its {what} are no list.")
    if len(given) > most:
        raise OrchestrionError(f"The studio takes scores of up to {most:,} {what}.")
    return given


def _numbers(row: object, n: int) -> list[float]:
    if not isinstance(row, list) or len(row) != n or any(isinstance(x, bool) or not isinstance(x, int | float) for x in row):
        raise OrchestrionError(f"This is not a score: {n} numbers were expected in a row.")
    # Whole numbers of JSON may be larger than any float.
    numbers = [float(x) if abs(x) < 1e15 else math.nan for x in row]
    if not all(map(math.isfinite, numbers)):
        raise OrchestrionError("This is not a score: a number is out of range.")
    return numbers


def _whole(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int | float) or given != int(given):
        raise OrchestrionError("This is not a score: a whole number was expected.")
    return int(given)


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise OrchestrionError("This is not a score: text was expected.")
    return "".join(c if c.isprintable() else " " for c in given[:MOST_CHARACTERS]).strip()
