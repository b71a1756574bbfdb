"""The forms hold every option there is, and the words of a command mean what the form said."""

from __future__ import annotations

from dataclasses import fields

import pytest

from orchestrion.cli.app import cli
from orchestrion.options import Composing, Options, Playing
from orchestrion.studio import controls
from orchestrion.studio.asking import GIVEN


@pytest.mark.parametrize("kind", [Composing, Playing])
def test_every_option_has_a_control_that_says_what_it_does(kind: type[Options]) -> None:
    shown = {str(control["name"]): control for control in controls.form(kind)}
    assert set(shown) | controls.UNTOLD[kind] | controls.ELSEWHERE[kind] == {each.name for each in fields(kind)}
    for control in shown.values():
        assert control["help"] and "``" not in str(control["help"]), control


@pytest.mark.parametrize(("command", "kind"), [("compose", Composing), ("render", Playing)])
def test_no_option_of_the_command_line_is_forgotten(command: str, kind: type[Options]) -> None:
    """What the command line lets one ask of composing and playing, the page does, too."""
    names = {parameter.name for parameter in cli.commands[command].params}
    known = {each.name for each in fields(kind)}
    reachable = {str(control["name"]) for control in controls.form(kind)} | controls.ELSEWHERE[kind]
    assert names & known <= reachable
    assert not names & controls.UNTOLD[kind]


EVERYTHING = [
    ("compose", Composing(bars=4, tempo=90.5, meter=(6, 8), key="G minor", pitch_range=(40, 80), polyphony=2, form="AABA", chords="| C | G7 |",
                          expression=0.25, temperature=0.9, conservativity=1.1, seed=12, strict=True)),
    ("compose", Composing(seconds=20, chords="| C/E | F |", form=None, seed=1)),
    ("compose", Composing(prime="ode-to-joy", variations=2, seed=3)),
    ("compose", Composing(keep="ode-to-joy", fill="3,5-8")),
    ("compose", Composing(melody="ode-to-joy", bass="greensleeves")),
    ("render", Playing(seed=3, temperature=0.5, parallel=True, gains_db=(-3, 2.5), pans=(-1, 0.25), vibrato=0, only_source=True, storage="float32", device="cpu")),
    ("render", Playing(parallel=False)),
]  # fmt: skip


@pytest.mark.parametrize(("command", "options"), EVERYTHING)
def test_the_words_of_a_command_are_read_as_what_was_asked(
    command: str, options: Options
) -> None:
    words = [*(["ode-to-joy"] if command == "render" else []), *controls.words(options), "-o", "x.wav" if command == "render" else "x.mid"]
    context = cli.commands[command].make_context(command, words)
    for each in fields(options):
        if each.name in controls.UNTOLD[type(options)] or each.name == "length_s":
            continue
        given = context.params[each.name]
        parser = type(options).of(**{each.name: given}) if each.name not in (*GIVEN, "fill", "variations") and given not in (None, ()) else None
        read = getattr(parser, each.name) if parser is not None else given
        wanted = getattr(options, each.name)
        assert (read or None) == (wanted or None) or read == wanted, each.name
