"""The queue of the sweep: each message asks for one account and Region.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.config import Config

from ..model import ids
from ..model.sweep import Place, SweepItem

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

THREADS = 8
CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 5},
    max_pool_connections=THREADS,
)
# What a call takes: so many messages, and so many bytes of all of them.
MOST_IN_CALL = 10
LARGEST_CALL = 200_000


class SendError(Exception):
    """Amazon SQS took some messages of a call, and not others."""


class ItemError(ValueError):
    """A message asks for no account and Region."""


class SweepQueue:
    """The queue. `client` should be made with CLIENT_CONFIG."""

    def __init__(self, client: SQSClient, *, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, items: Iterable[SweepItem]) -> int:
        """Ask for these; returns how many. Raises SendError, and what Amazon SQS raises."""
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(self._send, _calls_of(map(body_of, items))))

    def _send(self, bodies: list[str]) -> int:
        answer = self._client.send_message_batch(
            QueueUrl=self._queue_url,
            Entries=[{"Id": str(it), "MessageBody": body} for it, body in enumerate(bodies)],
        )
        for failed in answer.get("Failed", ()):
            raise SendError(f"{failed['Code']}: {failed.get('Message', 'no message')}")
        return len(bodies)


def _calls_of(bodies: Iterable[str]) -> Iterator[list[str]]:
    call: list[str] = []
    size = 0
    for body in bodies:
        if call and (len(call) == MOST_IN_CALL or size + len(body) > LARGEST_CALL):
            yield call
            call, size = [], 0
        call.append(body)
        size += len(body)
    if call:
        yield call


def body_of(item: SweepItem) -> str:
    """An item as a message."""
    place = item.place
    return json.dumps(
        {"account_id": place.account_id, "region": place.region, "open": item.open_ids}
    )


def item_in(body: str) -> SweepItem:
    """The item in a message. Raises ItemError."""
    try:
        members = json.loads(body)
        account_id, region, open_ids = (members[it] for it in ("account_id", "region", "open"))
        is_place = ids.ACCOUNT.fullmatch(account_id) and ids.REGION.fullmatch(region)
        item = SweepItem(
            place=Place(account_id=account_id, region=region), open_ids=tuple(map(str, open_ids))
        )
    except (ValueError, TypeError, LookupError) as error:
        raise ItemError(f"{body[:200]}: {error}") from error
    if not is_place:
        raise ItemError(f"{body[:200]}: expected an account and a Region")
    return item
