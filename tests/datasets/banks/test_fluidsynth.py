"""Sound from the SoundFont: exact places, the same note the same samples, right pitch; and what is said without it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from orchestrion.bridge import FrameNotes
from orchestrion.datasets.banks import fluidprocess, fluidsynth, soundfontbank
from orchestrion.errors import OrchestrionError
from orchestrion.score import BUILTIN_TUNES, Part, Score

HAS_FLUIDSYNTH = shutil.which("fluidsynth") is not None and any(p.exists() for p in fluidsynth.DEFAULT_SOUNDFONTS)
needs_fluidsynth = pytest.mark.skipif(not HAS_FLUIDSYNTH, reason="FluidSynth or its General MIDI SoundFont is missing")
HOP = fluidsynth.HOP


def table(*notes: tuple[int, int, int, int]) -> FrameNotes:
    return FrameNotes(*np.array(sorted(notes)).T)


def sound(notes: FrameNotes, n_frames: int, program: int) -> np.ndarray:
    return fluidsynth.synthesise_table(notes, n_frames, program, fluidsynth.soundfont())


@needs_fluidsynth
@pytest.mark.parametrize("program", [0, 40, 42, 73])
def test_the_same_note_gives_the_same_samples_on_any_frame(program):
    onsets = [25, 700, 1501, 2203]
    audio = sound(table(*((onset, onset + 100, 69, 80) for onset in onsets)), 3000, program)
    notes = [audio[onset * HOP : (onset + 300) * HOP] for onset in onsets]
    for again in notes[2:]:
        np.testing.assert_allclose(again, notes[1], atol=1e-5)
    # The very first use of a voice differs in its first milliseconds, by less than a hundredth of the peak.
    assert np.corrcoef(notes[0], notes[1])[0, 1] > 0.9999
    np.testing.assert_allclose(notes[0], notes[1], atol=0.01 * np.abs(notes[0]).max())


@needs_fluidsynth
@pytest.mark.parametrize("program", [0, 73])
def test_sound_begins_with_its_frame(program):
    audio = sound(table((50, 200, 60, 127)), 300, program)
    loud = np.abs(audio).max()
    # The resampling filter has no delay but is not causal: its ripple before the onset is all there may be.
    assert np.abs(audio[: 50 * HOP - 16]).max() < 1e-4 * loud
    assert np.flatnonzero(np.abs(audio) > 0.02 * loud)[0] < 53 * HOP


@needs_fluidsynth
@pytest.mark.parametrize(("program", "pitches"), [(0, range(21, 29)), (16, range(48, 56)), (48, range(48, 56)), (88, range(48, 56))])
def test_how_audio_is_fetched_changes_no_bit_of_a_bank(program, pitches, monkeypatch):
    """Large blocks and few voices are for speed: with blocks of 64 samples and all voices the notes, and so what is fitted to them, are the same."""
    path = fluidsynth.soundfont()
    usual = soundfontbank.soundfont_file_bank(path, program, pitches)
    monkeypatch.setattr(fluidprocess, "SETTINGS", [setting for setting in fluidprocess.SETTINGS if "period-size" not in setting])
    monkeypatch.setattr(fluidsynth, "_mono", lambda block: block.mean(axis=1, dtype=np.float64))
    monkeypatch.setattr(soundfontbank, "VOICES", 512)
    plain = soundfontbank.soundfont_file_bank(path, program, pitches)
    assert len(usual.notes) == 8 and np.array_equal(usual.release_db_s, plain.release_db_s)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(usual.notes, plain.notes, strict=True))


@needs_fluidsynth
@pytest.mark.parametrize("pitch", [57, 69, 84])
def test_pitch(pitch):
    audio = sound(table((0, 500, pitch, 90)), 500, 73)[8000:]
    spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 18))
    strongest = np.argmax(spectrum[: 1 << 16]) * 16000 / (1 << 18)
    assert abs(1200 * np.log2(strongest / (440 * 2 ** ((pitch - 69) / 12)))) < 20


@needs_fluidsynth
def test_a_repeated_note_is_struck_anew():
    once = sound(table((10, 210, 60, 100)), 300, 0)
    twice = sound(table((10, 110, 60, 100), (110, 210, 60, 100)), 300, 0)
    later = slice(111 * HOP, 130 * HOP)
    assert np.abs(twice[later]).max() > 1.5 * np.abs(once[later]).max()


@needs_fluidsynth
def test_a_score_at_a_level():
    tune = BUILTIN_TUNES["frere-jacques"].crop(0.0, 4.0)
    full, half = (fluidsynth.synthesise(tune, 40, level).samples for level in (2.0, 1.0))
    np.testing.assert_allclose(half, full / 2, atol=1e-6)
    assert len(full) == (round(tune.duration_s * 250) + 250) * HOP
    assert np.abs(full).max() > 0.05


@needs_fluidsynth
def test_a_score_without_notes_is_silence():
    audio = fluidsynth.synthesise(Score((Part("", 0, ()),)), 0, 1.0, tail_s=0.4)
    assert len(audio.samples) == 100 * HOP and not audio.samples.any()


def test_one_tick_is_one_frame(tmp_path):
    mido = pytest.importorskip("mido")
    path = tmp_path / "notes.mid"
    fluidsynth.write_midi(path, table((5, 9, 60, 80), (9, 12, 60, 90), (9, 20, 64, 70)), 50, 40)
    midi = mido.MidiFile(path)
    assert midi.ticks_per_beat == 125 and midi.length == pytest.approx(50 * 0.004)
    now, events = 0, []
    for message in midi.tracks[0]:
        now += message.time
        if message.type in ("note_on", "note_off"):
            events.append((now, message.type, message.note))
    assert events == [
        (5, "note_on", 60),
        (9, "note_off", 60),
        (9, "note_on", 60),
        (9, "note_on", 64),
        (12, "note_off", 60),
        (20, "note_off", 64),
    ]


def test_without_fluidsynth_the_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OrchestrionError, match="fluidsynth and fluid-soundfont-gm"):
        fluidprocess.version()


def test_without_a_soundfont_the_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(fluidsynth, "DEFAULT_SOUNDFONTS", (tmp_path / "none.sf2",))
    with pytest.raises(OrchestrionError, match="fluid-soundfont-gm, or give one by --soundfont"):
        fluidsynth.soundfont()


def test_what_is_no_soundfont_is_refused(tmp_path):
    with pytest.raises(OrchestrionError, match="Cannot read the SoundFont"):
        fluidsynth.soundfont(tmp_path / "none.sf2")
    (tmp_path / "fake.sf2").write_bytes(b"RIFF1234WAVE")
    with pytest.raises(OrchestrionError, match="not a SoundFont"):
        fluidsynth.soundfont(tmp_path / "fake.sf2")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo one\necho two >&2\nexit 3", "exit status 3: two"),
        ("exec sleep 10", "did not finish"),
        ("exit 0", "wrote no audio"),
    ],
)
def test_a_failing_program_is_one_sentence(script, reason, monkeypatch, tmp_path):
    program = tmp_path / "fluidsynth"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if reason == "did not finish":
        monkeypatch.setattr(fluidprocess, "LONGEST_RUN_S", 0.2)
    (tmp_path / "bank.sf2").touch()
    with pytest.raises(OrchestrionError, match=reason):
        fluidsynth.synthesise_table(table((0, 5, 60, 80)), 10, 0, tmp_path / "bank.sf2")
