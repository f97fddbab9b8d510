"""What a record says of rules and ranges; and what says nothing."""

from typing import Any, Final

import pytest

from security_group_alerter.cloudtrail.changes import change_of
from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.memory.statements import (
    AccountLeft,
    Attached,
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Seen,
    SeenGone,
    SeenRanges,
    Statement,
    directions_in,
    statements_of,
)
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.rules import Direction, peer_of_cidr
from security_group_alerter.model.subject import SubjectKind
from tests.stories import STORIES, story


def said_by(document: dict[str, Any]) -> tuple[Resource, tuple[Statement, ...]] | None:
    record = record_of(document, LogStream())
    change = change_of(record)
    assert change is not None
    return statements_of(record, change)


# What each story says, a letter each: created, deleted, there, edited, gone, ranges.
SAYS: Final = {
    "group-created-with-tags-by-an-aws-service": "c",
    "group-deleted-by-eks": "d",
    "ssh-opened-to-the-world-from-the-console": "t",
    "postgres-opened-to-the-world-in-two-halves": "tt",
    "two-rules-edited-with-a-mistyped-prefix-length": "ee",
    "ssh-closed-to-the-world": "g",
    "rules-revoked-by-id-in-a-record-of-2024": "gg",
    "revoke-that-matched-nothing": "",
    "rules-omitted-because-the-call-was-too-large": "",
    "ingress-rule-description-updated": "",
    "group-associated-with-another-vpc": "",
    "opening-to-the-world-denied": "",
    "prefix-list-widened-to-the-world": "r",
    "prefix-list-restored-to-an-earlier-version": "r",
    "prefix-list-handed-to-ipam": "",
    "prefix-list-deleted": "d",
    "organization-trail-stopped": "",
}


def letter_of(statement: Statement) -> str:
    match statement:
        case Created():
            return "c"
        case Deleted():
            return "d"
        case RuleThere(is_edit=is_edit):
            return "e" if is_edit else "t"
        case RuleGone():
            return "g"
        case RangesEdited():
            return "r"
        case RulesUnknown():
            return "?"
        case Attached():
            return "a"
        case Seen() | SeenRanges() | SeenGone() | AccountLeft():
            return "s"


@pytest.mark.parametrize("name", SAYS)
def test_what_a_record_says(name: str) -> None:
    said = said_by(story(name))

    assert "".join(map(letter_of, said[1] if said else ())) == SAYS[name]


def test_a_revoke_by_id_says_the_direction() -> None:
    said = said_by(story("rules-revoked-by-id-in-a-record-of-2024"))

    assert said is not None
    assert directions_in(said[1]) == dict.fromkeys(
        ("sgr-0cafe8496a4bc6a1b", "sgr-0ade8c3ddd8573651"), Direction.INGRESS
    )


def test_every_story_can_be_asked() -> None:
    assert SAYS.keys() <= set(STORIES)
    for name in STORIES:
        said_by(story(name))


def test_of_what_and_by_whom() -> None:
    document = story("ssh-opened-to-the-world-from-the-console")
    said = said_by(document)

    assert said is not None
    resource, [statement] = said
    assert resource == Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id="sg-0945dc6b613dff4fd",
        account_id="222233334444",
        region="eu-central-1",
    )
    assert statement.event.event_id == document["eventID"]
    assert statement.event.principal == document["userIdentity"]["arn"]


def test_an_update_of_an_event_is_that_event() -> None:
    original = said_by(story("https-opened-to-the-world"))
    update = said_by(story("https-opened-to-the-world-sent-again-as-an-addendum"))

    assert original
    assert update
    assert {it.event.event_id for it in original[1]} == {it.event.event_id for it in update[1]}


@pytest.mark.parametrize("missing", ["eventTime", "eventID"])
def test_without_a_time_or_an_id_a_record_has_no_place(missing: str) -> None:
    document = story("ssh-opened-to-the-world-from-the-console")
    del document[missing]

    assert said_by(document) is None


def test_a_group_that_is_known_by_its_name() -> None:
    said = said_by(
        story("group-deleted-by-name")
        | {"requestParameters": {"groupName": "launch-wizard-3"}, "responseElements": None}
    )

    assert said is not None
    assert said[0].id == "launch-wizard-3"


def test_a_new_list_has_its_first_version() -> None:
    said = said_by(
        story("prefix-list-deleted")
        | {
            "eventName": "CreateManagedPrefixList",
            "requestParameters": {
                "CreateManagedPrefixListRequest": {
                    "PrefixListName": "partners",
                    "AddressFamily": "IPv4",
                    "MaxEntries": 3,
                    "Entry": {"Cidr": "0.0.0.0/0", "tag": 1},
                }
            },
            "responseElements": {
                "CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": "pl-0a1b2c3d"}}
            },
        }
    )

    assert said is not None
    resource, [created, edited] = said
    assert resource.id == "pl-0a1b2c3d"
    assert isinstance(created, Created)
    assert isinstance(edited, RangesEdited)
    assert (edited.added, edited.version) == ((peer_of_cidr("0.0.0.0/0"),), 1)
