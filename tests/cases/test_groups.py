"""Calls on security groups: what each of them has to say, in every form."""

import json
from typing import Final

import pytest

from tests.cases.conftest import AlertsOf
from tests.cases.records import (
    GROUP,
    HUB,
    MANAGEMENT,
    PAYMENTS,
    WORLD,
    Json,
    added,
    call,
    opening,
    permission,
    permissions,
    refused,
    removed,
    role_session,
    rule_in_response,
)

pytestmark = pytest.mark.usefixtures("forgotten")

NETWORK_ACTIVITY: Final[Json] = {
    "eventCategory": "NetworkActivity",
    "eventType": "AwsVpceEvent",
    "vpcEndpointId": "vpce-0beef0beef0beef00",
}


def test_a_copy_from_a_vpc_endpoint_is_not_a_second_change(alerts_of: AlertsOf) -> None:
    made = opening(permission(8443, "10.0.0.0/8"))
    copies = [
        call("AuthorizeSecurityGroupIngress", None, account=account, **NETWORK_ACTIVITY)
        for account in (PAYMENTS, HUB)
    ]

    [alert] = alerts_of(made, *copies)

    assert alert.sent.event_ids == [made["eventID"]]
    assert (alert.severity, alert.attributes["account_id"]) == ("LOW", PAYMENTS)


def test_a_call_that_a_vpc_endpoint_denied_is_an_attempt(alerts_of: AlertsOf) -> None:
    denied = refused("VpceAccessDenied", "The request was denied due to a VPC endpoint policy")

    [alert] = alerts_of(call("DeleteSecurityGroup", None, **NETWORK_ACTIVITY | denied))

    assert (alert.severity, alert.attributes["effect"]) == ("INFORMATIONAL", "attempt")
    assert alert.machine["message"] == (
        "denied attempt to delete a security group that is not named"
    )
    assert "VpceAccessDenied: The request was denied due to a VPC endpoint policy" in alert.email


def test_a_group_known_by_name_is_looked_at_and_closed_by_name(alerts_of: AlertsOf) -> None:
    request = permissions(permission(3306), group=None, groupName="orders db (old)")

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, {"_return": True}))

    assert alert.severity == "CRITICAL"
    look = "aws ec2 describe-security-groups --region eu-central-1 --filters "
    assert f"{look}'Name=group-name,Values=orders db (old)' --query " in alert.email
    [close] = alert.changing_commands
    assert "revoke-security-group-ingress" in close
    assert "--group-name 'orders db (old)'" in close
    assert close in alert.chat_text
    assert alert.remediation == close
    # These two take ids only.
    assert "describe-security-group-rules" not in alert.email
    assert "describe-network-interfaces" not in alert.email


