"""The one training loop: Lightning around a task, for the composer, the renderer and every other back-end.

A task knows its model, its batches and its loss; the loop knows everything else: precision, processes, the moving
average, the schedule, the time budget, validation, checkpoints and logs. The run's folder holds ``settings.json``,
``checkpoint.safetensors`` (to resume), ``model.safetensors`` (the average at its best validation, or its last), ``metrics.jsonl`` (a
line a validation) and TensorBoard's events.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import lightning
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, IterableDataset

from orchestrion.errors import OrchestrionError
from orchestrion.files import DISK_FULL, refusal, writing
from orchestrion.training import checkpoint
from orchestrion.training.ahead import made_ahead
from orchestrion.training.optimizers import make_optimizer
from orchestrion.training.schedule import learning_rate_at
from orchestrion.training.settings import LoopSettings
from orchestrion.training.shown import Shown

CHECKPOINT, MODEL, METRICS = "checkpoint.safetensors", "model.safetensors", "metrics.jsonl"
STOPS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; what batch schedulers and `kill` send
BATCHES_AHEAD = 3  # on a GPU, whose step may take less time than its batch


Model = TypeVar("Model", bound=torch.nn.Module)


class TrainingTask(Protocol[Model]):
    """What a back-end brings to the loop. The models it is handed are ``model`` or its moving average."""

    model: Model

    def batch(self, step: int, rank: int, world: int) -> dict[str, Tensor]:
        """The batch of one step; depends on its arguments (and the task's seed) alone."""

    def loss(self, model: Model, batch: dict[str, Tensor]) -> Tensor:
        """A scalar to minimise, in nats."""

    def validate(self, model: Model) -> dict[str, float]:
        """Measures on held-out data; ``loss`` among them decides which weights are kept."""

    def save(self, path: Path, model: Model, metrics: dict[str, float]) -> None:
        """Write ``model`` as something that can be used."""


@runtime_checkable
class Described(Protocol):
    """A task whose checkpoints can be used as models, too."""

    def description(self) -> dict[str, object]:
        """What a weights file says of ``model`` besides its tensors (JSON-able)."""


@runtime_checkable
class CompiledByParts(Protocol):
    """A task whose loss would take minutes to compile as a whole."""

    def compile_parts(self) -> None:
        """Have parts of ``model`` run through torch.compile."""


def fit(task: TrainingTask[Model], run: Path, settings: LoopSettings, *, resume: bool = False) -> dict[str, float]:
    """Train ``task`` in folder ``run`` and return the last validation's measures.

    With ``resume``, a checkpoint in ``run`` is continued; the batches, the schedule and the average go on where they
    stood. Ctrl-C and SIGTERM end the training after a last checkpoint.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the checkpoint is written.
        SystemExit: after SIGTERM, likewise; its code is 143.
        OrchestrionError: the disk is full. The last checkpoint stays.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    lightning.seed_everything(settings.seed, verbose=False)
    module = _Module(task, run, settings, resume)
    world, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    with warnings.catch_warnings():
        # Lightning advises on data loader workers and on its own checkpoints, which are not used here.
        warnings.filterwarnings("ignore", module="lightning")
        _quieten_lightning()
        trainer = lightning.Trainer(
            accelerator="auto",
            devices=local if world > 1 else 1,
            num_nodes=world // local,
            strategy="ddp" if world > 1 else "auto",
            precision=settings.precision,
            max_steps=-1,
            gradient_clip_val=settings.clip,
            logger=TensorBoardLogger(run, name="", version=""),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=50,
            use_distributed_sampler=False,
        )
        on_gpu = trainer.strategy.root_device.type == "cuda"
        with _says_what_is_kept(run), _graceful_stop(module), _tensor_cores(on_gpu):
            # Pinned, since copying from other memory would wait for the step under way.
            try:
                trainer.fit(module, DataLoader(_Steps(module, BATCHES_AHEAD if on_gpu else 0), batch_size=None, pin_memory=on_gpu))
            finally:
                module.shown.close()
            if module.interrupted:
                raise SystemExit(128 + signal.SIGTERM) if module.stopped_by == signal.SIGTERM else KeyboardInterrupt
    return module.metrics


def _quieten_lightning() -> None:
    """It tells which accelerators there are, and advertises."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def _tensor_cores(on_gpu: bool) -> Iterator[None]:
    """On a GPU, products of float32 matrices in TensorFloat-32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if on_gpu else before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@contextmanager
def _says_what_is_kept(run: Path) -> Iterator[None]:
    """Add to whatever ends the training early which checkpoint one can go on from."""
    try:
        try:
            yield
        except OSError as error:
            # TensorBoard's writer and Lightning do not say which file.
            if error.errno in DISK_FULL and error.filename is None:
                raise refusal(run, error) from error
            raise
    except (OrchestrionError, KeyboardInterrupt, SystemExit) as stop:
        if (run / CHECKPOINT).exists():
            stop.add_note(f"The checkpoint {run / CHECKPOINT} is kept; the same command with --resume goes on from it.")
        raise


@contextmanager
def _graceful_stop(module: _Module) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM ends the training after the step under way, with a checkpoint; a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in STOPS}

    def request(number: int, frame: object) -> None:
        module.stopped_by = number
        for each, handler in before.items():
            signal.signal(each, handler)

    def listen() -> None:
        for number in STOPS if module.stopped_by is None else ():
            signal.signal(number, request)

    listen()
    # Lightning puts its own handler of SIGTERM in the place of ours, which would end the training without a checkpoint.
    module.listen = listen
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _compiled(task: TrainingTask[Any]) -> Callable[[Any, dict[str, Tensor]], Tensor]:
    if isinstance(task, CompiledByParts):
        task.compile_parts()  # of the model that learns, not of its average
        return task.loss
    return torch.compile(task.loss)


class _Steps(IterableDataset[dict[str, Tensor]]):
    """Every step's batch from the module's present step on, for this process; ``ahead`` of them made before they are asked for."""

    def __init__(self, module: _Module, ahead: int):
        self.module, self.ahead = module, ahead

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        rank, world = self.module.global_rank, self.module.trainer.world_size
        return made_ahead(lambda step: self.module.task.batch(step, rank, world), self.module.progress.step, self.ahead)


class _Module(lightning.LightningModule):
    def __init__(self, task: TrainingTask[Any], run: Path, settings: LoopSettings, resume: bool):
        super().__init__()
        self.task, self.run_dir, self.settings = task, run, settings
        self.model = task.model
        self.average = copy.deepcopy(task.model).requires_grad_(False)
        self.progress = checkpoint.TrainingProgress()
        self.metrics: dict[str, float] = {}
        self.stopped_by: int | None = None  # the signal that this process was sent
        self.interrupted = False  # what all processes agree on
        self.listen: Callable[[], None] = lambda: None
        self.shown = Shown()
        self._resume = resume
        self._loss = _compiled(task) if settings.compile else task.loss
        self._train_loss: float | Tensor = 0.0  # stays on the device: to read it would wait for the step
        self._started: float | None = None
        self._validated_s = 0.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        optimizer = make_optimizer(self.settings, self.model.parameters())
        # Here and not in on_train_start, since by then the first batch has been asked for.
        path = self.run_dir / CHECKPOINT
        if self._resume and path.exists():
            self.progress = checkpoint.load(path, self.model, self.average, optimizer)
            self._validated_s = self.progress.elapsed_s
        return optimizer

    def on_train_start(self) -> None:
        self.listen()
        if self.global_rank == 0:
            self.shown.begin(self.settings.compile)

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        rate = learning_rate_at(self.settings, self.progress.step, self._share())
        for group in self._optimizer().param_groups:
            group["lr"] = rate

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = self._loss(self.model, batch)
        self.log("loss", loss, logger=False, sync_dist=self.trainer.world_size > 1)  # of all processes
        return loss

    def on_train_batch_end(self, outputs: object, batch: object, batch_idx: int) -> None:
        self.progress.step += 1
        if self._started is None:
            # The budget is for training: compiling, which happens in the first step, is not counted.
            self._started = time.monotonic() - self.progress.elapsed_s
        mine = (time.monotonic() - self._started, self.stopped_by is not None)
        self.progress.elapsed_s, self.interrupted = self.trainer.strategy.broadcast(mine)
        self._update_average()
        self._train_loss = self._train_loss + 0.02 * (self.trainer.callback_metrics["loss"].detach() - self._train_loss)
        share = self._share()
        done = share >= 1
        if self.global_rank == 0:
            self.shown.step(share, self.progress.step, self.trainer.callback_metrics["loss"])
        for step, name in self.settings.keep_steps:
            if step == self.progress.step and self.global_rank == 0:
                self._keep(name)
        if done or self._is_validation_due():
            self._validate()
        elif self.interrupted:
            self._checkpoint()
        if done or self.interrupted:
            self.trainer.should_stop = True

    def _is_validation_due(self) -> bool:
        if self.settings.validate_steps is not None:
            return self.progress.step % self.settings.validate_steps == 0
        return self.progress.elapsed_s - self._validated_s > self.settings.validate_minutes * 60

    def _share(self) -> float:
        return self.settings.progress(self.progress.step, self.progress.elapsed_s)

    def _optimizer(self) -> torch.optim.Optimizer:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        return optimizer

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.progress.step) / (10 + self.progress.step))
        get_ema_multi_avg_fn(decay)(list(self.average.parameters()), list(self.model.parameters()), self.progress.step)

    def _validate(self) -> None:
        """Measure, log, checkpoint, and keep the weights when they are the best so far (process 0 alone)."""
        self._validated_s = self.progress.elapsed_s
        if self.global_rank == 0:
            self.average.eval()
            with self.shown.validating(), torch.no_grad(), torch.autocast(self.device.type, enabled=False):
                self.metrics = self.task.validate(self.average)
            self._log()
            is_best = self.metrics["loss"] < self.progress.best
            self.progress.best = min(self.progress.best, self.metrics["loss"])
            if is_best or self.settings.keep == "last":
                self._keep(MODEL)
            self._checkpoint()
        self.trainer.strategy.barrier()

    def _keep(self, name: str) -> None:
        self.average.eval()
        self.task.save(self.run_dir / name, self.average, {**self.metrics, "steps": self.progress.step})

    def _checkpoint(self) -> None:
        if self.global_rank == 0:
            holds = self.task.description() if isinstance(self.task, Described) else {}
            checkpoint.save(self.run_dir / CHECKPOINT, self.model, self.average, self._optimizer(), self.progress, holds)

    def _log(self) -> None:
        line = {"step": self.progress.step, "minutes": round(self.progress.elapsed_s / 60, 2), "train_loss": float(self._train_loss)}
        line |= self.metrics
        assert isinstance(self.logger, TensorBoardLogger)
        for name, value in line.items():
            self.logger.experiment.add_scalar(name, value, self.progress.step)
        with writing(self.run_dir / METRICS), open(self.run_dir / METRICS, "a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
