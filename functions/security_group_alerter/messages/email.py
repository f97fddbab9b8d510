"""The e-mail: plain text, for somebody who was asleep, on a phone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ..model.record import Outcome
from ..model.subject import SubjectKind
from .briefing import MAY_REPEAT, Briefing, Call
from .changed.words import ItemList
from .people import NOT_RECORDED
from .text import plural, safe

_WIDTH = 100
_LABEL_WIDTH = 15
_CHANGED_TITLES = {
    Outcome.SUCCEEDED: "WHAT CHANGED",
    Outcome.DENIED: "WHAT WAS ATTEMPTED AND DENIED: NOTHING CHANGED",
    Outcome.FAILED: "WHAT WAS ATTEMPTED AND FAILED: NOTHING CHANGED",
    Outcome.DRY_RUN: "WHAT WAS TRIED AS A DRY RUN: NOTHING CHANGED",
}


def email_of(briefing: Briefing) -> str:
    """The whole alert as text."""
    alert = briefing.alert
    first = (f"{alert.severity.name}: {briefing.headline}", [*_summary(briefing)])
    if not briefing.has_record:
        return _joined(first, ("WHAT IS WRONG", _what(briefing)))
    return _joined(
        first,
        (_CHANGED_TITLES[alert.outcome], _what(briefing)),
        ("WHERE", _where(briefing)),
        ("WHO", _who(briefing)),
        ("WHEN", _when(briefing)),
        ("UNDO", _undo(briefing)),
        ("LOOK", _look(briefing)),
        ("LINKS", _links(briefing)),
        ("CLOUDTRAIL EVENT", (f"  {safe(event_id, 80)}" for event_id in alert.event_ids)),
    )


def _joined(first: tuple[str, list[str]], *sections: tuple[str, Iterable[str]]) -> str:
    """The headline, and each section that has something to say, under its title."""
    filled = [(title, list(lines)) for title, lines in sections]
    parts = [first, *((title, lines) for title, lines in filled if lines)]
    return "\n\n".join("\n".join((*_wrapped(title, ""), *lines)) for title, lines in parts) + "\n"


def _summary(briefing: Briefing) -> Iterator[str]:
    """What the reader must know before reading on."""
    alert = briefing.alert
    if len(briefing.calls) > 1:
        yield from _wrapped("Each call is listed below, in the order in which they were made.", "")
    if alert.may_repeat:
        yield from _wrapped(f"{MAY_REPEAT}.", "")
    if alert.world_open and alert.kind is SubjectKind.SECURITY_GROUP and briefing.looks:
        yield from _wrapped(
            "Whether anything answers depends on what the group is attached to: see LOOK.", ""
        )


def _what(briefing: Briefing) -> Iterator[str]:
    for number, call in enumerate(briefing.calls, start=1):
        mark = f"{number}. " if len(briefing.calls) > 1 else ""
        yield from _wrapped(f"{mark}{_call(call)}")
        for line in _details(call):
            yield from _wrapped(line, "    ")


def _call(call: Call) -> str:
    time = call.record and call.record.event_time
    words = (call.name, call.changed.target, f"at {time:%H:%M:%S} UTC" if time else None)
    return " ".join(filter(None, words))


def _details(call: Call) -> Iterator[str]:
    changed, record = call.changed, call.record
    yield from changed.before
    for items in changed.lists:
        yield from _items(items)
    yield from changed.after
    yield from (f"! {note}" for note in changed.notes)
    if record is not None and record.error_code is not None:
        message = f": {safe(record.error_message, 300)}" if record.error_message else ""
        yield f"AWS answered {safe(record.error_code, 80)}{message}"
    if record is not None and record.original_event_id is not None:
        known = ", which has been alerted" if call.updates_alerted else ""
        original = safe(record.original_event_id, 80)
        yield f"CloudTrail sent this as an update of event {original}{known}."
    severity = call.finding.judgement.severity.name
    yield from (f"Why {severity}: {reason}." for reason in call.reasons)


def _items(items: ItemList) -> Iterator[str]:
    for item in items.items:
        rule_id = f" [{item.rule_id}]" if item.rule_id else ""
        description = f' "{item.description}"' if item.description else ""
        yield f"{items.mark} {item.text}{rule_id}{description}"
    if items.left_out:
        more = plural(items.left_out, f"more {items.noun}")
        yield f"{items.mark} and {more}: see the CloudTrail event"


def _where(briefing: Briefing) -> Iterator[str]:
    alert, account = briefing.alert, briefing.alert.account
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


def _who(briefing: Briefing) -> Iterator[str]:
    yield from _field("Principal", briefing.who)
    yield from _field("How", briefing.how)
    yield from _field("MFA", briefing.mfa)
    if briefing.access_keys:
        yield from _field("Access key", briefing.access_keys)


def _when(briefing: Briefing) -> Iterator[str]:
    yield from _field("Called", briefing.called or NOT_RECORDED)
    if briefing.last_called:
        yield from _field("Last call", briefing.last_called)
    if briefing.seen:
        yield from _field("Seen", briefing.seen)


def _undo(briefing: Briefing) -> Iterator[str]:
    if not briefing.offers_undo:
        return
    if not briefing.undo:
        yield from _wrapped(f"No command: {briefing.worst.changed.undo.reason}.")
        return
    if len(briefing.undo) > 1:
        yield from _wrapped("In this order, the last call first:")
    for step in briefing.undo:
        mark = f"{step.number}. " if len(briefing.calls) > 1 else ""
        if step.call.reopens:
            yield from _wrapped(f"{mark}Beware, this opens it to the world again:")
            mark = ""
        yield f"  {mark}{step.command}"
    # The command for one call may need what another call took away.
    for reason, numbers in briefing.without_undo.items():
        yield from _wrapped(f"No command for {', '.join(map(str, numbers))}: {reason}.")
    if briefing.alert.account_id:
        yield from _wrapped(f"To be run with credentials of account {briefing.alert.account_id}.")


def _look(briefing: Briefing) -> Iterator[str]:
    for shows, command in briefing.looks:
        yield from _wrapped(f"{shows}:")
        yield f"  {command}"


def _links(briefing: Briefing) -> Iterator[str]:
    links = dict.fromkeys(
        (what, link)
        for call in briefing.calls
        for what, link in (("Group", call.group_link), ("Event", call.event_link))
        if link is not None
    )
    yield from (f"  {what}  {link}" for what, link in links)
    if briefing.runbook_url:
        yield f"  Runbook  {briefing.runbook_url}"


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
