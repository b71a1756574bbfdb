"""`Track`: one recording of a published data set with its notes, as its authors lay it out on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from orchestrion.datasets.recordings.notesfile import SHORTEST_S
from orchestrion.datasets.untrusted.textfiles import SHOWN
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_SCORE_S
from orchestrion.score import Note

LONGEST_NAME, LONGEST_PATH = 255, 1000  # of a file: no file system has longer ones, and some raise an error when they are asked
# Where a data set has no velocities.
UNKNOWN_VELOCITY = 64


@dataclass(frozen=True)
class Track:
    """One recording.

    Attributes:
        name: unique in the set, a plain file name without dots.
        audio: the recording; None where it lies within an archive (``extract``).
        labels: the files that the notes come from.
        notes: reads the notes from them, in any order; seconds from the start of what is used of the audio.
        work: two recordings of one work never come to different splits.
        split: what the authors say: ``train``, ``validation``, ``test``, or None.
        start_s, stop_s: the part of the audio that is used.
        extract: writes the audio to a file in the folder that it is called with, for as long as the context lasts.
        about: composer, title, player, licence: whatever the set says, in words.
    """

    name: str
    audio: Path | None
    labels: tuple[Path, ...]
    notes: Callable[[], Iterable[Note]]
    work: str
    split: str | None = None
    start_s: float = 0.0
    stop_s: float | None = None
    extract: Callable[[Path], AbstractContextManager[Path]] | None = None
    about: Mapping[str, str] = field(default_factory=dict)

    def read_notes(self) -> tuple[Note, ...]:
        """The notes, sorted.

        Raises:
            OrchestrionError: a label file cannot be read, or is malformed.
        """
        return tuple(sorted(self.notes()))

    def missing(self) -> list[Path]:
        """The files of the track that are not there."""
        return [path for path in (self.audio, *self.labels) if path is not None and not path.is_file()]

    def opened(self, scratch: Path) -> AbstractContextManager[Path]:
        """The audio as a file; what lies within an archive is extracted to ``scratch`` meanwhile."""
        if self.audio is not None:
            return nullcontext(self.audio)
        if self.extract is None:
            raise OrchestrionError(f"{self.name} has no audio.")
        return self.extract(scratch)


@dataclass(frozen=True)
class Selection:
    """What to take of a set; None takes everything.

    Attributes:
        instrument: its notes alone, by name or as the set numbers it.
        ensemble, collection: recordings of this ensemble, or of this player, piano or microphone.
        work: works whose description contains this text, in any case.
    """

    instrument: str | None = None
    ensemble: str | None = None
    collection: str | None = None
    work: str | None = None

    def takes(self, description: str, *collections: str) -> bool:
        """Whether a recording fits whose work is described so, and that belongs to ``collections``."""
        in_work = (self.work or "").casefold() in description.casefold()
        return in_work and self.collection in (None, *collections)


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


def inside(folder: Path, index: Path, name: str) -> Path:
    """The file ``name`` that an ``index`` names, which may not lead out of ``folder``.

    Raises:
        OrchestrionError: it does.
    """
    relative = Path(name)
    is_too_long = len(name) > LONGEST_PATH or any(len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in relative.parts)
    if not name or relative.is_absolute() or ".." in relative.parts or "\0" in name or is_too_long:
        raise OrchestrionError(f"{index} names a file {name[:SHOWN]!r}, which does not lie in its folder.")
    return folder / relative


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
