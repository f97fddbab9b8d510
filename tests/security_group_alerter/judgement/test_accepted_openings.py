"""Accepted openings: what the file may hold, and what it covers."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from security_group_alerter.judgement import accepted_openings
from security_group_alerter.judgement.accepted_openings import (
    FILE,
    LONGEST_TERM,
    AcceptedOpenings,
    acceptance_of,
    accepted_openings_in,
)
from security_group_alerter.model.acceptance import Acceptance, AcceptedOpening
from security_group_alerter.model.change import Action, SecurityGroupChange
from security_group_alerter.model.record import CloudTrailRecord
from security_group_alerter.model.rules import ALL_PORTS, PortRange, SecurityGroupRule
from tests.security_group_alerter.builders import peer, record, rule, rules

TODAY: Final = date(2026, 12, 1)
TOML: Final = Path(accepted_openings.__file__).parents[1].joinpath(FILE).read_text(encoding="utf-8")
WHOLE: Final = {
    "account": '"111122223333"',
    "region": '"eu-central-1"',
    "group": '"sg-0123456789abcdef0"',
    "protocol": '"tcp"',
    "ports": '[443, "8000-8010"]',
    "peers": '["0.0.0.0/0", "::/0"]',
    "owner": '"storefront@example.com"',
    "reason": '"The storefront serves the public."',
    "expires": "2027-06-30",
}
OPENING: Final = AcceptedOpening(
    account_id="111122223333",
    region="eu-central-1",
    group_id="sg-0123456789abcdef0",
    protocol="tcp",
    ports=(PortRange(443, 443), PortRange(8000, 8010)),
    peers=(peer("0.0.0.0/0"), peer("::/0")),
    owner="storefront@example.com",
    reason="The storefront serves the public.",
    expires=date(2027, 6, 30),
)


def entry(**fields: str | None) -> str:
    """The whole entry with some fields as given, in TOML; None leaves one out."""
    lines = (f"{name} = {value}" for name, value in (WHOLE | fields).items() if value is not None)
    return "\n".join(("[[opening]]", *lines, ""))


def read(text: str) -> AcceptedOpenings:
    return accepted_openings_in(text, today=TODAY)


# The file ----------------------------------------------------------------------------------------


def test_the_repositorys_own_file_has_no_problems_today() -> None:
    read_today = accepted_openings_in(TOML, today=datetime.now(UTC).date())

    assert read_today.problems == ()


def test_the_example_in_the_file_is_valid() -> None:
    commented = TOML.partition("# [[opening]]")
    example = re.sub(r"(?m)^# ?", "", "".join(commented[1:]))

    found = read(example)

    assert found.problems == ()
    [opening] = found.entries
    assert opening.ports == OPENING.ports
    assert opening.peers == OPENING.peers
    # It shows every field that there is.
    assert re.findall(r"(?m)^(\w+) = ", example) == [*accepted_openings._FIELDS]


def test_the_file_is_delivered_with_nothing_accepted() -> None:
    assert read(TOML) == AcceptedOpenings()


@pytest.mark.parametrize("text", ["", "# Nothing is accepted.\n", "opening = []"])
def test_empty_file(text: str) -> None:
    assert read(text) == AcceptedOpenings()


def test_whole_entry() -> None:
    assert read(entry()) == AcceptedOpenings(entries=(OPENING,))


GOOD: dict[str, tuple[dict[str, str | None], dict[str, Any]]] = {
    "every-region": ({"region": None}, {"region": None}),
    "every-group": ({"group": None}, {"group_id": None}),
    "short-group-id-of-2016": ({"group": '"sg-7c1e94a2"'}, {"group_id": "sg-7c1e94a2"}),
    "region-of-govcloud": ({"region": '"us-gov-west-1"'}, {"region": "us-gov-west-1"}),
    "protocol-in-capitals": ({"protocol": '"TCP"'}, {"protocol": "tcp"}),
    "protocol-by-number": ({"protocol": '"6"'}, {"protocol": "tcp"}),
    "udp": ({"protocol": '"udp"'}, {"protocol": "udp"}),
    "icmp": ({"protocol": '"icmp"', "ports": None}, {"protocol": "icmp", "ports": (ALL_PORTS,)}),
    "icmp-of-ipv6": (
        {"protocol": '"58"', "ports": None},
        {"protocol": "icmpv6", "ports": (ALL_PORTS,)},
    ),
    "gre": ({"protocol": '"47"', "ports": None}, {"protocol": "47", "ports": (ALL_PORTS,)}),
    "everything": ({"protocol": '"-1"', "ports": None}, {"protocol": "-1", "ports": (ALL_PORTS,)}),
    "everything-in-words": (
        {"protocol": '"all"', "ports": None},
        {"protocol": "-1", "ports": (ALL_PORTS,)},
    ),
    "one-port": ({"ports": "[22]"}, {"ports": (PortRange(22, 22),)}),
    "one-port-in-quotes": ({"ports": '["22"]'}, {"ports": (PortRange(22, 22),)}),
    "every-port": ({"ports": '["0-65535"]'}, {"ports": (ALL_PORTS,)}),
    "one-address": ({"peers": '["8.8.8.8"]'}, {"peers": (peer("8.8.8.8/32"),)}),
    "ipv6-spelled-otherwise": (
        {"peers": '["2600:0:0::/48"]'},
        {"peers": (peer("2600::/48"),)},
    ),
    "prefix-list": (
        {"peers": '["pl-0123456789abcdef0"]'},
        {"peers": (peer("pl-0123456789abcdef0"),)},
    ),
    "group-as-peer": (
        {"peers": '["sg-0fedcba9876543210"]'},
        {"peers": (peer("sg-0fedcba9876543210"),)},
    ),
    "last-day-of-the-term": (
        {"expires": str(TODAY + LONGEST_TERM)},
        {"expires": TODAY + LONGEST_TERM},
    ),
    "one-year": ({"expires": "2027-12-01"}, {"expires": date(2027, 12, 1)}),
    "today": ({"expires": str(TODAY)}, {"expires": TODAY}),
    "expired": ({"expires": "2020-01-01"}, {"expires": date(2020, 1, 1)}),
}


@pytest.mark.parametrize(("fields", "members"), GOOD.values(), ids=GOOD)
def test_good_entry(fields: dict[str, str | None], members: dict[str, Any]) -> None:
    assert read(entry(**fields)) == AcceptedOpenings(entries=(replace(OPENING, **members),))


BAD: dict[str, tuple[dict[str, str | None], str]] = {
    # What has to be there.
    **{
        f"{field}-missing": ({field: None}, f"{field}: expected ")
        for field in WHOLE
        if field not in ("region", "group")
    },
    # The account.
    "account-without-quotes": ({"account": "111122223333"}, "account: expected twelve digits in q"),
    "account-too-short": ({"account": '"11112222333"'}, "found '11112222333'"),
    "account-by-name": ({"account": '"payments"'}, "account: expected twelve digits"),
    "account-star": ({"account": '"*"'}, "account: expected twelve digits"),
    "account-in-other-digits": ({"account": f'"{chr(0x661) * 12}"'}, "account: expected twelve"),
    "account-of-two-lines": ({"account": r'"111122223333\n"'}, "account: expected twelve"),
    # Region and group.
    "region-star": ({"region": '"*"'}, "region: expected a Region such as eu-central-1, found '*'"),
    "region-empty": ({"region": '""'}, "region: expected a Region"),
    "region-list": ({"region": '["eu-central-1"]'}, "region: expected a Region"),
    "region-by-name": ({"region": '"Frankfurt"'}, "region: expected a Region"),
    "group-by-name": ({"group": '"web"'}, "group: expected a group id such as sg-0123456789ab"),
    "group-empty": ({"group": '""'}, "group: expected a group id"),
    "group-star": ({"group": '"sg-*"'}, "group: expected a group id"),
    # Protocol and ports.
    "protocol-number": ({"protocol": "6"}, 'protocol: expected "tcp", "udp", "icmp", "47" or "-1"'),
    "protocol-by-service": ({"protocol": '"https"', "ports": None}, "protocol: expected"),
    "protocol-star": ({"protocol": '"*"', "ports": None}, "protocol: expected"),
    "protocol-with-zeros": ({"protocol": '"006"'}, "protocol: expected"),
    "ports-of-icmp": ({"protocol": '"icmp"'}, "ports: protocol icmp has none"),
    "ports-of-everything": ({"protocol": '"-1"'}, "ports: protocol -1 has none"),
    "ports-empty": ({"ports": "[]"}, 'ports: expected a list such as [443, "8000-8010"], found []'),
    "ports-no-list": ({"ports": "443"}, "ports: expected a list such as"),
    "port-by-name": ({"ports": '["https"]'}, "ports: expected a port or a range such as"),
    "port-boolean": ({"ports": "[true]"}, "ports: expected a port or a range such as"),
    "port-fraction": ({"ports": "[22.0]"}, "ports: expected a port or a range such as"),
    "port-negative": ({"ports": "[-1]"}, "ports: expected a port or a range such as"),
    "port-too-high": ({"ports": "[65536]"}, "ports: expected a range from low to high up to 65535"),
    "range-backwards": ({"ports": '["8010-8000"]'}, "found '8010-8000'"),
    "range-of-three": ({"ports": '["1-2-3"]'}, "ports: expected a port or a range such as"),
    # Peers.
    "peers-empty": ({"peers": "[]"}, 'peers: expected a list such as ["0.0.0.0/0"], found []'),
    "peers-no-list": ({"peers": '"0.0.0.0/0"'}, "peers: expected a list"),
    "peer-by-name": ({"peers": '["office"]'}, "peers: expected a CIDR, pl-… or sg-…, found 'offi"),
    "peer-number": ({"peers": "[1]"}, "peers: expected a CIDR, pl-… or sg-…, found 1"),
    "peer-empty": ({"peers": '[""]'}, "peers: expected a CIDR"),
    "peer-mistyped": ({"peers": '["203.0.113.7/0"]'}, "found '203.0.113.7/0'"),
    "peer-with-a-scope": ({"peers": '["fe80::1%eth0/128"]'}, "peers: expected a CIDR"),
    "prefix-list-by-name": ({"peers": '["pl-office"]'}, "peers: expected a CIDR"),
    "second-peer": ({"peers": '["0.0.0.0/0", "::/129"]'}, "found '::/129'"),
    # Owner, reason, expiry.
    "owner-empty": ({"owner": '""'}, "owner: expected a line of text, found ''"),
    "reason-blank": ({"reason": '"  "'}, "reason: expected a line of text"),
    "reason-of-two-lines": ({"reason": r'"a\nb"'}, "reason: expected a line of text"),
    "reason-number": ({"reason": "123"}, "reason: expected a line of text, found 123"),
    "expires-in-quotes": (
        {"expires": '"2027-06-30"'},
        "expires: expected a date such as 2026-12-01, without quotes, found '2027-06-30'",
    ),
    "expires-with-a-time": ({"expires": "2027-06-30T12:00:00Z"}, "expires: expected a date such"),
    "expires-never": ({"expires": "false"}, "expires: expected a date such as"),
    "expires-too-late": (
        {"expires": str(TODAY + LONGEST_TERM + timedelta(days=1))},
        "expires: expected a day within a year from 2026-12-01, found 2027-12-02",
    ),
    # What is not there.
    "unknown-field": (
        {"user_agent": '"terraform"'},
        "user_agent: no such field; there are account",
    ),
    "misspelled-field": ({"grup": '"sg-0123456789abcdef0"'}, "grup: no such field"),
}


@pytest.mark.parametrize(("fields", "told"), BAD.values(), ids=BAD)
def test_bad_entry_is_told_with_file_entry_and_field_and_the_good_ones_hold(
    fields: dict[str, str | None], told: str
) -> None:
    found = read(entry() + entry(**fields) + entry(region=None))

    [problem] = found.problems
    assert problem.startswith("accepted_openings.toml, entry 2, ")
    assert told in problem
    [changed] = fields.keys() - {"ports"} or {"ports"}
    assert problem.split(", ", 2)[2].startswith((f"{changed}: ", "ports: "))
    assert found.entries == (OPENING, replace(OPENING, region=None))


def test_every_field_has_bad_values() -> None:
    assert {field for fields, _ in BAD.values() for field in fields} >= WHOLE.keys()


NO_ENTRIES = {
    "not-toml": ("[[opening]", "accepted_openings.toml: not TOML: "),
    "a-day-that-does-not-exist": (entry(expires="2027-02-30"), "accepted_openings.toml: not TOML"),
    "a-table": ("[opening]", "accepted_openings.toml: expected [[opening]] entries"),
    "a-text": ('opening = "x"', "accepted_openings.toml: expected [[opening]] entries"),
    "a-list-of-something-else": ("opening = [1]", f"{FILE}, entry 1, expected a table"),
    "misspelled": ("[[openings]]", f"{FILE}, openings: no such table; entries are [[opening]]"),
}


@pytest.mark.parametrize(("text", "told"), NO_ENTRIES.values(), ids=NO_ENTRIES)
def test_file_of_another_form(text: str, told: str) -> None:
    found = read(text)

    assert found.entries == ()
    [problem] = found.problems
    assert problem.startswith(told)


def test_every_problem_is_told() -> None:
    text = f"{entry(owner=None)}{entry()}{entry(reason=None)}[other]\n"

    found = read(text)

    assert found.entries == (OPENING,)
    assert [problem.partition(":")[0] for problem in found.problems] == [
        "accepted_openings.toml, other",
        "accepted_openings.toml, entry 1, owner",
        "accepted_openings.toml, entry 3, reason",
    ]


# What is covered ---------------------------------------------------------------------------------

RECORD: Final = record()
Answer = tuple[tuple[SecurityGroupRule, ...], Acceptance]


def answer(
    added: Iterable[SecurityGroupRule],
    entries: Iterable[AcceptedOpening],
    *,
    of: CloudTrailRecord = RECORD,
    group_id: str | None = OPENING.group_id,
    problems: tuple[str, ...] = (),
) -> Answer:
    """What is left of a call that adds these rules, and what the entries say about it."""
    change = SecurityGroupChange(
        action=Action.ADD_RULES, group_id=group_id, added=tuple(added), problems=problems
    )
    return acceptance_of(change, entries, account_id=of.account_id, region=of.region, today=TODAY)


def accepted(*texts: str, **fields: str | None) -> Answer:
    """The same for rules as texts, and for one entry with these fields."""
    return answer(rules(*texts), read(entry(**fields)).entries, group_id="sg-0123456789abcdef0")


NO_PORTS: Final = {"ports": None}
COVERED: dict[str, tuple[list[str], dict[str, str | None]]] = {
    "the-very-rule": (["tcp 443 from 0.0.0.0/0"], {}),
    "both-families": (["tcp 443 from 0.0.0.0/0", "tcp 443 from ::/0"], {}),
    "part-of-the-ports": (["tcp 8001-8003 from 0.0.0.0/0"], {}),
    "ports-of-two-ranges": (["tcp 443-444 from 0.0.0.0/0"], {"ports": "[444, 443]"}),
    "ports-of-ranges-that-overlap": (
        ["tcp 10-30 from 0.0.0.0/0"],
        {"ports": '["10-20", "12-15", "18-30"]'},
    ),
    "part-of-the-range": (["tcp 443 from 3.0.0.0/8"], {}),
    "one-address": (["tcp 443 from 8.8.8.8/32"], {"peers": '["8.8.8.0/24"]'}),
    "ipv6-within": (["tcp 443 from 2600::/28"], {"peers": '["2000::/3"]'}),
    "world-in-disguise": (["tcp 443 from 1.2.3.4/0"], {}),
    "any-protocol": (["tcp 443 from 0.0.0.0/0", "47 from ::/0"], {"protocol": '"-1"', **NO_PORTS}),
    "everything": (["all from 0.0.0.0/0"], {"protocol": '"-1"', **NO_PORTS}),
    "unrecorded-protocol": (["? 443 from 0.0.0.0/0"], {"protocol": '"all"', **NO_PORTS}),
    "icmp": (["icmp from 0.0.0.0/0", "icmp 8 from ::/0"], {"protocol": '"icmp"', **NO_PORTS}),
    "gre": (["47 from 0.0.0.0/0"], {"protocol": '"47"', **NO_PORTS}),
    "prefix-list": (
        ["tcp 443 from pl-0123456789abcdef0"],
        {"peers": '["pl-0123456789abcdef0"]'},
    ),
    "group": (["tcp 443 from sg-0123456789abcdef0"], {"peers": '["sg-0123456789abcdef0"]'}),
    "edit-that-tells-no-direction": (["unknown tcp 443 from 0.0.0.0/0"], {}),
    "every-region-and-group": (["tcp 443 from ::/0"], {"region": None, "group": None}),
    "on-the-last-day": (["tcp 443 from 0.0.0.0/0"], {"expires": str(TODAY)}),
}
NOT_COVERED: dict[str, tuple[list[str], dict[str, str | None]]] = {
    "other-port": (["tcp 22 from 0.0.0.0/0"], {}),
    "port-beside": (["tcp 442 from 0.0.0.0/0", "tcp 8011 from 0.0.0.0/0"], {}),
    "other-protocol": (["udp 443 from 0.0.0.0/0"], {}),
    "everything": (["all from 0.0.0.0/0"], {}),
    "everything-where-every-port-of-tcp-is-accepted": (
        ["all from 0.0.0.0/0"],
        {"ports": '["0-65535"]'},
    ),
    "unrecorded-protocol": (["? 443 from 0.0.0.0/0"], {}),
    "larger-range": (["tcp 443 from 0.0.0.0/0"], {"peers": '["3.0.0.0/8"]'}),
    "range-that-overlaps": (["tcp 443 from 8.8.8.0/23"], {"peers": '["8.8.8.0/24"]'}),
    "range-beside": (["tcp 443 from 8.8.9.0/24"], {"peers": '["8.8.8.0/24"]'}),
    "halves-of-it": (["tcp 443 from 0.0.0.0/0"], {"peers": '["0.0.0.0/1", "128.0.0.0/1"]'}),
    "other-family": (["tcp 443 from ::/0"], {"peers": '["0.0.0.0/0"]'}),
    "other-family-of-the-same-numbers": (["tcp 443 from ::/96"], {"peers": '["0.0.0.0/0"]'}),
    "prefix-list-where-the-world-is-accepted": (["tcp 443 from pl-0123456789abcdef0"], {}),
    "other-prefix-list": (
        ["tcp 443 from pl-0fedcba9876543210"],
        {"peers": '["pl-0123456789abcdef0"]'},
    ),
    "other-group": (
        ["tcp 443 from sg-0fedcba9876543210"],
        {"peers": '["sg-0123456789abcdef0"]'},
    ),
    "world-where-a-group-is-accepted": (
        ["tcp 443 from 0.0.0.0/0"],
        {"peers": '["sg-0123456789abcdef0"]'},
    ),
    "icmp-of-ipv6": (["icmpv6 from ::/0"], {"protocol": '"icmp"', **NO_PORTS}),
    "egress": (["egress tcp 443 to 0.0.0.0/0"], {}),
    "egress-of-everything": (["egress all to 0.0.0.0/0"], {"protocol": '"-1"', **NO_PORTS}),
    "other-account": (["tcp 443 from 0.0.0.0/0"], {"account": '"444455556666"'}),
    "other-region": (["tcp 443 from 0.0.0.0/0"], {"region": '"us-east-1"'}),
    "other-security-group": (["tcp 443 from 0.0.0.0/0"], {"group": '"sg-0fedcba9876543210"'}),
    "nothing": ([], {}),
}


@pytest.mark.parametrize(("texts", "fields"), COVERED.values(), ids=COVERED)
def test_wholly_covered(texts: list[str], fields: dict[str, str | None]) -> None:
    [opening] = read(entry(**fields)).entries

    assert accepted(*texts, **fields) == ((), Acceptance(used=(opening,), covers_all=True))


@pytest.mark.parametrize(("texts", "fields"), NOT_COVERED.values(), ids=NOT_COVERED)
def test_not_covered(texts: list[str], fields: dict[str, str | None]) -> None:
    assert accepted(*texts, **fields) == (rules(*texts), Acceptance())


PARTLY = {
    "ports-before-and-after": (
        ["tcp 440-450 from 0.0.0.0/0"],
        ["tcp 440-442 from 0.0.0.0/0", "tcp 444-450 from 0.0.0.0/0"],
    ),
    "ports-between": (
        ["tcp 443-8020 from 0.0.0.0/0"],
        ["tcp 444-7999 from 0.0.0.0/0", "tcp 8011-8020 from 0.0.0.0/0"],
    ),
    "first-port": (["tcp 443-444 from ::/0"], ["tcp 444 from ::/0"]),
    "last-port": (["tcp 442-443 from ::/0"], ["tcp 442 from ::/0"]),
    "ends-within": (["tcp 7000-8005 from ::/0"], ["tcp 7000-7999 from ::/0"]),
    "one-rule-of-two": (
        ["tcp 443 from 0.0.0.0/0", "tcp 22 from 0.0.0.0/0"],
        ["tcp 22 from 0.0.0.0/0"],
    ),
    "all-but-egress": (
        ["tcp 443 from 0.0.0.0/0", "egress tcp 443 to 0.0.0.0/0"],
        ["egress tcp 443 to 0.0.0.0/0"],
    ),
}


@pytest.mark.parametrize(("texts", "rest"), PARTLY.values(), ids=PARTLY)
def test_partly_covered(texts: list[str], rest: list[str]) -> None:
    assert accepted(*texts) == (rules(*rest), Acceptance(used=(OPENING,)))


def test_rest_keeps_what_the_rule_is_called() -> None:
    ssh = replace(rule("tcp 440-443 from 0.0.0.0/0"), rule_id="sgr-1", description="x")

    [rest], _ = answer([ssh], [OPENING])

    assert (rest.rule_id, rest.description) == ("sgr-1", "x")


def test_entries_add_up_by_ports() -> None:
    entries = read(entry(ports="[80]") + entry(ports="[443]") + entry(ports="[22]")).entries

    found = answer(rules("tcp 80 from 0.0.0.0/0", "tcp 443 from ::/0"), entries)

    assert found == ((), Acceptance(used=entries[:2], covers_all=True))


def test_one_rule_is_covered_by_two_entries() -> None:
    entries = read(entry(ports='["80-82"]') + entry(ports='["82-90"]')).entries

    found = answer(rules("tcp 80-90 from 0.0.0.0/0"), entries)

    assert found == ((), Acceptance(used=entries, covers_all=True))


def test_group_that_the_record_does_not_name_is_covered_by_entries_for_every_group_only() -> None:
    entries = read(entry() + entry(group=None)).entries

    _, found = answer(rules("tcp 443 from 0.0.0.0/0"), entries, group_id=None)

    assert found.used == entries[1:]


def test_rules_that_could_not_be_read_are_covered_by_nothing() -> None:
    unreadable = ("ipPermissions[1]: fromPort: expected text, found list",)

    found = answer(rules("tcp 443 from 0.0.0.0/0"), [OPENING], problems=unreadable)

    assert found == ((), Acceptance(used=(OPENING,), covers_all=False))


def test_nothing_is_accepted_where_the_record_tells_no_account() -> None:
    nameless = replace(RECORD, account_id=None)

    found = answer(rules("tcp 443 from 0.0.0.0/0"), [OPENING], of=nameless)

    assert found == (rules("tcp 443 from 0.0.0.0/0"), Acceptance())


# Expired -----------------------------------------------------------------------------------------

YESTERDAY: Final = str(TODAY - timedelta(days=1))


def test_expired_entry_covers_nothing_and_says_so() -> None:
    [expired] = read(entry(expires=YESTERDAY)).entries

    found = accepted("tcp 443 from 0.0.0.0/0", expires=YESTERDAY)

    assert found == (rules("tcp 443 from 0.0.0.0/0"), Acceptance(expired=(expired,)))


def test_expired_entry_is_silent_where_it_would_not_have_covered() -> None:
    found = accepted("tcp 22 from 0.0.0.0/0", expires=YESTERDAY)

    assert found == (rules("tcp 22 from 0.0.0.0/0"), Acceptance())


def test_entry_that_ran_out_is_forgotten_where_another_took_its_place() -> None:
    expired, in_force = read(entry(expires=YESTERDAY) + entry()).entries

    found = answer(rules("tcp 443 from 0.0.0.0/0"), [expired, in_force])

    assert found == ((), Acceptance(used=(in_force,), covers_all=True))
