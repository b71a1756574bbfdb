"""Fits of banks, kept in the user's cache: the same notes and the same fitting code need not be fitted twice."""

from __future__ import annotations

import hashlib
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from orchestrion import weights
from orchestrion.compiled import fingerprint
from orchestrion.datasets.banks import fitting
from orchestrion.datasets.banks.fitting import FittedNote
from orchestrion.datasets.banks.mixing import FittedBank
from orchestrion.datasets.banks.notebank import NoteBank
from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder
from orchestrion.keptfolder import kept_folder

ARCHITECTURE = "fitted-bank"


def fitted(bank: NoteBank, *, threads: int | None = None, cache_dir: Path | None = None) -> FittedBank:
    """``bank`` with the fits of its notes, from the cache where they lie there whole; a cache that cannot be written costs one line."""
    name = f"{_key(bank)}.safetensors"
    try:
        folder = kept_folder("fits") if cache_dir is None else make_folder(cache_dir)
        with suppress(OrchestrionError):  # damaged, or not there: fitted now
            return FittedBank(bank, _read(folder / name, bank))
    except OrchestrionError as error:
        return _unkept(FittedBank.fit(bank, threads=threads), error)
    made = FittedBank.fit(bank, threads=threads)
    try:
        weights.save(folder / name, _tensors(made), {"architecture": ARCHITECTURE})
    except OrchestrionError as error:
        return _unkept(made, error)
    return made


def _unkept(made: FittedBank, error: OrchestrionError) -> FittedBank:
    warnings.warn(f"The notes of {made.bank.name} will be fitted anew next time. {error}", stacklevel=1)
    return made


def _key(bank: NoteBank) -> str:
    digest = hashlib.sha256(fingerprint(Path(fitting.__file__)).encode())
    digest.update(repr((bank.sample_rate, bank.sustained, bank.stretched)).encode())
    for note in bank.notes:
        digest.update(repr((note.pitch, note.velocity_low, note.velocity_high)).encode() + note.samples.tobytes())
    return digest.hexdigest()[:24]


def _tensors(made: FittedBank) -> dict[str, torch.Tensor]:
    fits = made.fits
    return {
        "numbers": torch.tensor(
            [[f.f1_hz, f.inharmonicity, len(f.phase), len(f.contour_cents), f.modulation_db.shape[1], f.noise_modulation_db.shape[1]] for f in fits], dtype=torch.float64
        ),
        "ratios": torch.from_numpy(np.concatenate([f.ratios for f in fits])),
        "level_db": torch.from_numpy(np.concatenate([f.level_db for f in fits])),
        "noise_db": torch.from_numpy(np.stack([f.noise_db for f in fits])),
        "phase": torch.from_numpy(np.concatenate([f.phase for f in fits])),
        "contour_cents": torch.from_numpy(np.concatenate([f.contour_cents for f in fits])),
        "source": torch.from_numpy(np.concatenate([f.source for f in fits])),
        "noise_shape_db": torch.from_numpy(np.stack([f.noise_shape_db for f in fits])),
        "modulation_db": torch.from_numpy(np.concatenate([f.modulation_db for f in fits], 1)),
        "modulation_share": torch.from_numpy(np.concatenate([f.modulation_share for f in fits])),
        "noise_modulation_db": torch.from_numpy(np.concatenate([f.noise_modulation_db for f in fits], 1)),
        "noise_modulation_share": torch.from_numpy(np.stack([f.noise_modulation_share for f in fits])),
    }


def _read(path: Path, bank: NoteBank) -> tuple[FittedNote, ...]:
    tensors, _ = weights.load(path, architecture=ARCHITECTURE)
    t = {name: tensor.numpy() for name, tensor in tensors.items()}
    partials, contours, samples, moves, noises, fits = 0, 0, 0, 0, 0, []
    for i, note in enumerate(bank.notes):
        f1, b, k, m, moved, noise_moved = t["numbers"][i]
        here, along, n = slice(partials, partials + int(k)), slice(contours, contours + int(m)), len(note.samples)
        fits.append(FittedNote(
            float(f1), float(b), t["ratios"][here], t["level_db"][here], t["noise_db"][i], t["phase"][here], t["contour_cents"][along], t["source"][samples : samples + n],
            t["noise_shape_db"][i], t["modulation_db"][:, moves : moves + int(moved)], t["modulation_share"][here],
            t["noise_modulation_db"][:, noises : noises + int(noise_moved)], t["noise_modulation_share"][i],
        ))  # fmt: skip
        partials, contours, samples, moves, noises = here.stop, along.stop, samples + n, moves + int(moved), noises + int(noise_moved)
    return tuple(fits)
