"""Composing: a trained composer and what is asked of it → scores.

prime ─▶ steps in the model's key ─forced─▶ state ─▶ drawn steps, guarded ─▶ back to the asked key ─▶ Score
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch

from orchestrion import shipped, weights
from orchestrion.composer.config import STEPS_PER_BEAT, ComposerConfig
from orchestrion.composer.controls import allowed_pitches
from orchestrion.composer.features import clock_rows
from orchestrion.composer.guards import Guards
from orchestrion.composer.network import Biaxial
from orchestrion.composer.sampler import Choices, Sampler, State
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.processors import single_threaded_torch, usable_processors
from orchestrion.progress import progress as bar
from orchestrion.progress import waiting
from orchestrion.score import PianoRoll, Score
from orchestrion.score.keys import Key, estimated_sharps, parse_key

ARCHITECTURE = "biaxial-lstm"
DEFAULT_TEMPO = 120.0
DEFAULT_BARS = 8
LONGEST_STEPS = 1_000_000
FIRST_ATTEMPTS = 200
PIECES_AT_ONCE = 8  # on a thread: what they read of the weights is read once

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Composer:
    """A trained biaxial LSTM with what its file says of it (data, licence, metrics, ``defaults`` for ``compose``)."""

    model: Biaxial
    metadata: Mapping[str, object]

    @property
    def config(self) -> ComposerConfig:
        return self.model.config

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Composer:
        """A shipped composer by its name (``melodies`` or ``composer-melodies``) or a weights file.

        Raises:
            OrchestrionError: no such model, or a file that is broken or of another architecture.
        """
        path = shipped.find(name_or_path, "composer", shipped.composers())
        tensors, metadata = weights.load(path, architecture=ARCHITECTURE)
        if "config" not in metadata:
            raise OrchestrionError(f"{path} does not say its config; train it again.")
        config = ComposerConfig.from_dict(metadata["config"])
        model = weights.build(lambda: Biaxial(config), tensors, path)
        return cls(model.eval(), metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights with config and metadata."""
        own = {"architecture": ARCHITECTURE, "config": self.config.to_dict()}
        weights.save(path, self.model.state_dict(), {**self.metadata, **own})

    def default(self, name: str, otherwise: object) -> object:
        """What the file recommends for an argument of ``compose``."""
        defaults = self.metadata.get("defaults")
        return defaults.get(name, otherwise) if isinstance(defaults, dict) else otherwise


def compose(
    model: Composer | str | os.PathLike[str] = "melodies",
    wishes: Composing | None = None,
    *,
    progress: Progress | None = None,
) -> list[Score]:
    """Compose new pieces.

    Without a prime a piece begins on its first beat, without a pickup: its first step is drawn until something sounds.

    Args:
        model: a composer, the name of a shipped one, or a weights file.
        wishes: how many pieces, how long, in which key, …
        progress: called with the number of steps just written; None for a bar of its own.

    Raises:
        OrchestrionError: an unknown model, too many steps, or a prime outside the model's pitches.
    """
    composer = model if isinstance(model, Composer) else Composer.load(model)
    wishes = wishes or Composing()
    prime = wishes.prime if wishes.prime is None or isinstance(wishes.prime, Score) else Score.read(wishes.prime, strict=wishes.strict)
    roll = None if prime is None else PianoRoll.from_score(prime.with_drums_removed(), STEPS_PER_BEAT)
    if roll is not None:
        wishes = replace(wishes, tempo=wishes.tempo or roll.bpm, meter=wishes.meter or roll.meter)
    task = _Task(
        composer=composer,
        sampler=Sampler(composer.model, wishes.storage),
        prime=roll,
        tempo=wishes.tempo or DEFAULT_TEMPO,
        meter=wishes.meter or (4, 4),
        key=None if wishes.key is None else parse_key(wishes.key),
        pitch_range=wishes.pitch_range,
        polyphony=wishes.polyphony or int(str(composer.default("polyphony", 128))),
        conservativity=wishes.conservativity,
        temperature=wishes.temperature,
    )
    n_steps = task.n_steps(wishes.bars, wishes.seconds)
    with torch.no_grad():
        with waiting("Compiling the composer for this processor (once)"):
            task.sampler.compile()
        with bar(wishes.count * (n_steps + task.n_given), "Composing") as advance:
            return _write_all(task, n_steps, wishes, progress or advance)


