"""Calls on a trail and on its organization: what each of them has to say, in every form."""

from typing import Any

import pytest

from tests.cases.conftest import AlertsOf
from tests.cases.records import (
    DATA,
    MANAGEMENT,
    OWN_TRAIL,
    PAYMENTS,
    Json,
    call,
    refused,
    role_session,
    trail_call,
)

pytestmark = pytest.mark.usefixtures("forgotten")

OWN = "this alerter's own trail organization-trail"


def test_every_parameter_of_an_update_is_named(alerts_of: AlertsOf) -> None:
    key = f"arn:aws:kms:eu-central-1:{DATA}:key/0d0d0d0d-0000-4000-8000-000000000001"
    request = {
        "name": OWN_TRAIL,
        "s3BucketName": "somewhere-else",
        "s3KeyPrefix": "later",
        "kmsKeyId": key,
        "enableLogFileValidation": False,
        "includeGlobalServiceEvents": False,
        "snsTopicName": "",
        "retentionMode": {"days": 3},
    }

    [alert] = alerts_of(trail_call("UpdateTrail", request))

    assert alert.severity == "MEDIUM"
    changed = alert.section("WHAT CHANGED")
    for line in (
        "Bucket: somewhere-else",
        "Prefix in the bucket: later",
        f"KMS key: {key}",
        "Log file validation off",
        "Events of global services off",
        "SNS topic: none",
        'RetentionMode: {"days": 3}',
    ):
        assert f"  {line}\n" in changed
    settings = alert.calls[0]["settings"]
    assert settings == {name: it for name, it in request.items() if name != "name"} | {
        "retentionMode": '{"days": 3}'
    }
    assert "Bucket: somewhere-else" in alert.chat_text
    # A redirected archive must not look like a harmless edit.
    assert alert.machine["message"].startswith(f"{OWN} changed: bucket, prefix in the bucket")
    assert "Check that it is yours" in alert.email


@pytest.mark.parametrize(
    ("selectors", "severity", "lines"),
    [
        pytest.param(
            {
                "eventSelectors": [
                    {
                        "readWriteType": "All",
                        "includeManagementEvents": True,
                        "excludeManagementEventSources": ["kms.amazonaws.com"],
                        "dataResources": [
                            {"type": "AWS::S3::Object", "values": ["arn:aws:s3:::receipts/"]}
                        ],
                    }
                ]
            },
            "MEDIUM",
            [
                "Calls recorded: All",
                "Management events on",
                "Left out: kms.amazonaws.com",
                "Data events of AWS::S3::Object: arn:aws:s3:::receipts/",
            ],
            id="without-kms",
        ),
        pytest.param(
            {
                "advancedEventSelectors": [
                    {
                        "fieldSelectors": [
                            {"field": "eventCategory", "equals": ["Management"]},
                            {
                                "field": "eventSource",
                                "notEquals": ["ec2.amazonaws.com", "iam.amazonaws.com"],
                            },
                        ]
                    },
                    {"fieldSelectors": [{"field": "eventCategory", "equals": ["Data"]}]},
                ]
            },
            "CRITICAL",
            [
                "Selector 1: categories: Management",
                "Selector 1: left out: ec2.amazonaws.com, iam.amazonaws.com",
                "Selector 2: categories: Data",
            ],
            id="without-ec2",
        ),
    ],
)
def test_what_selectors_leave_out_is_named(
    alerts_of: AlertsOf, selectors: Json, severity: str, lines: list[str]
) -> None:
    [alert] = alerts_of(trail_call("PutEventSelectors", {"trailName": OWN_TRAIL} | selectors))

    assert alert.severity == severity
    assert [it.strip() for it in alert.section("WHAT CHANGED").splitlines()[1:]] == lines
    assert len(alert.calls[0]["settings"]) == len(lines)


def test_a_blinded_trail_says_what_follows(alerts_of: AlertsOf) -> None:
    request = {"name": "organization-trail", "isMultiRegionTrail": False}

    [alert] = alerts_of(trail_call("UpdateTrail", request))

    assert alert.severity == "CRITICAL"
    why = "it does not cover every Region; until that is fixed, this alerter misses changes"
    assert f"Why CRITICAL: {why}." in alert.email
    assert why in alert.chat_text
    assert "trail-status" in alert.email


