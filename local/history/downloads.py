"""Objects of buckets are read as files are: several downloads at once, each handed on in order."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
)

from ..aws_errors import is_denied
from ..records_in import File
from .archive import Selection
from .aws_words import is_final, reason_of
from .bucket import AT_ONCE, SCHEME, Listing, Location, listing_of, threads
from .sources import Source, SourceError

CLIENT_CONFIG: Final = Config(
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=AT_ONCE,
    retries={"total_max_attempts": 5, "mode": "standard"},
)
# An object that breaks off is asked for so often. What fails before that, botocore tries again.
_TRIES: Final = 3
# What is larger is not CloudTrail's, and is read piece by piece.
_LARGEST: Final = 8 * 1024 * 1024
# What is downloaded, or being downloaded, and not handed on yet: in bytes and in objects.
_MOST_BYTES: Final = 16 * 1024 * 1024
_MOST_OBJECTS: Final = 256
_NEEDED: Final = (
    "you need s3:ListBucket on the bucket, s3:GetObject on its objects, and kms:Decrypt on the key "
    "that encrypts them, if one does"
)


@dataclass(slots=True)
class Downloads:
    """Objects of a bucket or of several. `problems` are those that cannot be read, a line each.

    Once AWS accepts the credentials no longer, nothing more is asked for.
    """

    client: Any
    listings: Sequence[Listing] = ()
    problems: list[str] = field(default_factory=list)
    _is_over: bool = False

    @classmethod
    def of(
        cls,
        client: Any,
        urls: Iterable[str],
        selection: Selection,
        on_listed: Callable[[int], object],
    ) -> Downloads:
        """List what is to be read, and see whether it may be. Raises SourceError."""
        made = cls(client)
        for url in urls:
            try:
                listing = listing_of(client, Location.of(url), selection, on_listed)
                made.listings = (*made.listings, listing)
                if not listing.objects:
                    raise SourceError(f"{url}: there are no objects of what was asked for")
                made._try(next(file for file, _ in listing.files()))
            except (ClientError, BotoCoreError) as error:
                raise SourceError(f"{url}: {reason_of(error, _NEEDED)}") from None
        return made

    @property
    def objects(self) -> int:
        """How many there are."""
        return sum(it.objects for it in self.listings)

    @property
    def size(self) -> int:
        """As they are stored."""
        return sum(it.size for it in self.listings)

    def sources(self) -> Iterator[Source]:
        """Each object with its content, in order; without it, what is large or unreadable."""
        waiting: deque[tuple[File, int, Future[bytes]]] = deque()
        held = 0
        with threads() as pool:
            for file, size in (it for listing in self.listings for it in listing.files()):
                if self._is_over:
                    return
                if size > _LARGEST:
                    yield Source(file, size)
                    continue
                while waiting and (held + size > _MOST_BYTES or len(waiting) == _MOST_OBJECTS):
                    held -= waiting[0][1]
                    yield from self._arrived(*waiting.popleft())
                waiting.append((file, size, pool.submit(self._content_of, file)))
                held += size
            while waiting and not self._is_over:
                yield from self._arrived(*waiting.popleft())

    def copied(self, files: Iterable[File]) -> Iterator[File]:
        """Files that can be opened, each with a copy until the next one is asked for."""
        for file in files:
            if not file.path.startswith(SCHEME):
                yield file
                continue
            if self._is_over:
                return
            with NamedTemporaryFile(prefix="history-") as copy:
                try:
                    self._fetch(file, copy)
                    copy.flush()
                except (ClientError, BotoCoreError) as error:
                    self._report(file, error)
                else:
                    yield replace(file, copy=copy.name)

    def _arrived(self, file: File, size: int, content: Future[bytes]) -> Iterator[Source]:
        try:
            yield Source(file, size, content.result())
        except (ClientError, BotoCoreError) as error:
            self._report(file, error)

    def _report(self, file: File, error: ClientError | BotoCoreError) -> None:
        self._is_over = is_final(error)
        rest = "; nor can what follows it be read" if self._is_over else ""
        self.problems.append(f"{file.name}: {reason_of(error, _NEEDED)}{rest}")

    def _content_of(self, file: File) -> bytes:
        into = BytesIO()
        self._fetch(file, into)
        return into.getvalue()

    def _fetch(self, file: File, into: IO[bytes]) -> None:
        for tries_left in reversed(range(_TRIES)):
            body = self._open(file)
            try:
                into.seek(0)
                into.truncate()
                shutil.copyfileobj(body, into)
            except (HTTPClientError, IncompleteReadError):
                if not tries_left:
                    raise
            else:
                return

    def _try(self, file: File) -> None:
        """Raise what any other object would be refused for, too."""
        try:
            self._open(file).close()
        except ClientError as error:
            if is_denied(error) or is_final(error):
                raise

    def _open(self, file: File) -> Any:
        location = Location.of(file.path)
        return self.client.get_object(Bucket=location.bucket, Key=location.prefix)["Body"]
