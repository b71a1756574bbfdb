"""The order in which bars are played, on letters: A is the first written bar."""

import pytest

from orchestrion.errors import OrchestrionError
from orchestrion.score.playingorder import DA_CAPO, BarMarks, playing_order


def bar(**marks):
    endings = frozenset(marks.pop("endings", ()))
    return BarMarks(endings=endings, ending_start=marks.pop("ending_start", bool(endings)), **marks)


def order(*bars):
    return "".join("ABCDEFGHIJ"[index] for index in playing_order(bars)[0])


PLAIN = bar()
START, END = bar(repeat_start=True), bar(repeat_end=2)
FIRST, SECOND = bar(endings=[1], repeat_end=2), bar(endings=[2])


@pytest.mark.parametrize(
    ("bars", "played"),
    {
        "none": ((PLAIN, PLAIN), "AB"),
        "both signs": ((PLAIN, START, END, PLAIN), "ABCBCD"),
        "from the beginning": ((PLAIN, END, PLAIN), "ABABC"),
        "from the end of the last repeat": ((PLAIN, END, PLAIN, END), "ABABCDCD"),
        "one bar": ((bar(repeat_start=True, repeat_end=2),), "AA"),
        "three times": ((START, bar(repeat_end=3)), "ABABAB"),
        "a start without end": ((START, PLAIN, START, END), "ABCDCD"),
        "a section that begins": ((PLAIN, bar(section_start=True), END), "ABCBC"),
        "a section inside a repeat": ((START, bar(section_start=True), END), "ABCABC"),
        "endings": ((START, FIRST, SECOND, PLAIN), "ABACD"),
        "endings from the beginning": ((PLAIN, FIRST, SECOND, PLAIN), "ABACD"),
        "endings of two bars": ((START, bar(endings=[1]), bar(endings=[1], ending_start=False, repeat_end=2), SECOND), "ABCAD"),
        "the last ending closed by a sign": ((START, FIRST, bar(endings=[2], repeat_end=2), PLAIN), "ABACD"),
        "two passes with one ending": ((START, bar(endings=[1, 2], repeat_end=2), bar(endings=[3])), "ABABAC"),
        "three endings": ((START, FIRST, bar(endings=[2], repeat_end=2), bar(endings=[3])), "ABACAD"),
        "a first ending alone": ((START, FIRST, PLAIN), "ABAC"),
        "an ending after a plain sign": ((PLAIN, END, SECOND, PLAIN), "ABABCD"),
        "endings that nothing repeats": ((PLAIN, bar(endings=[2]), PLAIN), "ABC"),
        "two sets of endings": ((START, FIRST, SECOND, START, FIRST, SECOND), "ABACDEDF"),
        "two sets without starts": ((PLAIN, FIRST, SECOND, bar(section_start=True), FIRST, SECOND), "ABACDEDF"),
        "da capo": ((PLAIN, bar(jump=DA_CAPO)), "ABAB"),
        "da capo al fine": ((PLAIN, bar(fine=True), bar(jump=DA_CAPO)), "ABCAB"),
        "dal segno al fine": ((PLAIN, bar(segno="s"), bar(fine=True), bar(jump="s")), "ABCDBC"),
        "da capo al coda": ((PLAIN, bar(to_coda="c"), bar(jump=DA_CAPO), bar(coda="c")), "ABCABD"),
        "fine before any jump": ((PLAIN, bar(fine=True), PLAIN), "ABC"),
        "no repeats after a jump": ((START, END, bar(jump=DA_CAPO)), "ABABCABC"),
        "the last ending after a jump": ((START, FIRST, SECOND, bar(jump=DA_CAPO)), "ABACDACD"),
        "a jump on the last pass": ((START, bar(repeat_end=2, jump=DA_CAPO)), "ABABAB"),
        "a jump in the second ending": ((START, FIRST, bar(endings=[2], jump=DA_CAPO)), "ABACAC"),
        "a coda that is repeated": ((bar(to_coda="c"), bar(jump=DA_CAPO), bar(coda="c", repeat_start=True, repeat_end=2)), "ABACC"),
    }.values(),
)  # fmt: skip
def test_musicians_play(bars, played):
    assert order(*bars) == played


def test_a_jump_without_its_target_is_told():
    assert playing_order([PLAIN, bar(jump="s")]) == ([0, 1], ["a D.S. without its segno"])


def test_absurd_repeats_are_refused():
    with pytest.raises(OrchestrionError, match="more than 20,000 measures"):
        playing_order([bar(repeat_end=1_000_000)])
