"""The payload that CloudWatch Logs hands to Lambda: packs what it says, and unpacks it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html#LambdaFunctionExample
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from typing import Any

from security_group_alerter.cloudtrail.payload import (
    UndecodableDeliveryError,
    UnreadableMessageError,
    delivery_of,
    document_of,
)


def packed(delivery: dict[str, Any]) -> dict[str, Any]:
    """A payload of this delivery; of the same delivery always the same."""
    # The time in gzip's header would make each one different.
    data = gzip.compress(json.dumps(delivery).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def unpacked(payload: dict[str, Any]) -> dict[str, Any]:
    """All that a payload says, which the function can decode, as CloudWatch Logs wrote it."""
    data = base64.b64decode(payload["awslogs"]["data"])
    delivery: dict[str, Any] = json.loads(zlib.decompress(data, zlib.MAX_WBITS | 32))
    return delivery


def log_events_in(payload: dict[str, Any]) -> list[dict[str, Any] | None]:
    """The records in a payload's log events; None for what is not a JSON object.

    Nothing of a control message, nor where the payload cannot be decoded: the function says why.
    """
    try:
        delivery = delivery_of(payload)
    except UndecodableDeliveryError:
        return []
    return [_document_of(message) for message in delivery.messages] if delivery else []


def _document_of(message: str) -> dict[str, Any] | None:
    try:
        return document_of(message)
    except UnreadableMessageError:
        return None