def test_an_id_that_is_not_awss_is_the_reason_for_no_command(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(opening(group="sg-$(reboot)"))

    assert not alert.changing_commands
    reason = "the group id in the record does not have the form of one of AWS's"
    assert f"No command: {reason}." in alert.section("UNDO")


def test_a_group_that_was_deleted_later_needs_no_undo(alerts_of: AlertsOf) -> None:
    created = call(
        "CreateSecurityGroup",
        {"groupName": "spike", "groupDescription": "load test", "vpcId": "vpc-0123456789abcdef0"},
        {"groupId": GROUP},
    )
    opened = opening(permission(8080, "10.0.0.0/8"), at="09:01:00")
    deleted = call("DeleteSecurityGroup", {"groupId": GROUP}, {"_return": True}, at="09:02:00")

    # CloudWatch Logs does not keep the order of the calls.
    [alert] = alerts_of(deleted, created, opened)

    assert "3 calls, the last: security group" in alert.subject
    assert alert.section("WHAT CHANGED").count("! The group was deleted at 09:02:00 UTC.") == 2
    assert f'Group: {GROUP} "spike" in vpc-0123456789abcdef0' in alert.email
    assert not alert.changing_commands
    assert "aws " not in alert.remediation
    assert [it.get("ended") for it in alert.calls] == [
        "the group was deleted at 09:02:00 UTC",
        "the group was deleted at 09:02:00 UTC",
        None,
    ]
    # Its page in the console is gone, too.
    assert "SecurityGroup:groupId" not in alert.email
    assert "The group was deleted at 09:02:00 UTC" in alert.chat_text


def test_a_group_opened_to_the_world_and_deleted_still_wakes_somebody(alerts_of: AlertsOf) -> None:
    deleted = call("DeleteSecurityGroup", {"groupId": GROUP}, {"_return": True}, at="09:02:00")

    opened, gone = alerts_of(opening(), deleted)

    # One lower than by the table, since it had ended.
    assert (opened.severity, gone.severity) == ("HIGH", "LOW")
    assert "The group was deleted at 09:02:00 UTC." in opened.email
    assert not opened.changing_commands
    assert "Open since" not in opened.email


def test_a_rule_that_was_revoked_later_is_marked(alerts_of: AlertsOf) -> None:
    ssh = rule_in_response("sgr-00000000000000022", 22)
    web = rule_in_response("sgr-00000000000000443", 443)
    made = call(
        "AuthorizeSecurityGroupIngress",
        permissions(permission(22), permission(443)),
        added(ssh, web),
    )
    revoked = call(
        "RevokeSecurityGroupIngress",
        {
            "groupId": GROUP,
            "securityGroupRuleIds": {"items": [{"securityGroupRuleId": "sgr-00000000000000022"}]},
        },
        removed(ssh),
        at="09:05:00",
    )

    opened, _closed = alerts_of(made, revoked)

    ssh_line, web_line = opened.section("WHAT CHANGED").splitlines()[1:3]
    assert ssh_line.endswith("(revoked since) [sgr-00000000000000022]")
    assert "revoked since" not in web_line
    # What is left to undo, and no more.
    assert all("sgr-00000000000000022" not in command for command in opened.changing_commands)
    assert "sgr-00000000000000443" in opened.remediation


@pytest.mark.parametrize(
    ("name", "request_", "rule", "text"),
    [
        pytest.param(
            "UpdateSecurityGroupRuleDescriptionsIngress",
            permissions(permission(22, "203.0.113.0/24", description="build agents")),
            "tcp 22 (SSH) from 203.0.113.0/24",
            "build agents",
            id="by-permission",
        ),
        pytest.param(
            "UpdateSecurityGroupRuleDescriptionsEgress",
            {
                "groupId": GROUP,
                "securityGroupRuleDescriptions": {
                    "items": [
                        {
                            "securityGroupRuleId": "sgr-0000000000000e901",
                            "description": "to the printers",
                        }
                    ]
                },
            },
            "sgr-0000000000000e901",
            "to the printers",
            id="by-rule-id",
        ),
    ],
)
def test_a_new_description_is_shown_with_its_rule(
    alerts_of: AlertsOf, name: str, request_: Json, rule: str, text: str
) -> None:
    [alert] = alerts_of(call(name, request_, {"_return": True}))

    assert alert.severity == "INFORMATIONAL"
    assert f'  {rule}: "{text}"' in alert.email
    assert f'{rule}: "{text}"' in alert.chat_text
    [described] = alert.calls[0]["descriptions"]
    assert described["description"] == text


def test_a_failed_edit_claims_no_direction(alerts_of: AlertsOf) -> None:
    rule = {"CidrIpv4": WORLD, "FromPort": 22, "ToPort": 22, "IpProtocol": "tcp"}
    request = {
        "ModifySecurityGroupRulesRequest": {
            "GroupId": GROUP,
            "SecurityGroupRule": {
                "SecurityGroupRuleId": "sgr-0000000000000ed17",
                "SecurityGroupRule": rule,
                "tag": 1,
            },
        }
    }
    members = refused("Client.InvalidSecurityGroupRuleId.NotFound", "does not exist")

    [alert] = alerts_of(call("ModifySecurityGroupRules", request, **members))

    assert (alert.severity, alert.attributes["effect"]) == ("INFORMATIONAL", "attempt")
    assert alert.subject.startswith("INFORMATIONAL: failed attempt to edit a rule: tcp 22 (SSH)")
    assert "attempt to open" not in alert.email


def test_a_denied_opening_to_the_world_is_worth_a_look(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(opening(**refused("Client.UnauthorizedOperation", "You are not allowed.")))

    assert alert.severity == "MEDIUM"
    assert (alert.attributes["effect"], alert.attributes["world_open"]) == ("attempt", "false")
    assert "Why MEDIUM: it would have let the Internet in" in alert.email
    assert alert.section("WHAT TO DO").startswith("Ask whoever made the call.")
    assert not alert.commands


def test_a_revoke_that_matched_nothing_changed_nothing(alerts_of: AlertsOf) -> None:
    missed = {"_return": True, "unknownIpPermissionSet": {"items": [permission()]}}

    [alert] = alerts_of(call("RevokeSecurityGroupIngress", permissions(permission()), missed))

    assert (alert.severity, alert.attributes["effect"]) == ("INFORMATIONAL", "other")
    assert "matched no rule: nothing changed" in alert.subject


def test_no_machine_is_handed_what_opens_the_world_again(alerts_of: AlertsOf) -> None:
    rule = rule_in_response("sgr-00000000000000022")

    [alert] = alerts_of(
        call("RevokeSecurityGroupIngress", permissions(permission()), removed(rule))
    )

    assert (alert.severity, alert.attributes["effect"]) == ("LOW", "closes")
    assert "aws " not in alert.remediation
    warning, command = alert.section("UNDO").splitlines()[:2]
    assert warning == "Warning, this opens it to the world again:"
    assert command.startswith("aws ec2 authorize-security-group-ingress ")
    assert "Undo (this opens it to the world again): `aws ec2 authorize" in alert.chat_text


def test_what_is_open_to_the_world_is_closed_first_and_alone(alerts_of: AlertsOf) -> None:
    rules = (
        rule_in_response("sgr-00000000000000443", 443),
        rule_in_response("sgr-00000000000000022", 22, "10.0.0.0/8"),
    )
    request = permissions(permission(443), permission(22, "10.0.0.0/8"))

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, added(*rules)))

    first, *_ = alert.commands
    assert first.endswith("--security-group-rule-ids sgr-00000000000000443")
    assert "Close what is open to the Internet (1 rule), with credentials of" in alert.email
    title, whole, _ = alert.section("UNDO").splitlines()
    assert title == "Undo the whole call (2 rules):"
    assert whole.endswith("sgr-00000000000000443 sgr-00000000000000022")


