"""Whoever lays hands on the alerter itself is told to the operations topic, by another road."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# Source and call -> the parameter that names what it is done to, and the stack's output of this.
CALLS: Final = {
    ("aws.cloudtrail", "StopLogging"): ("name", "TrailArn"),
    ("aws.logs", "DeleteSubscriptionFilter"): ("logGroupName", "TrailLogGroupName"),
    ("aws.lambda", "UpdateFunctionCode20150331v2"): ("functionName", "FunctionName"),
    ("aws.sns", "Subscribe"): ("topicArn", "AlertTopicArn"),
    ("aws.sqs", "PurgeQueue"): ("queueUrl", "FailureQueueUrl"),
    ("aws.kms", "ScheduleKeyDeletion"): ("keyId", "EncryptionKeyArn"),
}


@pytest.fixture
def operations(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    with subscribed_queue(
        emulator, stack.outputs["OperationsTopicArn"], RawMessageDelivery="true"
    ) as queue:
        yield queue


@pytest.mark.parametrize(("source", "call"), CALLS)
def test_hands_on_the_alerter_are_told(
    stack: Stack, operations: Queue, source: str, call: str
) -> None:
    parameter, output = CALLS[source, call]
    ours = stack.outputs[output]

    tell_of_call(stack, source, call, {parameter: "somebody-elses"})
    tell_of_call(stack, source, call, {parameter: ours})

    text = operations.next_message()["Body"]
    assert f"{call} on {ours}" in text
    assert "user/mallory" in text


def tell_of_call(stack: Stack, source: str, call: str, parameters: dict[str, Any]) -> None:
    """As CloudTrail tells EventBridge.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
    """
    detail = {
        "eventName": call,
        "eventTime": "2026-11-23T09:00:00Z",
        "eventID": "5a9c8f1e-3f0b-4f8e-9d55-2f1f0a6f7c1d",
        "sourceIPAddress": "203.0.113.24",
        "userIdentity": {"arn": "arn:aws:iam::111122223333:user/mallory"},
        "requestParameters": parameters,
    }
    stack.emulator.client("events").put_events(
        Entries=[
            {
                "Source": source,
                "DetailType": "AWS API Call via CloudTrail",
                "Detail": json.dumps(detail),
            }
        ]
    )
