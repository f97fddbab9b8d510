"""Step 9: messages go to Amazon SNS, in as few calls as they fit in. Writes AWS.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ..messages import LARGEST_MESSAGE, Message

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


class PublishError(RuntimeError):
    """Some messages were not accepted; all others were sent. Names their events and why."""


class Publisher:
    """Sends to one topic. `time_left` is what the function has, in seconds."""

    def __init__(
        self, client: SNSClient, *, topic_arn: str, sleep: Callable[[float], None]
    ) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._sleep = sleep

    def publish(
        self,
        messages: Iterable[Message],
        *,
        on_accepted: Callable[[Message], None],
        on_refused: Callable[[Message], None],
        time_left: Callable[[], float],
    ) -> None:
        """Send every message, telling of each what became of it.

        Raises PublishError at the end when it did not take them all, or when the time ran out.
        """
        refused: list[str] = []
        for batch in _batches_of(messages):
            if time_left() < RESERVED_SECONDS:
                refused.append(_OUT_OF_TIME)
                break
            refusals = self._send(batch, time_left)
            for index, message in enumerate(batch):
                if index in refusals:
                    refused.append(f"{_named(message)}: {refusals[index]}")
                    on_refused(message)
                else:
                    on_accepted(message)
        if refused:
            raise PublishError(f"not every alert was sent: {'; '.join(refused)}")

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
            failed = answer.get("Failed", ())
            refused |= {int(it["Id"]): _why(it) for it in failed if it.get("SenderFault")}
            left = {int(it["Id"]): _why(it) for it in failed if not it.get("SenderFault")}
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


def _named(message: Message) -> str:
    return f"{message.subject} ({', '.join(message.event_ids) or 'no event id'})"
