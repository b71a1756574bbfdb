"""An instrument played from the page's keyboard: messages in by requests, blocks of audio out by the frames of a job, in time."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.playing import compile_player
from orchestrion.realtime.session import KeyMessage, run
from orchestrion.renderer.live import LivePlayer
from orchestrion.studio import sounding
from orchestrion.studio.asking import options_from
from orchestrion.studio.jobs import StudioJob
from orchestrion.studio.scorejson import mapping

BLOCK = 3  # frames, as `orchestrion live` has them
MOST_MESSAGES = 256  # of a request
MOST_AGE_MS = 1_000.0
IDLE_S = 300.0  # without a key, after which the processor is given back
UNHEARD_S = 5.0  # of audio that the page has not fetched
LATE_S = 0.004  # a block that comes later than this after its time is late
OPTIONS = ("seed", "temperature", "vibrato", "noise")


class PageKeyboard:
    """What the page sends, for `session.run`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._keys: deque[KeyMessage] = deque(maxlen=16 * MOST_MESSAGES)
        self.last_s = clock()

    def add(self, messages: Iterable[tuple[float, tuple[int, ...]]]) -> None:
        """Messages, each with its age in milliseconds."""
        now = self._clock()
        for age_ms, message in messages:
            self._keys.append(KeyMessage(now - age_ms / 1000, message))
            self.last_s = now

    def pending(self) -> Iterable[KeyMessage]:
        """As `session.Keyboard`."""
        return [self._keys.popleft() for _ in range(len(self._keys))]


class Keyboards:
    """Those that play now, by the numbers of their jobs."""

    def __init__(self) -> None:
        self._open: dict[int, PageKeyboard] = {}
        self._lock = threading.Lock()

    def open(self, number: int) -> PageKeyboard:
        """One for a job."""
        with self._lock:
            return self._open.setdefault(number, PageKeyboard())

    def close(self, number: int) -> None:
        """No more keys for that job."""
        with self._lock:
            self._open.pop(number, None)

    def press(self, given: object) -> bool:
        """Hand on ``{job, messages: [[age in ms, byte, byte, byte], …]}``; False where that job plays no more.

        Raises:
            OrchestrionError: another shape, or more than a hand can play.
        """
        asked = mapping(given, "what keys send")
        number, rows = asked.get("job"), asked.get("messages")
        if not isinstance(rows, list) or len(rows) > MOST_MESSAGES:
            raise OrchestrionError(f"Keys send up to {MOST_MESSAGES} messages at a time.")
        messages = [_message(row) for row in rows]
        with self._lock:
            keyboard = self._open.get(number) if isinstance(number, int) else None
        if keyboard is not None:
            keyboard.add(messages)
        return keyboard is not None


def _message(row: object) -> tuple[float, tuple[int, ...]]:
    if not isinstance(row, list) or len(row) != 4 or any(isinstance(x, bool) or not isinstance(x, int | float) for x in row):
        raise OrchestrionError("A message of a key is its age in milliseconds and three bytes.")
    age_ms, *content = row
    if not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in content) or not 0 <= age_ms <= MOST_AGE_MS:
        raise OrchestrionError("A message of a key is its age in milliseconds and three bytes.")
    return float(age_ms), tuple(content)


class PageOutput:
    """The page as a sound card, for `session.run`: a block is due when the one before it has sounded."""

    def __init__(self, job: StudioJob, rate: int, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep):
        self._job, self._rate, self._clock, self._sleep = job, rate, clock, sleep
        self._due = clock()

    def write(self, samples: np.ndarray) -> bool:
        """As `session.Output`."""
        now = self._clock()
        is_late = now > self._due + LATE_S
        if is_late:
            self._due = now
        self._sleep(max(0.0, self._due - now))
        self._due += len(samples) / self._rate
        self._job.hear(samples)
        return is_late


@dataclass(frozen=True)
class LiveRequest:
    """An instrument that is to be played.

    Attributes:
        name: of a shipped instrument.
        options: its seed, temperature, vibrato and noise.
    """

    name: str
    options: Playing

    @classmethod
    def of(cls, given: object) -> LiveRequest:
        """From what the page sent.

        Raises:
            OrchestrionError: no such instrument, or a value that it does not take.
        """
        asked = mapping(given, "a request")
        name = asked.get("instrument")
        form = mapping(asked.get("options", {}), "a form")
        options = options_from(Playing, {name: value for name, value in form.items() if name in OPTIONS})
        assert isinstance(options, Playing)
        sounding.instrument(name if isinstance(name, str) else "")
        return cls(str(name), options)

    def run(self, job: StudioJob, keyboards: Keyboards) -> None:
        """Play until the job is cancelled, or nobody plays or listens any more."""
        try:
            self._play(job, keyboards.open(job.number))
        finally:
            keyboards.close(job.number)

    def _play(self, job: StudioJob, keyboard: PageKeyboard) -> None:
        job.tell("preparing", what=f"Preparing {self.name} to be played (some seconds, the first time)")
        options = self.options
        instrument = sounding.instrument(self.name).adjusted(vibrato=options.vibrato, noise=options.noise)
        compile_player(options.storage, "cpu", [instrument])
        player = LivePlayer(instrument, block=BLOCK, seed=options.seed, temperature=options.temperature, storage=options.storage)
        player.warm_up()
        job.check()
        low, high = instrument.pitch_range
        rate = instrument.config.sample_rate
        job.tell("live", job=job.number, rate=rate, block_ms=1000 * player.block_s, low=low, high=high)
        keyboard.last_s = time.monotonic()
        reasons: list[str] = []

        def until() -> bool:
            if time.monotonic() - keyboard.last_s > IDLE_S:
                reasons.append(f"No key was pressed for {IDLE_S / 60:g} minutes, so live playing has ended.")
            elif job.n_waiting * player.block_s > UNHEARD_S:
                reasons.append("The page fetched no audio any more, so live playing has ended.")
            return bool(reasons) or job.is_cancelled

        report = run(player, keyboard, PageOutput(job, rate), until=until)
        job.tell("played", seconds=round(report.played_s, 3), late=report.dropouts, load=round(report.load, 3))
        for reason in reasons:
            job.tell("remark", message=reason)
