"""What a call did: the same rules in every dialect, and what is not ours, refused or unreadable."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from security_group_alerter.model.change import (
    Action,
    Change,
    PrefixListChange,
    SecurityGroupChange,
)
from security_group_alerter.model.rules import Direction, PeerKind, SecurityGroupRule
from tests.security_group_alerter.builders import calmly, peer, record, rule, rules

INGRESS = "AuthorizeSecurityGroupIngress"
REVOKE = "RevokeSecurityGroupIngress"
MODIFY = "ModifySecurityGroupRules"
GROUP = {"groupId": "sg-0945dc6b613dff4fd"}
OMITTED = {"reason": "requestParameters too large", "omitted": True, "originalSize": 118264}


def change(
    event_name: str, request: object, response: object = None, **members: object
) -> Change | None:
    return change_of(
        record(
            eventName=event_name,
            requestParameters=request,
            responseElements=response,
            **{"eventSource": "ec2.amazonaws.com", **members},
        )
    )


def group_change(
    event_name: str, request: object, response: object = None, **members: object
) -> SecurityGroupChange:
    read = change(event_name, request, response, **members)
    assert isinstance(read, SecurityGroupChange)
    return read


# --- Not ours -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_source", "event_name"),
    [
        pytest.param("ec2.amazonaws.com", None, id="no-name"),
        pytest.param("ec2.amazonaws.com", "", id="empty-name"),
        pytest.param("ec2.amazonaws.com", "DescribeSecurityGroups", id="reading"),
        pytest.param("ec2.amazonaws.com", "RunInstances", id="another-call"),
        pytest.param("ec2.amazonaws.com", "authorizesecuritygroupingress", id="lower-case"),
        pytest.param("ec2.amazonaws.com", "StopLogging", id="trail-call-of-ec2"),
        pytest.param("rds.amazonaws.com", "AuthorizeDBSecurityGroupIngress", id="database-group"),
        pytest.param("rds.amazonaws.com", "CreateSecurityGroup", id="our-name-of-another-service"),
        pytest.param("cloudtrail.amazonaws.com", "StartLogging", id="trail-started"),
    ],
)
def test_call_that_is_not_ours_is_nothing(event_source: str, event_name: str | None) -> None:
    assert change_of(record(eventSource=event_source, eventName=event_name)) is None


@pytest.mark.parametrize("event_source", [None, "", "ec2.amazonaws.com", "ec2.amazonaws.com.cn"])
def test_source_that_is_missing_or_from_another_partition_is_no_reason_to_be_silent(
    event_source: str | None,
) -> None:
    created = record(
        eventSource=event_source, eventName="CreateSecurityGroup", requestParameters=GROUP
    )

    assert change_of(created)


# --- The same rules in every dialect --------------------------------------------------------------

Json = Any
Told = tuple[str, Json, Json]


def traffic(rule: SecurityGroupRule) -> Json:
    """Protocol and ports as EC2 answers them: -1 where there are none."""
    first = last = -1
    if rule.ports:
        first, last = rule.ports.first, rule.ports.last
    elif rule.icmp_type:
        first = rule.icmp_type.type
    return {"ipProtocol": rule.protocol, "fromPort": first, "toPort": last}


def api_permission(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    lists: dict[PeerKind, tuple[str, str]] = {
        PeerKind.SECURITY_GROUP: ("groups", "groupId"),
        PeerKind.IPV4: ("ipRanges", "cidrIp"),
        PeerKind.IPV6: ("ipv6Ranges", "cidrIpv6"),
        PeerKind.PREFIX_LIST: ("prefixListIds", "prefixListId"),
    }
    permission = {**traffic(rule), **{name: [] for name, _ in lists.values()}}
    name, member = lists[rule.peer.kind]
    return {**permission, name: [{member: rule.peer.value, "description": rule.description}]}


def api_rule(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRuleRequest.html
    member = {
        PeerKind.SECURITY_GROUP: "referencedGroupId",
        PeerKind.IPV4: "cidrIpv4",
        PeerKind.IPV6: "cidrIpv6",
        PeerKind.PREFIX_LIST: "prefixListId",
    }[rule.peer.kind]
    return {**traffic(rule), member: rule.peer.value, "description": rule.description}


def revoked(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokedSecurityGroupRule.html
    ids = {**GROUP, "securityGroupRuleId": "sgr-0a1b2c3d"}
    return {**ids, "isEgress": False, **api_rule(rule)}


def answered(rule: SecurityGroupRule) -> Json:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    members = revoked(rule)
    if "referencedGroupId" in members:
        members["referencedGroupInfo"] = {"groupId": members.pop("referencedGroupId")}
    return members


def asked(rules: Sequence[SecurityGroupRule]) -> Json:
    return {**GROUP, "ipPermissions": [api_permission(rule) for rule in rules]}


def edited(rules: Sequence[SecurityGroupRule]) -> Json:
    updates = [
        {"securityGroupRuleId": "sgr-0a1b2c3d", "securityGroupRule": api_rule(rule)}
        for rule in rules
    ]
    return {**GROUP, "securityGroupRule": updates}


def rewritten(
    value: Json, as_list: Callable[[list[Json]], Json], as_scalar: Callable[[Json], Json]
) -> Json:
    """The same with its lists and scalars in other words, from the inside out."""
    if isinstance(value, list):
        return as_list([rewritten(item, as_list, as_scalar) for item in value])
    if isinstance(value, dict):
        return {key: rewritten(member, as_list, as_scalar) for key, member in value.items()}
    return as_scalar(value)


def same(value: Json) -> Json:
    return value


def one_or_many(items: list[Json]) -> Json:
    return items[0] if len(items) == 1 else items


EMPTY: Json = {}


def older(value: Json, empty: Json = EMPTY) -> Json:
    """EC2's older serializer: a list is `{"items": […]}`, and an empty one `{}`, or whatever."""
    return rewritten(value, lambda items: {"items": items} if items else empty, same)


