"""What every kind of change says of itself, for the forms to lay out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ..text import safe
from ..undo import Undo


class Weakened(Enum):
    """Which defense a change weakens."""

    FIREWALL = auto()
    LOGS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A rule, or a range of a prefix list, as one line. `concern` puts the worst first."""

    text: str
    rule_id: str | None = None
    description: str | None = None
    concern: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """What a call added, removed or did not find: the items written out, and how many there are.

    `mark` stands before each item. `noun` is what one of them is called.
    """

    mark: str
    noun: str
    items: tuple[Item, ...]
    count: int

    @property
    def is_change(self) -> bool:
        """Whether something was added or removed."""
        return self.mark in (ADDED, REMOVED)

    @property
    def left_out(self) -> int:
        """How many are not written out."""
        return self.count - len(self.items)


ADDED, REMOVED, MISSED = "+", "-", "no such rule:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What one call changed, or would have changed.

    `name` stands in the place of an API call where there is none. `done` and `to_do` are the
    headline of a call that succeeded and of one that did not. `target` follows the call's name
    ("on sg-… in vpc-…"); `called` are the subject's names in a row, None where there is no subject.
    `repeats_headline` says that only the headline says what was done. `before` and `after` are
    lines around the lists; `problem` is what could not be read at all. `looks` are (what it shows,
    read-only AWS CLI command); `looked_at` is the id that they take in the place of `{id}`, or of
    `{ids}` where one command takes many. `facts` are for the machine form.
    """

    name: str | None = None
    done: str
    to_do: str | None = None
    target: str = ""
    called: str | None = None
    repeats_headline: bool = False
    before: tuple[str, ...] = ()
    lists: tuple[ItemList, ...] = ()
    after: tuple[str, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()
    acceptance: tuple[str, ...] = ()
    undo: Undo
    looked_at: str | None = None
    looks: tuple[tuple[str, str], ...] = ()
    resource_type: str | None = None
    weakens: Weakened | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def problem_lines(problems: tuple[str, ...], most: int) -> tuple[str, ...]:
    """What could not be read, a line each; at most so many."""
    lines = [f"! Not readable, so not judged: {safe(problem)}" for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"! Not readable, so not judged: {len(problems) - most:,} more")
    return tuple(lines)
