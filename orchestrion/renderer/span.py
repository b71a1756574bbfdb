"""Where the audio of a score ends: when its last note has rung out, or after a length that is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from orchestrion.audio.encodings import ended
from orchestrion.bridge import ConditioningSeries
from orchestrion.errors import OrchestrionError
from orchestrion.options import Playing
from orchestrion.renderer.instrument import TAIL_S, Instrument
from orchestrion.score import Score


@dataclass(frozen=True)
class Span:
    """The part of a score that is played.

    Args:
        whole: the score.
        score: what of it sounds until the audio ends.
        tail_s: after the last note.
        length_s: the exact length, where the audio is cut off; None where it rings out.
    """

    whole: Score
    score: Score
    tail_s: float = TAIL_S
    length_s: float | None = None

    @classmethod
    def of(cls, score: Score, options: Playing) -> Span:
        """As ``options.length_s`` asks.

        Raises:
            OrchestrionError: no pitched note begins before that.
        """
        length_s = options.length_s
        if length_s is None or length_s >= score.duration_s + TAIL_S:
            return cls(score, score)
        kept = _cut(score, length_s)
        if not kept.notes:
            name = score.title or "the score"
            raise OrchestrionError(f"Nothing is left to play of {name}: no pitched note begins in its first {length_s:g} s.")
        return cls(score, kept, length_s - kept.duration_s, length_s)

    @property
    def duration_s(self) -> float:
        """Seconds of audio."""
        return self.score.duration_s + self.tail_s

    def cut(self, part: Score) -> Score:
        """What of a part of the whole is played."""
        return part if self.length_s is None else _cut(part, self.length_s)

    def series(self, instrument: Instrument, part: Score | None = None) -> ConditioningSeries:
        """The score, or a cut part of it, on the instrument's clock."""
        return instrument.series(part or self.score, duration_s=self.score.duration_s, tail_s=self.tail_s)

    def n_samples(self, instrument: Instrument) -> int:
        """Samples at the instrument's rate."""
        return self._exact(instrument.config.sample_rate) or self.series(instrument).n_samples

    def ended(self, blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
        """``blocks`` of the audio, cut off and faded out where it has a length."""
        n_samples = self._exact(sample_rate)
        return iter(blocks) if n_samples is None else ended(blocks, n_samples, sample_rate)

    def _exact(self, sample_rate: int) -> int | None:
        return None if self.length_s is None else max(round(self.length_s * sample_rate), 1)


def _cut(score: Score, length_s: float) -> Score:
    return score if score.duration_s <= length_s else score.crop(0.0, length_s)
