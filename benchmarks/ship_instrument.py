"""Turn a finished training into a shipped instrument: measure it, write ``models/NAME.safetensors`` and its card.

    python benchmarks/ship_instrument.py runs/violin violin --data soundfont:violin --temperature 0.9
    python benchmarks/ship_instrument.py runs/without-notes cello-paper-unconditioned --data cello/ --how "…"

The weights are stored as float16 (half the size; the card's figures are of these stored weights). Figures on the set's
validation pieces and on the six built-in tunes come from the same code as ``orchestrion evaluate``.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import torch

from orchestrion import shipped, weights
from orchestrion.datasets.catalogue import open_recordings
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.evaluation.judge.evaluate_renderer import evaluate_renderer
from orchestrion.evaluation.judge.instrument_report import InstrumentTable, evaluate_instrument
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.files import atomic_write
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.training.train_renderer import provenance

CARD = """# {name}

A WaveNet instrument for Orchestrion: it plays scores as raw audio, 16 kHz mono, 256 µ-law levels.

| | |
| --- | --- |
| architecture | {kind} WaveNet, preset `{preset}`: {layers} layers, {residual} residual and {skip} skip channels, {parameters:,} parameters{alone} |
| training audio | {source}, {training_minutes} minutes |
| attribution | {attribution} |
| licence of the weights | {licence} |
| pitches | {low} to {high} (MIDI numbers) |
| training | {steps} steps of {crop}, {heard} seconds of audio; {minutes:.0f} minutes on {machine} |
| sampling temperature | {temperature} |
| checksum | {checksum} |

{notice}## Does it play the notes?

On {n_pieces} held-out piece(s) of the training set, {seconds:g} s of each played free-running:

| measure | value |
| --- | --- |
{measures}

`rest_below_note_db`: how far below a note the rest after it lies, every pitch of the range played by itself; `silent_pitches` do not sound.

On the six built-in tunes (never trained on), free-running, one seed. The ceiling is {ceiling} through the same
transcriber, the floor another tune's score:

{table}

## Make it again

    {reproduce}

then `python benchmarks/ship_instrument.py runs/{name} {name} --data {data} --temperature {temperature}`. {differs}
"""
MEASURES = (
    "bits_per_sample", "bits_per_sample_other_score", "note_f1_50ms", "ceiling_note_f1_50ms", "floor_note_f1_50ms",
    "note_f1_100ms", "ceiling_note_f1_100ms", "silent_pitches", "rest_below_note_db_median",
    "rest_below_note_db_worst",
)  # fmt: skip


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--data", required=True, help="As given to orchestrion train renderer.")
@click.option("--folder", help="Where the set lies already, instead of making it.")
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--source", help="What was recorded, for the card.")
@click.option("--licence", help="Of the weights, where the set's own word is not enough.")
@click.option("--start-from", help="The instrument whose weights the training began with, where the run does not say.")
@click.option("--machine", default="one core of a busy two-core machine", show_default=True, help="What it was trained on, for the card.")
@click.option("--how", help="The command that trained it, where it was not orchestrion train renderer.")
@click.option("--notice", default="", help="What a user must be told on first use.")
@click.option("--windows", default=60, show_default=True, help="Windows of 0.64 s for the likelihoods.")
@click.option("--seconds", default=20.0, show_default=True, help="Of each held-out piece to be played.")
def ship(
    run: Path,
    name: str,
    data: str,
    folder: str | None,
    temperature: float,
    source: str | None,
    licence: str | None,
    start_from: str | None,
    machine: str,
    how: str | None,
    notice: str,
    windows: int,
    seconds: float,
) -> None:
    """Measure RUN's instrument and ship it as NAME."""
    tensors, metadata = weights.load(run / "model.safetensors", architecture="wavenet")
    recordings = open_recordings(folder or data)
    metadata |= provenance(recordings, divided(recordings)[0], WaveNetConfig.from_dict(metadata["config"]))
    history = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    settings = json.loads((run / "settings.json").read_text())
    steps = int(metadata["metrics"].get("steps", history[-1]["step"]))  # of these weights, which may have been kept on the way
    minutes = history[-1]["minutes"] * steps / history[-1]["step"]
    metadata |= {"name": name, "temperature": temperature, "steps": steps, "minutes": round(minutes, 2)}
    metadata |= {"notice": notice} if notice else {}
    metadata |= {"licence": licence} if licence else {}
    metadata |= {"start_from": start_from} if start_from else {}
    target = shipped.FOLDER / f"{name}.safetensors"
    half = {key: tensor.to(torch.float16) for key, tensor in tensors.items()}
    weights.save(target, half, metadata)
    held_out = evaluate_renderer(str(target), folder or data, split="validation", seconds=seconds, seed=0, windows=windows)
    table = _tunes(Instrument.load(target)) if "bits_per_sample_other_score" in held_out else None
    metadata["metrics"] = {key: held_out[key] for key in MEASURES if key in held_out}
    if table:
        metadata["tunes"] = table.to_json()
    weights.save(target, half, metadata)
    with atomic_write(shipped.FOLDER / f"{name}.md") as card:
        card.write_text(_card(name, data, source, Instrument.load(target), held_out, table, seconds, settings, machine, how), encoding="utf-8")
    click.echo(shipped.card(name))


