"""A Dask cluster as one machine: calls handed out to its workers, and their results as they come.

A call whose worker dies is made again elsewhere, and what all calls need (weights) travels to a worker once. Recordings do not travel:
the workers read and write them themselves, see `spread`. Dask's own messages
are pickles: whoever can reach the scheduler's port can run anything on all its machines, so that it belongs on a private network,
or behind TLS (https://distributed.dask.org/en/stable/tls.html).
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from orchestrion.errors import OrchestrionError, said_by
from orchestrion.version import VERSION

if TYPE_CHECKING:
    from distributed import Client, Future

Label = TypeVar("Label")
Result = TypeVar("Result")
Value = TypeVar("Value")
CONNECTING_S, WAITING_S = 10.0, 10.0
RETRIES = 2  # of a call that raises what is no fault of its input; Dask repeats those of dead workers by itself
AHEAD = 2  # calls a worker has waiting, so that it never waits itself


@dataclass(frozen=True)
class Shared:
    """Something that lies on the cluster; handed to a call, it arrives as what it was."""

    future: Future[object]


class Cluster:
    """A connection to a scheduler; see `connected`.

    Args:
        say: tells the user a sentence.
    """

    def __init__(self, client: Client, address: str, say: Callable[[str], None]):
        self._client, self._address, self._say = client, address, say

    def n_workers(self) -> int:
        """Workers that are there now, at least one: waits until there is."""
        began, told = time.monotonic(), False
        while not (n := len(self._client.nthreads())):
            if not told and time.monotonic() - began > WAITING_S:
                self._say(f"Waiting for a worker of {self._address}; start one: dask worker {self._address} --nthreads 1")
                told = True
            time.sleep(0.2)
        return n

    def must_see(self, *paths: Path) -> None:
        """Check that every worker that is there now sees ``paths`` and the working folder, as on a disk that all machines share.

        Raises:
            OrchestrionError: one does not.
        """
        self.n_workers()
        wanted = [str(path) for path in (Path.cwd(), *(path.absolute() for path in paths))]
        for worker, unseen in sorted(self._client.run(_unseen, wanted).items()):
            if unseen:
                raise OrchestrionError(f"The worker {worker} sees no {unseen[0]}; give files on a disk that all machines have under one path.")

    def share(self, value: object) -> Shared:
        """Put ``value`` on the cluster, from where each worker that needs it fetches it once."""
        # A call that returns it, not Client.scatter: the scheduler can repeat it when all workers that had the value have died.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return Shared(self._client.submit(_itself, value, pure=False, retries=RETRIES))

    def run(self, function: Callable[..., Result], calls: Iterable[tuple[Label, Sequence[object] | None]]) -> Iterator[tuple[Label, Result | OrchestrionError | None]]:
        """Call ``function`` on the cluster with each of ``calls``, which is read as workers become free; results in the order they come.

        Args:
            calls: a label and the arguments; or a label alone, which comes back at once.

        Yields:
            The label, and the result or an `OrchestrionError` that says why there is none.

        Raises:
            OrchestrionError: the connection is lost.
        """
        from distributed import as_completed

        labels: dict[Future[Result], Label] = {}
        running = as_completed(loop=self._client.loop)
        coming, is_over = iter(calls), False
        while labels or not is_over:
            while not is_over and len(labels) < AHEAD * self.n_workers():
                label, arguments = next(coming, (None, None))
                if label is None:
                    is_over = True
                elif arguments is None:
                    yield label, None
                else:
                    future = self._client.submit(_call, VERSION, function, *map(_given, arguments), pure=False, retries=RETRIES)
                    labels[future] = label
                    running.add(future)
            if labels:
                future = next(running)
                yield labels.pop(future), self._result(future)

    def _result(self, future: Future[Result]) -> Result | OrchestrionError:
        if future.status == "finished":
            result: Result = future.result()
            return result
        error = future.exception() if future.status == "error" else None
        if error is None:
            raise OrchestrionError(f"The connection to {self._address} was lost; the same command goes on with what is not finished.")
        if isinstance(error, OrchestrionError):
            return error
        return OrchestrionError(f"No worker of {self._address} could do it ({type(error).__name__}: {said_by(error, 300)}).")


def spread(
    cluster: Cluster | None, function: Callable[..., Result], calls: Iterable[tuple[Label, Sequence[object]]]
) -> Iterator[tuple[Label, Result | OrchestrionError]]:
    """As `Cluster.run` in the present working folder, or, where there is no cluster, here in turn.

    The workers read and write the files themselves; see `Cluster.must_see`.
    """
    if cluster is None:
        for label, arguments in calls:
            try:
                result: Result | OrchestrionError = function(*arguments)
            except OrchestrionError as error:
                result = error
            yield label, result
        return
    here = Path.cwd()
    for label, answer in cluster.run(_in_folder, ((label, (here, function, *arguments)) for label, arguments in calls)):
        if isinstance(answer, OrchestrionError):
            yield label, answer
        elif answer is not None:
            for sentence, kind in answer.warned:
                warnings.warn(sentence, kind, stacklevel=2)
            yield label, answer.result


def in_order(
    cluster: Cluster | None, function: Callable[..., Result], calls: Iterable[Sequence[object]], advance: Callable[[int], object] = lambda n: None
) -> list[Result]:
    """As `spread`, the results in the order of ``calls``; ``advance(1)`` after each.

    Raises:
        OrchestrionError: of the first call that fails.
    """
    found: dict[int, Result] = {}
    for i, result in spread(cluster, function, enumerate(calls)):
        if isinstance(result, OrchestrionError):
            raise result
        found[i] = result
        advance(1)
    return [found[i] for i in range(len(found))]


def shared(cluster: Cluster | None, value: Value) -> Value | Shared:
    """``value`` for the calls of `spread`: on the cluster, or itself where there is none."""
    return value if cluster is None else cluster.share(value)


@dataclass(frozen=True)
class _Answer(Generic[Result]):
    """What a worker gives back: the result, and what was to be said."""

    result: Result
    warned: Sequence[tuple[str, type[Warning]]]


def _in_folder(folder: Path, function: Callable[..., Result], *arguments: object) -> _Answer[Result]:
    """Run on a worker."""
    if not folder.is_dir():
        raise OrchestrionError(f"A worker sees no {folder}; give files on a disk that all machines have under one path.")
    with contextlib.chdir(folder), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = function(*arguments)
    return _Answer(result, [(str(one.message), one.category) for one in warned if issubclass(one.category, UserWarning)])


def _unseen(paths: Sequence[str]) -> list[str]:
    """Run on each worker."""
    return [path for path in paths if not os.path.exists(path)]


def _given(argument: object) -> object:
    """``argument`` as Dask wants it: what is shared, alone or in a list, as its future."""
    if isinstance(argument, list):
        return [_given(one) for one in argument]
    return argument.future if isinstance(argument, Shared) else argument


def _itself(value: object) -> object:
    return value


def _call(version: str, function: Callable[..., Result], *arguments: object) -> Result:
    """Run on a worker."""
    if version != VERSION:
        raise OrchestrionError(f"A worker has Orchestrion {VERSION}, and the command is of {version}; install the same on all machines.")
    return function(*arguments)


@contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[Cluster]:
    """The cluster whose scheduler is at ``address`` (``tcp://HOST:PORT``).

    Args:
        say: tells the user a sentence.

    Raises:
        OrchestrionError: Dask is not installed, or no scheduler answers there.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise OrchestrionError("A cluster needs Dask, here and on all its machines: pip install 'orchestrion[cluster]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it says of lost workers is no news for who waits for files
    try:
        client = Client(address, timeout=CONNECTING_S, set_as_default=False)
    except (OSError, ValueError) as error:  # a time-out is one, too
        raise OrchestrionError(f"No scheduler answers at {address}; start one: dask scheduler") from error
    with client:
        yield Cluster(client, address, say)
