"""Train the composer `paper` or `matching` on a polyphonic benchmark set, and print the table of all of them beside published figures.

    python benchmarks/composer_table.py train JSB_Chorales.mat -o runs/jsb --minutes 60
    python benchmarks/composer_table.py train Nottingham.mat --preset matching -o runs/nottingham-matching --minutes 75
    python benchmarks/composer_table.py calibrate runs/nottingham
    python benchmarks/composer_table.py table runs/jsb runs/nottingham runs/musedata runs/piano-midi
    python benchmarks/composer_table.py score benchmarks/weights/matching-MuseData.safetensors MuseData.mat

The sets are the rolls of Boulanger-Lewandowski et al. 2012 as MATLAB files. ``table`` scores the test split, or the validation split
where a file has no test pieces, and writes the table of the runs' preset into ``docs/composer-table.md``, with a picture beside it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from orchestrion import weights
from orchestrion.composer.calibration import fitted
from orchestrion.composer.compose import Composer, compose
from orchestrion.composer.matching import longest_match, step_names
from orchestrion.composer.scoring import Nll, score_pieces
from orchestrion.datasets.corpora.loading import load_corpus
from orchestrion.datasets.corpora.piece import CorpusPiece
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.loss import loss_figure
from orchestrion.evaluation.figures.style import save_figure
from orchestrion.files import atomic_write
from orchestrion.options import Composing
from orchestrion.progress import progress
from orchestrion.quantised import quantised
from orchestrion.score import PianoRoll
from orchestrion.training.precision import native_precision
from orchestrion.training.settings import LoopSettings
from orchestrion.training.train_composer import train_composer

KEPT = Path(__file__).resolve().parent / "weights"
SOURCE = "the polyphonic sets of Boulanger-Lewandowski, Bengio and Vincent 2012, as redistributed with the code of Bai, Kolter and Koltun 2018 (MIT)"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "composer-table.md"
BEGIN, END = "<!-- benchmarks/composer_table.py: {} -->\n\n", "\n<!-- end -->\n"
SETS = ("JSB_Chorales", "MuseData", "Nottingham", "Piano_midi")
# Test negative log-likelihood a step in nats: Boulanger-Lewandowski et al. 2012 (table 1), Johnson 2017 (best of BALSTM).
PUBLISHED = {
    "RNN-RBM (2012)": (6.27, 6.01, 2.39, 7.09),
    "RNN-NADE (2012)": (5.56, 5.60, 2.31, 7.05),
    "BALSTM, best (2017)": (5.05, 3.90, 1.55, 4.90),
}


@dataclass(frozen=True)
class Recipe:
    """What trains a set best, of what was tried."""

    dropout: float = 0.3
    crop_steps: int = 64
    learning_rate: float = 3e-3
    average_decay: float = 0.995


RECIPES = {
    ("paper", "Nottingham"): Recipe(0.5, 128, 1e-3, 0.98),
    ("paper", "Piano_midi"): Recipe(0.4, 64, 1.2e-3, 0.99),
    ("matching", "JSB_Chorales"): Recipe(0.3, 64, 2e-3, 0.99),
    ("matching", "MuseData"): Recipe(0.3, 64, 3e-3, 0.998),
    ("matching", "Nottingham"): Recipe(0.3, 64, 2e-3, 0.99),
    ("matching", "Piano_midi"): Recipe(0.4, 64, 1.5e-3, 0.99),
}
SHIFTS = tuple(shift for shift in range(-6, 7) if shift)
TRANSPOSED_STEPS = 3000
LONG = 8


@dataclass(frozen=True)
class Row:
    """What one run comes to: averages on ``split``, the change [shift] under transposition, curves, speed."""

    name: str
    split: str
    nll: Nll
    changes: dict[int, float]
    left_out: int
    updates: int
    minutes: float
    steps_per_second: float
    curve: list[tuple[float, float]]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train on a set")
    train.add_argument("data", type=Path, help="JSB_Chorales.mat, MuseData.mat, Nottingham.mat or Piano_midi.mat")
    train.add_argument("-o", "--output", type=Path, required=True)
    train.add_argument("--preset", default="paper", choices=("paper", "matching"), help="which network")
    train.add_argument("--minutes", type=float, default=60.0)
    train.add_argument("--steps", type=int, help="updates, instead of minutes")
    train.add_argument("--validate-steps", type=int, help="updates between validations, instead of minutes")
    train.add_argument("--validation-pieces", type=int, default=24, help="held-out pieces scored while training")
    train.add_argument("--from", dest="start_from", help="a composer of the same preset to begin with")
    train.add_argument("--validate-minutes", type=float, default=5.0)
    for option, kind in (("dropout", float), ("crop-steps", int), ("learning-rate", float), ("average-decay", float)):
        train.add_argument(f"--{option}", type=kind, help="in place of the set's own (RECIPES)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--resume", action="store_true")
    train.set_defaults(run=train_set)
    calibrate = commands.add_parser("calibrate", help="make a trained run as sure as its held-out pieces say")
    calibrate.add_argument("run_folder", metavar="RUN", type=Path)
    calibrate.add_argument("--validation-pieces", type=int, default=48, help="held-out pieces that it is fitted to")
    calibrate.set_defaults(run=calibrate_run)
    table = commands.add_parser("table", help="print the table of trained sets")
    table.add_argument("runs", nargs="+", type=Path)
    table.add_argument("--transposed-steps", type=int, default=TRANSPOSED_STEPS, help="steps scored for each transposition")
    table.set_defaults(run=write_table)
    score = commands.add_parser("score", help="the likelihood of a set's test pieces, or its validation pieces where it has no others")
    score.add_argument("weights", type=Path, help="of a run, or of those in benchmarks/weights")
    score.add_argument("data", type=Path)
    score.set_defaults(run=print_score)
    keep = commands.add_parser("keep", help="put a run's weights into benchmarks/weights, a byte a number")
    keep.add_argument("run_folder", metavar="RUN", type=Path)
    keep.set_defaults(run=keep_weights)
    repeats = commands.add_parser("repeats", help="how much of what a run writes, and of held-out pieces, repeats what was heard before")
    repeats.add_argument("run_folder", metavar="RUN", type=Path)
    repeats.add_argument("--pieces", type=int, default=32)
    repeats.add_argument("--steps", type=int, default=256, help="of each written piece")
    repeats.set_defaults(run=print_repeats)
    arguments = parser.parse_args(words)
    arguments.run(arguments)


def train_set(arguments: argparse.Namespace) -> None:
    """AdamW with a cosine, crops by fours, transposed by up to six, and what is best for the set; then calibrated."""
    recipe = RECIPES.get((arguments.preset, arguments.data.stem), Recipe())
    dropout, crop_steps, learning_rate, decay = (
        own if own is not None else best
        for own, best in zip((arguments.dropout, arguments.crop_steps, arguments.learning_rate, arguments.average_decay), astuple(recipe), strict=True)
    )
    loop = LoopSettings(
        minutes=None if arguments.steps else arguments.minutes, steps=arguments.steps, learning_rate=learning_rate,
        ema_decay=decay, precision=native_precision(), seed=arguments.seed, threads=1, validate_minutes=arguments.validate_minutes, validate_steps=arguments.validate_steps,
    )  # fmt: skip
    measures = train_composer(
        arguments.data, arguments.output, preset=arguments.preset, loop=loop, batch=4, crop_steps=crop_steps, transpose=6,
        resume=arguments.resume, start_from=arguments.start_from, validation_pieces=arguments.validation_pieces, dropout=dropout,
    )  # fmt: skip
    print(json.dumps(measures, indent=2))
    calibrate(arguments.output, arguments.validation_pieces)


def calibrate_run(arguments: argparse.Namespace) -> None:
    """The second half of ``train``, for a run that was stopped."""
    calibrate(arguments.run_folder, arguments.validation_pieces)


def calibrate(run: Path, n_pieces: int) -> None:
    """Fold into the run's weights the calibration of its first held-out pieces; the weights say so, and are not calibrated twice."""
    torch.set_num_threads(1)
    path = run / "model.safetensors"
    composer = Composer.load(path)
    if "calibration" in composer.metadata:
        print(f"{path} is calibrated already.")
        return
    pieces = load_corpus(data_of(run), "validation")[:n_pieces]
    with progress(len(pieces), "Calibrating") as advance:
        found = fitted(composer.model, pieces, advance)
    found.fold_into(composer.model)
    replace(composer, metadata={**composer.metadata, "calibration": asdict(found) | {"pieces": len(pieces)}}).save(path)
    print(f"scale {found.scale:.3f}, shift {found.shift:+.3f}, by {len(pieces)} validation pieces")


