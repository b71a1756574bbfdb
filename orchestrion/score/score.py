"""`Score`: what is played, on the clock of seconds."""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_NOTES, MAX_PARTS
from orchestrion.score.notearray import note_array
from orchestrion.score.notes import Meter, Note, Part, Tempo, in_score_order, pitch_name
from orchestrion.score.tempomap import TempoMap

if TYPE_CHECKING:
    import music21
    import pretty_midi

Change = TypeVar("Change", Tempo, Meter)

# A piece of a note left over at the edge of a crop that is shorter than this is a rounding error, not a note.
SLIVER_S = 1e-3


@dataclass(frozen=True, slots=True)
class Score:
    """Parts with their notes, tempo changes, meter changes, and a title.

    Tempo and meter say how seconds relate to beats and bars; the notes are in seconds and stand on their own.
    ``tempos`` and ``meters`` are kept sorted and begin at 0 s, with 120 beats a minute and 4/4 where nothing is given.

    Raises:
        OrchestrionError: more than a million notes or a thousand parts.
    """

    parts: tuple[Part, ...]
    tempos: tuple[Tempo, ...] = (Tempo(0.0, 120.0),)
    meters: tuple[Meter, ...] = (Meter(0.0, 4, 4),)
    title: str = ""

    def __post_init__(self) -> None:
        n_notes = sum(len(part.notes) for part in self.parts)
        if len(self.parts) > MAX_PARTS or n_notes > MAX_NOTES:
            raise OrchestrionError(
                f"A score of {len(self.parts):,} parts and {n_notes:,} notes is more than the {MAX_PARTS:,} parts "
                f"and {MAX_NOTES:,} notes that are allowed."
            )
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "tempos", _from_zero(self.tempos, Tempo(0.0, 120.0)))
        object.__setattr__(self, "meters", _from_zero(self.meters, Meter(0.0, 4, 4)))

    @classmethod
    def read(cls, source: str | os.PathLike[str], strict: bool = False) -> Score:
        """Read a file (.mid .midi .kar .rmi .musicxml .xml .mxl .abc .krn) or a built-in tune by its name.

        What of a file cannot be followed is told by one `IgnoredWarning`; with ``strict`` it is an error.

        Raises:
            OrchestrionError: no such file or tune, unknown extension, or a broken, hostile or empty file.
        """
        from orchestrion.reading import scorefiles

        return scorefiles.read(source, strict)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a MIDI (.mid .midi) or MusicXML (.musicxml .xml) file, atomically; same score, same bytes.

        Raises:
            OrchestrionError: unknown extension, no notes, or the file cannot be written.
        """
        from orchestrion.reading import scorefiles

        scorefiles.write(self, path)

    @classmethod
    def from_pretty_midi(cls, midi: pretty_midi.PrettyMIDI) -> Score:
        """Take over instruments, tempo and meter; sustain pedal (CC 64) lengthens the notes it holds."""
        from orchestrion.reading import prettymidi

        return prettymidi.from_pretty_midi(midi)

    def to_pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """The same notes (exact seconds), tempo and meter as a ``pretty_midi.PrettyMIDI``."""
        from orchestrion.reading import prettymidi

        return prettymidi.to_pretty_midi(self)

    @classmethod
    def from_music21(cls, stream: music21.stream.Stream[music21.Music21Object]) -> Score:
        """Ties merged, repeats expanded, transposing instruments at sounding pitch, dynamics as velocity."""
        from orchestrion.reading import notation

        return notation.from_music21(stream)

    def to_music21(self) -> music21.stream.Score:
        """Engraving-ready parts: notes rounded to sixteenths and triplets, measures, ties, tempo and meter marks."""
        from orchestrion.reading import engraving

        return engraving.to_music21(self)

    def _repr_html_(self) -> str:
        """In a notebook: what it is, and a piano roll."""
        from orchestrion.score.showing import score_html

        return score_html(self)

    @property
    def notes(self) -> tuple[Note, ...]:
        """The notes of all pitched parts, sorted by (onset, pitch); drums are left out."""
        pitched = [part.notes for part in self.parts if not part.is_drum]
        return tuple(heapq.merge(*pitched, key=in_score_order))

    def note_array(self) -> np.ndarray:
        """The same notes as a structured array with the columns onset_s, offset_s, pitch and velocity."""
        return note_array(self.notes)

    @property
    def duration_s(self) -> float:
        """Seconds until the last note of any part ends; 0 without notes."""
        return max((note.offset_s for note in self._all_notes()), default=0.0)

    @property
    def meter(self) -> Meter:
        """The meter of its bars: the first, or, after a pickup, the second."""
        return self.meters[1] if self.pickup_quarters else self.meters[0]

    @property
    def pickup_quarters(self) -> float:
        """Quarters of a first bar that has a shorter meter of its own; 0 where there is none."""
        if len(self.meters) < 2:
            return 0.0
        first, second = self.meters[:2]
        length = float(TempoMap.from_tempos(self.tempos).to_beats([second.time_s])[0])
        is_one_bar = abs(length - first.bar_quarters) < 1e-3
        return first.bar_quarters if is_one_bar and first.bar_quarters < second.bar_quarters else 0.0

    def transpose(self, semitones: int) -> Score:
        """Move every pitched part by ``semitones``.

        Raises:
            OrchestrionError: a note would leave MIDI's 0 to 127; the sentence names it.
        """
        pitches = {note.pitch for note in self.notes}
        for pitch in sorted(pitches):
            if not 0 <= pitch + semitones <= 127:
                raise OrchestrionError(
                    f"Transposing by {semitones:+d} semitones would take {pitch_name(pitch)} (pitch {pitch}) to "
                    f"{pitch + semitones}, outside MIDI's 0 to 127; transpose by less."
                )
        return self._map_notes(lambda note: replace(note, pitch=note.pitch + semitones), drums=False)

    def scale_tempo(self, factor: float) -> Score:
        """Play ``factor`` times as fast (2.0: twice the tempo, half the seconds).

        Raises:
            OrchestrionError: the factor is not positive and finite, or a tempo or the length leaves its range.
        """
        if not 0.0 < factor < float("inf"):
            raise OrchestrionError(f"Cannot play {factor} times as fast; give a number above 0, such as 0.5 or 2.")
        return replace(
            self._map_notes(lambda n: Note(n.onset_s / factor, n.offset_s / factor, n.pitch, n.velocity)),
            tempos=tuple(Tempo(tempo.time_s / factor, tempo.bpm * factor) for tempo in self.tempos),
            meters=tuple(replace(meter, time_s=meter.time_s / factor) for meter in self.meters),
        )

    def crop(self, start_s: float = 0.0, end_s: float | None = None) -> Score:
        """Keep what sounds in [start_s, end_s), which then begins at 0 s.

        A note held across an edge is cut there (one held across the start is struck anew at 0 s), unless less than a
        millisecond of it would be left. Tempo and meter in force at ``start_s`` move to 0 s; a bar begins there.

        Raises:
            OrchestrionError: the interval is empty or begins before 0 s.
        """
        end = float("inf") if end_s is None else end_s
        if not 0.0 <= start_s < end:
            raise OrchestrionError(f"Cannot cut from {start_s} s to {end_s} s; the end must come after the start.")
        parts = tuple(replace(part, notes=_crop_notes(part.notes, start_s, end)) for part in self.parts)
        return replace(
            self,
            parts=parts,
            tempos=_crop_changes(self.tempos, start_s, end),
            meters=_crop_changes(self.meters, start_s, end),
        )

    def select(self, part: int | str) -> Score:
        """Keep one part, given by its index from 0 or its name (case does not matter; ``"2"`` is taken as an index).

        Parts that share a name (an instrument whose programs are far apart) are kept together.

        Raises:
            OrchestrionError: no such part; the sentence lists those there are.
        """
        return replace(self, parts=tuple(self.parts[index] for index in self.part_indices(part)))

    def with_drums_removed(self) -> Score:
        """The score without its percussion parts."""
        return replace(self, parts=tuple(part for part in self.parts if not part.is_drum))

    def _all_notes(self) -> Iterable[Note]:
        return chain.from_iterable(part.notes for part in self.parts)

    def _map_notes(self, change: Callable[[Note], Note], *, drums: bool = True) -> Score:
        def changed(part: Part) -> Part:
            return part if part.is_drum and not drums else replace(part, notes=tuple(map(change, part.notes)))

        return replace(self, parts=tuple(map(changed, self.parts)))

    def part_indices(self, part: int | str) -> list[int]:
        """Indices of the parts that `select` keeps.

        Raises:
            OrchestrionError: no such part; the sentence lists those there are.
        """
        names = [candidate.name for candidate in self.parts]
        if isinstance(part, str):
            exact = [index for index, name in enumerate(names) if name == part]
            folded = [index for index, name in enumerate(names) if name.casefold() == part.casefold()]
            if exact or folded:
                return exact or folded
        index = int(part) if isinstance(part, int) or (part.isascii() and part.isdigit()) else -1
        if 0 <= index < len(names):
            return [index]
        known = ", ".join(f"{i} {name!r}" for i, name in enumerate(names[:20])) or "none"
        raise OrchestrionError(f"There is no part {part!r}; this score has: {known}.")


def _from_zero(changes: Iterable[Change], default: Change) -> tuple[Change, ...]:
    """Sorted by time, the last of those at one time, beginning at 0 s, without repetitions of what is in force."""
    latest = {change.time_s: change for change in sorted(changes, key=lambda change: change.time_s)}
    ordered = list(latest.values())
    if not ordered or ordered[0].time_s > 0.0:
        ordered.insert(0, default)
    kept = ordered[:1]
    for change in ordered[1:]:
        if replace(change, time_s=kept[-1].time_s) != kept[-1]:
            kept.append(change)
    return tuple(kept)


def _crop_notes(notes: Iterable[Note], start_s: float, end_s: float) -> tuple[Note, ...]:
    cut = []
    for note in notes:
        onset_s, offset_s = max(note.onset_s, start_s), min(note.offset_s, end_s)
        # The shift can swallow what is left of a note that is shorter than the rounding of its time.
        shifted_s = onset_s - start_s, offset_s - start_s
        if offset_s - onset_s >= min(SLIVER_S, note.duration_s) and shifted_s[0] < shifted_s[1]:
            cut.append(Note(*shifted_s, note.pitch, note.velocity))
    return tuple(cut)


def _crop_changes(changes: tuple[Change, ...], start_s: float, end_s: float) -> tuple[Change, ...]:
    in_force = max((change for change in changes if change.time_s <= start_s), key=lambda change: change.time_s)
    cut = [replace(in_force, time_s=0.0)]
    for change in changes:
        if start_s < change.time_s < end_s:
            cut.append(replace(change, time_s=change.time_s - start_s))
    return tuple(cut)