def test_a_deletion_leads_over_a_stop(alerts_of: AlertsOf) -> None:
    calls = (
        trail_call("DeleteTrail", {"name": "auditing"}, account=DATA, at="09:00:00"),
        trail_call("StopLogging", {"name": "finance"}, account=DATA, at="09:01:00"),
    )

    [alert] = alerts_of(*calls)

    assert "2 calls on 2 trails, the worst: trail auditing deleted" in alert.subject
    assert "list-trails" in alert.email
    assert "get-trail-status --region eu-central-1 --name finance" in alert.email
    # The stop can be undone, the deletion cannot.
    assert [it.split()[2] for it in alert.changing_commands] == ["start-logging"]
    assert "No command for 1:" in alert.section("UNDO")


def test_a_trail_deleted_later_cannot_be_started(alerts_of: AlertsOf) -> None:
    calls = (
        trail_call("StopLogging", {"name": "auditing"}, account=DATA, at="09:00:00"),
        trail_call("DeleteTrail", {"name": "auditing"}, account=DATA, at="09:01:00"),
    )

    [alert] = alerts_of(*calls)

    assert "the worst: trail auditing deleted" in alert.subject
    assert not alert.changing_commands
    assert "aws " not in alert.remediation
    assert "The trail was deleted at 09:01:00 UTC." in alert.email
    assert "get-trail-status" not in alert.email


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("StopLogging", {"name": OWN_TRAIL}),
        ("DeleteTrail", {"name": OWN_TRAIL}),
        ("UpdateTrail", {"name": OWN_TRAIL, "isOrganizationTrail": False}),
        (
            "PutEventSelectors",
            {"trailName": OWN_TRAIL, "eventSelectors": [{"readWriteType": "ReadOnly"}]},
        ),
    ],
)
@pytest.mark.parametrize(
    "code",
    [
        "NotOrganizationMasterAccountException",
        "OperationNotPermittedException",
        "InvalidHomeRegionException",
        "CloudTrailARNInvalidException",
        "SomethingNewException",
        "AccessDenied",
    ],
)
def test_an_attempt_on_the_own_trail_is_high_whatever_refused_it(
    alerts_of: AlertsOf, name: str, request_: Json, code: str
) -> None:
    [alert] = alerts_of(trail_call(name, request_, account=PAYMENTS, **refused(code, "No.")))

    assert (alert.severity, alert.attributes["effect"]) == ("HIGH", "attempt")
    assert f" {OWN}" in alert.machine["message"]
    assert "Why HIGH: this alerter gets its records from it." in alert.email
    assert not alert.commands


@pytest.mark.parametrize(
    ("code", "severity"),
    [("AccessDenied", "HIGH"), ("TrailNotFoundException", "INFORMATIONAL")],
)
def test_an_attempt_on_another_trail_is_high_where_it_was_denied(
    alerts_of: AlertsOf, code: str, severity: str
) -> None:
    request = {"name": "auditing"}

    [alert] = alerts_of(trail_call("StopLogging", request, account=DATA, **refused(code)))

    assert (alert.severity, alert.attributes["effect"]) == (severity, "attempt")


@pytest.mark.parametrize("name", ["StopLogging", "UpdateTrail", "PutEventSelectors"])
def test_a_trail_named_in_the_refusal_is_named_in_the_alert(alerts_of: AlertsOf, name: str) -> None:
    message = (
        f"User: {role_session('sam')['arn']} is not authorized to perform: cloudtrail:{name} on "
        f"resource: {OWN_TRAIL} because no identity-based policy allows the cloudtrail:{name} "
        "action"
    )

    [alert] = alerts_of(
        trail_call(name, None, account=PAYMENTS, **refused("AccessDenied", message))
    )

    assert alert.severity == "HIGH"
    assert OWN in alert.machine["message"]
    assert "not recorded" not in alert.email
    assert "not named" not in alert.email
    assert "because no identity-based policy allows" in alert.email
    assert "Refused because: no identity-based policy allows it" in alert.chat_text
    assert alert.calls[0]["refused_by"] == "no identity-based policy allows it"


