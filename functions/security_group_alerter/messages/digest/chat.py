"""The chat form of the digest: a custom notification. See messages/chat.py."""

from __future__ import annotations

from collections.abc import Iterator

from ...model.compact_json import compact_json
from ...model.message import DIGEST
from ..limits import LONGEST_DESCRIPTION, LONGEST_TITLE
from ..text import harmless
from .page import Page

# Enough for the line that says what is left out.
_KEPT = 60


def chat_of(page: Page, *, uid: str) -> str:
    """The notification as JSON: a line for each entry, as many as fit."""
    title = harmless(f"⚪ {page.subject}", LONGEST_TITLE)
    notification = {
        "version": "1.0",
        "source": "custom",
        "id": uid,
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": _description(page),
            "nextSteps": [page.period],
            "keywords": ["INFORMATIONAL", DIGEST],
        },
        "metadata": {
            "threadId": DIGEST,
            "summary": title,
            "eventType": DIGEST,
            "additionalContext": {
                "severity": "INFORMATIONAL",
                "worldOpen": "false",
                "effect": "other",
            },
        },
    }
    return compact_json(notification)


def _description(page: Page) -> str:
    lines = [f"{harmless(page.headline)}.", page.doubt]
    room = LONGEST_DESCRIPTION - sum(len(line) + 1 for line in lines) - _KEPT
    for line in _lines(page):
        room -= len(line) + 1
        if room < 0:
            lines.append("… the rest is in the e-mail and the machine form.")
            break
        lines.append(line)
    return "\n".join(lines)


def _lines(page: Page) -> Iterator[str]:
    for section in page.sections:
        yield f"*{harmless(section.title)}*"
        for entry in section.entries:
            left = len(entry.details) - 1
            more = f" and {left:,} more" if entry.is_list and left > 0 else ""
            where = f" ({harmless(entry.details[0], 200)}{more})" if entry.details else ""
            yield f"• {harmless(entry.head, 300)}{where}"
        if section.rest:
            yield f"• {harmless(section.rest)}"
