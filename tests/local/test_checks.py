"""The form in which preflight and verify tell what they found."""

import io
import sys

import pytest

from local.checks import Check, Checks, State, guarded, ok, print_checks, stop, summary_of, warning


def three() -> Checks[str]:
    yield ok("trails", "none")
    yield warning("e-mail", "AlertEmail is empty", "Name one")
    yield stop("to CloudWatch Logs", "stopped", "Start it: aws …")
    return "fact"


def test_one_line_each_aligned_the_command_last(capsys: pytest.CaptureFixture[str]) -> None:
    counts, fact = print_checks(three())

    assert fact == "fact"
    assert capsys.readouterr().out.splitlines() == [
        "ok       trails              none",
        "warning  e-mail              AlertEmail is empty. Name one",
        "stop     to CloudWatch Logs  stopped. Start it: aws …",
    ]
    assert summary_of(counts) == "1 ok, 1 warning, 1 stop"


@pytest.mark.parametrize(
    ("is_terminal", "no_color", "is_colourful"),
    [(True, "", True), (True, "1", False), (False, "", False)],
    ids=["terminal", "no-color", "pipe"],
)
def test_colour_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, no_color: str, is_colourful: bool
) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    stream = Stream()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("NO_COLOR", no_color)

    print_checks(three())

    assert ("\x1b[1;31mstop     \x1b[0mto CloudWatch Logs  stopped" in stream.getvalue()) is (
        is_colourful
    )


def test_what_a_name_holds_cannot_make_a_line() -> None:
    assert (
        str(ok("accounts", "a\nstop \x1b[31mb"))
        == "ok       accounts            a\\nstop \\x1b[31mb"
    )


def test_the_counts_name_what_there_is() -> None:
    counts, _ = print_checks(guarded("a", three()))

    assert counts == {State.OK: 1, State.WARNING: 1, State.STOP: 1}
    assert summary_of(counts) == "1 ok, 1 warning, 1 stop"
    counts.clear()
    assert summary_of(counts) == "0 ok"


def test_checks_are_values() -> None:
    assert Check(State.OK, "a", "b") == ok("a", "b")
