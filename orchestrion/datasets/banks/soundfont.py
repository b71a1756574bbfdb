"""Training audio made on demand from a SoundFont: ``soundfont:violin`` and the others of `instruments`.

A set is a plain folder of recordings with notes (`aligned`). One factor sets the level of the whole set, so that a
velocity is equally loud in all pieces; dataset.json records it as ``level``. For Debian's SoundFont the factor is fixed
for each instrument, so that sets of other seeds and lengths are equally loud.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.banks import fluidprocess, fluidsynth
from orchestrion.datasets.banks.exercises import FRAMES_PER_SECOND
from orchestrion.datasets.banks.instruments import soundfont_instrument
from orchestrion.datasets.banks.repertoire import PlannedPiece, opening, plan
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.datasets.recordings.notesfile import write_notes
from orchestrion.datasets.recordings.preparation import check_new
from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder, sha256, write_json
from orchestrion.progress import Advance
from orchestrion.progress import progress as progress_bar
from orchestrion.score import Note

LOUD_PEAK = 0.7
"""Peak of the loudest twentieth of the pieces; none may pass `HIGHEST_PEAK`."""
HIGHEST_PEAK = 0.98
LOUD_SHARE = 0.95
MOST_MINUTES = 1440.0
FLUIDR3_SHA256 = "74594e8f4250680adf590507a306655a299935343583256f3b722c48a1bc1cb0"
"""FluidR3_GM.sf2 of Debian's fluid-soundfont-gm."""
LICENCES = {FLUIDR3_SHA256: ("MIT", "FluidR3 GM, Frank Wen and others")}


def make(
    name: str,
    out_dir: str | os.PathLike[str],
    minutes: float | None = None,
    seed: int = 0,
    soundfont_path: str | os.PathLike[str] | None = None,
    progress: Advance | None = None,
) -> Path:
    """Make the set of instrument ``name`` in the new folder ``out_dir``; same seed, same set.

    Pieces are made in a hidden folder beside it, which is renamed at the end; stopped half-way, the next call with the
    same arguments goes on from there.

    Args:
        minutes: of audio; None for what suits the instrument.
        progress: called with the seconds of audio made; None for a bar on standard error.

    Raises:
        OrchestrionError: unknown instrument, the folder exists, FluidSynth or the SoundFont is missing or fails.
    """
    instrument, bank, target = soundfont_instrument(name), fluidsynth.soundfont(soundfont_path), Path(out_dir)
    check_new(target)
    minutes = instrument.minutes if minutes is None else minutes
    if not 0 < minutes <= MOST_MINUTES:
        raise OrchestrionError(
            f"A set of {minutes:g} minutes is impossible; give more than 0, at most {MOST_MINUTES:g}."
        )
    version, digest = fluidprocess.version(), sha256(bank)
    pieces = plan(instrument, minutes, seed, *tunes())
    identity = f"{name} {seed} {digest} {version} {[piece.notes for piece in pieces]}"
    work = target.with_name(f".{target.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}")
    make_folder(work / "raw")
    peaks = _play_all(pieces, instrument.program, bank, work, progress)
    level = _level(peaks, instrument.level if digest == FLUIDR3_SHA256 else None)
    for piece in pieces:
        _finish(piece, work, level)
    licence, attribution = LICENCES.get(digest, ("see the SoundFont", bank.name))
    information: dict[str, object] = {
        "name": name,
        "licence": licence,
        "attribution": attribution,
        "source": f"soundfont:{name}",
    }
    information |= {"program": instrument.program, "level": level, "seed": seed, "minutes": round(_minutes(pieces), 2)}
    _complete(work, target, pieces, information | {"soundfont_sha256": digest, "synthesiser": version})
    return target


def builtin_openings() -> list[tuple[int, ...]]:
    """How the built-in tunes begin."""
    from orchestrion.score import BUILTIN_TUNES

    return [opening([note.pitch for note in tune.notes]) for tune in BUILTIN_TUNES.values()]


@lru_cache(maxsize=1)
def tunes() -> tuple[list[CorpusPiece], list[CorpusPiece], list[tuple[int, ...]]]:
    """Melodies, chorales, and the openings of tunes that are kept out."""
    from orchestrion.datasets.corpora.loading import load_corpus

    return load_corpus("melodies", "all"), load_corpus("chorales", "all"), builtin_openings()


def _play_all(
    pieces: Sequence[PlannedPiece], program: int, bank: Path, work: Path, progress: Advance | None
) -> list[float]:
    """Synthesise every piece that is not there yet, unscaled; the peak of each."""
    with progress_bar(_minutes(pieces) * 60.0, "Playing") as bar:
        peaks = []
        for piece in pieces:
            raw = _raw(work, piece)
            if not raw.exists():
                _write_raw(raw, fluidsynth.synthesise_table(piece.table, piece.n_frames, program, bank))
            peaks.append(float(np.abs(np.fromfile(raw, dtype="<f4")).max()))
            (progress or bar)(piece.n_frames / FRAMES_PER_SECOND)
    return peaks


def _level(peaks: Sequence[float], fixed: float | None) -> float:
    loudest = max(peaks)
    if not loudest > 0.0:
        raise OrchestrionError("FluidSynth played silence only; the SoundFont lacks this instrument.")
    level = LOUD_PEAK / np.quantile(peaks, LOUD_SHARE) if fixed is None else fixed
    return float(min(level, HIGHEST_PEAK / loudest))


def _finish(piece: PlannedPiece, work: Path, level: float) -> None:
    samples = np.fromfile(_raw(work, piece), dtype="<f4") * np.float32(level)
    Waveform(samples, fluidsynth.SAMPLE_RATE, {"title": piece.name}).write(work / f"{piece.name}.flac")
    table, rate = piece.table, FRAMES_PER_SECOND
    rows = zip(table.onset_frame, table.offset_frame, table.pitch, table.velocity, strict=True)
    write_notes(work / f"{piece.name}.tsv", [Note(on / rate, off / rate, int(p), int(v)) for on, off, p, v in rows])


def _complete(work: Path, target: Path, pieces: Sequence[PlannedPiece], information: Mapping[str, object]) -> None:
    validation = [piece.name for piece in pieces if piece.validation]
    train = [piece.name for piece in pieces if not piece.validation]
    write_json(work / "splits.json", {"train": train, "validation": validation})
    write_json(work / "dataset.json", information)
    try:
        shutil.rmtree(work / "raw")
        work.rename(target)
    except OSError as error:
        raise OrchestrionError(f"Cannot complete {target}: {error.strerror or error}.") from error


def _raw(work: Path, piece: PlannedPiece) -> Path:
    return work / "raw" / f"{piece.name}.f32"


def _write_raw(path: Path, samples: np.ndarray) -> None:
    temporary = path.with_suffix(".part")
    samples.astype("<f4").tofile(temporary)
    temporary.rename(path)


def _minutes(pieces: Sequence[PlannedPiece]) -> float:
    return sum(piece.n_frames for piece in pieces) / FRAMES_PER_SECOND / 60.0
