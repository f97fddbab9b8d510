"""Look roles in the accounts of an organization, as an administrator makes them."""

from typing import Any, Final

from tests.local.cloud import MANAGEMENT, STACK, Cloud

LOOK: Final = "security/look"
PARAMETERS: Final = ("--parameter", f"LookRole={LOOK}")


def trust_of(aws: Cloud, **changed: Any) -> dict[str, Any]:
    """The statement of a trust policy that a look role needs."""
    path = f"arn:aws:iam::{MANAGEMENT}:role/security-group-alerter/{STACK}/*"
    return {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": path},
            "StringEquals": {"aws:PrincipalOrgID": aws.organization_id},
        },
    } | changed


def give_role(aws: Cloud, account_id: str, name: str = LOOK, *trust: dict[str, Any]) -> None:
    """Make the role there, or one that is different."""
    statements = [*trust] or [trust_of(aws)]
    aws.roles[account_id, name.rpartition("/")[2]] = {
        "Arn": f"arn:aws:iam::{account_id}:role/{name}",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": statements},
    }
