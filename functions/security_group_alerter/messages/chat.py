"""The chat form: a custom notification of Amazon Q Developer in chat applications.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. The service drops silently
what does not fit its schema; a test holds this form against a copy of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import takewhile

from ..cloudtrail.changes import PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import Outcome
from ..judgement.exposure import exposure_of
from ..judgement.findings import Finding, FindingKind, Severity
from ..model.alert import Alert
from ..model.rules import Peer, SecurityGroupRule
from ..settings import Settings
from .headline import (
    MAY_REPEAT,
    concern_of_finding,
    headline_of,
    phrase_of,
    worst_finding_in,
)
from .links import event_link, group_link
from .machine import uid_of
from .notes import notes_on
from .people import distinct, principal_words, session_words, time_words
from .rule_words import amount_words, concern_of, peer_words, rule_words, widest_peers
from .text import plural, safe
from .undo import look_commands, undo_steps_of

# The service documents no limits: these are what public reports agree on.
LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 3000
MOST_STEPS = 10
# Beside the runbook, the group, the event, two looks, and the line that counts the rest. A trail
# has no link, and three looks.
_MOST_UNDOS = MOST_STEPS - 6
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
            "nextSteps": list(_next_steps(alert, settings)),
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
    for finding in sorted(alert.findings, key=concern_of_finding, reverse=True):
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
    if alert.may_repeat:
        yield f"! {MAY_REPEAT}."
    if alert.kind is FindingKind.CONFIGURATION:
        # There is no record behind it, so nobody, nowhere and no time.
        return
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
    if finding.kind is FindingKind.CONFIGURATION:
        name = "Accepted openings"
    if isinstance(change, SecurityGroupChange):
        group = " ".join(filter(None, (change.group_id, change.group_name)))
        yield f"*{name}* on {_code(group or 'a group that the record does not name')}"
        yield from _rules("+", change.added)
        yield from _rules("-", change.removed)
        if not (change.added or change.removed):
            yield f"  {_harmless(phrase_of(finding), 300)}"
    elif isinstance(change, PrefixListChange):
        yield f"*{name}* on {_code(change.prefix_list_id or change.prefix_list_name or '')}"
        yield from _ranges("+", change.added)
        yield from _ranges("-", change.removed)
    else:
        yield f"*{name}*: {_harmless(phrase_of(finding), 300)}"
    if record.outcome is not Outcome.SUCCEEDED and record.error_code:
        yield f"  AWS answered {_code(record.error_code)}: nothing changed."
    if finding.problem is not None:
        yield f"  ! {_code(finding.problem)}"
    yield from (f"  ! {_harmless(note)}" for note in notes_on(finding))


def _rules(mark: str, rules: tuple[SecurityGroupRule, ...]) -> Iterator[str]:
    worst = sorted(rules, key=lambda rule: concern_of(exposure_of((rule,))), reverse=True)
    yield from _listed(mark, map(rule_words, worst[:_MOST_RULES]), len(rules))


def _ranges(mark: str, peers: tuple[Peer, ...]) -> Iterator[str]:
    words = (f"{peer_words(peer)}{amount_words(peer)}" for peer in widest_peers(peers, _MOST_RULES))
    yield from _listed(mark, words, len(peers))


def _listed(mark: str, words: Iterable[str], count: int) -> Iterator[str]:
    yield from (f"  {mark} {_code(text)}" for text in words)
    if count > _MOST_RULES:
        yield f"  {mark} and {count - _MOST_RULES:,} more: see the e-mail or the event"


def _next_steps(alert: Alert, settings: Settings) -> Iterator[str]:
    place = (alert.region, alert.account_id, settings)
    worst = worst_finding_in(alert)
    if alert.severity >= Severity.MEDIUM and settings.runbook_url:
        yield f"Runbook: {settings.runbook_url}"
    if isinstance(worst.change, SecurityGroupChange):
        group = group_link(worst.change.group_id, *place)
        yield from (f"Group: {group}",) if group else ()
    event = event_link(worst.record.event_id, *place)
    yield from (f"CloudTrail event: {event}",) if event else ()
    if alert.severity >= Severity.MEDIUM:
        for words, command in look_commands((worst, *alert.findings)):
            if len(command) <= _LONGEST_COMMAND:
                yield f"{words}: `{command}`"
    if alert.severity > Severity.INFORMATIONAL:
        yield from _undo(alert)


def _undo(alert: Alert) -> Iterator[str]:
    """As many as there is room for. They want to be run in order, so none is passed over."""
    steps = undo_steps_of(alert)
    shown = list(takewhile(lambda step: len(step[2]) <= _LONGEST_COMMAND, steps[:_MOST_UNDOS]))
    for _, finding, command in shown:
        warning = " (this opens it to the world again)" if finding.closed.is_world_open else ""
        yield f"Undo{warning}: `{command}`"
    left = len(steps) - len(shown)
    if left:
        yield f"Undo: {plural(left, 'more command' if shown else 'command')}, in the e-mail."


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


def _harmless(text: str, longest: int = 500) -> str:
    return safe(text, longest).translate(_HARMLESS)


def _code(text: str) -> str:
    """Somebody else's text as code, which neither Slack nor Teams reads for markup."""
    return f"`{_harmless(text, 300)}`"
