"""Messages reach Amazon SNS in few calls, and one that does not keeps no other from being sent."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ParamValidationError
from botocore.parsers import ResponseParserError
from mypy_boto3_sns import SNSClient

from local.aws import Topic
from security_group_alerter.aws.sending_slots import LATENESS
from security_group_alerter.aws.sns import MOST_IN_BATCH, RESERVED_SECONDS, Publisher, Topics
from security_group_alerter.model.message import LARGEST_MESSAGE, Message, Sent
from security_group_alerter.model.seen import Mark
from tests.stories import TOPIC_ARN


def at_once(counts: Sequence[int], *, within: float) -> list[float]:
    """Nobody else sends, and no second has too many: each batch goes when it likes."""
    return [0.0 for _ in counts] if within >= 0 else []


def message(number: int, size: int = 0) -> Message:
    body = json.dumps({"default": f"{number} {'x' * size}"})
    return Message(
        subject=f"HIGH: {number}",
        attributes={"severity": "HIGH", "account_name": "Zürich"},
        body=body,
        event_ids=(f"event-{number}",),
        marks=(Mark(f"event-{number}"),),
    )


def messages(count: int, size: int = 0) -> list[Message]:
    return [message(number, size) for number in range(count)]


# What becomes of a call: an error, or the ids of the entries that failed, with whose fault it is.
Outcome = Exception | dict[str, bool]
OURS, THEIRS = True, False


class Sns:
    """Amazon SNS, as far as it is called: remembers batches, and fails as told, batch by batch."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.topics: list[str] = []
        self.slept: list[float] = []
        self.accepted: list[str] = []
        self.refused: dict[str, str] = {}
        self._outcomes = iter(outcomes)

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803, AWS's name
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        self.topics.append(TopicArn)
        self.batches.append(PublishBatchRequestEntries)
        outcome = next(self._outcomes, {})
        if isinstance(outcome, Exception):
            raise outcome
        sent = {entry["Id"] for entry in PublishBatchRequestEntries}
        assert outcome.keys() <= sent
        return {
            "Successful": [{"Id": it, "MessageId": it} for it in sorted(sent - outcome.keys())],
            "Failed": [
                {"Id": it, "Code": "InternalError", "SenderFault": is_ours}
                for it, is_ours in outcome.items()
            ],
        }

    def send(
        self, sent: Iterable[Message], time_left: Callable[[], float] = lambda: RESERVED_SECONDS
    ) -> None:
        publisher = self.publisher()
        for it in publisher.publish(sent, time_left):
            if it.refusal is None:
                self.accepted.append(it.message.subject)
            else:
                self.refused[it.message.subject] = it.refusal

    def publisher(
        self, reserve: Callable[..., list[float]] = at_once, chat: str | None = None
    ) -> Publisher:
        return Publisher(
            cast("SNSClient", self),
            topics=Topics(
                alerts=TOPIC_ARN,
                chat=chat,
                is_for_chat=lambda message: message.attributes["severity"] == "HIGH",
            ),
            reserve=reserve,
            sleep=lambda seconds: self.slept.append(seconds) if seconds else None,
        )

    @property
    def sizes(self) -> list[int]:
        return [len(batch) for batch in self.batches]


@pytest.mark.parametrize("named", [0, 2])
def test_what_the_answer_does_not_name_is_offered_again_and_then_refused(named: int) -> None:
    class Forgetful(Sns):
        def publish_batch(self, **call: Any) -> dict[str, Any]:
            answer = super().publish_batch(**call)
            return {"Successful": [it for it in answer["Successful"] if int(it["Id"]) < named]}

    sns = Forgetful()

    sns.send(messages(3))

    assert sns.sizes == [3, 3 - named, 3 - named]
    assert sns.accepted == subjects(*range(named))
    assert sns.refused == dict.fromkeys(
        others_than(*range(named), of=3), "the answer does not name it"
    )


def subjects(*numbers: int) -> list[str]:
    return [f"HIGH: {number}" for number in numbers]


def others_than(*numbers: int, of: int) -> list[str]:
    return subjects(*(number for number in range(of) if number not in numbers))


def to_topic(arn: str) -> Publisher:
    return Publisher(
        boto3.client("sns"), topics=Topics(alerts=arn), reserve=at_once, sleep=lambda _: None
    )


