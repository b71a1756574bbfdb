"""Faults of other people's single notes: index tables, SFZ instruments, SoundFonts that are hostile rather than damaged."""

from __future__ import annotations

import io
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.bridge import FrameNotes
from orchestrion.datasets.banks import fluidprocess, fluidsynth, soundfontbank
from orchestrion.datasets.banks.fluidsynth import synthesise, synthesise_table
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.datasets.banks.sfz import read_regions
from orchestrion.datasets.banks.soundfontbank import soundfont_file_bank
from orchestrion.datasets.banks.soundfontfile import check_soundfont
from orchestrion.datasets.untrusted.textfiles import read_bytes
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score
from tests.datasets.banks.notes import RATE, plucked, write_bank
from tests.datasets.banks.soundfonts import RELEASE, small_soundfont, sounding_soundfont

pytestmark = pytest.mark.filterwarnings("error")
with_fluidsynth = pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="FluidSynth is not here")
bounded = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds another process")
HEAD = "file\tpitch\tvelocity_low\tvelocity_high\n"


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A folder with one short note."""
    return write_bank(tmp_path / "harp", [60], make=lambda pitch: plucked(pitch, 0.25))


def refused(path: Path | str) -> str:
    with pytest.raises(OrchestrionError) as caught:
        open_bank(path, RATE)
    sentence = str(caught.value)
    assert "\n" not in sentence and len(sentence) < 1000
    return sentence


@pytest.mark.parametrize(("row", "word"), [
    ("60-127.flac\t-1\t1\t127", "impossible"), ("60-127.flac\t128\t1\t127", "impossible"), ("60-127.flac\t1e3\t1\t127", "columns"),
    ("60-127.flac\tnan\t1\t127", "columns"), (f"60-127.flac\t{'9' * 5000}\t1\t127", "columns"), ("60-127.flac\t60\t0\t127", "impossible"),
    ("60-127.flac\t60\t90\t20", "impossible"), ("60-127.flac\t60\t1\t1000000", "impossible"), ("../harp/60-127.flac\t60\t1\t127", "impossible"),
    ("../../../../../etc/passwd\t60\t1\t127", "impossible"), ("/dev/zero\t60\t1\t127", "impossible"), ("..\t60\t1\t127", ""), (".\t60\t1\t127", "impossible"),
])  # fmt: skip
def test_impossible_rows(row: str, word: str, bank: Path) -> None:
    (bank / "index.tsv").write_text(f"{HEAD}{row}\n")
    assert word in refused(bank)


def test_a_note_that_is_listed_again_and_again(bank: Path) -> None:
    """4,096 times a minute of audio would be three days of it."""
    (bank / "index.tsv").write_text(HEAD + "60-127.flac\t60\t1\t64\n60-127.flac\t60\t65\t127\n")
    assert "line 3: '60-127.flac' is listed twice" in refused(bank)
    (bank / "index.tsv").write_text(HEAD + "".join(f"{n}.flac\t60\t1\t127\n" for n in range(5000)))
    assert "more than 4096" in refused(bank)
    (bank / "index.tsv").write_text(HEAD + "60-127.flac\t60\t1\t127\n" * 100_000)
    assert "larger than 1 MiB" in refused(bank)


@pytest.mark.parametrize("name", ["60-127.flac", "bank.json"])
def test_a_named_pipe_is_not_waited_for(name: str, bank: Path) -> None:
    (bank / name).unlink(missing_ok=True)
    os.mkfifo(bank / name)
    assert "is not an ordinary file" in refused(bank)


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/full", ".", "nowhere", "60-127.flac"])
def test_a_link_in_the_place_of_a_note(target: str, bank: Path) -> None:
    """To a device, to its own folder, to nothing, to itself."""
    (bank / "60-127.flac").unlink()
    (bank / "60-127.flac").symlink_to(target)
    assert "60-127.flac" in refused(bank)


def test_named_pipes_elsewhere(tmp_path: Path) -> None:
    for name in ("a.sfz", "a.sf2", "more.sfz"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "b.sfz").write_text('#include "more.sfz"\n<region> sample=60.wav key=60\n')
    (tmp_path / "c.sfz").write_text("<region> sample=a.sf2 key=60\n")
    for name in ("a.sfz", "a.sf2", "b.sfz", "c.sfz"):
        assert "is not an ordinary file" in refused(tmp_path / name)
    with pytest.raises(OrchestrionError, match="not an ordinary file"):
        read_bytes(tmp_path / "more.sfz")


def test_an_sfz_instrument_that_includes_itself(tmp_path: Path) -> None:
    (tmp_path / "a.sfz").write_text('#include "a.sfz"\n' * 3)
    assert "too big for an SFZ instrument" in refused(tmp_path / "a.sfz")
    (tmp_path / "b.sfz").write_text('#include "c.sfz"\n<region> sample=60.wav key=60\n')
    (tmp_path / "c.sfz").write_text('#include "b.sfz"\n')
    assert "too big for an SFZ instrument" in refused(tmp_path / "b.sfz")


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "/etc/passwd", "C:\\x.wav", "..\\..\\..\\x.wav", "link/passwd"])
def test_an_sfz_instrument_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to("/etc")
    (folder / "a.sfz").write_text(f"<region> sample={name} key=60\n")
    assert "outside its folder" in refused(folder / "a.sfz")
    (folder / "b.sfz").write_text(f'#include "{name}"\n')
    with pytest.raises(OrchestrionError, match="outside its folder"):
        read_regions(folder / "b.sfz")


@pytest.mark.parametrize("opcodes", [
    "end=5 loop_mode=loop_continuous loop_start=0 loop_end=1", "loop_mode=loop_continuous loop_start=999999999 loop_end=1000000000", "offset=1000000000",
    "volume=48 amplitude=1000", "volume=-144 amplitude=0", "tune=2400 transpose=127", "pitch_keycenter=-999999999", "pitch_keycenter=c99999",
    "ampeg_release=1e-300", "lovel=127 hivel=0", "octave_offset=10 note_offset=127", "amplitude=1e-40",
])  # fmt: skip
def test_absurd_values_of_an_sfz_region(opcodes: str, tmp_path: Path) -> None:
    """Read or refused, within seconds; the note that is left has a sound that is a number."""
    soundfile.write(tmp_path / "60.wav", plucked(60, 0.25), RATE)
    (tmp_path / "a.sfz").write_text(f"<region> sample=60.wav key=60 {opcodes}\n")
    try:
        opened = open_bank(tmp_path / "a.sfz", RATE)
    except OrchestrionError as error:
        assert "\n" not in str(error)
        return
    assert all(0 < abs(note.samples).max() < 1e6 and len(note.samples) <= 60 * RATE for note in opened.notes)


@pytest.mark.parametrize(("place", "size"), [
    *((place, size) for place in ("RIFF", "info", "ifil", "sdta", "smpl", "pdta", "phdr") for size in (200, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)),
    *((place, size) for place in ("RIFF", "info", "sdta", "pdta") for size in (0, 1, 3, 11)),
])  # fmt: skip
def test_a_soundfont_that_lies_about_its_sizes(place: str, size: int, tmp_path: Path) -> None:
    """FluidSynth played the system's SoundFont in its place, with status 0."""
    (tmp_path / "a.sf2").write_bytes(small_soundfont())
    check_soundfont(tmp_path / "a.sf2")
    (tmp_path / "a.sf2").write_bytes(small_soundfont(place, size))
    with pytest.raises(OrchestrionError, match="a.sf2 .*is it whole"):
        check_soundfont(tmp_path / "a.sf2")


