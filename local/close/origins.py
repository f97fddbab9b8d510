"""What says that a program keeps a group's rules, and will put them back."""

from __future__ import annotations

from collections.abc import Iterator

from security_group_alerter.messages.text import safe

from .group import Group

# The beginning of a tag's key, in lower case, and who sets it. What the value, or the rest of the
# key, names stands behind it.
_TAGS = (
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    ("aws:cloudformation:stack-name", "the CloudFormation stack"),
    # https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
    ("elasticbeanstalk:environment-name", "the Elastic Beanstalk environment"),
    # https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
    ("aws:eks:cluster-name", "the Amazon EKS cluster"),
    ("kubernetes.io/cluster/", "the Kubernetes cluster"),
    # https://kubernetes-sigs.github.io/aws-load-balancer-controller
    ("elbv2.k8s.aws/cluster", "the AWS Load Balancer Controller of the cluster"),
)
# Terraform writes "Managed by Terraform" where a group has no description; the others are customs.
_WORDS = {
    "terraform": "Terraform",
    "terragrunt": "Terraform",
    "opentofu": "OpenTofu",
    "pulumi": "Pulumi",
    "crossplane": "Crossplane",
    "aws-cdk": "the AWS CDK",
    "ansible": "Ansible",
}


def origins_of(group: Group) -> list[str]:
    """`the CloudFormation stack web (tag aws:cloudformation:stack-name)`, each once."""
    return list(dict.fromkeys([*_tagged(group), *_named(group)]))


def _tagged(group: Group) -> Iterator[str]:
    for key, value in group.tags.items():
        for start, what in _TAGS:
            if key.lower().startswith(start):
                name = key[len(start) :] or value
                yield f"{what} {safe(name, 100)} (tag {safe(key, 100)})"


def _named(group: Group) -> Iterator[str]:
    """Programs whose names stand in tags, or in a description."""
    texts = [(f"{key}={value}", f"tag {key}={value}") for key, value in group.tags.items()]
    texts.append((group.description, f'the group\'s description "{group.description}"'))
    for standing in group.ingress:
        text = standing.rule.description or ""
        texts.append((text, f'the description "{text}" of {standing.rule_id}'))
    seen = set[str]()
    for text, where in texts:
        for word, name in _WORDS.items():
            if word in text.lower() and name not in seen:
                seen.add(name)
                yield f"{name} ({safe(where, 120)})"
