"""The environment becomes settings: once, typed, and loud when something is wrong.

Each handler has a table of its own. template.yaml sets these variables, and a test holds the tables
and the template equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any

from .model import ids
from .model.dataclass import dataclass, replace
from .model.presentation import Presentation
from .model.severity import Severity

# The namespace of the metrics. Alarms and the dashboard name it as well; a test holds them equal.
METRICS_NAMESPACE = "SecurityGroupAlerter"


class SettingsError(ValueError):
    """Variables are missing or wrong; the text names each, its value and what is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestSettings:
    """What can be set from outside for handlers/digest.py. None is what was left empty."""

    presentation: Presentation
    alert_topic_arn: str
    seen_events_table: str
    group_memory_table: str
    # With its path, and without a slash before it.
    look_role_name: str | None = None
    organization_id: str | None = None
    chat_topic_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings(DigestSettings):
    """What can be set from outside for handlers/watch.py. None is what was left empty."""

    account_tags: tuple[str, ...] = ()
    minimum_chat_severity: Severity = Severity.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings(WatchSettings):
    """What can be set from outside for handlers/delivery.py. None is what was left empty."""

    trail_arn: str | None = None
    heartbeat_role_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """What can be set from outside for handlers/daily_check.py. None is what was left empty."""

    stack_name: str
    trail_arn: str
    trail_log_group: str
    seen_events_table: str
    alert_topic_arn: str
    operations_topic_arn: str
    chat_topic_arn: str | None = None
    runbook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSettings:
    """What can be set from outside for the sweep in handlers/sweep.py."""

    group_memory_table: str
    look_role_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings(SweepSettings):
    """What can be set from outside for the plan in handlers/sweep.py."""

    sweep_queue_url: str


@dataclass(frozen=True, slots=True)
class Variable:
    """How one environment variable becomes one setting."""

    setting: str
    expected: str
    read: Callable[[str], Any]
    when_empty: Any = None
    is_required: bool = False


def delivery_settings_in(environment: Mapping[str, str]) -> DeliverySettings:
    """The settings of handlers/delivery.py. Raises SettingsError."""
    return DeliverySettings(**_with_presentation(environment, DELIVERY))


def watch_settings_in(environment: Mapping[str, str]) -> WatchSettings:
    """The settings of handlers/watch.py. Raises SettingsError."""
    return WatchSettings(**_with_presentation(environment, WATCH))


def check_settings_in(environment: Mapping[str, str]) -> CheckSettings:
    """The settings of handlers/daily_check.py. Raises SettingsError."""
    return CheckSettings(**_values_in(environment, CHECK))


def digest_settings_in(environment: Mapping[str, str]) -> DigestSettings:
    """The settings of handlers/digest.py. Raises SettingsError."""
    values = _values_in(environment, DIGEST)
    return DigestSettings(presentation=Presentation(time_zone=values.pop("time_zone")), **values)


def sweep_settings_in(environment: Mapping[str, str]) -> SweepSettings:
    """The settings of a sweep. Raises SettingsError."""
    return SweepSettings(**_values_in(environment, SWEEP))


def plan_settings_in(environment: Mapping[str, str]) -> PlanSettings:
    """The settings of a sweep's plan. Raises SettingsError."""
    return PlanSettings(**_values_in(environment, PLAN))


def _with_presentation(
    environment: Mapping[str, str], variables: dict[str, Variable]
) -> dict[str, Any]:
    values = _values_in(environment, PRESENTATION | variables)
    presentation = {it.setting: values.pop(it.setting) for it in PRESENTATION.values()}
    return {"presentation": Presentation(**presentation), **values}


