"""The machine form: an OCSF Detection Finding, for SQS, Lambda, Firehose and HTTP subscribers.

https://schema.ocsf.io/1.5.0/classes/detection_finding. Times are milliseconds since 1970. A member
that is not known is left out. What OCSF has no place for stands in `unmapped`, and what it has none
for in a call (the actor's session, the rules, the exposure) in the `data` of its evidence.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from ..cloudtrail.changes import PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import CloudTrailRecord, Outcome
from ..cloudtrail.trails import TrailChange
from ..judgement.exposure import Opening
from ..judgement.findings import Finding, Severity
from ..model.alert import Alert
from ..model.rules import Direction, Peer, SecurityGroupRule
from ..settings import Settings
from .headline import headline_of, phrase_of
from .links import event_link, group_link, partition_of
from .notes import acceptance_words
from .rule_words import widest_peers, worst_openings, worst_rules
from .undo import undo_steps_of

OCSF_VERSION = "1.5.0"
PRODUCT = "security-group-alerter"
# What somebody else typed may be long; a subscriber gets this much of it.
_LONGEST = 1024
_SEVERITY_IDS = {
    Severity.INFORMATIONAL: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}
_AWS_ACCOUNT = 10
_RULE = 1
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference, …/awscloudtrail/latest/APIReference
_API_VERSIONS = {"ec2.amazonaws.com": "2016-11-15", "cloudtrail.amazonaws.com": "2013-11-01"}
# By whether the calls changed anything.
_NO_COMMAND = {
    True: "The records do not tell enough for a command that undoes this.",
    False: "Nothing changed: there is nothing to undo.",
}
_NOTHING: tuple[Any, ...] = ([], {}, ())
# How JSON writes half a character, or a pair of them.
_HALF = "\\ud"
# https://attack.mitre.org/techniques/T1562/007, …/008
_DEFENSE_EVASION = {"name": "Defense Evasion", "uid": "TA0005"}
_IMPAIR_DEFENSES = {"name": "Impair Defenses", "uid": "T1562"}
_CLOUD_FIREWALL = {"name": "Disable or Modify Cloud Firewall", "uid": "T1562.007"}
_CLOUD_LOGS = {"name": "Disable or Modify Cloud Logs", "uid": "T1562.008"}


def machine_of(alert: Alert, settings: Settings, most_rules: int) -> str:
    """The whole alert; of each call at most `most_rules` rules, with the number of all of them."""
    headline = headline_of(alert)
    times = [f.record.event_time for f in alert.findings if f.record.event_time is not None]
    document = _told(
        activity_id=1,
        activity_name="Create",
        category_name="Findings",
        category_uid=2,
        class_name="Detection Finding",
        class_uid=2004,
        type_name="Detection Finding: Create",
        type_uid=200401,
        severity=alert.severity.name.capitalize(),
        severity_id=_SEVERITY_IDS[alert.severity],
        status="New",
        status_id=1,
        count=len(alert.findings),
        message=headline,
        time=_milliseconds(min(times, default=alert.seen_at)),
        metadata=_told(
            event_code=alert.event_names[0] if len(alert.event_names) == 1 else None,
            processed_time=_milliseconds(alert.seen_at),
            product={"name": PRODUCT, "vendor_name": PRODUCT},
            profiles=["cloud"],
            version=OCSF_VERSION,
        ),
        cloud=_cloud(alert),
        finding_info=_finding_info(alert, headline, times),
        resources=_resources(alert),
        evidences=[_evidence(finding, most_rules) for finding in alert.findings],
        remediation=_remediation(alert, settings),
        unmapped=_told(
            effect=alert.effect.value,
            kind=alert.kind.value,
            outcome=alert.outcome.value,
            world_open=alert.world_open,
            may_repeat=alert.may_repeat,
            account_state=alert.account.state,
            not_available=alert.account.problems,
        ),
    )
    text = json.dumps(document, separators=(",", ":"))
    # Looked for once in the whole, not in every text: 20 µs less a change.
    if _HALF in text:
        text = json.dumps(_whole(document), separators=(",", ":"))
    return text


def _cloud(alert: Alert) -> dict[str, Any]:
    account = alert.account
    return _told(
        provider="AWS",
        region=alert.region,
        # OCSF wants a name: where the organization's could not be had, the id serves.
        account=alert.account_id
        and _told(
            name=account.name or alert.account_id,
            type="AWS Account",
            type_id=_AWS_ACCOUNT,
            uid=alert.account_id,
            labels=[f"{key}={value}" for key, value in account.tags.items()],
        ),
        org=_told(
            uid=alert.organization_id,
            ou_name="/".join(account.ou_path) if account.ou_path else None,
        ),
    )


def _finding_info(alert: Alert, headline: str, times: list[datetime]) -> dict[str, Any]:
    return _told(
        uid=uid_of(alert),
        title=headline,
        desc="; ".join(phrase_of(finding) for finding in alert.findings[:10]),
        types=[alert.kind.value],
        created_time=_milliseconds(alert.seen_at),
        first_seen_time=_milliseconds(min(times)) if times else None,
        last_seen_time=_milliseconds(max(times)) if times else None,
        data_sources=["AWS CloudTrail"],
        analytic={
            "name": PRODUCT,
            "type": "Rule",
            "type_id": _RULE,
            "uid": alert.kind.value,
        },
        attacks=_attacks(alert),
        related_events=[
            _told(uid=finding.record.event_id, type=finding.record.event_name)
            for finding in alert.findings
            if finding.record.event_id
        ],
    )


def uid_of(alert: Alert) -> str:
    """The same for the same events, whenever and however often they are told."""
    told = (
        finding.record.event_id or finding.excerpt or finding.problem or repr(finding.record)
        for finding in alert.findings
    )
    return hashlib.sha256("\n".join(sorted(told)).encode("utf-8", "replace")).hexdigest()[:32]


def _attacks(alert: Alert) -> list[dict[str, Any]]:
    if alert.outcome is not Outcome.SUCCEEDED:
        return []
    techniques = []
    if any(_opens_a_rule(finding) for finding in alert.findings):
        techniques.append(_CLOUD_FIREWALL)
    if any(finding.blinded for finding in alert.findings):
        techniques.append(_CLOUD_LOGS)
    return [
        {"tactic": _DEFENSE_EVASION, "technique": _IMPAIR_DEFENSES, "sub_technique": technique}
        for technique in techniques
    ]


def _opens_a_rule(finding: Finding) -> bool:
    change = finding.change
    return isinstance(change, SecurityGroupChange) and any(
        rule.direction is not Direction.EGRESS for rule in change.added
    )


def _resources(alert: Alert) -> list[dict[str, Any]]:
    """Each group, prefix list or trail once."""
    found: dict[tuple[str, str | None, str | None], None] = {}
    for finding in alert.findings:
        change = finding.change
        if isinstance(change, SecurityGroupChange):
            found["AWS::EC2::SecurityGroup", change.group_id, change.group_name] = None
        elif isinstance(change, PrefixListChange):
            found["AWS::EC2::PrefixList", change.prefix_list_id, change.prefix_list_name] = None
        elif isinstance(change, TrailChange):
            found["AWS::CloudTrail::Trail", change.trail, None] = None
    partition = partition_of(alert.region)
    return [
        _told(
            type=kind,
            uid=_cut(uid),
            name=_cut(name),
            region=alert.region,
            cloud_partition=partition,
        )
        for kind, uid, name in found
    ]


def _remediation(alert: Alert, settings: Settings) -> dict[str, Any]:
    commands = [command for _, _, command in undo_steps_of(alert)]
    place = (alert.region, alert.account_id, settings)
    group_ids = dict.fromkeys(
        finding.change.group_id
        for finding in alert.findings
        if isinstance(finding.change, SecurityGroupChange)
    )
    links = [group_link(group_id, *place) for group_id in group_ids]
    if len(alert.findings) == 1:
        links.append(event_link(alert.findings[0].record.event_id, *place))
    return _told(
        desc="\n".join(commands) or _NO_COMMAND[alert.outcome is Outcome.SUCCEEDED],
        references=list(dict.fromkeys(filter(None, (*links, settings.runbook_url)))),
    )


def _evidence(finding: Finding, most_rules: int) -> dict[str, Any]:
    record = finding.record
    return _told(
        name=_cut(record.event_name),
        api=_api(record),
        data=_told(
            phrase=phrase_of(finding),
            actor=_actor(record),
            event_id=_cut(record.event_id),
            event_time=record.event_time and record.event_time.isoformat(),
            update_of_event_id=_cut(record.original_event_id),
            source_address=_cut(record.session.source_address),
            user_agent=_cut(record.session.user_agent),
            tool=record.session.tool,
            exposure=[_opening(it) for it in worst_openings(finding.opened, most_rules)],
            unreadable=_cut(finding.problem),
            excerpt=_cut(finding.excerpt),
            acceptance=[_cut(words) for words in acceptance_words(finding)],
            **_change(finding, most_rules),
        ),
    )


def _api(record: CloudTrailRecord) -> dict[str, Any] | None:
    if record.event_name is None:
        return None
    source = record.event_source or ""
    version = _API_VERSIONS.get(source)
    return _told(
        operation=_cut(record.event_name),
        request={"uid": _cut(record.event_id)} if record.event_id else None,
        response=_told(
            error=_cut(record.error_code),
            error_message=_cut(record.error_message),
        ),
        service={"name": source, "uid": source, "version": version} if version else None,
    )


def _actor(record: CloudTrailRecord) -> dict[str, Any]:
    """OCSF's actor object. https://schema.ocsf.io/1.5.0/objects/actor."""
    principal, session = record.principal, record.session
    return _told(
        user=_told(
            name=_cut(principal.person),
            type=_cut(principal.identity_type),
            uid=_cut(principal.arn),
            account={"uid": principal.account_id} if principal.account_id else None,
            credential_uid=_cut(session.access_key_id),
        ),
        session=_told(
            issuer=_cut(principal.role_name),
            is_mfa=session.mfa,
        ),
        permission_set=_cut(principal.permission_set),
        invoked_by=_cut(principal.invoked_by),
    )


