"""`python -m local.verify` on the stack's parts in moto: all is well, and each part broken."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from local.template import HEALTH, read_template
from local.verify import __main__ as verify
from local.verify import alert_road, deployed_stack
from security_group_alerter.settings import METRICS_NAMESPACE
from tests.local.cloud import (
    MANAGEMENT,
    REGION,
    STACK,
    Run,
    cloud,
    refusal,
    terminal,
)
from tests.local.road import (
    BUCKET,
    FUNCTION,
    LOG_GROUP,
    LOG_GROUP_ARN,
    MEMBER,
    TRAIL,
    TRAIL_ARN,
    Road,
    add_account,
    built_road,
    set_status,
)

QUIET: Final = "555566667777"

Verify = Callable[..., Run]


@pytest.fixture(name="road")
def _road() -> Iterator[Road]:
    with cloud() as aws:
        yield built_road(aws)


@pytest.fixture
def run(road: Road, tmp_path: Path) -> Iterator[Verify]:
    assert road.cloud.stack
    with terminal(tmp_path) as shell:
        yield lambda *arguments: shell.run(verify.main, *arguments)


# All is well.


def test_a_stack_in_good_health(road: Road, run: Verify) -> None:
    road.put_record(MEMBER, "AuthorizeSecurityGroupIngress")

    result = run()

    assert result.status == 0
    assert result.err == ""
    assert result.lines("warning") == result.lines("stop") == []
    assert result.out.endswith("\n14 ok: all is well.\n")
    found = result.lines("ok")
    assert f"trail {TRAIL_ARN}: the organization, all Regions" in found
    assert "to S3 last delivered 4 min ago" in found
    assert "to CloudWatch Logs last delivered 3 min ago" in found
    assert "accounts 2 of 2 active accounts heard of in CloudWatch Logs and in S3" in found
    assert (
        "six-name pattern finds 1 call in the last 24 hours: "
        f"payments-production ({MEMBER}) 1" in found
    )
    assert f"permission CloudWatch Logs may invoke {FUNCTION} for the log group" in found
    assert "topic email security@example.com gets alerts" in found
    assert re.search(
        r"heartbeat +the last came through [23] min ago, 5 min after the call; 12 in the last hour",
        result.out,
    )
    assert "lag the slowest record of the last hour was seen 6 min after its call" in found
    assert "failure queue empty" in found


# Each part broken is one line, with what to do.

Break = Callable[[Road], Any]


def trail_without(*features: str) -> Break:
    def arrange(road: Road) -> None:
        changed: dict[str, Any] = dict.fromkeys(features, False)
        road.cloud.client("cloudtrail").update_trail(Name=TRAIL, **changed)

    return arrange


def status(**told: Any) -> Break:
    return lambda road: set_status(road.cloud, **told)


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def misled_filter(road: Road) -> None:
    road.filters[0]["destinationArn"] = "arn:aws:lambda:::else"


def permission_for_another_group(road: Road) -> None:
    another = LOG_GROUP_ARN.replace(LOG_GROUP, "another")
    road.permissions[0]["Condition"]["ArnLike"]["AWS:SourceArn"] = another


def nobody_writes(road: Road) -> None:
    client = road.cloud.client("logs")
    client.delete_log_group(logGroupName=LOG_GROUP)
    client.create_log_group(logGroupName=LOG_GROUP)


def forget_the_metrics(road: Road) -> None:
    road.cloud.answers["GetMetricStatistics"] = lambda _: {"Datapoints": []}


STOPS: Final[list[tuple[str, Break, str]]] = [
    (
        "no-stack",
        lambda road: setattr(road.cloud, "stack", None),
        f"stack there is no stack {STACK} in {REGION}. Deploy it, or name account, Region",
    ),
    (
        "somebody-elses-stack",
        lambda road: road.cloud.deployed(),
        f"stack {STACK} is CREATE_COMPLETE and has no output AlertTopicArn, no FailureQueueUrl,",
    ),
    (
        "no-trail",
        lambda road: road.cloud.client("cloudtrail").delete_trail(Name=TRAIL),
        f"trail there is no trail {TRAIL_ARN}, or this account may not see it. If it was deleted",
    ),
    (
        "trail-without-the-organization",
        trail_without("IsOrganizationTrail"),
        f"trail {TRAIL_ARN}: it is no organization trail (--is-organization-trail). With these: "
        f"aws cloudtrail update-trail --name {TRAIL_ARN} --region {REGION}",
    ),
    (
        "trail-of-one-region",
        trail_without("IsMultiRegionTrail"),
        "it is no multi-Region trail (--is-multi-region-trail)",
    ),
    (
        "trail-into-another-log-group",
        lambda road: road.cloud.client("cloudtrail").update_trail(
            Name=TRAIL, CloudWatchLogsLogGroupArn="arn:aws:logs:::log-group:other:*"
        ),
        f"it does not write into {LOG_GROUP} (--cloud-watch-logs-log-group-arn and",
    ),
    (
        "trail-that-is-stopped",
        status(IsLogging=False),
        f"trail it is stopped. Start it: aws cloudtrail start-logging --name {TRAIL_ARN} "
        f"--region {REGION}",
    ),
    (
        "s3-refuses",
        status(LatestDeliveryError="AccessDenied"),
        "to S3 the last delivery failed: AccessDenied. Compare the bucket's policy",
    ),
    (
        "cloudwatch-logs-refuses",
        status(LatestCloudWatchLogsDeliveryError="Access denied. Check the permissions"),
        "to CloudWatch Logs the last delivery failed: Access denied. Check the permissions. "
        "Compare the trail's role (TrailLogRole)",
    ),
    (
        "old-delivery",
        status(LatestCloudWatchLogsDeliveryTime=hours_ago(7)),
        "to CloudWatch Logs last delivered 7 h ago. ",
    ),
    (
        "no-delivery",
        status(LatestDeliveryTime=None),
        "to S3 nothing was delivered yet. Compare the bucket's policy",
    ),
    (
        "nobody-is-heard",
        nobody_writes,
        "accounts 0 of 2 active accounts heard of in CloudWatch Logs and in S3",
    ),
    (
        "no-log-group",
        lambda road: road.cloud.client("logs").delete_log_group(logGroupName=LOG_GROUP),
        "accounts it is gone: DescribeLogStreams: The specified log group does not exist. If it "
        "was deleted by hand: CloudFormation does not make it anew, so remove the stack",
    ),
    (
        "no-bucket",
        lambda road: road.cloud.refuse("ListObjectsV2", "NoSuchBucket"),
        "accounts it is gone: ListObjectsV2: no. If it",
    ),
    (
        "no-topic",
        lambda road: road.cloud.refuse("ListSubscriptionsByTopic", "NotFound"),
        "topic it is gone: ListSubscriptionsByTopic: no. If it",
    ),
    (
        "no-queue",
        lambda road: road.cloud.client("sqs").delete_queue(QueueUrl=road.queue_url),
        "failure queue it is gone: GetQueueAttributes: The specified queue does not exist",
    ),
    (
        "no-subscription-filter",
        lambda road: road.filters.clear(),
        f"subscription {LOG_GROUP} has no subscription filter {STACK}: the function gets nothing. "
        f"Put it back: aws logs put-subscription-filter --region {REGION} --log-group-name "
        f"{LOG_GROUP} --filter-name {STACK} --destination-arn arn:aws:lambda:{REGION}:"
        f"{MANAGEMENT}:function:{FUNCTION} --filter-pattern '{{($.eventName=",
    ),
    (
        "filter-that-leads-elsewhere",
        misled_filter,
        f"subscription {STACK} leads to arn:aws:lambda:::else, not to arn:aws:lambda:{REGION}:",
    ),
    (
        "permission-for-another-log-group",
        permission_for_another_group,
        f"permission CloudWatch Logs may not invoke {FUNCTION} for {LOG_GROUP_ARN}: what it would "
        "deliver is lost. Let it: aws lambda add-permission",
    ),
    (
        "no-permission-at-all",
        lambda road: road.cloud.refuse("GetPolicy", "ResourceNotFoundException"),
        f"permission CloudWatch Logs may not invoke {FUNCTION}",
    ),
    (
        "no-heartbeat",
        forget_the_metrics,
        "heartbeat none has come through in the last hour. Changes may go unseen",
    ),
    (
        "failed-deliveries",
        lambda road: road.cloud.client("sqs").send_message(
            QueueUrl=road.queue_url, MessageBody="x"
        ),
        "failure queue 1 message in it: what failed for good, and was not alerted on. It shows "
        "them and tries again: make redrive",
    ),
]


@pytest.mark.parametrize(
    ("breaks", "line"), [pytest.param(breaks, line, id=name) for name, breaks, line in STOPS]
)
def test_what_is_broken(road: Road, run: Verify, breaks: Break, line: str) -> None:
    breaks(road)

    result = run()

    assert result.status == 1
    assert [it for it in result.lines("stop") if line in it]
    assert result.out.endswith(": something is broken.\n")


def pending(road: Road) -> None:
    """Moto confirms every subscription at once."""
    road.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {
        "Subscriptions": [
            {
                "SubscriptionArn": "PendingConfirmation",
                "Protocol": "email",
                "Endpoint": "oncall@example.com",
            }
        ]
    }


def unsubscribed(road: Road) -> None:
    road.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {
        "Subscriptions": [
            {"SubscriptionArn": "Deleted", "Protocol": "sms", "Endpoint": "+41790000000"}
        ]
    }


def no_subscription(road: Road) -> None:
    road.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {"Subscriptions": []}


def another_pattern(road: Road) -> None:
    road.filters[0]["filterPattern"] = "{$.eventName=CreateSecurityGroup}"


def late_heartbeat(road: Road) -> None:
    point = {"Timestamp": datetime.now(UTC) - timedelta(minutes=42), "Sum": 1.0}
    road.cloud.answers["GetMetricStatistics"] = lambda request: {
        "Datapoints": [point] if request["MetricName"] == "Heartbeats" else []
    }


def young(road: Road) -> None:
    assert road.cloud.stack
    road.cloud.stack["CreationTime"] = datetime.now(UTC) - timedelta(minutes=10)
    set_status(
        road.cloud,
        StartLoggingTime=datetime.now(UTC) - timedelta(minutes=9),
        LatestDeliveryTime=None,
        LatestCloudWatchLogsDeliveryTime=None,
    )
    forget_the_metrics(road)
    add_account(road.cloud, QUIET, "sandbox-frank")


def young_and_unheard(road: Road) -> None:
    young(road)
    nobody_writes(road)


WARNINGS: Final[list[tuple[str, Break, str]]] = [
    (
        "update-that-was-rolled-back",
        lambda road: (
            road.cloud.stack and road.cloud.stack.update(StackStatus="UPDATE_ROLLBACK_COMPLETE")
        ),
        f"stack {STACK} in {REGION} is UPDATE_ROLLBACK_COMPLETE. What happened: aws cloudformation "
        f"describe-stack-events --region {REGION} --stack-name {STACK}",
    ),
    (
        "filter-of-another-version",
        another_pattern,
        f"subscription the pattern of {STACK} is not the one in this template.yaml",
    ),
    (
        "not-confirmed",
        pending,
        "topic email oncall@example.com has not confirmed, and gets nothing from alerts. Follow",
    ),
    ("unsubscribed", unsubscribed, "topic sms +41790000000 has unsubscribed from alerts"),
    (
        "nobody-subscribed",
        no_subscription,
        f"topic nobody has subscribed to operations. aws sns subscribe --region {REGION} "
        f"--topic-arn arn:aws:sns:{REGION}:{MANAGEMENT}:operations --protocol email",
    ),
    (
        "late-heartbeat",
        late_heartbeat,
        "heartbeat the last came through 42 min ago. One is sent every 5 minutes",
    ),
    (
        "new-stack-without-delivery",
        young,
        "to CloudWatch Logs nothing was delivered yet. The stack is new: look again",
    ),
    (
        "new-stack-without-heartbeat",
        young,
        "heartbeat none has come through in the last hour. The stack is new: look again",
    ),
    (
        "new-stack-with-silent-accounts",
        young,
        f"accounts sandbox-frank ({QUIET}) is silent: no log stream with a record of it, no folder "
        "in S3. AWS takes up to 24 hours to cover an account, and that began 0 h ago: wait",
    ),
    (
        "new-stack-in-which-nobody-is-heard",
        young_and_unheard,
        "accounts 0 of 3 active accounts heard of in CloudWatch Logs and in S3. AWS takes up to 24",
    ),
]


@pytest.mark.parametrize(
    ("breaks", "line"), [pytest.param(breaks, line, id=name) for name, breaks, line in WARNINGS]
)
def test_what_is_warned_of(road: Road, run: Verify, breaks: Break, line: str) -> None:
    breaks(road)

    result = run()

    assert [it for it in result.lines("warning") if line in it]
    assert result.lines("stop") == []
    assert result.status == 0
    assert "nothing is known to be broken, but see the warnings" in result.out


# Who is silent.


def joined_long_ago(road: Road) -> None:
    """Moto's accounts have always just joined."""
    listed = road.cloud.client("organizations").list_accounts()["Accounts"]
    for account in listed:
        account["JoinedTimestamp"] = hours_ago(1000)
    road.cloud.answers["ListAccounts"] = lambda _: {"Accounts": listed}


