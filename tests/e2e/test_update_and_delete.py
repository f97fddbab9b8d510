"""A stack of the version before is updated while alerts flow; deleted, it leaves the archive."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from local.template import HEALTH, read_template, subscription_pattern
from tests.e2e.emulator import Emulator
from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import subscribed_queue
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for
from tests.template.stack import PREVIOUS_TEMPLATE, SLACK

pytestmark = pytest.mark.no_cover

FUNCTION: Final = "SecurityGroupAlerterFunction"
# While a stack is updated. Alerts may be sent eight times a second.
SECONDS_BETWEEN_CHANGES: Final = 1.0

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

INVENTORIED: Final = [operation for _, operation, _, _ in INVENTORY]


def inventory(emulator: Emulator) -> dict[str, set[str]]:
    """All that is in the account, by the operation that lists it."""
    found: dict[str, set[str]] = {}
    for service, operation, where, name in INVENTORY:
        client = emulator.client(service)
        pages = (
            client.get_paginator(operation).paginate()
            if client.can_paginate(operation)
            else [getattr(client, operation)()]
        )
        items = [item for page in pages for item in page.get(where, [])]
        found[operation] = {item[name] if name else item for item in items}
    return found


def everything(emulator: Emulator) -> set[str]:
    return set().union(*inventory(emulator).values())


PARAMETERS: Final = {
    "TrailName": "short-lived-trail",
    "AlertEmail": "security@example.com",
    "OperationsEmail": "operations@example.com",
    **SLACK,
}
# Resources and outputs that the version before did not have.
NEW: Final = {
    "ChatChannelRole",
    "ChatTopic",
    "ChatTopicPolicy",
    "DailyCheck",
    "Digest",
    "FailureQueuePolicy",
    "GroupMemoryTable",
    "Health",
    "Watch",
}
# Has a path that it did not have before.
REPLACED: Final = {"SecurityGroupAlerterRole"}
NEW_OUTPUTS: Final = {
    "ChatTopicArn",
    "DailyCheckFunctionName",
    "DigestFunctionName",
    "GroupMemoryTableName",
    "WatchFunctionName",
}


@pytest.fixture(scope="module")
def before(stack: Stack) -> set[str]:
    """The account with another stack in it, and SAM's own bucket."""
    return everything(stack.emulator)


