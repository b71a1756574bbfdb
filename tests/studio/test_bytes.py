"""What the studio makes, its command line makes: the same bytes."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestrion.cli.app import cli
from tests.studio.conftest import DUO, TUNE, Page


def run(command: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    words = shlex.split(command)
    assert words[0] == "orchestrion"
    result = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output


RENDERINGS = [
    (TUNE, ["violin"], {"seed": "3", "parallel": False}, "conditioned"),
    (TUNE, ["flute"], {"seed": 4, "vibrato": "0", "temperature": "0.7", "length_s": "1.25", "parallel": True, "storage": "bfloat16"}, "conditioned"),
    (TUNE, ["violin"], {"noise": "0.25"}, "source"),
    (TUNE, ["violin"], {"length_s": "0.9"}, "unconditioned"),
    (DUO, ["violin", "piano"], {"gains_db": [-3, 0.5], "pans": [-0.4, 0.4], "parallel": False}, "conditioned"),
    (DUO, ["flute", "piano"], {}, "source"),
    (DUO, ["piano"], {"seed": 9, "parallel": False}, "source"),
]  # fmt: skip


@pytest.mark.parametrize(("score", "players", "options", "version"), RENDERINGS)
def test_the_command_of_a_rendering_writes_the_same_file(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: object, players: list[str], options: dict[str, object], version: str
) -> None:
    take = page.take("/api/render", {"score": score, "players": players, "options": options, "version": version})
    get = page.client.get
    (tmp_path / f"{take['name']}.mid").write_bytes(get(f"/api/takes/{take['take']}/mid").content)
    run(str(take["command"]), tmp_path, monkeypatch)
    assert (tmp_path / f"{take['name']}.wav").read_bytes() == get(f"/api/takes/{take['take']}/wav").content


def test_the_command_of_a_reference_writes_it_into_its_report(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"score": DUO, "players": ["violin", "piano"], "version": "reference", "options": {"length_s": "1.5", "seed": 3, "pans": [-1, 1]}}
    take = page.take("/api/render", asked)
    (tmp_path / f"{take['name']}.mid").write_bytes(page.client.get(f"/api/takes/{take['take']}/mid").content)
    run(str(take["command"]), tmp_path, monkeypatch)
    assert (tmp_path / str(take["name"]) / "reference.wav").read_bytes() == page.client.get(f"/api/takes/{take['take']}/wav").content


def test_the_command_of_a_piece_writes_the_same_file(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"bars": "2", "key": "A minor", "meter": "3/4", "tempo": "90", "pitch_range": "C4-C6", "chords": "| Am | E7 |", "seed": "5",
               "expression": "0.5", "count": "2"}  # fmt: skip
    events, _ = page.job("/api/compose", {"options": options})
    takes = [event for event in events if event["event"] == "take"]
    assert [take["name"] for take in takes] == ["take-1-1", "take-1-2"]
    run(str(takes[0]["command"]), tmp_path, monkeypatch)
    for take in takes:
        assert (tmp_path / f"{take['name']}.mid").read_bytes() == page.client.get(f"/api/takes/{take['take']}/mid").content
    first = page.client.get(f"/api/takes/{takes[0]['take']}/mid").content
    assert first != page.client.get(f"/api/takes/{takes[1]['take']}/mid").content


def test_what_a_piece_was_given_can_be_had_and_its_command_reads_it(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = [[0.5 * i, 0.5 * i + 0.5, 60 + (i * 5) % 12, 80] for i in range(8)]
    score = {**TUNE, "parts": [{**TUNE["parts"][0], "notes": notes}]}
    take = page.take("/api/compose", {"options": {"fill": "2", "seed": 2}, "sources": {"keep": "current"}, "score": score})
    (name,) = take["inputs"]
    (tmp_path / name).write_bytes(page.client.get(f"/api/takes/{take['take']}/given").content)
    run(str(take["command"]), tmp_path, monkeypatch)
    written = page.client.get(f"/api/takes/{take['take']}/mid").content
    assert (tmp_path / f"{take['name']}.mid").read_bytes() == written
    # The first bar is what was given; a take is itself something to go on from, as is a built-in tune.
    filled = page.client.get(f"/api/takes/{take['take']}/score").json()["score"]["parts"][0]["notes"]
    assert [row[2] for row in filled if row[0] < 2.0] == [row[2] for row in notes[:4]]
    more = page.take("/api/compose", {"options": {"bars": "1", "seed": 1}, "sources": {"prime": f"take:{take['take']}"}})
    (tmp_path / f"{take['name']}.mid").write_bytes(written)
    run(str(more["command"]), tmp_path, monkeypatch)
    assert (tmp_path / f"{more['name']}.mid").read_bytes() == page.client.get(f"/api/takes/{more['take']}/mid").content


def test_what_is_heard_while_it_is_made_is_what_is_kept(page: Page) -> None:
    import numpy as np

    events, audio = page.job("/api/render", {"score": DUO, "players": ["violin", "piano"], "options": {"pans": [-1, 1], "parallel": False}})
    heard = np.frombuffer(audio, "<f4").reshape(-1, 2)
    (take,) = [event for event in events if event["event"] == "take"]
    kept = np.frombuffer(page.client.get(f"/api/takes/{take['take']}/audio").content, "<f4").reshape(-1, 2)
    begun = next(event for event in events if event["event"] == "playing")
    assert begun["channels"] == 2 and len(heard) == begun["samples"] == len(kept)
    np.testing.assert_allclose(heard * 10 ** (-float(str(take["lowered_db"])) / 20), kept, atol=1e-6)
    assert np.abs(heard[:, 0]).max() > 0.01 and np.abs(heard[:, 1]).max() > 0.01
