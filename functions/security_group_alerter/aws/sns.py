"""Publishes messages to Amazon SNS, in as few calls as they fit in.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ..model.message import LARGEST_MESSAGE, Message, Sent

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import (
        BatchResultErrorEntryTypeDef,
        PublishBatchRequestEntryTypeDef,
    )

MOST_IN_BATCH = 10
# One call, with all its attempts, takes at most about 15 seconds, and so does marking what it sent:
# with less time than this left the rest is better left to Lambda's retry.
RESERVED_SECONDS = 35.0
CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)
# HTTP 200 may carry failures. Those that are the service's own are offered again so many times.
_TRIES = 3
_OUT_OF_TIME = "the time ran out: the rest is left to the retry"


class Publisher:
    """Sends to one topic."""

    def __init__(
        self, client: SNSClient, *, topic_arn: str, sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._sleep = sleep

    def publish(
        self, messages: Iterable[Message], time_left: Callable[[], float]
    ) -> Iterator[Sent]:
        """Send every message, and yield what became of it.

        `time_left` is what the function has, in seconds. When it runs out, the batch at hand is
        refused and the rest is not taken from `messages`: both are left to the retry.
        """
        for batch in _batches_of(messages):
            refusals = self._send(batch, time_left)
            for index, message in enumerate(batch):
                yield Sent(message=message, refusal=refusals.get(index))
            if _OUT_OF_TIME in refusals.values():
                return

    def _send(self, batch: list[Message], time_left: Callable[[], float]) -> dict[int, str]:
        """Why Amazon SNS did not take a message, by its place in the batch."""
        refused: dict[int, str] = {}
        left = dict.fromkeys(range(len(batch)), _OUT_OF_TIME)
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(0.2 * 2**attempt)
            if time_left() < RESERVED_SECONDS:
                break
            try:
                answer = self._client.publish_batch(
                    TopicArn=self._topic_arn,
                    PublishBatchRequestEntries=[_entry_of(batch[i], i) for i in left],
                )
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if len(batch) > 1 and _is_about_content(error):
                    alone = {i: self._send([batch[i]], time_left) for i in left}
                    return refused | {i: why[0] for i, why in alone.items() if why}
                return refused | dict.fromkeys(left, str(error))
            taken = {int(it["Id"]) for it in answer.get("Successful", ())}
            failed = {int(it["Id"]): it for it in answer.get("Failed", ())}
            refused |= {i: _why(it) for i, it in failed.items() if it.get("SenderFault")}
            # What the answer does not name was not taken, either.
            left = {
                i: _why(failed[i]) if i in failed else "the answer does not name it"
                for i in left
                if i not in taken and i not in refused
            }
            if not left:
                break
        return refused | left


def _is_about_content(error: Exception) -> bool:
    """Whether Amazon SNS dislikes a message, which must not take the rest of its batch with it."""
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    return code.startswith(("InvalidParameter", "ValidationError")) or code.endswith("TooLong")


def _batches_of(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """At most ten messages, and 256 KiB together."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MOST_IN_BATCH or size + message.size > LARGEST_MESSAGE):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message.size
    if batch:
        yield batch


def _entry_of(message: Message, index: int) -> PublishBatchRequestEntryTypeDef:
    return {
        "Id": str(index),
        "Subject": message.subject,
        "Message": message.body,
        "MessageStructure": "json",
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in message.attributes.items()
        },
    }


def _why(entry: BatchResultErrorEntryTypeDef) -> str:
    return f"{entry['Code']} {entry.get('Message', '')}".strip()
