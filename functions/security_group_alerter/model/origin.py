"""Where a finding comes from."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum

from .change import Change, PrefixListChange, SecurityGroupChange
from .dataclass import dataclass
from .exposure_life import ExposureLife
from .ledger import Told
from .record import CloudTrailRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCall:
    """A call that CloudTrail recorded, and what it did, or would have done if it was refused."""

    record: CloudTrailRecord
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRecord:
    """A record, or a log event, that could not be read.

    `record` holds what could be read of it, `problem` what was expected and found, and `excerpt`
    the beginning of its text.
    """

    record: CloudTrailRecord
    problem: str
    excerpt: str
    change: None = field(default=None, init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationProblem:
    """An entry of our own configuration that is not in force: which one, and why.

    No record stands behind it.
    """

    problem: str
    record: None = field(default=None, init=False)
    change: None = field(default=None, init=False)


class Observed(StrEnum):
    """What the watch reports of an exposure. The values stand in the machine form."""

    FOUND = "found open"
    WORSE = "became worse"
    ACCEPTANCE_ENDED = "acceptance ran out"
    STILL_OPEN = "still open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the watch found of an exposure. No call stands behind it.

    `change` holds what stands of it, as if a call had added it; of one that is closed, nothing.
    `told` is what was told of it before, `at` the time of the report, and `seen_at` when it was
    looked at; None where nobody could look. `seen_before` is when it was looked at before that.
    """

    what: Observed
    life: ExposureLife
    change: SecurityGroupChange | PrefixListChange
    at: datetime
    told: Told | None = None
    seen_at: datetime | None = None
    seen_before: datetime | None = None
    record: None = field(default=None, init=False)


Origin = RecordedCall | UnreadableRecord | ConfigurationProblem | Observation
