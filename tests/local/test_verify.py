"""`python -m local.verify` on the stack's parts in moto: all is well, and each part broken."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from local.template import HEALTH, read_template
from local.verify import __main__ as verify
from local.verify import alert_path, deployed_stack
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
from tests.local.member_roles import LOOK, give_role
from tests.local.stack_parts import (
    BUCKET,
    FUNCTION,
    LOG_GROUP,
    LOG_GROUP_ARN,
    MEMBER,
    TRAIL,
    TRAIL_ARN,
    StackParts,
    add_account,
    healthy_parts,
    set_status,
)

QUIET: Final = "555566667777"
CHAT_SERVICE: Final = "https://global.sns-api.chatbot.amazonaws.com"

Verify = Callable[..., Run]


@pytest.fixture(name="parts")
def _parts() -> Iterator[StackParts]:
    with cloud() as aws:
        yield healthy_parts(aws)


@pytest.fixture
def run(parts: StackParts, tmp_path: Path) -> Iterator[Verify]:
    assert parts.cloud.stack
    with terminal(tmp_path) as shell:
        yield lambda *arguments: shell.run(verify.main, *arguments)


# All is well.


def test_a_stack_in_good_health(parts: StackParts, run: Verify) -> None:
    parts.put_record(MEMBER, "AuthorizeSecurityGroupIngress")

    result = run()

    assert result.status == 0
    assert result.err == ""
    assert result.lines("warning") == result.lines("stop") == []
    assert result.out.endswith("\n14 ok: all is well.\n")
    found = result.lines("ok")
    assert f"trail {TRAIL_ARN} records the organization, in all Regions" in found
    assert "to S3 last delivered 4 min ago" in found
    assert "to CloudWatch Logs last delivered 3 min ago" in found
    assert "accounts 2 of 2 active accounts seen in CloudWatch Logs and in S3" in found
    assert (
        "six-name pattern matches 1 call in the last 24 hours: "
        f"payments-production ({MEMBER}) 1" in found
    )
    assert f"permission CloudWatch Logs may invoke {FUNCTION} for the log group" in found
    assert "topic email security@example.com is subscribed to alerts" in found
    assert re.search(
        r"heartbeat +the last one arrived [23] min ago, 5 min after the call; 12 in the last hour",
        result.out,
    )
    assert "lag the slowest record of the last hour arrived 6 min after its call" in found
    assert "failure queue empty" in found


def test_a_chat_topic_that_the_service_listens_to(parts: StackParts, run: Verify) -> None:
    chat_that_nobody_hears(parts)
    topic = f"arn:aws:sns:{REGION}:{MANAGEMENT}:chat"
    parts.cloud.client("sns").subscribe(TopicArn=topic, Protocol="https", Endpoint=CHAT_SERVICE)

    result = run()

    assert result.status == 0
    assert f"topic https {CHAT_SERVICE} is subscribed to chat" in result.lines("ok")


# Each part broken is one line, with what to do.

Break = Callable[[StackParts], Any]


def trail_without(*features: str) -> Break:
    def arrange(parts: StackParts) -> None:
        changed: dict[str, Any] = dict.fromkeys(features, False)
        parts.cloud.client("cloudtrail").update_trail(Name=TRAIL, **changed)

    return arrange


def status(**answered: Any) -> Break:
    return lambda parts: set_status(parts.cloud, **answered)


def hours_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def misled_filter(parts: StackParts) -> None:
    parts.filters[0]["destinationArn"] = "arn:aws:lambda:::else"


def permission_for_another_group(parts: StackParts) -> None:
    another = LOG_GROUP_ARN.replace(LOG_GROUP, "another")
    parts.permissions[0]["Condition"]["ArnLike"]["AWS:SourceArn"] = another


def nobody_writes(parts: StackParts) -> None:
    client = parts.cloud.client("logs")
    client.delete_log_group(logGroupName=LOG_GROUP)
    client.create_log_group(logGroupName=LOG_GROUP)


def forget_the_metrics(parts: StackParts) -> None:
    parts.cloud.answers["GetMetricStatistics"] = lambda _: {"Datapoints": []}


STOPS: Final[list[tuple[str, Break, str]]] = [
    (
        "no-stack",
        lambda parts: setattr(parts.cloud, "stack", None),
        f"stack the stack {STACK} does not exist in {REGION}. Deploy it, or set another account, ",
    ),
    (
        "somebody-elses-stack",
        lambda parts: parts.cloud.deployed(),
        f"stack {STACK} is CREATE_COMPLETE and lacks the outputs AlertTopicArn, FailureQueueUrl,",
    ),
    (
        "no-trail",
        lambda parts: parts.cloud.client("cloudtrail").delete_trail(Name=TRAIL),
        f"trail the trail {TRAIL_ARN} does not exist, or this account cannot see it. If it was",
    ),
    (
        "trail-without-the-organization",
        trail_without("IsOrganizationTrail"),
        f"trail {TRAIL_ARN}: it is not an organization trail (--is-organization-trail). Set them: "
        f"aws cloudtrail update-trail --name {TRAIL_ARN} --region {REGION}",
    ),
    (
        "trail-of-one-region",
        trail_without("IsMultiRegionTrail"),
        "it is not a multi-Region trail (--is-multi-region-trail)",
    ),
    (
        "trail-into-another-log-group",
        lambda parts: parts.cloud.client("cloudtrail").update_trail(
            Name=TRAIL, CloudWatchLogsLogGroupArn="arn:aws:logs:::log-group:other:*"
        ),
        f"it does not write to {LOG_GROUP} (--cloud-watch-logs-log-group-arn and",
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
        "to S3 nothing has been delivered yet. Compare the bucket's policy",
    ),
    (
        "nobody-is-seen",
        nobody_writes,
        "accounts 0 of 2 active accounts seen in CloudWatch Logs and in S3. The trail records no",
    ),
    (
        "no-log-group",
        lambda parts: parts.cloud.client("logs").delete_log_group(logGroupName=LOG_GROUP),
        "accounts it does not exist: DescribeLogStreams: The specified log group does not exist. "
        "If it was deleted by hand, CloudFormation does not create it again: delete the stack",
    ),
    (
        "no-bucket",
        lambda parts: parts.cloud.refuse("ListObjectsV2", "NoSuchBucket"),
        "accounts it does not exist: ListObjectsV2: no. If it",
    ),
    (
        "no-topic",
        lambda parts: parts.cloud.refuse("ListSubscriptionsByTopic", "NotFound"),
        "topic it does not exist: ListSubscriptionsByTopic: no. If it",
    ),
    (
        "no-queue",
        lambda parts: parts.cloud.client("sqs").delete_queue(QueueUrl=parts.queue_url),
        "failure queue it does not exist: GetQueueAttributes: The specified queue does not exist",
    ),
    (
        "no-subscription-filter",
        lambda parts: parts.filters.clear(),
        f"subscription {LOG_GROUP} has no subscription filter {STACK}: the function gets nothing. "
        f"Create it again: aws logs put-subscription-filter --region {REGION} --log-group-name "
        f"{LOG_GROUP} --filter-name {STACK} --destination-arn arn:aws:lambda:{REGION}:"
        f"{MANAGEMENT}:function:{FUNCTION} --filter-pattern '{{($.eventName=",
    ),
    (
        "filter-that-leads-elsewhere",
        misled_filter,
        f"subscription {STACK} delivers to arn:aws:lambda:::else, not to arn:aws:lambda:{REGION}:",
    ),
    (
        "permission-for-another-log-group",
        permission_for_another_group,
        f"permission CloudWatch Logs may not invoke {FUNCTION} for {LOG_GROUP_ARN}: what it would "
        "deliver is lost. Allow it: aws lambda add-permission",
    ),
    (
        "no-permission-at-all",
        lambda parts: parts.cloud.refuse("GetPolicy", "ResourceNotFoundException"),
        f"permission CloudWatch Logs may not invoke {FUNCTION}",
    ),
    (
        "no-heartbeat",
        forget_the_metrics,
        "heartbeat none has arrived in the last hour. Changes may go unseen: fix what is broken",
    ),
    (
        "failed-deliveries",
        lambda parts: parts.cloud.client("sqs").send_message(
            QueueUrl=parts.queue_url, MessageBody="x"
        ),
        "failure queue 1 message in it, each a delivery that failed for good: the changes in it "
        "may not have been alerted on. List them, and try them again: make redrive",
    ),
]


@pytest.mark.parametrize(
    ("breaks", "line"), [pytest.param(breaks, line, id=name) for name, breaks, line in STOPS]
)
def test_what_is_broken(parts: StackParts, run: Verify, breaks: Break, line: str) -> None:
    breaks(parts)

    result = run()

    assert result.status == 1
    assert [it for it in result.lines("stop") if line in it]
    assert ": something is broken" in result.out.splitlines()[-1]


def pending(parts: StackParts) -> None:
    """Moto confirms every subscription at once."""
    parts.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {
        "Subscriptions": [
            {
                "SubscriptionArn": "PendingConfirmation",
                "Protocol": "email",
                "Endpoint": "oncall@example.com",
            }
        ]
    }


def unsubscribed(parts: StackParts) -> None:
    parts.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {
        "Subscriptions": [
            {"SubscriptionArn": "Deleted", "Protocol": "sms", "Endpoint": "+41790000000"}
        ]
    }


def no_subscription(parts: StackParts) -> None:
    parts.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {"Subscriptions": []}


def another_pattern(parts: StackParts) -> None:
    parts.filters[0]["filterPattern"] = "{$.eventName=CreateSecurityGroup}"


def late_heartbeat(parts: StackParts) -> None:
    point = {"Timestamp": datetime.now(UTC) - timedelta(minutes=42), "Sum": 1.0}
    parts.cloud.answers["GetMetricStatistics"] = lambda request: {
        "Datapoints": [point] if request["MetricName"] == "Heartbeats" else []
    }


def chat_that_nobody_hears(parts: StackParts) -> None:
    topic = parts.cloud.client("sns").create_topic(Name="chat")["TopicArn"]
    parts.cloud.output(ChatTopicArn=topic)


def young(parts: StackParts) -> None:
    """Made ten minutes ago: nothing has arrived, and the address is not confirmed."""
    young_but_beating(parts)
    set_status(
        parts.cloud,
        StartLoggingTime=hours_ago(0.15),
        LatestDeliveryTime=None,
        LatestCloudWatchLogsDeliveryTime=None,
    )
    forget_the_metrics(parts)
    nobody_writes(parts)


def young_but_beating(parts: StackParts) -> None:
    assert parts.cloud.stack
    parts.cloud.stack["CreationTime"] = datetime.now(UTC) - timedelta(minutes=10)
    set_status(parts.cloud, StartLoggingTime=hours_ago(0.15), LatestDeliveryTime=None)
    add_account(parts.cloud, QUIET, "sandbox-frank")


def young_but_unseen(parts: StackParts) -> None:
    young_but_beating(parts)
    nobody_writes(parts)


def own_address(
    address: str = "security@example.com", *, pending: bool, changed_hours_ago: float
) -> Break:
    """AlertEmail is security@example.com. Who has subscribed, and when the stack was changed."""

    def arrange(parts: StackParts) -> None:
        assert parts.cloud.stack
        parts.cloud.stack["LastUpdatedTime"] = hours_ago(changed_hours_ago)
        parts.cloud.stack["Parameters"].append(
            {"ParameterKey": "AlertEmail", "ParameterValue": "security@example.com"}
        )
        subscribed = {"Protocol": "email", "Endpoint": "security@example.com"}
        subscriptions = [subscribed | {"SubscriptionArn": "arn:aws:sns:::alerts:1"}]
        if pending:
            subscriptions.append(
                subscribed | {"Endpoint": address, "SubscriptionArn": "PendingConfirmation"}
            )
            if address == "security@example.com":
                del subscriptions[0]
        else:
            subscriptions[0]["Endpoint"] = address
        parts.cloud.answers["ListSubscriptionsByTopic"] = lambda _: {"Subscriptions": subscriptions}

    return arrange


WARNINGS: Final[list[tuple[str, Break, str]]] = [
    (
        "update-that-was-rolled-back",
        lambda parts: (
            parts.cloud.stack and parts.cloud.stack.update(StackStatus="UPDATE_ROLLBACK_COMPLETE")
        ),
        f"stack {STACK} in {REGION} is UPDATE_ROLLBACK_COMPLETE. See what happened: aws "
        f"cloudformation describe-stack-events --region {REGION} --stack-name {STACK}",
    ),
    (
        "filter-of-another-version",
        another_pattern,
        f"subscription the pattern of {STACK} is not the one in this template.yaml",
    ),
    (
        "not-confirmed",
        pending,
        "topic email oncall@example.com has not confirmed its subscription, and gets nothing from "
        "alerts. Follow",
    ),
    ("unsubscribed", unsubscribed, "topic sms +41790000000 has unsubscribed from alerts"),
    (
        "nobody-subscribed",
        no_subscription,
        "topic nobody has subscribed to operations. Subscribe: aws sns subscribe --region "
        f"{REGION} --topic-arn arn:aws:sns:{REGION}:{MANAGEMENT}:operations --protocol email",
    ),
    (
        "nobody-listens-for-chat",
        chat_that_nobody_hears,
        "topic nobody has subscribed to chat. Amazon Q Developer in chat applications subscribes "
        "by itself: in its console, check the workspace or team,",
    ),
    (
        "late-heartbeat",
        late_heartbeat,
        "heartbeat the last one arrived 42 min ago. One is sent every 5 minutes",
    ),
    (
        "new-trail-that-delivers-to-s3-later",
        young_but_beating,
        "to S3 nothing has been delivered yet. The stack is new: check again",
    ),
    (
        "new-trail-with-silent-accounts",
        young_but_beating,
        "accounts 1 account not seen yet. AWS can take 24 hours to cover an account, and only 0 h "
        "have passed: wait another 24 h",
    ),
    (
        "new-trail-in-which-nobody-is-seen",
        young_but_unseen,
        "accounts 0 of 3 active accounts seen in CloudWatch Logs and in S3. AWS can take 24 hours",
    ),
    (
        "own-address-not-confirmed-yet",
        own_address(pending=True, changed_hours_ago=47),
        "topic email security@example.com has not confirmed its subscription, and gets nothing",
    ),
    (
        "another-address-not-confirmed",
        own_address("else@example.com", pending=True, changed_hours_ago=49),
        "topic email else@example.com has not confirmed its subscription, and gets nothing",
    ),
]


@pytest.mark.parametrize(
    ("breaks", "line"), [pytest.param(breaks, line, id=name) for name, breaks, line in WARNINGS]
)
def test_what_is_warned_of(parts: StackParts, run: Verify, breaks: Break, line: str) -> None:
    breaks(parts)

    result = run()

    assert [it for it in result.lines("warning") if line in it]
    assert result.lines("stop") == []
    assert result.status == 0
    assert "nothing is known to be broken, but see the warnings" in result.out


# A new stack.


def test_a_new_stack_is_one_line_that_says_what_to_wait_for(parts: StackParts, run: Verify) -> None:
    young(parts)

    result = run()

    assert result.status == 0
    assert result.lines("stop") == []
    [line] = result.lines("warning")
    until = datetime.now(UTC) + timedelta(minutes=50)
    assert line.startswith(
        "stack it was made 10 min ago, and no heartbeat has arrived yet: the first takes about a "
        "quarter of an hour. Wait for it, and run make verify again. From "
    )
    assert f"{until:%H:}" in line or f"{until - timedelta(minutes=1):%H:}" in line
    assert [it.split()[0] for it in result.lines("ok")] == [
        *("account", "stack", "trail", "subscription", "permission", "topic", "topic", "failure")
    ]


def test_a_new_trail_that_may_not_write_is_reported_at_once(parts: StackParts, run: Verify) -> None:
    young(parts)
    set_status(parts.cloud, LatestCloudWatchLogsDeliveryError="Access denied.")

    assert (
        run()
        .lines("stop")[0]
        .startswith("to CloudWatch Logs the last delivery failed: Access denied")
    )


# An address that fell back.

FELL_BACK: Final = (
    "topic email security@example.com gets nothing from alerts: its subscription has to be "
    "confirmed again, as SNS demands after more than 10 e-mails in a second. After 48 hours SNS "
    "deletes it. Follow the link in the newest e-mail from AWS. To have it sent again: aws sns "
    f"subscribe --region {REGION} --topic-arn arn:aws:sns:{REGION}:{MANAGEMENT}:alerts --protocol "
    "email --notification-endpoint security@example.com"
)
GONE: Final = (
    "topic email security@example.com is not subscribed to alerts any more, and gets nothing from "
    "it. Nobody confirmed the subscription in time, or it was deleted. CloudFormation does not "
    'notice. Deploy without the address, then with it: make deploy ARGS="--parameter AlertEmail=", '
    'and make deploy ARGS="--parameter AlertEmail=security@example.com"'
)


@pytest.mark.parametrize(
    ("breaks", "line"),
    [
        pytest.param(own_address(pending=True, changed_hours_ago=49), FELL_BACK, id="fell-back"),
        pytest.param(
            own_address("else@example.com", pending=False, changed_hours_ago=1), GONE, id="gone"
        ),
    ],
)
def test_an_address_of_the_stack_that_gets_nothing(
    parts: StackParts, run: Verify, breaks: Break, line: str
) -> None:
    breaks(parts)

    result = run()

    assert result.status == 1
    assert result.lines("stop") == [line]


# Who is silent.


def joined_long_ago(parts: StackParts) -> None:
    """Moto's accounts have always just joined."""
    listed = parts.cloud.client("organizations").list_accounts()["Accounts"]
    for account in listed:
        account["JoinedTimestamp"] = hours_ago(1000)
    parts.cloud.answers["ListAccounts"] = lambda _: {"Accounts": listed}


