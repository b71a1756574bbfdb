"""``orchestrion info``: what a file holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from orchestrion.cli.options import json_option
from orchestrion.cli.streams import echo
from orchestrion.terminal import escaped, plural

WEIGHTS_SHOWN = ("name", "architecture", "licence", "license", "instrument", "pitch_range", "data")


@click.command(short_help="What a score, audio or weights file holds.")
@click.argument("file", metavar="FILE")
@json_option
def info(file: str, as_json: bool) -> None:
    """Say what FILE holds.

    Of a score: its parts with names, programs, notes and ranges, which shipped instrument plays each, meter, key, tempo,
    length, and what would be left out. Of audio: rate, channels, level, clipping, silence. Of weights: what they say of
    themselves. FILE may be a built-in tune or a shipped model, too.

    \b
    Examples:
      orchestrion info song.mid
      orchestrion info take.flac --json
      orchestrion info violin
    """
    from orchestrion.inspection import describe

    facts = describe(file)
    if as_json:
        echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for line in _LINES[str(facts["kind"])](facts):
        echo(escaped(line))


def _score_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    title = f" “{facts['title']}”" if facts["title"] else ""
    quarters = facts["pickup_quarters"]
    pickup = f", pickup of {quarters:g} quarter{'s' * (quarters != 1)}" if quarters else ""
    meters = facts["meters"][1:] if pickup else facts["meters"]
    yield f"Score{title}: {facts['duration_s']:.1f} s, {plural(facts['notes'], 'note')}"
    yield f"  meter {_changes(meters)}{pickup}; key {facts['key']}{' (estimated)' * facts['key_is_estimated']}; tempo {_changes([f'{t:g}' for t in facts['tempos']])}"
    for part in facts["parts"]:
        reach = f"{part['lowest']} to {part['highest']}" if part["lowest"] else "—"
        player = f"played by {part['played_by']}" if part["played_by"] else "left out"
        name = part["name"] or "(no name)"
        yield f"  {part['index']}  {name}  {part['instrument']}  {plural(part['notes'], 'note')}  {reach}  {player}"
    for what in facts["left_out"]:
        yield f"  left out: {what}"
    for what in facts["ignored"]:
        yield f"  ignored: {what}"


def _audio_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"Audio: {facts['duration_s']:.1f} s, {facts['sample_rate']:,} Hz, {facts['channels']} channel{'s' * (facts['channels'] > 1)}, {facts['format']}"
    if facts["peak_db"] is None:
        yield "  digital silence"
    else:
        yield f"  peak {facts['peak_db']:.1f} dB, level {facts['level_db']:.1f} dB, {facts['silent_share'] or 0:.0%} silent"
    if facts["clipped"]:
        yield f"  clipped in {facts['clipped']:,} places"
    if abs(facts["offset"]) > 0.01:
        yield f"  a constant offset of {facts['offset']:.3f}"
    if facts["channels_cancel"]:
        yield "  its channels cancel each other; only the strongest will be heard"
    if facts["not_numbers"]:
        yield f"  not numbers: {plural(facts['not_numbers'], 'sample')}"


def _weights_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"Weights: {facts['file']}"
    for name in WEIGHTS_SHOWN:
        if facts.get(name) is not None:
            yield f"  {name}: {facts[name] if isinstance(facts[name], str) else json.dumps(facts[name], ensure_ascii=False)}"
    yield "  all of it: --json"


def _changes(values: list[str]) -> str:
    """The first, and how often it changes."""
    return values[0] if len(values) == 1 else f"{values[0]}, then {', '.join(values[1:4])}{', …' * (len(values) > 4)}"


_LINES = {"score": _score_lines, "audio": _audio_lines, "weights": _weights_lines}