def silent_in(result: Run) -> list[str]:
    return [line for line in result.lines("warning") if line.startswith("accounts ")]


def test_an_account_that_was_never_heard_of(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "sandbox-frank")
    joined_long_ago(road)

    result = run()

    assert "accounts 2 of 3 active accounts heard of" in result.lines("ok")[5]
    assert silent_in(result) == [
        f"accounts sandbox-frank ({QUIET}) is silent: no log stream with a record of it, no folder "
        "in S3. Is it used at all? If so: is the trail there (aws cloudtrail describe-trails, in "
        "that account), and is CloudTrail still trusted by the organization?"
    ]


def test_an_account_that_fell_silent(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "sandbox-frank")
    road.put_record(QUIET, "RunInstances", ago=timedelta(hours=40))
    road.put_file(QUIET)
    joined_long_ago(road)

    (line,) = silent_in(run())

    newest = hours_ago(40)
    assert f"its newest record in CloudWatch Logs is of {newest:%Y-%m-%d %H:}" in line
    assert "no folder" not in line


def test_an_account_in_the_log_group_only(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "sandbox-frank")
    road.put_record(QUIET, "RunInstances")

    (line,) = silent_in(run())

    assert line.startswith(f"accounts sandbox-frank ({QUIET}) is silent: no folder in S3. ")


