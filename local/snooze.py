"""Quiets the reminders of what is open in one security group or prefix list, until a day.

GROUP is an ID. The alerter sends no reminders of what is open in it now, by the ledger of the
deployed stack, up to and on the day of --until (UTC), or until it becomes worse.
What is opened later is reported as ever, and so is the closing. The digest and make exposures show
who did it, and why.

A snooze replaces the one that the group had. Nothing else of what is kept of the group is touched.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from security_group_alerter.aws.group_items import key_of
from security_group_alerter.aws.ledger_items import value_of_snooze
from security_group_alerter.messages.people import actor_words
from security_group_alerter.messages.text import plural, safe
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.ledger import Snooze

from .arguments import account_id, group_or_list_id
from .aws_errors import code_of, problem_of
from .deployment import Deployment, DeploymentError, add_options, deployment_of
from .exposures.deployed_ledger import (
    PERMISSIONS,
    TABLE_OUTPUT,
    DeployedLedger,
    Exposure,
    KeptGroup,
    outputs_of,
    words_of,
)
from .exposures.table import order_of, table_of
from .program import run
from .sam_configuration import SamConfigurationError

LONGEST = timedelta(days=366)
LONGEST_REASON = 500
_NOT_MET = "ConditionalCheckFailedException"


class SnoozeError(Exception):
    """There is nothing to snooze, or more than one. The text says why, and what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Snooze, end a snooze, or list them. Returns 2 if that was not possible."""
    options = _options(arguments)
    try:
        return _snooze(options)
    except (SnoozeError, DeploymentError, SamConfigurationError) as error:
        problem = str(error)
    except (ClientError, BotoCoreError) as error:
        what, todo = problem_of(error)
        problem = f"{what}. {todo}"
    print(f"snooze: {' '.join(problem.split())}", file=sys.stderr)
    return 2


def clock() -> datetime:
    """The time that tells which day it is, in UTC."""
    return datetime.now(UTC)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.snooze",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"You need {', '.join(PERMISSIONS)},\nsts:GetCallerIdentity and, but for --list, "
        "dynamodb:UpdateItem.\n\nExit status: 0; 2 if nothing could be snoozed, ended or listed.",
    )
    parser.add_argument(
        "group",
        nargs="?",
        type=group_or_list_id,
        metavar="GROUP",
        help="as sg-0123456789abcdef0, or pl-…",
    )
    parser.add_argument(
        "--until",
        type=_day,
        metavar="DAY",
        help="the last quiet day, as 2026-12-24; a year ahead at most",
    )
    parser.add_argument("--why", metavar="TEXT", help="the reason, for those who read it later")
    parser.add_argument("--end", action="store_true", help="take the group's snooze back")
    parser.add_argument("--list", action="store_true", help="list what is snoozed")
    parser.add_argument(
        "--account", type=account_id, metavar="ID", help="where several accounts have the group"
    )
    parser.add_argument(
        "--group-region", metavar="R", help="where several Regions have it; --region is the stack's"
    )
    add_options(parser, with_parameters=False)
    options = parser.parse_args(arguments)
    _check(parser, options)
    return options


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse what does not go together, before anything is asked."""
    has_snooze = options.until is not None or options.why is not None
    if options.list:
        has_place = options.account or options.group_region
        if options.group or options.end or has_snooze or has_place:
            parser.error("--list goes alone: it lists the snoozes of every group")
        return
    if not options.group:
        parser.error("name a group, or --list")
    if not options.end:
        _check_snooze(parser, options)
    elif has_snooze:
        parser.error("--end goes without --until and --why")