@pytest.fixture(scope="module")
def previous_template(template: Path) -> Path:
    """The template of the version before, for the function that was built now."""
    previous, built = read_template(PREVIOUS_TEMPLATE), read_template(template)
    function = built["Resources"][FUNCTION]["Properties"]
    previous["Resources"][FUNCTION]["Properties"] |= {
        name: function[name] for name in ("CodeUri", "Handler")
    }
    # That version's code did not know it, and this one's cannot do without.
    variables = previous["Resources"][FUNCTION]["Properties"]["Environment"]["Variables"]
    variables["GROUP_MEMORY_TABLE"] = "not-there-yet"
    path = template.with_name("previous-template.json")
    path.write_text(json.dumps(previous), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def short_lived(stack: Stack, before: set[str], previous_template: Path) -> Stack:
    """A stack that was not there before, still of the version before."""
    assert before
    short_lived = replace(stack, name="short-lived-alerter")
    replace(short_lived, template=previous_template).deploy(**PARAMETERS)
    return short_lived


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A stack and its account, at some time."""

    outputs: dict[str, str]
    resources: dict[str, str]
    filters: list[dict[str, Any]]
    inventory: dict[str, set[str]]

    @property
    def counts(self) -> dict[str, int]:
        return {name: len(found) for name, found in self.inventory.items()}


def view_of(stack: Stack) -> View:
    return View(
        outputs=dict(stack.outputs),
        resources=stack.resources(),
        filters=subscription_filters(stack),
        inventory=inventory(stack.emulator),
    )


@pytest.fixture(scope="module")
def update(short_lived: Stack, organization: Organization) -> tuple[View, View]:
    """Before and after the update to this version; each change meanwhile is alerted on."""
    before = view_of(short_lived)
    with (
        subscribed_queue(short_lived.emulator, before.outputs["AlertTopicArn"]) as queue,
        ThreadPoolExecutor(max_workers=1) as background,
    ):
        deployment = background.submit(short_lived.deploy, **PARAMETERS)
        put: list[str] = []
        while not deployment.done():
            record = organization.record_of(OPENING)
            short_lived.put(record)
            put.append(record["eventID"])
            time.sleep(SECONDS_BETWEEN_CHANGES)
        deployment.result()
        # Nothing is lost. On a busy machine a record may be alerted on twice: docs/guarantees.md.
        alerts = queue.alerts_until(*put)
        assert set().union(*(alert.event_ids for alert in alerts)) == set(put)
    assert len(put) > 3
    return before, view_of(short_lived)


def test_an_update_from_the_version_before_keeps_all_but_what_moved(
    update: tuple[View, View],
) -> None:
    before, after = update
    moved = read_template(PREVIOUS_TEMPLATE)["Resources"].keys() - read_template()["Resources"]

    # By physical id: function, topics, log group, table, queue, key.
    kept = {name: before.resources[name] for name in before.resources.keys() - moved}
    assert "SlackChannel" in kept
    now = {name: after.resources[name] for name in after.resources.keys() - NEW}
    assert now.keys() == kept.keys()
    assert {name for name in kept if now[name] != kept[name]} == REPLACED
    assert after.resources.keys() - kept.keys() == NEW
    # The same filter to the same function, which lets other calls through.
    [was], [is_now] = before.filters, after.filters
    for key in ("filterName", "logGroupName", "destinationArn"):
        assert is_now[key] == was[key]
    assert is_now["filterPattern"].split() == subscription_pattern().split()
    assert {name for name in after.outputs if after.outputs[name] != before.outputs.get(name)} == {
        "DashboardName",
        *NEW_OUTPUTS,
    }


def test_what_moved_is_there_once_under_another_name(
    emulator: Emulator, update: tuple[View, View]
) -> None:
    before, after = update

    # New are the topic for chat and its alarm; two rules, what they could not report, and the same
    # for the two that were there; deliveries by log group; the role that CloudTrail writes with.
    # A table of what is known of groups. And the daily check, the watch and the digest: of each a
    # function, its log group, two roles, a schedule and two alarms.
    assert {
        name: after.counts[name] - before.counts[name]
        for name in INVENTORIED
        if after.counts[name] != before.counts[name]
    } == {
        "describe_alarms": 8 + 3 * 2,
        "describe_log_groups": 3,
        "describe_metric_filters": 1,
        "list_functions": 3,
        "list_roles": 3 * 2,
        "list_rules": 2,
        "list_schedules": 3,
        "list_tables": 1,
        "list_topics": 1,
    }
    assert {name for name in INVENTORIED if after.inventory[name] != before.inventory[name]} == {
        "describe_alarms",
        "describe_log_groups",
        "describe_metric_filters",
        "list_dashboards",
        "list_functions",
        "list_roles",
        "list_rules",
        "list_schedules",
        "list_tables",
        "list_topics",
    }
    nested = emulator.client("cloudformation").describe_stack_resources(
        StackName=after.resources["Health"]
    )["StackResources"]
    declared = read_template(HEALTH)["Resources"]
    assert {it["LogicalResourceId"] for it in nested} == declared.keys()


def test_after_the_update_tampering_is_reported_once(
    short_lived: Stack, emulator: Emulator, update: tuple[View, View]
) -> None:
    _, after = update
    topic_arn, trail_arn = after.outputs["OperationsTopicArn"], after.outputs["TrailArn"]
    with subscribed_queue(emulator, topic_arn, RawMessageDelivery="true") as operations:
        for call in ("StopLogging", "DeleteTrail"):
            short_lived.report_call("aws.cloudtrail", call, {"name": trail_arn})

        reports: list[str] = []

        def last_is_reported() -> bool:
            reports.extend(message["Body"] for message in operations.messages())
            return any("DeleteTrail" in text for text in reports)

        wait_for(last_is_reported, "report of the last call")

    assert len(reports) == 2


def test_after_an_update_alerts_flow_as_configured_anew(
    short_lived: Stack,
    emulator: Emulator,
    organization: Organization,
    update: tuple[View, View],
) -> None:
    assert update
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
    short_lived: Stack, emulator: Emulator, before: set[str], update: tuple[View, View]
) -> None:
    assert update
    outputs = short_lived.outputs

    short_lived.delete()

    archive = {outputs[name] for name in ("TrailBucketName", "TrailLogGroupName")}
    assert everything(emulator) == before | archive | {outputs["EncryptionKeyArn"]}


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