def newer(value: Json, tag: int | None = None) -> Json:
    """Its newer one: PascalCase; a list of one is that one; text like a number is a number."""
    if isinstance(value, list):
        items = [newer(item, number) for number, item in enumerate(value, 1)]
        return one_or_many(items) if items else ""
    if isinstance(value, dict):
        pascal = {key[:1].upper() + key[1:]: newer(member) for key, member in value.items()}
        return pascal | ({"tag": tag} if tag else {})
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        value = int(value)
    return {"content": value, "tag": tag} if tag else value


def newer_answer(value: Json) -> Json:
    """And its responses: camelCase, a list is `{"item": …}`."""
    return rewritten(value, lambda items: {"item": one_or_many(items)} if items else "", same)


def lone(value: Json) -> Json:
    """No list around a lone object."""
    return rewritten(value, one_or_many, same)


def by_number(value: Json) -> Json:
    """IANA's numbers for protocols."""
    numbers = {"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58"}
    return rewritten(value, list, lambda scalar: numbers.get(scalar, scalar))


DIALECTS: dict[str, Callable[[Sequence[SecurityGroupRule]], Told]] = {
    "nested": lambda rules: (INGRESS, older(asked(rules)), {"_return": True}),
    "nested-by-number": lambda rules: (INGRESS, older(by_number(asked(rules))), None),
    "nested-with-empty-texts": lambda rules: (INGRESS, older(asked(rules), empty=""), None),
    "nested-with-empty-arrays": lambda rules: (INGRESS, older(asked(rules), empty=[]), None),
    "plain-arrays": lambda rules: (INGRESS, asked(rules), None),
    "lone-objects": lambda rules: (INGRESS, lone(asked(rules)), None),
    "newer": lambda rules: (INGRESS, {f"{INGRESS}Request": newer(asked(rules))}, None),
    "newer-by-number": lambda rules: (
        INGRESS,
        {f"{INGRESS}Request": newer(by_number(asked(rules)))},
        None,
    ),
    "answer": lambda rules: (
        INGRESS,
        OMITTED,
        older({"_return": True, "securityGroupRuleSet": [answered(rule) for rule in rules]}),
    ),
    "newer-answer": lambda rules: (
        INGRESS,
        None,
        {
            f"{INGRESS}Response": newer_answer(
                {"return": True, "securityGroupRuleSet": [answered(rule) for rule in rules]}
            )
        },
    ),
    "modify": lambda rules: (MODIFY, {f"{MODIFY}Request": newer(edited(rules))}, None),
    "modify-by-number": lambda rules: (
        MODIFY,
        {f"{MODIFY}Request": newer(by_number(edited(rules)))},
        None,
    ),
    "modify-in-the-older-way": lambda rules: (
        MODIFY,
        older({**GROUP, "securityGroupRules": edited(rules)["securityGroupRule"]}),
        {"_return": True},
    ),
    "revoke": lambda rules: (REVOKE, older(asked(rules)), {"_return": True}),
    "revoke-answer": lambda rules: (
        REVOKE,
        GROUP,
        older({"_return": True, "revokedSecurityGroupRuleSet": [revoked(rule) for rule in rules]}),
    ),
    "newer-revoke-answer": lambda rules: (
        REVOKE,
        {f"{REVOKE}Request": newer(GROUP)},
        {
            f"{REVOKE}Response": newer_answer(
                {"return": True, "revokedSecurityGroupRuleSet": [revoked(rule) for rule in rules]}
            )
        },
    ),
    "revoke-of-what-was-not-there": lambda rules: (
        REVOKE,
        GROUP,
        older({"unknownIpPermissionSet": [api_permission(rule) for rule in rules]}),
    ),
}
STORIES = {
    "ssh-from-an-office": rules("tcp 22 from 192.0.2.0/24"),
    "ssh-from-anywhere-in-ipv6": rules("tcp 22 from ::/0"),
    "https-from-a-prefix-list": rules("tcp 443 from pl-0ea25ce5b71db88c9"),
    "postgres-from-a-group": rules("tcp 5432 from sg-05e9de9a0db59eee2"),
    "everything": rules("all from 0.0.0.0/0", "all from ::/0"),
    "a-range-of-ports": rules("udp 20-25 from 10.0.0.0/8"),
    "ping": rules("icmp 8 from 0.0.0.0/0", "icmpv6 128 from ::/0"),
    "icmp": rules("icmp from 0.0.0.0/0"),
    "gre": rules("47 from 198.51.100.7/32"),
    "every-peer-in-one-call": rules(
        "tcp 443 from 0.0.0.0/0",
        "tcp 443 from 2001:db8::/32",
        "tcp 443 from pl-0ea25ce5b71db88c9",
        "tcp 443 from sg-05e9de9a0db59eee2",
        "tcp 22 from 10.0.0.0/8",
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("story", STORIES)
def test_rules_are_the_same_in_every_dialect(story: str, dialect: str) -> None:
    written = [
        replace(rule, description=f"ticket {number}") for number, rule in enumerate(STORIES[story])
    ]
    read = group_change(*DIALECTS[dialect](written))
    # A modification does not tell the direction.
    told = [
        replace(rule, direction=Direction.INGRESS)
        for rule in read.added + read.removed + read.missed
    ]

    assert told == written
    assert [rule.description for rule in told] == [rule.description for rule in written]
    assert read.problems == ()
    assert not read.is_omitted
    assert read.group_id == GROUP["groupId"]


@pytest.mark.parametrize(
    ("peer_members", "expected"),
    [
        pytest.param({"cidrIp": "1.2.3.4/0"}, "tcp 22 from 0.0.0.0/0", id="world-in-disguise"),
        pytest.param({"cidrIp": "::/0"}, "tcp 22 from ::/0", id="ipv6"),
        pytest.param({"sourceSecurityGroupName": "sg-1"}, "tcp 22 from sg-1", id="group-by-name"),
        pytest.param({"sourceSecurityGroupId": "sg-1"}, "tcp 22 from sg-1", id="group"),
    ],
)
def test_rule_written_flat_is_the_same_too(peer_members: dict[str, str], expected: str) -> None:
    ssh = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, **peer_members}
    flat = {**GROUP, "ipPermissions": {}, **ssh}
    pascal = {f"{INGRESS}Request": newer({**flat, "ipPermissions": []})}

    assert group_change(INGRESS, flat).added == rules(expected)
    assert group_change(INGRESS, pascal).added == rules(expected)
    assert group_change(REVOKE, flat).removed == rules(expected)


# --- Rules added ----------------------------------------------------------------------------------

SSH = rule("tcp 22 from 0.0.0.0/0")
HTTPS = rule("tcp 443 from 0.0.0.0/0")


@pytest.mark.parametrize("event_name", [INGRESS, "AuthorizeSecurityGroupEgress"])
def test_rules_added_have_the_direction_of_the_call(event_name: str) -> None:
    added = group_change(event_name, older(asked([SSH])))
    direction = Direction.INGRESS if event_name == INGRESS else Direction.EGRESS

    assert added.action is Action.ADD_RULES
    assert added.direction is direction
    assert added.added == (replace(SSH, direction=direction),)


def test_rules_added_come_with_their_ids_from_the_response() -> None:
    response = older({"securityGroupRuleSet": [answered(SSH)]})

    [added] = group_change(INGRESS, older(asked([SSH])), response).added
    assert added.rule_id == "sgr-0a1b2c3d"


def test_group_called_by_name_has_its_id_in_the_response() -> None:
    request = {"groupName": "web-demo", "ipPermissions": [api_permission(SSH)]}
    added = older({"securityGroupRuleSet": ["?", answered(SSH)]})
    removed = older({"revokedSecurityGroupRuleSet": [revoked(SSH)]})

    for change in (group_change(INGRESS, request, added), group_change(REVOKE, request, removed)):
        assert (change.group_name, change.group_id) == ("web-demo", GROUP["groupId"])
    assert group_change(INGRESS, request).group_id is None


@pytest.mark.parametrize(
    ("request_parameters", "response", "is_omitted"),
    [
        pytest.param(older(asked([SSH])), OMITTED, False, id="the-request-tells"),
        pytest.param(
            OMITTED,
            older({"securityGroupRuleSet": [answered(SSH)]}),
            False,
            id="the-response-tells",
        ),
        pytest.param(OMITTED, None, True, id="request"),
        pytest.param(OMITTED, OMITTED, True, id="both"),
        pytest.param(None, OMITTED, True, id="request-null"),
        pytest.param({**OMITTED, "omitted": "true"}, None, True, id="mark-as-text"),
        pytest.param({f"{INGRESS}Request": OMITTED}, None, True, id="mark-in-the-wrapper"),
        pytest.param({**GROUP, "omitted": True}, {"_return": True}, True, id="group-left-in"),
    ],
)
def test_rules_left_out_are_told_as_left_out_only_if_nothing_else_tells_them(
    request_parameters: object, response: object, is_omitted: bool
) -> None:
    added = group_change(INGRESS, request_parameters, response)

    assert added.is_omitted is is_omitted
    assert added.added == (() if is_omitted else (SSH,))


def test_rule_that_cannot_be_read_is_a_problem_beside_the_others() -> None:
    request = older(asked([SSH, HTTPS]))
    request["ipPermissions"]["items"][1]["ipRanges"] = {"omitted": True}

    added = group_change(INGRESS, request)
    assert added.added == (SSH,)
    assert added.problems == (
        "ipPermissions[1].ipRanges: expected a CIDR, a prefix list or a group",
    )


# --- Rules removed --------------------------------------------------------------------------------

BY_ID = {**GROUP, "securityGroupRuleIds": [{"securityGroupRuleId": "sgr-1"}]}
BOTH = older(asked([SSH, HTTPS]))
GONE = {"revokedSecurityGroupRuleSet": [revoked(SSH)]}
ANOTHER = {"revokedSecurityGroupRuleSet": [revoked(SSH), {"cidrIpv4": "?"}]}
UNKNOWN = {"unknownIpPermissionSet": [api_permission(HTTPS)]}
STRANGE = {"unknownIpPermissionSet": [{"ipProtocol": "tcp"}]}


@pytest.mark.parametrize(
    ("request_parameters", "response", "removed", "missed"),
    [
        pytest.param(BOTH, None, [SSH, HTTPS], [], id="asked-for-before-2025"),
        pytest.param(BOTH, UNKNOWN, [SSH], [HTTPS], id="one-of-two-not-found-before-2025"),
        pytest.param(BOTH, GONE, [SSH], [], id="the-response-names-what-went"),
        pytest.param(BOTH, {**GONE, **UNKNOWN}, [SSH], [HTTPS], id="and-what-was-not-found"),
        pytest.param(
            BOTH, {"revokedSecurityGroupRuleSet": []}, [], [SSH, HTTPS], id="nothing-went"
        ),
        pytest.param(BY_ID, GONE, [SSH], [], id="by-id"),
        pytest.param(BY_ID, {"_return": True}, [], [], id="by-id-before-2025"),
        pytest.param(BY_ID, {"revokedSecurityGroupRuleSet": {}}, [], [], id="by-id-nothing-went"),
        pytest.param({**BY_ID, "omitted": True}, GONE, [SSH], [], id="request-omitted"),
        pytest.param(BOTH, {**ANOTHER}, [SSH, HTTPS], [], id="the-request-fills-the-gap"),
    ],
)
def test_rules_removed_are_what_went_not_what_was_asked_for(
    request_parameters: object,
    response: object,
    removed: list[SecurityGroupRule],
    missed: list[SecurityGroupRule],
) -> None:
    read = group_change(REVOKE, request_parameters, response and older(response))

    assert read.action is Action.REMOVE_RULES
    assert (read.removed, read.missed) == (tuple(removed), tuple(missed))
    assert (read.problems, read.is_omitted) == ((), False)
    assert read.rule_ids == (("sgr-1",) if request_parameters != BOTH else ())


@pytest.mark.parametrize(
    ("request_parameters", "response", "problem"),
    [
        pytest.param(BY_ID, ANOTHER, "revokedSecurityGroupRuleSet[1].peer", id="one-of-two-by-id"),
        pytest.param(BOTH, STRANGE, "unknownIpPermissionSet[0].peer", id="who-knows-what-is-left"),
        pytest.param({**BOTH, "cidrIp": "?"}, None, "requestParameters[0].peer", id="request"),
        pytest.param(
            {**BOTH, "cidrIp": "?"},
            {"revokedSecurityGroupRuleSet": ""},
            "requestParameters[0].peer",
            id="request-of-which-nothing-went",
        ),
    ],
)
def test_rule_removed_that_cannot_be_read_is_a_problem(
    request_parameters: object, response: object, problem: str
) -> None:
    read = group_change(REVOKE, request_parameters, response)

    assert read.removed + read.missed
    assert len(read.problems) == 1
    assert read.problems[0].startswith(problem)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param({"items": [{"securityGroupRuleId": "sgr-1"}]}, id="older"),
        pytest.param({"items": ["sgr-1"]}, id="older-texts"),
        pytest.param(["sgr-1", "", {}, None, {"tag": 2}], id="array-with-holes"),
        pytest.param("sgr-1", id="lone-text"),
        pytest.param({"content": "sgr-1", "tag": 1}, id="wrapped"),
        pytest.param([{"content": "sgr-1", "tag": 1}], id="array-of-wrapped"),
        pytest.param({"SecurityGroupRuleId": "sgr-1", "tag": 1}, id="lone-object"),
    ],
)
def test_rules_are_named_by_id_in_any_wrapping(ids: object) -> None:
    assert group_change(REVOKE, {"securityGroupRuleIds": ids}).rule_ids == ("sgr-1",)
    assert group_change(REVOKE, {"SecurityGroupRuleId": ids}).rule_ids == ("sgr-1",)


