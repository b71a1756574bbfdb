"""What `orchestrion info` says of scores, audio and weights."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.inspection import describe, key_of
from orchestrion.score import Note, Part, Score


def test_a_score(tmp_path):
    tune = 'X:1\nT:Two\nM:3/4\nL:1/4\nQ:1/4=60\nK:G\nV:1 name="Violin"\nV:2 name="Kit"\n'
    (tmp_path / "a.abc").write_text(tune + "[V:1] D | G A B @ | G3 |]\n%%MIDI program 40\n[V:2]\n%%MIDI channel 10\nz | C2 C | z3 |]\n")
    facts = describe(tmp_path / "a.abc")
    assert (facts["kind"], facts["title"], facts["duration_s"], facts["notes"]) == ("score", "Two", 7.0, 5)
    assert (facts["meters"], facts["pickup_quarters"], facts["tempos"], facts["key"]) == (["1/4", "3/4"], 1.0, [60.0], "G major")
    violin, kit = facts["parts"]
    assert (violin["name"], violin["program"], violin["notes"], violin["lowest"], violin["highest"]) == ("Violin", 40, 5, "D4", "B4")
    assert violin["played_by"] == "violin" and kit["played_by"] is None and kit["instrument"] == "drums"
    assert facts["left_out"] == ["drums (Kit)"] and len(facts["ignored"]) == 1
    json.dumps(facts)


@pytest.mark.parametrize(("pitches", "key"), [([60, 62, 64, 65, 67, 71, 60], "C major"), ([57, 59, 60, 62, 64, 65, 67, 57], "A minor"),
                                              ([66, 68, 70, 71, 73, 75, 77, 66], "F# major")])  # fmt: skip
def test_keys(pitches, key):
    assert key_of(Score((Part("", 0, tuple(Note(i, i + 1, pitch, 80) for i, pitch in enumerate(pitches))),))) == key
    assert key_of(Score(())) is None


def audio(tmp_path, samples, rate=8000):
    soundfile.write(tmp_path / "a.wav", np.asarray(samples, dtype=np.float32), rate, subtype="FLOAT")
    return describe(tmp_path / "a.wav")


def test_audio_levels_silence_clipping_and_channels(tmp_path):
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    facts = audio(tmp_path, np.concatenate([np.zeros(8000), 0.5 * tone, np.zeros(4000)]))
    assert (facts["sample_rate"], facts["channels"], facts["duration_s"]) == (8000, 1, 2.5)
    assert facts["peak_db"] == pytest.approx(-6, abs=0.1) and facts["level_db"] == pytest.approx(-9 - 4, abs=0.1)
    assert (facts["silence_before_s"], facts["silence_after_s"], facts["clipped"]) == (1.0, 0.5, 0)
    assert facts["silent_share"] == pytest.approx(0.6)
    clipped = audio(tmp_path, np.clip(3 * tone, -1, 1))
    assert clipped["clipped"] == 880
    stereo = audio(tmp_path, np.stack([0.3 * tone, -0.3 * tone], axis=1))
    assert stereo["channels_cancel"] and not facts["channels_cancel"]
    assert audio(tmp_path, 0.2 + 0.1 * tone)["offset"] == pytest.approx(0.2, abs=1e-3)
    assert audio(tmp_path, np.zeros(800))["peak_db"] is None
    assert audio(tmp_path, np.array([0.1, np.nan] * 400))["not_numbers"] == 400


def test_clipping_across_blocks_is_one_run(tmp_path):
    assert audio(tmp_path, np.concatenate([np.zeros(65_530), np.ones(20), np.zeros(100)]))["clipped"] == 1


def test_the_command_says_it_for_people_and_programs(tmp_path):
    told = CliRunner().invoke(cli, ["info", "greensleeves"])
    assert told.exit_code == 0 and "71 notes" in told.output and "meter 6/8" in told.output
    weights = json.loads(CliRunner().invoke(cli, ["info", "violin", "--json"]).output)
    assert weights["kind"] == "weights" and weights["architecture"] == "wavenet"
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(OrchestrionError, match="no score, audio or weights"):
        describe(tmp_path / "a.txt")