def test_the_second_stream_of_a_busy_account_counts(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "busy")
    road.put_file(QUIET)
    stream = f"{road.cloud.organization_id}_{QUIET}_CloudTrail_{REGION}"
    road.cloud.answers["DescribeLogStreams"] = lambda _: {
        "logStreams": [
            {"logStreamName": name, "lastEventTimestamp": int(time.timestamp() * 1000)}
            for name, time in (
                (f"{stream}_2", hours_ago(1)),
                (stream, hours_ago(90)),
                (f"{MANAGEMENT}_CloudTrail_{REGION}", hours_ago(1)),
                (stream.replace(QUIET, MEMBER), hours_ago(1)),
                ("another-programs-stream", hours_ago(1)),
            )
        ]
    }

    assert silent_in(run()) == []


def test_closed_accounts_are_not_expected(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "closed")
    road.cloud.client("organizations").close_account(AccountId=QUIET)

    assert "accounts 2 of 2 active accounts heard of" in run().lines("ok")[5]


def test_many_silent_accounts_are_named_up_to_twenty(road: Road, run: Verify) -> None:
    listed = [
        {
            "Id": f"{number:012d}",
            "Name": f"account-{number}",
            "Status": "ACTIVE",  # as Organizations told it before State
            "JoinedTimestamp": hours_ago(1000),
        }
        for number in range(57)
    ]
    here = {"Id": MEMBER, "Name": "here", "State": "ACTIVE", "JoinedTimestamp": hours_ago(1000)}
    road.cloud.answers["ListAccounts"] = lambda _: {"Accounts": [*listed, here]}

    lines = silent_in(run())

    assert len(lines) == 21
    assert lines[-1] == "accounts 37 more accounts silent. Mend those above first"


