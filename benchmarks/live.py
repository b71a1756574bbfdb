"""Live playing, measured with a device that only keeps time: from key to sound, and drop-outs; and what the unknown future costs.

    python benchmarks/live.py keys piano --minutes 10        # time goes by as processor time does
    python benchmarks/live.py keys piano --minutes 1 --real  # time goes by as it does
    python benchmarks/live.py distance violin piano          # needs FluidR3 (Debian: fluid-soundfont-gm) for violin and its like

The device has no buffer of its own: it plays one block while the next one is drawn, so the second that the loop has finished waits. Keys come at
random, up to six at once, with the pedal now and then.
"""

from __future__ import annotations

import argparse
import heapq
import json
import platform
import random
import time
from collections.abc import Callable, Iterable

import numpy as np

from orchestrion.datasets.banks.opening import open_bank
from orchestrion.evaluation.judge.fidelity import log_spectral_distance
from orchestrion.progress import Advance, progress
from orchestrion.realtime.session import KeyMessage, Report, run
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.live import LivePlayer

NOTES_A_SECOND, MOST_KEYS = 6.0, 6
VELOCITIES = (40, 100)


class Time:
    """Seconds that go by as this thread computes, and by waiting."""

    def __init__(self) -> None:
        self._waited_s, self._began_s = 0.0, time.thread_time()

    def __call__(self) -> float:
        return time.thread_time() - self._began_s + self._waited_s

    def wait_until(self, moment_s: float) -> None:
        """Let time go by."""
        self._waited_s += max(moment_s - self(), 0.0)


class RealTime:
    """Seconds of the wall's clock."""

    def __call__(self) -> float:
        return time.monotonic()

    def wait_until(self, moment_s: float) -> None:
        """Sleep."""
        time.sleep(max(moment_s - self(), 0.0))


class Device:
    """Plays one block after another, and holds one more; ``starts_s`` of each."""

    def __init__(self, clock: Time | RealTime, rate: int):
        self._clock, self._rate = clock, rate
        self._ends_s = 0.0
        self.starts_s: list[float] = []

    def write(self, samples: np.ndarray) -> bool:
        """As `session.Output`."""
        duration_s = len(samples) / self._rate
        # There is room once the block before is being played.
        self._clock.wait_until(self._ends_s - duration_s)
        now = self._clock()
        late = bool(self.starts_s) and now > self._ends_s
        start = max(now, self._ends_s)
        self.starts_s.append(start)
        self._ends_s = start + duration_s
        return late


class Player:
    """Keys at random; remembers when each went down."""

    def __init__(self, clock: Callable[[], float], low: int, high: int, seed: int):
        self._clock, self._range = clock, (low, high)
        self._rng = random.Random(seed)
        self._coming: list[tuple[float, tuple[int, ...]]] = []
        self._down: set[int] = set()
        self._next_s = clock() + 0.1
        self.pressed_s: list[float] = []

    def pending(self) -> Iterable[KeyMessage]:
        """As `session.Keyboard`."""
        now, keys = self._clock(), []
        while self._next_s <= now:
            self._press(self._next_s)
            self._next_s += self._rng.expovariate(NOTES_A_SECOND)
        while self._coming and self._coming[0][0] <= now:
            at, message = heapq.heappop(self._coming)
            if message[0] == 0x80:
                self._down.discard(message[1])
            elif message[0] == 0x90:
                self.pressed_s.append(at)
            keys.append(KeyMessage(at, message))
        return keys

    def _press(self, at: float) -> None:
        pitch = self._rng.randint(*self._range)
        if len(self._down) >= MOST_KEYS or pitch in self._down:
            return
        self._down.add(pitch)
        heapq.heappush(self._coming, (at, (0x90, pitch, self._rng.randint(30, 110))))
        heapq.heappush(self._coming, (at + self._rng.uniform(0.05, 1.5), (0x80, pitch, 0)))
        if self._rng.random() < 0.05:
            heapq.heappush(self._coming, (at, (0xB0, 64, 127)))
            heapq.heappush(self._coming, (at + 1.5, (0xB0, 64, 0)))


def keys(name: str, minutes: float, real: bool, lookahead: int, block: int, seed: int) -> dict[str, object]:
    """From key to sound in milliseconds, and drop-outs."""
    instrument = Instrument.load(name)
    low, high = instrument.pitch_range
    player = LivePlayer(instrument, lookahead=lookahead, block=block, seed=seed)
    player.warm_up()
    clock = RealTime() if real else Time()
    device, hands = Device(clock, instrument.config.sample_rate), Player(clock, low, high, seed)
    n_blocks = round(minutes * 60 / player.block_s)
    with progress(n_blocks, "Playing") as advance:
        report = run(player, hands, device, until=lambda: _told(advance, len(device.starts_s), n_blocks), clock=clock)
    return _figures(player, device, hands, report)


