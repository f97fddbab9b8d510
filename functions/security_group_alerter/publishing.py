"""Step 9: messages go to Amazon SNS, in as few calls as they fit in. Writes AWS.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from .messages import LARGEST_MESSAGE, Message

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

MOST_IN_BATCH = 10


class PublishError(RuntimeError):
    """Some messages were not accepted; all others were sent. Names their events and why."""


def publish(messages: Iterable[Message], *, topic_arn: str, client: SNSClient) -> int:
    """Send every message and return how many there were; raises PublishError at the end."""
    sent = 0
    refused: list[str] = []
    for batch in _batches_of(messages):
        sent += len(batch)
        refused += _publish_batch(batch, topic_arn, client)
    if refused:
        raise PublishError(f"{len(refused)} of {sent} messages not sent: {'; '.join(refused)}")
    return sent


def _publish_batch(batch: list[Message], topic_arn: str, client: SNSClient) -> list[str]:
    """Why each message that was not accepted was not. HTTP 200 may carry failures."""
    try:
        answer = client.publish_batch(
            TopicArn=topic_arn,
            PublishBatchRequestEntries=[
                _entry_of(message, index) for index, message in enumerate(batch)
            ],
        )
    except (ClientError, BotoCoreError) as error:
        return [f"{_named(message)}: {error}" for message in batch]
    return [
        f"{_named(batch[int(failed['Id'])])}: {failed.get('Message') or failed['Code']}"
        for failed in answer.get("Failed", ())
    ]


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


def _named(message: Message) -> str:
    return f"{message.subject} ({', '.join(message.event_ids) or 'no event id'})"
