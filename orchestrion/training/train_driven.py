"""Train a network that is driven by a harmonic source, on banks of notes or on recordings: what ``orchestrion train renderer`` calls."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from orchestrion import weights
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.figures.source import draw_source
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.instrument import NETWORK
from orchestrion.renderer.sourcefile import SOURCE, source_tensors
from orchestrion.training.driven_sets import DrivenSet, open_set
from orchestrion.training.driven_task import DrivenSettings, DrivenTask
from orchestrion.training.runs import claim, fit, released_if_refused
from orchestrion.training.settings import LoopSettings

SOURCES = "sources"  # in the run's folder, of several banks: NAME.safetensors each
PICTURE = "source.png"
SOURCE_ARCHITECTURE = "harmonic-source"


def train_driven(
    data: Sequence[str | os.PathLike[str]],
    run: str | os.PathLike[str],
    *,
    preset: str = "medium",
    start_from: str | os.PathLike[str] | None = None,
    minutes_of_music: float = 40.0,
    loop: LoopSettings,
    crops: DrivenSettings | None = None,
    resume: bool = False,
    label: str | None = None,
    stretched: bool | None = None,
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """Train in folder ``run``; ``run/model.safetensors`` is the instrument, of several sets their common network.

    Args:
        data: banks (see `open_bank`), or folders of recordings with notes; with several, one network learns all of them.
        preset: ``small`` or ``medium``.
        start_from: weights of the same sizes to begin with.
        minutes_of_music: scores mixed for each bank.
        label: how recordings without notes are labelled (`labelling.methods.AUTOMATIC`), into ``run/labels``; None refuses them.
        stretched: whether recorded partials are a piano's; None: as the set's program says, else as they sound.
        loop, crops, resume, tell: as for `train_renderer`.

    Raises:
        OrchestrionError: no such bank, preset or weights; ``run`` is in use; no end was given.
    """
    config = PRESETS[preset]
    crops = crops or DrivenSettings()
    folder = Path(run)
    record = {
        "kind": "renderer", "data": [str(one) for one in data], "preset": preset, "config": config.to_dict(),
        "minutes_of_music": minutes_of_music, "start_from": None if start_from is None else os.fspath(start_from),
        "loop": dataclasses.asdict(loop), "crops": dataclasses.asdict(crops), "label": label, "stretched": stretched,
    }  # fmt: skip
    beginning = None if start_from is None else _weights_of(start_from, config)
    is_new = claim(folder, resume, record)
    with released_if_refused(folder, resume, is_new=is_new):
        sets: list[DrivenSet] = []
        for source in data:
            sets.append(open_set(
                source, config, [other.name for other in sets], minutes_of_music=minutes_of_music, seed=loop.seed, threads=loop.threads, run=folder,
                label=label, stretched=stretched, tell=tell,
            ))  # fmt: skip
        task = DrivenTask(
            config, [piece for each in sets for piece in each.train], [piece for each in sets for piece in each.validation], crops, seed=loop.seed,
            sources={each.name: each.source for each in sets}, provenance=_provenance(sets),
        )  # fmt: skip
        if len(sets) > 1:
            _save_sources(folder, sets)
        for each in sets:
            picture = folder / SOURCES / f"{each.name}.png" if len(sets) > 1 else folder / PICTURE
            draw_source(picture, each.source, each.name)
        tell(f"{picture.parent if len(sets) > 1 else picture}  tuning curve, levels and residual of the source")
    if beginning is not None:
        task.model.load_state_dict(beginning)
    return fit(task, folder, loop, resume)


def _save_sources(folder: Path, sets: Sequence[DrivenSet]) -> None:
    (folder / SOURCES).mkdir(exist_ok=True)
    for one in sets:
        facts = {"architecture": SOURCE_ARCHITECTURE} | _provenance([one])
        weights.save(folder / SOURCES / f"{one.name}.safetensors", source_tensors(one.source), facts)


def _provenance(sets: Sequence[DrivenSet]) -> dict[str, object]:
    information, minutes = [dict(one.information) for one in sets], round(sum(one.minutes for one in sets), 1)
    return {
        "data": information[0] | {"training_minutes": minutes} if len(sets) == 1 else {"banks": information, "training_minutes": minutes},
        "licence": "; ".join(sorted({str(facts.get("licence", "unknown")) for facts in information})),
        "pitch_range": [min(one.pitch_range[0] for one in sets), max(one.pitch_range[1] for one in sets)],
        "program": sets[0].program if len(sets) == 1 else 0,
    }


def _weights_of(start_from: str | os.PathLike[str], config: WaveNetConfig) -> dict[str, torch.Tensor]:
    from orchestrion import shipped

    path = shipped.find(start_from)
    tensors, metadata = weights.load(path, architecture="wavenet")
    if NETWORK in metadata:  # tables alone, which a shared network plays
        tensors, metadata = weights.load(shipped.network_of(metadata, path), architecture="wavenet")
    found = metadata.get("config")
    # An instrument's gain sets how loud it plays, not what the network is.
    if not isinstance(found, dict) or found | {"gain": config.gain} != config.to_dict():
        raise OrchestrionError(f"{path} has another size or kind of network; start from one of the same preset.")
    return {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(SOURCE)}