def test_a_subscriber_gets_what_was_sent(topic: Topic) -> None:
    sent = messages(23)

    published = [*to_topic(topic.arn).publish(sent, lambda: RESERVED_SECONDS)]

    assert published == [Sent(message=it, refusal=None) for it in sent]
    taken = topic.take()
    assert [alert.subject for alert in taken] == subjects(*range(23))
    assert {alert.attributes["account_name"] for alert in taken} == {"Zürich"}
    assert [alert.messages["default"].strip() for alert in taken] == [*map(str, range(23))]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(0, []), (1, [1]), (8, [8]), (9, [8, 1]), (21, [8, 8, 5])],
)
def test_eight_in_a_call(count: int, sizes: list[int]) -> None:
    sns = Sns()

    sns.send(iter(messages(count)))

    assert (sns.accepted, sns.refused, sns.slept) == (subjects(*range(count)), {}, [])
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
    plain = Message(subject="", attributes={}, body="", event_ids=(), marks=())
    assert plain.size == 0

    full = Message(
        subject="ü",
        attributes={"a": "ü"},
        body="😀",
        event_ids=("not sent",),
        marks=(Mark("nor this"),),
    )
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


CUT_OFF: Final = ResponseParserError("unable to parse the answer")
# With these Amazon SNS refuses a whole batch because of one message in it.
DISLIKED: Final = [
    ClientError({"Error": {"Code": code, "Message": "no"}}, "PublishBatch")
    for code in ("InvalidParameter", "InvalidParameterValue", "ValidationError", "MessageTooLong")
]


def test_what_is_refused_keeps_nothing_else_from_being_sent() -> None:
    sns = Sns({"3": OURS, "7": OURS}, {}, {"0": OURS})

    sns.send(messages(21))

    assert sns.sizes == [8, 8, 5]
    assert sns.refused == dict.fromkeys(subjects(3, 7, 16), "InternalError")
    assert sns.accepted == others_than(3, 7, 16, of=21)
    assert sns.slept == []


def test_what_became_of_a_message_is_known_before_the_next_batch_is_sent() -> None:
    sns = Sns({}, RuntimeError("unheard of"))

    published = sns.publisher().publish(messages(16), lambda: RESERVED_SECONDS)

    assert [next(published).message.subject for _ in range(8)] == subjects(*range(8))
    assert sns.sizes == [8]
    with pytest.raises(RuntimeError, match="unheard of"):
        next(published)


def test_the_services_own_words_are_passed_on() -> None:
    def answer(**_: Any) -> dict[str, Any]:
        failed = {"Id": "0", "Code": "InvalidParameter", "Message": "no", "SenderFault": True}
        return {"Failed": [failed]}

    sns = Sns()
    sns.publish_batch = answer  # type: ignore[method-assign]

    sns.send(messages(1))

    assert sns.refused == {"HIGH: 0": "InvalidParameter no"}


def test_what_failed_by_the_fault_of_the_service_is_offered_again() -> None:
    sns = Sns({"3": THEIRS, "7": THEIRS}, {"7": THEIRS})

    sns.send(messages(10))

    assert [[entry["Subject"] for entry in batch] for batch in sns.batches] == [
        subjects(*range(8)),
        subjects(3, 7),
        subjects(7),
        subjects(8, 9),
    ]
    assert (sns.accepted, sns.refused) == (subjects(*range(10)), {})
    first, second = sns.slept
    assert 0 < first < second


def test_it_is_not_offered_for_ever() -> None:
    sns = Sns({"1": OURS, "3": THEIRS}, {"3": THEIRS}, {"3": THEIRS})

    sns.send(messages(9))

    assert sns.sizes == [8, 1, 1, 1]
    assert sns.refused == dict.fromkeys(subjects(1, 3), "InternalError")
    assert sns.accepted == others_than(1, 3, of=9)


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (THROTTLED, "Rate exceeded"),
        (ConnectTimeoutError(endpoint_url="https://sns"), "Connect timeout"),
        (ParamValidationError(report="Subject"), "Parameter validation failed"),
        (CUT_OFF, "unable to parse the answer"),
    ],
)
def test_a_call_that_fails_keeps_no_other_from_being_made(failure: Exception, words: str) -> None:
    sns = Sns({}, failure, {})

    sns.send(messages(21))

    assert sns.sizes == [8, 8, 5]
    assert [*sns.refused] == subjects(*range(8, 16))
    assert all(words in refusal for refusal in sns.refused.values())
    assert sns.accepted == others_than(*range(8, 16), of=21)


@pytest.mark.parametrize("disliked", DISLIKED, ids=str)
def test_one_that_is_disliked_takes_no_other_with_it(disliked: ClientError) -> None:
    sns = Sns(disliked, {}, {}, {}, disliked)

    sns.send(messages(10))

    assert sns.sizes == [8, *[1] * 8, 2]
    assert sns.refused == {"HIGH: 3": str(disliked)}
    assert sns.accepted == others_than(3, of=10)


def test_refused_before_the_others_were_disliked_it_stays_refused() -> None:
    sns = Sns({"0": OURS, "1": THEIRS, "2": THEIRS}, DISLIKED[0], {}, DISLIKED[0])

    sns.send(messages(3))

    assert sns.sizes == [3, 2, 1, 1]
    assert sns.accepted == subjects(1)
    assert sns.refused == {"HIGH: 0": "InternalError", "HIGH: 2": str(DISLIKED[0])}


