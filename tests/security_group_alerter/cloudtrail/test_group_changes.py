"""What else is done to a security group: its life, its descriptions, its VPCs."""

import pytest

from security_group_alerter.model.change import Action, RuleDescription, SecurityGroupChange
from security_group_alerter.model.rules import Direction
from tests.security_group_alerter.builders import rule
from tests.security_group_alerter.cloudtrail.calls import OMITTED, change, newer, older

DESCRIBE = "UpdateSecurityGroupRuleDescriptionsEgress"
DESCRIBED = {
    "ipProtocol": "tcp",
    "fromPort": 22,
    "toPort": 22,
    "ipRanges": [{"cidrIp": "0.0.0.0/0", "description": "bastion"}],
    "ipv6Ranges": [{"cidrIpv6": "::/0", "description": "bastion, IPv6"}],
}
NO_LONGER_DESCRIBED = {
    "ipProtocol": "tcp",
    "fromPort": 443,
    "toPort": 443,
    "ipRanges": [{"cidrIp": "10.0.0.0/8", "description": ""}],
}
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
                descriptions=(
                    RuleDescription(rule_id="sgr-1", text="a"),
                    RuleDescription(rule_id="sgr-2", text=None),
                ),
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
                descriptions=(RuleDescription(rule_id="sgr-1", text="a"),),
            ),
            id="described-in-the-older-way",
        ),
        pytest.param(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            older({"groupId": "sg-1", "ipPermissions": [DESCRIBED, NO_LONGER_DESCRIBED]}),
            None,
            SecurityGroupChange(
                action=Action.DESCRIBE_RULES,
                group_id="sg-1",
                direction=Direction.INGRESS,
                descriptions=(
                    RuleDescription(rule=rule("tcp 22 from 0.0.0.0/0"), text="bastion"),
                    RuleDescription(rule=rule("tcp 22 from ::/0"), text="bastion, IPv6"),
                    RuleDescription(rule=rule("tcp 443 from 10.0.0.0/8"), text=None),
                ),
            ),
            id="described-by-permission",
        ),
        pytest.param(
            DESCRIBE,
            {"groupId": "sg-1", "securityGroupRuleDescription": ["?", {"description": "nobody's"}]},
            None,
            SecurityGroupChange(
                action=Action.DESCRIBE_RULES, group_id="sg-1", direction=Direction.EGRESS
            ),
            id="described-of-which-nothing-can-be-read",
        ),
    ],
)
def test_group_is_changed(
    event_name: str, request_parameters: object, response: object, expected: SecurityGroupChange
) -> None:
    assert change(event_name, request_parameters, response) == expected
