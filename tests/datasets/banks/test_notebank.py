"""Folders of single notes: what is read of them, filled, and refused."""

import json

import numpy as np
import pytest
import soundfile

from orchestrion.datasets.banks.notebank import filled, open_folder
from orchestrion.errors import OrchestrionError
from tests.datasets.banks.notes import RATE, bowed, plucked, write_bank


def test_a_folder_of_plucked_notes(tmp_path):
    bank = open_folder(write_bank(tmp_path / "harp", [60, 64]))
    assert (bank.name, bank.pitch_range, bank.sustained, bank.stretched) == ("harp", (60, 64), False, True)
    assert len(bank.notes) == 2 and bank.notes[0].samples.dtype == np.float32


def test_bowed_notes_are_known_by_their_level(tmp_path):
    assert open_folder(write_bank(tmp_path / "viol", [55, 62], bowed)).sustained


def test_loud_notes_peak_alike_in_all_banks(tmp_path):
    for factor in (0.1, 1.0):
        bank = open_folder(write_bank(tmp_path / f"at-{factor}", [60, 64], layers=((1, 127, factor),)))
        note = bank.notes[0]
        assert np.abs(note.samples).max() * bank.gain(note, 100) == pytest.approx(0.32, rel=0.15)


def test_layers_of_one_peak_are_played_by_a_law_and_others_as_recorded(tmp_path):
    alike = open_folder(write_bank(tmp_path / "alike", [60], layers=((1, 63, 1.0), (64, 127, 1.0))))
    apart = open_folder(write_bank(tmp_path / "apart", [60], layers=((1, 63, 0.2), (64, 127, 1.0))))
    assert alike.reference_velocity == 127 and apart.reference_velocity is None
    soft, loud = apart.notes
    assert apart.gain(soft, soft.velocity) == pytest.approx(apart.gain(loud, loud.velocity))


def test_silence_before_a_note_is_cut_off(tmp_path):
    folder = write_bank(tmp_path / "late", [60])
    soundfile.write(folder / "60-127.flac", np.concatenate([np.zeros(5000), plucked(60)]), RATE)
    assert abs(len(open_folder(folder).notes[0].samples) - len(plucked(60))) < 50


def test_missing_pitches_are_transposed_from_their_neighbours(tmp_path):
    bank = filled(open_folder(write_bank(tmp_path / "gaps", [60, 64, 74])))
    assert sorted({note.pitch for note in bank.notes}) == [60, 61, 62, 63, 64, 65, 66, 67, 71, 72, 73, 74]
    made = next(note for note in bank.notes if note.pitch == 61)
    assert not made.recorded
    peak = np.argmax(np.abs(np.fft.rfft(made.samples[: RATE // 2] * np.hanning(RATE // 2))))
    assert peak * 2 == pytest.approx(440 * 2 ** (-8 / 12), abs=3)


@pytest.mark.parametrize(
    "row",
    ["60-127.flac\t128\t1\t127", "60-127.flac\tC4\t1\t127", "60-127.flac\t60\t90\t10", "../60-127.flac\t60\t1\t127", "none.flac\t60\t1\t127", "x"],
)
def test_impossible_rows_are_one_sentence(tmp_path, row):
    folder = write_bank(tmp_path / "bad", [60])
    (folder / "index.tsv").write_text(f"file\tpitch\tvelocity_low\tvelocity_high\n{row}\n")
    with pytest.raises(OrchestrionError):
        open_folder(folder)


def test_silent_notes_strange_audio_and_strange_facts_are_refused(tmp_path):
    folder = write_bank(tmp_path / "bad", [60])
    soundfile.write(folder / "60-127.flac", np.zeros(1000), RATE)
    with pytest.raises(OrchestrionError, match="silent"):
        open_folder(folder)
    (folder / "60-127.flac").write_bytes(b"no audio")
    with pytest.raises(OrchestrionError, match="Cannot read the note"):
        open_folder(folder)
    (folder / "bank.json").write_text(json.dumps({"law": "cubic"}))
    with pytest.raises(OrchestrionError, match="law"):
        open_folder(folder)
    (folder / "index.tsv").unlink()
    with pytest.raises(OrchestrionError, match="index.tsv"):
        open_folder(folder)
