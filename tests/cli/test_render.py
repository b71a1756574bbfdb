"""`orchestrion render` end to end, on an instrument of random weights."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from orchestrion.audio import Waveform
from orchestrion.cli.app import cli
from orchestrion.playing import warn_of
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Note, Part, Score
from orchestrion.weights import load
from tests import invoking


def run(*arguments: object) -> Result:
    return invoking.run("render", *arguments)


def duo() -> Score:
    upper = Part("Upper", 40, (Note(0.0, 0.25, 67, 90), Note(0.25, 0.5, 69, 90)))
    lower = Part("Lower", 42, (Note(0.0, 0.4, 55, 70),))
    return Score((upper, lower), title="Duo")


def test_same_seed_same_bytes_and_another_seed_other_audio(tiny: Path, folder: Path) -> None:
    for name, seed in (("a.wav", 3), ("b.wav", 3), ("c.wav", 4)):
        run("ode-to-joy", "-i", tiny, "--end", 0.5, "--seed", seed, "-o", name)
    assert (folder / "a.wav").read_bytes() == (folder / "b.wav").read_bytes()
    assert (folder / "a.wav").read_bytes() != (folder / "c.wav").read_bytes()


def test_settings_lie_beside_the_audio(tiny: Path, folder: Path) -> None:
    run("ode-to-joy", "-i", tiny, "--end", 0.5, "--transpose", -2, "--seed", 9, "-o", "out.wav")
    settings = json.loads((folder / "out.wav.json").read_text())
    assert settings["command"].endswith("render")
    assert settings["options"]["transpose"] == -2 and settings["options"]["seed"] == 9
    assert settings["score"] == "ode-to-joy"
    assert settings["instruments"] == [{"name": "tiny", "sha256": load(tiny)[1]["sha256"]}]
    audio = Waveform.read(folder / "out.wav")
    assert settings["duration_s"] == pytest.approx(audio.duration_s) == pytest.approx(0.5, abs=1e-4)
    assert audio.tags["comment"].startswith("machine-generated")


def test_json_on_standard_output_is_the_settings(tiny: Path, folder: Path) -> None:
    shown = json.loads(run("ode-to-joy", "-i", tiny, "--end", 0.3, "-o", "out.wav", "--json").stdout)
    assert shown.pop("output") == "out.wav"
    assert shown == json.loads((folder / "out.wav.json").read_text())


def test_several_scores_and_takes_go_into_a_folder_and_equal_single_renderings(tiny: Path, folder: Path) -> None:
    duo().write(folder / "duo.mid")
    run("ode-to-joy", "duo.mid", "-i", tiny, "--end", 0.5, "--count", 2, "-o", "out/")
    names = {path.name for path in (folder / "out").iterdir()}
    assert names == {f"{stem}-{i}{suffix}" for stem in ("ode-to-joy", "duo") for i in (1, 2) for suffix in (".wav", ".wav.json")}
    run("duo.mid", "-i", tiny, "--end", 0.5, "-o", "alone.wav")
    first, second = (folder / "out" / f"duo-{i}.wav" for i in (1, 2))
    assert first.read_bytes() == (folder / "alone.wav").read_bytes()
    assert first.read_bytes() != second.read_bytes()


def test_a_folder_of_scores(tiny: Path, folder: Path) -> None:
    (folder / "scores").mkdir()
    duo().write(folder / "scores" / "b.mid")
    duo().transpose(2).write(folder / "scores" / "a.musicxml")
    (folder / "scores" / "notes.txt").write_text("not a score")
    run("scores", "-i", tiny, "-o", "out")
    assert {path.name for path in (folder / "out").iterdir()} == {"a.wav", "a.wav.json", "b.wav", "b.wav.json"}


def test_two_scores_of_one_name_are_refused(tiny: Path, folder: Path) -> None:
    (folder / "scores").mkdir()
    duo().write(folder / "scores" / "a.mid")
    duo().write(folder / "scores" / "a.musicxml")
    result = CliRunner().invoke(cli, ["render", "scores", "-i", str(tiny), "-o", "out"])
    assert result.exit_code == 1 and "would both be written" in result.stderr
    assert not (folder / "out").exists()


def test_ensemble_is_the_sum_of_its_parts(tiny: Path, folder: Path) -> None:
    from orchestrion.options import Playing
    from orchestrion.playing import play

    duo().write(folder / "duo.mid")
    run("duo.mid", "-i", tiny, "-i", tiny, "--gain", -6, "--gain", -12, "-o", "mix.wav")
    score = Score.read("duo.mid")
    tracks = [play(score, [tiny, tiny], Playing(gains_db=gains)).audio.samples[:, 0] for gains in ((-6, -120), (-120, -12))]
    mixed, rate = soundfile.read(folder / "mix.wav")
    assert rate == 16_000
    np.testing.assert_allclose(mixed, sum(tracks), atol=1e-4)


def test_pan_makes_stereo(tiny: Path, folder: Path) -> None:
    duo().write(folder / "duo.mid")
    run("duo.mid", "-i", tiny, "-i", tiny, "--pan", -1, "--pan", 1, "-o", "mix.wav")
    left, right = soundfile.read(folder / "mix.wav")[0].T
    assert np.abs(left).max() > 0.01 and np.abs(right).max() > 0.01 and not np.allclose(left, right)


def test_an_ensemble_needs_an_instrument_for_each_part(tiny: Path, folder: Path) -> None:
    result = CliRunner().invoke(cli, ["render", "ode-to-joy", "-i", str(tiny), "-i", str(tiny), "-o", "out.wav"])
    assert result.exit_code == 1 and "There are 2 instruments but 1 part ('melody');" in result.stderr


def test_notes_outside_the_instruments_range_are_named_and_rendered(tiny: Path, folder: Path) -> None:
    with pytest.warns(UserWarning, match="it will guess at B6"):
        run("ode-to-joy", "-i", tiny, "--end", 0.3, "--transpose", 24, "-o", "out.wav")
    assert (folder / "out.wav").exists()


def test_what_hears_no_notes_does_not_guess_at_them(folder: Path) -> None:
    """`compare` warned that the network without notes had not learnt some of them."""
    score = Score((Part("", 0, (Note(0.0, 0.1, 30, 80),)),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of(Instrument.load("violin-unconditioned"), score)
    with pytest.warns(UserWarning, match="it will guess at F#1"):
        warn_of(Instrument.load("violin"), score)


def test_standard_output_takes_a_wav_and_nothing_else(tiny: Path, folder: Path) -> None:
    result = run("ode-to-joy", "-i", tiny, "--end", 0.5, "--seed", 3, "-o", "-")
    run("ode-to-joy", "-i", tiny, "--end", 0.5, "--seed", 3, "-o", "file.wav")
    piped, rate = soundfile.read(io.BytesIO(result.stdout_bytes), dtype="int16")
    assert rate == 16_000
    assert np.array_equal(piped, soundfile.read(folder / "file.wav", dtype="int16")[0])


def test_tempo_speed_and_cut_are_as_played(tiny: Path, folder: Path) -> None:
    run("ode-to-joy", "-i", tiny, "--transpose", -5, "--speed", 2, "--start", 1, "--end", 1.5, "-o", "out.wav")
    assert Waveform.read(folder / "out.wav").duration_s == pytest.approx(0.5, abs=1e-4)


def test_two_ways_to_say_the_tempo_are_a_usage_error(tiny: Path, folder: Path) -> None:
    arguments = ["render", "ode-to-joy", "-i", str(tiny), "--tempo", "90", "--speed", "2", "-o", "out.wav"]
    assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_cutting_a_score_into_pieces_is_asked_for_or_comes_with_length(tiny: Path, folder: Path) -> None:
    from orchestrion.playing import PARALLEL_FROM_S, is_parallel
    from orchestrion.renderer.instrument import Instrument

    for name, *how in (("default.wav",), ("exact.wav", "--exact"), ("parallel.wav", "--parallel")):
        run("ode-to-joy", "-i", tiny, "--transpose", -7, "--end", 6, *how, "-o", name)
    default, exact, parallel = ((folder / f"{name}.wav").read_bytes() for name in ("default", "exact", "parallel"))
    assert default == exact and len(exact) == len(parallel)
    long = Score((Part("", 0, (Note(0.0, PARALLEL_FROM_S, 60, 80),)),))
    player, free = [Instrument.load(tiny)], [Instrument.load("violin-unconditioned")]
    assert is_parallel(long, player, None) and not is_parallel(long, player, False)
    assert not is_parallel(duo(), player, None) and not is_parallel(long, free, None)


def test_storage_of_the_weights_is_asked_for_and_noted(tiny: Path, folder: Path) -> None:
    for storage in ("bfloat16", "int8"):
        run("ode-to-joy", "-i", tiny, "--transpose", -7, "--end", 1, "--storage", storage, "-o", f"{storage}.wav")
        assert json.loads((folder / f"{storage}.wav.json").read_text())["options"]["storage"] == storage
    assert (folder / "int8.wav").read_bytes() != (folder / "bfloat16.wav").read_bytes()


@pytest.mark.parametrize("how", ["--exact", "--parallel"])
def test_an_interrupted_rendering_goes_on_to_the_same_bytes(
    how: str, tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrion import playing
    from orchestrion.renderer import parallel

    monkeypatch.setattr(parallel, "VOICES_PER_BATCH", 1)  # so that there is more than one block
    arguments = ["render", "ode-to-joy", "-i", str(tiny), "--transpose", "-7", "--end", "10", "--seed", "4", how]
    run(*arguments[1:], "-o", "whole.wav")
    before = set(folder.iterdir())
    original = playing.resumable

    def interrupted(*args, **options):
        for number, block in enumerate(original(*args, save_every_s=0.0, **options)):
            if number == 1:
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(playing, "resumable", interrupted)
    result = CliRunner().invoke(cli, [*arguments, "--resume", "-o", "whole2.wav"])
    assert result.exit_code == 130
    journal = set(folder.iterdir()) - before
    assert journal and not (folder / "whole2.wav").exists()
    monkeypatch.setattr(playing, "resumable", original)
    run(*arguments[1:], "--resume", "-o", "whole2.wav")
    assert (folder / "whole2.wav").read_bytes() == (folder / "whole.wav").read_bytes()
    assert not any(path.exists() for path in journal)


def test_a_gpu_is_asked_for_where_there_is_none(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for output in ("out.wav", "-"):
        result = CliRunner().invoke(cli, ["render", "ode-to-joy", "-i", str(tiny), "--device", "cuda", "-o", output])
        assert result.exit_code == 1 and result.stderr.startswith("Error: There is no NVIDIA GPU")
        assert result.stderr.count("\n") == 1 and not list(folder.iterdir())


def test_the_device_is_chosen_told_the_player_and_noted(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is said to have a GPU; what plays in its place here is the processor."""
    from orchestrion import playing, rendering
    from orchestrion.renderer.sampler import generate
    from orchestrion.renderer.streaming import Stream

    told = []

    def on_processor(play):
        def with_device(*arguments, device, **options):
            told.append(device)
            return play(*arguments, **options)

        return with_device

    for module in (playing, rendering):
        monkeypatch.setattr(module, "choose", lambda asked, configs, storage: "cpu" if asked == "cpu" else "cuda")
    monkeypatch.setattr(playing, "Stream", on_processor(Stream))
    monkeypatch.setattr(playing, "generate", on_processor(generate))
    for device, count in (("auto", 1), ("cpu", 1), ("cuda", 2)):
        run("ode-to-joy", "-i", tiny, "--transpose", -7, "--end", 0.3, "--device", device, "--count", count, "-o", f"{device}.wav")
    assert told == ["cuda", "cpu", "cuda"]
    written = [json.loads((folder / name).read_text()) for name in ("auto.wav.json", "cpu.wav.json", "cuda-1.wav.json")]
    assert [settings["device"] for settings in written] == ["cuda", "cpu", "cuda"]
    assert [settings["storage"] for settings in written] == ["float16", "int8", "float16"]
    assert [settings["options"]["device"] for settings in written] == ["auto", "cpu", "cuda"]


def test_each_part_is_played_by_who_its_program_names_and_drums_are_said_to_be_left_out(tmp_path: Path) -> None:
    score = Score(
        (
            Part("Top", 40, (Note(0.0, 0.2, 72, 80),)),
            Part("Low", 42, (Note(0.0, 0.2, 48, 80),)),
            Part("Kit", 0, (Note(0.0, 0.1, 36, 80),), is_drum=True),
        )
    )
    score.write(tmp_path / "trio.mid")
    done = run(tmp_path / "trio.mid", "-o", tmp_path / "trio.wav")
    assert "Top violin, Low cello" in done.stderr and "Left out: drums (Kit)." in done.stderr
    facts = json.loads((tmp_path / "trio.wav.json").read_text())
    assert [player["name"] for player in facts["instruments"]] == ["violin", "cello"]
