"""What was taken back or edited before it was judged: closed, or open all the same."""

import json
from typing import Any, Final

import pytest

from security_group_alerter.model.message import Message
from tests.security_group_alerter.installation import (
    LIST,
    Installation,
    at,
    called,
    closed,
    edited,
    group_state,
    list_edited,
    list_state,
    news_in,
    numbered,
    opened,
)

SSH_1: Final = numbered("tcp 22 from 0.0.0.0/0", 1)
EVERYTHING_2: Final = numbered("all from 0.0.0.0/0", 2)
SSH_TO_A_CLOUD_1: Final = numbered("tcp 22 from 3.0.0.0/8", 1)
SSH_INSIDE_1: Final = numbered("tcp 22 from 10.0.0.0/8", 1)


def told(*records: Any) -> list[Message]:
    return Installation(looks=False).deliver(*records, now=at(20))


def email_of(message: Message) -> str:
    text: str = json.loads(message.body)["email"]
    return text


def the_one_about(event_id: str, messages: list[Message]) -> Message:
    [message] = [it for it in messages if event_id in it.event_ids]
    return message


@pytest.mark.parametrize(
    ("to", "words"),
    [
        pytest.param(
            numbered("tcp 22 from 0.0.0.0/0", 1),
            "and more is open now: tcp 22 (SSH) from 0.0.0.0/0",
            id="to-the-world",
        ),
        pytest.param(
            numbered("all from 3.0.0.0/8", 1),
            "and more is open now: all traffic from 3.0.0.0/8",
            id="to-all-traffic",
        ),
        pytest.param(
            numbered("tcp 20-25 from 3.0.0.0/8", 1),
            "and the ports stay open: tcp 20-25 (SSH, Telnet and FTP) from 3.0.0.0/8",
            id="to-more-ports-of-the-same-weight",
        ),
        pytest.param(
            numbered("tcp 22 from 4.0.0.0/8", 1),
            "and the ports stay open: tcp 22 (SSH) from 4.0.0.0/8",
            id="to-another-cloud",
        ),
    ],
)
def test_an_edit_that_closes_nothing_lowers_nothing(to: Any, words: str) -> None:
    sent = told(opened(SSH_TO_A_CLOUD_1), edited(to, time=at(5), event_id="e-2"))

    opening = the_one_about("e-1", sent)
    text = email_of(opening)
    assert opening.attributes["severity"] == "HIGH"
    assert f"{words} [{SSH_1.rule_id}]." in text
    assert "nothing left to undo" not in text
    assert f"--security-group-rule-ids {SSH_1.rule_id}" in text
    assert "instead of" not in text


@pytest.mark.parametrize(
    ("to", "severity"),
    [
        pytest.param(SSH_TO_A_CLOUD_1, "HIGH", id="to-a-cloud"),
        pytest.param(SSH_INSIDE_1, "HIGH", id="to-the-inside"),
        pytest.param(numbered("tcp 443 from 0.0.0.0/0", 1), "HIGH", id="to-another-port"),
    ],
)
def test_an_edit_that_closes_lowers(to: Any, severity: str) -> None:
    sent = told(opened(SSH_1), edited(to, time=at(5), event_id="e-2"))

    opening = the_one_about("e-1", sent)
    assert opening.attributes["severity"] == severity
    assert "HIGH instead of CRITICAL: it was closed 5 min later" in email_of(opening)
    assert "What the call opened was closed by an edit" in email_of(opening)


def test_an_edit_of_what_let_in_nobody_closes_nothing() -> None:
    sent = told(opened(SSH_INSIDE_1), edited(SSH_1, time=at(5), event_id="e-2"))

    text = email_of(the_one_about("e-1", sent))
    assert "closed" not in text
    assert f": tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]." in text


def test_an_edit_of_a_rule_that_was_revoked_then_is_not_named() -> None:
    sent = told(
        opened(SSH_INSIDE_1),
        edited(numbered("tcp 22 from 10.1.0.0/16", 1), time=at(5), event_id="e-2"),
        closed(numbered("tcp 22 from 10.1.0.0/16", 1), time=at(6), event_id="e-3"),
    )

    assert "was closed by an edit" in email_of(the_one_about("e-1", sent))


def test_slices_stay_open_as_one_of_them_is_edited() -> None:
    slices = [numbered(f"tcp 22 from {first}.0.0.0/4", first) for first in (16, 32)]
    wider = numbered("tcp 22 from 64.0.0.0/2", 32)

    sent = told(
        opened(slices[0]),
        opened(slices[1], time=at(1), event_id="e-2"),
        edited(wider, time=at(5), event_id="e-3"),
    )

    opening = the_one_about("e-2", sent)
    text = email_of(opening)
    assert opening.attributes["severity"] == "HIGH"
    assert "and more is open now: tcp 22 (SSH) from 16.0.0.0/4" in text
    assert "Close what keeps the ports open (2 rules)" in text


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_another_rule_keeps_open_what_was_revoked(later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1)
    rest = (
        opened(EVERYTHING_2, time=at(2), event_id="e-2"),
        closed(SSH_1, time=at(4), event_id="e-3"),
    )
    sent = [] if later else installation.deliver(*rest, opening, now=at(9))
    if later:
        installation.deliver(*rest, now=at(9))
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    text = email_of(message)
    assert message.attributes["severity"] == "CRITICAL"
    assert (
        "What the call added was revoked at 09:04:00 UTC, and the ports stay open: all traffic "
        f"from 0.0.0.0/0 [{EVERYTHING_2.rule_id}]."
    ) in text
    assert f"--security-group-rule-ids {EVERYTHING_2.rule_id}\n" in text
    assert f"--security-group-rule-ids {SSH_1.rule_id}\n" not in text
    assert "revoked later" not in text
    assert "instead of" not in text


