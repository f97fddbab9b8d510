"""Openings that the organization has accepted: which, whose, why, until when.

They stand beside the code, in accepted_openings.toml, so that accepting one is a reviewed change.
They match by what AWS itself records (account, Region, group, rule), never by a user agent, a
session name or a tag, which whoever makes the call can type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from ipaddress import ip_network
from operator import attrgetter
from typing import Any

from ..model import ids
from ..model.acceptance import Acceptance, AcceptedOpening
from ..model.change import SecurityGroupChange
from ..model.dataclass import dataclass, replace
from ..model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    HIGHEST_PORT,
    PROTOCOLS_WITH_PORTS,
    Direction,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
    protocol_of,
)

FILE = "accepted_openings.toml"
LONGEST_TERM = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOpenings:
    """The entries that are well formed, and what is wrong with the others: file, entry, field."""

    entries: tuple[AcceptedOpening, ...] = ()
    problems: tuple[str, ...] = ()


def accepted_openings_in(text: str, *, today: date) -> AcceptedOpenings:
    """Read the file. What is wrong with one entry leaves the others in force."""
    lines = map(str.strip, text.splitlines())
    if all(not line or line.startswith("#") for line in lines):
        return AcceptedOpenings()
    # Who accepts nothing does not pay for the import.
    import tomllib  # noqa: PLC0415

    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return AcceptedOpenings(problems=(f"{FILE}: not TOML: {error}",))
    tables = document.pop("opening", [])
    problems = [f"{FILE}, {name}: no such table; entries are [[opening]]" for name in document]
    if not isinstance(tables, list):
        return AcceptedOpenings(problems=(f"{FILE}: expected [[opening]] entries", *problems))
    entries: list[AcceptedOpening] = []
    for number, table in enumerate(tables, start=1):
        try:
            entries.append(_entry_of(table, today))
        except (TypeError, ValueError) as error:
            problems.append(f"{FILE}, entry {number}, {error}")
    return AcceptedOpenings(entries=tuple(entries), problems=tuple(problems))


def acceptance_of(
    change: SecurityGroupChange,
    entries: Iterable[AcceptedOpening],
    *,
    account_id: str | None,
    region: str | None,
    today: date,
) -> tuple[tuple[SecurityGroupRule, ...], Acceptance]:
    """What no entry in force covers (rules, or ports of rules), and what the entries say.

    Rules that could not be read are covered by nothing.
    """
    here = [
        entry
        for entry in entries
        if entry.account_id == account_id
        and entry.region in (None, region)
        and entry.group_id in (None, change.group_id)
    ]
    rest: list[SecurityGroupRule] = []
    used: dict[AcceptedOpening, None] = {}
    for rule in change.added:
        left = [rule]
        for entry in here:
            if entry.expires >= today and _covers(entry, rule):
                used[entry] = None
                left = [part for whole in left for part in _without(whole, entry)]
        rest += left
    expired = (
        entry
        for entry in here
        if entry.expires < today and any(_covers(entry, rule) for rule in rest)
    )
    acceptance = Acceptance(
        used=tuple(used),
        expired=tuple(expired),
        covers_all=bool(used) and not rest and not change.problems,
    )
    return tuple(rest), acceptance


def _covers(entry: AcceptedOpening, rule: SecurityGroupRule) -> bool:
    """Whether the entry accepts the rule's protocol and peer, and at least some of its ports."""
    return (
        rule.direction is not Direction.EGRESS
        and entry.protocol in (rule.protocol, ALL_PROTOCOLS)
        and any(_holds(peer, rule) for peer in entry.peers)
        and (rule.ports is None or _ports_left(rule.ports, entry.ports) != [rule.ports])
    )


def _holds(peer: Peer, rule: SecurityGroupRule) -> bool:
    accepted, network = peer.network, rule.peer.network
    if accepted is None or network is None:
        return peer == rule.peer
    return (
        accepted.version == network.version
        and int(accepted.network_address) <= int(network.network_address)
        and int(network.broadcast_address) <= int(accepted.broadcast_address)
    )


def _without(rule: SecurityGroupRule, entry: AcceptedOpening) -> list[SecurityGroupRule]:
    """What is left of the rule: the ports that the entry does not name."""
    if rule.ports is None:
        return []
    return [replace(rule, ports=ports) for ports in _ports_left(rule.ports, entry.ports)]


