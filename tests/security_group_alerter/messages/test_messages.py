"""An alert as messages: within the limits of Amazon SNS, with nothing lost, whatever was typed."""

import json
import re
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from security_group_alerter.judgement.findings import configuration_finding
from security_group_alerter.messages import is_for_chat
from security_group_alerter.messages.limits import MOST_CALLS
from security_group_alerter.messages.people import lag_words, time_words
from security_group_alerter.messages.text import listed, plural, safe
from security_group_alerter.model.account import AccountFacts, Fact, LookupProblem
from security_group_alerter.model.change import Action, SecurityGroupChange
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.message import LARGEST_MESSAGE, Message
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.builders import judged, rules
from tests.security_group_alerter.messages.forms import opened
from tests.stories import findings_of, story, told

GROUP: Final = "sg-0123456789abcdef0"
OPENING: Final = story("ssh-opened-to-the-world-from-the-console")


def form(message: Message, name: str) -> str:
    text: str = json.loads(message.body)[name]
    return text


# What is not a command or a link: a phone breaks it into some fifteen lines, and no more.
LONGEST_LINE: Final = 600


def beginning_of(email: str) -> list[str]:
    """The lines before the details: what a decision needs."""
    beginning = re.split(r"\n\n(?=WHAT )", email, maxsplit=1)[0]
    return [line for line in beginning.split("\n") if line]


# Sizes.


def call(number: int, **members: object) -> dict[str, Any]:
    """SSH opened to the world on a group of its own."""
    group_id = f"sg-{number:017x}"
    rule_set = [
        it | {"groupId": group_id, "securityGroupRuleId": f"sgr-{number:017x}"}
        for it in OPENING["responseElements"]["securityGroupRuleSet"]["items"]
    ]
    return OPENING | {
        "eventID": f"00000000-0000-4000-8000-{number:012d}",
        "requestParameters": OPENING["requestParameters"] | {"groupId": group_id},
        "responseElements": {"_return": True, "securityGroupRuleSet": {"items": rule_set}},
        **members,
    }


def opening_of(count: int, description: str, *, answered: bool) -> dict[str, Any]:
    """One call that adds so many rules. Old records do not have EC2's answer."""
    ranges = [
        {"cidrIp": f"52.{it // 250}.{it % 250}.0/24", "description": description}
        for it in range(count)
    ]
    permission = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}}
    rule_set = [
        {
            "groupId": GROUP,
            "securityGroupRuleId": f"sgr-{it:017x}",
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": 22,
            "toPort": 22,
            "cidrIpv4": ranges[it]["cidrIp"],
            "description": description,
        }
        for it in range(count)
    ]
    return OPENING | {
        "requestParameters": {"groupId": GROUP, "ipPermissions": {"items": [permission]}},
        "responseElements": {"_return": True}
        | ({"securityGroupRuleSet": {"items": rule_set}} if answered else {}),
    }


def test_a_burst_of_one_principal_is_a_handful_of_messages_that_name_everything() -> None:
    calls = [call(number) for number in range(500)]

    messages = list(told(findings_of(*calls)))

    assert len(messages) <= 10
    assert all(message.size <= LARGEST_MESSAGE for message in messages)
    event_ids = [event_id for message in messages for event_id in message.event_ids]
    assert event_ids == [it["eventID"] for it in calls]
    documents = [json.loads(form(message, "default")) for message in messages]
    related = [it for document in documents for it in document["finding_info"]["related_events"]]
    assert [it["uid"] for it in related] == event_ids
    in_lines = [it for document in documents for it in document["unmapped"]["further_calls"]]
    written_out = [it for document in documents for it in document["evidences"]]
    assert len(in_lines) + len(written_out) == 500
    assert MOST_CALLS <= len(written_out) < MOST_CALLS + len(messages)
    email = "".join(form(message, "email") for message in messages)
    assert re.findall(r"^(\d+)\. (?:08:55|Auth)", email, re.MULTILINE) == [
        str(number) for number in range(1, 501)
    ]
    for line in in_lines:
        number, call_line = line.split(". ", 1)
        group_id = f"sg-{int(number) - 1:017x}"
        assert call_line == (
            f"08:55:12 UTC AuthorizeSecurityGroupIngress {group_id}: "
            "tcp 22 (SSH) open to the whole IPv4 Internet"
        )
        assert f"\n{line}\n" in email
    for name in ("email", "default"):
        text = "".join(form(message, name) for message in messages)
        assert all(it["requestParameters"]["groupId"] in text for it in calls)
        # Fifty are written out with their rules; every other has its line.
        assert all(f"sgr-{number:017x}" in text for number in range(MOST_CALLS))


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "as-before-2021"])
@pytest.mark.parametrize("description", ["", "Partner network", "😀" * 255], ids=len)
@pytest.mark.parametrize("count", [200, 1000])
def test_a_call_of_a_thousand_rules(count: int, description: str, answered: bool) -> None:
    record = opening_of(count, description, answered=answered)

    [message] = told(findings_of(record))

    assert message.size <= LARGEST_MESSAGE
    assert message.event_ids == (record["eventID"],)
    email = form(message, "email")
    shown = len(re.findall(r"\n +\+ ingress tcp 22", email))
    hidden = re.findall(r"\+ and ([\d,]+) more rules: see the CloudTrail event", email)
    assert shown >= 10
    assert shown + sum(int(it.replace(",", "")) for it in hidden) == count
    if description == "" and count == 200:
        assert shown == 200


