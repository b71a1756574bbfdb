"""Two ways in which a network that hears only itself goes wrong, and what is done about them.

Silence: after half a bar without a note, conservativity is multiplied by 0.8 for every further silent step. The chance
P ** conservativity of every note rises towards 1, so that one must come; then all is as asked again. Of the 28,000 bars within
the corpora's pieces none is silent, and 22 rests are of two beats or more; the networks left 0.2 to 0.6 % of their bars empty.
(The published program lowers conservativity by 0.02 a step while fewer than two notes sound.)

Loops: when the last bars repeat one pattern of a beat, a bar or two bars ``REPEATS`` times, over two bars or more, the
 temperature rises by 0.1 a step until the pattern breaks; then it is as asked again. Real tunes repeat a bar three
times, hardly ever five.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from orchestrion.composer.sampler import Choices

SILENT_BARS = 0.5
SILENCE_FACTOR = 0.8
REPEATS = 4
HEATING = 0.1
HOTTEST = 3.0


@dataclass
class Guards:
    """Watches the steps as they are written (``rows``: [p, 2] uint8, oldest first) and corrects the choices.

    ``silence`` and ``loops`` switch the two guards.
    """

    steps_per_bar: int
    steps_per_beat: int = 4
    silence: bool = True
    loops: bool = True
    _silent: int = 0
    _looping: int = 0

    def correct(self, choices: Choices) -> Choices:
        """The choices for the next step."""
        over = self._silent - int(SILENT_BARS * self.steps_per_bar)
        if self.silence and over > 0:
            choices = replace(choices, conservativity=choices.conservativity * SILENCE_FACTOR**over)
        if self._looping:
            hotter = choices.temperature + HEATING * self._looping
            choices = replace(choices, temperature=min(hotter, max(HOTTEST, choices.temperature)))
        return choices

    def watch(self, rows: np.ndarray, *, given: bool = False) -> None:
        """Take note of all steps [n, p, 2] written so far, the newest last; ``given``: nothing of that one was drawn."""
        self._silent = 0 if given or rows[-1, :, 0].any() else self._silent + 1
        self._looping = self._looping + 1 if self.loops and self._loops(rows) else 0

    def _loops(self, rows: np.ndarray) -> bool:
        periods = (self.steps_per_beat, self.steps_per_bar, 2 * self.steps_per_bar)
        return any(repeats(rows, period, max(REPEATS * period, 2 * self.steps_per_bar)) for period in periods)


def repeats(rows: np.ndarray, period: int, span: int) -> bool:
    """Whether the last ``span`` steps repeat with ``period`` (each equals the one ``period`` before) and any sounds."""
    if len(rows) < span or span <= period:
        return False
    last = rows[-span:]
    return bool(last[:period].any() and (last[period:] == last[:-period]).all())
