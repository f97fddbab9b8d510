"""Packs records into deliveries, as CloudWatch Logs does for an organization trail.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .records_in import Payload, Record

ORGANIZATION_ID = "o-exampleorgid"
MANAGEMENT_ACCOUNT_ID = "111122223333"
TRAIL_REGION = "eu-central-1"
LOG_GROUP = "organization-trail"
# The most records in one delivery. CloudWatch Logs limits the bytes: about as many records.
MOST_RECORDS = 1000
# CloudWatch Logs does not wait: records that are further apart do not arrive together.
LONGEST_GAP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A payload for Lambda, the number of its records, and the time of the newest one.

    `where` is the place where the payload was found, or the log stream that it was made for.
    """

    where: str
    payload: dict[str, Any]
    records: int
    newest: datetime | None


def deliveries_of(
    items: Iterable[Record | Payload], *, longest_gap: timedelta = timedelta.max
) -> Iterator[Delivery]:
    """A log stream for each account, in order of time, with up to 1,000 records in a delivery.

    Payloads stay as they are. Records with a longer gap between them go into separate deliveries.
    """
    streams: dict[str, list[Record]] = {}
    for item in items:
        if isinstance(item, Payload):
            records = _records_in(item.awslogs)
            yield Delivery(item.where, item.awslogs, len(records), _newest_of(records))
        else:
            streams.setdefault(_log_stream_of(item), []).append(item)
    for log_stream, in_stream in streams.items():
        for chunk in _chunks_of(sorted(in_stream, key=_order_of), longest_gap):
            payload = _payload_of(log_stream, chunk)
            yield Delivery(log_stream, payload, len(chunk), _newest_of(chunk))


def _chunks_of(records: Iterable[Record], longest_gap: timedelta) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    for record in records:
        newest, time = _newest_of(chunk[-1:]), _time_of(record)
        is_late = newest is not None and time is not None and time - newest > longest_gap
        if is_late or len(chunk) == MOST_RECORDS:
            yield chunk
            chunk = []
        chunk.append(record)
    if chunk:
        yield chunk


def _log_stream_of(record: Record) -> str:
    """`<org-id>_<account>_CloudTrail_<region>`; a placeholder if the record has no account."""
    identity = record.get("userIdentity")
    caller = identity.get("accountId") if isinstance(identity, dict) else None
    account_id = record.get("recipientAccountId") or caller
    if not isinstance(account_id, str):
        return "replay"
    return f"{ORGANIZATION_ID}_{account_id}_CloudTrail_{TRAIL_REGION}"


def _payload_of(log_stream: str, records: list[Record]) -> dict[str, Any]:
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": MANAGEMENT_ACCOUNT_ID,
        "logGroup": LOG_GROUP,
        "logStream": log_stream,
        "subscriptionFilters": ["security-group-changes"],
        "logEvents": [
            {"id": f"{index:056d}", "timestamp": 0, "message": json.dumps(record)}
            for index, record in enumerate(records)
        ],
    }
    # Without the time in gzip's header the same records make the same payload.
    packed = gzip.compress(json.dumps(data).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def _records_in(payload: dict[str, Any]) -> list[object]:
    """The records of a payload; none if it cannot be decoded, which the handler reports."""
    try:
        data = json.loads(gzip.decompress(base64.b64decode(payload["awslogs"]["data"])))
        return [_record_of(log_event) for log_event in data["logEvents"]]
    except (ValueError, LookupError, TypeError, OSError, EOFError, zlib.error, RecursionError):
        return []


def _record_of(log_event: Any) -> object:
    try:
        return json.loads(log_event["message"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _order_of(record: Record) -> datetime:
    """A log stream is in order of time, whatever the order of the files."""
    return _time_of(record) or datetime.min.replace(tzinfo=UTC)


def _newest_of(records: Iterable[object]) -> datetime | None:
    return max(filter(None, map(_time_of, records)), default=None)


def _time_of(record: object) -> datetime | None:
    text = record.get("eventTime") if isinstance(record, dict) else None
    try:
        time = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
