"""Step 9: an alert becomes a briefing: everything that its forms say, worked out once."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ..model import ids
from ..model.account import AccountFacts
from ..model.alert import Alert, DeliveredFinding
from ..model.change import Action, AttachmentChange, SecurityGroupChange
from ..model.dataclass import dataclass
from ..model.exposure import Breadth
from ..model.exposure_life import EndedHow
from ..model.finding import Finding
from ..model.ledger import Activity, Status
from ..model.origin import Observed
from ..model.presentation import Presentation
from ..model.principal import Principal, Session
from ..model.record import CloudTrailRecord, Outcome
from ..model.rules import Direction
from ..model.severity import Severity
from ..model.subject import SubjectKind
from .attached import reach_ends
from .changed import changed_by, end_of, phrase_of
from .changed.standing_words import part_ended_words, stays_open_words
from .changed.words import Changed, Look
from .limits import Limits
from .links import event_link, group_link
from .looked import LookWords, looked_at
from .people import (
    actor_words,
    clock_words,
    distinct,
    lag_words,
    mfa_words,
    person_words,
    principal_words,
    session_words,
    time_words,
    unknown_facts_words,
)
from .reasons import lowered_words, reasons_for
from .rule_words import concern_of, width_of
from .text import listed, plural, safe
from .undo import Command, ended_words, stood_for, stood_words

# Amazon SNS refuses a subject of 100 characters or more.
# https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
LONGEST_SUBJECT = 99
# EC2 takes so many values in a filter.
_MOST_LOOKED_AT = 200
# Of what has a command for each id, so many are looked at.
_MOST_LOOKS = 6
# What was open for a while may have been used.
_ENDED_STEPS = (
    "Find out what it reached, and who connected while it was open: VPC flow logs, the host's "
    "logins.",
)
NOT_REMEMBERED = (
    "What the alerter knew of the group could not be read: rules that stood before the call may "
    "be missing here"
)
# When the table of alerted events could not be read.
MAY_REPEAT = "This may be a repeat: whether it has been alerted before could not be looked up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an alert, or what stands in its place, written out.

    `number` is its place among the calls of the alert, from 1. `phrases` say what was done, the
    fullest first: in how many words, as there is room, what stands behind it. `ended` says what
    ended it later, and `stays_open` what was taken back and closed nothing; `stood` for how long it
    stood, and `lowered` why it is less severe than by the table.
    """

    number: int
    entry: DeliveredFinding
    name: str
    phrases: tuple[str, ...]
    changed: Changed
    reasons: tuple[str, ...]
    ended: str | None
    stays_open: str | None
    stood: str | None
    lowered: str | None
    group_link: str | None
    event_link: str | None

    @property
    def phrase(self) -> str:
        """What was done, in full."""
        return self.phrases[0]

    @property
    def finding(self) -> Finding:
        """What is reported."""
        return self.entry.finding

    @property
    def rated(self) -> Severity:
        """The severity by the table, which `reasons` are about."""
        judgement = self.finding.judgement
        return judgement.lowered_from or judgement.severity

    @property
    def record(self) -> CloudTrailRecord | None:
        """The CloudTrail record that it comes from."""
        return self.entry.finding.record


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One call of a burst that is not written out: its place, and all there is room for."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoStep:
    """A command that undoes a call."""

    call: Call
    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What an alert says, for the forms to lay out.

    `calls` are written out, in the order in which they were made, and `lines` name the others;
    the headline is about the `worst`, and `headlines` are the same in fewer words. `looked` is what
    looks showed. `shared_notes` are the notes that are true of every call,
    where there are several. `first_step` is the command that takes back the worst of it, and
    `undo` all of them, the last call first, each command once; `without_undo` are the numbers of
    the calls that have no command, by the reason. `looks` are (what it shows, read-only command,
    how to read it). `owner` may know more, and `belongs` is where the account belongs. `uid` is
    that of the exposure that it tells of, if that is one; else it is the same for the same events,
    however often they are reported.
    """

    alert: Alert
    presentation: Presentation
    limits: Limits
    headlines: tuple[str, ...]
    subject: str
    calls: tuple[Call, ...]
    lines: tuple[CallLine, ...]
    worst: Call
    who: str
    how: str
    mfa: str | None
    access_keys: str | None
    called: str | None
    owner: str | None
    belongs: str | None
    shared_notes: tuple[str, ...]
    not_known: str | None
    times: tuple[datetime, ...]
    first_step: Command | None
    undo: tuple[UndoStep, ...]
    without_undo: dict[str, list[int]]
    looks: tuple[tuple[str, str, str | None], ...]
    looked: tuple[LookWords, ...]
    runbook_url: str | None
    uid: str

    @property
    def doubts(self) -> Iterator[str]:
        """What could not be looked up in the alerter's own tables, as sentences without a stop."""
        if self.alert.may_repeat:
            yield MAY_REPEAT
        if self.alert.memory_failed:
            yield NOT_REMEMBERED

    @property
    def headline(self) -> str:
        """What was done, in full."""
        return self.headlines[0]

    def headline_within(self, room: int) -> str:
        """What was done in at most so many characters, if any of the headlines is as short."""
        return _fitting(self.headlines, room)

    @property
    def count(self) -> int:
        """How many calls there are."""
        return len(self.calls) + len(self.lines)

    @property
    def has_place(self) -> bool:
        """Whether it is about something in an account: else there is no time or person either."""
        return self.worst.record is not None or self.observed is not None

    @property
    def observed(self) -> Observed | None:
        """What the watch found, if it was the watch: the same of every exposure."""
        origin = self.worst.finding.observed
        return origin.what if origin else None

    @property
    def noun(self) -> str:
        """What one of several is called."""
        return noun_of(self.worst)

    @property
    def stood(self) -> str | None:
        """What the time of what the watch found is; None of calls."""
        origin = self.worst.finding.observed
        if origin is None:
            return None
        if origin.what is Observed.CLOSED:
            return "Closed before" if origin.life.closed_before else "Closed"
        opened = origin.life.opened
        is_seen = opened is not None and opened.looked_by is None
        return "Open since" if is_seen else "Known to be open since"

    @property
    def is_opening(self) -> bool:
        """Whether something is open to much of the Internet because of this, for certain."""
        change = self.worst.finding.change
        if isinstance(change, AttachmentChange):
            return self.alert.world_open and not self.worst.ended
        if not isinstance(change, SecurityGroupChange):
            return False
        if any(rule.direction is Direction.UNKNOWN for rule in change.added):
            return False
        openings = self.worst.finding.judgement.foremost.openings
        is_broad = any(opening.share.breadth >= Breadth.BROAD for opening in openings)
        return is_broad and self.alert.outcome is Outcome.SUCCEEDED and not self.worst.ended

    @property
    def steps(self) -> tuple[str, ...]:
        """What whoever is woken has to do."""
        changed = self.worst.changed
        is_over = self.worst.ended is not None and self.worst.stays_open is None
        return _ENDED_STEPS if is_over and changed.noun == "Group" else changed.steps

    @property
    def offers_undo(self) -> bool:
        """Whether people are shown a way back."""
        alert = self.alert
        if self.observed is Observed.CLOSED:
            return False
        return alert.outcome is Outcome.SUCCEEDED and alert.severity > Severity.INFORMATIONAL


