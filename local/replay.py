"""Runs the real Lambda handler over CloudTrail records, and prints the alerts.

PATH is a file, a folder, or - for standard input. A file may hold one record, JSON Lines, an
EventBridge event or an awslogs payload, or be a log file as CloudTrail writes it to S3 (gzipped or
not). Records that the subscription filter in template.yaml does not match are dropped, as
CloudWatch Logs drops them. Nothing leaves this machine. The function's clock is set to five minutes
after the newest record of each delivery.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tqdm import tqdm

from security_group_alerter.settings import SettingsError

from .aws import SentAlert, emulated_aws
from .deliveries import LONGEST_GAP, Delivery, deliveries_of
from .filter_pattern import compile_pattern
from .lambda_context import lambda_context
from .program import run
from .records_in import Payload, Record, UnreadableFileError, paths_in, records_in
from .template import subscription_pattern

if TYPE_CHECKING:
    from security_group_alerter.alerting import Alerter

CLOUDTRAIL_LATENCY = timedelta(minutes=5)
_LARGE = 1000
_SEVERITY_COLOURS = {"CRITICAL": "1;97;41", "HIGH": "1;31", "MEDIUM": "1;33", "LOW": "1;36"}


def main(arguments: list[str] | None = None) -> int:
    """Replay and print. Returns 2 if something could not be read."""
    options = _options(arguments)
    problems: list[str] = []
    read = list(_read(options.paths, problems))
    matches = compile_pattern(subscription_pattern()).matches
    # A payload has passed the filter already.
    let_through = [item for item in read if isinstance(item, Payload) or matches(item)]
    # For people, the clock is near each call; for programs, there are as few deliveries as can be.
    is_for_people = options.format != "json" and not options.payload
    gap = {"longest_gap": LONGEST_GAP} if is_for_people else {}
    deliveries = list(deliveries_of(let_through, **gap))
    if options.payload:
        for delivery in deliveries:
            print(json.dumps(delivery.payload))
    else:
        try:
            _replay(deliveries, options.format, len(read) - len(let_through), problems)
        except SettingsError as error:
            problems.append(str(error))
    for problem in problems:
        print(f"replay: {problem}", file=sys.stderr)
    return 2 if problems else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit status: 0; 2 if a path could not be read (the others are replayed).",
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, a folder, or - for stdin")
    parser.add_argument(
        "--format",
        choices=sorted(_FORMATS),
        default="email",
        help="the form to print, as a subscriber gets it; json prints all forms as JSON Lines "
        "(default: email)",
    )
    parser.add_argument(
        "--payload",
        action="store_true",
        help="print the awslogs payloads instead, for `sam local invoke -e -` and "
        "`sam remote invoke --event-file -`",
    )
    return parser.parse_args(arguments)


def _read(paths: list[str], problems: list[str]) -> Iterator[Record | Payload]:
    for path in paths:
        try:
            files = paths_in(path)
        except UnreadableFileError as error:
            problems.append(str(error))
            continue
        for file in files:
            try:
                yield from records_in(file)
            except UnreadableFileError as error:
                problems.append(str(error))


def _replay(deliveries: list[Delivery], form: str, dropped: int, problems: list[str]) -> None:
    totals: Counter[str] = Counter()
    alerts: list[SentAlert] = []
    with emulated_aws() as topic:
        function = ReplayedFunction()
        for delivery in _with_progress(deliveries):
            totals.update(function.handle(delivery, problems))
            alerts += topic.take()
    if form != "json":
        # What needs attention comes first. JSON Lines keep the order of sending.
        alerts.sort(key=lambda alert: alert.attributes["world_open"] != "true")
    for alert in alerts:
        print(_FORMATS[form](alert))
    print(
        f"{totals['records'] + dropped} records read, {totals['matched']} matched, "
        f"{len(alerts)} alerts, {totals['world_open']} world-open, "
        f"{totals['unreadable']} unreadable",
        file=sys.stderr,
    )


class ReplayedFunction:
    """The Lambda function, with a clock that stands where each delivery would have come.

    Needs `emulated_aws`. Raises SettingsError.
    """

    def __init__(self) -> None:
        # The function logs to standard output, which belongs to the alerts here.
        with redirect_stdout(sys.stderr):
            from security_group_alerter.handlers import delivery as handler
        self._handler = handler
        self._alerter: Alerter | None = None

    def handle(self, delivery: Delivery, problems: list[str]) -> dict[str, int]:
        """What became of one delivery. A payload that cannot be decoded becomes a problem."""
        from security_group_alerter.cloudtrail.payload import UndecodableDeliveryError
        from security_group_alerter.wiring import delivery_alerter

        now = _later(delivery.newest or datetime.now(UTC))
        if self._alerter is None:
            self._alerter = delivery_alerter(os.environ, today=now.date())
        context = lambda_context("replay")
        try:
            return self._handler.handle(delivery.payload, context, self._alerter, now=now)
        except UndecodableDeliveryError as error:
            problems.append(f"{delivery.where}: {error}")
            return {}


def _later(time: datetime) -> datetime:
    try:
        return time + CLOUDTRAIL_LATENCY
    except OverflowError:
        return time


def _with_progress(deliveries: list[Delivery]) -> Iterator[Delivery]:
    total = sum(delivery.records for delivery in deliveries)
    # disable=None: a bar on a terminal only.
    with tqdm(total=total, unit=" records", disable=None if total > _LARGE else True) as bar:
        for delivery in deliveries:
            yield delivery
            bar.update(delivery.records)


def _email(alert: SentAlert) -> str:
    severity = alert.attributes["severity"]
    rule = "─" * 100
    subject, text = f"Subject: {alert.subject}", alert.messages["email"]
    colour = _SEVERITY_COLOURS.get(severity)
    if colour is not None and sys.stdout.isatty():
        subject = f"\x1b[{colour}m{subject}\x1b[0m"
    return f"{rule}\n{subject}\n\n{text}"


def _json(alert: SentAlert) -> str:
    return json.dumps(
        {
            "event_ids": alert.event_ids,
            "subject": alert.subject,
            "attributes": alert.attributes,
            "messages": alert.messages,
        }
    )


_FORMATS: dict[str, Callable[[SentAlert], str]] = {
    "email": _email,
    "json": _json,
    "chat": lambda alert: json.dumps(json.loads(alert.messages["https"]), indent=2),
    "sms": lambda alert: alert.messages["sms"],
    "machine": lambda alert: json.dumps(json.loads(alert.messages["default"]), indent=2),
}


if __name__ == "__main__":
    run("replay", main, when_closed=0)
