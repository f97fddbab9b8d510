"""Step 3: a record becomes what the call did: to a security group, a prefix list or a trail.

`READERS` names every call that we alert on; template.yaml's subscription filter names the same.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query-security-groups.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..model.change import Action, Change, PrefixListChange, SecurityGroupChange
from ..model.record import CloudTrailRecord, Outcome
from ..model.rules import Direction, Peer, SecurityGroupRule, peer_of_cidr
from .dialects import (
    Reading,
    items_in,
    joined,
    members_of,
    parameters_of,
    permissions_reading,
    reading_of,
    rules_reading,
)
from .json_values import flag_in, text_in, text_of
from .trails import events_selected, trail_deleted, trail_stopped, trail_updated


class UnreadableRecordError(ValueError):
    """A call of ours that succeeded, recorded in no shape that we know. It has to be reported.

    `excerpt` is what matters of the record: the envelope alone would fill an alert.
    """

    def __init__(self, problem: str, record: CloudTrailRecord) -> None:
        super().__init__(problem)
        parts = {"requestParameters": record.request, "responseElements": record.response}
        self.excerpt = json.dumps(parts)


_Json = Mapping[str, Any]
_Read = Callable[[CloudTrailRecord, _Json, _Json], Change]


def change_of(record: CloudTrailRecord) -> Change | None:
    """What the call did; None for a call that is not ours.

    Raises UnreadableRecordError when it succeeded and the record fits nothing that we know.
    """
    reader = READERS.get(record.event_name or "")
    if reader is None or not _is_from(record.event_source, reader.service):
        return None
    change = reader.read(
        record,
        parameters_of(record.request, f"{record.event_name}Request"),
        parameters_of(record.response, f"{record.event_name}Response"),
    )
    if record.outcome is Outcome.SUCCEEDED and change.is_unreadable:
        raise UnreadableRecordError(
            "; ".join(change.problems) or "neither request nor response tells what changed",
            record,
        )
    return change


def _is_from(event_source: str | None, service: str) -> bool:
    """A record without a source is read all the same: a missed change is worse."""
    return event_source is None or event_source.partition(".")[0] == service


def _was_omitted(*parts: Mapping[str, Any]) -> bool:
    """CloudTrail leaves out request or response over 100 KB, and writes `omitted: true` instead.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
    """
    return any(flag_in(part, "omitted") for part in parts)


def _rules_added(record: CloudTrailRecord, request: _Json, response: _Json) -> SecurityGroupChange:
    direction = _direction_of(record)
    reading = reading_of(
        permissions_reading(request, direction), _response_rules(response, _ADDED_RULES, direction)
    )
    return SecurityGroupChange(
        action=Action.ADD_RULES,
        **_group_in(request, response),
        direction=direction,
        added=reading.rules,
        problems=reading.problems,
        is_omitted=_was_omitted(request, response) and not reading.rules,
    )


def _rules_removed(
    record: CloudTrailRecord, request: _Json, response: _Json
) -> SecurityGroupChange:
    direction = _direction_of(record)
    asked = permissions_reading(request, direction)
    missed = _response_rules(response, _MISSED_RULES, direction)
    removed = _response_rules(response, _REMOVED_RULES, direction)
    if _REMOVED_RULES not in response or removed.problems:
        # Before 2025 the response did not name what went: then it is what was asked for.
        rules = tuple(rule for rule in asked.rules if rule not in missed.rules)
        removed = reading_of(Reading(rules=rules, problems=asked.problems), removed)
    elif not removed.rules:
        missed = joined(missed, asked)
    return SecurityGroupChange(
        action=Action.REMOVE_RULES,
        **_group_in(request, response),
        direction=direction,
        removed=removed.rules,
        missed=missed.rules,
        rule_ids=_rule_ids_in(request),
        removed_none=_REMOVED_RULES in response and not (removed.rules or removed.problems),
        problems=removed.problems + missed.problems,
        is_omitted=_was_omitted(request, response) and not removed.rules,
    )


def _rules_modified(
    _record: CloudTrailRecord, request: _Json, response: _Json
) -> SecurityGroupChange:
    """Neither old values nor a direction are recorded: the new values are all that there is."""
    rules: list[SecurityGroupRule] = []
    problems: list[str] = []
    updates = request.get("securityGroupRule", request.get("securityGroupRules"))
    for index, update in enumerate(map(members_of, items_in(updates))):
        path = f"SecurityGroupRule[{index}]"
        reading = rules_reading([update.get("securityGroupRule")], Direction.UNKNOWN, path)
        rule_id = text_in(update, "securityGroupRuleId")
        rules += [replace(rule, rule_id=rule_id) for rule in reading.rules]
        problems += reading.problems
    return SecurityGroupChange(
        action=Action.MODIFY_RULES,
        **_group_in(request, response),
        added=tuple(rules),
        problems=tuple(problems),
        is_omitted=_was_omitted(request, response) and not rules,
    )


def _descriptions_updated(
    record: CloudTrailRecord, request: _Json, response: _Json
) -> SecurityGroupChange:
    """Descriptions change nothing that is open, so that how they were named matters little."""
    named = request.get(
        "securityGroupRuleDescription", request.get("securityGroupRuleDescriptions")
    )
    ids = (text_in(members_of(item), "securityGroupRuleId") for item in items_in(named))
    return SecurityGroupChange(
        action=Action.DESCRIBE_RULES,
        **_group_in(request, response),
        direction=_direction_of(record),
        rule_ids=tuple(filter(None, ids)),
        is_omitted=_was_omitted(request, response),
    )


def _group_changed(action: Action) -> _Read:
    def read(_record: CloudTrailRecord, request: _Json, response: _Json) -> SecurityGroupChange:
        return SecurityGroupChange(
            action=action,
            **_group_in(request, response),
            is_omitted=_was_omitted(request, response),
        )

    return read


def _prefix_list_changed(action: Action) -> _Read:
    def read(_record: CloudTrailRecord, request: _Json, response: _Json) -> PrefixListChange:
        prefix_list = members_of(response.get("prefixList"))
        added, added_problems = _entries_in(request, _ADDED_ENTRIES)
        removed, removed_problems = _entries_in(request, _REMOVED_ENTRIES)
        problems = added_problems + removed_problems
        is_omitted = _was_omitted(request)
        is_recorded = added or removed or problems or is_omitted
        if not is_recorded and not any(request.get(name) for name in _BESIDE_ENTRIES):
            problems = ("request: expected entries, a name, a size or a version",)
        return PrefixListChange(
            action=action,
            prefix_list_id=(
                text_in(request, "prefixListId") or text_in(prefix_list, "prefixListId")
            ),
            prefix_list_name=(
                text_in(request, "prefixListName") or text_in(prefix_list, "prefixListName")
            ),
            version=_version_in(request, "currentVersion"),
            restored_version=_version_in(request, "previousVersion"),
            added=added,
            removed=removed,
            problems=problems,
            is_omitted=is_omitted,
        )

    return read


def _direction_of(record: CloudTrailRecord) -> Direction:
    is_egress = (record.event_name or "").endswith("Egress")
    return Direction.EGRESS if is_egress else Direction.INGRESS


def _response_rules(response: _Json, name: str, direction: Direction) -> Reading:
    return rules_reading(response.get(name), direction, name)


def _group_in(request: _Json, response: _Json) -> dict[str, Any]:
    """The group's names, wherever they stand: a default VPC's group may be called by name only."""
    rules = items_in(response.get(_ADDED_RULES)) or items_in(response.get(_REMOVED_RULES))
    return {
        "group_id": (
            text_in(request, "groupId")
            or text_in(response, "groupId")
            or next(filter(None, (text_in(members_of(rule), "groupId") for rule in rules)), None)
        ),
        "group_name": text_in(request, "groupName"),
        "group_description": text_in(request, "groupDescription"),
        "vpc_id": text_in(request, "vpcId"),
    }


def _rule_ids_in(request: _Json) -> tuple[str, ...]:
    items = items_in(request.get("securityGroupRuleIds", request.get("securityGroupRuleId")))
    ids = (text_in(members_of(item), "securityGroupRuleId") or text_of(item) for item in items)
    return tuple(filter(None, ids))


def _entries_in(request: _Json, names: tuple[str, ...]) -> tuple[tuple[Peer, ...], tuple[str, ...]]:
    peers: list[Peer] = []
    problems: list[str] = []
    for name in names:
        for index, entry in enumerate(items_in(request.get(name))):
            cidr = text_in(members_of(entry), "cidr") or text_of(entry)
            try:
                peers.append(peer_of_cidr(cidr or ""))
            except ValueError as error:
                problems.append(f"{name}[{index}]: expected a CIDR: {error}")
    return tuple(peers), tuple(problems)


def _version_in(request: _Json, name: str) -> int | None:
    try:
        return int(text_in(request, name) or "")
    except ValueError:
        return None


_ADDED_RULES = "securityGroupRuleSet"
_REMOVED_RULES = "revokedSecurityGroupRuleSet"
_MISSED_RULES = "unknownIpPermissionSet"
_ADDED_ENTRIES = (
    *("addEntry", "addEntries", "addEntrySet"),
    *("entry", "entries", "entrySet"),
)
_REMOVED_ENTRIES = ("removeEntry", "removeEntries", "removeEntrySet")
# A call on a prefix list that asks for none of these is about its entries.
_BESIDE_ENTRIES = ("prefixListName", "maxEntries", "previousVersion")


@dataclass(frozen=True, slots=True)
class Reader:
    """Which service records the call, and what reads it."""

    service: str
    read: _Read


READERS: dict[str, Reader] = {
    # The six of CIS and of Security Hub's control CloudWatch.10 …
    "CreateSecurityGroup": Reader("ec2", _group_changed(Action.CREATE)),
    "DeleteSecurityGroup": Reader("ec2", _group_changed(Action.DELETE)),
    "AuthorizeSecurityGroupIngress": Reader("ec2", _rules_added),
    "AuthorizeSecurityGroupEgress": Reader("ec2", _rules_added),
    "RevokeSecurityGroupIngress": Reader("ec2", _rules_removed),
    "RevokeSecurityGroupEgress": Reader("ec2", _rules_removed),
    # … what they miss: the console's edit button, and prefix lists that rules refer to …
    "ModifySecurityGroupRules": Reader("ec2", _rules_modified),
    "UpdateSecurityGroupRuleDescriptionsIngress": Reader("ec2", _descriptions_updated),
    "UpdateSecurityGroupRuleDescriptionsEgress": Reader("ec2", _descriptions_updated),
    "AssociateSecurityGroupVpc": Reader("ec2", _group_changed(Action.ASSOCIATE_VPC)),
    "DisassociateSecurityGroupVpc": Reader("ec2", _group_changed(Action.DISASSOCIATE_VPC)),
    "CreateManagedPrefixList": Reader("ec2", _prefix_list_changed(Action.CREATE)),
    "ModifyManagedPrefixList": Reader("ec2", _prefix_list_changed(Action.MODIFY)),
    "RestoreManagedPrefixListVersion": Reader("ec2", _prefix_list_changed(Action.RESTORE)),
    # … and hands on the trail that all of this comes from.
    "StopLogging": Reader("cloudtrail", trail_stopped),
    "DeleteTrail": Reader("cloudtrail", trail_deleted),
    "UpdateTrail": Reader("cloudtrail", trail_updated),
    "PutEventSelectors": Reader("cloudtrail", events_selected),
}
