"""SFZ instruments: what regions inherit, what of them becomes notes, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from orchestrion.datasets.banks.fluidsynth import DEFAULT_SOUNDFONTS
from orchestrion.datasets.banks.opening import is_bank, open_bank
from orchestrion.datasets.banks.sfz import key_of, read_regions
from orchestrion.datasets.banks.sfzbank import sfz_bank
from orchestrion.datasets.banks.soundfontbank import soundfont_file_bank
from orchestrion.errors import OrchestrionError
from orchestrion.training.learn import default_output
from tests.datasets.banks.notes import RATE, bowed, plucked


def _sfz(folder: Path, text: str, pitches=(60, 64), make=plucked, name: str = "Samples/Note {}.wav") -> Path:
    for pitch in pitches:
        path = folder / name.format(pitch)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, make(pitch), RATE)
    file = folder / "harp.sfz"
    file.write_text(text)
    return file


def _hz(samples: np.ndarray) -> float:
    x = samples[: RATE // 2] * np.hanning(RATE // 2)
    return float(np.argmax(np.abs(np.fft.rfft(x))) * 2)


def test_regions_inherit_from_all_headers_before_them(tmp_path):
    file = _sfz(tmp_path, (
        "// a comment\n#define $KEY 60\n#define $KEYS 61\n<control> default_path=Samples\\\n<global> volume=-3 hivel=100\n"
        "<group> lovel=10 <region> sample=Note 60.wav key=$KEY\n<region> sample=Note 64.wav key=$KEYS hivel=50 // not this: key=1\n"
        "<group>\n<region> sample=b.wav /* nor\nthis */ key=d#5\n"
    ))  # fmt: skip
    first, second, third = read_regions(file)
    assert first == {"default_path": "Samples\\", "volume": "-3", "hivel": "100", "lovel": "10", "sample": "Note 60.wav", "key": "60"}
    assert (second["key"], second["hivel"], second["lovel"]) == ("61", "50", "10")
    assert "lovel" not in third and third["key"] == "d#5"


@pytest.mark.parametrize(("text", "key"), [("60", 60), ("c4", 60), ("C#4", 61), ("db4", 61), ("a-1", 9), ("Bb2", 46)])
def test_keys_are_numbers_or_notes(text, key):
    assert key_of(text) == key


def test_samples_of_any_case_become_notes_at_their_pitch(tmp_path):
    text = "<control> default_path=samples\\\n<region> sample=note 60.WAV lokey=58 hikey=62 pitch_keycenter=60 hivel=63\n<region> sample=note 64.wav key=64"
    bank = sfz_bank(_sfz(tmp_path, text), RATE)
    assert [(note.pitch, note.velocity_low, note.velocity_high) for note in bank.notes] == [(60, 1, 63), (64, 1, 127)]
    assert (bank.name, bank.sustained, bank.reference_velocity) == ("harp", False, 127.0)
    assert is_bank(tmp_path / "harp.sfz") and {61, 62, 63} <= {note.pitch for note in open_bank(tmp_path / "harp.sfz", RATE).notes}


def test_tuning_volume_and_offset_are_obeyed(tmp_path):
    def one(more: str):
        return sfz_bank(_sfz(tmp_path, f"<region> sample=Samples/Note 60.wav key=60 {more}"), RATE).notes[0].samples

    plain = one("")
    assert _hz(one("tune=100")) == pytest.approx(_hz(plain) * 2 ** (1 / 12), abs=3)
    assert np.abs(one("volume=-6.02")).max() == pytest.approx(np.abs(plain).max() / 2, rel=0.01)
    assert len(plain) - len(one("offset=4800")) == pytest.approx(4800, abs=100)
    assert len(one("end=9599")) == pytest.approx(9600, abs=100)
    # A key that the sample was not recorded at: brought to it.
    assert _hz(one("pitch_keycenter=64")) == pytest.approx(_hz(plain) * 2 ** (-4 / 12), abs=3)


def test_a_loop_goes_on_and_makes_the_instrument_sustained(tmp_path):
    text = "<region> sample=Samples/Note 60.wav key=60 loop_mode=loop_continuous loop_start=12000 loop_end=23999 ampeg_release=0.9"
    bank = sfz_bank(_sfz(tmp_path, text, make=lambda pitch: bowed(pitch, 1.0, cents=0.0)), RATE)
    assert bank.sustained and len(bank.notes[0].samples) / RATE > 5.5
    assert bank.release_db_s[60] == pytest.approx(100.0)


def test_what_a_key_does_not_strike_is_left_out(tmp_path):
    text = (
        "<global> sw_default=24\n<region> sample=Samples/Note 60.wav key=60 sw_last=24\n<region> sample=Samples/Note 60.wav key=61 sw_last=25\n"
        "<region> sample=Samples/Note 60.wav key=62 trigger=release\n<region> sample=*sine key=63\n<region> sample=Samples/Note 60.wav hikey=-1"
    )
    with pytest.warns(UserWarning, match="harp.sfz: 4 of 5 regions are left out"):
        bank = sfz_bank(_sfz(tmp_path, text), RATE)
    assert [note.pitch for note in bank.notes] == [60]


def test_velocity_may_only_choose_the_layer(tmp_path):
    bank = sfz_bank(_sfz(tmp_path, "<global> amp_veltrack=0\n<region> sample=Samples/Note 60.wav key=60"), RATE)
    assert bank.reference_velocity is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no headers", "no <region>"),
        ("<region> sample=*sine key=60", "no region with a sample"),
        ("<region> sample=../../../outside.wav key=60", "outside its folder"),
        ("<region> sample=/etc/hostname key=60", "outside its folder"),
        ("<region> sample=C:\\\\x.wav key=60", "outside its folder"),
        ("<region> sample=Samples/Note 60.wav key=sixty", "no number"),
        ("<region> sample=Samples/Note 60.wav key=60 volume=1e9", "volume=1e9"),
        ("<region> sample=Samples/Note 60.wav key=60 tune=nan", "tune=nan"),
        ("<region> sample=Samples/none.wav key=60", "Cannot read the note"),
        ('#include "harp.sfz"\n<region>', "too big"),
        ("<region> " * 20000, "more than 16384 regions"),
    ],
)
def test_impossible_instruments_are_one_sentence(tmp_path, text, said):
    folder = tmp_path / "deep" / "er" / "still"
    folder.mkdir(parents=True)
    with pytest.raises(OrchestrionError, match=said):
        sfz_bank(_sfz(folder, text), RATE)


def test_notes_of_too_many_channels_are_refused(tmp_path):
    file = _sfz(tmp_path, "<region> sample=Samples/Note 60.wav key=60")
    soundfile.write(tmp_path / "Samples/Note 60.wav", np.zeros((100, 64)), RATE)
    with pytest.raises(OrchestrionError, match="64 channels"):
        sfz_bank(file, RATE)


@pytest.mark.skipif(shutil.which("fluidsynth") is None or not any(p.exists() for p in DEFAULT_SOUNDFONTS), reason="FluidSynth is not here")
def test_a_soundfont_file_gives_any_program(tmp_path):
    there = next(p for p in DEFAULT_SOUNDFONTS if p.exists())
    link = tmp_path / "all.sf2"
    link.symlink_to(there)
    bank = soundfont_file_bank(link, 56, sample_rate=RATE)
    assert bank.name == "all-56" and bank.sustained and 60 in {note.pitch for note in bank.notes}
    with pytest.raises(OrchestrionError, match="from 0 to 127"):
        open_bank(f"{link}:200", RATE)


@pytest.mark.parametrize(
    ("data", "name"),
    [("soundfont:violin", "violin"), ("my-notes/", "my-notes"), ("a/Harp.sfz", "Harp"), ("a/choir.sf2", "choir"), ("choir.SF2:52", "choir-52")],
)
def test_an_instrument_is_called_after_its_notes(data, name):
    assert default_output(data) == Path(f"{name}.safetensors")