def silent_in(result: Run) -> list[str]:
    return [line for line in result.lines("warning") if line.startswith("accounts ")]


def test_an_account_that_was_never_seen(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "sandbox-frank")
    joined_long_ago(parts)

    result = run()

    assert "accounts 2 of 3 active accounts seen in" in result.lines("ok")[5]
    assert silent_in(result) == [
        f"accounts sandbox-frank ({QUIET}) is silent: no log stream has a record of it, it has no "
        "folder in S3. If it is in use, check that it has the trail (aws cloudtrail "
        "describe-trails, in that account), and that the organization still trusts CloudTrail"
    ]


def test_an_account_that_fell_silent(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "sandbox-frank")
    parts.put_record(QUIET, "RunInstances", ago=timedelta(hours=40))
    parts.put_file(QUIET)
    joined_long_ago(parts)

    (line,) = silent_in(run())

    newest = hours_ago(40)
    assert f"its newest record in CloudWatch Logs is from {newest:%Y-%m-%d %H:}" in line
    assert "no folder" not in line


def test_an_account_in_the_log_group_only(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "sandbox-frank")
    parts.put_record(QUIET, "RunInstances")

    (line,) = silent_in(run())

    assert line.startswith(f"accounts sandbox-frank ({QUIET}) is silent: it has no folder in S3. ")


