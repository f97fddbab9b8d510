"""The failure queue: each of its messages once, hidden from others until it is handed back."""

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

# SQS takes no more in one call.
MOST_AT_ONCE = 10
# So that every server is asked: without it, an answer may be empty and the queue is not.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
WAIT_SECONDS = 2


class FailureQueue:
    """Holds what it received and did not delete; else that comes back after `hidden_seconds`."""

    def __init__(self, client: SQSClient, url: str, *, at_once: int, hidden_seconds: int) -> None:
        self.url = url
        self.hidden_seconds = hidden_seconds
        self._client = client
        self._at_once = at_once
        # The newest handle by message id: no other surely deletes and hands back.
        self._held: dict[str, str] = {}
        self._deleted: set[str] = set()

    def size(self) -> tuple[int, int]:
        """About how many messages there are, and how many more somebody has hidden."""
        attributes = self._client.get_queue_attributes(
            QueueUrl=self.url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )

    def messages(self) -> Iterator[Message]:
        """Each message once, until there is none that is new."""
        repeated = 0
        # A long run meets again what it hid at its beginning. Once round, and there is nothing new.
        while repeated <= len(self._held) + len(self._deleted) and (received := self._receive()):
            known = self._held.keys() | self._deleted
            new = [message for message in received if message["MessageId"] not in known]
            repeated = 0 if new else repeated + len(received)
            for message in received:
                self._hold(message)
            yield from map(_message_of, new)

    def delete(self, message: Message) -> None:
        """Delete a message that `messages` has given."""
        handle = self._held[message.message_id]
        self._client.delete_message(QueueUrl=self.url, ReceiptHandle=handle)
        del self._held[message.message_id]
        self._deleted.add(message.message_id)

    def hand_back(self) -> int:
        """Let others see the messages at once; how many could not be, and come back later."""
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
            # A server that was away has kept its copy, and hands it out again.
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
