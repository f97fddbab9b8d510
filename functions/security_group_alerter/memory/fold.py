"""The fold: statements about one resource, in the order of time, yield its rules and exposures.

An exposure is what one event opened to the world: the protocols, ports and address families that
were not open before it and are after it. It ends when none of them is open any more. A part that
was closed and is opened again belongs to the exposure of the event that opened it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from ..judgement.exposure import exposure_of, internet_share_of, may_be_world
from ..judgement.severities import PREFIX_LIST_EDIT, severity_of
from ..model.exposure import Breadth, Exposure, Opening
from ..model.exposure_life import EndedHow, Event, ExposureLife, Resource
from ..model.rules import Direction, Peer, SecurityGroupRule
from ..model.severity import Severity
from ..model.standing import Moment, StandingRule
from ..model.subject import SubjectKind
from .group_memory import GroupMemory
from .open_ports import OpenPorts, families_of, open_ports_of, openings_in, without
from .statements import (
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Statement,
    direction_in,
)

# A prefix list is open as a whole: its ports are those of the rules that refer to it.
_WHOLE_LIST = (None, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """What stands, by all that is known, and every exposure that there was.

    `is_whole` says that all of it is known. `moments` are what stood at the events asked for, by
    their ids.
    """

    rules: tuple[StandingRule, ...] = ()
    ranges: tuple[Peer, ...] = ()
    is_whole: bool = False
    exposures: tuple[ExposureLife, ...] = ()
    moments: Mapping[str, Moment] = field(default_factory=dict)


def fold(
    resource: Resource,
    statements: GroupMemory | Iterable[Statement],
    *,
    at: frozenset[str] = frozenset(),
) -> Fold:
    """Fold the statements about one resource, in whatever order and however often they came.

    `at` are the ids of the events whose moments are asked for.
    """
    known = set(statements.statements if isinstance(statements, GroupMemory) else statements)
    if resource.kind is SubjectKind.PREFIX_LIST:
        ranges = _Ranges()
        told = _Story(resource, ranges, at)
        told.follow(_steps(known, {}))
        return told.fold()
    rules = _Rules(dict(filter(None, map(direction_in, known))), _protocols_in(known))
    told = _Story(resource, rules, at)
    told.follow(_steps(known, _last_named(known)))
    return told.fold()


# The order of time.

_LAST = 2**63
_Key = tuple[datetime, int, str, int]


@dataclass(frozen=True, slots=True)
class _Step:
    """What one event says at once; `before_all` says that it stood before all that is known."""

    event: Event
    statements: tuple[Statement, ...]
    before_all: bool = False


def _steps(statements: set[Statement], last_named: dict[str, _Key]) -> Iterator[_Step]:
    """In the order of time. Within one second: gone, there, edited, and then by event id."""
    by_key: dict[_Key, list[Statement]] = {}
    for it in statements:
        by_key.setdefault(_key_of(it, last_named), []).append(it)
    # What one event says at once has any order, as long as it is always the same.
    ordered = [
        tuple(sorted(said, key=repr) if len(said) > 1 else said)
        for _, said in sorted(by_key.items())
    ]
    for revealed in _stood_before(ordered):
        yield _Step(revealed[0].event, revealed, before_all=True)
    for said in ordered:
        yield _Step(said[0].event, said)


def _key_of(statement: Statement, last_named: dict[str, _Key]) -> _Key:
    own = _own_key(statement)
    if isinstance(statement, RuleGone) and statement.rule_id is not None:
        # Ids are not used twice: nothing that names the rule can come later.
        named = last_named.get(statement.rule_id, own)
        return max(own, (*named[:3], 1))
    return own


def _own_key(statement: Statement) -> _Key:
    match statement:
        case Created():
            rank = 0
        case RuleGone():
            rank = 1
        case RuleThere(is_edit=is_edit):
            rank = 3 if is_edit else 2
        case RangesEdited(version=version):
            rank = 1 + (version or 0)
        case _:
            rank = _LAST
    return statement.event.time, rank, statement.event.event_id, 0


def _last_named(statements: Iterable[Statement]) -> dict[str, _Key]:
    """When a rule of an id was last there or edited."""
    last: dict[str, _Key] = {}
    for statement in statements:
        if isinstance(statement, RuleThere) and statement.rule_id is not None:
            key = _own_key(statement)
            last[statement.rule_id] = max(last.get(statement.rule_id, key), key)
    return last


def _stood_before(ordered: Iterable[tuple[Statement, ...]]) -> Iterator[tuple[Statement, ...]]:
    """What calls removed that no statement before them names, as if it were there: by event."""
    named: set[object] = set()
    for said in ordered:
        if any(isinstance(it, Created) for it in said):
            return
        revealed = [it for it in (_revealed_by(it, named) for it in said) if it is not None]
        if revealed:
            yield tuple(revealed)
        named.update(*map(_names_in, said))


def _revealed_by(statement: Statement, named: set[object]) -> Statement | None:
    """What must have stood before this; None where it was named, or is not known."""
    event = statement.event
    match statement:
        case RuleGone(rule=SecurityGroupRule() as rule, rule_id=rule_id):
            is_new = named.isdisjoint(_names_in(statement))
            return RuleThere(event=event, rule=rule, rule_id=rule_id) if is_new else None
        case RangesEdited(removed=removed):
            unseen = tuple(peer for peer in removed if peer not in named)
            return RangesEdited(event=event, added=unseen) if unseen else None
        case _:
            return None


def _names_in(statement: Statement) -> set[object]:
    match statement:
        case RuleThere(rule=rule, rule_id=rule_id) | RuleGone(rule=rule, rule_id=rule_id):
            return {it for it in (rule, rule_id) if it is not None}
        case RangesEdited(added=added, removed=removed):
            return {*added, *removed}
        case _:
            return set()


# What stands.


@dataclass(slots=True)
class _Rules:
    """The rules of a group. A rule is its id where that is known, else its contents."""

    directions: dict[str, Direction]
    protocols: frozenset[str | None]
    standing: dict[object, SecurityGroupRule] = field(default_factory=dict)
    _since: dict[object, Event] = field(default_factory=dict)
    _by_contents: dict[SecurityGroupRule, object] = field(default_factory=dict)
    _exposure: Exposure = Exposure()

    def apply(self, step: _Step) -> EndedHow:
        """Apply what one event says; returns what it is called if that ends an exposure."""
        how = EndedHow.REVOKED
        is_public = False
        for statement in step.statements:
            match statement:
                case RuleThere(rule=rule, rule_id=rule_id, is_edit=is_edit):
                    how = EndedHow.MODIFIED if is_edit else how
                    is_public |= self._put(rule, rule_id, None if step.before_all else step.event)
                case RuleGone(rule=gone, rule_id=rule_id):
                    key = self._key_of(gone, rule_id)
                    is_public |= key is not None and self._take(key)
                case Deleted():
                    how, is_public = EndedHow.DELETED, True
                    self.standing.clear()
                    self._since.clear()
                    self._by_contents.clear()
                case Created() | RangesEdited() | RulesUnknown():
                    pass
        if is_public:
            rules = self.standing.values()
            is_enough = may_be_world(rule.peer for rule in rules if _may_be_public(rule))
            self._exposure = exposure_of(rules) if is_enough else Exposure()
        return how

    def open_ports(self) -> OpenPorts:
        return open_ports_of(self._exposure, self.protocols)

    def openings(self, new: OpenPorts, before: OpenPorts) -> tuple[Opening, ...]:
        return tuple(openings_in(self._exposure, new, before))

    def severity(self, openings: tuple[Opening, ...]) -> Severity:
        return severity_of(Exposure(openings=openings))

    def now(self) -> Moment:
        """What stands now, as what stands after a call."""
        standing, since = self.standing.items(), self._since
        return Moment(
            after=tuple(StandingRule(rule=rule, since=since.get(key)) for key, rule in standing)
        )

    def _put(self, rule: SecurityGroupRule, rule_id: str | None, since: Event | None) -> bool:
        """Whether the Internet may be concerned."""
        before = self.standing.get(rule_id) if rule_id else None
        if rule.direction is Direction.UNKNOWN and rule_id:
            known = before.direction if before else Direction.UNKNOWN
            rule = replace(rule, direction=self.directions.get(rule_id, known))
        key = rule_id if before else self._key_of(rule, rule_id)
        if key is not None and rule_id is None:
            return False
        was_public = key is not None and self._take(key)
        self.standing[rule_id or rule] = rule
        if since is not None:
            self._since[rule_id or rule] = since
        self._by_contents[rule] = rule_id or rule
        return was_public or _may_be_public(rule)

    def _take(self, key: object) -> bool:
        rule = self.standing.pop(key)
        self._since.pop(key, None)
        if self._by_contents.get(rule) == key:
            del self._by_contents[rule]
        return _may_be_public(rule)

    def _key_of(self, rule: SecurityGroupRule | None, rule_id: str | None) -> object:
        """What a rule stands under, if it does: a rule of another id is another one."""
        if rule_id in self.standing or rule is None:
            return rule_id if rule_id in self.standing else None
        for contents in (rule, replace(rule, direction=Direction.UNKNOWN)):
            key = self._by_contents.get(contents)
            if key is not None and (rule_id is None or not isinstance(key, str)):
                return key
        return None


@dataclass(slots=True)
class _Ranges:
    """The ranges of a prefix list, and what it held in each version that is known."""

    standing: dict[Peer, None] = field(default_factory=dict)
    _versions: dict[int, dict[Peer, None]] = field(default_factory=dict)

    def now(self) -> Moment:
        """What the list holds now, as what it holds after a call."""
        return Moment(ranges_after=tuple(self.standing))

    def apply(self, step: _Step) -> EndedHow:
        """Apply what one event says; returns what it is called if that ends an exposure."""
        for statement in step.statements:
            match statement:
                case RangesEdited():
                    self._edit(statement)
                case Deleted():
                    self.standing.clear()
                    return EndedHow.DELETED
                case Created() | RuleThere() | RuleGone() | RulesUnknown():
                    pass
        return EndedHow.PREFIX_LIST

    def open_ports(self) -> OpenPorts:
        return {(None, family): 1 for family in families_of(internet_share_of(self.standing))}

    def openings(self, _new: OpenPorts, _before: OpenPorts) -> tuple[Opening, ...]:
        return (Opening(protocol=None, ports=None, share=internet_share_of(self.standing)),)

    def severity(self, _openings: tuple[Opening, ...]) -> Severity:
        return PREFIX_LIST_EDIT[Breadth.WORLD]

    def _edit(self, edit: RangesEdited) -> None:
        if edit.restored_version is not None:
            # What an unknown version holds is not recorded: what was there counts as there.
            self.standing = dict(self._versions.get(edit.restored_version, self.standing))
        for peer in edit.removed:
            self.standing.pop(peer, None)
        self.standing.update(dict.fromkeys(edit.added))
        if edit.version is not None:
            self._versions[edit.version] = dict(self.standing)


def _may_be_public(rule: SecurityGroupRule) -> bool:
    return rule.peer.network is not None and rule.direction is not Direction.EGRESS


def _protocols_in(statements: Iterable[Statement]) -> frozenset[str | None]:
    rules = (it.rule for it in statements if isinstance(it, RuleThere | RuleGone))
    return frozenset(rule.protocol for rule in rules if rule is not None)


# The exposures.


@dataclass(slots=True)
class _Life:
    """An exposure while it is followed. `parts` are what of it is still open."""

    opened: Event | None
    revealed: Event
    severity: Severity
    openings: tuple[Opening, ...]
    parts: OpenPorts
    events: list[Event]
    closed: Event | None = None
    how: EndedHow | None = None


@dataclass(slots=True)
class _Story:
    """What becomes of a resource step by step, and of each exposure."""

    resource: Resource
    standing: _Rules | _Ranges
    at: frozenset[str]
    lives: list[_Life] = field(default_factory=list)
    moments: dict[str, _Told] = field(default_factory=dict)
    is_whole: bool = False

    def follow(self, steps: Iterable[_Step]) -> None:
        """Go through the steps, which are in the order of time, until the resource is deleted."""
        is_open: OpenPorts = {}
        for step in steps:
            is_asked = step.event.event_id in self.at and not step.before_all
            earlier = self.standing.now() if is_asked else Moment()
            how = self.standing.apply(step)
            before, is_open = is_open, self.standing.open_ports()
            touched = list(self._touched(step, how, before, is_open))
            self._learn(step.statements)
            if is_asked:
                told = self.moments.setdefault(step.event.event_id, _Told(earlier))
                told.lives += touched
                told.moment = self._moment_since(told.earlier)
            if how is EndedHow.DELETED:
                break

    def fold(self) -> Fold:
        """All that came of it."""
        by_uid = {life.uid: life for life in _merged(map(self._life_of, self.lives))}
        now = self.standing.now()
        return Fold(
            rules=now.after,
            ranges=now.ranges_after,
            is_whole=self.is_whole,
            exposures=tuple(by_uid.values()),
            moments={it: self._moment_of(it, told, by_uid) for it, told in self.moments.items()},
        )

    def _moment_since(self, earlier: Moment) -> Moment:
        return replace(
            self.standing.now(),
            before=earlier.after,
            ranges_before=earlier.ranges_after,
            is_whole=self.is_whole,
        )

    def _learn(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            if isinstance(statement, Created | RulesUnknown):
                self.is_whole = isinstance(statement, Created)

    def _touched(
        self, step: _Step, how: EndedHow, before: OpenPorts, is_open: OpenPorts
    ) -> Iterator[_Life]:
        """The exposures that a step closed a part of, and the one that it opened."""
        gone, new = without(before, is_open), without(is_open, before)
        if gone:
            yield from (life for life in self.lives if _close(life, gone, step, how))
        if new:
            openings = self.standing.openings(new, before)
            opened = _Life(
                opened=None if step.before_all else step.event,
                revealed=step.event,
                severity=self.standing.severity(openings),
                openings=openings,
                parts=new,
                events=[] if step.before_all else [step.event],
            )
            self.lives.append(opened)
            yield opened

    def _life_of(self, life: _Life) -> ExposureLife:
        return _life_of(self.resource, life)

    def _moment_of(self, name: str, told: _Told, by_uid: Mapping[str, ExposureLife]) -> Moment:
        uids = dict.fromkeys(self._life_of(life).uid for life in told.lives)
        lives = [by_uid[uid] for uid in uids]
        opened = tuple(it for it in lives if it.opened and it.opened.event_id == name)
        ended = tuple(it for it in lives if it.closed and it.closed.event_id == name)
        narrowed = tuple(it for it in lives if it not in opened and it not in ended)
        return replace(told.moment, opened=opened, ended=ended, narrowed=narrowed)


@dataclass(slots=True)
class _Told:
    """A moment while its steps are followed: one event may be several."""

    earlier: Moment
    lives: list[_Life] = field(default_factory=list)
    moment: Moment = Moment()


def _close(life: _Life, gone: OpenPorts, step: _Step, how: EndedHow) -> bool:
    """Take away what is gone of an exposure; whether that was some of it."""
    left = without(life.parts, gone)
    if life.closed is not None or left == life.parts:
        return False
    life.parts = left
    life.events.append(step.event)
    if not left:
        life.closed, life.how = step.event, how
    return True


def _life_of(resource: Resource, life: _Life) -> ExposureLife:
    named_by = life.opened or life.closed or life.revealed
    # The time, too: made-up records often share one id.
    event = (named_by.event_id, named_by.time.isoformat())
    place = (resource.account_id or "", resource.region or "", resource.id, *event)
    return ExposureLife(
        uid=sha256("\n".join(place).encode(errors="surrogatepass")).hexdigest()[:32],
        resource=resource,
        opened=life.opened,
        closed=life.closed,
        closed_how=life.how,
        severity=life.severity,
        openings=life.openings,
        event_ids=tuple(dict.fromkeys(event.event_id for event in life.events)),
    )


def _merged(lives: Iterable[ExposureLife]) -> Iterator[ExposureLife]:
    """What one event opened, or ended where only the end is known, is one exposure."""
    by_uid: dict[str, ExposureLife] = {}
    for life in lives:
        known = by_uid.get(life.uid)
        by_uid[life.uid] = life if known is None else _joined(known, life)
    return iter(by_uid.values())


def _joined(first: ExposureLife, second: ExposureLife) -> ExposureLife:
    # If both are closed, then by the same event.
    still_open = first if first.closed is None else second
    return replace(
        first,
        closed=still_open.closed,
        closed_how=still_open.closed_how,
        severity=max(first.severity, second.severity),
        openings=(*first.openings, *second.openings),
        event_ids=tuple(dict.fromkeys((*first.event_ids, *second.event_ids))),
    )
