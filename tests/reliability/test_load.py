"""The largest deliveries there may be, within the function's memory and in few AWS calls."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from local.template import read_template
from tests.loopback_aws import LoopbackAws, environment_for, loopback_aws
from tests.reliability.small_delivery import payload_of
from tests.stories import ROOT, story

OPENING: Final = story("https-opened-to-the-world")
CREATION: Final = story("group-created-with-tags-by-an-aws-service")
MEMORY: Final = read_template()["Resources"]["SecurityGroupAlerterFunction"]["Properties"][
    "MemorySize"
]

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

# A message holds some sixty openings, or some hundred other calls.
MOST_MESSAGES: Final = 100

# What was tried, and what came of it.
summary: Counter[str] = Counter()


class Measured(NamedTuple):
    tally: dict[str, int]
    megabytes: float


@pytest.fixture(scope="module")
def aws() -> Iterator[LoopbackAws]:
    with loopback_aws() as aws:
        yield aws


def measured(aws: LoopbackAws, payload: dict[str, Any]) -> Measured:
    aws.forget()
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.measured_function"],
        cwd=ROOT,
        env=environment_for(aws),
        input=json.dumps(payload),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = Measured(**json.loads(done.stdout))
    summary[f"MB for {found.tally['records']} records"] = round(found.megabytes)
    summary.update({f"messages of {found.tally['records']}": aws.messages})
    summary.update({f"calls for {found.tally['records']}": aws.calls.total()})
    return found


def test_five_thousand_changes_by_five_principals(aws: LoopbackAws) -> None:
    records = [
        (OPENING if number % 20 == 0 else CREATION)
        | {
            "eventID": f"c0ffee00-0000-4000-8000-{number:012d}",
            "userIdentity": OPENING["userIdentity"] | {"arn": f"arn:aws:iam::1:user/{number % 5}"},
        }
        for number in range(5000)
    ]

    found = measured(aws, payload_of(map(json.dumps, records)))

    assert (found.tally["matched"], found.tally["world_open"]) == (5000, 250)
    assert Counter(aws.sent) == {record["eventID"]: 1 for record in records}
    assert len(aws.marked) == 5000
    assert found.megabytes < MEMORY
    # Half full on the average, in calls that have no room for two; nobody's account is asked twice.
    assert aws.messages <= MOST_MESSAGES
    assert aws.calls["PublishBatch"] <= aws.messages
    # Once more for what is remembered of its two groups, and for what was told of them.
    assert aws.calls["BatchGetItem"] == 5000 / 100 + 1
    assert aws.calls["TransactWriteItems"] == 1 + 5000 / 100
    assert aws.calls["BatchWriteItem"] == 1
    assert aws.calls["DescribeAccount"] == len({it["recipientAccountId"] for it in records})


def test_a_record_of_256_kilobytes(aws: LoopbackAws) -> None:
    """As large as CloudTrail's may be."""
    ranges: list[dict[str, str]] = []
    permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}}
    record = OPENING | {
        "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [permission]}},
        "responseElements": {"omitted": True},
    }
    room = (256 * 1024 - len(json.dumps(record))) // len(', {"cidrIp": "100.100.100.100/32"}')
    ranges += [{"cidrIp": f"100.100.{100 + n // 256}.{n % 256}/32"} for n in range(room)]
    ranges[-1] = {"cidrIp": "0.0.0.0/0"}
    assert len(json.dumps(record)) > 240 * 1024

    found = measured(aws, payload_of([json.dumps(record)]))

    assert (found.tally["world_open"], found.tally["unreadable"]) == (1, 0)
    assert aws.sent == [OPENING["eventID"]]
    assert aws.messages == aws.calls["PublishBatch"] == 1
    assert found.megabytes < MEMORY
