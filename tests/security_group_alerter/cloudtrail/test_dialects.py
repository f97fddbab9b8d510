"""One rule, however EC2 wrote it down; and what is said of a rule that cannot be read."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.dialects import (
    Reading,
    items_in,
    parameters_of,
    permissions_reading,
    reading_of,
    rules_reading,
)
from security_group_alerter.model.rules import Direction, IcmpType, SecurityGroupRule
from tests.security_group_alerter.builders import calmly, rule, rules


def read(*permissions: object) -> Reading:
    return rules_reading(list(permissions), Direction.INGRESS, "ipPermissions")


# --- Containers and wrappers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "items"),
    [
        pytest.param(None, [], id="missing"),
        pytest.param("", [], id="empty-text"),
        pytest.param({}, [], id="empty-object"),
        pytest.param([], [], id="empty-array"),
        pytest.param({"items": None}, [], id="items-null"),
        pytest.param({"items": []}, [], id="items-empty"),
        pytest.param({"item": ""}, [], id="item-empty"),
        pytest.param([1, 2], [1, 2], id="array"),
        pytest.param({"items": [1, 2]}, [1, 2], id="items"),
        pytest.param({"items": {"a": 1}}, [{"a": 1}], id="items-with-a-lone-object"),
        pytest.param({"item": [1, 2]}, [1, 2], id="item-with-an-array"),
        pytest.param({"item": {"a": 1}}, [{"a": 1}], id="item-with-a-lone-object"),
        pytest.param({"Item": [1, 2]}, [1, 2], id="item-in-pascal-case"),
        pytest.param({"a": 1, "tag": 1}, [{"a": 1, "tag": 1}], id="lone-object"),
        pytest.param("sgr-1", ["sgr-1"], id="lone-text"),
        pytest.param(0, [0], id="zero-is-something"),
        pytest.param(False, [False], id="false-is-something"),
    ],
)
def test_list_is_a_list_in_any_wrapping(written: object, items: list[object]) -> None:
    assert items_in(written) == items


@pytest.mark.parametrize(
    ("written", "parameters"),
    [
        pytest.param(None, {}, id="null"),
        pytest.param("omitted", {}, id="text"),
        pytest.param([{"groupId": "sg-1"}], {}, id="list"),
        pytest.param({"RevokeRequest": ""}, {}, id="wrapped-emptiness"),
        pytest.param({"groupId": "sg-1"}, {"groupId": "sg-1"}, id="plain"),
        pytest.param({"GroupId": "sg-1", "tag": 1}, {"groupId": "sg-1", "tag": 1}, id="pascal"),
        pytest.param({"RevokeRequest": {"GroupId": "sg-1"}}, {"groupId": "sg-1"}, id="wrapped"),
        pytest.param(
            {"OtherRequest": {"GroupId": "sg-1"}},
            {"otherRequest": {"GroupId": "sg-1"}},
            id="in-a-wrapper-that-is-not-ours",
        ),
    ],
)
def test_parameters_are_found_in_their_wrapper(
    written: object, parameters: Mapping[str, Any]
) -> None:
    assert parameters_of(written, "RevokeRequest") == parameters


# --- Protocols and ports --------------------------------------------------------------------------

WORLD = {"cidrIp": "0.0.0.0/0"}


@pytest.mark.parametrize(
    "protocol",
    ["-1", -1, "all", {"content": "-1", "tag": 1}],
    ids=["text", "number", "word", "wrapped"],
)
@pytest.mark.parametrize(
    "ports",
    [
        pytest.param({}, id="without-ports"),
        pytest.param({"fromPort": 0, "toPort": 0}, id="0-to-0"),
        pytest.param({"fromPort": -1, "toPort": -1}, id="minus-1-to-minus-1"),
        pytest.param({"fromPort": 0, "toPort": 65535}, id="0-to-65535"),
        pytest.param({"fromPort": 22, "toPort": 22}, id="ports-that-mean-nothing"),
    ],
)
def test_all_traffic_is_all_traffic(protocol: object, ports: dict[str, int]) -> None:
    permission = {"ipProtocol": protocol, **ports, **WORLD}

    assert read(permission) == Reading(rules=rules("all from 0.0.0.0/0"))


@pytest.mark.parametrize(
    "protocol",
    ["tcp", "TCP", "6", 6, {"content": "tcp", "tag": 1}],
    ids=["name", "capitals", "text", "number", "wrapped"],
)
def test_tcp_is_tcp(protocol: object) -> None:
    permission = {"ipProtocol": protocol, "fromPort": 22, "toPort": 22, **WORLD}

    assert read(permission) == Reading(rules=rules("tcp 22 from 0.0.0.0/0"))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(0, 0, "tcp 0 from 0.0.0.0/0", id="port-zero"),
        pytest.param(22, 22, "tcp 22 from 0.0.0.0/0", id="one-port"),
        pytest.param("20", "25", "tcp 20-25 from 0.0.0.0/0", id="text"),
        pytest.param(70000, 99999, "tcp 65535 from 0.0.0.0/0", id="beyond-the-highest"),
        pytest.param(None, 22, "tcp 0-22 from 0.0.0.0/0", id="first-missing"),
        pytest.param(22, None, "tcp 22-65535 from 0.0.0.0/0", id="last-missing"),
        pytest.param(25, 20, "tcp from 0.0.0.0/0", id="last-before-the-first"),
        pytest.param(0, 65535, "tcp from 0.0.0.0/0", id="every-port"),
        pytest.param(-1, -1, "tcp from 0.0.0.0/0", id="every-port-as-minus-1"),
        pytest.param(None, None, "tcp from 0.0.0.0/0", id="both-missing"),
        pytest.param("", {}, "tcp from 0.0.0.0/0", id="both-empty"),
    ],
)
def test_port_that_is_missing_is_every_port_that_it_could_be(
    first: object, last: object, expected: str
) -> None:
    permission = {"ipProtocol": "tcp", "fromPort": first, "toPort": last, **WORLD}

    assert read(permission) == Reading(rules=rules(expected))


@pytest.mark.parametrize(
    ("traffic", "expected"),
    [
        pytest.param({"fromPort": 22, "toPort": 22}, "? 22 from 0.0.0.0/0", id="not-told"),
        pytest.param(
            {"ipProtocol": "", "fromPort": 22, "toPort": 22}, "? 22 from 0.0.0.0/0", id="empty"
        ),
        pytest.param({"ipProtocol": 47}, "47 from 0.0.0.0/0", id="gre"),
        pytest.param(
            {"ipProtocol": "47", "fromPort": 0, "toPort": 0},
            "47 from 0.0.0.0/0",
            id="gre-has-no-ports",
        ),
        pytest.param({"ipProtocol": "icmp"}, "icmp from 0.0.0.0/0", id="icmp"),
        pytest.param(
            {"ipProtocol": "icmp", "fromPort": -1, "toPort": -1},
            "icmp from 0.0.0.0/0",
            id="icmp-of-every-type",
        ),
        pytest.param(
            {"ipProtocol": 1, "fromPort": "-1", "toPort": "-1"},
            "icmp from 0.0.0.0/0",
            id="icmp-by-number",
        ),
        pytest.param(
            {"ipProtocol": "1", "fromPort": 8, "toPort": -1}, "icmp 8 from 0.0.0.0/0", id="ping"
        ),
        pytest.param(
            {"ipProtocol": "icmp", "fromPort": 8}, "icmp 8 from 0.0.0.0/0", id="ping-without-code"
        ),
        pytest.param(
            {"ipProtocol": "58", "fromPort": 128, "toPort": -1},
            "icmpv6 128 from 0.0.0.0/0",
            id="ping-of-ipv6",
        ),
    ],
)
def test_protocol_that_has_no_ports_is_read_without(traffic: dict[str, Any], expected: str) -> None:
    assert read({**traffic, **WORLD}) == Reading(rules=rules(expected))


def test_icmp_ports_are_a_type_and_a_code() -> None:
    ping = rule("icmp 8 from 0.0.0.0/0")
    too_big = {"ipProtocol": "icmp", "fromPort": 3, "toPort": 4, **WORLD}

    assert read(too_big).rules == (replace(ping, icmp_type=IcmpType(3, 4)),)


# --- Peers ----------------------------------------------------------------------------------------


def test_one_permission_is_a_rule_a_peer() -> None:
    permission = {
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "ipRanges": {"items": [{"cidrIp": "192.0.2.0/24", "description": "office"}]},
        "ipv6Ranges": {"items": [{"cidrIpv6": "2001:db8::/32"}, {"cidrIpv6": "::/0"}]},
        "prefixListIds": {"items": [{"prefixListId": "pl-0a1b2c3d"}]},
        "groups": {"items": [{"groupId": "sg-0a1b2c3d"}, {"groupName": "sg-by-its-name"}]},
    }
    reading = read(permission)

    assert reading.problems == ()
    assert reading.rules == rules(
        "tcp 443 from 192.0.2.0/24",
        "tcp 443 from 2001:db8::/32",
        "tcp 443 from ::/0",
        "tcp 443 from pl-0a1b2c3d",
        "tcp 443 from sg-0a1b2c3d",
        "tcp 443 from sg-by-its-name",
    )
    assert [told.description for told in reading.rules] == ["office", *[None] * 5]


@pytest.mark.parametrize(
    ("own_peer", "expected"),
    [
        pytest.param({"cidrIp": "192.0.2.0/24"}, "? from 192.0.2.0/24", id="cidr"),
        pytest.param({"prefixListId": "pl-1"}, "? from pl-1", id="prefix-list"),
        pytest.param({"referencedGroupId": "sg-1"}, "? from sg-1", id="group"),
        pytest.param({"referencedGroupInfo": {"groupId": "sg-1"}}, "? from sg-1", id="group-info"),
    ],
)
def test_permission_may_have_a_peer_of_its_own_beside_those_in_its_lists(
    own_peer: dict[str, Any], expected: str
) -> None:
    permission = {**own_peer, "ipv6Ranges": {"cidrIpv6": "::/0"}}

    assert read(permission) == Reading(rules=rules(expected, "? from ::/0"))


@pytest.mark.parametrize(
    "permission",
    [
        pytest.param({"ipRanges": [{"cidrIp": "::/0"}]}, id="ipv6-among-ipv4"),
        pytest.param({"cidrIpv6": "2001:DB8::/0", "cidrIpv4": ""}, id="ipv4-empty"),
        pytest.param({"cidrIpv6": "::/0", "cidrIp": None, "groups": []}, id="ipv4-null"),
        pytest.param({"cidrIp": "", "ipv6Ranges": {"cidrIpv6": "::/0"}}, id="own-peer-empty"),
        pytest.param({"CidrIpv6": "::/0", "ReferencedGroupInfo": ""}, id="pascal-case"),
        pytest.param({"Ipv6Ranges": {"CidrIpv6": "::/0", "tag": 1}}, id="pascal-case-lone-object"),
    ],
)
def test_peer_is_read_beside_what_is_empty(permission: dict[str, Any]) -> None:
    assert read(permission) == Reading(rules=rules("? from ::/0"))


@pytest.mark.parametrize(
    ("permission", "account_id"),
    [
        pytest.param({"groups": [{"groupId": "sg-1"}]}, None, id="not-told"),
        pytest.param({"groups": [{"groupId": "sg-1", "userId": "other"}]}, None, id="no-account"),
        pytest.param(
            {"groups": {"items": [{"groupId": "sg-1", "userId": "022233334444"}]}},
            "022233334444",
            id="nested",
        ),
        pytest.param(
            {"userIdGroupPairs": {"GroupId": "sg-1", "UserId": 22233334444}},
            "022233334444",
            id="number-that-lost-its-zero",
        ),
        pytest.param(
            {"referencedGroupInfo": {"groupId": "sg-1", "userId": "022233334444"}},
            "022233334444",
            id="response",
        ),
        pytest.param(
            {"sourceSecurityGroupName": "sg-1", "sourceSecurityGroupOwnerId": "022233334444"},
            "022233334444",
            id="flat",
        ),
        pytest.param({"ReferencedGroupId": "sg-1"}, None, id="modify-tells-no-account"),
    ],
)
def test_group_comes_with_its_account(permission: dict[str, Any], account_id: str | None) -> None:
    [told] = read(permission).rules

    assert told == rule("? from sg-1")
    assert told.peer.account_id == account_id


@pytest.mark.parametrize(
    ("is_egress", "direction"),
    [
        pytest.param(None, Direction.INGRESS, id="not-told"),
        pytest.param("perhaps", Direction.INGRESS, id="not-understood"),
        pytest.param(False, Direction.INGRESS, id="ingress"),
        pytest.param("false", Direction.INGRESS, id="ingress-as-text"),
        pytest.param(True, Direction.EGRESS, id="egress"),
        pytest.param("True", Direction.EGRESS, id="egress-as-text"),
    ],
)
def test_rule_knows_its_direction_better_than_the_call(
    is_egress: object, direction: Direction
) -> None:
    [told] = read({"cidrIpv4": "0.0.0.0/0", "isEgress": is_egress}).rules

    assert told.direction is direction


# --- What cannot be read --------------------------------------------------------------------------

SSH = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "10.0.0.0/8"}


@pytest.mark.parametrize(
    ("permission", "problem"),
    [
        pytest.param(None, ": expected an object, found NoneType", id="null"),
        pytest.param("0.0.0.0/0", ": expected an object, found str", id="text"),
        pytest.param({}, ".peer: expected a CIDR, a prefix list or a group", id="nothing"),
        pytest.param({"omitted": True}, ".peer: expected a CIDR", id="omitted"),
        pytest.param({**SSH, "cidrIp": ""}, ".peer: expected a CIDR", id="no-peer"),
        pytest.param({**SSH, "cidrIp": ["::/0"]}, ".peer: cidrIp: expected text", id="cidr-a-list"),
        pytest.param({**SSH, "cidrIp": "anywhere"}, ".peer: 'anywhere' does", id="cidr-a-word"),
        pytest.param({**SSH, "cidrIp": "::1%x/0"}, ".peer: '::1%x/0' has a scope", id="scope"),
        pytest.param({**SSH, "cidrIp": 0}, ".peer: '0' does not", id="cidr-a-number"),
        pytest.param(
            {"prefixListId": {"id": "pl-1"}}, ".peer: prefixListId: expected text", id="list-no-id"
        ),
        pytest.param(
            {"ipRanges": {"items": ["0.0.0.0/0"]}}, ".ipRanges: expected a CIDR", id="list-of-texts"
        ),
        pytest.param(
            {"groups": [{"userId": "111122223333"}]}, ".groups: expected a CIDR", id="account-only"
        ),
        pytest.param(
            {**SSH, "ipRanges": {"items": [{"cidrIp": "x"}]}}, ".ipRanges: 'x'", id="half-of-it"
        ),
        pytest.param({**SSH, "ipProtocol": ["tcp"]}, ": ipProtocol: expected", id="protocol-list"),
        pytest.param(
            {**SSH, "fromPort": "ssh"},
            ": fromPort: expected a whole number, found 'ssh'",
            id="port-a-word",
        ),
        pytest.param(
            {**SSH, "fromPort": 22.5},
            ": fromPort: expected a whole number, found '22.5'",
            id="port-a-fraction",
        ),
        pytest.param(
            {**SSH, "toPort": True},
            ": toPort: expected a whole number, found 'true'",
            id="port-a-boolean",
        ),
        pytest.param(
            {**SSH, "toPort": "9" * 5000}, ": toPort: expected a whole number", id="port-endless"
        ),
        pytest.param({**SSH, "toPort": {"x": 1}}, ": toPort: expected text", id="port-an-object"),
    ],
)
def test_what_cannot_be_read_is_told_and_hides_nothing_else(
    permission: object, problem: str
) -> None:
    reading = read({**SSH, "cidrIp": "::/0"}, permission)

    assert reading.rules[0] == rule("tcp 22 from ::/0")
    assert len(reading.problems) == 1
    assert reading.problems[0].startswith(f"ipPermissions[1]{problem}")


MEMBERS = st.sampled_from(
    [
        *("ipPermissions", "items", "item", "IpProtocol", "ipProtocol", "fromPort", "toPort"),
        *("ipRanges", "groups", "cidrIp", "CidrIpv4", "prefixListId", "referencedGroupInfo"),
        *("groupId", "userId", "isEgress", "description", "content"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    SCALARS | st.just("0.0.0.0/0"),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(MEMBERS, values, max_size=4),
    max_leaves=12,
)


@calmly
@given(JSON)
def test_anything_is_a_rule_a_problem_or_nothing_at_all(written: Any) -> None:
    reading = rules_reading(written, Direction.INGRESS, "ipPermissions")

    assert reading.rules or reading.problems or not items_in(written)


# --- Requests -------------------------------------------------------------------------------------

GROUP = {"groupId": "sg-0a1b2c3d", "dryRun": False}


@pytest.mark.parametrize(
    ("request_parameters", "expected"),
    [
        pytest.param(GROUP, (), id="no-rule"),
        pytest.param(
            {**GROUP, "ipPermissions": {}, "ipProtocol": "", "cidrIp": []}, (), id="empty"
        ),
        pytest.param(
            {**GROUP, "ipPermissions": {"items": [SSH]}, "ipProtocol": ""},
            ("tcp 22 from 10.0.0.0/8",),
            id="nested",
        ),
        pytest.param({**GROUP, "ipPermissions": {}, **SSH}, ("tcp 22 from 10.0.0.0/8",), id="flat"),
        pytest.param(
            {**GROUP, "cidrIp": "0.0.0.0/0"}, ("? from 0.0.0.0/0",), id="flat-with-a-cidr-only"
        ),
        pytest.param(
            {**GROUP, "ipProtocol": "6", "ipRanges": {"items": [{"cidrIp": "::/0"}]}},
            ("tcp from ::/0",),
            id="flat-with-lists",
        ),
        pytest.param(
            {**GROUP, "ipPermissions": {"items": [SSH]}, **SSH, "cidrIp": "::/0"},
            ("tcp 22 from 10.0.0.0/8", "tcp 22 from ::/0"),
            id="nested-and-flat",
        ),
        pytest.param(
            {**GROUP, "ipPermissions": {"items": [SSH, SSH]}, **SSH},
            ("tcp 22 from 10.0.0.0/8",),
            id="one-rule-told-three-times",
        ),
    ],
)
def test_request_tells_its_nested_rules_and_its_flat_one(
    request_parameters: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert permissions_reading(request_parameters, Direction.INGRESS) == Reading(
        rules=rules(*expected)
    )


# --- Request and response -------------------------------------------------------------------------

A = rule("tcp 22 from 192.0.2.0/24")
A_WITH_ID = replace(A, rule_id="sgr-0a1b2c3d")
B = rule("tcp 443 from 0.0.0.0/0")
BY_NAME, BY_ID = rules("tcp 22 from sg-called-web", "tcp 22 from sg-0a1b2c3d")
NOTHING = Reading()
UNREADABLE = Reading(problems=("request: ?",))


def told(*rules: SecurityGroupRule, problem: str | None = None) -> Reading:
    return Reading(rules=rules, problems=(problem,) if problem else ())


@pytest.mark.parametrize(
    ("request_reading", "response", "expected"),
    [
        pytest.param(NOTHING, NOTHING, NOTHING, id="nothing"),
        pytest.param(told(A), told(A_WITH_ID), told(A_WITH_ID), id="the-response-has-the-ids"),
        pytest.param(told(BY_NAME), told(BY_ID), told(BY_ID), id="the-response-is-canonical"),
        pytest.param(NOTHING, told(A), told(A), id="only-the-response"),
        pytest.param(told(A), NOTHING, told(A), id="only-the-request"),
        pytest.param(UNREADABLE, told(A, B), told(A, B), id="request-unreadable"),
        pytest.param(told(A), told(problem="?"), told(A), id="response-unreadable"),
        pytest.param(told(A, A), told(A_WITH_ID), told(A_WITH_ID), id="asked-twice-done-once"),
        pytest.param(told(A), told(A, B), told(A, B), id="more-done-than-asked"),
        pytest.param(told(A, B), told(A_WITH_ID), told(A_WITH_ID, B), id="response-cut-short"),
        pytest.param(
            told(A, B, problem="?"), told(A), told(A, B, problem="?"), id="cut-and-half-unreadable"
        ),
        pytest.param(told(A), told(B, problem="?"), told(B, A), id="request-fills-the-gap"),
        pytest.param(UNREADABLE, NOTHING, UNREADABLE, id="nothing-but-a-problem"),
        pytest.param(
            told(A, problem="in the request"),
            told(B, problem="in the response"),
            Reading(rules=(B, A), problems=("in the response", "in the request")),
            id="neither-is-whole",
        ),
    ],
)
def test_response_tells_and_the_request_where_the_response_does_not(
    request_reading: Reading, response: Reading, expected: Reading
) -> None:
    reading = reading_of(request_reading, response)

    assert reading == expected
    assert [rule.rule_id for rule in reading.rules] == [rule.rule_id for rule in expected.rules]
