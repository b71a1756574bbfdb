"""The history of a session: takes with their scores, settings and audio, in memory, the oldest dropped first."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.ensemble import Mix
from orchestrion.studio.scorejson import MidiScore

MOST_TAKES = 100
MOST_BYTES = 512 << 20


@dataclass(frozen=True)
class SessionTake:
    """A piece that was composed, a score that was played, or a tune that was heard.

    Attributes:
        name: of its files, without the ending; unique in the session.
        kind: "composed", "played" or "heard".
        what: one line for people.
        midi: its score.
        command: the command line that makes the same file.
        settings: every option that is not its default, and the seed.
        audio: None where it was composed; where it was heard, what was sung.
        inputs: files that the command reads, beside its score's: name to bytes.
    """

    name: str
    kind: str
    what: str
    midi: MidiScore
    command: str
    settings: Mapping[str, object]
    audio: Waveform | Mix | None = None
    inputs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def n_bytes(self) -> int:
        """About what it takes of memory."""
        return len(self.midi.data) * 20 + (0 if self.audio is None else self.audio.samples.nbytes) + sum(map(len, self.inputs.values()))

    def samples(self) -> np.ndarray:
        """float32 [t, channels]; none where it was composed."""
        if self.audio is None:
            return np.empty((0, 1), np.float32)
        found = self.audio.samples
        return found if found.ndim == 2 else found[:, None]

    def wav(self) -> bytes:
        """The bytes of the WAV file that the command writes."""
        assert self.audio is not None
        with TemporaryDirectory() as folder:
            path = Path(folder) / "take.wav"
            self.audio.write(path)
            return path.read_bytes()

    def facts(self, number: int) -> dict[str, object]:
        """What the page lists."""
        audio = None
        if self.audio is not None:
            audio = {"rate": self.audio.sample_rate, "channels": self.samples().shape[1], "seconds": self.audio.duration_s}
        score = self.midi.score
        return {
            "take": number, "name": self.name, "kind": self.kind, "what": self.what, "title": score.title, "command": self.command,
            "settings": dict(self.settings), "notes": len(score.notes), "seconds": score.duration_s, "audio": audio,
            "inputs": sorted(self.inputs),
        }  # fmt: skip


class Takes:
    """Takes by their numbers, from 1; at most so many, and so many bytes."""

    def __init__(self, most: int = MOST_TAKES, most_bytes: int = MOST_BYTES):
        self._most, self._most_bytes = most, most_bytes
        self._takes: dict[int, SessionTake] = {}
        self._last = 0
        self._lock = threading.Lock()

    def number(self) -> int:
        """One that no take has had."""
        with self._lock:
            self._last += 1
            return self._last

    def add(self, number: int, take: SessionTake) -> list[int]:
        """Keep ``take``; returns the numbers of those that had to go."""
        with self._lock:
            self._takes[number] = take
            gone = []
            while len(self._takes) > 1 and (len(self._takes) > self._most or self._n_bytes() > self._most_bytes):
                oldest = next(iter(self._takes))
                del self._takes[oldest]
                gone.append(oldest)
            return gone

    def get(self, number: int) -> SessionTake | None:
        with self._lock:
            return self._takes.get(number)

    def remove(self, number: int) -> bool:
        """Whether there was one of that number."""
        with self._lock:
            return self._takes.pop(number, None) is not None

    def facts(self) -> list[dict[str, object]]:
        """Of all, the oldest first."""
        with self._lock:
            return [take.facts(number) for number, take in self._takes.items()]

    def _n_bytes(self) -> int:
        return sum(take.n_bytes for take in self._takes.values())
