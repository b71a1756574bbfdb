"""``orchestrion data prepare``: recordings become a set that training maps into memory."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrion.cli.clusters import cluster_at, cluster_option
from orchestrion.cli.figures import show_figures
from orchestrion.cli.options import PATH, NumberRange, json_option, seed_option
from orchestrion.errors import OrchestrionError

SCORES = "scores"
# The options that mean something for a folder of songs, for scores, and for a known data set.
USED = {
    None: {"validation_share", "validation", "stem", "licence", "seed", "rate", "cluster"},
    SCORES: {"transpose", "keep_copies", "licence"},
    "": {"validation", "instrument", "ensemble", "collection", "work", "rate", "licence", "cluster"},
}


@click.command(short_help="Make a training set of recordings.")
@click.argument("sources", nargs=-1, required=True, metavar="[NAME] DIR")
@click.option("-o", "--output", type=PATH, required=True, metavar="SET", help="Folder (scores: file) to make; must not exist yet.")
@click.option("--rate", type=click.IntRange(1000, 768000), default=16000, show_default=True, metavar="HZ", help="Samples a second.")
@click.option("--validation-share", type=NumberRange(0, 1, max_open=True), default=0.2, show_default=True, metavar="X",
              help="Songs: part of them that is held out.")
@click.option("--validation", multiple=True, metavar="PIECE", help="Hold out this piece instead; repeatable.")
@click.option("--stem", type=click.Choice(["drums", "bass", "vocals", "other", "guitar", "piano"]), help="Songs: only this stem, by Demucs.")
@click.option("--instrument", metavar="NAME", help="MusicNet, URMP: this instrument (43, cello, vn, …).")
@click.option("--ensemble", metavar="NAME", help='MusicNet: this ensemble ("Solo Cello").')
@click.option("--collection", metavar="NAME", help="This piano, player, year or collection (ENSTDkCl, john-garner, 2018, …).")
@click.option("--work", metavar="TEXT", help="Only works whose description contains this.")
@click.option("--transpose", type=click.Choice(["no", "c", "all"]), default="no", show_default=True,
              help="Scores: as written, to C major or A minor, or into all twelve keys (training only).")
@click.option("--keep-copies", is_flag=True, help="Scores: keep pieces that begin alike.")
@click.option("--licence", default="unknown", show_default=True, metavar="TEXT", help="Songs, pairs, scores: kept in the set.")
@seed_option
@cluster_option
@json_option
@click.pass_context  # fmt: skip
def prepare(ctx: click.Context, sources: tuple[str, ...], output: Path, rate: int, validation_share: float, validation: tuple[str, ...],
            stem: str | None, instrument: str | None, ensemble: str | None, collection: str | None, work: str | None, transpose: str,
            keep_copies: bool, licence: str, seed: int, cluster: str | None, as_json: bool) -> None:  # fmt: skip
    """Make a training set: of a folder of songs (DIR alone), of a known data set (NAME and DIR), or of scores.

    Audio is mixed to mono, resampled and kept as 16-bit samples that training maps into memory; notes go beside it.
    Whole works are held out, before anything is cut. Stopped half-way, the same command goes on where it was.
    `orchestrion data list` has the names; `pairs` is any folder with audio and MIDI of the same names.

    \b
    Examples:
      orchestrion data prepare songs/ --rate 16000 -o songs-16k
      orchestrion data prepare musicnet musicnet/ --ensemble "Solo Cello" -o cello
      orchestrion data prepare maestro maestro-v3.0.0/ -o maestro-16k
      orchestrion data prepare pairs recordings/ -o mine
      orchestrion data prepare scores tunes/ --transpose c -o tunes.json
    """
    if len(sources) > 2:
        raise click.UsageError("Give a folder of songs, or a name and a folder.", ctx)
    name, folder = (None, Path(sources[0])) if len(sources) == 1 else (sources[0], Path(sources[1]))
    _refuse_unused(ctx, name)
    from orchestrion.api import data

    with cluster_at(cluster) as workers:
        if name is None:
            figures = data.prepare_songs(
                folder, output, sample_rate=rate, validation_share=validation_share, seed=seed, validation=validation, stem=stem, licence=licence,
                cluster=workers,
            ).summary()  # fmt: skip
        elif name == SCORES:
            figures = data.prepare_scores(folder, output, transpose=transpose, keep_copies=keep_copies, licence=licence)
        else:
            figures = data.prepare(
                name, folder, output, rate=rate, instrument=instrument, ensemble=ensemble, collection=collection, work=work,
                validation=validation, licence=licence, cluster=workers,
            )  # fmt: skip
    show_figures(figures, as_json)


def _refuse_unused(ctx: click.Context, name: str | None) -> None:
    """An option that would silently do nothing is an error."""
    used = USED.get(name, USED[""]) | {"output", "as_json", "sources", "verbose"}
    for option in ctx.params:
        given = ctx.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
        if given and option not in used:
            what = "a folder of songs" if name is None else name
            raise OrchestrionError(f"--{option.replace('_', '-')} means nothing for {what}; leave it out.")
