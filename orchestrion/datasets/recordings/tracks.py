"""`Track`: one recording of a known data set with the notes that its authors give, before anything is prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.datasets.recordings.notestable import SHORTEST_S
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_SCORE_S
from orchestrion.score import Note


@dataclass(frozen=True)
class Track:
    """One recording.

    Attributes:
        name: unique in the set, a plain file name without dots.
        audio: the recording; None where it lies within an archive (`extract`).
        labels: the files that the notes come from.
        read_notes: reads them; seconds from the start of what is used of the audio.
        work: two recordings of one work never come to different splits.
        split: what the authors say: ``train``, ``validation``, ``test``, or None.
        start_s, stop_s: the part of the audio that is used.
        extract: gives a file of the audio for a while, made in the folder that it is called with.
        about: composer, title, player, licence: whatever the set says, in words.
    """

    name: str
    audio: Path | None
    labels: tuple[Path, ...]
    read_notes: Callable[[], tuple[Note, ...]]
    work: str
    split: str | None = None
    start_s: float = 0.0
    stop_s: float | None = None
    extract: Callable[[Path], AbstractContextManager[Path]] | None = None
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Selection:
    """What to take of a set; None takes everything.

    Attributes:
        instrument: its notes alone, by name or as the set numbers it.
        ensemble, collection: recordings of this ensemble, or of this player, piano or microphone.
        work: works whose description contains this text.
    """

    instrument: str | None = None
    ensemble: str | None = None
    collection: str | None = None
    work: str | None = None


Reader = Callable[[Path, Selection], Sequence[Track]]


def require(folder: Path, *parts: str) -> Path:
    """``folder/parts``.

    Raises:
        OrchestrionError: it is not there.
    """
    path = folder.joinpath(*parts)
    if not path.exists():
        raise OrchestrionError(f"{folder} has no {'/'.join(parts)}; give the folder that the archive unpacks to.")
    return path


def plain_name(text: str) -> str:
    """A name for files and shards: no folders, no dots, no spaces.

    >>> plain_name("2018/MIDI-Unprocessed 1.wav--1")
    'MIDI-Unprocessed_1_wav--1'
    """
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in text.rpartition("/")[2])


def checked(tracks: Iterable[Track], folder: Path, what: str) -> tuple[Track, ...]:
    """The tracks by name.

    Raises:
        OrchestrionError: none, or two of one name.
    """
    found: dict[str, Track] = {}
    for track in tracks:
        if track.name in found:
            raise OrchestrionError(f"{folder} holds two recordings called {track.name}; rename one.")
        found[track.name] = track
    if not found:
        raise OrchestrionError(f"{folder} holds no {what}.")
    return tuple(found[name] for name in sorted(found))


def note(onset_s: float, offset_s: float, pitch: float, velocity: float, source: Path, line: int) -> Note:
    """A note of a label file; one that ends as or before it begins lasts `SHORTEST_S`, times below 0 become 0.

    Raises:
        OrchestrionError: not a time, a pitch or a velocity; the sentence names ``source`` and ``line``.
    """
    try:
        onset_s = max(onset_s, 0.0)
        offset_s = min(offset_s, MAX_SCORE_S) if offset_s > onset_s else onset_s + SHORTEST_S
        return Note(onset_s, offset_s, round(pitch), round(velocity))
    except (OrchestrionError, ValueError, OverflowError) as error:
        raise OrchestrionError(f"{source}, entry {line}: {error}") from error
