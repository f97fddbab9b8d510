"""What was looked at becomes problems: silent accounts, deliveries that stopped, and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from ..model.health import (
    Deliveries,
    Findings,
    OrganizationAccount,
    Problem,
    ProblemKind,
    Subscription,
    SubscriptionState,
    TrailStatus,
)

# The looks, by the words that a message has for them.
TRAIL = "the trail"
HEARTBEAT = "the heartbeat"
ACCOUNTS = "the accounts"

# In an account that is in use, AWS services make calls every day. Others may rest for days.
SILENT_AFTER = timedelta(days=7)
# CloudTrail delivers about every five minutes, if there is something to deliver.
DELIVERED_WITHIN = timedelta(hours=1)
# The heartbeat's alarm goes off sooner. This is read to a quarter of an hour.
BEATS_WITHIN = timedelta(hours=1)
# The host of a URL, without the name and password before it.
_URL = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#]*)")
# So that people have a day to follow the link in the mail. A check may come a little early.
CONFIRMED_WITHIN = timedelta(hours=23)


def account_findings(
    accounts: Sequence[OrganizationAccount],
    newest: Mapping[str, datetime],
    *,
    watched_since: datetime,
    now: datetime,
) -> Findings:
    """Active accounts without a record for a week: since the newest, or since one was expected."""
    return Findings(
        problems=tuple(
            Problem(
                kind=ProblemKind.SILENT_ACCOUNT,
                look=ACCOUNTS,
                name=account.id,
                title=str(account),
                details="" if account.id in newest else "no record was ever seen",
                since=newest.get(account.id, max(account.joined_at, watched_since)),
                patience=SILENT_AFTER,
            )
            for account in accounts
            if account.id not in newest or now - newest[account.id] >= SILENT_AFTER
        ),
        known=frozenset(account.id for account in accounts),
    )


def trail_findings(status: TrailStatus | None, name: str, *, now: datetime) -> Findings:
    """A trail that does not exist, is stopped, or does not deliver."""
    return Findings(problems=tuple(_trail_problems(status, name, now)), known=frozenset({name}))


def _trail_problems(status: TrailStatus | None, name: str, now: datetime) -> Iterator[Problem]:
    if status is None:
        yield Problem(kind=ProblemKind.NO_TRAIL, look=TRAIL, name=name, title=name)
        return
    if not status.is_logging:
        yield Problem(
            kind=ProblemKind.TRAIL_STOPPED,
            look=TRAIL,
            name=name,
            title=name,
            since=status.stopped_at,
        )
    for kind, deliveries in (
        (ProblemKind.NOT_TO_LOGS, status.to_logs),
        (ProblemKind.NOT_TO_S3, status.to_s3),
    ):
        if deliveries.error or is_late(deliveries, now):
            yield Problem(
                kind=kind,
                look=TRAIL,
                name=name,
                title=name,
                details=deliveries.error or "",
                since=deliveries.last,
                # An error is certain. Without one, there may have been nothing to deliver yet.
                patience=timedelta(0) if deliveries.error else DELIVERED_WITHIN,
            )


def is_late(deliveries: Deliveries, now: datetime) -> bool:
    """Whether nothing was delivered for longer than there is always something to deliver."""
    return deliveries.last is None or now - deliveries.last > DELIVERED_WITHIN


def heartbeat_findings(newest: datetime | None, *, now: datetime) -> Findings:
    """No heartbeat, or none any more."""
    if newest is not None and now - newest <= BEATS_WITHIN:
        return Findings()
    return Findings(
        problems=(
            Problem(
                kind=ProblemKind.NO_HEARTBEAT,
                look=HEARTBEAT,
                name=HEARTBEAT,
                title="the heartbeat, a call every 5 minutes",
                since=newest,
                patience=BEATS_WITHIN,
            ),
        )
    )


def subscription_findings(
    subscriptions: Sequence[Subscription], topic: str, *, needs_one: bool
) -> Findings:
    """Subscriptions of a topic that nobody confirmed; or no confirmed one, where it needs one."""
    pending = {
        _name_of(it): Problem(
            kind=ProblemKind.NOT_CONFIRMED,
            look=topic,
            name=_name_of(it),
            title=f"{it.protocol} {shown_endpoint(it)}, on {topic}",
            patience=CONFIRMED_WITHIN,
        )
        for it in subscriptions
        if it.state is SubscriptionState.PENDING
    }
    nobody = Problem(
        kind=ProblemKind.NO_SUBSCRIBER,
        look=topic,
        name=topic,
        title=topic,
        patience=CONFIRMED_WITHIN,
    )
    is_heard = any(it.state is SubscriptionState.CONFIRMED for it in subscriptions)
    known = {_name_of(it) for it in subscriptions if it.state is not SubscriptionState.DELETED}
    return Findings(
        problems=(*pending.values(), *([nobody] if needs_one and not is_heard else [])),
        known=frozenset({topic, *known}),
    )


def _name_of(subscription: Subscription) -> str:
    """What it is remembered by: an endpoint may contain a secret."""
    return sha256(f"{subscription.protocol} {subscription.endpoint}".encode()).hexdigest()[:16]


def shown_endpoint(subscription: Subscription) -> str:
    """The endpoint; of a URL only the host, since the path often contains a key."""
    url = _URL.match(subscription.endpoint)
    return url[1] if url else subscription.endpoint