def _values_in(environment: Mapping[str, str], variables: Mapping[str, Variable]) -> dict[str, Any]:
    """Read every variable; raises SettingsError with all that is wrong, not just the first."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, variable in variables.items():
        text = environment.get(name, "").strip()
        try:
            values[variable.setting] = variable.read(text) if text else variable.when_empty
        except (ValueError, LookupError, OSError):
            wrong.append(f"{name}={text!r}: expected {variable.expected}")
        if not text and variable.is_required:
            wrong.append(f"{name} is not set: expected {variable.expected}")
    if wrong:
        raise SettingsError("; ".join(wrong))
    return values


def _matching(pattern: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(text)
        return text

    return read


def _role_name(text: str) -> str:
    if not (found := _ROLE_NAME.fullmatch(text)) or len(found["path"]) > _LONGEST_PATH:
        raise ValueError(text)
    return found["path"] + found["name"]


def _time_zone(text: str) -> tzinfo:
    if text == "UTC":
        return UTC
    # Who reads UTC does not pay for the import.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    return ZoneInfo(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _arn(service: str, region: str, resource: str) -> Callable[[str], str]:
    parts = (ids.PARTITION.pattern, service, region, ids.ACCOUNT.pattern, resource)
    return _matching("arn:" + ":".join(parts))


# https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
_ROLE_NAME = re.compile(r"/?(?P<path>(?:[A-Za-z0-9_+=,.@-]+/)*)(?P<name>[A-Za-z0-9_+=,.@-]{1,64})")
# 512 with the slash before it.
_LONGEST_PATH = 511

# Of every handler that sends alerts.
PRESENTATION: dict[str, Variable] = {
    "TIME_ZONE": Variable("time_zone", "an IANA time zone such as Europe/Berlin", _time_zone, UTC),
    "ACCESS_PORTAL_URL": Variable(
        "access_portal_url",
        "the https address of an AWS access portal such as https://d-1234567890.awsapps.com/start",
        _matching(r"https://[\w.-]+(?:/[\w./#-]*)?"),
    ),
    "ACCESS_PORTAL_ROLE": Variable(
        "access_portal_role", "the name of a permission set", _matching(r"[\w+=,.@-]{1,32}")
    ),
    "RUNBOOK_URL": Variable(
        "runbook_url",
        "the https address of your runbook",
        _matching(r"https://[!-;=?-~]+"),
    ),
}

# Of handlers/delivery.py; the tables below take from it.
DELIVERY: dict[str, Variable] = {
    "ALERT_TOPIC_ARN": Variable(
        "alert_topic_arn",
        "the ARN of an SNS topic",
        _arn("sns", ids.REGION.pattern, r"[\w-]+"),
        is_required=True,
    ),
    "SEEN_EVENTS_TABLE": Variable(
        "seen_events_table",
        "the name of a DynamoDB table",
        _matching(r"[A-Za-z0-9_.-]{3,255}"),
        is_required=True,
    ),
    "GROUP_MEMORY_TABLE": Variable(
        "group_memory_table",
        "the name of a DynamoDB table",
        _matching(r"[A-Za-z0-9_.-]{3,255}"),
        is_required=True,
    ),
    "LOOK_ROLE_NAME": Variable(
        "look_role_name", "the name of an IAM role, with its path if it has one", _role_name
    ),
    "ORGANIZATION_ID": Variable(
        "organization_id",
        "an organization id such as o-exampleorgid",
        _matching(ids.ORGANIZATION.pattern),
    ),
    "TRAIL_ARN": Variable(
        "trail_arn",
        "the ARN of a CloudTrail trail",
        _arn("cloudtrail", ids.REGION.pattern, r"trail/[\w.-]+"),
    ),
    "HEARTBEAT_ROLE_ARN": Variable(
        "heartbeat_role_arn",
        "the ARN of an IAM role",
        _arn("iam", "", r"role/[A-Za-z0-9_+=,.@/-]+"),
    ),
    "ACCOUNT_TAGS": Variable(
        "account_tags", "names of account tags, separated by commas", _names, ()
    ),
    "CHAT_TOPIC_ARN": Variable(
        "chat_topic_arn",
        "the ARN of an SNS topic",
        _arn("sns", ids.REGION.pattern, r"[\w-]+"),
    ),
    "MINIMUM_CHAT_SEVERITY": Variable(
        "minimum_chat_severity",
        f"one of {', '.join(severity.name for severity in Severity)}",
        Severity.__getitem__,
        Severity.HIGH,
    ),
}

# Of handlers/watch.py: it reads no records.
WATCH: dict[str, Variable] = {
    name: variable
    for name, variable in DELIVERY.items()
    if name not in ("TRAIL_ARN", "HEARTBEAT_ROLE_ARN")
}

# Of handlers/daily_check.py. Where the delivery function can do without, the check cannot.
CHECK: dict[str, Variable] = {
    "STACK_NAME": Variable(
        "stack_name",
        "the name of a CloudFormation stack",
        _matching(r"[A-Za-z][A-Za-z0-9-]{0,127}"),
        is_required=True,
    ),
    "TRAIL_ARN": replace(DELIVERY["TRAIL_ARN"], is_required=True),
    "TRAIL_LOG_GROUP": Variable(
        "trail_log_group",
        "the name of a log group",
        _matching(r"[A-Za-z0-9_/.#-]{1,512}"),
        is_required=True,
    ),
    "SEEN_EVENTS_TABLE": DELIVERY["SEEN_EVENTS_TABLE"],
    "ALERT_TOPIC_ARN": DELIVERY["ALERT_TOPIC_ARN"],
    "OPERATIONS_TOPIC_ARN": replace(DELIVERY["ALERT_TOPIC_ARN"], setting="operations_topic_arn"),
    "CHAT_TOPIC_ARN": DELIVERY["CHAT_TOPIC_ARN"],
    "RUNBOOK_URL": PRESENTATION["RUNBOOK_URL"],
}

# Of handlers/digest.py.
DIGEST: dict[str, Variable] = {
    "TIME_ZONE": PRESENTATION["TIME_ZONE"],
    **{
        name: DELIVERY[name]
        for name in (
            *("ALERT_TOPIC_ARN", "CHAT_TOPIC_ARN", "ORGANIZATION_ID"),
            *("SEEN_EVENTS_TABLE", "GROUP_MEMORY_TABLE", "LOOK_ROLE_NAME"),
        )
    },
}

# Of handlers/sweep.py: the sweep, and its plan.
SWEEP: dict[str, Variable] = {
    "GROUP_MEMORY_TABLE": DELIVERY["GROUP_MEMORY_TABLE"],
    "LOOK_ROLE_NAME": replace(DELIVERY["LOOK_ROLE_NAME"], is_required=True),
}
PLAN: dict[str, Variable] = {
    **SWEEP,
    "SWEEP_QUEUE_URL": Variable(
        "sweep_queue_url",
        "the URL of an SQS queue",
        _matching(r"https?://[\w.:-]+/[0-9]+/[\w.-]+"),
        is_required=True,
    ),
}
