"""Minutes and labels of MusicNet by instrument and by solo ensemble, beside those that Manzelli et al. 2018 print.

Their Table 1 quotes Thickstun, Harchaoui and Kakade (2017): minutes are those of all recordings in which the instrument
plays, labels the instrument's own; "Solo …" rows count the recordings of that ensemble.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrion.datasets.layouts.musicnet import label_files, read_labels
from orchestrion.datasets.layouts.musicnet_index import INSTRUMENTS, metadata
from orchestrion.datasets.untrusted.textfiles import number
from orchestrion.errors import OrchestrionError
from orchestrion.progress import track

# Minutes and labels as Table 1 prints them.
TABLE_1: Mapping[str, tuple[int, int]] = {
    "Piano": (1346, 794532),
    "Violin": (874, 230484),
    "Cello": (621, 99407),
    "Solo Piano": (917, 576471),
    "Solo Violin": (30, 8837),
    "Solo Cello": (49, 10876),
}


@dataclass(frozen=True, slots=True)
class TableRow:
    """``printed``: minutes and labels in Table 1, None where it has no such row."""

    name: str
    minutes: float
    labels: int
    printed: tuple[int, int] | None


def statistics(folder: Path) -> list[TableRow]:
    """Instruments by minutes, then solo ensembles by minutes.

    Raises:
        OrchestrionError: the folder is not MusicNet with its metadata, or a label names an unknown instrument.
    """
    known = metadata(folder)
    if not known:
        raise OrchestrionError(f"{folder} has no musicnet_metadata.csv; put it beside train_labels or one level above.")
    seconds: dict[str, float] = defaultdict(float)
    labels: Counter[str] = Counter()
    files = label_files(folder)
    for _, path in track(files, len(files), "Counting"):
        row = known.get(path.stem)
        if row is None:
            raise OrchestrionError(f"musicnet_metadata.csv has no row for {path.name}; get both from the same place.")
        length = number(row, "seconds", folder / "musicnet_metadata.csv")
        counts = Counter(_instrument(item, path) for item in read_labels(path))
        if row["ensemble"].startswith("Solo "):
            counts[row["ensemble"]] = sum(counts.values())
        for name, count in counts.items():
            seconds[name] += length
            labels[name] += count
    order = sorted(labels, key=lambda name: (name.startswith("Solo "), -seconds[name]))
    return [TableRow(name, seconds[name] / 60, labels[name], TABLE_1.get(name)) for name in order]


def _instrument(row: dict[str, str], path: Path) -> str:
    code = int(number(row, "instrument", path))
    return INSTRUMENTS[code].capitalize() if code in INSTRUMENTS else f"Program {code}"
