"""Every kind of bad record, in one delivery with good ones: nothing is lost, nothing is doubled."""

import gzip
import json
from base64 import b64decode, b64encode
from random import Random
from typing import Any, Final

import pytest

from local.aws import Topic
from local.deliveries import deliveries_of
from local.lambda_context import lambda_context
from security_group_alerter.handlers.delivery import lambda_handler
from tests.cases.records import (
    GROUP,
    PAYMENTS,
    WORLD,
    Json,
    call,
    opening,
    permission,
    permissions,
    prefix_list_call,
    refused,
    role_session,
    trail_call,
)

pytestmark = pytest.mark.usefixtures("forgotten")

GOOD: Final = [
    opening(permission(port), at=f"09:00:{port - 8000:02}") for port in range(8001, 8011)
]
# Alerted, each in its own way.
STRANGE: Final[list[Json]] = [
    call("AuthorizeSecurityGroupIngress", None),
    call("AuthorizeSecurityGroupIngress", {"omitted": True}, {"omitted": True}),
    call("AuthorizeSecurityGroupIngress", {"groupId": GROUP, "newParameter": 1}),
    call("ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": ""}),
    opening(permission(cidr="not a range")),
    opening(userIdentity={}, at="09:10:00"),
    opening(userIdentity=role_session("x", inScopeOf={"credentialsIssuedTo": "arn:x"})),
    opening(eventTime="sometime"),
    opening(awsRegion="eusc-de-east-1"),
    opening(**refused("Client.InvalidPermission.Duplicate", "already exists")),
    opening(**refused("Client.UnauthorizedOperation", "on resource: arn:aws:ec2")),
    opening() | {"requestParameters": json.dumps(permissions(permission()))},
    call(
        "DeleteSecurityGroup", None, eventCategory="NetworkActivity", **refused("VpceAccessDenied")
    ),
    prefix_list_call("ModifyManagedPrefixList", {"IpamPrefixListResolverSyncEnabled": True}),
    trail_call("PutEventSelectors", None, account=PAYMENTS, **refused("AccessDenied")),
    trail_call("PutEventSelectors", {"trailName": "t", "eventSelectors": "x"}, account=PAYMENTS),
]
# Not ours, or the same call told by another record.
SILENT: Final[list[Json]] = [
    call("AuthorizeSecurityGroupIngress", None, eventCategory="NetworkActivity"),
    call("AuthorizeDBSecurityGroupIngress", {"cIDRIP": WORLD}, eventSource="rds.amazonaws.com"),
    call(
        "DisableAWSServiceAccess",
        {"servicePrincipal": "sso.amazonaws.com"},
        eventSource="organizations.amazonaws.com",
    ),
    {"eventName": "DescribeSecurityGroups"},
]
BROKEN: Final = ["", "null", "[]", '"text"', "{", '{"eventName": "StopLogging"', "\ud800"]


@pytest.mark.parametrize("seed", range(5))
def test_bad_records_take_no_good_ones_with_them(topic: Topic, seed: int) -> None:
    records = [*GOOD, *STRANGE, *SILENT, *GOOD[:3]]
    messages = [*map(json.dumps, records), *BROKEN]
    Random(seed).shuffle(messages)

    report = lambda_handler(payload(messages), lambda_context())

    alerts = topic.take()
    event_ids = [event_id for alert in alerts for event_id in alert.event_ids]
    assert sorted(event_ids) == sorted(record["eventID"] for record in (*GOOD, *STRANGE))
    assert report["records"] == len(messages)
    calls = [json.loads(alert.messages["default"])["count"] for alert in alerts]
    assert sum(calls) == len(GOOD) + len(STRANGE) + len(BROKEN)
    assert {alert.attributes["kind"] for alert in alerts} == {
        "security-group",
        "prefix-list",
        "trail",
        "unreadable",
    }


def payload(messages: list[str]) -> Json:
    """A delivery of account PAYMENTS, in which these messages are the log events."""
    [delivery] = deliveries_of([GOOD[0]])
    packed = b64decode(delivery.payload["awslogs"]["data"])
    data: dict[str, Any] = json.loads(gzip.decompress(packed))
    data["logEvents"] = [
        {"id": str(number), "timestamp": 0, "message": message}
        for number, message in enumerate(messages)
    ]
    packed = b64encode(gzip.compress(json.dumps(data).encode()))
    return {"awslogs": {"data": packed.decode()}}
