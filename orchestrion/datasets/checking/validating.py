"""Validates a data set: every recording is decoded and compared with its notes.

Defects are files that are missing, unreadable, cut off or altered; notes past the end of their audio; notes that the
audio contradicts in time (`onsetlag`) or in pitch (`pitchagreement`); long silence under notes; clipping (`stretches`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.audio.audiostream import read_blocks
from orchestrion.datasets.checking.onsetlag import OnsetLag, onset_lag
from orchestrion.datasets.checking.pitchagreement import PitchAgreement, pitch_agreement
from orchestrion.datasets.checking.stretches import clipped, silent
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.notesfile import END_SLACK_S, NotesFile, past_the_end
from orchestrion.datasets.recordings.rawaudio import RawAudio
from orchestrion.datasets.recordings.songs import KIND as SONGS
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.datasets.recordings.tracks import Track
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import sha256, write_json
from orchestrion.progress import track as follow
from orchestrion.score import Note

RATE = 16000
CHECKSUMS = "checksums.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect.

    ``kind`` is missing, unreadable, altered, past-the-end, late, early, transposed, silent, clipped or empty.
    """

    kind: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known of one recording.

    ``lag_s`` (positive: notes late) and its ``clarity`` are of `onsetlag`; ``shift`` in semitones and ``agreement`` are
    of `pitchagreement`; None where too few notes tell.
    """

    name: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0
    notes: int = 0
    lag_s: float | None = None
    clarity: float | None = None
    shift: int | None = None
    agreement: float | None = None


def validate_tracks(tracks: Sequence[Track]) -> list[Verdict]:
    """A verdict on every track of a data set as its authors lay it out."""
    return [_verdict(track) for track in follow(tracks, len(tracks), "Listening")]


def validate_prepared(folder: str | os.PathLike[str]) -> list[Verdict]:
    """A verdict on every piece of a prepared set or of a plain folder of recordings with notes.

    Raises:
        OrchestrionError: the set cannot be opened at all; the sentence says why.
    """
    path = Path(folder)
    information = read_json_object(path / "dataset.json")
    if information.get("kind") == SONGS:
        return _validate_songs(SongSet.open(path))
    rate, entries = information.get("sample_rate"), information.get("pieces")
    opened = AlignedSet.open(path, sample_rate=rate if isinstance(rate, int) else RATE)
    verdicts = []
    for piece in follow(opened.pieces, len(opened.pieces), "Listening"):
        samples = _at_rate(piece.samples(), piece.sample_rate)
        entry = entries.get(piece.name) if isinstance(entries, dict) else None
        altered = _altered_samples(piece.name, piece.audio, entry) + _altered_notes(piece.table, entry)
        verdicts.append(_listened(piece.name, samples, piece.notes, tuple(altered)))
    return verdicts


def _validate_songs(songs: SongSet) -> list[Verdict]:
    verdicts = []
    for song in follow(songs.songs, len(songs.songs), "Listening"):
        findings = _altered_samples(song.name, song.audio, songs.sources.get(song.name))
        findings += [Finding("clipped", f"clipped at {at}") for at in clipped(song.samples(), song.sample_rate)]
        verdicts.append(Verdict(song.name, tuple(findings), round(song.duration_s, 2)))
    return verdicts


def _altered_samples(name: str, audio: RawAudio, entry: object) -> list[Finding]:
    expected = entry.get("samples_sha256") if isinstance(entry, dict) else None
    if expected is None or audio.checksum() == expected:
        return []
    return [Finding("altered", f"the samples of {name} are not those that were prepared (checksum)")]


def _altered_notes(table: NotesFile | tuple[Note, ...], entry: object) -> list[Finding]:
    expected = entry.get("notes_sha256") if isinstance(entry, dict) else None
    if expected is None or not isinstance(table, NotesFile) or table.checksum() == expected:
        return []
    return [Finding("altered", f"{table.path.name} is not the table that was prepared (checksum)")]


def _verdict(track: Track) -> Verdict:
    if missing := track.missing():
        return Verdict(track.name, tuple(Finding("missing", f"{path.name} is missing") for path in missing))
    altered = tuple(_altered(track))
    notes: tuple[Note, ...] = ()
    try:
        notes = track.read_notes()
        samples = _samples(track)
    except OrchestrionError as error:
        return Verdict(track.name, (*altered, Finding("unreadable", str(error))), notes=len(notes))
    return _listened(track.name, samples, notes, altered)


def _listened(name: str, samples: np.ndarray, notes: Sequence[Note], before: tuple[Finding, ...]) -> Verdict:
    seconds = len(samples) / RATE
    within = [note for note in notes if note.onset_s < seconds]
    lag = onset_lag(samples, within)
    pitch = pitch_agreement(samples, within)
    findings = list(before)
    findings += [] if notes else [Finding("empty", "there are no notes")]
    findings += _past_the_end(notes, seconds) + _contradicted(lag, pitch)
    findings += [Finding("clipped", f"clipped at {at}") for at in clipped(samples, RATE)]
    findings += [Finding("silent", f"silent under notes at {at}") for at in silent(samples, RATE, within)]
    timing = (None, None) if lag is None else (lag.lag_s, round(lag.clarity, 1))
    tuning = (None, None) if pitch is None else (pitch.shift, round(pitch.agreement, 2))
    return Verdict(name, tuple(findings), round(seconds, 2), len(notes), *timing, *tuning)


def _contradicted(lag: OnsetLag | None, pitch: PitchAgreement | None) -> list[Finding]:
    findings = []
    if lag is not None and lag.is_off:
        kind = "late" if lag.lag_s > 0 else "early"
        findings.append(Finding(kind, f"notes are {abs(lag.lag_s) * 1000:.0f} ms {kind} (clarity {lag.clarity:.1f})"))
    if pitch is not None and pitch.is_off:
        findings.append(Finding("transposed", f"the audio fits the notes moved by {pitch.shift:+d} semitones"))
    return findings


def _past_the_end(notes: Sequence[Note], seconds: float) -> list[Finding]:
    late = past_the_end(notes, seconds, END_SLACK_S)
    if not late:
        return []
    return [Finding("past-the-end", f"{len(late)} notes after the audio's end at {seconds:.2f} s, the last at "
                                    f"{max(note.onset_s for note in late):.2f} s")]  # fmt: skip


def _samples(track: Track) -> np.ndarray:
    with TemporaryDirectory(prefix="orchestrion-") as scratch, track.opened(Path(scratch)) as audio:
        return np.concatenate(list(read_blocks(audio, RATE, track.start_s, track.stop_s)))


def _altered(track: Track) -> list[Finding]:
    """Files whose checksum is not the one written down in ``checksums.json`` in a folder above them."""
    findings = []
    for path in (track.audio, *track.labels):
        expected = None if path is None else _expected(path)
        if path is not None and expected is not None and sha256(path) != expected:
            findings.append(Finding("altered", f"{path.name} is not the file that was recorded (checksum)"))
    return findings


def _expected(path: Path) -> str | None:
    for folder in list(path.parents)[:4]:
        known = read_json_object(folder / CHECKSUMS).get("files")
        if isinstance(known, Mapping):
            found = known.get(path.relative_to(folder).as_posix())
            return found if isinstance(found, str) else None
    return None


def write_checksums(folder: Path) -> int:
    """Write ``checksums.json`` of every file below ``folder``; returns how many. `validate` compares with it later."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    sums = {path.relative_to(folder).as_posix(): sha256(path) for path in follow(files, len(files), "Summing")}
    write_json(folder / CHECKSUMS, {"algorithm": "sha256", "files": sums})
    return len(sums)


def _at_rate(samples: np.ndarray, rate: int) -> np.ndarray:
    return Waveform(samples, rate).resample(RATE).samples if rate != RATE else samples
