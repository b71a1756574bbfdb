"""Where experiments get data, trained networks and clips; what is finished is kept in the folder and found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet, prepare_songs
from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.evaluation.comparison.openings import Recordings, from_set
from orchestrion.files import make_folder, sha256, write_json
from orchestrion.generators.configuring import changed
from orchestrion.generators.generating import LoadedModel
from orchestrion.generators.generator import Generator
from orchestrion.generators.table import SAMPLE_LSTM, WAVENET, backend_named, preset_named
from orchestrion.options import BackendTraining, Generating, Reproducing
from orchestrion.papers.material import CORPORA, perform_chorales
from orchestrion.papers.page import Cell, PageTable
from orchestrion.papers.planning import Job, seconds_a_step, shared_steps
from orchestrion.progress import progress
from orchestrion.training.evaluate_backend import evaluate_backend
from orchestrion.training.train_backend import kept_after, read_metrics, train_backend

MINUTES = 3.0
MATERIAL_MINUTES = {"small": 12.0, "paper": 60.0}
EQUAL_BATCH = 16
CURVE_POINTS = 10
WARMUP = 50
WEIGHTS = "model.safetensors"
SLOW_S = {SAMPLE_LSTM: 2.0}  # it takes seconds for one


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: its job, its folder, its log (one line a validation), and after which epochs weights were kept."""

    job: Job
    run: Path
    lines: tuple[dict[str, float], ...]
    per_epoch: int
    batch: int
    kept: tuple[float, ...] = ()

    def weights_after(self, index: int) -> str:
        """The file of the weights kept after the share of that number; see `Lab.train`."""
        return kept_after(self.kept[index])

    @property
    def best(self) -> dict[str, float]:
        """The line of least held-out loss."""
        return min(self.lines, key=lambda line: line["loss"])

    def curve(self, key: str) -> list[tuple[float, float]]:
        """(epochs, loss) of ``loss`` (held out) or ``training_songs_loss``."""
        return [(line["step"] * self.batch / self.per_epoch, line[key]) for line in self.lines]


