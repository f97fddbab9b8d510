"""An emulated AWS in this process, with the alert topic and a sample organization.

Nothing leaves this machine: moto answers for Amazon SNS, Amazon DynamoDB and AWS Organizations.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .deliveries import MANAGEMENT_ACCOUNT_ID, ORGANIZATION_ID, TRAIL_REGION
from .service_models import models_read_once
from .template import table_in_template

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TRAIL_ARN = f"arn:aws:cloudtrail:{TRAIL_REGION}:{MANAGEMENT_ACCOUNT_ID}:trail/organization-trail"
SEEN_EVENTS_TABLE = "seen-events"
GROUP_MEMORY_TABLE = "group-memory"
# Each table, and what it is called in the template.
_TABLES = {SEEN_EVENTS_TABLE: "SeenEventsTable", GROUP_MEMORY_TABLE: "GroupMemoryTable"}
_OUS = ("Workloads", "Sandbox", "Infrastructure")
# Account ID, name, OU, and the tags that alerts show by default.
_ACCOUNTS = (
    ("222233334444", "payments-production", "Workloads", ("payments", "production")),
    ("333344445555", "payments-staging", "Workloads", ("payments", "staging")),
    ("444455556666", "data-platform", "Workloads", ("data", "production")),
    ("555566667777", "sandbox-frank", "Sandbox", ("frank", "sandbox")),
    ("666677778888", "network-hub", "Infrastructure", ("network", "production")),
)


@dataclass(frozen=True, slots=True)
class SentAlert:
    """One message as Amazon SNS received it, with a text for each protocol."""

    subject: str
    attributes: dict[str, str]
    messages: dict[str, str]

    @property
    def event_ids(self) -> list[str]:
        """The IDs of the CloudTrail events that the message reports."""
        events = self._finding["finding_info"].get("related_events", [])
        return [event["uid"] for event in events]

    @property
    def undo(self) -> list[str]:
        """The commands that undo it, if there are; else the reason why there are none."""
        remediation: dict[str, str] = self._finding.get("remediation", {})
        return remediation.get("desc", "").splitlines()

    @property
    def _finding(self) -> dict[str, Any]:
        finding: dict[str, Any] = json.loads(self.messages["default"])
        return finding


class Topic:
    """The alert topic, and what was published to it."""

    def __init__(self, arn: str, dynamodb: DynamoDBClient) -> None:
        self.arn = arn
        self._dynamodb = dynamodb

    def take(self) -> list[SentAlert]:
        """What was published since the last call, in order."""
        from moto.sns.models import sns_backends

        notifications = sns_backends[MANAGEMENT_ACCOUNT_ID][TRAIL_REGION].topics[self.arn]
        taken = [
            SentAlert(subject or "", _attributes_of(attributes or {}), json.loads(message))
            for _, message, subject, attributes, _ in notifications.sent_notifications
        ]
        notifications.sent_notifications.clear()
        return taken

    def forget_pace(self) -> None:
        """What is published next need not wait for its turn: no address gets any of it."""
        from security_group_alerter.aws import sending_slots

        key = {"event_id": {"S": sending_slots.KEY}}
        self._dynamodb.delete_item(TableName=SEEN_EVENTS_TABLE, Key=key)


@contextmanager
def emulated_aws(*, look_role_name: str = "", but_for: Collection[str] = ()) -> Iterator[Topic]:
    """Answer all AWS calls of this process, and set the variables that the template sets.

    Without the name of a role, no account is looked into. `but_for` are services that somebody
    else answers for.
    """
    os.environ["MOTO_ACCOUNT_ID"] = MANAGEMENT_ACCOUNT_ID
    import boto3
    from moto import mock_aws

    config: Any = {"core": {"passthrough": {"services": [*but_for], "urls": []}}}
    with _own_environment(), models_read_once(), mock_aws(config=config):
        _forget_the_persons_aws()
        _make_organization(boto3.client("organizations"))
        dynamodb = boto3.client("dynamodb")
        create_tables(dynamodb)
        topic = Topic(boto3.client("sns").create_topic(Name="alerts")["TopicArn"], dynamodb)
        os.environ |= _environment_of(topic) | {"LOOK_ROLE_NAME": look_role_name}
        yield topic


def create_tables(dynamodb: DynamoDBClient) -> None:
    """The tables of the function, as the template has them."""
    for table_name, logical_id in _TABLES.items():
        dynamodb.create_table(TableName=table_name, **table_in_template(logical_id))


@contextmanager
def _own_environment() -> Iterator[None]:
    """What is set within is gone afterwards."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _forget_the_persons_aws() -> None:
    """No profile and no endpoint: moto answers only for AWS's own addresses."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_DEFAULT_REGION": TRAIL_REGION,
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _environment_of(topic: Topic) -> dict[str, str]:
    """Variables that the user has set stay; the others get the template's defaults."""
    defaults = {
        "ORGANIZATION_ID": ORGANIZATION_ID,
        "TRAIL_ARN": TRAIL_ARN,
        "ACCOUNT_TAGS": "Owner,Environment",
        "SEEN_EVENTS_TABLE": SEEN_EVENTS_TABLE,
        "GROUP_MEMORY_TABLE": GROUP_MEMORY_TABLE,
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_SERVICE_NAME": "security-group-alerter",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
    }
    mine = {name: value for name, value in os.environ.items() if name in defaults}
    return defaults | mine | {"ALERT_TOPIC_ARN": topic.arn}


def _make_organization(client: Any) -> None:
    from moto.organizations.models import organizations_backends

    client.create_organization(FeatureSet="ALL")
    # moto names the account that creates the organization "master", and cannot rename it.
    backend = organizations_backends[MANAGEMENT_ACCOUNT_ID]["aws"]
    backend.get_account_by_id(MANAGEMENT_ACCOUNT_ID).name = "management"
    root_id = client.list_roots()["Roots"][0]["Id"]
    ou_ids = {
        name: client.create_organizational_unit(ParentId=root_id, Name=name)["OrganizationalUnit"][
            "Id"
        ]
        for name in _OUS
    }
    for account_id, name, ou, (owner, environment) in _ACCOUNTS:
        created = client.create_account(
            AccountName=name,
            Email=f"{name}@example.com",
            Tags=[
                {"Key": "Owner", "Value": owner},
                {"Key": "Environment", "Value": environment},
            ],
        )["CreateAccountStatus"]
        # moto makes up an id; these are the ones of the recorded events.
        backend.get_account_by_id(created["AccountId"]).id = account_id
        client.move_account(
            AccountId=account_id, SourceParentId=root_id, DestinationParentId=ou_ids[ou]
        )


def _attributes_of(attributes: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: attribute["Value"] for name, attribute in attributes.items()}
