"""What MusicNet's metadata says of its recordings, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from orchestrion.datasets.recordings.tracks import UNKNOWN_VELOCITY, Selection, Track, note
from orchestrion.datasets.untrusted.textfiles import read_csv
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note

RATE = 44100
"""Of the audio, and of the labels' times."""
METADATA = ("id", "composer", "composition", "movement", "ensemble", "source", "transcriber", "catalog_name", "seconds")
INSTRUMENTS = {
    1: "piano", 7: "harpsichord", 41: "violin", 42: "viola", 43: "cello", 44: "contrabass", 61: "horn",
    69: "oboe", 71: "bassoon", 72: "clarinet", 74: "flute",
}  # fmt: skip


def metadata(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of ``musicnet_metadata.csv`` in ``folder`` or above it by id; empty without one."""
    for path in (folder / "musicnet_metadata.csv", folder.parent / "musicnet_metadata.csv"):
        if path.exists():
            return {row["id"]: row for row in read_csv(path, METADATA)}
    return {}


@dataclass(frozen=True)
class Index:
    """The metadata by id, and what is asked for; ``code`` is MusicNet's number of the instrument asked for."""

    rows: Mapping[str, Mapping[str, str]]
    selection: Selection
    code: int | None

    @classmethod
    def of(cls, folder: Path, selection: Selection) -> Index:
        """The index of the archive in ``folder``.

        Raises:
            OrchestrionError: MusicNet has no such instrument or ensemble, or there is no metadata to tell ensembles by.
        """
        rows, ensemble = metadata(folder), selection.ensemble
        names = sorted({row["ensemble"] for row in rows.values()})
        if ensemble is not None and not rows:
            raise OrchestrionError("An ensemble can only be told with musicnet_metadata.csv; put it beside the folders.")
        if ensemble is not None and ensemble.casefold() not in {name.casefold() for name in names}:
            raise OrchestrionError(f"MusicNet has no ensemble {ensemble!r}; it has {', '.join(names)}.")
        return cls(rows, selection, None if selection.instrument is None else instrument_code(selection.instrument))

    def takes(self, identity: str, codes: Callable[[], Iterable[int]]) -> bool:
        """Whether a recording is wanted; ``codes`` reads the instruments that play in it, and is only called if needed."""
        row, wanted = self.rows.get(identity, {}), self.selection
        if wanted.ensemble is not None and row.get("ensemble", "").casefold() != wanted.ensemble.casefold():
            return False
        if (wanted.work or "").casefold() not in " ".join(row.values()).casefold():
            return False
        if self.code is None:
            return True
        found = set(codes())
        return found == {self.code} if wanted.ensemble is None else self.code in found

    def note(self, start: float, end: float, instrument: int, pitch: float, path: Path, line: int) -> list[Note]:
        """The note of a label in samples, unless another instrument is asked for."""
        if self.code not in (None, instrument):
            return []
        return [note(start / RATE, end / RATE, pitch, UNKNOWN_VELOCITY, path, line)]

    def track(
        self,
        identity: str,
        labels: Path,
        notes: Callable[[], Iterable[Note]],
        *,
        is_test: bool,
        audio: Path | None = None,
        extract: Callable[[Path], AbstractContextManager[Path]] | None = None,
    ) -> Track:
        """A recording as a track; a work is one movement, and other performances of it count as the same."""
        row = self.rows.get(identity, {})
        about = {name: row[name] for name in ("composer", "composition", "movement", "ensemble", "source") if name in row}
        about |= {} if self.code is None else {"instrument": INSTRUMENTS[self.code]}
        # Schubert wrote two "Piano Sonata in A major"; the catalogue's number tells them apart.
        named = f"{row['composer']} {row['catalog_name']}: {row['composition']}: {row['movement']}" if row else identity
        split = "test" if is_test else None
        return Track(f"musicnet_{identity}", audio, (labels,), notes, named, split, extract=extract, about=about)


def instrument_code(instrument: str) -> int:
    """MusicNet's number of an instrument given by number or name.

    Raises:
        OrchestrionError: it has no such instrument.
    """
    for code, name in INSTRUMENTS.items():
        if instrument.casefold() in (str(code), name):
            return code
    known = ", ".join(f"{name} ({code})" for code, name in INSTRUMENTS.items())
    raise OrchestrionError(f"MusicNet has no instrument {instrument!r}; it has {known}.")