def _write_all(task: _Task, n_steps: int, wishes: Composing, progress: Progress) -> list[Score]:
    """Pieces 0 .. count, some at a time on every thread; each is the same alone and among others."""
    count, threads = wishes.count, wishes.threads or usable_processors()
    lock = threading.Lock()
    at_once = max(1, min(PIECES_AT_ONCE, -(-count // threads)))

    def report(n: int) -> None:
        with lock:
            progress(n)

    def write(voices: range) -> list[Score]:
        with torch.no_grad():
            return replace(task, sampler=task.sampler.twin(len(voices))).write(n_steps, wishes.seed, voices, report)

    groups = [range(first, min(first + at_once, count)) for first in range(0, count, at_once)]
    with single_threaded_torch():
        if min(threads, len(groups)) == 1:
            return [piece for group in groups for piece in write(group)]
        with ThreadPoolExecutor(min(threads, len(groups))) as pool:
            return [piece for pieces in pool.map(write, groups) for piece in pieces]


@dataclass(frozen=True)
class _Task:
    """One call of ``compose``, checked."""

    composer: Composer
    sampler: Sampler
    prime: PianoRoll | None
    tempo: float
    meter: tuple[int, int]
    key: Key | None
    pitch_range: tuple[int, int] | None
    polyphony: int
    conservativity: float
    temperature: float

    @property
    def steps_per_bar(self) -> int:
        return self.meter[0] * 16 // self.meter[1]

    @property
    def shift(self) -> int:
        """Semitones from the model's key to the asked one (-6 to 5, 0 for models that write in every key).

        Where a prime then lies outside the model's pitches, whole octaves are added that bring it inside.
        """
        shift = (self._signature() + 6) % 12 - 6
        if self.prime is None:
            return shift
        config, sounding = self.composer.config, np.flatnonzero(self.prime.grid[..., 0].any(axis=0))
        for octaves in (0, -12, 12, -24, 24, -36, 36):
            low = config.pitch_low + shift + octaves
            if np.all((sounding >= low) & (sounding < low + config.n_pitches)):
                return shift + octaves
        return shift

    def _signature(self) -> int:
        """Tonic of the major scale to write in."""
        if not self.composer.config.normalises_key:
            return 0
        if self.key is not None:
            return self.key.signature
        return 0 if self.prime is None else estimated_sharps(self.prime.grid[..., 0].sum(axis=0)) * 7 % 12

    @property
    def n_given(self) -> int:
        """Steps of the prime."""
        return len(self._given())

    def n_steps(self, bars: int | None, seconds: float | None) -> int:
        """Length of the new part in steps: whole bars."""
        if seconds is not None:
            bars = max(1, round(seconds * self.tempo * STEPS_PER_BEAT / 60 / self.steps_per_bar))
        bars = DEFAULT_BARS if bars is None else bars
        if not 1 <= bars * self.steps_per_bar <= LONGEST_STEPS:
            raise OrchestrionError(f"A length of {bars} bars is outside 1 to {LONGEST_STEPS // self.steps_per_bar:,}.")
        return bars * self.steps_per_bar

    def write(self, n_steps: int, seed: int, voices: Sequence[int], progress: Progress) -> list[Score]:
        """A piece a voice, the prime first, as many as the sampler writes at once."""
        given = self._given()
        rows = np.zeros((len(voices), len(given) + n_steps, *given.shape[1:]), dtype=np.uint8)
        rows[:, : len(given)] = given
        guards, choices = [Guards(self.steps_per_bar) for _ in voices], self._choices()
        state = self.sampler.initial_state()
        for step, clock in enumerate(self._clock(rows.shape[1])):
            if step < len(given):
                state = self.sampler.force(state, clock, given[step])
            else:
                draw = self._first if step == 0 else self.sampler.draw
                rows[:, step], state = draw(state, clock, [guard.correct(choices) for guard in guards], seed, voices)
                for guard, piece in zip(guards, rows, strict=True):
                    guard.watch(piece[: step + 1])
            progress(len(voices))
        return [self._score(piece, voice) for piece, voice in zip(rows, voices, strict=True)]

    def _first(
        self, state: State, clock: np.ndarray, choices: Sequence[Choices], seed: int, voices: Sequence[int]
    ) -> tuple[np.ndarray, State]:
        """The first step given that something sounds, by drawing until it does (each time from voices of its own)."""
        rows = np.zeros_like(state.previous)
        for attempt in range(FIRST_ATTEMPTS):
            others = [voice + (attempt << 32) for voice in voices]
            drawn, state = self.sampler.draw(self.sampler.initial_state(), clock, choices, seed, others)
            silent = ~rows.any(axis=(1, 2))
            rows[silent] = drawn[silent]
            if rows.any(axis=(1, 2)).all():
                break
        return rows, replace(state, previous=rows)

    def _choices(self) -> Choices:
        config, shift = self.composer.config, self.shift
        allowed = allowed_pitches(config.pitch_low + shift, config.pitch_high + shift, self.key, self.pitch_range)
        return Choices(allowed, self.polyphony, self.conservativity, self.temperature)

    def _clock(self, n_steps: int) -> np.ndarray:
        tonic = None if self.key is None else (self.key.tonic - self.shift) % 12
        return clock_rows(self.composer.config, self.meter, 0, n_steps, n_steps, tonic)

    def _given(self) -> np.ndarray:
        """The prime in the model's key and pitches [s, p, 2] uint8, filled up to a whole bar."""
        config = self.composer.config
        low, high = config.pitch_low + self.shift, config.pitch_high + self.shift
        if self.prime is None:
            return np.zeros((0, config.n_pitches, 2), dtype=np.uint8)
        outside = np.flatnonzero(self.prime.grid[..., 0].any(axis=0))
        outside = outside[(outside < low) | (outside > high)]
        if len(outside):
            raise OrchestrionError(
                f"The score to continue has notes (MIDI {', '.join(map(str, outside[:4]))}) outside the model's "
                f"{low} to {high}; choose a part of it or transpose it."
            )
        grid = self.prime.grid[:, low : high + 1].astype(np.uint8)
        return np.pad(grid, ((0, -len(grid) % self.steps_per_bar), (0, 0), (0, 0)))

    def _score(self, rows: np.ndarray, voice: int) -> Score:
        low = self.composer.config.pitch_low + self.shift
        grid = np.zeros((len(rows), 128, 2), dtype=bool)
        grid[:, low : low + rows.shape[1]] = rows
        name = str(self.composer.default("name", "melody"))
        return PianoRoll(grid, STEPS_PER_BEAT, self.tempo, self.meter).to_score(name=name)
