"""A finding: where it comes from, what it is about, and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from .acceptance import Acceptance
from .attachment import AttachedGroup
from .change import Blinding, Change
from .dataclass import dataclass, replace
from .exposure import Breadth, Exposure, InternetShare
from .group_state import GroupReach, GroupState, Look, PrefixListState
from .origin import Observation, Origin
from .record import CloudTrailRecord, Outcome
from .rules import Peer, SecurityGroupRule
from .severity import Severity
from .standing import Moment
from .subject import Subject


class Effect(StrEnum):
    """What a change did to the world's access, as far as its record shows; attempts did nothing."""

    OPENS = "opens"
    CLOSES = "closes"
    ATTEMPT = "attempt"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was open still of what a call had opened, when it was judged, and by which rules.

    Of what was put into a prefix list, how much of the Internet it holds still, and its ranges.
    """

    opened: Exposure = Exposure()
    rules: tuple[SecurityGroupRule, ...] = ()
    listed: InternetShare = InternetShare()
    ranges: tuple[Peer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How bad it is, and in which way.

    `opened` and `closed` are what the added and removed rules reach, and `listed` what a prefix
    list's added ranges are: also for a refused call, whose `world_open` is always False.
    `unaccepted` is the part of `opened` that no accepted opening covers, where one covers the rest:
    then the severity comes from it. `unaccepted_rules` are then the rules of it, or ports of rules.
    `left` is there where a part was closed when it was judged, and what is left is as severe.
    `beside` are rules that stood before the call, and that `opened` counts together with its own.
    `reach` is what stands behind the group, in the address families that were opened: there exactly
    where `world_open` is. `lowered_from` is the severity by the table, where it was lowered: for
    the reach, or since what was opened had ended when it was judged.
    `groups` are those that a call attached, where more than its record is known of them. `opened`
    is then what the worst of them lets in that was not attached before.
    `is_own_trail` and `blinded` are for trails; `is_repeated` says that CloudTrail itself carries
    out in one account what was done to the organization's trail.
    """

    severity: Severity
    effect: Effect = Effect.OTHER
    world_open: bool = False
    opened: Exposure = Exposure()
    unaccepted: Exposure | None = None
    unaccepted_rules: frozenset[SecurityGroupRule] = frozenset()
    left: Left | None = None
    beside: tuple[SecurityGroupRule, ...] = ()
    closed: Exposure = Exposure()
    listed: InternetShare = InternetShare()
    acceptance: Acceptance = Acceptance()
    reach: GroupReach | None = None
    lowered_from: Severity | None = None
    groups: tuple[AttachedGroup, ...] = ()
    is_own_trail: bool = False
    is_repeated: bool = False
    blinded: tuple[Blinding, ...] = ()

    @property
    def foremost(self) -> Exposure:
        """What an alert names first: what is opened and not accepted, if that is much at all.

        Where a part of that was closed, what is left of it.
        """
        if self.left is not None:
            return self.left.opened
        rest = self.unaccepted
        return self.opened if rest is None or rest.breadth < Breadth.BROAD else rest

    def is_accepted(self, rule: SecurityGroupRule) -> bool:
        """Whether accepted openings cover this whole rule, but not the whole call."""
        if self.unaccepted is None or rule in self.unaccepted_rules:
            return False
        return not any(_is_part(left, rule) for left in self.unaccepted_rules)

    @property
    def would_open_world(self) -> bool:
        """Whether the call opened the world, or would have if it had not been refused."""
        return self.opened.is_world_open or self.listed.breadth is Breadth.WORLD


def _is_part(part: SecurityGroupRule, rule: SecurityGroupRule) -> bool:
    """Whether these are some of the ports of the rule."""
    # The peer first: it tells a thousand rules apart the fastest.
    if part.peer.value != rule.peer.value or part.ports is None or rule.ports is None:
        return False
    is_within = rule.ports.first <= part.ports.first and part.ports.last <= rule.ports.last
    return is_within and replace(rule, ports=part.ports) == part


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something worth reporting.

    `moment` is what stood in the group at the call, where more than its record is known of that.
    `look` is what a look showed of the group or list; None where nobody looked. `lists` are the
    ranges of the prefix lists that its rules refer to, by id, of those that are known.
    """

    origin: Origin
    subject: Subject
    judgement: Judgement
    moment: Moment | None = None
    look: Look | None = field(default=None, hash=False)
    lists: Mapping[str, tuple[Peer, ...]] = field(default_factory=dict, hash=False)

    @property
    def record(self) -> CloudTrailRecord | None:
        """The CloudTrail record that it comes from; None where there is none behind it."""
        return self.origin.record

    @property
    def called_at(self) -> datetime | None:
        """When the call was made; None where there was none, or where the record does not say."""
        return self.record.event_time if self.record else None

    @property
    def change(self) -> Change | None:
        """What the call did; None where that could not be read, or where there was no call.

        Of an observation, what stands, as if a call had added it.
        """
        return self.origin.change

    @property
    def seen(self) -> GroupState | PrefixListState | None:
        """What a look showed of the group or list, if it showed anything."""
        return self.look.state if self.look else None

    @property
    def observed(self) -> Observation | None:
        """What the watch found, if it was the watch."""
        return self.origin if isinstance(self.origin, Observation) else None

    @property
    def outcome(self) -> Outcome:
        """What became of the call. What is not a call counts as succeeded."""
        record = self.origin.record
        return Outcome.SUCCEEDED if record is None else record.outcome