def _told(advance: Advance, done: int, n_blocks: int) -> bool:
    if done:
        advance(1)
    return done >= n_blocks


def _figures(player: LivePlayer, device: Device, hands: Player, report: Report) -> dict[str, object]:
    onsets = player.onsets
    sounds_s = [device.starts_s[o // player.block] + o % player.block * player.frame_s for o in onsets if o // player.block < len(device.starts_s)]
    latency_ms = 1000 * (np.array(sounds_s) - np.array(hands.pressed_s[: len(sounds_s)]))
    drawn_ms = 1000 * np.array(report.drawn_s)
    return {
        "instrument": player.instrument.name, "look-ahead ms": 1000 * player.lookahead * player.frame_s, "block ms": 1000 * player.block_s,
        "minutes": round(report.played_s / 60, 2), "keys": len(latency_ms),
        "key to sound ms: mean, least, most": [round(float(x), 1) for x in (latency_ms.mean(), latency_ms.min(), latency_ms.max())],
        "block drawn in ms: median, 99.9 %, most": [round(float(x), 2) for x in (*np.percentile(drawn_ms, [50, 99.9]), drawn_ms.max())],
        "load": round(report.load, 3), "drop-outs": report.dropouts,
    }  # fmt: skip


def distance(name: str, seed: int) -> dict[str, object]:
    """Single notes played live with several look-aheads, beside an ordinary rendering of the same seed and of another one."""
    instrument = Instrument.load(name)
    low, high = instrument.pitch_range
    rate, rows = instrument.config.sample_rate, {}
    full = _notes(instrument, range(low, high, 7), instrument.config.context_frames[1], seed)
    real = _real(instrument, range(low, high, 7))
    rows["80 ms"] = {"to the notes themselves dB": _to_the_notes(full, real, rate)} if real else {}
    for label, lookahead, number in (("20 ms", 5, seed), ("8 ms", 2, seed), ("0 ms", 0, seed), ("another seed, 80 ms", 20, seed + 1)):
        heard = _notes(instrument, range(low, high, 7), lookahead, number)
        apart = [log_spectral_distance(a, b, rate) for a, b in zip(heard, full, strict=True)]
        error = [10 * np.log10(np.sum((a - b) ** 2) / np.sum(b**2)) for a, b in zip(heard, full, strict=True)]
        rows[label] = {"log-spectral distance dB": round(float(np.mean(apart)), 2), "difference dB": round(float(np.mean(error)), 1)}
        if real:
            rows[label]["to the notes themselves dB"] = _to_the_notes(heard, real, rate)
    return {"instrument": name, "beside 80 ms of look-ahead": rows}


def _real(instrument: Instrument, pitches: Iterable[int]) -> list[np.ndarray]:
    """The notes that an instrument learnt, at its loudness, where they are a SoundFont's; else none."""
    data, rate = instrument.metadata.get("data"), instrument.config.sample_rate
    source = str(data.get("source", "")) if isinstance(data, dict) else ""
    if not source.startswith("soundfont:"):
        return []
    bank, found = open_bank(source, rate), []
    for pitch in pitches:
        for velocity in VELOCITIES:
            note = next(n for n in bank.notes if n.pitch == pitch and n.velocity_low <= velocity <= n.velocity_high)
            found.append(10 ** (instrument.gain_db / 20) * bank.gain(note, velocity) * note.samples[: rate // 2])
    return found


def _to_the_notes(heard: list[np.ndarray], real: list[np.ndarray], rate: int) -> float:
    return round(float(np.mean([log_spectral_distance(a[: len(b)], b, rate) for a, b in zip(heard, real, strict=True)])), 2)


def _notes(instrument: Instrument, pitches: Iterable[int], lookahead: int, seed: int) -> list[np.ndarray]:
    """Each pitch for half a second, at velocities 40 and 100, and its end."""
    heard = []
    for pitch in pitches:
        for velocity in VELOCITIES:
            player, blocks = LivePlayer(instrument, lookahead=lookahead, block=2, seed=seed), []
            for frame in range(0, 200, player.block):
                begins, ends = (at - lookahead - frame for at in (40, 165))
                if 0 <= begins < player.block:
                    player.note_on(pitch, velocity, begins)
                if 0 <= ends < player.block:
                    player.note_off(pitch, ends)
                blocks.append(player.next_block())
            heard.append(np.concatenate(blocks)[40 * instrument.config.hop :])
    return heard


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["keys", "distance"])
    parser.add_argument("instruments", nargs="+")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--lookahead", type=int, default=0, help="frames of 4 ms")
    parser.add_argument("--block", type=int, default=3, help="frames of 4 ms")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for name in given.instruments:
        if given.what == "keys":
            print(json.dumps(keys(name, given.minutes, given.real, given.lookahead, given.block, given.seed), indent=1))
        else:
            print(json.dumps(distance(name, given.seed), indent=1))


if __name__ == "__main__":
    main()
