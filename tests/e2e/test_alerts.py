"""From a record in the trail's log group to the queues of the topic's subscribers."""

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, SENTINEL, Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover


def test_an_alert_on_an_opening_has_what_the_organization_knows(
    stack: Stack, queue: Queue, organization: Organization
) -> None:
    record = organization.record_of(OPENING)

    stack.put(record)

    [alert] = queue.alerts_until(record["eventID"])
    assert alert.subject.startswith("CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet")
    assert alert.attributes == {
        "severity": "CRITICAL",
        "world_open": "true",
        "effect": "opens",
        "kind": "security-group",
        "reach": "unknown",
        "account_id": organization.account_id,
        "account_name": "payments-production",
        "region": "eu-central-1",
        "ou": "Root/Workloads",
        "owner": "payments",
    }
    assert alert.event_ids == {record["eventID"]}
    assert alert.finding["cloud"]["account"]["labels"] == ["Owner=payments"]
    assert alert.finding["cloud"]["org"]["ou_name"] == "Root/Workloads"
    assert alert.finding["unmapped"].get("not_available", []) == []
    assert not alert.finding["unmapped"]["may_repeat"]


def test_a_filter_policy_chooses(
    emulator: Emulator, stack: Stack, queue: Queue, organization: Organization
) -> None:
    opening, closing = map(organization.record_of, [OPENING, "ssh-closed-to-the-world"])
    only_world_open = json.dumps({"world_open": ["true"]})

    with subscribed_queue(
        emulator, stack.outputs["AlertTopicArn"], FilterPolicy=only_world_open
    ) as choosy:
        stack.put(closing)
        [sent_to_all] = queue.alerts_until(closing["eventID"])
        stack.put(opening)
        [sent_to_the_choosy] = choosy.notifications_until(opening["eventID"])

    assert sent_to_all.attributes["world_open"] == "false"
    assert sent_to_the_choosy.attributes["world_open"] == "true"


def test_raw_delivery_keeps_the_attributes(
    emulator: Emulator, stack: Stack, organization: Organization
) -> None:
    record = organization.record_of(OPENING)

    with subscribed_queue(
        emulator, stack.outputs["AlertTopicArn"], RawMessageDelivery="true"
    ) as raw:
        stack.put(record)
        [alert] = raw.alerts_until(record["eventID"])

    assert alert.finding["class_name"] == "Detection Finding"
    assert len(alert.attributes) <= 10  # SQS takes no more
    assert alert.attributes["account_name"] == "payments-production"


# Records that cause no alert are put together with a sentinel, which does: only the sentinel is
# alerted on.


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        # The subscription filter keeps these from the function.
        pytest.param({"eventName": "DescribeSecurityGroups"}, {"records": 1}, id="read-only"),
        pytest.param({"eventName": "RunInstances"}, {"records": 1}, id="another-call"),
        # The function drops it.
        pytest.param(
            {"eventSource": "lightsail.amazonaws.com"},
            {"records": 2, "matched": 1},
            id="such-a-call-of-another-service",
        ),
    ],
)
def test_what_is_not_ours_is_silent(
    stack: Stack,
    queue: Queue,
    organization: Organization,
    changes: dict[str, Any],
    counts: dict[str, int],
) -> None:
    record, sentinel = organization.record_of(OPENING, **changes), organization.record_of(SENTINEL)

    stack.put(record, sentinel)

    assert_only(sentinel, stack, queue, counts)


def test_the_heartbeat_is_silent(stack: Stack, queue: Queue, organization: Organization) -> None:
    account_id = stack.outputs["TrailArn"].split(":")[4]
    role_arn = f"arn:aws:iam::{account_id}:role/{stack.resources()['HeartbeatRole']}"
    beat = organization.record_of(
        "prefix-list-created-with-a-broad-range",
        errorCode="Client.DryRunOperation",
        recipientAccountId=account_id,
        userIdentity={
            "type": "AssumedRole",
            "accountId": account_id,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role_arn}},
        },
    )
    sentinel = organization.record_of(SENTINEL)

    stack.put(beat, sentinel)

    assert_only(sentinel, stack, queue, {"records": 2, "heartbeats": 1})


def test_what_comes_twice_is_alerted_on_once(
    stack: Stack, queue: Queue, organization: Organization
) -> None:
    record, sentinel = map(organization.record_of, [OPENING, SENTINEL])

    stack.put(record)
    queue.alerts_until(record["eventID"])
    wait_for(lambda: stack.logged_delivery(record["eventID"]), "log of the first delivery")
    stack.put(record, sentinel)

    assert_only(sentinel, stack, queue, {"records": 2, "duplicates": 1})


def test_a_control_message_is_silent(stack: Stack, queue: Queue) -> None:
    data = {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [
            {
                "id": "",
                "timestamp": 1,
                "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose.",
            }
        ],
    }
    packed = base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()

    counts = stack.invoke({"awslogs": {"data": packed}})

    assert set(counts.values()) == {0}
    assert queue.alerts() == []


def assert_only(
    sentinel: Mapping[str, Any], stack: Stack, queue: Queue, counts: Mapping[str, int]
) -> None:
    """Only the sentinel of a delivery was alerted on, and the function counted the rest."""
    event_id = sentinel["eventID"]
    [alert] = queue.alerts_until(event_id)
    assert alert.event_ids == {event_id}
    logged = wait_for(lambda: stack.logged_delivery(event_id), "log of the delivery")
    assert {name: logged[name] for name in counts} == counts