def _opening(opening: Opening) -> dict[str, Any]:
    """One port range and the share of each public address space, from 0 to 1, that reaches it."""
    return _told(
        protocol=opening.protocol,
        first_port=opening.ports.first if opening.ports else None,
        last_port=opening.ports.last if opening.ports else None,
        ipv4_share=opening.reach.ipv4_share,
        ipv6_share=opening.reach.ipv6_share,
        breadth=opening.reach.breadth.name.lower(),
    )


def _change(finding: Finding, most_rules: int) -> dict[str, Any]:
    change = finding.change
    if isinstance(change, SecurityGroupChange):
        return {
            "action": change.action,
            "group_id": _cut(change.group_id),
            "group_name": _cut(change.group_name),
            "group_description": _cut(change.group_description),
            "vpc_id": _cut(change.vpc_id),
            "rules_added": _rules(change.added, most_rules),
            "rules_removed": _rules(change.removed, most_rules),
            "rules_not_found": _rules(change.missed, most_rules),
            "rule_ids": [_cut(rule_id) for rule_id in change.rule_ids[:most_rules]],
            "rules_not_listed": _rules_not_listed(change, most_rules),
            "not_readable": [_cut(problem) for problem in change.problems[:most_rules]],
            "is_omitted": change.is_omitted or None,
        }
    if isinstance(change, PrefixListChange):
        return {
            "action": change.action,
            "prefix_list_id": _cut(change.prefix_list_id),
            "prefix_list_name": _cut(change.prefix_list_name),
            "ranges_added": [peer.value for peer in widest_peers(change.added, most_rules)],
            "ranges_removed": [peer.value for peer in widest_peers(change.removed, most_rules)],
            "ipv4_share": finding.listed.ipv4_share,
            "ipv6_share": finding.listed.ipv6_share,
            "not_readable": [_cut(problem) for problem in change.problems[:most_rules]],
            "is_omitted": change.is_omitted or None,
        }
    if isinstance(change, TrailChange):
        return {
            "action": change.action,
            "trail": _cut(change.trail),
            "is_own_trail": finding.is_own_trail,
            # Nothing follows from a call that was refused.
            "blinded": finding.blinded if finding.record.outcome is Outcome.SUCCEEDED else (),
        }
    return {}


