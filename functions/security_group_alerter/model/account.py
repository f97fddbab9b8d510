"""What the organization knows about an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from .dataclass import dataclass


class Fact(StrEnum):
    """What can be looked up about an account."""

    NAME = "account name"
    OU = "OU"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class LookupProblem:
    """A fact that could not be looked up, and the code or name of the error."""

    fact: Fact
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account in its organization. None is what could not be looked up.

    `ou_path` holds names from the root down. `owner` is the value of the first tag that the
    installation names. `problems` are what could not be looked up, and the error that says why.
    """

    name: str | None = None
    state: str | None = None
    ou_path: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None
    problems: tuple[LookupProblem, ...] = ()
