"""Step 8: findings and account facts become alerts: what belongs together is reported together.

Findings share an alert only when everything that a subscription can filter by is the same. So every
attribute is true of every line, and nothing that could page hides behind something harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from .model.account import AccountFacts
from .model.alert import Alert, DeliveredFinding


def alerts_of(
    delivered: Iterable[DeliveredFinding],
    *,
    facts_for: Callable[[str], AccountFacts],
    organization_id: str | None,
    seen_at: datetime,
    may_repeat: bool = False,
) -> Iterator[Alert]:
    """Group findings, which are in the order of the calls, as are then the groups.

    `organization_id` is used where the log stream does not name one.
    """
    groups: dict[object, list[DeliveredFinding]] = {}
    for entry in delivered:
        groups.setdefault(_group_of(entry), []).append(entry)
    for group in groups.values():
        first = group[0].finding
        account_id, record = first.subject.account_id, first.record
        yield Alert(
            delivered=tuple(group),
            account=facts_for(account_id) if account_id else AccountFacts(),
            organization_id=(record and record.organization_id) or organization_id,
            seen_at=seen_at,
            may_repeat=may_repeat,
        )


def _group_of(entry: DeliveredFinding) -> object:
    finding = entry.finding
    subject, judgement, record = finding.subject, finding.judgement, finding.record
    return (
        finding.observed and finding.observed.what,
        subject.account_id,
        subject.region,
        record and record.principal,
        judgement.severity,
        subject.kind,
        finding.outcome,
        judgement.effect,
        judgement.reach and judgement.reach.reach,
        judgement.world_open,
    )
