"""Conditioned WaveNets and their unconditioned twins for experiments: the paper's network, or a small one of its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrion import header
from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.aligned import AlignedPiece, AlignedSet
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.bits_per_sample import bits_per_sample
from orchestrion.evaluation.judge.following import note_accuracy
from orchestrion.files import make_folder, sha256, write_json
from orchestrion.options import Crops, Playing, Training
from orchestrion.papers.lab import WEIGHTS, Lab, digest, resumable, threads_limited
from orchestrion.papers.page import Cell
from orchestrion.papers.planning import LEAST_STEPS, quickest
from orchestrion.playing import play
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Score
from orchestrion.training.renderer_task import RendererTask
from orchestrion.training.settings import settled
from orchestrion.training.train_renderer import train_renderer

PAPER_MINUTES = 60.0
PAPER_CROP_S, SMALL_CROP_S = 1.5, 0.4
WINDOWS = 24
PAPER = PRESETS["paper"]
# The paper's kind of network, a fraction of its size: the binary roll, no source, dilations to 512.
SMALL = dataclasses.replace(PAPER, layers=20, residual=32, skip=64, head=64)


@dataclass(frozen=True, slots=True)
class Renderer:
    """A network to train on recordings with notes.

    Args:
        data: their folder.
        conditioned: whether it is told the notes.
        label: a method that labels recordings without notes.
    """

    name: str
    data: Path
    conditioned: bool = True
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """A training of a WaveNet on recordings: the config of the network, updates, crops an update, seconds of a crop."""

    config: Mapping[str, object]
    steps: int
    batch: int
    crop_s: float

    @classmethod
    def of(cls, run: Path) -> Finished:
        """Of the folder ``run``.

        Raises:
            OrchestrionError: it holds no such training.
        """
        settings, facts = read_json_object(run / "settings.json"), header.read(run / WEIGHTS)
        loop, crops, metrics = settings.get("loop"), settings.get("crops"), facts.get("metrics")
        if not (isinstance(loop, dict) and isinstance(crops, dict) and isinstance(metrics, dict)):
            raise OrchestrionError(f"{run} holds no finished training of a WaveNet on recordings.")
        config = Instrument.load(run / WEIGHTS).config
        # The weights may be of an earlier step than the last, or of a training whose end was a time.
        steps = int(metrics.get("steps") or loop["steps"])
        return cls(config.to_dict(), steps, int(crops["batch_size"]), int(crops["crop_frames"]) * config.hop / config.sample_rate)


def config_of(lab: Lab) -> WaveNetConfig:
    """Of the lab's scale."""
    return SMALL if lab.is_small else PAPER