def test_of_a_thousand_rules_those_that_open_the_world_are_closed(alerts_of: AlertsOf) -> None:
    private = [permission(22, f"10.{number // 256}.{number % 256}.0/24") for number in range(999)]

    [alert] = alerts_of(opening(*private, permission()))

    first, *_ = alert.commands
    [close] = json.loads(first.partition("--ip-permissions ")[2].strip("'"))
    assert close["IpRanges"] == [{"CidrIp": WORLD}]


def test_an_update_of_a_record_is_the_same_call(alerts_of: AlertsOf) -> None:
    original = opening(permission(6379))
    rule = rule_in_response("sgr-0000000000006379a", 6379)
    update = call(
        "AuthorizeSecurityGroupIngress",
        permissions(permission(6379)),
        added(rule),
        eventID="0add0add-0000-4000-8000-000000000001",
        addendum={"reason": "UPDATED_DATA", "originalEventID": original["eventID"]},
    )

    [alert] = alerts_of(update, original)

    assert alert.machine["count"] == len(alert.calls) == 1
    assert "calls" not in alert.subject
    assert alert.email.count("ingress tcp 6379 (Redis) from") == 1
    assert sorted(alert.sent.event_ids) == sorted([original["eventID"], update["eventID"]])


def test_a_protocol_without_ports_has_a_reason_of_its_own(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(opening(permission(None, protocol="50")))

    assert alert.severity == "HIGH"
    assert "Why HIGH: a protocol without ports" in alert.email
    assert "website" not in alert.email


def test_the_account_of_a_group_is_taken_from_the_request(alerts_of: AlertsOf) -> None:
    pair = {"groupId": "sg-0feed0feed0feed00", "userId": MANAGEMENT}
    request = permissions(permission(5432) | {"ipRanges": {}, "groups": {"items": [pair]}})
    rule = rule_in_response(
        "sgr-00000000000005432",
        5432,
        "",
        referencedGroupInfo={"groupId": "sg-0feed0feed0feed00"},
    )

    [alert] = alerts_of(call("RevokeSecurityGroupIngress", request, removed(rule)))

    assert f"from security group sg-0feed0feed0feed00 of account {MANAGEMENT}" in alert.email
    [command] = alert.changing_commands
    assert f'{{"GroupId":"sg-0feed0feed0feed00","UserId":"{MANAGEMENT}"}}' in command


def test_a_group_of_the_same_account_goes_without_it(alerts_of: AlertsOf) -> None:
    pair = {"groupId": "sg-0feed0feed0feed00", "userId": PAYMENTS}
    request = permissions(permission(5432) | {"ipRanges": {}, "groups": {"items": [pair]}})

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, {"_return": True}))

    assert "from security group sg-0feed0feed0feed00\n" in alert.email
    assert "of account" not in alert.section("WHAT CHANGED")
    assert '"UserId"' not in alert.email


