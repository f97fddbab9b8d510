"""Messages reach Amazon SNS in few calls, and one that does not keeps no other from being sent."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ParamValidationError
from mypy_boto3_sns import SNSClient

from local.aws import Topic
from security_group_alerter.messages import LARGEST_MESSAGE, Message
from security_group_alerter.publishing import MOST_IN_BATCH, PublishError, publish
from tests.stories import TOPIC_ARN


def message(number: int, size: int = 0) -> Message:
    body = json.dumps({"default": f"{number} {'x' * size}"})
    return Message(
        subject=f"HIGH: {number}",
        attributes={"severity": "HIGH", "account_name": "Zürich"},
        body=body,
        event_ids=(f"event-{number}",),
    )


def messages(count: int, size: int = 0) -> list[Message]:
    return [message(number, size) for number in range(count)]


class Sns:
    """Amazon SNS, as far as it is called: remembers batches, and fails as told, batch by batch."""

    def __init__(self, *outcomes: Exception | Sequence[str]) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._outcomes = iter(outcomes)

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803, AWS's name
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        assert TopicArn == TOPIC_ARN
        self.batches.append(PublishBatchRequestEntries)
        outcome = next(self._outcomes, ())
        if isinstance(outcome, Exception):
            raise outcome
        return {"Successful": [], "Failed": [{"Id": it, "Code": "InternalError"} for it in outcome]}

    def send(self, sent: Iterator[Message] | list[Message]) -> int:
        return publish(sent, topic_arn=TOPIC_ARN, client=cast("SNSClient", self))

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


def test_a_subscriber_gets_what_was_sent(topic: Topic) -> None:
    count = publish(messages(23), topic_arn=topic.arn, client=boto3.client("sns"))

    assert count == 23
    taken = topic.take()
    assert [alert.subject for alert in taken] == [f"HIGH: {number}" for number in range(23)]
    assert {alert.attributes["account_name"] for alert in taken} == {"Zürich"}
    assert [alert.messages["default"].strip() for alert in taken] == [*map(str, range(23))]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])],
)
def test_ten_in_a_call(count: int, sizes: list[int]) -> None:
    sns = Sns()

    assert sns.send(iter(messages(count))) == count
    assert sns.sizes == sizes
    for batch in sns.batches:
        assert len({entry["Id"] for entry in batch}) == len(batch) <= MOST_IN_BATCH


@pytest.mark.parametrize(
    ("size", "count", "sizes"),
    [
        pytest.param(50_000, 12, [5, 5, 2], id="five-and-no-more"),
        pytest.param(LARGEST_MESSAGE - message(0).size, 3, [1, 1, 1], id="each-as-large-as-may-be"),
        pytest.param(LARGEST_MESSAGE // 2 - message(0).size, 4, [2, 2], id="exactly-two"),
        pytest.param(LARGEST_MESSAGE // 2 - message(0).size + 1, 4, [1] * 4, id="not-quite-two"),
    ],
)
def test_as_much_in_a_call_as_sns_takes(size: int, count: int, sizes: list[int]) -> None:
    sns = Sns()

    sns.send(messages(count, size))

    assert sns.sizes == sizes


def test_a_size_is_counted_in_bytes_with_the_attributes() -> None:
    plain = Message(subject="", attributes={}, body="", event_ids=())
    assert plain.size == 0

    full = Message(subject="ü", attributes={"a": "ü"}, body="😀", event_ids=("not sent",))
    assert full.size == 2 + len("a") + 2 + len("String") + 4


def test_an_entry_is_as_agreed() -> None:
    sns = Sns()

    sns.send([message(7)])

    assert sns.batches == [
        [
            {
                "Id": "0",
                "Subject": "HIGH: 7",
                "Message": '{"default": "7 "}',
                "MessageStructure": "json",
                "MessageAttributes": {
                    "severity": {"DataType": "String", "StringValue": "HIGH"},
                    "account_name": {"DataType": "String", "StringValue": "Zürich"},
                },
            }
        ]
    ]


THROTTLED: Final = ClientError(
    {"Error": {"Code": "ThrottledException", "Message": "Rate exceeded"}}, "PublishBatch"
)


def test_what_http_200_says_failed_is_raised_after_everything_else_was_sent() -> None:
    sns = Sns(["3", "9"], [], ["0"])

    with pytest.raises(PublishError) as raised:
        sns.send(messages(25))

    assert sns.sizes == [10, 10, 5]
    assert str(raised.value) == (
        "3 of 25 messages not sent: HIGH: 3 (event-3): InternalError; "
        "HIGH: 9 (event-9): InternalError; HIGH: 20 (event-20): InternalError"
    )


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (THROTTLED, "Rate exceeded"),
        (ConnectTimeoutError(endpoint_url="https://sns"), "Connect timeout"),
        (ParamValidationError(report="Subject"), "Parameter validation failed"),
    ],
)
def test_a_call_that_fails_keeps_no_other_from_being_made(failure: Exception, words: str) -> None:
    sns = Sns([], failure, [])

    with pytest.raises(PublishError) as raised:
        sns.send(messages(25))

    assert sns.sizes == [10, 10, 5]
    assert str(raised.value).startswith("10 of 25 messages not sent: HIGH: 10 (event-10): ")
    assert str(raised.value).count(words) == 10


def test_a_message_without_an_event_id_is_named_all_the_same() -> None:
    nameless = Message(subject="HIGH: unreadable log event", attributes={}, body="{}", event_ids=())

    with pytest.raises(PublishError, match=r"HIGH: unreadable log event \(no event id\): "):
        Sns(THROTTLED).send([nameless])


def test_a_topic_that_is_gone(topic: Topic) -> None:
    with pytest.raises(PublishError, match=r"^2 of 2 messages not sent: HIGH: 0 .*NotFound"):
        publish(messages(2), topic_arn=f"{topic.arn}-gone", client=boto3.client("sns"))
