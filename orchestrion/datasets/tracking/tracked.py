"""A set of recordings as it was tracked: its tables and its pieces, kept in the user's cache.

Following is a matter of minutes for an hour of music; the same recordings, notes and code need not be followed twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from orchestrion import weights
from orchestrion.bridge.source import HarmonicSource
from orchestrion.cachefolder import cache_root, used
from orchestrion.codedigest import APART, code_digest
from orchestrion.datasets.banks.fitting import vibrato_of
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.datasets.recordings.rawaudio import RawAudio, open_raw, write_raw
from orchestrion.datasets.tracking import tracker
from orchestrion.datasets.tracking.contours import contour_cents
from orchestrion.datasets.tracking.pieces import TrackedPiece
from orchestrion.datasets.tracking.residue import NoiseTable
from orchestrion.datasets.tracking.ringing import KNOT, Ringing, ringing
from orchestrion.datasets.tracking.sourcetables import source_of
from orchestrion.datasets.tracking.tracker import (
    Followed,
    Model,
    Section,
    explained_db,
    follow,
    noise_powers,
    sections,
    survey_of,
    surveyed,
    tuned,
)
from orchestrion.errors import OrchestrionError
from orchestrion.files import lock, make_folder
from orchestrion.progress import Advance, progress

ARCHITECTURE = "tracked-recordings"
TABLES = "tables.safetensors"
SOURCE, POWERS = "source.", "powers."
MOST_HOURS = 10.0
NOISE_S, MEASURED_S = 600.0, 120.0
MOST_CONTOURS, CONTOUR_KNOTS = 1000, 100
PITCHES_S = 0.1  # what listening to a pitch costs, in seconds of audio that are followed meanwhile


@dataclass(frozen=True, eq=False)
class TrackedSet:
    """What recordings tell of an instrument.

    Attributes:
        source: its tables.
        train, validation: its pieces.
        figures: what the source explains of the held-out pieces, in dB: ``partials_explain_db`` as followed, ``source_explains_db`` as trained
            on, ``table_explains_db`` by the tables' amplitudes along the recordings' phases.
    """

    name: str
    source: HarmonicSource
    train: tuple[TrackedPiece, ...]
    validation: tuple[TrackedPiece, ...]
    figures: Mapping[str, float]


def tracked(
    name: str, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], *, stretched: bool | None = None, sustained: bool | None = None,
    threads: int | None = None, cache_dir: Path | None = None,
) -> TrackedSet:
    """Follow all pieces, or take them from the cache.

    Args:
        stretched: whether the partials are those of a piano's strings; None to hear it.
        sustained: whether notes are bowed or blown, so that each has a pitch contour of its own; None to hear it.

    Raises:
        OrchestrionError: no notes, more than ten hours, or the cache cannot be written.
    """
    pieces = [*train, *validation]
    hours = sum(piece.duration_s for piece in pieces) / 3600
    if hours > MOST_HOURS:
        raise OrchestrionError(f"{name} holds {hours:.0f} hours of recordings; at most {MOST_HOURS:g} can be followed. Take some of its pieces.")
    root = cache_root() / "tracked" if cache_dir is None else cache_dir
    folder = used(make_folder(root / _key(train, validation, (stretched, sustained))))
    with lock(folder / ".lock"):
        if (folder / TABLES).exists():
            try:
                return _read(folder, name, train, validation)
            except OrchestrionError:
                (folder / TABLES).unlink(missing_ok=True)  # damaged: followed anew
        _track(folder, name, train, validation, stretched, sustained, threads)
    return _read(folder, name, train, validation)


def _track(
    folder: Path, name: str, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], stretched: bool | None, sustained: bool | None,
    threads: int | None,
) -> None:  # fmt: skip
    tables, powers, figures = _tables(folder, name, train, validation, stretched, sustained, threads)
    weights.save(folder / TABLES, _arrays(tables, powers), {"architecture": ARCHITECTURE, "figures": figures})


def _arrays(tables: HarmonicSource, powers: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {SOURCE + key: table for key, table in tables.tensors().items()} | {f"{POWERS}{i}": p for i, p in enumerate(powers)}


def _tables(
    folder: Path, name: str, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], stretched: bool | None, sustained: bool | None,
    threads: int | None,
) -> tuple[HarmonicSource, list[np.ndarray], dict[str, float]]:  # fmt: skip
    """The tables, every piece's noise powers and the figures; the pieces' sources go into ``folder``."""
    pieces = [*train, *validation]
    seconds = sum(piece.duration_s for piece in pieces)
    total = 128 * PITCHES_S + 2 * min(tracker.SURVEY_S, seconds) + seconds + min(MEASURED_S, seconds)
    with progress(total, f"Following the partials of {name}") as advance:
        tuning, held = tuned(train, stretched=stretched, sustained=sustained, advance=lambda n=1: advance(n * PITCHES_S))
        model = surveyed(train, tuning, sustained=held, threads=threads, advance=advance)
        finished, phases, powers, contours = _follow_all(folder, train, validation, model, threads, advance)
        figures = _measured(validation or train, finished, model, advance)
    rate = pieces[0].sample_rate
    tables = source_of(finished, finished.levels, _noise(train, powers, finished, rate), phases, rate, vibrato_of(contours, rate / KNOT, from_s=0.2, least_s=0.6))
    return tables, powers, figures


def _follow_all(
    folder: Path, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], model: Model, threads: int | None, advance: Advance
) -> tuple[Model, np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Every piece's source into ``folder``; the model with all that was heard, the attacks' phases, the noise's powers, and long notes' contours."""
    powers: list[np.ndarray] = []
    contours: list[np.ndarray] = []
    total = None
    for number, piece in enumerate([*train, *validation]):
        signal = np.zeros(piece.n_samples, np.float32)
        noise: dict[int, np.ndarray] = {}
        guard = threading.Lock()

        def keep(followed: Followed, signal: np.ndarray = signal, noise: dict[int, np.ndarray] = noise, guard: threading.Lock = guard) -> None:
            made, found = followed.source(), noise_powers(followed)
            with guard:
                signal[followed.section.start : followed.section.stop] = made
                noise[followed.section.start] = found
                if model.sustained and len(contours) < MOST_CONTOURS:
                    contours.extend(_long_contours(followed.notes))

        survey = survey_of(list(sections(piece)), model, threads=threads, advance=advance, then=keep)
        if number < len(train):
            total = survey if total is None else total
            if total is not survey:
                total.merge(survey)
        write_raw(folder / f"{number}.npy", [np.clip(signal, -1.0, 1.0)])
        mean_square = np.concatenate([noise[start] for start in sorted(noise)])
        powers.append((10 * np.log10(np.maximum(mean_square, 1e-12))).astype(np.float16))
    assert total is not None
    return dataclasses.replace(model, levels=total.levels()), total.phases, powers, contours


