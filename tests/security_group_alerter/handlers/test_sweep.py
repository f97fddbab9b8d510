"""The two functions of a sweep, as AWS Lambda runs them."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import boto3
import pytest

from local.lambda_context import lambda_context
from security_group_alerter.aws.sweep_queue import body_of
from security_group_alerter.handlers import sweep as handler
from security_group_alerter.model.sweep import Place, SweepItem
from security_group_alerter.settings import SettingsError
from tests.security_group_alerter.sweeps import (
    ACCOUNT,
    NOW,
    PLACE,
    Organization,
    a_rule,
    a_state,
    an_organization,
    group,
)

CONTEXT: Final = lambda_context("request-1", seconds_left=300)


@pytest.fixture
def org() -> Iterator[Organization]:
    with an_organization() as org:
        org.has(a_state(a_rule(1)))
        yield org


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    handler.sweep.cache_clear()
    handler.planner.cache_clear()


def message(name: str, item: SweepItem | None = None, *, received: int = 1) -> dict[str, Any]:
    return {
        "messageId": name,
        "body": body_of(item) if item else "not an item",
        "attributes": {"ApproximateReceiveCount": str(received)},
    }


SWEPT: Final = SweepItem(place=PLACE)
DENIED: Final = SweepItem(place=Place(account_id="444455556666", region="eu-central-1"))


def again_of(org: Organization, *messages: Any, seconds: float = 300) -> list[str]:
    context = lambda_context("request-1", seconds_left=seconds)
    answer = handler.handle({"Records": messages}, context, org.sweep, clock=lambda: NOW)
    return [it["itemIdentifier"] for it in answer["batchItemFailures"]]


def test_only_what_was_not_swept_comes_again(org: Organization) -> None:
    messages = [message("a", SWEPT), message("b", DENIED), message("c"), message("d", SWEPT)]

    assert again_of(org, *messages) == ["b", "c"]
    assert org.remembered == {group(1).id}
    assert [it.place for it in org.places.not_swept()] == [DENIED.place]


def test_table_that_is_down_takes_no_other_message_with_it(org: Organization) -> None:
    def fail(_: Place) -> Any:
        raise RuntimeError("the table is down")

    org.sweep = replace(org.sweep, swept_before=fail)

    assert again_of(org, message("a", SWEPT), message("b", SWEPT)) == ["a", "b"]


def test_message_for_which_there_is_no_time_comes_again(org: Organization) -> None:
    assert again_of(org, message("a", SWEPT), message("b"), seconds=39) == ["a", "b"]
    assert org.accounts.calls == []
    # It may have come for the last time: then only the digest says so.
    problem = "the rules: the look took too long"
    assert [(it.place, it.problem) for it in org.places.not_swept()] == [(PLACE, problem)]

    assert again_of(org, message("a", SWEPT, received=2)) == []
    assert [*org.places.not_swept()] == []


def test_message_for_which_there_is_no_time_comes_again_whatever_cannot_be_noted(
    org: Organization,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the table is down")

    org.sweep = replace(org.sweep, note_problem=fail)

    assert again_of(org, message("a", SWEPT), message("b", SWEPT), seconds=39) == ["a", "b"]


def test_message_that_came_before_is_named_until_it_is_swept(org: Organization) -> None:
    assert again_of(org, message("a", SWEPT, received=2)) == []
    assert org.swept_place().problem is None


def test_plan_says_how_much_there_is_to_do(org: Organization) -> None:
    context = lambda_context("request-1", seconds_left=900)

    counts = handler.plan(context, org.planner, now=NOW)

    assert counts == {"accounts": 1, "items": len(org.items), "left": 0, "problems": 0}


@pytest.mark.usefixtures("org")
def test_lambda_runs_both(monkeypatch: pytest.MonkeyPatch) -> None:
    url = boto3.client("sqs").create_queue(QueueName="sweep")["QueueUrl"]
    monkeypatch.setitem(os.environ, "SWEEP_QUEUE_URL", url)

    planned = handler.plan_handler({}, lambda_context("request-1", seconds_left=900))
    swept = handler.lambda_handler({"Records": [message("a", SWEPT)]}, CONTEXT)

    # All accounts of the sample organization but one deny the role.
    assert planned["problems"] == planned["accounts"] - 1
    [got] = boto3.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(got["Body"])["account_id"] == ACCOUNT
    assert swept == {"batchItemFailures": []}


@pytest.mark.parametrize("start", [handler.sweep, handler.planner], ids=["sweep", "planner"])
def test_setting_that_is_missing_is_named(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUP_MEMORY_TABLE", raising=False)

    with pytest.raises(SettingsError, match="GROUP_MEMORY_TABLE is not set"):
        start()
