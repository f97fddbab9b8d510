"""What stood in a security group or a prefix list at one call, by all that is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from .dataclass import dataclass
from .exposure_life import EndedHow, Event, ExposureLife
from .group_state import Look
from .rules import Peer, SecurityGroupRule


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """A rule that stands, and the event that added it; None where it stood before all we know."""

    rule: SecurityGroupRule
    since: Event | None = None


class PastRule(NamedTuple):
    """A rule that stood, until an event took it or made another one of it, and how."""

    rule: SecurityGroupRule
    since: Event | None
    until: Event
    how: EndedHow


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The call, or the look, after which nothing was left of what a call had added.

    `in_steps` says that others before it had taken some of that.
    """

    event: Event
    how: EndedHow
    in_steps: bool = False


class Snapshot(NamedTuple):
    """The rules of a group, or the ranges of a list, at one time.

    `is_whole` says that all of them are known, and `is_missing` that the last look did not find it.
    """

    rules: tuple[StandingRule, ...]
    ranges: tuple[Peer, ...]
    is_whole: bool
    is_missing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A group or a list at one call: just before it and just after it.

    A rule's direction is known here where any statement tells it. `is_whole` says that every rule
    (or range) is known, and `is_missing` that the last look did not find the group. `opened` are
    the exposures that the call opened, `ended` those of which it closed the last part, `narrowed`
    those of which it closed another part. `gone` is where the last of the rules (or ranges) that it
    added was taken back, by all that is known now; None while one stands, and where it added none.
    `lessened` is where the last part was closed of what it had opened to the world, else where the
    last was taken of what it had added; None while all of that stands. Of a call that attached the
    group, it is where the last part was closed of what was open then.
    `attached` are the network interfaces and instances that the last look before the call showed;
    None where there was no look.
    """

    before: tuple[StandingRule, ...] = ()
    after: tuple[StandingRule, ...] = ()
    ranges_before: tuple[Peer, ...] = ()
    ranges_after: tuple[Peer, ...] = ()
    is_whole: bool = False
    # Known only while the look is remembered as it was said.
    is_missing: bool = field(default=False, compare=False)
    opened: tuple[ExposureLife, ...] = ()
    ended: tuple[ExposureLife, ...] = ()
    narrowed: tuple[ExposureLife, ...] = ()
    gone: Gone | None = None
    lessened: Gone | None = None
    attached: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a prefix list held from an event on; None is before all that is known.

    `is_unknown` is while it may hold something else, also if all of it was seen later.
    """

    since: Event | None = None
    ranges: tuple[Peer, ...] = ()
    is_whole: bool = False
    is_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a group or list beside the record of a call.

    `moment` is what stood at the call, and `look` what a look showed afterwards; None where more
    than the record is not known, and where nobody looked. `lists` are the ranges that the
    prefix lists held that the call's rules refer to, by id, of those that are known.
    """

    moment: Moment | None = None
    look: Look | None = None
    lists: Mapping[str, tuple[Peer, ...]] = field(default_factory=dict)