def test_a_port_that_weighs_less_and_stays_open_does_not_keep_what_was_closed() -> None:
    web, own_web = (numbered("tcp 443 from 0.0.0.0/0", number) for number in (2, 3))

    sent = told(
        opened(web),
        opened(SSH_1, own_web, time=at(1), event_id="e-2"),
        closed(SSH_1, own_web, time=at(4), event_id="e-3"),
    )

    assert "HIGH instead of CRITICAL" in email_of(the_one_about("e-2", sent))


def test_a_look_that_shows_another_rule_on_the_ports() -> None:
    installation = Installation(group_state(EVERYTHING_2))

    [sent] = installation.deliver(opened(SSH_1), now=at(20))

    assert sent.attributes["severity"] == "CRITICAL"
    assert "no longer shows what the call added, and the ports stay open: all traffic" in email_of(
        sent
    )


def test_a_list_that_holds_the_same_in_other_ranges() -> None:
    sent = told(
        list_edited(add="0.0.0.0/0", time=at(0), event_id="e-1"),
        list_edited(add="0.0.0.0/1", remove="0.0.0.0/0", time=at(5), event_id="e-2"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert sent[0].attributes["severity"] == "HIGH"
    assert (
        "The prefix list was edited at 09:05:00 UTC, and what it holds is as broad: it holds "
        "0.0.0.0/1."
    ) in text


def test_what_is_revoked_and_stays_open_is_not_resolved() -> None:
    sent = told(
        opened(SSH_1),
        opened(EVERYTHING_2, time=at(2), event_id="e-2"),
        closed(SSH_1, time=at(4), event_id="e-3"),
    )

    assert ("CREATE", "NEW") in news_in([the_one_about("e-1", sent)])


# Time runs forward.


def test_only_a_later_revoke_closes() -> None:
    """Made-up records often share the id of a rule."""
    sent = told(opened(SSH_1, time=at(0, seconds=31)), closed(SSH_1, time=at(0, seconds=15)))

    opening = the_one_about("e-1", sent)
    text = email_of(opening)
    assert opening.attributes["severity"] == "CRITICAL"
    assert "revoked" not in text
    assert f"--security-group-rule-ids {SSH_1.rule_id}\n" in text
    assert news_in([opening]) == [("CREATE", "NEW")]


def test_of_two_revokes_the_later_one_closes() -> None:
    sent = told(
        opened(SSH_1, time=at(1)),
        closed(SSH_1, time=at(0), event_id="e-2"),
        closed(SSH_1, time=at(5), event_id="e-3"),
    )

    assert "What the call added was revoked at 09:05:00 UTC" in email_of(the_one_about("e-1", sent))


def test_a_revoke_of_the_same_second_is_the_later_call() -> None:
    sent = told(opened(SSH_1), closed(SSH_1, time=at(0)))

    assert "What the call added was revoked at 09:00:00 UTC" in email_of(the_one_about("e-1", sent))


# What a prefix list held at the call.


BY_LIST: Final = numbered(f"tcp 22 from {LIST}", 5)


def list_created(*cidrs: str) -> Any:
    entries = [{"Cidr": cidr, "tag": number} for number, cidr in enumerate(cidrs, 1)]
    return called(
        "CreateManagedPrefixList",
        at(-10),
        "e-list",
        requestParameters={
            "CreateManagedPrefixListRequest": {"PrefixListName": "a", "Entry": entries}
        },
        responseElements={
            "CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": LIST, "version": 1}}
        },
    )


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_a_rule_is_judged_by_what_its_list_held_at_the_call(later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(BY_LIST)
    rest = (
        list_created("0.0.0.0/0"),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-2"),
        list_edited(add="10.0.0.0/8", time=at(7), event_id="e-3"),
    )
    sent = [] if later else installation.deliver(*rest, opening, now=at(20))
    if later:
        installation.deliver(*rest, now=at(19))
        sent = installation.deliver(opening, now=at(20))

    message = the_one_about("e-1", sent)
    text = email_of(message)
    assert message.attributes["world_open"] == "true"
    assert message.attributes["severity"] == "HIGH"
    assert "The prefix list was edited at 09:05:00 UTC and no longer lets this in." in text
    assert "HIGH instead of CRITICAL: it was closed 5 min later by IAM user frank." in text
    assert "which held 0.0.0.0/0" in text
    # The list may be filled again.
    assert "revoke-security-group-ingress" in text


def test_a_rule_whose_list_was_filled_after_the_call() -> None:
    sent = told(
        list_created("10.0.0.0/8"),
        opened(BY_LIST),
        list_edited(add="0.0.0.0/0", time=at(5), event_id="e-2"),
    )

    assert the_one_about("e-1", sent).attributes["severity"] == "LOW"
    assert the_one_about("e-2", sent).attributes["severity"] == "HIGH"


def test_a_rule_whose_list_was_emptied_and_filled_again() -> None:
    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-2"),
        list_edited(add="0.0.0.0/1", time=at(6), event_id="e-3"),
    )

    assert the_one_about("e-1", sent).attributes["severity"] == "CRITICAL"


def test_a_list_that_was_emptied_beside_a_rule_that_opens_the_same_ports() -> None:
    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST),
        opened(EVERYTHING_2, time=at(1), event_id="e-3"),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-2"),
    )

    assert the_one_about("e-1", sent).attributes["severity"] == "CRITICAL"


def test_a_look_that_shows_the_list_emptied() -> None:
    installation = Installation(list_state())
    installation.deliver(list_created("0.0.0.0/0"), now=at(-9))

    [message] = installation.deliver(opened(BY_LIST), now=at(20))

    assert message.attributes["severity"] == "HIGH"
    assert "A look at 09:18:00 UTC no longer shows what the call opened." in email_of(message)
