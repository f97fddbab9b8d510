"""Four EventBridge rules report tampering with the alerter, without the path of the alerts."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
from moto.events.models import EventPattern

from local.deployment import LONGEST_STACK_NAME
from local.filter_pattern import MAX_LENGTH
from local.template import read_template
from security_group_alerter.cloudtrail.tampering_rules import TAMPERING_RULE
from tests.template.policies import allows
from tests.template.stack import (
    ACCOUNT,
    REGION,
    SLACK,
    STACK,
    Stack,
    deployed,
    is_accepted,
    nested_name,
)

RULES = (
    "TrailPathTamperingRule",
    "LogPathTamperingRule",
    "FunctionPathTamperingRule",
    "AlertPathTamperingRule",
)
# Which rule reports what is done to which.
WATCHED_BY = dict(zip((*RULES[1:], RULES[0]), RULES, strict=True))
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
LONGEST_PATTERN = 2048
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
LONGEST_NAME = 64

GROUP = f"{STACK}-TrailLogGroup-1A2B3C4D"
FUNCTION = f"{STACK}-SecurityGroupAlerterFunction-1A2B3C4D"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-AlertTopic-1A2B3C4D"
CHAT = TOPIC.replace("AlertTopic", "ChatTopic")
OPERATIONS = TOPIC.replace("AlertTopic", "OperationsTopic")
QUEUE = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-FailureQueue-1A2B3C4D"
HEALTH = nested_name(STACK, "Health")
SCHEDULE = f"{HEALTH}-Heartbeat-1A2B3C4D"
TABLE = f"{STACK}-SeenEventsTable-1A2B3C4D"
MEMORY = f"{STACK}-GroupMemoryTable-1A2B3C4D"
KEY = f"{STACK}-EncryptionKey-1A2B3C4D"
ALARM = f"{HEALTH}-HeartbeatAlarm-1A2B3C4D"
TRIPWIRE = f"{STACK}-SecurityGroupChangesAlarm-1A2B3C4D"
LOG_PATH_RULE, ALERT_PATH_RULE = f"{STACK}-LogPathTampering", f"{STACK}-AlertPathTampering"
TRAIL_PATH_RULE, FUNCTION_PATH_RULE = (
    f"{STACK}-TrailPathTampering",
    f"{STACK}-FunctionPathTampering",
)
BUCKET = f"{STACK}-TrailBucket-1A2B3C4D"
GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
TRAIL_ARN = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/organization-trail"

# Service, call and parameters as CloudTrail records them.
REPORTED = [
    ("cloudtrail", "StopLogging", {"name": TRAIL_ARN}),
    ("cloudtrail", "DeleteTrail", {"name": "organization-trail"}),
    ("cloudtrail", "PutEventSelectors", {"trailName": "organization-trail"}),
    ("logs", "DeleteLogGroup", {"logGroupName": GROUP}),
    ("logs", "DeleteLogStream", {"logGroupName": GROUP, "logStreamName": "a"}),
    ("logs", "DeleteSubscriptionFilter", {"logGroupName": GROUP, "filterName": STACK}),
    ("logs", "PutSubscriptionFilter", {"logGroupName": GROUP, "filterName": STACK}),
    ("logs", "DeleteMetricFilter", {"logGroupName": GROUP, "filterName": "a"}),
    ("logs", "PutMetricFilter", {"logGroupName": GROUP, "filterName": "a"}),
    ("logs", "PutRetentionPolicy", {"logGroupName": GROUP, "retentionInDays": 1}),
    ("logs", "DisassociateKmsKey", {"logGroupName": GROUP}),
    ("logs", "PutDataProtectionPolicy", {"logGroupIdentifier": GROUP}),
    ("logs", "PutDataProtectionPolicy", {"logGroupIdentifier": GROUP_ARN}),
    ("logs", "DeleteDataProtectionPolicy", {"logGroupIdentifier": GROUP}),
    ("logs", "PutTransformer", {"logGroupIdentifier": GROUP_ARN}),
    # By the name of the log group, or else by its ARN.
    ("logs", "AssociateKmsKey", {"logGroupName": GROUP}),
    ("logs", "AssociateKmsKey", {"resourceIdentifier": GROUP_ARN}),
    ("logs", "DisassociateKmsKey", {"resourceIdentifier": GROUP_ARN}),
    # They name no log group.
    ("logs", "PutAccountPolicy", {"policyName": "mask", "policyType": "DATA_PROTECTION_POLICY"}),
    ("logs", "DeleteAccountPolicy", {"policyName": "mask"}),
    ("s3", "DeleteBucket", {"bucketName": BUCKET}),
    ("s3", "PutBucketPolicy", {"bucketName": BUCKET}),
    ("s3", "DeleteBucketPolicy", {"bucketName": BUCKET}),
    ("s3", "PutBucketLifecycle", {"bucketName": BUCKET}),
    ("s3", "PutBucketVersioning", {"bucketName": BUCKET}),
    ("s3", "PutBucketEncryption", {"bucketName": BUCKET}),
    ("s3", "DeleteBucketEncryption", {"bucketName": BUCKET}),
    ("s3", "PutBucketReplication", {"bucketName": BUCKET}),
    ("s3", "PutBucketPublicAccessBlock", {"bucketName": BUCKET}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}),
    ("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": FUNCTION_ARN}),
    ("lambda", "DeleteFunction20150331", {"functionName": f"{ACCOUNT}:function:{FUNCTION}"}),
    ("lambda", "PutFunctionConcurrency20171031", {"functionName": FUNCTION}),
    ("lambda", "PutFunctionEventInvokeConfig", {"functionName": FUNCTION}),
    ("lambda", "DeleteFunctionEventInvokeConfig", {"functionName": FUNCTION}),
    ("lambda", "RemovePermission20150331v2", {"functionName": FUNCTION}),
    ("lambda", "RemovePermission20150331v2", {"functionName": f"{FUNCTION}:$LATEST"}),
    ("lambda", "PutFunctionConcurrency20171031", {"functionName": f"{FUNCTION_ARN}:$LATEST"}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": f"{ACCOUNT}:{FUNCTION}"}),
    ("lambda", "DeleteResourcePolicy", {"resourceArn": FUNCTION_ARN}),
    ("lambda", "PutResourcePolicy20260709", {"resourceArn": f"{FUNCTION_ARN}:$LATEST"}),
    ("scheduler", "DeleteSchedule", {"name": SCHEDULE}),
    ("scheduler", "UpdateSchedule", {"name": SCHEDULE}),
    ("events", "DisableRule", {"name": LOG_PATH_RULE}),
    ("events", "DeleteRule", {"name": ALERT_PATH_RULE}),
    ("events", "PutRule", {"name": ALERT_PATH_RULE}),
    ("events", "DeleteRule", {"name": TRAIL_PATH_RULE}),
    ("events", "DeleteRule", {"name": FUNCTION_PATH_RULE}),
    ("events", "PutTargets", {"rule": TRAIL_PATH_RULE}),
    ("events", "RemoveTargets", {"rule": LOG_PATH_RULE, "ids": ["Operations"]}),
    ("sns", "DeleteTopic", {"topicArn": TOPIC}),
    ("sns", "SetTopicAttributes", {"topicArn": OPERATIONS, "attributeName": "Policy"}),
    ("sns", "Subscribe", {"topicArn": TOPIC, "protocol": "email"}),
    ("sns", "Unsubscribe", {"subscriptionArn": f"{TOPIC}:2f1a"}),
    # It can hold back messages by what they contain.
    ("sns", "PutDataProtectionPolicy", {"resourceArn": TOPIC}),
    ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{OPERATIONS}:2f1a"}),
    ("sns", "DeleteTopic", {"topicArn": CHAT}),
    ("sns", "Subscribe", {"topicArn": CHAT, "protocol": "https"}),
    ("sns", "Unsubscribe", {"subscriptionArn": f"{CHAT}:2f1a"}),
    ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{CHAT}:2f1a"}),
    ("sqs", "DeleteQueue", {"queueUrl": QUEUE}),
    ("sqs", "PurgeQueue", {"queueUrl": QUEUE}),
    ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE, "attributes": {}}),
    ("sqs", "AddPermission", {"queueUrl": QUEUE}),
    (
        "sqs",
        "DeleteQueue",
        {"queueUrl": QUEUE.replace(f"sqs.{REGION}.amazonaws", f"{REGION}.queue.amazonaws")},
    ),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["another", ALARM]}),
    ("monitoring", "DisableAlarmActions", {"alarmNames": [ALARM]}),
    ("monitoring", "PutMetricAlarm", {"alarmName": ALARM}),
    ("monitoring", "SetAlarmState", {"alarmName": ALARM}),
    ("monitoring", "DeleteAlarms", {"alarmNames": [TRIPWIRE]}),
    ("monitoring", "SetAlarmState", {"alarmName": TRIPWIRE}),
    ("monitoring", "PutAlarmMuteRule", {"muteTargets": {"alarmNames": ["another", ALARM]}}),
    ("dynamodb", "DeleteTable", {"tableName": TABLE}),
    ("dynamodb", "DeleteTable", {"tableName": MEMORY}),
    ("kms", "ScheduleKeyDeletion", {"keyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"}),
    ("kms", "DisableKey", {"keyId": KEY}),
    ("kms", "PutKeyPolicy", {"keyId": KEY}),
]
NOT_REPORTED = [
    # What others do to other things, and what the stack's own parts do all day.
    ("logs", "DeleteLogGroup", {"logGroupName": "another"}),
    ("logs", "CreateLogStream", {"logGroupName": GROUP}),
    ("logs", "StartQuery", {"logGroupName": GROUP}),
    ("logs", "GetDataProtectionPolicy", {"logGroupIdentifier": GROUP}),
    ("logs", "AssociateKmsKey", {"resourceIdentifier": f"{GROUP_ARN}-2"}),
    ("logs", "DescribeAccountPolicies", {"policyType": "DATA_PROTECTION_POLICY"}),
    ("s3", "PutBucketPolicy", {"bucketName": "another"}),
    ("s3", "GetBucketPolicy", {"bucketName": BUCKET}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": "another"}),
    ("lambda", "UpdateFunctionCode20150331v2", {"functionName": f"{FUNCTION}-2"}),
    ("lambda", "GetFunction20150331v2", {"functionName": FUNCTION}),
    ("scheduler", "UpdateSchedule", {"name": "another"}),
    ("events", "DisableRule", {"name": "another"}),
    ("sns", "DeleteTopic", {"topicArn": f"{TOPIC}-2"}),
    ("sns", "DeleteTopic", {"topicArn": f"{CHAT}-2"}),
    ("sns", "Unsubscribe", {"subscriptionArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:another:2f1a"}),
    ("sns", "Unsubscribe", {"subscriptionArn": TOPIC}),
    ("sqs", "DeleteQueue", {"queueUrl": f"{QUEUE}-2"}),
    ("monitoring", "DeleteAlarms", {"alarmNames": ["another"]}),
    ("dynamodb", "DeleteTable", {"tableName": "another"}),
    ("kms", "DisableKey", {"keyId": "another"}),
    ("ec2", "AuthorizeSecurityGroupIngress", {"groupId": "sg-1"}),
    ("cloudtrail", "StopLogging", {"name": "another"}),
    ("cloudtrail", "StartLogging", {"name": "organization-trail"}),
]


def event_of(service: str, call: str, parameters: dict[str, Any] | None) -> dict[str, Any]:
    """A call as EventBridge hands it on."""
    return {
        "version": "0",
        "id": "2f1a",
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": ACCOUNT,
        "time": "2026-11-20T08:55:12Z",
        "region": REGION,
        "resources": [],
        "detail": {
            "eventSource": f"{service}.amazonaws.com",
            "eventName": call,
            "eventTime": "2026-11-20T08:55:12Z",
            "sourceIPAddress": "203.0.113.24",
            "userIdentity": {
                "type": "AssumedRole",
                "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/jane.doe",
            },
            "requestParameters": parameters,
            "eventID": "5a6b",
        },
    }


def rules_that_report(stack: Stack, event: dict[str, Any]) -> list[str]:
    return [
        name
        for name in RULES
        if EventPattern(None, stack.properties(name)["EventPattern"]).matches_event(event)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("service", "call", "parameters"),
    [
        pytest.param(*call, id=f"{call[0]}-{call[1]}-{number}")
        for number, call in enumerate(REPORTED)
    ],
)
def test_tampering_is_reported_once(
    chatty: Stack, service: str, call: str, parameters: dict[str, Any]
) -> None:
    assert len(rules_that_report(chatty, event_of(service, call, parameters))) == 1


@pytest.mark.parametrize(
    ("service", "call", "parameters"),
    [
        pytest.param(*call, id=f"{call[0]}-{call[1]}-{number}")
        for number, call in enumerate(NOT_REPORTED)
    ],
)
def test_nothing_else_is_reported(
    chatty: Stack, service: str, call: str, parameters: dict[str, Any]
) -> None:
    assert rules_that_report(chatty, event_of(service, call, parameters)) == []


def test_a_call_without_parameters_is_not_ours(stack: Stack) -> None:
    assert rules_that_report(stack, event_of("logs", "DeleteLogGroup", None)) == []


def test_the_existing_log_group_is_watched() -> None:
    stack = deployed(ExistingTrailLogGroupName="aws-controltower/CloudTrailLogs")
    parameters = {"logGroupName": "aws-controltower/CloudTrailLogs", "filterName": STACK}

    assert rules_that_report(stack, event_of("logs", "DeleteSubscriptionFilter", parameters))


def test_without_chat_no_chat_topic_is_watched(stack: Stack) -> None:
    assert rules_that_report(stack, event_of("sns", "DeleteTopic", {"topicArn": CHAT})) == []
    assert "ChatTopic" not in json.dumps(stack.properties("AlertPathTamperingRule"))


def test_without_a_key_no_key_is_watched() -> None:
    stack = deployed(KmsKey="none")

    assert rules_that_report(stack, event_of("kms", "DisableKey", {"keyId": KEY})) == []
    assert rules_that_report(stack, event_of("sns", "DeleteTopic", {"topicArn": TOPIC}))


def test_without_a_bucket_that_is_known_none_is_watched() -> None:
    stack = deployed(ExistingTrailLogGroupName="aws-controltower/CloudTrailLogs")

    assert rules_that_report(stack, event_of("s3", "PutBucketPolicy", {"bucketName": ""})) == []
    assert rules_that_report(stack, event_of("cloudtrail", "StopLogging", {"name": TRAIL_ARN}))


def test_an_existing_bucket_and_an_existing_key_are_watched() -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    stack = deployed(ExistingTrailBucketName="central", KmsKey=key)

    for service, call, parameters in (
        ("s3", "PutBucketLifecycle", {"bucketName": "central"}),
        ("kms", "DisableKey", {"keyId": key}),
        ("kms", "DisableKey", {"keyId": key.rpartition("/")[2]}),
    ):
        assert len(rules_that_report(stack, event_of(service, call, parameters))) == 1


# The longest value that the parameters allow, in the patterns of rules and filters.
LONGEST = {
    "TrailName": "t" * 128,
    "ExistingTrailLogGroupName": "g" * 512,
    "ExistingTrailLogRoleName": "r" * 64,
    "ExistingTrailBucketName": "b" * 63,
    "OrganizationId": f"o-{'o' * 32}",
    "ManagementAccountId": "9" * 12,
    "KmsKey": f"arn:aws-us-gov:kms:ap-southeast-1:{ACCOUNT}:key/mrk-{'a' * 60}",
}


def test_the_longest_names_are_as_long_as_the_parameters_allow() -> None:
    for name, value in LONGEST.items():
        parameter = read_template()["Parameters"][name]
        assert is_accepted(parameter, value), name
        assert name == "KmsKey" or not is_accepted(parameter, value + value[-1]), name


def longest(text: str, region: str = "ap-southeast-1") -> str:
    """The text with the longest name of a stack, and names as long as CloudFormation makes them."""
    text = re.sub(r"-1A2B3C4D\b", "-1A2B3C4D5E6F", text)
    # At most once more in a name, which CloudFormation cuts to what the service allows.
    return text.replace(STACK, "s" * LONGEST_STACK_NAME).replace(REGION, region)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("partition", ["aws", "aws-us-gov"])
@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="defaults"),
        pytest.param(LONGEST | {"ExistingTrailLogGroupName": ""}, id="own-trail"),
        pytest.param(LONGEST | {"ExistingTrailBucketName": ""}, id="existing-trail"),
        # The template's rules refuse it, but nothing has to be proved about them here.
        pytest.param(LONGEST, id="all-together"),
    ],
)
def test_name_and_pattern_fit(parameters: dict[str, str], partition: str, name: str) -> None:
    rule = deployed(partition=partition, **SLACK, **parameters).properties(name)
    text = json.dumps(rule["EventPattern"], separators=(",", ":"))

    assert rule["Name"] == f"{STACK}-{name.removesuffix('Rule')}"
    assert rule["Name"].endswith(TAMPERING_RULE)
    assert len(longest(rule["Name"])) <= LONGEST_NAME
    assert len(longest(text)) <= LONGEST_PATTERN


@pytest.mark.parametrize("parameters", [{}, LONGEST, LONGEST | {"ExistingTrailLogGroupName": ""}])
def test_filter_patterns_fit(parameters: dict[str, str]) -> None:
    stack = deployed(**parameters)
    filters = stack.of_type("AWS::Logs::MetricFilter") | stack.of_type(
        "AWS::Logs::SubscriptionFilter"
    )

    assert len(filters) == 4
    for name, properties in filters.items():
        assert len(longest(properties["FilterPattern"])) <= MAX_LENGTH, name


@pytest.mark.parametrize("name", RULES)
def test_the_rules_report_to_the_operations_topic_which_lets_them_in(
    stack: Stack, name: str
) -> None:
    [target] = stack.properties(name)["Targets"]
    policy = stack.properties("OperationsTopicPolicy")["PolicyDocument"]

    assert target["Arn"] == OPERATIONS
    assert "RoleArn" not in target
    assert "OperationsTopicPolicy" in stack.made_before(name)
    # EventBridge gives no condition keys.
    assert allows(
        policy, principal="events.amazonaws.com", action="sns:Publish", resource=OPERATIONS
    )
    assert not allows(
        policy, principal="events.amazonaws.com", action="sns:Subscribe", resource=OPERATIONS
    )


# The words.


def text_of(stack: Stack, name: str, event: dict[str, Any]) -> list[str]:
    """What EventBridge sends: lines of text in quotes; a variable that is not there is empty."""
    [target] = stack.properties(name)["Targets"]
    transformer = target["InputTransformer"]
    values = {key: at(event, path) for key, path in transformer["InputPathsMap"].items()}
    lines = transformer["InputTemplate"].splitlines()
    assert all(re.fullmatch(r'"[^"\\]*"', line) for line in lines)
    return [re.sub(r"<(\w+)>", lambda found: values[found[1]], line.strip('"')) for line in lines]


def at(event: Any, path: str) -> str:
    """The text at a path such as $.detail.names[0]; empty where there is none."""
    for name in re.findall(r"[\w-]+", path):
        if isinstance(event, list):
            event = event[int(name)] if int(name) < len(event) else None
        else:
            event = (event or {}).get(name)
    return event if isinstance(event, str) else ""


@pytest.mark.parametrize(
    ("service", "call", "parameters"),
    [
        pytest.param(*call, id=f"{call[0]}-{call[1]}-{number}")
        for number, call in enumerate(REPORTED)
    ],
)
def test_the_words_name_the_call_and_the_thing(
    chatty: Stack, service: str, call: str, parameters: dict[str, Any]
) -> None:
    event = event_of(service, call, parameters)
    [rule] = rules_that_report(chatty, event)

    [what] = [line for line in text_of(chatty, rule, event) if line.startswith("What ")]

    # Of an account's policy, its name; a list, of which the caller chose the first, is not shown.
    named = next(iter(parameters.values()))
    assert what == f"What    {call} on {named if isinstance(named, str) else ''}"


def test_the_words_say_who_when_and_what_to_do(stack: Stack) -> None:
    event = event_of("logs", "DeleteSubscriptionFilter", {"logGroupName": GROUP})

    assert text_of(stack, "LogPathTamperingRule", event) == [
        "Somebody may be tampering with the security-group alerter.",
        " ",
        f"What    DeleteSubscriptionFilter on {GROUP}",
        f"Who     arn:aws:sts::{ACCOUNT}:assumed-role/Admin/jane.doe  from 203.0.113.24",
        "When    2026-11-20T08:55:12Z",
        f"Where   account {ACCOUNT}, {REGION}",
        "Error    (empty: the call succeeded)",
        " ",
        "If the stack is being deployed or removed, this is expected. If not, alerts may be",
        "missing: find out what was changed, and run make verify, which says how to fix it.",
        " ",
        "CloudTrail event 5a6b",
    ]


def test_all_rules_use_the_same_words(stack: Stack) -> None:
    texts = [
        text_of(stack, name, event_of("events", "DisableRule", {"name": "it"})) for name in RULES
    ]

    # The alarms of a call are a list, about which one rule says more.
    said = [[line for line in text if not line.startswith("        (")] for text in texts]
    assert all(lines == said[0] for lines in said)


@pytest.mark.parametrize(("name", "other"), WATCHED_BY.items())
def test_each_rule_is_watched_by_another_one(stack: Stack, name: str, other: str) -> None:
    # A rule that is off when the call that turned it off arrives reports nothing.
    named = stack.properties(name)["Name"]
    for call, key in (
        ("DisableRule", "name"),
        ("DeleteRule", "name"),
        ("PutRule", "name"),
        ("RemoveTargets", "rule"),
        ("PutTargets", "rule"),
    ):
        assert rules_that_report(stack, event_of("events", call, {key: named})) == [other]


@pytest.mark.parametrize("count", range(1, len(RULES)))
def test_of_rules_that_go_at_once_one_is_reported_unless_all_go(count: int) -> None:
    # The function reports when all go: events/tampering-rule-deleted.json.
    for gone in combinations(RULES, count):
        assert {WATCHED_BY[name] for name in gone} - set(gone)