def _long_contours(notes: Ringing) -> list[np.ndarray]:
    """The contours of notes that are held for a second or so."""
    long = np.flatnonzero(notes.offset - notes.onset > CONTOUR_KNOTS * KNOT)
    return [contour_cents(notes, int(i)) for i in long]


def _noise(train: Sequence[AlignedPiece], powers: Sequence[np.ndarray], model: Model, rate: int) -> NoiseTable:
    """The noise table, fitted to some minutes."""
    slope = float(np.average(model.levels.slope_db[:, 2], weights=model.levels.heard + 1e-6))
    table, heard, seconds = NoiseTable(slope, model.levels.release_db_s), [], 0.0
    for piece, power in zip(train, powers, strict=False):
        if seconds > NOISE_S:
            break
        notes = _bare(piece, model)
        heard.append((notes, 10 ** (power[::2].astype(np.float64) / 10)))
        seconds += piece.duration_s
    table.fit(heard, rate)
    return table


def _bare(piece: AlignedPiece, model: Model) -> Ringing:
    """The notes of a piece with one partial each: for what asks only when they sound."""
    return ringing(piece.series.notes, piece.hop, piece.n_samples, piece.sample_rate, model.tuning, highest_hz=model.highest_hz, most_partials=1)


def _measured(pieces: Sequence[AlignedPiece], finished: Model, model: Model, advance: Advance) -> dict[str, float]:
    """See `TrackedSet.figures`: medians over sections."""
    found = []
    for section in _some(pieces):
        followed = follow(section, model)
        x = followed.samples[followed.own]
        left = x - followed.rest[followed.own]
        found.append([explained_db(x, made) for made in (left, followed.source(), followed.source(finished.levels))])
        advance(section.seconds)
    fine, own, table = np.median(np.array(found), axis=0)
    return {"partials_explain_db": round(float(fine), 2), "source_explains_db": round(float(own), 2), "table_explains_db": round(float(table), 2)}


def _some(pieces: Sequence[AlignedPiece]) -> list[Section]:
    chosen: list[Section] = []
    seconds = 0.0
    for section in (s for piece in pieces for s in sections(piece, 20.0)):
        if seconds + section.seconds <= MEASURED_S or not chosen:
            chosen.append(section)
            seconds += section.seconds
    return chosen


def _read(folder: Path, name: str, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece]) -> TrackedSet:
    arrays, facts = weights.load_arrays(folder / TABLES, architecture=ARCHITECTURE)
    tables = HarmonicSource.from_tensors({key.removeprefix(SOURCE): table for key, table in arrays.items() if key.startswith(SOURCE)})
    pieces = []
    for number, piece in enumerate([*train, *validation]):
        audio: RawAudio = open_raw(folder / f"{number}.npy")
        powers = arrays.get(f"{POWERS}{number}")
        if powers is None or audio.n_samples != piece.n_samples:
            raise OrchestrionError(f"{folder} is damaged.")
        pieces.append(TrackedPiece(name, piece, audio, powers))
    figures = facts.get("figures")
    return TrackedSet(name, tables, tuple(pieces[: len(train)]), tuple(pieces[len(train) :]), figures if isinstance(figures, dict) else {})


def _key(train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], heard_as: tuple[bool | None, bool | None]) -> str:
    """Of what the tables and the sources of pieces depend on: audio, notes, and the code that follows them; not of what anything is called."""
    digest = hashlib.sha256(code_digest(_tables, _arrays, _read, apart=APART | {"weights", "datasets.recordings.notesfile"}).encode())
    digest.update(repr((heard_as, len(train))).encode())
    for piece in [*train, *validation]:
        digest.update(repr((piece.sample_rate, piece.hop, piece.audio.checksum(), piece.notes)).encode())
    return digest.hexdigest()[:24]
