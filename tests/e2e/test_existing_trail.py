"""With an existing organization trail, its log group is read, and no trail is made."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

LOG_GROUP: Final = "aws-controltower/CloudTrailLogs"
MADE_FOR_A_TRAIL: Final = {
    "Trail",
    "TrailBucket",
    "TrailBucketPolicy",
    "TrailLogGroup",
    "TrailLogRole",
}


@pytest.fixture(scope="module")
def stack(emulator: Emulator, template: Path, organization: Organization) -> Stack:
    """A second stack beside the first: no key, no addresses, and somebody else's log group."""
    emulator.client("logs").create_log_group(logGroupName=LOG_GROUP)
    stack = Stack(emulator, template, "alerter-of-an-existing-trail", organization.id)
    stack.deploy(
        ExistingTrailLogGroupName=LOG_GROUP,
        TrailName="aws-controltower-BaselineCloudTrail",
        KmsKey="none",
    )
    return stack


@pytest.fixture
def queue(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    with subscribed_queue(emulator, stack.outputs["AlertTopicArn"]) as queue:
        yield queue


def test_no_trail_is_made(stack: Stack) -> None:
    assert stack.resources().keys() & MADE_FOR_A_TRAIL == set()
    assert stack.outputs["TrailLogGroupName"] == LOG_GROUP
    assert stack.outputs["TrailArn"].endswith(":trail/aws-controltower-BaselineCloudTrail")
    assert "TrailBucketName" not in stack.outputs


def test_what_is_in_its_log_group_is_alerted_on(
    stack: Stack, queue: Queue, organization: Organization
) -> None:
    record = organization.record_of(OPENING)

    stack.put(record)

    [alert] = queue.alerts_until(record["eventID"])
    assert alert.attributes["severity"] == "CRITICAL"
    assert alert.attributes["account_name"] == "payments-production"


def test_tampering_with_that_trail_is_alerted_on(
    stack: Stack, queue: Queue, organization: Organization
) -> None:
    record = organization.record_of(
        "organization-trail-stopped", requestParameters={"name": stack.outputs["TrailArn"]}
    )

    stack.put(record)

    [alert] = queue.alerts_until(record["eventID"])
    assert alert.attributes["kind"] == "trail"
    assert alert.attributes["severity"] == "CRITICAL"
