"""A delivery of a few records that makes many AWS calls."""

import base64
import gzip
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from security_group_alerter import noting
from security_group_alerter.aws import alert_notes, group_memory, seen_events, sns
from tests.stories import story


def payload_of(messages: Iterable[str]) -> dict[str, Any]:
    data = {
        "messageType": "DATA_MESSAGE",
        "logGroup": "organization-trail",
        "logStream": "replay",
        "logEvents": [
            {"id": f"{index:056d}", "timestamp": 0, "message": message}
            for index, message in enumerate(messages)
        ],
    }
    packed = gzip.compress(json.dumps(data).encode(), compresslevel=1)
    return {"awslogs": {"data": base64.b64encode(packed).decode()}}


@contextmanager
def in_batches(
    *, sent: int = 2, noted: int = 4, marked: int = 2, read: int = 4, remembered: int = 2
) -> Iterator[None]:
    """How many go in a call: usually so few that a few records take several calls of each kind."""
    with (
        mock.patch.object(sns, "MOST_IN_BATCH", sent),
        mock.patch.object(noting, "NOTED_TOGETHER", noted),
        mock.patch.object(alert_notes, "MOST_IN_CALL", noted),
        mock.patch.object(seen_events, "MOST_IN_WRITE", marked),
        mock.patch.object(seen_events, "MOST_IN_READ", read),
        mock.patch.object(group_memory, "MOST_IN_CALL", remembered),
    ):
        yield


# Of five groups, in accounts of two OUs; and calls most of which do not share an alert.
OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
CREATION: Final = story("group-created-with-tags-by-an-aws-service")
DELETION: Final = story("group-deleted-by-name")
EVENT_ID: Final = "c0ffee00-0000-4000-8000-{:012d}"
ELSEWHERE: Final = {"recipientAccountId": "555566667777"}
RECORDS: Final[list[dict[str, Any]]] = [
    OPENING,
    CREATION,
    CREATION | {"eventID": EVENT_ID.format(1)},
    DELETION,
    DELETION | ELSEWHERE | {"eventID": EVENT_ID.format(2)},
    CREATION | ELSEWHERE | {"eventID": EVENT_ID.format(3)},
    DELETION | {"eventID": EVENT_ID.format(5), "awsRegion": "eu-west-1"},
    OPENING | {"eventID": EVENT_ID.format(4), "requestParameters": None, "responseElements": None},
]
GROUPS: Final = 5
EVENT_IDS: Final = {record["eventID"] for record in RECORDS}
PAYLOAD: Final = payload_of(map(json.dumps, RECORDS))
