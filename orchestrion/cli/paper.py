"""``orchestrion paper``: the experiments of the four papers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import PATH, Threads, json_option
from orchestrion.cli.output import output_folder, printable
from orchestrion.cli.streams import echo
from orchestrion.options import Reproducing
from orchestrion.papers.table import EXPERIMENTS

LIST, ALL = "list", "all"


@click.command(short_help="Run an experiment of the papers. A page.")
@click.argument("name", type=click.Choice([LIST, ALL, *EXPERIMENTS]), metavar="list|all|NAME")
@click.option("-o", "--output", type=PATH, default="papers", show_default=True, metavar="DIR",
              help="Folder of pages, and of what they are made from; made if need be.")  # fmt: skip
@options_of(
    Reproducing,
    "options",
    Flag("--scale", None, "Small networks for minutes, or the published sizes for the published epochs."),
    Flag("--minutes", "M", "Of training, all networks of an experiment together.  [default: 3 for small; the papers' epochs for paper]"),
    Flag("--data", "DIR", "Folder of recordings instead of performed chorales; again for a second data set."),
    Flag("--runs", "NAME=RUN", "A finished training of a WaveNet, by its name on the page, in place of one that would be made; several times."),
    Flag("--soundfont", "FILE.sf2", "Performs the chorales.  [default: the system's; additive synthesis where there is none]"),
    Flag("--material-minutes", "M", "Of performed chorales a data set.  [default: 12 for small, 60 for paper]"),
    Flag("--seconds", "S", "Of clips."),
    Flag("--clips", "N", "Of each network."),
    Flag("--threads", "N", "Processor threads of training.  [default: all]", kind=Threads()),
    Flag("--seed", "N", "Same seed, same material, weights and clips."),
)
@json_option
def paper(name: str, output: Path, options: Reproducing, as_json: bool) -> None:
    """Run one experiment of the papers, or list them: the paper's figure or table beside ours, on a page.

    Makes its data, trains what it needs on equal terms, and writes DIR/NAME/page.html, page.md and page.json. Stopped by Ctrl-C,
    the same command goes on; what is trained is kept in DIR and used by the other experiments, too.

    \b
    Examples:
      orchestrion paper list
      orchestrion paper nayebi-losses --minutes 10
      orchestrion paper nayebi-losses --data madeon/ --data bowie/ --scale paper -o papers-at-full-size
      orchestrion paper manzelli-twin --data cello/ --runs with-notes=runs/a --runs without-notes=runs/b
      orchestrion paper all --json
    """
    if name == LIST:
        _list(as_json)
        return
    from orchestrion.papers.running import run_experiment

    chosen = list(EXPERIMENTS) if name == ALL else [name]
    results = []
    with output_folder(output):
        for each in chosen:
            found = run_experiment(each, output, options)
            page = output / each / "page.html"
            if as_json:
                results.append(found.to_json(output / each))
            else:
                echo(f"{printable(page)}  {found.title}, {found.paper}")
    if as_json:
        echo(json.dumps(results if name == ALL else results[0], indent=2, ensure_ascii=False))


def _list(as_json: bool) -> None:
    rows = [{"name": row.name, "paper": row.paper, "title": row.title, "shows": row.shows} for row in EXPERIMENTS.values()]
    if as_json:
        echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    width = max(map(len, EXPERIMENTS))
    for row in rows:
        echo(f"{row['name']:<{width}}  {row['title']} ({row['paper']}, {row['shows']})")
