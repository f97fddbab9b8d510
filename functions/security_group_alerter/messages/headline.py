"""A finding in one phrase: the subject of an alert and its first line."""

from __future__ import annotations

from ..alerts import Alert
from ..changes import Action, PrefixListChange, SecurityGroupChange
from ..exposure import Breadth
from ..findings import Finding
from ..records import CloudTrailRecord, Outcome
from ..security_group_rules import Direction, SecurityGroupRule
from ..trails import TrailAction, TrailChange
from .rule_words import openings_words, peer_words, reach_words, rule_words
from .text import plural, safe

# Amazon SNS refuses a subject of 100 characters or more.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LONGEST_SUBJECT = 99

_REFUSED = {
    Outcome.DENIED: "denied attempt to",
    Outcome.FAILED: "failed attempt to",
    Outcome.DRY_RUN: "dry run (nothing changed) to",
}


def subject_of(alert: Alert) -> str:
    """Severity first, then what, then where, whichever of it fits."""
    place = ", ".join(
        filter(None, (safe(account_name_of(alert), 40), safe(alert.region or "", 20)))
    )
    start, end = f"{alert.severity.name}: ", f" in {place}" if place else ""
    room = LONGEST_SUBJECT - len(start) - len(end)
    return f"{start}{safe(headline_of(alert), room)}{end}"


def account_name_of(alert: Alert) -> str:
    """The account's name, else its id."""
    return alert.account.name or alert.account_id or ""


def headline_of(alert: Alert) -> str:
    """The worst finding in a phrase, with the number of the others."""
    phrase = phrase_of(alert.findings[0])
    others = len(alert.findings) - 1
    return f"{phrase} (and {plural(others, 'more call')})" if others else phrase


def phrase_of(finding: Finding) -> str:
    """What was done, or what was attempted and not done."""
    change = finding.change
    if change is None:
        return _unreadable(finding.record)
    if isinstance(change, SecurityGroupChange):
        done, to_do = _group_phrases(finding, change)
    elif isinstance(change, PrefixListChange):
        done, to_do = _prefix_list_phrases(finding, change)
    else:
        done, to_do = _trail_phrases(finding, change)
    refused = _REFUSED.get(finding.record.outcome)
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
        Action.DISASSOCIATE_VPC: (f"{name} taken from VPC {vpc}", f"disassociate VPC {vpc}"),
    }[change.action]


def _added_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    is_edit = change.action is Action.MODIFY_RULES
    if change.is_omitted:
        verb = "edited" if is_edit else "added"
        return f"rules {verb}, but CloudTrail left them out: cannot judge", "change rules"
    openings = finding.opened.openings
    if max((opening.reach.breadth for opening in openings), default=0) >= Breadth.BROAD:
        traffic, whom = openings_words(finding.opened)
        done = f"{traffic} open to {whom}"
        unsure = " if the rule is ingress" if is_edit else ""
        return f"{done}{unsure}", f"open {traffic} to {whom}{unsure}"
    what = _rules_phrase(change.added, change.direction)
    if change.problems:
        return f"{what} added, others unreadable: cannot judge", f"add {what}"
    return f"{what} {'edited' if is_edit else 'added'}", f"{'edit' if is_edit else 'add'} {what}"


def _removed_phrases(finding: Finding, change: SecurityGroupChange) -> tuple[str, str]:
    if finding.closed.is_world_open:
        traffic, whom = openings_words(finding.closed)
        return (
            f"a world-open rule was removed ({traffic}, {whom})",
            f"remove a world-open rule ({traffic}, {whom})",
        )
    if change.removed:
        what = _rules_phrase(change.removed, change.direction)
        return f"{what} removed", f"remove {what}"
    if change.missed:
        return "revoke that matched no rule, nothing changed", "remove rules"
    count = plural(len(change.rule_ids), f"{change.direction} rule") if change.rule_ids else "rules"
    return f"{count} removed, contents not recorded", f"remove {count}"


def _rules_phrase(rules: tuple[SecurityGroupRule, ...], direction: Direction) -> str:
    if len(rules) == 1:
        return f"rule {rule_words(rules[0])}"
    kind = "" if direction is Direction.UNKNOWN else f"{direction} "
    return plural(len(rules), f"{kind}rule")


def _prefix_list_phrases(finding: Finding, change: PrefixListChange) -> tuple[str, str]:
    name = f"prefix list {safe(change.prefix_list_id or change.prefix_list_name or '', 60)}"
    if change.action is Action.RESTORE:
        version = f" to version {change.restored_version}" if change.restored_version else ""
        return f"{name} restored{version}, contents not recorded", f"restore {name}{version}"
    verb, past = ("create", "created") if change.action is Action.CREATE else ("edit", "edited")
    if change.is_omitted or change.problems:
        return f"{name} {past}, ranges unreadable: cannot judge", f"{verb} {name}"
    if finding.listed.breadth >= Breadth.BROAD:
        whom = reach_words(finding.listed)
        return f"{name} now includes {whom}", f"make {name} include {whom}"
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
