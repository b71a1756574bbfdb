"""Train a network that is driven by a harmonic source on one bank of notes or several: what ``orchestrion train renderer`` calls."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from orchestrion import weights
from orchestrion.bridge.source import HarmonicSource
from orchestrion.datasets.banks.bank_pieces import pieces_of, total_minutes
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.mixing import FittedBank, MixedPiece
from orchestrion.datasets.banks.notebank import NoteBank
from orchestrion.datasets.banks.opening import open_bank
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.config import PRESETS, WaveNetConfig
from orchestrion.renderer.instrument import SOURCE
from orchestrion.training.driven_task import DrivenSettings, DrivenTask
from orchestrion.training.runs import claim, fit, released_if_refused
from orchestrion.training.settings import LoopSettings

SOURCES = "sources"  # in the run's folder, of several banks: NAME.safetensors each
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
    tell: Callable[[str], None] = lambda sentence: None,
) -> dict[str, float]:
    """Train in folder ``run``; ``run/model.safetensors`` is the instrument, of several banks their common network.

    Args:
        data: banks, see `open_bank`; with several, one network learns all of them.
        preset: ``small`` or ``medium``.
        start_from: weights of the same sizes to begin with.
        minutes_of_music: scores mixed for each bank.
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
        "loop": dataclasses.asdict(loop), "crops": dataclasses.asdict(crops),
    }  # fmt: skip
    beginning = None if start_from is None else _weights_of(start_from, config)
    claim(folder, resume, record)
    with released_if_refused(folder, resume):
        train: list[MixedPiece] = []
        validation: list[MixedPiece] = []
        banks: list[FittedBank] = []
        for one in data:
            bank = fitted(_renamed(open_bank(one, config.sample_rate), banks), threads=loop.threads)
            more, held_out = pieces_of(bank, config.hop, minutes=minutes_of_music, seed=loop.seed)
            tell(f"{bank.bank.name}: {len(bank.bank.notes)} notes, {total_minutes(more):.0f} minutes of music, {total_minutes(held_out):.0f} held out.")
            train, validation, banks = train + more, validation + held_out, [*banks, bank]
        sources = {bank.bank.name: bank.source() for bank in banks}
        task = DrivenTask(
            config, train, validation, crops, seed=loop.seed, sources=sources, provenance=_provenance(banks, total_minutes(train)),
        )  # fmt: skip
        if len(sources) > 1:
            _save_sources(folder, banks, sources)
    if beginning is not None:
        task.model.load_state_dict(beginning)
    return fit(task, folder, loop, resume)


def _renamed(bank: NoteBank, others: Sequence[FittedBank]) -> NoteBank:
    """A name of its own for a bank that is called as another one is."""
    names, name, number = {other.bank.name for other in others}, bank.name, 2
    while name in names:
        name, number = f"{bank.name}-{number}", number + 1
    return dataclasses.replace(bank, name=name)


def _source_tensors(source: HarmonicSource) -> dict[str, torch.Tensor]:
    return {SOURCE + name: torch.from_numpy(table) for name, table in source.tensors().items()}


def _save_sources(folder: Path, banks: Sequence[FittedBank], sources: dict[str, HarmonicSource]) -> None:
    (folder / SOURCES).mkdir(exist_ok=True)
    for bank in banks:
        name = bank.bank.name
        facts = {"architecture": SOURCE_ARCHITECTURE} | _provenance([bank], 0.0)
        weights.save(folder / SOURCES / f"{name}.safetensors", _source_tensors(sources[name]), facts)


def _provenance(banks: Sequence[FittedBank], minutes: float) -> dict[str, object]:
    ranges = [bank.bank.pitch_range for bank in banks]
    information = [dict(bank.bank.information) for bank in banks]
    programs = [facts.get("program", 0) for facts in information]
    return {
        "data": information[0] | {"training_minutes": round(minutes, 1)} if len(banks) == 1 else {"banks": information, "training_minutes": round(minutes, 1)},
        "licence": "; ".join(sorted({str(facts.get("licence", "unknown")) for facts in information})),
        "pitch_range": [min(low for low, _ in ranges), max(high for _, high in ranges)],
        "program": programs[0] if len(banks) == 1 else 0,
    }


def _weights_of(start_from: str | os.PathLike[str], config: WaveNetConfig) -> dict[str, torch.Tensor]:
    from orchestrion import shipped

    path = shipped.find(start_from)
    tensors, metadata = weights.load(path, architecture="wavenet")
    if metadata.get("config") != config.to_dict():
        raise OrchestrionError(f"{path} has another size or kind of network; start from one of the same preset.")
    return {name: tensor.float() for name, tensor in tensors.items() if not name.startswith(SOURCE)}
