"""What a call did to a trail, its organization, or the rules that report tampering."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.change import Blinding, TrailAction, TrailChange
from ...model.dataclass import replace
from ...model.finding import Finding
from ...model.record import Outcome
from ..limits import Limits
from ..text import listed, plural, safe
from ..undo import NoUndoError, Step, needed, undo_of
from .words import Changed, Look, Weakened

_VERBS = {
    TrailAction.STOP: ("stop", "stopped"),
    TrailAction.DELETE: ("delete", "deleted"),
    TrailAction.UPDATE: ("change", "changed"),
    TrailAction.SELECT_EVENTS: ("change the event selectors of", "given new event selectors"),
}
_RULE_VERBS = {
    TrailAction.DELETE_RULE: ("delete", "deleted"),
    TrailAction.DISABLE_RULE: ("disable", "disabled"),
    TrailAction.REMOVE_TARGETS: ("take targets from", "stripped of targets"),
    TrailAction.PUT_RULE: ("change", "changed"),
    TrailAction.PUT_TARGETS: ("change the targets of", "given other targets"),
}
_EDITS = (TrailAction.UPDATE, TrailAction.SELECT_EVENTS)
# A record shows how the trail is set up now, and not whether it was so before.
_BLINDED = {
    Blinding.STOPPED: "it no longer records anything",
    Blinding.DELETED: "it no longer records anything",
    Blinding.NOT_EVERY_REGION: "it does not cover every Region",
    Blinding.NO_MEMBER_ACCOUNTS: "it does not cover the organization's member accounts",
    Blinding.NO_LOG_GROUP: "it does not send events to CloudWatch Logs",
    Blinding.RULE_SILENT: "it no longer reports tampering with this alerter",
    Blinding.OTHER_LOG_GROUP: "it sends its events to another log group than the alerter's",
    Blinding.READING_CALLS_ONLY: "it records only calls that read, no changes",
    Blinding.SOME_MANAGEMENT_EVENTS: "it records only some of the management events",
    Blinding.NO_MANAGEMENT_EVENTS: "it does not record management events",
    Blinding.NO_TRUSTED_ACCESS: (
        "organization trails no longer record the member accounts, and the heartbeat does not "
        "show it"
    ),
}
_OWN = "this alerter gets its records from it"
_CONSEQUENCE = "until that is fixed, this alerter misses changes"
_WOULD_HIDE = "it would have hidden what is done next"
_RULE_CONSEQUENCE = "whoever did this may blind the alerter next"
_RULE_OWN = "it reports tampering with this alerter"
# What a setting is called for people; one that is newer than this table goes by AWS's own name.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html
_SETTINGS = {
    "s3BucketName": "bucket",
    "s3KeyPrefix": "prefix in the bucket",
    "snsTopicName": "SNS topic",
    "includeGlobalServiceEvents": "events of global services",
    "isMultiRegionTrail": "every Region",
    "isOrganizationTrail": "whole organization",
    "enableLogFileValidation": "log file validation",
    "cloudWatchLogsLogGroupArn": "log group",
    "cloudWatchLogsRoleArn": "role for the log group",
    "kmsKeyId": "KMS key",
    "readWriteType": "calls recorded",
    "includeManagementEvents": "management events",
    "excludeManagementEventSources": "left out",
    "eventSource notEquals": "left out",
    "eventCategory equals": "categories",
    "eventPattern": "event pattern",
}
_SELECTOR = re.compile(r"selector [0-9]+: ")
# AWS's own names are shorter.
_LONGEST_NAME = 60
_DATA_EVENTS = "dataResources "
_MOST_VALUES = 20
_OTHER_BUCKET = (
    "Log files now go to the bucket named above. Check that it is yours: the record does not say "
    "where they went before."
)
_REPEATED = (
    "CloudTrail's service-linked role made this call, to apply in this account what was done to "
    "the organization's trail. The alert about that call says who did it."
)

_STOLEN = "If nobody knows why this was done, assume that the principal's credentials are stolen."
_HISTORY = "Meanwhile, each account's CloudTrail event history keeps management events for 90 days."
_OWN_BLINDED_STEPS = (
    "Not planned? Fix it now: changes made until then raise no alert.",
    _HISTORY,
    _STOLEN,
)
_BLINDED_STEPS = (
    "Not planned? Fix it now: what is done until then is missing from that trail.",
    _HISTORY,
    _STOLEN,
)
_CHANGED_STEPS = ("Not planned? Set it back as it was.", _STOLEN)
_ACCOUNT_LEFT_STEPS = (
    "Not planned? Find out who can sign in to the account, and invite it back.",
    "Meanwhile, only the account's own CloudTrail event history shows what is done in it.",
)
_ADMINISTRATOR_STEPS = (
    "Not planned? Take it back with the command above.",
    "Then check the organization's trails for changes made from that account.",
)
_RULE_SILENT_STEPS = (
    "Not planned? Run make verify now: it shows what else no longer works.",
    "Put the rule back. CloudFormation does not; section 6 of the runbook says how.",
    _STOLEN,
)
_RULE_CHANGED_STEPS = (
    "Expected while the alerter's stack is deployed. Not planned? Compare the rule with the "
    "template.",
    _STOLEN,
)
_STEPS_OF = {
    TrailAction.LEAVE_ORGANIZATION: _ACCOUNT_LEFT_STEPS,
    TrailAction.REMOVE_ACCOUNT: _ACCOUNT_LEFT_STEPS,
    TrailAction.REGISTER_ADMINISTRATOR: _ADMINISTRATOR_STEPS,
}
_REASONS_OF = {
    TrailAction.LEAVE_ORGANIZATION: (
        "the organization's trail no longer records the account, so nothing done in it raises an "
        "alert"
    ),
    TrailAction.REGISTER_ADMINISTRATOR: (
        "that account may now change or delete the organization's trails"
    ),
}
_REASONS_OF[TrailAction.REMOVE_ACCOUNT] = _REASONS_OF[TrailAction.LEAVE_ORGANIZATION]

_STATUS = Look(
    shows="Whether the trail logs",
    words=(
        *("cloudtrail", "get-trail-status", "--name", "{}"),
        *("--query", "{Logging:IsLogging,Delivery_error:LatestDeliveryError}"),
        *("--output", "table"),
    ),
    value="",
    how_to_read="Logging must be True, and Delivery_error must be None.",
)
_SELECTORS = Look(
    shows="Which events the trail takes",
    words=(
        *("cloudtrail", "get-event-selectors", "--trail-name", "{}"),
        *("--query", "[EventSelectors,AdvancedEventSelectors]", "--output", "table"),
    ),
    value="",
    how_to_read="Management events must be included, reading and writing, and no event source "
    "left out but kms and rdsdata.",
)
_SETUP = Look(
    shows="How the trail is set up",
    words=("cloudtrail", "get-trail", "--name", "{}", "--query", "Trail", "--output", "table"),
    value="",
    how_to_read="Compare bucket, KMS key, log group, Regions and organization with your plan.",
)
# A trail that was blinded logs as before, only less: what the call set comes first.
_LOOKS_OF = {
    TrailAction.STOP: (_STATUS, _SELECTORS, _SETUP),
    TrailAction.UPDATE: (_SETUP, _STATUS, _SELECTORS),
    TrailAction.SELECT_EVENTS: (_SELECTORS, _STATUS, _SETUP),
}
_RULE = Look(
    shows="Whether the rule is there and enabled",
    words=("events", "describe-rule", "--name", "{}", "--output", "table"),
    value="",
    how_to_read="State must be ENABLED. An error means that the rule was deleted.",
)
_TARGETS = Look(
    shows="Where it reports to",
    words=("events", "list-targets-by-rule", "--rule", "{}", "--query", "Targets[].Arn"),
    value="",
    how_to_read="The alerter's operations topic must be listed.",
)
_TRAILS_NOW = Look(
    shows="Which trails there are now",
    words=("cloudtrail", "list-trails", "--output", "{}"),
    value="table",
    how_to_read="A trail that is not listed was deleted.",
)


def trail_changed(entry: DeliveredFinding, change: TrailChange, limits: Limits) -> Changed:
    """A trail that was tampered with or changed, or an account that left its sight."""
    finding = entry.finding
    judgement = finding.judgement
    # Nothing follows from a call that was refused.
    took_place = finding.outcome is Outcome.SUCCEEDED
    called = change.rule or change.trail
    ways = tuple(_BLINDED[blinding] for blinding in judgement.blinded) if took_place else ()
    return Changed(
        noun=("Rule" if change.rule else "Trail") if called else None,
        called=safe(called) if called else None,
        repeats_headline=True,
        reasons=tuple(_reasons(finding, change, ways)),
        lines=tuple(_settings(change, limits)),
        notes=tuple(_notes(finding, change)) if took_place else (),
        undo=undo_of(entry, lambda: _steps_back(finding, change)),
        looks=tuple(_looks(change, is_gone=entry.ended is not None)),
        steps=_steps(finding, change),
        resource_type=("AWS::Events::Rule" if change.rule else "AWS::CloudTrail::Trail")
        if called
        else None,
        weakens=Weakened.LOGS if judgement.blinded and not judgement.is_repeated else None,
        facts={
            "action": change.action,
            "trail": limits.cut(change.trail),
            "rule": limits.cut(change.rule),
            "is_own_trail": judgement.is_own_trail,
            "is_repeated_by_cloudtrail": judgement.is_repeated or None,
            "member_account_id": change.member_account_id,
            "settings": _setting_facts(change, limits),
            "blinded": ways,
        },
    )


def trail_phrases(finding: Finding, change: TrailChange) -> tuple[str, str]:
    """(What was done, what was to be done) to the trail, or to its organization."""
    account = f"account {change.member_account_id or '(not named)'}"
    # A refused call may be recorded without the service's name.
    access = "trusted access for CloudTrail"
    on_the_organization = {
        TrailAction.DISABLE_TRUSTED_ACCESS: (
            f"{access} switched off (no member account is recorded)",
            f"switch off {f'{access}, or for another service' if change.problems else access}",
        ),
        TrailAction.LEAVE_ORGANIZATION: (
            f"{account} left the organization",
            f"take {account} out of the organization",
        ),
        TrailAction.REMOVE_ACCOUNT: (
            f"{account} removed from the organization",
            f"remove {account} from the organization",
        ),
        TrailAction.REGISTER_ADMINISTRATOR: (
            f"{account} made CloudTrail's delegated administrator",
            f"make {account} CloudTrail's delegated administrator",
        ),
    }
    if change.action in on_the_organization:
        return on_the_organization[change.action]
    if change.action in _RULE_VERBS:
        verb, past = _RULE_VERBS[change.action]
        rule = f"tampering rule {safe(change.rule or '(not named)', 64)}"
        return f"{rule} {past}", f"{verb} {rule}"
    verb, past = _VERBS[change.action]
    if finding.judgement.blinded and change.action in _EDITS:
        verb, past = "blind", "blinded"
    name = safe(change.trail.rpartition("/")[2], 60) if change.trail else None
    if finding.judgement.is_repeated:
        name = f"organization trail {name}" if name else "an organization trail"
        return f"{name} {past} here by CloudTrail itself", f"{verb} {name}"
    whose = "this alerter's own trail" if finding.judgement.is_own_trail else "trail"
    name = f"{whose} {name}" if name else "a trail that is not named"
    if change.action is TrailAction.UPDATE and past == "changed" and change.settings:
        past = f"{past}: {listed([_called(setting) for setting, _ in change.settings], 3)}"
    return f"{name} {past}", f"{verb} {name}"


def _reasons(finding: Finding, change: TrailChange, ways: tuple[str, ...]) -> Iterator[str]:
    """Why it matters: what follows for the records, and for this alerter."""
    judgement = finding.judgement
    if judgement.is_repeated:
        return
    if change.action in _REASONS_OF:
        yield _REASONS_OF[change.action]
    yield from ways
    if change.rule:
        if ways:
            yield _RULE_CONSEQUENCE
        else:
            yield _RULE_OWN if finding.outcome is Outcome.SUCCEEDED else _WOULD_HIDE
        return
    is_access = change.action is TrailAction.DISABLE_TRUSTED_ACCESS
    if ways and (judgement.is_own_trail or is_access):
        yield _CONSEQUENCE
    elif judgement.is_own_trail:
        yield _OWN
    elif finding.outcome is not Outcome.SUCCEEDED:
        yield _WOULD_HIDE


def _steps(finding: Finding, change: TrailChange) -> tuple[str, ...]:
    judgement = finding.judgement
    if change.action in _STEPS_OF:
        return _STEPS_OF[change.action]
    if change.rule:
        return _RULE_SILENT_STEPS if judgement.blinded else _RULE_CHANGED_STEPS
    if not judgement.blinded:
        return _CHANGED_STEPS
    is_access = change.action is TrailAction.DISABLE_TRUSTED_ACCESS
    return _OWN_BLINDED_STEPS if judgement.is_own_trail or is_access else _BLINDED_STEPS


def _called(setting: str) -> str:
    """The setting's name for people, with the number of its selector where there are several."""
    selector = _SELECTOR.match(setting)
    which = selector[0] if selector else ""
    name = setting.removeprefix(which)
    if name.startswith(_DATA_EVENTS):
        called = f"data events of {safe(name.removeprefix(_DATA_EVENTS), 60)}"
    else:
        called = _SETTINGS.get(name) or safe(name, 60)
    return f"{which}{called}"


