"""The same rules, however EC2 and its callers write them down."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from security_group_alerter.model.rules import Direction, SecurityGroupRule
from tests.security_group_alerter.builders import rules
from tests.security_group_alerter.cloudtrail.calls import (
    GROUP,
    INGRESS,
    MODIFY,
    OMITTED,
    REVOKE,
    Told,
    answered,
    api_permission,
    asked,
    by_number,
    edited,
    group_change,
    lone,
    newer,
    newer_answer,
    older,
    revoked,
)

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
