"""Voices of an ABC tune side by side: common bars, and the order of its parts (ABC 2.1, sections 3.1.9 and 7)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

from orchestrion.reading.abc.voice import AbcVoice, VoiceBar
from orchestrion.reading.written import Bar
from orchestrion.score.playingorder import BarMarks

CODA = "coda"


def side_by_side(voices: Sequence[AbcVoice]) -> list[Bar]:
    """Bars of all voices: by their number where every voice has as many, else by the time at which they begin.

    Signs of any voice hold for all.
    """
    if not voices:
        return []
    bars = [Bar(meter=bar.meter) for bar in voices[0].bars]
    alike = len({len(voice.bars) for voice in voices}) == 1
    if alike:
        for index, bar in enumerate(bars):
            bar.length = max(voice.bars[index].length for voice in voices)
    else:
        longest = max(voices, key=lambda voice: sum((bar.length for bar in voice.bars), Fraction(0)))
        bars = [Bar(meter=bar.meter, length=bar.length) for bar in longest.bars]
    starts = [Fraction(0), *accumulate(bar.length for bar in bars)]
    for part, voice in enumerate(voices):
        at = Fraction(0)
        for number, own in enumerate(voice.bars):
            index = number if alike else min(max(bisect_right(starts, at) - 1, 0), len(bars) - 1)
            _add(bars[index], part, own, Fraction(0) if alike else at - starts[index])
            at += own.length
    _place_codas(bars, voices)
    return bars


def _add(bar: Bar, part: int, own: VoiceBar, shift: Fraction) -> None:
    for chord in own.chords:
        chord.onset += shift
    bar.chords.setdefault(part, []).extend(own.chords)
    bar.tempos += [(offset + shift, bpm) for offset, bpm in own.tempos if (offset + shift, bpm) not in bar.tempos]
    bar.marks = _united(bar.marks, own.marks)


def _united(one: BarMarks, other: BarMarks) -> BarMarks:
    return BarMarks(
        repeat_start=one.repeat_start or other.repeat_start,
        repeat_end=max(one.repeat_end, other.repeat_end),
        endings=one.endings or other.endings,
        ending_start=one.ending_start or other.ending_start,
        section_start=one.section_start or other.section_start,
        segno=one.segno or other.segno,
        coda=one.coda or other.coda,
        to_coda=one.to_coda or other.to_coda,
        fine=one.fine or other.fine,
        jump=one.jump or other.jump,
    )


def _place_codas(bars: list[Bar], voices: Sequence[AbcVoice]) -> None:
    """Of two coda signs the first says where to leave and the last where to go on (section 4.14)."""
    places = sorted({place for voice in voices for place in voice.codas if place <= len(bars)})
    if not places:
        return
    if len(places) > 1 and places[0] > 0 and not any(bar.marks.to_coda for bar in bars):
        bars[places[0] - 1].marks = replace(bars[places[0] - 1].marks, to_coda=CODA)
    target = bars[min(places[-1], len(bars) - 1)]
    target.marks = replace(target.marks, coda=CODA)


def sections(voices: Sequence[AbcVoice], order: Sequence[str], n_bars: int) -> tuple[list[range] | None, list[str]]:
    """Bars of the parts in the order that the header's ``P:`` gives, and the letters for which there is none.

    What stands before the first part is played first, once.
    """
    labels = next((found for voice in voices if (found := _labels(voice))), [])
    if not order or not labels:
        return None, sorted(set(order))
    stops = [start for _, start in labels[1:]] + [n_bars]
    ranges: dict[str, range] = {}
    for (label, start), stop in zip(labels, stops, strict=True):
        ranges.setdefault(label[:1], range(start, min(stop, n_bars)))
    before = [range(labels[0][1])] if labels[0][1] else []
    return before + [ranges[label] for label in order if label in ranges], sorted(set(order) - set(ranges))


def _labels(voice: AbcVoice) -> list[tuple[str, int]]:
    return [(bar.part, index) for index, bar in enumerate(voice.bars) if bar.part]