def data_of(run: Path) -> Path:
    """What the run was trained on."""
    return Path(str(settings_of(run)["data"]))


def settings_of(run: Path) -> dict[str, object]:
    """What the run was made with."""
    found: dict[str, object] = json.loads((run / "settings.json").read_text())
    return found


def write_table(arguments: argparse.Namespace) -> None:
    """Score, print, and write the page."""
    torch.set_num_threads(1)
    rows = {}
    presets = {str(settings_of(run)["preset"]) for run in arguments.runs}
    if len(presets) > 1:
        raise SystemExit(f"A table is of one preset, not of {' and '.join(sorted(presets))}.")
    (preset,) = presets
    for run in arguments.runs:
        row = measured(run, arguments.transposed_steps)
        rows[row.name] = row
    text = table_of(rows)
    print(text)
    figure = loss_figure(
        {f"{name} (validation)": row.curve for name, row in rows.items()}, "Held-out likelihood while training", "nats a step", "minutes of training"
    )  # fmt: skip
    save_figure(figure, PAGE.with_name(f"{PAGE.stem}-{preset}.png"), dpi=80)
    begin = BEGIN.format(preset)
    head, found, rest = PAGE.read_text(encoding="utf-8").partition(begin)
    if not found:
        raise SystemExit(f"{PAGE} has no place for the preset {preset}: a line {begin.strip()}")
    with atomic_write(PAGE) as temporary:
        temporary.write_text(head + begin + text + END + rest.partition(END)[2], encoding="utf-8")