def test_the_second_stream_of_a_busy_account_counts(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "busy")
    parts.put_file(QUIET)
    stream = f"{parts.cloud.organization_id}_{QUIET}_CloudTrail_{REGION}"
    parts.cloud.answers["DescribeLogStreams"] = lambda _: {
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


def test_closed_accounts_are_not_expected(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "closed")
    parts.cloud.client("organizations").close_account(AccountId=QUIET)

    assert "accounts 2 of 2 active accounts seen in" in run().lines("ok")[5]


def test_many_silent_accounts_are_named_up_to_twenty(parts: StackParts, run: Verify) -> None:
    listed = [
        {
            "Id": f"{number:012d}",
            "Name": f"account-{number}",
            "Status": "ACTIVE",  # as Organizations returned it before State
            "JoinedTimestamp": hours_ago(1000),
        }
        for number in range(57)
    ]
    here = {"Id": MEMBER, "Name": "here", "State": "ACTIVE", "JoinedTimestamp": hours_ago(1000)}
    parts.cloud.answers["ListAccounts"] = lambda _: {"Accounts": [*listed, here]}

    lines = silent_in(run())

    assert len(lines) == 21
    assert lines[-1] == "accounts 37 more silent accounts. Look into those above first"


def test_an_archive_with_a_prefix(parts: StackParts, run: Verify) -> None:
    trail = parts.cloud.client("cloudtrail").describe_trails()["trailList"][0]
    described = {"trailList": [trail | {"S3KeyPrefix": "org"}]}
    parts.cloud.answers["DescribeTrails"] = lambda _: described
    for account_id in (MANAGEMENT, MEMBER):
        parts.cloud.client("s3").put_object(
            Bucket=BUCKET, Key=f"org/AWSLogs/{parts.cloud.organization_id}/{account_id}/x", Body=b""
        )

    assert silent_in(run()) == []


def test_a_name_that_holds_a_line_break_stays_on_its_line(parts: StackParts, run: Verify) -> None:
    add_account(parts.cloud, QUIET, "sandbox\nok       all is well")

    (line,) = silent_in(run())

    assert "sandbox\\nok all is well" in line


# The search.


def test_calls_are_counted_per_account_the_busiest_first(parts: StackParts, run: Verify) -> None:
    parts.put_record(MANAGEMENT, "CreateSecurityGroup")
    for _ in range(3):
        parts.put_record(MEMBER, "RevokeSecurityGroupEgress")
    parts.put_record("999988887777", "DeleteSecurityGroup")
    parts.put_record(MEMBER, "ModifySecurityGroupRules")  # not among the six
    parts.put_record(MEMBER, "CreateSecurityGroup", ago=timedelta(hours=30))

    assert (
        f"six-name pattern matches 5 calls in the last 24 hours: payments-production ({MEMBER}) 3, "
        f"master ({MANAGEMENT}) 1, 999988887777 1" in run().lines("ok")
    )


def test_finding_nothing_says_how_to_try(run: Verify) -> None:
    assert (
        "six-name pattern matches nothing in the last 24 hours. To test the whole path, create a "
        "group in any account, and delete it again: aws ec2 create-security-group --group-name "
        'alerter-test --description "Test of the alerter"' in run().lines("ok")
    )


def test_a_search_that_takes_too_long_ends_and_says_so(parts: StackParts, run: Verify) -> None:
    event = {
        "logStreamName": f"o-exampleorgid_{MEMBER}_CloudTrail_{REGION}",
        "message": '{"eventName": "CreateSecurityGroup"}',
    }
    pages = iter(range(1000))
    parts.cloud.answers["FilterLogEvents"] = lambda _: {
        "events": [event],
        "nextToken": f"{next(pages)}",
    }

    result = run("--seconds", "0")

    assert (
        "six-name pattern matches 1 call in the last 24 hours (searched only in part: allow more "
        f"time with --seconds): payments-production ({MEMBER}) 1" in result.lines("ok")
    )


def test_an_empty_page_is_not_the_end(parts: StackParts, run: Verify) -> None:
    record = {
        "logStreamName": "a-stream",
        "message": '{"eventName": "CreateSecurityGroup", "recipientAccountId": "mine"}',
    }
    pages = [{"events": [], "nextToken": "1"}, {"events": [record]}]
    parts.cloud.answers["FilterLogEvents"] = lambda _: pages.pop(0)

    assert "matches 1 call in the last 24 hours: an unknown account 1" in run().out


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
def test_a_missing_permission_is_a_warning(parts: StackParts, run: Verify, operation: str) -> None:
    subject, action = LOOKS[operation]
    message = f"User: arn:aws:iam::1:user/me is not authorized to perform: {action} on resource: *"
    parts.cloud.answers[operation] = refusal(operation, "AccessDeniedException", message)

    result = run()

    assert result.status == 0
    assert (
        f"{subject} could not be checked: you do not have the permission {action}. Get the "
        "permission, or check this yourself" in result.lines("warning")
    )
    assert operation == "GetQueueAttributes" or "failure queue empty" in result.lines("ok")


def test_without_the_list_of_accounts_those_that_are_seen_are_counted(
    parts: StackParts, run: Verify
) -> None:
    parts.cloud.refuse("ListAccounts")

    assert "accounts 2 accounts seen in CloudWatch Logs, of an unknown number" in run().lines("ok")


def test_s3_that_refuses_without_words(parts: StackParts, run: Verify) -> None:
    parts.cloud.refuse("ListObjectsV2", "AccessDenied")

    result = run()

    assert "accounts could not be checked: you do not have the permission s3:ListBucket" in "".join(
        result.lines("warning")
    )
    assert "accounts 2 of 2 active accounts seen in CloudWatch Logs" in result.lines("ok")


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "GetPolicy"])
def test_expired_credentials_end_it(parts: StackParts, run: Verify, operation: str) -> None:
    message = "The security token included in the request is expired"
    parts.cloud.answers[operation] = refusal(operation, "ExpiredToken", message)

    result = run()

    assert result.status == 2
    assert result.lines("stop") == []
    assert result.lines("warning") == [
        f"account {operation}: {message}. Sign in to the stack's account (aws sso login, "
        "AWS_PROFILE, …)"
    ]
    begun = "nothing" if operation == "GetCallerIdentity" else "not everything"
    assert result.out.endswith(
        f": {begun} could be checked, so whether the alerter works is not known.\n"
    )


