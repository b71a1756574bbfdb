"""Run an experiment and write its page: what ``orchestrion paper NAME`` and ``orchestrion.paper`` call."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrion.errors import OrchestrionError
from orchestrion.files import make_folder
from orchestrion.options import Reproducing
from orchestrion.papers.lab import Lab
from orchestrion.papers.page import Findings
from orchestrion.papers.table import experiment_named


def run_experiment(name: str, output: str | os.PathLike[str], options: Reproducing | None = None) -> Findings:
    """Write ``output/NAME/page.html`` (and ``.md``, ``.json``, pictures and clips).

    ``output`` also keeps material, sets and trained networks, which other experiments use, too. Stopped half-way, the same
    call goes on; one that has finished only writes its page anew.

    Raises:
        OrchestrionError: no such experiment, data that cannot be used, or a folder that cannot be written.
    """
    experiment, options = experiment_named(name), options or Reproducing()
    if options.runs and not experiment.needs_notes:
        raise OrchestrionError(f"{name} trains no WaveNet on recordings with notes; leave out --runs.")
    lab = Lab(name, make_folder(Path(output)), options)
    sections = experiment.run(lab)
    title = f"{experiment.title} ({experiment.shows})"
    deviations = experiment.deviations + (experiment.sizes if lab.is_small and not options.runs else ())
    found = Findings(name, title, experiment.paper, sections, lab.settings_table(), deviations, lab.facts())
    found.write(lab.folder)
    return found
