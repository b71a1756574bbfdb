"""Playing order: which written bar is played when (repeats, endings, da capo, dal segno, coda, fine).

One function for every notation format. The rules are those that musicians follow (Gould, *Behind Bars*, chapter 10):

- A sign ``:|`` leads back to the last ``|:``, or, where there is none, to the end of the last repeat, to a section sign
  that the format gives (in ABC a double bar, ABC 2.1 section 4.8), or to the beginning.
- Under brackets only the ending of this pass is played. After ``|1 … :|`` without further bracket the music goes on.
- A jump (D.C., D.S.) is followed once, on the last pass. After it a section that was played before is played without
  repeats, with its last ending; ``fine`` and ``to coda`` count only now.

    |: A |1 B :|2 C | D  fine | E  D.C. |   →   A B A C D E A C D
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrion.errors import OrchestrionError
from orchestrion.limits import MAX_MEASURES


@dataclass(frozen=True, slots=True)
class BarMarks:
    """Signs of one bar.

    Args:
        repeat_start: ``|:`` before the bar.
        repeat_end: how often the passage that ends with this bar is played; 0 without ``:|``.
        endings: passes in which this bar is played; empty: in all.
        ending_start: a bracket begins with this bar.
        section_start: a repeat without ``|:`` may begin here.
        segno, coda: labels of the targets before the bar; "" for none.
        to_coda: label of the coda to go to after the bar, on the way after a jump.
        fine: the piece ends after the bar, on the way after a jump.
        jump: label of the segno to go to after the bar; `DA_CAPO` for the beginning.
    """

    repeat_start: bool = False
    repeat_end: int = 0
    endings: frozenset[int] = frozenset()
    ending_start: bool = False
    section_start: bool = False
    segno: str = ""
    coda: str = ""
    to_coda: str = ""
    fine: bool = False
    jump: str = ""


DA_CAPO = "D.C."
NO_MARKS = BarMarks()


@dataclass(frozen=True, slots=True)
class _Section:
    """Bars [start, stop), played ``passes`` times."""

    start: int
    stop: int
    passes: int


def playing_order(bars: Sequence[BarMarks]) -> tuple[list[int], list[str]]:
    """Indices of the bars in the order in which they are played, and what could not be followed (may be empty).

    Raises:
        OrchestrionError: more than 20,000 bars are played.
    """
    return _Walk(bars).run()


class _Walk:
    def __init__(self, bars: Sequence[BarMarks]):
        self.bars = bars
        self.sections = _sections(bars)
        self.order: list[int] = []
        self.ignored: list[str] = []
        self._played: set[int] = set()
        self._taken: set[int] = set()
        self._jumped = False
        self._segnos = {bar.segno: index for index, bar in reversed(list(enumerate(bars))) if bar.segno}
        self._codas = {bar.coda: index for index, bar in reversed(list(enumerate(bars))) if bar.coda}

    def run(self) -> tuple[list[int], list[str]]:
        position: int | None = 0
        of_bar = [index for index, section in enumerate(self.sections) for _ in range(section.start, section.stop)]
        while position is not None and position < len(self.bars):
            index = of_bar[position]
            position = self._section(index, position)
            self._played.add(index)
        return self.order, self.ignored

    def _section(self, index: int, position: int) -> int | None:
        """Play a section from ``position`` on; where to go on, None at the end."""
        section = self.sections[index]
        again = self._jumped and index in self._played
        for number in range(section.passes if again else 1, section.passes + 1):
            for at in range(position, section.stop):
                bar = self.bars[at]
                if section.passes > 1 and bar.endings and number not in bar.endings:
                    continue
                self._play(at)
                last = number == section.passes or (bar.endings and number == _last_pass(bar, section))
                if self._jumped and bar.fine:
                    return None
                if self._jumped and bar.to_coda and bar.to_coda in self._codas:
                    return self._codas[bar.to_coda]
                if bar.jump and last and at not in self._taken and (target := self._target(bar.jump)) is not None:
                    self._taken.add(at)
                    self._jumped = True
                    return target
                if bar.repeat_end and number < section.passes:
                    break
            position = section.start
        return section.stop

    def _play(self, at: int) -> None:
        if len(self.order) >= MAX_MEASURES:
            raise OrchestrionError(f"The repeats unfold to more than {MAX_MEASURES:,} measures.")
        self.order.append(at)

    def _target(self, jump: str) -> int | None:
        if jump == DA_CAPO:
            return 0
        if jump in self._segnos:
            return self._segnos[jump]
        if "a D.S. without its segno" not in self.ignored:
            self.ignored.append("a D.S. without its segno")
        return None


def _last_pass(bar: BarMarks, section: _Section) -> int:
    return max((number for number in bar.endings if number <= section.passes), default=0)


def _sections(bars: Sequence[BarMarks]) -> list[_Section]:
    """Bars cut into what is repeated together and what is played once; every bar lies in one section."""
    sections: list[_Section] = []
    start, at, explicit = 0, 0, False
    while at < len(bars):
        bar = bars[at]
        if bar.repeat_start or (bar.section_start and not explicit):
            if at > start:
                sections.append(_Section(start, at, 1))
            start, explicit = at, bar.repeat_start
        if bar.repeat_end or bar.endings:
            sections.append(_repeated(bars, start, at))
            at = start = sections[-1].stop
            explicit = False
        else:
            at += 1
    if start < len(bars):
        sections.append(_Section(start, len(bars), 1))
    return sections


def _repeated(bars: Sequence[BarMarks], start: int, at: int) -> _Section:
    """The section from ``start`` whose first ``:|`` or bracket stands at bar ``at``."""
    brackets: list[range] = []
    seen: set[int] = set()
    stop = at if bars[at].endings else at + 1
    times = [0 if bars[at].endings else bars[at].repeat_end]
    while stop < len(bars) and (bracket := _bracket(bars, stop)):
        numbers = bars[stop].endings
        opens = bool(seen & numbers) or (not brackets and stop > at and 1 in numbers)
        if opens or (brackets and bars[stop].repeat_start):
            break
        brackets.append(bracket)
        seen |= numbers
        times += [bars[index].repeat_end for index in bracket]
        stop = bracket.stop
    if not brackets:
        return _Section(start, stop, times[0])
    repeated = any(times)
    if not repeated and (1 not in seen or len(brackets) == 1):
        return _Section(start, stop, 1)
    passes = max(seen)
    # A single bracket that leads back: the next pass goes on after it.
    if len(brackets) == 1 and 1 in seen and repeated:
        passes = max(passes + 1, *times)
    return _Section(start, stop, passes)


def _bracket(bars: Sequence[BarMarks], at: int) -> range:
    """The bars of the bracket that begins at ``at``; empty if none does."""
    if not bars[at].endings:
        return range(at, at)
    stop = at + 1
    while (
        stop < len(bars)
        and bars[stop].endings == bars[at].endings
        and not bars[stop].ending_start
        and not bars[stop - 1].repeat_end
    ):
        stop += 1
    return range(at, stop)
