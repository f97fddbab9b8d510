"""Which files of an archive to read, by their names: accounts, Regions and days.

A trail writes `AWSLogs/<account>/CloudTrail/<Region>/<year>/<month>/<day>/`; an organization trail
has its organization's id before the account.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from security_group_alerter.model.exposure_life import ExposureLife

from ..records_in import File

_PLACE: Final = re.compile(
    r"(?:^|/)(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)"
    r"/(?P<year>\d{4})/(?P<month>\d{2})/(?P<day>\d{2})/"
)
# CloudTrail writes most records within a quarter of an hour, and none that is wanted a day later.
_LATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for; empty sets and None are everything. `until` is the first day left out."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    since: date | None = None
    until: date | None = None

    def chosen(self, files: Iterable[File]) -> Iterator[File]:
        """The files that may hold what was asked for; one whose name says nothing may."""
        return (file for file in files if self._may_hold(file.path))

    def takes(self, account_id: str | None, region: str | None) -> bool:
        """Whether a record of this account and Region was asked for."""
        return _is_among(account_id, self.accounts) and _is_among(region, self.regions)

    def overlaps(self, life: ExposureLife) -> bool:
        """Whether an exposure stood on one of the days."""
        opened, closed = life.opened, life.closed
        is_before = self.since and closed and closed.time < _midnight(self.since)
        is_after = self.until and opened and opened.time >= _midnight(self.until)
        return not (is_before or is_after)

    def _may_hold(self, path: str) -> bool:
        place = _PLACE.search(path)
        if place is None:
            return True
        try:
            day = date(int(place["year"]), int(place["month"]), int(place["day"]))
        except ValueError:
            return True
        return (
            self.takes(place["account"], place["region"])
            and (self.since is None or day >= self.since)
            and (self.until is None or day < self.until + _LATE)
        )


def _is_among(value: str | None, chosen: frozenset[str]) -> bool:
    return not chosen or value in chosen


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
