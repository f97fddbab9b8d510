"""A finding in one phrase: the subject of an alert and its first line."""

from __future__ import annotations

from functools import lru_cache

from ..cloudtrail.changes import Action, PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import CloudTrailRecord, Outcome
from ..cloudtrail.trails import TrailAction, TrailChange
from ..judgement.exposure import Breadth
from ..judgement.findings import Effect, Finding, FindingKind, Severity
from ..model.alert import Alert
from ..model.rules import SecurityGroupRule
from .rule_words import (
    concern_of,
    direction_words,
    flow_words,
    openings_words,
    peer_words,
    reach_words,
    width_of,
)
from .text import plural, safe

# Amazon SNS refuses a subject of 100 characters or more.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LONGEST_SUBJECT = 99

# When the table of events already alerted could not be read.
MAY_REPEAT = "This may be a repeat: whether it has been alerted before could not be looked up"

_REFUSED = {
    Outcome.DENIED: "denied attempt to",
    Outcome.FAILED: "failed attempt to",
    Outcome.DRY_RUN: "dry run (nothing changed) to",
}


def subject_of(alert: Alert) -> str:
    """Severity first, then what, then where. The Region gives way when there is no room for all."""
    start, headline = f"{alert.severity.name}: ", headline_of(alert)
    account, region = safe(account_name_of(alert), 40), safe(alert.region or "", 30)
    full, short = ", ".join(filter(None, (account, region))), account
    is_short = len(f"{start}{headline} in {full}") > LONGEST_SUBJECT
    place = short if is_short else full
    end = f" in {place}" if place else ""
    subject = f"{start}{safe(headline, LONGEST_SUBJECT - len(start) - len(end))}{end}"
    if subject.isascii():
        return subject
    # A character beyond the first plane counts as two in UTF-16.
    return "".join(char if char <= "\uffff" else "\ufffd" for char in subject)


def account_name_of(alert: Alert) -> str:
    """The account's name, else its id."""
    return alert.account.name or alert.account_id or ""


# Every form begins with these two: 15 µs less a change.
@lru_cache(maxsize=1)
def headline_of(alert: Alert) -> str:
    """The worst finding in a phrase, and how many there are. All are of one severity."""
    phrase, count = phrase_of(worst_finding_in(alert)), len(alert.findings)
    if count == 1:
        return phrase
    which = "the worst" if alert.severity >= Severity.MEDIUM else "the first"
    return f"{count:,} {_COUNTED.get(alert.kind, 'records')}, {which}: {phrase}"


_COUNTED = {
    FindingKind.SECURITY_GROUP: "calls",
    FindingKind.PREFIX_LIST: "calls",
    FindingKind.TRAIL: "calls",
}


@lru_cache(maxsize=1)
def worst_finding_in(alert: Alert) -> Finding:
    """The one that opens the most; the first where nothing tells them apart."""
    return max(alert.findings, key=concern_of_finding)


def concern_of_finding(finding: Finding) -> tuple[object, ...]:
    """What orders findings: what a call opened, then how much its prefix list lets in."""
    return concern_of(finding.opened), width_of(finding.listed)


def phrase_of(finding: Finding) -> str:
    """What was done, or what was attempted and not done."""
    change = finding.change
    if finding.kind is FindingKind.CONFIGURATION:
        return "an accepted opening is not in force"
    if change is None:
        return _unreadable(finding.record)
    if isinstance(change, SecurityGroupChange):
        done, to_do = _group_phrases(finding, change)
    elif isinstance(change, PrefixListChange):
        done, to_do = _prefix_list_phrases(finding, change)
    else:
        done, to_do = _trail_phrases(finding, change)
    refused = _REFUSED.get(finding.record.outcome)
    if finding.accepted and finding.severity is Severity.INFORMATIONAL:
        return f"accepted: {done}"
    return f"{refused} {to_do}" if refused else done


def _unreadable(record: CloudTrailRecord) -> str:
    if record.event_name is None:
        return "unreadable log event"
    return f"unreadable record of {safe(record.event_name, 60)}"