def measured(run: Path, transposed_steps: int) -> Row:
    """The run's best weights on the pieces that nothing was chosen by, where there are any."""
    composer = Composer.load(run / "model.safetensors")
    data = data_of(run)
    split, pieces = held_out(data)
    some = within(pieces, transposed_steps)
    with progress(len(pieces) + (1 + len(SHIFTS)) * len(some), f"Scoring {data.stem}") as advance:
        nll = score_pieces(composer.model, pieces, advance)["play"]
        plain = score_pieces(composer.model, some, advance)["play"].frame_average
        changes = {
            shift: score_pieces(composer.model, [piece.transposed(shift) for piece in some], advance)["play"].frame_average - plain
            for shift in SHIFTS
        }
    log = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    left_out = composer.metadata.get("left_out")
    return Row(
        data.stem, split, nll, changes, len(left_out) if isinstance(left_out, list) else 0, log[-1]["step"], log[-1]["minutes"],
        log[-1]["step"] / (60 * log[-1]["minutes"]), [(line["minutes"], line["nll_per_step_play"]) for line in log],
    )  # fmt: skip


def held_out(data: Path) -> tuple[str, list[CorpusPiece]]:
    """The test split, or the validation split of a file without one."""
    try:
        return "test", load_corpus(data, "test")
    except OrchestrionError:
        return "validation", load_corpus(data, "validation")


def within(pieces: list[CorpusPiece], n_steps: int) -> list[CorpusPiece]:
    """The first of the shortest pieces that hold ``n_steps`` steps together and stay on the keyboard in every transposition."""
    chosen: list[CorpusPiece] = []
    for piece in sorted(pieces, key=lambda piece: piece.n_steps):
        pitches = [pitch for _, _, pitch in piece.notes]
        if sum(each.n_steps for each in chosen) < n_steps and pitches and min(pitches) - 6 >= 21 and max(pitches) + 6 <= 108:
            chosen.append(piece)
    return chosen


