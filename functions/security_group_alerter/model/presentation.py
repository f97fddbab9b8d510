"""How an installation shows its alerts."""

from __future__ import annotations

from datetime import tzinfo

from .dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The zone in which times are shown beside UTC, and what alerts link to; None is no link.

    A zone is called what its `str` is.
    """

    time_zone: tzinfo
    access_portal_url: str | None = None
    access_portal_role: str | None = None
    runbook_url: str | None = None
