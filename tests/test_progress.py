"""What is shown of work that takes long, and that nothing is shown of work that does not."""

import os
import pty
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from orchestrion import progress


class Screen:
    """Stands in for the bar; notes when it is drawn and taken away."""

    def __init__(self):
        self.events = []

    def draw(self, total, label):
        self.events.append((label, total))
        return self, 0

    def stop(self):
        self.events.append("gone")


@pytest.fixture
def screen(monkeypatch):
    shown = Screen()
    monkeypatch.setattr(progress, "_draw", shown.draw)
    monkeypatch.setattr(progress, "DELAY_S", 0.05)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    return shown


def test_waiting_is_shown_when_it_takes_long_and_goes(screen):
    with progress.waiting("Compiling"):
        deadline = time.monotonic() + 5
        while not screen.events and time.monotonic() < deadline:
            time.sleep(0.01)
    assert screen.events == [("Compiling", None), "gone"]


def test_nothing_is_shown_of_what_is_done_at_once(screen, monkeypatch):
    monkeypatch.setattr(progress, "DELAY_S", 60.0)
    with progress.waiting("Compiling"):
        pass
    assert screen.events == []


def test_nothing_is_shown_where_nobody_looks(screen, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    with progress.waiting("Compiling"):
        time.sleep(0.1)
    assert screen.events == []


def test_a_bar_says_how_many_are_done(screen, monkeypatch):
    updates = []
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    screen.update = lambda task, **changes: updates.append(changes)
    with progress.progress(10, "0 of 10 done") as bar:
        time.sleep(0.01)
        bar(0.5)
        bar.show(3, "2 of 10 done, 1 failed")
        bar()
    assert [(change["completed"], change["description"]) for change in updates] == [
        (0.5, None), (3, "2 of 10 done, 1 failed"), (4, None)
    ]  # fmt: skip


@pytest.mark.parametrize("to_terminal", [True, False])
def test_what_is_printed_into_a_file_goes_there_while_a_bar_is_shown(to_terminal, monkeypatch):
    """A bar moves aside for text on the terminal, for which it takes hold of standard output."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: to_terminal, raising=False)
    before = sys.stdout
    display, _ = progress._draw(1, "Playing")
    try:
        assert (sys.stdout is before) != to_terminal
    finally:
        display.stop()


def test_a_bar_that_goes_on_begins_where_it_stands(screen, monkeypatch):
    """What was done before is no pace: the time left would be far too short."""
    done = []
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    screen.reset = lambda task, completed: done.append(("reset", completed))
    screen.update = lambda task, **changes: done.append(changes["completed"])
    with progress.progress(1.0, "Training", done=0.5) as bar:
        bar.show(0.6, "Training")
    assert done == [("reset", 0.5), 0.6]


def test_of_a_bar_in_a_bar_the_outer_one_is_shown(screen, monkeypatch):
    monkeypatch.setattr(progress, "DELAY_S", 0.0)
    screen.update = lambda task, **changes: None
    with progress.progress(2, "outer") as outer:
        outer()
        with progress.progress(2, "inner") as inner:
            inner()
        outer()
    with progress.progress(2, "next") as bar:
        bar()
    assert screen.events == [("outer", 2), "gone", ("next", 2), "gone"]


PRINTS_BESIDE_A_BAR = """
import time
from contextlib import suppress
from orchestrion import progress
from orchestrion.cli.streams import echo
progress.DELAY_S = 0.0
with progress.progress(2, "Playing") as bar:
    time.sleep(0.01)
    bar()
    echo("one.wav " + 80 * "x", err={err})
"""


@pytest.mark.parametrize("err", [False, True])
def test_a_line_that_is_printed_while_a_bar_is_drawn_stands_on_a_line_of_its_own(err):
    """The bar's line is erased first; a long name is not folded, so that it can be copied."""
    terminal, its_end = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", PRINTS_BESIDE_A_BAR.format(err=err)], stdout=its_end, stderr=its_end)
    os.close(its_end)
    shown = b""
    with suppress(OSError):  # Linux's sign that the other end has gone
        while read := os.read(terminal, 65536):
            shown += read
    os.close(terminal)
    assert child.wait() == 0
    assert b"Playing" in shown
    assert b"\r\x1b[2Kone.wav " + 80 * b"x" + b"\r\n" in shown


def test_a_bar_is_drawn_before_the_first_unit_is_done(screen):
    screen.update = lambda task, **changes: None
    with progress.progress(2, "Playing") as bar:
        deadline = time.monotonic() + 5
        while not screen.events and time.monotonic() < deadline:
            time.sleep(0.01)
        assert screen.events == [("Playing", 2)]
        bar()
    assert screen.events == [("Playing", 2), "gone"]


def shown_within(screen, event, seconds=5.0):
    deadline = time.monotonic() + seconds
    while event not in screen.events and time.monotonic() < deadline:
        time.sleep(0.01)
    return event in screen.events


def test_a_start_that_takes_long_is_shown_and_gives_way_to_bars(screen):
    screen.update = lambda task, **changes: None
    with progress.starting():
        assert shown_within(screen, ("Starting", None))
        with progress.progress(2, "Playing") as bar:
            assert shown_within(screen, ("Playing", 2))
            bar()
        with progress.waiting("Saving"):
            assert shown_within(screen, ("Saving", None))
        assert screen.events == [("Starting", None), "gone", ("Playing", 2), "gone", ("Saving", None), "gone"]
    time.sleep(0.8)
    assert screen.events[-1] == "gone" and len(screen.events) == 6


def test_what_takes_long_between_two_bars_is_shown(screen, monkeypatch):
    """evaluate composer measured for minutes after its first bar, without a sign."""
    monkeypatch.setattr(progress, "MORE_S", 0.05)
    with progress.starting():
        with progress.waiting("Reading"):
            assert shown_within(screen, ("Reading", None))
        assert shown_within(screen, ("Working", None))
        with progress.waiting("Writing"):
            assert shown_within(screen, ("Writing", None))
    began = 2 * (screen.events[0] == ("Starting", None))  # which was due at the same time as the first bar
    assert screen.events[began:] == [("Reading", None), "gone", ("Working", None), "gone", ("Writing", None), "gone"]
    with progress.waiting("Reading"):
        pass
    assert not progress._shown


def test_a_start_is_not_shown_once_something_else_is_to_be_seen(screen):
    """As the link of a page that is served until Ctrl-C."""
    with progress.starting():
        progress.started()
        time.sleep(0.15)
    with progress.starting():
        assert shown_within(screen, ("Starting", None))
        progress.started()
        assert screen.events == [("Starting", None), "gone"]


def test_a_start_gives_way_to_a_line_that_is_printed(screen, monkeypatch):
    monkeypatch.setattr(progress, "MORE_S", 0.2)
    with progress.starting():
        assert shown_within(screen, ("Starting", None))
        assert not progress.print_above("one.wav")
        assert screen.events == [("Starting", None), "gone"]
        assert shown_within(screen, ("Working", None))
    assert screen.events[2:] == [("Working", None), "gone"]


def test_a_start_that_is_quick_is_not_shown(screen, monkeypatch):
    monkeypatch.setattr(progress, "DELAY_S", 60.0)
    with progress.starting(), progress.waiting("Compiling"):
        pass
    assert screen.events == []


STARTS_SLOWLY = """
import time
import click
from orchestrion import progress
from orchestrion.cli import app
progress.DELAY_S = 0.1

@app.cli.command()
def slow():
    time.sleep(1.5)
    app.echo("made.mid  71 notes")

app.cli(["slow"])
"""


def test_a_command_that_imports_for_seconds_shows_a_sign_of_life():
    """compose was silent for four seconds, until its bar; the line of what it made stands by itself."""
    terminal, its_end = pty.openpty()
    child = subprocess.Popen([sys.executable, "-c", STARTS_SLOWLY], stdout=its_end, stderr=its_end)
    os.close(its_end)
    shown = b""
    with suppress(OSError):
        while read := os.read(terminal, 65536):
            shown += read
    os.close(terminal)
    assert child.wait() == 0
    assert b"Starting" in shown and b"\x1b[2Kmade.mid  71 notes\r\n" in shown
