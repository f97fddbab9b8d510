"""A document becomes a scenario: frozen steps, checked before anything of it is played.

Nothing of it is played if a step does not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from security_group_alerter.model import ids

from ..records_in import EXPECTED_OF_A_RECORD, SCENARIO, Record, is_record
from .region_state import RegionState, region_state_of
from .shapes import MisfitError, found

# What is in each account, by Region; None where the role is denied.
State = Mapping[str, Mapping[str, RegionState] | None]
_EXPECTED_TIME: Final = "a time in UTC such as 2026-11-17T08:55:12Z"
# Clocks go on from there, and look back.
_YEARS: Final = range(1971, 9999)


class ScenarioError(ValueError):
    """A scenario that cannot be played: the step, what was expected, and what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens at a time: `written` is that time as the file has it.

    One of these is there: the records of a delivery, what stands from then on, or which function
    runs.
    """

    number: int
    at: datetime
    written: str
    trail: tuple[Record, ...] | None = None
    state: State | None = None
    watch: bool = False
    sweep: bool = False
    digest: bool = False

    def __str__(self) -> str:
        """What happens."""
        if self.watch:
            return "the watch runs"
        if self.trail is not None:
            return "1 record" if len(self.trail) == 1 else f"{len(self.trail)} records"
        if self.sweep:
            return "the sweep"
        if self.digest:
            return "the digest"
        places = [
            f"the state of {account_id} {region}"
            for account_id, regions in (self.state or {}).items()
            for region in regions or ()
        ]
        denied = [it for it, regions in (self.state or {}).items() if regions is None]
        return ", ".join([*places, *(f"{it} denies the role" for it in denied)]) or "nothing new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A life, and where it was found."""

    where: str
    steps: tuple[Step, ...]

    @property
    def has_state(self) -> bool:
        """Whether there is a role with which to look."""
        return any(step.state is not None for step in self.steps)


def scenario_of(document: Mapping[str, Any], where: str) -> Scenario:
    """What is to be played. Raises ScenarioError."""
    steps: list[Step] = []
    place = where
    try:
        for number, step in enumerate(_steps_in(document)):
            place = f"{where}, step {number}"
            steps.append(_step_of(step, number, after=steps[-1] if steps else None))
    except MisfitError as error:
        raise ScenarioError(f"{place}: {error}") from None
    return Scenario(where=where, steps=tuple(steps))


def _steps_in(document: Mapping[str, Any]) -> list[object]:
    _check_keys(document, (SCENARIO,))
    steps = document[SCENARIO]
    if not isinstance(steps, list) or not steps:
        raise MisfitError(f"{SCENARIO}: expected a list of steps, {found(steps)}")
    return steps


def _step_of(step: object, number: int, *, after: Step | None) -> Step:
    if not isinstance(step, dict):
        raise MisfitError(f"expected an object, {found(step)}")
    _check_keys(step, ("at", *_KINDS))
    at, written = _time_of(step)
    if after and at < after.at:
        raise MisfitError(f"at: expected a time not before {after.written}, {found(written)}")
    kinds = [name for name in step if name != "at"]
    if len(kinds) != 1:
        raise MisfitError(f"expected one of {', '.join(_KINDS)}, {_found_keys(kinds)}")
    [kind] = kinds
    if kind not in ("trail", "state") and step[kind] is not True:
        raise MisfitError(f"{kind}: expected true, {found(step[kind])}")
    return Step(number=number, at=at, written=written, **{kind: _KINDS[kind](step[kind])})


def _check_keys(document: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in document:
        if key not in known:
            raise MisfitError(f"expected {', '.join(known)} only, {found(key)}")


def _found_keys(keys: list[str]) -> str:
    return f"found {' and '.join(keys)}" if keys else "found none"


def _time_of(step: Mapping[str, Any]) -> tuple[datetime, str]:
    written = step.get("at")
    try:
        at = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        at = None
    is_utc = at is not None and at.utcoffset() == timedelta() and at.year in _YEARS
    if not isinstance(written, str) or at is None or not is_utc:
        raise MisfitError(f"at: expected {_EXPECTED_TIME}, {found(written)}")
    return at.astimezone(UTC), written


def _trail_of(value: object) -> tuple[Record, ...]:
    if not isinstance(value, list):
        raise MisfitError(f"trail: expected a list of CloudTrail records, {found(value)}")
    for number, record in enumerate(value):
        if not (isinstance(record, dict) and is_record(record)):
            raise MisfitError(
                f"trail[{number}]: not a CloudTrail record: {EXPECTED_OF_A_RECORD}, {found(record)}"
            )
    return tuple(value)


def _state_of(value: object) -> State:
    if not isinstance(value, dict):
        raise MisfitError(f"state: expected an object of accounts, {found(value)}")
    return {account_id: _account_of(account_id, it) for account_id, it in value.items()}


def _account_of(account_id: str, value: object) -> Mapping[str, RegionState] | None:
    if not ids.ACCOUNT.fullmatch(account_id):
        raise MisfitError(f"state: expected an account ID of 12 digits, {found(account_id)}")
    where = f"state.{account_id}"
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MisfitError(f"{where}: expected an object of Regions or null, {found(value)}")
    for region in value:
        if not ids.REGION.fullmatch(region):
            raise MisfitError(f"{where}: expected a Region such as eu-central-1, {found(region)}")
    return {
        region: region_state_of(it, account_id, region, f"{where}.{region}")
        for region, it in value.items()
    }


# The kind of a step -> how what it holds is read.
_KINDS: Final[Mapping[str, Callable[[object], Any]]] = {
    "trail": _trail_of,
    "state": _state_of,
    "watch": bool,
    "sweep": bool,
    "digest": bool,
}
