"""Train a small model of every back-end on one folder of songs and ship it: ``models/NAME.safetensors`` and its card.

    python benchmarks/ship_backends.py songs/ --validation bwv847-prelude --source "Kimiko Ishizaka, …" --licence "CC0 1.0"

    python benchmarks/ship_backends.py songs/ --work runs --run spectral-lstm=runs/lstm --temperature .3 --source … --licence …

The second form ships a training that is finished, of any settings, and no other; its set is WORK/setRATE. Stopped half-way, the same
command goes on where it was. With the default of 4 minutes (`TIMES` as long for the slow ones) each
takes at most 20 minutes. Matrices are stored in a byte a number (orchestrion/quantised.py), other weights as float16, the measures that
normalise spectra as float32 (the least deviation, 1e-8, is none in float16); the card's figures are of these stored weights.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from orchestrion import header, shipped, weights
from orchestrion.datasets.recordings.songs import SongSet, prepare_songs
from orchestrion.files import atomic_write
from orchestrion.generators.files import load_generator
from orchestrion.generators.table import BACKENDS, on_songs
from orchestrion.options import BackendTraining
from orchestrion.quantised import quantised
from orchestrion.training.backend_task import BackendTask
from orchestrion.training.train_backend import read_metrics, train_backend

PRESET = "small"
SMALLEST_MATRIX = 1 << 14
WAVENET = "wavenet-unconditioned"
NAMES = tuple(on_songs())
TIMES = {WAVENET: 5.0, "spectral-conv1d": 1.5, "spectral-conv2d": 1.5, "sample-lstm": 1.5}
SEED_S, LISTEN_S = 10.0, {"sample-lstm": 2.0}  # it takes seconds for one
LABELS = {
    "loss": "loss on held-out recordings",
    "loss_of_the_mean": "the same for predicting the mean always",
    "training_songs_loss": "loss on training songs",
    "bits_per_sample": "bits a sample on the held-out piece (8 when nothing is known)",
    "level_db": "level of a continuation, dB",
    "level_from_noise_db": "level of a continuation of noise, dB",
}
OUTCOMES = {
    WAVENET: "It draws samples, so that its audio does not settle; after so short a training it is noise of about the piano's colour, without notes.",
    "sample-lstm": "Within half a second the audio is a constant, the horizontal line that the paper reports.",
    "stft-encdec": "It predicts no better than the mean: two seconds ahead, the phases of so many bins are anybody's guess, and the "
    "audio is next to silence.",
}
DRONE = (
    "Like its kin it predicts without chance: after a moment the audio settles into a steady, quiet drone, the generation "
    "loop of which the papers speak."
)
DRAWN = "What it plays is drawn at a temperature of {:g} about what it predicts (docs/papers.md)."
STOPPED = " The training was stopped at {:,} of {:,} steps, before its learning rate had fallen; the command above does not stop so."
CARD = """# {name}

A back-end of Orchestrion ({paper}): it continues piano music, or noise, at {rate:,} samples a second. It
is here to be compared with, trained for minutes and not for the paper's epochs, and smaller than published.

| | |
| --- | --- |
| parameters | {parameters:,} ({published:,} in the published size) |
| config | {config} |
| training audio | {source}: {training_songs} recordings, {training_minutes} minutes; held out: {held_out} |
| licence of the weights | {licence} |
| training | {steps:,} steps, {examples:,} examples, {heard_s:,.0f} seconds of audio; {minutes:.1f} minutes on a share of a busy core |
| checksum | {checksum} |

## Figures

| measure | value |
| --- | --- |
{measures}

The loss is: {unit}; up to 32 examples of each. The levels are those of {listen:g} s that continue a held-out recording's first
{seed:g} s, or noise, against these {seed:g} s. {outcome}

## Make it again

    orchestrion data prepare SONGS --rate {rate} --licence "{licence}" -o set{rate}
    orchestrion train {name} --data set{rate} {made} --steps {steps} -o runs/{name}

or this and all the others with `python benchmarks/ship_backends.py SONGS`.{stopped}
"""


@click.command()
@click.argument("songs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--work", type=click.Path(path_type=Path), default=Path("runs/backends"), show_default=True, help="Sets and runs.")
@click.option("--validation", multiple=True, help="A song that is held out; repeatable.  [default: a fifth, drawn]")
@click.option("--run", "runs", multiple=True, metavar="NAME=RUN", help="Ship this finished training; repeatable.")
@click.option("--source", required=True, help="What was recorded, for the cards.")
@click.option("--licence", required=True, help="Of the recordings, and so of the weights.")
@click.option("--minutes", default=4.0, show_default=True, help="Of each training, or a multiple of it.")
@click.option("--threads", type=int)
@click.option("--noise", default=0.0, show_default=True, help="A cure of decay in training (docs/papers.md).")
@click.option("--temperature", default=0.0, show_default=True, help="Of generation, kept in the file; 0 is the papers'.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Only these; repeatable.")
def main(songs: Path, work: Path, validation: tuple[str, ...], runs: tuple[str, ...], source: str, licence: str, minutes: float,
         threads: int | None, noise: float, temperature: float, only: tuple[str, ...]) -> None:  # fmt: skip
    """Train every back-end on the folder SONGS and ship it."""
    if threads:
        torch.set_num_threads(threads)
    finished = dict(given.split("=", 1) for given in runs)
    for name in finished or only or NAMES:
        rate = BACKENDS[name].presets()[PRESET].sample_rate
        folder = work / f"set{rate}"
        if not folder.exists():
            prepare_songs(songs, folder, sample_rate=rate, validation=validation, licence=licence)
        budget = minutes * TIMES.get(name, 1.0)
        training = BackendTraining(minutes=budget, threads=threads, noise=noise)
        run = Path(finished.get(name, work / "runs" / name))
        if name not in finished:
            train_backend(name, folder, run, preset=PRESET, training=training, resume=run.exists())
        ship(name, run, SongSet.open(folder), source, temperature)
        click.echo(f"{name}: {(shipped.FOLDER / f'{name}.safetensors').stat().st_size / 2**20:.2f} MiB", err=True)


def ship(name: str, run: Path, songs: SongSet, source: str, temperature: float = 0.0) -> None:
    """Store the run's best weights, measure them, write model and card."""
    tensors, metadata = weights.load(run / "model.safetensors")
    model: Any = load_generator(run / "model.safetensors")
    kept = stored(tensors, {key for key, _ in model.named_parameters()})
    target = shipped.FOLDER / f"{name}.safetensors"
    history = read_metrics(run)
    metadata |= {"name": name, "steps": history[-1]["step"], "minutes": history[-1]["minutes"], "attribution": source}
    settings = json.loads((run / "settings.json").read_text())
    metadata["made"] = command_of(name, settings)
    if (wanted := settings["loop"]["steps"]) and wanted > history[-1]["step"]:
        metadata["stopped"] = [history[-1]["step"], wanted]
    if temperature:
        metadata["temperature"] = temperature
    weights.save(target, kept, metadata)
    metadata["metrics"] = measures(name, songs)
    weights.save(target, kept, metadata)
    with atomic_write(shipped.FOLDER / f"{name}.md") as card:
        card.write_text(_card(name, songs, source, header.read(target)), encoding="utf-8")


