"""Checks the trails that exist before a deployment, and the log group of one that is reused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from security_group_alerter.cloudtrail.dialects import members_of
from security_group_alerter.cloudtrail.trails import blinded_by_selectors

from ..checks import Check, Checks, ok, stop, warning
from .plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef

TRAILS: Final = "trails"
LOG_GROUP: Final = "log group"
SUBSCRIPTION: Final = "subscription"
PERMISSIONS: Final = (
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrailStatus",
    "cloudwatch:GetMetricStatistics",
    "logs:DescribeLogGroups",
    "logs:DescribeSubscriptionFilters",
)
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html
MOST_TRAILS: Final = 5
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
MOST_SUBSCRIPTIONS: Final = 2
# https://aws.amazon.com/cloudtrail/pricing/
PRICE: Final = "AWS charges $2 per 100,000 management events for a second copy (the first is free)"


def trail_checks(plan: Plan) -> Checks[None]:
    """The trails that exist: what one more would cost, and whether AWS allows one more."""
    # With shadow trails: a multi-Region trail is listed, and counts, in every Region.
    trails = plan.deployment.client("cloudtrail").describe_trails()["trailList"]
    if not plan.makes_trail:
        yield from _reuse_checks(trails, plan)
        return
    others = [trail for trail in trails if trail["TrailARN"] != plan.own_trail_arn]
    yield from _room_checks(others, plan)
    second_copies = [
        _second_copy_check(trail, plan) for trail in others if _is_organizations(trail)
    ]
    yield from second_copies
    if not second_copies:
        yield ok(TRAILS, "no other organization trail, so this one is the first copy: free")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstCopy:
    """An organization trail that exists: what a second one costs, and how to read it instead.

    `parameters` are empty if its log group is not in the account and Region of the stack.
    """

    check: Check
    parameters: Mapping[str, str]


def first_copies(plan: Plan) -> list[FirstCopy]:
    """The organization trails that exist, other than the stack's own; none if we may not look."""
    with suppress(ClientError):
        trails = plan.deployment.client("cloudtrail").describe_trails()["trailList"]
        return [
            FirstCopy(
                check=_second_copy_check(trail, plan),
                parameters=_parameters_for(trail) if _is_here(trail, plan) else {},
            )
            for trail in trails
            if trail["TrailARN"] != plan.own_trail_arn and _is_organizations(trail)
        ]
    return []


def _is_organizations(trail: TrailTypeDef) -> bool:
    return bool(trail.get("IsOrganizationTrail"))


def _is_here(trail: TrailTypeDef, plan: Plan) -> bool:
    """Whether its log group is in the account and Region of the stack."""
    arn = trail.get("CloudWatchLogsLogGroupArn")
    return arn is not None and _place_of(arn)[:2] == (plan.deployment.region, plan.account_id)


def _room_checks(others: list[TrailTypeDef], plan: Plan) -> Checks[None]:
    region, name = plan.deployment.region, plan.values["TrailName"]
    taken = [trail for trail in others if trail["Name"] == name]
    if taken:
        yield stop(
            TRAILS,
            f"a trail {name} that is not this stack's exists already: {taken[0]['TrailARN']}",
            "Choose another name: --parameter TrailName=…",
        )
    if plan.own_trail_arn is None and len(others) >= MOST_TRAILS:
        names = ", ".join(trail["Name"] for trail in others)
        yield stop(
            TRAILS,
            f"{region} has {len(others)} trails, and AWS allows {MOST_TRAILS}: {names}",
            "Delete one, or reuse an organization trail with ExistingTrailLogGroupName",
        )


def _second_copy_check(trail: TrailTypeDef, plan: Plan) -> Check:
    """An organization trail that exists: what a second one costs, and how to reuse this one."""
    found = f"the organization already has the trail {trail['Name']} ({trail['HomeRegion']})"
    is_stopped = False
    with suppress(ClientError):  # if we cannot tell, it runs, as most trails do
        is_stopped = not _is_logging(trail, plan)
    if is_stopped:
        return warning(
            TRAILS,
            f"{found}; it is stopped, but when it runs, {PRICE}",
            f"Start and reuse it, or delete it{_reuse(trail, plan)}",
        )
    return warning(
        TRAILS,
        f"{found}; {PRICE}{_estimate(trail, plan)}",
        f"Reuse it instead{_reuse(trail, plan)}",
    )


