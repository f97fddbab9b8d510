"""What there is to sweep, and what ends where nobody can look any more."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest

from security_group_alerter import planning
from security_group_alerter.memory.statements import RuleThere
from security_group_alerter.model.exposure_life import EndedHow, Event, Resource
from security_group_alerter.model.sweep import Place
from tests.security_group_alerter.builders import rule
from tests.security_group_alerter.sweeps import (
    ACCOUNT,
    OTHER,
    REGION,
    Organization,
    a_state,
    an_organization,
    group,
)

OPENED: Final = Event(event_id="opened", time=datetime(2026, 11, 19, tzinfo=UTC))
WEB: Final = RuleThere(event=OPENED, rule=rule("tcp 443 from 0.0.0.0/0"))


@pytest.fixture
def org() -> Iterator[Organization]:
    with an_organization() as org:
        org.has(a_state())
        yield org


def ends_of(org: Organization, resource: Resource) -> list[EndedHow | None]:
    return [it.closed_how for it in org.lives_of(resource)]


def test_every_region_of_every_account_is_an_item(org: Organization) -> None:
    org.active = [OTHER, ACCOUNT]
    org.has(a_state(), OTHER)

    report = org.planned()

    places = [it.place for it in org.items]
    regions = [it.region for it in places if it.account_id == ACCOUNT]
    assert {"eu-central-1", "us-east-1", "ap-southeast-2"} <= {*regions}
    assert places == [
        Place(account_id=it, region=region) for it in (ACCOUNT, OTHER) for region in regions
    ]
    assert report.counts() == {"accounts": 2, "items": len(places), "left": 0, "problems": 0}


def test_item_names_what_is_open_there(org: Organization) -> None:
    for resource in (group(1), group(2), group(3, region="us-east-1")):
        org.knows(WEB, of=resource)

    org.planned()

    named = {it.place.region: {*it.open_ids} for it in org.items if it.open_ids}
    assert named == {REGION: {group(1).id, group(2).id}, "us-east-1": {group(3).id}}


def test_more_than_a_message_holds_is_several(
    org: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_OPEN_IN_ITEM", 2)
    for number in range(5):
        org.knows(WEB, of=group(number))

    org.planned()

    items = [it for it in org.items if it.open_ids]
    assert [len(it.open_ids) for it in items] == [2, 2, 1]
    assert {name for it in items for name in it.open_ids} == {group(it).id for it in range(5)}


def test_what_stands_in_an_account_that_left_ends(org: Organization) -> None:
    org.knows(WEB, of=group(1))
    org.knows(WEB, of=group(2, OTHER))

    report = org.planned()

    assert report.left == 1
    assert ends_of(org, group(1)) == [None]
    assert ends_of(org, group(2, OTHER)) == [EndedHow.ACCOUNT_LEFT]


def test_what_stands_in_a_region_that_was_switched_off_ends(org: Organization) -> None:
    org.knows(WEB, of=group(1, region="me-south-1"))
    org.planner = replace(org.planner, regions_of=lambda *_: {ACCOUNT: (REGION,)})

    org.planned()

    assert ends_of(org, group(1, region="me-south-1")) == [EndedHow.ACCOUNT_LEFT]
    assert [it.place.region for it in org.items] == [REGION]


def test_nothing_ends_in_an_account_that_only_cannot_be_seen(org: Organization) -> None:
    org.knows(WEB, of=group(1))
    org.has(None)

    report = org.planned()

    assert ends_of(org, group(1)) == [None]
    assert (report.items, report.left, report.problems) == (0, 0, 1)
    [named] = org.places.not_swept()
    assert named.place == Place(account_id=ACCOUNT)
    assert named.problem
    assert "may not be assumed" in named.problem


def test_what_is_open_nobody_knows_where_is_left_alone(org: Organization) -> None:
    nowhere = group(1)._replace(account_id=None)
    org.knows(WEB, of=nowhere)

    assert org.planned().left == 0
    assert ends_of(org, nowhere) == [None]


def test_account_is_named_no_longer_once_its_regions_are_known(org: Organization) -> None:
    org.has(None)
    org.planned()
    org.has(a_state())
    org.planned()

    assert [*org.places.not_swept()] == []


def test_place_that_is_left_is_named_no_longer(org: Organization) -> None:
    places = [
        Place(account_id=OTHER, region=REGION),
        Place(account_id=ACCOUNT, region="xx-gone-1"),
        Place(account_id=ACCOUNT, region=REGION),
    ]
    for place in places:
        org.places.note_problem(place, "throttled", org.now)

    org.planned()

    assert [it.place for it in org.places.not_swept()] == places[2:]


def test_without_time_accounts_are_named(org: Organization) -> None:
    report = org.planned(seconds=100)

    assert (report.items, report.problems) == (0, 1)
    assert [it.problem for it in org.places.not_swept()] == ["the look took too long"]
