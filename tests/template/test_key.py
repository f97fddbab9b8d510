"""The key: who may use it for what, what is encrypted with it, and a stack without one."""

import json
from typing import Any

import pytest

from tests.template.policies import allows
from tests.template.stack import ACCOUNT, ORGANIZATION, REGION, SLACK, Stack, deployed

MEMBER = "222222222222"
TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/organization-trail"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:alerter-SecurityGroupChangesAlarm"
CLOUDTRAIL = "cloudtrail.amazonaws.com"
CLOUDWATCH = "cloudwatch.amazonaws.com"
LOGS_HERE = f"logs.{REGION}.amazonaws.com"
SNS = "sns.amazonaws.com"
GIVEN = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

# What each service sends with its calls.
BY_THE_TRAIL = {
    "aws:SourceArn": TRAIL,
    # Files of any account and Region carry the management account's trail.
    "kms:EncryptionContext:aws:cloudtrail:arn": TRAIL.replace(REGION, "us-east-1"),
}
BY_LOGS = {"kms:EncryptionContext:aws:logs:arn": f"{LOGS}:alerter-TrailLogGroup-1A2B3C4D"}
BY_ALARM = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": ALARM}
BY_SNS = {"aws:SourceAccount": ACCOUNT}

NEEDED = [
    (CLOUDTRAIL, ["GenerateDataKey", "DescribeKey", "Decrypt"], BY_THE_TRAIL),
    (
        LOGS_HERE,
        ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey"],
        BY_LOGS,
    ),
    (CLOUDWATCH, ["GenerateDataKey", "Decrypt"], BY_ALARM),
    (SNS, ["GenerateDataKey", "Decrypt"], BY_SNS),
    (f"arn:aws:iam::{ACCOUNT}:root", ["PutKeyPolicy", "Decrypt", "ScheduleKeyDeletion"], {}),
]
REFUSED = [
    pytest.param(CLOUDTRAIL, "Encrypt", BY_THE_TRAIL, id="cloudtrail-does-more"),
    pytest.param(
        CLOUDTRAIL,
        "GenerateDataKey",
        BY_THE_TRAIL | {"aws:SourceArn": TRAIL.replace(ACCOUNT, MEMBER)},
        id="another-accounts-trail",
    ),
    pytest.param(
        CLOUDTRAIL,
        "GenerateDataKey",
        BY_THE_TRAIL | {"aws:SourceArn": f"{TRAIL}-2"},
        id="another-trail",
    ),
    pytest.param(
        CLOUDTRAIL, "GenerateDataKey", {"aws:SourceArn": TRAIL}, id="no-encryption-context"
    ),
    pytest.param(CLOUDTRAIL, "DescribeKey", {}, id="look-without-a-trail"),
    pytest.param(
        LOGS_HERE,
        "Decrypt",
        {"kms:EncryptionContext:aws:logs:arn": f"{LOGS}:a".replace(ACCOUNT, MEMBER)},
        id="another-accounts-log-group",
    ),
    pytest.param(LOGS_HERE, "Decrypt", {}, id="logs-without-context"),
    pytest.param("logs.us-east-1.amazonaws.com", "Decrypt", BY_LOGS, id="logs-of-another-region"),
    pytest.param(
        CLOUDWATCH,
        "Decrypt",
        {key: value.replace(ACCOUNT, MEMBER) for key, value in BY_ALARM.items()},
        id="another-accounts-alarm",
    ),
    pytest.param(SNS, "Decrypt", {"aws:SourceAccount": MEMBER}, id="another-accounts-topic"),
    pytest.param("s3.amazonaws.com", "Decrypt", {}, id="another-service"),
    pytest.param(f"arn:aws:iam::{MEMBER}:root", "Decrypt", {}, id="another-account"),
]


def policy_of(stack: Stack) -> dict[str, Any]:
    policy: dict[str, Any] = stack.properties("EncryptionKey")["KeyPolicy"]
    return policy


@pytest.mark.parametrize(
    ("principal", "action", "given"),
    [
        pytest.param(principal, action, given, id=f"{principal.partition('.')[0]}-{action}")
        for principal, actions, given in NEEDED
        for action in actions
    ],
)
def test_who_needs_the_key_may_use_it(
    stack: Stack, principal: str, action: str, given: dict[str, str]
) -> None:
    assert allows(policy_of(stack), principal=principal, action=f"kms:{action}", given=given)