def _setting_facts(change: TrailChange, limits: Limits) -> dict[str, Any]:
    """By name. What several event selectors set under one name stands there together."""
    facts: dict[str, Any] = {}
    for name, value in change.settings[: limits.rules]:
        fact: Any = value
        if isinstance(value, str):
            fact = limits.cut(value)
        elif isinstance(value, tuple):
            fact = [text[: limits.text] for text in value[: limits.rules]]
        called = name[:_LONGEST_NAME]
        if called in facts:
            before, more = (it if isinstance(it, list) else [it] for it in (facts[called], fact))
            fact = [*before, *more]
        facts[called] = fact
    return facts


def _settings(change: TrailChange, limits: Limits) -> Iterator[str]:
    """Every parameter that the call set, a line each."""
    for name, value in change.settings[: limits.rules]:
        called = _called(name)
        called = called[:1].upper() + called[1:]
        if isinstance(value, bool):
            yield f"{called} {'on' if value else 'off'}"
            continue
        texts = [value] if isinstance(value, str) else list(value)
        shown = ", ".join(safe(text, 120) for text in texts[:_MOST_VALUES] if text) or "none"
        left = len(texts) - _MOST_VALUES
        yield f"{called}: {shown}{f' and {left:,} more' if left > 0 else ''}"
    left = len(change.settings) - limits.rules
    if left > 0:
        yield f"and {plural(left, 'more setting')}: see the CloudTrail event"


