"""Fault: a folder of scores is rendered by a process that is killed, or one of the scores is broken.

Started again, the command must play only what is not finished, by the checksums of score, settings, weights and audio; a
broken score costs one line at the end and the status; shards share the scores out without gap or overlap.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from orchestrion import rendering
from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.score import Note, Part, Score
from tests.invoking import run

N = 5


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with `N` short scores in ``scores``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores").mkdir()
    for n in range(N):
        Score((Part("", 0, (Note(0.0, 0.1, 52 + n, 80),)),)).write(tmp_path / "scores" / f"s{n}.mid")
    return tmp_path


def invoke(tiny: Path, *arguments: object, status: int = 0) -> Result:
    return run("render", "scores", "-i", tiny, *arguments, status=status)


def played(result: Result) -> list[str]:
    """The stems of the scores that were played."""
    return [Path(line.split("  ")[0]).stem for line in result.stdout.splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def audio(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if name.endswith(".wav")}


def test_what_is_finished_is_not_played_again(tiny: Path, folder: Path) -> None:
    assert played(invoke(tiny, "-o", "out")) == [f"s{n}" for n in range(N)]
    before = contents(folder / "out")
    again = invoke(tiny, "-o", "out")
    assert played(again) == [] and f"0 of {N} played, {N} finished before" in again.stderr
    assert contents(folder / "out") == before
    assert len(played(invoke(tiny, "-o", "out", "--force"))) == N
    assert contents(folder / "out").keys() == before.keys()


@pytest.mark.parametrize("change", [["--seed", 3], ["--transpose", 2], ["--speed", 2], ["--storage", "float32"], ["--temperature", 0.5],
                                    ["--pan", 0.5], ["--gain", -3], ["--exact"]], ids=str)  # fmt: skip
def test_other_settings_are_played_anew(change: list, tiny: Path, folder: Path) -> None:
    invoke(tiny, "-o", "out")
    assert len(played(invoke(tiny, "-o", "out", *change))) == N
    assert played(invoke(tiny, "-o", "out", *change)) == []


def test_only_what_changed_is_played_anew(tiny: Path, folder: Path) -> None:
    invoke(tiny, "-o", "out", "--count", 2)
    (folder / "out" / "s0-1.wav").unlink()
    (folder / "out" / "s1-2.wav.json").unlink()
    (folder / "out" / "s2-1.wav.json").write_text("[" * 100_000)
    damaged = bytearray((folder / "out" / "s2-2.wav").read_bytes())
    damaged[-9] ^= 1
    (folder / "out" / "s2-2.wav").write_bytes(damaged)
    shutil.copy(folder / "scores" / "s4.mid", folder / "scores" / "s3.mid")
    assert played(invoke(tiny, "-o", "out", "--count", 2)) == ["s0-1", "s1-2", "s2-1", "s2-2", "s3-1", "s3-2"]


def test_other_weights_are_played_anew(tiny: Path, folder: Path, tmp_path: Path) -> None:
    from orchestrion import weights

    other = tmp_path / "tiny.safetensors"
    tensors, metadata = weights.load(tiny)
    shutil.copy(tiny, other)
    invoke(other, "-o", "out")
    weights.save(other, tensors | {"b_out": tensors["b_out"] + 0.1}, metadata)
    assert len(played(invoke(other, "-o", "out"))) == N


def test_a_killed_run_goes_on_where_it_was(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after each take in turn, and between the audio and its settings file, which is what makes it finished."""
    invoke(tiny, "-o", "whole")
    monkeypatch.setattr(rendering, "TOGETHER_S", {"cpu": 0.1})
    original, kept = rendering.render_takes, []

    def killed(*arguments: object, **options: object) -> Iterator[rendering.Outcome]:
        for outcome in original(*arguments, **options):
            if outcome.status == rendering.PLAYED:
                if kept.count(outcome.take.source) == 1:
                    yield outcome
                kept.append(outcome.take.source)
                raise KeyboardInterrupt
            yield outcome

    monkeypatch.setattr(rendering, "render_takes", killed)
    for _ in range(2 * N):
        invoke(tiny, "-o", "out", status=130)
    assert sorted(kept) == sorted([f"scores/s{n}.mid" for n in range(N)] * 2)
    assert played(invoke(tiny, "-o", "out")) == [] and audio(folder / "out") == audio(folder / "whole")
    assert contents(folder / "out").keys() == contents(folder / "whole").keys()


