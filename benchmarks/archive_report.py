"""What `make bench-history` measured, as tables for the terminal and the documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from .goals import ARCHIVE_GOALS

ONE: Final = "make history, one process"
TWO: Final = "make history, two processes"
JSON: Final = "gzip.open and json.load"
JQ: Final = "zcat and jq"
ZLIB: Final = "only unpacking, zlib"
ISAL: Final = "only unpacking, isal"
DUCKDB: Final = "DuckDB, read_json"

Ways = Mapping[str, Mapping[str, float]]


def reached(ways: Ways) -> dict[str, float | None]:
    """What was reached of each goal; None for what was not measured."""
    one, two = ways[ONE], ways[TWO]

    def against(name: str) -> float | None:
        return one["processor_s"] / ways[name]["processor_s"] if name in ways else None

    return {
        "history_vs_json": against(JSON),
        "history_vs_jq": against(JQ),
        "history_vs_zlib": against(ZLIB),
        "two_vs_one": two["s"] / one["s"],
        "history_mb": max(one["mb"], two["mb"]),
    }


def missed(ways: Ways) -> list[str]:
    """The words of goals that are not met."""
    values = reached(ways)
    return [goal.words for name, goal in ARCHIVE_GOALS.items() if not goal.is_met_by(values[name])]


def archive_tables(results: Mapping[str, Any]) -> str:
    """The goals, then each way to read the archive."""
    ways, values = results["ways"], reached(results["ways"])
    goals = (
        (
            f"{goal.words}, {goal.unit}" if goal.unit else goal.words,
            _number(values[name])
            if goal.is_met_by(values[name])
            else f"**{_number(values[name])}**",
            f"{goal.most:g}",
        )
        for name, goal in ARCHIVE_GOALS.items()
    )
    header = "processor time, s", "times unpacking", "time, s", "MB a second", "peak memory, MB"
    rows = ((name, *map(_number, _row(it, results))) for name, it in ways.items())
    return "\n".join(
        (
            *_table(("goal", "measured", "at most"), goals),
            "",
            *_table((f"{results['gb']:.2f} GB in {results['files']:,} files", *header), rows),
            "",
            _from(results),
        )
    )


def _row(way: Mapping[str, float], results: Mapping[str, Any]) -> Iterator[float]:
    yield way["processor_s"]
    yield way["processor_s"] / results["ways"][ZLIB]["processor_s"]
    yield way["s"]
    yield round(1000 * results["gb"] / way["s"])
    yield round(way["mb"])


def year_table(results: Mapping[str, Any]) -> str:
    """What a year of an organization took."""
    rows = (
        ("accounts", f"{results['accounts']:,}"),
        ("files", f"{results['files']:,}"),
        ("size, unpacked, GB", _number(results["gb"])),
        ("records", f"{results['records']:,}"),
        ("records of calls that change groups", f"{results['ours']:,}"),
        ("exposures", f"{results['exposures']:,}"),
        ("time, s", _number(results["s"])),
        ("processor time, s", _number(results["processor_s"])),
        ("MB a second, unpacked", f"{1000 * results['gb'] / results['s']:.0f}"),
        ("peak memory of a process, MB", f"{results['mb']:.0f}"),
    )
    return "\n".join((*_table(("a year", "measured"), rows), "", _from(results)))


def _from(results: Mapping[str, Any]) -> str:
    return f"{results['date']}, Python {results['python']}, {results['machine']}."


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = tuple(header)
    for line in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(line)} |"


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}".removesuffix(".00")
