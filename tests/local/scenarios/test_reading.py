"""Documents become scenarios; what does not fit is refused, with the step and what was expected."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from local.scenarios.reading import ScenarioError, scenario_of
from tests.stories import story

OPENING: Final = story("ssh-opened-to-the-world-from-the-console")
ACCOUNT: Final = "222233334444"
REGION: Final = "eu-central-1"
AT: Final = "2026-11-17T09:00:00Z"
TRAIL: Final[dict[str, Any]] = {"at": AT, "trail": [OPENING]}


def state(region: object, name: str = REGION) -> dict[str, Any]:
    return {"at": AT, "state": {ACCOUNT: {name: region}}}


def test_steps_are_read_in_order() -> None:
    scenario = scenario_of(
        {
            "scenario": [
                {"at": "2026-11-17T09:00:00Z", "trail": [OPENING]},
                {"at": "2026-11-17T09:00:00+00:00", "trail": []},
                {"at": "2026-11-17T09:00:00.5Z", "trail": [OPENING, OPENING]},
                {"at": "2026-11-17T10:00Z", "state": {ACCOUNT: {REGION: {}, "us-east-1": {}}}},
                {"at": "20261117T110000Z", "state": {ACCOUNT: None, "333344445555": {}}},
            ]
        },
        "life.json, line 1",
    )

    assert scenario.where == "life.json, line 1"
    assert scenario.has_state
    assert [(it.number, it.at.hour, str(it)) for it in scenario.steps] == [
        (0, 9, "1 record"),
        (1, 9, "0 records"),
        (2, 9, "2 records"),
        (3, 10, "the state of 222233334444 eu-central-1, the state of 222233334444 us-east-1"),
        (4, 11, "222233334444 denies the role"),
    ]
    assert scenario.steps[1].at == datetime(2026, 11, 17, 9, tzinfo=UTC)
    assert scenario.steps[1].written == "2026-11-17T09:00:00+00:00"


def test_without_a_state_there_is_no_role() -> None:
    assert not scenario_of({"scenario": [TRAIL]}, "here").has_state
    only_named = scenario_of({"scenario": [{"at": AT, "state": {"222233334444": {}}}]}, "here")
    assert only_named.has_state
    assert str(only_named.steps[0]) == "nothing new"


LISTS: Final = (
    "SecurityGroups, SecurityGroupRules, NetworkInterfaces, ManagedPrefixLists, "
    "SecurityGroupVpcAssociations, Vpcs, VpcBlockPublicAccessOptions"
)
KINDS: Final = "trail, state, watch, sweep, digest"
TIME: Final = "expected a time in UTC such as 2026-11-17T08:55:12Z"
IN_REGION: Final = f"state.{ACCOUNT}.{REGION}"
RULE: Final = {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-1", "IpProtocol": "tcp"}

# What stands in the list of steps, after a good step -> what is said.
WRONG_STEPS: Final[dict[str, tuple[Any, str]]] = {
    "no-object": ([TRAIL], "expected an object, found [{"),
    "no-time": ({"trail": []}, f"at: {TIME}, found None"),
    "time-that-is-no-text": ({"at": 5, "trail": []}, f"at: {TIME}, found 5"),
    "time-that-is-none": ({"at": "noon", "trail": []}, f"at: {TIME}, found 'noon'"),
    "time-without-a-zone": (
        {"at": "2026-11-17T10:00:00", "trail": []},
        f"at: {TIME}, found '2026-11-17T10:00:00'",
    ),
    "time-of-another-zone": (
        {"at": "2026-11-17T10:00:00+01:00", "trail": []},
        f"at: {TIME}, found '2026-11-17T10:00:00+01:00'",
    ),
    "time-before-all-clocks": (
        {"at": "0001-01-01T00:00:00Z", "trail": []},
        f"at: {TIME}, found '0001-01-01T00:00:00Z'",
    ),
    "time-that-goes-back": (
        {"at": "2026-11-17T08:59:59Z", "trail": []},
        f"at: expected a time not before {AT}, found '2026-11-17T08:59:59Z'",
    ),
    "no-kind": ({"at": AT}, f"expected one of {KINDS}, found none"),
    "two-kinds": (
        TRAIL | {"state": {}},
        f"expected one of {KINDS}, found trail and state",
    ),
    "unknown-key": (TRAIL | {"tail": []}, f"expected at, {KINDS} only, found 'tail'"),
    "digest-that-is-text": ({"at": AT, "digest": "now"}, "digest: expected true, found 'now'"),
    "sweep-that-is-a-number": ({"at": AT, "sweep": 1}, "sweep: expected true, found 1"),
    "watch-that-is-off": ({"at": AT, "watch": False}, "watch: expected true, found False"),
    "trail-that-is-no-list": (
        {"at": AT, "trail": {"eventName": "x"}},
        "trail: expected a list of CloudTrail records, found {'eventName': 'x'}",
    ),
    "record-that-is-none": (
        {"at": AT, "trail": [OPENING, {"eventName": "x"}]},
        "trail[1]: not a CloudTrail record: expected eventName with eventTime, and eventID or "
        "userIdentity, found {'eventName': 'x'}",
    ),
    "record-that-is-text": (
        {"at": AT, "trail": ["x"]},
        "trail[0]: not a CloudTrail record: expected eventName with eventTime, and eventID or "
        "userIdentity, found 'x'",
    ),
    "state-that-is-no-object": (
        {"at": AT, "state": []},
        "state: expected an object of accounts, found []",
    ),
    "state-of-no-account": (
        {"at": AT, "state": {"payments": {}}},
        "state: expected an account ID of 12 digits, found 'payments'",
    ),
    "account-that-is-no-object": (
        {"at": AT, "state": {ACCOUNT: []}},
        f"state.{ACCOUNT}: expected an object of Regions or null, found []",
    ),
    "state-of-no-region": (
        state({}, "Frankfurt"),
        f"state.{ACCOUNT}: expected a Region such as eu-central-1, found 'Frankfurt'",
    ),
    "region-that-is-null": (state(None), f"{IN_REGION}: expected an object of lists, found None"),
    "unknown-list": (state({"Instances": []}), f"{IN_REGION}: expected {LISTS}, found 'Instances'"),
    "list-that-is-none": (
        state({"SecurityGroups": {}}),
        f"{IN_REGION}.SecurityGroups: expected a list, found {{}}",
    ),
    "thing-that-is-none": (
        state({"SecurityGroups": ["sg-1"]}),
        f"{IN_REGION}.SecurityGroups[0]: expected an object, found 'sg-1'",
    ),
    "thing-without-its-id": (
        state({"Vpcs": [{"VpcId": "vpc-1"}, {}]}),
        f"{IN_REGION}.Vpcs[1]: expected VpcId, found {{}}",
    ),
    "member-that-aws-does-not-have": (
        state({"SecurityGroups": [{"GroupID": "sg-1"}]}),
        f"{IN_REGION}.SecurityGroups[0]: expected what AWS describes of a SecurityGroup, "
        "found 'GroupID'",
    ),
    "text-that-is-none": (
        state({"SecurityGroups": [{"GroupId": "sg-1", "Tags": [{"Key": 5}]}]}),
        f"{IN_REGION}.SecurityGroups[0].Tags[0].Key: expected text, found 5",
    ),
    "number-that-is-text": (
        state({"SecurityGroupRules": [RULE | {"FromPort": "22"}]}),
        f"{IN_REGION}.SecurityGroupRules[0].FromPort: expected a whole number, found '22'",
    ),
    "number-that-is-true": (
        state({"SecurityGroupRules": [RULE | {"FromPort": True}]}),
        f"{IN_REGION}.SecurityGroupRules[0].FromPort: expected a whole number, found True",
    ),
    "direction-that-is-text": (
        state({"SecurityGroupRules": [RULE | {"IsEgress": "false"}]}),
        f"{IN_REGION}.SecurityGroupRules[0].IsEgress: expected true or false, found 'false'",
    ),
    "time-of-a-thing-that-is-none": (
        state({"VpcBlockPublicAccessOptions": {"LastUpdateTimestamp": "noon"}}),
        f"{IN_REGION}.VpcBlockPublicAccessOptions.LastUpdateTimestamp: expected a time in "
        "ISO 8601, found 'noon'",
    ),
    "options-that-are-a-list": (
        state({"VpcBlockPublicAccessOptions": []}),
        f"{IN_REGION}.VpcBlockPublicAccessOptions: expected an object, found []",
    ),
    "entries-that-are-none": (
        state({"ManagedPrefixLists": [{"PrefixListId": "pl-1", "Entries": ["10.0.0.0/8"]}]}),
        f"{IN_REGION}.ManagedPrefixLists[0].Entries[0]: expected an object, found '10.0.0.0/8'",
    ),
    "what-is-long-is-shortened": (
        {"at": AT, "trail": "x" * 50},
        "trail: expected a list of CloudTrail records, found '" + "x" * 39 + "…",
    ),
}


@pytest.mark.parametrize(("step", "said"), WRONG_STEPS.values(), ids=WRONG_STEPS)
def test_a_step_that_does_not_fit(step: object, said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario_of({"scenario": [TRAIL, step]}, "life.json, line 1")

    assert str(caught.value).startswith(f"life.json, line 1, step 1: {said}")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"scenario": {}}, "scenario: expected a list of steps, found {}"),
        ({"scenario": []}, "scenario: expected a list of steps, found []"),
        ({"scenario": [TRAIL], "title": "x"}, "expected scenario only, found 'title'"),
    ],
    ids=["no-list", "no-steps", "something-beside"],
)
def test_a_document_that_does_not_fit(document: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario_of(document, "life.json, line 1")

    assert str(caught.value) == f"life.json, line 1: {said}"