def _check_snooze(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    if options.until is None:
        parser.error("say until when, with --until DAY")
    if not (options.why or "").strip():
        parser.error("say why, with --why: others will ask")
    if len(options.why) > LONGEST_REASON:
        parser.error(f"--why: at most {LONGEST_REASON} characters")
    today = clock().date()
    if options.until < today:
        parser.error(f"--until: {options.until} is over; today is {today}, in UTC")
    if options.until > today + LONGEST:
        parser.error("--until: a year ahead at most: what stays open longer should be accepted")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as 2026-12-24, found {text!r}") from None


def _snooze(options: argparse.Namespace) -> int:
    deployment = deployment_of(options)
    table_name = outputs_of(deployment)[TABLE_OUTPUT]
    client = deployment.client("dynamodb")
    ledger = DeployedLedger(client, table_name)
    if options.list:
        return _list(ledger)
    group = _group_of(ledger, options)
    if options.end:
        return _end(client, table_name, group)
    exposures = sorted((it for it in group.exposures()), key=order_of)
    if not exposures:
        raise SnoozeError(f"nothing is open in {words_of(group.resource)}, by the ledger")
    snooze = Snooze(
        until=options.until,
        by=_caller(deployment),
        why=options.why.strip(),
        uids=frozenset(it.uid for it in exposures),
        at=clock(),
    )
    _update(
        client,
        table_name,
        group.resource,
        UpdateExpression="SET snoozed = :snoozed",
        ExpressionAttributeValues={":snoozed": value_of_snooze(snooze)},
        # So that no item is made of one that has just expired.
        ConditionExpression="attribute_exists(version)",
    )
    _print_table(exposures)
    if group.kept.snoozed:
        print(f"\nThis replaces: {_words(group.kept.snoozed)}.")
    what = plural(len(exposures), "exposure")
    print(f"\nSnoozed until {snooze.until}: {what}, in {words_of(group.resource)}.")
    return 0


def _end(client: Any, table_name: str, group: KeptGroup) -> int:
    if group.kept.snoozed is None:
        raise SnoozeError(f"nothing is snoozed in {words_of(group.resource)}")
    _update(
        client,
        table_name,
        group.resource,
        UpdateExpression="REMOVE snoozed",
        ConditionExpression="attribute_exists(snoozed)",
    )
    print(f"Ended, in {words_of(group.resource)}: {_words(group.kept.snoozed)}.")
    return 0


def _list(ledger: DeployedLedger) -> int:
    today, problems = clock().date(), list[str]()
    groups = ledger.read(ledger.open_resources(), problems)
    snoozed = [(group.kept.snoozed, group) for group in groups if group.kept.snoozed is not None]
    for snooze, group in sorted(snoozed, key=lambda it: (it[0].until, key_of(it[1].resource))):
        over = "" if snooze.until >= today else " (over)"
        count = sum(it.uid in snooze.uids for it in group.exposures())
        print(f"{words_of(group.resource)}, {plural(count, 'open exposure')}{over}")
        print(f"  {_words(snooze)}")
    if not snoozed:
        print("Nothing is snoozed.")
    for problem in problems:
        print(f"snooze: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _group_of(ledger: DeployedLedger, options: argparse.Namespace) -> KeptGroup:
    """The one that is meant. Raises SnoozeError."""
    found: dict[Resource, datetime | None] = {
        resource: looked_at
        for resource, looked_at in ledger.open_resources().items()
        if resource.id == options.group
        and options.account in {None, resource.account_id}
        and options.group_region in {None, resource.region}
    }
    if not found:
        raise SnoozeError(
            f"the ledger knows of nothing open in {options.group}"
            f"{_where(options)}: see make exposures"
        )
    if len(found) > 1:
        places = "; ".join(sorted(map(words_of, found)))
        raise SnoozeError(f"say which, with --account and --group-region: {places}")
    problems: list[str] = []
    groups = ledger.read(found, problems)
    if not groups:
        raise SnoozeError("".join(problems) or f"{options.group} is in the ledger no more")
    return groups[0]


def _where(options: argparse.Namespace) -> str:
    account = f" of account {options.account}" if options.account else ""
    return account + (f" in {options.group_region}" if options.group_region else "")


def _caller(deployment: Deployment) -> str:
    """Who does this, as the ledger keeps it."""
    return str(deployment.client("sts").get_caller_identity()["Arn"])


def _update(client: Any, table_name: str, resource: Resource, **change: Any) -> None:
    key: Mapping[str, Any] = {"resource": {"S": key_of(resource)}}
    try:
        client.update_item(TableName=table_name, Key=key, **change)
    except ClientError as error:
        if code_of(error) != _NOT_MET:
            raise
        raise SnoozeError(
            f"the ledger's item of {words_of(resource)} changed just now: run it again"
        ) from None


def _print_table(exposures: list[Exposure]) -> None:
    in_colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    lines = table_of(exposures, {}, now=clock(), in_colour=in_colour)
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _words(snooze: Snooze) -> str:
    return f"until {snooze.until} by {actor_words(snooze.by)}: {safe(snooze.why, LONGEST_REASON)}"


if __name__ == "__main__":
    run("snooze", main)