def test_without_the_stack_nothing_is_known(parts: StackParts, run: Verify) -> None:
    parts.cloud.refuse("DescribeStacks")

    result = run()

    assert result.status == 2
    assert result.out.endswith(
        "1 ok, 1 warning: not everything could be checked, so whether the alerter works is not "
        "known.\n"
    )


def test_what_is_broken_counts_even_if_the_rest_is_unknown(parts: StackParts, run: Verify) -> None:
    parts.filters.clear()
    parts.cloud.refuse("GetPolicy", "ExpiredToken")

    result = run()

    assert result.status == 1
    assert result.out.endswith(": something is broken, and not everything could be checked.\n")


def test_an_existing_trail_of_another_account(parts: StackParts, run: Verify) -> None:
    """Its log group is here, its bucket is not ours, and we see it as a member does."""
    parts.cloud.refuse("ListObjectsV2", "AccessDenied")
    assert parts.cloud.stack
    theirs = TRAIL_ARN.replace(MANAGEMENT, "999988887777")
    trail = parts.cloud.client("cloudtrail").describe_trails()["trailList"][0]
    parts.cloud.answers["DescribeTrails"] = lambda _: {"trailList": [trail | {"TrailARN": theirs}]}
    parts.cloud.output(TrailArn=theirs)

    result = run()

    assert result.lines("stop") == []
    assert f"trail {theirs} records the organization, in all Regions" in result.lines("ok")


