"""Publishes messages to Amazon SNS, in as few calls as they fit in.

https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ..model.dataclass import dataclass
from ..model.message import LARGEST_MESSAGE, Message, Sent
from .sending_slots import LATENESS, MOST_IN_A_SECOND

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import (
        BatchResultErrorEntryTypeDef,
        PublishBatchRequestEntryTypeDef,
    )

    from ..model.time_left import TimeLeft

# Amazon SNS takes ten; a batch is sent within one second.
MOST_IN_BATCH = MOST_IN_A_SECOND
# One call, with all its attempts, takes at most about 15 seconds, and so does marking what it sent:
# with less time than this left the rest is better left to Lambda's retry.
RESERVED_SECONDS = 35.0
CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3}
)
# HTTP 200 may carry failures. Those that are the service's own are offered again so many times.
_TRIES = 3
_OUT_OF_TIME = "the time ran out: the rest is left to the retry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where messages go: all to `alerts`; to `chat` as well, where there is one, what is for it."""

    alerts: str
    chat: str | None = None
    is_for_chat: Callable[[Message], bool] = lambda _: True


class Publisher:
    """Sends to the topics. `reserve` says when batches of so many messages may go."""

    def __init__(
        self,
        client: SNSClient,
        *,
        topics: Topics,
        reserve: Callable[..., list[float]],
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._topics = topics
        self._reserve = reserve
        self._sleep = sleep

    def publish(self, messages: Iterable[Message], time_left: TimeLeft) -> Iterator[Sent]:
        """Send every message, and yield what became of it.

        `time_left` is what the function has, in seconds. What does not fit into it at the pace that
        Amazon SNS bears is refused, and left to the retry.
        """
        batches = list(_batches_of(messages))
        began = time_left()
        waits = self._reserve([len(it) for it in batches], within=began - RESERVED_SECONDS)
        late = 0.0
        for number, batch in enumerate(batches):
            refusals = dict.fromkeys(range(len(batch)), _OUT_OF_TIME)
            if number < len(waits):
                self._sleep(max(0.0, waits[number] + late - (began - time_left())))
                refusals = self._send_to_both(batch, time_left)
                # After a call that took long, those that follow keep their distance from it.
                late = max(late, began - time_left() - waits[number] - LATENESS)
            for index, message in enumerate(batch):
                yield Sent(message=message, refusal=refusals.get(index))

    def _send_to_both(self, batch: list[Message], time_left: TimeLeft) -> dict[int, str]:
        """A message that one topic refuses comes again: twice in the other, rather than lost."""
        topics = self._topics
        refusals = self._send(topics.alerts, batch, time_left)
        places = [i for i, message in enumerate(batch) if topics.is_for_chat(message)]
        if topics.chat is not None and places:
            of_chat = self._send(topics.chat, [batch[i] for i in places], time_left)
            refusals |= {places[i]: f"chat topic: {why}" for i, why in of_chat.items()}
        return refusals

    def _send(self, topic_arn: str, batch: list[Message], time_left: TimeLeft) -> dict[int, str]:
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
                    TopicArn=topic_arn,
                    PublishBatchRequestEntries=[_entry_of(batch[i], i) for i in left],
                )
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if len(batch) > 1 and _is_about_content(error):
                    alone = {i: self._send(topic_arn, [batch[i]], time_left) for i in left}
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
    """As many messages as a second bears, and 256 KiB together."""
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