def stored(tensors: Mapping[str, torch.Tensor], learnt: Collection[str]) -> dict[str, torch.Tensor]:
    """What the file holds of a model."""
    kept: dict[str, torch.Tensor] = {}
    for key, tensor in tensors.items():
        is_matrix = key in learnt and tensor.ndim == 2 and tensor.numel() >= SMALLEST_MATRIX
        kept |= quantised(key, tensor) if is_matrix else {key: tensor.half() if key in learnt else tensor}
    return kept


def command_of(name: str, settings: dict[str, Any]) -> str:
    """The options of ``orchestrion train`` that a run was made with."""
    preset = BACKENDS[name].presets()[settings["preset"]].to_dict()
    changes = [f"--set {key}={value}" for key, value in settings["config"].items() if preset[key] != value]
    cures = {"noise": "noise", "gain_drift_db": "gain-drift", "own": "own", "magnitudes": "magnitudes"}
    changes += [f"--{option} {settings['recipe']['cures'][key]:g}" for key, option in cures.items() if settings["recipe"]["cures"][key]]
    return " ".join([f"--preset {settings['preset']}", *changes])


def measures(name: str, songs: SongSet) -> dict[str, float]:
    """Held-out and training loss of the shipped model, that of predicting the mean, and the level of what it generates."""
    model: Any = load_generator(name)
    task = BackendTask(name, model.config, songs.split("train"), songs.split("validation"), BACKENDS[name].recipes[PRESET])
    with torch.no_grad():
        found = dict(task.validate(model))
        if name == WAVENET:
            found["bits_per_sample"] = found["loss"] / math.log(2)
        else:
            mute: Any = load_generator(name)
            mute.head.weight.zero_()
            mute.head.bias.zero_()
            found["loss_of_the_mean"] = task.validate(mute)["loss"]
    song = songs.split("validation")[0]
    seed = song.samples(0, round(SEED_S * songs.sample_rate))
    n = round(LISTEN_S.get(name, SEED_S) * songs.sample_rate)
    found["level_db"] = _level_db(model.generate(seed, n, 0), seed)
    found["level_from_noise_db"] = _level_db(model.generate(None, n, 0), seed)
    return {key: round(value, 4) for key, value in found.items()}


def _level_db(audio: np.ndarray, reference: np.ndarray) -> float:
    power, against = float(np.square(audio).mean()), float(np.square(reference).mean())
    return max(10 * math.log10(max(power, 1e-20) / against), -99.0)


def _card(name: str, songs: SongSet, source: str, header: dict[str, Any]) -> str:
    kind = BACKENDS[name]
    heard = header["training"]
    held_out = [song.name for song in songs.split("validation")]
    config = ", ".join(f"{key} {value}" for key, value in header["config"].items())
    with torch.device("meta"):
        small, published = (kind.network(each) for each in (kind.config_of(header["config"]), kind.presets()["paper"]))
    return CARD.format(
        name=name, paper=kind.paper, rate=songs.sample_rate, source=source, config=config, licence=header["licence"],
        parameters=_parameters(small), published=_parameters(published), steps=int(header["steps"]),
        examples=int(heard["examples"]), heard_s=float(heard["seconds_of_audio"]), minutes=header["minutes"], checksum=header["sha256"], unit=kind.unit,
        held_out=", ".join(held_out) if len(held_out) < 5 else f"{len(held_out)} recordings", listen=LISTEN_S.get(name, SEED_S), seed=SEED_S,
        made=header["made"], stopped=STOPPED.format(*header["stopped"]) if "stopped" in header else "",
        training_songs=header["data"]["training_songs"], training_minutes=header["data"]["training_minutes"],
        measures="\n".join(f"| {LABELS[key]} | {header['metrics'][key]:.3f} |" for key in LABELS if key in header["metrics"]),
        outcome=DRAWN.format(header["temperature"]) if "temperature" in header else OUTCOMES.get(name, DRONE),
    )  # fmt: skip


def _parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


if __name__ == "__main__":
    main()
