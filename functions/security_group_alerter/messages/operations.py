"""The mail of the daily check: what is wrong with the alerter, since when, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from ..judgement.health import ACCOUNTS
from ..model.dataclass import dataclass
from ..model.health import Ended, HealthReport, Installation, Lasting, Notice, ProblemKind
from .text import plural, safe

# Of each kind; the others are counted.
MOST_NAMED = 20
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LONGEST_SUBJECT = 99
ANCHOR = "the-daily-check-found-something"
_SENDER = "Security group alerter"
_MORE = ", and more"
# Long enough for the ARNs and the reason in an error of AWS.
_LONGEST_DETAILS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What is said of a kind: in the subject, of one or many; in the text; what to do; the end."""

    subject: str
    plural: str = ""
    heading: str
    todo: str
    over: str
    over_because_gone: str = ""


_WORDS = {
    ProblemKind.NO_TRAIL: _Words(
        subject="no trail",
        heading="The trail does not exist, or this account cannot see it. Nothing is alerted on.",
        todo="If it was deleted, CloudFormation does not create it again: see make verify.",
        over="exists again",
    ),
    ProblemKind.TRAIL_STOPPED: _Words(
        subject="trail stopped",
        heading="The trail is stopped. No call is recorded, and nothing is alerted on.",
        todo="Start it (aws cloudtrail start-logging), and find out who stopped it.",
        over="records again",
    ),
    ProblemKind.NOT_TO_LOGS: _Words(
        subject="trail does not reach CloudWatch Logs",
        heading="The trail does not deliver to CloudWatch Logs. Nothing is alerted on.",
        todo="Compare TrailLogRole, the log group and the key's policy with template.yaml.",
        over="delivers to CloudWatch Logs again",
    ),
    ProblemKind.NO_HEARTBEAT: _Words(
        subject="no heartbeat",
        heading="No heartbeat arrives. Changes may not be reported.",
        todo="Run make verify: it checks every part that a heartbeat passes through.",
        over="arrives again",
    ),
    ProblemKind.NOT_TO_S3: _Words(
        subject="trail does not reach S3",
        heading="The trail does not deliver to S3. Alerts go on, but the archive is not complete.",
        todo="Compare the bucket's policy, and the key's, with template.yaml.",
        over="delivers to S3 again",
    ),
    ProblemKind.NO_SUBSCRIBER: _Words(
        subject="a topic without subscribers",
        plural="topics without subscribers",
        heading="Nobody gets what is published here: there is no confirmed subscription.",
        todo="Subscribe somebody: see docs/subscribe.md.",
        over="has a subscriber again",
    ),
    ProblemKind.NOT_CONFIRMED: _Words(
        subject="an unconfirmed subscription",
        plural="unconfirmed subscriptions",
        heading="These subscriptions are not confirmed, and get nothing.",
        todo="Follow the link in the mail from AWS. If it has expired, subscribe again.",
        over="is confirmed",
        over_because_gone="was not confirmed, and is gone: AWS deletes it after some days",
    ),
    ProblemKind.SILENT_ACCOUNT: _Words(
        subject="a silent account",
        plural="silent accounts",
        heading="nothing has come from them for 7 days or more.",
        todo=(
            "If an account is in use, check that it has the trail (aws cloudtrail describe-trails, "
            "in that account), and that the organization still trusts CloudTrail (make preflight)."
        ),
        over="is seen again",
        over_because_gone="is not an active account of the organization any more",
    ),
    ProblemKind.NOT_CHECKED: _Words(
        subject="a failed check",
        plural="failed checks",
        heading="This could not be checked, so it may be broken without a message.",
        todo=(
            "Grant what is missing, or check it with make verify. Accounts can be listed only from "
            "the management account or by a delegated administrator."
        ),
        over="can be checked again",
    ),
}


def notice_of(report: HealthReport, place: Installation, now: datetime) -> Notice | None:
    """The message; None when there is nothing to report."""
    if not (report.begun or report.lasting or report.ended):
        return None
    return Notice(subject=_subject(report), text="\n".join(_lines(report, place, now)) + "\n")


