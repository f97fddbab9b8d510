"""Checks the deployed trail: what it records, and whether it delivers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from security_group_alerter.aws import health
from security_group_alerter.judgement.health import is_late
from security_group_alerter.model.health import Deliveries

from ..checks import Check, Checks, State, ok, stop, warning
from .deployed_stack import Deployed, span_words

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef

SUBJECT: Final = "trail"
PERMISSIONS: Final = ("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus")


def described_trail(deployed: Deployed) -> Checks[TrailTypeDef | None]:
    """The trail's configuration."""
    arn = deployed.outputs["TrailArn"]
    client = deployed.deployment.client("cloudtrail")
    found = client.describe_trails(trailNameList=[arn])["trailList"]
    if not found:
        yield stop(
            SUBJECT,
            f"the trail {arn} does not exist, or this account cannot see it",
            "If it was deleted, CloudFormation does not create it again: delete the stack (the "
            "bucket and the log group stay), and deploy it again",
        )
        return None
    trail: TrailTypeDef = found[0]
    is_right = {
        "it is not an organization trail (--is-organization-trail)": trail.get(
            "IsOrganizationTrail"
        ),
        "it is not a multi-Region trail (--is-multi-region-trail)": trail.get("IsMultiRegionTrail"),
        f"it does not write to {deployed.outputs['TrailLogGroupName']} "
        "(--cloud-watch-logs-log-group-arn and --cloud-watch-logs-role-arn)": trail.get(
            "CloudWatchLogsLogGroupArn"
        )
        == deployed.log_group_arn,
    }
    wrong = [words for words, it_is in is_right.items() if not it_is]
    if wrong:
        yield stop(
            SUBJECT,
            f"{arn}: {'; '.join(wrong)}",
            f"Set them: aws cloudtrail update-trail --name {arn} --region {arn.split(':')[3]}",
        )
    else:
        yield ok(SUBJECT, f"{arn} records the organization, in all Regions")
    return trail


def trail_status(deployed: Deployed, *, is_waiting: bool) -> Checks[datetime | None]:
    """Whether the trail delivers, or has failed to. Returns when it was started.

    While `is_waiting` for the first records of a new stack, that there are none is no news.
    """
    arn = deployed.outputs["TrailArn"]
    status = health.trail_status(deployed.deployment.client("cloudtrail", arn.split(":")[3]), arn)
    if status is None:
        return None  # which is reported already
    if not status.is_logging:
        yield stop(
            SUBJECT,
            "it is stopped",
            f"Start it: aws cloudtrail start-logging --name {arn} --region {arn.split(':')[3]}",
        )
    for subject, deliveries, todo in (
        ("to S3", status.to_s3, "Compare the bucket's policy (and the key's) with template.yaml"),
        (
            "to CloudWatch Logs",
            status.to_logs,
            "Compare the trail's role (TrailLogRole) with template.yaml",
        ),
    ):
        check = _delivery_check(deployed, subject, deliveries, todo)
        if not (is_waiting and check.state is State.WARNING):
            yield check
    return status.started_at


def _delivery_check(deployed: Deployed, subject: str, deliveries: Deliveries, todo: str) -> Check:
    """The last delivery: failed, long ago, none yet, or recent."""
    if deliveries.error:
        return stop(subject, f"the last delivery failed: {deliveries.error}", todo)
    found = "nothing has been delivered yet"
    if deliveries.last is not None:
        found = f"last delivered {span_words(deployed.now - deliveries.last)} ago"
    if not is_late(deliveries, deployed.now):
        return ok(subject, found)
    if deployed.is_young:
        return warning(subject, found, "The stack is new: check again in half an hour")
    return stop(subject, found, todo)
