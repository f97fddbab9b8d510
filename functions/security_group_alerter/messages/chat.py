"""The chat form: a custom notification of Amazon Q Developer in chat applications.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. The service drops silently
what does not fit its schema; a test holds this form against a copy of the schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import takewhile

from ..model.record import Outcome
from ..model.severity import Severity
from ..model.subject import SubjectKind
from .briefing import MAY_REPEAT, Briefing, Call
from .changed.words import ItemList
from .text import plural, safe

# The service documents no limits: these are what public reports agree on.
LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 3000
MOST_STEPS = 10
# Beside the runbook, the group, the event, two looks, and the line that counts the rest. A trail
# has no link, and three looks.
_MOST_UNDOS = MOST_STEPS - 6
# A longer command is of no use in a chat: the e-mail has it.
_LONGEST_COMMAND = 700
_MOST_ITEMS = 10
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


def chat_of(briefing: Briefing) -> str:
    """The notification as JSON: the worst first, as much as fits, then what is left out."""
    alert = briefing.alert
    title = f"{_MARKS[alert.severity]} {alert.severity.name}: {_harmless(briefing.headline)}"
    title = safe(title, LONGEST_TITLE)
    notification = {
        "version": "1.0",
        "source": "custom",
        "id": briefing.uid,
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": _description(briefing),
            "nextSteps": list(_next_steps(briefing)),
            "keywords": [alert.severity.name, alert.kind.value],
        },
        "metadata": {
            "threadId": _thread_id_of(briefing),
            "summary": title,
            "eventType": alert.kind.value,
            "relatedResources": _resources_of(briefing),
            "additionalContext": {
                "severity": alert.severity.name,
                "worldOpen": "true" if alert.world_open else "false",
                "effect": alert.effect.value,
                "outcome": alert.outcome.value,
            },
        },
    }
    return json.dumps(notification, separators=(",", ":"))


def _description(briefing: Briefing) -> str:
    head = list(_facts(briefing))
    room = LONGEST_DESCRIPTION - sum(len(line) + 1 for line in head) - 120
    blocks: list[str] = []
    for call in sorted(briefing.calls, key=lambda call: call.concern, reverse=True):
        block = "\n".join(_call(call))
        if len(block) + 1 > room:
            break
        blocks.append(block)
        room -= len(block) + 1
    left = len(briefing.calls) - len(blocks)
    if left:
        blocks.append(f"… and {plural(left, 'more call')}, all in the e-mail and the machine form.")
    return "\n".join((*head, *blocks))[:LONGEST_DESCRIPTION]


def _facts(briefing: Briefing) -> Iterator[str]:
    alert = briefing.alert
    if alert.may_repeat:
        yield f"! {MAY_REPEAT}."
    if not briefing.has_record:
        return
    names = (_harmless(alert.account.name or "", 80), alert.account_id)
    account = " ".join(filter(None, names)) or "account not recorded"
    yield f"*Where:* {account}, {_harmless(alert.region or 'Region not recorded', 40)}"
    yield f"*Who:* {_harmless(briefing.who, 200)}; {_harmless(briefing.how, 200)}"
    if briefing.called:
        yield f"*When:* {briefing.called}"


def _call(call: Call) -> Iterator[str]:
    changed, record = call.changed, call.record
    name = _harmless(call.name, 80)
    if changed.called is None:
        yield f"*{name}*: {_harmless(call.phrase, 300)}"
    else:
        yield f"*{name}* on {_code(changed.called)}"
        for items in changed.lists:
            if items.is_change:
                yield from _items(items)
        if changed.repeats_headline:
            yield f"  {_harmless(call.phrase, 300)}"
    if record and record.outcome is not Outcome.SUCCEEDED and record.error_code:
        yield f"  AWS answered {_code(record.error_code)}: nothing changed."
    if changed.problem is not None:
        yield f"  ! {_code(changed.problem)}"
    yield from (f"  ! {_harmless(note)}" for note in changed.notes)


def _items(items: ItemList) -> Iterator[str]:
    worst = sorted(items.items, key=lambda item: item.concern, reverse=True)[:_MOST_ITEMS]
    yield from (f"  {items.mark} {_code(item.text)}" for item in worst)
    left = items.count - len(worst)
    if left:
        yield f"  {items.mark} and {left:,} more: see the e-mail or the event"


def _next_steps(briefing: Briefing) -> Iterator[str]:
    worst = briefing.worst
    if briefing.runbook_url:
        yield f"Runbook: {briefing.runbook_url}"
    if worst.group_link:
        yield f"Group: {worst.group_link}"
    if worst.event_link:
        yield f"CloudTrail event: {worst.event_link}"
    for shows, command in briefing.looks:
        if len(command) <= _LONGEST_COMMAND:
            yield f"{shows}: `{command}`"
    if briefing.offers_undo:
        yield from _undo(briefing)


def _undo(briefing: Briefing) -> Iterator[str]:
    """As many as there is room for. They have to be run in order, so none is passed over."""
    steps = briefing.undo
    shown = list(takewhile(lambda step: len(step.command) <= _LONGEST_COMMAND, steps[:_MOST_UNDOS]))
    for step in shown:
        warning = " (this opens it to the world again)" if step.call.reopens else ""
        yield f"Undo{warning}: `{step.command}`"
    left = len(steps) - len(shown)
    if left:
        yield f"Undo: {plural(left, 'more command' if shown else 'command')}, in the e-mail."


def _thread_id_of(briefing: Briefing) -> str:
    """One thread for an account and group, so that an opening and its end stand together."""
    alert = briefing.alert
    subjects = [finding.subject for finding in alert.findings]
    groups = {it.id for it in subjects if it.kind is SubjectKind.SECURITY_GROUP}
    what = (groups.pop() if len(groups) == 1 else None) or alert.kind.value
    return _harmless(f"{alert.account_id or 'no-account'}-{what}", 100)


def _resources_of(briefing: Briefing) -> list[str]:
    """Account, Region, and each group, prefix list or trail, the first fifty of them."""
    alert = briefing.alert
    place = (
        f"account {alert.account_id}" if alert.account_id else None,
        f"Region {alert.region}" if alert.region else None,
    )
    subjects = (finding.subject for finding in alert.findings)
    names = dict.fromkeys((*place, *(subject.id or subject.name for subject in subjects)))
    return [_harmless(name, 200) for name in names if name][:50]


def _harmless(text: str, longest: int = 500) -> str:
    return safe(text, longest).translate(_HARMLESS)


def _code(text: str) -> str:
    """Somebody else's text as code, which neither Slack nor Teams reads for markup."""
    return f"`{_harmless(text, 300)}`"