def briefing_of(
    alert: Alert,
    calls: tuple[Call, ...],
    lines: tuple[CallLine, ...],
    presentation: Presentation,
    limits: Limits,
) -> Briefing:
    """Work out what every form of this alert says. `calls` and `lines` are made of its entries."""
    worst = max(calls, key=lambda call: _concern_of(call.entry))
    count = len(calls) + len(lines)
    headlines = tuple(_headline_of(alert, worst, count, it) for it in worst.phrases)
    records = [finding.record for finding in alert.findings if finding.record is not None]
    times = sorted(_times_of(alert.findings))
    sessions = dict.fromkeys(record.session for record in records)
    principal = alert.principal
    known_mfa = [session for session in sessions if session.mfa is not None]
    undo = tuple(_undo_steps(calls))
    first = next(iter(worst.changed.undo.commands), None)
    return Briefing(
        alert=alert,
        presentation=presentation,
        limits=limits,
        headlines=headlines,
        subject=_subject_of(alert, headlines),
        calls=calls,
        lines=lines,
        worst=worst,
        who=principal_words(principal, alert.account_id) if principal else _openers(alert),
        how=distinct(_how(sessions, principal)) if principal else "",
        mfa=distinct(mfa_words(session) for session in known_mfa) or None,
        access_keys=distinct(
            safe(session.access_key_id, 40) for session in sessions if session.access_key_id
        )
        or None,
        called=_called(times, alert, presentation),
        owner=safe(alert.account.owner) if alert.account.owner else None,
        belongs=_belongs(alert.account),
        shared_notes=_shared_notes(calls) if len(calls) > 1 else (),
        not_known=unknown_facts_words(alert.account),
        times=tuple(times),
        first_step=first if first is not None and first.warning is None else None,
        undo=undo,
        without_undo=_without_undo(calls),
        looks=tuple(_looks(alert, (worst, *calls))),
        looked=looked_at((worst.finding, *alert.findings), limits),
        runbook_url=presentation.runbook_url if alert.severity >= Severity.MEDIUM else None,
        uid=_uid_of(alert),
    )


