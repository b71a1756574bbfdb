"""`--rate`, `--channels`, `--bits`, `--end` and `--tail` on the commands that write audio."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import orchestrion
from orchestrion.cli import rendering as cli_rendering
from orchestrion.score import Note, Part, Score
from tests.invoking import run

RATE = 16_000  # the tiny instrument's


pytestmark = pytest.mark.usefixtures("folder")


def line(*onsets_s: float, pitch: int = 60) -> Part:
    return Part("line", 40, tuple(Note(at_s, at_s + 0.3, pitch, 90) for at_s in onsets_s))


def frames(path: str) -> int:
    return int(soundfile.info(path).frames)


@pytest.mark.parametrize("end_s", [0.123, 0.5, 1.0])
def test_the_audio_ends_where_end_says(tiny: Path, end_s: float) -> None:
    run("render", "ode-to-joy", "-i", tiny, "--end", end_s, "-o", "a.wav")
    assert frames("a.wav") == round(end_s * RATE)
    run("render", "ode-to-joy", "-i", tiny, "--start", 0.1, "--end", 0.1 + end_s, "--rate", 44100, "-o", "b.wav")
    assert abs(frames("b.wav") - end_s * 44_100) <= 2
    last = soundfile.read("a.wav")[0][-20:]
    assert np.abs(last).max() < 0.05  # faded


def test_a_rest_before_the_end_is_in_the_file(tiny: Path) -> None:
    Score((line(0.0, 3.0),)).write("rest.mid")
    for name, how in (("one.wav", "--exact"), ("cut.wav", "--parallel")):
        run("render", "rest.mid", "-i", tiny, "--end", 2, how, "-o", name)
        assert frames(name) == 2 * RATE


def test_a_rest_at_the_end_counts_and_a_short_score_rings_out(tiny: Path) -> None:
    Score((line(0.0, 3.0),)).write("rest.mid")
    Score((line(0.0),)).write("short.mid")
    run("render", "rest.mid", "short.mid", "-i", tiny, "--end", 2.5, "-o", "out")
    assert frames("out/rest.wav") == 2.5 * RATE
    assert frames("out/short.wav") == pytest.approx(1.3 * RATE, abs=200)
    run("render", "rest.mid", "-i", tiny, "--end", 3.2, "--tail", "-o", "tail.wav")
    assert frames("tail.wav") == pytest.approx(4.2 * RATE, abs=200)


def test_nothing_before_the_end_is_a_sentence(tiny: Path) -> None:
    Score((line(2.0),), title="Late").write("late.mid")
    said = run("render", "late.mid", "-i", tiny, "--end", 1, "-o", "a.wav", status=1).stderr
    assert "Nothing is left to play of Late" in said and not Path("a.wav").exists()
    assert "must come after the start" in run("render", "late.mid", "-i", tiny, "--start", 2, "--end", 1, "-o", "a.wav", status=2).stderr


def test_the_second_part_may_enter_after_the_end(tiny: Path) -> None:
    Score((line(0.0), line(2.0, pitch=55))).write("duo.mid")
    run("render", "duo.mid", "-i", tiny, "-i", tiny, "--pan", -1, "--pan", 1, "--end", 0.5, "-o", "a.wav")
    assert soundfile.info("a.wav").channels == 2 and frames("a.wav") == 0.5 * RATE
    run("render", "duo.mid", "-i", tiny, "-i", tiny, "--pan", -1, "--pan", 1, "--end", 0.5, "--channels", 1, "-o", "b.wav")
    assert soundfile.info("b.wav").channels == 1


def test_rate_channels_and_bits_are_in_the_file_and_its_settings(tiny: Path) -> None:
    run("render", "ode-to-joy", "-i", tiny, "--end", 0.5, "--rate", 44100, "--channels", 2, "--bits", 24, "-o", "a.wav")
    info = soundfile.info("a.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (44_100, 2, "PCM_24", 22_050)
    said = json.loads(Path("a.wav.json").read_text())
    assert (said["sample_rate"], said["channels"], said["bits"]) == (44_100, 2, 24)
    piped = run("render", "ode-to-joy", "-i", tiny, "--end", 0.5, "--rate", 44100, "--channels", 2, "--bits", 24, "--exact", "-o", "-")
    heard, rate = soundfile.read(io.BytesIO(piped.stdout_bytes))
    assert rate == 44_100 and heard.shape == (22_050, 2)
    np.testing.assert_allclose(heard, soundfile.read("a.wav")[0], atol=1e-5)


def test_what_a_format_lacks_is_said_before_anything_is_played(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_rendering, "players_of", lambda *_, **__: pytest.fail("played"))
    assert "no bits a sample" in run("render", "ode-to-joy", "--bits", 24, "-o", "a.mp3", status=1).stderr
    assert "not at 44,100" in run("render", "ode-to-joy", "--rate", 44100, "-o", "a.opus", status=1).stderr
    assert "give 16, 24 or 32" in run("render", "ode-to-joy", "--bits", 8, "-o", "a.wav", status=2).stderr
    assert not list(Path().iterdir())


def test_into_a_folder_other_formats_and_another_rate_are_made_anew(tiny: Path) -> None:
    Score((line(0.0),)).write("a.mid")
    run("render", "a.mid", "-i", tiny, "--format", "mp3", "-o", "out")
    assert soundfile.info("out/a.mp3").format == "MP3"
    again = run("render", "a.mid", "-i", tiny, "--format", "mp3", "-o", "out", "--json").stdout
    assert json.loads(again)["skipped"] == "finished"
    run("render", "a.mid", "-i", tiny, "--format", "mp3", "--rate", 48000, "-o", "out")
    assert soundfile.info("out/a.mp3").samplerate == 48_000
    assert "--format is for a folder" in run("render", "a.mid", "-i", tiny, "--format", "mp3", "-o", "a.flac", status=2).stderr


@pytest.mark.parametrize("how", [("--exact",), ("--parallel",)])
def test_a_rendering_that_is_resumed_is_the_same_at_another_rate(tiny: Path, monkeypatch: pytest.MonkeyPatch, how: tuple[str, ...]) -> None:
    from orchestrion import playing
    from orchestrion.renderer import resuming

    command = ("render", "ode-to-joy", "-i", tiny, "--transpose", -7, "--end", 3, *how, "--rate", 44100, "--channels", 2)
    run(*command, "-o", "whole.wav")
    original = playing.write_blocks
    monkeypatch.setattr(resuming, "FIRST_SAVE_S", 0.0)
    monkeypatch.setattr(resuming, "SAVE_EVERY_S", 0.0)

    def killed(path: Path, blocks, *arguments: object, **options: object) -> None:
        def until_half():
            n = 0
            for block in blocks:
                n += len(block)
                yield block
                if n > RATE:
                    raise KeyboardInterrupt

        original(path, until_half(), *arguments, **options)

    monkeypatch.setattr(playing, "write_blocks", killed)
    run(*command, "--resume", "-o", "a.wav", status=130)
    assert resuming.interrupted(Path("a.wav")) and not Path("a.wav").exists()
    monkeypatch.setattr(playing, "write_blocks", original)
    run(*command, "--resume", "-o", "a.wav")
    assert Path("a.wav").read_bytes() == Path("whole.wav").read_bytes()


def test_perform_is_panned_and_written_as_asked(tiny: Path, tiny_composer: Path) -> None:
    said = json.loads(run("perform", "-i", tiny, "--model", tiny_composer, "--range", "60-70", "--bars", 1, "--tempo", 240, "--pan", -1,
                          "--rate", 48000, "--format", "flac", "-o", "demo", "--json").stdout)  # fmt: skip
    info = soundfile.info("demo/melody.flac")
    assert (info.samplerate, info.channels) == (48_000, 2) == (said["sample_rate"], said["channels"])
    left, right = soundfile.read("demo/melody.flac")[0].T
    assert np.abs(left).max() > 0.01 and np.abs(right).max() < 1e-3


def test_scores_of_a_folder_are_read_one_at_a_time(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no more than one second of audio in memory, the second score is read after the first was played."""
    from orchestrion import rendering

    for name in "abc":
        Score((line(0.0),)).write(f"{name}.mid")
    monkeypatch.setattr(rendering, "TOGETHER_S", {"cpu": 1.0})
    events: list[str] = []
    original = cli_rendering.Rendering.read
    monkeypatch.setattr(cli_rendering.Rendering, "read", lambda self, source: events.append(f"read {Path(source).stem}") or original(self, source))
    played = rendering.playing.play_all
    monkeypatch.setattr(rendering.playing, "play_all", lambda *a, **k: events.append("play") or played(*a, **k))
    run("render", "a.mid", "b.mid", "c.mid", "-i", f"{tiny}=rest", "-o", "out")
    assert events == ["read a", "read b", "play", "read c", "play", "play"]


def test_the_same_in_python(tiny: Path) -> None:
    audio = orchestrion.render("ode-to-joy", str(tiny), length_s="0.5")
    assert len(audio.samples) == RATE // 2
    audio.write("a.wav", orchestrion.AudioFormat(rate=44_100, channels=2))
    assert soundfile.info("a.wav").channels == 2 and frames("a.wav") == 22_050
    streamed = np.concatenate(list(orchestrion.stream("ode-to-joy", str(tiny), length_s=0.5)))
    np.testing.assert_array_equal(streamed, audio.samples)
