"""The base of a memory as JSON. Events and rules are named by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..model.exposure import Breadth, InternetShare, Opening
from ..model.exposure_life import EndedHow, Event
from ..model.rules import PortRange, SecurityGroupRule, peer_of_cidr
from ..model.severity import Severity
from ..model.standing import StandingRule
from .base import Base, Life, StandingRange
from .open_ports import bits_of, ranges_of


def json_of_base(
    base: Base,
    event_number: Callable[[Event], int],
    rule_number: Callable[[SecurityGroupRule], int],
) -> dict[str, Any]:
    """What `base_of` reads."""

    def number_of(event: Event | None) -> int | None:
        return None if event is None else event_number(event)

    return {
        "time": base.time.timestamp(),
        "is_whole": base.is_whole,
        "is_begun": base.is_begun,
        "is_deleted": base.is_deleted,
        "rules": [[rule_number(it.rule), number_of(it.since)] for it in base.rules],
        "ranges": [[it.peer.value, number_of(it.since)] for it in base.ranges],
        "versions": [
            [version, [peer.value for peer in ranges]] for version, ranges in base.versions
        ],
        "attached": None if base.attached is None else sorted(base.attached),
        "protocols": sorted(base.protocols, key=lambda it: it or ""),
        "lives": [_json_of_life(life, number_of) for life in base.lives],
    }


def base_of(
    document: dict[str, Any], events: Sequence[Event], rules: Sequence[SecurityGroupRule]
) -> Base:
    """The base that is written here. Raises KeyError, IndexError, TypeError or ValueError."""
    attached = document["attached"]
    return Base(
        time=datetime.fromtimestamp(document["time"], UTC),
        is_whole=document["is_whole"],
        is_begun=document["is_begun"],
        is_deleted=document["is_deleted"],
        rules=tuple(
            StandingRule(rule=rules[rule], since=_event_at(since, events))
            for rule, since in document["rules"]
        ),
        ranges=tuple(
            StandingRange(peer=peer_of_cidr(value), since=_event_at(since, events))
            for value, since in document["ranges"]
        ),
        versions=tuple(
            (version, tuple(map(peer_of_cidr, values))) for version, values in document["versions"]
        ),
        attached=None if attached is None else frozenset(attached),
        protocols=frozenset(document["protocols"]),
        lives=tuple(_life_of(it, events) for it in document["lives"]),
    )


def _event_at(number: int | None, events: Sequence[Event]) -> Event | None:
    return None if number is None else events[number]


def _json_of_life(life: Life, number_of: Callable[[Event | None], int | None]) -> list[Any]:
    return [
        *map(number_of, (life.opened, life.revealed, life.closed)),
        *(life.how, life.severity, life.found_by, life.event_ids),
        [
            [protocol, family, [[it.first, it.last] for it in ranges_of(bits)]]
            for (protocol, family), bits in sorted(life.parts.items(), key=_order_of_part)
        ],
        [_json_of_opening(it) for it in life.openings],
    ]


def _order_of_part(part: tuple[tuple[str | None, int], int]) -> tuple[str, int]:
    (protocol, family), _ = part
    return protocol or "", family


def _life_of(members: list[Any], events: Sequence[Event]) -> Life:
    opened, revealed, closed, how, severity, found_by, event_ids, parts, openings = members
    return Life(
        opened=_event_at(opened, events),
        revealed=events[revealed],
        closed=_event_at(closed, events),
        how=None if how is None else EndedHow(how),
        severity=Severity(severity),
        found_by=found_by,
        event_ids=tuple(event_ids),
        parts={
            (protocol, family): sum(bits_of(PortRange(*it)) for it in ranges)
            for protocol, family, ranges in parts
        },
        openings=tuple(_opening_of(*it) for it in openings),
    )


def _json_of_opening(opening: Opening) -> list[Any]:
    ports, share = opening.ports, opening.share
    return [
        opening.protocol,
        [ports.first, ports.last] if ports else None,
        *(share.ipv4_share, share.ipv6_share),
    ]


def _opening_of(
    protocol: str | None, ports: list[int] | None, ipv4_share: float, ipv6_share: float
) -> Opening:
    return Opening(
        protocol=protocol,
        ports=PortRange(*ports) if ports else None,
        # What begins an exposure is open to the world.
        share=InternetShare(ipv4_share=ipv4_share, ipv6_share=ipv6_share, breadth=Breadth.WORLD),
    )