def _times_of(findings: Iterable[Finding]) -> Iterator[datetime]:
    """When the calls were made; of what the watch found, since when it stood, or when it ended."""
    for finding in findings:
        origin, record = finding.observed, finding.record
        if origin is not None:
            life = origin.life
            yield life.closed_before or (life.closed or life.opened or life.revealed).time
        elif record is not None and record.event_time is not None:
            yield record.event_time


def _openers(alert: Alert) -> str:
    """Who opened what the watch found."""
    events = (it.observed.life.opened for it in alert.findings if it.observed)
    names = dict.fromkeys(actor_words(it.principal) for it in events if it and it.principal)
    return listed([*names], 3)


def calls_of(
    alert: Alert, numbers: Sequence[int], presentation: Presentation, limits: Limits
) -> tuple[Call, ...]:
    """The calls of these numbers, written out: as much as the limits allow."""
    return tuple(
        _call_of(number, alert.delivered[number - 1], alert, presentation, limits)
        for number in numbers
    )


def _call_of(
    number: int, entry: DeliveredFinding, alert: Alert, presentation: Presentation, limits: Limits
) -> Call:
    finding, record = entry.finding, entry.finding.record
    changed = changed_by(entry, limits)
    place = (alert.region, alert.account_id, presentation)
    was_deleted = entry.ended is not None and entry.ended.how is EndedHow.DELETED
    deletes = finding.outcome is Outcome.SUCCEEDED and _deletes(finding)
    is_group = finding.subject.kind is SubjectKind.SECURITY_GROUP
    has_page = is_group and not (was_deleted or deletes)
    return Call(
        number=number,
        entry=entry,
        name=changed.name or safe((record and record.event_name) or "A log event", 80),
        phrases=_phrases_of(entry),
        changed=changed,
        reasons=_reasons(finding, changed),
        ended=part_ended_words(entry) or ended_words(entry),
        stays_open=stays_open_words(entry),
        stood=stood_words(entry),
        lowered=lowered_words(entry),
        group_link=group_link(finding.subject.id, *place) if has_page else None,
        event_link=event_link(_event_id_of(finding), *place),
    )


def _event_id_of(finding: Finding) -> str | None:
    """The call behind it: of what the watch found, the one that opened it, if that was seen."""
    if finding.record is not None:
        return finding.record.event_id
    opened = finding.observed.life.opened if finding.observed else None
    return opened.event_id if opened and opened.looked_by is None else None


def _phrases_of(entry: DeliveredFinding) -> tuple[str, ...]:
    finding, stood = entry.finding, stood_for(entry)
    phrase, end = phrase_of(finding, stood=stood), end_of(finding)
    if finding.observed and finding.observed.what is Observed.CLOSED:
        return f"{phrase}{end}", phrase
    ends = (*(f"{reach}{end}" for reach in reach_ends(finding)), end)
    shorter = (phrase_of(finding, stood=""),) if stood else ()
    return (*(f"{phrase}{end}" for end in ends), *shorter)


def _deletes(finding: Finding) -> bool:
    return finding.change is not None and finding.change.action is Action.DELETE


def _reasons(finding: Finding, changed: Changed) -> tuple[str, ...]:
    """Why it is as severe as it is; none for what wakes nobody."""
    if finding.judgement.severity < Severity.MEDIUM:
        return ()
    return tuple(reasons_for(finding.judgement)) or changed.reasons


def lines_of(alert: Alert, numbers: Sequence[int]) -> tuple[CallLine, ...]:
    """The calls of these numbers, a line each: time, call, subject and headline."""
    return tuple(
        CallLine(number=number, text=_line(alert.delivered[number - 1])) for number in numbers
    )


def _line(entry: DeliveredFinding) -> str:
    finding, record, subject = entry.finding, entry.finding.record, entry.finding.subject
    words = (
        clock_words(record.event_time) if record and record.event_time else None,
        safe((record and record.event_name) or ("" if finding.observed else "a log event"), 60),
        safe(subject.id or subject.name or "", 60),
    )
    phrase = phrase_of(finding, stood=stood_for(entry))
    return f"{' '.join(filter(None, words))}: {phrase}{end_of(finding)}"


