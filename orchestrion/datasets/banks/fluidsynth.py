"""Renders notes with a SoundFont by the program ``fluidsynth``, exact to the sample.

Notes lie on frames of 4 ms. The MIDI file has one tick a frame (125 a quarter note, 120 quarters a minute). At 48 kHz a
frame is 192 samples, which are three of FluidSynth's blocks; so every note begins at the start of a block, and the same
note gives the same samples wherever it stands. Reverb and chorus would spoil that and are off. Left and right are
averaged. A linear-phase filter without delay converts 48 kHz to 16 kHz.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.bridge import FrameNotes
from orchestrion.datasets.banks.instruments import usual_level
from orchestrion.datasets.banks.soundfontfile import check_soundfont
from orchestrion.errors import OrchestrionError
from orchestrion.score import Score

SAMPLE_RATE = 16000
HOP = 64
FRAME_RATE = SAMPLE_RATE // HOP
SYNTH_RATE = 48000
TICKS_A_QUARTER = 125
QUARTER_US = 500_000
DEFAULT_SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf2/default-GM.sf2"),
)
LONGEST_RUN_S = 600.0
FAULT, NOT_LOADED = "fluidsynth: error: ", "Failed to load the SoundFont"
SETTINGS = (
    "synth.min-note-length=0",
    "synth.polyphony=512",
    "synth.reverb.active=0",
    "synth.chorus.active=0",
    # Only the samples of the instrument played are read from the 140 MiB of a General MIDI bank.
    "synth.dynamic-sample-loading=1",
    # Where a SoundFont cannot be loaded, the system's would play in its place.
    "synth.default-soundfont=",
)


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
    table: FrameNotes, n_frames: int, program: int, soundfont_path: Path, sample_rate: int = SAMPLE_RATE
) -> np.ndarray:
    """Notes on the clock of frames of 4 ms as audio, float32 [n_frames * sample_rate / 250], FluidSynth's gain being 1.

    Raises:
        OrchestrionError: FluidSynth is missing or fails.
    """
    with tempfile.TemporaryDirectory(prefix="orchestrion-") as folder:
        midi, audio = Path(folder, "notes.mid"), Path(folder, "notes.wav")
        write_midi(midi, table, n_frames, program)
        _run(midi, audio, soundfont_path)
        stereo = _read(audio)
    return _to_model_rate(stereo.mean(axis=1), n_frames, sample_rate)


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


def version() -> str:
    """The first line that ``fluidsynth --version`` prints."""
    return _call([_program(), "--version"]).stdout.splitlines()[0].strip()


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


def _run(midi: Path, audio: Path, soundfont_path: Path) -> None:
    options = [part for setting in SETTINGS for part in ("-o", setting)]
    output = ["-r", str(SYNTH_RATE), "-O", "float", "-T", "wav", "-F", str(audio)]
    # Absolute, as a name that begins with a hyphen would be an option.
    said = _call([_program(), "-ni", "-q", "-g", "1.0", *options, *output, str(soundfont_path.absolute()), str(midi)]).stderr
    if NOT_LOADED in said:  # with status 0, and silence
        reasons = [line.removeprefix(FAULT) for line in said.splitlines() if line.startswith(FAULT)]
        reason = f" ({reasons[0][:200]})" if reasons else ""
        raise OrchestrionError(f"FluidSynth cannot load the SoundFont {soundfont_path}{reason}; is it whole?")


def _program() -> str:
    program = shutil.which("fluidsynth")
    if program is None:
        raise OrchestrionError(
            "FluidSynth is not installed; install Debian's packages fluidsynth and fluid-soundfont-gm."
        )
    return program


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LONGEST_RUN_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise OrchestrionError(f"FluidSynth did not finish within {LONGEST_RUN_S:g} s.") from error
    except OSError as error:
        raise OrchestrionError(f"Cannot run {command[0]}: {error.strerror or error}.") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[-200:] or "it said nothing"
        raise OrchestrionError(f"FluidSynth failed with exit status {done.returncode}: {said}.")
    return done


def _read(audio: Path) -> np.ndarray:
    import soundfile

    try:
        samples, rate = soundfile.read(audio, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise OrchestrionError("FluidSynth wrote no audio; is the SoundFont complete?") from error
    if rate != SYNTH_RATE or not len(samples):
        raise OrchestrionError(f"FluidSynth wrote {len(samples)} samples at {rate} a second, not {SYNTH_RATE}.")
    return np.asarray(samples)


def _to_model_rate(samples: np.ndarray, n_frames: int, sample_rate: int) -> np.ndarray:
    """From 48 kHz to ``n_frames`` frames of 4 ms at ``sample_rate``, cut or followed by silence."""
    import soxr

    n_samples = n_frames * sample_rate // FRAME_RATE
    wanted = n_frames * SYNTH_RATE // FRAME_RATE
    whole = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    converted = soxr.resample(whole, SYNTH_RATE, sample_rate, quality="VHQ")[:n_samples]
    return np.pad(converted, (0, n_samples - len(converted))).astype(np.float32)
