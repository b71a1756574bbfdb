"""What one does with a score: arrange, play and stream it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Unpack, overload

import numpy as np

from orchestrion import shipped
from orchestrion.api.keywords import EnsembleKeywords, Number, PartKeywords, Source, Whole, as_score, spelled_out
from orchestrion.arranging import arranged
from orchestrion.audio import Waveform
from orchestrion.casting import players_of
from orchestrion.ensemble import Mix
from orchestrion.options import Arranging, Playing
from orchestrion.playing import Performance, Player, as_wished, blocks_of, play_all
from orchestrion.progress import Advance
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.span import Span
from orchestrion.score import Score

Sources = Sequence[Score] | Sequence[os.PathLike[str]] | list[str] | tuple[str, ...] | list[Source]
Players = Player | Sequence[Player]


def arrange(
    score: Source,
    *,
    part: int | str | None = None,
    transpose: Whole = 0,
    tempo: Number | None = None,
    speed: Number | None = None,
    start: Number = 0.0,
    end: Number | None = None,
    strict: bool = False,
) -> Score:
    """A score as it is to be played, by the wishes of `orchestrion.options.Arranging`.

    Raises:
        OrchestrionError: no such score or part, or nothing is left to play.
    """
    wishes = Arranging.of(part=part, transpose=transpose, tempo=tempo, speed=speed, start=start, end=end, strict=strict)
    return arranged(score, wishes)


@overload
def render(
    score: Source, instrument: Players | None = ..., *, take: int = ..., advance: Advance | None = ..., **options: Unpack[EnsembleKeywords]
) -> Waveform: ...  # fmt: skip
@overload
def render(
    score: Sources, instrument: Players | None = ..., *, take: int = ..., advance: Advance | None = ..., **options: Unpack[EnsembleKeywords]
) -> list[Waveform]: ...  # fmt: skip
@overload
def render(
    score: Source, instrument: Players | None = ..., *, pans: Sequence[Number], take: int = ..., advance: Advance | None = ...,
    **options: Unpack[EnsembleKeywords],
) -> Mix: ...  # fmt: skip
@overload
def render(
    score: Sources, instrument: Players | None = ..., *, pans: Sequence[Number], take: int = ..., advance: Advance | None = ...,
    **options: Unpack[EnsembleKeywords],
) -> list[Mix]: ...  # fmt: skip
@spelled_out(Playing, EnsembleKeywords)
def render(
    score: Source | Sources,
    instrument: Players | None = None,
    *,
    pans: Sequence[Number] = (),
    take: int = 0,
    advance: Advance | None = None,
    **options: Unpack[EnsembleKeywords],
) -> Waveform | Mix | list[Waveform] | list[Mix]:
    """Play a score, or each of a list of scores, by the options of `orchestrion.options.Playing`.

    Args:
        score: a score, a file, or the name of a built-in tune; `arrange` chooses parts, transposes and cuts. Or a list of them.
        instrument: a shipped name, a weights file or a loaded instrument; a list of them, one for each part; or "violin=Melody",
            "piano=rest" and their like. None: each part is played by the shipped instrument that its MIDI program or name asks for.
        pans: of the parts, -1 left to 1 right, one each; the audio is a `Mix` of two channels then.
        take: the number of the take; another one, other audio.
        advance: called with the seconds of audio made since its last call; None for a bar of its own.

    Raises:
        OrchestrionError: no such score or instrument, or nothing to play.
    """
    wishes, is_one = Playing.of(pans=pans, **options), isinstance(score, Score | str | os.PathLike)
    scores = [as_score(score)] if isinstance(score, Score | str | os.PathLike) else [as_score(one) for one in score]
    played = _render_all(scores, instrument, take, wishes, advance)
    if wishes.pans:
        mixes = [performance.audio for performance in played if isinstance(performance.audio, Mix)]
        return mixes[0] if is_one else mixes
    tracks = [performance.to_mono() for performance in played]
    return tracks[0] if is_one else tracks


def _render_all(
    scores: Sequence[Score], instrument: Players | None, take: int, options: Playing, advance: Advance | None
) -> list[Performance]:
    """Scores that the same players play are played together."""
    groups: dict[tuple[Player, ...], list[int]] = {}
    for index, score in enumerate(scores):
        groups.setdefault(players_for(score, instrument), []).append(index)
    made: dict[int, Performance] = {}
    for players, chosen in groups.items():
        played = play_all([(scores[index], take) for index in chosen], players, options, advance=advance)
        made |= dict(zip(chosen, played, strict=True))
    return [made[index] for index in range(len(scores))]


def players_for(score: Score, instrument: Players | None) -> tuple[Player, ...]:
    """Who plays ``score``, of what `render` takes for an instrument."""
    given = [instrument] if isinstance(instrument, Instrument | str | os.PathLike) else list(instrument or ())
    wishes = [wish for wish in given if isinstance(wish, str)]
    return tuple(players_of(score, wishes)) if len(wishes) == len(given) else tuple(given)


@spelled_out(Playing, PartKeywords)
def stream(
    score: Source,
    instrument: Player = shipped.DEFAULT_INSTRUMENT,
    *,
    take: int = 0,
    parallel: bool = False,
    **options: Unpack[PartKeywords],
) -> Iterator[np.ndarray]:
    """Play a score on one instrument and yield blocks of float32 samples as they are made, at the instrument's sample rate.

    Args:
        parallel: larger blocks, sooner; the others as in `render`.

    Raises:
        OrchestrionError: as `render`.
    """
    wishes = Playing.of(parallel=parallel, **options)
    player, whole = as_wished(instrument, wishes), as_score(score)
    yield from Span.of(whole, wishes).ended(blocks_of(whole, player, wishes, take=take), player.config.sample_rate)