def _group_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    """(What was done, what was to be done) to the security group."""
    if change.action in (Action.ADD_RULES, Action.MODIFY_RULES):
        return _added_phrases(finding, change)
    if change.action is Action.REMOVE_RULES:
        return _removed_phrases(finding, change)
    name = safe(change.group_name or change.group_id or "", 60)
    vpc = safe(change.vpc_id or "of unrecorded id", 40)
    return {
        Action.CREATE: (f"security group {name} created", f"create security group {name}"),
        Action.DELETE: (f"security group {name} deleted", f"delete security group {name}"),
        Action.DESCRIBE_RULES: ("rule descriptions changed", "change rule descriptions"),
        Action.ASSOCIATE_VPC: (f"{name} associated with VPC {vpc}", f"associate VPC {vpc}"),
        Action.DISASSOCIATE_VPC: (
            f"{name} disassociated from VPC {vpc}",
            f"disassociate VPC {vpc}",
        ),
    }[change.action]


def _added_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    is_edit = change.action is Action.MODIFY_RULES
    if change.is_omitted:
        verb = "edited" if is_edit else "added"
        return f"rules {verb}, but CloudTrail left them out: cannot judge", "change rules"
    openings = finding.opened.openings
    if max((opening.reach.breadth for opening in openings), default=0) >= Breadth.BROAD:
        traffic, whom = openings_words(finding.opened)
        to_do = f"open {traffic} to {whom}"
        # The record of an edit does not tell the direction of the rule.
        return f"edit may {to_do}" if is_edit else f"{traffic} open to {whom}", to_do
    verb, past = ("edit", "edited") if is_edit else ("add", "added")
    done, to_do = _rules_phrases(change.added, verb, past)
    return (f"{done}, others unreadable: cannot judge" if change.problems else done), to_do


def _removed_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    if finding.closed.is_world_open:
        traffic, whom = openings_words(finding.closed)
        return (
            f"a world-open rule was removed: {traffic} from {whom}",
            f"remove a world-open rule: {traffic} from {whom}",
        )
    if change.removed:
        return _rules_phrases(change.removed, "remove", "removed")
    if change.missed:
        return "revoke that matched no rule: nothing changed", "remove rules"
    if change.is_omitted:
        return "rules removed, but CloudTrail left them out: cannot judge", "remove rules"
    count = plural(len(change.rule_ids), f"{change.direction} rule") if change.rule_ids else "rules"
    return f"{count} removed, contents not recorded", f"remove {count}"


def _rules_phrases(rules: tuple[SecurityGroupRule, ...], verb: str, past: str) -> tuple[str, str]:
    """(`ingress rule added: tcp 443 from 10.0.0.0/8`, `add …`), or the number of rules."""
    if not rules:
        return f"rules {past}", f"{verb} rules"
    kind = f"{direction_words(rules[0].direction)} rule"
    if len(rules) > 1:
        count = plural(len(rules), kind)
        return f"{count} {past}", f"{verb} {count}"
    return f"{kind} {past}: {flow_words(rules[0])}", f"{verb} {kind}: {flow_words(rules[0])}"


def _prefix_list_phrases(finding: Finding, change: PrefixListChange) -> tuple[str, str]:
    name = f"prefix list {safe(change.prefix_list_id or change.prefix_list_name or '', 60)}"
    if change.action is Action.RESTORE:
        version = f" to version {change.restored_version}" if change.restored_version else ""
        return f"{name} restored{version}, contents not recorded", f"restore {name}{version}"
    verb, past = ("create", "created") if change.action is Action.CREATE else ("edit", "edited")
    if finding.listed.breadth >= Breadth.BROAD:
        whom = reach_words(finding.listed)
        return f"{name} now includes {whom}", f"make {name} include {whom}"
    if change.is_omitted or change.problems:
        return f"{name} {past}, ranges unreadable: cannot judge", f"{verb} {name}"
    if finding.effect is Effect.CLOSES:
        return f"{name} {past}: a world-wide range was removed", f"{verb} {name}"
    if len(change.added) == 1:
        return f"{name} {past}: {peer_words(change.added[0])} added", f"{verb} {name}"
    return f"{name} {past}", f"{verb} {name}"


def _trail_phrases(finding: Finding, change: TrailChange) -> tuple[str, str]:
    whose = "this alerter's own trail" if finding.is_own_trail else "trail"
    name = safe(change.trail.rpartition("/")[2], 60) if change.trail else "(name not recorded)"
    verb, past = {
        TrailAction.STOP: ("stop", "stopped"),
        TrailAction.DELETE: ("delete", "deleted"),
        TrailAction.UPDATE: ("change", "changed"),
        TrailAction.SELECT_EVENTS: ("change the events of", "given other event selectors"),
    }[change.action]
    if finding.blinded and change.action in (TrailAction.UPDATE, TrailAction.SELECT_EVENTS):
        verb, past = "blind", "blinded"
    return f"{whose} {name} {past}", f"{verb} {whose} {name}"
