"""Work that takes seconds: one job at a time, a short queue behind it, and frames of bytes on the way to the page.

A frame is a byte for its kind (J: an object of JSON, A: float32 samples), four bytes for its length, little-endian, and the
content.
"""

from __future__ import annotations

import asyncio
import json
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping

import numpy as np

from orchestrion.errors import OrchestrionError

MOST_WAITING = 8
MEMORY = "There is not enough memory for this; try a shorter score."
BUG = "Something went wrong that should not have; the terminal that the studio was started from says more."


class QueueFullError(Exception):
    """As many jobs wait as may."""


class JobCancelledError(Exception):
    """Raised within a job whose page has gone, or that was cancelled."""


class StudioJob:
    """One piece of work, and what it has told so far. Made on an event loop; the work itself runs on another thread."""

    def __init__(self, number: int, work: Callable[[StudioJob], None]):
        self.number = number
        self._work = work
        self._frames: deque[bytes] = deque()
        self._is_cancelled = threading.Event()
        self._has_ended = False
        self._is_last_told = False
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()

    def check(self) -> None:
        """Called often by the work.

        Raises:
            JobCancelledError: nobody waits for it any more.
        """
        if self._is_cancelled.is_set():
            raise JobCancelledError

    def tell(self, event: str, **facts: object) -> None:
        """A frame of JSON."""
        self._add(b"J", json.dumps({"event": event, **facts}).encode())

    def hear(self, samples: np.ndarray) -> None:
        """A frame of audio: float32 [t] or [t, channels]."""
        self._add(b"A", samples.astype("<f4").tobytes())

    def cancel(self) -> None:
        """The work ends at its next `check`."""
        self._is_cancelled.set()

    @property
    def n_waiting(self) -> int:
        """Frames that the page has not fetched yet."""
        return len(self._frames)

    @property
    def is_cancelled(self) -> bool:
        return self._is_cancelled.is_set()

    @property
    def has_ended(self) -> bool:
        """True before the page can know of the end."""
        return self._has_ended

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames as they come, until the work is done."""
        while True:
            self._wake.clear()
            is_last_told = self._is_last_told
            while self._frames:
                yield self._frames.popleft()
            if is_last_told:
                return
            await self._wake.wait()

    def run(self) -> None:
        """Do the work, and tell how it ended; what is nobody's fault but ours is raised then."""
        end: tuple[str, dict[str, object]] = ("failed", {"message": BUG})
        try:
            self.check()
            self._work(self)
            end = ("done", {})
        except JobCancelledError:
            end = ("cancelled", {})
        except OrchestrionError as error:
            end = ("failed", {"message": " ".join(str(error).split())})
        except MemoryError:
            end = ("failed", {"message": MEMORY})
        finally:
            self.end(end[0], **end[1])

    def end(self, event: str, **facts: object) -> None:
        """The last frame."""
        self._has_ended = True
        self.tell(event, **facts)
        self._is_last_told = True
        self._notify()

    def _add(self, kind: bytes, content: bytes) -> None:
        if self.is_cancelled and kind == b"A":
            return
        self._frames.append(kind + struct.pack("<I", len(content)) + content)
        self._notify()

    def _notify(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)


class Jobs:
    """A queue with one worker: the players use all processors by themselves.

    Args:
        most_waiting: jobs that may wait behind the one that runs.
    """

    def __init__(self, most_waiting: int = MOST_WAITING):
        self._most_waiting = most_waiting
        self._queue: deque[StudioJob] = deque()
        self._running: StudioJob | None = None
        self._changed = threading.Condition()
        self._is_closed = False
        self._last = 0
        self._thread = threading.Thread(target=self._work, name="studio jobs", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[StudioJob], None]) -> StudioJob:
        """Queue ``work``; called on the event loop.

        Raises:
            QueueFullError: too many wait already.
        """
        with self._changed:
            if self._is_closed or len(self._queue) >= self._most_waiting:
                raise QueueFullError
            self._last += 1
            job = StudioJob(self._last, work)
            self._queue.append(job)
            self._tell_places()
            self._changed.notify()
            return job

    def cancel(self, number: int) -> bool:
        """Cancel the job of that number; False where it is neither waiting nor running."""
        with self._changed:
            job = next((one for one in (self._running, *self._queue) if one is not None and one.number == number), None)
            if job is None:
                return False
            job.cancel()
            if job in self._queue:
                self._queue.remove(job)
                job.end("cancelled")
                self._tell_places()
            return True

    def state(self) -> Mapping[str, int]:
        """How many run and wait."""
        with self._changed:
            return {"running": int(self._running is not None and not self._running.has_ended), "waiting": len(self._queue)}

    def close(self) -> None:
        """Cancel all; wait a moment for the one that runs."""
        with self._changed:
            self._is_closed = True
            for job in (*self._queue, *([self._running] if self._running else [])):
                job.cancel()
            self._changed.notify()
        self._thread.join(timeout=5)

    def _tell_places(self) -> None:
        for place, job in enumerate(self._queue, 1 if self._running else 0):
            job.tell("queued", job=job.number, place=place)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._running = None
                while not self._queue and not self._is_closed:
                    self._changed.wait()
                if not self._queue:
                    return
                self._running = self._queue.popleft()
                self._tell_places()
            # A thread each, so that a bug in one, which is shown on the terminal, ends no other.
            thread = threading.Thread(target=self._running.run, name=f"studio job {self._running.number}", daemon=True)
            thread.start()
            thread.join()
