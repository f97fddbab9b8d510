"""What `sam deploy` made of the template, as its outputs name it."""

from pathlib import Path
from typing import Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# Output -> how to look at what it names: service, operation, parameter.
LOOKS: Final = {
    "AlertTopicArn": ("sns", "get_topic_attributes", "TopicArn"),
    "ChatTopicArn": ("sns", "get_topic_attributes", "TopicArn"),
    "OperationsTopicArn": ("sns", "get_topic_attributes", "TopicArn"),
    "FunctionName": ("lambda", "get_function", "FunctionName"),
    "FunctionLogGroupName": ("logs", "describe_log_streams", "logGroupName"),
    "FailureQueueUrl": ("sqs", "get_queue_attributes", "QueueUrl"),
    "DailyCheckFunctionName": ("lambda", "get_function", "FunctionName"),
    "GroupMemoryTableName": ("dynamodb", "describe_table", "TableName"),
    "DigestFunctionName": ("lambda", "get_function", "FunctionName"),
    "WatchFunctionName": ("lambda", "get_function", "FunctionName"),
    "TrailArn": ("cloudtrail", "get_trail", "Name"),
    "TrailLogGroupName": ("logs", "describe_log_streams", "logGroupName"),
    "TrailBucketName": ("s3", "head_bucket", "Bucket"),
    "EncryptionKeyArn": ("kms", "describe_key", "KeyId"),
    "DashboardName": ("cloudwatch", "get_dashboard", "DashboardName"),
}


@pytest.mark.parametrize("output", LOOKS)
def test_an_output_names_what_is_there(emulator: Emulator, stack: Stack, output: str) -> None:
    service, operation, parameter = LOOKS[output]

    getattr(emulator.client(service), operation)(**{parameter: stack.outputs[output]})


def test_every_output_is_looked_at(stack: Stack) -> None:
    assert stack.outputs.keys() == LOOKS.keys()


def test_the_function_runs_on_every_architecture(template: Path) -> None:
    # Architecture is a parameter, and there is one build: nothing in it may be compiled.
    assert [path.name for path in template.parent.rglob("*.so*")] == []


def test_the_trail_is_the_organizations_and_records(emulator: Emulator, stack: Stack) -> None:
    cloudtrail = emulator.client("cloudtrail")
    arn = stack.outputs["TrailArn"]

    trail = cloudtrail.get_trail(Name=arn)["Trail"]

    assert trail["IsOrganizationTrail"]
    assert trail["IsMultiRegionTrail"]
    assert trail["S3BucketName"] == stack.outputs["TrailBucketName"]
    assert cloudtrail.get_trail_status(Name=arn)["IsLogging"]
