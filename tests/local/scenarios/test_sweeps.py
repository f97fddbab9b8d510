"""A sweep as a step of a life."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest

from local.aws import GROUP_MEMORY_TABLE, emulated_aws
from local.scenarios.member_accounts import SERVICES, MemberAccounts
from local.scenarios.playing import LOOK_ROLE_NAME, played
from local.scenarios.reading import scenario_of
from local.scenarios.sweeps import Sweeps
from tests.security_group_alerter.sweeps import ACCOUNT, OTHER, REGION, a_rule, a_state, group
from tests.stories import story

AT: Final = "2026-11-17T09:00:00Z"
NOW: Final = datetime(2026, 11, 17, 9, tzinfo=UTC)
SWEEP: Final = {"at": AT, "sweep": True}


@pytest.fixture
def accounts() -> Iterator[MemberAccounts]:
    accounts = MemberAccounts()
    with (
        emulated_aws(look_role_name=LOOK_ROLE_NAME, but_for=SERVICES),
        accounts.reachable(),
    ):
        yield accounts


def named(accounts: MemberAccounts, state: Any) -> None:
    [step] = scenario_of({"scenario": [{"at": AT, "state": state}]}, "here").steps
    assert step.state is not None
    accounts.change(step.state)


def keys_in_table() -> set[str]:
    items = boto3.client("dynamodb").scan(TableName=GROUP_MEMORY_TABLE)["Items"]
    return {it["resource"]["S"] for it in items}


def test_it_covers_what_states_named_and_no_more(accounts: MemberAccounts) -> None:
    named(accounts, {ACCOUNT: {REGION: a_state(a_rule(1)), "us-east-1": {}}})
    named(accounts, {OTHER: None})

    Sweeps(accounts).run(now=NOW)

    assert keys_in_table() == {
        f"{ACCOUNT}/{REGION}/{group(1).id}",
        f"#sweep/{ACCOUNT}/{REGION}",
        f"#sweep/{ACCOUNT}/us-east-1",
        f"#sweep/{OTHER}",
        "#swept",
    }
    asked = {(account_id, region) for name, account_id, region in accounts.calls if "Rules" in name}
    assert asked == {(ACCOUNT, REGION), (ACCOUNT, "us-east-1")}


def test_second_sweep_is_as_warm_as_the_function(accounts: MemberAccounts) -> None:
    named(accounts, {ACCOUNT: {REGION: {}}})
    sweeps = Sweeps(accounts)

    sweeps.run(now=NOW)
    first = len(accounts.calls)
    sweeps.run(now=NOW)

    assert len(accounts.calls) - first < first


def test_exposure_in_an_account_that_no_state_names_goes_on() -> None:
    opening = story("ssh-opened-to-the-world-from-the-console")
    closed = {"at": "2026-11-17T11:25:00Z", "trail": [story("ssh-closed-to-the-world")]}
    steps = [{"at": AT, "trail": [opening]}, {"at": AT, "state": {OTHER: {}}}, SWEEP, closed]

    *_, swept, last = played(scenario_of({"scenario": steps}, "here"))

    assert str(swept.step) == "the sweep"
    assert swept.alerts == ()
    assert [it.attributes["effect"] for it in last.alerts] == ["closes"]


def test_without_any_state_nothing_can_be_swept() -> None:
    [only] = played(scenario_of({"scenario": [SWEEP]}, "here"))

    assert (only.alerts, only.problems) == ((), ())
