"""``orchestrion evaluate``: likelihoods and note accuracy of a model on held-out data."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from orchestrion.cli import backends
from orchestrion.cli.clusters import cluster_at, cluster_option
from orchestrion.cli.options import (
    COMPOSER,
    NumberRange,
    instrument_option,
    json_option,
    seed_option,
    temperature_option,
)
from orchestrion.cli.streams import echo_measures
from orchestrion.generators.table import on_songs
from orchestrion.progress import progress, waiting


@click.group(short_help="Measure a model on held-out data.")
def evaluate() -> None:
    """Measure a model on held-out data.

    \b
    Examples:
      orchestrion evaluate renderer --instrument violin --data recordings/ --json
      orchestrion evaluate notes --instrument violin --bank soundfont:violin -o violin-notes
      orchestrion evaluate composer --model chorales --data JSB_Chorales.mat --split test --json
      orchestrion evaluate spectral-lstm --model runs/lstm --data songs-16k
    """


@evaluate.command(short_help="Every note, against the instrument's own.")
@instrument_option()
@click.option("--bank", required=True, metavar="DIR|soundfont:NAME", help="The instrument's own single notes (orchestrion learn --help).")
@click.option("--step", type=click.IntRange(1, 24), default=1, show_default=True, metavar="N", help="Only every N-th pitch.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
              help="Also write OUT.json with every figure and OUT.png, a map of pitch and velocity.")
@seed_option
@cluster_option
@json_option  # fmt: skip
def notes(instrument: str, bank: str, step: int, output: Path | None, seed: int, cluster: str | None, as_json: bool) -> None:
    """Every pitch at five velocities, played freely, against the instrument's own notes.

    Level, notes that are missing (15 dB and more too soft), noise between the partials, log-spectral distance, attacks, a run of
    twelve notes a second, notes of 50 ms and of 10 s, releases, chords of three to six, a soft note after a minute of rest; with the
    source alone beside it.

    \b
    Examples:
      orchestrion evaluate notes -i violin --bank soundfont:violin -o violin-notes
      orchestrion evaluate notes -i mine.safetensors --bank my-notes/ --step 3 --json
    """
    from orchestrion.api import evaluate as measures

    with cluster_at(cluster) as workers:
        report = measures.notes(instrument, bank, step=step, seed=seed, output=output, cluster=workers)
    echo_measures(report.summary(), as_json)


@evaluate.command(short_help="Does the audio follow held-out recordings' notes?")
@instrument_option()
@click.option("--data", required=True, metavar="DIR", help="Recordings with notes (orchestrion data check --help).")
@click.option("--split", type=click.Choice(["auto", "train", "validation", "all"]), default="auto", show_default=True,
              help="Which pieces; auto is validation where the folder has a splits.json, else all.")
@click.option("--seconds", type=NumberRange(1), default=30.0, show_default=True, metavar="S",
              help="Seconds of each piece to play freely and listen to, from its beginning.")
@seed_option
@temperature_option
@cluster_option
@json_option  # fmt: skip
def renderer(instrument: str, data: str, split: str, seconds: float, seed: int, temperature: float | None, cluster: str | None, as_json: bool) -> None:
    """Bits a sample with the true and with another score, and how many notes of the free-running audio are right.

    The ceiling is the recording itself through the same transcriber, the floor another piece's score.
    rest_below_note_db_…: each pitch of the instrument once by itself, and how far below the note the rest after it lies;
    silent_pitches: how many of them do not sound.

    \b
    Examples:
      orchestrion evaluate renderer --instrument violin --data recordings/ --json
      orchestrion evaluate renderer -i runs/violin/model.safetensors --data violin-set --seconds 10
    """
    from orchestrion.evaluation.judge.evaluate_renderer import evaluate_renderer

    with cluster_at(cluster) as workers:
        figures = evaluate_renderer(instrument, data, split=split, seconds=seconds, seed=seed, temperature=temperature, cluster=workers)
    echo_measures(figures, as_json)


@evaluate.command(short_help="Likelihood of held-out pieces; what it writes.")
@click.option("--model", type=COMPOSER, required=True, metavar="NAME|PATH", help="Shipped composer or weights file.")
@click.option("--data", required=True, metavar="NAME|DIR|FILE.mat",
              help="melodies, chorales, quartets, music21:NAME, a folder of scores, or a MATLAB file of piano rolls.")
@click.option("--split", type=click.Choice(["train", "validation", "test", "all"]), default="test", show_default=True,
              help="Which pieces.")
@click.option("--writing", type=click.IntRange(1, 10_000), metavar="N",
              help="Instead, have N pieces of 16 bars written and compare them with held-out pieces.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="OUT",
              help="With --writing, also write OUT.json and OUT.png: rolls beside the likeness of their bars.")
@seed_option
@cluster_option
@json_option  # fmt: skip
def composer(model: str, data: str, split: str, writing: int | None, output: Path | None, seed: int, cluster: str | None, as_json: bool) -> None:
    """Negative log-likelihood a step, in nats, beside the unigram and Markov baselines.

    nll_… is over the 0/1 of sounding alone, as in the literature; nll_with_articulation_… adds the attacks. Averages are
    over all steps (frame) and over the pieces' means (sequence). gap_nll_…: of the true notes in a gap of four bars, left to
    right, with the bars after it seen, and as compose --fill fills it, where the composer can.
    harmonising_nll_…: of the notes below a given melody, its present alone heard, and all that follows.

    With --writing: of what it writes, measures of notes, form, endings and (in four parts) voice-leading beside the 5-95 % range
    of held-out pieces, the share of pieces inside it, the share of 16-step windows that occur in the training pieces, and how
    well a classifier tells the written pieces from the held-out ones.

    \b
    Examples:
      orchestrion evaluate composer --model chorales --data JSB_Chorales.mat --split test --json
      orchestrion evaluate composer --model melodies --data melodies --writing 100 -o melodies-writing
    """
    from orchestrion.evaluation.composition.evaluate_composer import evaluate_composer, evaluate_writing

    with cluster_at(cluster) as workers:
        if writing is None:
            echo_measures(evaluate_composer(model, data, split, cluster=workers), as_json)
            return
        with ExitStack() as shown:
            advance, written = shown.enter_context(progress(writing, "Writing")), 0

            def report(n: int) -> None:
                nonlocal written
                written += n
                advance(n)
                if written == writing:  # what follows takes longer than a few pieces do: the bar would stand at its end
                    shown.close()
                    shown.enter_context(waiting("Comparing with held-out pieces"))

            measured = evaluate_writing(model, data, count=writing, seed=seed, output=output, report=report, cluster=workers)
        echo_measures(measured, as_json)


for _backend in on_songs():
    evaluate.add_command(backends.make_evaluation(_backend))
