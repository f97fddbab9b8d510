"""The e-mail: plain text, for somebody who was asleep, on a phone.

The first lines say what is open, to whom, since when, by whom, how to close it and what to look at;
the details follow. No line is broken: a phone and a desktop break lines in different places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model.change import AttachmentChange
from ..model.origin import Observed
from ..model.record import CloudTrailRecord, Outcome
from ..model.severity import Severity
from .briefing import Briefing, Call, UndoStep, subjects_words
from .changed.words import ItemList
from .looked import attached_section, not_seen_lines
from .people import NOT_RECORDED, clock_words
from .text import plural, safe

_CHANGED_TITLES = {
    Outcome.SUCCEEDED: "WHAT CHANGED",
    Outcome.DENIED: "WHAT WAS ATTEMPTED AND DENIED: NOTHING CHANGED",
    Outcome.FAILED: "WHAT WAS ATTEMPTED AND FAILED: NOTHING CHANGED",
    Outcome.DRY_RUN: "WHAT WAS TRIED AS A DRY RUN: NOTHING CHANGED",
}


_LONGEST_ANSWER = 500
UNDO_TITLE = "UNDO"


def email_of(briefing: Briefing) -> str:
    """The whole alert as text."""
    alert = briefing.alert
    first = "\n".join((f"{alert.severity.name}: {briefing.headline}", *_summary(briefing)))
    if not briefing.has_place:
        return _joined(first, ("WHAT IS WRONG", _what(briefing)))
    return _joined(
        "\n\n".join(filter(None, (first, "\n".join(_at_once(briefing))))),
        (_what_title(briefing), _what(briefing)),
        attached_section(briefing.looked),
        (UNDO_TITLE, _undo(briefing)),
        ("LOOK", _looks(briefing)),
        ("WHAT TO DO", _steps(briefing)),
        ("MORE", _more(briefing)),
    )


def _what_title(briefing: Briefing) -> str:
    if briefing.observed is None:
        return _CHANGED_TITLES[briefing.alert.outcome]
    return "WHAT WAS OPEN" if briefing.observed is Observed.CLOSED else "WHAT IS OPEN"


def _joined(first: str, *sections: tuple[str, Iterable[str]]) -> str:
    """The beginning, and each section that has something to say, under its title."""
    filled = ((title, list(lines)) for title, lines in sections)
    parts = (first, *("\n".join((title, *lines)) for title, lines in filled if lines))
    return "\n\n".join(parts) + "\n"


def _summary(briefing: Briefing) -> Iterator[str]:
    """What has to be known before the rest is read."""
    yield from (f"{doubt}." for doubt in briefing.doubts)
    worst = briefing.worst
    yield from (_sentence(it) for it in (worst.ended, worst.stays_open, worst.stood) if it)


def _at_once(briefing: Briefing) -> Iterator[str]:
    """All that a decision needs, in a screen of a phone."""
    alert, account, worst = briefing.alert, briefing.alert.account, briefing.worst
    subjects = subjects_words(briefing)
    if subjects:
        yield f"{subjects[0]}: {subjects[1]}"
    tags = {it.tags for it in briefing.looked}
    yield from (f"Group tags: {it}" for it in tags if it and len(briefing.looked) == 1)
    account_id = alert.account_id or NOT_RECORDED
    name = f"{safe(account.name, 80)} ({account_id})" if account.name else account_id
    yield f"Account: {name}, {safe(alert.region or 'Region not recorded', 40)}"
    yield f"{_when_title(briefing)}: {briefing.called or NOT_RECORDED}"
    yield from _people(briefing)
    if worst.reasons:
        yield f"Why {worst.rated.name}: {'; '.join(worst.reasons)}."
    if worst.lowered:
        yield f"{worst.lowered}."
    yield from (f"{it.although}." for it in briefing.looked[:1] if it.although)
    yield from not_seen_lines(briefing.looked)
    if briefing.first_step and briefing.offers_undo and not _is_listed_only(briefing):
        yield ""
        title = briefing.first_step.does or _undo_title(briefing)
        whose = f", with credentials of account {alert.account_id}" if alert.account_id else ""
        yield f"{title}{whose}:"
        yield briefing.first_step.text
    elif briefing.looks:
        yield ""
    for shows, command, how_to_read in briefing.looks[:1]:
        yield f"{shows}:"
        yield command
        yield from (how_to_read,) if how_to_read else ()


def _people(briefing: Briefing) -> Iterator[str]:
    """Who did it, what they wrote beside it, and whom to ask."""
    by = "; ".join(filter(None, (briefing.who, briefing.how)))
    if by or briefing.observed is None:
        yield f"{'By' if briefing.observed is None else 'Opened by'}: {by}"
    if briefing.worst.changed.description:
        yield f'Rule description: "{briefing.worst.changed.description}"'
    if briefing.owner:
        yield f"Ask: {briefing.owner}, the account's owner"
    if briefing.belongs:
        yield briefing.belongs


def _when_title(briefing: Briefing) -> str:
    if briefing.stood is not None:
        return briefing.stood
    if not briefing.is_opening:
        return "Called"
    if isinstance(briefing.worst.finding.change, AttachmentChange):
        # The group was open before.
        return "Attached"
    return "Open since" if briefing.count == 1 else "Opened"


def _is_listed_only(briefing: Briefing) -> bool:
    """Several calls of which none is worse than the others have their commands in UNDO."""
    return briefing.count > 1 and briefing.alert.severity < Severity.MEDIUM


def _undo_title(briefing: Briefing) -> str:
    """What the first command does, and no more than it does."""
    if not briefing.is_opening:
        return "Undo it" if briefing.count == 1 else "Undo the worst"
    added = sum(items.count for items in briefing.worst.changed.lists if items.is_change)
    rules = "this rule" if added == 1 else f"these {added:,} rules"
    if briefing.undo != briefing.undo[:1]:
        return f"Close the worst ({rules} only; the rest is under UNDO)"
    return f"Close it ({rules} only)"


def _what(briefing: Briefing) -> Iterator[str]:
    for call in briefing.calls:
        mark = f"{call.number}. " if briefing.count > 1 else ""
        yield f"{mark}{_call(call, briefing)}"
        yield from (f"  {line}" for line in _details(call, briefing))
    yield from (f"! For each of these {briefing.noun}s: {note}" for note in briefing.shared_notes)
    if briefing.lines:
        yield "Each of the others, in a line:"
        yield from (f"{line.number}. {line.text}" for line in briefing.lines)


def _call(call: Call, briefing: Briefing) -> str:
    if briefing.count == 1:
        return call.name
    changed, time = call.changed, call.record and call.record.event_time
    # When what is over was opened stands in its line.
    stands = call.finding.observed if briefing.observed is not Observed.CLOSED else None
    opened = stands.life.opened if stands else None
    words = (
        call.name,
        f"on {changed.subject}" if changed.subject else None,
        f"at {clock_words(time)}" if time else None,
        f"since {opened.time.date()} {clock_words(opened.time)}" if opened else None,
    )
    return " ".join(filter(None, words))


def _details(call: Call, briefing: Briefing) -> Iterator[str]:
    changed, record = call.changed, call.record
    yield from changed.lines
    for items in changed.lists:
        yield from _items(items)
    yield from changed.after
    if briefing.count > 1:
        yield from (f"! {_sentence(it)}" for it in (call.ended, call.stays_open, call.stood) if it)
    yield from (f"! {note}" for note in changed.notes if note not in briefing.shared_notes)
    if record is not None and record.error_code is not None:
        yield from _refusal(record)
    if record is not None and record.original_event_id is not None:
        known = ", which has been alerted" if call.entry.updates_alerted else ""
        original = safe(record.original_event_id, 80)
        yield f"CloudTrail sent this as an update of event {original}{known}."
    if call.reasons != briefing.worst.reasons:
        yield f"Why {call.rated.name}: {'; '.join(call.reasons)}."
    if call.lowered and call.lowered != briefing.worst.lowered:
        yield f"{call.lowered}."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _refusal(record: CloudTrailRecord) -> Iterator[str]:
    refusal, code = record.refusal, safe(record.error_code or "", 80)
    if refusal is None or refusal.message is None:
        yield f"AWS answered {code}"
        return
    message = safe(refusal.message, _LONGEST_ANSWER)
    yield f"AWS answered {code}: {message}"
    if len(refusal.message) > _LONGEST_ANSWER:
        # What is cut off may be what matters.
        yield from (f"On: {safe(arn)}" for arn in (refusal.resource_arn,) if arn)
        yield from (f"Refused because: {safe(words)}" for words in (refusal.policy,) if words)


def _items(items: ItemList) -> Iterator[str]:
    for item in items.items:
        rule_id = f" [{item.rule_id}]" if item.rule_id else ""
        description = f' "{item.description}"' if item.description else ""
        yield f"{items.mark} {item.text}{rule_id}{description}"
    if items.left_out:
        more = plural(items.left_out, f"more {items.noun}")
        yield f"{items.mark} and {more}: see the CloudTrail event"


def _undo(briefing: Briefing) -> Iterator[str]:
    """All the ways back, where there is more to say than the first lines do."""
    if not briefing.offers_undo:
        return
    commands = [step.command for step in briefing.undo]
    steps = list(briefing.undo)
    if briefing.count == 1:
        # What closes it is said above.
        steps = [step for step in steps if step.command != briefing.first_step]
    elif commands == [briefing.first_step] and not _is_listed_only(briefing):
        steps = []
    if briefing.count > 1 and steps:
        is_choice = len({step.call.number for step in steps}) < len(steps)
        choice = f", and only one command for each {briefing.noun}" if is_choice else ""
        yield f"In this order, the last {briefing.noun} first{choice}:"
    for step in steps:
        yield from _undo_step(step, briefing)
    # The command for one call may need what another call took away.
    for reason, numbers in briefing.without_undo.items():
        is_for_all = len(numbers) == len(briefing.calls)
        which = "" if is_for_all else f" for {', '.join(map(str, numbers))}"
        yield f"No command{which}: {reason}."
    if briefing.lines:
        which = f"the {briefing.noun}s that have one line only"
        yield f"No command for {which}: see their CloudTrail events."
    if briefing.alert.account_id and steps:
        yield f"Run this with credentials of account {briefing.alert.account_id}."


def _undo_step(step: UndoStep, briefing: Briefing) -> Iterator[str]:
    command = step.command
    mark = f"{step.call.number}. " if briefing.count > 1 else ""
    warning = f"Warning, {command.warning}" if command.warning else None
    title = ". ".join(filter(None, (command.does, warning)))
    if title:
        yield f"{mark}{title}:"
        mark = ""
    yield f"{mark}{command.text}"


def _looks(briefing: Briefing) -> Iterator[str]:
    for shows, command, how_to_read in briefing.looks[1:]:
        yield f"{shows}:"
        yield command
        yield from (how_to_read,) if how_to_read else ()


def _steps(briefing: Briefing) -> Iterator[str]:
    """The steps of the runbook that matter, or where the runbook is."""
    alert = briefing.alert
    if briefing.runbook_url:
        yield briefing.runbook_url
    elif alert.severity >= Severity.MEDIUM and alert.outcome is Outcome.SUCCEEDED:
        steps = enumerate(briefing.steps, start=1)
        yield from (f"{number}. {step}" for number, step in steps)
    elif alert.severity >= Severity.MEDIUM:
        yield (
            "Ask whoever made the call. If nobody knows of it, assume that the principal's "
            "credentials are stolen."
        )


def _more(briefing: Briefing) -> Iterator[str]:
    state = briefing.alert.account.state
    if state not in (None, "ACTIVE"):
        yield f"State of the account: {safe(state or '', 40)}"
    if briefing.not_known:
        yield f"Not known: {briefing.not_known}"
    if briefing.mfa:
        yield f"MFA: {briefing.mfa}"
    if briefing.access_keys:
        yield f"Access key: {briefing.access_keys}"
    links = dict.fromkeys(
        (what, link)
        for call in briefing.calls
        for what, link in (("Group", call.group_link), ("Event", call.event_link))
        if link is not None
    )
    yield from (f"{what}: {link}" for what, link in links)
    for call in briefing.calls:
        linked = call.record.event_id if call.record and call.event_link else None
        yield from (
            f"CloudTrail event: {safe(event_id, 80)}"
            for event_id in call.entry.event_ids
            if event_id != linked
        )
