"""What exists already is used as it is: a trail, a bucket, a management account elsewhere."""

import json
from itertools import combinations

import pytest

from local.deployment import broken_rules, defaults
from security_group_alerter.settings import delivery_settings_in
from tests.template.policies import allows
from tests.template.stack import ACCOUNT, ORGANIZATION, REGION, SLACK, TEAMS, Stack, deployed

CONTROL_TOWER = "aws-controltower/CloudTrailLogs"
BUCKET = "central-trail-archive"
MANAGEMENT = "999999999999"
TRAIL_PARTS = {"Trail", "TrailBucket", "TrailBucketPolicy", "TrailLogGroup", "TrailLogRole"}

# Only with a role that the stack made, or that a parameter names.
OF_A_ROLE = {"TrailLogRoleChangesAlarm", "TrailLogRoleChangesMetricFilter"}


@pytest.fixture(scope="module")
def beside_a_trail() -> Stack:
    return deployed(
        ExistingTrailLogGroupName=CONTROL_TOWER, TrailName="aws-controltower-BaselineCloudTrail"
    )


@pytest.fixture(scope="module")
def with_a_bucket() -> Stack:
    return deployed(ExistingTrailBucketName=BUCKET)


# A trail.


def test_no_second_trail_is_made_and_all_else_is(beside_a_trail: Stack) -> None:
    assert deployed().resources.keys() - beside_a_trail.resources.keys() == TRAIL_PARTS | OF_A_ROLE


def test_a_role_that_is_named_is_watched() -> None:
    stack = deployed(
        ExistingTrailLogGroupName=CONTROL_TOWER,
        ExistingTrailLogRoleName="AWSControlTowerCloudTrailRole",
    )

    assert deployed().resources.keys() - stack.resources.keys() == TRAIL_PARTS


