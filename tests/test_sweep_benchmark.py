"""What `make bench-sweep` counts, on a fixed small sample, and what was written of a large one."""

import json
from typing import Any, Final

import pytest

from benchmarks import sweep
from benchmarks.sweep import BATCH, FUNCTIONS, MEMORY_GB, RESULTS, measured
from benchmarks.sweep_world import REGIONS, USED
from tests.template.stack import deployed

ACCOUNTS: Final = 3
PLACES: Final = ACCOUNTS * len(REGIONS)
IN_USE: Final = ACCOUNTS * len(USED)
WRITTEN: Final[dict[str, Any]] = json.loads(RESULTS.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return measured(ACCOUNTS, functions=1)


def test_quiet_region_takes_six_calls(found: dict[str, Any]) -> None:
    """Rules and lists, what is remembered of the groups and of the place, and that it was swept."""
    calls = found["next"]["sweep"]["calls"]

    assert calls["DescribeSecurityGroupRules"] == PLACES + IN_USE
    assert calls["DescribeManagedPrefixLists"] == PLACES
    assert calls["BatchGetItem"] == PLACES + IN_USE
    assert calls["GetItem"] == PLACES
    # That the place was swept, and when the last of all was, once a minute.
    assert calls["UpdateItem"] == PLACES + 1
    assert calls["AssumeRole"] == ACCOUNTS


def test_region_with_open_groups_takes_nine_more(found: dict[str, Any]) -> None:
    calls = found["next"]["sweep"]["calls"]

    for name in ("Groups", "GroupVpcAssociations"):
        assert calls[f"DescribeSecurity{name}"] == IN_USE
    assert calls["DescribeVpcs"] == calls["TransactWriteItems"] == IN_USE
    assert calls["GetManagedPrefixListEntries"] == IN_USE
    assert calls["DescribeNetworkInterfaces"] == 2 * IN_USE
    assert found["next"]["sweep"]["calls_a_place"] < 8


def test_only_what_is_open_has_an_item(found: dict[str, Any]) -> None:
    assert found["items_in_table"] == {"group": 2 * IN_USE, "#sweep": PLACES + 1}


def test_plan_makes_two_calls_an_account_and_one_for_ten_messages(found: dict[str, Any]) -> None:
    calls = found["first"]["plan"]["calls"]

    assert (calls["AssumeRole"], calls["DescribeRegions"]) == (ACCOUNTS, ACCOUNTS)
    assert calls["SendMessageBatch"] == -(-PLACES // 10)


def test_it_measures_what_is_deployed() -> None:
    stack = deployed(LookRole="look")
    mapping = stack.properties("SweepMessages")

    assert mapping["BatchSize"] == BATCH
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == FUNCTIONS
    assert stack.properties("SweepFunction")["MemorySize"] == MEMORY_GB * 1024


def test_what_was_written_is_of_a_thousand_accounts() -> None:
    assert (WRITTEN["accounts"], WRITTEN["regions"]) == (1000, 17)
    assert WRITTEN["next"]["sweep"]["places"] == 17_000
    assert WRITTEN["next"]["sweep"]["calls_a_place"] < 8
    assert WRITTEN["next"]["dollars"]["total"] < 1


def test_it_prints_and_keeps_a_small_measurement_to_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "measured", lambda accounts: {"accounts": accounts})
    before = RESULTS.read_text(encoding="utf-8")

    assert sweep.main(["--accounts", "2"]) == 0

    assert json.loads(capsys.readouterr().out) == {"accounts": 2}
    assert RESULTS.read_text(encoding="utf-8") == before
