"""What the later calls of a delivery make of the earlier ones, in whatever order they come."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter import aftermath
from security_group_alerter.judgement.findings import configuration_finding, unreadable_finding
from security_group_alerter.model.alert import DeliveredFinding, Ended
from security_group_alerter.model.change import (
    Action,
    AttachmentChange,
    Blinding,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.exposure_life import EndedHow
from security_group_alerter.model.finding import Effect, Finding, Judgement
from security_group_alerter.model.rules import SecurityGroupRule
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import calmly, judged, peer, record, rule

BEGIN: Final = datetime.fromisoformat("2026-11-24T09:00:00+00:00")
SSH: Final = rule("tcp 22 from 0.0.0.0/0")
HTTPS: Final = rule("tcp 443 from 0.0.0.0/0")
TRAIL_ARN: Final = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/auditors"
REFUSALS: Final = (
    "Client.UnauthorizedOperation",
    "Client.InvalidPermission.Duplicate",
    "Client.DryRunOperation",
)


def at(minute: float) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def call(event_id: str, minute: float, change: Change, **members: Any) -> DeliveredFinding:
    """One call of a delivery, so many minutes after the first."""
    finding = judged(change, eventID=event_id, eventTime=at(minute).isoformat(), **members)
    return delivered(finding, event_id)


def delivered(finding: Finding, event_id: str) -> DeliveredFinding:
    return DeliveredFinding(finding=finding, keys=(event_id,), event_ids=(event_id,))


def with_id(rule: SecurityGroupRule, number: int) -> SecurityGroupRule:
    return replace(rule, rule_id=f"sgr-{number}")


def group(action: Action, *rules: SecurityGroupRule, **fields: Any) -> SecurityGroupChange:
    which = "removed" if action is Action.REMOVE_RULES else "added"
    return SecurityGroupChange(action=action, **{"group_id": "sg-1", which: rules, **fields})


def opened(*rules: SecurityGroupRule, **fields: Any) -> SecurityGroupChange:
    return group(Action.ADD_RULES, *rules, **fields)


def revoked(*rules: SecurityGroupRule, **fields: Any) -> SecurityGroupChange:
    return group(Action.REMOVE_RULES, *rules, **fields)


def prefix_list(action: Action, *added: str, **fields: Any) -> PrefixListChange:
    peers = tuple(map(peer, added))
    return PrefixListChange(action=action, prefix_list_id="pl-1", added=peers, **fields)


def with_aftermath(entries: Iterable[DeliveredFinding]) -> list[DeliveredFinding]:
    found, error = aftermath.with_aftermath(entries)
    assert error is None
    return found


def in_every_order(*entries: DeliveredFinding) -> list[DeliveredFinding]:
    """What becomes of the entries: the same, in whatever order they come."""
    results = [with_aftermath(order) for order in permutations(entries)]
    assert all(result == results[0] for result in results)
    return results[0]


def outcomes(*entries: DeliveredFinding) -> dict[str, Ended | None]:
    """By what each call was ended."""
    return {entry.keys[0]: entry.ended for entry in in_every_order(*entries)}


def deleted_at(minute: float) -> Ended:
    return Ended(how=EndedHow.DELETED, at=at(minute))


def revoked_at(minute: float) -> Ended:
    return Ended(how=EndedHow.REVOKED, at=at(minute))


# What was deleted ---------------------------------------------------------------------------------


def test_a_group_that_was_opened_and_deleted() -> None:
    assert outcomes(
        call("1-create", 0, group(Action.CREATE)),
        call("2-open", 1, opened(SSH)),
        call("3-delete", 2, group(Action.DELETE)),
    ) == {"1-create": deleted_at(2), "2-open": deleted_at(2), "3-delete": None}


def test_a_group_that_is_called_by_its_name() -> None:
    by_name: dict[str, Any] = {"group_id": None, "group_name": "web"}

    assert outcomes(
        call("1-open", 0, opened(SSH, **by_name)),
        call("2-delete", 1, group(Action.DELETE, **by_name)),
    ) == {"1-open": deleted_at(1), "2-delete": None}


def test_a_group_that_comes_again_under_its_name_stands() -> None:
    by_name: dict[str, Any] = {"group_id": None, "group_name": "web"}

    assert outcomes(
        call("1-open", 0, opened(SSH, **by_name)),
        call("2-delete", 1, group(Action.DELETE, **by_name)),
        call("3-create", 2, group(Action.CREATE, **by_name)),
        call("4-open", 3, opened(SSH, **by_name)),
    ) == {"1-open": deleted_at(1), "2-delete": None, "3-create": None, "4-open": None}


ELSEWHERE: Final[dict[str, tuple[SecurityGroupChange, dict[str, object]]]] = {
    "another-group": (group(Action.DELETE, group_id="sg-2"), {}),
    "another-account": (group(Action.DELETE), {"recipientAccountId": "444455556666"}),
    "another-region": (group(Action.DELETE), {"awsRegion": "us-east-1"}),
    "a-group-without-a-name": (group(Action.DELETE, group_id=None), {}),
    **{code: (group(Action.DELETE), {"errorCode": code}) for code in REFUSALS},
}


@pytest.mark.parametrize(("deletion", "members"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_was_not_deleted_stands(
    deletion: SecurityGroupChange, members: dict[str, object]
) -> None:
    assert outcomes(call("1-open", 0, opened(SSH)), call("2-delete", 1, deletion, **members)) == {
        "1-open": None,
        "2-delete": None,
    }


def test_what_has_no_name_is_not_deleted_with_another_of_none() -> None:
    nameless = group(Action.DELETE, group_id=None, is_omitted=True)

    assert outcomes(
        call("1-open", 0, opened(SSH, group_id=None)), call("2-delete", 1, nameless)
    ) == {"1-open": None, "2-delete": None}


@pytest.mark.parametrize("stopped_as", ["auditors", TRAIL_ARN])
@pytest.mark.parametrize("deleted_as", ["auditors", TRAIL_ARN])
def test_a_trail_that_was_stopped_and_deleted(stopped_as: str, deleted_as: str) -> None:
    stop = TrailChange(action=TrailAction.STOP, trail=stopped_as, blinded=(Blinding.STOPPED,))
    delete = TrailChange(action=TrailAction.DELETE, trail=deleted_as, blinded=(Blinding.DELETED,))

    assert outcomes(call("1-stop", 0, stop), call("2-delete", 1, delete)) == {
        "1-stop": deleted_at(1),
        "2-delete": None,
    }


@pytest.mark.parametrize(
    "called",
    [
        "another-trail",
        TRAIL_ARN.replace("111122223333", "444455556666"),
        TRAIL_ARN.replace("eu-central-1", "us-east-1"),
        "arn:",
        "arn:::::",
        "arn:aws:cloudtrail:eu-central-1:111122223333:trail/auditors:x",
        None,
    ],
)
def test_another_trail_that_was_deleted(called: str | None) -> None:
    stop = TrailChange(action=TrailAction.STOP, trail="auditors", blinded=(Blinding.STOPPED,))
    delete = TrailChange(action=TrailAction.DELETE, trail=called, blinded=(Blinding.DELETED,))

    assert outcomes(call("1-stop", 0, stop), call("2-delete", 1, delete)) == {
        "1-stop": None,
        "2-delete": None,
    }


# Rules that were revoked --------------------------------------------------------------------------


def rules_gone(*entries: DeliveredFinding) -> dict[str, frozenset[SecurityGroupRule]]:
    return {entry.keys[0]: entry.revoked for entry in in_every_order(*entries)}


BY_ID: Final[dict[str, Any]] = {"rule_ids": ("sgr-1",)}
REVOKES_IT: Final = {
    "by-its-contents": revoked(SSH),
    "by-its-id": revoked(**BY_ID),
    "as-the-response-names-it": revoked(with_id(SSH, 1), **BY_ID),
    "by-its-contents-and-the-response-has-its-id": revoked(with_id(SSH, 1)),
    "beside-another": revoked(HTTPS, SSH),
}


@pytest.mark.parametrize("revocation", REVOKES_IT.values(), ids=REVOKES_IT)
def test_a_rule_that_was_added_and_revoked(revocation: SecurityGroupChange) -> None:
    entries = (
        call("1-open", 0, opened(with_id(SSH, 1))),
        call("2-revoke", 1, revocation),
    )

    assert outcomes(*entries) == {"1-open": revoked_at(1), "2-revoke": None}
    assert rules_gone(*entries) == {"1-open": {SSH}, "2-revoke": frozenset()}


REVOKES_ANOTHER: Final[dict[str, tuple[SecurityGroupChange, dict[str, object]]]] = {
    "another-rule": (revoked(HTTPS), {}),
    "another-id": (revoked(rule_ids=("sgr-2",)), {}),
    "of-another-group": (revoked(SSH, group_id="sg-2", **BY_ID), {}),
    "of-another-account": (revoked(SSH, **BY_ID), {"recipientAccountId": "444455556666"}),
    "of-another-region": (revoked(SSH, **BY_ID), {"awsRegion": "us-east-1"}),
    "of-a-group-without-a-name": (revoked(SSH, group_id=None, **BY_ID), {}),
    "that-matched-nothing": (revoked(missed=(SSH,)), {}),
    "the-other-way": (revoked(rule("egress tcp 22 to 0.0.0.0/0")), {}),
    **{code: (revoked(SSH, **BY_ID), {"errorCode": code}) for code in REFUSALS},
}


@pytest.mark.parametrize(("revocation", "members"), REVOKES_ANOTHER.values(), ids=REVOKES_ANOTHER)
def test_a_rule_that_was_not_revoked_stands(
    revocation: SecurityGroupChange, members: dict[str, object]
) -> None:
    entries = (
        call("1-open", 0, opened(with_id(SSH, 1))),
        call("2-revoke", 1, revocation, **members),
    )

    assert outcomes(*entries) == {"1-open": None, "2-revoke": None}
    assert set(rules_gone(*entries).values()) == {frozenset()}


def test_a_rule_that_is_added_again_stands() -> None:
    entries = (
        call("1-open", 0, opened(with_id(SSH, 1))),
        call("2-revoke", 1, revoked(with_id(SSH, 1), **BY_ID)),
        call("3-open", 2, opened(with_id(SSH, 2))),
    )

    assert outcomes(*entries) == {"1-open": revoked_at(1), "2-revoke": None, "3-open": None}


def test_a_rule_that_is_added_again_and_revoked_again() -> None:
    assert outcomes(
        call("1-open", 0, opened(SSH)),
        call("2-revoke", 1, revoked(SSH)),
        call("3-open", 2, opened(SSH)),
        call("4-revoke", 3, revoked(SSH)),
    ) == {
        "1-open": revoked_at(1),
        "2-revoke": None,
        "3-open": revoked_at(3),
        "4-revoke": None,
    }


@pytest.mark.parametrize(
    ("groups", "outcome"),
    [(("sg-1",), EndedHow.DELETED), (("sg-1", "sg-2"), None)],
    ids=["of-one-group", "of-two-groups"],
)
def test_of_several_groups_that_were_attached_one_was_deleted(
    groups: tuple[str, ...], outcome: EndedHow | None
) -> None:
    attached = call("1-attach", 0, AttachmentChange(group_ids=groups, interface_id="eni-1"))
    subject = replace(attached.finding.subject, kind=SubjectKind.SECURITY_GROUP, id="sg-1")
    attached = replace(attached, finding=replace(attached.finding, subject=subject))

    marked = with_aftermath([attached, call("2-delete", 1, group(Action.DELETE))])

    ended = {entry.keys[0]: entry.ended for entry in marked}["1-attach"]
    assert (ended and ended.how) == outcome


def test_of_two_rules_one_was_revoked() -> None:
    entries = (
        call("1-open", 0, opened(with_id(SSH, 1), with_id(HTTPS, 2))),
        call("2-revoke", 1, revoked(**BY_ID)),
    )

    assert outcomes(*entries) == {"1-open": None, "2-revoke": None}
    assert rules_gone(*entries)["1-open"] == {SSH}


def test_of_two_rules_each_was_revoked_by_a_call_of_its_own() -> None:
    entries = (
        call("1-open", 0, opened(with_id(SSH, 1), with_id(HTTPS, 2))),
        call("2-revoke", 1, revoked(**BY_ID)),
        call("3-revoke", 2, revoked(HTTPS)),
    )

    assert outcomes(*entries)["1-open"] == replace(revoked_at(2), in_steps=True)
    assert rules_gone(*entries)["1-open"] == {SSH, HTTPS}


@pytest.mark.parametrize(
    "unknown",
    [{"problems": ("ipPermissions[1]: …",)}, {"unknown_parameters": ("ruleTemplate",)}],
    ids=["a-rule-that-cannot-be-read", "a-parameter-that-nobody-knows"],
)
def test_what_is_not_known_whole_is_not_ended_by_what_is_known(unknown: dict[str, Any]) -> None:
    entries = (call("1-open", 0, opened(SSH, **unknown)), call("2-revoke", 1, revoked(SSH)))

    assert outcomes(*entries) == {"1-open": None, "2-revoke": None}
    assert rules_gone(*entries)["1-open"] == {SSH}


def test_revoked_first_and_deleted_then() -> None:
    assert outcomes(
        call("1-open", 0, opened(SSH)),
        call("2-revoke", 1, revoked(SSH)),
        call("3-delete", 2, group(Action.DELETE)),
    ) == {"1-open": deleted_at(2), "2-revoke": deleted_at(2), "3-delete": None}


def test_an_edit_is_not_ended_by_a_revoke() -> None:
    edit = group(Action.MODIFY_RULES, rule("unknown tcp 22 from 0.0.0.0/0"))

    assert outcomes(call("1-edit", 0, edit), call("2-revoke", 1, revoked(SSH))) == {
        "1-edit": None,
        "2-revoke": None,
    }


# Within one second --------------------------------------------------------------------------------


def test_within_a_second_a_rule_known_by_its_id_was_revoked_after_it_was_added() -> None:
    for first, second in ("ab", "ba"):
        assert outcomes(
            call(f"{first}-open", 0, opened(with_id(SSH, 1))),
            call(f"{second}-revoke", 0, revoked(with_id(SSH, 1))),
        ) == {f"{first}-open": revoked_at(0), f"{second}-revoke": None}


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize(
    "first",
    [opened(with_id(SSH, 1)), group(Action.MODIFY_RULES, with_id(SSH, 1))],
    ids=["added", "edited"],
)
def test_within_a_second_a_revoke_by_id_comes_after_what_names_the_rule_as_in_memory(
    first: SecurityGroupChange, names: tuple[str, str]
) -> None:
    in_order = in_every_order(
        call(names[0], 0, first),
        call(names[1], 0, revoked(rule_ids=(str(with_id(SSH, 1).rule_id), "sgr-other"))),
        call("c", 0, opened(with_id(HTTPS, 2))),
    )

    numbers = {entry.keys[0]: number for number, entry in enumerate(in_order)}
    assert numbers[names[0]] < numbers[names[1]]


def test_within_a_second_a_list_is_edited_version_by_version() -> None:
    in_order = in_every_order(
        call("a", 0, prefix_list(Action.DELETE)),
        call("b", 0, prefix_list(Action.MODIFY, "10.1.0.0/16", version=3)),
        call("c", 0, prefix_list(Action.MODIFY, "10.2.0.0/16", version=2)),
        call("d", 0, prefix_list(Action.CREATE, "10.0.0.0/16", version=1)),
    )

    assert [entry.keys[0] for entry in in_order] == ["d", "c", "b", "a"]


def test_within_a_second_a_rule_known_by_its_contents_may_stand() -> None:
    for first, second in ("ab", "ba"):
        assert outcomes(
            call(f"{first}-open", 0, opened(SSH)), call(f"{second}-revoke", 0, revoked(SSH))
        ) == {f"{first}-open": None, f"{second}-revoke": None}


def test_within_a_second_creation_is_first_and_deletion_last() -> None:
    in_order = in_every_order(
        call("a", 0, group(Action.DELETE)),
        call("b", 0, opened(SSH)),
        call("c", 0, group(Action.DESCRIBE_RULES)),
        call("d", 0, revoked(HTTPS)),
        call("e", 0, group(Action.CREATE)),
    )

    assert [entry.keys[0] for entry in in_order] == ["e", "d", "b", "c", "a"]
    assert [entry.ended for entry in in_order] == [deleted_at(0)] * 4 + [None]


def test_calls_stand_in_the_order_in_which_they_were_made() -> None:
    later, earlier = call("a", 2, opened(SSH)), call("b", 1, opened(HTTPS))
    timeless = replace(earlier, keys=("c",), finding=judged(opened(SSH)))
    notices = [
        DeliveredFinding(finding=configuration_finding(it), keys=(key,))
        for it, key in (("entry 1", "z"), ("entry 2", "y"))
    ]

    ordered = with_aftermath([later, earlier, timeless, *notices])

    assert ordered == [*notices, timeless, earlier, later]


# CloudTrail's updates -----------------------------------------------------------------------------


def update(
    event_id: str, minute: float, change: Change, original: str = "1-open", **members: Any
) -> DeliveredFinding:
    addendum = {"reason": "UPDATED_DATA", "originalEventID": original}
    return call(event_id, minute, change, addendum=addendum, **members)


@pytest.mark.parametrize("event_id", ["0-update", "2-update"])
@pytest.mark.parametrize("minute", [-1, 0, 1])
def test_an_update_is_one_call_with_its_original(event_id: str, minute: float) -> None:
    [entry] = in_every_order(call("1-open", 0, opened(SSH)), update(event_id, minute, opened(SSH)))

    assert entry.keys == entry.event_ids == ("1-open", event_id)
    assert entry.ended is None


@pytest.mark.parametrize(
    ("first", "then"), [(opened(SSH), opened(HTTPS)), (opened(HTTPS), opened(SSH))]
)
def test_of_an_update_and_its_original_the_worse_is_told(
    first: SecurityGroupChange, then: SecurityGroupChange
) -> None:
    [entry] = in_every_order(call("1-open", 0, first), update("2-update", 0, then))

    assert entry.event_ids == ("1-open", "2-update")
    assert entry.finding.judgement.severity is Severity.CRITICAL


def test_several_updates_of_one_event_are_one_call() -> None:
    [entry] = with_aftermath(
        [
            update("3-update", 0, opened(SSH)),
            call("1-open", 0, opened(SSH)),
            update("2-update", 0, opened(SSH)),
        ]
    )

    assert entry.keys[0] == "1-open"
    assert sorted(entry.keys) == sorted(entry.event_ids) == ["1-open", "2-update", "3-update"]


def test_an_update_without_its_original_is_a_call_of_its_own() -> None:
    entries = in_every_order(
        call("1-open", 0, opened(SSH)), update("2-update", 1, opened(SSH), original="elsewhere")
    )

    assert [entry.event_ids for entry in entries] == [("1-open",), ("2-update",)]


def test_an_update_of_what_was_revoked_later() -> None:
    [first, _] = in_every_order(
        call("1-open", 0, opened(SSH)),
        update("2-update", 0, opened(SSH)),
        call("3-revoke", 1, revoked(SSH)),
    )

    assert (first.event_ids, first.ended) == (("1-open", "2-update"), revoked_at(1))


def test_events_that_share_what_is_no_id_are_calls_of_their_own() -> None:
    """Such an id is no key: nobody knows whether they are one event."""
    entries = [
        DeliveredFinding(
            finding=judged(opened(it), eventID="an event"), keys=(key,), event_ids=("an event",)
        )
        for it, key in ((SSH, "sha256:1"), (HTTPS, "sha256:2"))
    ]

    assert in_every_order(*entries) == entries


# Prefix lists -------------------------------------------------------------------------------------


def effects(*entries: DeliveredFinding) -> list[Effect]:
    return [entry.finding.judgement.effect for entry in in_every_order(*entries)]


CREATE, MODIFY, DELETE = Action.CREATE, Action.MODIFY, Action.DELETE
FILLED: Final = {
    "at-once": [prefix_list(CREATE, "0.0.0.0/0")],
    "later": [prefix_list(CREATE), prefix_list(MODIFY, "0.0.0.0/0")],
    "in-pieces": [prefix_list(CREATE, "32.0.0.0/3"), prefix_list(MODIFY, "64.0.0.0/3")],
    "with-more-than-was-taken-away": [
        prefix_list(CREATE, "0.0.0.0/0", "::/0"),
        prefix_list(MODIFY, removed=(peer("::/0"),)),
    ],
}
NOT_FILLED: Final = {
    "never": [prefix_list(CREATE, "10.0.0.0/8")],
    "and-emptied": [
        prefix_list(CREATE, "0.0.0.0/0"),
        prefix_list(MODIFY, removed=(peer("0.0.0.0/0"),)),
    ],
    "in-pieces-of-which-one-is-gone": [
        prefix_list(CREATE, "32.0.0.0/3", "64.0.0.0/3"),
        prefix_list(MODIFY, removed=(peer("64.0.0.0/3"),)),
    ],
}


@pytest.mark.parametrize("seconds_apart", [0, 60])
@pytest.mark.parametrize("story", [*FILLED, *NOT_FILLED])
def test_a_list_that_held_the_world_closes_it_when_it_is_deleted(
    story: str, seconds_apart: int
) -> None:
    changes = [*(FILLED | NOT_FILLED)[story], prefix_list(DELETE)]
    entries = [
        call(f"{number}", number * seconds_apart / 60, change)
        for number, change in enumerate(changes)
    ]

    *earlier, deletion = in_every_order(*entries)

    is_filled = story in FILLED
    assert deletion.finding.judgement.effect is (Effect.CLOSES if is_filled else Effect.OTHER)
    assert deletion.finding.judgement.severity is Severity.LOW
    assert not deletion.finding.judgement.world_open
    assert [entry.ended for entry in earlier] == [
        deleted_at(seconds_apart * len(earlier) / 60)
    ] * len(earlier)


ELSEWHERE_LISTED: Final[dict[str, dict[str, object]]] = {
    "another-account": {"recipientAccountId": "444455556666"},
    **{code: {"errorCode": code} for code in REFUSALS},
}


@pytest.mark.parametrize("members", ELSEWHERE_LISTED.values(), ids=ELSEWHERE_LISTED)
def test_what_did_not_fill_the_list_is_not_closed_with_it(members: dict[str, object]) -> None:
    filled = call("1", 0, prefix_list(MODIFY, "0.0.0.0/0"), **members)
    deleted = call("2", 1, prefix_list(DELETE))

    assert effects(filled, deleted)[1] is Effect.OTHER
    assert effects(call("1", 0, prefix_list(MODIFY, "0.0.0.0/0")), deleted)[1] is Effect.CLOSES


@pytest.mark.parametrize("error_code", REFUSALS)
def test_a_deletion_that_was_refused_closes_nothing(error_code: str) -> None:
    filled = call("1", 0, prefix_list(MODIFY, "0.0.0.0/0"))
    kept = call("2", 1, prefix_list(DELETE), errorCode=error_code)

    assert effects(filled, kept) == [Effect.OPENS, Effect.ATTEMPT]
    assert outcomes(filled, kept) == {"1": None, "2": None}


# Whatever comes -----------------------------------------------------------------------------------

ACTIONS: Final[st.SearchStrategy[Change]] = st.sampled_from(
    [
        group(Action.CREATE),
        opened(SSH),
        opened(with_id(SSH, 1)),
        opened(with_id(SSH, 1), with_id(HTTPS, 2)),
        group(Action.MODIFY_RULES, with_id(rule("unknown tcp 22 from 10.0.0.0/8"), 1)),
        revoked(SSH),
        revoked(**BY_ID),
        revoked(with_id(HTTPS, 2)),
        group(Action.DELETE),
        opened(SSH, group_id="sg-2"),
        opened(SSH, group_id=None),
        prefix_list(CREATE, "0.0.0.0/0"),
        prefix_list(MODIFY, removed=(peer("0.0.0.0/0"),)),
        prefix_list(DELETE),
        TrailChange(action=TrailAction.STOP, trail=TRAIL_ARN, blinded=(Blinding.STOPPED,)),
        TrailChange(action=TrailAction.DELETE, trail="auditors", blinded=(Blinding.DELETED,)),
    ]
)


@st.composite
def deliveries(draw: st.DrawFn) -> list[DeliveredFinding]:
    """Calls of one delivery: few minutes, refused ones, updates, and what cannot be read."""
    entries = []
    for number in range(draw(st.integers(0, 8))):
        event_id, minute = f"event-{number}", draw(st.integers(0, 3))
        members: dict[str, object] = {"errorCode": draw(st.sampled_from([None, None, *REFUSALS]))}
        if draw(st.integers(0, 4)) == 0:
            original = f"event-{draw(st.integers(0, 8))}"
            members["addendum"] = {"originalEventID": original}
        entry = call(event_id, minute, draw(ACTIONS), **members)
        if draw(st.integers(0, 6)) == 0:
            unread = record(eventID=event_id, **members)
            entry = delivered(unreadable_finding(unread, "not JSON", excerpt="…"), event_id)
        entries.append(entry)
    return entries


@calmly
@given(deliveries(), st.randoms())
def test_nothing_is_lost_or_doubled_in_whatever_order_it_comes(
    entries: list[DeliveredFinding], random: Any
) -> None:
    shuffled = random.sample(entries, len(entries))

    ordered = with_aftermath(entries)

    assert with_aftermath(shuffled) == ordered
    told = [event_id for entry in ordered for event_id in entry.event_ids]
    assert sorted(told) == sorted(entry.keys[0] for entry in entries)
    assert [key for entry in ordered for key in entry.keys] == told
    worst = max((it.finding.judgement.severity for it in entries), default=None)
    assert max((_by_the_table(it.finding.judgement) for it in ordered), default=None) == worst


def _by_the_table(judgement: Judgement) -> Severity:
    return judgement.lowered_from or judgement.severity


@pytest.mark.parametrize("step", ["_order_of", "_LaterCalls", "_lowered"])
def test_a_fault_of_ours_takes_no_call_with_it(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [call("1-open", 0, opened(SSH)), call("2-open", 5, opened(HTTPS))]
    works = getattr(aftermath, step)
    calls = iter([1])

    def fails_once(*arguments: Any) -> Any:
        if next(calls, None):
            raise ZeroDivisionError("unheard of")
        return works(*arguments)

    monkeypatch.setattr(aftermath, step, fails_once)
    found, error = aftermath.with_aftermath(entries)

    assert isinstance(error, ZeroDivisionError)
    assert [it.event_ids for it in found] == [("1-open",), ("2-open",)]
