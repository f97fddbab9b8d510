"""SQS queues, mainly those that a customer would subscribe to a topic."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.e2e.emulator import Emulator
from tests.e2e.waiting import wait_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What a topic sent. An alert has attributes; an alarm has none."""

    subject: str
    text: str
    attributes: Mapping[str, str]

    @property
    def finding(self) -> dict[str, Any]:
        """The machine form of an alert."""
        finding: dict[str, Any] = json.loads(self.text)
        return finding

    @property
    def event_ids(self) -> set[str]:
        """The CloudTrail events that an alert reports. An alarm or a digest reports none."""
        info = self.finding["finding_info"] if self.attributes else {}
        events = info.get("related_events", [])
        return {event["uid"] for event in events}


class Queue:
    """A queue; what is taken from it is gone."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self._sqs = emulator.client("sqs")
        self._url = url

    def messages(self) -> list[dict[str, Any]]:
        """The messages in it, at most ten."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def next_message(self) -> dict[str, Any]:
        """The one message that is on its way to it."""
        [message] = wait_for(self.messages, "message")
        return message

    def notifications(self) -> list[Notification]:
        """What it has received by now."""
        return [_notification_in(message) for message in self.messages()]

    def alerts(self) -> list[Notification]:
        """The same, without alarms."""
        return [notification for notification in self.notifications() if notification.attributes]

    def notifications_until(self, *event_ids: str) -> list[Notification]:
        """What it gets, in order, until alerts have reported all these events."""
        received: list[Notification] = []

        def all_are_reported() -> bool:
            received.extend(self.notifications())
            reported = set().union(*(notification.event_ids for notification in received))
            return reported.issuperset(event_ids)

        wait_for(all_are_reported, f"alert on {' and '.join(event_ids)}")
        return received

    def alerts_until(self, *event_ids: str) -> list[Notification]:
        """The same, without alarms."""
        return [it for it in self.notifications_until(*event_ids) if it.attributes]


def _notification_in(message: Mapping[str, Any]) -> Notification:
    body = json.loads(message["Body"])
    if body.get("Type") != "Notification":  # raw: the text alone, and the queue's own attributes
        attributes = message.get("MessageAttributes", {})
        return Notification(
            subject="",
            text=message["Body"],
            attributes={name: attributes[name]["StringValue"] for name in attributes},
        )
    attributes = body.get("MessageAttributes", {})
    return Notification(
        subject=body["Subject"],
        text=body["Message"],
        attributes={name: attributes[name]["Value"] for name in attributes},
    )


@contextmanager
def subscribed_queue(emulator: Emulator, topic_arn: str, **attributes: str) -> Iterator[Queue]:
    """A queue that the topic may send to, subscribed, for as long as it is needed.

    `attributes` are those of the subscription: FilterPolicy, RawMessageDelivery.
    """
    sqs, sns = emulator.client("sqs"), emulator.client("sns")
    url = sqs.create_queue(QueueName=f"customer-{uuid4()}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": _topic_may_send(topic_arn, arn)})
    subscription = sns.subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=attributes
    )
    yield Queue(emulator, url)
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    sqs.delete_queue(QueueUrl=url)


# https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
def _topic_may_send(topic_arn: str, queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
