"""What a subscriber gets: messages taken apart, and what the texts in them are made of."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from security_group_alerter.aftermath import with_aftermath
from security_group_alerter.grouping import alerts_of
from security_group_alerter.messages.briefing import (
    Briefing,
    Call,
    briefing_of,
    calls_of,
    lines_of,
    worst_numbers,
)
from security_group_alerter.messages.limits import LIMITS, MOST_CALLS, Limits
from security_group_alerter.model.account import AccountFacts
from security_group_alerter.model.alert import Alert, DeliveredFinding
from security_group_alerter.model.finding import Finding
from security_group_alerter.model.message import Message
from security_group_alerter.model.presentation import Presentation
from tests.security_group_alerter.builders import added, with_change
from tests.stories import NOW, PRESENTATION, STORIES, delivered, story, told

FACTS: Final = AccountFacts(
    name="payments-production",
    state="ACTIVE",
    ou_path=("Root", "Workloads"),
    tags={"Owner": "payments"},
    owner="payments",
)
PLAIN: Final = replace(PRESENTATION, access_portal_url=None, access_portal_role=None)
# One story of each API call.
CALLS: Final = [*{story(name)["eventName"]: name for name in STORIES}.values()]
# What the commands ask AWS for.
QUERIES: Final = {
    "NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,"
    "Instance:Attachment.InstanceId,Public:Association.PublicIp,"
    "IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress}",
    "SecurityGroupRules[].{Id:SecurityGroupRuleId,Egress:IsEgress,Protocol:IpProtocol,"
    "From:FromPort,To:ToPort,IPv4:CidrIpv4,IPv6:CidrIpv6,List:PrefixListId,"
    "Group:ReferencedGroupInfo.GroupId,Description:Description}",
    "SecurityGroups[].{Id:GroupId,Vpc:VpcId,In:IpPermissions}",
    "NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,"
    "Instance:Attachment.InstanceId,Public:Association.PublicIp,"
    "IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress,Groups:Groups[].GroupId}",
    "Reservations[].Instances[].{Id:InstanceId,State:State.Name,Public:PublicIpAddress,"
    "IPv6:Ipv6Address,Private:PrivateIpAddress,Groups:SecurityGroups[].GroupId}",
    "Events[].Resources[]",
    "Entries[].{Range:Cidr,Description:Description}",
    "PrefixListAssociations[].{Used_by:ResourceId,Account:ResourceOwner}",
    "{Logging:IsLogging,Delivery_error:LatestDeliveryError}",
    "[EventSelectors,AdvancedEventSelectors]",
    "Targets[].Arn",
    "Trail",
}
# What EC2 takes, but for `@` and `*`. It begins like no option.
GROUP_NAME: Final = r"[A-Za-z0-9 ._:/()#,\[\]+=&;{}!$][A-Za-z0-9 ._:/()#,\[\]+=&;{}!$-]*"
RUNBOOK: Final = "https://wiki.example.com/security-groups#alerts"


def texts_of(message: Message) -> dict[str, str]:
    """The texts by protocol, as Amazon SNS takes them apart."""
    texts: dict[str, str] = json.loads(message.body)
    return texts


def chat(*findings: Finding, **told_with: Any) -> dict[str, Any]:
    """The one notification that comes of these findings."""
    notification: dict[str, Any] = json.loads(_only_text("https", *findings, **told_with))
    return notification


def sms(*findings: Finding, **told_with: Any) -> str:
    return _only_text("sms", *findings, **told_with)


def machine(*findings: Finding, **told_with: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_only_text("default", *findings, **told_with))
    return document


def opened(*rules: str, group_id: str = "sg-0123456789abcdef0", **members: object) -> Finding:
    """What one call adds to a group, with a group id as AWS makes them."""
    finding = added(*rules, **{"eventName": "AuthorizeSecurityGroupIngress"} | members)
    return with_change(finding, group_id=group_id)


def renamed(finding: Finding, text: str) -> Finding:
    """The same finding, in which whatever was changed is called by this text."""
    names = ("group_id", "group_name", "vpc_id", "prefix_list_id", "prefix_list_name", "trail")
    called = {name: text for name in names if hasattr(finding.change, name)}
    return with_change(finding, **called)


def briefing_for(
    *findings: Finding,
    seen_at: datetime = NOW,
    presentation: Presentation = PLAIN,
    limits: Limits = LIMITS[0],
) -> Briefing:
    """What the forms of the one alert of these findings lay out."""
    return briefed(alert_of(*findings, seen_at=seen_at), presentation, limits)


def briefed(
    alert: Alert, presentation: Presentation = PLAIN, limits: Limits = LIMITS[0]
) -> Briefing:
    """What the forms of this alert lay out."""
    worst = worst_numbers(alert, MOST_CALLS)
    others = [it for it in range(1, len(alert.delivered) + 1) if it not in worst]
    calls = calls_of(alert, worst, presentation, limits)
    return briefing_of(alert, calls, lines_of(alert, others), presentation, limits)


def call_of(finding: Finding) -> Call:
    """What the forms lay out of this one call."""
    [call] = briefing_for(finding).calls
    return call


def alert_of(*findings: Finding, seen_at: datetime = NOW) -> Alert:
    [alert] = _alerts_of(delivered(findings), seen_at)
    return alert


def alerts_of_delivery(*findings: Finding) -> list[Alert]:
    """The alerts of one delivery, in which later calls have taken back what earlier ones did."""
    # As it is delivered, an event goes by its id where it has one.
    entries = [replace(it, keys=it.event_ids or it.keys) for it in delivered(findings)]
    return _alerts_of(with_aftermath(entries)[0], NOW)


def _alerts_of(entries: list[DeliveredFinding], seen_at: datetime) -> list[Alert]:
    return list(
        alerts_of(entries, facts_for=lambda _: FACTS, organization_id=None, seen_at=seen_at)
    )


def _only_text(form: str, *findings: Finding, **told_with: Any) -> str:
    [message] = told(findings, **{"facts": FACTS} | told_with)
    return texts_of(message)[form]
