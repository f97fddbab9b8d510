"""The deliveries to measure: records of one account, as one log stream carries them.

The records are those of events/, in the compact form that CloudTrail writes, with IDs of their own.
Each call is made by one of five principals.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

EVENTS: Final = Path(__file__).parents[1] / "events"
ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
START: Final = datetime(2026, 11, 17, 8, 0, tzinfo=UTC)

# One record in ten opens something to the world; both kinds are equally common.
OPENINGS: Final = (
    "https-opened-to-the-world",
    "ssh-opened-to-the-world-from-the-console",
)
# The others are what a Terraform apply, a person at the console and AWS services do all day.
OTHERS: Final = (
    "group-created-with-tags-by-an-aws-service",
    "default-egress-rule-revoked",
    "everything-opened-to-the-private-network-by-cloudformation",
    "egress-opened-for-everything",
    "group-of-a-peered-account-allowed-by-that-account",
    "ingress-rule-description-updated",
    "ssh-closed-to-the-world",
    "rules-revoked-by-id-in-a-record-of-2024",
    "group-deleted-by-eks",
)
# Who calls, and how: the identity, address and user agent of these.
PRINCIPALS: Final = (
    "https-opened-to-the-world",
    "ssh-opened-to-the-world-from-the-console",
    "everything-opened-to-the-private-network-by-cloudformation",
    "group-deleted-by-eks",
    "everything-opened-to-the-world",
)
_OF_A_PRINCIPAL: Final = (
    "userIdentity",
    "sourceIPAddress",
    "userAgent",
    "sessionCredentialFromConsole",
)
# The stories leave it out for brevity.
TLS: Final = {
    "tlsVersion": "TLSv1.3",
    "cipherSuite": "TLS_AES_128_GCM_SHA256",
    "clientProvidedHostHeader": f"ec2.{REGION}.amazonaws.com",
}
# CloudTrail and EC2 make new ones for each call; a few calls change the same group.
_IDS_OF_A_CALL: Final = re.compile(
    r"\b(sgr-)[0-9a-f]{17}|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
)
_GROUP_ID: Final = re.compile(r"\bsg-[0-9a-f]{8,17}\b")
_CALLS_OF_A_GROUP: Final = 4
_serial: Final = count(1)


def delivery(size: int, *, only_openings: bool = False) -> dict[str, Any]:
    """One payload of so many new records; if there is only one, it is an opening."""
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "111122223333",
        "logGroup": "organization-trail",
        "logStream": f"o-exampleorgid_{ACCOUNT}_CloudTrail_{REGION}",
        "subscriptionFilters": ["security-group-changes"],
        "logEvents": [
            {"id": f"{index:056d}", "timestamp": 1795000000000 + index, "message": message}
            for index, message in enumerate(messages(size, only_openings=only_openings))
        ],
    }
    packed = gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


def messages(size: int, *, only_openings: bool = False) -> Iterator[str]:
    """The records as text, a second apart."""
    for index in range(size):
        model = OTHERS[index % len(OTHERS)]
        if only_openings or index % 10 == 0:
            model = OPENINGS[index // 50 % len(OPENINGS)]
        # Every tenth record opens, so that each principal has its share of both.
        principal = PRINCIPALS[(index + index // 10) % len(PRINCIPALS)]
        yield _message(model, principal, next(_serial), START + timedelta(seconds=index))


def _message(model: str, principal: str, serial: int, time: datetime) -> str:
    def fresh(found: re.Match[str]) -> str:
        if found[1]:
            return f"sgr-{serial:017x}"
        return f"c0ffee00-0000-4000-8000-{serial:012x}"

    text = _IDS_OF_A_CALL.sub(fresh, _text_of(model, principal))
    text = _GROUP_ID.sub(f"sg-{serial // _CALLS_OF_A_GROUP:017x}", text)
    return text.replace("{time}", f"{time:%Y-%m-%dT%H:%M:%SZ}")


@cache
def _text_of(model: str, principal: str) -> str:
    """The story in our account and Region, by this principal, at a time to be filled in."""
    record = _story(model)
    caller = _story(principal)
    for name in _OF_A_PRINCIPAL:
        record.pop(name, None)
    record |= {name: caller[name] for name in _OF_A_PRINCIPAL if name in caller}
    text = json.dumps(record | {"eventTime": "{time}", "tlsDetails": TLS}, separators=(",", ":"))
    for other in {record["recipientAccountId"], caller["recipientAccountId"]}:
        text = text.replace(other, ACCOUNT)
    return text.replace(record["awsRegion"], REGION)


def _story(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return record