def test_a_call_of_a_thousand_rules_on_as_many_ports() -> None:
    """Each opens something of its own: what is compared with what must not take minutes."""
    finding = opened(*(f"tcp {port} from 3.0.0.0/8" for port in range(6000, 8000, 2)))

    [message] = told([finding])

    assert message.size <= LARGEST_MESSAGE
    email = form(message, "email")
    shown = email.count("\n  + ingress tcp ")
    assert shown >= 200
    assert f"\n  + and {1000 - shown} more rules: see the CloudTrail event\n" in email


@pytest.mark.parametrize("count", [1, 12, 1000])
def test_a_call_of_a_thousand_rules_that_cannot_be_read(count: int) -> None:
    record = opening_of(1 + count, "", answered=False)
    [permission] = record["requestParameters"]["ipPermissions"]["items"]
    for item in permission["ipRanges"]["items"][1:]:
        item["cidrIp"] = "😀" * 100

    [message] = told(findings_of(record))

    assert message.size <= LARGEST_MESSAGE
    email = form(message, "email")
    shown = len(
        re.findall(
            r"! Not readable, so not judged: requestP|! Not readable, so not judged: ip", email
        )
    )
    hidden = re.findall(r"! Not readable, so not judged: ([\d,]+) more", email)
    assert shown + sum(int(it.replace(",", "")) for it in hidden) == count


def test_ranges_of_a_prefix_list_that_cannot_be_read() -> None:
    record = story("prefix-list-widened-to-the-world")
    entries = [{"Cidr": "nowhere", "tag": it} for it in range(1000)]
    record["requestParameters"]["ModifyManagedPrefixListRequest"]["AddEntry"] = entries

    [message] = told(findings_of(record))

    assert message.size <= LARGEST_MESSAGE
    email = form(message, "email")
    assert email.count("! Not readable, so not judged: ") == 1000
    assert not re.search("so not judged: [0-9,]+ more", email)


def test_a_prefix_list_of_many_ranges() -> None:
    record = story("prefix-list-widened-to-the-world")
    entries = [{"Cidr": f"52.{it}.0.0/16", "tag": it} for it in range(250)]
    record["requestParameters"]["ModifyManagedPrefixListRequest"]["AddEntry"] = entries

    [message] = told(findings_of(record))

    email = form(message, "email")
    assert email.count("\n  + 52.") == 250
    assert "more range" not in email


def test_a_prefix_list_whose_ranges_were_left_out() -> None:
    record = story("prefix-list-widened-to-the-world")
    record["requestParameters"] = {"omitted": True}

    [message] = told(findings_of(record))

    assert message.subject.startswith("HIGH: ")
    assert "CloudTrail left the ranges out." in form(message, "email")


