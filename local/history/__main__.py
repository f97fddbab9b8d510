"""Lists every time that something was open to the Internet: since when, by whom, until when.

PATH is a file or a folder of CloudTrail records, such as a copy of a trail's archive, in any of the
forms that `make replay` reads, in any order. Without a PATH, a sample archive is made and read.
Where accounts, Regions or days are asked for, an archive's files are chosen by their folders.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

from security_group_alerter.messages.text import plural
from security_group_alerter.model.severity import Severity

from ..arguments import account_id, severity
from ..program import run
from ..progress import progress
from ..records_in import Reader
from .archive import Selection
from .exposures import exposures_of, json_of
from .page import write_page
from .reading import Found, read, size_of
from .sample import write_sample
from .table import table_of, totals_of


def main(arguments: list[str] | None = None) -> int:
    """Print the exposures. Returns 2 if a file could not be read whole, 130 when interrupted."""
    options = _options(arguments)
    if options.paths:
        return _history(options, options.paths)
    with tempfile.TemporaryDirectory() as folder:
        written = write_sample(Path(folder))
        print(f"history: no PATH given: this is a sample archive, {written}", file=sys.stderr)
        if options.html is None and not options.json:
            options.html = Path(tempfile.mkdtemp(prefix="history-"), "sample.html")
        return _history(options, [folder])


def _history(options: argparse.Namespace, paths: list[str]) -> int:
    selection = Selection(
        accounts=frozenset(options.account),
        regions=frozenset(options.region),
        since=options.since,
        until=options.until,
    )
    reader = Reader()
    files = list(selection.chosen(reader.files_in(paths)))
    with progress(sum(map(size_of, files)), "B") as advance:
        found = read(files, selection, workers=options.workers, on_read=advance)
    found.problems[:0] = reader.problems
    lives = [
        life
        for life in exposures_of(found.statements)
        if life.severity >= options.severity and selection.overlaps(life)
    ]
    if options.json:
        sys.stdout.writelines(f"{json_of(life)}\n" for life in lives)
    elif lives:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        sys.stdout.writelines(f"{line}\n" for line in table_of(lives, width))
        print(f"\n{totals_of(lives)}")
    sys.stdout.flush()
    if options.html is not None:
        is_partial = bool(found.problems) or not found.is_complete
        try:
            write_page(options.html, lives, is_partial=is_partial)
            _say(f"wrote the page {options.html}")
        except OSError as error:
            found.problems.append(f"{options.html}: cannot be written: {error.strerror}")
    return _summary(found, len(lives), sum(life.closed is None for life in lives))


def _summary(found: Found, exposures: int, still_open: int) -> int:
    """Print to standard error what was read, and what could not be; returns the exit status."""
    print(
        f"{plural(found.files, 'file')}, {plural(found.bytes, 'byte')}, "
        f"{plural(found.records, 'record')}, {found.ours:,} ours, "
        f"{plural(exposures, 'exposure')}, {still_open:,} open, "
        f"{plural(len(found.problems), 'broken file')}",
        file=sys.stderr,
    )
    if found.unreadable:
        records = plural(found.unreadable, "record")
        _say(f"{records} of ours in no form that is known: `make replay` shows what is there")
    if found.left_out:
        _say(f"left out {plural(len(found.left_out), 'file')} with something else")
    for problem in found.problems:
        _say(problem)
    if not found.is_complete:
        _say("interrupted: this is partial, what was found until then")
        return 130
    return 2 if found.problems else 0


def _say(words: str) -> None:
    print(f"history: {words}", file=sys.stderr)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 2 if a file could not be read whole (all others are); 130 if "
        "interrupted (what was found until then is printed).",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="a file or a folder")
    parser.add_argument("--json", action="store_true", help="print JSON Lines, an exposure a line")
    parser.add_argument(
        "--html",
        type=_new_file,
        metavar="FILE",
        help="write a page for people as well: figures, a timeline, every exposure",
    )
    parser.add_argument(
        "--since",
        type=_day,
        metavar="DAY",
        help="read files of this day and later, as 2026-11-01; what was opened before then has no "
        "beginning",
    )
    parser.add_argument("--until", type=_day, metavar="DAY", help="leave out this day and later")
    parser.add_argument(
        "--account", type=account_id, action="append", default=[], help="repeat it for several"
    )
    parser.add_argument("--region", action="append", default=[], help="repeat it for several")
    parser.add_argument(
        "--severity",
        type=severity,
        default=Severity.INFORMATIONAL,
        metavar="SEVERITY",
        help=f"leave out what is less severe: {', '.join(Severity.__members__)}",
    )
    parser.add_argument(
        "--workers",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes that read at once (default: as many as there are cores)",
    )
    options = parser.parse_args(arguments)
    if options.since and options.until and options.since >= options.until:
        parser.error("--until: expected a day after --since")
    return options


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a day such as 2026-11-01, found {text}"
        ) from None


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"expected a file in a folder that exists, found {text}")
    return path


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text}")
    return int(text)


if __name__ == "__main__":
    run("history", main, when_closed=0)
