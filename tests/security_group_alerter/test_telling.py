"""What a delivery's alerts tell of each exposure, and what is remembered of that."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from security_group_alerter import telling
from security_group_alerter.judgement.accepted_openings import accepted_openings_in
from security_group_alerter.judgement.findings import Standards
from security_group_alerter.model.exposure_life import ExposureLife
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import ExposureNews, Told
from security_group_alerter.model.message import Message
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.cloudtrail.calls import api_permission
from tests.security_group_alerter.installation import (
    GROUP,
    INSIDE,
    LIST,
    PRIVATE,
    RDP,
    SSH,
    WEB,
    Installation,
    at,
    attached,
    called,
    closed,
    created_list,
    deleted,
    edited,
    group_state,
    list_edited,
    list_state,
    news_in,
    numbered,
    opened,
    resource,
)

OTHER: Final = "sg-0fedcba9876543210"
SSH_1: Final = numbered(SSH, 1)
SSH_2: Final = numbered(SSH, 2)
RDP_2: Final = numbered(RDP, 2)
WEB_3: Final = numbered(WEB, 3)
NEW: Final = ("CREATE", "NEW")
UPDATED: Final = ("UPDATE", "IN_PROGRESS")
EXPLAINED: Final = ("UPDATE", "RESOLVED")
CLOSED: Final = ("CLOSE", "RESOLVED")
OPENED_AND_ENDED: Final = ("CREATE", "RESOLVED")


def told_in(installation: Installation, of: str = GROUP) -> list[Told]:
    return [*installation.memories.told[resource(of)].values()]


def uids_in(messages: list[Message]) -> list[str]:
    return [news.uid for message in messages for news in message.exposures]


def test_an_opening_is_new() -> None:
    installation = Installation(group_state(SSH_1))

    sent = installation.deliver(opened(SSH_1), now=at(5))

    assert news_in(sent) == [NEW]
    [told] = told_in(installation)
    assert told == Told(
        uid=uids_in(sent)[0], at=at(5), severity=Severity.CRITICAL, reach=Reach.PUBLIC
    )


def test_it_is_told_as_severe_as_its_alert() -> None:
    installation = Installation(group_state(SSH_1, interfaces=(PRIVATE,)))

    installation.deliver(opened(SSH_1), now=at(5))

    [told] = told_in(installation)
    assert (told.severity, told.reach) == (Severity.HIGH, Reach.PRIVATE)


def test_what_an_accepted_opening_covers_is_told_so() -> None:
    installation = Installation(group_state(SSH_1))
    text = """
    [[opening]]
    account = "222233334444"
    protocol = "tcp"
    ports = [22]
    peers = ["0.0.0.0/0"]
    owner = "jane"
    reason = "bastion"
    expires = 2027-01-01
    """
    accepted = accepted_openings_in(text, today=at().date())
    assert not accepted.problems
    installation.standards = Standards(accepted=accepted.entries)

    installation.deliver(opened(SSH_1), now=at(5))

    [told] = told_in(installation)
    assert told.is_accepted


@pytest.mark.parametrize("records", ["together", "one-by-one"])
def test_what_one_call_tells_is_not_new_to_the_next(records: str) -> None:
    """The second opens nothing new, and tells again of what stands."""
    installation = Installation(group_state(SSH_1, SSH_2))
    calls = [opened(SSH_1), opened(SSH_2, time=at(1), event_id="e-2")]
    if records == "together":
        sent = installation.deliver(*calls, now=at(6))
    else:
        sent = [it for call in calls for it in installation.deliver(call, now=at(6))]

    assert news_in(sent) == [NEW, UPDATED]
    assert len({*uids_in(sent)}) == 1


def test_an_end_has_the_uid_of_its_beginning() -> None:
    installation = Installation(group_state(SSH_1))
    first = installation.deliver(opened(SSH_1), now=at(5))
    installation.show(group_state())

    second = installation.deliver(closed(SSH_1, time=at(60)), now=at(65))

    assert news_in(second) == [CLOSED]
    assert uids_in(first) == uids_in(second)
    [told] = told_in(installation)
    assert told.is_closed
    assert told.at == at(5)


def test_opened_and_ended_in_one_delivery() -> None:
    installation = Installation(group_state())

    sent = installation.deliver(opened(SSH_1), closed(SSH_1, time=at(1)), now=at(6))

    assert news_in(sent) == [OPENED_AND_ENDED, CLOSED]
    assert [it.is_closed for it in told_in(installation)] == [True]


def test_opened_and_only_seen_to_have_ended() -> None:
    """No other alert comes of its end."""
    installation = Installation(group_state())

    sent = installation.deliver(opened(SSH_1), now=at(15))

    assert news_in(sent) == [OPENED_AND_ENDED]
    assert [it.is_closed for it in told_in(installation)] == [True]


@pytest.mark.parametrize("ending", [closed(SSH_1, time=at(1)), deleted(time=at(1), event_id="e-2")])
def test_the_end_came_first(ending: dict[str, Any]) -> None:
    installation = Installation(looks=False)
    first = installation.deliver(ending, now=at(6))

    second = installation.deliver(opened(SSH_1), now=at(9))

    # Of a deletion it is not known what it ended.
    is_known = bool(news_in(first))
    assert news_in(second) == [EXPLAINED if is_known else OPENED_AND_ENDED]
    assert {it.is_closed for it in told_in(installation)} == {True}
    assert not installation.watch(at(120))


def test_an_end_that_a_look_had_shown_is_explained() -> None:
    installation = Installation(group_state(SSH_1))
    first = installation.deliver(opened(SSH_1), now=at(5))
    installation.show(group_state())
    assert not installation.watch(at(30))
    seen = installation.watch(at(45))
    assert news_in(seen) == [CLOSED]

    late = installation.deliver(closed(SSH_1, time=at(20)), now=at(60))

    assert news_in(late) == [EXPLAINED]
    assert uids_in(first) == uids_in(seen) == uids_in(late)


def test_a_part_that_ends_is_an_update() -> None:
    installation = Installation(group_state(SSH_1, RDP_2))
    installation.deliver(opened(SSH_1, RDP_2), now=at(5))
    before = told_in(installation)
    installation.show(group_state(RDP_2))

    sent = installation.deliver(closed(SSH_1, time=at(60)), now=at(65))

    assert news_in(sent) == [UPDATED]
    # Nothing is told of what is still open.
    assert told_in(installation) == before


def test_a_part_whose_whole_had_ended_is_resolved() -> None:
    installation = Installation(looks=False)
    installation.deliver(opened(SSH_1, RDP_2), now=at(5))
    last = closed(RDP_2, time=at(61), event_id="e-3")
    # Its end is known by the record that was late as well.
    installation.deliver(last, now=at(65))

    sent = installation.deliver(closed(SSH_1, time=at(60)), now=at(66))

    assert news_in(sent) == [CLOSED]


def test_a_late_part_of_what_had_ended() -> None:
    installation = Installation(looks=False)
    installation.deliver(opened(SSH_1, RDP_2), now=at(5))
    installation.deliver(deleted(time=at(61)), now=at(65))

    sent = installation.deliver(closed(SSH_1, time=at(60)), now=at(66))

    assert news_in(sent) == [EXPLAINED]


def test_an_edit_that_moves_the_world_closes_and_opens() -> None:
    installation = Installation(group_state(SSH_1))
    first = installation.deliver(opened(SSH_1), now=at(5))
    moved = replace(RDP_2, rule_id=SSH_1.rule_id)
    installation.show(group_state(moved))

    [alert] = installation.deliver(edited(moved, time=at(60)), now=at(65))

    assert news_in([alert]) == [NEW, CLOSED]
    assert uids_in([alert])[1] == uids_in(first)[0]


def test_an_edit_that_leaves_a_part_open_tells_it_once() -> None:
    wide = numbered("tcp 20-25 from 0.0.0.0/0", 1)
    installation = Installation(group_state(wide))
    installation.deliver(opened(wide), now=at(5))
    installation.show(group_state(SSH_1))

    sent = installation.deliver(edited(SSH_1, time=at(10)), now=at(15))

    assert news_in(sent) == [UPDATED]


def test_what_a_look_shows_beside_a_call_counts_as_told() -> None:
    """By the table: it may be worse than what the alert is about."""
    installation = Installation(group_state(WEB_3, SSH_1))

    sent = installation.deliver(opened(WEB_3), now=at(5))

    assert news_in(sent) == [NEW, NEW]
    assert sorted(it.severity for it in told_in(installation)) == [
        Severity.MEDIUM,
        Severity.CRITICAL,
    ]
    assert not installation.watch(at(20))
    # Told once.
    again = installation.deliver(closed(WEB_3, time=at(30)), now=at(35))
    assert news_in(again) == [CLOSED]


def test_what_a_look_shows_beside_a_call_that_closes() -> None:
    installation = Installation(group_state(WEB_3, SSH_1))
    installation.looks = False
    installation.deliver(opened(WEB_3), now=at(5))
    installation.looks = True
    installation.show(group_state(SSH_1))
    by_content = closed(WEB_3, time=at(30)) | {
        "requestParameters": {
            "groupId": GROUP,
            "ipPermissions": {"items": [api_permission(WEB_3)]},
        }
    }

    sent = installation.deliver(by_content, now=at(35))

    assert news_in(sent) == [CLOSED, NEW]


@pytest.mark.parametrize(
    "state", [None, group_state(WEB_3, SSH_1, has_all_rules=False)], ids=["not-seen", "in-part"]
)
def test_what_was_not_seen_whole_shows_nothing_beside(state: Any) -> None:
    installation = Installation(*filter(None, [state]))

    sent = installation.deliver(opened(WEB_3), now=at(5))

    assert news_in(sent) == [NEW]


def test_a_call_that_is_lowered_by_its_own_end_does_not_lower_what_stands() -> None:
    web = numbered(WEB, 4)
    installation = Installation(group_state(web))
    revoked = closed(SSH_1, WEB_3, time=at(2), event_id="e-3")
    again = opened(web, time=at(1), event_id="e-2")

    sent = installation.deliver(opened(SSH_1, WEB_3), again, revoked, now=at(7))

    assert sent[0].attributes["severity"] == "HIGH"
    assert news_in(sent)[0] == NEW
    # The last of them says what stands.
    assert not installation.watch(at(20))
    [told] = told_in(installation)
    assert told.severity is Severity.MEDIUM
    assert not told.is_closed


def test_what_became_worse_today_stays_so_when_it_is_told_again() -> None:
    installation = Installation(group_state(SSH_1, interfaces=(PRIVATE,)))
    installation.deliver(opened(SSH_1), now=at(5))
    installation.show(group_state(SSH_1))
    assert len(installation.watch(at(20))) == 1

    installation.show(group_state(SSH_1, SSH_2))
    installation.deliver(opened(SSH_2, time=at(21), event_id="e-2"), now=at(26))

    [told] = told_in(installation)
    assert told.worse_at == at(20)
    assert told.at == at(26)


@pytest.mark.parametrize(
    ("stands", "added", "expected"),
    [
        pytest.param("all from 0.0.0.0/0", SSH, [UPDATED], id="everything-is-open"),
        pytest.param("tcp 20-25 from 0.0.0.0/0", SSH, [UPDATED], id="a-range-around-it"),
    ],
)
def test_what_is_open_already_is_told_again(
    stands: str, added: str, expected: list[tuple[str, str]]
) -> None:
    before, now = numbered(stands, 8), numbered(added, 9)
    installation = Installation(group_state(before, WEB_3))
    installation.deliver(opened(before, WEB_3), now=at(5))
    installation.show(group_state(before, WEB_3, now))

    sent = installation.deliver(opened(now, time=at(10), event_id="e-2"), now=at(15))

    assert news_in(sent) == expected


def test_what_is_open_on_other_ports_is_not_told_again() -> None:
    rdp = numbered(RDP, 4)
    installation = Installation(group_state(SSH_1, rdp))
    installation.deliver(opened(rdp), opened(SSH_1, time=at(1), event_id="e-2"), now=at(6))
    installation.show(group_state(SSH_1, SSH_2, rdp))

    sent = installation.deliver(opened(SSH_2, time=at(10), event_id="e-3"), now=at(15))

    assert news_in(sent) == [UPDATED]


def test_an_open_group_that_is_attached_is_told_again() -> None:
    installation = Installation(group_state(SSH_1, interfaces=()))
    installation.deliver(opened(SSH_1), now=at(5))
    installation.show(group_state(SSH_1))

    sent = installation.deliver(attached(GROUP, time=at(30)), now=at(35))

    assert news_in(sent) == [UPDATED]
    [told] = told_in(installation)
    assert (told.severity, told.reach) == (Severity.CRITICAL, Reach.PUBLIC)
    assert not installation.watch(at(45))


# Prefix lists.

SSH_FROM_LIST: Final = numbered(f"tcp 22 from {LIST}", 5)


def refers(**state: Any) -> Any:
    return group_state(SSH_FROM_LIST, **state)


QUARTER: Final = numbered("tcp 22 from 64.0.0.0/3", 6)


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("first", [SSH_FROM_LIST, QUARTER], ids=["the-list", "the-range"])
def test_a_list_and_a_range_that_open_the_world_only_together(first: Any, looks: bool) -> None:
    installation = Installation(
        group_state(SSH_FROM_LIST, QUARTER), list_state("32.0.0.0/3"), looks=looks
    )
    installation.deliver(
        created_list("32.0.0.0/3", time=at(-10), event_id="e-0"),
        # A narrower range on the port, which counts for nothing.
        opened(numbered("tcp 22 from 203.0.113.0/24", 7), time=at(-9), event_id="e-9"),
        now=at(-5),
    )
    second = QUARTER if first is SSH_FROM_LIST else SSH_FROM_LIST
    installation.deliver(opened(first), now=at(5))

    [message] = installation.deliver(opened(second, time=at(10), event_id="e-2"), now=at(15))

    assert message.attributes["severity"] == "CRITICAL"
    assert (message.attributes["world_open"], message.attributes["effect"]) == ("true", "opens")
    beside = f"tcp 22 (SSH) from {'prefix list ' if first is SSH_FROM_LIST else ''}"
    text = json.loads(message.body)["email"]
    assert text.startswith("CRITICAL: tcp 22 (SSH) open to 29% of the IPv4 Internet")
    assert f"Open together with what stood before: {beside}{first.peer.value} [" in text


def test_a_list_no_longer_opens_the_world_together_with_a_range() -> None:
    sent = Installation(looks=False).deliver(
        created_list("32.0.0.0/3", time=at(-10), event_id="e-0"),
        opened(SSH_FROM_LIST, event_id="e-1"),
        opened(QUARTER, time=at(1), event_id="e-2"),
        list_edited(add="3.0.0.0/16", time=at(2), event_id="e-3"),
        list_edited(remove="32.0.0.0/3", time=at(3), event_id="e-4"),
        now=at(5),
    )

    [message] = [it for it in sent if it.attributes["world_open"] == "true"]
    assert message.event_ids == ("e-2",)
    assert message.attributes["severity"] == "HIGH"
    assert (
        "The prefix list was edited at 09:03:00 UTC and no longer lets this in."
        in (json.loads(message.body)["email"])
    )


def test_a_list_that_lets_in_nobody_where_a_range_does_adds_nothing() -> None:
    installation = Installation(looks=False)
    elsewhere = numbered(f"tcp 443 from {LIST}", 5)
    sent = installation.deliver(
        created_list("32.0.0.0/3", time=at(-10), event_id="e-0"),
        opened(elsewhere, event_id="e-1"),
        opened(QUARTER, time=at(1), event_id="e-2"),
        now=at(5),
    )

    assert [it.attributes["world_open"] for it in sent] == ["false"] * len(sent)


@pytest.mark.parametrize("interfaces", [(PRIVATE,), ()], ids=["private", "unattached"])
def test_a_reference_to_an_open_list_is_the_list_s_exposure(interfaces: Any) -> None:
    group = refers(interfaces=interfaces)
    installation = Installation(list_state("0.0.0.0/0"), group)
    first = installation.deliver(list_edited(add="0.0.0.0/0", time=at(), event_id="l-1"), now=at(5))
    installation.show(list_state("0.0.0.0/0", groups=(group,)))

    second = installation.deliver(opened(SSH_FROM_LIST, time=at(10)), now=at(15))

    assert (news_in(first), news_in(second)) == ([NEW], [UPDATED])
    assert uids_in(first) == uids_in(second)
    # What is behind one group lowers no list: else the watch would say that it became worse.
    [told] = told_in(installation, LIST)
    assert told.severity is Severity.CRITICAL
    assert not installation.watch(at(30))


def test_a_reference_to_a_list_that_nobody_was_told_of() -> None:
    installation = Installation(refers(), list_state("0.0.0.0/0"))
    installation.deliver(list_edited(add="0.0.0.0/0", time=at(), event_id="l-1"), now=at(5))
    installation.memories.told[resource(LIST)].clear()

    sent = installation.deliver(opened(SSH_FROM_LIST, time=at(10)), now=at(15))

    assert news_in(sent) == [NEW]
    assert [it.uid for it in told_in(installation, LIST)] == uids_in(sent)


# Nothing is told.


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(opened(numbered(INSIDE, 1)), id="nothing-public"),
        pytest.param(opened(SSH_1) | {"errorCode": "Client.UnauthorizedOperation"}, id="refused"),
        pytest.param(called("CreateSecurityGroup", at(), "e-1"), id="unreadable"),
    ],
)
def test_a_call_that_tells_of_no_exposure(record: dict[str, Any]) -> None:
    installation = Installation(group_state(numbered(INSIDE, 1)))

    sent = installation.deliver(record, now=at(5))

    assert len(sent) == 1
    assert news_in(sent) == []


@pytest.mark.parametrize("failing", ["unread", "unwritten"])
def test_where_memory_failed_nothing_is_to_be_noted(failing: str) -> None:
    installation = Installation(group_state(SSH_1, SSH_2))
    getattr(installation.memories, failing)[resource()] = "throttled"

    sent = installation.deliver(opened(SSH_1), opened(SSH_2, time=at(1), event_id="e-2"), now=at(5))

    # What it tells is the same, and of that nothing is kept.
    assert news_in(sent) == [NEW, UPDATED]
    news: list[ExposureNews] = [it for message in sent for it in message.exposures]
    assert all(it.told is None for it in news)
    assert installation.delivered.memory_failures == 1


def test_the_same_rule_found_open_twice_has_another_uid() -> None:
    """A uid is of one exposure: a look names it by the rule that it found."""
    installation = Installation(group_state(SSH_1, WEB_3))
    first = installation.deliver(opened(WEB_3), now=at(5))
    # Explained by a late record, and then edited unseen.
    installation.deliver(opened(SSH_1, time=at(-1), event_id="e-0"), now=at(8))
    moved = replace(RDP_2, rule_id=SSH_1.rule_id)
    installation.show(group_state(moved, WEB_3))
    assert not installation.watch(at(30))

    sent = installation.watch(at(30) + timedelta(minutes=30))

    assert news_in(sent) == [CLOSED, NEW]
    assert uids_in(sent)[0] in uids_in(first)
    assert len({*uids_in(first), *uids_in(sent)}) == 3


def test_a_fault_in_telling_of_one_takes_no_alert_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch then tells of what its alert could not."""
    installation = Installation(
        group_state(SSH_1), group_state(SSH_1, resource=resource(OTHER)), looks=False
    )
    opened_by = telling._Teller._opened

    def broken(self: Any, life: ExposureLife) -> ExposureNews:
        if life.resource.id == GROUP:
            raise ZeroDivisionError("unheard of")
        return opened_by(self, life)

    with monkeypatch.context() as patch:
        patch.setattr(telling._Teller, "_opened", broken)
        sent = installation.deliver(
            opened(SSH_1, event_id="e-1"), opened(SSH_1, event_id="e-2", group=OTHER), now=at(5)
        )

    assert {it for message in sent for it in message.event_ids} == {"e-1", "e-2"}
    assert news_in(sent) == [NEW]
    assert isinstance(installation.delivered.error, ZeroDivisionError)
    assert (len(told_in(installation)), len(told_in(installation, OTHER))) == (0, 1)
    found = [it for it in installation.watch(at(65)) if news_in([it]) == [NEW]]
    assert [it.exposures[0].resource.id for it in found] == [GROUP]


def test_of_what_has_ended_no_later_alert_says_that_it_stands() -> None:
    """Alerts are grouped, so that the one of the end may be sent before that of a part."""
    installation = Installation(looks=False)

    sent = installation.deliver(
        opened(numbered(SSH, 8), event_id="e-1", group=OTHER),
        opened(SSH_1, RDP_2, time=at(1), event_id="e-2"),
        closed(numbered(SSH, 8), time=at(2), event_id="e-3", group=OTHER),
        closed(SSH_1, time=at(3), event_id="e-4"),
        closed(RDP_2, time=at(4), event_id="e-5"),
        now=at(9),
    )

    assert [it.event_ids for it in sent] == [("e-1", "e-2"), ("e-3", "e-5"), ("e-4",)]
    assert news_in(sent) == [OPENED_AND_ENDED, OPENED_AND_ENDED, CLOSED, CLOSED, EXPLAINED]
    assert all(it.is_closed for of in (GROUP, OTHER) for it in told_in(installation, of))