def _notes(finding: Finding, change: TrailChange) -> Iterator[str]:
    if finding.judgement.is_repeated:
        yield _REPEATED
    elif change.action is TrailAction.UPDATE and "s3BucketName" in dict(change.settings):
        yield _OTHER_BUCKET


def _looks(change: TrailChange, *, is_gone: bool) -> Iterator[Look]:
    if change.action is TrailAction.DELETE or is_gone:
        yield _TRAILS_NOW
    elif change.action in _RULE_VERBS:
        rule = ids.valid(ids.RULE, change.rule)
        if rule is not None:
            yield from (replace(look, value=rule) for look in (_RULE, _TARGETS))
    elif change.action in _LOOKS_OF:
        trail = ids.valid(ids.TRAIL, change.trail)
        if trail is not None:
            yield from (replace(look, value=trail) for look in _LOOKS_OF[change.action])
    else:
        yield from _looks_at_the_organization(change)


def _looks_at_the_organization(change: TrailChange) -> Iterator[Look]:
    """These calls are answered in the management account only."""
    if change.action is TrailAction.DISABLE_TRUSTED_ACCESS:
        yield Look(
            shows="Which services have trusted access (run it in the management account)",
            words=("organizations", "list-aws-service-access-for-organization", "--output", "{}"),
            value="table",
            how_to_read="cloudtrail.amazonaws.com must be listed.",
        )
    elif change.action is TrailAction.REGISTER_ADMINISTRATOR:
        yield Look(
            shows="Who may change the organization's trails (run it in the management account)",
            words=(
                *("organizations", "list-delegated-administrators"),
                *("--service-principal", "{}", "--output", "table"),
            ),
            value="cloudtrail.amazonaws.com",
            how_to_read="Each account listed may, beside the management account.",
        )
    elif (account := ids.valid(ids.ACCOUNT, change.member_account_id)) is not None:
        yield Look(
            shows="Whether the account is in the organization (run it in the management account)",
            words=(
                *("organizations", "describe-account", "--account-id", "{}"),
                *("--output", "table"),
            ),
            value=account,
            how_to_read="AccountNotFoundException means that it is not.",
        )