def test_an_archive_with_a_prefix(road: Road, run: Verify) -> None:
    trail = road.cloud.client("cloudtrail").describe_trails()["trailList"][0]
    road.cloud.answers["DescribeTrails"] = lambda _: {"trailList": [trail | {"S3KeyPrefix": "org"}]}
    for account_id in (MANAGEMENT, MEMBER):
        road.cloud.client("s3").put_object(
            Bucket=BUCKET, Key=f"org/AWSLogs/{road.cloud.organization_id}/{account_id}/x", Body=b""
        )

    assert silent_in(run()) == []


def test_a_name_that_holds_a_line_break_stays_on_its_line(road: Road, run: Verify) -> None:
    add_account(road.cloud, QUIET, "sandbox\nok       all is well")

    (line,) = silent_in(run())

    assert "sandbox\\nok all is well" in line


# The search.


def test_calls_are_counted_per_account_the_busiest_first(road: Road, run: Verify) -> None:
    road.put_record(MANAGEMENT, "CreateSecurityGroup")
    for _ in range(3):
        road.put_record(MEMBER, "RevokeSecurityGroupEgress")
    road.put_record("999988887777", "DeleteSecurityGroup")
    road.put_record(MEMBER, "ModifySecurityGroupRules")  # not among the six
    road.put_record(MEMBER, "CreateSecurityGroup", ago=timedelta(hours=30))

    assert (
        f"six-name pattern finds 5 calls in the last 24 hours: payments-production ({MEMBER}) 3, "
        f"master ({MANAGEMENT}) 1, 999988887777 1" in run().lines("ok")
    )


