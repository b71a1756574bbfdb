"""``python -m tests.fuzz``: fuzz the readers for some minutes; a table of what came of it, and a folder for each fault."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

import click

from orchestrion.progress import progress
from tests.fuzz.mutating import mutant
from tests.fuzz.reader import seeds
from tests.fuzz.readers import READERS
from tests.fuzz.worker import READ, REFUSED, Outcome, Worker

INTERRUPTED = 130


@dataclass
class Tally:
    """What became of a reader's mutants; of faults, how often each, by status and place."""

    attempts: int = 0
    read: int = 0
    refused: int = 0
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    folders: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> bool:
        """Whether it is a fault that was not seen before."""
        self.attempts += 1
        self.read += outcome.status == READ
        self.refused += outcome.status == REFUSED
        if not outcome.is_fault:
            return False
        self.faults[outcome.status, outcome.where] += 1
        return self.faults[outcome.status, outcome.where] == 1


def fuzz(name: str, tally: Tally, seed: int, *, seconds: float = 1e9, attempts: int = 1 << 60, output: Path | None = None, advance=lambda n: None) -> None:
    """Read mutants until the time or the number of attempts is over; the n-th of a seed is always the same."""
    with tempfile.TemporaryDirectory() as scratch, Worker(name) as worker:
        sound = seeds(READERS[name], Path(scratch) / "sound")
        worker.attempt(name, sound[0])  # its imports and compiling are not the mutants' time
        began = told = time.monotonic()
        while tally.attempts < attempts and time.monotonic() - began < seconds:
            number = tally.attempts
            draw = Random(f"{seed}/{name}/{number}")
            files = mutant(sound[number % len(sound)], draw, sound)
            outcome = worker.attempt(name, files)
            if tally.count(outcome) and output is not None:
                tally.folders.append(str(save(output / f"{name}-{seed}-{number}", files, name, seed, number, outcome)))
            now = time.monotonic()
            advance(now - told)
            told = now


def save(folder: Path, files: dict[str, bytes], reader: str, seed: int, number: int, outcome: Outcome) -> Path:
    """Keep a fault: its files under ``files/``, and what happened in ``fault.json``."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    facts = {"reader": reader, "seed": seed, "attempt": number, **asdict(outcome)}
    (folder / "fault.json").write_text(json.dumps(facts, indent=2) + "\n")
    return folder


def replay(folder: Path) -> Outcome:
    """Read the files of a fault once more."""
    reader = json.loads((folder / "fault.json").read_text())["reader"]
    files = {path.relative_to(folder / "files").as_posix(): path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file()}
    with Worker(reader) as worker:
        return worker.attempt(reader, files)


def table(tallies: dict[str, Tally]) -> str:
    """A line a reader, then a line a fault."""
    lines = [f"{'reader':12} {'attempts':>9} {'refused':>9} {'read':>9} {'faults':>7}"]
    for name, tally in tallies.items():
        lines.append(f"{name:12} {tally.attempts:9,} {tally.refused:9,} {tally.read:9,} {sum(tally.faults.values()):7,}")
    for name, tally in tallies.items():
        lines += [f"{name}: {status} in {where or '?'} ({n} times)" for (status, where), n in tally.faults.most_common()]
        lines += [f"  {folder}" for folder in tally.folders]
    return "\n".join(lines)


@click.command()
@click.option("--minutes", type=click.FloatRange(0, min_open=True), default=10.0, show_default=True, help="For all readers together.")
@click.option("--reader", "names", type=click.Choice(sorted(READERS)), multiple=True, help="Only these.  [default: all]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same mutants.")
@click.option("-o", "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("build/fuzz"), show_default=True, help="Folder for faults.")
@click.option("--replay", "replayed", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Read the files of this fault again, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
def main(minutes: float, names: Sequence[str], seed: int, output: Path, replayed: Path | None, as_json: bool) -> None:
    """Fuzz the readers of strangers' files.

    \b
    Examples:
      python -m tests.fuzz --minutes 10 --seed 3
      python -m tests.fuzz --reader sfz --minutes 1 --json
      python -m tests.fuzz --replay build/fuzz/sfz-3-1207
    """
    if replayed is not None:
        outcome = replay(replayed)
        click.echo(f"{outcome.status} {outcome.where}\n{outcome.details}".rstrip())
        sys.exit(outcome.is_fault)
    chosen = [name for name in READERS if not names or name in names]
    tallies: dict[str, Tally] = {}
    status = 0
    try:
        with progress(minutes * 60, "Fuzzing") as advance:
            for name in chosen:
                advance.show(minutes * 60 * len(tallies) / len(chosen), f"Fuzzing {name}")
                tallies[name] = Tally()
                fuzz(name, tallies[name], seed, seconds=minutes * 60 / len(chosen), output=output, advance=advance)
    except KeyboardInterrupt:
        status = INTERRUPTED
    if as_json:
        rows = {
            name: {"attempts": t.attempts, "refused": t.refused, "read": t.read, "folders": t.folders,
                   "faults": [{"status": s, "where": where, "times": n} for (s, where), n in t.faults.most_common()]}
            for name, t in tallies.items()
        }  # fmt: skip
        click.echo(json.dumps({"seed": seed, "minutes": minutes, "readers": rows}))
    else:
        click.echo(table(tallies))
    sys.exit(status or any(tally.faults for tally in tallies.values()))


if __name__ == "__main__":
    main()
