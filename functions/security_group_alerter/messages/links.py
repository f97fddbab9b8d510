"""Links into the AWS console, through the organization's access portal when it is configured."""

from __future__ import annotations

import re
from urllib.parse import quote

from security_group_alerter.settings import Settings

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
_GROUP_ID = re.compile(r"sg-[0-9a-z]{1,32}")

# The console's domain by partition, which the Region's name tells.
# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
_CONSOLES = {
    "cn-": "{region}.console.amazonaws.cn",
    "us-gov-": "{region}.console.amazonaws-us-gov.com",
}
_COMMERCIAL_CONSOLE = "{region}.console.aws.amazon.com"


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
    path = f"cloudtrailv2/home?region={{region}}#/events/{quote(event_id[:100], safe='')}"
    return _link(path, region, account_id, settings)


def _link(path: str, region: str | None, account_id: str | None, settings: Settings) -> str | None:
    if region is None or not _REGION.fullmatch(region):
        return None
    console = next(
        (domain for prefix, domain in _CONSOLES.items() if region.startswith(prefix)),
        _COMMERCIAL_CONSOLE,
    )
    destination = f"https://{console}/{path}".replace("{region}", region)
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
