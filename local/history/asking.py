"""Says how much there is to read in buckets before it is read, and asks where that is much."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import boto3
from botocore.exceptions import BotoCoreError

from security_group_alerter.messages.text import plural

from ..progress import progress
from .archive import Selection
from .aws_words import reason_of
from .downloads import CLIENT_CONFIG, Downloads
from .sources import SourceError

# Above this, a person is asked: it takes a while, and the network may cost.
_MUCH: Final = 10 * 1000**3
_UNITS: Final = (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000))


def announced(urls: Sequence[str], selection: Selection, *, is_sure: bool) -> Downloads:
    """What is to be downloaded, which has been said and agreed to. Raises SourceError."""
    try:
        client = boto3.Session().client("s3", config=CLIENT_CONFIG)
    except BotoCoreError as error:
        raise SourceError(reason_of(error, needed="")) from None
    with progress(None, " objects") as advance:
        downloads = Downloads.of(client, urls, selection, advance)
    size = size_words(downloads.size)
    where = ", ".join(urls)
    print(f"history: {where}: {plural(downloads.objects, 'object')}, {size}", file=sys.stderr)
    if downloads.size > _MUCH and not is_sure:
        _ask(size)
    return downloads


def size_words(size: int) -> str:
    """`12.3 GB`, `4.0 kB`, `17 bytes`."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return plural(size, "byte")


def _ask(size: str) -> None:
    fewer = "ask for fewer with --account, --region, --since and --until"
    if not sys.stdin.isatty():
        raise SourceError(
            f"{size} are to be read, and nobody can be asked, because standard input is not a "
            f"terminal: say --yes, or {fewer}"
        )
    # Standard output belongs to the result.
    print(f"Read {size}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise SourceError(f"nothing was read; {fewer}")
