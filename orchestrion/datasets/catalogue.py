"""The catalogue of data sets: lists them, and opens a set of recordings by its name or folder."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import numpy as np

from orchestrion.cachefolder import used
from orchestrion.datasets.banks.instruments import soundfont_instrument
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.splits import SPLITS
from orchestrion.datasets.records import OTHERS, RECORDINGS, SOUNDFONT, DataSource, made_sources
from orchestrion.errors import OrchestrionError
from orchestrion.files import lock, make_folder
from orchestrion.keptfolder import kept_folder


def sources() -> tuple[DataSource, ...]:
    """Everything that is known, instruments of the SoundFont first."""
    return made_sources() + RECORDINGS + OTHERS


def source(name: str) -> DataSource:
    """The record of ``name``.

    Raises:
        OrchestrionError: nothing is known under that name.
    """
    for record in sources():
        if name in (record.name, *record.name.split(", ")):
            return record
    close = difflib.get_close_matches(name, [record.name for record in sources()], 1)
    hint = f"; did you mean {close[0]!r}?" if close else "; `orchestrion data list` names them all."
    raise OrchestrionError(f"There is no data set {name!r}{hint}")


def open_recordings(
    name: str | os.PathLike[str],
    *,
    minutes: float | None = None,
    seed: int = 0,
    soundfont_path: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    labels: str | os.PathLike[str] | None = None,
    sample_rate: int = 16000,
    hop: int = 64,
) -> AlignedSet:
    """A folder in the shared notes format, or ``soundfont:NAME``, which is made in the cache unless it is there.

    Args:
        minutes, seed, soundfont_path: see `soundfont.make`.
        cache_dir: for sets made on demand and decoded audio; the user's cache folder by default.
        labels, sample_rate, hop: see `AlignedSet.open`.

    Raises:
        OrchestrionError: see `AlignedSet.open` and `soundfont.make`.
    """
    root = None if cache_dir is None else Path(cache_dir)
    text = os.fspath(name)
    folder = Path(text)
    if text.startswith(SOUNDFONT):
        made = kept_folder("soundfont") if root is None else root / "soundfont"
        folder = _made(text.removeprefix(SOUNDFONT), minutes, seed, soundfont_path, made)
    return AlignedSet.open(folder, cache_dir=None if root is None else root / "audio", labels=labels, sample_rate=sample_rate, hop=hop)


def summary(recordings: AlignedSet) -> dict[str, object]:
    """Figures of a set: minutes and pieces a split, notes, lowest and highest pitch, peak and RMS level."""
    n_notes, lowest, highest, peak, energy = 0, 128, -1, 0.0, 0.0
    for piece in recordings.pieces:
        # One piece at a time: the notes of a large set would fill the memory.
        pitches = [note.pitch for note in piece.notes]
        n_notes += len(pitches)
        lowest, highest = min([lowest, *pitches]), max([highest, *pitches])
        loudest, squares = _levels(piece)
        peak, energy = max(peak, loudest), energy + squares
    samples = sum(piece.n_samples for piece in recordings.pieces)
    return {
        "name": recordings.name,
        "licence": recordings.information.get("licence", "unknown"),
        "minutes": {split: round(_minutes(recordings.split(split)), 2) for split in SPLITS},
        "pieces": {split: len(recordings.split(split)) for split in SPLITS},
        "notes": n_notes,
        "lowest_pitch": lowest if n_notes else None,
        "highest_pitch": highest if n_notes else None,
        "peak": round(peak, 4),
        "rms": round(float(np.sqrt(energy / max(samples, 1))), 4),
    }


def _minutes(pieces: tuple[AlignedPiece, ...]) -> float:
    return sum(piece.duration_s for piece in pieces) / 60.0


def _levels(piece: AlignedPiece) -> tuple[float, float]:
    """Peak and summed squares."""
    samples = piece.samples()
    return float(np.abs(samples).max()), float(np.square(samples, dtype=np.float64).sum())


def _made(
    name: str, minutes: float | None, seed: int, soundfont_path: str | os.PathLike[str] | None, root: Path
) -> Path:
    from orchestrion.datasets.banks import soundfont

    length = soundfont_instrument(name).minutes if minutes is None else minutes
    bank = "" if soundfont_path is None else f"-{Path(soundfont_path).stem}"
    folder = root / f"{name}{bank}-{length:g}min-seed{seed}"
    if not folder.exists():
        make_folder(folder.parent)
        # Several processes of one training ask for the same set at once: one makes it, the others wait for it.
        with lock(folder.with_name(f".{folder.name}.lock")):
            if not folder.exists():
                soundfont.make(name, folder, length, seed, soundfont_path)
    return used(folder)
