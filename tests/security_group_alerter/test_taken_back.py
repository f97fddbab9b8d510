"""What was taken back or edited before it was judged: closed, or open all the same."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import pytest

from security_group_alerter.judgement.findings import Standards
from security_group_alerter.memory.open_since import MOST_TURNS
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.messages.people import age_words
from security_group_alerter.messages.undo import EDITED_SINCE
from security_group_alerter.model.acceptance import AcceptedOpening
from security_group_alerter.model.message import Message, Sent
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from tests.local.failures import payload_of
from tests.security_group_alerter.cloudtrail.calls import revoked
from tests.security_group_alerter.installation import (
    ACCOUNT,
    GROUP,
    LIST,
    Installation,
    at,
    attached,
    called,
    closed,
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

SSH_1: Final = numbered("tcp 22 from 0.0.0.0/0", 1)
EVERYTHING_2: Final = numbered("all from 0.0.0.0/0", 2)
SSH_TO_A_CLOUD_1: Final = numbered("tcp 22 from 3.0.0.0/8", 1)
RDP_1: Final = numbered("tcp 3389 from 0.0.0.0/0", 1)
SSH_INSIDE_1: Final = numbered("tcp 22 from 10.0.0.0/8", 1)


def told(*records: Any) -> list[Message]:
    return Installation(looks=False).deliver(*records, now=at(20))


def told_later(opening: Any, *rest: Any) -> Message:
    """What is told of a call that is delivered after all others."""
    installation = Installation(looks=False)
    installation.deliver(*rest, now=at(20))
    [message] = installation.deliver(opening, now=at(21))
    return message


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


def test_of_an_edited_rule_that_was_revoked_then_nothing_is_left() -> None:
    message = told_later(
        opened(SSH_1),
        edited(RDP_1, time=at(5), event_id="e-2"),
        closed(RDP_1, time=at(6), event_id="e-3"),
    )

    assert "No command: there is nothing left to undo." in email_of(message)


@pytest.mark.parametrize("other", ["tcp 3389 from 0.0.0.0/0", "tcp 22 from ::/0"])
@pytest.mark.parametrize("is_deleted", [False, True], ids=["revoked", "deleted"])
def test_what_was_closed_since_is_not_still_open(other: str, is_deleted: bool) -> None:
    rule = numbered(other, 2)
    revoked_too = closed(rule, time=at(6), event_id="e-3")

    sent = told(
        opened(SSH_1, rule),
        closed(SSH_1, time=at(2), event_id="e-2"),
        deleted(time=at(6), event_id="e-3") if is_deleted else revoked_too,
    )

    text = email_of(the_one_about("e-2", sent))
    assert "Still open" not in text
    assert "stay open" not in text
    assert ("may still keep the group open" in text) is not is_deleted


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


RDP_INSIDE_2: Final = numbered("tcp 3389 from 10.0.0.0/8", 2)
RDP_2: Final = numbered("tcp 3389 from 0.0.0.0/0", 2)
SSH_3: Final = numbered("tcp 22 from 0.0.0.0/0", 3)
EVERYTHING_3: Final = numbered("all from 0.0.0.0/0", 3)


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        pytest.param(
            closed(SSH_1, time=at(4), event_id="e-2"),
            "What the call opened to the Internet was revoked at 09:04:00 UTC.",
            id="revoked",
        ),
        pytest.param(
            edited(SSH_INSIDE_1, time=at(4), event_id="e-2"),
            "What the call opened was closed by an edit at 09:04:00 UTC.",
            id="edited",
        ),
    ],
)
def test_what_is_left_of_a_call_that_lets_nobody_in(end: Any, words: str, later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1, RDP_INSIDE_2)
    sent = installation.deliver(*([] if later else [opening]), end, now=at(9))
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    text = email_of(message)
    assert message.attributes["severity"] == "HIGH"
    headline, end_of_it, *_ = text.splitlines()
    assert headline == "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min"
    assert end_of_it == words
    left = [RDP_INSIDE_2] if "revoked" in words else [SSH_1, RDP_INSIDE_2]
    ids = " ".join(str(rule.rule_id) for rule in left)
    assert f"--security-group-rule-ids {ids}\n" in text
    assert json.loads(json.loads(message.body)["default"])["status"] == "Resolved"


def test_what_is_left_of_a_call_that_lets_the_world_in() -> None:
    sent = told(opened(SSH_1, RDP_2), closed(SSH_1, time=at(4), event_id="e-2"))

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert (
        f"\nRevoked since: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]; "
        "the rest of the call stands.\n"
    ) in email_of(message)


@pytest.mark.parametrize("first", [EVERYTHING_3, SSH_3])
def test_what_another_rule_had_opened_before_is_not_closed_with_a_part_of_the_call(
    first: Any,
) -> None:
    sent = told(
        opened(first, event_id="e-0"),
        opened(SSH_1, RDP_INSIDE_2, time=at(1)),
        closed(SSH_1, time=at(4), event_id="e-2"),
    )

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert "was revoked at" not in email_of(message)


def test_what_the_call_did_not_open_by_itself_stays_open_as_the_rest_is_closed() -> None:
    sent = told(
        opened(numbered("tcp 22 from 0.0.0.0/0", 3), event_id="e-0"),
        opened(SSH_1, RDP_2, time=at(1)),
        closed(RDP_2, time=at(4), event_id="e-2"),
    )

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert "Revoked since: tcp 3389 (RDP) from 0.0.0.0/0 [" in email_of(message)


@pytest.mark.parametrize("again", [2, 4], ids=["in-the-same-second", "later"])
@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_what_was_closed_and_opened_again_is_of_the_call_that_did_so(
    later: bool, again: int
) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1)
    rest = (
        closed(SSH_1, time=at(2), event_id="e-2"),
        opened(numbered("tcp 22 from 0.0.0.0/0", 3), time=at(again), event_id="e-3"),
    )
    sent = installation.deliver(*([] if later else [opening]), *rest, now=at(9))
    first = [*sent]
    if later:
        first = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", first)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[:2] == [
        "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 2 min",
        "What the call added was revoked at 09:02:00 UTC.",
    ]
    reopening = the_one_about("e-3", sent)
    assert reopening.attributes["severity"] == "CRITICAL"
    headline = "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet\n"
    assert email_of(reopening).startswith(headline)


@pytest.mark.parametrize("again", [(), (opened(SSH_3, time=at(6), event_id="e-4"),)])
def test_harmless_rules_that_stood_for_longer_do_not_count(again: tuple[Any, ...]) -> None:
    sent = told(
        opened(SSH_1, RDP_INSIDE_2),
        closed(SSH_1, time=at(4), event_id="e-3"),
        *again,
        closed(RDP_INSIDE_2, time=at(8), event_id="e-5"),
    )

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[:2] == [
        "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min",
        "What the call opened to the Internet was revoked at 09:04:00 UTC.",
    ]


def test_a_list_that_was_emptied_and_filled_again() -> None:
    sent = told(
        list_created("10.0.0.0/8"),
        list_edited(add="0.0.0.0/0", time=at(1), event_id="e-1"),
        list_edited(remove="0.0.0.0/0", time=at(4), event_id="e-2"),
        list_edited(add="0.0.0.0/0", time=at(6), event_id="e-3"),
    )

    assert the_one_about("e-1", sent).attributes["severity"] == "MEDIUM"
    assert the_one_about("e-3", sent).attributes["severity"] == "HIGH"


def test_what_another_rule_made_the_world_is_closed_with_that_rule() -> None:
    slices = [numbered(f"tcp 22 from {first}.0.0.0/3", first + 1) for first in (0, 32)]
    sent = told(
        opened(slices[0]),
        opened(slices[1], time=at(1), event_id="e-2"),
        closed(slices[0], time=at(3), event_id="e-3"),
    )

    text = email_of(the_one_about("e-2", sent))
    assert text.splitlines()[:2] == [
        "HIGH: tcp 22 (SSH) was open to 28% of the IPv4 Internet for 2 min",
        "The ports were closed to the world when another rule was revoked at 09:03:00 UTC.",
    ]
    assert f"--security-group-rule-ids {slices[1].rule_id}\n" in text


def test_a_rule_of_the_call_that_was_edited_stands() -> None:
    web = numbered("tcp 443 from 0.0.0.0/0", 2)
    sent = told(
        opened(SSH_1, numbered("tcp 443 from 10.0.0.0/8", 2)),
        edited(web, time=at(1), event_id="e-2"),
        closed(SSH_1, time=at(2), event_id="e-3"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert text.splitlines()[1] == (
        "What the call opened to the Internet was revoked at 09:02:00 UTC."
    )
    assert f"No command: {EDITED_SINCE}." in text


def test_what_was_edited_more_than_once_is_as_of_the_last_edit() -> None:
    sent = told(
        opened(SSH_INSIDE_1),
        edited(SSH_1, time=at(1), event_id="e-2"),
        edited(numbered("tcp 3389 from 0.0.0.0/0", 1), time=at(2), event_id="e-3"),
    )

    assert (
        f"The rule was edited at 09:02:00 UTC: tcp 3389 (RDP) from 0.0.0.0/0 [{SSH_1.rule_id}]."
    ) in email_of(the_one_about("e-1", sent))


def test_no_rule_is_revoked_twice() -> None:
    slices = [numbered(f"tcp 22 from {first}.0.0.0/2", first + 1) for first in (0, 64, 128)]
    sent = told(
        *(opened(it, time=at(n), event_id=f"e-{n}") for n, it in enumerate(slices, 1)),
        closed(slices[1], time=at(5), event_id="e-9"),
    )

    text = email_of(the_one_about("e-2", sent))
    _, _, undo = text.partition("UNDO\n")
    assert "the ports stay open" in text
    for rule in (slices[0], slices[2]):
        assert undo.count(str(rule.rule_id)) == 1


def test_what_another_rule_kept_open_for_longer_was_open_for_so_long() -> None:
    sent = told(
        opened(SSH_1),
        opened(EVERYTHING_2, time=at(1), event_id="e-2"),
        closed(SSH_1, time=at(3), event_id="e-3"),
        closed(EVERYTHING_2, time=at(6), event_id="e-4"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert "  ! What the call opened to the Internet was revoked at 09:06:00 UTC.\n" in text
    assert "HIGH instead of CRITICAL: it was closed 6 min later by IAM user frank" in text


def test_a_port_that_weighs_less_and_stays_open_does_not_keep_what_was_closed() -> None:
    web, own_web = (numbered("tcp 443 from 0.0.0.0/0", number) for number in (2, 3))

    sent = told(
        opened(web),
        opened(SSH_1, own_web, time=at(1), event_id="e-2"),
        closed(SSH_1, own_web, time=at(4), event_id="e-3"),
    )

    assert "HIGH instead of CRITICAL" in email_of(the_one_about("e-2", sent))


EVERYTHING_1: Final = numbered("all from 0.0.0.0/0", 1)
WEB_1: Final = numbered("tcp 443 from 0.0.0.0/0", 1)
WEB_2: Final = numbered("tcp 443 from 0.0.0.0/0", 2)


@pytest.mark.parametrize(
    ("rest", "taken", "left"),
    [
        pytest.param(
            [edited(WEB_1, time=at(4), event_id="e-2")],
            "The rule was edited at 09:04:00 UTC.",
            WEB_1,
            id="of-the-edited-rule",
        ),
        pytest.param(
            [
                opened(WEB_2, time=at(2), event_id="e-2"),
                closed(EVERYTHING_1, time=at(4), event_id="e-3"),
            ],
            "What the call added was revoked at 09:04:00 UTC.",
            WEB_2,
            id="by-another-rule",
        ),
    ],
)
def test_a_part_that_weighs_less_stays_open(rest: list[Any], taken: str, left: Any) -> None:
    sent = told(opened(EVERYTHING_1), *rest)

    opening = the_one_about("e-1", sent)
    text = email_of(opening)
    assert text.splitlines()[:3] == [
        "HIGH: all traffic was open to the whole IPv4 Internet for 4 min",
        taken,
        "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
        f"[{left.rule_id}].",
    ]
    assert "HIGH instead of CRITICAL: the worst of it was closed 4 min later by IAM user" in text
    assert "Close what stays open (1 rule)" in text
    assert f"--security-group-rule-ids {left.rule_id}\n" in text
    assert "Not planned? Close it now.\n" in text
    assert news_in([opening]) == [("CREATE", "NEW")]


def test_an_edit_of_which_a_part_stays_open() -> None:
    sent = told(
        opened(SSH_1),
        edited(EVERYTHING_1, time=at(2), event_id="e-2"),
        edited(WEB_1, time=at(4), event_id="e-3"),
    )

    opening = the_one_about("e-2", sent)
    text = email_of(opening)
    assert opening.attributes["severity"] == "HIGH"
    assert "edit opened all traffic to the whole IPv4 Internet for 2 min\n" in text
    assert "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [" in text
    # What the first call opened is closed for good.
    assert "! What the call opened was closed by an edit at 09:04:00 UTC." in text
    # What stood just after the edit does not stand any more.
    assert "stay open to the world" not in text


def test_the_worst_of_it_is_closed_by_the_last_edit() -> None:
    wide = numbered("tcp 20-443 from 0.0.0.0/0", 1)
    last = edited(WEB_1, time=at(9), event_id="e-3")
    last["userIdentity"] |= {"arn": "arn:aws:iam::222233334444:user/grace", "userName": "grace"}
    sent = told(opened(EVERYTHING_1), edited(wide, time=at(4)), last)

    text = email_of(the_one_about("e-1", sent))
    headline, edit, *_ = text.splitlines()
    assert headline.endswith("was open to the whole IPv4 Internet for up to 9 min")
    assert edit == "The rule was edited at 09:09:00 UTC."
    assert "the worst of it was closed 9 min later by IAM user grace" in text


def test_a_look_that_shows_a_part_open() -> None:
    installation = Installation(group_state(WEB_1))

    [sent] = installation.deliver(opened(EVERYTHING_1), now=at(20))

    text = email_of(sent)
    assert "A look at 09:18:00 UTC no longer shows what the call added." in text
    assert "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [" in text
    assert "The rest stood for 18 min at most; which call ended it is not known." in text
    assert "HIGH instead of CRITICAL: a look at 09:18 UTC no longer shows the worst of it" in text
    assert f"--security-group-rule-ids {WEB_1.rule_id}\n" in text


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


def test_a_part_that_stays_open_beside_a_list_that_was_emptied() -> None:
    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST, WEB_2),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-2"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert "The prefix list was edited at 09:05:00 UTC and no longer lets this in." in text
    assert f"is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [{WEB_2.rule_id}].\n" in text
    # The list may be filled again.
    assert f"--security-group-rule-ids {BY_LIST.rule_id} {WEB_2.rule_id}\n" in text


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


def test_a_rule_by_a_list_in_a_group_that_had_been_deleted() -> None:
    """Made-up records, again."""
    sent = told(
        list_created("0.0.0.0/0"), deleted(time=at(1)), opened(BY_LIST, time=at(2), event_id="e-1")
    )

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert "no longer lets this in" not in email_of(message)


def test_a_list_that_was_emptied_beside_a_rule_that_opens_the_same_ports() -> None:
    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST),
        opened(EVERYTHING_2, time=at(1), event_id="e-3"),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-2"),
    )

    assert the_one_about("e-1", sent).attributes["severity"] == "CRITICAL"


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize(
    ("by_list", "is_emptied", "ports"),
    [
        pytest.param("tcp 3389", True, "tcp 22 (SSH)", id="as-bad"),
        pytest.param("tcp 443", True, "tcp 22 (SSH)", id="less-bad"),
        pytest.param("tcp 3389", False, "tcp 22 (SSH) and tcp 3389 (RDP)", id="not-known-any-more"),
    ],
)
def test_ports_that_a_call_opened_by_a_list_that_was_emptied_are_not_open(
    by_list: str, is_emptied: bool, ports: str, later: bool
) -> None:
    installation = Installation(looks=False)
    opening = opened(numbered(f"{by_list} from {LIST}", 5), SSH_1)
    emptied = list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-7")
    rest = [list_created("0.0.0.0/0"), emptied if is_emptied else list_restored(time=at(5))]
    sent = installation.deliver(*rest, *([] if later else [opening]), now=at(9))
    if later:
        sent = installation.deliver(opening, now=at(10))

    text = email_of(the_one_about("e-1", sent))
    rules = (
        ["sgr-00000000000000001"]
        if is_emptied
        else ["sgr-00000000000000005", "sgr-00000000000000001"]
    )
    assert text.startswith(f"CRITICAL: {ports} open to the whole IPv4 Internet\n")
    # What closes it comes first, and then what takes back all of the call.
    [first, *_] = [line for line in text.splitlines() if "revoke-security-group" in line]
    assert first.endswith(f"--security-group-rule-ids {' '.join(rules)}")
    assert "which held 0.0.0.0/0" in text
    assert "holds" not in text


def test_a_call_of_which_another_rule_stands_is_not_ended_by_its_list() -> None:
    inside = numbered("tcp 443 from 10.0.0.0/8", 6)

    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST, inside),
        closed(BY_LIST, time=at(5)),
    )

    text = email_of(the_one_about("e-1", sent))
    assert "What the call opened to the Internet was revoked at 09:05:00 UTC." in text
    assert "no longer lets this in" not in text


def test_a_look_that_shows_the_list_emptied() -> None:
    installation = Installation(list_state())
    installation.deliver(list_created("0.0.0.0/0"), now=at(-9))

    [message] = installation.deliver(opened(BY_LIST), now=at(20))

    assert message.attributes["severity"] == "HIGH"
    assert "A look at 09:18:00 UTC no longer shows what the call opened." in email_of(message)


# The words of what had ended.


def test_what_had_ended_is_told_in_the_past_tense() -> None:
    [opening] = [
        it
        for it in told(opened(SSH_1), closed(SSH_1, time=at(15)))
        if it.attributes["effect"] == "opens"
    ]

    texts = json.loads(opening.body)
    words = "tcp 22 (SSH) was open to the whole IPv4 Internet for 15 min"
    assert opening.subject.startswith(f"HIGH: {words}")
    assert texts["email"].startswith(f"HIGH: {words}\n")
    assert texts["sms"].startswith(f"HIGH {words} |")
    assert texts["email"].count("09:15:00") == 1
    assert texts["email"].count("15 min") == 2


@pytest.mark.parametrize(
    ("records", "words"),
    [
        pytest.param(
            (
                opened(SSH_INSIDE_1),
                edited(SSH_1, time=at(1)),
                closed(SSH_1, time=at(1, seconds=30), event_id="e-3"),
            ),
            "HIGH: edit opened tcp 22 (SSH) to the whole IPv4 Internet for 30 s\n",
            id="an-edit",
        ),
        pytest.param(
            (
                list_edited(add="0.0.0.0/0", time=at(0), event_id="e-2"),
                list_edited(remove="0.0.0.0/0", time=at(120), event_id="e-3"),
            ),
            f"MEDIUM: prefix list {LIST} included the whole IPv4 Internet for 2 h\n",
            id="a-list",
        ),
    ],
)
def test_what_else_had_ended(records: tuple[Any, ...], words: str) -> None:
    sent = Installation(looks=False).deliver(*records, now=at(130))

    assert email_of(the_one_about("e-2", sent)).startswith(words)


LAST: Final = "were open to the whole IPv4 Internet for up to 40 min"


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        pytest.param(
            [
                closed(SSH_1, time=at(2), event_id="e-2"),
                closed(RDP_2, time=at(40), event_id="e-3"),
            ],
            "The last of what the call added was revoked at 09:40:00 UTC.",
            id="revoked-one-by-one",
        ),
        pytest.param(
            [
                closed(SSH_1, time=at(2), event_id="e-2"),
                edited(RDP_INSIDE_2, time=at(40), event_id="e-3"),
            ],
            "The last of what the call opened was closed by an edit at 09:40:00 UTC.",
            id="revoked-and-edited",
        ),
        pytest.param(
            [closed(SSH_1, time=at(2), event_id="e-2"), deleted(time=at(40), event_id="e-3")],
            "The group was deleted at 09:40:00 UTC.",
            id="with-the-group",
        ),
    ],
)
def test_ports_that_were_closed_one_by_one(rest: list[Any], words: str) -> None:
    sent = Installation(looks=False).deliver(opened(SSH_1, RDP_2), *rest, now=at(50))

    text = email_of(the_one_about("e-1", sent))
    headline, end_of_it, *_ = text.splitlines()
    assert headline == f"HIGH: tcp 22 (SSH) and tcp 3389 (RDP) {LAST}"
    assert end_of_it == words
    assert "HIGH instead of CRITICAL: the last of it was closed 40 min later by IAM user" in text


def test_ports_that_were_open_already_and_closed_one_by_one() -> None:
    ssh, rdp = numbered("tcp 22 from 0.0.0.0/0", 8), numbered("tcp 3389 from 0.0.0.0/0", 9)
    sent = Installation(looks=False).deliver(
        opened(ssh, rdp, event_id="e-0"),
        opened(SSH_1, RDP_2, time=at(1)),
        closed(ssh, rdp, time=at(2), event_id="e-2"),
        closed(SSH_1, time=at(3), event_id="e-3"),
        closed(RDP_2, time=at(41), event_id="e-4"),
        now=at(50),
    )

    text = email_of(the_one_about("e-1", sent))
    assert "! The last of what the call added was revoked at 09:41:00 UTC." in text
    assert "HIGH instead of CRITICAL: the last of it was closed 40 min later by IAM user" in text


@pytest.mark.parametrize("together", [False, True], ids=["stands", "closed-too"])
def test_a_port_that_was_closed_and_opened_again_was_not_open_all_the_time(together: bool) -> None:
    last = (SSH_3, RDP_2) if together else (RDP_2,)
    sent = told(
        opened(SSH_1, RDP_2),
        closed(SSH_1, time=at(2)),
        opened(SSH_3, time=at(4), event_id="e-3"),
        closed(*last, time=at(9), event_id="e-4"),
    )

    text = email_of(the_one_about("e-4", sent))
    assert "! Closed: tcp 3389 (RDP), open to the world for 9 min, since" in text
    words = "! Closed: tcp 22 (SSH), open to the world for 5 min, since"
    assert (words in text) is together


def test_ports_that_were_closed_together() -> None:
    sent = told(opened(SSH_1, RDP_2), closed(SSH_1, RDP_2, time=at(9)))

    assert "tcp 3389 (RDP) were open to the whole IPv4 Internet for 9 min\n" in email_of(
        the_one_about("e-1", sent)
    )


def test_an_edit_that_closes_several_ports() -> None:
    sent = told(opened(SSH_1, RDP_2), edited(SSH_INSIDE_1, RDP_INSIDE_2, time=at(9)))

    assert (
        "edit closes tcp 22 (SSH) and tcp 3389 (RDP), which were open to the whole IPv4 Internet\n"
    ) in email_of(the_one_about("e-2", sent))


def test_several_ports_of_a_group_that_was_attached() -> None:
    sent = told(
        opened(SSH_1, RDP_2),
        attached(GROUP, time=at(2)),
        closed(SSH_1, RDP_2, time=at(9)),
    )

    assert (
        "tcp 22 (SSH) and tcp 3389 (RDP) were open to the whole IPv4 Internet for 7 min through"
    ) in email_of(the_one_about("e-5", sent))


@pytest.mark.parametrize(
    ("ports", "words"),
    [
        pytest.param([SSH_1, RDP_2], "they", id="several"),
        pytest.param([SSH_1], "it", id="one"),
    ],
)
def test_since_when_ports_had_been_open_is_not_known(ports: list[Any], words: str) -> None:
    call = closed(*ports, time=at(4))
    call["responseElements"] = {
        "_return": True,
        "revokedSecurityGroupRuleSet": {
            "items": [revoked(it) | {"securityGroupRuleId": it.rule_id} for it in ports]
        },
    }
    [message] = told(call)

    assert f"Since when {words} had been open to the world is not known." in email_of(message)


def test_ports_of_a_call_that_was_told_again_and_closed_together() -> None:
    """The first record of the call does not name the ids of the rules."""
    opening = opened(SSH_1, event_id="e-1") | {"responseElements": None}
    addendum = opened(SSH_1, event_id="e-9") | {
        "addendum": {"reason": "UPDATED_DATA", "originalEventID": "e-1"}
    }
    sent = told(
        opened(EVERYTHING_2, event_id="e-0"),
        opening,
        addendum,
        closed(EVERYTHING_2, time=at(5), event_id="e-2"),
        closed(SSH_1, time=at(9), event_id="e-3"),
    )

    text = email_of(the_one_about("e-9", sent))
    assert "! What the call added was revoked at 09:09:00 UTC.\n" in text
    assert "! The last of what the call opened to the Internet was revoked at 09:09:00" in text


def test_harmless_ports_that_were_closed_one_by_one() -> None:
    sent = told(
        opened(SSH_INSIDE_1, RDP_INSIDE_2),
        closed(SSH_INSIDE_1, time=at(2), event_id="e-2"),
        closed(RDP_INSIDE_2, time=at(9), event_id="e-3"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert "! The last of what the call added was revoked at 09:09:00 UTC." in text
    assert "! The last of it stood for 9 min, until the same principal ended it." in text


def test_a_look_knows_only_how_long_it_stood_at_most() -> None:
    [sent] = Installation(group_state()).deliver(opened(SSH_1), now=at(20))

    assert sent.subject.startswith(
        "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for at most 18 min"
    )


# A part of a call: what had ended is told in the past tense, and what stands in the present.

REVOKED: Final = closed(SSH_1, time=at(4), event_id="e-2")


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize(
    ("end", "verb"),
    [
        pytest.param(REVOKED, "Revoked", id="revoked"),
        pytest.param(edited(SSH_INSIDE_1, time=at(4), event_id="e-2"), "Edited", id="edited"),
    ],
)
def test_the_worst_of_a_call_is_closed_and_the_rest_stands(
    end: Any, verb: str, later: bool
) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1, WEB_2)
    sent = installation.deliver(*([] if later else [opening]), end, now=at(9))
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    headline = "tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min"
    texts = json.loads(message.body)
    chat, document = json.loads(texts["https"]), json.loads(texts["default"])
    assert message.attributes["severity"] == "HIGH"
    assert message.subject == f"HIGH: {headline} in 222233334444 by frank"
    assert texts["email"].splitlines()[:3] == [
        f"HIGH: {headline}",
        f"{verb} at 09:04:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}].",
        "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
        f"[{WEB_2.rule_id}].",
    ]
    assert chat["content"]["title"] == f"🟠 HIGH: {headline}"
    assert f"Internet ({verb.lower()} since)" in chat["content"]["description"]
    assert texts["sms"].startswith(f"HIGH {headline} |")
    assert document["finding_info"]["title"] == headline
    assert document["status"] == "New"
    assert "HIGH instead of CRITICAL: the worst of it was closed 4 min later" in texts["email"]
    assert f"--security-group-rule-ids {WEB_2.rule_id}\n" in texts["email"]
    assert news_in([message]) == [("CREATE", "NEW")]


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_what_stands_of_a_call_and_is_as_bad_is_what_the_alert_is_about(later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(replace(SSH_1, description="for the migration"), RDP_2)
    sent = installation.deliver(*([] if later else [opening]), REVOKED, now=at(9))
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    headline = "tcp 3389 (RDP) open to the whole IPv4 Internet"
    texts = json.loads(message.body)
    chat, document = json.loads(texts["https"]), json.loads(texts["default"])
    assert message.subject.startswith(f"CRITICAL: {headline} in")
    assert texts["email"].splitlines()[:2] == [
        f"CRITICAL: {headline}",
        f"Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]; the rest of the call "
        "stands.",
    ]
    assert chat["content"]["title"] == f"🔴 CRITICAL: {headline}"
    assert texts["sms"].startswith(f"CRITICAL {headline} |")
    assert document["finding_info"]["title"] == headline
    assert "Why CRITICAL: RDP, remote access" in texts["email"]
    assert f"--security-group-rule-ids {RDP_2.rule_id}\n" in texts["email"]
    assert "The command removes only what the call added." in texts["email"]
    # The description of the rule that is gone would seem to be that of the other.
    assert "Rule description" not in texts["email"]


def test_less_than_the_worst_is_closed() -> None:
    sent = told(opened(SSH_1, WEB_2), closed(WEB_2, time=at(4)))

    message = the_one_about("e-1", sent)
    assert email_of(message).splitlines()[:2] == [
        "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet",
        f"Revoked since: tcp 443 (HTTPS) from 0.0.0.0/0 [{WEB_2.rule_id}]; the rest of the call "
        "stands.",
    ]


def test_another_rule_keeps_open_what_was_revoked_of_a_call() -> None:
    sent = told(
        opened(SSH_3, event_id="e-0"),
        opened(SSH_1, WEB_2, time=at(1)),
        closed(SSH_1, time=at(4), event_id="e-2"),
    )

    message = the_one_about("e-1", sent)
    text = email_of(message)
    assert message.attributes["severity"] == "CRITICAL"
    assert (
        f"! Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]; the ports stay open: tcp "
        f"22 (SSH) from 0.0.0.0/0 [{SSH_3.rule_id}]."
    ) in text
    # Each call's own, once.
    _, _, undo = text.partition("UNDO\n")
    for rule in (SSH_3, WEB_2):
        assert undo.count(str(rule.rule_id)) == 1


def test_another_rule_keeps_open_some_of_what_was_revoked_of_a_call() -> None:
    sent = told(
        opened(SSH_3, event_id="e-0"),
        opened(SSH_1, WEB_2, numbered("tcp 3389 from 0.0.0.0/0", 4), time=at(1)),
        closed(SSH_1, WEB_2, time=at(4), event_id="e-2"),
    )

    assert (
        f"! Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}] and tcp 443 (HTTPS) from "
        f"0.0.0.0/0 [{WEB_2.rule_id}]; still open: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_3.rule_id}]."
    ) in email_of(the_one_about("e-1", sent))


ACCEPTED_WEB: Final = AcceptedOpening(
    account_id=ACCOUNT,
    region=None,
    group_id=None,
    protocol="tcp",
    ports=(PortRange(443, 443),),
    peers=(WEB_2.peer,),
    owner="storefront@example.com",
    reason="The storefront.",
    expires=date(2027, 6, 30),
)


@pytest.mark.parametrize(
    ("gone", "rest"),
    [
        pytest.param([SSH_1], ", except what is accepted", id="it-stands"),
        pytest.param([SSH_1, WEB_2], "", id="it-was-revoked-too"),
    ],
)
@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(None, "What the call opened to the Internet", id="opened"),
        pytest.param(attached(GROUP, time=at(2)), "What let the Internet in", id="attached"),
    ],
)
def test_what_is_accepted_stands(call: Any, words: str, gone: list[Any], rest: str) -> None:
    installation = Installation(looks=False)
    installation.standards = Standards(accepted=(ACCEPTED_WEB,))
    opening = opened(SSH_1, WEB_2, numbered("tcp 3389 from 10.0.0.0/8", 4))
    revoke = closed(*gone, time=at(4), event_id="e-2")
    installation.deliver(*([opening] if call else []), revoke, now=at(9))

    [message] = installation.deliver(call or opening, now=at(10))

    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[1] == f"{words} was revoked at 09:04:00 UTC{rest}."


def test_the_rule_that_kept_open_what_was_revoked_of_a_call_is_revoked_too() -> None:
    sent = told(
        opened(SSH_3, event_id="e-0"),
        opened(SSH_1, WEB_2, time=at(1)),
        closed(SSH_1, time=at(4), event_id="e-2"),
        closed(SSH_3, time=at(6), event_id="e-3"),
    )

    message = the_one_about("e-1", sent)
    text = email_of(message)
    assert message.attributes["severity"] == "HIGH"
    assert text.startswith("HIGH: 2 calls, the worst: tcp 22 (SSH) was open to the whole")
    assert "! Part of what the call opened is still open: tcp 443 (HTTPS)" in text


def test_a_part_that_was_closed_and_opened_again_is_of_the_call_that_did_so() -> None:
    sent = told(opened(SSH_1, WEB_2), REVOKED, opened(SSH_3, time=at(6), event_id="e-3"))

    first, again = (the_one_about(it, sent) for it in ("e-1", "e-3"))
    assert first.attributes["severity"] == "HIGH"
    assert "tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min\n" in email_of(first)
    assert "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet\n" in email_of(again)


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_a_port_stays_open_by_a_rule_that_came_after_another_port_was_closed(later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1, WEB_2)
    rest = (
        closed(WEB_2, time=at(4), event_id="e-2"),
        opened(SSH_3, time=at(6), event_id="e-3"),
        closed(SSH_1, time=at(8), event_id="e-4"),
    )
    sent = installation.deliver(*([] if later else [opening]), *rest, now=at(9))
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "CRITICAL"
    text = email_of(message)
    assert "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet" in text
    assert f"the ports stay open: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_3.rule_id}]." in text
    assert "was open" not in text


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_a_port_was_opened_again_before_another_port_was_closed(later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1, WEB_2)
    rest = (
        REVOKED,
        opened(SSH_3, time=at(6), event_id="e-3"),
        closed(WEB_2, time=at(8), event_id="e-4"),
    )
    sent = installation.deliver(*([] if later else [opening]), *rest, now=at(9))
    again = the_one_about("e-3", sent)
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "HIGH"
    assert str(SSH_3.rule_id) not in email_of(message).partition("WHAT")[0]
    assert "open still" not in email_of(message)
    assert again.attributes["severity"] == "CRITICAL"


def test_the_part_that_stays_open_is_not_what_was_closed_and_opened_again() -> None:
    sent = told(
        opened(EVERYTHING_1),
        opened(WEB_2, time=at(2), event_id="e-2"),
        closed(EVERYTHING_1, time=at(4), event_id="e-3"),
        opened(SSH_3, time=at(6), event_id="e-4"),
    )

    message = the_one_about("e-1", sent)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[:3] == [
        "HIGH: all traffic was open to the whole IPv4 Internet for 4 min",
        "What the call added was revoked at 09:04:00 UTC.",
        "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
        f"[{WEB_2.rule_id}].",
    ]


def test_a_family_that_was_closed_and_opened_again_is_of_the_call_that_did_so() -> None:
    both = [numbered("tcp 22 from 0.0.0.0/0", 1), numbered("tcp 22 from ::/0", 2)]

    message = told_later(opened(*both), REVOKED, opened(SSH_3, time=at(6), event_id="e-3"))

    headline = "CRITICAL: tcp 22 (SSH) open to the whole IPv6 Internet\n"
    assert email_of(message).startswith(headline)


@pytest.mark.parametrize("records", [(), (REVOKED,)], ids=["by-a-look", "by-a-call"])
def test_a_look_that_shows_a_part_of_a_call(records: tuple[Any, ...]) -> None:
    installation = Installation(group_state(WEB_2))

    sent = installation.deliver(opened(SSH_1, WEB_2), *records, now=at(20))

    message = the_one_about("e-1", sent)
    text, time = email_of(message), "4 min" if records else "at most 18 min"
    assert message.attributes["severity"] == "HIGH"
    assert f"tcp 22 (SSH) was open to the whole IPv4 Internet for {time} on 1 public" in text
    shows = "Revoked at 09:04:00 UTC:" if records else "A look at 09:18:00 UTC no longer shows"
    assert f"\n{shows} tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}].\n" in text
    assert ("(revoked since)" in text) is bool(records)
    assert ("(no longer there, seen at 09:20 UTC)" in text) is not bool(records)
    assert f"--security-group-rule-ids {WEB_2.rule_id}\n" in text


def test_a_look_that_shows_a_part_of_a_call_that_is_as_bad() -> None:
    installation = Installation(group_state(RDP_2))

    [message] = installation.deliver(opened(SSH_1, RDP_2), now=at(20))

    assert email_of(message).splitlines()[:2] == [
        "CRITICAL: tcp 3389 (RDP) open to the whole IPv4 Internet on 1 public instance",
        f"A look at 09:18:00 UTC no longer shows tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]; "
        "the rest of the call stands.",
    ]


@pytest.mark.parametrize(
    ("rules", "rest", "lines"),
    [
        pytest.param(
            ["tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0"],
            [REVOKED],
            [
                "CRITICAL: tcp 22 (SSH) open to the whole IPv6 Internet",
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [1]; the ports stay open: tcp 22 (SSH) "
                "from ::/0 [2].",
            ],
            id="one-family-of-two",
        ),
        pytest.param(
            ["tcp 22 from 3.0.0.0/8", "tcp 22 from 52.0.0.0/8"],
            [REVOKED],
            [
                "HIGH: tcp 22 (SSH) open to 52.0.0.0/8, 16.7 million addresses",
                "Revoked since: tcp 22 (SSH) from 3.0.0.0/8 [1]; the ports stay open: tcp 22 (SSH) "
                "from 52.0.0.0/8 [2].",
            ],
            id="one-cloud-of-two",
        ),
        pytest.param(
            ["tcp 22 from 3.0.0.0/8", "tcp 22 from 10.0.0.0/8"],
            [REVOKED],
            [
                "MEDIUM: tcp 22 (SSH) was open to 3.0.0.0/8, 16.7 million addresses for 4 min",
                "What the call opened to the Internet was revoked at 09:04:00 UTC.",
            ],
            id="a-cloud-and-not-the-inside",
        ),
        pytest.param(
            ["tcp 22 from 3.0.0.0/8"],
            [edited(numbered("tcp 22 from 4.0.0.0/8", 1), time=at(4))],
            [
                "HIGH: tcp 22 (SSH) open to 4.0.0.0/8, 16.7 million addresses",
                "The rule was edited at 09:04:00 UTC, and the ports stay open: tcp 22 (SSH) from "
                "4.0.0.0/8 [1].",
            ],
            id="a-cloud-that-is-another-now",
        ),
        pytest.param(
            ["tcp 22 from 3.0.0.0/8", "tcp 443 from 10.0.0.0/8"],
            [edited(numbered("tcp 22 from 0.0.0.0/0", 1), time=at(4))],
            [
                "HIGH: tcp 22 (SSH) open to 3.0.0.0/8, 16.7 million addresses",
                "Edited since: tcp 22 (SSH) from 3.0.0.0/8 [1]; the ports stay open: tcp 22 (SSH) "
                "from 0.0.0.0/0 [1].",
            ],
            id="a-cloud-that-is-the-world-now",
        ),
        pytest.param(
            ["tcp 22 from 0.0.0.0/0", "tcp 3389 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0"],
            [REVOKED, edited(RDP_INSIDE_2, time=at(8), event_id="e-3")],
            [
                "HIGH: tcp 22 (SSH) and tcp 3389 (RDP) were open to the whole IPv4 Internet for up "
                "to 8 min",
                "Revoked or edited, the last at 09:08:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [1] and "
                "tcp 3389 (RDP) from 0.0.0.0/0 [2].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [3].",
            ],
            id="one-by-one",
        ),
        pytest.param(
            ["tcp 22 from 0.0.0.0/0", "tcp 443 from 0.0.0.0/0", "tcp 3389 from 10.0.0.0/8"],
            [
                REVOKED,
                closed(numbered("tcp 3389 from 10.0.0.0/8", 3), time=at(8), event_id="e-3"),
            ],
            [
                "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min",
                "Revoked at 09:04:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [1].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [2].",
            ],
            id="a-harmless-rule-that-stood-for-longer",
        ),
        pytest.param(
            ["tcp 22 from 10.0.0.0/8", "tcp 3389 from 10.0.0.0/8"],
            [REVOKED],
            ["LOW: 2 ingress rules added"],
            id="nothing-open",
        ),
        pytest.param(
            [f"tcp 22 from {LIST}", "tcp 443 from 0.0.0.0/0"],
            [REVOKED],
            [
                "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min",
                f"Revoked at 09:04:00 UTC: tcp 22 (SSH) from prefix list {LIST} [1].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [2].",
            ],
            id="by-a-list",
        ),
    ],
)
def test_the_first_lines_of_a_call_of_which_a_part_stands(
    rules: list[str], rest: list[Any], lines: list[str]
) -> None:
    added = [numbered(text, number) for number, text in enumerate(rules, 1)]
    message = told_later(opened(*added), list_created("0.0.0.0/0"), *rest)

    text = email_of(message).replace("sgr-0000000000000000", "")
    assert text.splitlines()[: len(lines)] == lines


@pytest.mark.parametrize(
    ("beside", "lines"),
    [
        pytest.param(
            "tcp 443 from 0.0.0.0/0",
            [
                "HIGH: tcp 22 (SSH) was open to 28% of the IPv4 Internet for 4 min",
                "Some of the ports were closed to the world when another rule was {} at "
                "09:04:00 UTC.",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 [9].",
            ],
            id="less",
        ),
        pytest.param(
            "tcp 3389 from 0.0.0.0/0",
            [
                "CRITICAL: tcp 3389 (RDP) open to the whole IPv4 Internet",
                "Some of the ports were closed to the world when another rule was {} at "
                "09:04:00 UTC.",
            ],
            id="as-bad",
        ),
    ],
)
@pytest.mark.parametrize("verb", ["revoked", "edited"])
def test_what_other_rules_had_completed_is_closed_with_them(
    verb: str, beside: str, lines: list[str]
) -> None:
    other, own = (numbered(f"tcp 22 from {it}.0.0.0/3", it + 1) for it in (0, 32))
    inside = replace(SSH_INSIDE_1, rule_id=other.rule_id)
    ends = {
        "revoked": closed(other, time=at(4), event_id="e-2"),
        "edited": edited(inside, time=at(4), event_id="e-2"),
    }
    sent = told(
        opened(other, time=at(-1), event_id="e-0"), opened(own, numbered(beside, 9)), ends[verb]
    )

    text = email_of(the_one_about("e-1", sent)).replace("sgr-0000000000000000", "")
    assert text.splitlines()[: len(lines)] == [line.format(verb) for line in lines]
    assert "! Was open together with what stood before: tcp 22 (SSH) from 0.0.0.0/3" in text


def test_harmless_rules_of_which_one_was_revoked() -> None:
    sent = told(opened(SSH_INSIDE_1, RDP_INSIDE_2), REVOKED)

    text = email_of(the_one_about("e-1", sent))
    assert text.startswith("LOW: 2 calls, the first: 2 ingress rules added\n")
    assert "+ ingress tcp 22 (SSH) from 10.0.0.0/8, no public addresses (revoked since)" in text


def test_an_edit_of_two_rules_of_which_one_was_revoked() -> None:
    sent = told(
        opened(SSH_INSIDE_1, RDP_INSIDE_2, event_id="e-0"),
        edited(SSH_1, RDP_2, time=at(1), event_id="e-1"),
        closed(SSH_1, time=at(4), event_id="e-2"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert text.startswith("CRITICAL: edit opens tcp 3389 (RDP) to the whole IPv4 Internet\n")
    assert f"--security-group-rule-ids {RDP_2.rule_id}\n" in text
    # EC2 refuses a command that names a rule which is gone.
    assert f'"SecurityGroupRuleId":"{RDP_2.rule_id}"' in text
    assert f'"SecurityGroupRuleId":"{SSH_1.rule_id}"' not in text


def test_an_edit_of_which_the_rule_that_can_be_set_back_was_revoked() -> None:
    """What the other rule allowed before is not known."""
    sent = told(
        edited(SSH_1, RDP_2, time=at(1), event_id="e-1"),
        closed(SSH_1, time=at(4), event_id="e-2"),
    )

    assert "No command: what the rule allowed before is not in the record." in email_of(
        the_one_about("e-1", sent)
    )


def test_a_call_of_which_a_part_was_revoked_where_nothing_is_remembered() -> None:
    """Then nobody knows whether another rule keeps the ports open: nothing is lowered."""
    alerter, sent = Installation(looks=False), list[Message]()

    def fail(*_: Any, **__: Any) -> Recollection:
        raise ValueError

    def publish(messages: Iterable[Message], _: Any) -> Iterator[Sent]:
        for message in messages:
            sent.append(message)
            yield Sent(message=message)

    replace(alerter.alerter(), recall=fail, publish=publish).alert_on(
        payload_of(json.dumps(opened(SSH_1, WEB_2)), json.dumps(REVOKED)),
        now=at(20),
        time_left=lambda: 120,
    )

    message = the_one_about("e-1", sent)
    assert email_of(message).splitlines()[:2] == [
        "CRITICAL: tcp 443 (HTTPS) open to the whole IPv4 Internet",
        f"Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [{SSH_1.rule_id}]; the rest of the call "
        "stands.",
    ]


@pytest.mark.parametrize(
    ("held", "removed", "lines"),
    [
        pytest.param(
            ["0.0.0.0/0", "::/0"],
            "0.0.0.0/0",
            [
                f"HIGH: prefix list {LIST} now includes the whole IPv6 Internet",
                "The prefix list was edited at 09:04:00 UTC, and it still holds ::/0.",
            ],
            id="one-family-of-two",
        ),
        pytest.param(
            ["3.0.0.0/8", "52.0.0.0/8"],
            "3.0.0.0/8",
            [
                f"MEDIUM: prefix list {LIST} now includes 52.0.0.0/8, 16.7 million addresses",
                "The prefix list was edited at 09:04:00 UTC, and it still holds 52.0.0.0/8.",
            ],
            id="one-cloud-of-two",
        ),
        pytest.param(
            ["3.0.0.0/8", "10.0.0.0/8"],
            "3.0.0.0/8",
            [
                f"LOW: prefix list {LIST} included 3.0.0.0/8, 16.7 million addresses for 14 min",
                "The prefix list was edited at 09:04:00 UTC and no longer lets this in.",
            ],
            id="a-cloud-and-not-the-inside",
        ),
        pytest.param(
            ["0.0.0.0/0", "10.0.0.0/8"],
            "10.0.0.0/8",
            [f"HIGH: prefix list {LIST} now includes the whole IPv4 Internet", ""],
            id="the-inside-and-not-the-world",
        ),
        pytest.param(
            ["10.0.0.0/8", "10.1.0.0/16"],
            "10.0.0.0/8",
            [f"LOW: prefix list {LIST} created", ""],
            id="nothing-open",
        ),
    ],
)
def test_the_first_lines_of_a_list_of_which_a_part_stands(
    held: list[str], removed: str, lines: list[str]
) -> None:
    edit = list_edited(remove=removed, time=at(4), event_id="e-2")

    assert email_of(told_later(list_created(*held), edit)).splitlines()[:2] == lines


def test_a_cloud_in_a_list_that_the_world_stands_in_place_of_now() -> None:
    edit = list_edited(add="0.0.0.0/0", remove="3.0.0.0/8", time=at(4), event_id="e-2")

    assert email_of(told_later(list_created("3.0.0.0/8"), edit)).splitlines()[:2] == [
        f"MEDIUM: prefix list {LIST} now includes 3.0.0.0/8, 16.7 million addresses",
        "The prefix list was edited at 09:04:00 UTC, and what it holds is as broad: it holds "
        "0.0.0.0/0.",
    ]


def test_what_a_list_held_before_it_was_emptied_is_told_in_the_past_tense() -> None:
    sent = told(
        list_created("10.0.0.0/8"),
        list_edited(add="0.0.0.0/0", time=at(0), event_id="e-1"),
        list_edited(remove="0.0.0.0/0", time=at(4), event_id="e-2"),
    )

    words = "! The list then held 0.0.0.0/0 and 10.0.0.0/8: the whole IPv4 Internet."
    assert words in email_of(the_one_about("e-1", sent))


@pytest.mark.parametrize(
    ("to", "words"),
    [
        pytest.param(
            SSH_TO_A_CLOUD_1,
            "HIGH: edit narrows tcp 22 (SSH) to 3.0.0.0/8, 16.7 million addresses\n",
            id="a-part",
        ),
        pytest.param(
            numbered("tcp 3389 from 3.0.0.0/8", 1),
            "HIGH: edit opens tcp 3389 (RDP) to 3.0.0.0/8, 16.7 million addresses\n",
            id="another-port",
        ),
        pytest.param(
            numbered("tcp 20-25 from 3.0.0.0/8", 1),
            "HIGH: edit opens tcp 20-25 (SSH, Telnet and FTP) to 3.0.0.0/8, 16.7 million",
            id="more-ports",
        ),
        pytest.param(
            numbered("tcp 22 from 0.0.0.0/1", 1),
            "CRITICAL: edit leaves tcp 22 (SSH) open to 57% of the IPv4 Internet\n",
            id="half-of-the-world-is-the-world",
        ),
        pytest.param(
            SSH_1,
            "CRITICAL: edit leaves tcp 22 (SSH) open to the whole IPv4 Internet\n",
            id="of-its-description-alone",
        ),
    ],
)
def test_an_edit_narrows(to: Any, words: str) -> None:
    installation = Installation(looks=False)
    installation.deliver(opened(SSH_1), now=at(5))

    [sent] = installation.deliver(edited(to, time=at(10)), now=at(15))

    assert email_of(sent).startswith(words)


def test_an_edit_that_narrowed_for_a_while() -> None:
    sent = told(
        opened(SSH_1),
        edited(SSH_TO_A_CLOUD_1, time=at(2)),
        closed(SSH_TO_A_CLOUD_1, time=at(7), event_id="e-3"),
    )

    assert "edit narrowed tcp 22 (SSH) to 3.0.0.0/8, 16.7 million addresses for 5 min" in email_of(
        the_one_about("e-2", sent)
    )


# Groups that were attached.

OTHER: Final = "sg-0123456789abcdef1"


@pytest.mark.parametrize(
    ("end", "words"),
    [
        pytest.param(
            closed(SSH_1, time=at(3), event_id="e-3"),
            "What let the Internet in was revoked at 09:03:00 UTC.",
            id="revoked",
        ),
        pytest.param(
            edited(SSH_INSIDE_1, time=at(3), event_id="e-3"),
            "What the call opened was closed by an edit at 09:03:00 UTC.",
            id="edited",
        ),
        pytest.param(
            deleted(time=at(3), event_id="e-3"),
            "The group was deleted at 09:03:00 UTC.",
            id="deleted",
        ),
    ],
)
@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize("groups", [(GROUP,), (OTHER, GROUP)], ids=["alone", "with-another"])
def test_an_open_group_that_was_attached_and_closed_is_said_to_be_closed(
    groups: tuple[str, ...], later: bool, end: Any, words: str
) -> None:
    installation = Installation(looks=False)
    attaching = attached(*groups, time=at(2))
    rest = [opened(SSH_1), end]
    sent = installation.deliver(*rest, *([] if later else [attaching]), now=at(9))
    if later:
        sent = installation.deliver(attaching, now=at(10))

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[:2] == [
        "HIGH: an open group was attached to eni-0aaaaaaaaaaaaaaa1: tcp 22 (SSH) was open to the "
        f"whole IPv4 Internet for 1 min through {GROUP}",
        words,
    ]
    assert "HIGH instead of CRITICAL: it was closed 1 min later by IAM user frank" in email_of(
        message
    )
    assert "--groups" not in email_of(message)
    # Of the one exposure, whose end has its own alert.
    assert news_in([message]) == [("UPDATE", "RESOLVED")]
    document = json.loads(json.loads(message.body)["default"])
    [uid] = {it.uid for it in message.exposures}
    assert (document["finding_info"]["uid"], document["status"]) == (uid, "Resolved")


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize(
    ("end", "words"),
    [
        pytest.param(
            closed(numbered(f"tcp 22 from {LIST}", 5), time=at(5), event_id="e-3"),
            "What let the Internet in was revoked at 09:05:00 UTC.",
            id="revoked",
        ),
        pytest.param(
            edited(numbered("tcp 22 from 10.0.0.0/8", 5), time=at(5), event_id="e-3"),
            "What the call opened was closed by an edit at 09:05:00 UTC.",
            id="edited",
        ),
        pytest.param(
            deleted(time=at(5), event_id="e-3"),
            "The group was deleted at 09:05:00 UTC.",
            id="deleted",
        ),
    ],
)
def test_an_attached_group_whose_rule_by_a_list_is_gone(end: Any, words: str, later: bool) -> None:
    installation = Installation(looks=False)
    attaching = attached(GROUP, time=at(2))
    rest = [list_created("0.0.0.0/0"), opened(BY_LIST), end]
    sent = installation.deliver(*rest, *([] if later else [attaching]), now=at(9))
    if later:
        sent = installation.deliver(attaching, now=at(10))

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[1] == words
    assert f"+ {GROUP}: tcp 22 (SSH) open to the whole IPv4 Internet, closed since\n" in (
        email_of(message)
    )


def test_of_two_open_groups_that_were_attached_one_was_closed() -> None:
    web = numbered("tcp 443 from 0.0.0.0/0", 2)
    sent = told(
        opened(SSH_1),
        opened(web, group=OTHER, time=at(1), event_id="e-2"),
        attached(GROUP, OTHER, time=at(2)),
        closed(SSH_1, time=at(3), event_id="e-3"),
    )

    message = the_one_about("e-5", sent)
    text = email_of(message)
    assert message.attributes["severity"] == "MEDIUM"
    assert text.splitlines()[0] == (
        "MEDIUM: 2 open groups were attached to eni-0aaaaaaaaaaaaaaa1: tcp 443 (HTTPS) open to the "
        f"whole IPv4 Internet through {OTHER}"
    )
    assert f"+ {GROUP}: tcp 22 (SSH) open to the whole IPv4 Internet, closed since\n" in text
    # It needs no more than that one to be taken off.
    assert f"--network-interface-id eni-0aaaaaaaaaaaaaaa1 --groups {GROUP}\n" in text
    assert news_in([message]) == [("UPDATE", "IN_PROGRESS")]


def test_an_open_group_that_was_attached_stays_open_by_another_rule() -> None:
    sent = told(
        opened(SSH_1),
        opened(EVERYTHING_2, time=at(1), event_id="e-2"),
        attached(GROUP, time=at(2)),
        closed(SSH_1, time=at(3), event_id="e-3"),
    )

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert "revoked" not in email_of(message)


RDP_3: Final = numbered("tcp 3389 from 0.0.0.0/0", 3)


def list_restored(*, time: Any) -> Any:
    """To a version that is not known."""
    return called(
        "RestoreManagedPrefixListVersion",
        time,
        "e-8",
        requestParameters={
            "RestoreManagedPrefixListVersionRequest": {
                "PrefixListId": LIST,
                "CurrentVersion": 1,
                "PreviousVersion": 7,
            }
        },
        responseElements={
            "RestoreManagedPrefixListVersionResponse": {
                "prefixList": {"prefixListId": LIST, "version": 2}
            }
        },
    )


WEB_BY_LIST: Final = numbered(f"tcp 443 from {LIST}", 5)


@pytest.mark.parametrize(
    ("records", "headline", "notes", "item"),
    [
        pytest.param(
            [opened(SSH_1, WEB_2), closed(SSH_1, time=at(5), event_id="e-3")],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min{}",
            [
                "Revoked at 09:05:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
                "[sgr-00000000000000002].",
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to the "
            "whole IPv4 Internet",
            id="the-worst",
        ),
        pytest.param(
            [opened(SSH_1, WEB_2), edited(SSH_INSIDE_1, time=at(5), event_id="e-3")],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min{}",
            ["Edited at 09:05:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001]."],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to the "
            "whole IPv4 Internet",
            id="the-worst-by-an-edit",
        ),
        pytest.param(
            [opened(SSH_1, RDP_3), closed(SSH_1, time=at(5), event_id="e-3")],
            "CRITICAL: {}tcp 3389 (RDP) open to the whole IPv4 Internet{}",
            [
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001]; the rest is "
                "still open."
            ],
            "tcp 22 (SSH) and tcp 3389 (RDP) were open to the whole IPv4 Internet; still open: "
            "tcp 3389 (RDP) to the whole IPv4 Internet",
            id="one-of-two-that-weigh-the-same",
        ),
        pytest.param(
            [opened(SSH_1, WEB_2), closed(WEB_2, time=at(5), event_id="e-3")],
            "CRITICAL: {}tcp 22 (SSH) open to the whole IPv4 Internet{}",
            [
                "Revoked since: tcp 443 (HTTPS) from 0.0.0.0/0 [sgr-00000000000000002]; the rest "
                "is still open."
            ],
            "tcp 22 (SSH) open to the whole IPv4 Internet",
            id="what-weighs-less",
        ),
        pytest.param(
            [
                opened(
                    numbered("tcp 22 from 0.0.0.0/1", 1), numbered("tcp 22 from 128.0.0.0/1", 2)
                ),
                closed(numbered("tcp 22 from 128.0.0.0/1", 2), time=at(5), event_id="e-3"),
            ],
            "CRITICAL: {}tcp 22 (SSH) open to 57% of the IPv4 Internet{}",
            [
                "Revoked since: tcp 22 (SSH) from 128.0.0.0/1 [sgr-00000000000000002]; the ports "
                "stay open: tcp 22 (SSH) from 0.0.0.0/1 [sgr-00000000000000001]."
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 22 (SSH) to 57% of "
            "the IPv4 Internet",
            id="half-of-the-internet",
        ),
        pytest.param(
            [
                opened(SSH_1, WEB_2),
                closed(SSH_1, time=at(5), event_id="e-3"),
                opened(numbered("tcp 22 from 0.0.0.0/0", 9), time=at(6), event_id="e-4"),
            ],
            "CRITICAL: {}tcp 22 (SSH) open to the whole IPv4 Internet{}",
            [
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001]; the ports "
                "stay open: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000009]."
            ],
            "tcp 22 (SSH) open to the whole IPv4 Internet",
            id="the-worst-which-another-call-opened-again",
        ),
        pytest.param(
            [
                list_created("0.0.0.0/0"),
                opened(SSH_1, WEB_BY_LIST),
                closed(SSH_1, time=at(5), event_id="e-3"),
            ],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min{}",
            [
                "Revoked at 09:05:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001].",
                f"Part of what the call opened is still open: tcp 443 (HTTPS) from prefix list "
                f"{LIST} [sgr-00000000000000005].",
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to the "
            "whole IPv4 Internet",
            id="the-worst-beside-a-list",
        ),
        pytest.param(
            [
                list_created("0.0.0.0/0"),
                opened(BY_LIST, WEB_2),
                list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-7"),
            ],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min{}",
            [
                "The prefix list was edited at 09:05:00 UTC and no longer lets this in.",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
                "[sgr-00000000000000002].",
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to the "
            "whole IPv4 Internet",
            id="the-worst-by-its-list",
        ),
        pytest.param(
            [
                opened(SSH_1, WEB_2),
                closed(WEB_2, time=at(3), event_id="e-2"),
                opened(numbered("tcp 22-25 from 0.0.0.0/0", 6), time=at(4), event_id="e-3"),
                closed(SSH_1, time=at(5), event_id="e-4"),
            ],
            "CRITICAL: {}tcp 22 (SSH) open to the whole IPv4 Internet{}",
            [
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001] and tcp 443 "
                "(HTTPS) from 0.0.0.0/0 [sgr-00000000000000002]; still open: tcp 22-25 "
                "(SSH and Telnet) from 0.0.0.0/0 [sgr-00000000000000006]."
            ],
            "tcp 22 (SSH) open to the whole IPv4 Internet",
            id="what-another-rule-kept-open",
        ),
        pytest.param(
            [
                opened(SSH_1, WEB_2),
                edited(SSH_INSIDE_1, numbered("tcp 443 from 0.0.0.0/1", 2), time=at(4)),
            ],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 2 min{}",
            [
                "Edited at 09:04:00 UTC: tcp 22 (SSH) from 0.0.0.0/0 [sgr-00000000000000001] and "
                "tcp 443 (HTTPS) from 0.0.0.0/0 [sgr-00000000000000002].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/1 "
                "[sgr-00000000000000002].",
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to 57% "
            "of the IPv4 Internet",
            id="the-worst-and-half-of-the-rest",
        ),
        pytest.param(
            [
                list_created("0.0.0.0/0"),
                opened(BY_LIST, WEB_2),
                closed(BY_LIST, time=at(5), event_id="e-3"),
            ],
            "HIGH: {}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min{}",
            [
                f"Revoked at 09:05:00 UTC: tcp 22 (SSH) from prefix list {LIST} "
                "[sgr-00000000000000005].",
                "Part of what the call opened is still open: tcp 443 (HTTPS) from 0.0.0.0/0 "
                "[sgr-00000000000000002].",
            ],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443 (HTTPS) to the "
            "whole IPv4 Internet",
            id="the-worst-which-refers-to-a-list",
        ),
        pytest.param(
            [
                opened(numbered("tcp 22 from 0.0.0.0/1", 1)),
                opened(numbered("tcp 22 from 128.0.0.0/1", 2), time=at(5), event_id="e-4"),
            ],
            "CRITICAL: {}tcp 22 (SSH) open to 57% of the IPv4 Internet{}",
            [],
            "tcp 22 (SSH) open to 57% of the IPv4 Internet",
            id="nothing-and-more-was-opened",
        ),
        pytest.param(
            [
                list_created("0.0.0.0/0"),
                opened(BY_LIST),
                list_edited(add="0.0.0.0/1", remove="0.0.0.0/0", time=at(5), event_id="e-7"),
            ],
            "CRITICAL: {}tcp 22 (SSH) open to 57% of the IPv4 Internet{}",
            [],
            "tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 22 (SSH) to 57% of "
            "the IPv4 Internet",
            id="half-of-what-its-list-held",
        ),
        pytest.param(
            [list_created("0.0.0.0/0"), opened(BY_LIST, WEB_2), list_restored(time=at(5))],
            "CRITICAL: {}tcp 22 (SSH) open to the whole IPv4 Internet{}",
            [],
            "tcp 22 (SSH) open to the whole IPv4 Internet",
            id="nothing-that-is-known-of-its-list",
        ),
        pytest.param(
            [
                opened(WEB_2),
                opened(SSH_1, time=at(3), event_id="e-2"),
                closed(SSH_1, time=at(5), event_id="e-3"),
            ],
            "MEDIUM: {}tcp 443 (HTTPS) open to the whole IPv4 Internet{}",
            [],
            "tcp 443 (HTTPS) open to the whole IPv4 Internet",
            id="only-what-was-opened-since",
        ),
    ],
)
@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_an_open_group_that_was_attached_and_changed_since(
    later: bool, records: list[Any], headline: str, notes: list[str], item: str
) -> None:
    installation = Installation(looks=False)
    attaching = attached(GROUP, time=at(2))
    sent = installation.deliver(*records, *([] if later else [attaching]), now=at(9))
    if later:
        sent = installation.deliver(attaching, now=at(10))

    message = the_one_about("e-5", sent)
    text = email_of(message)
    start = "an open group was attached to eni-0aaaaaaaaaaaaaaa1: "
    first, *rest = text.splitlines()
    assert first == headline.format(start, f" through {GROUP}")
    assert rest[: len(notes)] == notes
    assert f"  + {GROUP}: {item}\n" in text
    assert "IN_PROGRESS" in {status for _, status in news_in([message])}


@pytest.mark.parametrize(
    ("other", "headline"),
    [
        pytest.param(
            numbered("tcp 22 from 0.0.0.0/0", 7),
            f"CRITICAL: {{}}tcp 22 (SSH) open to the whole IPv4 Internet through {OTHER}",
            id="what-is-open-still-is-worse",
        ),
        pytest.param(
            numbered("tcp 443 from 0.0.0.0/0", 7),
            f"HIGH: {{}}tcp 22 (SSH) was open to the whole IPv4 Internet for 3 min through {GROUP}",
            id="as-bad-is-open-still-in-both",
        ),
    ],
)
def test_of_two_open_groups_that_were_attached_one_was_closed_in_part(
    other: Any, headline: str
) -> None:
    sent = told(
        opened(SSH_1, WEB_2),
        opened(other, group=OTHER, time=at(1), event_id="e-2"),
        attached(GROUP, OTHER, time=at(2)),
        closed(SSH_1, time=at(5), event_id="e-3"),
    )

    message = the_one_about("e-5", sent)
    assert email_of(message).splitlines()[0] == headline.format(
        "2 open groups were attached to eni-0aaaaaaaaaaaaaaa1: "
    )
    assert f"+ {GROUP}: tcp 22 (SSH) was open to the whole IPv4 Internet; still open: tcp 443" in (
        email_of(message)
    )


OPEN_GROUP: Final = (
    "an open group was attached to eni-0aaaaaaaaaaaaaaa1: tcp 22 (SSH) {} to the whole IPv4 "
    f"Internet{{}} through {GROUP}"
)


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_a_group_that_is_open_by_a_list_was_attached(later: bool) -> None:
    installation = Installation(looks=False)
    attaching, rest = attached(GROUP, time=at(2)), (list_created("0.0.0.0/0"), opened(BY_LIST))
    sent = installation.deliver(*rest, *([] if later else [attaching]), now=at(9))
    if later:
        sent = installation.deliver(attaching, now=at(10))

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "CRITICAL"
    assert (message.attributes["effect"], message.attributes["world_open"]) == ("opens", "true")
    assert email_of(message).startswith(f"CRITICAL: {OPEN_GROUP.format('open', '')}\n")
    # What is open is the list's exposure.
    assert [it.resource.id for it in message.exposures] == [LIST]
    assert news_in([message]) == [("UPDATE", "IN_PROGRESS")]


def test_a_refused_attach_of_a_group_that_is_open_by_a_list() -> None:
    denied = attached(GROUP, time=at(2)) | {"errorCode": "Client.UnauthorizedOperation"}
    sent = told(list_created("0.0.0.0/0"), opened(BY_LIST), denied)

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "MEDIUM"
    assert "denied attempt to attach an open group" in email_of(message)


@pytest.mark.parametrize("unread", [False, True], ids=["nothing-known", "the-table-failed"])
def test_it_is_said_that_the_ranges_of_a_list_in_an_attached_group_are_not_known(
    unread: bool,
) -> None:
    installation = Installation(looks=False)
    if unread:
        installation.deliver(list_created("0.0.0.0/0"), now=at(-9))
        installation.memories.unread[resource(LIST)] = "throttled"
    sent = installation.deliver(opened(BY_LIST), attached(GROUP, time=at(2)), now=at(9))

    message = the_one_about("e-5", sent)
    texts = json.loads(message.body)
    words = f"Rules of {GROUP} refer to prefix lists whose ranges are not known: {LIST}."
    assert f"= {GROUP}, not known to be open to the world\n" in texts["email"]
    assert f"! {words}\n" in texts["email"]
    assert words in json.loads(texts["https"])["content"]["description"]
    [evidence] = json.loads(texts["default"])["evidences"]
    [group] = evidence["data"]["groups"]
    assert group == {"group_id": GROUP}


def test_the_list_of_an_attached_group_was_emptied_since() -> None:
    sent = told(
        list_created("0.0.0.0/0"),
        opened(BY_LIST),
        attached(GROUP, time=at(2)),
        list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-7"),
    )

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "HIGH"
    assert email_of(message).splitlines()[:2] == [
        f"HIGH: {OPEN_GROUP.format('was open', ' for 3 min')}",
        "The prefix list was edited at 09:05:00 UTC and no longer lets this in.",
    ]


@pytest.mark.parametrize(
    ("emptied", "minutes", "end"),
    [
        pytest.param(4, 5, "revoked at 09:05:00 UTC.", id="the-list-first"),
        pytest.param(
            6,
            6,
            "The prefix list was edited at 09:06:00 UTC and no longer lets this in.",
            id="the-rule-first",
        ),
    ],
)
@pytest.mark.parametrize("is_attached", [False, True], ids=["opened", "attached"])
def test_a_rule_was_revoked_and_the_list_of_another_emptied(
    is_attached: bool, emptied: int, minutes: int, end: str
) -> None:
    installation = Installation(looks=False)
    opening = opened(SSH_1, numbered(f"tcp 3389 from {LIST}", 5))
    rest = (
        list_edited(remove="0.0.0.0/0", time=at(emptied), event_id="e-7"),
        closed(SSH_1, time=at(5), event_id="e-2"),
    )
    first = [opening] if is_attached else []
    installation.deliver(list_created("0.0.0.0/0"), *first, *rest, now=at(20))

    call = attached(GROUP, time=at(2)) if is_attached else opening
    [message] = installation.deliver(call, now=at(21))

    ports = "tcp 22 (SSH) and tcp 3389 (RDP) were open to the whole IPv4 Internet"
    headline, line, *_ = email_of(message).splitlines()
    assert f"{ports} for up to {minutes - 2 * is_attached} min" in headline
    assert line.endswith(end)


SSH_6_TO_V6: Final = numbered("tcp 22 from ::/0", 6)
RDP_BY_LIST: Final = numbered(f"tcp 3389 from {LIST}", 7)
EMPTIED: Final = list_edited(remove="0.0.0.0/0", time=at(4), event_id="e-7")
SSH_AGAIN: Final = opened(SSH_3, time=at(6), event_id="e-3")
STILL: Final = "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet"
OVER: Final = "HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for 4 min"
BY_THE_LIST: Final = "The prefix list was edited at 09:04:00 UTC and no longer lets this in."


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize(
    ("opening", "rest", "lines"),
    [
        pytest.param(
            opened(SSH_1, BY_LIST),
            [REVOKED],
            [
                STILL,
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [1]; the ports stay open: tcp 22 (SSH) "
                f"from prefix list {LIST} [5].",
            ],
            id="kept-open-by-a-list",
        ),
        pytest.param(
            opened(SSH_1),
            [opened(BY_LIST, time=at(2), event_id="e-3"), REVOKED],
            [
                STILL,
                "What the call added was revoked at 09:04:00 UTC, and the ports stay open: tcp 22 "
                f"(SSH) from prefix list {LIST} [5].",
            ],
            id="kept-open-by-a-list-of-another-call",
        ),
        pytest.param(
            opened(SSH_1),
            [REVOKED, opened(BY_LIST, time=at(6), event_id="e-3")],
            [OVER, "What the call added was revoked at 09:04:00 UTC."],
            id="opened-again-by-a-list",
        ),
        pytest.param(
            opened(BY_LIST), [EMPTIED, SSH_AGAIN], [OVER, BY_THE_LIST], id="opened-again-by-a-rule"
        ),
        pytest.param(
            opened(BY_LIST),
            [closed(BY_LIST, time=at(4), event_id="e-2"), SSH_AGAIN],
            [OVER, "What the call added was revoked at 09:04:00 UTC."],
            id="opened-again-once-the-rule-by-a-list-was-gone",
        ),
        pytest.param(
            opened(BY_LIST),
            [EMPTIED, closed(BY_LIST, time=at(5), event_id="e-2")],
            [OVER, BY_THE_LIST],
            id="the-list-was-emptied-before-the-rule-was-revoked",
        ),
        pytest.param(
            opened(BY_LIST),
            [
                closed(BY_LIST, time=at(4), event_id="e-2"),
                list_edited(remove="0.0.0.0/0", time=at(5), event_id="e-7"),
            ],
            [OVER, "What the call added was revoked at 09:04:00 UTC."],
            id="the-rule-was-revoked-before-the-list-was-emptied",
        ),
        pytest.param(
            opened(SSH_6_TO_V6, RDP_BY_LIST),
            [EMPTIED, opened(numbered("tcp 3389 from ::/0", 8), time=at(6), event_id="e-3")],
            ["CRITICAL: tcp 22 (SSH) open to the whole IPv6 Internet", ""],
            id="another-port-opened-again",
        ),
        pytest.param(
            opened(SSH_1, RDP_2),
            [REVOKED, SSH_AGAIN],
            [
                "CRITICAL: tcp 3389 (RDP) open to the whole IPv4 Internet",
                "Revoked since: tcp 22 (SSH) from 0.0.0.0/0 [1]; the rest of the call stands.",
            ],
            id="a-port-of-two-opened-again",
        ),
        pytest.param(
            opened(EVERYTHING_1),
            [
                opened(SSH_3, time=at(2), event_id="e-3"),
                closed(EVERYTHING_1, time=at(4), event_id="e-2"),
            ],
            [
                STILL,
                "What the call added was revoked at 09:04:00 UTC, and some of the ports stay open: "
                "tcp 22 (SSH) from 0.0.0.0/0 [3].",
            ],
            id="some-ports-stay-open",
        ),
        pytest.param(
            opened(EVERYTHING_1),
            [
                opened(SSH_3, time=at(-2), event_id="e-3"),
                closed(EVERYTHING_1, time=at(4), event_id="e-2"),
            ],
            [
                "HIGH: all traffic was open to the whole IPv4 Internet for 4 min",
                "What the call added was revoked at 09:04:00 UTC.",
            ],
            id="some-ports-were-open-before",
        ),
        pytest.param(
            opened(EVERYTHING_1, numbered("tcp 3389 from 10.0.0.0/8", 4)),
            [
                opened(SSH_3, time=at(-2), event_id="e-3"),
                closed(EVERYTHING_1, time=at(4), event_id="e-2"),
            ],
            [
                "HIGH: all traffic was open to the whole IPv4 Internet for 4 min",
                "What the call opened to the Internet was revoked at 09:04:00 UTC.",
            ],
            id="some-ports-were-open-before-and-a-harmless-rule-stands",
        ),
        pytest.param(
            opened(SSH_6_TO_V6),
            [opened(SSH_1, time=at(-2), event_id="e-3"), REVOKED],
            ["CRITICAL: tcp 22 (SSH) open to the whole IPv6 Internet", ""],
            id="the-other-family-was-closed",
        ),
    ],
)
def test_each_port_goes_by_what_has_kept_it_open(
    opening: Any, rest: list[Any], lines: list[str], later: bool
) -> None:
    installation = Installation(looks=False)
    sent = installation.deliver(
        list_created("0.0.0.0/0"), *([] if later else [opening]), *rest, now=at(9)
    )
    if later:
        sent = installation.deliver(opening, now=at(10))

    message = the_one_about("e-1", sent)
    text = email_of(message)
    worded = [line.replace("sgr-0000000000000000", "") for line in text.splitlines()]
    if "2 calls" in worded[0]:
        # The call that opens it again is as bad, and in the same alert.
        headline, line = lines
        assert worded[0].replace("2 calls, the worst: ", "") == headline
        assert line in {it.removeprefix("  ! ") for it in worded}
    else:
        assert worded[: len(lines)] == lines


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_a_rule_by_an_emptied_list_that_was_revoked_is_not_to_be_revoked(later: bool) -> None:
    installation = Installation(looks=False)
    calls = [EMPTIED, closed(BY_LIST, time=at(5), event_id="e-2")]
    opening = opened(BY_LIST)
    sent = installation.deliver(
        list_created("0.0.0.0/0"), *([] if later else [opening]), *calls, now=at(9)
    )
    if later:
        sent = installation.deliver(opening, now=at(10))

    text = email_of(the_one_about("e-1", sent))
    assert f"which held 0.0.0.0/0 (revoked since) [{BY_LIST.rule_id}]" in text
    assert "No command: there is nothing left to undo." in text


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
@pytest.mark.parametrize("emptied", [[], [EMPTIED]], ids=["the-group", "the-list-and-the-group"])
def test_a_rule_that_went_with_its_group_was_not_revoked(emptied: list[Any], later: bool) -> None:
    installation = Installation(looks=False)
    opening = opened(BY_LIST)
    calls = [*emptied, deleted(time=at(5), event_id="e-9")]
    sent = installation.deliver(
        list_created("0.0.0.0/0"), *([] if later else [opening]), *calls, now=at(9)
    )
    if later:
        sent = installation.deliver(opening, now=at(10))

    text = email_of(the_one_about("e-1", sent))
    assert "revoked" not in text
    assert "No command: there is nothing left to undo." in text


def test_a_rule_that_was_edited_and_edited_back_is_not_said_to_allow_something_else() -> None:
    sent = told(
        opened(SSH_1),
        edited(RDP_1, time=at(4), event_id="e-2"),
        edited(SSH_1, time=at(6), event_id="e-3"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert OVER.removeprefix("HIGH: ") in text.splitlines()[0]
    assert f"No command: {EDITED_SINCE}." in text
    assert "something else" not in EDITED_SINCE
    again = the_one_about("e-3", sent)
    assert again.attributes["severity"] == "CRITICAL"
    assert "edit opens tcp 22 (SSH) to the whole IPv4 Internet" in email_of(again)


def test_another_rule_with_the_id_of_one_that_was_revoked_is_no_edit_of_it() -> None:
    sent = told(
        opened(SSH_1),
        closed(SSH_1, time=at(4)),
        opened(numbered("tcp 443 from 10.0.0.0/8", 1), time=at(6), event_id="e-3"),
    )

    text = email_of(the_one_about("e-1", sent))
    assert text.startswith(OVER)
    assert f"the whole IPv4 Internet (revoked since) [{SSH_1.rule_id}]" in text
    assert "No command: there is nothing left to undo." in text


def test_an_attached_group_whose_list_was_emptied_is_closed_whoever_opened_it_again() -> None:
    sent = told(
        list_created("0.0.0.0/0"), opened(BY_LIST), attached(GROUP, time=at(2)), EMPTIED, SSH_AGAIN
    )

    text = email_of(the_one_about("e-5", sent))
    assert f"HIGH: {OPEN_GROUP.format('was open', ' for 2 min')}" in text
    assert f"+ {GROUP}: tcp 22 (SSH) open to the whole IPv4 Internet, closed since" in text


@pytest.mark.parametrize("revoked_at_last", [False, True])
@pytest.mark.parametrize("turns", [3, MOST_TURNS + 5])
def test_rules_that_keep_a_port_open_by_turns(turns: int, revoked_at_last: bool) -> None:
    """Each is added before the one before it is revoked; the first refers to a list."""
    installation = Installation(looks=False)
    rules = [BY_LIST, *(numbered("tcp 22 from 0.0.0.0/0", 10 + it) for it in range(turns))]
    calls = [
        call
        for minute, (earlier, later) in enumerate(pairwise(rules), 1)
        for call in (
            opened(later, time=at(minute), event_id=f"o-{minute}"),
            closed(earlier, time=at(minute, seconds=30), event_id=f"c-{minute}"),
        )
    ]
    if revoked_at_last:
        calls.append(closed(rules[-1], time=at(turns + 5), event_id="c-last"))
    installation.deliver(list_created("0.0.0.0/0"), *calls, now=at(100))
    [message] = installation.deliver(opened(BY_LIST), now=at(101))

    headline, line, *_ = email_of(message).splitlines()
    if revoked_at_last:
        assert headline.startswith("HIGH: tcp 22 (SSH) was open to the whole IPv4 Internet for ")
        assert f" {age_words(timedelta(minutes=turns + 5))}" in headline
    else:
        assert headline == "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet"
        assert f"the ports stay open: tcp 22 (SSH) from 0.0.0.0/0 [{rules[-1].rule_id}]" in line


@pytest.mark.parametrize("later", [False, True], ids=["at-once", "in-a-later-delivery"])
def test_what_a_list_keeps_open_is_named_by_the_call_that_closed_the_rest(later: bool) -> None:
    installation = Installation(looks=False)
    before = [list_created("0.0.0.0/0"), opened(SSH_1, BY_LIST)]
    sent = installation.deliver(*before, *([] if later else [REVOKED]), now=at(9))
    if later:
        sent = installation.deliver(REVOKED, now=at(10))

    text = email_of(the_one_about("e-2", sent))
    rule = f"tcp 22 (SSH) from prefix list {LIST} [{BY_LIST.rule_id}]"
    assert f"Still open in the group: {rule}." in text
    assert "not known" not in text


def test_a_look_that_shows_the_list_of_an_attached_group_emptied() -> None:
    installation = Installation(list_state("10.0.0.0/8"), looks=False)
    installation.deliver(list_created("0.0.0.0/0"), opened(BY_LIST), now=at(1))
    installation.looks = True
    installation.deliver(list_edited(add="10.0.0.0/8", time=at(10), event_id="e-7"), now=at(20))
    installation.looks = False

    [message] = installation.deliver(attached(GROUP, time=at(2)), now=at(21))

    start = "HIGH: an open group was attached to eni-0aaaaaaaaaaaaaaa1: tcp 22 (SSH) was open to"
    assert email_of(message).startswith(start)


def test_what_is_open_by_a_list_and_by_itself_is_told_of_both() -> None:
    installation = Installation(looks=False)

    sent = installation.deliver(list_created("0.0.0.0/0"), opened(RDP_BY_LIST, WEB_2), now=at(9))

    news = news_in([the_one_about("e-1", sent)])
    assert news == [("CREATE", "NEW"), ("UPDATE", "IN_PROGRESS")]
    [told] = installation.memories.told[resource(LIST)].values()
    assert told.severity is Severity.CRITICAL


def test_what_was_opened_since_is_told_by_the_call_that_did_so() -> None:
    sent = told(opened(SSH_1), attached(GROUP, time=at(3)), REVOKED, SSH_AGAIN)

    assert news_in([the_one_about("e-5", sent)]) == [("UPDATE", "RESOLVED")]
    assert news_in([the_one_about("e-3", sent)]) == [("CREATE", "NEW")]


def test_what_a_look_shows_beside_what_was_closed_is_told_by_the_call_that_closed_it() -> None:
    sent = Installation(group_state(SSH_3)).deliver(opened(SSH_1), REVOKED, now=at(20))

    assert news_in([the_one_about("e-1", sent)]) == [("CREATE", "RESOLVED")]
    assert news_in([the_one_about("e-2", sent)]) == [("CLOSE", "RESOLVED"), ("CREATE", "NEW")]


def test_an_edit_of_a_list_that_closed_nothing_is_not_the_end() -> None:
    installation = Installation(looks=False)
    installation.deliver(
        list_created("0.0.0.0/0"),
        list_edited(remove="0.0.0.0/0", time=at(-5), event_id="e-7"),
        list_edited(add="10.0.0.0/8", time=at(6), event_id="e-8"),
        closed(SSH_1, time=at(5), event_id="e-2"),
        now=at(20),
    )

    [message] = installation.deliver(opened(SSH_1, BY_LIST), now=at(21))

    assert "was open to the whole IPv4 Internet for 5 min" in email_of(message).splitlines()[0]


@pytest.mark.parametrize(("held", "severity"), [("0.0.0.0/0", "CRITICAL"), ("10.0.0.0/8", "HIGH")])
def test_a_list_keeps_an_attached_group_open_as_another_rule_is_revoked(
    held: str, severity: str
) -> None:
    sent = told(
        list_created(held),
        opened(BY_LIST, SSH_1),
        attached(GROUP, time=at(2)),
        closed(SSH_1, time=at(5)),
    )

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == severity
    assert ("was revoked" in email_of(message)) is (severity == "HIGH")


def test_what_was_opened_again_is_not_what_was_attached() -> None:
    sent = told(
        opened(SSH_1),
        attached(GROUP, time=at(2)),
        closed(SSH_1, time=at(3), event_id="e-3"),
        opened(SSH_3, time=at(4), event_id="e-4"),
    )

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "HIGH"
    assert "What let the Internet in was revoked at 09:03:00 UTC." in email_of(message)


def test_what_only_a_look_shows_to_be_closed_was_closed_after_it_was_attached() -> None:
    installation = Installation(group_state(interfaces=()))
    sent = installation.deliver(opened(SSH_1), attached(GROUP, time=at(2)), now=at(9))

    message = the_one_about("e-5", sent)
    assert message.attributes["severity"] == "HIGH"
    assert "A look at 09:07:00 UTC no longer shows what the call opened." in email_of(message)
    assert not installation.watch(at(30))


def test_what_a_call_opened_once_more_is_told_to_be_closed() -> None:
    sent = told(
        opened(SSH_1),
        opened(numbered("tcp 22 from 0.0.0.0/1", 2), time=at(1), event_id="e-2"),
        closed(SSH_1, numbered("tcp 22 from 0.0.0.0/1", 2), time=at(3), event_id="e-3"),
    )

    message = the_one_about("e-2", sent)
    assert "2. AuthorizeSecurityGroupIngress" in email_of(message)
    assert news_in([message]) == [("CREATE", "RESOLVED"), ("UPDATE", "RESOLVED")]
