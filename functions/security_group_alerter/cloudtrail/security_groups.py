"""Step 3a: calls on a security group become SecurityGroupChanges.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query-security-groups.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model.change import Action, RuleDescription, SecurityGroupChange
from ..model.dataclass import replace
from ..model.record import CloudTrailRecord
from ..model.rules import Direction, Peer, SecurityGroupRule
from .dialects import (
    ANY_REQUEST,
    FLAT_MEMBERS,
    Reading,
    completed,
    items_in,
    joined,
    members_of,
    permissions_reading,
    reading_of,
    rules_reading,
    unknown_in,
    was_omitted,
)
from .json_values import text_in, text_of

_Json = Mapping[str, Any]

_ADDED_RULES = "securityGroupRuleSet"
_REMOVED_RULES = "revokedSecurityGroupRuleSet"
_MISSED_RULES = "unknownIpPermissionSet"
_KNOWN = ANY_REQUEST | {
    *("groupId", "groupName", "groupDescription", "vpcId"),
    *("ipPermissions", "fromPort", "toPort", "sourceSecurityGroupOwnerId", *FLAT_MEMBERS),
    *("securityGroupRule", "securityGroupRules"),
    *("securityGroupRuleId", "securityGroupRuleIds"),
    *("securityGroupRuleDescription", "securityGroupRuleDescriptions"),
}


def rules_added(record: CloudTrailRecord, request: _Json, response: _Json) -> SecurityGroupChange:
    """Read AuthorizeSecurityGroupIngress or AuthorizeSecurityGroupEgress."""
    direction = _direction_of(record)
    reading = reading_of(
        permissions_reading(request, direction), _response_rules(response, _ADDED_RULES, direction)
    )
    return SecurityGroupChange(
        action=Action.ADD_RULES,
        **_group_in(request, response),
        direction=direction,
        added=_foreign(reading.rules, record),
        problems=reading.problems,
        is_omitted=was_omitted(request, response) and not reading.rules,
    )


def rules_removed(record: CloudTrailRecord, request: _Json, response: _Json) -> SecurityGroupChange:
    """Read RevokeSecurityGroupIngress or RevokeSecurityGroupEgress."""
    direction = _direction_of(record)
    asked = permissions_reading(request, direction)
    missed = _response_rules(response, _MISSED_RULES, direction)
    removed = completed(_response_rules(response, _REMOVED_RULES, direction), asked)
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
        removed=_foreign(removed.rules, record),
        missed=_foreign(missed.rules, record),
        rule_ids=_rule_ids_in(request),
        removed_none=_REMOVED_RULES in response and not (removed.rules or removed.problems),
        problems=removed.problems + missed.problems,
        is_omitted=was_omitted(request, response) and not removed.rules,
    )


def rules_modified(
    record: CloudTrailRecord, request: _Json, response: _Json
) -> SecurityGroupChange:
    """Read ModifySecurityGroupRules: new values, but neither old ones nor a direction."""
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
        added=_foreign(tuple(rules), record),
        problems=tuple(problems),
        is_omitted=was_omitted(request, response) and not rules,
    )


def descriptions_updated(
    record: CloudTrailRecord, request: _Json, response: _Json
) -> SecurityGroupChange:
    """Read UpdateSecurityGroupRuleDescriptionsIngress or …Egress: by rule, or by rule id.

    What cannot be read of a rule is left out: descriptions change nothing that is open.
    """
    named = request.get(
        "securityGroupRuleDescription", request.get("securityGroupRuleDescriptions")
    )
    by_rule = permissions_reading(request, _direction_of(record)).rules
    by_id = (
        RuleDescription(
            rule_id=text_in(item, "securityGroupRuleId"), text=text_in(item, "description")
        )
        for item in map(members_of, items_in(named))
    )
    descriptions = (
        *(RuleDescription(rule=rule, text=rule.description) for rule in by_rule),
        *(it for it in by_id if it.rule_id),
    )
    return SecurityGroupChange(
        action=Action.DESCRIBE_RULES,
        **_group_in(request, response),
        direction=_direction_of(record),
        rule_ids=tuple(it.rule_id for it in descriptions if it.rule_id),
        descriptions=descriptions,
        is_omitted=was_omitted(request, response),
    )


def group_changed(
    action: Action,
) -> Callable[[CloudTrailRecord, _Json, _Json], SecurityGroupChange]:
    """Make the reader of a call on the group as a whole."""

    def read(_record: CloudTrailRecord, request: _Json, response: _Json) -> SecurityGroupChange:
        return SecurityGroupChange(
            action=action,
            **_group_in(request, response),
            is_omitted=was_omitted(request, response),
        )

    return read


def _direction_of(record: CloudTrailRecord) -> Direction:
    is_egress = (record.event_name or "").endswith("Egress")
    return Direction.EGRESS if is_egress else Direction.INGRESS


def _response_rules(response: _Json, name: str, direction: Direction) -> Reading:
    return rules_reading(response.get(name), direction, name)


def _foreign(
    rules: tuple[SecurityGroupRule, ...], record: CloudTrailRecord
) -> tuple[SecurityGroupRule, ...]:
    """The rules, in which a group of the same account goes without the account."""

    def foreign(peer: Peer) -> Peer:
        return replace(peer, account_id=None) if peer.account_id == record.account_id else peer

    return tuple(
        replace(rule, peer=foreign(rule.peer)) if rule.peer.account_id else rule for rule in rules
    )


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
        "unknown_parameters": unknown_in(request, _KNOWN),
    }


def _rule_ids_in(request: _Json) -> tuple[str, ...]:
    items = items_in(request.get("securityGroupRuleIds", request.get("securityGroupRuleId")))
    ids = (text_in(members_of(item), "securityGroupRuleId") or text_of(item) for item in items)
    return tuple(filter(None, ids))