def test_rules_removed_but_left_out_are_told_as_left_out() -> None:
    assert group_change(REVOKE, OMITTED, {"_return": True}).is_omitted


# --- Rules modified -------------------------------------------------------------------------------


def test_rules_modified_have_new_values_and_no_direction() -> None:
    request = {f"{MODIFY}Request": newer(edited([SSH, HTTPS]))}
    response = {f"{MODIFY}Response": {"requestId": "da33552d", "return": True}}

    modified = group_change(MODIFY, request, response)
    assert modified == SecurityGroupChange(
        action=Action.MODIFY_RULES,
        group_id=GROUP["groupId"],
        added=rules("unknown tcp 22 from 0.0.0.0/0", "unknown tcp 443 from 0.0.0.0/0"),
    )
    assert [rule.rule_id for rule in modified.added] == ["sgr-0a1b2c3d"] * 2


def test_rule_modified_that_cannot_be_read_is_a_problem_beside_the_others() -> None:
    request = edited([SSH, HTTPS])
    request["securityGroupRule"][0] = {"securityGroupRuleId": "sgr-1", "securityGroupRule": "?"}

    modified = group_change(MODIFY, request)
    assert modified.added == rules("unknown tcp 443 from 0.0.0.0/0")
    assert modified.problems == ("SecurityGroupRule[0][0]: expected an object, found str",)


