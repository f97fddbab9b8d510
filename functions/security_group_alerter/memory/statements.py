"""A record or a look becomes statements: what it says of a group's rules, or of a list's ranges.

Statements form a set. The order in which they arrive does not matter, nor does it matter how often.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import field
from datetime import datetime

from ..model.change import Action, Change, PrefixListChange, SecurityGroupChange
from ..model.dataclass import dataclass
from ..model.exposure_life import LOOKS_BACK, Event, LookedBy, Resource
from ..model.group_state import GroupState, NetworkInterface, PrefixListState
from ..model.record import CloudTrailRecord, Outcome
from ..model.rules import Direction, Peer, SecurityGroupRule
from ..model.subject import SubjectKind


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleThere:
    """A rule was added. By an edit, a rule of an id got these contents."""

    event: Event
    rule: SecurityGroupRule
    # Rules are equal whatever their ids.
    rule_id: str | None = None
    is_edit: bool = False

    @property
    def direction_said(self) -> Direction:
        """As its record has it."""
        return self.rule.direction


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGone:
    """A rule was removed; `rule` is None where only its id is known, and perhaps its direction."""

    event: Event
    rule: SecurityGroupRule | None = None
    rule_id: str | None = None
    direction: Direction = Direction.UNKNOWN

    @property
    def direction_said(self) -> Direction:
        """As its record has it."""
        return self.direction if self.rule is None else self.rule.direction


@dataclass(frozen=True, slots=True, kw_only=True)
class RangesEdited:
    """Ranges were added to a prefix list and removed from it, as one step.

    `version` is the one that the edit made; `restored_version` the one that it brought back.
    """

    event: Event
    added: tuple[Peer, ...] = ()
    removed: tuple[Peer, ...] = ()
    version: int | None = None
    restored_version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The group or the list is new: nothing stood before, but a group's default egress rule."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """The group or the list is gone, for ever: ids are not used twice."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesUnknown:
    """A call changed rules or ranges, and its record does not say all of it."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A call gave the group to a network interface or an instance. It changed no rule."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A look: exactly these rules stand at the event's time, which is LOOKS_BACK before `seen_at`.

    Every rule has its id. `attached` are the ids of the network interfaces and of the instances
    that carry the group.
    """

    event: Event
    seen_at: datetime
    # A thousand rules: the event tells looks apart well enough.
    rules: tuple[SecurityGroupRule, ...] = field(default=(), hash=False)
    attached: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRanges:
    """A look at a prefix list: exactly these ranges stand at the event's time."""

    event: Event
    seen_at: datetime
    ranges: tuple[Peer, ...] = field(default=(), hash=False)
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGone:
    """A look that did not find the group or the list: nothing of it stands at the event's time.

    Unlike a deletion it is not final: what names the group later shows that it is there.
    """

    event: Event
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLeft:
    """The account left the organization, was suspended, or switched the Region off.

    It may come back: then a look shows what stands.
    """

    event: Event


OfRule = RuleThere | RuleGone
Look = Seen | SeenRanges | SeenGone
Statement = (
    RuleThere
    | RuleGone
    | RangesEdited
    | Created
    | Deleted
    | RulesUnknown
    | Attached
    | AccountLeft
    | Look
)


def statements_of(
    record: CloudTrailRecord, change: Change
) -> tuple[Resource, tuple[Statement, ...]] | None:
    """What a record says, and of what; None where it says nothing of rules or ranges.

    A call that was refused changed nothing, and one without a time or a name has no place.
    """
    event = _event_of(record)
    if event is None or record.outcome is not Outcome.SUCCEEDED:
        return None
    match change:
        case SecurityGroupChange():
            kind, identifier = SubjectKind.SECURITY_GROUP, change.group_id or change.group_name
            statements = tuple(_about_group(event, change))
        case PrefixListChange():
            kind = SubjectKind.PREFIX_LIST
            identifier = change.prefix_list_id or change.prefix_list_name
            statements = tuple(_about_list(event, change))
        case _:
            return None
    if change.cannot_be_judged:
        statements = (*statements, RulesUnknown(event=event))
    if identifier is None or not statements:
        return None
    resource = Resource(
        kind=kind, id=identifier, account_id=record.account_id, region=record.region
    )
    return resource, statements


def attached_of(record: CloudTrailRecord) -> tuple[Statement, ...]:
    """What a call that attached groups says of each of them."""
    event = _event_of(record)
    is_done = event is not None and record.outcome is Outcome.SUCCEEDED
    return (Attached(event=event),) if event and is_done else ()


