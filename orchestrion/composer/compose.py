"""Composing: a trained composer and what is asked of it → scores.

prime, tune with gaps, melody ─▶ given notes in the model's key ─▶ `writing` ─▶ back to the asked key ─▶ Score
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import torch

from orchestrion import shipped, weights
from orchestrion.composer import form, voices, writing
from orchestrion.composer.config import FORM_CLOCK, STEPS_PER_BEAT, ComposerConfig
from orchestrion.composer.controls import allowed_by_chords, allowed_pitches
from orchestrion.composer.expression import expressed
from orchestrion.composer.lengths import all_known, n_new_steps, pickup_steps, whole_bars
from orchestrion.composer.material import Material, to_be_filled, to_be_harmonised
from orchestrion.composer.network import Biaxial
from orchestrion.composer.population import Sheet
from orchestrion.composer.recall import Recall
from orchestrion.composer.sampler import Choices, Sampler
from orchestrion.composer.steps import OnSteps
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing
from orchestrion.processors import single_threaded_torch, usable_processors
from orchestrion.progress import progress as bar
from orchestrion.progress import waiting
from orchestrion.quantised import restored
from orchestrion.score import Meter, PianoRoll, Score
from orchestrion.score.chords import parse_chords
from orchestrion.score.keys import MAJOR, Key, estimated_sharps, parse_key

ARCHITECTURE = "biaxial-lstm"
DEFAULT_TEMPO = 120.0
PIECES_AT_ONCE = 8  # on a thread: what they read of the weights is read once
PARTICLES, PARTICLES_OF_A_FORM = 16, 8

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
        stated = metadata.get("config")
        if not isinstance(stated, dict):
            raise OrchestrionError(f"{path} does not say its config; train it again.")
        config = ComposerConfig.from_dict(stated)
        model = weights.build(lambda: Biaxial(config), restored(tensors, path), path)
        return cls(model.eval(), metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write weights with config and metadata."""
        own = {"architecture": ARCHITECTURE, "config": self.config.to_dict()}
        weights.save(path, self.model.state_dict(), {**self.metadata, **own})

    def default(self, name: str, otherwise: object) -> object:
        """What the file recommends for an argument of ``compose``."""
        defaults = self.metadata.get("defaults")
        return defaults.get(name, otherwise) if isinstance(defaults, dict) else otherwise

    @property
    def ensemble(self) -> voices.FourParts:
        """Who plays what it writes in four parts.

        Raises:
            OrchestrionError: the file names another than `voices.ENSEMBLES`.
        """
        name = str(self.default("ensemble", voices.CHOIR.name))
        if name not in voices.ENSEMBLES:
            raise OrchestrionError(f"This composer writes for an unknown ensemble, {name[:60]!r}; known are {', '.join(voices.ENSEMBLES)}.")
        return voices.ENSEMBLES[name]


def compose(
    model: Composer | str | os.PathLike[str] = "melodies",
    wishes: Composing | None = None,
    *,
    checked: Callable[[], object] | None = None,
    progress: Progress | None = None,
) -> list[Score]:
    """Compose new pieces, continue one, fill gaps in one, or harmonise a melody.

    Without given notes a piece begins on its first beat, without a pickup: its first step is drawn until something sounds.

    Args:
        model: a composer, the name of a shipped one, or a weights file.
        wishes: how many pieces, how long, in which key, …
        checked: called when nothing is wrong, before anything is written.
        progress: called with the number of steps just written; None for a bar of its own.

    Raises:
        OrchestrionError: an unknown model, too many steps, a prime outside the model's pitches, bars that are not there, or
            wishes that contradict each other.
    """
    composer = model if isinstance(model, Composer) else Composer.load(model)
    task = _Task.of(composer, wishes or Composing())
    if checked is not None:
        checked()
    with torch.no_grad():
        with waiting("Compiling the composer for this processor (once)"):
            task.sampler.compile()
        with bar(task.wishes.count * task.n_steps, "Composing") as advance:
            return _write_all(task, progress or advance)


def steps_of(model: Composer, wishes: Composing) -> int:
    """How many steps `compose` will report.

    Raises:
        OrchestrionError: as `compose`.
    """
    return _Task.of(model, wishes).n_steps * wishes.count


