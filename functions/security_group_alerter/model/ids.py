"""The forms of AWS's identifiers, each in one place.

Only what matches one of these gets into a command, a link or a key of a table. Use `.fullmatch`;
`.pattern` builds larger patterns.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
"""

from __future__ import annotations

import re

ACCOUNT = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
ORGANIZATION = re.compile(r"o-[a-z0-9]{10,32}")
REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")
PARTITION = re.compile(r"aws[a-z-]*")

SECURITY_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
SECURITY_GROUP_RULE = re.compile(r"sgr-[0-9a-f]{8,17}")
PREFIX_LIST = re.compile(r"pl-[0-9a-f]{8,17}")
NETWORK_INTERFACE = re.compile(r"eni-[0-9a-f]{8,17}")
INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
VPC = re.compile(r"vpc-[0-9a-f]{8,17}")

# A trail is called by its name or its ARN.
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
TRAIL = re.compile(
    rf"(?:arn:{PARTITION.pattern}:cloudtrail:{REGION.pattern}:{ACCOUNT.pattern}:trail/)?"
    r"[A-Za-z0-9][A-Za-z0-9._-]{2,127}"
)
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
RULE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# CloudTrail's are UUIDs; this is what the table of alerted events takes for a key.
EVENT = re.compile(r"[0-9A-Za-z-]{1,100}")


def valid(form: re.Pattern[str], value: str | None) -> str | None:
    """The value when all of it has this form, else None."""
    return value if value is not None and form.fullmatch(value) else None


def account_of_arn(arn: str) -> str:
    """The fifth part of an ARN: `arn:<partition>:<service>:<region>:<account>:<resource>`."""
    return arn.split(":")[4]