def test_as_bad_as_it_can_be() -> None:
    long = "\U0010ffff" * 300
    rule_set = [
        {
            "securityGroupRuleId": f"{number}{long}",
            "ipProtocol": f"{number}{long}",
            "referencedGroupInfo": {"groupId": f"{number}{long}"},
            "description": long,
        }
        for number in range(50)
    ]
    record = story("ssh-closed-to-the-world")
    record["requestParameters"]["securityGroupRuleIds"] = {"items": rule_set}
    record["responseElements"] = {
        "_return": True,
        "revokedSecurityGroupRuleSet": {"items": rule_set},
        "unknownIpPermissionSet": {"items": rule_set},
    }

    [message] = told(findings_of(record))

    assert message.size <= LARGEST_MESSAGE
    assert message.event_ids == (record["eventID"],)
    assert "- and 50 more rules: see the CloudTrail event" in form(message, "email")


def test_many_calls_that_are_each_large() -> None:
    calls = [
        opening_of(300, "😀" * 255, answered=True) | {"eventID": f"event-{number}"}
        for number in range(3)
    ]

    messages = list(told(findings_of(*calls)))

    assert [message.event_ids for message in messages] == [(f"event-{it}",) for it in range(3)]
    assert all(message.size <= LARGEST_MESSAGE for message in messages)


@pytest.mark.parametrize("length", [300, 3000, 60_000])
def test_texts_without_end(length: int) -> None:
    long = "\U0010ffff" * length
    record = OPENING | {
        "userAgent": long,
        "sourceIPAddress": long,
        "errorCode": f"Client.{long}",
        "errorMessage": long,
        "eventID": long,
        "awsRegion": long,
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::222233334444:assumed-role/{long}/{long}",
            "invokedBy": long,
            "accessKeyId": long,
        },
        "requestParameters": {
            "groupId": long,
            "groupName": long,
            "description": long,
            "ipProtocol": long,
            "cidrIp": "0.0.0.0/0",
        },
        "addendum": {"originalEventID": long},
    }
    facts = AccountFacts(
        name=long,
        state=long,
        ou_path=(long,) * 6,
        tags={f"tag {number}": long for number in range(5)},
        owner=long,
        problems=tuple(LookupProblem(fact, long) for fact in Fact),
    )

    [message] = told(findings_of(record), facts=facts)

    assert message.size <= LARGEST_MESSAGE
    assert len(message.subject) < 100


# What subscriptions filter by.

FACTS: Final = AccountFacts(
    name="payments-production",
    ou_path=("Root", "Workloads", "Production"),
    tags={"Owner": "payments"},
    owner="payments",
)
ATTRIBUTES: Final[dict[str, tuple[Finding, AccountFacts, dict[str, str]]]] = {
    "opening": (
        opened("tcp 22 from 0.0.0.0/0"),
        FACTS,
        {
            "severity": "CRITICAL",
            "world_open": "true",
            "effect": "opens",
            "kind": "security-group",
            "account_id": "111122223333",
            "account_name": "payments-production",
            "region": "eu-central-1",
            "ou": "Root/Workloads/Production",
            "owner": "payments",
            "reach": "unknown",
        },
    ),
    "attempt": (
        opened("tcp 22 from 0.0.0.0/0", errorCode="Client.UnauthorizedOperation"),
        AccountFacts(),
        {
            "severity": "MEDIUM",
            "world_open": "false",
            "effect": "attempt",
            "kind": "security-group",
            "account_id": "111122223333",
            "region": "eu-central-1",
        },
    ),
    "closing": (
        judged(
            SecurityGroupChange(
                action=Action.REMOVE_RULES, group_id="sg-1", removed=rules("all from ::/0")
            )
        ),
        AccountFacts(name="\x1b"),
        {
            "severity": "LOW",
            "world_open": "false",
            "effect": "closes",
            "kind": "security-group",
            "account_id": "111122223333",
            "account_name": "\\x1b",
            "region": "eu-central-1",
        },
    ),
    "configuration": (
        configuration_finding("entry 1"),
        FACTS,
        {
            "severity": "MEDIUM",
            "world_open": "false",
            "effect": "other",
            "kind": "configuration",
        },
    ),
}


