"""No alert waits for a look, whatever STS and EC2 do; and what was not seen is counted and said."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from local.scenarios.member_accounts import MemberAccounts
from local.scenarios.reading import Scenario, scenario_of
from tests.reliability.conftest import Points
from tests.reliability.small_delivery import payload_of
from tests.reliability.wire import LOOKS, PASSING, Fault, Wire, at, faults_of, wired
from tests.stories import ROOT, story

# Measuring coverage would double the time; and what only a storm reaches is not tested yet.
pytestmark = pytest.mark.no_cover

# One attempt only, or every one to the end of the invocation.
FOR_GOOD: Final = 10**6
ONCE_OR_FOR_GOOD: Final = pytest.mark.parametrize("duration", [1, FOR_GOOD], ids=["once", "always"])
WIDENED: Final = story("prefix-list-widened-to-the-world")
PREFIX_LIST: Final = {
    "PrefixListId": "pl-0ea25ce5b71db88c9",
    "Version": 2,
    # Two pages of them.
    "Entries": [{"Cidr": f"203.0.{number}.0/24"} for number in range(120)],
}


def scenario(name: str) -> Scenario:
    file = ROOT / "events/lifetimes" / f"{name}.json"
    return scenario_of(json.loads(file.read_text()), name)


SCENARIOS: Final = [scenario(name) for name in ("behind-a-load-balancer", "edit-undone")]
# Their last deliveries come together: groups in two accounts, and a prefix list in a third.
RECORDS: Final = [
    WIDENED,
    *(it for life in SCENARIOS for it in [step.trail for step in life.steps if step.trail][-1]),
]
PAYLOAD: Final = payload_of(map(json.dumps, RECORDS))

# Neither rules nor reach depend on these.
BESIDE: Final = {"DescribeTags", "DescribeVpcBlockPublicAccessOptions"}

# What was tried, and what came of it.
summary: Counter[str] = Counter()


@pytest.fixture(scope="module")
def accounts() -> MemberAccounts:
    """What stood there when each life had come to its last step."""
    accounts = MemberAccounts()
    for step in (step for life in SCENARIOS for step in life.steps):
        accounts.change(step.state or {})
    regions = {WIDENED["awsRegion"]: {"ManagedPrefixLists": [PREFIX_LIST]}}
    state = {"at": WIDENED["eventTime"], "state": {WIDENED["recipientAccountId"]: regions}}
    accounts.change(scenario_of({"scenario": [state]}, "the list").steps[0].state or {})
    return accounts


@pytest.fixture(scope="module")
def wire(accounts: MemberAccounts) -> Iterator[Wire]:
    with wired(accounts) as wire:
        yield wire
    accounts.raise_gaps()


@pytest.fixture(scope="module")
def calls(wire: Wire) -> Counter[str]:
    """How many there are in a delivery with which nothing is wrong."""
    wire.start(lambda *_: None)
    assert wire.invoke(PAYLOAD) is None
    assert wire.tally["look_failures"] == 0
    assert not wire.not_seen
    return wire.calls()


def assert_alerted_once(wire: Wire) -> None:
    sent = {event_id: len(sendings) for event_id, sendings in wire.sendings.items()}
    assert sent == dict.fromkeys((record["eventID"] for record in RECORDS), 1)
    # Each alert says what was not seen of its own group; more may be said than is counted.
    assert len(wire.not_seen) >= wire.tally["look_failures"]


def count(wire: Wire) -> None:
    summary["fault points"] += 1
    summary["requests that failed"] += len(wire.failed())
    summary["looks that failed"] += wire.tally["look_failures"]


def test_a_look_makes_calls_of_each_kind(calls: Counter[str]) -> None:
    assert calls.keys() >= set(LOOKS)
    assert calls["AssumeRole"] == 3
    assert calls["GetManagedPrefixListEntries"] == 2


@ONCE_OR_FOR_GOOD
@pytest.mark.parametrize("operation", LOOKS)
def test_no_alert_waits_for_a_look(
    operation: str,
    duration: int,
    wire: Wire,
    points: Points,
) -> None:
    for fault, position in points(operation):
        wire.start(at(operation, position, fault, duration), forget_accounts=False)

        assert wire.invoke(PAYLOAD) is None

        assert wire.failed(operation), "there was no such call"
        assert_alerted_once(wire)
        passes = duration == 1 and fault in PASSING | {Fault.DROPPED_AFTER}
        is_whole = passes or operation in BESIDE
        assert is_whole == (wire.tally["look_failures"] == 0)
        if passes:
            assert not wire.not_seen
        assert wire.tally["memory_failures"] == 0
        count(wire)


@pytest.mark.parametrize("fault", faults_of(LOOKS[0]), ids=str)
def test_no_alert_waits_where_no_account_answers(fault: Fault, wire: Wire) -> None:
    wire.start(lambda called, *_: fault if called in LOOKS else None, forget_accounts=False)

    assert wire.invoke(PAYLOAD) is None

    assert_alerted_once(wire)
    assert wire.tally["look_failures"] == len(RECORDS)
    assert wire.tally["memory_failures"] == 0
    count(wire)