def _subject(report: HealthReport) -> str:
    """What is new, else what lasts, else how much is over: as many kinds as have room."""
    parts = [
        _counted(_WORDS[kind], len(list(group)))
        for kind, group in _by_kind(report.begun or report.lasting)
    ] or [f"{plural(len(report.ended), 'problem')} over"]
    still = "still " if report.lasting and not report.begun else ""
    subject = f"{_SENDER}: {still}{parts[0]}"
    for part in parts[1:]:
        longer = f"{subject}, {part}"
        if len(longer) > LONGEST_SUBJECT - len(_MORE):
            return subject + _MORE
        subject = longer
    return subject


def _counted(words: _Words, count: int) -> str:
    return words.subject if count == 1 or not words.plural else f"{count:,} {words.plural}"


def _lines(report: HealthReport, place: Installation, now: datetime) -> Iterator[str]:
    yield f"The daily check of {place.stack} (account {place.account_id}, {place.region})"
    yield f"at {_minute(now)} has something to report."
    if report.begun:
        yield from ("", "NEW")
        yield from _problem_lines(report, report.begun, now)
    if report.lasting:
        yield from ("", "STILL SO (repeated every 7 days)")
        yield from _problem_lines(report, report.lasting, now)
    if report.ended:
        yield from ("", "OVER")
        yield from _some([_ended_line(it, now) for it in report.ended])
    yield from (
        "",
        "TO LOOK CLOSER",
        f"In a checkout of the alerter, with credentials of account {place.account_id}:",
        f'make verify ARGS="--stack {place.stack} --region {place.region}"',
        "It checks every part now, and says how to fix what is broken.",
        f"Runbook: {_runbook(place)}",
    )


def _problem_lines(
    report: HealthReport, problems: Iterable[Lasting], now: datetime
) -> Iterator[str]:
    for kind, group in _by_kind(problems):
        words, some = _WORDS[kind], list(group)
        heading = words.heading
        if kind is ProblemKind.SILENT_ACCOUNT:
            known = plural(report.sizes[ACCOUNTS], "active account")
            heading = f"{len(some):,} of {known}: {heading}"
        yield from ("", heading)
        yield from _some([_problem_line(it, now) for it in some])
        yield f"To do: {words.todo}"


def _some(lines: list[str]) -> Iterator[str]:
    yield from (f"- {line}" for line in lines[:MOST_NAMED])
    if len(lines) > MOST_NAMED:
        yield f"- and {len(lines) - MOST_NAMED:,} more"


def _problem_line(lasting: Lasting, now: datetime) -> str:
    problem = lasting.problem
    details = f": {safe(problem.details, _LONGEST_DETAILS)}" if problem.details else ""
    once = " (this is not repeated)" if problem.is_said_once else ""
    return f"{safe(problem.title)}, since {_since(lasting.since, now)}{details}{once}"


def _ended_line(ended: Ended, now: datetime) -> str:
    words, entry = _WORDS[ended.entry.kind], ended.entry
    over = words.over_because_gone if ended.is_gone and words.over_because_gone else words.over
    return f"{safe(entry.title)} {over} (the problem began {_since(entry.since, now)})"


def _by_kind(problems: Iterable[Lasting]) -> Iterator[tuple[ProblemKind, Iterator[Lasting]]]:
    """Worst kind first; in each, what began last first: it is the likeliest to have a cause."""
    order = list(ProblemKind)
    ordered = sorted(sorted(problems, key=lambda it: it.problem.title), key=_began, reverse=True)
    ordered.sort(key=lambda it: order.index(it.problem.kind))
    return groupby(ordered, key=lambda it: it.problem.kind)


def _began(lasting: Lasting) -> datetime:
    return lasting.since


def _since(time: datetime, now: datetime) -> str:
    """`2026-11-20 08:55 UTC, 8 days ago`."""
    ago = now - time
    if ago < timedelta(minutes=1):
        return "now"
    if ago < timedelta(hours=2):
        return f"{_minute(time)}, {ago // timedelta(minutes=1)} min ago"
    if ago < timedelta(days=2):
        return f"{_minute(time)}, {ago // timedelta(hours=1)} h ago"
    return f"{_minute(time)}, {ago.days} days ago"


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _runbook(place: Installation) -> str:
    page = place.runbook_url or "docs/runbook.md"
    return page if "#" in page else f"{page}#{ANCHOR}"
