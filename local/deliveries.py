"""Packs records into deliveries, as CloudWatch Logs does for an organization trail.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of

from .awslogs import log_events_in, packed
from .records_in import Payload, Record

ORGANIZATION_ID = "o-exampleorgid"
MANAGEMENT_ACCOUNT_ID = "111122223333"
TRAIL_REGION = "eu-central-1"
LOG_GROUP = "organization-trail"
# The most records in one delivery. CloudWatch Logs limits the bytes: about as many records.
MOST_RECORDS = 1000
# CloudWatch Logs does not wait: records of different hours do not arrive together.
LONGEST_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload for Lambda, the number of its records, and the time of the newest one.

    `where` is the place where the payload was found, or the log stream that it was made for.
    `places` says where each record was found, by its event id; or by a number, if it has none.
    """

    where: str
    payload: dict[str, Any]
    records: int
    newest: datetime | None
    places: Mapping[str | int, str] = field(default_factory=dict)


class Packer:
    """Packs records as they are found: a log stream for each account.

    The records of a delivery are in order of time, at most 1,000, and at most `longest_span` apart.
    Payloads stay as they are, and come first.
    """

    def __init__(self, *, longest_span: timedelta = timedelta.max) -> None:
        self._longest_span = longest_span
        self._payloads: list[Payload] = []
        self._streams: dict[str, list[_Kept]] = {}

    def add(self, item: Record | Payload, *, place: str | None = None) -> None:
        """Take a record, found at this place; or a payload."""
        if isinstance(item, Payload):
            self._payloads.append(item)
        else:
            read = record_of(item, LogStream())
            kept = _Kept(
                time=read.event_time, event_id=read.event_id, text=json.dumps(item), place=place
            )
            self._streams.setdefault(_log_stream_of(read.account_id), []).append(kept)

    def deliveries(self) -> Iterator[Delivery]:
        """What was taken, packed."""
        for payload in self._payloads:
            yield _delivery_of(payload)
        for log_stream, in_stream in self._streams.items():
            for chunk in _chunks_of(sorted(in_stream, key=_order_of), self._longest_span):
                yield Delivery(
                    where=log_stream,
                    payload=_payload_of(log_stream, chunk),
                    records=len(chunk),
                    newest=chunk[-1].time,
                    places=_by_event_id((it.event_id, it.place) for it in chunk),
                )


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a record. Its text takes a fifth of the memory of its objects."""

    time: datetime | None
    event_id: str | None
    text: str
    place: str | None


def deliveries_of(items: Iterable[Record | Payload]) -> Iterator[Delivery]:
    """All of these, in as few deliveries as can be."""
    packer = Packer()
    for item in items:
        packer.add(item)
    return packer.deliveries()


def _delivery_of(payload: Payload) -> Delivery:
    records = log_events_in(payload.awslogs)
    read = [record_of(record or {}, LogStream()) for record in records]
    return Delivery(
        where=payload.where,
        payload=payload.awslogs,
        records=len(records),
        newest=max((it.event_time for it in read if it.event_time), default=None),
        places=_by_event_id((it.event_id, payload.where) for it in read),
    )


def _by_event_id(found: Iterable[tuple[str | None, str | None]]) -> dict[str | int, str]:
    """Where each record was found, by its event id; or by a number, if it has none."""
    return {
        number if event_id is None else event_id: place
        for number, (event_id, place) in enumerate(found)
        if place is not None
    }


def _chunks_of(kept: Iterable[_Kept], longest_span: timedelta) -> Iterator[list[_Kept]]:
    chunk: list[_Kept] = []
    oldest: datetime | None = None
    for it in kept:
        is_late = oldest is not None and it.time is not None and it.time - oldest > longest_span
        if is_late or len(chunk) == MOST_RECORDS:
            yield chunk
            chunk, oldest = [], None
        chunk.append(it)
        oldest = oldest or it.time
    if chunk:
        yield chunk


def _log_stream_of(account_id: str | None) -> str:
    """`<org-id>_<account>_CloudTrail_<region>`; a placeholder if the record has no account."""
    if account_id is None:
        return "replay"
    return f"{ORGANIZATION_ID}_{account_id}_CloudTrail_{TRAIL_REGION}"


def _payload_of(log_stream: str, chunk: list[_Kept]) -> dict[str, Any]:
    return packed(
        {
            "messageType": "DATA_MESSAGE",
            "owner": MANAGEMENT_ACCOUNT_ID,
            "logGroup": LOG_GROUP,
            "logStream": log_stream,
            "subscriptionFilters": ["security-group-changes"],
            "logEvents": [
                {"id": f"{index:056d}", "timestamp": 0, "message": it.text}
                for index, it in enumerate(chunk)
            ],
        }
    )


def _order_of(kept: _Kept) -> datetime:
    """A log stream is in order of time, whatever the order of the files."""
    return kept.time or datetime.min.replace(tzinfo=UTC)