def test_a_soundfont_that_is_cut_off(tmp_path: Path) -> None:
    whole = small_soundfont()
    for n in range(len(whole)):
        (tmp_path / "a.sf2").write_bytes(whole[:n])
        with pytest.raises(OrchestrionError, match="is it whole|not a SoundFont"):
            check_soundfont(tmp_path / "a.sf2")


def test_a_soundfont_whose_outside_alone_is_sound(tmp_path: Path) -> None:
    """FluidSynth refuses it, and nothing else is played."""
    (tmp_path / "a.sf2").write_bytes(small_soundfont())
    with pytest.raises(OrchestrionError, match="cannot load the SoundFont|FluidSynth is not installed"):
        synthesise(Score((Part("", 0, (Note(0.0, 0.1, 60, 80),)),)), 0, soundfont_path=tmp_path / "a.sf2")


def soundfont(tmp_path: Path, content: bytes, name: str = "a.sf2") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def held(seconds: int) -> FrameNotes:
    return FrameNotes.from_notes([Note(float(i), i + 0.5, 60 + i % 12, 100) for i in range(seconds)], 250)


@with_fluidsynth
def test_a_small_soundfont_is_played(tmp_path: Path) -> None:
    """Without which the tests below would prove nothing."""
    (note,) = soundfont_file_bank(soundfont(tmp_path, sounding_soundfont()), 0, range(60, 61)).notes
    spectrum = np.abs(np.fft.rfft(note.samples[:24000]))
    assert note.pitch == 60 and abs(int(spectrum.argmax()) - 261.63) < 2 and 0.01 < np.abs(note.samples).max() < 1


def test_a_soundfont_of_a_hundred_million_zones(tmp_path: Path) -> None:
    """208 KB, for which FluidSynth takes minutes and all memory."""
    path = soundfont(tmp_path, sounding_soundfont((10_000, 10_000)))
    assert "has 100000000 zones; at most 500000 are read" in refused(path)
    with pytest.raises(OrchestrionError, match="zones"):
        synthesise(Score((Part("", 0, (Note(0.0, 0.1, 60, 80),)),)), 0, soundfont_path=path)


