"""Who may do what: the policies, evaluated as they are written."""

import json
from typing import Any

import pytest

from tests.template.policies import allows
from tests.template.stack import ACCOUNT, ORGANIZATION, REGION, SLACK, STACK, Stack, deployed

CLOUDTRAIL = "cloudtrail.amazonaws.com"
CLOUDWATCH = "cloudwatch.amazonaws.com"
OUR_TRAIL = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/organization-trail"
MEMBER = "222222222222"


def policy_of_role(stack: Stack, logical_id: str) -> dict[str, Any]:
    [policy] = stack.properties(logical_id)["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


# The trail's bucket. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html

WRITTEN_BY_US = {
    "aws:SourceArn": OUR_TRAIL,
    "aws:SecureTransport": "true",
    "s3:x-amz-acl": "bucket-owner-full-control",
}


@pytest.fixture
def bucket(stack: Stack) -> str:
    return f"arn:aws:s3:::{stack.outputs['TrailBucketName']['Value']}"


@pytest.fixture
def bucket_policy(stack: Stack) -> dict[str, Any]:
    document: dict[str, Any] = stack.properties("TrailBucketPolicy")["PolicyDocument"]
    return document


def test_cloudtrail_may_check_the_bucket(bucket: str, bucket_policy: dict[str, Any]) -> None:
    # It does so when the trail is made, and says nothing of ACLs of objects then.
    given = {"aws:SourceArn": OUR_TRAIL, "aws:SecureTransport": "true"}

    assert allows(
        bucket_policy,
        principal=CLOUDTRAIL,
        action="s3:GetBucketAcl",
        resource=bucket,
        given=given,
    )


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(
            f"AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/2026/11/20/a.json.gz", id="management-account"
        ),
        pytest.param(
            f"AWSLogs/{ORGANIZATION}/{ACCOUNT}/CloudTrail/us-east-1/2026/11/20/a.json.gz",
            id="management-account-in-the-organization",
        ),
        pytest.param(
            f"AWSLogs/{ORGANIZATION}/{MEMBER}/CloudTrail/eu-west-1/2026/11/20/a.json.gz",
            id="member-account",
        ),
        pytest.param(
            f"AWSLogs/{ORGANIZATION}/{MEMBER}/CloudTrail-Digest/eu-west-1/2026/11/20/a.json.gz",
            id="digest",
        ),
    ],
)
def test_our_trail_may_write(bucket: str, bucket_policy: dict[str, Any], key: str) -> None:
    assert allows(
        bucket_policy,
        principal=CLOUDTRAIL,
        action="s3:PutObject",
        resource=f"{bucket}/{key}",
        given=WRITTEN_BY_US,
    )


@pytest.mark.parametrize("owner", [ACCOUNT, ORGANIZATION])
@pytest.mark.parametrize(
    ("changed", "given"),
    [
        pytest.param({"resource": f"/AWSLogs/{MEMBER}/a"}, {}, id="outside-the-organization"),
        pytest.param({"resource": "/AWSLogs/o-anotherorgid/a"}, {}, id="another-organization"),
        pytest.param({"resource": "/a"}, {}, id="outside-AWSLogs"),
        pytest.param({"action": "s3:GetObject"}, {}, id="reading"),
        pytest.param({"action": "s3:DeleteObject"}, {}, id="deleting"),
        pytest.param({"principal": "config.amazonaws.com"}, {}, id="another-service"),
        pytest.param({}, {"aws:SourceArn": f"{OUR_TRAIL}-2"}, id="another-trail"),
        pytest.param(
            {}, {"aws:SourceArn": OUR_TRAIL.replace(ACCOUNT, MEMBER)}, id="another-accounts-trail"
        ),
        pytest.param({}, {"aws:SourceArn": None}, id="no-trail"),
        pytest.param({}, {"s3:x-amz-acl": "private"}, id="another-owner"),
        pytest.param({}, {"s3:x-amz-acl": None}, id="no-acl"),
        pytest.param({}, {"aws:SecureTransport": "false"}, id="without-tls"),
    ],
)
def test_nobody_else_may_write(
    bucket: str,
    bucket_policy: dict[str, Any],
    owner: str,
    changed: dict[str, str],
    given: dict[str, str | None],
) -> None:
    call = {
        "principal": CLOUDTRAIL,
        "action": "s3:PutObject",
        "resource": f"/AWSLogs/{owner}/a",
    } | changed
    keys = {key: value for key, value in (WRITTEN_BY_US | given).items() if value is not None}

    assert not allows(
        bucket_policy,
        principal=call["principal"],
        action=call["action"],
        resource=bucket + call["resource"],
        given=keys,
    )


