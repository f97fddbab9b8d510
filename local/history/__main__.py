"""Lists every time that something was open to the Internet: since when, by whom, until when.

PATH is a file or a folder of CloudTrail records, such as a copy of a trail's archive, in any of the
forms that `make replay` reads, in any order; or s3://BUCKET/PREFIX, which is read with your AWS
credentials. Without a PATH, a sample archive is made and read. Where accounts, Regions or days are
asked for, an archive's files are chosen by their folders, before any is listed or opened.

With --ledger, what the deployed stack remembers of each group is drawn instead.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from security_group_alerter.messages.text import plural
from security_group_alerter.model.exposure_life import ExposureLife
from security_group_alerter.model.severity import Severity

from ..arguments import account_id, severity
from ..program import run
from ..progress import progress
from ..records_in import Reader
from .archive import Selection
from .bucket import SCHEME, Location
from .exposures import exposures_of, in_order
from .printing import Reading, print_exposures, say
from .reading import Found, read
from .sample import write_sample
from .sources import SourceError, size_of

if TYPE_CHECKING:
    from .downloads import Downloads


def main(arguments: list[str] | None = None) -> int:
    """Print the exposures. Returns 2 if a file could not be read whole, 130 when interrupted."""
    options = _options(arguments)
    try:
        if options.ledger:
            return _ledger(options)
        if options.paths:
            return _history(options, options.paths)
        return _sample(options)
    except SourceError as error:
        say(str(error))
        return 2


def _sample(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        written = write_sample(Path(folder))
        say(f"no PATH given: this is a sample archive, {written}")
        if options.html is None and not options.json:
            options.html = Path(tempfile.mkdtemp(prefix="history-"), "sample.html")
        return _history(options, [folder])


def _history(options: argparse.Namespace, paths: list[str]) -> int:
    selection = _selection(options)
    urls = [path for path in paths if path.startswith(SCHEME)]
    reader = Reader()
    files = list(selection.chosen(reader.files_in(path for path in paths if path not in urls)))
    downloads = _downloads(urls, selection, is_sure=options.yes) if urls else None
    size = sum(map(size_of, files)) + (downloads.size if downloads else 0)
    with progress(size, "B") as advance:
        found = read(
            files, selection, workers=options.workers, on_read=advance, downloads=downloads
        )
    reading = Reading(
        read=f"{plural(found.files, 'file')}, {plural(found.bytes, 'byte')}, "
        f"{plural(found.records, 'record')}, {found.ours:,} ours",
        broken="broken file",
        notes=list(_notes_on(found)),
        problems=[*reader.problems, *found.problems],
        is_complete=found.is_complete,
    )
    return _printed(options, selection, exposures_of(found.statements), reading)


def _downloads(urls: list[str], selection: Selection, *, is_sure: bool) -> Downloads:
    # With boto3, which takes its time, and most archives do not need it.
    from .asking import announced

    return announced(urls, selection, is_sure=is_sure)


def _ledger(options: argparse.Namespace) -> int:
    from .ledger import ledger_table, read_ledger

    selection = _selection(options)
    client, table = ledger_table(options.config_env, options.stack)
    with progress(None, " groups") as advance:
        ledger = read_ledger(client, table, selection, advance)
    reading = Reading(
        read=f"{plural(ledger.items, 'item')} of the table",
        broken="broken item",
        source="what the alerter remembers",
        problems=ledger.problems,
        is_complete=ledger.is_complete,
    )
    return _printed(options, selection, in_order(ledger.exposures), reading)


def _printed(
    options: argparse.Namespace,
    selection: Selection,
    lives: Iterable[ExposureLife],
    reading: Reading,
) -> int:
    chosen = [
        life for life in lives if life.severity >= options.severity and selection.overlaps(life)
    ]
    return print_exposures(chosen, reading, as_json=options.json, html=options.html)


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(
        accounts=frozenset(options.account),
        regions=frozenset(options.region),
        since=options.since,
        until=options.until,
    )


def _notes_on(found: Found) -> Iterator[str]:
    if found.unreadable:
        records = plural(found.unreadable, "record")
        yield f"{records} of ours in no form that is known: `make replay` shows what is there"
    if found.left_out:
        yield f"left out {plural(len(found.left_out), 'file')} with something else"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.history",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 2 if a file could not be read whole (all others are), or nothing "
        "could be read; 130 if interrupted (what was found until then is printed).",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        type=_path,
        metavar="PATH",
        help="a file, a folder, or s3://BUCKET/PREFIX",
    )
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
    parser.add_argument(
        "--yes", action="store_true", help="read more than 10 GB of a bucket without asking"
    )
    parser.add_argument(
        "--ledger",
        action="store_true",
        help="instead of a PATH: what the deployed stack remembers, read with your AWS credentials",
    )
    parser.add_argument("--stack", metavar="NAME", help="default: the one in samconfig.toml")
    parser.add_argument(
        "--config-env",
        default="default",
        metavar="NAME",
        help="the environment in samconfig.toml that names the stack (default: default)",
    )
    options = parser.parse_args(arguments)
    if options.stack and not options.ledger:
        parser.error("--stack goes with --ledger")
    if options.ledger and options.paths:
        parser.error("--ledger goes without a PATH")
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


def _path(text: str) -> str:
    if text.startswith(SCHEME) and not Location.of(text).bucket:
        raise argparse.ArgumentTypeError(f"expected s3://BUCKET/PREFIX, found {text}")
    return text


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