def test_rules_modified_but_left_out_are_told_as_left_out() -> None:
    assert group_change(MODIFY, {f"{MODIFY}Request": OMITTED}).is_omitted
    assert not group_change(MODIFY, edited([SSH]), OMITTED).is_omitted


# --- Groups ---------------------------------------------------------------------------------------

DESCRIBE = "UpdateSecurityGroupRuleDescriptionsEgress"
IDS = [{"securityGroupRuleId": "sgr-1", "description": "a"}, {"securityGroupRuleId": "sgr-2"}]


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "response", "expected"),
    [
        pytest.param(
            "CreateSecurityGroup",
            {"groupName": "web", "groupDescription": "Web servers", "vpcId": "vpc-1"},
            {"_return": True, "groupId": "sg-1"},
            SecurityGroupChange(
                action=Action.CREATE,
                group_id="sg-1",
                group_name="web",
                group_description="Web servers",
                vpc_id="vpc-1",
            ),
            id="created",
        ),
        pytest.param(
            "DeleteSecurityGroup",
            {"groupId": "sg-1"},
            None,
            SecurityGroupChange(action=Action.DELETE, group_id="sg-1"),
            id="deleted",
        ),
        pytest.param(
            "DeleteSecurityGroup",
            {"groupName": "web"},
            {"_return": True},
            SecurityGroupChange(action=Action.DELETE, group_id=None, group_name="web"),
            id="deleted-by-name",
        ),
        pytest.param(
            "DeleteSecurityGroup",
            OMITTED,
            None,
            SecurityGroupChange(action=Action.DELETE, group_id=None, is_omitted=True),
            id="deleted-but-left-out",
        ),
        pytest.param(
            "AssociateSecurityGroupVpc",
            {"AssociateSecurityGroupVpcRequest": {"GroupId": "sg-1", "VpcId": "vpc-1"}},
            {"AssociateSecurityGroupVpcResponse": {"state": "associating"}},
            SecurityGroupChange(action=Action.ASSOCIATE_VPC, group_id="sg-1", vpc_id="vpc-1"),
            id="associated",
        ),
        pytest.param(
            "DisassociateSecurityGroupVpc",
            {"groupId": "sg-1", "vpcId": "vpc-1"},
            None,
            SecurityGroupChange(action=Action.DISASSOCIATE_VPC, group_id="sg-1", vpc_id="vpc-1"),
            id="disassociated-in-the-older-way",
        ),
        pytest.param(
            DESCRIBE,
            {f"{DESCRIBE}Request": newer({"groupId": "sg-1", "securityGroupRuleDescription": IDS})},
            None,
            SecurityGroupChange(
                action=Action.DESCRIBE_RULES,
                group_id="sg-1",
                direction=Direction.EGRESS,
                rule_ids=("sgr-1", "sgr-2"),
            ),
            id="described",
        ),
        pytest.param(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            older({"securityGroupRuleDescriptions": IDS[:1]}),
            None,
            SecurityGroupChange(
                action=Action.DESCRIBE_RULES,
                group_id=None,
                direction=Direction.INGRESS,
                rule_ids=("sgr-1",),
            ),
            id="described-in-the-older-way",
        ),
    ],
)
def test_group_is_changed(
    event_name: str, request_parameters: object, response: object, expected: SecurityGroupChange
) -> None:
    assert change(event_name, request_parameters, response) == expected


