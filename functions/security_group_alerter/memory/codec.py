"""A memory as bytes, for a table: a byte for the format, and JSON, compressed.

Each event and each rule is written once, and named by its number: one rule may be in hundreds of
looks.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from ..model.compact_json import compact_json
from ..model.exposure_life import Event
from ..model.rules import (
    Direction,
    IcmpType,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
)
from .base_codec import base_of, json_of_base
from .group_memory import GroupMemory
from .statements import (
    AccountLeft,
    Attached,
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Seen,
    SeenGone,
    SeenRanges,
    Statement,
)

_FORMAT = b"\x02"
# Statements that say nothing beside their kind and their event.
_BARE: dict[type[AccountLeft | Attached | Created | Deleted | RulesUnknown], str] = {
    AccountLeft: "account-left",
    Attached: "attached",
    Created: "created",
    Deleted: "deleted",
    RulesUnknown: "unknown",
}
_BARE_KINDS = {name: kind for kind, name in _BARE.items()}
_Thing = TypeVar("_Thing")


class UnreadableMemoryError(ValueError):
    """The bytes are of another format, or broken; the text says what was found."""


def bytes_of(memory: GroupMemory) -> bytes:
    """The memory as bytes."""
    events, rules = _Table(_row_of_event), _Table(_row_of_rule)
    numbers = events.number_of, rules.number_of
    document: dict[str, Any] = {
        "base": memory.base and json_of_base(memory.base, *numbers),
        "said": [_json_of(it, *numbers) for it in memory.statements],
        # What the others named.
        "events": [*events.rows],
        "rules": [*rules.rows],
    }
    directions = dict(_directions_in(memory.statements))
    if directions:
        document["directions"] = directions
    return _FORMAT + _compressed(compact_json(document).encode())


def memory_in(data: bytes) -> GroupMemory:
    """The memory that these bytes hold. Raises UnreadableMemoryError."""
    if data[:1] != _FORMAT:
        raise UnreadableMemoryError(f"expected format {_FORMAT!r}, found {data[:1]!r}")
    try:
        document = json.loads(zlib.decompress(data[1:]))
        events = [_event_of(*it) for it in document["events"]]
        rules = [_rule_of(*it) for it in document["rules"]]
        base = document["base"]
        return GroupMemory(
            base=base and base_of(base, events, rules),
            statements=frozenset(_statements_in(document, events, rules)),
        )
    except (zlib.error, ValueError, TypeError, LookupError) as error:
        raise UnreadableMemoryError(f"{type(error).__name__}: {error}") from error


def _directions_in(statements: Collection[Statement]) -> Iterator[tuple[int, Direction]]:
    """Which way rules were that are known by their ids alone, by the number of the statement.

    They stand beside the statements, of which an older version takes none with more members.
    """
    for number, it in enumerate(statements):
        if isinstance(it, RuleGone) and it.direction is not Direction.UNKNOWN:
            yield number, it.direction


def _statements_in(
    document: dict[str, Any], events: list[Event], rules: list[SecurityGroupRule]
) -> Iterator[Statement]:
    known = {int(it): Direction(way) for it, way in dict(document.get("directions", {})).items()}
    for number, said in enumerate(document["said"]):
        yield _statement_of(said, events, rules, known.get(number, Direction.UNKNOWN))


def _compressed(data: bytes) -> bytes:
    # To clear the default's 256 KB of working memory takes longer than to write a small group.
    bits = min(max(len(data).bit_length() + 1, 9), 15)
    compressor = zlib.compressobj(wbits=bits, memLevel=bits - 8 or 1)
    return compressor.compress(data) + compressor.flush()


class _Table(Generic[_Thing]):
    """Gives things their numbers, equal ones the same; `rows` are what is written of each."""

    def __init__(self, row_of: Callable[[_Thing], tuple[object, ...]]) -> None:
        self._row_of = row_of
        self.rows: dict[tuple[object, ...], int] = {}
        # Most are the same object, in look after look.
        self._numbers: dict[int, int] = {}

    def number_of(self, thing: _Thing) -> int:
        number = self._numbers.get(id(thing))
        if number is None:
            # Equal rules may have other ids: the whole row tells.
            number = self.rows.setdefault(self._row_of(thing), len(self.rows))
            self._numbers[id(thing)] = number
        return number


def _json_of(
    statement: Statement,
    event_number: Callable[[Event], int],
    rule_number: Callable[[SecurityGroupRule], int],
) -> list[Any]:
    """The kind of statement, its event, and what it says."""
    event = event_number(statement.event)
    match statement:
        case RuleThere(rule=rule, rule_id=rule_id, is_edit=is_edit):
            return ["edited" if is_edit else "there", event, rule_id, rule_number(rule)]
        case RuleGone(rule=gone, rule_id=rule_id):
            return ["gone", event, rule_id, None if gone is None else rule_number(gone)]
        case RangesEdited():
            added, removed = (
                [it.value for it in its] for its in (statement.added, statement.removed)
            )
            versions = [statement.version, statement.restored_version]
            return ["ranges", event, added, removed, *versions]
        case Seen(seen_at=seen_at, rules=rules, attached=attached):
            seen = list(map(rule_number, rules))
            return ["seen", event, seen_at.timestamp(), seen, sorted(attached)]
        case SeenRanges(seen_at=seen_at, ranges=ranges, version=version):
            values = [it.value for it in ranges]
            return ["seen-ranges", event, seen_at.timestamp(), values, version]
        case SeenGone(seen_at=seen_at):
            return ["seen-gone", event, seen_at.timestamp()]
        case AccountLeft() | Attached() | Created() | Deleted() | RulesUnknown():
            return [_BARE[type(statement)], event]


def _statement_of(
    said: list[Any], events: list[Event], rules: list[SecurityGroupRule], direction: Direction
) -> Statement:
    kind, number, *rest = said
    event = events[number]
    match kind, rest:
        case (("there" | "edited"), [rule_id, rule]):
            is_edit = kind == "edited"
            return RuleThere(event=event, rule=rules[rule], rule_id=rule_id, is_edit=is_edit)
        case "gone", [rule_id, gone]:
            rule = None if gone is None else rules[gone]
            return RuleGone(event=event, rule=rule, rule_id=rule_id, direction=direction)
        case "ranges", [added, removed, version, restored]:
            return RangesEdited(
                event=event,
                added=tuple(map(peer_of_cidr, added)),
                removed=tuple(map(peer_of_cidr, removed)),
                version=version,
                restored_version=restored,
            )
        case "seen", [seen_at, seen, attached]:
            return Seen(
                event=event,
                seen_at=datetime.fromtimestamp(seen_at, UTC),
                rules=tuple(rules[it] for it in seen),
                attached=frozenset(attached),
            )
        case "seen-ranges", [seen_at, values, version]:
            return SeenRanges(
                event=event,
                seen_at=datetime.fromtimestamp(seen_at, UTC),
                ranges=tuple(map(peer_of_cidr, values)),
                version=version,
            )
        case "seen-gone", [seen_at]:
            return SeenGone(event=event, seen_at=datetime.fromtimestamp(seen_at, UTC))
        case _, []:
            return _BARE_KINDS[kind](event=event)
        case _:
            raise ValueError(f"no statement: {kind!r} with {len(rest)} members")


def _row_of_event(event: Event) -> tuple[object, ...]:
    return event.event_id, event.time.timestamp(), event.principal


def _event_of(event_id: str, seconds: float, principal: str | None) -> Event:
    return Event(event_id=event_id, time=datetime.fromtimestamp(seconds, UTC), principal=principal)


def _row_of_rule(rule: SecurityGroupRule) -> tuple[object, ...]:
    peer, ports, icmp = rule.peer, rule.ports, rule.icmp_type
    return (
        rule.direction,
        rule.protocol,
        (ports.first, ports.last) if ports else None,
        (icmp.type, icmp.code) if icmp else None,
        *(peer.kind, peer.value, peer.account_id),
        *(rule.rule_id, rule.description),
    )


def _rule_of(*members: Any) -> SecurityGroupRule:
    direction, protocol, ports, icmp, kind, value, account_id, rule_id, description = members
    return SecurityGroupRule(
        direction=Direction(direction),
        protocol=protocol,
        ports=PortRange(*ports) if ports else None,
        icmp_type=IcmpType(*icmp) if icmp else None,
        peer=_peer_of(PeerKind(kind), value, account_id),
        rule_id=rule_id,
        description=description,
    )


def _peer_of(kind: PeerKind, value: str, account_id: str | None) -> Peer:
    if kind in (PeerKind.IPV4, PeerKind.IPV6):
        return peer_of_cidr(value)
    return Peer(kind=kind, value=value, account_id=account_id)