@pytest.mark.parametrize("with_resume", [False, True])
def test_a_broken_score_costs_a_line_and_the_status(with_resume: bool, tiny: Path, folder: Path) -> None:
    resume = ["--resume"] if with_resume else []
    (folder / "scores" / "s1.mid").write_bytes(b"MThd nonsense")
    (folder / "scores" / "empty.abc").write_bytes(b"")
    result = invoke(tiny, "-o", "out", *resume, status=1)
    assert played(result) == ["s0", "s2", "s3", "s4"]
    lines = result.stderr.splitlines()
    assert [line.split()[0] for line in lines] == ["Failed:", "Failed:", "4"] and lines[-1].endswith("2 failed.")
    assert "empty.abc" in lines[0] and "s1.mid" in lines[1]
    assert {path.suffix for path in (folder / "out").iterdir()} == {".wav", ".json"}
    as_json = [json.loads(line) for line in invoke(tiny, "-o", "out", "--json", *resume, status=1).stdout.splitlines()]
    assert ["error" in entry for entry in as_json].count(True) == 2
    assert [entry.get("skipped") for entry in as_json].count("finished") == 4


class Clock:
    """Stands in for the module ``time``: a second passes for each second of audio that is played."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        original = rendering.playing.play_all

        def play_all(scores, players, options, *, advance):
            def passing(n: float = 1) -> None:
                self.now += n
                advance(n)

            return original(scores, players, options, advance=passing)

        monkeypatch.setattr(rendering.playing, "play_all", play_all)
        monkeypatch.setattr(rendering, "time", self)

    def monotonic(self) -> float:
        return self.now


def told(result: Result) -> list[str]:
    """What the lines of a log say of a whole run, after the file's own length."""
    return [line.split(" s; ")[1].split("  (")[0] for line in result.stdout.splitlines()]