@pytest.mark.parametrize(("principal", "action", "given"), REFUSED)
def test_nobody_else_may_use_the_key(
    stack: Stack, principal: str, action: str, given: dict[str, str]
) -> None:
    assert not allows(policy_of(stack), principal=principal, action=f"kms:{action}", given=given)


def test_each_statement_of_the_key_policy_is_needed(stack: Stack) -> None:
    statements = policy_of(stack)["Statement"]
    calls = [
        (principal, f"kms:{action}", given)
        for principal, actions, given in NEEDED
        for action in actions
    ]
    for number, statement in enumerate(statements):
        others = {"Statement": [*statements[:number], *statements[number + 1 :]]}
        assert [
            call
            for call in calls
            if not allows(others, principal=call[0], action=call[1], given=call[2])
        ], statement["Sid"]


def keys_in(stack: Stack) -> dict[str, Any]:
    """Logical id -> the key that the resource names for encryption."""
    bucket = stack.properties("TrailBucket")["BucketEncryption"]
    [rule] = bucket["ServerSideEncryptionConfiguration"]
    named = {
        "Trail": stack.properties("Trail").get("KMSKeyId"),
        "TrailBucket": rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID"),
        "TrailLogGroup": stack.properties("TrailLogGroup").get("KmsKeyId"),
        "SecurityGroupAlerterLogGroup": stack.properties("SecurityGroupAlerterLogGroup").get(
            "KmsKeyId"
        ),
        "AlertTopic": stack.properties("AlertTopic").get("KmsMasterKeyId"),
        "ChatTopic": stack.properties("ChatTopic").get("KmsMasterKeyId"),
    }
    return {name: key for name, key in named.items() if key is not None}


@pytest.mark.parametrize(
    ("parameter", "key"),
    [
        pytest.param("create", None, id="made"),
        pytest.param(GIVEN, GIVEN, id="given"),
    ],
)
def test_one_key_encrypts_the_trail_the_logs_and_the_alerts(
    parameter: str, key: str | None
) -> None:
    stack = deployed(KmsKey=parameter, **SLACK)
    arn = stack.outputs["EncryptionKeyArn"]["Value"]
    [use_the_key] = [
        statement
        for statement in stack.properties("SecurityGroupAlerterRole")["Policies"][0][
            "PolicyDocument"
        ]["Statement"]
        if "kms:Decrypt" in statement["Action"]
    ]

    assert keys_in(stack) == dict.fromkeys(
        [
            *("Trail", "TrailBucket", "TrailLogGroup", "SecurityGroupAlerterLogGroup"),
            *("AlertTopic", "ChatTopic"),
        ],
        arn,
    )
    assert use_the_key["Resource"] == arn
    assert key in (None, arn)
    assert ("EncryptionKey" in stack.resources) == (key is None)


def test_no_key_at_all() -> None:
    stack = deployed(KmsKey="none", **SLACK)

    assert keys_in(stack) == {}
    assert "EncryptionKey" not in stack.resources
    assert "EncryptionKeyArn" not in stack.outputs
    assert "kms:" not in json.dumps(stack.resources)
    [rule] = stack.properties("TrailBucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_the_last_resort_does_not_depend_on_the_key(stack: Stack) -> None:
    # A problem with the key makes publishing fail: the delivery must be kept, and reported.
    assert stack.properties("FailureQueue")["SqsManagedSseEnabled"] is True
    assert "KmsMasterKeyId" not in stack.properties("FailureQueue")
    assert "KmsMasterKeyId" not in stack.properties("OperationsTopic")


def test_the_key_is_rotated(stack: Stack) -> None:
    assert stack.properties("EncryptionKey")["EnableKeyRotation"] is True


def test_the_bucket_key_saves_a_call_to_kms_for_each_file(stack: Stack) -> None:
    [rule] = stack.properties("TrailBucket")["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["BucketKeyEnabled"] is True


def test_the_trail_of_another_management_account_may_use_the_key() -> None:
    policy = policy_of(deployed(ManagementAccountId=MEMBER))
    given = {name: value.replace(ACCOUNT, MEMBER) for name, value in BY_THE_TRAIL.items()}

    assert allows(policy, principal=CLOUDTRAIL, action="kms:GenerateDataKey", given=given)
    assert not allows(
        policy, principal=CLOUDTRAIL, action="kms:GenerateDataKey", given=BY_THE_TRAIL
    )
    assert ORGANIZATION not in json.dumps(policy)
