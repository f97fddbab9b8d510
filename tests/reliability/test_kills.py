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


def calls_of(function: Function) -> Counter[str]:
    """What a delivery takes that nobody kills."""
    function.aws.forget()
    assert function.invoke() == SUCCEEDED
    assert Counter(function.aws.sent) == Counter(EVENT_IDS)
    calls = Counter(function.aws.calls)
    assert function.invoke() == SUCCEEDED
    assert Counter(function.aws.sent) == Counter(EVENT_IDS)
    return calls


@pytest.fixture(params=[False, True], ids=["tables-together", "each-table-by-itself"])
def way(request: pytest.FixtureRequest, function: Function) -> Iterator[Function]:
    """In which what was sent is noted: with a transaction, or where it is refused."""
    function.aws.is_in_conflict = request.param
    yield function
    function.aws.is_in_conflict = False


def memories_in(aws: LoopbackAws) -> dict[str, tuple[str, str]]:
    """What is remembered of each group, and the number of times that it was written."""
    return {key: (it["memory"]["B"], it["version"]["N"]) for key, it in aws.memories.items()}


def told_in(aws: LoopbackAws) -> set[str]:
    """Of which groups it was noted what was told."""
    return {key for key, it in aws.memories.items() if it["told"]["M"]}


def test_a_delivery_needs_several_calls_to_send_and_to_mark(function: Function) -> None:
    calls = calls_of(function)

    assert calls["PublishBatch"] >= 3
    assert calls["BatchGetItem"] >= 4
    # What is remembered of the groups, of the last one by itself; and what was sent, of which the
    # last event is marked by itself.
    assert calls["TransactWriteItems"] == 2 + 2
    assert calls["UpdateItem"] == calls["BatchWriteItem"] == 1


def test_each_table_by_itself_needs_more_calls(function: Function) -> None:
    function.aws.is_in_conflict = True

    calls = calls_of(function)

    function.aws.is_in_conflict = False
    # What was told, and eight marks.
    assert calls["UpdateItem"] == 1 + 1
    assert calls["BatchWriteItem"] == 2 + 2 + 1


@pytest.mark.parametrize(("when", "kills"), [("before", 1), ("after", 1), ("after", 2)])
def test_nothing_is_lost_at_whatever_call_it_is_killed(
    when: str, kills: int, way: Function
) -> None:
    aws = way.aws
    calls = calls_of(way)
    remembered, told = memories_in(aws), told_in(aws)
    assert len(remembered) == GROUPS
    assert len(told) == 1
    for at in range(1, calls.total() + 1):
        aws.forget()
        statuses = [way.invoke(at, when) for _ in range(kills)]
        assert statuses[0] == KILLED
        # The second may have less to do, and be done before its time has come.
        assert set(statuses) <= {KILLED, SUCCEEDED}
        # Whose event is marked is never alerted again.
        assert OPENING["eventID"] not in aws.marked or told_in(aws) == told

        assert way.invoke() == SUCCEEDED

        assert set(aws.sent) == EVENT_IDS, "lost"
        assert not aws.repeated_when_marked, "twice without need"
        repeated = len(aws.sent) - len(EVENT_IDS)
        # Two alerts go in a call here, one of them of two events; and three events may wait for a
        # fourth to be marked with them.
        assert repeated <= (3 + 3) * kills
        assert aws.marked == EVENT_IDS
        assert told_in(aws) == told
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
