"""Scores played while they are heard: blocks of audio on the way to the page, and at the end what the command line writes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from orchestrion import shipped
from orchestrion.audio import Waveform
from orchestrion.ensemble import Mix, gains_of, mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.playing import as_wished, blocks_of, check_parts, check_sources, compile_player, is_parallel
from orchestrion.renderer.device import choose
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.sourceplayer import source_blocks
from orchestrion.renderer.span import Span
from orchestrion.score import Score, pitch_name
from orchestrion.studio.jobs import StudioJob
from orchestrion.studio.takes import SessionTake

HEARD_RATE = 24_000  # of what the page hears; files have their instruments' own
PAUSE_S = 0.2  # between looks at whether anybody still listens, while pieces are played that give no block yet
WITHOUT_NOTES = "-unconditioned"


@lru_cache(maxsize=4)
def instrument(name: str) -> Instrument:
    """A shipped instrument, by its name only: what a request says is never taken for a path.

    Raises:
        OrchestrionError: none of that name ships.
    """
    if name not in shipped.instruments():
        raise OrchestrionError(f"There is no instrument {name[:40]!r}; choose one of {', '.join(shipped.instruments())}.")
    return Instrument.load(name)


def heard(take: SessionTake) -> np.ndarray:
    """The audio of a take, float32 [t, channels], at the rate of the page."""
    import soxr

    assert take.audio is not None
    samples: np.ndarray = soxr.resample(take.samples(), take.audio.sample_rate, HEARD_RATE, quality="HQ")
    return samples


def without_notes(name: str) -> str | None:
    """The shipped network that was trained without notes: the one of that instrument, else the one for all."""
    candidates = (f"{name}{WITHOUT_NOTES}", f"wavenet{WITHOUT_NOTES}")
    return next((one for one in candidates if one in shipped.instruments()), None)


def sound(job: StudioJob, score: Score, players: Sequence[str], options: Playing) -> Waveform | Mix:
    """Play ``score`` on one player, or each pitched part on its own, telling ``job`` of every block; as `playing.play`.

    Raises:
        OrchestrionError: as `playing.play`, or an instrument that does not ship.
        JobCancelledError: nobody listens any more.
    """
    job.tell("preparing", what=f"Loading {', '.join(dict.fromkeys(players))}")
    instruments = [as_wished(instrument(name), options) for name in players]
    span = Span.of(score, options)
    if options.only_source:
        check_sources(instruments)
    options = replace(
        options,
        device=choose(options.device, [player.config for player in instruments], options.storage),
        parallel=is_parallel(span.score, instruments, options.parallel),
    )
    parts = split_parts(span.whole) if len(instruments) > 1 else [span.whole]
    if len(instruments) > 1:
        check_parts(parts, instruments)
    if not options.only_source:
        job.tell("preparing", what="Preparing the player (some seconds, the first time)")
        compile_player(options.storage, options.device, instruments)
    for note in _remarks(instruments, parts):
        job.tell("remark", message=note)
    is_mixed = len(instruments) > 1 or bool(options.gains_db or options.pans)
    desk = _Desk(job, span, instruments, options, is_mixed)
    tracks = desk.play([_track(span, each, part, index, options) for index, (each, part) in enumerate(zip(instruments, parts, strict=True))])
    waves = [each.waveform(track, title=span.score.title, seed=options.seed) for each, track in zip(instruments, tracks, strict=True)]
    return mix(waves, options.gains_db, options.pans) if is_mixed else waves[0]


def reference(job: StudioJob, score: Score, name: str, options: Playing) -> Waveform:
    """The same notes by FluidSynth, or by additive synthesis where it is not installed: as long as the instrument ``name`` plays.

    Raises:
        OrchestrionError: nothing is left to play.
    """
    from orchestrion.evaluation.judge.reference import reference_performance

    player, span = instrument(name), Span.of(score, options)
    program = player.metadata.get("program")
    audio, maker = reference_performance(score, program if isinstance(program, int) else None)
    job.check()
    audio = audio.resample(player.config.sample_rate)
    n = span.n_samples(player)
    audio = replace(audio, samples=np.pad(audio.samples[:n], (0, max(0, n - len(audio.samples)))))
    sent = audio.resample(HEARD_RATE).samples
    job.tell("playing", rate=HEARD_RATE, channels=1, samples=len(sent), instruments=[maker])
    job.hear(sent)
    return audio


def _remarks(instruments: Sequence[Instrument], parts: Sequence[Score]) -> Iterator[str]:
    """What must be said of the weights, and of notes that they have not learnt."""
    for each, part in zip(instruments, parts, strict=True):
        if each.notice:
            yield f"{each.name}: {each.notice}"
        outside = each.outside_range(part) if each.config.conditioned else ()
        if outside:
            low, high = (pitch_name(pitch) for pitch in each.pitch_range)
            yield f"{each.name} has learnt {low} to {high}; it guesses at {', '.join(map(pitch_name, outside))}."


def _track(span: Span, player: Instrument, part: Score, index: int, options: Playing) -> Iterator[np.ndarray]:
    """What one player plays, in blocks; empty ones come while longer blocks are made."""
    if options.only_source and player.source is not None:
        return span.ended(source_blocks(span.series(player, span.cut(part)), player.source), player.config.sample_rate)
    with warnings.catch_warnings():  # told to the page, see `_remarks`
        warnings.simplefilter("ignore", UserWarning)
        stream = blocks_of(span.whole, player, options, part=part, player=index)
    stream.pause_s = PAUSE_S
    return span.ended(stream, player.config.sample_rate)


@dataclass
class _Desk:
    """Mixes tracks as they come, as far as all of them are."""

    job: StudioJob
    span: Span
    instruments: Sequence[Instrument]
    options: Playing
    is_mixed: bool

    def play(self, tracks: Sequence[Iterator[np.ndarray]]) -> list[np.ndarray]:
        """All of each track; what can be mixed is sent on the way."""
        rates = [player.config.sample_rate for player in self.instruments]
        rate, channels = HEARD_RATE, 2 if self.options.pans else 1
        n_samples = max(round(self.span.n_samples(player) * rate / player.config.sample_rate) for player in self.instruments)
        self.job.tell("playing", rate=rate, channels=channels, samples=n_samples, instruments=[player.name for player in self.instruments])
        heard = [_Heard(track, _resampler(own, rate)) for track, own in zip(tracks, rates, strict=True)]
        done = 0
        while not all(one.is_done for one in heard):
            self.job.check()
            min((one for one in heard if not one.is_done), key=lambda one: one.n_ready).pull()
            ready = min((one.n_ready for one in heard if not one.is_done), default=max(one.n_ready for one in heard))
            if ready > done:
                self.job.hear(self._sum([one.take(done, ready) for one in heard]))
                done = ready
        return [np.concatenate(one.blocks) for one in heard]

    def _sum(self, pieces: Sequence[np.ndarray]) -> np.ndarray:
        if not self.is_mixed:
            return pieces[0]
        # As `mix` makes it, but for what that turns down at the end, which the page is told then.
        gains = gains_of(len(pieces), self.options.gains_db, self.options.pans)
        total = sum(piece[:, None] * channels for piece, channels in zip(pieces, gains, strict=True))
        return np.asarray(total, np.float32)


class _Heard:
    """A track that is pulled block by block, at the rate of the mix as soon as it comes."""

    def __init__(self, track: Iterator[np.ndarray], resample: Callable[[np.ndarray, bool], np.ndarray]):
        self._track, self._resample = track, resample
        self.blocks: list[np.ndarray] = []
        self._ready: list[np.ndarray] = []
        self.n_ready = 0
        self._n_taken = 0
        self.is_done = False

    def pull(self) -> None:
        block = next(self._track, None)
        if block is None:
            self.is_done = True
            self._add(self._resample(np.empty(0, np.float32), True))
        elif len(block):
            self.blocks.append(block)
            self._add(self._resample(block, False))

    def take(self, first: int, last: int) -> np.ndarray:
        """Samples ``first`` to ``last``, which follow those taken before; silence after the end."""
        assert first == self._n_taken
        ready = np.concatenate(self._ready) if self._ready else np.empty(0, np.float32)
        taken, left = ready[: last - first], ready[last - first :]
        self._ready, self._n_taken = [left], last
        return np.pad(taken, (0, last - first - len(taken)))

    def _add(self, samples: np.ndarray) -> None:
        if len(samples):
            self._ready.append(samples)
            self.n_ready += len(samples)


def _resampler(own: int, wanted: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    if own == wanted:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(own, wanted, 1, dtype="float32", quality="HQ")
    return lambda block, last: np.asarray(stream.resample_chunk(np.ascontiguousarray(block, np.float32), last=last))
