"""Tampering with the alerter is reported to the operations topic, by EventBridge."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# Source and call -> the parameter that names the resource, and the output of the stack that has it.
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
def test_tampering_is_reported(stack: Stack, operations: Queue, source: str, call: str) -> None:
    parameter, output = CALLS[source, call]
    ours = stack.outputs[output]

    stack.report_call(source, call, {parameter: "somebody-elses"})
    stack.report_call(source, call, {parameter: ours})

    text = operations.next_message()["Body"]
    assert f"{call} on {ours}" in text
    assert "user/mallory" in text
