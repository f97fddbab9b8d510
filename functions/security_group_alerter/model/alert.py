"""What we report: findings that belong together, and where they were made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .account import AccountFacts
from .finding import Effect, Finding
from .principal import Principal
from .record import Outcome
from .severity import Severity
from .subject import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFinding:
    """A finding, with what its delivery adds.

    `key` is what it is known by when it comes again. `updates_alerted` says that its record is
    CloudTrail's update of an event that has been alerted.
    """

    finding: Finding
    key: str
    updates_alerted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One or more findings about one principal, account and Region.

    `seen_at` is when the alerter read the records, in UTC. The findings are in the order in which
    the calls were made. `may_repeat` says that nobody could look up whether they had been alerted.
    """

    delivered: tuple[DeliveredFinding, ...]
    account: AccountFacts
    organization_id: str | None
    seen_at: datetime
    may_repeat: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings alone."""
        return tuple(entry.finding for entry in self.delivered)

    @property
    def severity(self) -> Severity:
        """The same for every finding, as are all of the following."""
        return self._first.judgement.severity

    @property
    def kind(self) -> SubjectKind:
        """What was changed."""
        return self._first.subject.kind

    @property
    def outcome(self) -> Outcome:
        """What became of the calls."""
        return self._first.outcome

    @property
    def effect(self) -> Effect:
        """What the calls did to the world's access."""
        return self._first.judgement.effect

    @property
    def world_open(self) -> bool:
        """Whether each of the calls opened something to the world."""
        return self._first.judgement.world_open

    @property
    def account_id(self) -> str | None:
        """The account that was changed."""
        return self._first.subject.account_id

    @property
    def region(self) -> str | None:
        """The Region that was changed."""
        return self._first.subject.region

    @property
    def principal(self) -> Principal | None:
        """Who made the calls; None where there was no call."""
        record = self._first.record
        return None if record is None else record.principal

    @property
    def event_names(self) -> tuple[str, ...]:
        """The API calls, each name once."""
        records = (finding.record for finding in self.findings)
        names = (record.event_name for record in records if record is not None)
        return tuple(dict.fromkeys(filter(None, names)))

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The CloudTrail events that this alert reports."""
        records = (finding.record for finding in self.findings)
        ids = (record.event_id for record in records if record is not None)
        return tuple(filter(None, ids))

    @property
    def _first(self) -> Finding:
        return self.delivered[0].finding
