"""The command that undoes a change, where the record tells enough; none is ever invented.

Only values that match AWS's own syntax of ids get into a command.
https://docs.aws.amazon.com/cli/latest/reference/ec2/index.html
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from ..cloudtrail.changes import Action, PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import Outcome
from ..cloudtrail.trails import TrailAction, TrailChange
from ..judgement.findings import Finding
from ..model.alert import Alert
from ..model.rules import (
    ICMP_PROTOCOLS,
    Direction,
    PeerKind,
    SecurityGroupRule,
)

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
_IDS = {
    "group": re.compile(r"sg-[0-9a-f]{8,17}"),
    "rule": re.compile(r"sgr-[0-9a-f]{8,17}"),
    "prefix list": re.compile(r"pl-[0-9a-f]{8,17}"),
    "VPC": re.compile(r"vpc-[0-9a-f]{8,17}"),
    "trail": re.compile(
        r"(?:arn:aws[a-z-]*:cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/)?[A-Za-z0-9][A-Za-z0-9._-]{2,127}"
    ),
}
_VERSIONS = range(1, 2**31)
_PROTOCOL = re.compile(r"[a-z0-9-]{1,10}")
# Windows takes no more for a whole command line. A thousand rules fit by their ids.
# https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
LONGEST_COMMAND = 32_000


def undo_command(finding: Finding) -> str | None:
    """A complete AWS CLI command; None where nothing changed or the record does not tell enough."""
    change, region = finding.change, finding.record.region
    if finding.record.outcome is not Outcome.SUCCEEDED or change is None:
        return None
    if region is None or not _REGION.fullmatch(region):
        return None
    words = _UNDO[type(change)](change)
    if words is None:
        return None
    service, name, *options = words
    command = shlex.join(["aws", service, name, "--region", region, *options])
    return command if len(command) <= LONGEST_COMMAND else None


# For the forms that come next: 15 µs less a change.
@lru_cache(maxsize=1)
def undo_commands_of(alert: Alert) -> tuple[str | None, ...]:
    """For each finding, the command that undoes it; None where the record does not tell enough."""
    return tuple(map(undo_command, alert.findings))


def undo_steps_of(alert: Alert) -> list[tuple[int, Finding, str]]:
    """(Number of the call, finding, command), the last call first, each command once."""
    told: set[str] = set()
    steps = []
    for number, command in reversed([*enumerate(undo_commands_of(alert), start=1)]):
        if command is not None and command not in told:
            told.add(command)
            steps.append((number, alert.findings[number - 1], command))
    return steps


def look_commands(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """(What it shows, command): read-only, to decide by."""
    told = list(findings)
    region = next((finding.record.region for finding in told), None)
    ids = [found for found in dict.fromkeys(map(_looked_at, told)) if found is not None]
    if region is None or not _REGION.fullmatch(region) or not ids:
        return
    for words, command in _LOOKS[type(told[0].change)]:
        # Ids hold nothing that a shell knows.
        options = command.format(region=region, id=ids[0], ids=",".join(ids[:_MOST_LOOKED_AT]))
        yield words, f"aws {options}"


def _looked_at(finding: Finding) -> str | None:
    change = finding.change
    if isinstance(change, SecurityGroupChange):
        return _id("group", change.group_id)
    if isinstance(change, PrefixListChange):
        return _id("prefix list", change.prefix_list_id)
    if change is None or change.action is TrailAction.DELETE:
        return None
    return _id("trail", change.trail)


# EC2 takes so many values in a filter.
_MOST_LOOKED_AT = 200
# The findings of one alert are of one kind.
_LOOKS: dict[type, tuple[tuple[str, str], ...]] = {
    SecurityGroupChange: (
        (
            "What the group is attached to",
            "ec2 describe-network-interfaces --region {region} "
            "--filters Name=group-id,Values={ids}",
        ),
        (
            "Which rules the group has now",
            "ec2 describe-security-group-rules --region {region} "
            "--filters Name=group-id,Values={ids}",
        ),
    ),
    PrefixListChange: (
        (
            "Which ranges the list holds now",
            "ec2 get-managed-prefix-list-entries --region {region} --prefix-list-id {id}",
        ),
        (
            "What refers to the list",
            "ec2 get-managed-prefix-list-associations --region {region} --prefix-list-id {id}",
        ),
    ),
    TrailChange: (
        ("Whether the trail logs", "cloudtrail get-trail-status --region {region} --name {id}"),
        # A trail that was blinded logs as before, only less.
        (
            "Which events it takes",
            "cloudtrail get-event-selectors --region {region} --trail-name {id}",
        ),
        ("How it is set up", "cloudtrail get-trail --region {region} --name {id}"),
    ),
}


def _undo_group_change(change: SecurityGroupChange) -> list[str] | None:
    group_id = _id("group", change.group_id)
    if group_id is None:
        return None
    if change.action is Action.CREATE:
        return ["ec2", "delete-security-group", "--group-id", group_id]
    if change.action in (Action.ASSOCIATE_VPC, Action.DISASSOCIATE_VPC):
        vpc_id = _id("VPC", change.vpc_id)
        verb = "disassociate" if change.action is Action.ASSOCIATE_VPC else "associate"
        options = ["--group-id", group_id, "--vpc-id", vpc_id or ""]
        return ["ec2", f"{verb}-security-group-vpc", *options] if vpc_id else None
    if change.problems or change.is_omitted:
        return None
    if change.action is Action.ADD_RULES:
        return _rules_command("revoke", change.added, group_id)
    if change.action is Action.REMOVE_RULES:
        return _rules_command("authorize", change.removed, group_id)
    return None


def _undo_prefix_list_change(change: PrefixListChange) -> list[str] | None:
    prefix_list_id = _id("prefix list", change.prefix_list_id)
    if prefix_list_id is None:
        return None
    if change.action is Action.CREATE:
        return ["ec2", "delete-managed-prefix-list", "--prefix-list-id", prefix_list_id]
    changed_entries = change.added or change.removed or change.action is Action.RESTORE
    if change.version is None or change.version not in _VERSIONS or not changed_entries:
        return None
    # Every change of the entries makes one version more.
    # https://docs.aws.amazon.com/vpc/latest/userguide/working-with-managed-prefix-lists.html
    return [
        "ec2",
        "restore-managed-prefix-list-version",
        *("--prefix-list-id", prefix_list_id),
        *("--previous-version", str(change.version)),
        *("--current-version", str(change.version + 1)),
    ]


def _undo_trail_change(change: TrailChange) -> list[str] | None:
    trail = _id("trail", change.trail)
    if change.action is not TrailAction.STOP or trail is None:
        return None
    return ["cloudtrail", "start-logging", "--name", trail]


_UNDO: dict[type, Callable[[Any], list[str] | None]] = {
    SecurityGroupChange: _undo_group_change,
    PrefixListChange: _undo_prefix_list_change,
    TrailChange: _undo_trail_change,
}


def _rules_command(
    verb: str, rules: Sequence[SecurityGroupRule], group_id: str
) -> list[str] | None:
    directions = {rule.direction for rule in rules}
    if len(directions) != 1 or Direction.UNKNOWN in directions:
        return None
    command = ["ec2", f"{verb}-security-group-{directions.pop()}", "--group-id", group_id]
    rule_ids = [_id("rule", rule.rule_id) for rule in rules]
    if verb == "revoke" and all(rule_ids):
        return [*command, "--security-group-rule-ids", *filter(None, rule_ids)]
    permissions = [_ip_permission_of(rule) for rule in rules]
    if None in permissions:
        return None
    return [*command, "--ip-permissions", json.dumps(permissions, separators=(",", ":"))]


def _ip_permission_of(rule: SecurityGroupRule) -> dict[str, Any] | None:
    """The rule as the AWS CLI takes it.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    """
    peer = _peer_member_of(rule)
    if rule.protocol is None or peer is None or not _PROTOCOL.fullmatch(rule.protocol):
        return None
    permission: dict[str, Any] = {"IpProtocol": rule.protocol}
    if rule.ports is not None:
        permission |= {"FromPort": rule.ports.first, "ToPort": rule.ports.last}
    elif rule.protocol in ICMP_PROTOCOLS:
        icmp = rule.icmp_type
        code = -1 if icmp is None or icmp.code is None else icmp.code
        permission |= {"FromPort": -1 if icmp is None else icmp.type, "ToPort": code}
    return permission | peer


def _peer_member_of(rule: SecurityGroupRule) -> dict[str, Any] | None:
    peer = rule.peer
    if peer.kind is PeerKind.IPV4:
        return {"IpRanges": [{"CidrIp": peer.value}]}
    if peer.kind is PeerKind.IPV6:
        return {"Ipv6Ranges": [{"CidrIpv6": peer.value}]}
    if peer.kind is PeerKind.PREFIX_LIST:
        prefix_list_id = _id("prefix list", peer.value)
        return {"PrefixListIds": [{"PrefixListId": prefix_list_id}]} if prefix_list_id else None
    group_id = _id("group", peer.value)
    owner = {"UserId": peer.account_id} if peer.account_id else {}
    return {"UserIdGroupPairs": [{"GroupId": group_id, **owner}]} if group_id else None


def _id(of: str, value: str | None) -> str | None:
    """The value when it has the form of such an id, else None."""
    return value if value is not None and _IDS[of].fullmatch(value) else None
