"""Fits of single notes, kept in the user's cache: the same recording, fitted by the same code, need not be fitted twice.

Each note has a file of its own, named by what its fit depends on and by nothing else: a bank that gets another note, another name or
another licence keeps what it has, and what was fitted before a run was stopped is there in the next.
"""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from orchestrion import weights
from orchestrion.cachefolder import used
from orchestrion.codedigest import APART, code_digest
from orchestrion.datasets.banks.fitting import FittedNote, fit_note
from orchestrion.datasets.banks.mixing import FittedBank, has_tones_aside
from orchestrion.datasets.banks.notebank import NoteBank
from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder
from orchestrion.keptfolder import kept_folder

ARCHITECTURE = "fitted-note"


def fitted(bank: NoteBank, *, threads: int | None = None, cache_dir: Path | None = None) -> FittedBank:
    """``bank`` with the fits of its notes, from the cache where they lie there whole; a cache that cannot be written costs one line."""
    try:
        folder = kept_folder("fits") if cache_dir is None else make_folder(cache_dir)
    except OrchestrionError as error:
        return _unkept(FittedBank.fit(bank, threads=threads), error)
    files = [used(folder / f"{key}.safetensors") for key in _keys(bank)]
    failed: list[OrchestrionError] = []

    def keep(number: int, fit: FittedNote) -> None:
        try:
            if not failed:
                weights.save(files[number], _arrays(fit), {"architecture": ARCHITECTURE})
        except OrchestrionError as error:
            failed.append(error)

    made = FittedBank.fit(bank, threads=threads, known=[_read(file) for file in files], then=keep)
    return _unkept(made, failed[0]) if failed else made


def _unkept(made: FittedBank, error: OrchestrionError) -> FittedBank:
    warnings.warn(f"The notes of {made.bank.name} will be fitted anew next time. {error}", stacklevel=1)
    return made


def _keys(bank: NoteBank) -> Iterator[str]:
    """Of each note: what `fit_note` is given, its code, and how fits are stored."""
    code = code_digest(fit_note, _arrays, _read, apart=APART | {"weights"})
    for note in bank.notes:
        given = (note.pitch, bank.sample_rate, bank.sustained, bank.stretched, has_tones_aside(bank), str(note.samples.dtype))
        yield hashlib.sha256(f"{code} {given} ".encode() + note.samples.tobytes()).hexdigest()[:24]


def _arrays(fit: FittedNote) -> dict[str, np.ndarray]:
    return {field.name: np.asarray(getattr(fit, field.name)) for field in dataclasses.fields(fit)}


def _read(file: Path) -> FittedNote | None:
    """None of what is not there, or damaged."""
    try:
        arrays, _ = weights.load_arrays(file, architecture=ARCHITECTURE)
    except OrchestrionError:
        return None
    if arrays.keys() != {field.name for field in dataclasses.fields(FittedNote)}:
        return None
    return FittedNote(**{name: float(array) if array.ndim == 0 else array for name, array in arrays.items()})  # type: ignore[arg-type]
