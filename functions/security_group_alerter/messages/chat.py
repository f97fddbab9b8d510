"""The chat form: a custom notification of Amazon Q Developer in chat applications.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. The service drops silently
what does not fit its schema; a test holds this form against a copy of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from security_group_alerter.alerts import Alert
from security_group_alerter.changes import PrefixListChange, SecurityGroupChange
from security_group_alerter.exposure import Breadth, exposure_of, reach_of
from security_group_alerter.findings import Finding, Severity, severity_of
from security_group_alerter.records import Outcome
from security_group_alerter.security_group_rules import SecurityGroupRule
from security_group_alerter.settings import Settings

from .headline import acceptance_words, headline_of, phrase_of
from .links import event_link, group_link
from .machine import uid_of
from .people import distinct, principal_words, session_words, time_words
from .rule_words import amount_words, peer_words, rule_words
from .text import plural, safe
from .undo import look_commands, undo_command

# The service documents no limits: these are what public reports agree on.
LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 3000
MOST_STEPS = 10
# A command that is longer is no use in a chat: the e-mail has it.
_LONGEST_COMMAND = 700
_MOST_RULES = 10
_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFORMATIONAL: "⚪",
}
# What means something to Slack or Teams (links, mentions, emphasis, code, entities) becomes what
# looks alike and means nothing. https://api.slack.com/reference/surfaces/formatting
_HARMLESS = str.maketrans(
    "<>`*~|@[]&#", "\u2039\u203a\u02cb\u2217\u223c\u00a6\uff20\uff3b\uff3d\uff06\uff03"
)


def chat_of(alert: Alert, settings: Settings) -> str:
    """The notification as JSON: the worst first, as much as fits, then what is left out."""
    title = f"{_MARKS[alert.severity]} {alert.severity.name}: {_harmless(headline_of(alert))}"
    title = safe(title, LONGEST_TITLE)
    notification = {
        "version": "1.0",
        "source": "custom",
        "id": uid_of(alert),
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": _description(alert, settings),
            "nextSteps": list(_next_steps(alert, settings))[:MOST_STEPS],
            "keywords": [alert.severity.name, alert.kind.value],
        },
        "metadata": {
            "threadId": _thread_id_of(alert),
            "summary": title,
            "eventType": alert.kind.value,
            "relatedResources": _resources_of(alert),
            "additionalContext": {
                "severity": alert.severity.name,
                "worldOpen": "true" if alert.world_open else "false",
                "effect": alert.effect.value,
                "outcome": alert.outcome.value,
            },
        },
    }
    return json.dumps(notification, separators=(",", ":"))


def _description(alert: Alert, settings: Settings) -> str:
    head = list(_facts(alert, settings))
    room = LONGEST_DESCRIPTION - sum(len(line) + 1 for line in head) - 120
    lines, told = [], 0
    for finding in sorted(alert.findings, key=_breadth_of, reverse=True):
        block = "\n".join(_call(finding))
        if len(block) + 1 > room:
            break
        lines.append(block)
        room -= len(block) + 1
        told += 1
    left = len(alert.findings) - told
    if left:
        lines.append(f"… and {plural(left, 'more call')}, all in the e-mail and the machine form.")
    return "\n".join((*head, *lines))[:LONGEST_DESCRIPTION]


def _facts(alert: Alert, settings: Settings) -> Iterator[str]:
    names = (_harmless(alert.account.name or "", 80), alert.account_id)
    account = " ".join(filter(None, names)) or "account not recorded"
    yield f"*Where:* {account}, {_harmless(alert.region or 'Region not recorded', 40)}"
    sessions = [finding.record.session for finding in alert.findings]
    who = principal_words(alert.principal, alert.account_id)
    how = distinct(session_words(session) for session in sessions)
    yield f"*Who:* {_harmless(who, 200)}; {_harmless(how, 200)}"
    times = [f.record.event_time for f in alert.findings if f.record.event_time is not None]
    if times:
        yield f"*When:* {time_words(min(times), settings.time_zone)}"


def _call(finding: Finding) -> Iterator[str]:
    record, change = finding.record, finding.change
    name = _harmless(record.event_name or "A log event", 80)
    if isinstance(change, SecurityGroupChange):
        group = " ".join(filter(None, (change.group_id, change.group_name)))
        yield f"*{name}* on {_code(group or 'a group that the record does not name')}"
        yield from _listed("+", [*_worst_first(change.added)])
        yield from _listed("-", [*_worst_first(change.removed)])
        if not (change.added or change.removed):
            yield f"  {_harmless(phrase_of(finding), 300)}"
        yield from (f"  ! {_harmless(words)}" for words in acceptance_words(finding))
    elif isinstance(change, PrefixListChange):
        yield f"*{name}* on {_code(change.prefix_list_id or change.prefix_list_name or '')}"
        yield from _listed("+", [f"{peer_words(p)}{amount_words(p)}" for p in change.added])
        yield from _listed("-", [f"{peer_words(p)}{amount_words(p)}" for p in change.removed])
    else:
        yield f"*{name}*: {_harmless(phrase_of(finding), 300)}"
        yield from (f"  ! from now on {words}" for words in finding.blinded)
    if record.outcome is not Outcome.SUCCEEDED and record.error_code:
        yield f"  AWS answered {_code(record.error_code)}: nothing changed."
    if finding.problem is not None:
        yield f"  Could not be read: {_code(finding.problem)}"


def _worst_first(rules: tuple[SecurityGroupRule, ...]) -> list[str]:
    return [rule_words(rule) for rule in sorted(rules, key=_concern_of, reverse=True)]


def _listed(mark: str, words: list[str]) -> Iterator[str]:
    yield from (f"  {mark} {_code(text)}" for text in words[:_MOST_RULES])
    if len(words) > _MOST_RULES:
        yield f"  {mark} and {len(words) - _MOST_RULES:,} more: see the e-mail or the event"


def _next_steps(alert: Alert, settings: Settings) -> Iterator[str]:
    place = (alert.region, alert.account_id, settings)
    first = alert.findings[0]
    if alert.severity >= Severity.MEDIUM and settings.runbook_url:
        yield f"Runbook: {settings.runbook_url}"
    if isinstance(first.change, SecurityGroupChange):
        group = group_link(first.change.group_id, *place)
        yield from (f"Group: {group}",) if group else ()
    event = event_link(first.record.event_id, *place)
    yield from (f"CloudTrail event: {event}",) if event else ()
    if alert.severity >= Severity.MEDIUM:
        for words, command in look_commands(alert.findings):
            if len(command) <= _LONGEST_COMMAND:
                yield f"{words}: `{command}`"
    for finding in alert.findings:
        undo = undo_command(finding)
        if undo is not None and len(undo) <= _LONGEST_COMMAND:
            warning = " (this opens it to the world again)" if finding.closed.is_world_open else ""
            yield f"Undo{warning}: `{undo}`"


def _thread_id_of(alert: Alert) -> str:
    """One thread for an account and group, so that an opening and its end stand together."""
    changes = [finding.change for finding in alert.findings]
    ids = {change.group_id for change in changes if isinstance(change, SecurityGroupChange)}
    what = (ids.pop() if len(ids) == 1 else None) or alert.kind.value
    return _harmless(f"{alert.account_id or 'no-account'}-{what}", 100)


def _resources_of(alert: Alert) -> list[str]:
    """Account, Region, and each group, prefix list or trail, the first fifty of them."""
    names = {f"account {alert.account_id}": None} if alert.account_id else {}
    if alert.region:
        names[f"Region {alert.region}"] = None
    for finding in alert.findings:
        change = finding.change
        if isinstance(change, SecurityGroupChange):
            names[change.group_id or change.group_name or ""] = None
        elif isinstance(change, PrefixListChange):
            names[change.prefix_list_id or change.prefix_list_name or ""] = None
        elif change is not None:
            names[change.trail or ""] = None
    return [_harmless(name, 200) for name in names if name][:50]


def _breadth_of(finding: Finding) -> Breadth:
    """How wide the widest thing is that the call opened, or would have opened."""
    return max(
        (opening.reach.breadth for opening in finding.opened.openings),
        default=finding.listed.breadth,
    )


def _concern_of(rule: SecurityGroupRule) -> tuple[Severity, Breadth]:
    return severity_of(exposure_of((rule,))), reach_of((rule.peer,)).breadth


def _harmless(text: str, longest: int = 500) -> str:
    # A URL would become a link, wherever it leads.
    return safe(text, longest).translate(_HARMLESS).replace("://", ":\u2215\u2215")


def _code(text: str) -> str:
    """Somebody else's text as code, which neither Slack nor Teams reads for markup."""
    return f"`{_harmless(text, 300)}`"