# --- Prefix lists ---------------------------------------------------------------------------------

MODIFY_LIST = "ModifyManagedPrefixList"
HALVES = [{"cidr": "0.0.0.0/1", "description": "a"}, {"cidr": "128.1.2.3/1", "description": "b"}]


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "response", "expected"),
    [
        pytest.param(
            "CreateManagedPrefixList",
            {
                "CreateManagedPrefixListRequest": newer(
                    {"prefixListName": "partners", "maxEntries": 20, "entry": HALVES}
                )
            },
            {"CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": "pl-1"}}},
            PrefixListChange(
                action=Action.CREATE,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                added=(peer("0.0.0.0/1"), peer("128.0.0.0/1")),
            ),
            id="created",
        ),
        pytest.param(
            MODIFY_LIST,
            {
                f"{MODIFY_LIST}Request": newer(
                    {
                        "prefixListId": "pl-1",
                        "currentVersion": "3",
                        "addEntry": HALVES[:1],
                        "removeEntry": HALVES[1:],
                    }
                )
            },
            {f"{MODIFY_LIST}Response": {"prefixList": {"prefixListName": "partners"}}},
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                version=3,
                added=(peer("0.0.0.0/1"),),
                removed=(peer("128.0.0.0/1"),),
            ),
            id="modified",
        ),
        pytest.param(
            MODIFY_LIST,
            older({"prefixListId": "pl-1", "addEntries": HALVES, "removeEntries": []}),
            None,
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                added=(peer("0.0.0.0/1"), peer("128.0.0.0/1")),
            ),
            id="modified-in-the-older-way",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "removeEntry": HALVES[1:]},
            None,
            PrefixListChange(
                action=Action.MODIFY, prefix_list_id="pl-1", removed=(peer("128.0.0.0/1"),)
            ),
            id="narrowed",
        ),
        pytest.param(
            "CreateManagedPrefixList",
            {"entry": HALVES[:1]},
            None,
            PrefixListChange(action=Action.CREATE, prefix_list_id=None, added=(peer("0.0.0.0/1"),)),
            id="created-without-a-name",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "prefixListName": "partners", "currentVersion": "9" * 5000},
            None,
            PrefixListChange(
                action=Action.MODIFY, prefix_list_id="pl-1", prefix_list_name="partners"
            ),
            id="renamed-with-a-version-beyond-reason",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "maxEntries": 60},
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1"),
            id="resized",
        ),
        pytest.param(
            MODIFY_LIST,
            OMITTED,
            {"prefixList": {"prefixListId": "pl-1"}},
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", is_omitted=True),
            id="left-out",
        ),
        pytest.param(
            MODIFY_LIST,
            OMITTED,
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id=None, is_omitted=True),
            id="left-out-with-its-id",
        ),
        pytest.param(
            "RestoreManagedPrefixListVersion",
            {"prefixListId": "pl-1", "previousVersion": 1, "currentVersion": 2},
            None,
            PrefixListChange(
                action=Action.RESTORE, prefix_list_id="pl-1", version=2, restored_version=1
            ),
            id="restored",
        ),
    ],
)
def test_prefix_list_is_changed(
    event_name: str, request_parameters: object, response: object, expected: PrefixListChange
) -> None:
    assert change(event_name, request_parameters, response) == expected


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        pytest.param(
            {"addEntry": {"cidr": "?"}}, "addEntry[0]: expected a CIDR: '?'", id="no-cidr"
        ),
        pytest.param({"addEntry": OMITTED}, "addEntry[0]: expected a CIDR", id="omitted"),
        pytest.param({"removeEntry": {"tag": 1}}, "removeEntry[0]: expected a CIDR", id="removed"),
        pytest.param({"entriesToAdd": HALVES}, "request: expected entries", id="no-known-shape"),
    ],
)
def test_prefix_list_of_which_no_range_can_be_read_is_unreadable(
    entries: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnreadableRecordError, match=f"^{re.escape(problem)}"):
        change(MODIFY_LIST, {"prefixListId": "pl-1", **entries})


