"""The groups that a call set on a network interface or an instance, by what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from .acceptance import Acceptance
from .dataclass import dataclass
from .exposure import Exposure
from .rules import Direction, Peer, PeerKind, SecurityGroupRule
from .standing import Gone


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownGroup:
    """What is known of a group at a call that attached it.

    `rules` stood in it, and `lists` are what the prefix lists held that they refer to, by id, of
    those that are known. `attached_to` are the ids of the interfaces and instances on which the
    last look before the call showed it. `rules` and it are None where they are not known. `closed`
    is where the last of what was open to the world at the call was closed since; None while some of
    it is open. `left` are the rules that stand now, with the ranges of prefix lists in the place of
    those; None of a call that was refused.
    """

    rules: tuple[SecurityGroupRule, ...] | None = None
    lists: Mapping[str, tuple[Peer, ...]] = field(default_factory=dict)
    attached_to: frozenset[str] | None = None
    closed: Gone | None = None
    left: tuple[SecurityGroupRule, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedGroup:
    """One of the groups.

    `rules` stood in it at the call, with the ranges of prefix lists, where these are known, in the
    place of the lists. `exposure` is what they let in: None where they are not known.
    `was_attached` says whether the last look before the call showed the group there; None where
    nobody looked. `unaccepted` is the part of the exposure that no accepted opening covers, where
    one covers the rest, and `unaccepted_rules` the rules of it, or ports of rules. `closed` is as
    in a KnownGroup. `left` is what is open still where that is less; None where it is not.
    """

    group_id: str
    rules: tuple[SecurityGroupRule, ...] = ()
    exposure: Exposure | None = None
    was_attached: bool | None = None
    closed: Gone | None = None
    left: Exposure | None = None
    acceptance: Acceptance = Acceptance()
    unaccepted: Exposure | None = None
    unaccepted_rules: frozenset[SecurityGroupRule] = frozenset()

    @property
    def is_world_open(self) -> bool:
        """Whether the group is known to let in the world."""
        return self.exposure is not None and self.exposure.is_world_open

    @property
    def is_closed(self) -> bool:
        """Whether all of what was open was closed since, by its rules or by their lists."""
        return self.closed is not None or (self.left is not None and not self.left.openings)

    @property
    def unknown_lists(self) -> tuple[str, ...]:
        """The prefix lists that it lets in and whose ranges are not known."""
        inward = (it.peer for it in self.rules if it.direction is not Direction.EGRESS)
        return tuple(dict.fromkeys(it.value for it in inward if it.kind is PeerKind.PREFIX_LIST))

    @property
    def opens(self) -> bool:
        """Whether it opened something to the world that it was attached."""
        return self.is_world_open and not self.was_attached
