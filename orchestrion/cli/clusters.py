"""``--cluster`` of commands whose files lie on a disk that all machines share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import click

from orchestrion.cli.streams import echo

if TYPE_CHECKING:
    from orchestrion.cluster import Cluster

cluster_option = click.option(
    "--cluster", metavar="tcp://HOST:PORT",
    help="Do it on the workers of this Dask scheduler, which see the same files at the same paths; needs orchestrion[cluster].",
)  # fmt: skip


@contextmanager
def cluster_at(address: str | None) -> Iterator[Cluster | None]:
    """The cluster of that scheduler; None where none is asked for.

    Raises:
        OrchestrionError: see `cluster.connected`.
    """
    if address is None:
        yield None
        return
    from orchestrion.cluster import connected

    with connected(address, partial(echo, err=True)) as cluster:
        yield cluster