def worst_numbers(alert: Alert, most: int) -> list[int]:
    """The numbers of the worst calls, in the order in which they were made."""
    numbers = range(1, len(alert.delivered) + 1)
    if len(numbers) <= most:
        return list(numbers)
    worst = sorted(numbers, key=lambda it: _concern_of(alert.delivered[it - 1]), reverse=True)
    return sorted(worst[:most])


def _concern_of(entry: DeliveredFinding) -> tuple[object, ...]:
    """What orders calls: what still stands, what it opened, what it lets in, what it blinded."""
    judgement = entry.finding.judgement
    blinded = max((it.value for it in judgement.blinded), default=0)
    stands = entry.ended is None
    return stands, concern_of(judgement.foremost), width_of(judgement.listed), blinded


def _headline_of(alert: Alert, worst: Call, count: int, phrase: str) -> str:
    """The worst call in this phrase, and how many there are. All are of one severity."""
    if count == 1:
        return phrase
    which = "the worst"
    if alert.severity < Severity.MEDIUM:
        which = {1: "the first", count: "the last"}.get(worst.number, "among them")
    if worst.finding.change is None:
        return f"{count:,} records, {which}: {phrase}"
    subjects = {*map(_name_of, alert.findings)} - {None}
    nouns = {SubjectKind.SECURITY_GROUP: "group", SubjectKind.PREFIX_LIST: "prefix list"}
    # Of kind trail, what has a name is a rule that reports tampering.
    rules = {finding.subject.name for finding in alert.findings} - {None}
    noun = nouns.get(alert.kind, "tampering rule" if subjects == rules else "trail")
    is_mixed = alert.kind is SubjectKind.TRAIL and rules and subjects != rules
    several = plural(len(subjects), noun) if len(subjects) > 1 and not is_mixed else ""
    if worst.finding.observed is not None:
        # What is said of all of them comes first: the subject of a mail is cut off at its end.
        where = f" in {several}" if several else ""
        return f"{worst.name}: {count:,} {noun_of(worst)}s{where}, {which}: {phrase}"
    on = f" on {several}" if several else ""
    return f"{count:,} {noun_of(worst)}s{on}, {which}: {phrase}"


def noun_of(call: Call) -> str:
    """What one of several is called: the watch reports no calls."""
    return "call" if call.finding.observed is None else "opening"


def _fitting(texts: Sequence[str], room: int) -> str:
    """The first that is no longer, else the last."""
    return next((it for it in texts if len(it) <= room), texts[-1])


def _subject_of(alert: Alert, headlines: Sequence[str]) -> str:
    """Severity first, then what, where and who.

    Who gives way first, then the Region, and then how much is said of what stands behind it.
    """
    start = f"{alert.severity.name}: "
    account, region = safe(account_name_of(alert), 40), safe(alert.region or "", 30)
    person = person_words(alert.principal) if alert.principal else ""
    by = f" by {person}" if person else ""
    full = f" in {', '.join(filter(None, (account, region)))}" if account or region else ""
    short = f" in {account}" if account else ""
    ends = (f"{full}{by}", f"{short}{by}", full, short)
    headline = _fitting(headlines, LONGEST_SUBJECT - len(start) - len(short))
    end = next((it for it in ends if len(start + headline + it) <= LONGEST_SUBJECT), short)
    subject = f"{start}{safe(headline, LONGEST_SUBJECT - len(start) - len(end))}{end}"
    if max(subject) <= "\uffff":
        return subject
    # A character beyond the first plane counts as two in UTF-16.
    return "".join(char if char <= "\uffff" else "\ufffd" for char in subject)


def account_name_of(alert: Alert) -> str:
    """The account's name, else its id."""
    return alert.account.name or alert.account_id or ""


def _called(times: list[datetime], alert: Alert, presentation: Presentation) -> str | None:
    """`2026-11-17 08:55:12 UTC, 5 min ago`, or from the first call to the last."""
    if not times:
        return None
    zone = presentation.time_zone
    first, last = time_words(times[0], zone), time_words(times[-1], zone)
    until = f" to {last}" if times[-1] != times[0] else ""
    return f"{first}{until}, {lag_words(alert.seen_at - times[-1])} ago"


def _how(sessions: Iterable[Session], principal: Principal) -> Iterator[str]:
    words = (session_words(session, principal) for session in sessions)
    return filter(None, words)


