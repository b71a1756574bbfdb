"""The folder of a training: its settings are written once, and a resumed training must have the same."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.datasets.untrusted.textfiles import read_json_object
from orchestrion.errors import OrchestrionError
from orchestrion.files import alone_in, make_folder, write_json
from orchestrion.training.settings import LoopSettings

if TYPE_CHECKING:
    from orchestrion.training.loop import Model, TrainingTask

SETTINGS = "settings.json"
MAY_CHANGE = "loop"  # the length of a training, its threads and so on


def claim(folder: Path, resume: bool, record: Mapping[str, object]) -> bool:
    """Make the run's folder and write its settings, or check that they are those of the run to be resumed; whether the folder is new.

    Raises:
        OrchestrionError: the folder holds another training, one that is running included, or cannot be made.
    """
    if int(os.environ.get("RANK", "0")):
        return False  # of several processes, the first one speaks for all
    path = folder / SETTINGS
    if path.exists() and not resume:
        raise OrchestrionError(
            f"{folder} holds a training already; add --resume to go on with it, or name another folder."
        )
    if resume and path.exists():
        before = read_json_object(path)
        for key in record.keys() - {MAY_CHANGE}:
            if before.get(key) != json.loads(json.dumps(record[key])):
                raise OrchestrionError(
                    f"{folder} was trained with another {key}; resume with the same, or name another folder."
                )
    is_new = not folder.exists()
    make_folder(folder)
    with alone_in(folder):
        write_json(path, record)
    return is_new


@contextmanager
def released_if_refused(folder: Path, resume: bool, *, is_new: bool) -> Iterator[None]:
    """A training whose data is refused has not begun: the claim on its folder is taken back, and one that is new and empty goes."""
    try:
        yield
    except OrchestrionError:
        if not resume:
            (folder / SETTINGS).unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):  # what was found out of the data stays
                folder.rmdir()
        raise


def check_installed() -> None:
    """Refuse to train without the extra packages of ``orchestrion[train]``.

    Raises:
        OrchestrionError: they are not installed.
    """
    for package in ("lightning", "tensorboard"):
        if find_spec(package) is None:
            raise OrchestrionError(
                f'Training needs the package {package}; install it with: pip install "orchestrion[train]".'
            )


def fit(task: TrainingTask[Model], folder: Path, loop: LoopSettings, resume: bool) -> dict[str, float]:
    """Run the loop, which needs the extra packages of ``orchestrion[train]``.

    A training that fails before it has kept anything gives its claim on ``folder`` back.

    Raises:
        OrchestrionError: they are not installed, or another training runs in ``folder``.
    """
    check_installed()
    from orchestrion.training import loop as training

    first = not int(os.environ.get("RANK", "0"))
    try:
        with alone_in(folder) if first else nullcontext():
            return training.fit(task, folder, loop, resume=resume)
    except BaseException:
        kept = (folder / training.CHECKPOINT).exists() or (folder / training.MODEL).exists()
        if not resume and not kept and not int(os.environ.get("RANK", "0")):
            (folder / SETTINGS).unlink(missing_ok=True)
        raise
