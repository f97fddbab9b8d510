"""Who is a machine: by what AWS vouches for, never by what the caller can type."""

from typing import Final

import pytest

from security_group_alerter.judgement.machine_made import machine_of
from security_group_alerter.model.principal import Principal
from tests.stories import findings_of, story

MACHINES: Final = {
    "an-aws-service": (
        Principal(identity_type="AWSService", person="eks.amazonaws.com"),
        "eks.amazonaws.com",
    ),
    "an-aws-service-without-a-name": (Principal(identity_type="AWSService"), "an AWS service"),
    "a-service-linked-role": (
        Principal(
            identity_type="AssumedRole",
            person="ElasticLoadBalancing",
            role_name="AWSServiceRoleForElasticLoadBalancing",
            role_arn="arn:aws:iam::222233334444:role/aws-service-role/"
            "elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
        ),
        "AWSServiceRoleForElasticLoadBalancing",
    ),
    "a-service-linked-role-without-a-name": (
        Principal(role_arn="arn:aws:iam::222233334444:role/aws-service-role/x.amazonaws.com/Y"),
        "x.amazonaws.com/Y",
    ),
    "cloudformation-for-a-person": (
        Principal(
            identity_type="AssumedRole",
            person="jane",
            role_name="deploy",
            invoked_by="cloudformation.amazonaws.com",
        ),
        "cloudformation.amazonaws.com",
    ),
    "a-lambda-function": (
        Principal(
            role_name="opener",
            in_scope_of="arn:aws:lambda:eu-central-1:222233334444:function:opener",
        ),
        "opener",
    ),
    "the-load-balancer-controller-of-eks": (
        Principal(person="1732000000000", role_name="AmazonEKSLoadBalancerControllerRole"),
        "AmazonEKSLoadBalancerControllerRole",
    ),
    "karpenter": (Principal(role_name="KarpenterNodeRole-blue"), "KarpenterNodeRole-blue"),
    "cluster-api": (
        Principal(role_name="controllers.cluster-api-provider-aws.sigs.k8s.io"),
        "controllers.cluster-api-provider-aws.sigs.k8s.io",
    ),
    "a-stack-set": (
        Principal(role_name="stacksets-exec-0123456789abcdef"),
        "stacksets-exec-0123456789abcdef",
    ),
}
PEOPLE: Final = {
    "a-person-of-a-permission-set": Principal(
        person="jane.doe@example.com", role_name="AWSReservedSSO_Admin_0123456789abcdef"
    ),
    "an-iam-user": Principal(identity_type="IAMUser", person="karpenter"),
    "a-session-called-like-a-controller": Principal(person="karpenter", role_name="admin"),
    "a-pipeline": Principal(person="GitHubActions", role_name="terraform"),
    "nobody": Principal(),
}


@pytest.mark.parametrize(("principal", "name"), MACHINES.values(), ids=list(MACHINES))
def test_machine(principal: Principal, name: str) -> None:
    assert machine_of(principal) == name


@pytest.mark.parametrize("principal", PEOPLE.values(), ids=list(PEOPLE))
def test_person(principal: Principal) -> None:
    assert machine_of(principal) is None


def test_user_agent_decides_nothing() -> None:
    """Terraform and the console are told apart by their user agents alone."""
    record = story("ssh-opened-to-the-world-from-the-console")
    [finding] = findings_of(record | {"userAgent": "cloudformation.amazonaws.com"})

    assert finding.record
    assert machine_of(finding.record.principal) is None


def test_stories_of_machines() -> None:
    [service] = findings_of(story("group-created-with-tags-by-an-aws-service"))
    [stack] = findings_of(story("everything-opened-to-the-private-network-by-cloudformation"))

    assert service.record
    assert machine_of(service.record.principal)
    assert stack.record
    assert machine_of(stack.record.principal) == "cloudformation.amazonaws.com"
