"""Playing from a keyboard: the samples of an ordinary rendering where the future is known, and what keys and the pedal do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.live import HELD, LivePlayer
from orchestrion.renderer.streaming import Stream
from orchestrion.score import Note

# Onset and offset in frames, pitch, velocity; the second of a pitch strikes while the first sounds.
KEYS = ((25, 61, 60, 90), (40, 80, 64, 70), (62, 95, 60, 100))
N_FRAMES = 110


@pytest.fixture(scope="module")
def violin() -> Instrument:
    return Instrument.load("violin")


def played(player: LivePlayer, keys: Sequence[tuple[int, int, int, int]], n_frames: int = N_FRAMES) -> np.ndarray:
    """Keys that take effect at exact frames, as far as the look-ahead lets them."""
    blocks = []
    for frame in range(0, n_frames, player.block):
        for at, (_, _, pitch, velocity), down in sorted([(k[0], k, True) for k in keys] + [(k[1], k, False) for k in keys]):
            within = at - player.lookahead - frame
            if 0 <= within < player.block:
                player.note_on(pitch, velocity, within) if down else player.note_off(pitch, within)
        blocks.append(player.next_block())
    return np.concatenate(blocks)


def rendered(instrument: Instrument, seed: int) -> np.ndarray:
    c = instrument.config
    frame_s = c.hop / c.sample_rate
    notes = [Note(a * frame_s, b * frame_s, pitch, velocity) for a, b, pitch, velocity in KEYS]
    series = ConditioningSeries.from_notes(notes, sample_rate=c.sample_rate, hop=c.hop, duration_s=N_FRAMES * frame_s, tail_s=0)
    return np.concatenate(list(Stream(instrument.parameters, series, seed=seed, temperature=instrument.temperature)))


@pytest.mark.parametrize("block", [1, 2, 5])
def test_with_the_whole_context_known_it_is_the_ordinary_rendering(violin: Instrument, block: int) -> None:
    live = played(LivePlayer(violin, lookahead=20, block=block, seed=3), KEYS)
    assert np.array_equal(live, rendered(violin, 3))


def test_an_unknown_future_costs_next_to_nothing(violin: Instrument) -> None:
    full = rendered(violin, 3)
    live = played(LivePlayer(violin, lookahead=0, block=2, seed=3), KEYS)
    assert 10 * np.log10(np.sum((live - full) ** 2) / np.sum(full**2)) < -45


def test_no_sample_depends_on_a_key_that_is_not_pressed_yet(violin: Instrument) -> None:
    n = 60 * violin.config.hop  # the third key comes at frame 62, less the look-ahead
    one = played(LivePlayer(violin, lookahead=2, block=2, seed=3), KEYS, 60)
    other = played(LivePlayer(violin, lookahead=2, block=2, seed=3), KEYS[:2], 60)
    assert np.array_equal(one[:n], other[:n]) and np.abs(one).max() > 0.01


def test_the_take_is_what_was_played(violin: Instrument) -> None:
    player = LivePlayer(violin, lookahead=5, block=2, seed=0)
    played(player, KEYS)
    frame_s = player.frame_s
    found = [(round(n.onset_s / frame_s) + 25, round(n.offset_s / frame_s) + 25, n.pitch, n.velocity) for n in player.take().notes]
    assert sorted(found) == sorted([(25, 61, 60, 90), (40, 80, 64, 70), (62, 95, 60, 100)])
    assert player.take().parts[0].program == 40


def test_a_key_struck_again_ends_its_note_and_the_pedal_holds(violin: Instrument) -> None:
    player = LivePlayer(violin, lookahead=0, block=1)
    player.note_on(60, 90)
    for _ in range(10):
        player.next_block()
    player.note_on(60, 50)
    player.pedal(True)
    player.note_off(60)
    for _ in range(10):
        player.next_block()
    assert [p.offset for p in player._take] == [10, HELD]
    player.pedal(False)
    assert [p.offset for p in player._take] == [10, 20]
    player.note_off(60)  # a second time does nothing
    player.note_on(70, 90)
    player.note_off(70)  # in the same frame: it lasts one
    assert (player._take[-1].onset, player._take[-1].offset) == (20, 21)


def test_what_cannot_be_heard_any_more_is_forgotten(violin: Instrument) -> None:
    player = LivePlayer(violin, lookahead=0, block=8)
    for i in range(6):
        player.note_on(60 + i, 90)
        player.next_block()
        player.note_off(60 + i)
    for _ in range(150):
        player.next_block()
    assert player._sounding == [] and len(player.take().notes) == 6


@pytest.mark.parametrize(("name", "given", "said"), [
    ("violin-unconditioned", {}, "knows no notes"), ("violin", {"lookahead": 21}, "give 0 to 20"), ("violin", {"block": 0}, "1 or more"),
])  # fmt: skip
def test_what_is_impossible_is_refused(name: str, given: dict[str, int], said: str) -> None:
    with pytest.raises(OrchestrionError, match=said):
        LivePlayer(Instrument.load(name), **given)


def test_nothing_played_is_no_take(violin: Instrument) -> None:
    with pytest.raises(OrchestrionError, match="Nothing was played"):
        LivePlayer(violin).take()