def test_the_existing_log_group_is_what_is_read(beside_a_trail: Stack) -> None:
    filters = beside_a_trail.of_type("AWS::Logs::MetricFilter") | beside_a_trail.of_type(
        "AWS::Logs::SubscriptionFilter"
    )
    permission = beside_a_trail.properties("LogsMayInvokeTheFunction")
    queries = beside_a_trail.of_type("AWS::Logs::QueryDefinition").values()

    assert len(filters) == 3
    assert {filter_["LogGroupName"] for filter_ in filters.values()} == {CONTROL_TOWER}
    assert permission["SourceArn"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{CONTROL_TOWER}:*"
    assert {name for query in queries for name in query["LogGroupNames"]} == {CONTROL_TOWER}
    assert beside_a_trail.outputs["TrailLogGroupName"]["Value"] == CONTROL_TOWER
    assert "TrailBucketName" not in beside_a_trail.outputs


def test_the_function_knows_the_existing_trail(beside_a_trail: Stack) -> None:
    variables = beside_a_trail.properties("SecurityGroupAlerterFunction")["Environment"][
        "Variables"
    ]
    arn = beside_a_trail.outputs["TrailArn"]["Value"]

    assert delivery_settings_in(variables).trail_arn == arn
    assert arn.endswith(":trail/aws-controltower-BaselineCloudTrail")


def test_the_subscription_comes_last_there_too(beside_a_trail: Stack) -> None:
    before = beside_a_trail.made_before("SecurityGroupChangesSubscription")

    assert {"LogsMayInvokeTheFunction", "SecurityGroupAlerterFailures", "FailureQueue"} <= before


# A bucket.


def test_the_new_trail_writes_to_the_existing_bucket(with_a_bucket: Stack) -> None:
    assert deployed().resources.keys() - with_a_bucket.resources.keys() == {
        "TrailBucket",
        "TrailBucketPolicy",
    }
    assert with_a_bucket.properties("Trail")["S3BucketName"] == BUCKET
    assert with_a_bucket.outputs["TrailBucketName"]["Value"] == BUCKET


@pytest.mark.parametrize("management", [ACCOUNT, MANAGEMENT])
@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_an_existing_bucket_needs_what_our_own_has(management: str, partition: str) -> None:
    given = {"ManagementAccountId": "" if management == ACCOUNT else management}
    ours = deployed(partition=partition, **given)
    theirs = deployed(partition=partition, ExistingTrailBucketName=BUCKET, **given)
    own_bucket = ours.outputs["TrailBucketName"]["Value"]

    policy = json.loads(theirs.outputs["TrailBucketPolicy"]["Value"])

    # What it says beyond that (no access without TLS) is for its owner to say.
    needed = [
        statement
        for statement in ours.properties("TrailBucketPolicy")["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert policy["Statement"] == json.loads(json.dumps(needed).replace(own_bucket, BUCKET))


def test_no_bucket_policy_is_asked_for_when_the_bucket_is_ours(beside_a_trail: Stack) -> None:
    assert "TrailBucketPolicy" not in deployed().outputs
    assert "TrailBucketPolicy" not in beside_a_trail.outputs


# A management account.


def test_the_management_account_owns_the_trail_wherever_the_stack_is() -> None:
    stack = deployed(ManagementAccountId=MANAGEMENT)
    bucket = f"arn:aws:s3:::{stack.outputs['TrailBucketName']['Value']}"
    arn = f"arn:aws:cloudtrail:{REGION}:{MANAGEMENT}:trail/organization-trail"
    policy = stack.properties("TrailBucketPolicy")["PolicyDocument"]

    assert stack.outputs["TrailArn"]["Value"] == arn
    for owner in (MANAGEMENT, ORGANIZATION):
        assert allows(
            policy,
            principal="cloudtrail.amazonaws.com",
            action="s3:PutObject",
            resource=f"{bucket}/AWSLogs/{owner}/a",
            given={
                "aws:SourceArn": arn,
                "aws:SecureTransport": "true",
                "s3:x-amz-acl": "bucket-owner-full-control",
            },
        )
    [role_policy] = stack.properties("TrailLogRole")["Policies"]
    group = stack.properties("Trail")["CloudWatchLogsLogGroupArn"].removesuffix(":*")
    assert allows(
        role_policy["PolicyDocument"],
        action="logs:PutLogEvents",
        resource=f"{group}:log-stream:{MANAGEMENT}_CloudTrail_{REGION}",
    )


# What does not go together is refused before anything is made.


@pytest.mark.parametrize(
    ("parameters", "is_accepted"),
    [
        pytest.param({}, True, id="defaults"),
        *(
            pytest.param(dict(some), len(some) == len(chat), id=f"only-{'-and-'.join(dict(some))}")
            for chat in (SLACK, TEAMS)
            for number in range(1, len(chat) + 1)
            for some in combinations(chat.items(), number)
        ),
        pytest.param(SLACK | TEAMS, True, id="both"),
        pytest.param({"ExistingTrailLogGroupName": CONTROL_TOWER}, True, id="trail"),
        pytest.param({"ExistingTrailBucketName": BUCKET}, True, id="bucket"),
        pytest.param(
            {"ExistingTrailLogGroupName": CONTROL_TOWER, "ExistingTrailBucketName": BUCKET},
            False,
            id="bucket-for-no-trail",
        ),
        pytest.param({"LookRole": "create"}, False, id="look-role-for-no-account"),
        pytest.param(
            {"LookRole": "create", "OrganizationalUnitIds": "r-ab12"}, True, id="look-role"
        ),
        pytest.param({"LookRole": "security/look"}, True, id="given-look-role"),
    ],
)
def test_what_does_not_go_together_is_refused(
    parameters: dict[str, str], is_accepted: bool
) -> None:
    assert (not list(broken_rules(defaults() | parameters))) == is_accepted


# What the trail records, and how long it is kept.


@pytest.mark.parametrize("kind", ["All", "WriteOnly"])
def test_which_calls_the_trail_records(kind: str) -> None:
    [selector] = deployed(ReadWriteType=kind).properties("Trail")["EventSelectors"]

    assert selector == {"ReadWriteType": kind, "IncludeManagementEvents": True}


@pytest.mark.parametrize(
    ("transition", "expiration", "rules"),
    [
        pytest.param("0", "0", ["AbandonedUploads"], id="kept-as-it-is"),
        pytest.param("90", "0", ["AbandonedUploads", "ColderStorage"], id="colder"),
        pytest.param("0", "400", ["AbandonedUploads", "Expiry"], id="deleted"),
        pytest.param("90", "400", ["AbandonedUploads", "ColderStorage", "Expiry"], id="both"),
    ],
)
def test_how_long_the_archive_is_kept(transition: str, expiration: str, rules: list[str]) -> None:
    stack = deployed(ArchiveTransitionInDays=transition, ArchiveExpirationInDays=expiration)
    made = {
        rule["Id"]: rule
        for rule in stack.properties("TrailBucket")["LifecycleConfiguration"]["Rules"]
    }

    assert list(made) == rules
    if "ColderStorage" in made:
        assert made["ColderStorage"]["Transitions"] == [
            {"StorageClass": "GLACIER_IR", "TransitionInDays": transition}
        ]
    if "Expiry" in made:
        assert made["Expiry"]["ExpirationInDays"] == expiration
    assert {rule["Status"] for rule in made.values()} == {"Enabled"}
