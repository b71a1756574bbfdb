import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from orchestrion import progress
from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.comparison.conditioned import compare
from orchestrion.evaluation.judge import reference
from orchestrion.evaluation.judge.reference import additive
from orchestrion.options import AudioFormat
from orchestrion.score import BUILTIN_TUNES, Note, Part, Score

NOTES = tuple(Note(0.2 + 0.5 * i, 0.6 + 0.5 * i, p, 90) for i, p in enumerate((60, 62, 64, 65, 67, 67)))
SCORE = Score((Part("", 0, NOTES),), title="Six <b>notes</b> & more")


@pytest.fixture(autouse=True, scope="module")
def without_fluidsynth():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "has_fluidsynth", lambda: False)
        yield


def plays_the_notes(score: Score, *, seed: int) -> Waveform:
    return additive(score)


def plays_noise(score: Score, *, seed: int) -> Waveform:
    samples = np.random.default_rng(seed).normal(0, 0.05, round((score.duration_s + 3) * 16000))
    return Waveform(samples, 16000)


@pytest.fixture(scope="module")
def reported(without_fluidsynth, tmp_path_factory):
    """The folder and the result of one comparison."""
    folder = tmp_path_factory.mktemp("report")
    settings = {"temperature": 1.0}
    result = compare(
        SCORE, "fake", render=plays_the_notes, unconditioned=plays_noise, out_dir=folder, seed=3, settings=settings
    )
    return folder, result


def test_the_report_is_complete(reported):
    folder, result = reported
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "conditioned.wav", "unconditioned.wav", "reference.wav", "report.json", "report.png", "report.html",
    }  # fmt: skip
    assert json.loads((folder / "report.json").read_text()) == result.to_json()
    measures = result.measures
    assert measures["conditioned"]["note_f1_50ms"] > 0.8
    assert measures["unconditioned"]["note_f1_50ms"] < 0.2
    assert measures["floor"]["note_f1_50ms"] < 0.3
    assert result.seed == 3 and result.settings == {"temperature": 1.0}
    lengths = {len(Waveform.read(folder / f"{name}.wav").samples) for name in result.takes}
    assert len(lengths) == 1


def test_a_take_that_nothing_is_heard_of_is_said_to_be_silent(tmp_path):
    def is_all_but_silent(score: Score, *, seed: int) -> Waveform:
        return Waveform(plays_noise(score, seed=seed).samples * np.float32(1e-4), 16000)

    takes = compare(SCORE, "fake", render=plays_the_notes, unconditioned=plays_noise, network=is_all_but_silent, out_dir=tmp_path, seed=3, settings={}).takes
    assert [name for name, take in takes.items() if "silent" in take["heading"]] == ["network"]
    assert "Nothing is heard of it." in takes["network"]["what"] and "Fake, its network alone: silent" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_page_needs_no_other_file(reported):
    page = (reported[0] / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == 4 and all(source.startswith("data:") for source in sources)
    assert "http" not in page and "<script" not in page and "url(" not in page
    assert "<b>notes" not in page and "Six &lt;b&gt;notes" in page
    assert page.count("<audio controls") == 3 == page.count("aria-label=")
    assert 'lang="en"' in page and 'alt="' in page


def test_players_side_by_side_are_equally_loud(reported):
    folder, result = reported
    as_played = {round(integrated_loudness(Waveform.read(folder / f"{name}.wav"))) for name in result.takes}
    assert len(as_played) > 1
    for page in ((folder / "report.html").read_text(encoding="utf-8"), result._repr_html_()):
        clips = [base64.b64decode(clip) for clip in re.findall(r"data:audio/flac;base64,([^\"]+)", page)]
        levels = []
        for clip in clips:
            samples, rate = soundfile.read(io.BytesIO(clip), dtype="float32")
            levels.append(integrated_loudness(Waveform(samples, rate)))
        assert len(levels) == 3 and max(levels) - min(levels) < 0.3
        assert "equally loud" in page


def test_a_notebook_shows_measures_players_and_picture(reported):
    shown = reported[1]._repr_html_()
    assert shown.count("<audio controls") == 3 and shown.count("data:audio/flac;base64,") == 3
    assert "Notes right within 50 ms (F1)" in shown and f"{reported[1].measures['conditioned']['note_f1_50ms']:.2f}" in shown
    assert "<b>notes" not in shown and "&lt;b&gt;notes" in shown and "data:image/png" in shown


def test_a_notebook_leaves_out_what_is_gone(reported, tmp_path):
    assert "<audio" not in replace(reported[1], folder=tmp_path)._repr_html_()


def test_without_an_unconditioned_model_the_instrument_plays_another_tune(tmp_path):
    result = compare(SCORE, "fake", render=plays_the_notes, out_dir=tmp_path)
    assert set(result.takes) == {"conditioned", "other-score", "reference"}
    other = next(iter(BUILTIN_TUNES.values())).title
    assert other in result.takes["other-score"]["what"]
    assert result.measures["other-score"]["note_f1_50ms"] < 0.4


def test_a_driven_instrument_is_heard_whole_and_in_its_parts(tmp_path):
    result = compare(SCORE, "fake", render=plays_the_notes, source=plays_the_notes, network=plays_noise, out_dir=tmp_path)
    assert set(result.takes) == {"conditioned", "other-score", "reference", "source", "network"}
    assert result.measures["source"]["note_f1_50ms"] > 0.8 and result.measures["network"]["note_f1_50ms"] < 0.2
    assert (tmp_path / "network.wav").is_file()


def test_a_render_that_fails_leaves_nothing(tmp_path):
    def fails(score: Score, *, seed: int) -> Waveform:
        raise OrchestrionError("no weights")

    with pytest.raises(OrchestrionError, match="no weights"):
        compare(SCORE, "fake", render=plays_the_notes, unconditioned=fails, out_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_listening_and_writing_are_shown_of_at_a_terminal(tmp_path, monkeypatch):
    """They take as long as a minute together."""
    shown = []

    def draw(total, label):
        shown.append(label)
        return type("Screen", (), {"stop": lambda self: None, "update": lambda self, *_, **__: None})(), 0

    monkeypatch.setattr(progress, "_draw", draw)
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    compare(SCORE, "fake", render=plays_the_notes, unconditioned=plays_noise, out_dir=tmp_path)
    assert shown == ["Listening", "Writing the page"]


def test_the_folder_must_be_there(tmp_path):
    with pytest.raises(OrchestrionError, match="not a folder"):
        compare(SCORE, "fake", render=plays_the_notes, out_dir=tmp_path / "missing")


def test_files_are_written_as_asked_and_what_is_played_is_measured(tmp_path, reported):
    folder = tmp_path / "wanted"
    folder.mkdir()
    result = compare(SCORE, "fake", render=plays_the_notes, out_dir=folder, wanted=AudioFormat(rate=44_100, channels=2, bits=24))
    for name in result.takes:
        info = soundfile.info(folder / f"{name}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (44_100, 2, "PCM_24")
    assert result.measures["conditioned"] == reported[1].measures["conditioned"]