def by_cloudtrail(name: str, account: str, trail: str = OWN_TRAIL) -> Json:
    """What CloudTrail's service-linked role does in an account."""
    role = "aws-service-role/cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
    service = "cloudtrail.amazonaws.com"
    return trail_call(
        name,
        {"name": trail},
        account=account,
        userIdentity=role_session("CloudTrail", role, account, invokedBy=service),
        sourceIPAddress=service,
        userAgent=service,
    )


def test_what_cloudtrail_repeats_is_worded_as_that(alerts_of: AlertsOf) -> None:
    original = trail_call("DeleteTrail", {"name": OWN_TRAIL})
    repeated = by_cloudtrail("DeleteTrail", DATA, "organization-trail")

    first, second = alerts_of(original, repeated)

    assert (first.severity, second.severity) == ("CRITICAL", "LOW")
    assert (
        "organization trail organization-trail deleted here by CloudTrail itself"
        in (second.machine["message"])
    )
    assert "CloudTrail's service-linked role made this call" in second.email
    assert second.email.count("cloudtrail.amazonaws.com") == 1
    assert "attacks" not in second.machine["finding_info"]


def test_many_accounts_page_nobody(alerts_of: AlertsOf) -> None:
    accounts = [f"{700000000000 + number}" for number in range(100)]

    alerts = alerts_of(*(by_cloudtrail("DeleteTrail", account) for account in accounts))

    assert len(alerts) == len(accounts)
    assert {alert.severity for alert in alerts} == {"LOW"}
    assert {alert.attributes["account_id"] for alert in alerts} == set(accounts)


def test_a_role_that_only_looks_like_cloudtrails_is_nobody_special(alerts_of: AlertsOf) -> None:
    imitated = by_cloudtrail("DeleteTrail", MANAGEMENT) | {
        "userIdentity": role_session("x", "AWSServiceRoleForCloudTrail", MANAGEMENT)
    }

    [alert] = alerts_of(imitated)

    assert alert.severity == "CRITICAL"


def organization_call(name: str, request: Json | None, **members: object) -> Json:
    place: Json = {"account": MANAGEMENT, "eventSource": "organizations.amazonaws.com"}
    return call(name, request, **place | {"awsRegion": "us-east-1"} | members)


def test_trusted_access_for_cloudtrail_is_critical(alerts_of: AlertsOf) -> None:
    request = {"servicePrincipal": "cloudtrail.amazonaws.com"}

    [alert] = alerts_of(organization_call("DisableAWSServiceAccess", request))

    assert (alert.severity, alert.attributes["kind"]) == ("CRITICAL", "trail")
    assert "organization trails no longer record the member accounts" in alert.email
    [undo] = alert.changing_commands
    assert undo == (
        "aws organizations enable-aws-service-access --region us-east-1 "
        "--service-principal cloudtrail.amazonaws.com"
    )


def test_trusted_access_for_another_service_is_not_ours(alerts_of: AlertsOf) -> None:
    request = {"servicePrincipal": "config.amazonaws.com"}

    assert alerts_of(organization_call("DisableAWSServiceAccess", request)) == []


@pytest.mark.parametrize("request_", [None, {"servicePrincipal": "cloudtrail.amazonaws.com"}])
def test_a_refused_attempt_on_trusted_access_is_high(
    alerts_of: AlertsOf, request_: Json | None
) -> None:
    members = refused("AccessDeniedException")

    [alert] = alerts_of(organization_call("DisableAWSServiceAccess", request_, **members))

    assert (alert.severity, alert.attributes["effect"]) == ("HIGH", "attempt")
    assert ("or for another service" in alert.machine["message"]) is (request_ is None)


