"""Slack and Microsoft Teams: a topic of their own, made only when there is a channel."""

import json
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator

from security_group_alerter.model.severity import Severity
from security_group_alerter.settings import delivery_settings_in
from tests.template.policies import allows
from tests.template.stack import (
    ACCOUNT,
    REGION,
    SLACK,
    STACK,
    TEAMS,
    Stack,
    deployed,
    previously_deployed,
)

CHANNELS = {
    "SlackChannel": "AWS::Chatbot::SlackChannelConfiguration",
    "TeamsChannel": "AWS::Chatbot::MicrosoftTeamsChannelConfiguration",
}
VARIANTS = [
    pytest.param({}, id="defaults"),
    pytest.param({"KmsKey": "none"}, id="without-a-key"),
    pytest.param({"ExistingTrailLogGroupName": "aws-controltower/CloudTrailLogs"}, id="a-trail"),
    pytest.param({"ExistingTrailBucketName": "central-trail-archive"}, id="a-bucket"),
    pytest.param({"ManagementAccountId": "999999999999"}, id="a-delegated-administrator"),
]
SHARED = {"ChatTopic", "ChatTopicPolicy", "ChatChannelRole", "ChatNotDeliveredAlarm"}


def topic_of(stack: Stack) -> str:
    arn: str = stack.outputs["ChatTopicArn"]["Value"]
    return arn


def variables_of(stack: Stack) -> dict[str, str]:
    variables: dict[str, str] = stack.properties("SecurityGroupAlerterFunction")["Environment"][
        "Variables"
    ]
    return variables


