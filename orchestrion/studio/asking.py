"""What the page asks for, checked: which piece is to be composed, which score to be played, and the command lines for both."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.composer.compose import Composer, compose, steps_of
from orchestrion.ensemble import Mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.options import Composing, Options, Playing
from orchestrion.score import BUILTIN_TUNES, Score
from orchestrion.studio import controls, sounding
from orchestrion.studio.jobs import StudioJob
from orchestrion.studio.scorejson import LONGEST_S, MidiScore, from_json, mapping
from orchestrion.studio.takes import SessionTake, Takes

GIVEN = ("prime", "keep", "melody", "bass")
MOST_PIECES = 16
MOST_BARS = 500
VERSIONS = ("conditioned", "unconditioned", "source", "reference")
CURRENT = "current"


def options_from(kind: type[Options], given: object, **more: object) -> Options:
    """Options from what a form holds: text, numbers, true and false; an empty field is the default.

    Raises:
        OrchestrionError: an option that there is not, or a value that it does not take.
    """
    asked = {name: value for name, value in mapping(given, "a form").items() if value not in (None, "", [])}
    known = {each.name for each in fields(kind)} - controls.UNTOLD[kind] - {*GIVEN, *more}
    for name, value in asked.items():
        if name not in known:
            raise OrchestrionError(f"There is no option {name[:40]!r} here.")
        if not isinstance(value, str | int | float | list) or len(str(value)) > 2_000:
            raise OrchestrionError(f"{name}: this is no value for it.")
    return kind.of(**asked, **more)


@dataclass(frozen=True)
class ComposingRequest:
    """A piece that is to be composed.

    Attributes:
        model: the shipped composer.
        wishes: what is asked of it.
        names: of the scores that it is given, as the command line names them.
        inputs: those of them that are no take of this session.
        base: of the names of its files.
    """

    model: str
    wishes: Composing
    names: Mapping[str, str]
    inputs: Mapping[str, bytes]
    number: int

    @classmethod
    def of(cls, given: object, takes: Takes) -> ComposingRequest:
        """From what the page sent.

        Raises:
            OrchestrionError: something of it cannot be had.
        """
        asked = mapping(given, "a request")
        model = asked.get("model", shipped.DEFAULT_COMPOSER)
        if model not in shipped.composers():
            raise OrchestrionError(f"There is no such composer; choose one of {', '.join(shipped.composers())}.")
        number = takes.number()
        scores: dict[str, Score] = {}
        names: dict[str, str] = {}
        inputs: dict[str, bytes] = {}
        for name, source in mapping(asked.get("sources", {}), "a list of scores").items():
            if name not in GIVEN:
                raise OrchestrionError(f"There is no score to give as {name[:40]!r}.")
            if source == CURRENT:
                midi = MidiScore.of(from_json(asked.get("score")))
                names[name] = f"take-{number}-given.mid"
                inputs[names[name]] = midi.data
                scores[name] = midi.score
            elif source:
                names[name], scores[name] = _named(source, takes)
        wishes = options_from(Composing, asked.get("options", {}), **scores)
        assert isinstance(wishes, Composing)
        _check_size(wishes)
        return cls(str(model), wishes, names, inputs, number)

    def run(self, job: StudioJob, takes: Takes) -> None:
        """Compose, keep what comes, and tell of it."""
        job.tell("preparing", what="Preparing the composer (some seconds, the first time)")
        composer = Composer.load(self.model)
        job.tell("composing", steps=steps_of(composer, self.wishes))

        def report(n: int) -> None:
            job.check()
            job.tell("steps", n=n)

        pieces = compose(composer, self.wishes, progress=report)
        settings = {"model": self.model, **shown(self.wishes), **self.names}
        base = f"take-{self.number}"
        width = len(str(len(pieces)))
        for index, piece in enumerate(pieces, 1):
            name = base if len(pieces) == 1 else f"{base}-{index:0{width}d}"
            take = SessionTake(name, "composed", self._what(), MidiScore.of(piece), self._command(f"{base}.mid"), settings, inputs=self.inputs)
            keep(job, takes, self.number if index == 1 else takes.number(), take)

    def _what(self) -> str:
        doing = {"keep": "bars {fill} written anew", "melody": "a melody harmonised", "bass": "a bass harmonised", "prime": "a score continued"}
        told = next((text for name, text in doing.items() if name in self.names), "a new piece")
        if self.wishes.variations:
            told = f"{self.wishes.variations} variations"
        spans = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in self.wishes.fill)
        return f"{told.format(fill=spans)}, {self.model}, seed {self.wishes.seed}"

    def _command(self, output: str) -> str:
        model = [] if self.model == shipped.DEFAULT_COMPOSER else ["--model", self.model]
        wished = controls.words(replace(self.wishes, count=1), self.names)
        count = [] if self.wishes.count == 1 else ["--count", str(self.wishes.count)]
        return controls.command("compose", *model, *wished, *count, "-o", output)


def _named(source: object, takes: Takes) -> tuple[str, Score]:
    """A take by its number, or a built-in tune by its name: never a path."""
    if isinstance(source, str) and (tune := source.removeprefix("tune:")) in BUILTIN_TUNES and tune != source:
        return tune, BUILTIN_TUNES[tune]
    match = re.fullmatch(r"take:(\d{1,9})", source) if isinstance(source, str) else None
    take = takes.get(int(match[1])) if match else None
    if take is None:
        raise OrchestrionError("That score is not there any more; choose another.")
    return f"{take.name}.mid", take.midi.score


def _check_size(wishes: Composing) -> None:
    if wishes.count > MOST_PIECES:
        raise OrchestrionError(f"The studio composes up to {MOST_PIECES} pieces at a time; the command line composes more.")
    if (wishes.bars or 0) > MOST_BARS or (wishes.seconds or 0) > LONGEST_S or (wishes.variations or 0) > MOST_BARS // 8:
        raise OrchestrionError(f"The studio composes up to {MOST_BARS} bars and {LONGEST_S / 60:g} minutes; the command line composes more.")


@dataclass(frozen=True)
class PlayingRequest:
    """A score that is to be played.

    Attributes:
        players: shipped instruments: one, or one for each pitched part.
        version: one of `VERSIONS`.
    """

    midi: MidiScore
    players: tuple[str, ...]
    options: Playing
    version: str

    @classmethod
    def of(cls, given: object) -> PlayingRequest:
        """From what the page sent.

        Raises:
            OrchestrionError: something of it cannot be had.
        """
        asked = mapping(given, "a request")
        midi = MidiScore.of(from_json(asked.get("score")))
        version, named = asked.get("version", VERSIONS[0]), asked.get("players")
        n_parts = len(split_parts(midi.score))
        if not n_parts:
            raise OrchestrionError("Only drums are there, which no instrument plays.")
        if version not in VERSIONS:
            raise OrchestrionError(f"There is no such version; choose one of {', '.join(VERSIONS)}.")
        if not isinstance(named, list) or len(named) not in (1, n_parts) or not all(isinstance(name, str) for name in named):
            raise OrchestrionError(f"There are {n_parts} parts to play: give one instrument, or one for each.")
        players = tuple(str(name) for name in named)
        if version == "unconditioned":
            free = sounding.without_notes(players[0])
            if free is None:
                raise OrchestrionError("No network ships that was trained without notes.")
            players = (free,)
        for name in players:
            sounding.instrument(name)
        form = dict(mapping(asked.get("options", {}), "a form"))
        if version in ("unconditioned", "reference"):  # they play no parts, so that they have no levels and places
            form = {name: value for name, value in form.items() if name not in ("gains_db", "pans")}
        if version == "reference":  # nothing is drawn
            players, form = players[:1], {name: value for name, value in form.items() if name == "length_s"}
        options = options_from(Playing, form, only_source=version == "source")
        assert isinstance(options, Playing)
        return cls(midi, players, options, str(version))

    def run(self, job: StudioJob, takes: Takes) -> None:
        """Play, keep the take, and tell of it."""
        is_reference = self.version == "reference"
        if is_reference:
            audio: Waveform | Mix = sounding.reference(job, self.midi.score, self.players[0], self.options)
        else:
            audio = sounding.sound(job, self.midi.score, self.players, self.options)
        number = takes.number()
        name = f"take-{number}"
        players = [word for player in self.players for word in ("-i", player)]
        words = [f"{name}.mid", *players, *controls.words(self.options), "-o"]
        # The report's reference.wav, which its folder names.
        line = controls.command("compare", *words, name) if is_reference else controls.command("render", *words, f"{name}.wav")
        settings = {"instruments": list(self.players), "version": self.version, **shown(self.options)}
        what = f"{', '.join(dict.fromkeys(self.players))}{'' if self.version == VERSIONS[0] else f' ({WORDS[self.version]})'}, seed {self.options.seed}"
        lowered_db = audio.lowered_db if isinstance(audio, Mix) else 0.0
        keep(job, takes, number, SessionTake(name, "played", what, self.midi, line, settings, audio), lowered_db=lowered_db)


WORDS = {"unconditioned": "without notes", "source": "source alone", "reference": "reference"}


def keep(job: StudioJob, takes: Takes, number: int, take: SessionTake, **facts: object) -> None:
    """Add a take to the history, and tell of it."""
    gone = takes.add(number, take)
    job.tell("take", gone=gone, **take.facts(number), **facts)


def shown(options: Options) -> dict[str, object]:
    """What is not the default, and the seed, for people."""
    told = {}
    for each in fields(options):
        value = getattr(options, each.name)
        if each.name not in GIVEN and (each.name == "seed" or value != each.default):
            told[each.name] = list(value) if isinstance(value, tuple) else value
    return told
