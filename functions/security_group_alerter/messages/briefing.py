"""Step 8: an alert becomes a briefing: everything that its forms say, worked out once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from ..model import ids
from ..model.alert import Alert, DeliveredFinding
from ..model.finding import Finding
from ..model.presentation import Presentation
from ..model.record import CloudTrailRecord, Outcome
from ..model.severity import Severity
from ..model.subject import SubjectKind
from .changed import changed_by
from .changed.words import Changed
from .limits import Limits
from .links import event_link, group_link
from .people import (
    distinct,
    lag_words,
    mfa_words,
    principal_words,
    session_words,
    time_words,
)
from .reasons import reasons_for
from .rule_words import concern_of, width_of
from .text import safe

# Amazon SNS refuses a subject of 100 characters or more.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LONGEST_SUBJECT = 99
# EC2 takes so many values in a filter.
_MOST_LOOKED_AT = 200
# When the table of alerted events could not be read.
MAY_REPEAT = "This may be a repeat: whether it has been alerted before could not be looked up"
_REFUSED = {
    Outcome.DENIED: "denied attempt to",
    Outcome.FAILED: "failed attempt to",
    Outcome.DRY_RUN: "dry run (nothing changed) to",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an alert, or what stands in its place.

    `concern` puts the worst first. `reopens` says that undoing it opens something to the world
    again.
    """

    finding: Finding
    name: str
    phrase: str
    changed: Changed
    reasons: tuple[str, ...]
    concern: tuple[object, ...]
    reopens: bool
    updates_alerted: bool
    group_link: str | None
    event_link: str | None

    @property
    def record(self) -> CloudTrailRecord | None:
        """The CloudTrail record that it comes from."""
        return self.finding.record


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoStep:
    """A command that undoes a call. `number` is the call's, from 1."""

    number: int
    call: Call
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What an alert says, for the forms to lay out.

    `calls` are in the order in which they were made; the headline names the `worst`. `undo` has the
    last call first, each command once; `without_undo` are the numbers of the calls that have no
    command, by the reason. `looks` are (what it shows, read-only command) to decide by. `uid` is
    the same for the same events, however often they are reported.
    """

    alert: Alert
    presentation: Presentation
    limits: Limits
    headline: str
    subject: str
    calls: tuple[Call, ...]
    worst: Call
    who: str
    how: str
    mfa: str
    access_keys: str
    called: str | None
    last_called: str | None
    seen: str | None
    times: tuple[datetime, ...]
    undo: tuple[UndoStep, ...]
    without_undo: dict[str, list[int]]
    looks: tuple[tuple[str, str], ...]
    runbook_url: str | None
    uid: str

    @property
    def has_record(self) -> bool:
        """Whether a CloudTrail record stands behind it: else there is no place, time or person."""
        return self.worst.record is not None

    @property
    def offers_undo(self) -> bool:
        """Whether people are shown a way back."""
        alert = self.alert
        return alert.outcome is Outcome.SUCCEEDED and alert.severity > Severity.INFORMATIONAL


def calls_of(alert: Alert, presentation: Presentation, limits: Limits) -> tuple[Call, ...]:
    """What every form says of each call: as much as the limits allow."""
    return tuple(_call_of(entry, alert, presentation, limits) for entry in alert.delivered)


def briefing_of(
    alert: Alert, calls: tuple[Call, ...], presentation: Presentation, limits: Limits
) -> Briefing:
    """Work out what every form of this alert says. `calls` are what `calls_of` made of it."""
    worst = max(calls, key=lambda call: call.concern)
    headline = _headline_of(alert, worst, len(calls))
    records = [call.record for call in calls if call.record is not None]
    times = sorted(record.event_time for record in records if record.event_time is not None)
    sessions = [record.session for record in records]
    zone = presentation.time_zone
    principal = alert.principal
    return Briefing(
        alert=alert,
        presentation=presentation,
        limits=limits,
        headline=headline,
        subject=_subject_of(alert, headline),
        calls=calls,
        worst=worst,
        who=principal_words(principal, alert.account_id) if principal else "",
        how=distinct(session_words(session) for session in sessions),
        mfa=distinct(mfa_words(session, principal) for session in sessions) if principal else "",
        access_keys=distinct(
            safe(session.access_key_id, 40) for session in sessions if session.access_key_id
        ),
        called=time_words(times[0], zone) if times else None,
        last_called=time_words(times[-1], zone) if times and times[-1] != times[0] else None,
        seen=f"{lag_words(alert.seen_at - times[-1])} later" if times else None,
        times=tuple(times),
        undo=tuple(_undo_steps(calls)),
        without_undo=_without_undo(calls),
        looks=tuple(_looks(alert, (worst, *calls))),
        runbook_url=presentation.runbook_url if alert.severity >= Severity.MEDIUM else None,
        uid=_uid_of(alert),
    )


def _call_of(
    entry: DeliveredFinding, alert: Alert, presentation: Presentation, limits: Limits
) -> Call:
    finding, record = entry.finding, entry.finding.record
    changed = changed_by(finding, limits)
    judgement, subject = finding.judgement, finding.subject
    place = (alert.region, alert.account_id, presentation)
    is_group = subject.kind is SubjectKind.SECURITY_GROUP
    return Call(
        finding=finding,
        name=changed.name or safe((record and record.event_name) or "A log event", 80),
        phrase=_phrase_of(finding, changed),
        changed=changed,
        reasons=tuple(reasons_for(judgement)),
        concern=(concern_of(judgement.foremost), width_of(judgement.listed)),
        reopens=judgement.closed.is_world_open,
        updates_alerted=entry.updates_alerted,
        group_link=group_link(subject.id, *place) if is_group else None,
        event_link=event_link(record.event_id, *place) if record else None,
    )


def _phrase_of(finding: Finding, changed: Changed) -> str:
    """What was done, or what was attempted and not done."""
    if finding.judgement.acceptance.covers_all:
        return f"accepted: {changed.done}"
    refused = _REFUSED.get(finding.outcome)
    return f"{refused} {changed.to_do}" if refused and changed.to_do else changed.done


def _headline_of(alert: Alert, worst: Call, count: int) -> str:
    """The worst call in a phrase, and how many there are. All are of one severity."""
    if count == 1:
        return worst.phrase
    which = "the worst" if alert.severity >= Severity.MEDIUM else "the first"
    what = "calls" if worst.finding.change is not None else "records"
    return f"{count:,} {what}, {which}: {worst.phrase}"


def _subject_of(alert: Alert, headline: str) -> str:
    """Severity first, then what, then where. The Region gives way when there is no room for all."""
    start = f"{alert.severity.name}: "
    account, region = safe(account_name_of(alert), 40), safe(alert.region or "", 30)
    full, short = ", ".join(filter(None, (account, region))), account
    is_short = len(f"{start}{headline} in {full}") > LONGEST_SUBJECT
    place = short if is_short else full
    end = f" in {place}" if place else ""
    subject = f"{start}{safe(headline, LONGEST_SUBJECT - len(start) - len(end))}{end}"
    if subject.isascii():
        return subject
    # A character beyond the first plane counts as two in UTF-16.
    return "".join(char if char <= "\uffff" else "\ufffd" for char in subject)


def account_name_of(alert: Alert) -> str:
    """The account's name, else its id."""
    return alert.account.name or alert.account_id or ""


