"""What the organization knows about an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account in its organization. None is what could not be looked up.

    `ou_path` holds names from the root down. `problems` says, for the reader of an alert, what
    could not be looked up and why.
    """

    name: str | None = None
    state: str | None = None
    ou_path: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
