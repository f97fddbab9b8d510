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

from local import snooze
from local.close import __main__ as close
from local.deploy import __main__ as deploy
from local.deploy.saved_configuration import SAM_PYTHON
from local.exposures import __main__ as exposures
from local.preflight import __main__ as preflight
from local.redrive import __main__ as redrive
from local.verify import __main__ as verify
from local.verify import deployed_stack
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.severity import Severity
from tests.local.cloud import MANAGEMENT, REGION, STACK, Cloud, cloud, terminal
from tests.local.control_tower import GROUP, make_trail
from tests.local.exposures.ledger_samples import NOW, PAYMENTS, LedgerSample, group, opened
from tests.local.failures import POISON, failure_of, payload_of
from tests.local.stack_parts import FUNCTION, MEMBER, add_account, healthy_parts

ORGANIZATION_ID: Final = "o-exampleorgid"
ROLE: Final = "arn:aws:sts::222233334444:assumed-role"
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


def exposures_sample() -> str:
    """SSH for two days, a website that is accepted, and a database port that is snoozed."""
    with (
        _organization() as aws,
        mock.patch.object(exposures, "clock", return_value=NOW),
        mock.patch.object(snooze, "clock", return_value=NOW),
    ):
        add_account(aws, PAYMENTS, "payments-production")
        add_account(aws, "555566667777", "sandbox-frank")
        ledger = LedgerSample(aws)
        [ssh] = ledger.says(group(0x0A1B2C3D4E5F60718), opened("tcp 22 from 0.0.0.0/0", hours=51))
        [web] = ledger.says(
            group(0x0D1E2F3A4B5C6D7E8),
            opened("tcp 443 from 0.0.0.0/0", hours=2400, by=f"{ROLE}/terraform/ci"),
        )
        frank = f"{ROLE}/AWSReservedSSO_AdministratorAccess_0123456789abcdef/frank@example.com"
        sandbox = group(0x07F6E5D4C3B2A1908, "555566667777", "us-east-1")
        [postgres] = ledger.says(sandbox, opened("tcp 5432 from 0.0.0.0/0", hours=3, by=frank))
        ledger.reported(ssh)
        ledger.reported(web, severity=Severity.INFORMATIONAL, is_accepted=True)
        ledger.reported(postgres, severity=Severity.HIGH, reach=Reach.PRIVATE)
        _printed(
            snooze.main, sandbox.id, "--until", "2026-12-04", "--why", "load test until Friday"
        )
        return _printed(exposures.main)


def close_sample() -> str:
    """SSH from anywhere is closed, in a group that CloudFormation made; two ranges stay."""
    with (
        _organization() as aws,
        _somebody("y"),
        mock.patch.object(close, "clock", return_value=NOW),
    ):
        group_id = "sg-0a1b2c3d4e5f60718"
        rules = [("0.0.0.0/0", "debugging"), ("52.94.0.0/16", "partner"), ("10.0.0.0/8", "")]
        aws.answers |= {
            "DescribeSecurityGroups": lambda _: {
                "SecurityGroups": [
                    {
                        "GroupId": group_id,
                        "GroupName": "shop-bastion",
                        "OwnerId": MANAGEMENT,
                        "Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "shop"}],
                    }
                ]
            },
            "DescribeSecurityGroupRules": lambda _: {
                "SecurityGroupRules": [
                    {
                        "SecurityGroupRuleId": f"sgr-0c0ffee0c0ffee0{number:02}",
                        "GroupId": group_id,
                        "IsEgress": False,
                        "IpProtocol": "tcp",
                        "FromPort": 22,
                        "ToPort": 22,
                        "CidrIpv4": cidr,
                        "Description": description,
                    }
                    for number, (cidr, description) in enumerate(rules)
                ]
            },
            "RevokeSecurityGroupIngress": lambda _: {"Return": True},
        }
        return _printed(close.main, group_id)


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
    """Its id and its root's, who asks, and the second in the minute are the same each time."""
    from moto.organizations import utils

    with (
        mock.patch.object(utils, "make_random_org_id", return_value=ORGANIZATION_ID),
        cloud() as aws,
    ):
        role = f"arn:aws:sts::{MANAGEMENT}:assumed-role/Deployment/jane.doe@example.com"
        aws.answers["GetCallerIdentity"] = lambda _: {"Account": MANAGEMENT, "Arn": role}
        aws.answers["ListRoots"] = lambda _: {"Roots": [{"Id": "r-ab12"}]}
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