def test_finding_nothing_says_how_to_try(run: Verify) -> None:
    assert (
        "six-name pattern finds nothing in the last 24 hours. To try the whole road, in any "
        "account: aws ec2 create-security-group --group-name alerter-test --description "
        '"Test of the alerter"; then delete it' in run().lines("ok")
    )


def test_a_search_that_takes_too_long_ends_and_says_so(road: Road, run: Verify) -> None:
    event = {
        "logStreamName": f"o-exampleorgid_{MEMBER}_CloudTrail_{REGION}",
        "message": '{"eventName": "CreateSecurityGroup"}',
    }
    pages = iter(range(1000))
    road.cloud.answers["FilterLogEvents"] = lambda _: {
        "events": [event],
        "nextToken": f"{next(pages)}",
    }

    result = run("--seconds", "0")

    assert (
        "six-name pattern finds 1 call in the last 24 hours, searched in part: --seconds gives it "
        f"more time: payments-production ({MEMBER}) 1" in result.lines("ok")
    )


def test_an_empty_page_is_not_the_end(road: Road, run: Verify) -> None:
    record = {
        "logStreamName": "a-stream",
        "message": '{"eventName": "CreateSecurityGroup", "recipientAccountId": 7}',
    }
    pages = [{"events": [], "nextToken": "1"}, {"events": [record]}]
    road.cloud.answers["FilterLogEvents"] = lambda _: pages.pop(0)

    assert "finds 1 call in the last 24 hours: an account that is not named 1" in run().out


# What may not be asked does not end the rest.

LOOKS: Final = {
    "DescribeTrails": ("trail", "cloudtrail:DescribeTrails"),
    "GetTrailStatus": ("trail", "cloudtrail:GetTrailStatus"),
    "ListAccounts": ("accounts", "organizations:ListAccounts"),
    "DescribeLogStreams": ("accounts", "logs:DescribeLogStreams"),
    "ListObjectsV2": ("accounts", "s3:ListBucket"),
    "FilterLogEvents": ("six-name pattern", "logs:FilterLogEvents"),
    "DescribeSubscriptionFilters": ("subscription", "logs:DescribeSubscriptionFilters"),
    "GetPolicy": ("permission", "lambda:GetPolicy"),
    "ListSubscriptionsByTopic": ("topic", "sns:ListSubscriptionsByTopic"),
    "GetMetricStatistics": ("heartbeat", "cloudwatch:GetMetricStatistics"),
    "GetQueueAttributes": ("failure queue", "sqs:GetQueueAttributes"),
}


