"""A bank of single notes from an SFZ instrument: its samples, each at its own pitch, with the gains that the file gives them.

What is taken: regions struck by a key (not by its release), of the key switch that the file begins with; ``key``, ``lokey``, ``hikey``,
``pitch_keycenter``, ``lovel``, ``hivel``, ``tune``, ``transpose``, ``volume``, ``amplitude``, ``offset``, ``end``, loops,
``amp_veltrack`` and ``ampeg_release``. Filters, effects and other envelopes are left out.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from orchestrion.datasets.banks.notebank import (
    MOST_BANK_S,
    MOST_NOTE_S,
    MOST_NOTES,
    BankNote,
    NoteBank,
    assembled,
    read_note,
)
from orchestrion.datasets.banks.sfz import inside, key_of, read_regions
from orchestrion.errors import OrchestrionError

LOOPED_S = 6.0  # a looped sample goes on for this long
FALLEN_DB = 90.0  # over the time of ampeg_release
MOST_TRANSPOSED = 24.0  # semitones, of tune and keys together
VELTRACK = 50.0  # percent of amp_veltrack from which velocity is a gain


def sfz_bank(path: Path, sample_rate: int) -> NoteBank:
    """The bank of an SFZ file. How many of its regions are left out is said in a warning.

    Raises:
        OrchestrionError: the file or a sample cannot be read, holds impossible values or too much, or no note.
    """
    fence = path.resolve().parent
    if fence.parent != fence.parent.parent:  # samples often lie beside the file's folder; never from the root
        fence = fence.parent
    written = {tuple(sorted(region.items())): region for region in read_regions(path)}
    struck = {items: region for items, region in written.items() if _is_struck(region)}
    regions = list(struck.values())[:MOST_NOTES]  # one and the same twice is one
    notes: list[BankNote] = []
    releases, tracked, total_s = [], [], 0.0
    for region in regions:
        try:
            note = _note(path, region, fence, sample_rate)
            release, track = _number(region, "ampeg_release", 0.0, 0.0, 100.0), _number(region, "amp_veltrack", 100.0, -100.0, 100.0)
        except OrchestrionError:
            raise
        except ValueError:
            raise OrchestrionError(f"{path}: a region has a value that is no number: {_shown(region)}.") from None
        if note is None:
            continue
        total_s += len(note.samples) / sample_rate
        if total_s > MOST_BANK_S:
            raise OrchestrionError(f"{path} holds more than {MOST_BANK_S / 3600:g} hours of notes.")
        notes.append(note)
        releases.append(release)
        tracked.append(track >= VELTRACK)
    if not notes:
        raise OrchestrionError(f"{path} has no region with a sample that a key strikes.")
    if len(notes) < len(written):
        warnings.warn(
            f"{path.name}: {len(written) - len(notes)} of {len(written)} regions are left out (releases, other key switches, generators, keys "
            f"out of reach, silence, or more than {MOST_NOTES}).", stacklevel=2,
        )  # fmt: skip
    release = float(np.median(releases))
    facts: dict[str, object] = {"name": path.stem, "source": path.name, "law": "square" if np.mean(tracked) >= 0.5 else "as recorded"}
    if release > 0.01:
        facts["release_db_s"] = float(np.clip(FALLEN_DB / release, 15.0, 1000.0))
    return assembled(path.stem, tuple(notes), facts, sample_rate)


def _is_struck(region: Mapping[str, str]) -> bool:
    """Whether a key's attack sounds this region when the instrument is fresh."""
    struck = region.get("trigger", "attack") in ("attack", "first")
    first = region.get("sw_default")
    return struck and ("sw_last" not in region or region["sw_last"] == first) and not region.get("sample", "*").startswith("*")


def _note(path: Path, region: Mapping[str, str], fence: Path, sample_rate: int) -> BankNote | None:
    """The region's sample at its pitch; None where no key or no velocity sounds it."""
    import soxr

    key = region.get("key")
    low, high = (key_of(region.get(name, key or usual)) for name, usual in (("lokey", "0"), ("hikey", "127")))
    centre = key_of(region.get("pitch_keycenter", key or "60"))
    softest, loudest = (int(_number(region, name, usual, 0, 127)) for name, usual in (("lovel", 0), ("hivel", 127)))
    softest = max(1, softest)
    if low > high or high < 0 or low > 127 or softest > loudest:
        return None
    pitch = int(np.clip(centre, max(low, 0), min(high, 127)))
    offset = int(_number(region, "note_offset", 0, -127, 127)) + 12 * int(_number(region, "octave_offset", 0, -10, 10))
    if not 0 <= pitch + offset <= 127:
        return None
    shift = pitch - centre + _number(region, "transpose", 0, -127, 127) + _number(region, "tune", 0, -2400, 2400) / 100
    if abs(shift) > MOST_TRANSPOSED:
        return None
    folder = path.resolve().parent
    name = region.get("default_path", "") + region["sample"]
    samples = read_note(
        inside(folder, name, fence), sample_rate, start=int(_number(region, "offset", 0, 0, 1e9)), stop=_stop(region), loop=_loop(region), looped_s=LOOPED_S
    )
    if shift:
        samples = soxr.resample(samples, sample_rate * 2.0 ** (shift / 12), sample_rate, quality="HQ").astype(np.float32)
    gain = 10 ** (_number(region, "volume", 0, -144, 48) / 20) * _number(region, "amplitude", 100, 0, 1000) / 100
    samples = samples[: int(MOST_NOTE_S * sample_rate)] * np.float32(gain)
    return BankNote(pitch + offset, softest, loudest, samples) if np.abs(samples).max(initial=0.0) > 1e-4 else None


def _stop(region: Mapping[str, str]) -> int | None:
    """The frame after the last that sounds."""
    last = int(_number(region, "end", 0, -1, 1e9))
    return last + 1 if last > 0 else None


def _loop(region: Mapping[str, str]) -> tuple[int, int] | None:
    """First frame and the one after the last of the part that goes round."""
    if region.get("loop_mode", region.get("loopmode", "")) not in ("loop_continuous", "loop_sustain"):
        return None
    start = int(_number(region, "loop_start", _number(region, "loopstart", 0, 0, 1e9), 0, 1e9))
    stop = int(_number(region, "loop_end", _number(region, "loopend", 0, 0, 1e9), 0, 1e9)) + 1
    return (start, stop) if stop > start + 1 else None


def _number(region: Mapping[str, str], name: str, usual: float, low: float, high: float) -> float:
    value = float(region.get(name, usual))
    if not low <= value <= high:
        raise OrchestrionError(f"An SFZ region says {name}={region[name][:40]}; it must lie between {low:g} and {high:g}.")
    return value


def _shown(region: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in region.items())[:200]
