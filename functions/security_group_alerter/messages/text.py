"""Somebody else's text, made safe to show.

Group names, descriptions, user agents, session names and error messages are typed by whoever made
the call. Nothing in them may break a line, turn the reading direction or hide.
"""

from __future__ import annotations

import re

LONGEST = 200
# What means something to Slack or Teams (links, mentions, emphasis, code, entities) becomes what
# looks alike and means nothing. https://api.slack.com/reference/surfaces/formatting
_MEANINGFUL = "<>`*~|@[]&#"
_HARMLESS = str.maketrans(
    _MEANINGFUL, "\u2039\u203a\u02cb\u2217\u223c\u00a6\uff20\uff3b\uff3d\uff06\uff03"
)
# `translate` takes ten times as long, and most texts have nothing of it.
_HAS_MEANING = re.compile(f"[{re.escape(_MEANINGFUL)}]")


def safe(text: str, longest: int = LONGEST) -> str:
    """The text with everything that is not printable escaped visibly, at most so long."""
    # An escape is longer than its character: what lies further back is cut off anyway.
    shown = text if text.isprintable() else printable(text[: longest + 1])
    # A mail client or a chat would make a link of somebody else's URL.
    shown = shown.replace("://", "[:]//")
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def harmless(text: str, longest: int = 500) -> str:
    """The text, safe to show, without anything that a chat reads for markup."""
    shown = safe(text, longest)
    return shown.translate(_HARMLESS) if _HAS_MEANING.search(shown) else shown


def printable(text: str) -> str:
    """The text with everything that is not printable escaped visibly."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def plural(count: int, singular: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{count:,} {singular}{'' if count == 1 else 's'}"


def listed(words: list[str], most: int) -> str:
    """`a, b and 3 more`."""
    if len(words) <= most:
        return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
    return f"{', '.join(words[:most])} and {len(words) - most:,} more"
