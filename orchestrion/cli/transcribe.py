"""``orchestrion transcribe``: audio to notes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.cli.clusters import cluster_at, cluster_option
from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import PATH, json_option
from orchestrion.cli.output import (
    check_outputs,
    output_folder,
    printable,
    report,
    tell_failures,
    write_settings,
)
from orchestrion.cli.streams import echo
from orchestrion.errors import OrchestrionError
from orchestrion.options import AS_PLAYED, Transcribing
from orchestrion.suffixes import SCORES_WRITTEN
from orchestrion.terminal import plural

if TYPE_CHECKING:
    from orchestrion.labelling.bars import Barred

MUSICXML = (".musicxml", ".xml")
transcribing_options = options_of(
    Transcribing,
    "wishes",
    Flag("--method", None, "See above."),
    Flag("--tempo", "auto|BPM", "Quarter notes a minute, about.  [default: auto, which estimates it]"),
    Flag("--meter", "N/D", "Of the bars, such as 3/4; it is not estimated."),
    Flag("--pickup", "N", "Beats before the first bar line."),
    Flag("--quantize", None, "Move the notes to a grid of such values (t: triplets).  [default: none for MIDI, 1/16 for MusicXML]"),
)


@click.command(short_help="Write down the notes of audio: hum a tune, have it as MIDI.")
@click.argument("audio", type=PATH, nargs=-1, required=True, metavar="AUDIO...")
@click.option("-o", "--output", type=PATH, required=True, metavar="OUT|DIR",
              help="OUT.mid or OUT.musicxml; a folder for several recordings.")
@transcribing_options
@cluster_option
@json_option
@click.pass_context  # fmt: skip
def transcribe(ctx: click.Context, audio: tuple[Path, ...], output: Path, wishes: Transcribing, cluster: str | None, as_json: bool) -> None:
    """Write down the notes of recordings AUDIO (files, or folders of them) as MIDI or MusicXML.

    \b
    pyin        a voice, whistling, or an instrument that plays one note at a time
    polyphonic  piano, guitar, ensembles: every note, with mistakes
    melodia     the tune of a mixture (essentia, AGPL 3.0: pip install "orchestrion[melodia]")

    The first bar begins with the first note. Without --quantize the notes stay as they were played, and the tempo follows
    them from bar to bar. OUT.mid.json keeps every setting. (For training, `orchestrion data label` makes a set.)

    \b
    Examples:
      orchestrion transcribe hum.wav -o hum.mid
      orchestrion transcribe hum.wav --meter 3/4 --pickup 1 --quantize 1/8 -o hum.musicxml
      orchestrion transcribe takes/ --method polyphonic --tempo 96 -o scores/
    """
    from orchestrion.cluster import spread
    from orchestrion.files import refuse_shared_fault
    from orchestrion.labelling.methods import METHODS as KNOWN
    from orchestrion.labelling.recordings import find_recordings
    from orchestrion.labelling.transcribing import transcribe as write_down
    from orchestrion.progress import progress, waiting

    if notice := KNOWN[wishes.method].notice:
        echo(notice, err=True)
    sources = find_recordings(audio)
    if output.suffix and not output.is_dir():
        if len(sources) > 1:
            raise click.UsageError(f"{len(sources)} recordings need a folder: -o {printable(output.with_suffix(''))}/")
        if cluster:
            raise click.UsageError("--cluster is for many recordings and a folder: -o DIR/")
        check_outputs([output], SCORES_WRITTEN, sources)
        with waiting(f"Transcribing {printable(sources[0].name)}"):
            wishes = _on_grid(wishes, output)
            _keep(ctx, write_down(sources[0], wishes), sources[0], output, wishes, as_json)
        return
    targets = {source: output / f"{source.stem}.mid" for source in sources}
    failures: list[tuple[Path, OrchestrionError]] = []
    with output_folder(output, files=SCORES_WRITTEN):
        check_outputs(list(targets.values()), SCORES_WRITTEN, sources)
        wishes = _on_grid(wishes, targets[sources[0]])
        with cluster_at(cluster) as workers, progress(sum(source.stat().st_size for source in sources), "Transcribing") as advance:
            if workers is not None:
                workers.must_see(sources[0])
            for source, found in spread(workers, write_down, ((source, (source, wishes)) for source in targets)):
                try:
                    if isinstance(found, OrchestrionError):
                        raise found
                    _keep(ctx, found, source, targets[source], wishes, as_json)
                except OrchestrionError as error:
                    refuse_shared_fault(error)
                    failures.append((source, error))
                    if as_json:
                        echo(json.dumps({"audio": printable(source), "error": str(error)}))
                advance(source.stat().st_size)
    tell_failures(failures, len(sources))


def _on_grid(wishes: Transcribing, target: Path) -> Transcribing:
    """``wishes`` with the grid that suits the file."""
    from orchestrion.labelling.transcribing import PRIME_GRID

    return replace(wishes, quantize=wishes.quantize or (PRIME_GRID if target.suffix.lower() in MUSICXML else AS_PLAYED))


def _keep(ctx: click.Context, found: Barred, source: Path, target: Path, wishes: Transcribing, as_json: bool) -> None:
    """Write what was heard in ``source``."""
    found.score.write(target)
    notes = found.score.notes
    facts = {
        "audio": printable(source), "notes": len(notes), "bpm": round(found.bpm, 3), "quantize": wishes.quantize, "begins_at_s": round(found.start_s, 3),
        "duration_s": round(found.score.duration_s, 3), "lowest_pitch": min(n.pitch for n in notes),
        "highest_pitch": max(n.pitch for n in notes),
    }  # fmt: skip
    tempo = f"{found.bpm:.0f} quarter notes a minute"
    summary = f"{plural(len(notes), 'note')}, {tempo}, bar 1 at {found.start_s:.2f} s of the recording"
    report(target, write_settings(target, ctx, facts), summary, as_json)
