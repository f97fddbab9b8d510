"""What is nested in template.yaml: what it gets, and what an update does to it."""

import json
import re
from typing import Any, Final

import pytest

from local.template import (
    DAILY_CHECK,
    DIGEST,
    HEALTH,
    LOOK_ROLE,
    SWEEP,
    TEMPLATE,
    WATCH,
    read_template,
)
from tests.template.stack import NESTED, PREVIOUS_TEMPLATE, Stack, previously_deployed

# Type of resource -> the property that gives it a name of our own.
NAMES: Final = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Events::Rule": "Name",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::Logs::QueryDefinition": "Name",
    "AWS::Scheduler::Schedule": "Name",
}
NESTED_TEMPLATES: Final = {
    "Health": HEALTH,
    "DailyCheck": DAILY_CHECK,
    "Watch": WATCH,
    "Digest": DIGEST,
    "LookRoleHere": LOOK_ROLE,
    "Sweep": SWEEP,
}
# Resources of the version before, and what has their place in the nested stack.
MOVED: Final = {
    "AlertsNotDeliveredAlarm": "AlertsNotDeliveredAlarm",
    "Dashboard": "Dashboard",
    "DroppedDeliveriesAlarm": "DroppedDeliveriesAlarm",
    "FailureQueueAlarm": "FailureQueueAlarm",
    "FailureQueueUnreachableAlarm": "FailureQueueUnreachableAlarm",
    "FunctionDurationAlarm": "FunctionDurationAlarm",
    "FunctionErrorsAlarm": "FunctionErrorsAlarm",
    "FunctionThrottlesAlarm": "FunctionThrottlesAlarm",
    "HandsOnTheAlertsRule": "AlertPathTamperingRule",
    "HandsOnTheRoadRule": "LogPathTamperingRule",
    "Heartbeat": "Heartbeat",
    "HeartbeatAlarm": "HeartbeatAlarm",
    "HistoryOfOneGroupQuery": "GroupHistoryQuery",
    "SubscriptionErrorsAlarm": "SubscriptionErrorsAlarm",
    "SubscriptionThrottlesAlarm": "SubscriptionThrottlesAlarm",
    "UnreadableRecordsAlarm": "UnreadableRecordsAlarm",
    "WhatChangedQuery": "AllChangesQuery",
    "WhoOpensTheWorldQuery": "WorldOpeningsQuery",
}
# What the version before did not have, but for what moved.
NEW: Final = {
    "ChatChannelRole",
    "ChatTopic",
    "ChatTopicPolicy",
    "FailureQueuePolicy",
    "GroupMemoryTable",
    "Health",
    "LookRoleHere",
    "LookRoles",
    "Sweep",
    "TeamsChannel",
    # In the nested stacks.
    "ChatNotDeliveredAlarm",
    *(f"{name}PathTamperingFailedAlarm" for name in ("Trail", "Log", "Function", "Alert")),
    "LogGroupErrorsAlarm",
    "LogGroupThrottlesAlarm",
    "TrailLogRoleChangesAlarm",
    "TrailLogRoleChangesMetricFilter",
    "FunctionPathTamperingRule",
    "TrailPathTamperingRule",
    *NESTED_TEMPLATES,
    *(
        name
        for path in NESTED_TEMPLATES.values()
        if path not in (HEALTH, LOOK_ROLE)
        for name in read_template(path)["Resources"]
    ),
}
# A role without permissions, whose place another one takes.
GONE: Final = {"SlackChannelRole"}


@pytest.fixture(scope="module")
def previous() -> Stack:
    return previously_deployed()


def resources_in(template: dict[str, Any]) -> dict[str, str]:
    """Logical id -> type."""
    return {name: resource["Type"] for name, resource in template["Resources"].items()}


def test_these_templates_are_nested() -> None:
    assert {
        name: TEMPLATE.parent / resource["Properties"]["TemplateURL"]
        for name, resource in read_template()["Resources"].items()
        if resource["Type"] == NESTED
    } == NESTED_TEMPLATES


@pytest.mark.parametrize("name", NESTED_TEMPLATES)
def test_it_gets_what_it_declares_and_uses_all_of_it(name: str) -> None:
    template = read_template(NESTED_TEMPLATES[name])
    declared = template.pop("Parameters")
    text = json.dumps(template)

    assert read_template()["Resources"][name]["Properties"]["Parameters"].keys() == (
        declared.keys()
    )
    assert {name for name in declared if re.search(rf'"Ref": "{name}"|\${{{name}}}', text)} == (
        declared.keys()
    )


def test_health_gives_nobody_a_permission() -> None:
    # So the capabilities that a deployment asks for are those of template.yaml.
    types = set(resources_in(read_template(HEALTH)).values())

    assert types == NAMES.keys()


def test_an_update_from_the_version_before_keeps_all_but_what_moved() -> None:
    previous, now = resources_in(read_template(PREVIOUS_TEMPLATE)), resources_in(read_template())
    health = resources_in(read_template(HEALTH))
    nested = health | {
        name: it
        for path in NESTED_TEMPLATES.values()
        if path != LOOK_ROLE
        for name, it in resources_in(read_template(path)).items()
    }

    kept = {name: now.get(name) for name in previous.keys() - MOVED.keys() - GONE}
    assert kept == {name: previous[name] for name in kept}
    assert (now | nested).keys() - previous.keys() == NEW | set(MOVED.values()) - MOVED.keys()
    assert {health[MOVED[name]] for name in MOVED} == {previous[name] for name in MOVED}
    assert health.keys() - NEW == set(MOVED.values())


def names_in(stack: Stack, logical_ids: set[str]) -> set[tuple[str, str]]:
    """Type and name of the resources that have a name of our own."""
    resources = [stack.resources[name] for name in logical_ids]
    return {
        (it["Type"], it["Properties"][NAMES[it["Type"]]])
        for it in resources
        if NAMES[it["Type"]] in it["Properties"]
    }


def test_an_update_from_the_version_before_finds_no_name_taken(
    stack: Stack, previous: Stack
) -> None:
    # CloudFormation makes the nested stack before it deletes what was in its place.
    before, now = names_in(previous, set(MOVED)), names_in(stack, set(MOVED.values()))

    assert len(before) == len(now) == 6  # two rules, the dashboard, three queries
    assert not before & now
