"""What the documents show of the commands: real runs, on an organization in moto."""

import builtins
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest import mock

from local.deploy import __main__ as deploy
from local.deploy.saved_configuration import SAM_PYTHON
from local.preflight import __main__ as preflight
from local.redrive import __main__ as redrive
from local.verify import __main__ as verify
from local.verify import deployed_stack
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud, cloud, terminal
from tests.local.control_tower import GROUP, make_trail
from tests.local.failures import POISON, failure_of, payload_of
from tests.local.stack_parts import FUNCTION, MEMBER, add_account, healthy_parts

ORGANIZATION_ID: Final = "o-exampleorgid"
UNREADABLE: Final = "9d41b0c7-62fe-4c1b-b9a3-5e08f7a2d614"
UNDECODABLE: Final = {
    "errorType": "UndecodableDeliveryError",
    "errorMessage": "awslogs.data: no gzip",
}
# The default environment of this repository.
SAMCONFIG: Final = f"""
[default.global.parameters]
stack_name = "{STACK}"
[default.deploy.parameters]
capabilities = "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
resolve_s3 = true
confirm_changeset = true
fail_on_empty_changeset = false
"""


def preflight_sample() -> str:
    """A new stack, where Control Tower has made an organization trail already."""
    with _organization() as aws:
        make_trail(aws)
        aws.answers["GetMetricStatistics"] = lambda _: {"Datapoints": [{"Sum": 2_400_000.0}]}
        return _printed(preflight.main, "--parameter", "AlertEmail=security@example.com")


def verify_sample() -> str:
    """A stack in good health; an account has joined, and an address has not confirmed."""
    with (
        _organization() as aws,
        mock.patch.object(deployed_stack, "clock", return_value=aws.now),
    ):
        parts = healthy_parts(aws)
        add_account(aws, "555566667777", "sandbox-frank")
        _joined(aws, timedelta(hours=5))
        parts.put_record(MEMBER, "AuthorizeSecurityGroupIngress")
        _unconfirmed(aws, parts.topics["alerts"], "oncall@example.com")
        return _printed(verify.main)


def deploy_sample() -> str:
    """A new stack, where Control Tower has made an organization trail already. Nothing is built."""
    with _organization() as aws:
        make_trail(aws)
        aws.client("logs").create_log_group(logGroupName=GROUP)
        aws.answers["DescribeSubscriptionFilters"] = lambda _: {"subscriptionFilters": []}
        aws.answers["GetMetricStatistics"] = lambda _: {"Datapoints": [{"Sum": 2_400_000.0}]}
        with _somebody("y", "security@example.com", "platform@example.com"), _nothing_built():
            return _printed(deploy.main)


def redrive_sample() -> str:
    """A delivery that failed, and a message that nobody can read."""
    with _organization() as aws:
        _failures(aws)
        return _printed(redrive.main)


def drop_sample() -> str:
    """The message that nobody can read is dropped."""
    with _organization() as aws, _somebody("y"):
        _failures(aws)
        return _printed(redrive.main, "--drop", UNREADABLE)


def _failures(aws: Cloud) -> None:
    aws.deployed()
    queue = f"https://sqs.{REGION}.amazonaws.com/{MANAGEMENT}/{STACK}-FailureQueue-1A2B3C4D5E6F"
    aws.output(FailureQueueUrl=queue, FunctionName=FUNCTION)
    record = json.dumps({"eventName": "AuthorizeSecurityGroupIngress"})
    bodies = {
        "3f2a7c1e-8b5d-4e60-9a14-c7d2e8f1b036": failure_of(payload_of(record, record, record)),
        UNREADABLE: failure_of(POISON, responsePayload=UNDECODABLE),
    }
    messages = [
        {
            "MessageId": message_id,
            "ReceiptHandle": message_id,
            "Body": body,
            "Attributes": {"SentTimestamp": "1795424462000"},
        }
        for message_id, body in bodies.items()
    ]
    pages = [{"Messages": messages}]
    aws.answers |= {
        "GetQueueAttributes": lambda _: {
            "Attributes": {
                "ApproximateNumberOfMessages": "2",
                "ApproximateNumberOfMessagesNotVisible": "0",
            }
        },
        "ReceiveMessage": lambda _: pages.pop() if pages else {},
        "DeleteMessage": lambda _: {},
        "ChangeMessageVisibilityBatch": lambda request: {"Successful": request["Entries"]},
    }


@contextmanager
def _somebody(*answers: str) -> Iterator[None]:
    """Somebody at the terminal, who gives these answers."""
    left = list(answers)

    def answer(question: str = "") -> str:
        sys.stdout.write(f"{question}{left[0]}\n")
        return left.pop(0)

    with (
        mock.patch.object(builtins, "input", answer),
        mock.patch.object(sys, "stdin", mock.Mock(isatty=lambda: True)),
    ):
        yield


@contextmanager
def _nothing_built() -> Iterator[None]:
    """Of what is run, only the program that writes samconfig.toml."""
    run = subprocess.run

    def ran(command: list[Any], **options: Any) -> Any:
        if command[0] == SAM_PYTHON:
            return run(command, **options)
        sys.stdout.write("…\n")
        return mock.Mock(returncode=0)

    with mock.patch.object(subprocess, "run", ran):
        yield


@contextmanager
def _organization() -> Iterator[Cloud]:
    """Its id, who asks, and the second in the minute are the same each time."""
    from moto.organizations import utils

    with (
        mock.patch.object(utils, "make_random_org_id", return_value=ORGANIZATION_ID),
        cloud() as aws,
    ):
        role = f"arn:aws:sts::{MANAGEMENT}:assumed-role/Deployment/jane.doe@example.com"
        aws.answers["GetCallerIdentity"] = lambda _: {"Account": MANAGEMENT, "Arn": role}
        aws.now = aws.now.replace(second=0, microsecond=0)
        yield aws


def _joined(aws: Cloud, ago: timedelta) -> None:
    """Moto's accounts have always just joined."""
    accounts = aws.client("organizations").list_accounts()["Accounts"]
    joined = [account | {"JoinedTimestamp": aws.now - ago} for account in accounts]
    aws.answers["ListAccounts"] = lambda _: {"Accounts": joined}


def _unconfirmed(aws: Cloud, topic: str, address: str) -> None:
    """Moto confirms every subscription at once."""
    client = aws.client("sns")
    client.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    subscriptions = client.list_subscriptions()["Subscriptions"]
    for subscription in subscriptions:
        if subscription["Endpoint"] == address:
            subscription["SubscriptionArn"] = "PendingConfirmation"
    aws.answers["ListSubscriptionsByTopic"] = lambda request: {
        "Subscriptions": [it for it in subscriptions if it["TopicArn"] == request["TopicArn"]]
    }


def _printed(main: Callable[[list[str]], int], *arguments: str) -> str:
    with TemporaryDirectory() as folder, terminal(Path(folder)) as shell:
        shell.configure(SAMCONFIG)
        run = shell.run(main, *arguments)
    assert (run.status, run.err) == (0, "")
    return run.out.strip()
