"""Somebody else's text, made safe to show.

Group names, descriptions, user agents, session names and error messages are typed by whoever made
the call. Nothing in them may break a line, turn the reading direction or hide.
"""

from __future__ import annotations

LONGEST = 200


def safe(text: str, longest: int = LONGEST) -> str:
    """The text with everything that is not printable escaped visibly, and cut when it is long."""
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    if text.isprintable():
        return text
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