def train_alike(lab: Lab, wanted: Sequence[Renderer], minutes: float | None) -> dict[str, Path]:
    """Runs by name: as many steps each on as many crops of one length, in ``minutes`` together (None: an hour each)."""
    given, config = lab.options.runs, config_of(lab)
    if unknown := sorted(set(given) - {each.name for each in wanted}):
        raise OrchestrionError(f"{lab.name} trains no {unknown[0]!r}, but {', '.join(each.name for each in wanted)}.")
    crop_s = SMALL_CROP_S if lab.is_small else PAPER_CROP_S
    crops = Crops(batch_size=1, crop_frames=round(crop_s * config.sample_rate / config.hop))
    made = [each for each in wanted if each.name not in given]
    steps = _planned_steps(lab, made, crops, PAPER_MINUTES * len(made) if minutes is None else minutes) if made else 0
    runs = {name: Path(run) for name, run in given.items()}
    for name, run in runs.items():
        known = Finished.of(run)
        lab.renderers[name] = dict(known.config) | {"training: crop (s)": known.crop_s, "training: steps": known.steps}
    lab.trains = lab.trains or bool(made)
    for each in made:
        lab.renderers[each.name] = config.to_dict() | {"training: crop (s)": crop_s, "training: steps": steps}
        settings = [config.to_dict(), each.name, each.conditioned, each.label, str(each.data), steps, dataclasses.asdict(crops), lab.options.seed]
        run = make_folder(lab.root / "runs") / f"wavenet-{each.name}-{digest(settings)}"
        if not (run / "finished").exists():
            loop = settled(Training(steps=steps, threads=lab.options.threads, seed=lab.options.seed, precision="32-true"))
            # One validation, at the end: those of a large network would take longer than a training of minutes.
            loop = dataclasses.replace(loop, warmup_steps=max(1, min(loop.warmup_steps, steps // 8)), validate_steps=steps)
            with resumable():
                train_renderer(
                    each.data, run, preset="paper", config=config, unconditioned=not each.conditioned, label=each.label, loop=loop,
                    crops=crops, resume=run.exists(), listen=False,
                )  # fmt: skip
            (run / "finished").touch()
        runs[each.name] = run
    return runs


def _planned_steps(lab: Lab, wanted: Sequence[Renderer], crops: Crops, minutes: float) -> int:
    config = config_of(lab)
    path = make_folder(lab.root / "plans") / f"{digest([config.to_dict(), crops.crop_frames, len(wanted), minutes, lab.options.threads])}.json"
    if not path.exists():
        told = [each for each in wanted if each.label is None] or list(wanted)
        task = RendererTask(config, *_pieces(told[0].data, config), dataclasses.replace(crops, gain_db=0.0, polarity=False))

        def update(step: int) -> None:
            task.loss(task.model, task.batch(step, 0, 1)).backward()

        with threads_limited(lab.options.threads):
            seconds = quickest(update)
        write_json(path, {"steps": max(LEAST_STEPS, int(60 * minutes / (seconds * len(wanted))))})
    steps = read_json_object(path)["steps"]
    assert isinstance(steps, int)
    return steps


def _pieces(data: Path, config: WaveNetConfig) -> tuple[tuple[AlignedPiece, ...], tuple[AlignedPiece, ...]]:
    return divided(AlignedSet.open(data, sample_rate=config.sample_rate, hop=config.hop))


def played(lab: Lab, run: Path, score: Score, label: str) -> Waveform:
    """``score`` by one network, for as long as clips are (an unconditioned one plays as it likes for as long)."""
    told = score.crop(0.0, lab.options.seconds)
    settings = [sha256(run / WEIGHTS), [dataclasses.astuple(note) for note in told.notes], lab.options.seed]

    def make() -> Waveform:
        return play(told, [Instrument.load(run / WEIGHTS)], Playing(seed=lab.options.seed, parallel=False)).to_mono()

    return lab.clip(label, settings, make)


def measured(lab: Lab, name: str, run: Path, data: Path, tune: Score) -> dict[str, Cell]:
    """The row of one network: size, training, bits a sample of held-out recordings, and whether it plays ``tune``'s notes."""
    model, known = Instrument.load(run / WEIGHTS).model, Finished.of(run)

    def measure() -> dict[str, object]:
        train, held_out = _pieces(data, model.config)
        found: dict[str, object] = {"bits": bits_per_sample(model, held_out, windows=WINDOWS)}
        if model.config.conditioned:
            others = [*held_out[1:], train[0]]
            found["bits, another score"] = bits_per_sample(model, held_out, scores=others, windows=WINDOWS)
        told = tune.crop(0.0, lab.options.seconds)
        return found | {"f1": note_accuracy(played(lab, run, tune, f"{name}-tune"), told)["note_f1_50ms"]}

    found = lab.kept(f"wavenet-{name}", [sha256(run / WEIGHTS), str(data), tune.title, lab.options.seconds], measure)
    bits, other, f1 = (found.get(key) for key in ("bits", "bits, another score", "f1"))
    assert isinstance(bits, float) and isinstance(f1, float) and (other is None or isinstance(other, float))
    return {
        "network": name, "parameters": sum(p.numel() for p in model.parameters()), "steps": known.steps,
        "examples": known.steps * known.batch, "seconds of audio": round(known.steps * known.batch * known.crop_s), "bits a sample": bits,
        "… with another score": other, "notes right (F1, 50 ms)": f1,
    }  # fmt: skip