@pytest.mark.parametrize("name", ["addEntry", "addEntries", "addEntrySet", "AddEntry"])
@pytest.mark.parametrize("entry", ["::/0", {"cidr": "::/0"}, {"Cidr": "::/0", "tag": 1}])
def test_entries_are_read_under_every_name(name: str, entry: object) -> None:
    read = change(MODIFY_LIST, {"prefixListId": "pl-1", name: [entry]})

    assert isinstance(read, PrefixListChange)
    assert [peer.value for peer in read.added] == ["::/0"]


def test_entries_that_can_be_read_are_told_beside_the_others() -> None:
    read = change(MODIFY_LIST, {"prefixListId": "pl-1", "addEntry": [{"cidr": "?"}, *HALVES]})

    assert isinstance(read, PrefixListChange)
    assert read.added == (peer("0.0.0.0/1"), peer("128.0.0.0/1"))
    assert read.problems


# --- Unreadable, or refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "complaint"),
    [
        pytest.param(INGRESS, None, "neither request nor response", id="null"),
        pytest.param(INGRESS, GROUP, "neither request nor response", id="no-rules"),
        pytest.param(INGRESS, '{"omitted": true}', "neither request", id="text-instead"),
        pytest.param(INGRESS, {"omitted": "no"}, "neither request", id="not-omitted-after-all"),
        pytest.param(
            INGRESS, {**GROUP, "ipPermissions": OMITTED}, r"ipPermissions\[0\]", id="rules-omitted"
        ),
        pytest.param(
            INGRESS, {**GROUP, "cidrIp": "any"}, r"requestParameters\[0\]\.peer: 'any'", id="flat"
        ),
        pytest.param(
            INGRESS, {"SomeOtherRequest": {"GroupId": "sg-1"}}, "neither", id="another-wrapper"
        ),
        pytest.param(REVOKE, GROUP, "neither request nor response", id="revoke-nothing"),
        pytest.param(
            MODIFY,
            {**GROUP, "securityGroupRule": {"cidrIpv4": "0.0.0.0/0"}},
            r"SecurityGroupRule\[0\]",
            id="modify-that-is-nested-once",
        ),
        pytest.param(MODIFY, {**GROUP, "rules": []}, "neither", id="modify-in-no-known-shape"),
        pytest.param("CreateSecurityGroup", {"vpcId": "vpc-1"}, "neither", id="group-without-name"),
        pytest.param("DeleteSecurityGroup", {}, "neither", id="delete-nothing"),
        pytest.param(MODIFY_LIST, None, "request: expected entries", id="no-prefix-list"),
    ],
)
def test_success_in_no_shape_that_we_know_is_unreadable_and_a_refusal_is_not(
    event_name: str, request_parameters: object, complaint: str
) -> None:
    with pytest.raises(UnreadableRecordError, match=complaint):
        change(event_name, request_parameters)
    assert change(event_name, request_parameters, errorCode="Client.UnauthorizedOperation")
    assert change(event_name, request_parameters, errorCode="Client.DryRunOperation")
    assert change(event_name, request_parameters, errorCode="Client.InvalidGroup.NotFound")


