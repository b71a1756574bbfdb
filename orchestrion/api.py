"""What one does with Orchestrion, each in one call; the command line is a thin layer over these functions.

    >>> import orchestrion
    >>> tune = orchestrion.compose(bars=8, seed=7)                         # doctest: +SKIP
    >>> orchestrion.render(tune, instrument="violin").write("tune.wav")    # doctest: +SKIP
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrion.bridge import Score, Waveform, pitch_name
from orchestrion.ensemble import Mix, mix, split_parts
from orchestrion.errors import OrchestrionError
from orchestrion.progress import Advance, progress
from orchestrion.renderer.instrument import TAIL_S, Instrument
from orchestrion.renderer.sampler import generate

Source = Score | str | os.PathLike[str]
Player = Instrument | str | os.PathLike[str]

# Takes use voices this far apart, so that no part of an ensemble ever shares its random numbers with another take.
VOICES_A_TAKE = 1_000
# Enough for two processors at the samplers' best; more would only take memory.
VOICES_TOGETHER = 48


@dataclass(frozen=True)
class Performance:
    """A score and how it sounded; ``facts`` is JSON-able: instruments with checksums, length, rate."""

    score: Score
    audio: Waveform | Mix
    facts: dict[str, Any]

    def draw(self, path: str | os.PathLike[str]) -> None:
        """Write a PNG: the notes above, the spectrogram of the audio below."""
        from orchestrion.evaluation.figures import draw_performance

        draw_performance(path, self.score, self.audio.to_mono() if isinstance(self.audio, Mix) else self.audio)


def compose(model: str | os.PathLike[str] = "melodies", *, count: int = 1, **options: Any) -> Score | list[Score]:
    """Compose a new piece, or a list of them where ``count`` is above 1.

    The options are those of `orchestrion.composer.compose.compose`: bars, seconds, tempo, meter, key, pitch_range,
    polyphony, prime, temperature, conservativity, seed.

    Raises:
        OrchestrionError: no such model, or what is asked is impossible.
    """
    from orchestrion.composer.compose import compose as write

    pieces = write(model, count=count, **options)
    return pieces[0] if count == 1 else pieces


def render(score: Source, instrument: Player | Sequence[Player] = "piano", **options: Any) -> Waveform:
    """Play ``score`` on one instrument, or each of its parts on its own instrument where a list is given.

    Args:
        score: a score, a file, or the name of a built-in tune.
        instrument: shipped names, weights files or loaded instruments.
        options: seed, temperature, gains_db, threads; see `play_all`.

    Raises:
        OrchestrionError: no such score or instrument, or nothing to play.
    """
    players = [instrument] if isinstance(instrument, Instrument | str | os.PathLike) else list(instrument)
    audio = play(as_score(score), players, **options).audio
    return audio.to_mono() if isinstance(audio, Mix) else audio


def perform(instrument: Player = "piano", *, seed: int = 0, **composing: Any) -> Performance:
    """Compose a piece (see `compose`) and play it.

    Raises:
        OrchestrionError: as `compose` and `render`.
    """
    score = compose(seed=seed, **composing)
    if not isinstance(score, Score):
        raise OrchestrionError("Perform one piece at a time; leave out count.")
    return play(score, [instrument], seed=seed)


def compare(
    score: Source, instrument: Player, folder: str | os.PathLike[str], *, seed: int = 0, temperature: float | None = None
) -> dict[str, Any]:
    """Render with and without the notes, measure which follows them, and write the report into an existing folder.

    Returns:
        What stands in ``report.json``; see `orchestrion.evaluation.report.compare`.

    Raises:
        OrchestrionError: as `render`, or the folder cannot be written.
    """
    from orchestrion.evaluation.report import compare as report

    player = Instrument.load(instrument)

    def render_with(seed_player: Instrument) -> Any:
        return lambda piece, *, seed: play(piece, [seed_player], seed=seed, temperature=temperature).audio

    return report(as_score(score), player.name, render=render_with(player), out_dir=folder, seed=seed)


def play(score: Score, players: Sequence[Player], *, take: int = 0, **options: Any) -> Performance:
    """One take of one score; see `play_all`."""
    (performance,) = play_all([(score, take)], players, **options)
    return performance


def play_all(
    takes: Sequence[tuple[Score, int]],
    players: Sequence[Player],
    *,
    seed: int = 0,
    temperature: float | None = None,
    gains_db: Sequence[float] = (),
    pans: Sequence[float] = (),
    threads: int | None = None,
) -> Iterator[Performance]:
    """Play scores: all of each on one player, or part by part on as many players as each has parts.

    Voices are computed side by side, some dozens at a time, and each is the same as if it were computed alone.

    Args:
        takes: scores, each with the number of the take; same score, take and seed, same audio.
        temperature: divides the logits; None for each instrument's own.
        gains_db: of an ensemble's parts, in dB, one each; none for all 0.
        pans: of an ensemble's parts, -1 left to 1 right, one each; with them the audio is stereo.
        threads: processor threads; None for all.

    Raises:
        OrchestrionError: not one player for each part, a broken instrument, or nothing to play.
    """
    instruments = [Instrument.load(player) for player in players]
    plans = [_Plan.make(score, take, instruments) for score, take in takes]
    n_together = max(1, VOICES_TOGETHER // len(instruments))
    total_s = sum(plan.score.duration_s + TAIL_S for plan in plans) * len(instruments)
    with progress(total_s, f"Playing {', '.join(dict.fromkeys(i.name for i in instruments))}") as advance:
        for start in range(0, len(plans), n_together):
            together = plans[start : start + n_together]
            columns = [
                _generate(i, instrument, together, seed=seed, temperature=temperature, threads=threads, advance=advance)
                for i, instrument in enumerate(instruments)
            ]
            for plan, tracks in zip(together, zip(*columns, strict=True), strict=True):
                audio = mix(tracks, gains_db, pans) if len(tracks) > 1 or gains_db or pans else tracks[0]
                yield Performance(plan.score, audio, _facts(instruments, audio))


@dataclass(frozen=True)
class _Plan:
    """One take of a score, and what each instrument plays in it."""

    score: Score
    take: int
    parts: Sequence[Score]

    @classmethod
    def make(cls, score: Score, take: int, instruments: Sequence[Instrument]) -> _Plan:
        parts = split_parts(score) if len(instruments) > 1 else [score]
        if len(parts) != len(instruments):
            names = ", ".join(repr(part.parts[0].name) for part in parts)
            raise OrchestrionError(
                f"There are {len(instruments)} instruments but {len(parts)} parts ({names}); give one instrument for each."
            )
        if take == 0:
            for instrument, part in zip(instruments, parts, strict=True):
                _warn_of_range(instrument, part)
        return cls(score, take, parts)


def _generate(
    index: int,
    instrument: Instrument,
    plans: Sequence[_Plan],
    *,
    seed: int,
    temperature: float | None,
    threads: int | None,
    advance: Advance,
) -> list[Waveform]:
    """What player number ``index`` plays in each of ``plans``."""
    rate = instrument.config.sample_rate
    samples = generate(
        instrument.model,
        [instrument.series(plan.parts[index], duration_s=plan.score.duration_s) for plan in plans],
        seed=seed,
        temperature=instrument.temperature if temperature is None else temperature,
        voices=[plan.take * VOICES_A_TAKE + index for plan in plans],
        threads=threads,
        progress=lambda n=1: advance(n / rate),
    )
    return [instrument.waveform(s, title=plan.score.title, seed=seed) for s, plan in zip(samples, plans, strict=True)]


def as_score(source: Source) -> Score:
    """``source`` itself, or what `Score.read` makes of it."""
    return source if isinstance(source, Score) else Score.read(source)


def _warn_of_range(instrument: Instrument, score: Score) -> None:
    outside = instrument.outside_range(score)
    if outside:
        low, high = (pitch_name(pitch) for pitch in instrument.pitch_range)
        names = ", ".join(pitch_name(pitch) for pitch in outside)
        warnings.warn(
            f"{instrument.name} has learnt {low} to {high}; it will guess at {names}. Try --transpose.", stacklevel=3
        )


def _facts(instruments: Sequence[Instrument], audio: Waveform | Mix) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "instruments": [{"name": instrument.name, "sha256": instrument.checksum} for instrument in instruments],
        "sample_rate": audio.sample_rate,
        "duration_s": round(audio.duration_s, 6),
    }
    if isinstance(audio, Mix):
        facts["turned_down_db"] = round(audio.lowered_db, 3)
    return facts