@pytest.mark.parametrize("operation", LOOKS)
def test_a_missing_permission_is_a_warning(road: Road, run: Verify, operation: str) -> None:
    subject, action = LOOKS[operation]
    message = f"User: arn:aws:iam::1:user/me is not authorized to perform: {action} on resource: *"
    road.cloud.answers[operation] = refusal(operation, "AccessDeniedException", message)

    result = run()

    assert result.status == 0
    assert (
        f"{subject} could not be looked at: {action} is not allowed. Allow it to whoever runs "
        "this, or look for yourself" in result.lines("warning")
    )
    assert operation == "GetQueueAttributes" or "failure queue empty" in result.lines("ok")


def test_without_the_list_of_accounts_those_that_are_heard_are_counted(
    road: Road, run: Verify
) -> None:
    road.cloud.refuse("ListAccounts")

    assert "accounts 2 accounts heard of in CloudWatch Logs, of an unknown number" in run().lines(
        "ok"
    )


def test_s3_that_refuses_without_words(road: Road, run: Verify) -> None:
    road.cloud.refuse("ListObjectsV2", "AccessDenied")

    result = run()

    assert "accounts could not be looked at: s3:ListBucket is not allowed" in "".join(
        result.lines("warning")
    )
    assert "accounts 2 of 2 active accounts heard of in CloudWatch Logs" in result.lines("ok")


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "GetPolicy"])
def test_expired_credentials_end_it(road: Road, run: Verify, operation: str) -> None:
    message = "The security token included in the request is expired"
    road.cloud.answers[operation] = refusal(operation, "ExpiredToken", message)

    result = run()

    assert result.status == 1
    assert result.lines("stop") == [
        f"account {operation}: {message}. Sign in to the stack's account (aws sso login, "
        "AWS_PROFILE, …)"
    ]


def test_an_existing_trail_of_another_account(road: Road, run: Verify) -> None:
    """Its log group is here, its bucket is not ours, and we see it as a member does."""
    road.cloud.refuse("ListObjectsV2", "AccessDenied")
    assert road.cloud.stack
    theirs = TRAIL_ARN.replace(MANAGEMENT, "999988887777")
    trail = road.cloud.client("cloudtrail").describe_trails()["trailList"][0]
    road.cloud.answers["DescribeTrails"] = lambda _: {"trailList": [trail | {"TrailARN": theirs}]}
    road.cloud.output(TrailArn=theirs)

    result = run()

    assert result.lines("stop") == []
    assert f"trail {theirs}: the organization, all Regions" in result.lines("ok")


def test_options_that_make_no_sense(run: Verify) -> None:
    result = run("--config-env", "mine")

    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("verify: samconfig.toml names no stack for mine: name it with")


# What stands twice is equal.


def test_the_permissions_are_those_of_the_calls(
    road: Road, run: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    run()

    asked = {it.replace("ListObjectsV2", "ListBucket") for it in road.cloud.calls}
    assert asked == set(verify.PERMISSIONS)
    with pytest.raises(SystemExit, match="0"):
        verify.main(["--help"])
    assert set(verify.PERMISSIONS) <= set(capsys.readouterr().out.split())


def test_the_template_has_the_outputs() -> None:
    assert set(deployed_stack.OUTPUTS) <= read_template()["Outputs"].keys()


def test_the_permission_is_the_one_that_is_looked_for() -> None:
    permission = read_template()["Resources"]["LogsMayInvokeTheFunction"]["Properties"]

    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["Principal"] == {"Fn::Sub": "logs.${AWS::URLSuffix}"}


def test_the_metrics_are_those_of_the_function() -> None:
    resources = read_template()["Resources"]
    variables = resources["SecurityGroupAlerterFunction"]["Properties"]["Environment"]["Variables"]

    assert alert_road.METRICS_NAMESPACE == METRICS_NAMESPACE
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_the_heartbeats_alarm_waits_as_long() -> None:
    alarm = read_template(HEALTH)["Resources"]["HeartbeatAlarm"]["Properties"]

    assert alarm["Period"] * alarm["EvaluationPeriods"] == alert_road.BEATS_WITHIN.total_seconds()
