"""A bank of single notes from a General MIDI SoundFont: every pitch of an instrument, held, by FluidSynth."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.datasets.banks import fluidsynth
from orchestrion.datasets.banks.instruments import soundfont_instrument
from orchestrion.datasets.banks.notebank import SAMPLE_RATE, BankNote, NoteBank, is_sustained, scale_of
from orchestrion.datasets.banks.soundfont import FLUIDR3_SHA256, LICENCES
from orchestrion.errors import OrchestrionError
from orchestrion.files import sha256
from orchestrion.score import Note

VELOCITY = 100  # FluidSynth's velocity is a pure gain, (v / 100)²
REST_S = 1.0
HELD_S = {False: 8.0, True: 6.0}  # struck, sustained
FLOOR = 1e-7
PIANO_KEYS = range(21, 109)
VOICES = 8
"""Of one note; where there are too many, FluidSynth leaves out released ones first. All of FluidR3's programs give the same notes, to the
bit, with 512; a hostile SoundFont takes the longer, the more there are."""


def soundfont_bank(name: str, *, sample_rate: int = SAMPLE_RATE, soundfont_path: str | os.PathLike[str] | None = None) -> NoteBank:
    """The bank of the SoundFont instrument ``name``; see `datasets.instruments`.

    Raises:
        OrchestrionError: no such instrument; FluidSynth or the SoundFont is missing or fails; it plays silence only.
    """
    instrument, path = soundfont_instrument(name), fluidsynth.soundfont(soundfont_path)
    information: dict[str, object] = {"name": name, "source": f"soundfont:{name}"} | _facts(path, instrument.program)
    return _bank(information, path, instrument.program, range(instrument.low, instrument.high + 1), sample_rate, instrument.sustained)


def soundfont_file_bank(path: Path, program: int, pitches: range = PIANO_KEYS, *, sample_rate: int = SAMPLE_RATE) -> NoteBank:
    """What a SoundFont file plays as General MIDI ``program`` (0 to 127) at ``pitches``; whether it is sustained is heard.

    Raises:
        OrchestrionError: FluidSynth or the file is missing or fails; it plays silence only.
    """
    path = fluidsynth.soundfont(path)
    name = f"{path.stem}-{program}" if program else path.stem
    return _bank({"name": name, "source": path.name} | _facts(path, program), path, program, pitches, sample_rate, None)


def _facts(path: Path, program: int) -> dict[str, object]:
    """Of a SoundFont file: its licence, so far as it is known, and its checksum."""
    digest = sha256(path)
    licence, attribution = LICENCES.get(digest, ("see the SoundFont", path.name))
    return {
        "licence": licence, "attribution": attribution, "program": program, "soundfont_sha256": digest, "known": digest == FLUIDR3_SHA256,
    }  # fmt: skip


def _bank(information: dict[str, object], path: Path, program: int, pitches: range, sample_rate: int, sustained: bool | None) -> NoteBank:
    held_s = HELD_S[bool(sustained)]
    period = held_s + REST_S
    rate = fluidsynth.SAMPLE_RATE / fluidsynth.HOP
    table = FrameNotes.from_notes([Note(i * period, i * period + held_s, p, VELOCITY) for i, p in enumerate(pitches)], rate)
    audio = fluidsynth.synthesise_table(table, round(len(pitches) * period * rate), program, path, sample_rate, VOICES)
    each = audio.reshape(len(pitches), -1)
    held = round(held_s * sample_rate)
    notes = tuple(
        BankNote(pitch, 1, 127, np.ascontiguousarray(row[:held])) for pitch, row in zip(pitches, each, strict=True) if np.abs(row).max() > 1e-4
    )
    name = str(information["name"])
    if not notes:
        raise OrchestrionError(f"{path.name} plays only silence as program {program}.")
    release = np.full(128, _release(each, held, sample_rate))
    if sustained is None:
        sustained = is_sustained(notes, sample_rate)
    return NoteBank(
        name, sample_rate, notes, sustained, not sustained, float(VELOCITY), release, scale_of(notes, float(VELOCITY)), information
    )


def _release(each: np.ndarray, held: int, sample_rate: int) -> float:
    """By how many dB a second a released note falls faster than one that is held, in the median."""
    step = sample_rate // 200
    slopes = []
    for row in each:
        before = _slope(row[held - 40 * step : held], step, sample_rate)
        power = (row[held : held + 100 * step].reshape(-1, step) ** 2).mean(1)
        floor = max(power[0] * 1e-5, FLOOR**2)
        fallen = np.flatnonzero(power < floor)
        last = int(fallen[0]) if len(fallen) else len(power)
        after = _slope(row[held + 2 * step : held + last * step], step, sample_rate)
        if before is not None and after is not None:
            slopes.append(before - after)
        elif len(fallen) and power[0] > 0:  # gone within some hundredths of a second
            slopes.append(50.0 / ((last + 1) * step / sample_rate))
    return float(np.clip(np.median(slopes), 15.0, 1000.0)) if slopes else 120.0


def _slope(x: np.ndarray, step: int, sample_rate: int) -> float | None:
    """dB a second, by a straight line through means over ``step`` samples; None of three or fewer, and of silence."""
    power = (x[: len(x) // step * step].reshape(-1, step) ** 2).mean(1)
    if len(power) < 4 or power.min() < FLOOR**2 / 10:
        return None
    return float(np.polyfit(np.arange(len(power)) * step / sample_rate, 10 * np.log10(power), 1)[0])
