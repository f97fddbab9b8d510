"""Reads one security group as it is now: what it is, and all its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from security_group_alerter.ec2.answers import tags_at
from security_group_alerter.ec2.rules import rule_of
from security_group_alerter.model.rules import Direction, SecurityGroupRule

from ..aws_errors import code_of

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html
PAGE = 1000
_NO_GROUP = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})


class CannotCloseError(Exception):
    """It cannot be closed from here. The text says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRule:
    """A rule, and how EC2 lists it."""

    rule: SecurityGroupRule
    listed: Mapping[str, Any]

    @property
    def rule_id(self) -> str:
        """`sgr-…`; EC2 lists no rule without one."""
        return str(self.listed["SecurityGroupRuleId"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with its rules. `owner_id` is the account whose group it is."""

    group_id: str
    owner_id: str
    name: str
    description: str
    vpc_id: str | None
    tags: Mapping[str, str]
    rules: tuple[StandingRule, ...]

    @property
    def ingress(self) -> tuple[StandingRule, ...]:
        """The rules that let something in."""
        return tuple(it for it in self.rules if it.rule.direction is Direction.INGRESS)


def read_group(ec2: Any, group_id: str, *, place: str) -> Group:
    """The group and every rule of it. Raises CannotCloseError, and what AWS says of the calls."""
    try:
        found: Any = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    except ClientError as error:
        if code_of(error) not in _NO_GROUP:
            raise
        raise CannotCloseError(
            f"there is no security group {group_id} in {place}: name its account's --profile, and "
            "its --region"
        ) from None
    return Group(
        group_id=group_id,
        owner_id=found["OwnerId"],
        name=found["GroupName"],
        description=found.get("Description", ""),
        vpc_id=found.get("VpcId"),
        tags=tags_at(found, "Tags"),
        rules=_rules_of(ec2, group_id),
    )


def _rules_of(ec2: Any, group_id: str) -> tuple[StandingRule, ...]:
    pages = ec2.get_paginator("describe_security_group_rules").paginate(
        Filters=[{"Name": "group-id", "Values": [group_id]}],
        PaginationConfig={"PageSize": PAGE},
    )
    items: list[Any] = [item for page in pages for item in page["SecurityGroupRules"]]
    try:
        rules = [StandingRule(rule=rule_of(item), listed=item) for item in items]
    except ValueError as error:
        # What cannot be read cannot be judged, nor can the rest of the group without it.
        raise CannotCloseError(
            f"a rule of {group_id} has a form that this version does not know ({error}): close it "
            "in the console, and report the form to the maintainers of this project"
        ) from None
    # EC2 lists them in any order.
    return tuple(sorted(rules, key=lambda it: it.rule_id))
