"""`orchestrion evaluate`, `compare`, `data`, `models`, `bench` and `train` with models of random weights and tiny data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from orchestrion.audio import Waveform
from tests.invoking import run

RATE = 16_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRION_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recordings(folder: Path) -> Path:
    """Three recordings of four decaying tones each, with their notes."""
    data = folder / "recordings"
    data.mkdir()
    time_s = np.arange(int(0.5 * RATE)) / RATE
    for number, pitches in enumerate(((60, 64, 67, 72), (72, 71, 67, 62), (55, 57, 59, 60))):
        tones = [np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * time_s) * np.exp(-4 * time_s) for p in pitches]
        Waveform(0.5 * np.concatenate(tones), RATE).write(data / f"piece{number}.wav")
        rows = [f"{i * 0.5:.3f}\t{i * 0.5 + 0.45:.3f}\t{pitch}\t80" for i, pitch in enumerate(pitches)]
        (data / f"piece{number}.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n" + "\n".join(rows) + "\n")
    return data


def test_evaluate_renderer_says_what_the_notes_are_worth(tiny: Path, recordings: Path) -> None:
    asked = ("evaluate", "renderer", "--instrument", tiny, "--data", recordings, "--seconds", 1)
    measured = json.loads(run(*asked, "--json").stdout)
    expected = {"bits_per_sample", "bits_per_sample_other_score", "note_f1_50ms", "note_f1_100ms",
                "ceiling_note_f1_50ms", "ceiling_note_f1_100ms", "floor_note_f1_50ms",
                "rest_below_note_db_median", "rest_below_note_db_worst"}  # fmt: skip
    assert expected <= set(measured)
    assert measured["pieces"] == 3 and len(measured["per_piece"]) == 3
    # Random weights know no better than a guess among 256 levels, and hear nothing of the score; the recording is heard.
    assert 7 < measured["bits_per_sample"] < 9
    assert measured["ceiling_note_f1_50ms"] > 0.5 > measured["note_f1_50ms"]
    assert json.loads(run(*asked, "--json").stdout) == measured
    assert "bits_per_sample_other_score" in run(*asked).stdout


def test_evaluate_renderer_of_one_recording_alone(tiny: Path, recordings: Path) -> None:
    for number in (1, 2):
        for suffix in (".wav", ".tsv"):
            (recordings / f"piece{number}{suffix}").unlink()
    asked = ("evaluate", "renderer", "--instrument", tiny, "--data", recordings, "--seconds", 1, "--json")
    measured = json.loads(run(*asked).stdout)
    assert measured["pieces"] == 1 and "bits_per_sample_other_score" in measured


def test_evaluate_renderer_without_data(tiny: Path, folder: Path) -> None:
    (folder / "empty").mkdir()
    for data in ("empty", "nowhere"):
        assert run("evaluate", "renderer", "-i", tiny, "--data", data, status=1).stderr.startswith("Error: ")


def test_evaluate_composer_beside_its_baselines(tiny_composer: Path, folder: Path) -> None:
    from scipy.io import savemat

    rolls = np.empty((1, 2), dtype=object)
    for i in range(2):
        rolls[0, i] = np.eye(88)[np.tile([39, 41, 43, 44], 8) + i]
    savemat(folder / "tiny.mat", {"traindata": rolls, "validdata": rolls, "testdata": rolls})
    measured = json.loads(
        run("evaluate", "composer", "--model", tiny_composer, "--data", "tiny.mat", "--split", "test", "--json").stdout
    )
    for name in ("", "baseline_unigram_", "baseline_markov_"):
        for average in ("frame_average", "sequence_average"):
            assert measured[f"{name}nll_per_step_{average}"] > 0
    assert measured["baseline_unigram_nll_per_step_frame_average"] < measured["nll_per_step_frame_average"]
    asked = ("evaluate", "composer", "--model", tiny_composer, "--data", "tiny.mat", "--writing", 2, "--seed", 1, "--json")
    written = json.loads(run(*asked).stdout)
    assert written["polyphony_held_out_p95"] == 1 and written["copied_windows_held_out"] == 1
    assert written == json.loads(run(*asked).stdout)


def test_what_follows_the_writing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar stood at its end for minutes, while what was written was compared."""
    shown: list[str] = []

    @contextmanager
    def told(label: str) -> Iterator[None]:
        shown.append(label)
        yield
        shown.append("gone")

    def measure(*arguments: object, report: Callable[[int], None], **options: object) -> dict[str, object]:
        report(1)
        assert not shown
        report(1)
        assert shown == ["Comparing with held-out pieces"]
        return {"pieces": 2}

    monkeypatch.setattr("orchestrion.cli.evaluate.waiting", told)
    monkeypatch.setattr("orchestrion.evaluation.composition.evaluate_composer.evaluate_writing", measure)
    run("evaluate", "composer", "--model", "melodies", "--data", "melodies", "--writing", 2)
    assert shown[-1] == "gone"


