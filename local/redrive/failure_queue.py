"""The failure queue: each message once, hidden from other readers until it is returned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from .failed_deliveries import Message

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# SQS accepts no more in one call.
MOST_AT_ONCE = 10
# So that SQS asks all its servers. Otherwise it may return nothing although there are messages.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
WAIT_SECONDS = 2


class FailureQueue:
    """Holds what it has received and not deleted, which others see after `hidden_seconds`."""

    def __init__(self, client: SQSClient, url: str, *, at_once: int, hidden_seconds: int) -> None:
        self.url = url
        self.hidden_seconds = hidden_seconds
        self._client = client
        self._at_once = at_once
        # The newest handle by message ID: SQS may no longer accept older ones.
        self._held: dict[str, str] = {}
        self._deleted: set[str] = set()

    def size(self) -> tuple[int, int]:
        """About how many messages are visible, and how many another reader has taken."""
        attributes = self._client.get_queue_attributes(
            QueueUrl=self.url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )

    def messages(self) -> Iterator[Message]:
        """Each message once, until no new one arrives."""
        repeated = 0
        # A long run receives its first messages again. After a whole round of those, it ends.
        while repeated <= len(self._held) + len(self._deleted) and (received := self._receive()):
            known = self._held.keys() | self._deleted
            new = [message for message in received if message["MessageId"] not in known]
            repeated = 0 if new else repeated + len(received)
            for message in received:
                self._hold(message)
            yield from map(_message_of, new)

    def delete(self, message: Message) -> None:
        """Delete a message that `messages` has yielded."""
        handle = self._held[message.message_id]
        self._client.delete_message(QueueUrl=self.url, ReceiptHandle=handle)
        del self._held[message.message_id]
        self._deleted.add(message.message_id)

    def hand_back(self) -> int:
        """Show the messages to others now. Returns how many could not be, and come back later."""
        handles = list(self._held.values())
        self._held.clear()
        done = 0
        with suppress(ClientError, BotoCoreError):
            for start in range(0, len(handles), MOST_AT_ONCE):
                answer = self._client.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                        for index, handle in enumerate(handles[start : start + MOST_AT_ONCE])
                    ],
                )
                done += len(answer["Successful"])
        return len(handles) - done

    def _receive(self) -> list[MessageTypeDef]:
        return self._client.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=self._at_once,
            VisibilityTimeout=self.hidden_seconds,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["ErrorMessage"],
        ).get("Messages", [])

    def _hold(self, message: MessageTypeDef) -> None:
        message_id, handle = message["MessageId"], message["ReceiptHandle"]
        if message_id in self._deleted:
            # A server that was unavailable has kept its copy, and delivers it again.
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
            self._client.delete_message(QueueUrl=self.url, ReceiptHandle=handle)
        else:
            self._held[message_id] = handle


def _message_of(message: MessageTypeDef) -> Message:
    attributes = message.get("MessageAttributes") or {}
    error_message = attributes.get("ErrorMessage")
    milliseconds = int(message["Attributes"]["SentTimestamp"])
    return Message(
        message_id=message["MessageId"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(milliseconds / 1000, tz=UTC),
        error_message=error_message.get("StringValue") if error_message else None,
    )
