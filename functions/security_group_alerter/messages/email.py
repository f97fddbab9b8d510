"""The e-mail: plain text, for somebody who was asleep, on a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ..cloudtrail.changes import Action, PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import Outcome
from ..cloudtrail.trails import TrailAction, TrailChange
from ..judgement.findings import (
    Finding,
    FindingKind,
    Severity,
)
from ..model.alert import Alert
from ..model.rules import Peer, SecurityGroupRule
from ..settings import Settings
from .headline import MAY_REPEAT, headline_of, worst_finding_in
from .links import event_link, group_link
from .notes import notes_on, reasons_for
from .people import (
    NOT_RECORDED,
    distinct,
    lag_words,
    mfa_words,
    principal_words,
    session_words,
    time_words,
)
from .rule_words import amount_words, peer_words, rule_words, widest_peers, worst_rules
from .text import plural, safe
from .undo import look_commands, undo_commands_of, undo_steps_of

_WIDTH = 100
_LABEL_WIDTH = 15
# From so many on it is their number that leaves no room for a command.
_MANY_RULES = 100


def email_of(alert: Alert, settings: Settings, most_rules: int) -> str:
    """The whole alert as text. Of each call, at most `most_rules` rules are written out."""
    headline = (f"{alert.severity.name}: {headline_of(alert)}", _summary(alert))
    what = (_CHANGED_TITLES[alert.outcome], _what(alert, most_rules))
    if alert.kind is FindingKind.CONFIGURATION:
        # There is no record behind it, so nobody, nowhere and no time.
        return _joined(headline, ("WHAT IS WRONG", _what(alert, most_rules)))
    return _joined(
        headline,
        what,
        ("WHERE", _where(alert)),
        ("WHO", _who(alert)),
        ("WHEN", _when(alert, settings)),
        ("UNDO", _undo(alert)),
        ("LOOK", _look(alert)),
        ("LINKS", _links(alert, settings)),
        ("CLOUDTRAIL EVENT", (f"  {safe(event_id, 80)}" for event_id in alert.event_ids)),
    )


def _joined(headline: tuple[str, Iterable[str]], *sections: tuple[str, Iterable[str]]) -> str:
    """The headline, and each section that has something to say, under its title."""
    filled = [(title, list(lines)) for title, lines in sections]
    parts = [
        (headline[0], list(headline[1])),
        *((title, lines) for title, lines in filled if lines),
    ]
    return "\n\n".join("\n".join((*_wrapped(title, ""), *lines)) for title, lines in parts) + "\n"


_CHANGED_TITLES = {
    Outcome.SUCCEEDED: "WHAT CHANGED",
    Outcome.DENIED: "WHAT WAS ATTEMPTED AND DENIED: NOTHING CHANGED",
    Outcome.FAILED: "WHAT WAS ATTEMPTED AND FAILED: NOTHING CHANGED",
    Outcome.DRY_RUN: "WHAT WAS TRIED AS A DRY RUN: NOTHING CHANGED",
}


def _summary(alert: Alert) -> Iterator[str]:
    """What the reader must know before reading on."""
    if len(alert.findings) > 1:
        yield from _wrapped("Each call is listed below, in the order in which they were made.", "")
    if alert.may_repeat:
        yield from _wrapped(f"{MAY_REPEAT}.", "")
    is_group = alert.kind is FindingKind.SECURITY_GROUP
    if alert.world_open and is_group and any(_look(alert)):
        yield from _wrapped(
            "Whether anything answers depends on what the group is attached to: see LOOK.", ""
        )


def _what(alert: Alert, most_rules: int) -> Iterator[str]:
    for number, finding in enumerate(alert.findings, start=1):
        mark = f"{number}. " if len(alert.findings) > 1 else ""
        yield from _wrapped(f"{mark}{_call(finding)}")
        for line in _details(finding, most_rules):
            yield from _wrapped(line, "    ")


def _call(finding: Finding) -> str:
    record, change = finding.record, finding.change
    if finding.kind is FindingKind.CONFIGURATION:
        return "Accepted openings"
    words = [safe(record.event_name or "A log event", 80)]
    if isinstance(change, SecurityGroupChange):
        group_id = change.group_id and safe(change.group_id, 80)
        names = (group_id, change.group_name and f'"{safe(change.group_name)}"')
        words.append(f"on {' '.join(filter(None, names)) or 'a group that is ' + NOT_RECORDED}")
        words.append(f"in {safe(change.vpc_id, 40)}" if change.vpc_id else "")
    if record.event_time is not None:
        words.append(f"at {record.event_time:%H:%M:%S} UTC")
    return " ".join(filter(None, words))


def _details(finding: Finding, most_rules: int) -> Iterator[str]:
    record, change = finding.record, finding.change
    if isinstance(change, SecurityGroupChange):
        yield from _group_details(change, most_rules)
    elif isinstance(change, PrefixListChange):
        yield from _prefix_list_details(change, most_rules)
    elif change is not None:
        yield from _trail_details(finding, change)
    if finding.kind is FindingKind.CONFIGURATION:
        yield f"! {safe(finding.problem or '', 500)}"
    elif finding.problem is not None:
        yield f"! The record could not be read: {safe(finding.problem)}"
        yield f"  It says: {safe(finding.excerpt or '', 1500)}"
    yield from (f"! {note}" for note in notes_on(finding))
    if record.error_code is not None:
        message = f": {safe(record.error_message, 300)}" if record.error_message else ""
        yield f"AWS answered {safe(record.error_code, 80)}{message}"
    if record.original_event_id is not None:
        known = ", which has been alerted" if finding.updates_alerted else ""
        original = safe(record.original_event_id, 80)
        yield f"CloudTrail sent this as an update of event {original}{known}."
    yield from (f"Why {finding.severity.name}: {reason}." for reason in reasons_for(finding))


def _group_details(change: SecurityGroupChange, most_rules: int) -> Iterator[str]:
    if change.group_description:
        yield f'Description: "{safe(change.group_description)}"'
    yield from _rule_lines("+", change.added, most_rules)
    yield from _rule_lines("-", change.removed, most_rules)
    yield from _rule_lines("no such rule:", change.missed, most_rules)
    if change.rule_ids and not change.removed:
        shown = " ".join(safe(rule_id, 40) for rule_id in change.rule_ids[:most_rules])
        yield f"{'' if change.action is Action.DESCRIBE_RULES else '- '}{shown}"
    yield from _problem_lines(change.problems, most_rules)


def _prefix_list_details(change: PrefixListChange, most_rules: int) -> Iterator[str]:
    names = (change.prefix_list_id, change.prefix_list_name and f'"{change.prefix_list_name}"')
    yield f"Prefix list: {safe(' '.join(filter(None, names))) or NOT_RECORDED}"
    yield from _peer_lines("+", change.added, most_rules)
    yield from _peer_lines("-", change.removed, most_rules)
    yield from _problem_lines(change.problems, most_rules)


def _trail_details(finding: Finding, change: TrailChange) -> Iterator[str]:
    yield f"Trail: {safe(change.trail or NOT_RECORDED)}"
    if finding.is_own_trail:
        yield "It is the trail that this alerter gets its records from."


def _rule_lines(mark: str, rules: tuple[SecurityGroupRule, ...], most: int) -> Iterator[str]:
    for rule in worst_rules(rules, most):
        rule_id = f" [{safe(rule.rule_id, 40)}]" if rule.rule_id else ""
        description = f' "{safe(rule.description)}"' if rule.description else ""
        yield f"{mark} {rule_words(rule)}{rule_id}{description}"
    if len(rules) > most:
        yield f"{mark} and {plural(len(rules) - most, 'more rule')}: see the CloudTrail event"


def _peer_lines(mark: str, peers: tuple[Peer, ...], most: int) -> Iterator[str]:
    yield from (
        f"{mark} {peer_words(peer)}{amount_words(peer)}" for peer in widest_peers(peers, most)
    )
    if len(peers) > most:
        yield f"{mark} and {plural(len(peers) - most, 'more range')}: see the CloudTrail event"


def _problem_lines(problems: tuple[str, ...], most: int) -> Iterator[str]:
    yield from (f"! Not readable, so not judged: {safe(problem)}" for problem in problems[:most])
    if len(problems) > most:
        yield f"! Not readable, so not judged: {len(problems) - most:,} more"


def _where(alert: Alert) -> Iterator[str]:
    account = alert.account
    account_id = alert.account_id or NOT_RECORDED
    name = safe(account.name, 80) if account.name else None
    yield from _field("Account", f"{name} ({account_id})" if name else account_id)
    if account.state not in (None, "ACTIVE"):
        yield from _field("State", safe(account.state or "", 40))
    if account.ou_path:
        yield from _field("OU", " / ".join(safe(part, 60) for part in account.ou_path))
    for key, value in account.tags.items():
        yield from _field(safe(key, 40), safe(value))
    for problem in account.problems:
        yield from _field("Not available", safe(problem))
    yield from _field("Region", safe(alert.region or NOT_RECORDED, 40))
    yield from _field("Organization", safe(alert.organization_id or NOT_RECORDED, 40))


def _who(alert: Alert) -> Iterator[str]:
    findings = alert.findings
    yield from _field("Principal", principal_words(alert.principal, alert.account_id))
    sessions = [finding.record.session for finding in findings]
    yield from _field("How", distinct(session_words(session) for session in sessions))
    yield from _field("MFA", distinct(mfa_words(session, alert.principal) for session in sessions))
    keys = [safe(session.access_key_id, 40) for session in sessions if session.access_key_id]
    if keys:
        yield from _field("Access key", distinct(keys))


def _when(alert: Alert, settings: Settings) -> Iterator[str]:
    times = sorted(
        finding.record.event_time for finding in alert.findings if finding.record.event_time
    )
    if not times:
        yield from _field("Called", NOT_RECORDED)
    else:
        yield from _field("Called", time_words(times[0], settings.time_zone))
        if times[-1] != times[0]:
            yield from _field("Last call", time_words(times[-1], settings.time_zone))
        yield from _field("Seen", f"{lag_words(alert.seen_at - times[-1])} later")


def _undo(alert: Alert) -> Iterator[str]:
    if alert.outcome is not Outcome.SUCCEEDED or alert.severity is Severity.INFORMATIONAL:
        return
    steps = undo_steps_of(alert)
    if len(steps) > 1:
        yield from _wrapped("In this order, the last call first:")
    for number, finding, command in steps:
        mark = f"{number}. " if len(alert.findings) > 1 else ""
        if finding.closed.is_world_open:
            yield from _wrapped(f"{mark}Beware, this opens it to the world again:")
            mark = ""
        yield f"  {mark}{command}"
    if not steps:
        yield from _wrapped(f"No command: {_why_no_undo(worst_finding_in(alert))}.")
        return
    if len(steps) < len(alert.findings):
        yield from _calls_without_undo(alert)
    if alert.account_id:
        yield from _wrapped(f"To be run with credentials of account {alert.account_id}.")


def _calls_without_undo(alert: Alert) -> Iterator[str]:
    """Which of several calls stay as they are: a command for another may need what they took."""
    calls: dict[str, list[str]] = {}
    for number, command in enumerate(undo_commands_of(alert), start=1):
        if command is None:
            why = _why_no_undo(alert.findings[number - 1])
            calls.setdefault(why, []).append(str(number))
    for why, numbers in calls.items():
        yield from _wrapped(f"No command for {', '.join(numbers)}: {why}.")


def _why_no_undo(finding: Finding) -> str:
    change = finding.change
    if isinstance(change, SecurityGroupChange):
        if change.action is Action.MODIFY_RULES:
            return "what the rule allowed before is not recorded"
        if change.action is Action.DELETE:
            return "a deleted group cannot be brought back"
        if change.action is Action.REMOVE_RULES and not change.removed and change.missed:
            return "nothing was removed"
        if len(change.added) + len(change.removed) > _MANY_RULES:
            return "it would be too long"
    if isinstance(change, TrailChange) and change.action is not TrailAction.STOP:
        return "how the trail was set up before is not recorded"
    return "the record does not tell enough for one"


def _look(alert: Alert) -> Iterator[str]:
    """What somebody who has to decide asks next, for what is worth getting up for."""
    if alert.severity < Severity.MEDIUM or alert.outcome is not Outcome.SUCCEEDED:
        return
    for words, command in look_commands((worst_finding_in(alert), *alert.findings)):
        yield from _wrapped(f"{words}:")
        yield f"  {command}"


def _links(alert: Alert, settings: Settings) -> Iterator[str]:
    place = (alert.region, alert.account_id, settings)
    links: dict[tuple[str, str | None], None] = {}
    for finding in alert.findings:
        if isinstance(finding.change, SecurityGroupChange):
            links["Group", group_link(finding.change.group_id, *place)] = None
        links["Event", event_link(finding.record.event_id, *place)] = None
    yield from (f"  {what}  {link}" for what, link in links if link is not None)
    if alert.severity >= Severity.MEDIUM and settings.runbook_url:
        yield f"  Runbook  {settings.runbook_url}"


def _field(label: str, value: str) -> list[str]:
    return _wrapped(f"{label:<{_LABEL_WIDTH - 1}} {value}", continued=" " * _LABEL_WIDTH)


def _wrapped(text: str, indent: str = "  ", continued: str = "  ") -> list[str]:
    if len(indent) + len(text) <= _WIDTH:
        return [indent + text]
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + continued,
        break_on_hyphens=False,
    )