def _rules_not_listed(change: SecurityGroupChange, most: int) -> int | None:
    lists = (change.added, change.removed, change.missed)
    return sum(max(0, len(rules) - most) for rules in lists) or None


def _rules(rules: tuple[SecurityGroupRule, ...], most: int) -> list[dict[str, Any]]:
    return [
        _told(
            direction=rule.direction,
            protocol=rule.protocol,
            first_port=rule.ports.first if rule.ports else None,
            last_port=rule.ports.last if rule.ports else None,
            icmp_type=rule.icmp_type.type if rule.icmp_type else None,
            icmp_code=rule.icmp_type.code if rule.icmp_type else None,
            peer=_peer(rule.peer),
            rule_id=_cut(rule.rule_id),
            description=_cut(rule.description),
        )
        for rule in worst_rules(rules, most)
    ]


def _peer(peer: Peer) -> dict[str, Any]:
    return _told(kind=peer.kind, value=_cut(peer.value), account_id=peer.account_id)


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _cut(text: str | None) -> str | None:
    return text[:_LONGEST] if text is not None else None


def _told(**members: Any) -> dict[str, Any]:
    """Without what is not known or empty: absence is absence, in JSON as well."""
    return {
        name: value
        for name, value in members.items()
        if value or (value is not None and value not in _NOTHING)
    }


def _whole(value: Any) -> Any:
    """Half a character, which strict readers of JSON refuse, is escaped visibly."""
    if isinstance(value, dict):
        return {name: _whole(member) for name, member in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
