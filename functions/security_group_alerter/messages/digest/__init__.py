"""The digest becomes a message: a page, laid out by one module for each form."""

from __future__ import annotations

from ...model.compact_json import compact_json
from ...model.digest import Digest
from ...model.finding import Effect
from ...model.message import DIGEST, LARGEST_MESSAGE, Message
from ...model.presentation import Presentation
from ...model.seen import Mark
from ...model.severity import Severity
from .chat import chat_of
from .email import email_of
from .machine import machine_of
from .page import page_of, sms_of

# So many entries of each list are written out, and the others counted: as many as fit.
MOST_ENTRIES = (50, 20, 8, 3)
# It asks nobody to act.
SEVERITY = Severity.INFORMATIONAL


def key_of(digest: Digest, presentation: Presentation) -> str:
    """What the digest of a day is known by once it has been sent."""
    return f"{DIGEST}:{digest.until.astimezone(presentation.time_zone).date()}"


def digest_message(digest: Digest, presentation: Presentation) -> Message:
    """The digest, with as much of its lists as Amazon SNS takes."""
    messages = (_message_of(digest, presentation, most) for most in MOST_ENTRIES)
    fitting = (it for it in messages if it.size <= LARGEST_MESSAGE)
    return next(fitting, None) or _message_of(digest, presentation, most=0)


def _message_of(digest: Digest, presentation: Presentation, most: int) -> Message:
    page = page_of(digest, presentation, most)
    key = key_of(digest, presentation)
    forms = {
        "default": machine_of(page, uid=key, most=most),
        "email": email_of(page),
        "https": chat_of(page, uid=key),
        "sms": sms_of(page),
    }
    return Message(
        subject=page.subject,
        attributes={
            "severity": SEVERITY.name,
            "world_open": "false",
            "effect": Effect.OTHER.value,
            "kind": DIGEST,
        },
        body=compact_json(forms),
        event_ids=(),
        marks=(Mark(key),),
    )
