"""Links into the AWS console, through the organization's access portal when it is configured."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote

from ..settings import Settings

_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
_GROUP_ID = re.compile(r"sg-[0-9a-z]{1,32}")
_GROUP = "ec2/home?region={region}#SecurityGroup:groupId="
_EVENT = "cloudtrailv2/home?region={region}#/events/"

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
    return _link(_GROUP, group_id, region, account_id, settings)


def event_link(
    event_id: str | None, region: str | None, account_id: str | None, settings: Settings
) -> str | None:
    """The CloudTrail event's page, which keeps events for 90 days."""
    if event_id is None:
        return None
    quoted = quote(event_id[:100], safe="", errors="replace")
    return _link(_EVENT, quoted, region, account_id, settings)


def _link(
    page: str, of: str, region: str | None, account_id: str | None, settings: Settings
) -> str | None:
    portal = settings.access_portal_url if account_id is not None else None
    console = _console_of(page, region)
    if console is None or portal is None:
        return console and f"{console}{of}"
    role = settings.access_portal_role
    return _through(portal, role, account_id, console) + quote(of, safe="")


# Every link of an alert begins alike: 30 µs less a change.
@lru_cache(maxsize=256)
def _console_of(page: str, region: str | None) -> str | None:
    if region is None or not _REGION.fullmatch(region):
        return None
    return f"https://{region}.{_CONSOLES[partition_of(region)]}/{page.format(region=region)}"


@lru_cache(maxsize=256)
def _through(portal: str, role: str | None, account_id: str | None, console: str) -> str:
    """The start of a link through the portal. What follows is quoted like its end.

    https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
    """
    start = portal.partition("#")[0].rstrip("/").removesuffix("/start")
    role_name = f"&role_name={quote(role, safe='')}" if role else ""
    return (
        f"{start}/start/#/console?account_id={account_id}{role_name}"
        f"&destination={quote(console, safe='')}"
    )
