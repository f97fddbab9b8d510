"""The environment becomes Settings: once, typed, and loud when something is wrong.

template.yaml sets these variables, and a test holds the two lists equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo


class SettingsError(ValueError):
    """Variables are missing or wrong; the text names each, its value and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set from outside. None is what was left empty."""

    alert_topic_arn: str
    organization_id: str | None
    trail_arn: str | None
    time_zone: ZoneInfo
    access_portal_url: str | None
    access_portal_role: str | None
    account_tags: tuple[str, ...]
    runbook_url: str | None
    seen_events_table: str
    heartbeat_role_arn: str | None


class Variable(NamedTuple):
    """How one environment variable becomes one setting."""

    setting: str
    expected: str
    read: Callable[[str], Any]
    when_empty: Any = None
    is_required: bool = False


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read every variable; raises SettingsError with all that is wrong, not just the first."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, variable in VARIABLES.items():
        text = environment.get(name, "").strip()
        try:
            values[variable.setting] = variable.read(text) if text else variable.when_empty
        except (ValueError, LookupError, OSError):
            wrong.append(f"{name}={text!r}: expected {variable.expected}")
        if not text and variable.is_required:
            wrong.append(f"{name} is not set: expected {variable.expected}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return Settings(**values)


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(text)
        return text

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


_ARN = r"arn:aws[a-z-]*:{service}:[a-z0-9-]+:\d{{12}}:{resource}"

VARIABLES: dict[str, Variable] = {
    "ALERT_TOPIC_ARN": Variable(
        "alert_topic_arn",
        "the ARN of an SNS topic",
        _matching(_ARN.format(service="sns", resource=r"[\w-]+")),
        is_required=True,
    ),
    "ORGANIZATION_ID": Variable(
        "organization_id",
        "an organization id such as o-exampleorgid",
        _matching(r"o-[a-z0-9]{10,32}"),
    ),
    "TRAIL_ARN": Variable(
        "trail_arn",
        "the ARN of a CloudTrail trail",
        _matching(_ARN.format(service="cloudtrail", resource=r"trail/[\w.-]+")),
    ),
    "TIME_ZONE": Variable(
        "time_zone", "an IANA time zone such as Europe/Berlin", ZoneInfo, ZoneInfo("UTC")
    ),
    "ACCESS_PORTAL_URL": Variable(
        "access_portal_url",
        "the https address of an AWS access portal such as https://d-1234567890.awsapps.com/start",
        _matching(r"https://[\w.-]+(?:/[\w./#-]*)?"),
    ),
    "ACCESS_PORTAL_ROLE": Variable(
        "access_portal_role", "the name of a permission set", _matching(r"[\w+=,.@-]{1,32}")
    ),
    "SEEN_EVENTS_TABLE": Variable(
        "seen_events_table",
        "the name of a DynamoDB table",
        _matching(r"[A-Za-z0-9_.-]{3,255}"),
        is_required=True,
    ),
    "HEARTBEAT_ROLE_ARN": Variable(
        "heartbeat_role_arn",
        "the ARN of an IAM role",
        _matching(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+"),
    ),
    "RUNBOOK_URL": Variable(
        "runbook_url",
        "the https address of your runbook",
        _matching(r"https://[!-;=?-~]+"),
    ),
    "ACCOUNT_TAGS": Variable(
        "account_tags", "names of account tags, separated by commas", _names, ()
    ),
}
