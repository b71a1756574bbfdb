"""Back-ends that take part in a comparison: shipped models, models given by name, and those in a folder of runs."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrion import shipped
from orchestrion.errors import OrchestrionError
from orchestrion.generators.generating import WEIGHTS, find_model
from orchestrion.generators.table import BACKENDS, WAVENET, backend_named

CONDITIONED, UNCONDITIONED = WAVENET, f"{WAVENET}-unconditioned"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A back-end with the model that plays for it, or without one and with the ``command`` that makes one."""

    backend: str
    model: str | None
    command: str | None = None

    @property
    def is_present(self) -> bool:
        return self.model is not None


def line_up(
    models: Mapping[str, str] | None = None,
    runs: str | os.PathLike[str] | None = None,
    instrument: str = shipped.DEFAULT_INSTRUMENT,
    data: str | None = None,
    rate: int | None = None,
    only: Sequence[str] = (),
) -> tuple[Contestant, ...]:
    """All back-ends in the order of the papers.

    Args:
        models: run folders, weights files or shipped names by back-end; before all others.
        runs: a folder with a run for each back-end, called after it; a warning names the others in it.
        instrument: what plays for ``wavenet``, and with ``-unconditioned`` for that where nothing better is there.
        data, rate: a prepared set and its sample rate, for the commands that train what is absent.
        only: the back-ends that take part; all of them without any.

    Raises:
        OrchestrionError: a model is named for a back-end that does not exist, or does not exist itself.
    """
    named = dict(models or {})
    for backend in (*named, *only):
        backend_named(backend)
    for backend, model in named.items():
        find_model(backend, model)
    if runs is not None and not Path(runs).is_dir():
        raise OrchestrionError(f"There is no folder {runs}; name the one that holds a run for each back-end.")
    if others := _other_runs(runs, named.values()):
        warnings.warn(f"Left out of {runs}, as not called after a back-end: {', '.join(others)} (--models BACKEND=RUN takes one).", stacklevel=2)
    taking_part = [backend for backend in BACKENDS if backend in only or not only]
    found = {
        backend: named.get(backend) or _in_runs(backend, runs) or _shipped(backend, instrument)
        for backend in taking_part
    }
    return tuple(
        Contestant(backend, model, None if model else _command(backend, data, rate)) for backend, model in found.items()
    )


def _command(backend: str, data: str | None, rate: int | None) -> str:
    """What trains the small preset of a back-end, on ``data`` where that has its sample rate."""
    wanted = int(BACKENDS[backend].presets()["small"].sample_rate)
    train = f"orchestrion train {backend} --data {{}} -o runs/{backend}"
    if data is not None and rate == wanted:
        return train.format(shlex.quote(data))
    name = f"songs-{wanted}"
    return f"orchestrion data prepare SONGS --rate {wanted} -o {name} && {train.format(name)}"


def _in_runs(backend: str, runs: str | os.PathLike[str] | None) -> str | None:
    folder = Path(runs or "") / backend
    return os.fspath(folder) if runs is not None and (folder / WEIGHTS).is_file() else None


def _other_runs(runs: str | os.PathLike[str] | None, named: Collection[str]) -> list[str]:
    """Names of the runs in ``runs`` that are called after no back-end and are not ``named``."""
    weights = () if runs is None else sorted(Path(runs).glob(f"*/{WEIGHTS}"))
    known = {folder for model in named for folder in (Path(model).resolve(), Path(model).resolve().parent)}
    return [file.parent.name for file in weights if file.parent.name not in BACKENDS and file.parent.resolve() not in known]


def _shipped(backend: str, instrument: str) -> str | None:
    if backend == CONDITIONED:
        return instrument
    if backend in shipped.generators():
        return backend
    others = [name for name in shipped.names() if name.endswith("-unconditioned")]
    own = f"{instrument}-unconditioned"
    return (own if own in others else next(iter(others), None)) if backend == UNCONDITIONED else None