def _belongs(account: AccountFacts) -> str | None:
    """`OU: Root / Workloads; Environment: production`: all that is known but the owner."""
    ou = " / ".join(safe(part, 60) for part in account.ou_path) if account.ou_path else None
    tags = dict(account.tags)
    is_owner = (name for name, value in account.tags.items() if value == account.owner)
    tags.pop(next(is_owner, ""), None)
    words = [f"OU: {ou}"] if ou else []
    words += [f"{safe(name, 40)}: {safe(value)}" for name, value in tags.items()]
    return "; ".join(words) or None


def _shared_notes(calls: Sequence[Call]) -> tuple[str, ...]:
    first, *others = (call.changed.notes for call in calls)
    return tuple(note for note in first if all(note in notes for notes in others))


def subjects_words(briefing: Briefing) -> tuple[str, str] | None:
    """(`Group`, `sg-… "web" in vpc-…`); of several the worst and a few more. None without any."""
    nouns = [call.changed.noun for call in briefing.calls if call.changed.noun]
    named: dict[str | None, str] = {}
    for call in (briefing.worst, *briefing.calls):
        changed, name = call.changed, _name_of(call.finding)
        if changed.called:
            words = f"{changed.called} in {changed.within}" if changed.within else changed.called
            # One call may name the group's name and VPC, and another the id alone.
            named[name] = max(named.get(name, ""), words, key=len)
    # Those of the calls that are not written out count as well.
    for name in filter(None, map(_name_of, briefing.alert.findings)):
        named.setdefault(name, safe(name, 80))
    if not nouns:
        return None
    return (nouns[0] if len(named) == 1 else f"{nouns[0]}s"), listed([*named.values()], 3)


def _name_of(finding: Finding) -> str | None:
    return finding.subject.id or finding.subject.name


def _undo_steps(calls: Sequence[Call]) -> Iterator[UndoStep]:
    shown: set[str] = set()
    for call in reversed(calls):
        # A rule that is revoked twice is an error of the second command.
        commands = () if _is_left_to_others(call, calls) else call.changed.undo.commands
        for command in commands:
            if command.text not in shown:
                shown.add(command.text)
                yield UndoStep(call=call, command=command)


def _is_left_to_others(call: Call, calls: Sequence[Call]) -> bool:
    """Whether what keeps open what the call opened was added by other calls of the alert."""
    stays = call.entry.stays_open
    if stays is None or not stays.rules or (stays.taken.in_part and not call.entry.ended):
        return False
    changes = (it.finding.change for it in calls if it is not call)
    added = (it.added for it in changes if isinstance(it, SecurityGroupChange))
    return {it.rule_id for it in stays.rules} <= {it.rule_id for its in added for it in its}


def _without_undo(calls: Sequence[Call]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for call in calls:
        if call.changed.undo.reason is not None:
            numbers.setdefault(call.changed.undo.reason, []).append(call.number)
    return numbers


def _looks(alert: Alert, calls: Sequence[Call]) -> Iterator[tuple[str, str, str | None]]:
    """What somebody who has to decide asks next, for what is worth getting up for: worst first."""
    region = ids.valid(ids.REGION, alert.region)
    if alert.severity < Severity.MEDIUM or alert.outcome is not Outcome.SUCCEEDED:
        return
    if region is None:
        return
    kinds: dict[object, list[Look]] = {}
    for look in (look for call in calls for look in call.changed.looks):
        kinds.setdefault((look.shows, look.words), []).append(look)
    shown = 0
    for looks in kinds.values():
        values = [*dict.fromkeys(look.value for look in looks)]
        if looks[0].takes_many:
            values = [",".join(values[:_MOST_LOOKED_AT])]
        for value in values:
            if shown < _MOST_LOOKS:
                shown += 1
                service, name, *options = (word.replace("{}", value) for word in looks[0].words)
                command = shlex.join(["aws", service, name, "--region", region, *options])
                yield looks[0].shows, command, looks[0].how_to_read


def exposures_in(alert: Alert) -> dict[str, tuple[Activity, Status]]:
    """Each exposure that the alert tells of, by its uid: what of it, and what is to be done now."""
    told: dict[str, tuple[Activity, Status]] = {}
    for news in alert.exposures:
        first, _ = told.get(news.uid, (news.activity, news.status))
        told[news.uid] = (first, news.status)
    return told


def _uid_of(alert: Alert) -> str:
    exposures = exposures_in(alert)
    if len(exposures) == 1:
        return next(iter(exposures))
    parts = sorted(it for entry in alert.delivered for it in entry.event_ids or entry.keys)
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