def test_options_that_make_no_sense(run: Verify) -> None:
    result = run("--config-env", "mine")

    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith("verify: samconfig.toml names no stack for mine: name it with")


# Looking into accounts.


def look_with(parts: StackParts, look_role: str, **more: str) -> None:
    """The stack is deployed with it; the stack set has done its work."""
    cloud = parts.cloud
    assert cloud.stack
    made = look_role == "create"
    cloud.output(LookRoleName=f"{STACK}-look-{REGION}" if made else look_role)
    cloud.stack["Parameters"] += [
        {"ParameterKey": name, "ParameterValue": value}
        for name, value in {"LookRole": look_role, **more}.items()
    ]
    instances(parts, {"Account": MEMBER, "Status": "CURRENT"})


def instances(parts: StackParts, *found: dict[str, str], call_as: str = "SELF") -> None:
    asked = {"StackSetName": f"{STACK}-look-role", "CallAs": call_as}
    parts.cloud.answers["ListStackInstances"] = lambda request: (
        {"Summaries": [*found]} if request == asked else None
    )


def looking_in(result: Run, state: str) -> list[str]:
    return [it for it in result.lines(state) if it.startswith("looking ")]


def test_nobody_looks(run: Verify) -> None:
    assert "looking" not in run().out


def test_the_stack_set_has_made_the_role_everywhere(parts: StackParts, run: Verify) -> None:
    look_with(parts, "create")

    result = run()

    assert looking_in(result, "warning") == []
    assert looking_in(result, "ok") == ["looking the role was made in 2 of 2 active accounts"]


