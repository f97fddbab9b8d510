"""Statements become exposures, and an exposure becomes a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.statements import Statement
from security_group_alerter.model.exposure import Opening
from security_group_alerter.model.exposure_life import Event, ExposureLife, Resource

_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


def exposures_of(statements: Mapping[Resource, Iterable[Statement]]) -> list[ExposureLife]:
    """Every exposure, in order."""
    return in_order(
        life for resource, said in statements.items() for life in fold(resource, said).exposures
    )


def in_order(lives: Iterable[ExposureLife]) -> list[ExposureLife]:
    """By the time at which each was opened; those of unknown beginning first."""
    return sorted(lives, key=_order_of)


def _order_of(life: ExposureLife) -> tuple[object, ...]:
    resource = life.resource
    return (
        life.opened.time if life.opened else _BEFORE_ALL,
        resource.account_id or "",
        resource.region or "",
        resource.id,
        life.uid,
    )


def standing_of(life: ExposureLife) -> timedelta | None:
    """How long it was open; None while it is, or where its beginning is not known."""
    if life.opened is None or life.closed is None:
        return None
    return life.closed.time - life.opened.time


def json_of(life: ExposureLife) -> str:
    """The exposure as one line of JSON."""
    return json.dumps(members_of(life))


def members_of(life: ExposureLife) -> dict[str, Any]:
    """The exposure as JSON has it."""
    standing = standing_of(life)
    return {
        "uid": life.uid,
        "account_id": life.resource.account_id,
        "region": life.resource.region,
        "resource_id": life.resource.id,
        **_event("opened", life.opened),
        **_event("closed", life.closed),
        "closed_how": life.closed_how,
        "seconds_open": None if standing is None else int(standing.total_seconds()),
        "worst_severity": life.severity.name,
        "openings": [_opening(opening) for opening in life.openings],
        "event_ids": life.event_ids,
    }


def _event(what: str, event: Event | None) -> dict[str, Any]:
    return {
        f"{what}_at": f"{event.time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if event else None,
        f"{what}_by": event.principal if event else None,
        f"{what}_event_id": event.event_id if event else None,
    }


def _opening(opening: Opening) -> dict[str, Any]:
    return {
        "protocol": opening.protocol,
        "first_port": opening.ports.first if opening.ports else None,
        "last_port": opening.ports.last if opening.ports else None,
        "ipv4_share": opening.share.ipv4_share,
        "ipv6_share": opening.share.ipv6_share,
    }
