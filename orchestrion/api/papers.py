"""The experiments of the papers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrion.api.keywords import Number, Path, Whole
from orchestrion.options import Reproducing

if TYPE_CHECKING:
    from orchestrion.papers.page import Findings


def paper(
    name: str,
    folder: Path,
    *,
    scale: str = "small",
    minutes: Number | None = None,
    data: Sequence[Path] = (),
    runs: Mapping[str, Path] | None = None,
    soundfont: Path | None = None,
    material_minutes: Number | None = None,
    seconds: Number = 10.0,
    clips: Whole = 2,
    threads: int | None = None,
    seed: Whole = 0,
) -> Findings:
    """Run one experiment of the papers and write its page, ``folder/NAME/page.html``, by `orchestrion.options.Reproducing`.

    Args:
        name: in `orchestrion.papers.table.EXPERIMENTS`.
        folder: also keeps what is made on the way; the same call goes on from there.

    Raises:
        OrchestrionError: no such experiment, data that cannot be used, or the folder cannot be written.
    """
    from orchestrion.papers.running import run_experiment

    options = Reproducing.of(
        scale=scale, minutes=minutes, data=data, runs=runs or {}, soundfont=soundfont, material_minutes=material_minutes, seconds=seconds, clips=clips,
        threads=threads, seed=seed,
    )  # fmt: skip
    return run_experiment(name, folder, options)
