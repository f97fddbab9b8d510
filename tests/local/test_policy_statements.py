"""Whether a statement of a bucket's policy is about what CloudTrail asks for."""

from typing import Any, Final

import pytest

from local.policy_statements import Request, applies

REQUEST: Final = Request(
    principal="cloudtrail.amazonaws.com",
    action="s3:PutObject",
    resource="arn:aws:s3:::trail/AWSLogs/o-exampleorgid/*",
    context={
        "aws:SourceArn": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/mine",
        "aws:SecureTransport": "true",
        "s3:TlsVersion": "1.2",
    },
    absent=frozenset({"aws:PrincipalOrgID"}),
)
SERVICE: Final = {"Principal": {"Service": "cloudtrail.amazonaws.com"}}
WHATEVER: Final = {"Principal": "*", "Action": "*", "Resource": "*"}

SCOPES: Final[list[tuple[str, dict[str, Any], bool]]] = [
    ("everything", {}, True),
    ("the-service", SERVICE, True),
    ("among-services", {"Principal": {"Service": ["a.amazonaws.com", REQUEST.principal]}}, True),
    ("everybody", {"Principal": {"AWS": "*"}}, True),
    ("another-service", {"Principal": {"Service": "config.amazonaws.com"}}, False),
    ("an-account", {"Principal": {"AWS": "111122223333"}}, False),
    ("action", {"Action": "s3:PutObject"}, True),
    ("action-in-any-case", {"Action": "S3:putobject"}, True),
    ("among-actions", {"Action": ["s3:GetObject", "s3:Put*"]}, True),
    ("another-action", {"Action": "s3:PutObjectAcl"}, False),
    ("wider-resource", {"Resource": "arn:aws:s3:::trail/*"}, True),
    ("single-characters", {"Resource": "arn:aws:s3:::trai?/AWSLogs/*"}, True),
    ("the-bucket-itself", {"Resource": "arn:aws:s3:::trail"}, False),
    ("another-organization", {"Resource": "arn:aws:s3:::trail/AWSLogs/o-other/*"}, False),
]


@pytest.mark.parametrize(
    ("statement", "expected"), [pytest.param(it, yes, id=name) for name, it, yes in SCOPES]
)
def test_who_what_and_where(statement: dict[str, Any], *, expected: bool) -> None:
    assert applies(WHATEVER | statement, REQUEST) is expected


@pytest.mark.parametrize(
    ("opposite", "expected"),
    [
        ({"NotPrincipal": {"AWS": "111122223333"}, "Action": "*", "Resource": "*"}, True),
        ({"NotPrincipal": SERVICE["Principal"], "Action": "*", "Resource": "*"}, False),
        ({"Principal": "*", "NotAction": "s3:Get*", "Resource": "*"}, True),
        ({"Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::trail/*"}, False),
        ({"Principal": "*", "Action": "*"}, False),
    ],
    ids=["others-than-me", "all-but-cloudtrail", "all-but-reading", "all-but-here", "nowhere"],
)
def test_what_is_left_out(opposite: dict[str, Any], *, expected: bool) -> None:
    assert applies(opposite, REQUEST) is expected


TRAIL: Final = REQUEST.context["aws:SourceArn"]
CONDITIONS: Final[list[tuple[str, dict[str, Any], bool | None]]] = [
    ("equal", {"StringEquals": {"aws:SourceArn": TRAIL}}, True),
    ("key-in-any-case", {"StringEquals": {"AWS:sourcearn": TRAIL}}, True),
    ("one-of", {"StringEquals": {"aws:SourceArn": ["x", TRAIL]}}, True),
    ("not-equal", {"StringNotEquals": {"aws:SourceArn": TRAIL}}, False),
    ("like", {"ArnLike": {"aws:SourceArn": "arn:*:trail/m?ne"}}, True),
    ("not-like", {"ArnNotLike": {"aws:SourceArn": "arn:*:trail/other"}}, True),
    ("in-any-case", {"StringEqualsIgnoreCase": {"aws:SourceArn": TRAIL.upper()}}, True),
    ("true", {"Bool": {"aws:SecureTransport": "true"}}, True),
    ("not-a-text", {"Bool": {"aws:SecureTransport": True}}, True),
    ("less", {"NumericLessThan": {"s3:TlsVersion": "1.3"}}, True),
    ("absent", {"StringEquals": {"aws:PrincipalOrgID": "o-a"}}, False),
    ("absent-and-negated", {"StringNotEquals": {"aws:PrincipalOrgID": "o-a"}}, True),
    ("absent-and-optional", {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a"}}, True),
    ("absent-and-all-of", {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a"}}, True),
    ("null-and-absent", {"Null": {"aws:PrincipalOrgID": "true"}}, True),
    ("null-and-there", {"Null": {"aws:SourceArn": "true"}}, False),
    ("not-null-and-there", {"Null": {"aws:SourceArn": "false"}}, True),
    ("unknown-key", {"StringEquals": {"aws:SourceIp": "192.0.2.1"}}, None),
    ("unknown-key-null", {"Null": {"aws:SourceIp": "true"}}, None),
    ("unknown-operator", {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, None),
    ("variable", {"StringEquals": {"aws:SourceArn": "${aws:PrincipalTag/x}"}}, None),
    ("both-hold", {"StringEquals": {"aws:SourceArn": TRAIL, "aws:SecureTransport": "true"}}, True),
    (
        "no-beats-unknown",
        {"StringEquals": {"aws:SourceIp": "x", "aws:SourceArn": "y"}},
        False,
    ),
]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [pytest.param(it, answer, id=name) for name, it, answer in CONDITIONS],
)
def test_conditions(condition: dict[str, Any], *, expected: bool | None) -> None:
    assert applies(WHATEVER | {"Condition": condition}, REQUEST) is expected