def test_even_the_owner_needs_tls(bucket: str, bucket_policy: dict[str, Any]) -> None:
    [deny] = [
        statement for statement in bucket_policy["Statement"] if statement["Effect"] == "Deny"
    ]

    for resource in (bucket, f"{bucket}/AWSLogs/a"):
        assert allows(
            {"Statement": [deny | {"Effect": "Allow"}]},
            principal=f"arn:aws:iam::{ACCOUNT}:root",
            action="s3:ListBucket",
            resource=resource,
            given={"aws:SecureTransport": "false"},
        )


@pytest.mark.parametrize(
    ("number", "action", "path"),
    [
        pytest.param(0, "s3:GetBucketAcl", "", id="check"),
        pytest.param(1, "s3:PutObject", f"/AWSLogs/{ACCOUNT}/a", id="management-account"),
        pytest.param(2, "s3:PutObject", f"/AWSLogs/{ORGANIZATION}/a", id="organization"),
    ],
)
def test_each_statement_of_the_bucket_policy_is_needed(
    bucket: str, bucket_policy: dict[str, Any], number: int, action: str, path: str
) -> None:
    statements = bucket_policy["Statement"]

    def may(*some: dict[str, Any]) -> bool:
        return allows(
            {"Statement": some},
            principal=CLOUDTRAIL,
            action=action,
            resource=bucket + path,
            given=WRITTEN_BY_US,
        )

    assert may(*statements)
    assert not may(*statements[:number], *statements[number + 1 :])


# CloudTrail's role. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
@pytest.mark.parametrize(
    ("stream", "may_write"),
    [
        pytest.param(f"{ACCOUNT}_CloudTrail_{REGION}", True, id="management-account"),
        pytest.param(f"{ACCOUNT}_CloudTrail_{REGION}_3", True, id="management-account-shard"),
        pytest.param(f"{ORGANIZATION}_{ACCOUNT}_CloudTrail_{REGION}", True, id="organization"),
        pytest.param(f"{ORGANIZATION}_{MEMBER}_CloudTrail_{REGION}_2", True, id="member-shard"),
        pytest.param(f"{MEMBER}_CloudTrail_{REGION}", False, id="account-without-organization"),
        pytest.param(
            f"o-anotherorgid_{MEMBER}_CloudTrail_{REGION}", False, id="other-organization"
        ),
        pytest.param("anything", False, id="anything"),
    ],
)
def test_cloudtrail_writes_its_streams(
    stack: Stack, action: str, stream: str, may_write: bool
) -> None:
    policy = policy_of_role(stack, "TrailLogRole")
    group = stack.properties("Trail")["CloudWatchLogsLogGroupArn"].removesuffix(":*")

    assert allows(policy, action=action, resource=f"{group}:log-stream:{stream}") == may_write
    assert not allows(policy, action=action, resource=f"{group}-2:log-stream:{stream}")


# The alert topic.


@pytest.fixture
def topic(stack: Stack) -> str:
    arn: str = stack.outputs["AlertTopicArn"]["Value"]
    return arn


@pytest.fixture
def topic_policy(stack: Stack) -> dict[str, Any]:
    properties = stack.properties("AlertTopicPolicy")
    assert properties["Topics"] == [stack.outputs["AlertTopicArn"]["Value"]]
    document: dict[str, Any] = properties["PolicyDocument"]
    return document


OUR_ALARM = {
    "aws:SourceAccount": ACCOUNT,
    "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{STACK}-SecurityGroupChanges",
}


