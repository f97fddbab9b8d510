"""Checks the parameters: what would be refused, what an update changes, who gets e-mail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..bucket_policy import BUCKET
from ..checks import Check, Checks, ok, stop, warning
from ..deployment import Deployment, broken_rules, complaints, defaults
from .plan import Plan

SUBJECT: Final = "parameters"


def parameter_checks(values: Mapping[str, str]) -> Checks[None]:
    """What would be refused, in the template's own words."""
    refused = [
        stop(
            SUBJECT,
            f"{name}={values[name]!r} {complaint.rstrip('.')}",
            f"Change it in samconfig.toml, or with --parameter {name}=…",
        )
        for name, complaint in complaints(values)
    ] + [
        stop(SUBJECT, rule.rstrip("."), "Change samconfig.toml, or set them with --parameter")
        for rule in broken_rules(values)
    ]
    refused = refused or [*_time_zone_checks(values), *_archive_checks(values)]
    yield from refused or [ok(SUBJECT, "all valid")]


def _time_zone_checks(values: Mapping[str, str]) -> Iterator[Check]:
    """The template knows only its form. With a zone that does not exist, no function starts."""
    try:
        ZoneInfo(values["TimeZone"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield stop(
            SUBJECT,
            f"TimeZone={values['TimeZone']!r} is not in the IANA time zone database",
            "Name a time zone such as Europe/Zurich: --parameter TimeZone=…",
        )


def _archive_checks(values: Mapping[str, str]) -> Iterator[Check]:
    """S3 refuses to delete files before, or when, it would move them.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
    """
    moved, deleted = int(values["ArchiveTransitionInDays"]), int(values["ArchiveExpirationInDays"])
    makes_bucket = not (values.get("ExistingTrailLogGroupName") or values.get(BUCKET))
    if makes_bucket and moved and deleted and deleted <= moved:
        yield stop(
            SUBJECT,
            f"ArchiveExpirationInDays={deleted} is not more than ArchiveTransitionInDays={moved}: "
            "S3 refuses to delete files before they have moved",
            "Set it to more, or ArchiveTransitionInDays=0, with which they never move",
        )


def update_checks(plan: Plan) -> Iterator[Check]:
    """On an existing stack: which parameters the update changes, and which stay as they are."""
    deployed, given = plan.deployed, plan.deployment.given
    if not deployed:
        return
    changed = {
        name: f"{name} from {deployed.get(name) or 'nothing'} to {value or 'nothing'}"
        for name, value in given.items()
        if value != deployed.get(name)
    }
    yield ok(SUBJECT, f"the update changes {', '.join(changed.values()) or 'none of them'}")
    usual = defaults()
    staying = {name: value for name, value in deployed.items() if name not in changed}
    own = [f"{name}={value}" for name, value in staying.items() if value != usual.get(name)]
    rest = len(staying) - len(own)
    others = [f"{rest} that have the template's defaults"] if rest else []
    yield ok(
        SUBJECT, f"these stay as they are on the stack: {', '.join(own + others) or 'none of them'}"
    )


def chat_checks(deployment: Deployment, values: Mapping[str, str]) -> Checks[None]:
    """Elsewhere than in the partition aws, the template makes no channel."""
    for name, what in (("SlackWorkspaceId", "Slack"), ("TeamsTenantId", "Microsoft Teams")):
        if values.get(name) and deployment.partition != "aws":
            yield warning(
                "chat",
                f"{what} gets nothing: Amazon Q Developer in chat applications is not available "
                f"in {deployment.region}",
                f"Subscribe something else to the alert topic, and leave {name} empty",
            )


def email_checks(plan: Plan) -> Checks[None]:
    """Who gets the alerts, and who learns that the alerter has failed."""
    refused = dict(complaints(plan.values))
    for name, what in (
        ("AlertEmail", "gets the alerts"),
        ("OperationsEmail", "learns that the alerter itself has failed"),
    ):
        address = plan.values.get(name)
        if not address:
            yield warning(
                "e-mail",
                f"{name} is empty: nobody {what} until something subscribes to the topic",
                f"Set it: --parameter {name}=security@example.com",
            )
        elif name not in refused:
            known = plan.deployed.get(name) == address
            how = "as before" if known else "SNS will send a link to confirm the subscription"
            yield ok("e-mail", f"{address}: {how}")
