"""Step 8: an Alert becomes Messages: the words, one module for each form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..model.alert import Alert
from ..settings import Settings
from .chat import chat_of
from .email import email_of
from .headline import subject_of
from .machine import machine_of
from .sms import sms_of
from .text import safe, shortened

# Amazon SNS takes 256 KiB for a message with its attributes, and for a whole batch.
# https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
LARGEST_MESSAGE = 256 * 1024
# A call may carry a thousand rules, and texts that somebody else made long: of a call that does not
# fit, fewer rules are written out, and so many characters of each text.
_MOST_RULES = 1000
_LESS = ((200, 1000), (50, 1000), (10, 300), (0, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What Amazon SNS carries: a subject, attributes to filter by, and one text a protocol.

    `body` is the JSON object of `MessageStructure: json`. `keys` are what the events are remembered
    by once they have been alerted.
    """

    subject: str
    attributes: dict[str, str]
    body: str
    event_ids: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes, as Amazon SNS counts them."""
        texts = (self.subject, self.body, *self.attributes, *self.attributes.values())
        return sum(len(text.encode()) for text in texts) + len("String") * len(self.attributes)


def messages_of(alert: Alert, settings: Settings) -> Iterator[Message]:
    """One message, or as many as it takes to name every call within the limit of Amazon SNS."""
    message = _message_of(alert, settings, _MOST_RULES)
    count = len(alert.findings)
    if message.size > LARGEST_MESSAGE and count > 1:
        parts = message.size // LARGEST_MESSAGE + 1
        each = max(1, count // parts)
        for start in range(0, count, each):
            part = alert.findings[start : start + each]
            yield from messages_of(replace(alert, findings=part), settings)
        return
    for most_rules, longest_text in _LESS:
        if message.size <= LARGEST_MESSAGE:
            break
        message = _message_of(shortened(alert, longest_text), settings, most_rules)
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


def _message_of(alert: Alert, settings: Settings, most_rules: int) -> Message:
    forms = {
        "default": machine_of(alert, settings, most_rules),
        "email": email_of(alert, settings, most_rules),
        "https": chat_of(alert, settings),
        "sms": sms_of(alert),
    }
    return Message(
        subject=subject_of(alert),
        attributes=attributes_of(alert),
        body=json.dumps(forms, separators=(",", ":")),
        event_ids=alert.event_ids,
        keys=tuple(finding.key for finding in alert.findings if finding.key),
    )
