"""The loop of live playing: keys in, a block drawn, the block out; and what it took."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from orchestrion.renderer.live import LivePlayer

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
SUSTAIN, SOUND_OFF, NOTES_OFF = 64, 120, 123
LOUDEST = 127


@dataclass(frozen=True)
class KeyMessage:
    """A MIDI message as it came in.

    Args:
        time_s: of the session's clock.
        message: its bytes.
    """

    time_s: float
    message: tuple[int, ...]


class Keyboard(Protocol):
    """Where keys come from."""

    def pending(self) -> Iterable[KeyMessage]:
        """What has come since the last call, in order."""
        ...


class Output(Protocol):
    """Where sound goes."""

    def write(self, samples: np.ndarray) -> bool:
        """Wait until there is room for ``samples`` (float32, mono) and hand them over; whether the device ran dry before they came."""
        ...


@dataclass
class Report:
    """What a session took: seconds to draw each block, and how many blocks came too late."""

    block_s: float
    drawn_s: list[float] = field(default_factory=list)
    dropouts: int = 0

    @property
    def played_s(self) -> float:
        """Seconds of audio."""
        return len(self.drawn_s) * self.block_s

    @property
    def load(self) -> float:
        """Share of the time that drawing took."""
        return sum(self.drawn_s) / max(self.played_s, self.block_s)


def run(
    player: LivePlayer,
    keyboard: Keyboard,
    output: Output,
    *,
    until: Callable[[], bool],
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Play until ``until()``; a key takes effect a constant time after it was pressed, to a frame.

    It was pressed while the block before was drawn or waited for, at some part of it, and sounds at that part of the next one, ``lookahead``
    frames later.
    """
    report, before = Report(player.block_s), clock()
    with _without_collections():
        _loop(player, keyboard, output, until, clock, report, before)
    return report


@contextmanager
def _without_collections() -> Iterator[None]:
    """Python looks for cycles of garbage at moments of its own, for tens of milliseconds: not while somebody plays."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _loop(
    player: LivePlayer, keyboard: Keyboard, output: Output, until: Callable[[], bool], clock: Callable[[], float], report: Report, before: float
) -> None:
    while not until():
        now = clock()
        for key in keyboard.pending():
            apply(player, key.message, int((key.time_s - before) / player.frame_s))
        before = now
        samples = player.next_block()
        report.drawn_s.append(clock() - now)
        if output.write(samples):
            report.dropouts += 1


def apply(player: LivePlayer, message: tuple[int, ...], within: int = 0) -> None:
    """Do what a MIDI message says: notes, the sustain pedal, all off; anything else is ignored, on any channel."""
    if len(message) != 3 or not all(0 <= byte <= LOUDEST for byte in message[1:]):
        return
    kind, one, two = message[0] & 0xF0, message[1], message[2]
    if kind == NOTE_ON and two:
        player.note_on(one, two, within)
    elif kind in (NOTE_ON, NOTE_OFF):
        player.note_off(one, within)
    elif kind == CONTROL and one == SUSTAIN:
        player.pedal(two >= 64, within)
    elif kind == CONTROL and one in (SOUND_OFF, NOTES_OFF):
        player.all_off()
