"""The order of time: what is said of one resource becomes steps, one after the other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import field
from datetime import datetime

from ..model.change import (
    EDITED,
    GONE,
    LAST,
    NEW,
    THERE,
    Key,
    key_of_gone,
    rank_of_version,
)
from ..model.dataclass import dataclass
from ..model.exposure_life import Event
from ..model.rules import Peer, SecurityGroupRule
from .statements import (
    Created,
    Look,
    OfRule,
    RangesEdited,
    RuleGone,
    RuleThere,
    Seen,
    SeenGone,
    SeenRanges,
    Statement,
)


@dataclass(slots=True)
class Silence:
    """Of what a look says nothing: a record names it in the time to which the look may belong."""

    ids: set[str] = field(default_factory=set)
    # Those whose ids the records do not name, and all.
    without_id: set[SecurityGroupRule] = field(default_factory=set)
    contents: set[SecurityGroupRule] = field(default_factory=set)
    ranges: set[Peer] = field(default_factory=set)
    all_ranges: bool = False
    is_created: bool = False

    def covers(self, rule: SecurityGroupRule) -> bool:
        """Whether the look says nothing of a rule."""
        if rule.rule_id is None:
            return rule in self.contents
        return rule.rule_id in self.ids or rule in self.without_id

    def covers_range(self, peer: Peer) -> bool:
        """Whether the look says nothing of a range."""
        return self.all_ranges or peer in self.ranges

    def add(self, statement: Statement) -> None:
        """A record of that time says this."""
        match statement:
            case RuleThere(rule=rule, rule_id=rule_id) | RuleGone(rule=rule, rule_id=rule_id):
                if rule is not None:
                    (self.without_id if rule_id is None else self.contents).add(rule)
                    self.contents.add(rule)
                if rule_id is not None:
                    self.ids.add(rule_id)
            case RangesEdited():
                self.ranges.update(statement.added, statement.removed)
                # What a restored version holds, the record does not say.
                self.all_ranges = self.all_ranges or statement.restored_version is not None
            case Created():
                self.is_created = True
            case _:
                pass


_NOTHING_NAMED = Silence()


@dataclass(frozen=True, slots=True)
class Step:
    """What one event says at once.

    `before_all` says that it stood before all that is known; `found_by` names the rule, or the
    version of a list, by which a look found that. `silence` is a look's.
    """

    event: Event
    statements: tuple[Statement, ...]
    before_all: bool = False
    found_by: str | None = None
    silence: Silence = field(default_factory=lambda: _NOTHING_NAMED)


def steps_of(
    statements: Iterable[Statement], *, named: Iterable[object] = (), is_begun: bool = False
) -> Iterator[Step]:
    """In the order of time. Within one second: gone, there, edited, and then by event id.

    `named` are rules, their ids and ranges that are known from before. `is_begun` says that nothing
    else can stand before all of these statements.
    """
    known = set(statements)
    last_named = _last_named(known)
    by_key: dict[Key, list[Statement]] = {}
    for it in known:
        by_key.setdefault(_key_of(it, last_named), []).append(it)
    silences = _silences(known)
    ordered = [
        Step(said[0].event, tuple(said), silence=silences.get(id(said[0]), _NOTHING_NAMED))
        for key in sorted(by_key)
        for said in _at_once(by_key[key])
    ]
    if not is_begun:
        yield from _stood_before(ordered, set(named))
    yield from ordered


def look_version_name(look: SeenRanges) -> str:
    """What names an exposure of a list that a look found."""
    return look.event.event_id if look.version is None else f"version {look.version}"


def in_order_of_ids(rules: Iterable[SecurityGroupRule]) -> list[SecurityGroupRule]:
    """The order in which rules that one look shows count as opened."""
    return sorted(rules, key=lambda rule: rule.rule_id or "")


def _at_once(said: list[Statement]) -> Iterator[list[Statement]]:
    """What is one step. Any order will do, as long as it is always the same."""
    if len(said) == 1:
        yield said
    elif isinstance(said[0], Look):
        yield from ([look] for look in sorted(said, key=_order_of_look))
    else:
        yield sorted(said, key=_order_at_once)


def _order_at_once(statement: Statement) -> str:
    """By all that tells two rules apart; what says nothing of a rule is rarely one of several."""
    if not isinstance(statement, OfRule):
        return repr(statement)
    rule, rule_id = statement.rule, statement.rule_id
    if rule is None:
        return f"{rule_id}"
    ports = rule.ports and (rule.ports.first, rule.ports.last)
    return (
        f"{rule_id} {rule.peer.value} {rule.peer.account_id} {rule.protocol} {ports} "
        f"{rule.icmp_type} {rule.direction.value} {rule.rule_id} {rule.description}"
    )


def _order_of_look(look: Statement) -> tuple[str, ...]:
    # A set has another order in each process.
    if isinstance(look, Seen):
        return repr(look.rules), *sorted(look.attached)
    return (repr(look),)


def _key_of(statement: Statement, last_named: dict[str, Key]) -> Key:
    own = _own_key(statement)
    if isinstance(statement, RuleGone) and statement.rule_id is not None:
        return key_of_gone(own, last_named.get(statement.rule_id, own))
    return own


def _own_key(statement: Statement) -> Key:
    event = statement.event
    if isinstance(statement, RuleThere):
        rank = EDITED if statement.is_edit else THERE
    elif isinstance(statement, RangesEdited):
        rank = rank_of_version(statement.version)
    else:
        rank = _RANKS.get(type(statement), LAST)
    return event.time, rank, event.event_id, 0


# What is unknown of the time of a look ends what that made whole.
_RANKS: dict[type, int] = {
    Created: NEW,
    RuleGone: GONE,
    **dict.fromkeys((Seen, SeenRanges, SeenGone), LAST - 1),
}


def _last_named(statements: Collection[Statement]) -> dict[str, Key]:
    """When a rule that is gone by its id was last there or edited."""
    gone = {it.rule_id for it in statements if isinstance(it, RuleGone)} - {None}
    last: dict[str, Key] = {}
    for it in statements if gone else ():
        if isinstance(it, RuleThere) and it.rule_id in gone and it.rule_id is not None:
            key = _own_key(it)
            last[it.rule_id] = max(last.get(it.rule_id, key), key)
    return last


def _silences(statements: Iterable[Statement]) -> dict[int, Silence]:
    """Of what each look says nothing, by the id of the object."""
    looks = [it for it in statements if isinstance(it, Look)]
    if not looks:
        return {}
    records = (it for it in statements if not isinstance(it, Look))
    in_order = sorted(records, key=_time_of)
    silences = {}
    for look in looks:
        first = bisect_left(in_order, look.event.time, key=_time_of)
        after = bisect_right(in_order, look.seen_at, key=_time_of)
        if first < after:
            silences[id(look)] = silence = Silence()
            for record in in_order[first:after]:
                silence.add(record)
    return silences


def _time_of(statement: Statement) -> datetime:
    return statement.event.time


def _stood_before(ordered: Sequence[Step], named: set[object]) -> Iterator[Step]:
    """What calls removed, or the first look shows, that nothing before them names: by event.

    It is as if it were added before all that is known. What a look shows comes rule by rule.
    """
    until: datetime | None = None
    for step in ordered:
        # What is new, what is there and what a look shows are steps of their own, by their ranks.
        first = step.statements[0]
        is_late = until is not None and step.event.time > until
        if is_late or step.silence.is_created or isinstance(first, Created):
            return
        if isinstance(first, RuleThere):
            for it in step.statements:
                named |= _names_in(it)
            continue
        if isinstance(first, Look):
            if until is None:
                until = first.seen_at
                yield from _revealed_by_look(first, step.silence, named)
            named.update(_shown_by(first, step.silence))
            continue
        revealed = [it for it in (_revealed_by(it, named) for it in step.statements) if it]
        if revealed:
            yield Step(step.event, tuple(revealed), before_all=True)
        named.update(*map(_names_in, step.statements))


def _revealed_by_look(look: Look, silence: Silence, named: set[object]) -> Iterator[Step]:
    """What must have stood before the first look, a step for each rule."""
    event = look.event
    if isinstance(look, SeenGone):
        return
    if isinstance(look, SeenRanges):
        unseen = tuple(it for it in look.ranges if not (silence.covers_range(it) or it in named))
        if unseen:
            found_by = look_version_name(look)
            said = (RangesEdited(event=event, added=unseen),)
            yield Step(event, said, before_all=True, found_by=found_by)
        return
    for rule in in_order_of_ids(look.rules):
        if not silence.covers(rule) and named.isdisjoint((rule, rule.rule_id)):
            there = RuleThere(event=event, rule=rule, rule_id=rule.rule_id)
            yield Step(event, (there,), before_all=True, found_by=rule.rule_id)


def _shown_by(look: Look, silence: Silence) -> Iterator[object]:
    if isinstance(look, SeenRanges):
        yield from (it for it in look.ranges if not silence.covers_range(it))
    elif isinstance(look, Seen):
        for rule in look.rules:
            if not silence.covers(rule):
                yield rule
                yield rule.rule_id


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