@pytest.mark.parametrize("n_together", [1, 2, N])
def test_files_done_failed_and_the_time_left_are_told(n_together: int, tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All scores last the same, and are played in as much; together or not, the time left is that of the scores that are left."""
    for n in range(N):
        Score((Part("", 0, (Note(0.0, 9.9, 52 + n, 80),)),)).write(folder / "scores" / f"s{n}.mid")
    (folder / "scores" / "s1.mid").write_bytes(b"MThd nonsense")
    length_s = rendering.Span.of(Score.read(folder / "scores" / "s0.mid"), rendering.Playing()).duration_s
    monkeypatch.setattr(rendering, "TOGETHER_S", {"cpu": (n_together + 0.5) * length_s})
    Clock(monkeypatch)
    lines = told(invoke(tiny, "-o", "out", status=1))
    # What fails is told as soon as it is read, before those with which it would have been played.
    expected = {1: [3, 2, 1, 0], 2: [2, 2, 0, 0], N: [0, 0, 0, 0]}  # scores left
    assert lines == [f"{n} of 5, 1 failed, {left * length_s:.0f} s left" for n, left in zip((2, 3, 4, 5), expected[n_together], strict=True)]


def test_what_a_group_lost_by_a_failure_is_not_counted_twice(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scores are played once more, one by one: of 1.1 s each, so that seven have been played when the third is there."""
    from orchestrion.audio import Waveform

    original = Waveform.write

    def write(self: Waveform, path: Path, wanted: object) -> None:
        if path.stem == "s1":
            raise OrchestrionError("No.")
        original(self, path, wanted)

    monkeypatch.setattr(Waveform, "write", write)
    Clock(monkeypatch)
    lines = told(invoke(tiny, "-o", "out", status=1))
    assert lines == ["1 of 5, 0 s left", "3 of 5, 1 failed, 8 s left", "4 of 5, 1 failed, 3 s left", "5 of 5, 1 failed, 0 s left"]


def test_a_terminal_shows_files_done_failed_and_the_time_left(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that is drawn again and again, and is gone at the end."""
    from orchestrion import progress

    shown: list[tuple[str, float]] = []

    class Display:
        def update(self, task: int, *, completed: float, description: str | None) -> None:
            shown.append((description or shown[-1][0], completed))

        def stop(self) -> None:
            shown.append(("", 0))

    monkeypatch.setattr(progress, "DELAY_S", -1.0)
    monkeypatch.setattr(progress, "_draw", lambda total, label: (Display(), 0))
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: True)))
    (folder / "scores" / "s1.mid").write_bytes(b"MThd nonsense")
    invoke(tiny, "-o", "out", status=1)
    labels = list(dict.fromkeys(label for label, _ in shown if "of" in label))
    assert labels == [f"{n} of 5 done, 1 failed" for n in range(N)]
    amounts = [amount for label, amount in shown if "of" in label]
    assert amounts == sorted(amounts) and amounts[-1] == N, amounts


def test_a_score_that_cannot_be_played_does_not_take_others_with_it(
    tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found out only among others that are played at the same time."""
    from orchestrion.renderer.instrument import Instrument

    original = Instrument.series

    def series(self: Instrument, score: Score, **options: object):
        if score.notes[0].pitch == 54:
            raise OrchestrionError("This score cannot be played.")
        return original(self, score, **options)

    monkeypatch.setattr(Instrument, "series", series)
    result = invoke(tiny, "-o", "out", status=1)
    assert played(result) == ["s0", "s1", "s3", "s4"]
    assert "Failed: scores/s2.mid: This score cannot be played." in result.stderr


def test_a_full_disk_ends_the_run_at_once(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestrion.audio import Waveform

    tried = []

    def write(self: Waveform, path: Path, wanted: object) -> None:
        tried.append(path)
        raise OrchestrionError(f"Cannot write {path}: No space left on device.") from OSError(28, "No space left on device")

    monkeypatch.setattr(Waveform, "write", write)
    result = invoke(tiny, "-o", "out", status=1)
    assert len(tried) == 1 and result.stderr.startswith("Error: Cannot write") and result.stderr.count("\n") == 1


def test_shards_share_the_scores_out(tiny: Path, folder: Path) -> None:
    invoke(tiny, "-o", "whole")
    shares = [played(invoke(tiny, "-o", "out", "--shard", f"{k}/3")) for k in (1, 2, 3)]
    assert shares == [["s0", "s3"], ["s1", "s4"], ["s2"]]
    assert contents(folder / "out").keys() == contents(folder / "whole").keys()
    assert audio(folder / "out") == audio(folder / "whole")
    assert played(invoke(tiny, "-o", "out")) == []
    assert "none is in this one" in invoke(tiny, "-o", "out", "--shard", f"{N + 1}/{N + 1}").stderr


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "1/", "a/b", "-1/3", "1/9999999", "²/3"])
def test_no_such_share(shard: str, tiny: Path, folder: Path) -> None:
    assert "is not a share" in invoke(tiny, "-o", "out", "--shard", shard, status=2).stderr
    assert not (folder / "out").exists()


def test_a_share_needs_a_folder(tiny: Path, folder: Path) -> None:
    assert "-o DIR/" in invoke(tiny, "-o", "out.wav", "--shard", "1/3", status=2).stderr


def test_a_journal_in_the_way_goes_when_the_file_is_made_or_by_force(tiny: Path, folder: Path) -> None:
    from orchestrion import weights

    (folder / "out").mkdir()
    journals = [folder / "out" / ".s0.wav.resume.state", folder / "out" / ".s0.wav.resume.f32"]

    def leave() -> None:
        weights.save(journals[0], {}, {"architecture": "interrupted-rendering-2", "settings": "others", "samples": 0})
        journals[1].touch()

    leave()
    assert "other settings" in invoke(tiny, "-o", "out", "--resume", status=1).stderr
    for how in (["--resume", "--force"], ["--force"]):
        leave()
        invoke(tiny, "-o", "out", *how)
        assert not any(path.exists() for path in journals)


def test_a_journal_for_an_ensemble_is_refused_before_anything_is_played(folder: Path) -> None:
    duo = (Part("Violin", 40, (Note(0.0, 0.1, 67, 80),)), Part("Cello", 42, (Note(0.0, 0.1, 50, 80),)))
    Score(duo).write(folder / "scores" / "z.mid")
    result = CliRunner().invoke(cli, ["render", "scores", "--resume", "-o", "out"])
    assert result.exit_code == 2 and "choose one by -i" in result.stderr and not (folder / "out").exists()
