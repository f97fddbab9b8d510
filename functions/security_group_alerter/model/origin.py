"""Where a finding comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from .change import Change
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationProblem:
    """An entry of our own configuration that is not in force: which one, and why.

    No record stands behind it.
    """

    problem: str
    record: None = field(default=None, init=False)


Origin = RecordedCall | UnreadableRecord | ConfigurationProblem
