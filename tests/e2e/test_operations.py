"""Tampering with the alerter is reported to the operations topic, by EventBridge."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# Source and call -> the parameter that names the resource, and the output of the stack that has it.
CALLS: Final = {
    ("aws.cloudtrail", "StopLogging"): ("name", "TrailArn"),
    ("aws.s3", "PutBucketLifecycle"): ("bucketName", "TrailBucketName"),
    ("aws.logs", "DeleteSubscriptionFilter"): ("logGroupName", "TrailLogGroupName"),
    ("aws.logs", "DisassociateKmsKey"): ("resourceIdentifier", "TrailLogGroupName"),
    ("aws.lambda", "UpdateFunctionCode20150331v2"): ("functionName", "FunctionName"),
    ("aws.sns", "Subscribe"): ("topicArn", "AlertTopicArn"),
    ("aws.sns", "DeleteTopic"): ("topicArn", "ChatTopicArn"),
    ("aws.sqs", "PurgeQueue"): ("queueUrl", "FailureQueueUrl"),
    ("aws.kms", "ScheduleKeyDeletion"): ("keyId", "EncryptionKeyArn"),
}


@pytest.fixture
def operations(emulator: Emulator, stack: Stack) -> Iterator[Queue]:
    with subscribed_queue(
        emulator, stack.outputs["OperationsTopicArn"], RawMessageDelivery="true"
    ) as queue:
        yield queue


@pytest.mark.parametrize("output", ["AlertTopicArn", "ChatTopicArn", "OperationsTopicArn"])
def test_a_subscriber_that_is_removed_is_reported(
    stack: Stack, operations: Queue, output: str
) -> None:
    subscription = f"{stack.outputs[output]}:2f1a0c7e-3f0b-4f8e-9d55-2f1f0a6f7c1d"
    theirs = subscription.replace(stack.name, "somebody-elses")

    stack.report_call("aws.sns", "Unsubscribe", {"subscriptionArn": theirs})
    stack.report_call("aws.sns", "Unsubscribe", {"subscriptionArn": subscription})

    assert f"Unsubscribe on {subscription}" in operations.next_message()["Body"]


def test_a_rule_that_goes_is_reported_by_another_one_and_by_an_alert(
    stack: Stack, operations: Queue, queue: Queue, organization: Organization
) -> None:
    rule = f"{stack.name}-LogPathTampering"
    record = organization.record_of("tampering-rule-deleted", requestParameters={"name": rule})

    stack.report_call("aws.events", "DeleteRule", {"name": "somebody-elses"})
    stack.report_call("aws.events", "DeleteRule", {"name": rule})
    stack.put(record)

    assert f"DeleteRule on {rule}" in operations.next_message()["Body"]
    [alert] = queue.alerts_until(record["eventID"])
    assert alert.attributes["severity"] == "CRITICAL"
    assert rule in alert.subject


@pytest.mark.parametrize(("source", "call"), CALLS)
def test_tampering_is_reported(stack: Stack, operations: Queue, source: str, call: str) -> None:
    parameter, output = CALLS[source, call]
    ours = stack.outputs[output]

    stack.report_call(source, call, {parameter: "somebody-elses"})
    stack.report_call(source, call, {parameter: ours})

    text = operations.next_message()["Body"]
    assert f"{call} on {ours}" in text
    assert "user/mallory" in text
