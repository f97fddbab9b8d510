"""Exposures in time, and what was told of them, for tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from security_group_alerter.judgement.exposure import exposure_of
from security_group_alerter.judgement.severities import severity_of
from security_group_alerter.model.exposure_life import EndedHow, Event, ExposureLife, Resource
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import Told
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rules

OPENED_AT: Final = datetime(2026, 11, 23, 3, 5, 12, tzinfo=UTC)
TOLD_AT: Final = datetime(2026, 11, 23, 3, 12, 44, tzinfo=UTC)
JANE: Final = "arn:aws:sts::111122223333:assumed-role/deploy/jane"
GROUP: Final = Resource(
    kind=SubjectKind.SECURITY_GROUP,
    id="sg-0123456789abcdef0",
    account_id="111122223333",
    region="eu-central-1",
)
PREFIX_LIST: Final = GROUP._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0")
UID: Final = "0123456789abcdef0123456789abcdef"


def a_call(at: datetime = OPENED_AT, name: str = "e-1", principal: str | None = JANE) -> Event:
    return Event(event_id=name, time=at, principal=principal)


def a_look(seen_at: datetime, by: str = "watch") -> Event:
    """As a look is remembered: it counts as of two minutes before it."""
    return Event(event_id=f"{by}:{seen_at.isoformat()}", time=seen_at - timedelta(minutes=2))


def a_life(*texts: str, **members: Any) -> ExposureLife:
    """What one call opened: SSH to the world, unless told otherwise."""
    exposure = exposure_of(rules(*texts or ("tcp 22 from 0.0.0.0/0",)))
    opened = members.get("opened", a_call())
    whole: dict[str, Any] = {
        "uid": UID,
        "resource": GROUP,
        "opened": opened,
        "revealed": opened,
        "closed": None,
        "closed_how": None,
        "severity": severity_of(exposure),
        "openings": exposure.openings,
        "event_ids": ("e-1",),
    }
    return ExposureLife(**whole | members)


def found_by(look: Event, *texts: str, **members: Any) -> ExposureLife:
    """What only a look knows of."""
    return a_life(*texts, opened=None, revealed=look, event_ids=(), **members)


def ended(life: ExposureLife, by: Event, how: EndedHow = EndedHow.REVOKED) -> ExposureLife:
    how = how if by.looked_by is None else EndedHow.SEEN
    return replace(life, closed=by, closed_how=how)


def a_told(**members: Any) -> Told:
    """As CRITICAL, with a public instance behind it."""
    whole: dict[str, Any] = {
        "uid": UID,
        "at": TOLD_AT,
        "severity": Severity.CRITICAL,
        "reach": Reach.PUBLIC,
    }
    return Told(**whole | members)


def after(start: datetime = TOLD_AT, **length: float) -> datetime:
    return start + timedelta(**length)
