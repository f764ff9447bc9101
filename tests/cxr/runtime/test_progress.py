"""Long work is never silent: bars on a terminal, a line now and then elsewhere, none for what is quick."""

import io
import time

import pytest

from cxr.runtime import progress


class Console(io.StringIO):
    """Standard error that is a terminal, or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def quick(monkeypatch):
    """Two seconds and ten, a tenth as long."""
    for name in ("FIRST_SECONDS", "EVERY_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(progress, name, getattr(progress, name) / 10)


@pytest.fixture
def console(monkeypatch):
    """Standard error of a chosen kind."""

    def chosen(terminal=False):
        made = Console(terminal)
        monkeypatch.setattr(progress.sys, "stderr", made)
        return made

    return chosen


def test_without_a_terminal_quick_work_shows_nothing(console):
    shown = console()
    assert list(progress.bar(range(1000), what="decoding", unit="image")) == list(range(1000))
    assert shown.getvalue() == ""


def test_without_a_terminal_long_work_shows_a_line_now_and_then(console, quick):
    shown = console()
    for _ in progress.bar(range(14), what="decoding", unit="image", total=14):
        time.sleep(0.1)
    lines = shown.getvalue().splitlines()
    assert len(lines) == 2 and "\r" not in shown.getvalue()
    assert all(line.startswith("decoding: ") and "%|" in line for line in lines), "as flows read them"


def test_a_bar_that_is_moved_by_hand_shows_lines_too_and_begins_where_work_goes_on(console, quick):
    shown = console()
    with progress.bar(what="epoch 2/3", unit="step", total=10, done=5) as bar:
        time.sleep(0.25)
        bar.update()
    assert shown.getvalue().startswith("epoch 2/3:  60%|")


def test_on_a_terminal_a_bar_is_redrawn_and_gone_in_the_end(console):
    shown = console(terminal=True)
    list(progress.bar(range(3), what="decoding", unit="image"))
    assert "\rdecoding:   0%|" in shown.getvalue() and "\n" not in shown.getvalue()
    assert shown.getvalue().rpartition("\rdecoding")[2].endswith(" \r")


def test_a_bar_that_is_not_to_be_shown_is_not(console):
    shown = console(terminal=True)
    assert list(progress.bar(range(3), what="decoding", unit="image", show=False)) == [0, 1, 2]
    assert shown.getvalue() == ""


def test_silent_work_is_named_after_a_while_and_again_later(console, quick):
    shown = console()
    with progress.heartbeat("train", "loading libraries") as beat:
        time.sleep(0.35)
        beat.now("working")
        time.sleep(1.5)
    assert shown.getvalue() == "train: loading libraries (0 s)\ntrain: working (0 s)\ntrain: working (1 s)\n"
    time.sleep(0.3)
    assert shown.getvalue().count("\n") == 3


def test_work_that_ends_soon_or_has_a_bar_is_not_named(console, quick):
    shown = console(terminal=True)
    with progress.heartbeat("train", "loading libraries"):
        time.sleep(0.1)
    with progress.heartbeat("train", "working"), progress.bar(what="epoch", unit="step", total=5):
        time.sleep(0.4)
    assert "train" not in shown.getvalue()


def test_an_error_in_the_work_is_raised(console):
    console()
    with pytest.raises(ZeroDivisionError), progress.heartbeat("train", "working"):
        raise ZeroDivisionError
