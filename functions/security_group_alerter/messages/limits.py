"""How much an alert writes out."""

from __future__ import annotations

from ..model.dataclass import dataclass

# Of a burst, so many calls are written out: the worst. Every other has a line of its own.
MOST_CALLS = 50
# Of a chat's custom notification. The service documents no limits: these are what public reports
# agree on.
LONGEST_TITLE = 250
LONGEST_DESCRIPTION = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """At most so many rules of a call, and so many characters of a text that somebody typed."""

    rules: int
    text: int

    def cut(self, text: str | None) -> str | None:
        """The beginning of a text, for programs; what people see goes through `safe`."""
        return text if text is None else text[: self.text]


# Of a call that does not fit, as much as fits: the first of these that does.
LIMITS = (
    Limits(rules=1000, text=1024),
    Limits(rules=200, text=1000),
    Limits(rules=50, text=1000),
    Limits(rules=10, text=300),
    Limits(rules=0, text=100),
)
