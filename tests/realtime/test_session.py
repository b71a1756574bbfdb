"""The loop: constant time from key to sound, drop-outs counted, MIDI understood; and playing aloud what is made slowly."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from orchestrion.realtime.playback import play_aloud
from orchestrion.realtime.session import KeyMessage, apply, run

FRAME_S, BLOCK = 0.004, 2


class Hands:
    """Stands for a `LivePlayer`: remembers what it is told and when."""

    def __init__(self) -> None:
        self.frame_s, self.block_s, self.frame = FRAME_S, BLOCK * FRAME_S, 0
        self.told: list[tuple[object, ...]] = []

    def note_on(self, pitch: int, velocity: int, within: int = 0) -> None:
        self.told.append(("on", pitch, velocity, self.frame + within))

    def note_off(self, pitch: int, within: int = 0) -> None:
        self.told.append(("off", pitch, self.frame + within))

    def pedal(self, down: bool, within: int = 0) -> None:
        self.told.append(("pedal", down))

    def all_off(self) -> None:
        self.told.append(("all off",))

    def next_block(self) -> np.ndarray:
        self.frame += BLOCK
        return np.zeros(BLOCK * 96, np.float32)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Device:
    """Takes a block when it is due; draws take none of the clock's time."""

    def __init__(self, clock: Clock, late: frozenset[int] = frozenset()):
        self.clock, self.n, self.late = clock, 0, late

    def write(self, samples: np.ndarray) -> bool:
        self.n += 1
        self.clock.now = self.n * BLOCK * FRAME_S
        return self.n in self.late


def test_a_key_sounds_a_constant_time_after_it_was_pressed() -> None:
    clock, hands = Clock(), Hands()
    device = Device(clock)
    coming = [i * 0.0101 + 0.001 for i in range(40)]

    class Keys:
        def pending(self) -> Iterator[KeyMessage]:
            while coming and coming[0] <= clock.now:
                yield KeyMessage(coming.pop(0), (0x90, 60, 80))

    pressed = list(coming)
    run(hands, Keys(), device, until=lambda: device.n == 60, clock=clock)
    delays = [frame * FRAME_S - at for (_, _, _, frame), at in zip(hands.told, pressed, strict=True)]
    assert len(delays) == 40 and max(delays) - min(delays) <= FRAME_S + 1e-9
    assert max(delays) <= BLOCK * FRAME_S + 1e-9


def test_drop_outs_and_load_are_counted() -> None:
    clock, hands = Clock(), Hands()
    device = Device(clock, late=frozenset({3, 7}))

    class Nothing:
        def pending(self) -> tuple[KeyMessage, ...]:
            return ()

    report = run(hands, Nothing(), device, until=lambda: device.n == 10, clock=clock)
    assert report.dropouts == 2 and report.played_s == pytest.approx(10 * BLOCK * FRAME_S) and report.load == 0


def test_no_garbage_is_looked_for_while_somebody_plays() -> None:
    clock, hands, enabled = Clock(), Hands(), []
    device = Device(clock)

    class Looks:
        def pending(self) -> tuple[KeyMessage, ...]:
            enabled.append(gc.isenabled())
            return ()

    run(hands, Looks(), device, until=lambda: device.n == 3, clock=clock)
    assert enabled == [False] * 3 and gc.isenabled()


@pytest.mark.parametrize(("message", "told"), [
    ((0x90, 60, 80), [("on", 60, 80, 0)]), ((0x93, 60, 0), [("off", 60, 0)]), ((0x80, 60, 64), [("off", 60, 0)]),
    ((0xB0, 64, 127), [("pedal", True)]), ((0xB0, 64, 0), [("pedal", False)]), ((0xB0, 123, 0), [("all off",)]),
    ((0xE0, 0, 64), []), ((0xF8,), []), ((), []), ((0x90, 60), []), ((0x90, 200, 80), []), ((0x90, 60, -1), []), ((0x90, 60, 80, 1), []),
])  # fmt: skip
def test_midi_messages(message: tuple[int, ...], told: list[tuple[object, ...]]) -> None:
    hands = Hands()
    apply(hands, message)
    assert hands.told == told


class Speaker:
    """Plays in its own time: it is told how long each block took to make."""

    def __init__(self, clock: Clock, rate: int):
        self.clock, self.rate, self.ends = clock, rate, 0.0
        self.heard: list[np.ndarray] = []

    def write(self, samples: np.ndarray) -> bool:
        dry = bool(self.heard) and self.clock.now > self.ends + 1e-9
        self.ends = max(self.ends, self.clock.now) + len(samples) / self.rate
        self.heard.append(samples)
        return dry


def test_audio_is_played_whole_and_in_order() -> None:
    blocks = [np.full(1600, i, np.float32) for i in range(20)]
    speaker = Speaker(Clock(), 16_000)
    told: list[float] = []
    assert play_aloud(iter(blocks), speaker, 16_000, 2.0, advance=told.append) == 0
    assert np.array_equal(np.concatenate(speaker.heard), np.concatenate(blocks)) and sum(told) == pytest.approx(2.0)


def test_what_is_made_slowly_begins_late_enough() -> None:
    clock = Clock()
    begun: list[float] = []

    def slowly() -> Iterator[np.ndarray]:
        for _ in range(100):
            clock.now += 0.2  # twice as long as it sounds
            yield np.zeros(1600, np.float32)

    class Begins(Speaker):
        def write(self, samples: np.ndarray) -> bool:
            begun.append(clock.now)
            return False

    play_aloud(slowly(), Begins(clock, 16_000), 16_000, 10.0, clock=clock)
    assert begun[0] >= 10.0


def test_an_error_of_the_maker_is_raised_where_it_is_heard() -> None:
    def fails() -> Iterator[np.ndarray]:
        yield np.zeros(1600, np.float32)
        raise ValueError("made badly")

    with pytest.raises(ValueError, match="made badly"):
        play_aloud(fails(), Speaker(Clock(), 16_000), 16_000, 10.0)


def test_a_stop_ends_the_maker() -> None:
    made = []

    def forever() -> Iterator[np.ndarray]:
        while True:
            made.append(1)
            yield np.zeros(160_000, np.float32)

    class Stops(Speaker):
        def write(self, samples: np.ndarray) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play_aloud(forever(), Stops(Clock(), 16_000), 16_000, 1e9)
    n = len(made)
    assert n == len(made)