def test_alarms_of_this_account_may_publish(topic: str, topic_policy: dict[str, Any]) -> None:
    assert allows(
        topic_policy, principal=CLOUDWATCH, action="sns:Publish", resource=topic, given=OUR_ALARM
    )


@pytest.mark.parametrize(
    ("principal", "action", "given"),
    [
        pytest.param(CLOUDWATCH, "sns:Subscribe", OUR_ALARM, id="alarm-subscribes"),
        pytest.param(
            CLOUDWATCH,
            "sns:Publish",
            {key: value.replace(ACCOUNT, MEMBER) for key, value in OUR_ALARM.items()},
            id="another-accounts-alarm",
        ),
        pytest.param(CLOUDWATCH, "sns:Publish", {}, id="nobodys-alarm"),
        pytest.param(
            CLOUDWATCH,
            "sns:Publish",
            OUR_ALARM | {"aws:SourceArn": f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/a"},
            id="no-alarm",
        ),
        pytest.param("s3.amazonaws.com", "sns:Publish", OUR_ALARM, id="another-service"),
        pytest.param(f"arn:aws:iam::{MEMBER}:root", "sns:Publish", {}, id="another-account"),
        pytest.param(f"arn:aws:iam::{MEMBER}:root", "sns:Subscribe", {}, id="eavesdropper"),
    ],
)
def test_nobody_else_may_use_the_topic(
    topic: str, topic_policy: dict[str, Any], principal: str, action: str, given: dict[str, str]
) -> None:
    assert not allows(topic_policy, principal=principal, action=action, resource=topic, given=given)


@pytest.mark.parametrize("action", ["Publish", "Subscribe", "SetTopicAttributes", "DeleteTopic"])
def test_the_owner_keeps_the_topic(topic: str, topic_policy: dict[str, Any], action: str) -> None:
    owner = f"arn:aws:iam::{ACCOUNT}:root"

    assert allows(topic_policy, principal=owner, action=f"sns:{action}", resource=topic)


# The function's role.


def test_function_may_do_what_it_does_and_no_more(stack: Stack, topic: str) -> None:
    policy = policy_of_role(stack, "SecurityGroupAlerterRole")
    function = stack.properties("SecurityGroupAlerterFunction")
    failures = stack.properties("SecurityGroupAlerterFailures")
    queue = failures["DestinationConfig"]["OnFailure"]["Destination"]
    log = (
        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{function['LoggingConfig']['LogGroup']}"
        ":log-stream:2026/11/20/[$LATEST]a"
    )
    table_name = function["Environment"]["Variables"]["SEEN_EVENTS_TABLE"]
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table_name}"
    memory = table.replace("SeenEventsTable", "GroupMemoryTable")
    key = stack.outputs["EncryptionKeyArn"]["Value"]
    account = f"arn:aws:organizations::{ACCOUNT}:account/{ORGANIZATION}/{MEMBER}"
    ou = f"arn:aws:organizations::{ACCOUNT}:ou/{ORGANIZATION}/ou-ab12-cdefghij"
    does = {
        ("sns:Publish", topic),
        ("organizations:DescribeAccount", account),
        ("organizations:DescribeOrganizationalUnit", ou),
        ("organizations:ListParents", account),
        ("organizations:ListParents", ou),
        ("organizations:ListTagsForResource", account),
        ("dynamodb:BatchGetItem", table),
        ("dynamodb:BatchWriteItem", table),
        ("dynamodb:PutItem", table),
        ("dynamodb:BatchGetItem", memory),
        ("dynamodb:UpdateItem", memory),
        ("sqs:SendMessage", queue),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
        ("kms:GenerateDataKey", key),
        ("kms:Decrypt", key),
    }
    never = {
        ("kms:Decrypt", f"{key}-2"),
        ("kms:Encrypt", key),
        ("kms:DisableKey", key),
        ("dynamodb:DeleteItem", table),
        ("dynamodb:BatchGetItem", f"{table}-2"),
        ("dynamodb:PutItem", f"{table}-2"),
        ("dynamodb:UpdateItem", table),
        ("dynamodb:PutItem", memory),
        ("dynamodb:DeleteItem", memory),
        ("dynamodb:UpdateItem", f"{memory}-2"),
        ("sns:Publish", f"{topic}-2"),
        ("sns:Subscribe", topic),
        ("organizations:CloseAccount", account),
        ("organizations:ListAccounts", "*"),
        ("sqs:SendMessage", f"{queue}-2"),
        ("sqs:ReceiveMessage", queue),
        ("logs:CreateLogGroup", log),
        ("logs:PutLogEvents", log.replace("/aws/lambda/", "/aws/lambda/another-")),
        ("logs:PutLogEvents", stack.properties("Trail")["CloudWatchLogsLogGroupArn"]),
        ("ec2:RevokeSecurityGroupIngress", "*"),
        ("sts:AssumeRole", "*"),
    }

    def may(action: str, resource: str) -> bool:
        # SNS asks KMS on the function's behalf.
        given = {"kms:ViaService": f"sns.{REGION}.amazonaws.com"}
        return allows(policy, action=action, resource=resource, given=given)

    assert {call for call in does if may(*call)} == does
    assert {call for call in never if may(*call)} == set()
    assert not allows(policy, action="kms:Decrypt", resource=key)
    granted = {
        action.removesuffix("*")
        for statement in policy["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert granted == {action for action, _ in does}


def test_function_has_no_role_but_this_one(stack: Stack) -> None:
    # `Policies` beside `Role` would be ignored; without `Role`, SAM adds managed policies.
    function = stack.properties("SecurityGroupAlerterFunction")

    assert "Policies" not in function
    assert ":role/" in function["Role"]
    assert "SecurityGroupAlerterRole" in function["Role"]
    assert all("ManagedPolicyArns" not in role for role in stack.of_type("AWS::IAM::Role").values())


@pytest.mark.parametrize(
    ("role", "service"),
    [("TrailLogRole", CLOUDTRAIL), ("SecurityGroupAlerterRole", "lambda.amazonaws.com")],
)
def test_only_its_service_takes_a_role(stack: Stack, role: str, service: str) -> None:
    [statement] = stack.properties(role)["AssumeRolePolicyDocument"]["Statement"]

    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }


# Every role, topic and queue.

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/platform/boundary"


def test_every_role_has_the_boundary_that_is_given(chatty: Stack) -> None:
    bounded = deployed(PermissionsBoundary=BOUNDARY, **SLACK).of_type("AWS::IAM::Role")

    assert len(bounded) == len(chatty.of_type("AWS::IAM::Role")) >= 4
    assert {role.get("PermissionsBoundary") for role in bounded.values()} == {BOUNDARY}
    for role in chatty.of_type("AWS::IAM::Role").values():
        assert "PermissionsBoundary" not in role


@pytest.mark.parametrize(
    ("kind", "policy_kind", "where", "actions"),
    [
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "Topics", ["sns:Publish"]),
        (
            "AWS::SQS::Queue",
            "AWS::SQS::QueuePolicy",
            "Queues",
            ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"],
        ),
    ],
)
def test_every_topic_and_queue_needs_tls(
    chatty: Stack, kind: str, policy_kind: str, where: str, actions: list[str]
) -> None:
    documents = {it[where][0]: it["PolicyDocument"] for it in chatty.of_type(policy_kind).values()}

    assert len(documents) == len(chatty.of_type(kind))
    for document in documents.values():
        [deny] = [it for it in document["Statement"] if it["Effect"] == "Deny"]
        for action in actions:
            for tls, is_denied in (("false", True), ("true", False)):
                assert is_denied == allows(
                    {"Statement": [deny | {"Effect": "Allow"}]},
                    principal="events.amazonaws.com",
                    action=action,
                    resource=deny["Resource"],
                    given={"aws:SecureTransport": tls},
                )


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_every_partition(partition: str) -> None:
    elsewhere = deployed(partition=partition)

    assert "arn:aws:" not in json.dumps([elsewhere.resources, elsewhere.outputs])