NO_LOOK: Final = f"looking no look into payments-production ({MEMBER}): "


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        pytest.param([], "it is in none of OrganizationalUnitIds, or joined a moment ago", id="no"),
        pytest.param(
            [{"Account": MEMBER, "Status": "INOPERABLE", "StatusReason": "suspended"}],
            "the stack set is INOPERABLE there: suspended",
            id="suspended",
        ),
        pytest.param(
            [{"Account": MEMBER, "Status": "OUTDATED"}],
            "the stack set is OUTDATED there: no reason is given",
            id="not-yet",
        ),
    ],
)
def test_an_account_that_the_stack_set_did_not_reach_is_named(
    parts: StackParts, run: Verify, found: list[dict[str, str]], problem: str
) -> None:
    look_with(parts, "create")
    instances(parts, *found)

    result = run()

    assert looking_in(result, "ok") == ["looking the role was made in 1 of 2 active accounts"]
    [line] = looking_in(result, "warning")
    assert line.startswith(NO_LOOK + problem)
    assert result.status == 0


def test_a_delegated_administrators_stack_set_leaves_out_the_management_account(
    parts: StackParts, run: Verify
) -> None:
    look_with(parts, "create", ManagementAccountId=MEMBER)
    # As if this account were the member.
    here = {"Account": MANAGEMENT, "Status": "CURRENT"}
    instances(parts, here, call_as="DELEGATED_ADMIN")

    [line] = looking_in(run(), "warning")

    assert line.startswith(NO_LOOK + "stack sets do not reach the management account. docs/")


