"""Step 9: an alert becomes messages: a briefing, laid out by one module for each form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from ..model.alert import Alert
from ..model.message import LARGEST_MESSAGE, Message
from ..model.presentation import Presentation
from .briefing import Briefing, Call, briefing_of, calls_of
from .chat import chat_of
from .email import email_of
from .limits import LIMITS
from .machine import machine_of
from .sms import sms_of
from .text import safe


def messages_of(alert: Alert, presentation: Presentation) -> Iterator[Message]:
    """One message, or as many as it takes to name every call within the limit of Amazon SNS."""
    yield from _fitting(alert, calls_of(alert, presentation, LIMITS[0]), presentation)


def _fitting(
    alert: Alert, calls: tuple[Call, ...], presentation: Presentation
) -> Iterator[Message]:
    message = _message_of(briefing_of(alert, calls, presentation, LIMITS[0]))
    if message.size > LARGEST_MESSAGE and len(calls) > 1:
        each = max(1, len(calls) // (message.size // LARGEST_MESSAGE + 1))
        for start in range(0, len(calls), each):
            part = slice(start, start + each)
            yield from _fitting(
                replace(alert, delivered=alert.delivered[part]), calls[part], presentation
            )
        return
    for limits in LIMITS[1:]:
        if message.size <= LARGEST_MESSAGE:
            break
        fewer = calls_of(alert, presentation, limits)
        message = _message_of(briefing_of(alert, fewer, presentation, limits))
    yield message


def attributes_of(alert: Alert) -> dict[str, str]:
    """What subscriptions filter by. Amazon SNS refuses empty values: the absent is left out."""
    names = alert.event_names
    attributes = {
        "severity": alert.severity.name,
        "world_open": "true" if alert.world_open else "false",
        "effect": alert.effect.value,
        "outcome": alert.outcome.value,
        "kind": alert.kind.value,
        "event_name": names[0] if len(names) == 1 else "several" if names else None,
        "account_id": alert.account_id,
        "account_name": alert.account.name,
        "region": alert.region,
        "organization_id": alert.organization_id,
    }
    return {name: safe(value) for name, value in attributes.items() if value}


def _message_of(briefing: Briefing) -> Message:
    alert = briefing.alert
    forms = {
        "default": machine_of(briefing),
        "email": email_of(briefing),
        "https": chat_of(briefing),
        "sms": sms_of(briefing),
    }
    return Message(
        subject=briefing.subject,
        attributes=attributes_of(alert),
        body=json.dumps(forms, separators=(",", ":")),
        event_ids=alert.event_ids,
        keys=tuple(entry.key for entry in alert.delivered if entry.key),
    )
