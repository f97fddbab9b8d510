"""Compares the organization's accounts with the trail's streams and folders: names silent ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from security_group_alerter.cloudtrail.payload import log_stream_of
from security_group_alerter.messages.text import plural
from security_group_alerter.model import ids

from ..checks import Check, Checks, looked_up, ok, stop, warning
from .deployed_stack import Deployed

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import TrailTypeDef
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_organizations import OrganizationsClient
    from mypy_boto3_organizations.type_defs import AccountTypeDef
    from mypy_boto3_s3 import S3Client

SUBJECT: Final = "accounts"
PERMISSIONS: Final = ("logs:DescribeLogStreams", "organizations:ListAccounts", "s3:ListBucket")
# In an account that is in use, AWS services make calls every day.
SILENT_AFTER: Final = timedelta(hours=24)
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html
COVERED_AFTER: Final = timedelta(hours=24)
_MOST_NAMED: Final = 20
_FOLDER = re.compile(rf"/({ids.ACCOUNT.pattern})/$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account that should be in the trail."""

    id: str
    name: str
    joined_at: datetime

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sightings:
    """Where accounts were seen: the newest record of each, and the folders if we may list them."""

    newest: Mapping[str, datetime]
    folders: frozenset[str] | None


def account_checks(
    deployed: Deployed, trail: TrailTypeDef | None, began_at: datetime
) -> Checks[dict[str, str]]:
    """Every account that should be in the trail. Returns their names by ID."""
    deployment, group = deployed.deployment, deployed.outputs["TrailLogGroupName"]
    accounts = yield from looked_up(
        SUBJECT, lambda: active_accounts(deployment.client("organizations"))
    )
    newest = newest_records(deployment.client("logs"), group)
    if accounts is None:
        yield ok(
            SUBJECT,
            f"{plural(len(newest), 'account')} seen in CloudWatch Logs, of an unknown number",
        )
        return {}
    folders = None
    if trail is not None:
        prefix = f"{trail['S3KeyPrefix']}/" if trail.get("S3KeyPrefix") else ""
        organization_id = deployed.parameters["OrganizationId"]
        folders = yield from looked_up(
            SUBJECT,
            lambda: folders_in(
                deployment.client("s3"),
                trail["S3BucketName"],
                f"{prefix}AWSLogs/{organization_id}/",
            ),
        )
    seen = Sightings(newest=newest, folders=folders)
    yield from silence_checks(accounts, seen, now=deployed.now, trail_began_at=began_at)
    return {account.id: account.name for account in accounts}


def active_accounts(client: OrganizationsClient) -> list[Account]:
    """The accounts of the organization that can make calls."""
    return [
        Account(id=it["Id"], name=it["Name"], joined_at=it["JoinedTimestamp"])
        for page in client.get_paginator("list_accounts").paginate()
        for it in page["Accounts"]
        if _state_of(it) == "ACTIVE"
    ]


def _state_of(account: AccountTypeDef) -> str:
    """Organizations returns State; Status is retired, and found in older responses.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
    """
    return str(account.get("State") or account.get("Status"))


def newest_records(client: CloudWatchLogsClient, log_group: str) -> dict[str, datetime]:
    """Account ID → the time of its newest record.

    CloudWatch Logs usually updates a stream's lastEventTimestamp within an hour.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html
    """
    newest: dict[str, datetime] = {}
    pages = client.get_paginator("describe_log_streams").paginate(logGroupName=log_group)
    for page in pages:
        for stream in page["logStreams"]:
            account_id = log_stream_of(stream["logStreamName"]).account_id
            if account_id and "lastEventTimestamp" in stream:
                time = datetime.fromtimestamp(stream["lastEventTimestamp"] / 1000, tz=UTC)
                newest[account_id] = max(time, newest.get(account_id, time))
    return newest


def folders_in(client: S3Client, bucket: str, prefix: str) -> frozenset[str]:
    """The accounts that have a folder in the archive, below `prefix`, which ends in a slash."""
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, Delimiter="/"
    )
    return frozenset(
        found[1]
        for page in pages
        for folder in page.get("CommonPrefixes", [])
        if (found := _FOLDER.search(folder["Prefix"]))
    )


def silence_checks(
    accounts: list[Account], seen: Sightings, *, now: datetime, trail_began_at: datetime
) -> Checks[None]:
    """How many accounts were seen, and the names of those that were not."""
    silent = {
        account: reason for account in accounts if (reason := _silence_of(account, seen, now))
    }
    seen_accounts = len(accounts) - len(silent)
    where = "CloudWatch Logs" if seen.folders is None else "CloudWatch Logs and in S3"
    found = f"{seen_accounts:,} of {plural(len(accounts), 'active account')} seen in {where}"
    if seen_accounts:
        yield ok(SUBJECT, found)
    elif now - trail_began_at < COVERED_AFTER:
        yield warning(SUBJECT, found, _advice(trail_began_at, now))
    else:
        yield stop(
            SUBJECT, found, "The trail records no account: fix what is reported about it above"
        )
    yield from _named(silent, now, trail_began_at)


def _named(
    silent: Mapping[Account, str], now: datetime, trail_began_at: datetime
) -> Iterator[Check]:
    for number, (account, reason) in enumerate(silent.items()):
        if number == _MOST_NAMED:
            rest = plural(len(silent) - _MOST_NAMED, "more silent account")
            yield warning(SUBJECT, rest, "Look into those above first")
            return
        since = max(account.joined_at, trail_began_at)
        yield warning(SUBJECT, f"{account} is silent: {reason}", _advice(since, now))


def _silence_of(account: Account, seen: Sightings, now: datetime) -> str:
    """Why the account counts as silent; empty when it does not."""
    reasons = []
    newest = seen.newest.get(account.id)
    if newest is None:
        reasons.append("no log stream has a record of it")
    elif now - newest > SILENT_AFTER:
        reasons.append(f"its newest record in CloudWatch Logs is from {newest:%Y-%m-%d %H:%M} UTC")
    if seen.folders is not None and account.id not in seen.folders:
        reasons.append("it has no folder in S3")
    return ", ".join(reasons)


def _advice(since: datetime, now: datetime) -> str:
    if now - since < COVERED_AFTER:
        hours = int((now - since).total_seconds() // 3600)
        return f"AWS can take 24 hours to cover an account, and only {hours} h have passed: wait"
    return (
        "If it is in use, check that it has the trail (aws cloudtrail describe-trails, in that "
        "account), and that the organization still trusts CloudTrail"
    )