@pytest.mark.parametrize(
    ("record", "headline", "undo"),
    [
        pytest.param(
            organization_call("LeaveOrganization", None, account=DATA),
            f"account {DATA} left the organization",
            None,
            id="left",
        ),
        pytest.param(
            organization_call("RemoveAccountFromOrganization", {"accountId": DATA}),
            f"account {DATA} removed from the organization",
            None,
            id="removed",
        ),
        pytest.param(
            trail_call("RegisterOrganizationDelegatedAdmin", {"memberAccountId": DATA}),
            f"account {DATA} made CloudTrail's delegated administrator",
            "aws cloudtrail deregister-organization-delegated-admin --region eu-central-1 "
            f"--delegated-admin-account-id {DATA}",
            id="administrator",
        ),
    ],
)
def test_what_becomes_of_the_organization_names_the_account(
    alerts_of: AlertsOf, record: Json, headline: str, undo: str | None
) -> None:
    [alert] = alerts_of(record)

    assert (alert.severity, alert.attributes["kind"]) == ("MEDIUM", "trail")
    assert alert.attributes["effect"] == "other"
    assert alert.machine["message"] == headline
    assert alert.calls[0]["member_account_id"] == DATA
    assert DATA in alert.sms
    assert alert.changing_commands == ([undo] if undo else [])
    assert alert.section("WHAT TO DO")


# --- The rules that report tampering --------------------------------------------------------------

RULES = [f"security-group-alerter-{name}PathTampering" for name in ("Trail", "Log", "Alert")]


def rule_call(name: str, request: Json | None, **members: Any) -> Json:
    source = {"eventSource": "events.amazonaws.com"}
    return call(name, request, account=MANAGEMENT, **source | members)


def test_all_rules_deleted_at_once_are_one_critical_alert(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(*(rule_call("DeleteRule", {"name": rule}) for rule in RULES))

    assert alert.severity == "CRITICAL"
    headline = "3 calls on 3 tampering rules, the worst: tampering rule security-group-alerter-"
    assert alert.machine["message"].startswith(headline)
    assert "it no longer reports tampering with this alerter" in alert.email
    assert "No command: how the rule was set up before is not in the record." in alert.email
    assert {it["type"] for it in alert.machine["resources"]} == {"AWS::Events::Rule"}
    assert {it["name"] for it in alert.machine["resources"]} == set(RULES)


def test_a_rule_that_went_with_the_trail_is_counted_as_neither(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(
        rule_call("DeleteRule", {"name": RULES[0]}),
        trail_call("DeleteTrail", {"name": OWN_TRAIL}),
    )

    assert alert.severity == "CRITICAL"
    assert alert.machine["message"].startswith(f"2 calls, the worst: {OWN} deleted")


def test_a_disabled_rule_has_a_command_that_enables_it(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(rule_call("DisableRule", {"name": RULES[0]}))

    assert f"aws events enable-rule --region eu-central-1 --name {RULES[0]}\n" in alert.email
    assert "Whether the rule is there and enabled" in alert.email


@pytest.mark.parametrize(
    ("name", "request_", "severity", "words"),
    [
        ("PutRule", {"name": RULES[0], "state": "DISABLED"}, "CRITICAL", "changed"),
        ("PutRule", {"name": RULES[0], "eventPattern": "{}"}, "MEDIUM", "changed"),
        ("PutTargets", {"rule": RULES[0]}, "MEDIUM", "given other targets"),
        ("RemoveTargets", {"rule": RULES[0], "ids": ["a"]}, "CRITICAL", "stripped of targets"),
    ],
)
def test_what_else_can_be_done_to_a_rule(
    alerts_of: AlertsOf, name: str, request_: Json, severity: str, words: str
) -> None:
    [alert] = alerts_of(rule_call(name, request_))

    assert alert.severity == severity
    assert alert.machine["message"] == f"tampering rule {RULES[0]} {words}"
    expected = (
        "Expected while the alerter's stack is deployed" if severity == "MEDIUM" else "Put the"
    )
    assert expected in alert.email


def test_a_refused_change_of_a_rule_would_have_hidden_what_comes_next(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(
        rule_call("PutTargets", {"rule": RULES[0]}, **refused("AccessDenied", "denied"))
    )

    assert alert.severity == "INFORMATIONAL"
    assert "denied attempt to change the targets of tampering rule" in alert.machine["message"]


def test_a_rule_whose_name_no_rule_can_have_gets_no_command(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(rule_call("DisableRule", {"name": "a;b PathTampering"}))

    assert alert.severity == "CRITICAL"
    assert "aws events" not in alert.email
