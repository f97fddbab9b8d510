"""The machine form: the alert as JSON, for SQS, Lambda, Firehose and HTTP subscribers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from security_group_alerter.alerts import Alert
from security_group_alerter.changes import PrefixListChange, SecurityGroupChange
from security_group_alerter.findings import Finding
from security_group_alerter.security_group_rules import Peer, SecurityGroupRule
from security_group_alerter.trails import TrailChange

from .headline import headline_of
from .undo import undo_command


def machine_of(alert: Alert, most_rules: int) -> str:
    """The whole alert; of each call at most `most_rules` rules, with the number of all of them."""
    document = {
        "severity": alert.severity.name,
        "headline": headline_of(alert),
        "world_open": alert.world_open,
        "effect": alert.effect,
        "outcome": alert.outcome,
        "kind": alert.kind,
        "account": {
            "id": alert.account_id,
            "name": alert.account.name,
            "ou_path": alert.account.ou_path,
            "tags": dict(alert.account.tags),
            "not_available": alert.account.problems,
        },
        "region": alert.region,
        "organization_id": alert.organization_id,
        "principal": {
            "type": alert.principal.identity_type,
            "person": alert.principal.person,
            "account_id": alert.principal.account_id,
            "arn": alert.principal.arn,
            "role": alert.principal.role_name,
            "permission_set": alert.principal.permission_set,
            "invoked_by": alert.principal.invoked_by,
        },
        "seen_at": alert.seen_at.isoformat(),
        "calls": [_call(finding, most_rules) for finding in alert.findings],
        "event_ids": alert.event_ids,
    }
    return json.dumps(_told(document), separators=(",", ":"))


def _call(finding: Finding, most_rules: int) -> dict[str, Any]:
    record = finding.record
    return {
        "event_id": record.event_id,
        "event_name": record.event_name,
        "event_time": record.event_time.isoformat() if record.event_time else None,
        "update_of_event_id": record.original_event_id,
        "source_address": record.session.source_address,
        "tool": record.session.tool,
        "user_agent": record.session.user_agent,
        "access_key_id": record.session.access_key_id,
        "mfa": record.session.mfa,
        "error_code": record.error_code,
        "error_message": record.error_message,
        "unreadable": finding.problem,
        "excerpt": finding.excerpt,
        "openings": [
            {
                "protocol": opening.protocol,
                "first_port": opening.ports.first if opening.ports else None,
                "last_port": opening.ports.last if opening.ports else None,
                "ipv4_share": opening.reach.ipv4_share,
                "ipv6_share": opening.reach.ipv6_share,
            }
            for opening in finding.opened.openings[:most_rules]
        ],
        "undo": undo_command(finding),
        **_change(finding, most_rules),
    }


def _change(finding: Finding, most_rules: int) -> dict[str, Any]:
    change = finding.change
    if isinstance(change, SecurityGroupChange):
        return {
            "action": change.action,
            "group_id": change.group_id,
            "group_name": change.group_name,
            "vpc_id": change.vpc_id,
            "direction": change.direction,
            "added": _rules(change.added, most_rules),
            "removed": _rules(change.removed, most_rules),
            "not_found": _rules(change.missed, most_rules),
            "rule_ids": change.rule_ids[:most_rules],
            "not_readable": change.problems[:most_rules],
            "is_omitted": change.is_omitted,
            "rules_in_call": len(change.added) + len(change.removed) + len(change.missed),
        }
    if isinstance(change, PrefixListChange):
        return {
            "action": change.action,
            "prefix_list_id": change.prefix_list_id,
            "prefix_list_name": change.prefix_list_name,
            "added": [peer.value for peer in change.added[:most_rules]],
            "removed": [peer.value for peer in change.removed[:most_rules]],
            "not_readable": change.problems[:most_rules],
            "is_omitted": change.is_omitted,
        }
    if isinstance(change, TrailChange):
        return {
            "action": change.action,
            "trail": change.trail,
            "is_own_trail": finding.is_own_trail,
            "blinded": finding.blinded,
        }
    return {}


def _rules(rules: Iterable[SecurityGroupRule], most: int) -> list[dict[str, Any]]:
    return [_rule(rule) for rule in list(rules)[:most]]


def _rule(rule: SecurityGroupRule) -> dict[str, Any]:
    return {
        "direction": rule.direction,
        "protocol": rule.protocol,
        "first_port": rule.ports.first if rule.ports else None,
        "last_port": rule.ports.last if rule.ports else None,
        "icmp_type": rule.icmp_type.type if rule.icmp_type else None,
        "icmp_code": rule.icmp_type.code if rule.icmp_type else None,
        "peer": _peer(rule.peer),
        "rule_id": rule.rule_id,
        "description": rule.description,
    }


def _peer(peer: Peer) -> dict[str, Any]:
    return {"kind": peer.kind, "value": peer.value, "account_id": peer.account_id}


def _told(value: Any) -> Any:
    """Without what is not known: absence is absence, in JSON as well."""
    if isinstance(value, dict):
        return {key: _told(member) for key, member in value.items() if member not in (None, [], ())}
    return [_told(item) for item in value] if isinstance(value, list | tuple) else value
