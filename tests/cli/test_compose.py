"""`orchestrion compose` and `perform`, with models of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import orchestrion
from orchestrion.errors import OrchestrionError
from orchestrion.score import Score
from orchestrion.values import pitch
from tests.invoking import run


def test_same_seed_same_bytes(tiny_composer: Path, folder: Path) -> None:
    for name, seed in (("a.mid", 5), ("b.mid", 5), ("c.mid", 6)):
        run("compose", "--model", tiny_composer, "--bars", 2, "--seed", seed, "-o", name)
    assert (folder / "a.mid").read_bytes() == (folder / "b.mid").read_bytes() != (folder / "c.mid").read_bytes()


def test_constraints_are_kept_and_written_down(tiny_composer: Path, folder: Path) -> None:
    asked = ("--bars", 4, "--meter", "3/4", "--tempo", 90, "--key", "G major", "--range", "G4-G5", "--polyphony", 1)
    run("compose", "--model", tiny_composer, *asked, "-o", "waltz.musicxml")
    run("compose", "--model", tiny_composer, *asked, "-o", "waltz.mid")
    score = Score.read("waltz.mid")
    assert {note.pitch % 12 for note in score.notes} <= {7, 9, 11, 0, 2, 4, 6}
    assert all(67 <= note.pitch <= 79 for note in score.notes)
    assert (score.meters[0].numerator, score.meters[0].denominator) == (3, 4)
    assert score.tempos[0].bpm == pytest.approx(90, abs=0.01)
    options = json.loads((folder / "waltz.musicxml.json").read_text())["options"]
    assert options["pitch_range"] == [67, 79] and options["meter"] == [3, 4] and options["key"] == "G major"


def test_count_numbers_the_files_and_each_is_its_own(tiny_composer: Path, folder: Path) -> None:
    run("compose", "--model", tiny_composer, "--bars", 2, "--count", 3, "-o", "tune.mid")
    contents = {(folder / f"tune-{i}.mid").read_bytes() for i in (1, 2, 3)}
    assert len(contents) == 3


def test_prime_begins_the_piece(tiny_composer: Path, folder: Path) -> None:
    run("compose", "--model", tiny_composer, "--prime", "frere-jacques", "--bars", 1, "-o", "more.mid")
    primed, prime = Score.read("more.mid"), Score.read("frere-jacques")
    n = len(prime.notes)
    assert [note.pitch for note in primed.notes[:n]] == [note.pitch for note in prime.notes]


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("--meter", "waltz"), 2),
        (("--range", "C9-C4"), 2),
        (("--range", "H4-C5"), 2),
        (("--bars", 2, "--seconds", 3), 2),
        (("--key", "H major"), 2),
        (("--range", "0-3"), 1),
        (("--prime", "nothing.mid"), 1),
    ],
)
def test_what_cannot_be_composed(tiny_composer: Path, folder: Path, arguments: tuple, status: int) -> None:
    result = run("compose", "--model", tiny_composer, *arguments, "-o", "a.mid", status=status)
    assert result.stderr.strip().splitlines()[-1].startswith("Error: ")
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("wishes", "sentence"), [
    (("compose", "--keep", "ode-to-joy", "--fill", "50-60", "-o", "tune.mid"), "bars 50-60 cannot be filled"),
    (("perform", "--range", "0-3", "--name", "tune", "-o", "."), "No pitch is left"),
])  # fmt: skip
def test_what_is_replaced_is_said_only_where_something_is(tiny_composer: Path, folder: Path, wishes: tuple, sentence: str) -> None:
    """A warning that a file would be replaced stood before the error that left it alone."""
    Path("tune.mid").touch()
    said = run(*wishes, "--model", tiny_composer, status=1).stderr
    assert sentence in said and "replaced" not in said
    assert "tune.mid exists already and will be replaced" in run("compose", "--model", tiny_composer, "--bars", 1, "-o", "tune.mid").stderr


def test_variations_without_a_prime_are_refused_before_anything_is_loaded(folder: Path) -> None:
    assert "give a prime" in run("compose", "--model", "there-is-none", "--variations", 2, "-o", "tune.mid", status=2).stderr


def test_perform_writes_notes_audio_picture_and_settings(tiny_composer: Path, tiny: Path, folder: Path) -> None:
    arguments = ("perform", "--model", tiny_composer, "-i", tiny, "--bars", 1, "--tempo", 240, "--seed", 2)
    run(*arguments, "-o", "one")
    shown = json.loads(run(*arguments, "-o", "two", "--json").stdout)
    names = {"melody.mid", "melody.wav", "melody.png", "melody.json"}
    assert {path.name for path in (folder / "one").iterdir()} == names
    for name in names - {"melody.json"}:  # which names the folder
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes(), name
    assert shown["instruments"][0]["name"] == "tiny" and shown["options"]["seed"] == 2
    assert (folder / "one" / "melody.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_instrument_or_mix_is_told_before_a_piece_is_written(tiny: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrion.composer.compose.compose", None)
    assert "There is no instrument 'kazoo'" in run("perform", "-i", "kazoo", "-o", "one", status=1).stderr
    said = run("perform", "-i", tiny, "--gain", 3, "--gain", 4, "-o", "one", status=1).stderr
    assert "There is 1 part to mix but 2 --gain values" in said and not Path("one").exists()
    with pytest.raises(OrchestrionError, match="There is no instrument 'kazoo'"):
        orchestrion.perform("kazoo")
    with pytest.raises(OrchestrionError, match="1 part to mix but 2 --pan values"):
        orchestrion.perform(tiny, pans=(-1, 1))


def test_what_may_be_written_into_is_said_as_the_command_takes_it(folder: Path) -> None:
    """Perform, which makes a folder, offered a file that ends in .wav."""
    Path("taken").write_text("")
    assert run("perform", "-o", "taken", status=1).stderr.strip().endswith("it is not a folder; name a folder.")
    assert "name a folder, or a file that ends in .wav" in run("render", "ode-to-joy", "-o", "taken", status=1).stderr


def test_a_failed_performance_leaves_no_folder(tiny_composer: Path, tiny: Path, folder: Path) -> None:
    run("perform", "--model", tiny, "-i", tiny, "-o", "one/two", status=1)
    assert not (folder / "one").exists()


@pytest.mark.parametrize(("name", "number"), [("C4", 60), ("a4", 69), ("F#5", 78), ("Bb3", 58), ("60", 60), ("C-1", 0)])
def test_pitch_names(name: str, number: int) -> None:
    assert pitch(name) == number
