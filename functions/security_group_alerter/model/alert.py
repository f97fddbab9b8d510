"""What we report: findings that belong together, and where they were made."""

from __future__ import annotations

from datetime import datetime

from .account import AccountFacts
from .dataclass import dataclass
from .exposure_life import EndedHow
from .finding import Effect, Finding
from .group_state import Reach
from .ledger import ExposureNews
from .principal import Principal
from .record import Outcome
from .rules import Peer, SecurityGroupRule
from .severity import Severity
from .standing import Moment, StandingRule
from .subject import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a call did had ended when it was judged: how, at which time, and by whom.

    A later call ended it, whose `principal` is there where its record names one; or a look shows
    that it is gone. `in_part` says that some of it stands, which is less severe than what is gone,
    and `is_edited` that rules of it stand as they were edited. `in_steps` says that some of it had
    ended before that time.
    """

    how: EndedHow
    at: datetime | None
    principal: str | None = None
    in_part: bool = False
    is_edited: bool = False
    in_steps: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StaysOpen:
    """What a call added was taken back or edited, as `taken` says; what it opened is open still.

    `rules` keep it open now: those of other calls, or its own as they were edited; of a prefix
    list, the `ranges` do. An edit of rules that had opened nothing is named here, too. Beside a
    finding's `ended`, they keep open what is less severe than what was closed. Where `taken` is in
    part and the rest is as severe, they keep open what was taken back: none, if that is closed.
    """

    taken: Ended
    rules: tuple[SecurityGroupRule, ...] = ()
    ranges: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredFinding:
    """A finding, with what its delivery adds.

    `keys` are what it is known by when it comes again: more than one when CloudTrail's update of an
    event came with the event. `updates_alerted` says that its record is CloudTrail's update of an
    event that has been alerted. `ended`, `revoked` and `edited` (rules) are what had been taken
    back when it was judged; `stays_open` is there in place of `ended` where that closed nothing, or
    not the worst, and beside it where a part of what was opened is open still. `changed_lists` are
    prefix lists, by id, that no longer hold what they held at the call, or may not.
    `memory_failed` says that what is remembered of its group could not be read. `moment` is what
    stood at the call, by all that is known, and `standing` the rules that stand in the group
    now; `exposures` are those that it tells of.
    """

    finding: Finding
    keys: tuple[str, ...]
    event_ids: tuple[str, ...] = ()
    updates_alerted: bool = False
    ended: Ended | None = None
    stays_open: StaysOpen | None = None
    revoked: frozenset[SecurityGroupRule] = frozenset()
    edited: frozenset[SecurityGroupRule] = frozenset()
    changed_lists: frozenset[str] = frozenset()
    memory_failed: bool = False
    moment: Moment | None = None
    standing: tuple[StandingRule, ...] | None = None
    exposures: tuple[ExposureNews, ...] = ()

    @property
    def taken(self) -> Ended | None:
        """How the last was taken back of what had been; None where nothing was."""
        return self.ended or (self.stays_open.taken if self.stays_open else None)


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
    def memory_failed(self) -> bool:
        """Whether what is remembered of one of the groups could not be read."""
        return any(entry.memory_failed for entry in self.delivered)

    @property
    def exposures(self) -> tuple[ExposureNews, ...]:
        """The exposures that this alert tells of."""
        return tuple(news for entry in self.delivered for news in entry.exposures)

    @property
    def reach(self) -> Reach | None:
        """What stands behind what was opened; there exactly where `world_open` is."""
        reach = self._first.judgement.reach
        return None if reach is None else reach.reach

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
        return tuple(event_id for entry in self.delivered for event_id in entry.event_ids)

    @property
    def _first(self) -> Finding:
        return self.delivered[0].finding
