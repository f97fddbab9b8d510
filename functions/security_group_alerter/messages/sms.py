"""The SMS: one line that says how bad, what is open and where."""

from __future__ import annotations

import unicodedata

from ..model.subject import SubjectKind
from .briefing import Briefing, account_name_of
from .text import safe

# What fits one SMS of 140 bytes, so that it is neither split nor cut on its way.
# https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html
LONGEST = 140
# The longest Regions and group ids fit whole, and as much of an account's name as matters.
_LONGEST_ACCOUNT, _LONGEST_REGION, _LONGEST_GROUP = 28, 16, 20


def sms_of(briefing: Briefing) -> str:
    """Severity and headline, as much of it as leaves room for the place."""
    alert, subject = briefing.alert, briefing.worst.finding.subject
    group = subject.id if subject.kind is SubjectKind.SECURITY_GROUP else None
    words = (
        _ascii(account_name_of(alert), _LONGEST_ACCOUNT),
        _ascii(alert.region or "", _LONGEST_REGION),
        _ascii(group or "", _LONGEST_GROUP),
    )
    place = " ".join(filter(None, words))
    start, end = f"{alert.severity.name} ", f" | {place}" if place else ""
    room = LONGEST - len(start) - len(end)
    return f"{start}{_ascii(briefing.headline_within(room), room)}{end}"


def _ascii(text: str, longest: int) -> str:
    """One character outside ASCII would halve what fits: accents go, the rest is `?`."""
    ascii_text = safe(text)
    if not ascii_text.isascii():
        ascii_text = "".join(char if char.isascii() else _plain(char) for char in ascii_text)
    return ascii_text if len(ascii_text) <= longest else f"{ascii_text[: longest - 2]}.."


def _plain(char: str) -> str:
    """The letter under an accent; one `?` for what has none, however long it is spelled out."""
    letters = unicodedata.normalize("NFKD", char)
    plain = "".join(it for it in letters if it.isascii() and it.isprintable()).strip()
    return plain or ("" if unicodedata.combining(char) else "?")
