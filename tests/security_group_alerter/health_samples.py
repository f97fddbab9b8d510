"""Accounts, trails and subscriptions for the tests of the daily check."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from security_group_alerter.judgement.health import ACCOUNTS
from security_group_alerter.model.health import (
    Deliveries,
    Installation,
    OrganizationAccount,
    Problem,
    ProblemKind,
    Remembered,
    Subscription,
    SubscriptionState,
    TrailStatus,
)

NOW: Final = datetime(2026, 11, 28, 7, 0, tzinfo=UTC)
TRAIL_NAME: Final = "organization-trail"
HERE: Final = Installation(
    stack="security-group-alerter", account_id="111122223333", region="eu-central-1"
)


def ago(**span: float) -> datetime:
    """So long before now."""
    return NOW - timedelta(**span)


def account(number: int, *, joined_at: datetime | None = None) -> OrganizationAccount:
    return OrganizationAccount(
        id=f"{number:012}", name=f"account-{number}", joined_at=joined_at or ago(days=400)
    )


def status(**changes: Any) -> TrailStatus:
    """A trail that is well, but for the changes."""
    well = {
        "is_logging": True,
        "started_at": ago(days=100),
        "to_s3": Deliveries(last=ago(minutes=4)),
        "to_logs": Deliveries(last=ago(minutes=3)),
    }
    return TrailStatus(**{**well, **changes})


def email(address: str, state: SubscriptionState = SubscriptionState.CONFIRMED) -> Subscription:
    return Subscription(protocol="email", endpoint=address, state=state)


def silence(number: int = 1, **changes: Any) -> Problem:
    """An account that is silent for eight days."""
    silent: Mapping[str, Any] = {
        "kind": ProblemKind.SILENT_ACCOUNT,
        "look": ACCOUNTS,
        "name": account(number).id,
        "title": str(account(number)),
        "since": ago(days=8),
        "patience": timedelta(days=7),
    }
    return Problem(**{**silent, **changes})


def remembered(
    problem: Problem, *, reported: datetime | None, since: datetime | None = None
) -> Remembered:
    """The problem, as a check before left it."""
    return Remembered(
        kind=problem.kind,
        look=problem.look,
        name=problem.name,
        title=problem.title,
        since=since or problem.since or NOW,
        reported=reported,
    )
