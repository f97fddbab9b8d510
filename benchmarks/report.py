"""The results as a table: goals with what was measured, then what helps to read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .goals import CONTEXT, GOALS, Context, Goal


def missed(results: Mapping[str, Any]) -> list[str]:
    """The names of goals that are not met, in order."""
    measured = results["measured"]
    return [name for name, goal in GOALS.items() if not goal.is_met_by(measured[name])]


def table_of(results: Mapping[str, Any]) -> str:
    """Everything in results.json, for people."""
    return "\n".join(
        (
            f"{results['date']}, Python {results['python']}, {results['machine']}",
            "",
            *_goal_lines(results),
            "",
            *_context_lines(results),
            "",
            *_median_lines(results["medians"]),
        )
    )


def _goal_lines(results: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'goal':{_WIDTH}} {'measured':>9} {'at most':>8}"
    not_met = missed(results)
    for name, goal in GOALS.items():
        value = _number(results["measured"][name])
        line = f"{_words(goal):{_WIDTH}} {value:>9} {goal.most:>8g}"
        yield f"{line}  missed" if name in not_met else line


def _context_lines(results: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'beside these':{_WIDTH}} {'measured':>9}"
    for name, row in CONTEXT.items():
        yield f"{_words(row):{_WIDTH}} {_number(results['context'][name]):>9}"


def _median_lines(medians: Mapping[str, Mapping[str, float | None]]) -> Iterator[str]:
    columns = list(next(iter(medians.values())))
    yield f"{'processor ms and MB, medians':32} {' '.join(f'{it:>9}' for it in columns)}"
    for name, values in medians.items():
        yield f"{name:32} {' '.join(f'{_number(values[it]):>9}' for it in columns)}"


def _words(row: Goal | Context) -> str:
    return f"{row.words}, {row.unit}" if row.unit else row.words


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}".removesuffix(".00")


_WIDTH: Final = max(len(_words(row)) for rows in (GOALS, CONTEXT) for row in rows.values())
