"""What `make close` prints of a group: its rules, what stays, who puts them back, the way back."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from security_group_alerter.messages.rule_words import amount_words, flow_words, traffic_words
from security_group_alerter.messages.text import listed, plural, safe
from security_group_alerter.model.exposure import Breadth
from security_group_alerter.model.rules import ALL_PROTOCOLS, PeerKind

from .group import Group, StandingRule
from .openers import breadth_of, openings_in
from .origins import origins_of

_MOST_OPENINGS = 5
_LONGEST_DESCRIPTION = 60


def rule_lines(rules: Sequence[StandingRule]) -> Iterator[str]:
    """`sgr-…  tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet  "vendor"`."""
    for standing in rules:
        rule = standing.rule
        description = safe(rule.description or "", _LONGEST_DESCRIPTION)
        note = f'  "{description}"' if description else ""
        yield f"  {standing.rule_id}  {flow_words(rule)}{amount_words(rule.peer)}{note}"


def staying_lines(group: Group, openers: Sequence[StandingRule]) -> Iterator[str]:
    """What the group still lets in without these rules, and what nobody can judge from here."""
    left = [it for it in group.ingress if it not in openers]
    openings = openings_in(left)
    if openings:
        words = [
            "all traffic" if it.protocol == ALL_PROTOCOLS else traffic_words(it.protocol, it.ports)
            for it in openings
        ]
        on = listed(list(dict.fromkeys(words)), _MOST_OPENINGS)
        yield f"STAYS OPEN TO THE INTERNET, on other ports: {on}"
    wide = [it for it in left if breadth_of(it) >= Breadth.BROAD]
    if wide:
        yield "Stays, though it lets in many:"
        yield from rule_lines(wide)
    lists = [it for it in left if it.rule.peer.kind is PeerKind.PREFIX_LIST]
    if lists:
        yield "Stays, and cannot be judged here: it depends on what the prefix list holds:"
        yield from rule_lines(lists)
    rest = len(left) - len(wide) - len(lists)
    if rest:
        rules = plural(rest, "ingress rule")
        yield f"Stays: {rules} for few addresses, private ones, or other groups"


def origin_lines(group: Group) -> Iterator[str]:
    """Who will put the rules back, as far as tags and descriptions say."""
    origins = origins_of(group)
    if origins:
        yield "It may come back, since this group seems to be kept by"
        yield from (f"  {origin}" for origin in origins)
        yield "Change its source, too: its next run or update may open the group again."


def way_back(
    group: Group, rules: Sequence[StandingRule], *, region: str, profile: str | None
) -> str:
    """The command that opens it again, with the descriptions, and with new rule IDs."""
    permissions = [_permission_of(it.listed) for it in rules]
    words = [
        *("aws", "ec2", "authorize-security-group-ingress", "--region", region),
        *(("--profile", profile) if profile else ()),
        *("--group-id", group.group_id),
        *("--ip-permissions", json.dumps(permissions, separators=(",", ":"))),
    ]
    return shlex.join(words)


def _permission_of(listed_rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule for a range as EC2 lists it, in the form in which EC2 takes it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    name, member = ("IpRanges", "CidrIp")
    if "CidrIpv6" in listed_rule:
        name, member = ("Ipv6Ranges", "CidrIpv6")
    cidr = listed_rule.get("CidrIpv6") or listed_rule["CidrIpv4"]
    described = {key: listed_rule[key] for key in ("Description",) if listed_rule.get(key)}
    ports = {key: listed_rule[key] for key in ("FromPort", "ToPort") if key in listed_rule}
    return {"IpProtocol": listed_rule["IpProtocol"], **ports, name: [{member: cidr, **described}]}
