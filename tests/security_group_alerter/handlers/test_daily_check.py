"""The daily check on the stack's parts in moto: days that pass, and whatever can fail."""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from unittest import mock

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ConnectTimeoutError

from local.lambda_context import lambda_context
from security_group_alerter.checking import DailyCheck
from security_group_alerter.handlers import daily_check as handler
from security_group_alerter.settings import SettingsError
from security_group_alerter.wiring.daily_check import check_for
from tests.local.cloud import MANAGEMENT, REGION, STACK, cloud
from tests.local.stack_parts import (
    LOG_GROUP,
    TRAIL_ARN,
    StackParts,
    add_account,
    healthy_parts,
    set_status,
)

TABLE: Final = "seen-events"
QUIET: Final = "555566667777"
CONTEXT: Final = lambda_context("request-1", seconds_left=300)


@dataclass
class Checked:
    """The stack's parts, the check, and the messages that it sent."""

    parts: StackParts
    environment: dict[str, str]
    sent: list[dict[str, Any]]

    @property
    def check(self) -> DailyCheck:
        return check_for(self.environment)

    def run(self, *, days: float = 0, **environment: str) -> dict[str, int]:
        """Check so many days from now, while all that is well goes on."""
        now = self.parts.cloud.now + timedelta(days=days)
        check = check_for(self.environment | environment)
        return handler.handle(CONTEXT, check, now=now)


@pytest.fixture
def checked() -> Iterator[Checked]:
    with cloud() as aws:
        parts = healthy_parts(aws)
        joined_long_ago(parts)
        aws.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "event_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "event_id", "KeyType": "HASH"}],
        )
        sent: list[dict[str, Any]] = []

        def publish(request: dict[str, Any]) -> Any:
            sent.append(request)
            return {"MessageId": "1"}

        aws.answers["Publish"] = publish
        aws.calls.clear()
        environment = {
            "STACK_NAME": STACK,
            "TRAIL_ARN": TRAIL_ARN,
            "TRAIL_LOG_GROUP": LOG_GROUP,
            "SEEN_EVENTS_TABLE": TABLE,
            "ALERT_TOPIC_ARN": parts.topics["alerts"],
            "OPERATIONS_TOPIC_ARN": parts.topics["operations"],
            "CHAT_TOPIC_ARN": "",
            "RUNBOOK_URL": "",
        }
        yield Checked(parts, environment, sent)


def joined_long_ago(parts: StackParts) -> None:
    """Moto's accounts have always just joined."""
    organizations = parts.cloud.client("organizations")
    answer = {"Accounts": organizations.list_accounts()["Accounts"]}
    for account in answer["Accounts"]:
        account["JoinedTimestamp"] = parts.cloud.now - timedelta(days=400)
    parts.cloud.answers["ListAccounts"] = lambda _: answer


def a_silent_account(parts: StackParts, *, days: float) -> None:
    add_account(parts.cloud, QUIET, "sandbox-frank")
    parts.cloud.answers.pop("ListAccounts")
    joined_long_ago(parts)
    parts.put_record(QUIET, "RunInstances", ago=timedelta(days=days))


NOTHING: Final = {"begun": 0, "lasting": 0, "ended": 0}


