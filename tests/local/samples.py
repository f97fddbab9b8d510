"""What the documents show of preflight and verify: real runs, on an organization in moto."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from unittest import mock

from local.preflight import __main__ as preflight
from local.verify import __main__ as verify
from local.verify import deployed_stack
from tests.local.cloud import MANAGEMENT, STACK, Cloud, cloud, terminal
from tests.local.control_tower import make_trail
from tests.local.stack_parts import MEMBER, add_account, healthy_parts

ORGANIZATION_ID: Final = "o-exampleorgid"
# The default environment of this repository.
SAMCONFIG: Final = f"""
[default.global.parameters]
stack_name = "{STACK}"
[default.deploy.parameters]
capabilities = "CAPABILITY_IAM"
resolve_s3 = true
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
