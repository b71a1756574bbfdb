"""`Dataset`: a known data set in a folder; download, validate, tracks, cite and licence as in mirdata."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cluster import Cluster
from orchestrion.datasets.layouts.bachviolin import read_bach_violin
from orchestrion.datasets.layouts.guitarset import read_guitarset
from orchestrion.datasets.layouts.maestro import read_maestro
from orchestrion.datasets.layouts.maps import read_maps
from orchestrion.datasets.layouts.musicnet import read_musicnet
from orchestrion.datasets.layouts.pairs import read_pairs, read_saarland, read_tables
from orchestrion.datasets.layouts.urmp import read_urmp
from orchestrion.datasets.recordings.aligned import AlignedSet
from orchestrion.datasets.recordings.prepare import prepare_aligned
from orchestrion.datasets.recordings.tracks import Reader, Selection, Track
from orchestrion.datasets.records import RECORDINGS, YOURS, DataSource
from orchestrion.errors import OrchestrionError

if TYPE_CHECKING:
    from orchestrion.datasets.checking.validating import Verdict

LAYOUTS: Mapping[str, Reader] = {
    "musicnet": read_musicnet,
    "saarland": read_saarland,
    "maestro": read_maestro,
    "maps": read_maps,
    "guitarset": read_guitarset,
    "bach-violin": read_bach_violin,
    "urmp": read_urmp,
    "pairs": read_pairs,
    "tables": read_tables,
}


@dataclass(frozen=True)
class Dataset:
    """A data set of recordings with notes: its record, and the folder that it lies in or will lie in."""

    record: DataSource
    folder: Path
    selection: Selection = field(default_factory=Selection)

    def download(self, *, unpack: bool = True) -> list[Path]:
        """Fetch and unpack the archives into the folder (`download`); what is there already is not fetched again.

        Raises:
            OrchestrionError: it has to be asked for by hand, the disk is too small, or a transfer or checksum fails.
        """
        from orchestrion.datasets.download import download_all

        return download_all(self.record, self.folder, unpack=unpack)

    def tracks(self) -> Sequence[Track]:
        """The recordings that the selection takes, by name; their notes are read when asked for.

        Raises:
            OrchestrionError: the folder is not laid out as the authors publish it, or nothing fits the selection.
        """
        if not self.folder.exists():
            raise OrchestrionError(
                f"There is no {self.folder}; name what the archive of {self.record.name} unpacks to."
            )
        return LAYOUTS[self.record.layout](self.folder, self.selection)

    def validate(self) -> list[Verdict]:
        """Listen to every recording and compare it with its notes (`validating`)."""
        from orchestrion.datasets.checking.validating import validate_tracks

        return validate_tracks(self.tracks())

    def prepare(
        self,
        output: str | os.PathLike[str],
        sample_rate: int = 16000,
        validation: Sequence[str] = (),
        licence: str = "unknown",
        cluster: Cluster | None = None,
    ) -> AlignedSet:
        """Make the prepared set ``output`` (`prepare_aligned`); ``licence`` counts where the recordings are your own."""
        chosen = {name: value for name, value in vars(self.selection).items() if value is not None}
        information: dict[str, object] = {
            "licence": licence if self.record.licence == YOURS else self.licence,
            "attribution": self.cite(),
            "source": self.record.source,
            "dataset": self.record.name,
            "selection": chosen,
        }
        return prepare_aligned(
            self.tracks(), output, sample_rate=sample_rate, information=information, validation=validation, cluster=cluster
        )

    def cite(self) -> str:
        """The paper to cite."""
        return self.record.citation

    @property
    def licence(self) -> str:
        """What its authors allow."""
        return self.record.licence


def initialise(name: str, folder: str | os.PathLike[str], selection: Selection | None = None) -> Dataset:
    """The data set called ``name`` in ``folder``.

    Raises:
        OrchestrionError: there is no set of that name with a known layout.
    """
    for record in RECORDINGS:
        if record.name == name:
            return Dataset(record, Path(folder), selection or Selection())
    known = ", ".join(record.name for record in RECORDINGS)
    raise OrchestrionError(f"There is no data set {name!r} of recordings with notes; there are {known}.")