@dataclass(slots=True)
class Lab:
    """The workbench of one experiment.

    Args:
        name: of the experiment.
        root: holds material, sets, runs and plans of all experiments.
        options: as asked.
        used: every network that has been trained here, by label; what the page's settings are made of.
        renderers: settings of the conditioned WaveNets and their twins, likewise.
        trains: whether anything is trained here, beside the finished trainings that are given.
    """

    name: str
    root: Path
    options: Reproducing
    used: dict[str, Job] = field(default_factory=dict)
    renderers: dict[str, dict[str, object]] = field(default_factory=dict)
    trains: bool = False

    @property
    def folder(self) -> Path:
        """Where the page goes."""
        return make_folder(self.root / self.name)

    @property
    def preset(self) -> str:
        return self.options.scale

    @property
    def is_small(self) -> bool:
        return self.options.scale == "small"

    @property
    def minutes(self) -> float | None:
        """Of training, all networks of the experiment together; None: the papers' epochs."""
        return self.options.minutes or (MINUTES if self.is_small else None)

    def corpora(self, *kinds: str) -> list[str]:
        """Names of the data sets: the given folders, or what is performed (``kinds``, see `material.CORPORA`)."""
        given = self.options.data[: len(kinds)]
        return [f"data-{number}" for number, _ in enumerate(given, 1)] or list(kinds)

    def audio(self, corpus: str) -> Path:
        """The folder of recordings of one corpus; performed if need be."""
        if corpus.startswith("data-"):
            return Path(self.options.data[int(corpus.removeprefix("data-")) - 1])
        minutes = self.options.material_minutes or MATERIAL_MINUTES[self.options.scale]
        font = self.options.soundfont
        named = (corpus, CORPORA[corpus], minutes, self.options.seed, sha256(Path(font)) if font else None)
        folder = self.root / "material" / f"{corpus}-{digest(named)}"
        return perform_chorales(folder, minutes, players=CORPORA[corpus], seed=self.options.seed, soundfont=font)

    def songs(self, corpus: str, rate: int) -> Path:
        """The prepared set of one corpus at a sample rate."""
        source = self.audio(corpus)
        files = sorted((path.name, path.stat().st_size) for path in source.rglob("*") if path.is_file())
        folder = make_folder(self.root / "sets") / f"{corpus}-{rate}-{digest(files)}"
        if not folder.exists():
            prepare_songs(source, folder, sample_rate=rate, seed=self.options.seed)
        return folder

    def rate(self, job: Job) -> int:
        return int(changed(preset_named(job.backend, self.preset), job.settings).sample_rate)

    def train(self, jobs: Sequence[Job], minutes: float | None, keep: Sequence[float] = ()) -> list[Trained]:
        """Train networks on equal terms: the same batches, as many steps each, in ``minutes`` together (None: the papers' epochs).

        Args:
            keep: also keep the weights after these shares of the training; see `Trained.weights_after`.
        """
        sets = [self.songs(job.corpus, self.rate(job)) for job in jobs]
        if minutes is None:
            wanted, spans = BackendTraining.of(threads=self.options.threads, seed=self.options.seed), [1.0] * len(jobs)
        else:
            steps, spans = self._plan(jobs, sets, minutes)
            wanted = BackendTraining.of(
                steps=steps, batch=((0, EQUAL_BATCH),), warmup_steps=max(1, min(WARMUP, steps // 8)), threads=self.options.threads, seed=self.options.seed,
                validate_steps=max(1, steps // CURVE_POINTS),
            )  # fmt: skip
        done = []
        with progress(sum(spans), f"{self.name}: training") as bar:
            for number, (job, folder, span) in enumerate(zip(jobs, sets, spans, strict=True)):
                bar.show(sum(spans[:number]), f"{self.name}: training {job.label}, {number + 1} of {len(jobs)}")
                done.append(self._train_one(job, folder, wanted, keep))
                bar(span)
        return done

    def _plan(self, jobs: Sequence[Job], sets: Sequence[Path], minutes: float) -> tuple[int, list[float]]:
        """Steps of each and seconds a step of each; measured once and kept, so that the same command goes on as it began."""
        key = digest([self.preset, minutes, self.options.threads, [asdict(job) for job in jobs], [path.name for path in sets]])
        path = make_folder(self.root / "plans") / f"{key}.json"
        if not path.exists():
            with threads_limited(self.options.threads), progress(len(jobs), f"{self.name}: timing the networks") as bar:
                seconds = []
                for job, folder in zip(jobs, sets, strict=True):
                    seconds.append(seconds_a_step(job, self.preset, SongSet.open(folder), EQUAL_BATCH))
                    bar()
            write_json(path, {"steps": shared_steps(minutes, seconds), "seconds_a_step": seconds})
        plan = read_json_object(path)
        steps, spans = plan["steps"], plan["seconds_a_step"]
        assert isinstance(steps, int) and isinstance(spans, list)
        return steps, [float(span) for span in spans]

    def _train_one(self, job: Job, songs: Path, wanted: BackendTraining, keep: Sequence[float]) -> Trained:
        batch, per_epoch, epochs = self._epochs(job, songs, wanted)
        wanted = replace(wanted, keep_epochs=tuple(share * epochs for share in keep))
        asked = {name: value for name, value in asdict(wanted).items() if name != "threads"}
        run = make_folder(self.root / "runs") / f"{job.label}-{digest([self.preset, asdict(job), songs.name, asked])}"
        self.used[job.label] = job
        with resumable():
            train_backend(job.backend, songs, run, preset=self.preset, settings=job.settings, training=wanted, resume=run.exists())
        return Trained(job, run, tuple(read_metrics(run)), per_epoch, batch, wanted.keep_epochs)

    def _epochs(self, job: Job, songs: Path, wanted: BackendTraining) -> tuple[int, int, float]:
        """Examples a step, examples an epoch, and epochs of the whole training, a hair less so that the last step is its end."""
        recipe = backend_named(job.backend).recipes[self.preset]
        with torch.device("meta"):
            model = backend_named(job.backend).network(changed(preset_named(job.backend, self.preset), job.settings))
        length = model.clip_samples if recipe.crop_s is None else model.clip_for(recipe.crop_s)
        per_epoch = sum(-(-song.n_samples // length) for song in SongSet.open(songs).split("train"))
        batch = (wanted.batch or recipe.batch)[0][1]
        epochs = float(recipe.epochs or 0) if wanted.steps is None else wanted.steps * batch / per_epoch
        return batch, per_epoch, epochs * (1 - 1e-6)

    def ending(self, trained: Trained) -> dict[str, object]:
        """`evaluate_backend` of one network: held-out loss, level, likeness and repetition of what it makes."""
        seconds = min(self.options.seconds, SLOW_S.get(trained.job.backend, self.options.seconds))
        checksum, seed = sha256(trained.run / WEIGHTS), self.options.seed

        def measure() -> dict[str, object]:
            songs = self.songs(trained.job.corpus, self.rate(trained.job))
            return dict(evaluate_backend(trained.job.backend, songs, trained.run, seconds=seconds, seed=seed))

        return self.kept(f"ending-{trained.job.label}", [checksum, seconds, seed], measure)

    def kept(self, label: str, settings: object, make: Callable[[], dict[str, object]]) -> dict[str, object]:
        """What ``make`` gives for ``settings``: made once."""
        path = make_folder(self.root / "measures") / f"{label}-{digest(settings)}.json"
        if not path.exists():
            write_json(path, make())
        return read_json_object(path)

    def clip(self, label: str, settings: object, make: Callable[[], Waveform]) -> Waveform:
        """What ``make`` gives for ``settings``, as a file in ``clips/``: made once."""
        path = make_folder(self.folder / "clips") / f"{label}-{digest(settings)}.flac"
        if not path.exists():
            make().write(path)
        return Waveform.read(path)

    def openings(self, corpus: str, rate: int, n: int, seed_s: float, seconds: float) -> Recordings:
        """Openings of held-out songs, and what follows them."""
        return from_set(SongSet.open(self.songs(corpus, rate)), n, seed_s, seconds)

    def continuation(
        self, trained: Trained, opening: Waveform | None, label: str, *, weights: str = WEIGHTS, seconds: float | None = None,
        temperature: float | None = None, number: int = 0,
    ) -> Waveform:  # fmt: skip
        """What one network makes of an opening (None: noise); ``weights`` names a file of its run."""
        path = trained.run / weights
        length = min(seconds or self.options.seconds, SLOW_S.get(trained.job.backend, 600.0))
        wish = Generating.of(
            seconds=length, seed_audio="noise" if opening is None else opening, seed_seconds=60.0, temperature=temperature,
            seed=self.options.seed + number,
        )  # fmt: skip
        heard = None if opening is None else hashlib.sha256(opening.samples.tobytes()).hexdigest()
        settings = [sha256(path), heard, length, temperature, wish.seed]
        return self.clip(f"{trained.job.label}-{label}", settings, lambda: LoadedModel.load(trained.job.backend, path).generate(wish))

    def generator(self, trained: Trained) -> Generator:
        return LoadedModel.load(trained.job.backend, trained.run).generator

    def row(self, trained: Trained) -> dict[str, Cell]:
        """What tables say of every network: size, training, losses, level, and whether the end is a fixed point."""
        end = self.ending(trained)
        levels, known = end["level_db"], end["trained"]
        assert isinstance(levels, list) and isinstance(known, dict)
        best, steps = trained.best, int(trained.lines[-1]["step"])
        # The weights that are kept may be of an earlier step.
        examples, kept_s, kept_examples = steps * trained.batch, float(known["seconds_of_audio"]), int(known["examples"])
        return {
            "network": trained.job.label,
            "parameters": sum(p.numel() for p in _parameters(self.generator(trained))),
            "steps": steps, "examples": examples, "seconds of audio": round(examples * kept_s / kept_examples),
            "weights of step": int(known["steps"]),
            "held-out loss": best["loss"], "training loss": best["training_songs_loss"],
            "level (dB)": f"{levels[0]:+.1f} to {levels[1]:+.1f}", "fixed end": not end["moves_on"],
        }  # fmt: skip

    def settings_table(self) -> PageTable:
        """Every setting in which a network of this page differs from the published preset."""
        rows: dict[tuple[str, Cell, Cell], list[str]] = {}
        for label, job in self.used.items():
            paper = preset_named(job.backend, "paper").to_dict()
            here = changed(preset_named(job.backend, self.preset), job.settings).to_dict()
            recipes = backend_named(job.backend).recipes
            paper |= {f"training: {name}": value for name, value in asdict(recipes["paper"]).items() if name != "cures"}
            here |= {f"training: {name}": value for name, value in asdict(recipes[self.preset]).items() if name != "cures"}
            if self.minutes is not None:
                here |= {"training: batch": EQUAL_BATCH, "training: epochs": None, "training: minutes": None}
                here["training: warmup_steps"] = f"an eighth of the steps, {WARMUP} at most"
            for name in paper:
                if paper[name] != here.get(name):
                    rows.setdefault((name, str(paper[name]), str(here.get(name))), []).append(label)
        for label, settings in self.renderers.items():
            known = preset_named(WAVENET, "paper").to_dict() | {"training: crop (s)": "not said", "training: steps": "not said"}
            for name, value in settings.items():
                if known[name] != value:
                    rows.setdefault((name, str(known[name]), str(value)), []).append(label)
        every = len(self.used) + len(self.renderers)
        return PageTable(
            ("setting", "the paper's preset", "here", "of"),
            tuple((*key, "all" if len(labels) == every else ", ".join(labels)) for key, labels in rows.items()),
        )

    def facts(self) -> Mapping[str, Cell]:
        """For the head of the page."""
        given = ", ".join(self.options.data) or "chorales of Bach's, performed"
        bound = "the papers' epochs" if self.minutes is None else f"{self.minutes:g} minutes of training"
        if self.options.runs:
            bound = f"{bound}, beside finished trainings" if self.trains else "finished trainings"
        return {"scale": self.options.scale, "data": given, "budget": bound, "seed": self.options.seed}


def digest(settings: object) -> str:
    """Ten hexadecimal digits that stand for ``settings`` in the name of a file."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:10]


@contextmanager
def threads_limited(n: int | None) -> Iterator[None]:
    """Torch computes on ``n`` threads; None: as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def resumable() -> Iterator[None]:
    """A training that is stopped says how to go on: here, by the same command."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        stop.__notes__ = ["What is finished is kept; the same command goes on from there."]
        raise


def _parameters(model: Generator) -> Iterator[torch.nn.Parameter]:
    assert isinstance(model, torch.nn.Module)
    return model.parameters()
