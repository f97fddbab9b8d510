"""Step 6: what a call did becomes a finding: judged as one, with what is accepted left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ..model import ids
from ..model.acceptance import Acceptance, AcceptedOpening
from ..model.change import (
    Action,
    Blinding,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailChange,
)
from ..model.exposure import Breadth
from ..model.finding import Effect, Finding, Judgement
from ..model.origin import ConfigurationProblem, RecordedCall, UnreadableRecord
from ..model.record import CloudTrailRecord, Outcome
from ..model.severity import Severity
from ..model.subject import Subject, SubjectKind
from .accepted_openings import acceptance_of
from .exposure import exposure_of, reach_of
from .severities import (
    ACCEPTED,
    ANY_OTHER_CHANGE,
    CANNOT_JUDGE,
    DENIED_WORLD_OPENING,
    DESCRIPTIONS_ONLY,
    NOT_IN_FORCE,
    OWN_TRAIL_BLINDED,
    OWN_TRAIL_CHANGED,
    PREFIX_LIST_EDIT,
    REFUSED,
    TRAIL_BLINDED,
    UNSEEN_PREFIX_LIST,
    severity_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standards:
    """What one installation judges by.

    `trail_arn` is the trail that it gets its records from, and `heartbeat_role_arn` the role that
    makes its heartbeat, if they are known; `accepted` are the openings that its organization has
    accepted.
    """

    trail_arn: str | None = None
    heartbeat_role_arn: str | None = None
    accepted: tuple[AcceptedOpening, ...] = ()


def finding_of(
    record: CloudTrailRecord, change: Change, standards: Standards, *, today: date
) -> Finding:
    """Judge what one call did, or would have done."""
    judgement = _judged(record, change, standards, today)
    if record.outcome is not Outcome.SUCCEEDED:
        judgement = _refused(judgement, record.outcome)
    return Finding(
        origin=RecordedCall(record=record, change=change),
        subject=_subject_of(record, change),
        judgement=judgement,
    )


def unreadable_finding(record: CloudTrailRecord, problem: str, excerpt: str) -> Finding:
    """What to report of a record, or of a log event, that could not be read."""
    return Finding(
        origin=UnreadableRecord(record=record, problem=problem, excerpt=excerpt),
        subject=Subject(
            kind=SubjectKind.UNREADABLE, account_id=record.account_id, region=record.region
        ),
        judgement=Judgement(severity=CANNOT_JUDGE),
    )


def configuration_finding(problem: str) -> Finding:
    """What to report of an entry in accepted_openings.toml that is not in force."""
    return Finding(
        origin=ConfigurationProblem(problem=problem),
        subject=Subject(kind=SubjectKind.CONFIGURATION),
        judgement=Judgement(severity=NOT_IN_FORCE),
    )


def _subject_of(record: CloudTrailRecord, change: Change) -> Subject:
    match change:
        case SecurityGroupChange():
            kind, identifier, name = SubjectKind.SECURITY_GROUP, change.group_id, change.group_name
        case PrefixListChange():
            kind, identifier = SubjectKind.PREFIX_LIST, change.prefix_list_id
            name = change.prefix_list_name
        case _:
            kind, identifier, name = SubjectKind.TRAIL, change.trail, None
    return Subject(
        kind=kind, id=identifier, name=name, account_id=record.account_id, region=record.region
    )


def _judged(
    record: CloudTrailRecord, change: Change, standards: Standards, today: date
) -> Judgement:
    match change:
        case SecurityGroupChange():
            return _judged_group(record, change, standards, today)
        case PrefixListChange():
            return _judged_prefix_list(change)
        case TrailChange():
            return _judged_trail(record, change, standards)


def _judged_group(
    record: CloudTrailRecord, change: SecurityGroupChange, standards: Standards, today: date
) -> Judgement:
    """By the rules that are not accepted; what the call opened stays as it is."""
    opened, closed = exposure_of(change.added), exposure_of(change.removed)
    rest, acceptance = change.added, Acceptance()
    if record.outcome is Outcome.SUCCEEDED:
        rest, acceptance = acceptance_of(change, standards.accepted, record=record, today=today)
    is_in_part = bool(acceptance.used) and not acceptance.covers_all
    unaccepted = exposure_of(rest) if is_in_part else None
    if acceptance.covers_all:
        severity = ACCEPTED
    elif change.action is Action.DESCRIBE_RULES:
        severity = DESCRIPTIONS_ONLY
    else:
        severity = severity_of(opened if unaccepted is None else unaccepted)
        if change.problems or change.is_omitted:
            severity = max(severity, CANNOT_JUDGE)
    return Judgement(
        severity=severity,
        effect=_effect_of(opens=opened.is_world_open, closes=closed.is_world_open),
        world_open=opened.is_world_open,
        opened=opened,
        unaccepted=unaccepted,
        closed=closed,
        acceptance=acceptance,
    )


def _judged_prefix_list(change: PrefixListChange) -> Judgement:
    listed, unlisted = reach_of(change.added), reach_of(change.removed)
    severity = PREFIX_LIST_EDIT.get(listed.breadth, ANY_OTHER_CHANGE)
    if change.action is Action.RESTORE:
        severity = UNSEEN_PREFIX_LIST
    elif change.problems or change.is_omitted:
        severity = max(severity, CANNOT_JUDGE)
    opens = listed.breadth is Breadth.WORLD
    return Judgement(
        severity=severity,
        effect=_effect_of(opens=opens, closes=unlisted.breadth is Breadth.WORLD),
        world_open=opens,
        listed=listed,
    )


def _judged_trail(record: CloudTrailRecord, change: TrailChange, standards: Standards) -> Judgement:
    own_arn = standards.trail_arn
    is_own = own_arn is not None and _is_trail(change.trail, own_arn, record.account_id)
    blinded, log_group_arn = change.blinded, change.log_group_arn
    if is_own and log_group_arn and not _is_log_group(log_group_arn, record.log_group):
        blinded += (Blinding.OTHER_LOG_GROUP,)
    return Judgement(
        severity=_severity_of_trail_change(is_own=is_own, is_blinded=bool(blinded)),
        is_own_trail=is_own,
        blinded=blinded,
    )


def _severity_of_trail_change(*, is_own: bool, is_blinded: bool) -> Severity:
    if is_own:
        return OWN_TRAIL_BLINDED if is_blinded else OWN_TRAIL_CHANGED
    return TRAIL_BLINDED if is_blinded else ANY_OTHER_CHANGE


def _refused(judgement: Judgement, outcome: Outcome) -> Judgement:
    is_attempt = outcome is Outcome.DENIED and judgement.would_open_world
    return replace(
        judgement,
        severity=DENIED_WORLD_OPENING if is_attempt else REFUSED,
        effect=Effect.OTHER,
        world_open=False,
    )


def _effect_of(*, opens: bool, closes: bool) -> Effect:
    if opens:
        return Effect.OPENS
    return Effect.CLOSES if closes else Effect.OTHER


def _is_trail(called: str | None, arn: str, account_id: str | None) -> bool:
    """A short name means a trail of the account in which the call was made."""
    if called is None or called.startswith("arn:"):
        return called == arn
    return called == arn.rpartition("/")[2] and account_id in (ids.account_of_arn(arn), None)


def _is_log_group(arn: str, name: str | None) -> bool:
    # arn:<partition>:logs:<region>:<account>:log-group:<name>:*
    return name is None or arn.split(":")[6:7] == [name]
