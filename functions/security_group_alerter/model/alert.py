"""Step 7: findings and account facts become Alerts: what belongs together is told together.

Findings share an alert only when everything that a subscription can filter by is the same, so that
every attribute is true of every line, and nothing that could page hides behind something harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..cloudtrail.principals import Principal
from ..cloudtrail.records import Outcome
from ..judgement.findings import Effect, Finding, FindingKind, Severity
from .account import AccountFacts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alert:
    """What we tell: one or more findings of one principal in one account and Region.

    It is equal to itself only, so that what several forms say of it is worked out once.

    `seen_at` is when the alerter read the records, in UTC. Findings are in the order of the calls.
    `may_repeat` says that nobody could tell whether they had been alerted before.
    """

    findings: tuple[Finding, ...]
    account: AccountFacts
    organization_id: str | None
    seen_at: datetime
    may_repeat: bool = False

    @property
    def severity(self) -> Severity:
        """The same for every finding, as are all of the following."""
        return self.findings[0].severity

    @property
    def kind(self) -> FindingKind:
        """What was changed."""
        return self.findings[0].kind

    @property
    def outcome(self) -> Outcome:
        """What became of the calls."""
        return self.findings[0].record.outcome

    @property
    def effect(self) -> Effect:
        """What the calls did to the world's access."""
        return self.findings[0].effect

    @property
    def world_open(self) -> bool:
        """Whether each of the calls opened something to the world."""
        return self.findings[0].world_open

    @property
    def account_id(self) -> str | None:
        """The account that was changed."""
        return self.findings[0].record.account_id

    @property
    def region(self) -> str | None:
        """The Region that was changed."""
        return self.findings[0].record.region

    @property
    def principal(self) -> Principal:
        """Who made the calls."""
        return self.findings[0].record.principal

    @property
    def event_names(self) -> tuple[str, ...]:
        """The API calls, each name once."""
        names = (finding.record.event_name for finding in self.findings)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The CloudTrail events that this alert tells of."""
        ids = (finding.record.event_id for finding in self.findings)
        return tuple(event_id for event_id in ids if event_id)


def alerts_of(
    findings: Iterable[Finding],
    *,
    facts_for: Callable[[str], AccountFacts],
    organization_id: str | None,
    seen_at: datetime,
    may_repeat: bool = False,
) -> Iterator[Alert]:
    """Group findings, in the order of the first call of each group.

    `organization_id` is used where the log stream does not tell it.
    """
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_group_of(finding), []).append(finding)
    for group in groups.values():
        group.sort(key=_order_of)
        record = group[0].record
        yield Alert(
            findings=tuple(group),
            account=facts_for(record.account_id) if record.account_id else AccountFacts(),
            organization_id=record.organization_id or organization_id,
            seen_at=seen_at,
            may_repeat=may_repeat,
        )


def _order_of(finding: Finding) -> tuple[datetime, bool]:
    """As the calls were made, and CloudTrail's update of an event after the event."""
    time = finding.record.event_time or datetime.min.replace(tzinfo=UTC)
    return time, finding.record.original_event_id is not None


def _group_of(finding: Finding) -> object:
    record = finding.record
    return (
        record.account_id,
        record.region,
        record.principal,
        finding.severity,
        finding.kind,
        record.outcome,
        finding.effect,
        finding.world_open,
    )
