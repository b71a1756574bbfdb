"""A process that reads mutants under limits of time and memory, and is replaced when one of them ends it."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

from orchestrion.errors import OrchestrionError

LIMIT_S = 5.0
"""Processor time of one attempt, that of the programs it starts included."""
LIMIT_BYTES = 500 << 20
"""Address space of one attempt, above what the process had before."""
HANGING_S = 120.0
"""Of the clock: who waits for something uses no processor time."""
MAX_ATTEMPTS = 400
"""In one process, so that what one attempt leaves behind is not counted against many others."""
LONGEST_SENTENCE = 2000
OF_LIBMPG123 = re.compile(r"libmpg123|^Warning: .*(Xing|seek|gapless|layer)|^Note: |^(big_)?[vV]alues? too large")
"""What the MP3 decoder within libsndfile prints about damaged files, and nobody can ask it not to."""
READ, REFUSED = "read", "refused"


@dataclass(frozen=True)
class Outcome:
    """``status`` is `READ`, `REFUSED` or what is wrong; ``where`` of ours; ``details`` for people."""

    status: str
    where: str = ""
    details: str = ""

    @property
    def is_fault(self) -> bool:
        return self.status not in (READ, REFUSED)


class Worker:
    """Reads with some of the readers, in a process of its own that is started when it is first needed."""

    def __init__(self, *readers: str):
        self._readers = readers
        self._process: multiprocessing.process.BaseProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def attempt(self, reader: str, files: Mapping[str, bytes]) -> Outcome:
        """What ``reader`` makes of a folder with ``files``."""
        if self._process is None:
            self._start()
        self._n_left -= 1
        self._connection.send((reader, dict(files)))
        try:
            if not self._connection.poll(HANGING_S):
                outcome = Outcome("hangs", details=f"no answer for {HANGING_S:g} s of the clock")
                self._end()
                return outcome
            outcome = self._connection.recv()
        except EOFError:
            outcome = self._died()
        if outcome.is_fault or not self._n_left:
            self._end()
        return outcome

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._scratch = tempfile.TemporaryDirectory(prefix="fuzz-")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._readers, theirs, self._scratch.name), daemon=True)
        self._process.start()
        theirs.close()
        self._n_left = MAX_ATTEMPTS
        try:
            ready = self._connection.recv()
        except EOFError:
            ready = self._died()
        if ready != "ready":
            raise RuntimeError(f"A sound file is not read: {ready}")

    def _died(self) -> Outcome:
        assert self._process is not None
        self._process.join()
        status = self._process.exitcode or 0
        said = (Path(self._scratch.name) / "said").read_text(errors="replace")
        name = "time" if status == -signal.SIGPROF else f"crash ({signal.Signals(-status).name})" if status < 0 else f"exit ({status})"
        frames = re.findall(r'File "[^"]*?(orchestrion/[^"]+)", line \d+ in (\w+)', said)
        return Outcome(name, ":".join(frames[0]) if frames else "", said[-6000:])

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
            self._connection.close()
            self._scratch.cleanup()


def _serve(names: Sequence[str], connection: Connection, scratch: str) -> None:
    from tests.fuzz.reader import seeds
    from tests.fuzz.readers import READERS

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    said = os.open(Path(scratch) / "said", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    faulthandler.enable(said)
    faulthandler.register(signal.SIGPROF, said, all_threads=False, chain=True)
    folder = Path(scratch) / "folder"
    for name in names:
        for files in seeds(READERS[name], Path(scratch) / name):  # what is imported and compiled once costs no attempt anything
            outcome = _attempt(READERS[name].read, folder, files, said, limit_s=0)
            if outcome.status != READ:
                connection.send(f"{name}: {outcome.status} {outcome.where} {outcome.details}")
                return
    connection.send("ready")
    if sys.platform == "linux":
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while True:
        try:
            name, files = connection.recv()
        except EOFError:
            return
        connection.send(_attempt(READERS[name].read, folder, files, said))


def _attempt(read: Callable[[Path], None], folder: Path, files: Mapping[str, bytes], said: int, limit_s: float = LIMIT_S) -> Outcome:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.ftruncate(said, 0)
    warned: list[Outcome] = []

    def note(message: Warning | str, category: type[Warning], filename: str, *_: object) -> None:
        if not issubclass(category, UserWarning | ResourceWarning):
            stack = traceback.extract_stack()[:-2]
            warned.append(Outcome(category.__name__, _innermost(stack), f"{message}\n{''.join(traceback.format_list(stack))}"[-6000:]))

    with warnings.catch_warnings(), _Caught() as caught:
        warnings.simplefilter("always")
        warnings.showwarning = note
        began = sum(os.times()[:4])
        signal.setitimer(signal.ITIMER_PROF, limit_s)
        read(folder)
    signal.setitimer(signal.ITIMER_PROF, 0)
    used_s = sum(os.times()[:4]) - began
    if 0 < limit_s < used_s:
        return Outcome("time", "a process of its own", f"{used_s:.1f} s with the processes that it started")
    outcome = _of(caught.error)
    if outcome.is_fault or warned:
        return outcome if outcome.is_fault else warned[0]
    lines = os.pread(said, 20_000, 0).decode(errors="replace").splitlines()
    noise = [line for line in lines if line.strip() and not OF_LIBMPG123.search(line)]
    return Outcome("noise", "", "\n".join(noise)[:2000]) if noise else outcome


class _Caught:
    """Keeps whatever a block raises: it is what is looked for."""

    error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        self.error = error
        return True


def _of(error: BaseException | None) -> Outcome:
    if error is None:
        return Outcome(READ)
    if not isinstance(error, OrchestrionError):
        return Outcome(type(error).__name__, _where(error), "".join(traceback.format_exception(error))[-6000:])
    text = str(error)
    is_sentence = "\n" not in text and 0 < len(text) < LONGEST_SENTENCE
    return Outcome(REFUSED, details=text) if is_sentence else Outcome("no sentence", _where(error), text[:LONGEST_SENTENCE])


def _where(error: BaseException) -> str:
    return _innermost(traceback.extract_tb(error.__traceback__))


def _innermost(stack: traceback.StackSummary) -> str:
    """The innermost place of ours."""
    frames = [frame for frame in stack if "/orchestrion/" in frame.filename]
    return f"{frames[-1].filename.rpartition('/orchestrion/')[2]}:{frames[-1].name}" if frames else ""
