"""What a driven network is trained on, opened by its name: a bank of single notes, or recordings with their notes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrion.bridge.source import HarmonicSource
from orchestrion.datasets.banks.bank_pieces import pieces_of, total_minutes
from orchestrion.datasets.banks.fitted_cache import fitted
from orchestrion.datasets.banks.instruments import INSTRUMENTS
from orchestrion.datasets.banks.opening import is_bank, open_bank
from orchestrion.datasets.recordings.aligned import AlignedPiece
from orchestrion.datasets.recordings.holdout import divided
from orchestrion.datasets.tracking.tracked import TrackedSet, tracked
from orchestrion.keptfolder import kept_folder
from orchestrion.renderer.config import WaveNetConfig
from orchestrion.terminal import plural
from orchestrion.training.own_recordings import open_labelled, report_inventory
from orchestrion.training.trial_playing import Piece

Tell = Callable[[str], None]
# Programs of General MIDI, from 0: organs, bowed strings, voices, brass, reeds and pipes, but for pizzicato, harp and timpani.
PIANOS = 8
SUSTAINED_PROGRAMS = {*range(16, 24), *range(40, 45), *range(48, 80)}


@dataclass(frozen=True, eq=False)
class DrivenSet:
    """One instrument's source, and pieces to train on and to hold out.

    Attributes:
        information: licence, attribution, program, and for recordings what the source explains of them.
        pitch_range: lowest and highest pitch that was heard.
        minutes: of music to train on.
    """

    name: str
    source: HarmonicSource
    train: Sequence[Piece]
    validation: Sequence[Piece]
    information: Mapping[str, object]
    pitch_range: tuple[int, int]
    minutes: float

    @property
    def program(self) -> int:
        program = self.information.get("program", 0)
        return program if isinstance(program, int) else 0


def open_set(
    data: str | os.PathLike[str], config: WaveNetConfig, taken: Sequence[str], *, minutes_of_music: float, seed: int, threads: int | None,
    run: Path, label: str | None, stretched: bool | None, tell: Tell,
) -> DrivenSet:  # fmt: skip
    """Open ``data`` and find its source.

    Args:
        taken: names that others have already.
        minutes_of_music: scores mixed of a bank.
        run: where labels and the picture of what is covered go.
        label, stretched: of recordings, see `train_driven`.
    """
    if not is_bank(data):
        return from_recordings(data, config, taken, threads=threads, run=run, label=label, stretched=stretched, tell=tell)
    opened = open_bank(data, config.sample_rate)
    bank = fitted(replace(opened, name=free_name(opened.name, taken)), threads=threads)
    train, held_out = pieces_of(bank, config.hop, minutes=minutes_of_music, seed=seed)
    name, minutes = bank.bank.name, total_minutes(train)
    tell(f"{name}: {plural(len(bank.bank.notes), 'note')}, {minutes:.0f} minutes of music, {total_minutes(held_out):.0f} held out.")
    return DrivenSet(name, bank.source(), train, held_out, dict(bank.bank.information), bank.bank.pitch_range, minutes)


def from_recordings(
    data: str | os.PathLike[str], config: WaveNetConfig, taken: Sequence[str], *, threads: int | None, run: Path, label: str | None,
    stretched: bool | None, tell: Tell,
) -> DrivenSet:  # fmt: skip
    """Open recordings with notes (with ``label``, those without are labelled first) and follow their partials."""
    recordings = open_labelled(data, run, label, tell, sample_rate=config.sample_rate, hop=config.hop)
    train, validation = divided(recordings)
    report_inventory(train, validation, run, recordings.name, tell)
    information = dict(recordings.information)
    found = track_recordings(free_name(recordings.name, taken), train, validation, information, stretched=stretched, threads=threads)
    figures = found.figures
    tell(
        f"{found.name}: the source explains {figures['source_explains_db']:.1f} dB of what is held out, by its tables' amplitudes "
        f"{figures['table_explains_db']:.1f} dB; {int(found.source.heard.sum())} pitches heard, {int((~found.source.heard).sum())} filled."
    )
    return DrivenSet(
        found.name, found.source, found.train, found.validation, information | {"name": recordings.name} | dict(figures), heard_range(found.source),
        sum(piece.duration_s for piece in train) / 60,
    )  # fmt: skip


def track_recordings(
    name: str, train: Sequence[AlignedPiece], validation: Sequence[AlignedPiece], information: Mapping[str, object], *, stretched: bool | None, threads: int | None
) -> TrackedSet:
    """`tracked` with what is known of the set: its program, or the instrument that it is called after."""
    known = information.get("program", INSTRUMENTS[name].program if name in INSTRUMENTS else None)
    sustained = known in SUSTAINED_PROGRAMS if isinstance(known, int) else None
    if stretched is None and isinstance(known, int):
        stretched = known < PIANOS
    return tracked(name, train, validation, stretched=stretched, sustained=False if stretched else sustained, threads=threads, cache_dir=kept_folder("tracked"))


def heard_range(source: HarmonicSource) -> tuple[int, int]:
    """Lowest and highest pitch that was heard, or the tables' where none was often enough."""
    heard = source.pitch[source.heard] if source.heard.any() else source.pitch
    return int(heard[0]), int(heard[-1])


def free_name(name: str, taken: Sequence[str]) -> str:
    """``name``, or with a number where another set is called so."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free
