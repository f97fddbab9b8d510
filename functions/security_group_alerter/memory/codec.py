"""A memory as bytes, for a table: a byte for the format, and JSON, compressed.

The same memory has always the same bytes.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any

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
from .group_memory import GroupMemory
from .statements import (
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Seen,
    SeenRanges,
    Statement,
)

_FORMAT = b"\x02"
# Statements that say nothing beside their kind and their event.
_BARE: dict[type[Created | Deleted | RulesUnknown], str] = {
    Created: "created",
    Deleted: "deleted",
    RulesUnknown: "unknown",
}
_BARE_KINDS = {name: kind for kind, name in _BARE.items()}


class UnreadableMemoryError(ValueError):
    """The bytes are of another format, or broken; the text says what was found."""


def bytes_of(memory: GroupMemory) -> bytes:
    """The memory as bytes."""
    said = sorted(map(_json_of, memory.statements), key=json.dumps)
    return _FORMAT + zlib.compress(json.dumps(said, separators=(",", ":")).encode())


def memory_in(data: bytes) -> GroupMemory:
    """The memory that these bytes hold. Raises UnreadableMemoryError."""
    if data[:1] != _FORMAT:
        raise UnreadableMemoryError(f"expected format {_FORMAT!r}, found {data[:1]!r}")
    try:
        said = json.loads(zlib.decompress(data[1:]))
        return GroupMemory(statements=frozenset(map(_statement_of, said)))
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise UnreadableMemoryError(f"{type(error).__name__}: {error}") from error


def _json_of(statement: Statement) -> list[Any]:
    """The kind of statement, its event, and what it says."""
    event = statement.event
    head = [event.event_id, event.time.timestamp(), event.principal]
    match statement:
        case RuleThere(rule=rule, rule_id=rule_id, is_edit=is_edit):
            return ["edited" if is_edit else "there", head, rule_id, _json_of_rule(rule)]
        case RuleGone(rule=gone, rule_id=rule_id):
            return ["gone", head, rule_id, gone and _json_of_rule(gone)]
        case RangesEdited():
            added, removed = (
                [it.value for it in its] for its in (statement.added, statement.removed)
            )
            versions = [statement.version, statement.restored_version]
            return ["ranges", head, added, removed, *versions]
        case Seen(seen_at=seen_at, rules=rules, attached=attached):
            seen = list(map(_json_of_rule, rules))
            return ["seen", head, seen_at.timestamp(), seen, sorted(attached)]
        case SeenRanges(seen_at=seen_at, ranges=ranges, version=version):
            values = [it.value for it in ranges]
            return ["seen-ranges", head, seen_at.timestamp(), values, version]
        case Created() | Deleted() | RulesUnknown():
            return [_BARE[type(statement)], head]


def _statement_of(said: list[Any]) -> Statement:
    kind, (event_id, seconds, principal), *rest = said
    event = Event(event_id=event_id, time=datetime.fromtimestamp(seconds, UTC), principal=principal)
    match kind, rest:
        case (("there" | "edited"), [rule_id, rule]):
            is_edit = kind == "edited"
            return RuleThere(event=event, rule=_rule_of(rule), rule_id=rule_id, is_edit=is_edit)
        case "gone", [rule_id, gone]:
            return RuleGone(event=event, rule=gone and _rule_of(gone), rule_id=rule_id)
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
                rules=tuple(map(_rule_of, seen)),
                attached=frozenset(attached),
            )
        case "seen-ranges", [seen_at, values, version]:
            return SeenRanges(
                event=event,
                seen_at=datetime.fromtimestamp(seen_at, UTC),
                ranges=tuple(map(peer_of_cidr, values)),
                version=version,
            )
        case _, []:
            return _BARE_KINDS[kind](event=event)
        case _:
            raise ValueError(f"no statement: {kind!r} with {len(rest)} members")


def _json_of_rule(rule: SecurityGroupRule) -> list[Any]:
    peer, ports, icmp = rule.peer, rule.ports, rule.icmp_type
    return [
        *(rule.direction, rule.protocol),
        [ports.first, ports.last] if ports else None,
        [icmp.type, icmp.code] if icmp else None,
        *(peer.kind, peer.value, peer.account_id),
        *(rule.rule_id, rule.description),
    ]


def _rule_of(members: list[Any]) -> SecurityGroupRule:
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
