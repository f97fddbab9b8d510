"""Step 10: an alert becomes messages: a briefing, laid out by one module for each form."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.alert import Alert
from ..model.compact_json import compact_json
from ..model.dataclass import replace
from ..model.finding import Effect
from ..model.message import DIGEST, LARGEST_MESSAGE, Message
from ..model.presentation import Presentation
from ..model.severity import Severity
from .briefing import briefing_of, calls_of, lines_of, worst_numbers
from .chat import chat_of
from .email import email_of
from .limits import LIMITS, MOST_CALLS, Limits
from .machine import machine_of
from .marks import marks_of
from .sms import sms_of
from .text import safe


def messages_of(alert: Alert, presentation: Presentation) -> Iterator[Message]:
    """One message, or as many as it takes to name every call within the limit of Amazon SNS.

    The worst calls are written out, and every other has a line of its own.
    """
    count = len(alert.delivered)
    worst = worst_numbers(alert, MOST_CALLS)
    others = sorted(set(range(1, count + 1)) - set(worst))
    yield from _fitting(alert, worst, others, presentation)


def _fitting(
    alert: Alert, written_out: list[int], in_lines: list[int], presentation: Presentation
) -> Iterator[Message]:
    """The calls of these numbers in one message; else in parts, each an alert of its own."""
    message = _message_of(alert, written_out, in_lines, presentation, LIMITS[0])
    if message.size <= LARGEST_MESSAGE:
        yield message
        return
    parts = message.size // LARGEST_MESSAGE + 1
    if in_lines:
        each = max(1, len(in_lines) // parts)
        yield from _fitting(alert, written_out, in_lines[:each], presentation)
        for start in range(each, len(in_lines), each):
            first, *rest = in_lines[start : start + each]
            yield from _fitting(alert, [first], rest, presentation)
    elif len(written_out) > 1:
        each = max(1, len(written_out) // parts)
        for start in range(0, len(written_out), each):
            yield from _fitting(alert, written_out[start : start + each], [], presentation)
    else:
        yield _cut_down(alert, written_out, presentation)


def _cut_down(alert: Alert, written_out: list[int], presentation: Presentation) -> Message:
    """One call, of which as much is written out as fits."""
    tried = (_message_of(alert, written_out, [], presentation, limits) for limits in LIMITS[1:])
    return next((it for it in tried if it.size <= LARGEST_MESSAGE), None) or _message_of(
        alert, written_out, [], presentation, LIMITS[-1]
    )


def attributes_of(alert: Alert) -> dict[str, str]:
    """What subscriptions filter by. Amazon SNS refuses empty values: the absent is left out."""
    account = alert.account
    attributes = {
        "severity": alert.severity.name,
        "world_open": "true" if alert.world_open else "false",
        "effect": alert.effect.value,
        "kind": alert.kind.value,
        "reach": alert.reach.value if alert.reach else None,
        "account_id": alert.account_id,
        "account_name": account.name,
        "region": alert.region,
        "ou": "/".join(account.ou_path) if account.ou_path else None,
        "owner": account.owner,
    }
    return {name: safe(value) for name, value in attributes.items() if value}


def is_for_chat(message: Message, *, minimum: Severity) -> bool:
    """Whether the chat topic gets it as well: what is bad enough, what closes, the digest."""
    attributes = message.attributes
    severity = Severity[attributes["severity"]]
    is_for_all = attributes["effect"] == Effect.CLOSES or attributes["kind"] == DIGEST
    return severity >= minimum or is_for_all


def _message_of(
    alert: Alert,
    written_out: list[int],
    in_lines: list[int],
    presentation: Presentation,
    limits: Limits,
) -> Message:
    """The message about these calls alone, which keep their numbers."""
    numbers = sorted((*written_out, *in_lines))
    part = replace(alert, delivered=tuple(alert.delivered[number - 1] for number in numbers))
    briefing = briefing_of(
        part,
        calls_of(alert, written_out, presentation, limits),
        lines_of(alert, in_lines),
        presentation,
        limits,
    )
    forms = {
        "default": machine_of(briefing),
        "email": email_of(briefing),
        "https": chat_of(briefing),
        "sms": sms_of(briefing),
    }
    return Message(
        subject=briefing.subject,
        attributes=attributes_of(part),
        body=compact_json(forms),
        event_ids=part.event_ids,
        marks=tuple(marks_of(part)),
        exposures=part.exposures,
    )
