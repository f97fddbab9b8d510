"""Links into the AWS console, through the organization's access portal when it is configured."""

from __future__ import annotations

from urllib.parse import quote

from ..model import ids
from ..model.presentation import Presentation

_GROUP = "ec2/home?region={region}#SecurityGroup:groupId="
_EVENT = "cloudtrailv2/home?region={region}#/events/"

# The partition stands in the Region's name, and the console has a domain of its own in each.
# https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html
_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}
_PREFIXES = tuple(_PARTITIONS)
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}


def partition_of(region: str | None) -> str:
    """`aws`, `aws-cn`, `aws-us-gov` or another; a Region's name begins as its partition says."""
    if region is None or not region.startswith(_PREFIXES):
        return "aws"
    return next(name for prefix, name in _PARTITIONS.items() if region.startswith(prefix))


def group_link(
    group_id: str | None, region: str | None, account_id: str | None, presentation: Presentation
) -> str | None:
    """The security group's page; None where the record does not name enough."""
    if ids.valid(ids.SECURITY_GROUP, group_id) is None:
        return None
    return _link(f"{_GROUP}{group_id}", region, account_id, presentation)


def event_link(
    event_id: str | None, region: str | None, account_id: str | None, presentation: Presentation
) -> str | None:
    """The CloudTrail event's page, which keeps events for 90 days."""
    if event_id is None:
        return None
    quoted = ids.valid(ids.EVENT, event_id) or quote(event_id[:100], safe="", errors="replace")
    return _link(f"{_EVENT}{quoted}", region, account_id, presentation)


def _link(
    page: str, region: str | None, account_id: str | None, presentation: Presentation
) -> str | None:
    if region is None or not ids.REGION.fullmatch(region):
        return None
    domain = _CONSOLES.get(partition_of(region))
    if domain is None:
        # The consoles of the isolated partitions have no public address.
        return None
    console = f"https://{region}.{domain}/{page.replace('{region}', region)}"
    portal = presentation.access_portal_url
    if portal is None or account_id is None:
        return console
    # https://docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
    start = portal.partition("#")[0].rstrip("/").removesuffix("/start")
    role = presentation.access_portal_role
    role_name = f"&role_name={quote(role, safe='')}" if role else ""
    return (
        f"{start}/start/#/console?account_id={account_id}{role_name}"
        f"&destination={quote(console, safe='')}"
    )
