"""What a file holds: a score, audio or weights, as a dictionary for people and programs.

Levels are in dB below full scale. The key signature is the file's, or else the one whose scale holds most of the sounding
time; the key is minor where the lowest note that ends last is the sixth degree of that scale.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from orchestrion import casting, header, shipped
from orchestrion.errors import OrchestrionError
from orchestrion.score import BUILTIN_TUNES, N_PITCHES, Score, pitch_name
from orchestrion.score.keys import estimated_sharps
from orchestrion.suffixes import AUDIO, SCORES

if TYPE_CHECKING:
    from orchestrion.audio.decoding import Decoder

SILENT_DB = -60.0
FULL_SCALE = 0.999
CLIPPED_RUN = 3  # samples at full scale in a row
FRAME_S = 0.05
BLOCK_FRAMES = 1 << 16
MAX_CHANGES_LISTED = 100
# Tonics as the keys with the fewest accidentals are called.
MAJOR = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")


def describe(source: str | os.PathLike[str]) -> dict[str, object]:
    """What ``source`` holds: a score file or a built-in tune, an audio file, a shipped model or a weights file.

    Returns:
        JSON-able; ``kind`` is "score", "audio" or "weights".

    Raises:
        OrchestrionError: no such file, another kind of file, or one that cannot be read.
    """
    path, suffix = Path(source), Path(source).suffix.lower()
    is_file = os.path.isfile(path)
    if suffix in SCORES or (source in BUILTIN_TUNES and not is_file):
        return _score(source)
    if suffix in AUDIO:
        return _audio(path)
    if suffix == ".safetensors" or (source in shipped.names() and not is_file):
        return {"kind": "weights", "file": str(source), **header.read(shipped.find(str(source)))}
    known = ", ".join([*SCORES, *AUDIO, ".safetensors"])
    raise OrchestrionError(f"{source} is no score, audio or weights: its name must end in {known}.")


def _score(source: str | os.PathLike[str]) -> dict[str, object]:
    from orchestrion.reading.scorefiles import read_file

    is_tune = source in BUILTIN_TUNES and not os.path.isfile(source)
    score, ignored = (BUILTIN_TUNES[str(source)], list[str]()) if is_tune else read_file(Path(source))
    written = None if is_tune else _written_sharps(Path(source))
    ranges = casting.instrument_ranges()
    drums = [part.name or f"part {number}" for number, part in enumerate(score.parts) if part.is_drum and part.notes]
    return {
        "kind": "score",
        "file": str(source),
        "title": score.title,
        "duration_s": round(score.duration_s, 3),
        "notes": len(score.notes),
        "meters": [f"{m.numerator}/{m.denominator}" for m in score.meters[:MAX_CHANGES_LISTED]],
        "pickup_quarters": score.pickup_quarters,
        "key": key_of(score, written),
        "key_is_estimated": written is None,
        "tempos": [round(tempo.bpm, 3) for tempo in score.tempos[:MAX_CHANGES_LISTED]],
        "parts": [_part(score, index, ranges) for index in range(len(score.parts))],
        "left_out": [f"drums ({', '.join(drums)})"] * bool(drums),
        "ignored": ignored,
    }


def _part(score: Score, index: int, ranges: dict[str, tuple[int, int]]) -> dict[str, object]:
    import pretty_midi

    part = score.parts[index]
    pitches = [note.pitch for note in part.notes]
    alone = score.select(index)
    players = [] if part.is_drum else casting.cast(alone, ranges, shipped.DEFAULT_INSTRUMENT)
    return {
        "index": index,
        "name": part.name,
        "program": part.program,
        "instrument": "drums" if part.is_drum else pretty_midi.program_to_instrument_name(part.program),
        "notes": len(pitches),
        "lowest": pitch_name(min(pitches)) if pitches and not part.is_drum else None,
        "highest": pitch_name(max(pitches)) if pitches and not part.is_drum else None,
        "played_by": players[0] if players else None,
    }


def _written_sharps(path: Path) -> int | None:
    from orchestrion.reading.notationfiles import KINDS, read_written

    return read_written(path).sharps if path.suffix.lower() in KINDS else None


def key_of(score: Score, sharps: int | None = None) -> str | None:
    """Such as "G major", of a signature of ``sharps`` or an estimated one; None without pitched notes."""
    if not score.notes:
        return None
    if sharps is None:
        durations = np.zeros(N_PITCHES)
        for note in score.notes:
            durations[note.pitch] += note.duration_s
        sharps = estimated_sharps(durations)
    tonic = sharps * 7 % 12
    end_s = max(note.offset_s for note in score.notes)
    final = min(note.pitch for note in score.notes if note.offset_s > end_s - 1e-3) % 12
    return f"{MINOR[final]} minor" if final == (tonic + 9) % 12 else f"{MAJOR[tonic]} major"


def _audio(path: Path) -> dict[str, object]:
    from orchestrion.audio.decoding import opened

    with opened(path) as handle:
        meter = _Meter(handle)
        while len(block := handle.read_frames(BLOCK_FRAMES)):
            meter.add(block)
        return {
            "kind": "audio",
            "file": str(path),
            "sample_rate": handle.samplerate,
            "channels": handle.channels,
            "format": f"{handle.format} {handle.subtype}",
            **meter.facts(),
        }


class _Meter:
    """Levels, clipping and silence of audio as it comes."""

    def __init__(self, handle: Decoder):
        self._rate = handle.samplerate
        self._frame = max(int(FRAME_S * handle.samplerate), 1)
        self._n, self._peak, self._energy, self._mixed, self._sum = 0, 0.0, 0.0, 0.0, 0.0
        self._run = np.zeros(handle.channels, dtype=np.int64)
        self._clipped, self._not_numbers = 0, 0
        self._rest = np.zeros(0)
        self._loud: list[np.ndarray] = []

    def add(self, block: np.ndarray) -> None:
        """Samples float32 [t, c]."""
        finite = np.isfinite(block)
        self._not_numbers += int((~finite).sum())
        block = np.where(finite, block, 0).astype(np.float64)
        self._n += len(block)
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._energy += float((block**2).mean(axis=1).sum())
        mixed = block.mean(axis=1)
        self._mixed += float((mixed**2).sum())
        self._sum += float(mixed.sum())
        self._count_clipped(np.abs(block) >= FULL_SCALE)
        power = np.concatenate([self._rest, (block**2).mean(axis=1)])
        whole = len(power) // self._frame * self._frame
        self._loud.append(power[:whole].reshape(-1, self._frame).mean(axis=1) > 10 ** (SILENT_DB / 10))
        self._rest = power[whole:]

    def _count_clipped(self, full: np.ndarray) -> None:
        """Runs of at least `CLIPPED_RUN` samples at full scale, across blocks."""
        for channel in range(full.shape[1]):
            marks = np.concatenate([np.ones(self._run[channel], dtype=bool), full[:, channel]])
            ends = np.flatnonzero(~marks)
            starts = np.concatenate([[-1], ends[:-1]]) if len(ends) else np.zeros(0)
            self._clipped += int((ends - starts - 1 >= CLIPPED_RUN).sum())
            self._run[channel] = min(len(marks) - (ends[-1] + 1 if len(ends) else 0), BLOCK_FRAMES)

    def facts(self) -> dict[str, object]:
        """What was found; levels None for digital silence."""
        loud = np.concatenate([*self._loud, np.zeros(0, dtype=bool)]).astype(bool)
        where = np.flatnonzero(loud)
        from orchestrion.audio.mixdown import AUDIBLE, CANCELLED

        clipped = self._clipped + int((self._run >= CLIPPED_RUN).sum())
        power = self._energy / max(self._n, 1)
        return {
            "duration_s": round(self._n / self._rate, 3),
            "peak_db": _db(self._peak**2),
            "level_db": _db(power),
            "clipped": clipped,
            "silent_share": round(1 - float(loud.mean()), 4) if len(loud) else None,
            "silence_before_s": round(float(where[0]) * self._frame / self._rate, 2) if len(where) else None,
            "silence_after_s": round((len(loud) - 1 - float(where[-1])) * self._frame / self._rate, 2) if len(where) else None,
            "offset": round(self._sum / max(self._n, 1), 5),
            "not_numbers": self._not_numbers,
            "channels_cancel": bool(power > AUDIBLE and self._mixed / max(self._n, 1) < CANCELLED * power),
        }


def _db(power: float) -> float | None:
    return round(10 * float(np.log10(power)), 1) if power > 0 else None
