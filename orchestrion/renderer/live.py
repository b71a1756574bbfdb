"""Playing as keys are pressed: one instrument, a block of frames at a time, its future unknown but for a few frames.

    keys ──▶ notes, each placed ``lookahead`` frames after the next block ──▶ conditioning ──▶ samples of that block
                                                                                 │
                 frames known:  past … block … lookahead      frames guessed:  what is held goes on, nothing begins

The network has learnt with two-sided context (``config.context_frames``, 80 ms). Here everything beyond the look-ahead is guessed: keys that
are down stay down. With a look-ahead as long as the context the samples are those of an ordinary rendering.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from orchestrion.bridge import ConditioningSeries
from orchestrion.bridge.framenotes import FrameNotes
from orchestrion.bridge.sourcesignal import RELEASED_DB
from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_SCORE_S
from orchestrion.options import STORAGE
from orchestrion.randomness import stream_key
from orchestrion.renderer.deemphasis import Deemphasis
from orchestrion.renderer.features import Features
from orchestrion.renderer.instrument import Instrument
from orchestrion.renderer.kernels.batch import Batch, Block, VoiceState
from orchestrion.renderer.sampler import prepare
from orchestrion.score import Note, Part, Score

HELD = 1 << 40  # the last frame of a key that is down
MOST_AT_ONCE = 32  # keys and releases that sound; the oldest go
BEYOND = 250  # frames
TAIL_S = 0.5  # after which a network without a source has forgotten a note


@dataclass(frozen=True)
class Pressed:
    """A key that was pressed: frames, MIDI pitch and velocity; ``offset`` is `HELD` while it is down."""

    onset: int
    offset: int
    pitch: int
    velocity: int


class LivePlayer:
    """One instrument played from a keyboard.

    Args:
        lookahead: frames between the next block and the frame at which a key takes effect: 0 to the network's own context (20 frames of 4 ms).
        block: frames of a block.
        temperature: None for the instrument's own.

    Raises:
        OrchestrionError: an instrument that knows no notes, or a look-ahead outside its range.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        lookahead: int = 0,
        block: int = 3,
        seed: int = 0,
        temperature: float | None = None,
        storage: str = STORAGE,
    ):
        c = instrument.config
        if not c.conditioned:
            raise OrchestrionError(f"{instrument.name} knows no notes; it cannot be played from a keyboard.")
        if not 0 <= lookahead <= c.context_frames[1]:
            raise OrchestrionError(f"A look-ahead of {lookahead} frames is impossible; give 0 to {c.context_frames[1]}.")
        if block < 1:
            raise OrchestrionError(f"A block of {block} frames is impossible; give 1 or more.")
        self.instrument, self.lookahead, self.block = instrument, lookahead, block
        self.frame = 0
        self._most_frames = int(MAX_SCORE_S * c.sample_rate / c.hop)
        self._parameters, self._packed = prepare(instrument.parameters, storage)
        self._batch = Batch(self._packed, [VoiceState.silent(self._packed, int(stream_key(seed, 0)))])
        self._deemphasis = Deemphasis(c.coding, (0.0, 0.0))
        heat = instrument.temperature if temperature is None else temperature
        self._sharpness = np.full((block, 1), 1 / max(heat, 1e-4), np.float32)
        self._sounding: list[Pressed] = []
        self._take: list[Pressed] = []
        self._pedal = False
        self._waiting: set[int] = set()  # keys that are up while the pedal is down

    @property
    def frame_s(self) -> float:
        """Seconds of a frame."""
        return self.instrument.config.hop / self.instrument.config.sample_rate

    @property
    def block_s(self) -> float:
        """Seconds of a block."""
        return self.block * self.frame_s

    def warm_up(self) -> None:
        """Play a short note that is not heard, so that all code is compiled and in memory before the first key."""
        twin = LivePlayer(self.instrument, lookahead=self.lookahead, block=self.block)
        low, high = self.instrument.pitch_range
        twin.note_on((low + high) // 2, 64)
        for _ in range(40):
            twin.next_block()
        twin.all_off()
        twin.next_block()

    def note_on(self, pitch: int, velocity: int, within: int = 0) -> None:
        """A key goes down; it sounds from `lookahead` frames after the next block's beginning, and ``within`` frames (below ``block``) more.

        A key that sounds already is struck anew.
        """
        at = self._place(within)
        self._waiting.discard(pitch)
        self._end(pitch, at)
        struck = Pressed(at, HELD, pitch, velocity)
        self._sounding = [*self._sounding, struck][-MOST_AT_ONCE:]
        self._take.append(struck)

    def note_off(self, pitch: int, within: int = 0) -> None:
        """A key goes up; with the pedal down it sounds on."""
        if self._pedal:
            self._waiting.add(pitch)
        else:
            self._end(pitch, self._place(within))

    def pedal(self, down: bool, within: int = 0) -> None:
        """The sustain pedal; when it goes up, keys that are up end."""
        self._pedal = down
        if not down:
            for pitch in self._waiting:
                self._end(pitch, self._place(within))
            self._waiting = set()

    def all_off(self) -> None:
        """Every key and the pedal go up."""
        self.pedal(False)
        for pressed in list(self._sounding):
            self._end(pressed.pitch, self._place(0))

    def next_block(self) -> np.ndarray:
        """The next ``block * hop`` samples, float32.

        Raises:
            OrchestrionError: six hours have been played.
        """
        c, n = self.instrument.config, self.block
        if self.frame + self.lookahead + 2 * n > self._most_frames:
            raise OrchestrionError(f"{MAX_SCORE_S / 3600:g} hours have been played, which is the most; begin anew.")
        features = self._features()
        past, future = c.context_frames
        context = self._packed.context
        rows = context.rows_of(features.frames(self.frame - past, self.frame + n + future))
        drive = centre = None
        if c.drive_channels:
            signal = features.signal(self.frame, self.frame + n)
            assert signal is not None
            drive = context.drive_of(signal)[:, None]
            centre = context.centre_of(signal)[:, None] if c.source_window else None
        out = np.empty((n * c.hop, 1), np.int32)
        forced = np.full((n * c.hop, 1), -1, np.int32)
        self._batch.run(Block(rows[:, :, None], drive, centre, self._sharpness, forced), 0, n * c.hop, out)
        self.frame += n
        self._forget()
        return self._deemphasis(c.coding.amplitudes(out[:, 0]))

    @property
    def onsets(self) -> list[int]:
        """The frame at which each key so far took effect."""
        return [pressed.onset for pressed in self._take]

    def take(self) -> Score:
        """What was played so far, from the first key on, as it sounded; keys that are down end now.

        Raises:
            OrchestrionError: nothing was played.
        """
        if not self._take:
            raise OrchestrionError("Nothing was played.")
        first, now = min(pressed.onset for pressed in self._take), self.frame + self.lookahead
        notes = tuple(
            Note((p.onset - first) * self.frame_s, (max(min(p.offset, now), p.onset + 1) - first) * self.frame_s, p.pitch, p.velocity)
            for p in self._take
        )
        program = self.instrument.metadata.get("program")
        return Score((Part(self.instrument.name, program if isinstance(program, int) else 0, notes),), title="Live")

    def _place(self, within: int) -> int:
        return self.frame + self.lookahead + min(max(within, 0), self.block - 1)

    def _end(self, pitch: int, at: int) -> None:
        """End what sounds at ``pitch``; what was to begin in this very frame never does, and a shorter note than a frame lasts one."""
        for notes in (self._sounding, self._take):
            for i in range(len(notes) - 1, -1, -1):
                pressed = notes[i]
                if pressed.pitch == pitch and pressed.offset == HELD:
                    notes[i] = replace(pressed, offset=max(at, pressed.onset + 1))
                    break

    def _features(self) -> Features:
        """The conditioning inputs of what is known now."""
        c = self.instrument.config
        last: dict[int, list[Pressed]] = {}
        for pressed in sorted(self._sounding, key=lambda p: p.onset):
            # Of one pitch, a later attack ends the earlier note; of two in one frame the later remains.
            before = last.get(pressed.pitch, [])
            if before and before[-1].onset == pressed.onset:
                before.pop()
            elif before and before[-1].offset > pressed.onset:
                before[-1] = replace(before[-1], offset=pressed.onset)
            last[pressed.pitch] = [*before, pressed]
        notes = sorted((p for several in last.values() for p in several if p.offset > 0), key=lambda p: (p.onset, p.pitch))
        # What is held ends beyond anything that is asked for, and no further: its vibrato is computed up to there.
        horizon = self.frame + self.lookahead + self.block + c.context_frames[1] + BEYOND
        known = [(p.onset, min(p.offset, horizon), p.pitch, p.velocity) for p in notes]
        onset, offset, pitch, velocity = np.array(known, np.int64).reshape(-1, 4).T
        series = ConditioningSeries(FrameNotes(onset, offset, pitch, velocity), self._most_frames, c.sample_rate, c.hop)
        return Features(series, c, self._parameters.source)

    def _forget(self) -> None:
        """Drop notes that no later frame can hear."""
        past, _ = self.instrument.config.context_frames
        kept = []
        for pressed in self._sounding:
            source = self._parameters.source
            tail_s = TAIL_S if source is None else RELEASED_DB / float(source.release_db_s[source.row_of(pressed.pitch)])
            if pressed.offset + math.ceil(tail_s / self.frame_s) + past + 4 >= self.frame:
                kept.append(pressed)
        self._sounding = kept