@bounded
@with_fluidsynth
def test_a_compressed_sample_of_half_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fluidprocess, "SPARE_BYTES", 160 << 20)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 48000, 1, "PCM_16", format="FLAC") as audio:
        for _ in range(30):
            audio.write(np.zeros(60 * 48000, dtype=np.int16))
    path = soundfont(tmp_path, sounding_soundfont(compressed=file.getvalue()), "a.sf3")
    assert path.stat().st_size < 1 << 20
    assert "FluidSynth needs more than 16" in refused(path)


@bounded
@with_fluidsynth
def test_hundreds_of_voices_a_key_with_releases_of_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = soundfont(tmp_path, sounding_soundfont((1, 500), [(RELEASE, 8000)]))
    began = os.times()
    assert len(soundfont_file_bank(path, 0, range(60, 62)).notes) == 2
    assert sum(os.times()[:4]) - sum(began[:4]) < 5.0
    monkeypatch.setattr(fluidprocess, "SPARE_S", 1.0)
    monkeypatch.setattr(fluidprocess, "A_VOICE_S", 0.0)
    with pytest.raises(OrchestrionError, match="needs more than 1 s of processor time for 200 s of "):
        synthesise_table(held(200), 50_000, 0, path)


@with_fluidsynth
def test_eight_of_hundreds_of_voices_are_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole keyboard took 18 s of FluidSynth's time with thirty-two; this is a quarter of one."""
    path = soundfont(tmp_path, sounding_soundfont((1, 500), [(RELEASE, 8000)]))
    used_s = []
    for voices in (soundfontbank.VOICES, 32):
        monkeypatch.setattr(soundfontbank, "VOICES", voices)
        began = os.times()
        soundfont_file_bank(path, 0, range(60, 82))
        used_s.append(sum(os.times()[2:4]) - sum(began[2:4]))
    assert used_s[0] < 0.4 * used_s[1]


@with_fluidsynth
def test_what_a_block_costs_outside_of_voices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FluidSynth wrote every 64 samples by themselves, and numpy took ten times too long to add left and right: half of all for one voice."""
    path = soundfont(tmp_path, sounding_soundfont((1, 1)))
    used_s = []
    for _ in range(2):
        began = os.times()
        soundfont_file_bank(path, 0, range(60, 82))
        used_s.append(sum(os.times()[:4]) - sum(began[:4]))
        monkeypatch.setattr(fluidprocess, "SETTINGS", [setting for setting in fluidprocess.SETTINGS if "period-size" not in setting])
        monkeypatch.setattr(fluidsynth, "_mono", lambda block: block.mean(axis=1, dtype=np.float64))
    assert used_s[0] < 0.75 * used_s[1]


@with_fluidsynth
def test_no_more_audio_is_read_than_was_asked_for(tmp_path: Path) -> None:
    """Releases go on for as long as the SoundFont likes."""
    path = soundfont(tmp_path, sounding_soundfont((1, 1), [(RELEASE, 8000)]))
    assert len(synthesise_table(held(1), 300, 0, path)) == 300 * 64


@with_fluidsynth
def test_nothing_is_written_to_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirteen minutes of a bank took 300 MB among the temporary files, and 1.5 GB of memory."""
    import tracemalloc

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = soundfont(tmp_path, sounding_soundfont())
    tracemalloc.start()
    try:
        for _ in fluidprocess.played(_midi(tmp_path), path, 48000 * 60, 8):
            assert {each.name for each in tmp_path.iterdir()} == {"a.sf2", "a.mid"}
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def _midi(folder: Path) -> Path:
    from orchestrion.datasets.banks.fluidsynth import write_midi

    write_midi(folder / "a.mid", held(60), 15_000, 0)
    return folder / "a.mid"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"\0" * 100])
def test_what_is_no_soundfont(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.sf2").write_bytes(content)
    assert "not a SoundFont" in refused(tmp_path / "a.sf2")


@pytest.mark.parametrize("text", [
    "<region> sample=" + "a " * 400_000, "<region> " + "x" * 800_000 + " sample=60.wav", "/*" * 400_000, "<region> " + "a=" * 400_000, "<" * 800_000,
    "".join(f"#define $W{n} 1\n" for n in range(1000)) + "$\n" * 400_000, "x\n" * 400_000, "<region>" + " " * 800_000, "//" * 400_000,
])  # fmt: skip
def test_the_time_an_sfz_text_takes_goes_with_its_length(text: str, tmp_path: Path) -> None:
    """Opcodes and comments were looked for from every place to the end: hours for a megabyte."""
    (tmp_path / "a.sfz").write_text(text)
    began = time.process_time()
    with pytest.raises(OrchestrionError) as caught:
        open_bank(tmp_path / "a.sfz", RATE)
    assert len(str(caught.value)) < 1000 and time.process_time() - began < 3.0


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "/".join(["d"] * 300)])
def test_a_name_that_no_folder_can_hold(name: str, tmp_path: Path) -> None:
    for text in (f'#include "{name}"\n', f"<region> sample={name} key=60\n"):
        (tmp_path / "a.sfz").write_text(text)
        assert "no folder can hold" in refused(tmp_path / "a.sfz")
