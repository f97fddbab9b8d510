"""The ledger's part of a group's item: what was told, what is snoozed, and what is open.

`told` (M) is what was told of each exposure, by uid; `snoozed` (M) whose reminders nobody wants.
`open_severity` (S) is the worst of what is open, by the table, and `looked_at` (N, seconds since
1970) when it was last looked at: the keys of the index OPEN_INDEX, in which are all groups that are
open, or were when the watch last looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..model.group_state import Reach
from ..model.ledger import Snooze, Told
from ..model.severity import Severity

OPEN_INDEX = "OpenBySeverity"
# 236 were measured, without the times that only some have.
_SIZE_OF_TOLD = 320
_TIMES = ("at", "reminded_at", "worse_at")
_MARKS = ("is_accepted", "is_quiet", "is_closed")


def told_in(item: Mapping[str, Any] | None) -> dict[str, Told]:
    """What an item says was told, by uid. Raises what a broken item raises."""
    entries = (item or {}).get("told", {}).get("M", {})
    return {uid: _told_from(entry["M"]) for uid, entry in entries.items()}


def size_of_told(told: Mapping[str, Told]) -> int:
    """About as many bytes of an item as what was told takes, with some to spare."""
    return _SIZE_OF_TOLD * len(told)


def value_of(told: Told) -> dict[str, Any]:
    """What was told of an exposure, as DynamoDB takes it."""
    times = {name: getattr(told, name) for name in _TIMES}
    marks = {name: {"BOOL": True} for name in _MARKS if getattr(told, name)}
    return {
        "M": {
            "uid": {"S": told.uid},
            "severity": {"S": told.severity.name},
            "reach": {"S": told.reach.value},
            **{name: {"N": str(time.timestamp())} for name, time in times.items() if time},
            **marks,
        }
    }


def _told_from(entry: Mapping[str, Any]) -> Told:
    members: dict[str, Any] = {
        **{name: _time_of(entry[name]["N"]) for name in _TIMES if name in entry},
        **{name: entry[name]["BOOL"] for name in _MARKS if name in entry},
    }
    return Told(
        uid=entry["uid"]["S"],
        severity=Severity[entry["severity"]["S"]],
        reach=Reach(entry["reach"]["S"]),
        **members,
    )


def _time_of(seconds: str) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


def snooze_in(item: Mapping[str, Any] | None) -> Snooze | None:
    """Whose reminders nobody wants; None where nobody said so."""
    entry = (item or {}).get("snoozed", {}).get("M")
    if not entry:
        return None
    return Snooze(
        until=date.fromisoformat(entry["until"]["S"]),
        by=entry["by"]["S"],
        why=entry["why"]["S"],
        uids=frozenset(entry["uids"]["SS"]),
        at=_time_of(entry["at"]["N"]) if "at" in entry else None,
    )


def value_of_snooze(snooze: Snooze) -> dict[str, Any]:
    """A snooze, as DynamoDB takes it."""
    return {
        "M": {
            "until": {"S": snooze.until.isoformat()},
            "by": {"S": snooze.by},
            "why": {"S": snooze.why},
            "uids": {"SS": sorted(snooze.uids)},
            **({"at": {"N": str(snooze.at.timestamp())}} if snooze.at else {}),
        }
    }