@pytest.mark.parametrize(("finding", "facts", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes(finding: Finding, facts: AccountFacts, expected: dict[str, str]) -> None:
    [message] = told([finding], facts=facts)

    assert message.attributes == expected


@pytest.mark.parametrize("minimum", Severity)
def test_chat_gets_what_is_bad_enough_and_what_ends_something_bad(minimum: Severity) -> None:
    got = {
        name: is_for_chat(next(told([finding])), minimum=minimum)
        for name, (finding, _, _) in ATTRIBUTES.items()
    }

    assert got == {
        "opening": True,
        "attempt": minimum <= Severity.MEDIUM,
        "closing": True,
        "configuration": minimum <= Severity.MEDIUM,
    }


# Text that somebody else typed.

any_text: Final = st.text(st.characters(), max_size=300)


@hypothesis_settings(max_examples=150)
@given(
    members=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("awsRegion", "eventID", "errorCode", "errorMessage", "userAgent"), any_text
        ),
    ),
    group_name=any_text,
    cidr=st.sampled_from(["0.0.0.0/0", "10.0.0.0/8", "nowhere", ""]),
    account_name=any_text,
)
def test_subjects_and_lines_hold_whatever_they_name(
    members: dict[str, str], group_name: str, cidr: str, account_name: str
) -> None:
    parameters = {
        "groupName": group_name,
        "groupId": group_name,
        "ipPermissions": {
            "items": [
                {
                    "ipProtocol": group_name,
                    "ipRanges": {"items": [{"cidrIp": cidr, "description": group_name}]},
                    "groups": {"items": [{"groupId": group_name}]},
                }
            ]
        },
    }
    record = OPENING | members | {"requestParameters": parameters, "responseElements": None}

    [message] = told(findings_of(record), facts=AccountFacts(name=account_name))

    assert 0 < len(message.subject) < 100
    assert message.subject.isprintable()
    assert all(value and value.isprintable() for value in message.attributes.values())
    email = form(message, "email")
    for line in email.split("\n"):
        assert line.isprintable()
        assert len(line) <= LONGEST_LINE or "https://" in line or line.startswith("aws ")
    assert len(beginning_of(email)) <= 15


@given(text=any_text, longest=st.integers(1, 400))
def test_safe_text(text: str, longest: int) -> None:
    shown = safe(text, longest)

    assert shown.isprintable()
    assert len(shown) <= longest
    assert "://" not in shown
    assert safe(shown, longest) == shown
    harmless = text.replace("://", "[:]//")
    if text.isprintable() and len(harmless) <= longest:
        assert shown == harmless


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\u202e", r"\u202e"),
        ("\ud800", r"\ud800"),
        ("\x1b[31m", r"\x1b[31m"),
        ("é 😀 \\n", "é 😀 \\n"),
        ("0123456789", "0123456789"),
        ("0123456789a", "012345678…"),
        ("\0" * 3, r"\x00\x00\…"),
        ("a://b", "a[:]//b"),
        ("https://b", "https[:]/…"),
    ],
)
def test_safe_shows_what_was_there(text: str, shown: str) -> None:
    assert safe(text, 10) == shown


@pytest.mark.parametrize(
    ("time", "zone", "words"),
    [
        ("2026-11-17T08:55:12Z", "UTC", "2026-11-17 08:55:12 UTC"),
        (
            "2026-11-17T08:55:12Z",
            "Europe/Berlin",
            "2026-11-17 08:55:12 UTC (09:55:12 Europe/Berlin)",
        ),
        (
            "2026-11-17T23:30:00Z",
            "Asia/Kolkata",
            "2026-11-17 23:30:00 UTC (2026-11-18 05:00:00 Asia/Kolkata)",
        ),
        (
            "2026-07-01T00:00:00Z",
            "America/New_York",
            "2026-07-01 00:00:00 UTC (2026-06-30 20:00:00 America/New_York)",
        ),
        ("9999-12-31T23:59:59Z", "Europe/Berlin", "9999-12-31 23:59:59 UTC"),
    ],
)
def test_times(time: str, zone: str, words: str) -> None:
    assert time_words(datetime.fromisoformat(time), ZoneInfo(zone)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (59, "59 s"),
        (298, "4 min 58 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
        (90_061, "1 d 1 h"),
        (86_401, "1 d 1 s"),
        # A clock that is behind CloudTrail's.
        (-5, "0 s"),
    ],
)
def test_lags(seconds: float, words: str) -> None:
    assert lag_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["a"] * 2003, "a, a, a and 2,000 more"),
    ],
)
def test_listed(words: list[str], shown: str) -> None:
    assert listed(words, 3) == shown


def test_plural() -> None:
    assert [plural(count, "rule") for count in (0, 1, 2, 1000)] == [
        "0 rules",
        "1 rule",
        "2 rules",
        "1,000 rules",
    ]