@pytest.mark.parametrize(
    ("channels", "made"),
    [
        pytest.param({}, set(), id="none"),
        pytest.param(SLACK, SHARED | {"SlackChannel"}, id="slack"),
        pytest.param(TEAMS, SHARED | {"TeamsChannel"}, id="teams"),
        pytest.param(SLACK | TEAMS, SHARED | CHANNELS.keys(), id="both"),
    ],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_made_for_chat(
    variant: dict[str, str], channels: dict[str, str], made: set[str]
) -> None:
    stack, without = deployed(**variant, **channels), deployed(**variant)

    assert stack.resources.keys() - without.resources.keys() == made
    assert stack.outputs.keys() - without.outputs.keys() == ({"ChatTopicArn"} if made else set())


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_nothing_is_made_where_the_service_does_not_exist(partition: str) -> None:
    stack = deployed(partition=partition, **SLACK, **TEAMS)

    assert stack.resources.keys() == deployed(partition=partition).resources.keys()
    assert delivery_settings_in(variables_of(stack)).chat_topic_arn is None


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_listens_to_the_chat_topic_alone(chatty: Stack, name: str) -> None:
    assert chatty.properties(name)["SnsTopicArns"] == [topic_of(chatty)]
    assert topic_of(chatty) != chatty.outputs["AlertTopicArn"]["Value"]


@pytest.mark.parametrize("name", CHANNELS)
def test_nobody_can_run_anything_from_a_channel(chatty: Stack, name: str) -> None:
    channel, role = chatty.properties(name), chatty.properties("ChatChannelRole")
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]

    # Without a guardrail, it would be AdministratorAccess.
    assert channel["GuardrailPolicies"] == ["arn:aws:iam::aws:policy/AWSDenyAll"]
    assert "ChatChannelRole" in channel["IamRoleArn"]
    assert not role.keys() & {"Policies", "ManagedPolicyArns"}
    assert trust["Principal"] == {"Service": "chatbot.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize(("name", "resource_type"), CHANNELS.items())
def test_a_channel_is_what_cloudformation_takes(
    chatty: Stack, name: str, resource_type: str
) -> None:
    validator = Draft7Validator(schema_of(resource_type))

    assert chatty.resources[name]["Type"] == resource_type
    assert list(validator.iter_errors(chatty.properties(name))) == []


def schema_of(resource_type: str) -> dict[str, Any]:
    """CloudFormation's own, from cfn-lint. cfn-lint cannot check what is given as parameters."""
    schemas = files("cfnlint") / "data/schemas"
    types = json.loads((schemas / "providers/us-east-1.json").read_text("utf-8"))
    text = (schemas / f"resources/{types[resource_type]}.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def test_names_are_not_taken_by_each_other_or_by_the_version_before(chatty: Stack) -> None:
    before = previously_deployed(**SLACK)
    slack, teams = (chatty.properties(name)["ConfigurationName"] for name in CHANNELS)

    assert slack != teams
    # A channel with another name would be made before the old one is deleted, for the same Slack
    # channel.
    for property_name in ("ConfigurationName", "SlackWorkspaceId", "SlackChannelId"):
        assert (
            chatty.properties("SlackChannel")[property_name]
            == (before.properties("SlackChannel")[property_name])
        )
    for name in ("ChatTopic", "ChatChannelRole"):
        assert not chatty.properties(name).keys() & {"TopicName", "RoleName"}


@pytest.mark.parametrize("minimum", Severity)
def test_the_function_gets_topic_and_severity(minimum: Severity) -> None:
    stack = deployed(MinimumChatSeverity=minimum.name, **SLACK)

    settings = delivery_settings_in(variables_of(stack))

    assert settings.chat_topic_arn == topic_of(stack)
    assert settings.minimum_chat_severity is minimum


def test_without_a_channel_the_function_has_no_topic_and_the_same_default(stack: Stack) -> None:
    settings = delivery_settings_in(variables_of(stack))
    unset = dict.fromkeys(("CHAT_TOPIC_ARN", "MINIMUM_CHAT_SEVERITY"), "")

    assert settings.chat_topic_arn is None
    # What the function takes if the variable is empty.
    assert settings == delivery_settings_in(variables_of(stack) | unset)


# Who may publish to the topic, and listen to it.


def test_the_function_may_publish_to_it_only_if_it_is_there(stack: Stack, chatty: Stack) -> None:
    topic, statements = topic_of(chatty), statements_of(chatty)
    others = [statement for statement in statements if statement["Sid"] != "PublishToChat"]

    assert allows({"Statement": statements}, action="sns:Publish", resource=topic)
    assert not allows({"Statement": statements}, action="sns:Subscribe", resource=topic)
    assert not allows({"Statement": others}, action="sns:Publish", resource=topic)
    assert others == statements_of(stack)


def statements_of(stack: Stack) -> list[dict[str, Any]]:
    """What the function may do."""
    [policy] = stack.properties("SecurityGroupAlerterRole")["Policies"]
    statements: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return statements


@pytest.mark.parametrize("action", ["Publish", "Subscribe", "SetTopicAttributes", "DeleteTopic"])
def test_the_owner_keeps_the_topic(chatty: Stack, action: str) -> None:
    properties = chatty.properties("ChatTopicPolicy")
    owner = f"arn:aws:iam::{ACCOUNT}:root"

    assert properties["Topics"] == [topic_of(chatty)]
    assert allows(
        properties["PolicyDocument"],
        principal=owner,
        action=f"sns:{action}",
        resource=topic_of(chatty),
    )


@pytest.mark.parametrize(
    ("principal", "action"),
    [
        # The tripwire's alarms are for the alert topic.
        pytest.param("cloudwatch.amazonaws.com", "sns:Publish", id="alarm"),
        pytest.param("events.amazonaws.com", "sns:Publish", id="event-rule"),
        pytest.param("arn:aws:iam::222222222222:root", "sns:Publish", id="another-account"),
        pytest.param("arn:aws:iam::222222222222:root", "sns:Subscribe", id="eavesdropper"),
    ],
)
def test_nobody_else_may_use_the_topic(chatty: Stack, principal: str, action: str) -> None:
    given = {
        "aws:SourceAccount": ACCOUNT,
        "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{STACK}-a",
    }

    assert not allows(
        chatty.properties("ChatTopicPolicy")["PolicyDocument"],
        principal=principal,
        action=action,
        resource=topic_of(chatty),
        given=given,
    )


def test_no_alarm_publishes_to_the_topic(chatty: Stack) -> None:
    actions = [it["AlarmActions"] for it in chatty.of_type("AWS::CloudWatch::Alarm").values()]

    assert topic_of(chatty) not in str(actions)
