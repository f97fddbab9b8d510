"""The function dies at any AWS call: nothing is lost, and only what was not marked comes twice."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

import pytest

from tests.loopback_aws import LoopbackAws, environment_for, loopback_aws
from tests.member_accounts import (
    MemberWorld,
    group,
    instance,
    interface,
    member_accounts,
    rule,
)
from tests.reliability.mortal_function import KILLED
from tests.reliability.small_delivery import EVENT_IDS, GROUPS, OPENING, PAYLOAD
from tests.stories import ROOT

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

SUCCEEDED: Final = 0
# So often it asks what was alerted, before it looks.
READS: Final = 2

# What was tried, and what came of it.
summary: Counter[str] = Counter()


class Function:
    """Invocations in processes of their own, and the AWS that outlives them."""

    def __init__(self, aws: LoopbackAws, process: subprocess.Popen[str]) -> None:
        self.aws = aws
        self._requests = cast("IO[str]", process.stdin)
        self._answers = cast("IO[str]", process.stdout)

    def invoke(self, at: int = 0, when: str = "") -> int:
        """Its exit status."""
        print(
            json.dumps({"payload": PAYLOAD, "at": at, "when": when}),
            file=self._requests,
            flush=True,
        )
        return int(self._answers.readline())


@contextmanager
def function_with(aws: LoopbackAws, **environment: str) -> Iterator[Function]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.mortal_function"],
        cwd=ROOT,
        env=environment_for(aws) | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Function(aws, process)
        cast("IO[str]", process.stdin).close()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def function() -> Iterator[Function]:
    with loopback_aws() as aws, function_with(aws) as function:
        yield function


@pytest.fixture(scope="module")
def world() -> MemberWorld:
    """The account of the opening has the role, the others deny it."""
    group_id = OPENING["requestParameters"]["groupId"]
    region = {
        "SecurityGroups": [group(group_id)],
        "SecurityGroupRules": [rule("sgr-0aaaaaaaaaaaaaaaa", group_id)],
        "NetworkInterfaces": [interface("eni-0aaaaaaaaaaaaaaaa", group_id, **instance("i-0aaaa"))],
    }
    return MemberWorld(accounts={OPENING["recipientAccountId"]: {OPENING["awsRegion"]: region}})


@pytest.fixture(scope="module")
def function_that_looks(world: MemberWorld) -> Iterator[Function]:
    with loopback_aws() as aws, member_accounts(world):
        looks = {"AWS_ENDPOINT_URL_EC2": world.url, "AWS_ENDPOINT_URL_STS": world.url}
        with function_with(aws, LOOK_ROLE_NAME="look", **looks) as function:
            yield function


@pytest.fixture(scope="module")
def calls(function: Function) -> Counter[str]:
    """What a delivery takes that nobody kills."""
    assert function.invoke() == SUCCEEDED
    assert Counter(function.aws.sent) == Counter(EVENT_IDS)
    calls = Counter(function.aws.calls)
    assert function.invoke() == SUCCEEDED
    assert Counter(function.aws.sent) == Counter(EVENT_IDS)
    return calls


def memories_in(aws: LoopbackAws) -> dict[str, tuple[str, str]]:
    """What is remembered of each group, and the number of times that it was written."""
    return {key: (it["memory"]["B"], it["version"]["N"]) for key, it in aws.memories.items()}


def test_a_delivery_needs_several_calls_to_send_and_to_mark(calls: Counter[str]) -> None:
    assert calls["PublishBatch"] >= 3
    assert calls["BatchWriteItem"] >= 3
    assert calls["BatchGetItem"] >= 4
    assert calls["TransactWriteItems"] >= 2
    # What is remembered of one group, and what was told of it.
    assert calls["UpdateItem"] == 2


@pytest.mark.parametrize(("when", "kills"), [("before", 1), ("after", 1), ("after", 2)])
def test_nothing_is_lost_at_whatever_call_it_is_killed(
    when: str, kills: int, function: Function, calls: Counter[str]
) -> None:
    aws = function.aws
    aws.forget()
    assert function.invoke() == SUCCEEDED
    remembered = memories_in(aws)
    assert len(remembered) == GROUPS
    for at in range(1, calls.total() + 1):
        aws.forget()
        statuses = [function.invoke(at, when) for _ in range(kills)]
        assert statuses[0] == KILLED
        # The second may have less to do, and be done before its time has come.
        assert set(statuses) <= {KILLED, SUCCEEDED}

        assert function.invoke() == SUCCEEDED

        assert set(aws.sent) == EVENT_IDS, "lost"
        assert not aws.repeated_when_marked, "twice without need"
        repeated = len(aws.sent) - len(EVENT_IDS)
        # Two alerts go in a call here, one of them of two events; and two events may wait for a
        # third to be marked with them.
        assert repeated <= (3 + 2) * kills
        assert aws.marked == EVENT_IDS
        assert memories_in(aws) == remembered, "not remembered, or something else"
        summary["kills"] += statuses.count(KILLED)
        summary["invocations"] += kills + 1
        summary["events"] += len(EVENT_IDS)
        summary["duplicate: killed after SNS took it, before it was marked"] += repeated


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_lost_at_whatever_look_it_is_killed(
    when: str, step: int, function_that_looks: Function, world: MemberWorld
) -> None:
    aws = function_that_looks.aws
    aws.forget()
    world.calls.clear()
    assert function_that_looks.invoke() == SUCCEEDED
    looks = world.calls.total()
    assert looks > 5
    for look in range(1, looks + 1, step):
        aws.forget()
        assert function_that_looks.invoke(READS + look, when) == KILLED
        assert aws.calls == {"BatchGetItem": READS}, "it was not looking"

        assert function_that_looks.invoke() == SUCCEEDED

        assert Counter(aws.sent) == Counter(EVENT_IDS)
        assert aws.marked == EVENT_IDS
        assert len(aws.memories) == GROUPS
        summary["kills while it looks"] += 1
