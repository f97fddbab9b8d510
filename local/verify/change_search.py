"""Searches the trail's log group for records that match the six-name pattern, by account."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tqdm import tqdm

from security_group_alerter.cloudtrail.payload import log_stream_of
from security_group_alerter.messages.text import plural

from ..checks import Check, Checks, ok
from ..filter_pattern import compile_pattern
from ..template import read_template
from .deployed_stack import Deployed

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

SUBJECT: Final = "six-name pattern"
PERMISSIONS: Final = ("logs:FilterLogEvents",)
SPAN: Final = timedelta(hours=24)
SECONDS: Final = 60
_FILTER: Final = "SecurityGroupChangesMetricFilter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many records of each account match, and whether the whole day was searched."""

    counts: Mapping[str, int]
    is_whole: bool


def search_checks(deployed: Deployed, names: Mapping[str, str], seconds: float) -> Checks[None]:
    """What the last day contains. `names` are those of accounts, by ID."""
    client, group = deployed.deployment.client("logs"), deployed.outputs["TrailLogGroupName"]
    yield search_check(search(client, group, now=deployed.now, seconds=seconds), names)


def search(
    client: CloudWatchLogsClient, log_group: str, *, now: datetime, seconds: float = SECONDS
) -> Found:
    """Search the last day from its beginning, for at most `seconds`."""
    pattern = compile_pattern(six_name_pattern())
    counts: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=log_group,
        startTime=_milliseconds(now - SPAN),
        endTime=_milliseconds(now),
        filterPattern=pattern.text,
    )
    with _bar() as bar:
        for page in pages:
            for event in page["events"]:
                # CloudWatch Logs has matched it; an emulator may know less of patterns.
                if pattern.matches(event["message"]):
                    counts[_account_of(event["logStreamName"], event["message"])] += 1
            bar.update()
            bar.set_postfix(found=counts.total())
            # An empty page may not be the last one: only the token says.
            if page.get("nextToken") and time.monotonic() > deadline:
                return Found(counts=counts, is_whole=False)
    return Found(counts=counts, is_whole=True)


def six_name_pattern() -> str:
    """The pattern of CIS and Security Hub, as the template has it."""
    pattern: str = read_template()["Resources"][_FILTER]["Properties"]["FilterPattern"]
    return " ".join(pattern.split())


def search_check(found: Found, names: Mapping[str, str]) -> Check:
    """What was found, the busiest account first."""
    span = "the last 24 hours"
    if not found.is_whole:
        span += " (searched only in part: allow more time with --seconds)"
    changes = sum(found.counts.values())
    if not changes:
        return ok(
            SUBJECT,
            f"matches nothing in {span}",
            "To test the whole path, create a group in any account, and delete it again: aws ec2 "
            'create-security-group --group-name alerter-test --description "Test of the alerter"',
        )
    busiest = sorted(found.counts.items(), key=lambda item: -item[1])
    listed = ", ".join(
        f"{names[account_id]} ({account_id}) {count:,}"
        if account_id in names
        else f"{account_id} {count:,}"
        for account_id, count in busiest
    )
    return ok(SUBJECT, f"matches {plural(changes, 'call')} in {span}: {listed}")


def _account_of(log_stream: str, message: str) -> str:
    """Whose record it is: as the record says, else as its log stream does."""
    record: Any = json.loads(message)
    account_id = record.get("recipientAccountId")
    if isinstance(account_id, str):
        return account_id
    return log_stream_of(log_stream).account_id or "an unknown account"


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _bar() -> tqdm[NoReturn]:
    # disable=None: a bar on a terminal only.
    return tqdm(desc="Searching the last day", unit=" pages", leave=False, disable=None)