@pytest.mark.parametrize(
    ("description", "is_restored"),
    [("ingress.k8s.aws/cluster=blue", True), ("l'accès du fournisseur", False)],
)
def test_a_description_goes_back_with_its_rule(
    alerts_of: AlertsOf, description: str, is_restored: bool
) -> None:
    rule = rule_in_response("sgr-00000000000000443", 443, "10.20.0.0/16", description=description)
    request = permissions(permission(443, "10.20.0.0/16"))

    [alert] = alerts_of(call("RevokeSecurityGroupIngress", request, removed(rule)))

    [command] = alert.changing_commands
    assert (f'"Description":"{description}"' in command) is is_restored
    assert ("not every description" in alert.email) is not is_restored


def test_a_duplicate_says_that_the_group_is_open(alerts_of: AlertsOf) -> None:
    members = refused("Client.InvalidPermission.Duplicate", "the specified rule already exists")

    [alert] = alerts_of(opening(**members))

    assert alert.severity == "INFORMATIONAL"
    says = "The group has this rule already: an earlier call opened it to the world."
    assert says in alert.email
    assert says in alert.chat_text


def test_one_of_several_rules_that_are_there_may_be_the_one(alerts_of: AlertsOf) -> None:
    members = refused("Client.InvalidPermission.Duplicate", "the specified rule already exists")

    [alert] = alerts_of(opening(permission(), permission(22, "10.0.0.0/8"), **members))

    assert "The group has one of these rules already" in alert.email


def test_a_group_named_in_the_refusal_is_named_in_the_alert(alerts_of: AlertsOf) -> None:
    message = (
        f"You are not authorized to perform this operation. User: {role_session('sam')['arn']} is "
        "not authorized to perform: ec2:AuthorizeSecurityGroupIngress on resource: "
        f"arn:aws:ec2:eu-central-1:{PAYMENTS}:security-group/{GROUP} with an explicit deny in a "
        f"service control policy: arn:aws:organizations::{MANAGEMENT}:policy/o-exampleorgid/"
        f"service_control_policy/p-0example. Encoded authorization failure message: {'Zx9' * 200}"
    )
    members = refused("Client.UnauthorizedOperation", message)

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", None, **members))

    assert f"Group: {GROUP}" in alert.email
    assert "Zx9Zx9" not in json.dumps(alert.sent.messages)
    assert "explicit deny in a service control policy" in alert.email
    assert "explicit deny in a service control policy" in alert.chat_text
    [data] = alert.calls
    assert data["group_id"] == GROUP
    assert data["refused_resource"].endswith(f":security-group/{GROUP}")
    assert data["refused_by"].startswith("an explicit deny in a service control policy arn:aws:")