def _tunes(instrument: Instrument) -> InstrumentTable:
    program = int(str(instrument.metadata.get("program", 0)))
    return evaluate_instrument(
        lambda score: instrument.render(score, seed=0),
        lambda score: reference_performance(score, program)[0],
        instrument=instrument.name,
        pitch_range=instrument.pitch_range,
    )


def _card(
    name: str, data: str, source: str | None, instrument: Instrument, held_out: dict, table: InstrumentTable | None, seconds: float,
    settings: dict, machine: str, how: str | None,
) -> str:  # fmt: skip
    config, metadata = instrument.config, instrument.metadata
    information = metadata["data"]
    assert isinstance(information, dict)
    steps, crops = metadata["steps"], settings["crops"]
    crop = crops["crop_frames"] * config.hop
    low, high = instrument.pitch_range
    unconditioned = "" if config.conditioned else " --unconditioned"
    beginning = f" --from {metadata['start_from']}" if metadata.get("start_from") else ""
    notice = f"**{instrument.notice}**\n\n" if instrument.notice else ""
    return CARD.format(
        name=name, kind="conditioned" if config.conditioned else "unconditioned", preset=settings["preset"], layers=config.layers,
        residual=config.residual, skip=config.skip,
        parameters=sum(p.numel() for p in instrument.model.parameters()), source=source or information.get("source", data),
        training_minutes=information["training_minutes"], attribution=information.get("attribution", "see the licence"),
        licence=metadata["licence"], low=low, high=high, steps=f"{steps:,}", minutes=metadata["minutes"], machine=machine,
        crop=f"{crop:,} samples" if crops["batch_size"] == 1 else f"{crops['batch_size']} crops of {crop:,} samples",
        heard=f"{steps * crops['batch_size'] * crop / config.sample_rate:,.0f}",
        alone="; the notes as a binary roll, no source" if config.conditioned and not config.source_window and not config.harmonics else "",
        differs="The crops and their order depend on the seed alone; the rate followed the clock, so that machines differ in it." if how else
        "Times differ between machines; the number of steps, the seed and the data decide the result.",
        temperature=metadata["temperature"], checksum=instrument.checksum, notice=notice,
        n_pieces=held_out["pieces"], seconds=seconds,
        measures="\n".join(f"| `{key}` | {_rounded(held_out[key])} |" for key in MEASURES if key in held_out),
        ceiling="FluidSynth's performance of the same notes", table=table.to_markdown() if table else "not applicable: it knows no notes",
        reproduce=how or f"orchestrion train renderer --data {data} --preset {settings['preset']}{unconditioned}{beginning} --steps {steps} -o runs/{name}",
        data=data,
    )  # fmt: skip


def _rounded(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"


if __name__ == "__main__":
    ship()
