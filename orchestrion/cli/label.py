"""``orchestrion data label``: notes from raw audio."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from orchestrion.cli.clusters import cluster_at, cluster_option
from orchestrion.cli.options import PATH, SCORE, json_option
from orchestrion.cli.output import printable, tell_failures
from orchestrion.cli.streams import echo
from orchestrion.errors import OrchestrionError
from orchestrion.terminal import plural

METHODS = ("pyin", "melodia", "polyphonic", "align")


@click.command(short_help="Write down the notes of recordings, to train on.")
@click.argument("audio", type=PATH, nargs=-1, required=True, metavar="AUDIO...")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder for what is made.")
@click.option("--method", type=click.Choice(METHODS), required=True, help="See above.")
@click.option("--score", "scores", type=SCORE, multiple=True, metavar="SCORE|DIR",
              help="For align: the score of each recording (file or built-in tune), in their order, or a folder of scores of the same names.")
@cluster_option
@json_option  # fmt: skip
def label(audio: tuple[Path, ...], output: Path, method: str, scores: tuple[str, ...], cluster: str | None, as_json: bool) -> None:
    """Write down the notes of recordings AUDIO (files, or folders of them).

    \b
    pyin        solo instruments and voices, one note at a time
    melodia     the main melody of a mixture (essentia, AGPL 3.0: pip install "orchestrion[melodia]")
    polyphonic  piano, guitar, ensembles: every note, with mistakes
    align       anything whose score you have: its notes at the times played

    Makes NAME.tsv (notes), NAME.mid, NAME.flac (mono, at most 24 kHz) and NAME.png, a picture of the notes
    over the spectrogram: look at it before you train. DIR is then a set for `orchestrion train renderer --data DIR`. Stopped
    half-way, the same command goes on where it was; what you have corrected by hand is never replaced.

    \b
    Examples:
      orchestrion data label takes/ --method pyin -o takes-labelled
      orchestrion data label sonata.wav --method align --score sonata.mid -o sonata-labelled
      orchestrion data label ode.wav --method align --score ode-to-joy -o ode-labelled
    """
    from orchestrion.labelling.methods import METHODS as KNOWN
    from orchestrion.labelling.recordings import label_recordings
    from orchestrion.score import pitch_name

    if notice := KNOWN[method].notice:
        echo(notice, err=True)
    failures: list[tuple[Path, OrchestrionError]] = []
    with cluster_at(cluster) as workers:
        made = label_recordings(audio, output, method=method, scores=scores, failed=lambda *failure: failures.append(failure), cluster=workers)
    if as_json:
        echo(json.dumps([{**asdict(one), "source": printable(one.source)} for one in made], indent=2))
    for one in made if not as_json else ():
        reach = [pitch_name(pitch) for pitch in (one.lowest_pitch, one.highest_pitch) if pitch is not None]
        span = f", {' to '.join(reach)}" if reach else ""
        again = "  (corrected by hand: kept)" if one.corrected else "  (was there)" if one.reused else ""
        echo(f"{printable(one.name)}  {plural(one.notes, 'note')} in {one.seconds:.1f} s{span}{again}")
    if made and not as_json:
        echo(f"{printable(output)}  look at the pictures there, then: orchestrion learn {printable(output)} -o mine.safetensors")
    tell_failures(failures, len(made) + len(failures))
