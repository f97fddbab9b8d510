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
# Folders of an archive, as a bucket lists them.
_ORGANIZATION: Final = re.compile(r"(?:^|/)AWSLogs/o-[a-z0-9]+/$")
_ACCOUNT: Final = re.compile(r"(?:^|/)AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>\d{12})/$")
_REGIONS: Final = re.compile(r"(?:^|/)\d{12}/CloudTrail/$")
_REGION: Final = re.compile(r"^(?:.*/)?\d{12}/CloudTrail/[a-z0-9-]+/")
# CloudTrail writes most records within a quarter of an hour, and none that is wanted a day later.
_LATE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """Keys come in the order of their days: those between these two; None is no end."""

    after: str | None
    before: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What was asked for; empty sets and None are everything. `until` is the first day left out."""

    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    since: date | None = None
    until: date | None = None

    def chosen(self, files: Iterable[File]) -> Iterator[File]:
        """The files that may hold what was asked for; one whose name says nothing may."""
        return (file for file in files if self.may_hold(file.path))

    def takes(self, account_id: str | None, region: str | None) -> bool:
        """Whether a record of this account and Region was asked for."""
        return _is_among(account_id, self.accounts) and _is_among(region, self.regions)

    def folders_in(self, folder: str) -> list[str] | None:
        """The folders to go on with in one of a bucket; None where only a listing tells.

        A trail keeps digests and Insights events beside its records, and other services write
        beside a trail.
        """
        if _ACCOUNT.search(folder):
            return [f"{folder}CloudTrail/"]
        if self.accounts and _ORGANIZATION.search(folder):
            return [f"{folder}{account}/" for account in sorted(self.accounts)]
        if self.regions and _REGIONS.search(folder):
            return [f"{folder}{region}/" for region in sorted(self.regions)]
        return None

    def leads_into(self, folder: str) -> bool:
        """Whether a folder of a bucket may hold what was asked for."""
        account = _ACCOUNT.search(folder)
        return account is None or _is_among(account["account"], self.accounts)

    def days_in(self, folder: str) -> Days | None:
        """Where the days asked for begin and end in a folder of a Region, or further down."""
        region = _REGION.match(folder)
        if region is None:
            return None
        until = self.until and self.until + _LATE
        return Days(
            after=f"{region[0]}{self.since:%Y/%m/%d}" if self.since else None,
            before=f"{region[0]}{until:%Y/%m/%d}" if until else None,
        )

    def overlaps(self, life: ExposureLife) -> bool:
        """Whether an exposure stood on one of the days."""
        opened, closed = life.opened, life.closed
        is_before = self.since and closed and closed.time < _midnight(self.since)
        is_after = self.until and opened and opened.time >= _midnight(self.until)
        return not (is_before or is_after)

    def may_hold(self, path: str) -> bool:
        """Whether a file of this name may hold what was asked for."""
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