def test_refused_call_tells_what_it_would_have_done() -> None:
    denied = group_change(INGRESS, older(asked([SSH])), errorCode="Client.UnauthorizedOperation")

    assert denied.added == (SSH,)


MEMBERS = st.sampled_from(
    [
        *("groupId", "GroupName", "ipPermissions", "items", "item", "ipProtocol", "fromPort"),
        *("cidrIp", "CidrIpv4", "ipRanges", "groups", "securityGroupRule", "SecurityGroupRule"),
        *("securityGroupRuleIds", "securityGroupRuleSet", "revokedSecurityGroupRuleSet"),
        *("unknownIpPermissionSet", "omitted", "prefixListId", "addEntry", "Cidr", "removeEntry"),
        *("currentVersion", "prefixList", "name", "isOrganizationTrail", "eventSelectors"),
        *("cloudWatchLogsLogGroupArn", "advancedEventSelectors", "fieldSelectors", "field"),
        *("equals", "notEquals", "content", "tag"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
WORDS = st.sampled_from(["0.0.0.0/0", "sg-1", "eventCategory", "Management", "eventSource", "true"])
JSON = st.recursive(
    SCALARS | WORDS,
    lambda values: st.lists(values, max_size=2) | st.dictionaries(MEMBERS, values, max_size=4),
    max_leaves=12,
)


@calmly
@given(st.sampled_from(sorted(READERS)), JSON, JSON)
def test_no_success_of_ours_is_silent_and_none_breaks_the_road(
    event_name: str, written: object, answered: object
) -> None:
    wrapped = ({f"{event_name}Request": written}, {f"{event_name}Response": answered})

    for request, response in ((written, answered), wrapped):
        with suppress(UnreadableRecordError):
            assert change(event_name, request, response, eventSource=None) is not None