def _undo_steps(calls: tuple[Call, ...]) -> Iterator[UndoStep]:
    shown: set[str] = set()
    for number, call in reversed([*enumerate(calls, start=1)]):
        command = call.changed.undo.command
        if command is not None and command not in shown:
            shown.add(command)
            yield UndoStep(number=number, call=call, command=command)


def _without_undo(calls: tuple[Call, ...]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for number, call in enumerate(calls, start=1):
        if call.changed.undo.reason is not None:
            numbers.setdefault(call.changed.undo.reason, []).append(number)
    return numbers


def _looks(alert: Alert, calls: Iterable[Call]) -> Iterator[tuple[str, str]]:
    """What somebody who has to decide asks next, for what is worth getting up for: worst first."""
    if alert.severity < Severity.MEDIUM or alert.outcome is not Outcome.SUCCEEDED:
        return
    region = ids.valid(ids.REGION, alert.region)
    looked_at = [*dict.fromkeys(call.changed.looked_at for call in calls if call.changed.looked_at)]
    if region is None or not looked_at:
        return
    several = ",".join(looked_at[:_MOST_LOOKED_AT])
    for shows, command in next(iter(calls)).changed.looks:
        # Ids hold nothing that a shell knows.
        yield shows, f"aws {command.format(region=region, id=looked_at[0], ids=several)}"


def _uid_of(alert: Alert) -> str:
    parts = sorted(_identity_of(entry) for entry in alert.delivered)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _identity_of(entry: DeliveredFinding) -> str:
    record = entry.finding.record
    return (record and record.event_id) or entry.key