def _estimate(trail: TrailTypeDef, plan: Plan) -> str:
    """The cost of a second copy, if the trail's events can be counted; else empty.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
    """
    if not _is_here(trail, plan):
        return ""
    arn, now = trail["CloudWatchLogsLogGroupArn"], datetime.now(UTC)
    with suppress(ClientError):
        answer = plan.deployment.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Logs",
            MetricName="IncomingLogEvents",
            Dimensions=[{"Name": "LogGroupName", "Value": _place_of(arn)[2]}],
            StartTime=now - timedelta(days=30),
            EndTime=now,
            Period=30 * 24 * 3600,
            Statistics=["Sum"],
        )
        events = sum(point["Sum"] for point in answer["Datapoints"])
        if events:
            dollars = events / 100_000 * 2
            return f": about ${dollars:,.0f} for the {events:,.0f} events of the last 30 days"
    return ""


def _reuse(trail: TrailTypeDef, plan: Plan) -> str:
    """How to reuse it: the parameters, and where to deploy with them."""
    arn = trail.get("CloudWatchLogsLogGroupArn")
    if not arn:
        return (
            ": it has no log group, so add one first (aws cloudtrail update-trail "
            f"--name {trail['TrailARN']} --cloud-watch-logs-log-group-arn … "
            "--cloud-watch-logs-role-arn …)"
        )
    where = ""
    if not _is_here(trail, plan):
        region, account_id, _ = _place_of(arn)
        where = f" in account {account_id}, Region {region}, where its log group is"
    named = [f"--parameter {name}={value}" for name, value in _parameters_for(trail).items()]
    return f"{where}: {' '.join(named)}"


def _parameters_for(trail: TrailTypeDef) -> dict[str, str]:
    """The parameters with which the alerter reads this trail."""
    _, account_id, group = _place_of(trail["CloudWatchLogsLogGroupArn"])
    owner = trail["TrailARN"].split(":")[4]
    named = {"ExistingTrailLogGroupName": group, "TrailName": trail["Name"]}
    # The alarm on changes to the role needs its name.
    role = trail.get("CloudWatchLogsRoleArn", "").rpartition("/")[2]
    named |= {"ExistingTrailLogRoleName": role} if role else {}
    return named if account_id == owner else named | {"ManagementAccountId": owner}


def _is_logging(trail: TrailTypeDef, plan: Plan) -> bool:
    client = plan.deployment.client("cloudtrail", trail["HomeRegion"])
    return bool(client.get_trail_status(Name=trail["TrailARN"])["IsLogging"])


def _place_of(log_group_arn: str) -> tuple[str, str, str]:
    """The Region, account and name in the ARN of a log group."""
    _, _, _, region, account_id, _, name, *_ = log_group_arn.split(":")
    return region, account_id, name


# Reuse: the trail, its log group, and a place in it.


def _reuse_checks(trails: list[TrailTypeDef], plan: Plan) -> Checks[None]:
    """Whether the trail that writes to the named log group records all that is needed."""
    group = plan.values["ExistingTrailLogGroupName"]
    if plan.own_trail_arn is not None:
        yield warning(
            TRAILS,
            f"this update deletes the trail that the stack created: {plan.own_trail_arn}",
            "Its bucket and log group stay",
        )
    here = (plan.deployment.region, plan.account_id, group)
    feeding = [
        trail
        for trail in trails
        if _place_of(trail.get("CloudWatchLogsLogGroupArn") or ":" * 7) == here
        and trail["TrailARN"] != plan.own_trail_arn
    ]
    if not feeding:
        yield warning(
            TRAILS,
            f"no trail that you can see from here writes to {group}",
            "Check that an organization trail does, in the account that owns it",
        )
    for trail in feeding:
        yield from _sight_checks(trail, plan)
        yield _name_check(trail, plan)