def _event_of(record: CloudTrailRecord) -> Event | None:
    event_id = record.call_id
    if event_id is None or record.event_time is None:
        return None
    principal = record.principal
    names = (principal.arn, principal.person, principal.role_name, principal.invoked_by)
    return Event(
        event_id=event_id,
        time=record.event_time,
        principal=next(filter(None, names), None),
    )


def _about_group(event: Event, change: SecurityGroupChange) -> Iterator[Statement]:
    match change.action:
        case Action.CREATE:
            yield Created(event=event)
        case Action.DELETE:
            yield Deleted(event=event)
        case Action.ADD_RULES | Action.MODIFY_RULES:
            is_edit = change.action is Action.MODIFY_RULES
            for rule in change.added:
                yield RuleThere(event=event, rule=rule, rule_id=rule.rule_id, is_edit=is_edit)
        case Action.REMOVE_RULES if not change.matched_nothing:
            for rule in change.removed:
                yield RuleGone(event=event, rule=rule, rule_id=rule.rule_id)
            if not change.removed:
                for rule_id in change.rule_ids:
                    # EC2 refuses to revoke a rule of the other direction.
                    yield RuleGone(event=event, rule_id=rule_id, direction=change.direction)


def _about_list(event: Event, change: PrefixListChange) -> Iterator[Statement]:
    if change.action is Action.DELETE:
        yield Deleted(event=event)
        return
    if change.action is Action.CREATE:
        yield Created(event=event)
    if change.added or change.removed or change.action in (Action.CREATE, Action.RESTORE):
        version = 1 if change.action is Action.CREATE else change.version and change.version + 1
        yield RangesEdited(
            event=event,
            added=change.added,
            removed=change.removed,
            version=version,
            restored_version=change.restored_version,
        )


def seen_of(
    state: GroupState | PrefixListState, by: LookedBy = LookedBy.DELIVERY
) -> tuple[Statement, ...]:
    """What a look says; nothing where it did not see every rule or range."""
    if not state.has_all_rules:
        return ()
    event = _event_of_look(state.seen_at, by)
    if isinstance(state, PrefixListState):
        return (
            SeenRanges(
                event=event, seen_at=state.seen_at, ranges=state.ranges, version=state.version
            ),
        )
    attached = carriers_of(state)
    return (Seen(event=event, seen_at=state.seen_at, rules=state.rules, attached=attached),)


def carriers_of(state: GroupState) -> frozenset[str]:
    """The ids of the network interfaces and of the instances that carry a group."""
    return frozenset(it for interface in state.interfaces for it in _carriers_in(interface))


def seen_gone(seen_at: datetime, by: LookedBy) -> SeenGone:
    """What a look says that was answered, and did not find the group or the list."""
    return SeenGone(event=_event_of_look(seen_at, by), seen_at=seen_at)


def account_left(now: datetime) -> AccountLeft:
    """What the sweep says of all that it can look at no more."""
    return AccountLeft(event=Event(event_id=f"{LookedBy.SWEEP}:{now.isoformat()}", time=now))


def _event_of_look(seen_at: datetime, by: LookedBy) -> Event:
    return Event(event_id=f"{by}:{seen_at.isoformat()}", time=seen_at - LOOKS_BACK)


def _carriers_in(interface: NetworkInterface) -> Iterator[str]:
    yield interface.id
    if interface.used_as == "instance" and interface.used_by is not None:
        yield interface.used_by


def directions_in(statements: Iterable[Statement]) -> dict[str, Direction]:
    """The directions of the rules of which a statement knows that and the id. They never change."""
    known: dict[str, Direction] = {}
    for it in statements:
        if isinstance(it, Seen):
            known |= {rule.rule_id: rule.direction for rule in it.rules if rule.rule_id}
        elif isinstance(it, OfRule) and it.rule_id is not None:
            direction = it.direction_said
            if direction is not Direction.UNKNOWN:
                known[it.rule_id] = direction
    return known


def protocols_in(statements: Iterable[Statement]) -> frozenset[str | None]:
    """The protocols of the rules that statements name with their contents."""
    named: set[str | None] = set()
    for it in statements:
        if isinstance(it, Seen):
            named.update(rule.protocol for rule in it.rules)
        elif isinstance(it, OfRule) and it.rule is not None:
            named.add(it.rule.protocol)
    return frozenset(named)
