"""``orchestrion data list | info | download | validate | statistics | shard``: the catalogue of data sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrion.cli.figures import show_figures
from orchestrion.cli.options import PATH, json_option
from orchestrion.cli.streams import echo
from orchestrion.terminal import plural

if TYPE_CHECKING:
    from orchestrion.datasets.checking.validating import Verdict


@click.command("list", short_help="The data sets: what they are, licence, origin.")
@json_option
def list_data(as_json: bool) -> None:
    """List the data sets: what they are, licence, where they come from.

    \b
    Example:
      orchestrion data list
    """
    from orchestrion.datasets.catalogue import sources

    if as_json:
        echo(json.dumps([asdict(source) for source in sources()], indent=2, ensure_ascii=False))
        return
    for source in sources():
        echo(f"{source.name}  ({source.kind}, {source.licence})\n    {source.content}; {source.source}")


@click.command(short_help="What is known of a data set.")
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Say what is known of the data set NAME: licence, citation, files and their checksums.

    \b
    Example:
      orchestrion data info musicnet
    """
    from orchestrion.datasets.catalogue import source

    record = source(name)
    if as_json:
        echo(json.dumps(asdict(record), indent=2, ensure_ascii=False))
        return
    known = {key: value for key, value in asdict(record).items() if key not in ("downloads", "layout")}
    show_figures(known, False)
    for item in record.downloads:
        size = f", about {item.about_gib:g} GiB, {item.unpacked_gib:g} unpacked" if item.about_gib else ""
        echo(f"{'file':<14} {item.address}\n{'':<14} {item.checksum or 'no checksum is published'}{size}")


@click.command(short_help="Fetch a data set from its authors.")
@click.argument("name")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to fetch into.")
@click.option("--keep-packed", is_flag=True, help="Do not unpack the archives.")
def download(name: str, output: Path, keep_packed: bool) -> None:
    """Fetch the data set NAME from its authors, check it and unpack it.

    The licence is shown first. A transfer that breaks, or is stopped, goes on where it was with the same command.

    \b
    Example:
      orchestrion data download guitarset -o guitarset
    """
    from orchestrion.api import data

    record = data.info(name)
    echo(f"{record.name}: {record.content}.\nLicence: {record.licence}.", err=True)
    for path in data.download(name, output, keep_packed=keep_packed):
        echo(path)


@click.command(short_help="Listen to recordings and compare them with their notes.")
@click.argument("sources", nargs=-1, required=True, metavar="[NAME] DIR")
@click.option("--instrument", metavar="NAME", help="MusicNet, URMP: only this instrument.")
@click.option("--ensemble", metavar="NAME", help="MusicNet: only this ensemble.")
@click.option("--collection", metavar="NAME", help="Only this piano, player, year or collection.")
@click.option("--work", metavar="TEXT", help="Only works whose description contains this.")
@click.option("--write-checksums", is_flag=True, help="Note the checksum of every file, to be compared from now on.")
@json_option
@click.pass_context  # fmt: skip
def validate(ctx: click.Context, sources: tuple[str, ...], instrument: str | None, ensemble: str | None, collection: str | None,
             work: str | None, write_checksums: bool, as_json: bool) -> None:  # fmt: skip
    """Listen to every recording and compare it with its notes. Exit status 1 where a defect is found.

    DIR alone is a prepared set or a folder of recordings with notes; NAME and DIR a data set as its authors publish it.
    Found are missing, unreadable and altered files, notes past the end, notes that the audio contradicts in time (the
    lag in ms; beyond 50 is a defect) or pitch, silence under notes, and clipping.

    \b
    Examples:
      orchestrion data validate violin-set
      orchestrion data validate maps MAPS/ --collection ENSTDkCl --json
    """
    from orchestrion.api import data
    from orchestrion.datasets.checking.validating import write_checksums as write

    if len(sources) > 2:
        raise click.UsageError("Give a folder, or a name and a folder.", ctx)
    folder, name = Path(sources[-1]), sources[0] if len(sources) == 2 else None
    if write_checksums:
        echo(f"{write(folder)} checksums noted.", err=True)
    verdicts = data.validate(folder, name, instrument=instrument, ensemble=ensemble, collection=collection, work=work)
    echo(
        json.dumps([asdict(v) for v in verdicts], indent=2, ensure_ascii=False) if as_json else verdict_table(verdicts)
    )
    ctx.exit(1 if any(verdict.findings for verdict in verdicts) else 0)


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """A row for each recording, and what was found below it."""
    width = max((len(verdict.name) for verdict in verdicts), default=4)
    lines = [f"{'piece':<{width}} {'seconds':>8} {'notes':>6} {'lag ms':>7} {'clarity':>7} {'pitch':>6}  found"]
    for v in verdicts:
        lag = "-" if v.lag_s is None else f"{v.lag_s * 1000:+.0f}"
        clarity = "-" if v.clarity is None else f"{v.clarity:.1f}"
        pitch = "-" if v.agreement is None else f"{v.agreement:.2f}"
        found = "; ".join(f"{finding.kind}: {finding.sentence}" for finding in v.findings) or "ok"
        lines.append(f"{v.name:<{width}} {v.seconds:>8.1f} {v.notes:>6} {lag:>7} {clarity:>7} {pitch:>6}  {found}")
    bad = sum(bool(verdict.findings) for verdict in verdicts)
    return "\n".join([*lines, f"{plural(len(verdicts), 'piece')}, {bad} with defects"])


@click.command(short_help="Minutes of each instrument and ensemble of MusicNet.")
@click.argument("folder", type=PATH, metavar="DIR")
@json_option
def statistics(folder: Path, as_json: bool) -> None:
    """Minutes and labels of every instrument and ensemble of MusicNet in DIR, as Manzelli et al.'s Table 1 has them.

    \b
    Example:
      orchestrion data statistics musicnet/
    """
    from orchestrion.datasets.layouts.musicnet_statistics import statistics as figures

    rows = figures(folder)
    if as_json:
        echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    echo(f"{'':<24} {'minutes':>8} {'labels':>9}   Table 1: {'minutes':>8} {'labels':>9}")
    for row in rows:
        printed = "" if row.printed is None else f"            {row.printed[0]:>8,} {row.printed[1]:>9,}"
        echo(f"{row.name:<24} {row.minutes:>8,.0f} {row.labels:>9,}{printed}")


@click.command(short_help="Pack a prepared set into tar shards.")
@click.argument("folder", type=PATH, metavar="SET")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder to make; must not exist yet.")
@click.option(
    "--megabytes", type=click.IntRange(1), default=500, show_default=True, metavar="N", help="Of each shard, about."
)
def shard(folder: Path, output: Path, megabytes: int) -> None:
    """Pack a prepared SET into tar shards (the WebDataset layout) for object stores and several machines.

    DIR is trained on like SET itself. A machine needs dataset.json, splits.json, its training shards and all validation
    shards.

    \b
    Example:
      orchestrion data shard maestro-16k -o maestro-shards --megabytes 500
    """
    from orchestrion.datasets.recordings.prepare import shard as write

    for name in write(folder, output, megabytes << 20):
        echo(output / name)


COMMANDS = (list_data, info, download, validate, statistics, shard)