def print_score(arguments: argparse.Namespace) -> None:
    """Nats a step of sounding, in both averages."""
    torch.set_num_threads(1)
    composer = Composer.load(arguments.weights)
    split, pieces = held_out(arguments.data)
    with progress(len(pieces), f"Scoring {arguments.data.stem}") as advance:
        nll = score_pieces(composer.model, pieces, advance)["play"]
    print(f"{len(pieces)} {split} pieces: {nll.frame_average:.3f} nats a step (frames), {nll.sequence_average:.3f} (sequences)")


def keep_weights(arguments: argparse.Namespace) -> None:
    """The run's best weights under the name of its preset and set, so that pieces that are not at hand can be scored elsewhere."""
    composer, data = Composer.load(arguments.run_folder / "model.safetensors"), data_of(arguments.run_folder)
    target = KEPT / f"{settings_of(arguments.run_folder)['preset']}-{data.stem}.safetensors"
    metadata = {**composer.metadata, "data": data.name, "licence": "research use", "source": SOURCE}
    stored = [quantised(name, t) if t.ndim == 2 else {name: t.half()} for name, t in composer.model.state_dict().items()]
    weights.save(target, {name: tensor for each in stored for name, tensor in each.items()}, metadata)
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB")


def print_repeats(arguments: argparse.Namespace) -> None:
    """Of steps that follow a match of `LONG` steps or more: their share, and how many of them are what followed it before."""
    composer = Composer.load(arguments.run_folder / "model.safetensors")
    pieces = held_out(data_of(arguments.run_folder))[1][: arguments.pieces]
    written = [
        PianoRoll.from_score(score, 4).grid
        for score in compose(composer, Composing(bars=arguments.steps // 16, count=arguments.pieces, form="free"))
    ]
    for name, grids in (("held out", [piece.grid() for piece in pieces]), ("written", written)):
        share, kept = repeats_of(grids)
        print(f"{name}: {share:.2f} of the steps follow a match of {LONG} steps or more, {kept:.2f} of these go on as it did")


def repeats_of(grids: list[np.ndarray]) -> tuple[float, float]:
    """Of ``grids`` [s, p, 2], as `print_repeats` says."""
    after, went_on = [], []
    for grid in grids:
        names = step_names(grid)
        for step, name in enumerate(names):
            place, length = longest_match(names[:step])
            after.append(length >= LONG)
            if length >= LONG:
                went_on.append(names[place] == name)
    return float(np.mean(after)), float(np.mean(went_on)) if went_on else float("nan")


def table_of(rows: dict[str, Row]) -> str:
    """Markdown: likelihoods beside published ones, then transposition, leaks and speed of each run."""
    names = ("JSB chorales", "MuseData", "Nottingham", "Piano-midi.de")
    lines = ["| nats a step | " + " | ".join(names) + " |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [f"| {name} | " + " | ".join(f"{value:.2f}" for value in values) + " |" for name, values in PUBLISHED.items()]
    for title, average in (("frames", "frame_average"), ("sequences", "sequence_average")):
        cells = [_cell(rows.get(name), average) for name in SETS]
        lines.append(f"| ours, average over {title} | " + " | ".join(cells) + " |")
    lines += ["", "| set | updates | minutes | updates a second | training pieces left out | " + " | ".join(f"{s:+d}" for s in SHIFTS) + " |"]
    lines.append("| --- |" + " ---: |" * (4 + len(SHIFTS)))
    for name in SETS:
        row = rows.get(name)
        if row is not None:
            changes = " | ".join(f"{row.changes[shift]:+.2f}" for shift in SHIFTS)
            lines.append(f"| {name} | {row.updates:,} | {row.minutes:.0f} | {row.steps_per_second:.1f} | {row.left_out} | {changes} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row | None, average: str) -> str:
    if row is None:
        return "–"
    return f"{getattr(row.nll, average):.2f}" + ("" if row.split == "test" else " (validation)")


if __name__ == "__main__":
    main()
