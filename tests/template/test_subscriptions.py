"""Who gets which alert: the filter policies, as Amazon SNS in moto evaluates them."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.template import read_template
from security_group_alerter.messages.digest import digest_message
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.severity import Severity
from tests.security_group_alerter.messages.digests import BERLIN, DAY
from tests.template.stack import REGION, deployed

# What a call did to the world's access, and what becomes of a call that was refused.
EFFECTS = {*map(str, Effect), "attempt"}
ALERTS = [(severity, effect) for severity in Severity for effect in sorted(EFFECTS)]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


class Subscriber:
    """A queue that is subscribed as a resource of the template is."""

    def __init__(self, properties: dict[str, Any]) -> None:
        self._sqs, self._sns = boto3.client("sqs"), boto3.client("sns")
        self._url = self._sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self._topic = self._sns.create_topic(Name="alerts")["TopicArn"]
        self._sns.subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=arn["Attributes"]["QueueArn"],
            # In this order: Amazon SNS validates the policy by its scope.
            Attributes={
                "FilterPolicyScope": properties["FilterPolicyScope"],
                "FilterPolicy": json.dumps(properties["FilterPolicy"]),
            },
        )

    def gets(self, **attributes: str) -> bool:
        """Whether a message with these attributes arrives."""
        self._sns.publish(
            TopicArn=self._topic,
            Message="alert",
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
        messages = self._sqs.receive_message(QueueUrl=self._url).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)


@pytest.mark.parametrize("minimum", Severity)
def test_mail_is_about_what_is_severe_and_about_what_was_closed(minimum: Severity) -> None:
    stack = deployed(AlertEmail="security@example.com", MinimumSeverity=minimum.name)
    mailbox = Subscriber(stack.properties("AlertEmailSubscription"))

    got = {
        (severity, effect)
        for severity, effect in ALERTS
        if mailbox.gets(severity=severity.name, effect=effect, world_open="false")
    }

    assert got == {
        (severity, effect)
        for severity, effect in ALERTS
        if severity >= minimum or effect == "closes"
    }


@pytest.mark.parametrize("minimum", Severity)
def test_mail_has_the_digest_whatever_the_minimum(minimum: Severity) -> None:
    stack = deployed(AlertEmail="security@example.com", MinimumSeverity=minimum.name)
    mailbox = Subscriber(stack.properties("AlertEmailSubscription"))

    assert mailbox.gets(**digest_message(DAY, BERLIN).attributes)


def test_mail_is_about_what_is_medium_or_worse_by_default() -> None:
    stack = deployed(AlertEmail="security@example.com")
    mailbox = Subscriber(stack.properties("AlertEmailSubscription"))

    got = {it for it in Severity if mailbox.gets(severity=it.name, effect="opens", kind="trail")}
    assert got == {Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL}


def test_mail_is_not_about_the_tripwire() -> None:
    # The messages of alarms have no attributes.
    stack = deployed(AlertEmail="security@example.com", MinimumSeverity="INFORMATIONAL")
    mailbox = Subscriber(stack.properties("AlertEmailSubscription"))

    assert not mailbox.gets()
    assert not mailbox.gets(AlarmName="SecurityGroupChangesAlarm")
    assert mailbox.gets(severity="INFORMATIONAL")


def test_the_policy_is_an_or_to_amazon_sns() -> None:
    # Else $or would be the name of an attribute, and nothing would ever match.
    # https://docs.aws.amazon.com/sns/latest/dg/and-or-logic.html#or-operator
    stack = deployed(AlertEmail="security@example.com")
    [(key, members)] = stack.properties("AlertEmailSubscription")["FilterPolicy"].items()

    assert key == "$or"
    assert len(members) >= 2
    assert [list(member) for member in members] == [["severity"], ["effect"], ["kind"]]


@pytest.mark.parametrize("parameter", ["MinimumSeverity", "MinimumChatSeverity"])
def test_all_severities_can_be_chosen(parameter: str) -> None:
    template = read_template()

    assert template["Parameters"][parameter]["AllowedValues"] == list(Severity.__members__)
    assert list(template["Mappings"]["SeveritiesFrom"]) == list(Severity.__members__)


def test_no_address_no_subscription() -> None:
    assert deployed().of_type("AWS::SNS::Subscription") == {}
