"""``orchestrion listen``: blind listening tests, from the page to the statistics."""

from __future__ import annotations

import json
from pathlib import Path

import click

from orchestrion.cli.grouping import Flag, options_of
from orchestrion.cli.options import PATH, NumberRange, json_option, seed_option
from orchestrion.cli.output import output_folder, printable
from orchestrion.cli.streams import echo
from orchestrion.options import Listening
from orchestrion.progress import started
from orchestrion.terminal import plural


@click.group(short_help="Blind listening tests: make the page, evaluate the answers.")
def listen() -> None:
    """Make a web page on which people rate clips without knowing whose they are, and evaluate what they answered.

    \b
    Examples:
      orchestrion listen build everything/clips -o page
      orchestrion listen results answers/*.json --key page-key.json
    """


@listen.command(short_help="Make the page, from folders of audio.")
@click.argument("folders", type=PATH, nargs=-1, required=True, metavar="DIR...")
@click.option("-o", "--output", type=PATH, required=True, metavar="PAGE", help="Folder to make for the page; must be new or empty.")
@options_of(
    Listening,
    "listening",
    Flag("--title", "TEXT", "Heading of the page."),
    Flag("--ratings", "N", "Clips that each listener rates.  [default: all of them]"),
    Flag("--pairs", "N", "Pairs that each listener chooses from; clips of one file name in two folders are a pair."),
    Flag("--repeats", "N", "Clips that come twice, unannounced, to see who rates at random."),
    Flag("--pair-repeats", "N", "Pairs that come twice, the sides exchanged."),
    Flag("--abx", "N", "Trials in which a third clip is one of a pair again, and is to be told; can they be told apart?"),
    Flag("--anchor", "SYSTEM", "Hide a copy of this system's clips without anything above 3.5 kHz among the others."),
    Flag("--question", "TEXT", "Asked of each clip."),
    Flag("--pair-question", "TEXT", "Asked of each pair."),
    Flag("--collect", None, "The page sends its answers to the server that it came from: orchestrion listen serve."),
    Flag("--seconds", "S", "Cut clips to so many seconds."),
    Flag("--completion-code", "TEXT", "Code shown at the end.  [default: one for each listener]"),
    Flag("--seed", "N", "Same seed, same bytes."),
)
@json_option  # fmt: skip
def build(folders: tuple[Path, ...], output: Path, listening: Listening, as_json: bool) -> None:
    """Make the page of a blind listening test from folders of audio, one for each system.

    A folder that holds only folders of audio stands for these, as what `orchestrion compare-all ode-to-joy -o everything` makes. PAGE/index.html opens from the disk or any web host and
    fetches nothing else; PAGE-key.json beside it says which clip is whose, and is not to be published. All clips are
    brought to one integrated loudness (ITU-R BS.1770): -23 LUFS, or less (to -30) where the peaks of
    one would clip.

    \b
    Examples:
      orchestrion listen build everything/clips -o page
      orchestrion listen build piano violin flute -o page --pairs 12 --ratings 0 --seconds 10
      orchestrion listen build old new -o page --ratings 0 --abx 16
      orchestrion listen build takes recording -o page --anchor recording --question "How real is it?" --collect
    """
    from orchestrion.evaluation.listening.build import build_page

    key = build_page(folders, output, listening)
    if as_json:
        echo(json.dumps({"page": printable(output / "index.html"), **key}))
        return
    each = key["per_listener"]
    tasks = [
        *([f"rates {each['ratings']}{_again(each['repeats'])}"] if each["ratings"] else []),
        *([f"chooses from {plural(each['pairs'], 'pair')}{_again(each['pair_repeats'])}"] if each["pairs"] else []),
        *([f"hears {plural(each['abx'], 'ABX trial')}"] if each["abx"] else []),
    ]
    echo(f"{printable(output / 'index.html')}  {len(key['clips'])} clips of {len(key['systems'])} systems at "
               f"{key['loudness_lufs']:.1f} LUFS; each listener {' and '.join(tasks)}")  # fmt: skip
    echo(f"{key['key_file']}  says which clip is whose: keep it, do not publish it")
    for name, db in key["softer_db"].items():
        echo(f"Warning: {name} is {db:.1f} dB softer than the others: its peaks allow no more.", err=True)
    for name in key["silent"]:
        echo(f"Warning: {name} is silent and could not be made as loud as the others.", err=True)


def _again(n: int) -> str:
    return f" (+{n} again)" if n else ""


@listen.command(short_help="Serve a page here, and collect its answers.")
@click.argument("page", type=PATH, metavar="PAGE")
@click.option("-o", "--output", type=PATH, required=True, metavar="DIR", help="Folder for the answers, one file a listener; made if need be.")
@click.option("--key", "key_file", type=PATH, metavar="KEY.json", help="The page's key file.  [default: PAGE-key.json]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of 127.0.0.1.  [default: any that is free]")
@click.option("--browser/--no-browser", default=True, help="Open the page, where there is a desktop.  [default: open it]")
def serve(page: Path, output: Path, key_file: Path | None, port: int, browser: bool) -> None:
    """Serve a page that was built with --collect on this machine, and collect what its listeners answer.

    On 127.0.0.1, to whoever has the link, until Ctrl-C; listeners take turns at this machine. Answers that are not of this test are
    refused.

    \b
    Example:
      orchestrion listen serve page -o answers
    """
    from orchestrion.api.listen import serve as run

    def received(listener: str, n: int) -> None:
        echo(f"{plural(n, 'answer')} of listener {listener}", err=True)

    def tell(link: str) -> None:
        started()
        echo(f"The page, for one browser (Ctrl-C ends it): {link}", err=True)

    with output_folder(output):
        run(page, output, key_file, port=port, browser=browser, received=received, tell=tell)


@listen.command(short_help="Evaluate what listeners answered.")
@click.argument("files", type=PATH, nargs=-1, required=True, metavar="FILES...")
@click.option("--key", "key_file", type=PATH, required=True, metavar="KEY.json", help="The file PAGE-key.json that was made with the page.")
@click.option("--difference", type=NumberRange(0.01, 4), default=0.2, show_default=True, metavar="X",
              help="Difference of mean ratings to plan for.")
@click.option("--keep-all", is_flag=True, help="Leave no listener out.")
@seed_option
@json_option  # fmt: skip
def results(files: tuple[Path, ...], key_file: Path, difference: float, keep_all: bool, seed: int, as_json: bool) -> None:
    """Evaluate the files (JSON or CSV) that listeners downloaded from the page.

    Mean ratings with 95 % intervals bootstrapped over listeners and clips, Bradley-Terry strengths from the pairs,
    Kruskal-Wallis with Dunn's test after it (Holm), who was left out and why, and how many ratings a difference needs.

    \b
    Examples:
      orchestrion listen results answers/*.json --key page-key.json
      orchestrion listen results answers/*.csv --key page-key.json --difference 0.5 --json
    """
    from orchestrion.evaluation.listening.results import evaluate
    from orchestrion.evaluation.listening.text import as_text

    found = evaluate(files, key_file, difference=difference, keep_all=keep_all, seed=seed)
    echo(json.dumps(found.to_dict(), indent=2) if as_json else as_text(found))
