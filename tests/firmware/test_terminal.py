"""The button of a box that is tried out: lines typed into a terminal press it."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from logging.handlers import QueueHandler
from queue import Queue
from threading import Event

import pytest

from firmware.terminal import TerminalButton

Ends = tuple[int, int]
WAIT_S = 60.0


@pytest.fixture(params=[os.openpty, os.pipe], ids=["terminal", "pipe"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Where one types, and where the button reads."""
    first, second = request.param()
    typed, read = (first, second) if request.param is os.openpty else (second, first)
    yield typed, read
    for each in (typed, read):
        os.close(each)


@pytest.fixture
def button(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TerminalButton, Queue[str]]]:
    """A button in the foreground of that terminal, and what it did."""
    monkeypatch.setattr(os, "tcgetpgrp", lambda _source: os.getpgrp())  # the pty has no foreground of its own
    done = Queue[str]()
    with TerminalButton(ends[1]) as opened:
        opened.on_press(lambda: done.put("press"))
        opened.on_hold(lambda: done.put("hold"))
        yield opened, done


def test_enter_presses_it_and_hold_keeps_it_down(ends: Ends, button: tuple[TerminalButton, Queue[str]]) -> None:
    _, done = button
    os.write(ends[0], b"\n")
    assert done.get(timeout=WAIT_S) == "press"
    os.write(ends[0], b" Hold \n")
    assert [done.get(timeout=WAIT_S) for _ in range(2)] == ["press", "hold"]


def test_it_says_that_it_is_simulated(button: tuple[TerminalButton, Queue[str]]) -> None:
    assert button[0].simulated
    assert button[0].name == "terminal"


def test_once_closed_it_reads_nothing(ends: Ends, button: tuple[TerminalButton, Queue[str]]) -> None:
    opened, done = button
    opened.close()
    os.write(ends[0], b"\n")
    assert os.read(ends[1], 10) == b"\n"  # still there: nobody took it
    assert done.empty()


@pytest.fixture
def said() -> Iterator[Queue[logging.LogRecord]]:
    """What the button writes into the log."""
    lines, log = Queue[logging.LogRecord](), logging.getLogger("firmware.terminal")
    handler = QueueHandler(lines)
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)


def test_ctrl_d_at_a_terminal_does_not_end_it(monkeypatch: pytest.MonkeyPatch, said: Queue[logging.LogRecord]) -> None:
    monkeypatch.setattr(os, "tcgetpgrp", lambda _source: os.getpgrp())
    read_nothing, presses = Event(), Queue[str]()
    real = os.read

    def reading(source: int, most: int) -> bytes:
        typed = real(source, most)
        if not typed:
            read_nothing.set()
        return typed

    monkeypatch.setattr(os, "read", reading)
    typed, read = os.openpty()
    with TerminalButton(read) as button:
        button.on_press(lambda: presses.put("press"))
        os.write(typed, b"\x04")
        assert read_nothing.wait(WAIT_S)
        os.write(typed, b"\n")
        assert presses.get(timeout=WAIT_S) == "press"
    assert said.empty()
    os.close(typed)
    os.close(read)


@pytest.mark.parametrize("gone", ["hung up", "of another session", "pipe closed"])
def test_it_says_once_that_nobody_can_press_it_any_more(gone: str, said: Queue[logging.LogRecord]) -> None:
    typed, read = os.openpty() if gone != "pipe closed" else os.pipe()[::-1]
    if gone != "of another session":  # where the system tells no foreground of a terminal
        os.close(typed)
    with TerminalButton(read) as button:
        assert "gone" in said.get(timeout=WAIT_S).getMessage()
        button._thread.join(WAIT_S)
        assert not button._thread.is_alive()
    assert said.empty()
    os.close(read)
    if gone == "of another session":
        os.close(typed)


@pytest.mark.parametrize("standard_input", ["</dev/null", "<&-"], ids=["empty", "none"])
def test_the_program_may_run_where_nobody_can_type(standard_input: str) -> None:
    """By the name in the settings, with the standard input that a service has, or without one."""
    code = (
        "from firmware.factories import open_button\n"
        "with open_button('terminal', 17) as b:\n    b._thread.join()\n    print(b.name)"
    )
    ran = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {standard_input}', sys.executable, code],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert (ran.stdout, ran.returncode) == ("terminal\n", 0)
    assert ran.stderr.startswith("the terminal's button is gone: ")
    assert ran.stderr.count("\n") == 1


def test_in_the_background_it_leaves_the_terminal_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Queue[int]()

    def foreground(_source: int) -> int:
        looks.put(1)
        return -1

    monkeypatch.setattr(os, "tcgetpgrp", foreground)
    typed, read = os.openpty()
    try:
        with TerminalButton(read):
            os.write(typed, b"\n")
            for _ in range(2):
                looks.get(timeout=WAIT_S)
        assert os.read(read, 10) == b"\n"
    finally:
        os.close(typed)
        os.close(read)