def test_parameters_that_are_json_text_are_read_as_ever(alerts_of: AlertsOf) -> None:
    made = opening()
    text = {name: json.dumps(made[name]) for name in ("requestParameters", "responseElements")}

    [alert] = alerts_of(made | text)

    assert (alert.severity, alert.attributes["world_open"]) == ("CRITICAL", "true")


def test_a_parameter_that_we_do_not_know_is_named(alerts_of: AlertsOf) -> None:
    request = {"groupId": GROUP, "ruleTemplateId": "srt-1"}

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, {"_return": True}))

    assert alert.severity == "HIGH"
    assert alert.attributes["kind"] == "security-group"
    assert "The call also sets ruleTemplateId, which this alerter does not know." in alert.email
    assert "ruleTemplateId" in alert.chat_text
    assert alert.calls[0]["unknown_parameters"] == ["ruleTemplateId"]


def test_a_parameter_that_we_do_not_know_hides_nothing(alerts_of: AlertsOf) -> None:
    request = permissions(permission(), ruleTemplateId="srt-1")

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, {"_return": True}))

    assert (alert.severity, alert.attributes["world_open"]) == ("CRITICAL", "true")
    assert "ruleTemplateId" in alert.email


@pytest.mark.parametrize(
    ("region", "partition", "console"),
    [
        ("eu-central-1", "aws", "https://eu-central-1.console.aws.amazon.com/"),
        ("eusc-de-east-1", "aws-eusc", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
        ("us-gov-west-1", "aws-us-gov", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("cn-north-1", "aws-cn", "https://cn-north-1.console.amazonaws.cn/"),
        ("us-iso-east-1", "aws-iso", None),
        ("us-isob-east-1", "aws-iso-b", None),
        ("eu-isoe-west-1", "aws-iso-e", None),
        ("us-isof-south-1", "aws-iso-f", None),
    ],
)
def test_the_partition_is_that_of_the_region(
    alerts_of: AlertsOf, region: str, partition: str, console: str | None
) -> None:
    [alert] = alerts_of(opening(awsRegion=region))

    assert alert.machine["resources"][0]["cloud_partition"] == partition
    assert (f"Group: {console}" in alert.email) is (console is not None)
    assert ("https://" in alert.email) is (console is not None)


def test_classic_security_groups_of_other_services_are_not_ours(alerts_of: AlertsOf) -> None:
    classic = {
        "AuthorizeDBSecurityGroupIngress": "rds",
        "AuthorizeCacheSecurityGroupIngress": "elasticache",
        "AuthorizeClusterSecurityGroupIngress": "redshift",
        "RevokeDBSecurityGroupIngress": "rds",
    }

    assert not alerts_of(
        *(
            call(
                name,
                {"dBSecurityGroupName": "x", "cIDRIP": WORLD},
                eventSource=f"{service}.amazonaws.com",
            )
            for name, service in classic.items()
        )
    )


def test_the_first_screen_has_what_a_decision_needs(alerts_of: AlertsOf) -> None:
    rule = rule_in_response("sgr-00000000000000022", description="for the auditors")
    request = permissions(permission(description="for the auditors"))

    [alert] = alerts_of(call("AuthorizeSecurityGroupIngress", request, added(rule)))

    screen = alert.email.partition("\n\nWHAT CHANGED")[0].splitlines()
    assert len(screen) <= 16
    assert screen[0] == "CRITICAL: tcp 22 (SSH) open to the whole IPv4 Internet"
    assert screen[2:9] == [
        f"Group: {GROUP}",
        f"Account: payments-production ({PAYMENTS}), eu-central-1",
        "Open since: 2026-11-24 09:00:00 UTC, 5 min ago",
        "By: session sam@example.com of role Operations; AWS CLI from 198.51.100.24",
        'Rule description: "for the auditors"',
        "Ask: payments, the account's owner",
        "OU: Root / Workloads; Environment: production",
    ]
    close, look = (line for line in screen if line.startswith("aws "))
    assert close.endswith("--security-group-rule-ids sgr-00000000000000022")
    assert "--query" in look
