"""A progress bar with time left, on standard error, for work that takes more than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from orchestrion.terminal import escaped

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

Item = TypeVar("Item")
DELAY_S = 2.0
MORE_S = 0.5
"""By how much later than another bar the sign comes that something goes on after a bar."""


class Advance(Protocol):
    """Tells the bar that ``n`` more units are done."""

    def __call__(self, n: float = 1) -> None: ...


class ProgressBar(Advance, Protocol):
    """An `Advance` that can also be told how many units are done in all, and another label."""

    def show(self, done: float, label: str) -> None: ...


@contextmanager
def progress(total: float, label: str, *, done: float = 0.0) -> Iterator[ProgressBar]:
    """Yield a function that advances a bar of ``total`` units, ``done`` of which took no time here.

    Nothing is drawn in the first two seconds, nor where standard error is not a terminal, nor beside another bar.
    """
    bar = _Bar(total, label, done)
    try:
        yield bar
    finally:
        bar.close()


def track(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Yield ``items`` and advance a bar of ``total`` units after each."""
    with progress(total, label) as advance:
        for item in items:
            yield item
            advance()


@contextmanager
def starting() -> Iterator[None]:
    """Show on a terminal that a command is under way whenever nothing else has been drawn for two seconds, or until `started`.

    It imports and loads for seconds before it knows how much there is to do, and between two bars there may be work that has none.
    """
    if sys.stderr.isatty():
        _sign.wait("Starting", DELAY_S)
    try:
        yield
    finally:
        started()


def started() -> None:
    """End what `starting` shows, for good: something else is to be seen from now on."""
    with _guard:
        _sign.waits = False
        _sign.hide()


@contextmanager
def waiting(label: str) -> Iterator[None]:
    """Show a bar that only moves to and fro while what takes an unknown time is done; as `progress`, from two seconds on."""
    shown: list[Display] = []
    timer = threading.Timer(DELAY_S, lambda: shown.extend(drawn[:1]) if (drawn := _begin(None, label)) else None)
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
        for display in shown:
            _end(display)


class _Bar:
    def __init__(self, total: float, label: str, done: float = 0.0):
        self._total, self._label = total, label
        self._before = self._done = done
        delay_s = 0.0 if done else DELAY_S  # what goes on has taken longer
        self._due = time.monotonic() + delay_s
        self._drawn: tuple[Display, TaskID] | None = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if sys.stderr.isatty():
            # The first units may take minutes.
            self._timer = threading.Timer(delay_s, self._begun)
            self._timer.daemon = True
            self._timer.start()

    def __call__(self, n: float = 1) -> None:
        self._done += n
        self._update({})

    def show(self, done: float, label: str) -> None:
        self._done, self._label = done, label
        self._update({"description": label})

    def _update(self, changes: dict[str, str]) -> None:
        if drawn := self._begun():
            display, task = drawn
            display.update(task, completed=self._done, description=changes.get("description"))

    def _begun(self) -> tuple[Display, TaskID] | None:
        """What is drawn, now if it is time."""
        with self._lock:
            if self._drawn is None and self._timer is not None and time.monotonic() >= self._due:
                self._drawn = _begin(self._total, self._label)
                if self._drawn is not None and self._before:
                    # Not counted as pace. Rich takes decimals, though its annotation does not say so.
                    self._drawn[0].reset(self._drawn[1], completed=cast("int", self._before))
            return self._drawn

    def close(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._drawn is not None:
                _end(self._drawn[0])
                self._drawn = None


def print_above(text: str) -> bool:
    """Print ``text`` and a line feed above the bar that is drawn, long lines not folded; False, and nothing, where there is none.

    What is printed otherwise lands behind the bar's own line: click writes past the streams that Rich puts in place. The sign of
    `starting` gives way: a line is one, too.
    """
    _sign.give_way()
    if not _shown:
        return False
    from rich.text import Text

    _shown[0].console.print(Text(text), soft_wrap=True)
    return True


_shown: list[Display] = []
"""The bar that is drawn, if any: two would write over each other."""
_guard = threading.RLock()


class _Sign:
    """A bar that only moves to and fro, where no other is drawn."""

    def __init__(self) -> None:
        self.waits = False
        self.display: Display | None = None
        self._timer: threading.Timer | None = None

    def wait(self, label: str, seconds: float) -> None:
        """Show it in so many seconds, unless it is hidden before."""
        with _guard:
            self.waits = True
            self._timer = threading.Timer(seconds, self._show, (label,))
            self._timer.daemon = True
            self._timer.start()

    def give_way(self) -> None:
        """Take it off the screen for a while."""
        with _guard:
            if self.display is not None:
                self.hide()
                self.wait("Working", DELAY_S + MORE_S)

    def hide(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.display is not None:
            _end(self.display)
            self.display = None

    def _show(self, label: str) -> None:
        with _guard:
            if self._timer is threading.current_thread() and not _shown:
                self.display, _ = _draw(None, label)
                _shown.append(self.display)


_sign = _Sign()


def _begin(total: float | None, label: str) -> tuple[Display, TaskID] | None:
    with _guard:
        _sign.hide()
        if _shown:
            return None
        drawn = _draw(total, label)
        _shown.append(drawn[0])
        return drawn


def _end(display: Display) -> None:
    with _guard:
        display.stop()
        _shown.remove(display)
        if _sign.waits and display is not _sign.display:
            _sign.wait("Working", DELAY_S + MORE_S)


def _draw(total: float | None, label: str) -> tuple[Display, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    known = (TextColumn("{task.percentage:3.0f} %"), TimeRemainingColumn())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *((TimeElapsedColumn(),) if total is None else known))
    # Redirected, standard output would go to the terminal where it is meant for a file.
    to_terminal = sys.stdout.isatty()
    display = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=to_terminal)
    display.start()
    return display, display.add_task(escaped(label), total=total)
