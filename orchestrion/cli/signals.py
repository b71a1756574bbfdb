"""Ctrl-C and SIGTERM end the command, wherever they fall, and nothing else is blamed for what they break."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
_NAMES = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
_received: list[int] = []


def install() -> None:
    """Have both signals raise an exception, so that temporary files are removed on the way out."""
    signal.signal(signal.SIGINT, _raise)
    signal.signal(signal.SIGTERM, _raise)
    sys.unraisablehook = _deliver_again


def received() -> int | None:
    """The first signal that this process was sent; an error after it may be its doing."""
    return _received[0] if _received else None


def sentence(number: int, stop: BaseException | None = None) -> str:
    """What is told of the end by signal ``number``; the notes of ``stop`` say what is kept."""
    kept = " ".join(getattr(stop, "__notes__", ())) or "Nothing half-written was kept."
    return f"{_NAMES[signal.Signals(number)]}. {kept}"


def leave_quietly_when_done() -> None:
    """Once the work is over, Ctrl-C ends the process at once, and not in a traceback of the interpreter's own end."""
    for number in _NAMES:
        signal.signal(number, signal.SIG_DFL)


def _raise(number: int, frame: FrameType | None) -> NoReturn:
    _received.append(number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(TERMINATED)


def _deliver_again(lost: sys.UnraisableHookArgs) -> None:
    """A signal that comes while C calls Python back (the compiler does) is lost there: send it again a moment later."""
    is_interrupt = isinstance(lost.exc_value, KeyboardInterrupt)
    is_terminate = isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == TERMINATED
    main_thread = threading.main_thread().ident
    if main_thread is None or not (is_interrupt or is_terminate) or not hasattr(signal, "pthread_kill"):
        sys.__unraisablehook__(lost)
        return
    number = signal.SIGINT if is_interrupt else signal.SIGTERM
    again = threading.Timer(0.05, signal.pthread_kill, [main_thread, number])
    again.daemon = True
    again.start()
