"""How an installation shows its alerts."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from .dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """The zone in which times are shown beside UTC, and what alerts link to; None is no link."""

    time_zone: ZoneInfo
    access_portal_url: str | None = None
    access_portal_role: str | None = None
    runbook_url: str | None = None
