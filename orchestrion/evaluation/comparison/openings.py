"""The recordings of a comparison: openings to continue, held-out recordings to measure against, training recordings.

Held-out recordings are cut into stretches of the comparison's length. Some, evenly spaced, become `Opening`s: the
generators continue what comes before them, and the stretch itself is measured like one of the generators. All are
measured against the other stretches.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from orchestrion.audio import Waveform
from orchestrion.datasets.recordings.songs import SongSet
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.judge.reference import reference_performance
from orchestrion.score import BUILTIN_TUNES, Score
from orchestrion.terminal import plural

MOST_HELD_OUT = 12
Item = TypeVar("Item")


class Recorded(Protocol):
    """Audio that is read where it is needed; see `songs.Song`."""

    @property
    def name(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def n_samples(self) -> int: ...
    def samples(self, start: int = 0, stop: int | None = None) -> np.ndarray: ...


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """A waveform as a `Recorded`."""

    name: str
    audio: Waveform

    @property
    def sample_rate(self) -> int:
        return self.audio.sample_rate

    @property
    def n_samples(self) -> int:
        return len(self.audio.samples)

    def samples(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        return self.audio.samples[start:stop]


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """``seed``, which all generators continue, the audio that really ``follows`` it, and where it is from."""

    seed: Waveform
    follows: Waveform
    recording: str
    start_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Recordings:
    """Openings, held-out stretches, and the ``training`` recordings (empty where they are not known).

    ``source`` says where they are from, for people.
    """

    openings: tuple[Opening, ...]
    held_out: tuple[Waveform, ...]
    training: tuple[Recorded, ...]
    source: str

    def training_audio(self) -> Iterator[Waveform]:
        """The training recordings one by one; only one is in memory."""
        return (Waveform(song.samples(), song.sample_rate) for song in self.training)

    @property
    def training_s(self) -> float:
        """Seconds of training audio."""
        return sum(song.n_samples / song.sample_rate for song in self.training)


def from_set(songs: SongSet, n: int, seed_s: float, seconds: float) -> Recordings:
    """From the validation split of a prepared set; its training split is what could be copied.

    Raises:
        OrchestrionError: the held-out songs are too short.
    """
    return recordings_of(
        songs.split("validation"), songs.split("train"), n, seed_s, seconds, f"held-out songs of {songs.name}"
    )


def from_tunes(score: Score, n: int, seed_s: float, seconds: float) -> Recordings:
    """From performances of the built-in tunes other than ``score``, where no recordings are given.

    Raises:
        OrchestrionError: the tunes are too short.
    """
    tunes: Mapping[str, Score] = {name: tune for name, tune in BUILTIN_TUNES.items() if tune.title != score.title}
    played = {name: reference_performance(tune) for name, tune in tunes.items()}
    maker = next(iter(played.values()))[1]
    recordings = [InMemory(name, audio) for name, (audio, _) in played.items()]
    return recordings_of(recordings, (), n, seed_s, seconds, f"built-in tunes, played by {maker}")


def recordings_of(
    held_out: Sequence[Recorded], training: Sequence[Recorded], n: int, seed_s: float, seconds: float, source: str
) -> Recordings:
    """Cut ``held_out`` into ``n`` openings, or as many as there are, which a warning tells, and at most `MOST_HELD_OUT` other stretches.

    Raises:
        OrchestrionError: no recording is as long as the seed and what follows.
    """
    stretches = [(song, start_s) for song in held_out for start_s in _starts(song, seconds)]
    possible = [(song, start_s) for song, start_s in stretches if start_s >= seed_s]
    if not possible:
        raise OrchestrionError(
            f"No recording of the {source} is {seed_s + seconds:g} s long, the seed and what follows; "
            "ask for fewer --seconds or --seed-seconds."
        )
    if len(possible) < n:
        warnings.warn(f"{plural(len(possible), 'seed')}, not {n}: the {source} have no more stretches of {seconds:g} s after {seed_s:g} s.", stacklevel=2)
    chosen = _evenly(possible, n)
    rest = _evenly([stretch for stretch in stretches if stretch not in chosen], MOST_HELD_OUT) or chosen
    openings = tuple(
        Opening(_cut(song, start_s - seed_s, seed_s), _cut(song, start_s, seconds), song.name, start_s)
        for song, start_s in chosen
    )
    return Recordings(openings, tuple(_cut(song, start_s, seconds) for song, start_s in rest), tuple(training), source)


def _starts(song: Recorded, seconds: float) -> list[float]:
    """Where its stretches begin, in seconds."""
    return [i * seconds for i in range(int(song.n_samples / song.sample_rate / seconds + 1e-9))]


def _evenly(items: Sequence[Item], n: int) -> list[Item]:
    """At most ``n`` of ``items``, evenly spaced."""
    places = np.unique(np.linspace(0, len(items) - 1, min(n, len(items))).round().astype(int)) if len(items) else ()
    return [items[i] for i in places]


def _cut(song: Recorded, start_s: float, seconds: float) -> Waveform:
    first = round(start_s * song.sample_rate)
    last = min(first + round(seconds * song.sample_rate), song.n_samples)
    return Waveform(song.samples(first, last), song.sample_rate)
