"""Who gets what is severe and what was closed: the topic that chat listens to, and e-mail."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

# CRITICAL, and LOW but the end of an opening.
SENT: Final = {OPENING, "ssh-closed-to-the-world"}
# MEDIUM and LOW.
LEFT_OUT: Final = {"https-opened-to-the-world", "egress-opened-for-everything"}


@pytest.fixture
def chat(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    """Gets what Slack and Teams would get."""
    with subscribed_queue(emulator, stack.outputs["ChatTopicArn"]) as queue:
        yield queue


@pytest.fixture
def mailbox(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    """Gets what the address for alerts gets: its subscription has that policy."""
    topic_arn = stack.outputs["AlertTopicArn"]
    sns = emulator.client("sns")
    [email] = [
        it["SubscriptionArn"]
        for it in sns.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
        if it["Protocol"] == "email"
    ]
    attributes = sns.get_subscription_attributes(SubscriptionArn=email)["Attributes"]
    policy = {name: attributes[name] for name in ("FilterPolicy", "FilterPolicyScope")}
    assert "$or" in json.loads(policy["FilterPolicy"])
    with subscribed_queue(emulator, topic_arn, **policy) as queue:
        yield queue


def test_chat_gets_what_is_severe_and_what_was_closed(
    stack: Stack, queue: Queue, chat: Queue, organization: Organization
) -> None:
    assert_gets_what_is_sent(chat, stack, queue, organization)


def test_mail_gets_what_is_severe_and_what_was_closed(
    stack: Stack, queue: Queue, mailbox: Queue, organization: Organization
) -> None:
    assert_gets_what_is_sent(mailbox, stack, queue, organization)


def test_chat_gets_the_same_message(
    stack: Stack, queue: Queue, chat: Queue, organization: Organization
) -> None:
    record = organization.record_of(OPENING)

    stack.put(record)

    [alert] = queue.alerts_until(record["eventID"])
    [shown] = chat.notifications_until(record["eventID"])
    assert shown == alert


def assert_gets_what_is_sent(
    subscriber: Queue, stack: Stack, queue: Queue, organization: Organization
) -> None:
    """Of one delivery, it gets what it should, and the queue on the alert topic gets all."""
    records = {name: organization.record_of(name) for name in sorted(SENT | LEFT_OUT)}
    ids = {name: record["eventID"] for name, record in records.items()}

    stack.put(*records.values())

    queue.alerts_until(*ids.values())
    received = subscriber.notifications_until(*(ids[name] for name in SENT))
    wait_for(lambda: stack.logged_delivery(ids[OPENING]), "log of the delivery")
    received += subscriber.notifications()
    assert {event_id for alert in received for event_id in alert.event_ids} == {
        ids[name] for name in SENT
    }
    assert all(alert.attributes for alert in received)