def _ports_left(ports: PortRange, accepted: tuple[PortRange, ...]) -> list[PortRange]:
    left, first = [], ports.first
    for taken in sorted(accepted, key=attrgetter("first")):
        if taken.last < first or taken.first > ports.last:
            continue
        if taken.first > first:
            left.append(PortRange(first, taken.first - 1))
        first = taken.last + 1
    return [*left, PortRange(first, ports.last)] if first <= ports.last else left


def _entry_of(table: object, today: date) -> AcceptedOpening:
    """Raises TypeError or ValueError, which name the field, what it holds and what is expected."""
    if not isinstance(table, dict):
        raise TypeError("expected a table")
    for field in table:
        if field not in _FIELDS:
            raise ValueError(f"{field}: no such field; there are {', '.join(_FIELDS)}")
    region = "region" in table and _text(
        table, "region", ids.REGION.pattern, "a Region such as eu-central-1"
    )
    group = "group" in table and _text(
        table, "group", ids.SECURITY_GROUP.pattern, "a group id such as sg-0123456789ab"
    )
    protocol = protocol_of(
        _text(table, "protocol", _PROTOCOL, '"tcp", "udp", "icmp", "47" or "-1"')
    )
    return AcceptedOpening(
        account_id=_text(table, "account", ids.ACCOUNT.pattern, "twelve digits in quotes"),
        region=region or None,
        group_id=group or None,
        protocol=protocol,
        ports=_ports(table, protocol),
        peers=_peers(table),
        owner=_text(table, "owner", r".*\S.*", "a line of text"),
        reason=_text(table, "reason", r".*\S.*", "a line of text"),
        expires=_expiry(table, today),
    )


_PROTOCOL = r"(?i:tcp|udp|icmp|icmpv6|all)|-1|0|[1-9][0-9]{0,2}"
_FIELDS = (
    *("account", "region", "group", "protocol", "ports", "peers"),
    *("owner", "reason", "expires"),
)


def _text(table: Mapping[str, Any], field: str, pattern: str, expected: str) -> str:
    value = table.get(field)
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValueError(f"{field}: expected {expected}, found {value!r}")
    return value


def _ports(table: Mapping[str, Any], protocol: str) -> tuple[PortRange, ...]:
    if protocol not in PROTOCOLS_WITH_PORTS:
        if "ports" in table:
            raise ValueError(f"ports: protocol {protocol} has none")
        return (ALL_PORTS,)
    items = table.get("ports")
    if not isinstance(items, list) or not items:
        raise ValueError(f'ports: expected a list such as [443, "8000-8010"], found {items!r}')
    return tuple(_port_range(item) for item in items)


def _port_range(item: object) -> PortRange:
    found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", str(item))
    if found is None:
        raise ValueError(f'ports: expected a port or a range such as "8000-8010", found {item!r}')
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last <= HIGHEST_PORT:
        raise ValueError(f"ports: expected a range from low to high up to 65535, found {item!r}")
    return PortRange(first, last)


def _peers(table: Mapping[str, Any]) -> tuple[Peer, ...]:
    items = table.get("peers")
    if not isinstance(items, list) or not items:
        raise ValueError(f'peers: expected a list such as ["0.0.0.0/0"], found {items!r}')
    return tuple(_peer(item) for item in items)


def _peer(item: object) -> Peer:
    text = item if isinstance(item, str) else ""
    if ids.PREFIX_LIST.fullmatch(text):
        return Peer(kind=PeerKind.PREFIX_LIST, value=text)
    if ids.SECURITY_GROUP.fullmatch(text):
        return Peer(kind=PeerKind.SECURITY_GROUP, value=text)
    try:
        # Strictly: 203.0.113.7/0 was meant for one address, and would accept the world.
        return peer_of_cidr(str(ip_network(text)))
    except ValueError:
        raise ValueError(f"peers: expected a CIDR, pl-… or sg-…, found {item!r}") from None


def _expiry(table: Mapping[str, Any], today: date) -> date:
    value = table.get("expires")
    # A TOML date-time is a date as well, in Python.
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError(
            f"expires: expected a date such as {today}, without quotes, found {value!r}"
        )
    if value - today > LONGEST_TERM:
        raise ValueError(f"expires: expected a day within a year from {today}, found {value}")
    return value
