"""The machine form: an OCSF Detection Finding, for SQS, Lambda, Firehose and HTTP subscribers.

https://schema.ocsf.io/1.5.0/classes/detection_finding. Times are milliseconds since 1970, but
for `event_time`, which is ISO 8601. A member that is not known is left out. What OCSF has no place
for stands in `unmapped`, and what it has none for in a call (the actor's session, the rules, the
exposure) in the `data` of its evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ..model.alert import Alert
from ..model.exposure import Exposure, Opening
from ..model.ledger import Activity, Status
from ..model.record import CloudTrailRecord, Outcome
from .briefing import Briefing, Call, exposures_in
from .changed.words import Weakened
from .limits import Limits
from .links import partition_of
from .members import without_empty
from .ocsf import (
    DETECTION_FINDING,
    OCSF_VERSION,
    PRODUCT,
    SEVERITY_IDS,
    json_of,
    milliseconds,
)
from .rule_words import concern_of, worst_of

_AWS_ACCOUNT = 10
# Of those that carry the groups, and of the addresses of each, so many are named.
_MOST_INTERFACES, _MOST_ADDRESSES = 50, 10
_RULE = 1
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference, …/awscloudtrail/latest/APIReference
_API_VERSIONS = {"ec2.amazonaws.com": "2016-11-15", "cloudtrail.amazonaws.com": "2013-11-01"}
_ONLY_OPENING = "Undoing this would let something in again. A person decides that, by the e-mail."
# https://attack.mitre.org/techniques/T1562/007, …/008
_DEFENSE_EVASION = {"name": "Defense Evasion", "uid": "TA0005"}
_IMPAIR_DEFENSES = {"name": "Impair Defenses", "uid": "T1562"}
_TECHNIQUES = {
    Weakened.FIREWALL: {"name": "Disable or Modify Cloud Firewall", "uid": "T1562.007"},
    Weakened.LOGS: {"name": "Disable or Modify Cloud Logs", "uid": "T1562.008"},
}


def machine_of(briefing: Briefing) -> str:
    """The whole alert; of each call as many rules as the limits allow, and how many there are."""
    alert, times = briefing.alert, briefing.times
    first = briefing.calls[0].record
    actor, how = _caller(first, briefing.limits) if first else ({}, {})
    exposures = exposures_in(alert)
    activity, status = _foremost(exposures)
    document = without_empty(
        activity_id=activity.value,
        activity_name=activity.name.capitalize(),
        category_name="Findings",
        category_uid=2,
        class_name="Detection Finding",
        class_uid=DETECTION_FINDING,
        type_name=f"Detection Finding: {activity.name.capitalize()}",
        type_uid=100 * DETECTION_FINDING + activity,
        severity=alert.severity.name.capitalize(),
        severity_id=SEVERITY_IDS[alert.severity],
        status=status.name.replace("_", " ").title(),
        status_id=status.value,
        count=briefing.count,
        message=briefing.headline,
        time=milliseconds(times[0] if times and not briefing.observed else alert.seen_at),
        metadata=without_empty(
            event_code=alert.event_names[0] if len(alert.event_names) == 1 else None,
            processed_time=milliseconds(alert.seen_at),
            product={"name": PRODUCT, "vendor_name": PRODUCT},
            profiles=["cloud"],
            version=OCSF_VERSION,
        ),
        cloud=_cloud(alert, briefing.limits),
        finding_info=_finding_info(briefing),
        resources=_resources(briefing),
        evidences=[_evidence(call, first, briefing.limits) for call in briefing.calls],
        remediation=_remediation(briefing),
        unmapped=without_empty(
            effect=alert.effect.value,
            kind=alert.kind.value,
            outcome=alert.outcome.value,
            world_open=alert.world_open,
            reach=alert.reach,
            exposures=[
                {"uid": uid, "activity_id": activity.value, "status_id": status.value}
                for uid, (activity, status) in exposures.items()
            ],
            looks=[looked.facts for looked in briefing.looked],
            may_repeat=alert.may_repeat,
            memory_failed=alert.memory_failed or None,
            account_state=briefing.limits.cut(alert.account.state),
            actor=actor,
            **how,
            further_calls=[f"{line.number}. {line.text}" for line in briefing.lines],
            not_available=[
                {"fact": it.fact, "error": briefing.limits.cut(it.error)}
                for it in alert.account.problems
            ],
        ),
    )
    return json_of(document)


def _foremost(exposures: Mapping[str, tuple[Activity, Status]]) -> tuple[Activity, Status]:
    """What the whole alert is: new if anything in it is, and over if everything is."""
    if not exposures:
        return Activity.CREATE, Status.NEW
    activity = min(activity for activity, _ in exposures.values())
    return activity, min(status for its, status in exposures.values() if its is activity)


def _cloud(alert: Alert, limits: Limits) -> dict[str, Any]:
    account, cut = alert.account, limits.cut
    return without_empty(
        provider="AWS",
        region=cut(alert.region),
        # OCSF requires a name: where the organization's could not be had, the id serves.
        account=alert.account_id
        and without_empty(
            name=cut(account.name or alert.account_id),
            type="AWS Account",
            type_id=_AWS_ACCOUNT,
            uid=alert.account_id,
            labels=[cut(f"{key}={value}") for key, value in account.tags.items()],
        ),
        org=without_empty(
            uid=alert.organization_id,
            ou_name=cut("/".join(account.ou_path)) if account.ou_path else None,
        ),
    )


def _finding_info(briefing: Briefing) -> dict[str, Any]:
    alert, times, cut = briefing.alert, briefing.times, briefing.limits.cut
    written_out = {call.number for call in briefing.calls}
    return without_empty(
        uid=briefing.uid,
        title=briefing.headline,
        desc="; ".join(call.phrase for call in briefing.calls[:10]),
        types=[alert.kind.value],
        created_time=milliseconds(alert.seen_at),
        first_seen_time=milliseconds(min((*times, *_beginnings(alert)))) if times else None,
        last_seen_time=milliseconds(max((*times, *_last_seen(alert)))) if times else None,
        data_sources=["AWS CloudTrail"],
        analytic={
            "name": PRODUCT,
            "type": "Rule",
            "type_id": _RULE,
            "uid": alert.kind.value,
        },
        attacks=_attacks(briefing),
        related_events=[
            without_empty(
                uid=cut(event_id),
                type=cut(record.event_name) if record and number in written_out else None,
            )
            for number, entry in enumerate(alert.delivered, start=1)
            for record in (entry.finding.record,)
            for event_id in entry.event_ids
        ],
    )


def _beginnings(alert: Alert) -> Iterator[datetime]:
    """When what the watch found, or what a call ended, was opened: one uid keeps one beginning."""
    for finding in alert.findings:
        observed, moment = finding.observed, finding.moment
        lives = (observed.life,) if observed else moment.ended if moment else ()
        yield from ((life.opened or life.revealed).time for life in lives)


def _last_seen(alert: Alert) -> Iterator[datetime]:
    """When a look last showed what still stands."""
    origins = (finding.observed for finding in alert.findings)
    yield from (it.seen_at for it in origins if it and it.seen_at and it.life.closed is None)


def _attacks(briefing: Briefing) -> list[dict[str, Any]]:
    if briefing.alert.outcome is not Outcome.SUCCEEDED:
        return []
    weakened = {call.changed.weakens for call in briefing.calls}
    return [
        {"tactic": _DEFENSE_EVASION, "technique": _IMPAIR_DEFENSES, "sub_technique": technique}
        for defense, technique in _TECHNIQUES.items()
        if defense in weakened
    ]


def _resources(briefing: Briefing) -> list[dict[str, Any]]:
    """Each group, prefix list or trail once."""
    region, cut = briefing.alert.region, briefing.limits.cut
    found = dict.fromkeys(
        (call.changed.resource_type, call.finding.subject.id, call.finding.subject.name)
        for call in briefing.calls
        if call.changed.resource_type is not None
    )
    groups = [
        without_empty(
            type=kind,
            uid=cut(uid),
            name=cut(name),
            region=cut(region),
            cloud_partition=partition_of(region),
        )
        for kind, uid, name in found
    ]
    return [*groups, *_interfaces(briefing)]


def _interfaces(briefing: Briefing) -> list[dict[str, Any]]:
    """What carries the groups, each network interface once: the public ones first."""
    region, limits = briefing.alert.region, briefing.limits
    interfaces = {it.id: it for looked in briefing.looked for it in looked.interfaces}
    public_first = sorted(interfaces.values(), key=lambda it: not (it.public_ipv4 or it.ipv6))
    return [
        without_empty(
            type="AWS::EC2::NetworkInterface",
            uid=limits.cut(it.id),
            region=limits.cut(region),
            cloud_partition=partition_of(region),
            data=without_empty(
                used_as=limits.cut(it.used_as),
                used_by=limits.cut(it.used_by),
                name=limits.cut(it.name),
                owner_id=limits.cut(it.owner_id),
                private_addresses=it.private_addresses[:_MOST_ADDRESSES],
                public_ipv4=it.public_ipv4[:_MOST_ADDRESSES],
                ipv6=it.ipv6[:_MOST_ADDRESSES],
            ),
        )
        for it in public_first[: min(_MOST_INTERFACES, limits.rules)]
    ]


def _remediation(briefing: Briefing) -> dict[str, Any]:
    # Of several calls, the resources are named.
    links = [briefing.worst.group_link]
    if len(briefing.calls) == 1:
        links.append(briefing.worst.event_link)
    links.append(briefing.presentation.runbook_url)
    # Nothing that a machine may run lets anything in again.
    commands = [step.command.text for step in briefing.undo if step.command.warning is None]
    no_command = f"No command: {'; '.join(briefing.without_undo)}."
    return without_empty(
        desc="\n".join(commands) or (_ONLY_OPENING if briefing.undo else no_command),
        references=list(dict.fromkeys(filter(None, links))),
    )


def _evidence(call: Call, first: CloudTrailRecord | None, limits: Limits) -> dict[str, Any]:
    """One call. Of the alert's first one, who made it and the service are not repeated."""
    record = call.record
    if record is None:
        return {"data": {"phrase": call.phrase, **call.changed.facts}}
    return without_empty(
        api=_api(record, limits, is_service_known=_is_of_service(record, first)),
        data=without_empty(
            phrase=call.phrase,
            **_caller_unlike(first, record, limits),
            event_id=limits.cut(record.event_id),
            event_time=record.event_time and record.event_time.isoformat(),
            update_of_event_id=limits.cut(record.original_event_id),
            ended=call.ended,
            stays_open=call.stays_open,
            stood=call.stood,
            severity_lowered_from=_lowered_from(call),
            exposure=_exposure(call.finding.judgement.opened, limits),
            refused_resource=limits.cut(record.refusal.resource_arn) if record.refusal else None,
            refused_by=limits.cut(record.refusal.policy) if record.refusal else None,
            acceptance=[limits.cut(words) for words in call.changed.acceptance],
            **call.changed.facts,
        ),
    )


