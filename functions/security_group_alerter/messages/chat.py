"""The chat form: a custom notification of Amazon Q Developer in chat applications.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. The service drops silently
what does not fit its schema; a test holds this form against a copy of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from ..model.compact_json import compact_json
from ..model.record import Outcome
from ..model.severity import Severity
from ..model.subject import SubjectKind
from .briefing import Briefing, Call
from .changed.words import ItemList
from .limits import LONGEST_DESCRIPTION, LONGEST_TITLE
from .looked import ATTACHED_TO, attached_line, not_seen_lines
from .text import harmless as _harmless
from .text import plural, safe

# The service documents no limits: this is what public reports agree on.
MOST_STEPS = 10
# Beside the runbook, the group, the event, two looks, and the line that counts the rest. A trail
# has no link, and three looks.
_MOST_UNDOS = MOST_STEPS - 6
# A longer command is of no use in a chat: the e-mail has it.
_LONGEST_COMMAND = 700
_MOST_ITEMS = 10
# Ten rules with the longest descriptions that EC2 takes would not fit.
_LONGEST_DESCRIPTION_OF_A_RULE = 80
_LINE = "\n"
_MARKS = {
    Severity.CRITICAL: "🔴",
    Severity.HIGH: "🟠",
    Severity.MEDIUM: "🟡",
    Severity.LOW: "🔵",
    Severity.INFORMATIONAL: "⚪",
}
_KINDS_WITH_THREADS = {SubjectKind.SECURITY_GROUP, SubjectKind.PREFIX_LIST}


def chat_of(briefing: Briefing) -> str:
    """The notification as JSON: the worst first, as much as fits, then what is left out."""
    alert = briefing.alert
    start = f"{_MARKS[alert.severity]} {alert.severity.name}: "
    headline = briefing.headline_within(LONGEST_TITLE - len(start))
    title = safe(f"{start}{_harmless(headline)}", LONGEST_TITLE)
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
                **({"reach": alert.reach.value} if alert.reach else {}),
            },
        },
    }
    return compact_json(notification)


def _description(briefing: Briefing) -> str:
    head = list(_facts(briefing))
    shared = [
        f"! For each of these {briefing.noun}s: {_harmless(it)}" for it in briefing.shared_notes
    ]
    room = LONGEST_DESCRIPTION - sum(len(line) + 1 for line in (*head, *shared)) - 120
    blocks: list[str] = []
    worst_first = sorted(briefing.calls, key=lambda call: call is not briefing.worst)
    for call in worst_first:
        block = "\n".join(_call(call, briefing))
        if call is briefing.worst and len(block) >= room:
            # The worst is always there, as much of it as fits.
            block = f"{block[: room - 60].rpartition(_LINE)[0]}{_LINE}  … the rest is in the e-mail"
        if len(block) + 1 > room:
            break
        blocks.append(block)
        room -= len(block) + 1
    left = briefing.count - len(blocks)
    blocks += shared
    if left:
        more = plural(left, f"more {briefing.noun}")
        blocks.append(f"… and {more}, all in the e-mail and the machine form.")
    return "\n".join((*head, *blocks))[:LONGEST_DESCRIPTION]


def _facts(briefing: Briefing) -> Iterator[str]:
    alert = briefing.alert
    yield from (f"! {doubt}." for doubt in briefing.doubts)
    if not briefing.has_place:
        return
    names = (_harmless(alert.account.name or "", 80), alert.account_id)
    account = " ".join(filter(None, names)) or "account not recorded"
    yield f"*Where:* {account}, {_harmless(alert.region or 'Region not recorded', 40)}"
    who = (_harmless(briefing.who, 200), _harmless(briefing.how, 200))
    if any(who) or briefing.observed is None:
        title = "Who" if briefing.observed is None else "Opened by"
        yield f"*{title}:* {'; '.join(filter(None, who))}"
    if briefing.called:
        yield f"*{briefing.stood or 'When'}:* {briefing.called}"
    if briefing.owner:
        yield f"*Ask:* {_harmless(briefing.owner, 200)}, the account's owner"
    if briefing.belongs:
        yield _harmless(briefing.belongs, 300)
    worst = briefing.worst
    if worst.reasons:
        yield f"*Why {worst.rated.name}:* {_harmless('; '.join(worst.reasons), 300)}"
    if worst.lowered:
        instead, _, why = worst.lowered.partition(": ")
        yield f"*{instead}:* {_harmless(why, 300)}"
    yield from (f"! {_harmless(it.although, 300)}." for it in briefing.looked[:1] if it.although)
    attached = attached_line(briefing.looked)
    if attached:
        title = "Attached to" if briefing.looked[0].title == ATTACHED_TO else "Referred to by"
        yield f"*{title}:* {_harmless(attached, 400)}"
    yield from (f"! {_harmless(line, 300)}" for line in not_seen_lines(briefing.looked))


def _call(call: Call, briefing: Briefing) -> Iterator[str]:
    changed, record = call.changed, call.record
    name = _harmless(call.name, 80)
    says = changed.called is None or changed.repeats_headline
    is_new = says and call.phrase != briefing.headline
    phrase = _harmless(call.phrase, 300) if is_new else None
    if changed.called is None:
        yield f"*{name}*: {phrase}" if phrase else f"*{name}*"
    else:
        yield f"*{name}* on {_code(changed.called) if changed.is_named else changed.subject}"
        yield from (f"  {_harmless(line, 200)}" for line in changed.lines[:_MOST_ITEMS])
        for items in changed.lists:
            if items.is_change:
                yield from _items(items)
        if changed.repeats_headline and phrase:
            yield f"  {phrase}"
    ended = (words for words in (call.ended, call.stays_open, call.stood) if words)
    yield from (f"  ! {_harmless(f'{words[:1].upper()}{words[1:]}.', 300)}" for words in ended)
    if record and record.outcome is not Outcome.SUCCEEDED and record.error_code:
        yield f"  AWS answered {_code(record.error_code)}: nothing changed."
        if record.refusal and record.refusal.policy:
            yield f"  Refused because: {_harmless(record.refusal.policy, 200)}"
    if changed.problem is not None:
        yield f"  ! {_code(changed.problem)}"
    yield from (f"  ! {_harmless(line.removeprefix('! '), 200)}" for line in _unknown(call))
    notes = (note for note in changed.notes if note not in briefing.shared_notes)
    yield from (f"  ! {_harmless(note)}" for note in notes)


def _unknown(call: Call) -> Iterator[str]:
    """What the record sets that this alerter does not know; the problems stand in the e-mail."""
    yield from (line for line in call.changed.after if "does not know" in line)


def _items(items: ItemList) -> Iterator[str]:
    worst = sorted(items.items, key=lambda item: item.concern, reverse=True)[:_MOST_ITEMS]
    for item in worst:
        text = item.description and safe(item.description, _LONGEST_DESCRIPTION_OF_A_RULE)
        description = f" {_code(text)}" if text else ""
        yield f"  {items.mark} {_code(item.text)}{description}"
    left = items.count - len(worst)
    if left:
        yield f"  {items.mark} and {left:,} more: see the e-mail or the event"


def _next_steps(briefing: Briefing) -> Iterator[str]:
    """Where to read on; then how to undo it; then what to look at."""
    worst = briefing.worst
    links = (("Group", worst.group_link), ("CloudTrail event", worst.event_link))
    steps = [f"{what}: {link}" for what, link in links if link]
    if briefing.runbook_url:
        steps.insert(0, f"Runbook: {briefing.runbook_url}")
    elif not steps and briefing.steps:
        steps.append(briefing.steps[0])
    looks = [
        f"{shows}: `{command}`"
        for shows, command, _ in briefing.looks[:3]
        if len(command) <= _LONGEST_COMMAND
    ]
    undo = list(_undo(briefing)) if briefing.offers_undo else []
    yield from [*steps[:1], *undo, *looks, *steps[1:]][:MOST_STEPS]


def _undo(briefing: Briefing) -> Iterator[str]:
    """As many as there is room for. They have to be run in order, so none is passed over."""
    steps = briefing.undo
    shown = list(
        takewhile(lambda step: len(step.command.text) <= _LONGEST_COMMAND, steps[:_MOST_UNDOS])
    )
    for step in shown:
        warning = f" ({step.command.warning})" if step.command.warning else ""
        does = step.command.does or "Undo"
        yield f"{does}{warning}: `{step.command.text}`"
    left = len(steps) - len(shown)
    if left:
        yield f"Undo: {plural(left, 'more command' if shown else 'command')}, in the e-mail."


def _thread_id_of(briefing: Briefing) -> str:
    """One thread for the life of an exposure: that of the group or list that is open.

    An alert about several of them stands in a thread of the account.
    """
    alert = briefing.alert
    exposed = {news.resource.id for news in alert.exposures}
    subjects = {finding.subject.id for finding in alert.findings}
    # What a rule opens by a prefix list is the list's exposure, whichever group the rule is in.
    [what, *others] = exposed if len(exposed) == 1 else subjects
    if what is None or others or alert.kind not in _KINDS_WITH_THREADS:
        what = alert.kind.value
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


def _code(text: str) -> str:
    """Somebody else's text as code, which neither Slack nor Teams reads for markup."""
    return f"`{_harmless(text, 300)}`"
