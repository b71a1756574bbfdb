"""Faults of other people's single notes: index tables, SFZ instruments, SoundFonts that are hostile rather than damaged."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import soundfile

from orchestrion.datasets.banks.fluidsynth import synthesise
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.datasets.banks.sfz import read_regions
from orchestrion.datasets.banks.soundfontfile import check_soundfont
from orchestrion.datasets.untrusted.textfiles import read_bytes
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score
from tests.datasets.banks.notes import RATE, plucked, write_bank
from tests.datasets.banks.soundfonts import small_soundfont

pytestmark = pytest.mark.filterwarnings("error")
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
