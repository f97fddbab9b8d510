"""Rules, records and findings for tests, written as one would say them."""

import re
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.payload import log_stream_of
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.judgement.findings import Standards, finding_of
from security_group_alerter.model.change import Action, Change, SecurityGroupChange
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.record import CloudTrailRecord
from security_group_alerter.model.rules import (
    ALL_PORTS,
    PROTOCOLS_WITH_PORTS,
    Direction,
    IcmpType,
    Peer,
    PeerKind,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
    protocol_of,
)

TODAY: Final = date(2026, 11, 23)

_RULE = re.compile(
    r"(?:(?P<direction>egress|unknown) )?(?P<protocol>\S+)(?: (?P<first>\d+)(?:-(?P<last>\d+))?)?"
    r" (?:from|to) (?P<peer>\S+)"
)


def rule(text: str) -> SecurityGroupRule:
    """`tcp 20-25 from 0.0.0.0/1`, `all from ::/0`, `icmp 8 from …`, `egress udp 53 to …`.

    Ports left out are all ports; the protocol `?` is one that the record does not tell.
    """
    told = _RULE.fullmatch(text)
    assert told, f"not a rule: {text}"
    protocol = None if told["protocol"] == "?" else protocol_of(told["protocol"])
    first, last = told["first"], told["last"] or told["first"]
    has_ports = protocol is None or protocol in PROTOCOLS_WITH_PORTS
    ports = PortRange(int(first), int(last)) if first else ALL_PORTS
    return SecurityGroupRule(
        direction=Direction(told["direction"] or "ingress"),
        protocol=protocol,
        ports=ports if has_ports else None,
        icmp_type=IcmpType(int(first), None) if first and not has_ports else None,
        peer=peer(told["peer"]),
    )


def rules(*texts: str) -> tuple[SecurityGroupRule, ...]:
    """The rules of one call."""
    return tuple(map(rule, texts))


def peer(text: str) -> Peer:
    """A CIDR, a prefix list `pl-…` or a group `sg-…`."""
    kind = {"pl-": PeerKind.PREFIX_LIST, "sg-": PeerKind.SECURITY_GROUP}.get(text[:3])
    return Peer(kind=kind, value=text) if kind else peer_of_cidr(text)


def record(**members: object) -> CloudTrailRecord:
    """A record of account 111122223333, with CloudTrail's members as they are given."""
    stream = log_stream_of("o-exampleorgid_111122223333_CloudTrail_eu-central-1")
    return record_of({"awsRegion": "eu-central-1", **members}, stream, "organization-trail")


def judged(change: Change, *, trail_arn: str | None = None, **members: object) -> Finding:
    """The finding for a change; `members` are the record's."""
    return finding_of(record(**members), change, Standards(trail_arn=trail_arn), today=TODAY)


def added(*texts: str, **members: object) -> Finding:
    """The finding for one call that adds these rules."""
    change = SecurityGroupChange(action=Action.ADD_RULES, group_id="sg-1", added=rules(*texts))
    return judged(change, trail_arn=None, **members)


def with_record(finding: Finding, **fields: Any) -> Finding:
    """The same finding, from a record in which these fields are as given."""
    origin: Any = finding.origin
    place = {name: fields[name] for name in ("account_id", "region") if name in fields}
    return replace(
        finding,
        origin=replace(origin, record=replace(origin.record, **fields)),
        subject=replace(finding.subject, **place),
    )


def with_change(finding: Finding, **fields: Any) -> Finding:
    """The same finding, from a change in which these fields are as given."""
    origin: Any = finding.origin
    change = replace(origin.change, **fields)
    called = {
        "id": ("group_id", "prefix_list_id", "trail"),
        "name": ("group_name", "prefix_list_name"),
    }
    subject = {
        part: fields[name] for part, names in called.items() for name in names if name in fields
    }
    return replace(
        finding,
        origin=replace(origin, change=change),
        subject=replace(finding.subject, **subject),
    )


def with_judgement(finding: Finding, **fields: Any) -> Finding:
    """The same finding, judged otherwise."""
    if fields.get("world_open") is False:
        fields = {"reach": None} | fields
    return replace(finding, judgement=replace(finding.judgement, **fields))


# How long an example takes tells of the machine, not of the program.
calmly = settings(deadline=None)

# Few enough that ranges of them overlap, and touch, often.
PORTS = (0, 21, 22, 23, 443, 444, 1500, 65535)
NEAR_PORTS = sorted({*PORTS, 1, 20, 24, 442, 445, 1499, 1501, 65534})


def ip_networks() -> st.SearchStrategy[IPv4Network | IPv6Network]:
    """Networks of both families and of every size, half of them large."""
    sizes = st.integers(0, 8) | st.integers(0, 128)
    ipv4 = st.builds(
        lambda address, size: IPv4Network((address, min(size, 32)), strict=False),
        st.ip_addresses(v=4),
        sizes,
    )
    ipv6 = st.builds(
        lambda address, size: IPv6Network((address, size), strict=False),
        st.ip_addresses(v=6) | st.ip_addresses(network="2000::/3"),
        sizes,
    )
    return ipv4 | ipv6


def lists_of_rules() -> st.SearchStrategy[list[SecurityGroupRule]]:
    """The rules of one call: of every protocol, direction and kind of peer."""
    ports = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(sorted)
    traffic = st.sampled_from(["all", "icmp", "icmp 8", "icmpv6", "47"]) | st.builds(
        lambda protocol, ports: f"{protocol} {ports[0]}-{ports[1]}",
        st.sampled_from(["tcp", "tcp", "udp", "?"]),
        ports,
    )
    directions = st.sampled_from(["", "", "", "unknown ", "egress "])
    peers = ip_networks().map(str) | st.sampled_from(["0.0.0.0/0", "::/0", "pl-1", "sg-1"])
    texts = st.builds("{}{} from {}".format, directions, traffic, peers)
    return st.lists(texts.map(rule), max_size=8)