def test_a_stack_in_good_health_is_silent(
    checked: Checked, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert checked.run() == NOTHING

    assert checked.sent == []
    [line] = [it for it in caplog.records if it.message == "daily check done"]
    assert line.__dict__["seen"]["the accounts"] == 2


@pytest.mark.parametrize(("days", "begun"), [(6.9, 0), (7.1, 1)])
def test_an_account_that_fell_silent_is_named(checked: Checked, days: float, begun: int) -> None:
    a_silent_account(checked.parts, days=days)

    assert checked.run() == NOTHING | {"begun": begun}
    # Once.
    assert checked.run() == NOTHING

    assert len(checked.sent) == begun
    for message in checked.sent:
        assert message["TopicArn"] == checked.parts.topics["operations"]
        assert message["Subject"] == "Security group alerter: a silent account"
        assert f"\n- sandbox-frank ({QUIET}), since " in message["Message"]


def test_a_chat_topic_that_nobody_listens_to(checked: Checked) -> None:
    chat = checked.parts.cloud.client("sns").create_topic(Name="chat")["TopicArn"]

    checked.run(CHAT_TOPIC_ARN=chat)
    checked.run(days=0.99, CHAT_TOPIC_ARN=chat)

    assert "- the chat topic, since " in checked.sent[-1]["Message"]


def test_the_trail_of_another_account_is_looked_at_where_it_is(checked: Checked) -> None:
    theirs = f"arn:aws:cloudtrail:us-east-1:{MANAGEMENT[::-1]}:trail/organization-trail"
    regions = []

    def answer(request: dict[str, Any]) -> Any:
        regions.append(request["Name"])
        raise refused("GetTrailStatus", "TrailNotFoundException")

    checked.parts.cloud.answers["GetTrailStatus"] = answer

    checked.run(TRAIL_ARN=theirs)

    assert regions == [theirs]
    assert check_for(checked.environment | {"TRAIL_ARN": theirs}).may_list_accounts is False
    assert checked.check.may_list_accounts is True
    assert checked.sent[0]["Subject"] == "Security group alerter: no trail"


def test_the_deployed_handler_uses_the_environment(checked: Checked) -> None:
    handler.daily_check.cache_clear()
    with mock.patch.dict("os.environ", checked.environment):
        assert handler.lambda_handler({}, CONTEXT) == NOTHING
        assert handler.daily_check() is handler.daily_check()
    handler.daily_check.cache_clear()


def test_without_its_settings_it_fails(checked: Checked) -> None:
    with pytest.raises(SettingsError, match="STACK_NAME is not set"):
        check_for(checked.environment | {"STACK_NAME": ""})


# Whatever can fail.

LOOKS: Final = {
    "ListAccounts": "the accounts",
    "DescribeLogStreams": "the accounts",
    "GetTrailStatus": "the trail",
    "ListSubscriptionsByTopic": "the alert topic",
    "GetMetricStatistics": "the heartbeat",
    "GetItem": "what was reported before",
}


def refused(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


def failure(operation: str, kind: str) -> Exception:
    if kind == "silent":
        return ConnectTimeoutError(endpoint_url=f"https://{operation}")
    if kind == "strange":
        return KeyError("logStreams")
    return refused(operation, kind)


@pytest.mark.parametrize(
    "kind", ["AccessDeniedException", "ThrottlingException", "silent", "strange"]
)
@pytest.mark.parametrize("operation", LOOKS)
def test_a_look_that_fails_is_named_and_the_others_are_made(
    checked: Checked, operation: str, kind: str
) -> None:
    error = failure(operation, kind)
    set_status(checked.parts.cloud, IsLogging=False)
    a_silent_account(checked.parts, days=8)
    checked.parts.cloud.answers[operation] = mock.Mock(side_effect=error)

    checked.run()

    [message] = checked.sent
    text = message["Message"]
    assert f"\n- {LOOKS[operation]}, since now: " in text
    assert (kind if kind.endswith("Exception") else type(error).__name__) in text
    assert ("The trail is stopped" in text) == (LOOKS[operation] != "the trail")
    assert (f"({QUIET})" in text) == (LOOKS[operation] != "the accounts")
    # The next day it works again.
    del checked.parts.cloud.answers[operation]
    if operation == "ListAccounts":
        joined_long_ago(checked.parts)
    if operation == "GetTrailStatus":
        set_status(checked.parts.cloud)
    checked.run()
    assert f"\n- {LOOKS[operation]} can be checked again" in checked.sent[-1]["Message"]


def test_everything_that_is_denied_at_once_is_one_message(checked: Checked) -> None:
    for operation in LOOKS:
        checked.parts.cloud.refuse(operation)

    checked.run()

    [message] = checked.sent
    assert message["Subject"] == "Security group alerter: 6 failed checks"
    assert message["Message"].count("AccessDeniedException") == 6


@pytest.mark.parametrize("operation", ["Publish", "PutItem"])
def test_what_cannot_be_reported_or_remembered_fails_the_check(
    checked: Checked, operation: str
) -> None:
    """So that Lambda tries again, and the alarm goes off."""
    set_status(checked.parts.cloud, IsLogging=False)
    checked.parts.cloud.refuse(operation)

    with pytest.raises(ClientError, match=operation):
        checked.run()


# What it costs.


def paged(items: list[Any], name: str, token: str, size: int) -> Any:
    """An answer of so many items a page."""

    def answer(request: dict[str, Any]) -> Any:
        first = int(request.get(token, 0))
        more = {token: str(first + size)} if first + size < len(items) else {}
        return {name: items[first : first + size], **more}

    return answer


def test_calls_for_a_thousand_accounts(checked: Checked, monkeypatch: pytest.MonkeyPatch) -> None:
    aws, made = checked.parts.cloud, Counter[str]()
    answered = aws.answer

    def counted(client: BaseClient, operation: str, request: dict[str, Any]) -> Any:
        made[operation] += 1
        return answered(client, operation, request)

    numbers = [f"{number:012}" for number in range(1000)]
    account = {"Name": "it", "State": "ACTIVE", "JoinedTimestamp": aws.now - timedelta(days=400)}
    stream = {"lastEventTimestamp": int(aws.now.timestamp() * 1000)}
    aws.answers["ListAccounts"] = paged(
        [{"Id": it, **account} for it in numbers], "Accounts", "NextToken", 20
    )
    aws.answers["DescribeLogStreams"] = paged(
        [{"logStreamName": f"o-exampleorgid_{it}_CloudTrail_{REGION}", **stream} for it in numbers],
        "logStreams",
        "nextToken",
        50,
    )
    monkeypatch.setattr(aws, "answer", counted)

    assert checked.run() == NOTHING

    assert made == {
        "ListAccounts": 50,
        "DescribeLogStreams": 20,
        "ListSubscriptionsByTopic": 2,
        "GetItem": 1,
        "GetMetricStatistics": 1,
        "GetTrailStatus": 1,
        "PutItem": 1,
    }
