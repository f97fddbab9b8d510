"""Checks your own KMS key, if it is to encrypt what the stack creates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from ..aws_errors import code_of
from ..checks import Check, Checks, ok, stop, warning
from ..template import read_template
from .plan import Plan

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_kms.type_defs import KeyMetadataTypeDef

SUBJECT: Final = "KMS key"
PERMISSIONS: Final = ("kms:DescribeKey", "kms:GetKeyPolicy")


def key_checks(plan: Plan) -> Checks[None]:
    """Whether the key is in this Region, can be used, and lets the services use it."""
    arn, region = plan.values["KmsKey"], plan.deployment.region
    if arn.split(":")[3] != region:
        yield stop(
            SUBJECT, f"{arn} is not in {region}", f"Name a key in {region}, or set KmsKey=create"
        )
        return
    client = plan.deployment.client("kms")
    try:
        key = client.describe_key(KeyId=arn)["KeyMetadata"]
    except ClientError as error:
        if code_of(error) != "NotFoundException":
            raise
        yield stop(SUBJECT, f"the key {arn} does not exist", "Name another, or set KmsKey=create")
        return
    yield _fitness_check(arn, key)
    yield from _policy_checks(client, plan)


def _fitness_check(arn: str, key: KeyMetadataTypeDef) -> Check:
    state, kind = key.get("KeyState", ""), key.get("KeySpec", "")
    if state != "Enabled":
        return stop(SUBJECT, f"{arn} is {state}", "Enable it, or name another")
    if kind != "SYMMETRIC_DEFAULT":
        return stop(SUBJECT, f"{arn} has the key spec {kind}", "Name a symmetric encryption key")
    return ok(SUBJECT, arn)


def _policy_checks(client: KMSClient, plan: Plan) -> Checks[None]:
    """Whether the policy names the services. Its conditions are not checked."""
    policy = client.get_key_policy(KeyId=plan.values["KmsKey"], PolicyName="default")["Policy"]
    named = set(_services_in(json.loads(policy)))
    missing = sorted(service for service in needed_services(plan) if service not in named)
    if missing:
        yield warning(
            SUBJECT,
            f"its policy does not name {', '.join(missing)}",
            "Allow them to use the key, as EncryptionKey in template.yaml does: a trail, alarm or "
            "alert that may not use it fails silently",
        )


def needed_services(plan: Plan) -> set[str]:
    """The services that may use the key that the stack would create."""
    policy = read_template()["Resources"]["EncryptionKey"]["Properties"]["KeyPolicy"]
    deployment = plan.deployment
    named = {"${AWS::Region}": deployment.region, "${AWS::URLSuffix}": deployment.url_suffix}
    services = set(_services_in(policy))
    for variable, value in named.items():
        services = {service.replace(variable, value) for service in services}
    return services if plan.makes_trail else services - {"cloudtrail.amazonaws.com"}


def _services_in(policy: Any) -> Iterator[str]:
    """Every service that is named as a principal, anywhere in the document."""
    if isinstance(policy, dict):
        for name, value in policy.items():
            yield from _texts_in(value) if name == "Service" else _services_in(value)
    elif isinstance(policy, list):
        for item in policy:
            yield from _services_in(item)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(item)
