"""`orchestrion transcribe`, and what sings into `compose --prime`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import orchestrion
from orchestrion.errors import OrchestrionError
from orchestrion.labelling.methods import AUTOMATIC
from orchestrion.options import METHODS
from orchestrion.score import Score
from tests.invoking import run
from tests.labelling.sounds import played
from tests.labelling.test_beats import as_played, quarters


@pytest.fixture
def hum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Frère Jacques, as one would hum it after half a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))
    played(as_played("frere-jacques", 104.0, jitter_s=0.012, start_s=0.5)[:16]).write("hum.wav")
    return tmp_path / "hum.wav"


def test_the_command_line_names_what_the_library_has() -> None:
    assert set(METHODS) == set(AUTOMATIC)


def test_a_hummed_tune_becomes_midi_with_its_tempo(hum: Path) -> None:
    said = json.loads(run("transcribe", hum, "-o", "hum.mid", "--json").stdout)
    assert said["notes"] == 16 and said["bpm"] == pytest.approx(104, rel=0.02) and said["begins_at_s"] == pytest.approx(0.5, abs=0.05)
    score = Score.read("hum.mid")
    assert [note.pitch for note in score.notes] == [pitch for _, _, pitch in quarters("frere-jacques")[:16]]
    assert score.notes[0].onset_s < 0.05 and score.title == "hum"
    assert json.loads(Path("hum.mid.json").read_text())["quantize"] == "none"


def test_quantized_notes_are_the_tunes(hum: Path) -> None:
    run("transcribe", hum, "--quantize", "1/8", "--tempo", "104", "-o", "hum.mid")
    score = Score.read("hum.mid")
    assert score.tempos[0].bpm == pytest.approx(104, abs=0.01)
    onsets = [note.onset_s * 104 / 60 for note in score.notes]
    np.testing.assert_allclose(onsets, [onset for onset, _, _ in quarters("frere-jacques")[:16]], atol=0.01)


def test_musicxml_is_quantized_unless_told_otherwise(hum: Path) -> None:
    said = json.loads(run("transcribe", hum, "-o", "hum.musicxml", "--json").stdout)
    assert said["quantize"] == "1/16" and len(Score.read("hum.musicxml").notes) == 16


def test_a_bad_file_costs_one_line(hum: Path) -> None:
    folder = Path("takes")
    folder.mkdir()
    hum.rename(folder / "hum.wav")
    soundfile.write(folder / "nan.wav", np.full(8000, np.nan), 16000, "FLOAT")
    soundfile.write(folder / "offset.wav", np.full(32000, 0.3), 16000)
    (folder / "phone.m4a").write_bytes(b"not read")
    with pytest.warns(UserWarning, match="skipped in takes: phone.m4a, .* convert it: ffmpeg -i phone.m4a"):
        result = run("transcribe", folder, "-o", "scores", status=1)
    assert len(Score.read("scores/hum.mid").notes) == 16 and sorted(p.name for p in Path("scores").glob("*.mid")) == ["hum.mid"]
    said = result.stderr.splitlines()
    assert said[0].startswith("Failed: takes/nan.wav holds samples that are not numbers")
    assert said[1].startswith("Failed: No notes were heard in takes/offset.wav") and said[2:] == ["1 of 3 done, 2 failed."]
    (folder / "phone.m4a").unlink()
    rows = [json.loads(line) for line in run("transcribe", folder, "-o", "scores", "--json", status=1).stdout.splitlines()]
    assert [("error" in row) for row in rows] == [False, True, True]
    labelled = run("data", "label", folder, "--method", "pyin", "-o", "set", status=1)
    assert Path("set/hum.tsv").is_file() and Path("set/offset.tsv").read_text().count("\n") == 1
    assert "Failed: takes/nan.wav" in labelled.stderr and "1 failed" in labelled.stderr


def test_wrong_usage_is_a_sentence(hum: Path) -> None:
    Path("b.wav").write_bytes(hum.read_bytes())
    assert "2 recordings need a folder: -o x/" in run("transcribe", hum, "b.wav", "-o", "x.mid", status=2).stderr
    assert "auto|BPM" in run("transcribe", "--help").stdout
    assert run("transcribe", "b.wav", "--tempo", "quick", "-o", "x.mid", status=2).stderr
    assert "must end in" in run("transcribe", "b.wav", "-o", "x.txt", status=1).stderr
    assert "orchestrion transcribe b.wav -o b.mid" in run("render", "b.wav", "-o", "x.wav", status=1).stderr
    Path("c.m4a").write_bytes(b"x")
    assert "ffmpeg -i c.m4a" in run("transcribe", "c.m4a", "-o", "x.mid", status=1).stderr


def test_composing_goes_on_from_what_is_hummed(hum: Path) -> None:
    result = run("compose", "--prime", hum, "--bars", 1, "-o", "more.mid")
    assert "16 notes heard, 104 quarter notes a minute" in result.stderr
    by_api = orchestrion.compose(bars=1, prime=hum)
    assert isinstance(by_api, Score)
    np.testing.assert_allclose([n.onset_s for n in by_api.notes], [n.onset_s for n in Score.read("more.mid").notes], atol=1e-5)
    assert by_api.tempos[0].bpm == pytest.approx(104, rel=0.02)
    assert [note.pitch % 12 for note in by_api.notes[:4]] == [pitch % 12 for _, _, pitch in quarters("frere-jacques")[:4]]


def test_the_same_in_python(hum: Path) -> None:
    score = orchestrion.transcribe(hum, tempo="104", quantize="1/8")
    assert len(score.notes) == 16 and score.notes == orchestrion.transcribe(orchestrion.Waveform.read(hum), tempo="104", quantize="1/8").notes
    with pytest.raises(OrchestrionError, match="method: choose one of pyin, polyphonic, melodia, not 'ear'"):
        orchestrion.transcribe(hum, method="ear")
