"""A stack is changed while alerts flow; then it is deleted, and leaves only what it should."""

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import subscribed_queue
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.no_cover

# What may be in an account: service, operation, where the answer has it, and its name or itself.
INVENTORY: Final = (
    ("cloudtrail", "describe_trails", "trailList", "TrailARN"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmArn"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("events", "list_rules", "Rules", "Arn"),
    ("iam", "list_roles", "Roles", "Arn"),
    ("kms", "list_keys", "Keys", "KeyArn"),
    ("lambda", "list_functions", "Functions", "FunctionArn"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("logs", "describe_metric_filters", "metricFilters", "filterName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("scheduler", "list_schedules", "Schedules", "Arn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", None),
)


def inventory(emulator: Emulator) -> set[str]:
    """All that is in the account."""
    found: set[str] = set()
    for service, operation, where, name in INVENTORY:
        answer = getattr(emulator.client(service), operation)()
        found |= {item[name] if name else item for item in answer.get(where, [])}
    return found


PARAMETERS: Final = {"TrailName": "short-lived-trail", "AlertEmail": "security@example.com"}


@pytest.fixture(scope="module")
def before(stack: Stack) -> set[str]:
    """The account with another stack in it, and SAM's own bucket."""
    return inventory(stack.emulator)


@pytest.fixture(scope="module")
def short_lived(stack: Stack, before: set[str]) -> Stack:
    """A stack that was not there before."""
    assert before
    short_lived = replace(stack, name="short-lived-alerter")
    short_lived.deploy(**PARAMETERS)
    return short_lived


def test_after_an_update_alerts_flow_as_configured_anew(
    short_lived: Stack, emulator: Emulator, organization: Organization
) -> None:
    first, second = organization.record_of(OPENING), organization.record_of(OPENING)
    with subscribed_queue(emulator, short_lived.outputs["AlertTopicArn"]) as queue:
        short_lived.put(first)
        queue.alerts_until(first["eventID"])
        wire = subscription_filters(short_lived)
        assert time_zone(short_lived) == "UTC"

        short_lived.deploy(TimeZone="Europe/Zurich", **PARAMETERS)

        assert time_zone(short_lived) == "Europe/Zurich"
        assert subscription_filters(short_lived) == wire
        short_lived.put(second)
        queue.alerts_until(second["eventID"])


def test_after_its_deletion_only_the_archive_is_left(
    short_lived: Stack, emulator: Emulator, before: set[str]
) -> None:
    outputs = short_lived.outputs

    short_lived.delete()

    archive = {outputs[name] for name in ("TrailBucketName", "TrailLogGroupName")}
    assert inventory(emulator) == before | archive | {outputs["EncryptionKeyArn"]}


def subscription_filters(stack: Stack) -> list[dict[str, Any]]:
    logs = stack.emulator.client("logs")
    answer = logs.describe_subscription_filters(logGroupName=stack.outputs["TrailLogGroupName"])
    filters: list[dict[str, Any]] = answer["subscriptionFilters"]
    return filters


def time_zone(stack: Stack) -> str:
    """As the function has it."""
    configuration = stack.emulator.client("lambda").get_function_configuration(
        FunctionName=stack.outputs["FunctionName"]
    )
    return str(configuration["Environment"]["Variables"]["TIME_ZONE"])
