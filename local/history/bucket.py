"""Which objects of a bucket to read: lists the folders that may hold them, and no others."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..records_in import File
from .archive import Selection

SCHEME: Final = "s3://"
AT_ONCE: Final = 16


@dataclass(frozen=True, slots=True)
class Location:
    """What a person names: a bucket, and the beginning of keys in it."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Location:
        """`s3://bucket/prefix`."""
        bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
        return cls(bucket, prefix)

    @property
    def url(self) -> str:
        """As it was named."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"


@dataclass(slots=True)
class Listing:
    """Objects to read, and how many there are. Their keys are kept packed: there are millions."""

    location: Location
    objects: int = 0
    size: int = 0
    _pages: dict[str, bytes] = field(default_factory=dict)

    def add(self, page: list[tuple[str, int]]) -> None:
        """Take keys and sizes."""
        if page:
            self.objects += len(page)
            self.size += sum(size for _, size in page)
            self._pages[page[0][0]] = zlib.compress(json.dumps(page).encode(), 1)

    def files(self) -> Iterator[tuple[File, int]]:
        """Each object, and its size."""
        folder = self.location.url
        for first in sorted(self._pages):
            for key, size in json.loads(zlib.decompress(self._pages[first])):
                url = Location(self.location.bucket, key).url
                yield File(url, None if url == folder else folder), size


@contextmanager
def threads() -> Iterator[ThreadPoolExecutor]:
    """What has not begun at the end does not begin any more."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Ask:
    """One call: a page of all that is in a folder, or only of what is on its first level."""

    folder: str
    token: str | None = None


def listing_of(
    client: Any, location: Location, selection: Selection, on_listed: Callable[[int], object]
) -> Listing:
    """The objects that may hold what was asked for. Raises ClientError and BotoCoreError."""
    listing = Listing(location)
    walk = _Walk(client, location.bucket, selection)
    root = location.prefix
    if root and not root.endswith("/"):
        listing.add(walk.object_at(root))
        root += "/"
    with threads() as pool:
        waiting: set[Future[tuple[list[tuple[str, int]], list[_Ask]]]] = set()
        if selection.leads_into(root):
            waiting.add(pool.submit(walk.page, _Ask(root)))
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                page, further = future.result()
                listing.add(page)
                on_listed(len(page))
                waiting |= {pool.submit(walk.page, ask) for ask in further}
    return listing


@dataclass(frozen=True, slots=True)
class _Walk:
    client: Any
    bucket: str
    selection: Selection

    def object_at(self, key: str) -> list[tuple[str, int]]:
        """The object of this key, if there is one."""
        answer = self.client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        return [(it["Key"], it["Size"]) for it in answer.get("Contents", ()) if it["Key"] == key]

    def page(self, ask: _Ask) -> tuple[list[tuple[str, int]], list[_Ask]]:
        """Keys and sizes, and what to ask next."""
        folders = self.selection.folders_in(ask.folder)
        if folders is not None:
            return [], [_Ask(folder) for folder in folders]
        request = {"Bucket": self.bucket, "Prefix": ask.folder}
        # What is in a Region is in the order of days. Before that, each level has a meaning.
        days = self.selection.days_in(ask.folder)
        if days is None:
            request["Delimiter"] = "/"
        elif days.after:
            request["StartAfter"] = days.after
        if ask.token:
            request["ContinuationToken"] = ask.token
        answer = self.client.list_objects_v2(**request)
        found = [(it["Key"], it["Size"]) for it in answer.get("Contents", ())]
        further = [
            _Ask(it["Prefix"])
            for it in answer.get("CommonPrefixes", ())
            if self.selection.leads_into(it["Prefix"])
        ]
        is_past = days and days.before and found and found[-1][0] >= days.before
        if answer["IsTruncated"] and not is_past:
            further.append(replace(ask, token=answer["NextContinuationToken"]))
        # A key that ends so is a folder that somebody made in the console.
        chosen = (it for it in found if not it[0].endswith("/"))
        return [it for it in chosen if self.selection.may_hold(it[0])], further
