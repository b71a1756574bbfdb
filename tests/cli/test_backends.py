"""``generate`` and ``train BACKEND`` as a user meets them, with models that are small enough for tests."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import Result

import orchestrion
from orchestrion import header, shipped
from orchestrion.audio import Waveform
from orchestrion.cli.backends import make_command
from orchestrion.errors import OrchestrionError
from orchestrion.generators.files import save_generator
from orchestrion.generators.table import BACKENDS, on_songs
from tests.generators.backends import make, tones
from tests.invoking import invoke as run


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights files of untrained models by back-end."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("spectral-lstm", "tcn", "wavenet", "wavenet-unconditioned"):
        save_generator(folder / f"{name}.safetensors", name, make(name), {"licence": "none"})
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture
def song(tmp_path: Path) -> Path:
    Waveform(tones(16000, 8000), 8000).write(tmp_path / "song.wav")
    return tmp_path / "song.wav"


def said(result: Result) -> str:
    """The one sentence of an error with status 1."""
    assert result.exit_code == 1 and "Traceback" not in result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    return line


def test_a_recording_is_continued_at_the_models_rate_and_the_settings_kept(models, song, tmp_path):
    out = tmp_path / "out.wav"
    result = run("generate", "tcn", "--model", models["tcn"], "--seed-audio", song, "--seconds", 0.25, "--seed", 3, "-o", out)
    assert result.exit_code == 0, result.output
    audio = Waveform.read(out)
    assert (audio.sample_rate, len(audio.samples)) == (4410, round(0.25 * 4410))
    assert "machine-generated" in audio.tags["comment"]
    settings = json.loads((tmp_path / "out.wav.json").read_text())
    assert settings["options"]["seed"] == 3 and settings["options"]["backend"] == "tcn" and settings["sample_rate"] == 4410


def test_same_command_same_bytes_from_noise(models, tmp_path):
    files = [tmp_path / f"{i}.wav" for i in range(3)]
    for path, seed in zip(files, (1, 1, 2), strict=True):
        run("generate", "spectral-lstm", "--model", models["spectral-lstm"], "--seconds", 0.2, "--seed", seed, "-o", path)
    one, two, other = (path.read_bytes() for path in files)
    assert one == two != other


def test_the_seed_can_be_chosen_and_put_before(models, song, tmp_path):
    options = ("generate", "tcn", "--model", models["tcn"], "--seed-audio", song, "--seed-seconds", 0.5, "--seconds", 0.1)
    run(*options, "-o", tmp_path / "a.wav")
    run(*options, "--seed-start", 1, "-o", tmp_path / "b.wav")
    run(*options, "--with-seed", "-o", tmp_path / "c.wav")
    a, b, c = (Waveform.read(tmp_path / f"{name}.wav") for name in "abc")
    assert not np.array_equal(a.samples, b.samples)
    assert c.duration_s == pytest.approx(0.6, abs=1e-3)
    np.testing.assert_array_equal(c.samples[-len(a.samples) :], a.samples)


def test_the_conditioned_one_plays_a_score(models, tmp_path):
    options = ("generate", "wavenet", "--model", models["wavenet"], "--seconds", 0.1, "-o", tmp_path / "out.wav")
    assert run(*options).exit_code == 2
    assert run(*options, "--score", "ode-to-joy").exit_code == 0
    played = Waveform.read(tmp_path / "out.wav").samples
    assert run(*options, "--score", "greensleeves").exit_code == 0
    assert not np.array_equal(played, Waveform.read(tmp_path / "out.wav").samples)


def test_a_runs_folder_will_do_and_python_does_the_same_in_one_call(models, song, tmp_path):
    run_folder = tmp_path / "run"
    run_folder.mkdir()
    (run_folder / "model.safetensors").write_bytes(models["tcn"].read_bytes())
    audio = orchestrion.generate("tcn", model=run_folder, seed_audio=Waveform.read(song), seconds=0.1)
    run("generate", "tcn", "--model", run_folder, "--seed-audio", song, "--seconds", 0.1, "-o", tmp_path / "out.wav")
    np.testing.assert_allclose(audio.samples, Waveform.read(tmp_path / "out.wav").samples, atol=1 / 32767)


def test_what_cannot_be_generated_is_said_in_a_sentence_and_leaves_nothing(models, song, tmp_path):
    out = tmp_path / "out.wav"

    def tried(backend: str, *options: object) -> str:
        return said(run("generate", backend, *options, "-o", out))

    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.safetensors").write_bytes(b"\x80\x04pickle, perhaps")
    assert "is a model of tcn, not of spectral-lstm" in tried("spectral-lstm", "--model", models["tcn"])
    assert "no model 'kazoo'" in tried("tcn", "--model", "kazoo")
    assert "holds no model.safetensors" in tried("tcn", "--model", tmp_path / "empty")
    assert "not a safetensors file" in tried("tcn", "--model", tmp_path / "bad.safetensors")
    assert "Cannot read" in tried("tcn", "--model", models["tcn"], "--seed-audio", tmp_path / "none.wav")
    assert "nothing is left" in tried("tcn", "--model", models["tcn"], "--seed-audio", song, "--seed-start", 9)
    assert "cannot be told a score" in tried("tcn", "--model", models["tcn"], "--score", "ode-to-joy")
    assert "no folder" in said(run("generate", "tcn", "--model", models["tcn"], "-o", tmp_path / "no" / "out.wav"))
    assert not out.exists() and not out.with_name(out.name + ".json").exists()


def test_a_broken_composer_is_no_generator(tiny_composer, tmp_path):
    with pytest.raises(OrchestrionError, match="not one that generates audio"):
        orchestrion.generate("tcn", model=tiny_composer, seconds=1)


@pytest.mark.parametrize("name", on_songs())
def test_the_help_has_the_rates_and_the_settings_that_this_back_end_takes(name: str) -> None:
    text = " ".join(make_command(name).get_help(click.Context(click.Command(name))).split())
    presets = BACKENDS[name].presets()
    assert {f"{preset.sample_rate} (" in text for preset in presets.values()} == {True}
    assert {f"{setting}=" in text for setting in presets["small"].to_dict()} == {True}
    assert ("mdct" in text) == name.startswith("spectral")


def test_a_set_trains_from_the_command_line(song, tmp_path):
    for i in range(2):
        Waveform(tones(9000, 4410, i), 4410).write(tmp_path / f"s{i}.wav")
    assert run("data", "prepare", tmp_path, "--rate", 4410, "-o", tmp_path / "set").exit_code == 0
    sizes = ("--set", "filters=4", "--set", "dilations=1,2", "--set", "targets=50")
    options = ("train", "tcn", "--data", tmp_path / "set", "--steps", 2, "--threads", 1, "-o", tmp_path / "run", *sizes)
    result = run(*options)
    assert result.exit_code == 0 and "held" not in result.output and "training songs loss" in result.output
    assert (tmp_path / "run" / "loss.png").exists()
    assert "holds a training already" in said(run(*options))
    assert "no setting 'size'" in said(run(*options[:-1], "size=4"))
    assert "no prepared set" in said(run("train", "tcn", "--data", tmp_path, "-o", tmp_path / "x"))
    assert run("train", "tcn", "--data", "x", "--set", "hidden", "-o", tmp_path / "x").exit_code == 2


def test_shipped_models_of_back_ends_are_no_instruments() -> None:
    assert not set(shipped.generators()) & set(shipped.instruments())
    assert set(shipped.generators()) <= set(BACKENDS)
    for name in shipped.generators():
        assert header.read(shipped.find(name))["backend"] == name and shipped.card(name)


def test_what_is_generated_is_written_as_asked(models, song, tmp_path):
    out = tmp_path / "out.flac"
    run("generate", "tcn", "--model", models["tcn"], "--seed-audio", song, "--seconds", 0.25, "--rate", 44100, "--channels", 2,
        "--bits", 24, "-o", out)  # fmt: skip
    info = soundfile.info(out)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (44_100, 2, "PCM_24", 11_020)  # 0.25 s at 4,410 are 1,102 samples
    settings = json.loads((tmp_path / "out.flac.json").read_text())
    assert (settings["sample_rate"], settings["channels"], settings["bits"]) == (44_100, 2, 24)
    refused = run("generate", "tcn", "--model", models["tcn"], "--seconds", 0.1, "--bits", 24, "-o", tmp_path / "a.mp3")
    assert ".mp3 has no bits" in said(refused) and not (tmp_path / "a.mp3").exists()
