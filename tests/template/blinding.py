"""Every way to blind the alerter that was tried, and what reports it; docs/guarantees.md has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.template.stack import ACCOUNT, REGION, STACK, nested_name

Json = Mapping[str, Any]
# Service, call and request, as CloudTrail records them.
Call = tuple[str, str, Json]

HEALTH: Final = nested_name(STACK, "Health")
TRAIL: Final = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/organization-trail"
GROUP: Final = f"{STACK}-TrailLogGroup-1A2B3C4D"
GROUP_ARN: Final = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}"
ROLE: Final = f"{STACK}-TrailLogRole-1A2B3C4D"
BUCKET: Final = f"{STACK}-TrailBucket-1A2B3C4D"
KEY: Final = f"{STACK}-EncryptionKey-1A2B3C4D"
FUNCTION: Final = f"{STACK}-SecurityGroupAlerterFunction-1A2B3C4D"
TABLE: Final = f"{STACK}-SeenEventsTable-1A2B3C4D"
MEMORY: Final = f"{STACK}-GroupMemoryTable-1A2B3C4D"
QUEUE: Final = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-FailureQueue-1A2B3C4D"
TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-AlertTopic-1A2B3C4D"
ALARM: Final = f"{HEALTH}-HeartbeatAlarm-1A2B3C4D"
CLOUDTRAIL: Final = {"servicePrincipal": "cloudtrail.amazonaws.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blinding:
    """One way. `rule` sees each call within seconds, the function `alerts` when it is delivered.

    `alarms` go off because of what no longer works. `nothing` says why nothing reports it.
    """

    way: str
    calls: tuple[Call, ...] = ()
    rule: str | None = None
    alerts: bool = False
    alarms: tuple[str, ...] = ()
    nothing: str | None = None


def _rule_calls(*rules: str) -> tuple[Call, ...]:
    return tuple(
        call
        for name in rules
        for call in (
            ("events", "DisableRule", {"name": f"{STACK}-{name}PathTampering"}),
            ("events", "DeleteRule", {"name": f"{STACK}-{name}PathTampering"}),
            ("events", "RemoveTargets", {"rule": f"{STACK}-{name}PathTampering"}),
        )
    )


BLINDINGS: Final = (
    Blinding(
        way="the trail stopped, deleted or changed, or its event selectors",
        calls=(
            ("cloudtrail", "StopLogging", {"name": TRAIL}),
            ("cloudtrail", "DeleteTrail", {"name": "organization-trail"}),
            ("cloudtrail", "UpdateTrail", {"name": TRAIL, "isOrganizationTrail": False}),
            (
                "cloudtrail",
                "PutEventSelectors",
                {"trailName": TRAIL, "eventSelectors": [{"readWriteType": "ReadOnly"}]},
            ),
        ),
        rule="TrailPath",
        alerts=True,
    ),
    Blinding(
        way="trusted access for CloudTrail switched off",
        calls=(("organizations", "DisableAWSServiceAccess", CLOUDTRAIL),),
        alerts=True,
    ),
    Blinding(
        way="an account taken out of the organization, or given power over its trails",
        calls=(
            ("organizations", "LeaveOrganization", {}),
            ("organizations", "RemoveAccountFromOrganization", {"accountId": "222233334444"}),
            (
                "cloudtrail",
                "RegisterOrganizationDelegatedAdmin",
                {"memberAccountId": "222233334444"},
            ),
        ),
        alerts=True,
    ),
    Blinding(
        way="the role with which CloudTrail writes to the log group changed",
        calls=tuple(
            ("iam", call, {"roleName": ROLE})
            for call in (
                *("PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy"),
                *("PutRolePermissionsBoundary", "UpdateAssumeRolePolicy", "DeleteRole"),
            )
        ),
        alarms=("TrailLogRoleChangesAlarm",),
    ),
    Blinding(
        way="the archive's bucket: its policy, lifecycle, versioning, encryption, deletion",
        calls=tuple(
            ("s3", call, {"bucketName": BUCKET})
            for call in (
                *("PutBucketPolicy", "DeleteBucketPolicy", "PutBucketLifecycle"),
                *("PutBucketVersioning", "PutBucketEncryption", "DeleteBucket"),
            )
        ),
        rule="TrailPath",
    ),
    Blinding(
        way="the log group, its filters, retention or key; masked or transformed records",
        calls=(
            ("logs", "DeleteLogGroup", {"logGroupName": GROUP}),
            ("logs", "PutSubscriptionFilter", {"logGroupName": GROUP, "filterName": STACK}),
            ("logs", "DeleteSubscriptionFilter", {"logGroupName": GROUP, "filterName": STACK}),
            ("logs", "DeleteMetricFilter", {"logGroupName": GROUP, "filterName": "a"}),
            ("logs", "PutRetentionPolicy", {"logGroupName": GROUP, "retentionInDays": 1}),
            ("logs", "DisassociateKmsKey", {"logGroupName": GROUP}),
            ("logs", "PutDataProtectionPolicy", {"logGroupIdentifier": GROUP_ARN}),
            ("logs", "PutTransformer", {"logGroupIdentifier": GROUP}),
        ),
        rule="LogPath",
    ),
    Blinding(
        way="a policy of CloudWatch Logs for the whole account",
        calls=(
            ("logs", "PutAccountPolicy", {"policyName": "mask", "policyType": "any"}),
            ("logs", "DeleteAccountPolicy", {"policyName": "mask", "policyType": "any"}),
        ),
        rule="LogPath",
    ),
    Blinding(
        way="another key for the log group, named by its ARN",
        calls=(
            ("logs", "AssociateKmsKey", {"resourceIdentifier": GROUP_ARN}),
            ("logs", "DisassociateKmsKey", {"resourceIdentifier": GROUP_ARN}),
        ),
        rule="TrailPath",
    ),
    Blinding(
        way="the key disabled, deleted, or given another policy",
        calls=tuple(
            ("kms", call, {"keyId": KEY})
            for call in ("DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy")
        ),
        rule="FunctionPath",
    ),
    Blinding(
        way="the function's code, configuration, permissions or concurrency; its deletion",
        calls=(
            ("lambda", "UpdateFunctionCode20150331v2", {"functionName": FUNCTION}),
            ("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": FUNCTION}),
            ("lambda", "PutFunctionConcurrency20171031", {"functionName": FUNCTION}),
            ("lambda", "RemovePermission20150331v2", {"functionName": FUNCTION}),
            ("lambda", "DeleteFunctionEventInvokeConfig", {"functionName": FUNCTION}),
            ("lambda", "DeleteFunction20150331", {"functionName": FUNCTION}),
        ),
        rule="FunctionPath",
    ),
    Blinding(
        way="the function's role narrowed",
        alarms=("FunctionErrorsAlarm", "FailureQueueAlarm"),
    ),
    Blinding(
        way="the account's concurrency used up or reserved by other functions",
        alarms=("FunctionThrottlesAlarm",),
    ),
    Blinding(
        way="the heartbeat changed or deleted",
        calls=(
            ("scheduler", "UpdateSchedule", {"name": f"{HEALTH}-Heartbeat-1A2B3C4D"}),
            ("scheduler", "DeleteSchedule", {"name": f"{HEALTH}-Heartbeat-1A2B3C4D"}),
        ),
        rule="FunctionPath",
        alarms=("HeartbeatAlarm",),
    ),
    Blinding(way="the heartbeat's role narrowed", alarms=("HeartbeatAlarm",)),
    Blinding(
        way="the failure queue emptied, changed or deleted; a table deleted",
        calls=(
            ("sqs", "PurgeQueue", {"queueUrl": QUEUE}),
            ("sqs", "SetQueueAttributes", {"queueUrl": QUEUE}),
            ("sqs", "DeleteQueue", {"queueUrl": QUEUE}),
            ("dynamodb", "DeleteTable", {"tableName": TABLE}),
            ("dynamodb", "DeleteTable", {"tableName": MEMORY}),
        ),
        rule="FunctionPath",
    ),
    Blinding(
        way="a topic or its subscriptions changed or deleted; messages held back by their contents",
        calls=(
            ("sns", "DeleteTopic", {"topicArn": TOPIC}),
            ("sns", "SetTopicAttributes", {"topicArn": TOPIC}),
            ("sns", "Unsubscribe", {"subscriptionArn": f"{TOPIC}:2f1a"}),
            ("sns", "SetSubscriptionAttributes", {"subscriptionArn": f"{TOPIC}:2f1a"}),
            ("sns", "PutDataProtectionPolicy", {"resourceArn": TOPIC}),
        ),
        rule="AlertPath",
    ),
    Blinding(
        way="an alarm deleted, changed, muted or set to OK",
        calls=(
            ("monitoring", "DeleteAlarms", {"alarmNames": [ALARM]}),
            ("monitoring", "DisableAlarmActions", {"alarmNames": [ALARM]}),
            ("monitoring", "PutMetricAlarm", {"alarmName": ALARM}),
            ("monitoring", "SetAlarmState", {"alarmName": ALARM}),
            ("monitoring", "PutAlarmMuteRule", {"muteTargets": {"alarmNames": [ALARM]}}),
        ),
        rule="AlertPath",
    ),
    Blinding(
        way="one of the rules that report tampering deleted, disabled or without targets",
        calls=_rule_calls("Trail"),
        rule="AlertPath",
        alerts=True,
    ),
    Blinding(
        way="all of these rules within a second",
        calls=_rule_calls("Trail", "Log", "Function", "Alert"),
        alerts=True,
    ),
    Blinding(
        way="all of these rules and the path of the alerts within a second",
        alarms=("HeartbeatAlarm",),
    ),
    Blinding(
        way="the operations topic deleted",
        nothing="the report would go to that topic; alerts are not affected",
    ),
    Blinding(
        way="the code or configuration of another function: watch, sweep, digest, daily check",
        nothing="alerts are not affected; an alarm goes off if the function fails or does not run, "
        "and none if it runs and does nothing",
    ),
    Blinding(
        way="heartbeats made up with PutMetricData while the path is broken",
        nothing="CloudTrail records this call only as a data event, and no trail does by default",
    ),
    Blinding(
        way="an event's id written to the table of alerted events before the event arrives",
        nothing="as above, for PutItem; it needs write access to the table, and the event's id",
    ),
    Blinding(
        way="what is remembered of a group changed in its table",
        nothing="as above; every call is alerted all the same, but what an alert says of earlier "
        "calls may be wrong",
    ),
    Blinding(
        way="a new version of a managed policy that the role of an existing trail has",
        nothing="the call names the policy, and not the role; the role of the stack has none",
    ),
    Blinding(
        way="files of the archive deleted, or an unsubscribe link in a mail followed",
        nothing="CloudTrail does not record it; versioning keeps the files, `make verify` lists "
        "subscribers",
    ),
    Blinding(
        way="everything at once, by an administrator of the account",
        nothing="nothing in an account is out of reach of its administrators",
    ),
)