def _write_all(task: _Task, progress: Progress) -> list[Score]:
    """Pieces 0 .. count, some at a time on every thread; each is the same alone and among others."""
    count, threads = task.wishes.count, task.wishes.threads or usable_processors()
    lock = threading.Lock()
    at_once = 1 if task.particles > 1 else max(1, min(PIECES_AT_ONCE, -(-count // threads)))

    def report(n: int) -> None:
        with lock:
            progress(n)

    def write(pieces: range) -> list[Score]:
        with torch.no_grad():
            return task.write(pieces, report)

    groups = [range(first, min(first + at_once, count)) for first in range(0, count, at_once)]
    with single_threaded_torch():
        if min(threads, len(groups)) == 1:
            return [piece for group in groups for piece in write(group)]
        with ThreadPoolExecutor(min(threads, len(groups))) as pool:
            return [piece for pieces in pool.map(write, groups) for piece in pieces]


@dataclass(frozen=True)
class _Task(OnSteps):
    """One call of ``compose``, checked.

    ``given``: (known, sounding, articulated) [s, 128, 3] of whole bars, the last ``n_new`` steps new; ``upbeat``: a prime's pickup before them.
    """

    composer: Composer
    sampler: Sampler
    wishes: Composing
    upbeat: np.ndarray
    given: np.ndarray
    material: Material | None
    n_new: int
    tempo: float
    meter: tuple[int, int]
    key: Key | None

    @classmethod
    def of(cls, composer: Composer, wishes: Composing) -> _Task:
        """Reads the scores that are named and checks that all can be had."""
        material = _material(wishes)
        prime = None if wishes.prime is None else _read(wishes.prime, wishes).with_drums_removed()
        source = material.roll if material else None if prime is None else PianoRoll.from_score(prime, STEPS_PER_BEAT)
        meter = wishes.meter or (source.meter if source is not None else (4, 4))
        tempo = wishes.tempo or (source.bpm if source is not None else DEFAULT_TEMPO)
        known = material.known if material else all_known(source)
        pickup = 0 if prime is None else pickup_steps(prime, meter)
        begun = whole_bars(known[pickup:], meter)
        n_new = 0 if material else n_new_steps(wishes, tempo, meter, len(begun))
        given = np.pad(begun, ((0, n_new), (0, 0), (0, 0)))
        key = None if wishes.key is None else parse_key(wishes.key)
        task = cls(composer, Sampler(composer.model, wishes.storage), wishes, known[:pickup], given, material, n_new, tempo, meter, key)
        task.check()
        return task

    @property
    def particles(self) -> int:
        """How many versions of a piece are written side by side: one where nothing can be weighed."""
        if self.material is not None or self.wishes.variations:
            return PARTICLES
        return 1 if self._form() == form.FREE else PARTICLES_OF_A_FORM

    @property
    def parts(self) -> int:
        """Parts that the piece is written in; 1 for a melody."""
        return int(str(self.composer.default("voices", min(self.polyphony, 4))))

    @property
    def polyphony(self) -> int:
        """Most notes at once."""
        return self.wishes.polyphony or int(str(self.composer.default("polyphony", 128)))

    @property
    def low(self) -> int:
        """The lowest pitch that the network writes, in the asked key."""
        return self.composer.config.pitch_low + self.shift

    @property
    def shift(self) -> int:
        """Semitones from the model's key to the asked one (-6 to 5, 0 for models that write in every key).

        Where given notes then lie outside the model's pitches, whole octaves are added that bring them inside.
        """
        shift = (self._signature() + 6) % 12 - 6
        sounding = np.flatnonzero(self._sounding.any(axis=0))
        for octaves in (0, -12, 12, -24, 24, -36, 36):
            low = self.composer.config.pitch_low + shift + octaves
            if np.all((sounding >= low) & (sounding < low + self.composer.config.n_pitches)):
                return shift + octaves
        return shift

    @property
    def _sounding(self) -> np.ndarray:
        return np.concatenate([self.upbeat, self.given])[..., 1]

    def check(self) -> None:
        """Raise an `OrchestrionError` where the wishes cannot be had."""
        if (self.wishes.pickup or 0) >= self.bar_steps:
            raise OrchestrionError(f"A pickup of {self.wishes.pickup} sixteenths is a bar or longer; a bar has {self.bar_steps}.")
        self._choices()
        outside = np.flatnonzero(self._sounding.any(axis=0))
        low, high = self.low, self.low + self.composer.config.n_pitches - 1
        inside = (outside >= low) & (outside <= high)
        if not inside.all() and (self.material is None or not inside.any()):
            raise OrchestrionError(
                f"The given score has notes (MIDI {', '.join(map(str, outside[~inside][:4]))}) outside the model's "
                f"{low} to {high}; choose a part of it or transpose it."
            )
        if self.material and self.material.roles and self.parts < 2:
            raise OrchestrionError("This composer writes one part; harmonise with one that writes several, such as chorales.")
        if self.wishes.chords:
            parse_chords(self.wishes.chords)
        self._plan(0)

    def write(self, pieces: Sequence[int], report: Progress) -> list[Score]:
        """The pieces of these numbers."""
        together = self.particles > 1
        seats = [pieces[0] * self.particles + i for i in range(self.particles)] if together else list(pieces)
        sampler = self.sampler.twin(len(seats))
        sheet = self._sheet(pieces[0])
        rows = writing.write(sampler, sheet, self.wishes.seed, seats, together=together, report=report)
        pickup = self._pickup(pieces[0]) or 0
        return [self._score(piece[self.bar_steps - pickup if sheet.has_lead else 0 :], pickup) for piece in rows]

    def _sheet(self, piece: int) -> Sheet:
        """What is known of a piece, in the model's pitches; before a new one stands a bar that is silent but for a pickup."""
        own = slice(self.low, self.low + self.composer.config.n_pitches)
        given = np.ascontiguousarray(self.given[:, own])
        pickup, plan, allowed = self._pickup(piece), self._plan(piece), self._allowed_by_chords()
        if pickup is not None:
            lead = np.zeros_like(given, shape=(self.bar_steps, *given.shape[1:]))
            lead[: self.bar_steps - pickup, :, 0] = 1
            lead[self.bar_steps - len(self.upbeat) :] = self.upbeat[:, own]
            given, plan = np.concatenate([lead, given]), plan.after(1)
            allowed = None if allowed is None else np.concatenate([allowed[-self.bar_steps :], allowed])
        tonic = self._tonic(np.random.default_rng([self.wishes.seed, piece, 1]))
        return Sheet(
            self.meter, given, self._choices(), plan, allowed, self._ahead(given), tonic, tonic,
            self.parts, self.composer.ensemble if self.parts == voices.N_PARTS == self.polyphony else None, self.shift,
            self.wishes.density, pickup is not None,
            self._recall(given),
        )  # fmt: skip

    def _pickup(self, piece: int) -> int | None:
        """Sixteenths of the bar before a piece in which something may sound; None where there is no such bar.

        The bar tells a network that has learnt pieces with pickups the meter, which it cannot know at the first step of a piece.
        """
        if len(self.upbeat):
            return len(self.upbeat)
        learnt = self.composer.default("pickups", None)
        new = len(self.given) == self.n_new
        if not new or not (isinstance(learnt, dict) or self.wishes.pickup):
            return None
        if self.wishes.pickup is not None or self._form() != form.AUTO or self.wishes.seconds is not None:
            return self.wishes.pickup or 0
        counts = form.checked_pickups(learnt, self.meter)
        return int(np.random.default_rng([self.wishes.seed, piece, 2]).choice(len(counts), p=counts / counts.sum()))

    def _form(self) -> str:
        has_plans, begun = bool(self.composer.default("plans", None)), len(self.given) > self.n_new
        return self.wishes.form or (form.AUTO if has_plans and not begun and not self.wishes.chords else form.FREE)

    def _plan(self, piece: int) -> form.Plan:
        """Given bars are said nothing of; new ones follow the form, or vary the prime."""
        rng, n_bars = np.random.default_rng([self.wishes.seed, piece]), self.n_new // self.bar_steps
        n_begun = -(-(self.n_steps - self.n_new) // self.bar_steps)
        if self.wishes.variations:
            return form.variations(n_begun, self.wishes.variations)
        match self._form():
            case "free":
                plan = form.untold(n_bars)
            case "auto":
                plan = form.drawn_plan(form.checked_plans(self.composer.default("plans", None)), n_bars, rng)
            case named:
                plan = form.plan_of_sections(named, n_bars, rng)
        return plan.after(n_begun)

    def _tonic(self, rng: np.random.Generator) -> int | None:
        """Pitch class of the final in the model's key: the key's, or drawn as often as pieces of the corpus end on each."""
        if self.key is not None:
            return (self.key.tonic - self.shift) % 12
        finals = self.composer.default("finals", None)
        if not isinstance(finals, list) or len(finals) != 12 or len(self.given) > self.n_new or self.wishes.chords:
            return None
        weights = np.array(finals, dtype=float) * (np.array(finals) > 0.05 * sum(finals))
        return int(rng.choice(12, p=weights / weights.sum()))

    def _signature(self) -> int:
        """Tonic of the major scale to write in."""
        if not self.composer.config.normalises_key:
            return 0
        if self.key is not None:
            return self.key.signature
        if self._sounding.any():
            return estimated_sharps(self._sounding.sum(axis=0)) * 7 % 12
        if self.wishes.chords:
            counts = np.zeros(128)
            for chord in (chord for bar in parse_chords(self.wishes.chords) for chord in bar):
                counts[list(chord)] += 1
            return estimated_sharps(counts) * 7 % 12
        return 0

    def _choices(self) -> Choices:
        key = None if self.wishes.chords else self.key
        allowed = allowed_pitches(self.low, self.low + self.composer.config.n_pitches - 1, key, self.wishes.pitch_range)
        return Choices(allowed, self.polyphony, self.wishes.conservativity, self.wishes.temperature)

    def _allowed_by_chords(self) -> np.ndarray | None:
        if not self.wishes.chords:
            return None
        chords = parse_chords(self.wishes.chords)
        scale = self.key.classes if self.key is not None else frozenset((self._signature() + step) % 12 for step in MAJOR)
        beat = 6 if self.meter[1] == 8 and self.meter[0] % 3 == 0 else max(1, 16 // self.meter[1])
        high = self.low + self.composer.config.n_pitches - 1
        rows = allowed_by_chords(chords, self.n_steps, self.bar_steps, beat, scale, self.low, high)
        result: np.ndarray | None = rows * self._choices().allowed
        return result

    def _ahead(self, given: np.ndarray) -> np.ndarray | None:
        """What the backward axis makes of the given notes, where some are given after the first that is not."""
        known = given[..., 0] > 0
        if not self.composer.config.foresight or not known[int(np.argmin(known.all(axis=1))) :].any() or known.all():
            return None
        return self.composer.model.look_ahead(torch.from_numpy(given.astype(np.float32))[None])[0].numpy()

    def _recall(self, given: np.ndarray) -> Recall | None:
        """Bars after a gap that its bars may repeat, for a network that knows plans."""
        plans = self.composer.default("plans", None)
        if self.material is None or self.composer.config.clock != FORM_CLOCK or plans is None:
            return None
        return Recall.of(given, self.bar_steps, form.checked_plans(plans))

    def _score(self, rows: np.ndarray, pickup: int) -> Score:
        name = str(self.composer.default("name", "melody"))
        if self.material is not None:
            return self.material.completed(rows, self.low, name, self.composer.ensemble)
        grid = np.zeros((len(rows), 128, 2), dtype=bool)
        grid[:, self.low : self.low + rows.shape[1]] = rows
        score = PianoRoll(grid, STEPS_PER_BEAT, self.tempo, self.meter).to_score(name=name)
        step_s = 60.0 / (self.tempo * STEPS_PER_BEAT)
        if self.parts == voices.N_PARTS:
            score = replace(score, parts=voices.parts_of(rows, self.low, step_s, self.composer.ensemble))
        if pickup:
            upbeat = Fraction(pickup, 16)
            score = replace(score, meters=(Meter(0.0, *upbeat.as_integer_ratio()), Meter(pickup * step_s, *self.meter)))
        return expressed(score, self.wishes.expression)


def _material(wishes: Composing) -> Material | None:
    """Bars to be filled, or lines to be harmonised; None for a new piece."""
    if wishes.keep is not None:
        return to_be_filled(_read(wishes.keep, wishes), wishes.fill)
    melody, bass = (None if line is None else _read(line, wishes) for line in (wishes.melody, wishes.bass))
    return None if melody is None and bass is None else to_be_harmonised(melody, bass)


def _read(source: Score | str | os.PathLike[str], wishes: Composing) -> Score:
    return source if isinstance(source, Score) else Score.read(source, strict=wishes.strict)