def _steps_back(finding: Finding, change: TrailChange) -> Iterator[Step]:
    if finding.judgement.is_repeated:
        raise NoUndoError("CloudTrail follows what is done to the organization's trail")
    if change.action is TrailAction.DISABLE_TRUSTED_ACCESS:
        principal = ["--service-principal", "cloudtrail.amazonaws.com"]
        yield Step(words=["organizations", "enable-aws-service-access", *principal])
    elif change.action is TrailAction.REGISTER_ADMINISTRATOR:
        account = needed(ids.ACCOUNT, change.member_account_id, "account id")
        options = ["--delegated-admin-account-id", account]
        yield Step(words=["cloudtrail", "deregister-organization-delegated-admin", *options])
    elif change.action in (TrailAction.LEAVE_ORGANIZATION, TrailAction.REMOVE_ACCOUNT):
        raise NoUndoError("an account comes back by invitation only")
    elif change.action is TrailAction.DISABLE_RULE:
        rule = needed(ids.RULE, change.rule, "rule's name")
        yield Step(words=["events", "enable-rule", "--name", rule])
    elif change.action in _RULE_VERBS:
        raise NoUndoError("how the rule was set up before is not in the record")
    elif change.action is TrailAction.STOP:
        trail = needed(ids.TRAIL, change.trail, "trail's name")
        yield Step(words=["cloudtrail", "start-logging", "--name", trail])
    else:
        raise NoUndoError("how the trail was set up before is not in the record")