def _sight_checks(trail: TrailTypeDef, plan: Plan) -> Checks[None]:
    name, blind = trail["Name"], []
    if not trail.get("IsOrganizationTrail"):
        blind.append("it is not an organization trail (it leaves out member accounts)")
    if not trail.get("IsMultiRegionTrail"):
        blind.append(f"it is not a multi-Region trail (it records only {trail['HomeRegion']})")
    if not _is_logging(trail, plan):
        blind.append("it is stopped (aws cloudtrail start-logging starts it)")
    if not _records_changes(trail, plan):
        blind.append("its event selectors leave out write management events")
    if blind:
        yield stop(
            TRAILS,
            f"with {name}, the alerter would miss changes: {'; '.join(blind)}",
            "Fix this, or let the stack create its own trail",
        )
    else:
        yield ok(
            TRAILS, f"{name} runs, and records all changes in the organization and in all Regions"
        )


def _name_check(trail: TrailTypeDef, plan: Plan) -> Check:
    arn = trail["TrailARN"]
    if arn == plan.trail_arn:
        return ok(TRAILS, f"tampering with {arn} is alerted as CRITICAL")
    if trail["HomeRegion"] != plan.deployment.region:
        return warning(
            TRAILS,
            f"the trail's home is {trail['HomeRegion']}, and the stack is in "
            f"{plan.deployment.region}",
            "Tampering with it is alerted as for any other trail, at most as MEDIUM",
        )
    return warning(
        TRAILS,
        f"TrailName is {plan.values['TrailName']}, but {arn} writes to the log group",
        "Set its name, so that tampering with it is CRITICAL: --parameter "
        f"TrailName={trail['Name']}",
    )


def _records_changes(trail: TrailTypeDef, plan: Plan) -> bool:
    """Whether the function would not call the trail blinded by its event selectors."""
    client = plan.deployment.client("cloudtrail", trail["HomeRegion"])
    selectors = client.get_event_selectors(TrailName=trail["TrailARN"])
    basic = [*map(members_of, selectors.get("EventSelectors", []))]
    advanced = [*map(members_of, selectors.get("AdvancedEventSelectors", []))]
    return not (basic or advanced) or not blinded_by_selectors(basic, advanced)


def log_group_checks(plan: Plan) -> Checks[None]:
    """Whether the log group to reuse exists, and has room for a subscription filter."""
    client = plan.deployment.client("logs")
    name = plan.values["ExistingTrailLogGroupName"]
    groups = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    found = [group for group in groups if group["logGroupName"] == name]
    if not found:
        yield stop(
            LOG_GROUP,
            f"the log group {name} does not exist in {plan.deployment.region}",
            "Deploy in the account and Region that it is in, or set another "
            "ExistingTrailLogGroupName",
        )
        return
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html
    log_class = found[0].get("logGroupClass", "STANDARD")
    if log_class != "STANDARD":
        yield stop(
            LOG_GROUP,
            f"{name} has the log class {log_class}, without subscription and metric filters",
            "The class cannot be changed: give the trail another log group",
        )
        return
    yield ok(LOG_GROUP, name)
    yield _subscription_check(
        client.describe_subscription_filters(logGroupName=name)["subscriptionFilters"], plan
    )


def _subscription_check(filters: list[dict[str, str]], plan: Plan) -> Check:
    names = [it["filterName"] for it in filters]
    # The stack's own, from an earlier deployment, is replaced.
    others = [name for name in names if name != plan.deployment.stack]
    if len(others) < MOST_SUBSCRIPTIONS:
        return ok(SUBSCRIPTION, f"others use {len(others)} of {MOST_SUBSCRIPTIONS} filters")
    targets = ", ".join(
        f"{it['filterName']} → {it['destinationArn']}"
        for it in filters
        if it["filterName"] in others
    )
    return stop(
        SUBSCRIPTION,
        f"the log group has {len(others)} subscription filters, and AWS allows "
        f"{MOST_SUBSCRIPTIONS}: {targets}",
        "Delete one, or let one of them feed a Kinesis data stream that the readers of both share",
    )
