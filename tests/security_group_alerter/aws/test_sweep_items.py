"""How far sweeps came, in the table of group memories."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

import boto3
import pytest

from local.aws import GROUP_MEMORY_TABLE, emulated_aws
from security_group_alerter.aws.group_items import resource_of
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.aws.sweep_items import SweptPlaces, key_of
from security_group_alerter.model.sweep import Place, SweptPlace

NOW: Final = datetime(2026, 11, 20, 3, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=1)
PLACE: Final = Place(account_id="222233334444", region="eu-central-1")
ACCOUNT: Final = Place(account_id="222233334444")


@pytest.fixture
def places() -> Iterator[SweptPlaces]:
    with emulated_aws():
        yield SweptPlaces(boto3.client("dynamodb"), table_name=GROUP_MEMORY_TABLE)


def test_nothing_at_first(places: SweptPlaces) -> None:
    assert places.of(PLACE) == SweptPlace(place=PLACE)
    assert [*places.not_swept()] == []


def test_swept_twice(places: SweptPlaces) -> None:
    places.note_swept(PLACE, NOW)
    places.note_swept(PLACE, LATER)

    assert places.of(PLACE) == SweptPlace(place=PLACE, first_at=NOW, swept_at=LATER)
    assert [*places.not_swept()] == []


def test_problem_lasts_since_its_first_time(places: SweptPlaces) -> None:
    places.note_swept(PLACE, NOW - timedelta(days=1))
    places.note_problem(PLACE, "throttled", NOW)
    places.note_problem(PLACE, "denied", LATER)

    [found] = places.not_swept()

    assert found == places.of(PLACE)
    assert (found.problem, found.problem_since) == ("denied", NOW)
    assert found.swept_at == NOW - timedelta(days=1)


def test_problem_is_over_once_it_was_swept(places: SweptPlaces) -> None:
    places.note_problem(PLACE, "throttled", NOW)
    places.note_swept(PLACE, LATER)

    assert places.of(PLACE) == SweptPlace(place=PLACE, first_at=LATER, swept_at=LATER)
    assert [*places.not_swept()] == []


def test_account_whose_regions_are_not_known(places: SweptPlaces) -> None:
    places.note_problem(ACCOUNT, "denied", NOW)
    assert [it.place for it in places.not_swept()] == [ACCOUNT]

    places.forget(ACCOUNT)
    assert [*places.not_swept()] == []


def test_all_of_many_are_read_the_oldest_first(places: SweptPlaces) -> None:
    many = [Place(account_id=f"{number:012}") for number in range(250)]
    for number, place in enumerate(many):
        places.note_problem(place, "denied", NOW - timedelta(minutes=number))

    assert [it.place for it in places.not_swept()] == many[::-1]


def test_what_dynamodb_leaves_unread_is_asked_for_again(places: SweptPlaces) -> None:
    client = places._client
    places.note_problem(PLACE, "denied", NOW)
    places.note_problem(ACCOUNT, "denied", LATER)
    whole = client.batch_get_item
    asked: list[int] = []

    def half(*, RequestItems: Any) -> Any:  # noqa: N803 - its own name
        keys = RequestItems[GROUP_MEMORY_TABLE]["Keys"]
        asked.append(len(keys))
        answer = whole(RequestItems={GROUP_MEMORY_TABLE: {"Keys": keys[:1]}})
        left = {GROUP_MEMORY_TABLE: {"Keys": keys[1:]}} if keys[1:] else {}
        return {**answer, "UnprocessedKeys": left}

    client.batch_get_item = half  # type: ignore[assignment,method-assign]

    assert [it.place for it in places.not_swept()] == [PLACE, ACCOUNT]
    assert asked == [2, 1]


def test_place_that_was_swept_in_between_is_left_out(places: SweptPlaces) -> None:
    """The index is a little behind."""
    places.note_problem(PLACE, "denied", NOW)
    client = places._client
    whole = client.batch_get_item

    def late(**asked: Any) -> Any:
        places.note_swept(PLACE, LATER)
        return whole(**asked)

    client.batch_get_item = late  # type: ignore[method-assign]

    assert [*places.not_swept()] == []


def test_no_place_is_taken_for_a_group(places: SweptPlaces) -> None:
    places.note_problem(PLACE, "denied", NOW)
    ledger = Ledger(boto3.client("dynamodb"), table_name=GROUP_MEMORY_TABLE)

    assert [*ledger.open_groups()] == []
    assert resource_of(key_of(PLACE)) is None


def test_item_is_forgotten_where_nobody_sweeps_any_more(places: SweptPlaces) -> None:
    places.note_swept(PLACE, NOW)

    items = boto3.client("dynamodb").scan(TableName=GROUP_MEMORY_TABLE)["Items"]
    # The other one says when the last sweep was: that nothing was swept since is to be known.
    [item] = [it for it in items if it["resource"]["S"] != "#swept"]

    assert int(item["expires"]["N"]) == (NOW + timedelta(days=90)).timestamp()


def test_last_sweep_is_that_of_any_place(places: SweptPlaces) -> None:
    assert places.last_sweep() is None

    places.note_problem(ACCOUNT, "denied", NOW)
    assert places.last_sweep() is None

    places.note_swept(PLACE, NOW)
    places.note_problem(PLACE, "throttled", LATER)
    assert places.last_sweep() == NOW


def test_last_sweep_is_noted_once_a_minute(places: SweptPlaces) -> None:
    with mock.patch.object(
        places._client, "update_item", wraps=places._client.update_item
    ) as update:
        for seconds in range(0, 120, 20):
            places.note_swept(PLACE, NOW + timedelta(seconds=seconds))

    assert places.last_sweep() == NOW + timedelta(minutes=1)
    assert update.call_count == 6 + 2


def test_last_sweep_is_asked_for_again_where_dynamodb_left_it_unread(places: SweptPlaces) -> None:
    places.note_swept(PLACE, NOW)
    client, asked = places._client, []

    class Busy:
        def batch_get_item(self, **request: Any) -> Any:
            asked.append(request)
            if len(asked) == 1:
                return {"Responses": {}, "UnprocessedKeys": request["RequestItems"]}
            return client.batch_get_item(**request)

    busy: Any = Busy()
    assert SweptPlaces(busy, table_name=GROUP_MEMORY_TABLE).last_sweep() == NOW
    assert len(asked) == 2
