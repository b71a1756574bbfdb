"""What one does with a sound card: play a score, and play from a keyboard (``pip install "orchestrion[live]"``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Unpack

import numpy as np

from orchestrion import shipped
from orchestrion.api.keywords import EnsembleKeywords, Number, Source, Whole, as_score, spelled_out
from orchestrion.api.playing import Players, players_for
from orchestrion.errors import OrchestrionError
from orchestrion.options import STORAGE, Playing
from orchestrion.playing import Player, as_wished, blocks_of, compile_player
from orchestrion.playing import play as perform
from orchestrion.progress import progress
from orchestrion.realtime.devices import MidiKeyboard, SoundCard
from orchestrion.realtime.playback import play_aloud
from orchestrion.realtime.session import Keyboard, Output, run
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.live import LivePlayer
from orchestrion.renderer.span import Span
from orchestrion.score import Score

MOST_LOOKAHEAD_MS = 20.0


@spelled_out(Playing, EnsembleKeywords)
def play(
    score: Source, instrument: Players | None = None, *, card: str | None = None, output: Output | None = None, **options: Unpack[EnsembleKeywords]
) -> int:
    """Play a score aloud while it is rendered, by the options of `orchestrion.options.Playing`; an ensemble is rendered first.

    Args:
        instrument: as in `render`.
        card: number or part of the name of the sound card's output; None for the system's choice.
        output: what takes the samples instead of a sound card.

    Returns:
        How often the sound card ran dry.

    Raises:
        OrchestrionError: as `render`, or there is no sound card.
    """
    wishes, whole = Playing.of(**options), as_score(score)
    players = [Instrument.load(player) for player in players_for(whole, instrument)]
    rate = max(player.config.sample_rate for player in players)
    blocks: Iterable[np.ndarray]
    if len(players) == 1 and not wishes.gains_db and not wishes.only_source:
        player, span = as_wished(players[0], wishes), Span.of(whole, wishes)
        compile_player(wishes.storage, "cpu", [player])
        blocks, seconds = span.ended(blocks_of(whole, player, wishes), rate), span.n_samples(player) / rate
    else:
        audio = perform(whole, players, wishes).to_mono()
        blocks, seconds = [audio.samples], audio.duration_s
    with nullcontext(output) if output else SoundCard(rate, card) as sink, progress(seconds, "Playing") as advance:
        return play_aloud(blocks, sink, rate, seconds, advance=advance)


def live(
    instrument: Player = shipped.DEFAULT_INSTRUMENT,
    *,
    keyboard: str | Keyboard | None = None,
    card: str | None = None,
    output: Output | None = None,
    lookahead_ms: Number = 0.0,
    block_ms: Number = 12.0,
    temperature: Number | None = None,
    seed: Whole = 0,
    storage: str = STORAGE,
    until: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda sentence: None,
) -> Score:
    """Play an instrument from a MIDI keyboard until ``until()`` or Ctrl-C; what was played, with which `render` plays it again.

    Args:
        keyboard: part of the name of a MIDI input, None for the first; or what keys come from.
        card: as in `play`.
        output: as in `play`.
        lookahead_ms: 0 to 20: how much of the future the network is shown. More is later, and not better.
        block_ms: drawn at once, 4 to 40: less is sooner, and asks more of the processor.
        temperature: of the draws; None for the instrument's own.
        tell: called with a sentence when it begins.

    Raises:
        OrchestrionError: no such instrument or keyboard, no sound card, or nothing was played.
    """
    player = Instrument.load(instrument)
    frame_ms = 1000 * player.config.hop / player.config.sample_rate
    lookahead, block = (_within(name, value, low, high) for name, value, low, high in (
        ("look-ahead", lookahead_ms, 0.0, MOST_LOOKAHEAD_MS), ("block", block_ms, 4.0, 40.0)))  # fmt: skip
    compile_player(storage, "cpu", [player])
    live_player = LivePlayer(
        player, lookahead=round(lookahead / frame_ms), block=max(1, round(block / frame_ms)), seed=int(seed), storage=storage,
        temperature=None if temperature is None else float(temperature),
    )  # fmt: skip
    live_player.warm_up()
    keys = MidiKeyboard(keyboard) if keyboard is None or isinstance(keyboard, str) else keyboard
    rate = player.config.sample_rate
    try:
        with nullcontext(output) if output else SoundCard(rate, card, block=live_player.block * player.config.hop) as sink:
            held = getattr(sink, "latency_s", 0.0)
            tell(f"{getattr(keys, 'name', 'The keyboard')} plays {player.name}: {3 * live_player.block * frame_ms + lookahead:.0f} ms from key to sound, "
                 f"and {1000 * held:.0f} ms in the sound card. Ctrl-C ends it.")  # fmt: skip
            report = run(live_player, keys, sink, until=until)
            tell(f"{report.played_s:.0f} s, {report.dropouts} drop-outs.")
    except KeyboardInterrupt:
        pass  # the ordinary end
    finally:
        if isinstance(keys, MidiKeyboard):
            keys.close()
    return live_player.take()


def _within(name: str, value: Number, low: float, high: float) -> float:
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise OrchestrionError(f"A {name} of {value} ms is impossible; give {low:g} to {high:g}.")
    return number
