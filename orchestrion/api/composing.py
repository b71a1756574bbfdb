"""What one does with notes: compose and perform, hear and measure them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Unpack, overload

from orchestrion import shipped
from orchestrion.api.keywords import (
    Meter,
    NewPieceKeywords,
    Number,
    Path,
    PieceKeywords,
    Source,
    Whole,
    as_score,
    spelled_out,
)
from orchestrion.audio import Waveform
from orchestrion.ensemble import gains_of, without_silent
from orchestrion.options import STORAGE, Composing, Playing, Transcribing
from orchestrion.playing import Performance, Player, play
from orchestrion.renderer.instrument import Instrument
from orchestrion.score import Score


@overload
def compose(model: Path = ..., *, count: Literal[1] = ..., **wishes: Unpack[PieceKeywords]) -> Score: ...
@overload
def compose(model: Path = ..., *, count: Whole, **wishes: Unpack[PieceKeywords]) -> Score | list[Score]: ...
@spelled_out(Composing, PieceKeywords)
def compose(model: Path = shipped.DEFAULT_COMPOSER, *, count: Whole = 1, **wishes: Unpack[PieceKeywords]) -> Score | list[Score]:
    """Compose a new piece, fill bars of one, or harmonise a line; a list where ``count`` is above 1, by the wishes of `orchestrion.options.Composing`.

    Args:
        model: the name of a shipped composer, or a weights file.

    Raises:
        OrchestrionError: no such model, or what is asked is impossible.
    """
    from orchestrion.composer.compose import compose as write
    from orchestrion.labelling.transcribing import heard_prime

    pieces = write(model, heard_prime(Composing.of(count=count, **wishes))[0])
    return pieces[0] if len(pieces) == 1 else pieces


@spelled_out(Composing, NewPieceKeywords)
def perform(
    instrument: Player | None = None,
    *,
    model: Path = shipped.DEFAULT_COMPOSER,
    gains_db: Sequence[Number] = (),
    pans: Sequence[Number] = (),
    vibrato: Number = 1.0,
    noise: Number = 1.0,
    guidance: Number = 0.0,
    parallel: bool | None = None,
    only_source: bool = False,
    storage: str = STORAGE,
    device: str = "auto",
    **wishes: Unpack[NewPieceKeywords],
) -> Performance:
    """Compose a piece (as `compose`) and play it (as `render`; with ``pans`` in stereo).

    Args:
        instrument: who plays; None for the piano, or of a composer of quartets for its four players.

    Returns:
        Has ``score``, ``audio``, ``facts`` and ``draw(path)``.

    Raises:
        OrchestrionError: as `compose` and `render`.
    """
    playing = Playing.of(
        seed=wishes.get("seed", 0), gains_db=gains_db, pans=pans, vibrato=vibrato, noise=noise, guidance=guidance, parallel=parallel, only_source=only_source, storage=storage,
        device=device,
    )  # fmt: skip
    from orchestrion.casting import performers
    from orchestrion.composer import voices
    from orchestrion.composer.compose import Composer

    # What is wrong is told before a piece is written.
    has_players = Composer.load(model).ensemble.has_players
    asked = None if instrument is None else Instrument.load(instrument)
    gains_of(voices.N_PARTS if has_players and asked is None else 1, playing.gains_db, playing.pans)
    score = compose(model, **wishes)
    players = performers(score, asked, has_players=has_players, mixed=bool(gains_db or pans))
    return play(score, players, without_silent(score, playing) if has_players and asked is None else playing)


def transcribe(
    audio: Waveform | Path,
    *,
    method: str = "pyin",
    tempo: Number | None = None,
    meter: Meter = (4, 4),
    pickup: Whole = 0,
    quantize: str | None = None,
) -> Score:
    """Write down the notes of a waveform or an audio file in bars, by the wishes of `orchestrion.options.Transcribing`.

    The first bar begins with the first note.

    Raises:
        OrchestrionError: audio that cannot be read or holds no notes, or a method that is not installed.
    """
    from orchestrion.labelling.transcribing import transcribe as write_down

    wishes = Transcribing.of(method=method, tempo=tempo, meter=meter, pickup=pickup, quantize=quantize)
    return write_down(audio, wishes).score


def statistics(score: Source) -> dict[str, float]:
    """What tells writing from noodling: entropy of pitch classes, polyphony, empty beats, notes a beat, repetition.

    Raises:
        OrchestrionError: no such score.
    """
    from orchestrion.evaluation.composition.statistics import statistics as measure

    return measure(as_score(score))