def _lowered_from(call: Call) -> str | None:
    lowered_from = call.finding.judgement.lowered_from
    return lowered_from.name.capitalize() if lowered_from is not None else None


def _is_of_service(record: CloudTrailRecord, first: CloudTrailRecord | None) -> bool:
    """Whether it is another call of the service that the alert's first one was made to."""
    if first is None or record is first:
        return False
    return record.event_source == first.event_source


def _api(
    record: CloudTrailRecord, limits: Limits, *, is_service_known: bool
) -> dict[str, Any] | None:
    if record.event_name is None:
        return None
    source = record.event_source or ""
    version = None if is_service_known else _API_VERSIONS.get(source)
    return without_empty(
        operation=limits.cut(record.event_name),
        response=without_empty(
            error=limits.cut(record.error_code),
            error_message=limits.cut(record.refusal.message) if record.refusal else None,
        ),
        service={"name": source, "uid": source, "version": version} if version else None,
    )


def _caller(record: CloudTrailRecord, limits: Limits) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who made a call, and how."""
    session = record.session
    return _actor(record, limits), without_empty(
        source_address=limits.cut(session.source_address),
        user_agent=limits.cut(session.user_agent),
        tool=session.tool,
    )


def _caller_unlike(
    first: CloudTrailRecord | None, record: CloudTrailRecord, limits: Limits
) -> dict[str, Any]:
    """Who made a call, and how, each where it differs from the first call of the alert."""
    # All have one principal.
    if first is None or record.session == first.session:
        return {}
    (first_actor, first_how), (actor, how) = _caller(first, limits), _caller(record, limits)
    return {"actor": actor if actor != first_actor else None} | (how if how != first_how else {})


def _actor(record: CloudTrailRecord, limits: Limits) -> dict[str, Any]:
    """OCSF's actor object. https://schema.ocsf.io/1.5.0/objects/actor."""
    principal, session, cut = record.principal, record.session, limits.cut
    return without_empty(
        user=without_empty(
            name=limits.cut(principal.person),
            type=limits.cut(principal.identity_type),
            uid=limits.cut(principal.arn),
            account={"uid": principal.account_id} if principal.account_id else None,
            credential_uid=limits.cut(session.access_key_id),
        ),
        session=without_empty(
            issuer=limits.cut(principal.role_name),
            is_mfa=session.mfa,
        ),
        permission_set=cut(principal.permission_set),
        invoked_by=cut(principal.invoked_by),
        source_identity=cut(principal.source_identity),
        on_behalf_of=cut(principal.on_behalf_of),
        invoked_by_delegate=cut(principal.delegate),
        in_scope_of=cut(principal.in_scope_of),
        identity_provider=cut(principal.identity_provider),
    )


def _exposure(exposure: Exposure, limits: Limits) -> list[dict[str, Any]]:
    """Each port range, and the share of each public address space (0 to 1) that reaches it."""
    openings = worst_of(
        exposure.openings, limits.rules, lambda it: concern_of(Exposure(openings=(it,)))
    )
    return [_opening(opening) for opening, _ in openings]


def _opening(opening: Opening) -> dict[str, Any]:
    return without_empty(
        protocol=opening.protocol,
        first_port=opening.ports.first if opening.ports else None,
        last_port=opening.ports.last if opening.ports else None,
        ipv4_share=opening.share.ipv4_share,
        ipv6_share=opening.share.ipv6_share,
        breadth=opening.share.breadth.name.lower(),
    )
