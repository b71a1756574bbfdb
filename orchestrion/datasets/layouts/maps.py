r"""MAPS (Emiya, Badeau, David 2010): pieces (``MUS``) of nine pianos, in two layouts.

- As distributed: ``[MAPS_PIANO_2/]PIANO/MUS/MAPS_MUS-PIECE_PIANO.wav`` with ``.txt`` (a header ``OnsetTime OffsetTime
  MidiPitch``, seconds, separated by tabs) and ``.mid``. The text file is what the audio was checked against; it has no
  velocities, which come from the MIDI file where it agrees in number and pitch.
- As a table of notes: ``flac/PIECE_PIANO.flac`` with ``tsv/PIECE_PIANO.tsv`` (onset, offset, pitch, velocity; the name
  of the columns does not matter), as transcription programs keep it.

Two microphones of one piano (``ENSTDkCl`` close, ``ENSTDkAm`` ambient) and two pianos may have played one work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from orchestrion.datasets.layouts.files import beside
from orchestrion.datasets.recordings.tracks import UNKNOWN_VELOCITY, Selection, Track, checked, note, plain_name
from orchestrion.datasets.untrusted.textfiles import read_numbers
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Score
from orchestrion.suffixes import AUDIO

NAME = re.compile(r"^(?:MAPS_MUS-)?(?P<work>.+)_(?P<piano>[A-Za-z0-9]{8})$")
# The MIDI file and the text file were written from one performance; this much may differ by rounding.
SAME_S = 0.01


def read_maps(folder: Path, selection: Selection) -> Sequence[Track]:
    """Every piece of the pianos asked for (``collection``: ENSTDkCl, …); single notes and chords are left out.

    Raises:
        OrchestrionError: no pieces, or audio without its labels.
    """
    audio, labels = beside(folder, AUDIO), beside(folder, (".txt", ".tsv"))
    pieces = {stem: match for stem in audio if (match := NAME.match(stem)) and _chosen(match, selection)}
    return checked((_track(audio[stem], labels, pieces[stem]) for stem in pieces), folder, "piece of MAPS that fits")


def _chosen(match: re.Match[str], selection: Selection) -> bool:
    isolated = match.string.startswith("MAPS_") and not match.string.startswith("MAPS_MUS-")
    return not isolated and selection.takes(match["work"], match["piano"])


def _track(audio: Path, labels: dict[str, Path], match: re.Match[str]) -> Track:
    label = labels.get(audio.stem)
    if label is None:
        raise OrchestrionError(f"{audio} has no twin {audio.stem}.txt or .tsv with its notes.")
    read = _text_notes if label.suffix.lower() == ".txt" else _table_notes
    notes, about = partial(read, label), {"piano": match["piano"]}
    return Track(plain_name(audio.stem), audio, (label,), notes, match["work"], about=about)


def _table_notes(path: Path) -> Iterator[Note]:
    rows = read_numbers(path, 4, header=True)
    return (note(on, off, pitch, velocity, path, line) for line, (on, off, pitch, velocity) in rows)


def _text_notes(path: Path) -> Iterable[Note]:
    rows = read_numbers(path, 3, header=True)
    notes = [note(on, off, pitch, UNKNOWN_VELOCITY, path, line) for line, (on, off, pitch) in rows]
    midi = path.with_suffix(".mid")
    return _with_velocities(notes, Score.read(midi).notes) if midi.is_file() else notes


def _with_velocities(notes: list[Note], played: Sequence[Note]) -> list[Note]:
    """``notes`` with the velocities of the same notes of the MIDI file; unchanged where the two do not agree."""
    mine, theirs = (sorted(either, key=lambda n: (n.pitch, n.onset_s)) for either in (notes, played))
    pairs = list(zip(mine, theirs, strict=False))
    agree = all(a.pitch == b.pitch and abs(a.onset_s - b.onset_s) < SAME_S for a, b in pairs)
    if len(mine) != len(theirs) or not agree:
        return notes
    return [replace(a, velocity=b.velocity) for a, b in pairs]
