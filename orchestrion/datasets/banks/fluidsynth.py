"""Renders notes with a SoundFont by the program ``fluidsynth``, exact to the sample.

Notes lie on frames of 4 ms. The MIDI file has one tick a frame (125 a quarter note, 120 quarters a minute). At 48 kHz a
frame is 192 samples, which are three of FluidSynth's blocks; so every note begins at the start of a block, and the same
note gives the same samples wherever it stands. Reverb and chorus would spoil that and are off. Left and right are
averaged. A linear-phase filter without delay converts 48 kHz to 16 kHz.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.bridge import FrameNotes
from orchestrion.datasets.banks.fluidprocess import SYNTH_RATE, played
from orchestrion.datasets.banks.instruments import usual_level
from orchestrion.datasets.banks.soundfontfile import check_soundfont
from orchestrion.errors import OrchestrionError
from orchestrion.score import Score

SAMPLE_RATE = 16000
HOP = 64
FRAME_RATE = SAMPLE_RATE // HOP
TICKS_A_QUARTER = 125
QUARTER_US = 500_000
DEFAULT_SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/default-GM.sf2"),
)
POLYPHONY = 512


def synthesise(
    score: Score,
    program: int,
    level: float | None = None,
    *,
    soundfont_path: str | os.PathLike[str] | None = None,
    tail_s: float = 1.0,
) -> Waveform:
    """The pitched notes of ``score`` on one instrument at 16 kHz, times rounded to 4 ms.

    Args:
        program: General MIDI program, from 0.
        level: factor on FluidSynth's output at gain 1; that of a training set stands in its ``dataset.json``. None for
            that of the instrument's sets from the system's SoundFont (`instruments.usual_level`).
        tail_s: seconds after the last note.

    Raises:
        OrchestrionError: FluidSynth or the SoundFont is missing, or the program fails.
    """
    table = FrameNotes.from_notes(score.notes, SAMPLE_RATE / HOP)
    n_frames = table.n_frames + max(1, round(tail_s * SAMPLE_RATE / HOP))
    samples = synthesise_table(table, n_frames, program, soundfont(soundfont_path))
    samples *= np.float32(usual_level(program) if level is None else level)
    return Waveform(np.clip(samples, -1.0, 1.0), SAMPLE_RATE, {"title": score.title} if score.title else {})


def synthesise_table(
    table: FrameNotes, n_frames: int, program: int, soundfont_path: Path, sample_rate: int = SAMPLE_RATE, polyphony: int = POLYPHONY
) -> np.ndarray:
    """Notes on the clock of frames of 4 ms as audio, float32 [n_frames * sample_rate / 250], FluidSynth's gain being 1.

    Raises:
        OrchestrionError: see `fluidprocess.played`.
    """
    with tempfile.TemporaryDirectory(prefix="orchestrion-") as folder:
        midi = Path(folder, "notes.mid")
        write_midi(midi, table, n_frames, program)
        blocks = played(midi, soundfont_path, n_frames * SYNTH_RATE // FRAME_RATE, polyphony)
        return _to_model_rate(blocks, n_frames, sample_rate)


def soundfont(path: str | os.PathLike[str] | None = None) -> Path:
    """``path``, or the General MIDI SoundFont of the system.

    Raises:
        OrchestrionError: there is none, or it is not a whole SoundFont.
    """
    found = Path(path) if path is not None else next((p for p in DEFAULT_SOUNDFONTS if p.exists()), None)
    if found is None:
        raise OrchestrionError(
            "There is no General MIDI SoundFont here; install Debian's fluid-soundfont-gm, or give one by --soundfont."
        )
    check_soundfont(found)
    return found


def write_midi(path: Path, table: FrameNotes, n_frames: int, program: int) -> None:
    """One tick a frame; ends before onsets within a tick, so that a repeated note is struck anew."""
    import mido

    ends = [(int(frame), 0, int(pitch), 0) for frame, pitch in zip(table.offset_frame, table.pitch, strict=True)]
    starts = zip(table.onset_frame, table.pitch, table.velocity, strict=True)
    events = sorted([*ends, *((int(frame), 1, int(pitch), int(velocity)) for frame, pitch, velocity in starts)])
    track = mido.MidiTrack(
        [mido.MetaMessage("set_tempo", tempo=QUARTER_US), mido.Message("program_change", program=program)]
    )
    now = 0
    for frame, is_onset, pitch, velocity in events:
        kind = "note_on" if is_onset else "note_off"
        track.append(mido.Message(kind, note=pitch, velocity=velocity, time=frame - now))
        now = frame
    track.append(mido.MetaMessage("end_of_track", time=max(n_frames - now, 0)))
    mido.MidiFile(type=0, ticks_per_beat=TICKS_A_QUARTER, tracks=[track]).save(path)


def _to_model_rate(blocks: Iterable[np.ndarray], n_frames: int, sample_rate: int) -> np.ndarray:
    """Stereo at 48 kHz as ``n_frames`` frames of 4 ms of mono at ``sample_rate``, followed by silence where it ends before them."""
    import soxr

    resampler = soxr.ResampleStream(SYNTH_RATE, sample_rate, 1, dtype="float64", quality="VHQ")
    out = np.zeros(n_frames * sample_rate // FRAME_RATE, dtype=np.float32)
    done, missing = 0, n_frames * SYNTH_RATE // FRAME_RATE
    for block in chain(blocks, [np.zeros((0, 2), dtype=np.float32)]):
        last = not len(block)
        mono = np.zeros(missing) if last else _mono(block)
        missing -= len(mono)
        made = resampler.resample_chunk(mono, last=last)[: len(out) - done]
        out[done : done + len(made)] = made
        done += len(made)
    return out


def _mono(block: np.ndarray) -> np.ndarray:
    """The mean of left and right, float64 ``[n]``, exactly: numpy's along an axis of two takes ten times as long."""
    mono: np.ndarray = 0.5 * np.add(block[:, 0], block[:, 1], dtype=np.float64)
    return mono
