"""Links into the AWS console, through the organization's access portal when it is configured."""

from __future__ import annotations

import re
from urllib.parse import quote

from security_group_alerter.settings import Settings

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
_GROUP_ID = re.compile(r"sg-[0-9a-z]{1,32}")

# The partition stands in the Region's name, and the console has a domain of its own in each.
# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def partition_of(region: str | None) -> str:
    """`aws`, `aws-cn` or `aws-us-gov`."""
    return next(
        (name for prefix, name in _PARTITIONS.items() if (region or "").startswith(prefix)), "aws"
    )


def group_link(
    group_id: str | None, region: str | None, account_id: str | None, settings: Settings
) -> str | None:
    """The security group's page; None where the record does not tell enough."""
    if group_id is None or not _GROUP_ID.fullmatch(group_id):
        return None
    return _link(
        f"ec2/home?region={{region}}#SecurityGroup:groupId={group_id}",
        region,
        account_id,
        settings,
    )


def event_link(
    event_id: str | None, region: str | None, account_id: str | None, settings: Settings
) -> str | None:
    """The CloudTrail event's page, which keeps events for 90 days."""
    if event_id is None:
        return None
    quoted = quote(event_id[:100], safe="", errors="replace")
    return _link(
        f"cloudtrailv2/home?region={{region}}#/events/{quoted}", region, account_id, settings
    )


def _link(path: str, region: str | None, account_id: str | None, settings: Settings) -> str | None:
    if region is None or not _REGION.fullmatch(region):
        return None
    console = _CONSOLES[partition_of(region)]
    destination = f"https://{region}.{console}/{path}".replace("{region}", region)
    portal = settings.access_portal_url
    if portal is None or account_id is None:
        return destination
    # https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
    start = portal.partition("#")[0].rstrip("/").removesuffix("/start")
    role = settings.access_portal_role
    role_name = f"&role_name={quote(role, safe='')}" if role else ""
    return (
        f"{start}/start/#/console?account_id={account_id}{role_name}"
        f"&destination={quote(destination, safe='')}"
    )
