"""The SMS: one line of 140 ASCII characters at the most; how bad, what is open, where."""

import pytest

from security_group_alerter.judgement.findings import unreadable_finding
from security_group_alerter.messages.sms import LONGEST
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.finding import Finding
from tests.security_group_alerter.builders import record, with_record
from tests.security_group_alerter.messages.forms import CALLS, opened, renamed, sms
from tests.stories import STORIES, findings_of, story

SSH = opened("tcp 22 from 0.0.0.0/0")

LONG = {
    "letters": "x" * 5000,
    "words": "all clear, nothing to do " * 200,
    "no-ascii": "ё" * 5000,
    "emoji": "🔥" * 5000,
    "longer-when-escaped": "\U0010ffff" * 5000,
    "longer-when-decomposed": "\ufdfa" * 5000,
    "half-a-character": "\ud800",
    "line-breaks": "a\r\nb\u2028c\x85d",
    "other-way-round": "\u202eworg\u2066",
    "only-accents": "\u0301" * 300,
    "dots": "…" * 300,
    "a-nothing": "\0",
}


@pytest.mark.parametrize("name", STORIES)
def test_story_in_one_line(name: str) -> None:
    [finding] = findings_of(story(name))

    text = sms(finding)

    assert_fits(text, finding)
    assert " | payments-production " in text


def test_severity_what_and_where() -> None:
    assert sms(SSH) == (
        "CRITICAL tcp 22 (SSH) open to the whole IPv4 Internet"
        " | payments-production eu-central-1 sg-0123456789abcdef0"
    )


def test_ports_that_do_not_fit_are_counted() -> None:
    ports = (22, 2222, 3389, 5432, 6379)

    text = sms(opened(*(f"tcp {port} from 0.0.0.0/0" for port in ports)))

    assert text.startswith("CRITICAL tcp 22 (SSH), ")
    assert " and 1 more open to th.. | " in text


def test_several_calls_give_the_count() -> None:
    assert sms(SSH, SSH).startswith("CRITICAL 2 calls, the worst: tcp 22 (SSH) open to ")


def test_several_calls_say_on_how_many_groups() -> None:
    another = opened("tcp 22 from 0.0.0.0/0", group_id="sg-0fedcba9876543210")

    assert sms(SSH, another, SSH).startswith(
        "CRITICAL 3 calls on 2 groups, the worst: tcp 22 (SSH) open to "
    )


def test_account_is_told_by_its_id_where_the_name_is_unknown() -> None:
    assert sms(SSH, facts=AccountFacts()).endswith(" | 111122223333 eu-central-1 sg-" + GROUP)


def test_nothing_is_invented_where_the_record_tells_no_place() -> None:
    nowhere = unreadable_finding(record(), "not JSON", excerpt="{")

    text = sms(with_record(nowhere, account_id=None, region=None), facts=AccountFacts())

    assert text == "HIGH unreadable log event"


@pytest.mark.parametrize(
    ("name", "shown"),
    {
        "Zürich-Genève": "Zurich-Geneve",
        "日本": "??",
        "ﬁnance ²": "finance 2",
        "a`b<c>|": "a`b<c>|",
        "x" * 28: "x" * 28,
        "x" * 29: "x" * 26 + "..",
    }.items(),
)
def test_account_name_in_ascii(name: str, shown: str) -> None:
    text = sms(SSH, facts=AccountFacts(name=name))

    assert text.endswith(f" | {shown} eu-central-1 sg-{GROUP}")


GROUP = "0123456789abcdef0"


@pytest.mark.parametrize("region", ["ap-southeast-1", "us-isof-south-1", "us-gov-west-1"])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_group_and_region_are_whole_whatever_the_account_is_called(text: str, region: str) -> None:
    finding = with_record(SSH, region=region)

    told = sms(finding, facts=AccountFacts(name=text))

    assert_fits(told, finding)
    assert told.endswith(f" {region} sg-{GROUP}")
    assert "tcp 22 (SSH) open to the whole IPv4 Internet | " in told


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_hostile_names_of_everything(text: str) -> None:
    for finding in findings_of(*map(story, CALLS)):
        hostile = with_record(renamed(finding, text), region=text, event_name=text)

        told = sms(hostile, facts=AccountFacts(name=text))

        assert_fits(told, finding)
        assert " | " in told


def assert_fits(text: str, finding: Finding) -> None:
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= LONGEST == 140
    assert text.startswith(f"{finding.judgement.severity.name} ")