def test_compare_writes_a_report_that_stands_alone(tiny: Path, folder: Path) -> None:
    shown = json.loads(run("compare", "ode-to-joy", "-i", tiny, "--transpose", -7, "--end", 1.5, "-o", "out", "--json").stdout)
    names = {path.name for path in (folder / "out").iterdir()}
    assert {"conditioned.wav", "reference.wav", "report.json", "report.png", "report.html", "settings.json"} <= names
    assert shown == json.loads((folder / "out" / "report.json").read_text())
    # The same tune, cut and transposed, is no other tune.
    assert shown["floor_tune"] != "ode-to-joy"
    assert "unconditioned" in shown["takes"] and "unconditioned.wav" in names
    page = (folder / "out" / "report.html").read_text()
    assert "<audio" in page and "data:" in page and "http://" not in page and "https://" not in page


def test_data_list_and_check(recordings: Path) -> None:
    assert any(row["name"] == "soundfont:violin" for row in json.loads(run("data", "list", "--json").stdout))
    figures = json.loads(run("data", "check", recordings, "--json").stdout)
    assert figures["notes"] == 12 and figures["lowest_pitch"] == 55
    assert "notes" in run("data", "check", recordings).stdout


def test_data_check_names_what_is_wrong(recordings: Path) -> None:
    (recordings / "piece0.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n0.0\t99.0\t60\t80\n")
    assert "piece0" in run("data", "check", recordings, status=1).stderr


def test_an_unknown_soundfont_instrument(folder: Path) -> None:
    assert "kazoo" in run("data", "soundfont", "kazoo", "-o", "set", status=1).stderr
    assert not (folder / "set").exists()


def test_models(tiny: Path) -> None:
    rows = json.loads(run("models", "list", "--json").stdout)
    for row in rows:
        assert row["megabytes"] < 8 and row["licence"]
        assert row["what"].endswith(".") and len(row["what"]) < 300
        assert run("models", "card", row["name"]).stdout.startswith("#")
    listed = run("models", "list").stdout
    assert [line.split()[0] for line in listed.splitlines() if line[:1].strip()] == ["Instruments", "Composers", "Generators", "Networks"]
    assert re.search(r"  violin +G3–C7 +FluidR3 GM.*; MIT, 0\.\d MB", listed)
    assert listed.index("\n  tuba") < listed.index("Composers") < listed.index("composer-chorales") < listed.index("Generators") < listed.index("spectral-lstm")
    assert {row["kind"] for row in rows} == {"instrument", "composer", "generator", "network"}
    assert "Writes melodies" in listed and "soprano, alto, tenor and bass" in listed
    assert json.loads(run("models", "info", tiny).stdout)["pitch_range"] == [50, 72]
    assert run("models", "card", "nothing", status=1).stderr.startswith("Error: ")


def test_training_without_its_packages_is_told_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrion.training.runs.find_spec", lambda name: None)
    result = run("train", "renderer", "--data", "soundfont:violin", "-o", "run", status=1)
    assert "orchestrion[train]" in result.stderr and not list(folder.iterdir())


@pytest.mark.slow
def test_bench(folder: Path) -> None:
    rows = json.loads(run("bench", "--preset", "small", "--threads", 1, "--storage", "float32", "--score-seconds", 4, "--json").stdout)
    assert {row["mode"] for row in rows} == {"torch_step_loop", "one_voice", "32_voices", "parallel"}
    for row in rows:
        assert row["times_real_time"] > 0 and row["peak_memory_bytes"] > 0


@pytest.mark.slow
def test_train_a_renderer_and_play_it(recordings: Path, folder: Path) -> None:
    quick = ("--preset", "small", "--steps", 3, "--precision", "32-true", "--no-compile")
    run("train", "renderer", "--data", recordings, *quick, "-o", "run")
    assert {"model.safetensors", "settings.json", "metrics.jsonl"} <= {path.name for path in (folder / "run").iterdir()}
    run("render", "ode-to-joy", "-i", "run/model.safetensors", "--end", 0.2, "-o", "out.wav")
    assert "add --resume" in run("train", "renderer", "--data", recordings, "--steps", 3, "-o", "run", status=1).stderr
