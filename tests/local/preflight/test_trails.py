"""The trails that exist, what another one costs, and the log group of one that is reused."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud
from tests.local.control_tower import GROUP, TRAIL, make_trail
from tests.local.preflight.arrangements import (
    ARN,
    EMAILS,
    MEMBER,
    REUSE,
    Arrangement,
    Preflight,
    Row,
    assert_stop,
    assert_warning,
    both,
    full_group,
    make_log_group,
    stopped_trail,
)


def five_trails(aws: Cloud) -> None:
    for number in range(5):
        make_trail(aws, f"trail-{number}", IsOrganizationTrail=False)


def group_without(*features: str) -> Arrangement:
    def arrange(aws: Cloud) -> None:
        changed: dict[str, Any] = dict.fromkeys(features, False)
        make_trail(aws, **changed)
        make_log_group(aws)

    return arrange


def select(**selectors: Any) -> Arrangement:
    def arrange(aws: Cloud) -> None:
        make_trail(aws)
        make_log_group(aws)
        aws.client("cloudtrail").put_event_selectors(TrailName=TRAIL, **selectors)

    return arrange


def advanced(**equals: str) -> Arrangement:
    fields = [{"Field": field, "Equals": [value]} for field, value in equals.items()]
    return select(AdvancedEventSelectors=[{"FieldSelectors": fields}])


def infrequent_group(aws: Cloud) -> None:
    """It shows its class, which a log group in moto does not."""
    make_trail(aws)
    group = {"logGroupName": GROUP, "logGroupClass": "INFREQUENT_ACCESS"}
    aws.answers["DescribeLogGroups"] = lambda _: {"logGroups": [group]}


def stack_with_a_trail(aws: Cloud) -> None:
    aws.deployed(OrganizationId=aws.organization_id)
    aws.output(TrailArn="arn:aws:cloudtrail:::trail/mine")


def trail_from_afar(aws: Cloud) -> None:
    """Its home is another Region, and its log group is here."""
    group = f"arn:aws:logs:{REGION}:{MANAGEMENT}:log-group:{GROUP}:*"
    make_trail(aws, region="us-east-1", CloudWatchLogsLogGroupArn=group)


STOPS: Final[list[Row]] = [
    (
        "five-trails",
        five_trails,
        EMAILS,
        f"trails {REGION} has 5 trails, and AWS allows 5: trail-0, trail-1, trail-2, trail-3, "
        "trail-4. Delete one, or reuse",
    ),
    (
        "trail-of-that-name",
        lambda aws: make_trail(aws, "organization-trail", IsOrganizationTrail=False),
        EMAILS,
        "trails a trail organization-trail that is not this stack's exists already: "
        "arn:aws:cloudtrail:",
    ),
    (
        "no-such-log-group",
        make_trail,
        REUSE,
        f"log group the log group {GROUP} does not exist in {REGION}. Deploy in the account and",
    ),
    (
        "log-group-of-another-class",
        infrequent_group,
        REUSE,
        f"log group {GROUP} has the log class INFREQUENT_ACCESS, without subscription and metric",
    ),
    (
        "no-free-subscription-filter",
        full_group,
        REUSE,
        "subscription the log group has 2 subscription filters, and AWS allows 2: to-the-siem → "
        "arn:aws:lambda:::function:to-the-siem, to-the-lake → ",
    ),
    (
        "reused-trail-without-the-organization",
        group_without("IsOrganizationTrail"),
        REUSE,
        f"trails with {TRAIL}, the alerter would miss changes: it is not an organization trail",
    ),
    (
        "reused-trail-of-one-region",
        group_without("IsMultiRegionTrail"),
        REUSE,
        f"it is not a multi-Region trail (it records only {REGION})",
    ),
    (
        "reused-trail-that-is-stopped",
        stopped_trail,
        REUSE,
        "it is stopped (aws cloudtrail start-logging starts it)",
    ),
    (
        "reused-trail-of-reading-calls",
        select(EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]),
        REUSE,
        "its event selectors leave out write management events",
    ),
    (
        "reused-trail-without-ec2",
        select(
            AdvancedEventSelectors=[
                {
                    "FieldSelectors": [
                        {"Field": "eventCategory", "Equals": ["Management"]},
                        {"Field": "eventSource", "NotEquals": ["ec2.amazonaws.com"]},
                    ]
                }
            ]
        ),
        REUSE,
        "its event selectors leave out write management events",
    ),
    (
        "reused-trail-of-data-events",
        advanced(eventCategory="Data"),
        REUSE,
        "its event selectors leave out write management events",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in STOPS]
)
def test_what_stops_the_deployment(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_stop(run(*arguments), line)


WARNINGS: Final[list[Row]] = [
    (
        "second-copy",
        make_trail,
        EMAILS,
        f"trails the organization already has the trail {TRAIL} ({REGION}); AWS charges $2 per "
        "100,000 management events for a second copy (the first is free). Reuse it instead: "
        f"--parameter ExistingTrailLogGroupName={GROUP} --parameter TrailName={TRAIL}",
    ),
    (
        "second-copy-of-a-trail-of-another-region",
        lambda aws: make_trail(aws, region="us-east-1"),
        EMAILS,
        f"Reuse it instead in account {MANAGEMENT}, Region us-east-1, where its log group is: "
        f"--parameter ExistingTrailLogGroupName={GROUP}",
    ),
    (
        "second-copy-of-a-delegated-administrators-trail",
        lambda aws: make_trail(
            aws,
            CloudWatchLogsLogGroupArn=f"arn:aws:logs:{REGION}:{MEMBER}:log-group:theirs:*",
        ),
        EMAILS,
        f"Reuse it instead in account {MEMBER}, Region {REGION}, where its log group is: "
        f"--parameter ExistingTrailLogGroupName=theirs --parameter TrailName={TRAIL} "
        f"--parameter ManagementAccountId={MANAGEMENT}",
    ),
    (
        "second-copy-of-a-trail-whose-role-is-to-be-watched",
        lambda aws: make_trail(
            aws, CloudWatchLogsRoleArn=f"arn:aws:iam::{MANAGEMENT}:role/service-role/trail-to-logs"
        ),
        EMAILS,
        f"--parameter ExistingTrailLogGroupName={GROUP} --parameter TrailName={TRAIL} "
        "--parameter ExistingTrailLogRoleName=trail-to-logs",
    ),
    (
        "second-copy-of-a-trail-without-log-group",
        lambda aws: make_trail(aws, CloudWatchLogsLogGroupArn=None),
        EMAILS,
        "Reuse it instead: it has no log group, so add one first (aws cloudtrail update-trail "
        f"--name {ARN} --cloud-watch-logs-log-group-arn … --cloud-watch-logs-role-arn …)",
    ),
    (
        "trail-that-is-stopped",
        stopped_trail,
        EMAILS,
        "it is stopped, but when it runs, AWS charges $2 per 100,000",
    ),
    (
        "reused-under-another-name",
        both(make_trail, make_log_group),
        REUSE[:-2],
        f"TrailName is organization-trail, but {ARN} writes to the log group. Set its name, so "
        f"that tampering with it is CRITICAL: --parameter TrailName={TRAIL}",
    ),
    (
        "reused-from-another-home",
        both(trail_from_afar, make_log_group),
        REUSE,
        f"the trail's home is us-east-1, and the stack is in {REGION}. Tampering with it is",
    ),
    (
        "log-group-that-no-trail-feeds",
        make_log_group,
        REUSE,
        f"no trail that you can see from here writes to {GROUP}. Check that",
    ),
    (
        "reuse-instead-of-the-own-trail",
        both(make_trail, make_log_group, stack_with_a_trail),
        REUSE,
        "this update deletes the trail that the stack created: arn:aws:cloudtrail:::trail/mine",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in WARNINGS]
)
def test_what_is_warned_of(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_warning(run(*arguments), line)


def test_the_price_is_given_for_what_the_other_trail_recorded(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    aws.client("cloudwatch").put_metric_data(
        Namespace="AWS/Logs",
        MetricData=[
            {
                "MetricName": "IncomingLogEvents",
                "Value": 97_000_000,
                "Timestamp": datetime.now(UTC) - timedelta(days=3),
                "Dimensions": [{"Name": "LogGroupName", "Value": GROUP}],
            }
        ],
    )

    (line,) = run(*EMAILS).lines("warning")

    assert "(the first is free): about $1,940 for the 97,000,000 events of the last 30 d" in line


@pytest.mark.parametrize("operation", ["GetTrailStatus", "GetMetricStatistics"])
def test_the_price_is_given_whatever_else_may_not_be_asked(
    aws: Cloud, run: Preflight, operation: str
) -> None:
    make_trail(aws)
    aws.refuse(operation)

    (line,) = run(*EMAILS).lines("warning")

    assert "for a second copy (the first is free). Reuse it instead: --parameter" in line


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(
            select(
                EventSelectors=[{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]
            ),
            id="writing-calls",
        ),
        pytest.param(advanced(eventCategory="Management"), id="advanced"),
        pytest.param(
            advanced(eventCategory="Management", readOnly="false"), id="advanced-writing-calls"
        ),
    ],
)
def test_trails_that_record_what_matters(aws: Cloud, run: Preflight, arrange: Arrangement) -> None:
    arrange(aws)

    assert run(*REUSE).lines("stop") == []


def test_the_stacks_own_filter_takes_no_place(aws: Cloud, run: Preflight) -> None:
    make_trail(aws)
    make_log_group(aws, STACK, "to-the-siem")

    assert "subscription others use 1 of 2 filters" in run(*REUSE).lines("ok")