OUT_OF_TIME: Final = "the time ran out: the rest is left to the retry"


def test_near_the_deadline_the_rest_is_left() -> None:
    sns = Sns()

    sns.send(messages(20), time_left=lambda: RESERVED_SECONDS - (len(sns.batches) == 2))

    assert sns.sizes == [8, 8]
    assert sns.accepted == subjects(*range(16))
    assert sns.refused == dict.fromkeys(subjects(*range(16, 20)), OUT_OF_TIME)


def test_what_does_not_fit_into_the_time_is_left() -> None:
    sns = Sns()
    asked: list[tuple[list[int], float]] = []

    def two_of_three(counts: Sequence[int], *, within: float) -> list[float]:
        asked.append((list(counts), within))
        return [0.0, 1.0]

    sent = [*sns.publisher(two_of_three).publish(messages(20), lambda: RESERVED_SECONDS + 1)]

    assert asked == [([8, 8, 4], 1.0)]
    assert sns.sizes == [8, 8]
    assert sns.slept == [1.0]
    assert [it.message.subject for it in sent if it.refusal] == subjects(*range(16, 20))
    assert {it.refusal for it in sent} == {None, OUT_OF_TIME}


def test_time_that_passed_is_not_waited_for_again() -> None:
    sns = Sns()

    def time_left() -> float:
        return RESERVED_SECONDS + 60 - LATENESS * len(sns.batches)

    list(sns.publisher(one_after_the_other).publish(messages(24), time_left))

    assert sns.slept == [1.0, 2.0]


def test_after_a_call_that_took_long_the_others_keep_their_distance() -> None:
    sns = Sns()

    def time_left() -> float:
        return RESERVED_SECONDS + 60 - 3.0 * min(1, len(sns.batches)) - sum(sns.slept)

    list(sns.publisher(one_after_the_other).publish(messages(24), time_left))

    # A second from its answer, not from its beginning.
    assert sns.slept == [1.0, 1.25]


def one_after_the_other(counts: Sequence[int], *, within: float) -> list[float]:
    assert within > len(counts)
    return [0.0, 1.25, 2.5]


def for_chat(number: int) -> Message:
    return replace(message(number), attributes={"severity": "HIGH" if number % 2 else "LOW"})


CHAT_ARN: Final = f"{TOPIC_ARN}-chat"


def test_the_chat_topic_gets_what_is_for_it_as_well() -> None:
    sns = Sns()

    sent = [
        *sns.publisher(chat=CHAT_ARN).publish(map(for_chat, range(9)), lambda: RESERVED_SECONDS)
    ]

    assert sns.topics == [TOPIC_ARN, CHAT_ARN, TOPIC_ARN]
    assert sns.sizes == [8, 4, 1]
    assert [entry["Subject"] for entry in sns.batches[1]] == subjects(1, 3, 5, 7)
    assert {it.refusal for it in sent} == {None}


def test_what_the_chat_topic_refuses_comes_again() -> None:
    sns = Sns({}, {"1": OURS})

    sent = [
        *sns.publisher(chat=CHAT_ARN).publish(map(for_chat, range(4)), lambda: RESERVED_SECONDS)
    ]

    assert {it.message.subject: it.refusal for it in sent if it.refusal} == {
        "HIGH: 3": "chat topic: InternalError"
    }


@pytest.mark.parametrize(
    ("outcome", "refused"),
    [
        pytest.param({"1": THEIRS}, {"HIGH: 1": "InternalError"}, id="offering-again"),
        pytest.param(DISLIKED[0], dict.fromkeys(subjects(0, 1), OUT_OF_TIME), id="one-by-one"),
    ],
)
def test_near_the_deadline_nothing_is_tried_again(
    outcome: Outcome, refused: dict[str, str]
) -> None:
    sns = Sns(outcome)

    sns.send(messages(2), time_left=lambda: RESERVED_SECONDS - len(sns.batches))

    assert sns.sizes == [2]
    assert sns.refused == refused


def test_a_topic_that_is_gone(topic: Topic) -> None:
    sent = messages(2)

    published = [*to_topic(f"{topic.arn}-gone").publish(sent, lambda: RESERVED_SECONDS)]

    assert [it.message for it in published] == sent
    assert all("NotFound" in (it.refusal or "") for it in published)


def test_what_the_answer_does_not_name_was_not_taken() -> None:
    sns = Sns()
    sns.publish_batch = lambda **_: {}  # type: ignore[method-assign]

    sns.send(messages(2))

    assert sns.accepted == []
    assert sns.refused == dict.fromkeys(subjects(0, 1), "the answer does not name it")
