"""The machine form of the digest: an OCSF Detection Finding, as messages/machine.py says.

It neither opens nor closes a finding of its own exposures: their alerts do. Therefore it has no
`unmapped.exposures`; what stands and what ended is in `unmapped.digest`, by uid. `reach` is as it
was last reported, or as the first sweep found it: that at `looked_at` may be another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ...model.digest import ChangeCount, NotSeen, OpenExposure
from ...model.exposure import Opening
from ...model.exposure_life import Event, ExposureLife
from ...model.message import DIGEST
from ...model.severity import Severity
from ..members import without_empty
from ..ocsf import DETECTION_FINDING, OCSF_VERSION, PRODUCT, SEVERITY_IDS, json_of, milliseconds
from .page import Page

# Programs want more than people read.
_TIMES_MORE = 4
_LONGEST_TEXT = 300
_MOST_OPENINGS = 10


def machine_of(page: Page, *, uid: str, most: int) -> str:
    """The whole digest; of each list at most four times as many entries as people see."""
    digest, severity = page.digest, Severity.INFORMATIONAL
    time = milliseconds(digest.until)
    return json_of(
        without_empty(
            activity_id=1,
            activity_name="Create",
            category_name="Findings",
            category_uid=2,
            class_name="Detection Finding",
            class_uid=DETECTION_FINDING,
            type_name="Detection Finding: Create",
            type_uid=100 * DETECTION_FINDING + 1,
            severity=severity.name.capitalize(),
            severity_id=SEVERITY_IDS[severity],
            # Nothing is left to be done about the digest itself.
            status="Resolved",
            status_id=4,
            message=page.headline,
            time=time,
            metadata={
                "processed_time": time,
                "product": {"name": PRODUCT, "vendor_name": PRODUCT},
                "profiles": ["cloud"],
                "version": OCSF_VERSION,
            },
            cloud=without_empty(
                provider="AWS",
                org=without_empty(uid=digest.organization_id),
            ),
            finding_info={
                "uid": uid,
                "title": page.headline,
                "desc": page.period,
                "types": [DIGEST],
                "created_time": time,
                "first_seen_time": milliseconds(digest.since),
                "last_seen_time": time,
                "data_sources": ["AWS CloudTrail"],
                "analytic": {"name": PRODUCT, "type": "Rule", "type_id": 1, "uid": DIGEST},
            },
            unmapped={
                "effect": "other",
                "kind": DIGEST,
                "world_open": False,
                "digest": _members(page, _TIMES_MORE * most),
            },
        )
    )


def _members(page: Page, most: int) -> dict[str, Any]:
    digest, names = page.digest, page.digest.names
    return without_empty(
        since=_time(digest.since),
        until=_time(digest.until),
        counts={
            "open": len(digest.standing),
            "snoozed": len(digest.snoozed),
            "accepted": len(digest.accepted),
            "closed": len(digest.closed),
            "changes": digest.changed,
            "changes_not_known": digest.not_known,
            "not_seen": len(digest.not_seen),
        },
        has_looks=digest.has_looks,
        last_sweep=digest.last_sweep and _time(digest.last_sweep),
        open=[_open(it) for it in _worst(digest.open, most)],
        closed=[_closed(it) for it in digest.closed[:most]],
        changes=[_change(it) for it in digest.changes[:most]],
        not_seen=[_not_seen(it) for it in digest.not_seen[:most]],
        account_names={it: _cut(name) for it, name in [*names.items()][:most]},
    )


def _worst(exposures: Sequence[OpenExposure], most: int) -> list[OpenExposure]:
    return sorted(exposures, key=lambda it: it.severity, reverse=True)[:most]


def _open(exposure: OpenExposure) -> dict[str, Any]:
    snooze, accepted = exposure.snooze, exposure.accepted
    return _life(exposure.life) | without_empty(
        severity=exposure.severity.name,
        reach=exposure.reach.value,
        looked_at=exposure.looked_at and _time(exposure.looked_at),
        snoozed_until=snooze and snooze.until.isoformat(),
        accepted_until=min(it.expires for it in accepted).isoformat() if accepted else None,
    )


def _closed(life: ExposureLife) -> dict[str, Any]:
    opened, closed = life.opened, life.closed
    lasted = (closed.time - opened.time).total_seconds() if opened and closed else None
    return _life(life) | without_empty(
        closed=closed and _event(closed), closed_how=life.closed_how, seconds_open=lasted
    )


def _life(life: ExposureLife) -> dict[str, Any]:
    resource = life.resource
    return without_empty(
        uid=life.uid,
        kind=resource.kind.value,
        id=_cut(resource.id),
        account_id=_cut(resource.account_id),
        region=_cut(resource.region),
        severity=life.severity.name,
        opened=life.opened and _event(life.opened),
        known_since=_time(life.revealed.time),
        openings=[_opening(it) for it in life.openings[:_MOST_OPENINGS]],
    )


def _event(event: Event) -> dict[str, Any]:
    return without_empty(
        event_id=None if event.looked_by else _cut(event.event_id),
        looked_by=event.looked_by,
        time=_time(event.time),
        principal=_cut(event.principal),
    )


def _opening(opening: Opening) -> dict[str, Any]:
    return without_empty(
        protocol=_cut(opening.protocol),
        first_port=opening.ports.first if opening.ports else None,
        last_port=opening.ports.last if opening.ports else None,
        ipv4_share=opening.share.ipv4_share,
        ipv6_share=opening.share.ipv6_share,
    )


def _change(change: ChangeCount) -> dict[str, Any]:
    return without_empty(
        count=change.count,
        account_id=_cut(change.account_id),
        call=_cut(change.call),
        effect=change.effect.value,
        world_open=change.world_open,
        principal=_cut(change.principal),
        machine_made=change.is_machine_made,
    )


def _not_seen(place: NotSeen) -> dict[str, Any]:
    return without_empty(
        problem=_cut(place.problem),
        account_id=_cut(place.account_id),
        region=_cut(place.region),
        since=place.since and _time(place.since),
    )


def _cut(text: str | None) -> str | None:
    return text and text[:_LONGEST_TEXT]


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