def test_all_accounts_are_asked_for_what_the_stack_set_made(parts: StackParts, run: Verify) -> None:
    look_with(parts, "create")
    give_role(parts.cloud, MANAGEMENT, f"{STACK}-look-{REGION}")

    result = run("--all")

    assert looking_in(result, "ok")[-1] == "looking 1 of 2 accounts asked can be looked into"
    [line] = looking_in(result, "warning")
    assert line.startswith(f"{NO_LOOK}it has no role {STACK}-look-{REGION}. docs/")


def test_a_role_that_is_given_is_asked_for(parts: StackParts, run: Verify) -> None:
    look_with(parts, LOOK)
    give_role(parts.cloud, MANAGEMENT)
    give_role(parts.cloud, MEMBER)

    result = run()

    assert looking_in(result, "ok") == ["looking 2 of 2 accounts asked can be looked into"]
    assert looking_in(result, "warning") == []


def test_accounts_that_nobody_may_list_cannot_be_named(parts: StackParts, run: Verify) -> None:
    look_with(parts, LOOK)
    parts.cloud.refuse("ListAccounts")

    [line] = looking_in(run(), "warning")

    assert line.startswith("looking could not be checked: you do not have the permission ")


# What stands twice is equal.


def test_the_permissions_are_those_of_the_calls(
    parts: StackParts, run: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    look_with(parts, "create")
    run("--all")

    asked = {it.replace("ListObjectsV2", "ListBucket") for it in parts.cloud.calls}
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

    assert METRICS_NAMESPACE == "SecurityGroupAlerter", "dashboards of others may name it"
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_the_heartbeats_alarm_waits_as_long() -> None:
    alarm = read_template(HEALTH)["Resources"]["HeartbeatAlarm"]["Properties"]

    assert alarm["Period"] * alarm["EvaluationPeriods"] == alert_path.BEATS_WITHIN.total_seconds()
