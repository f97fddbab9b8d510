"""Step 6: what a call did becomes a finding: judged as one, with what is accepted left out."""

from __future__ import annotations

from datetime import date

from ..model import ids
from ..model.acceptance import Acceptance, AcceptedOpening
from ..model.change import (
    Action,
    AttachmentChange,
    Blinding,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from ..model.dataclass import dataclass, replace
from ..model.exposure import Breadth
from ..model.finding import Effect, Finding, Judgement
from ..model.group_state import GroupReach, Reach
from ..model.origin import ConfigurationProblem, RecordedCall, UnreadableRecord
from ..model.record import CloudTrailRecord, Outcome
from ..model.rules import SecurityGroupRule
from ..model.severity import Severity
from ..model.standing import Circumstances, Moment
from ..model.subject import Subject, SubjectKind
from .accepted_openings import acceptance_of
from .exposure import exposure_of, internet_share_of
from .moments import completed, may_decide, standing_beside
from .severities import (
    ACCEPTED,
    ANY_OTHER_CHANGE,
    CANNOT_JUDGE,
    DENIED_WORLD_OPENING,
    DESCRIPTIONS_ONLY,
    HANDED_TO_IPAM,
    MATCHED_NOTHING,
    NOT_IN_FORCE,
    ORGANIZATION_CHANGED,
    OWN_TRAIL_BLINDED,
    OWN_TRAIL_CHANGED,
    PREFIX_LIST_EDIT,
    REFUSED,
    REFUSED_BLINDING,
    REPEATED_BY_CLOUDTRAIL,
    TRAIL_BLINDED,
    UNSEEN_PREFIX_LIST,
    severity_of,
    severity_with_reach,
)
from .touched_ports import exposure_after, with_ranges


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


_ONLY_THE_RECORD = Circumstances()


def finding_of(
    record: CloudTrailRecord,
    change: Change,
    standards: Standards,
    *,
    today: date,
    known: Circumstances = _ONLY_THE_RECORD,
) -> Finding:
    """Judge what one call did, or would have done: by what stood at the call, if that is known.

    The change is then completed with what its record leaves out.
    """
    change = completed(change, known)
    if isinstance(change, SecurityGroupChange):
        accepted = _accepted_of(record, change, standards, today)
        judgement = _judged_group(change, known, *accepted)
    elif isinstance(change, PrefixListChange):
        judgement = _judged_prefix_list(change, known.moment)
    elif isinstance(change, AttachmentChange):
        # What the groups let in is not recorded here.
        severity = CANNOT_JUDGE if change.cannot_be_judged else ANY_OTHER_CHANGE
        judgement = Judgement(severity=severity)
    else:
        judgement = _judged_trail(record, change, standards)
    if record.outcome is not Outcome.SUCCEEDED:
        judgement = refused(judgement, change, record.outcome)
    if judgement.world_open:
        judgement = replace(judgement, reach=GroupReach(reach=Reach.UNKNOWN))
    return Finding(
        origin=RecordedCall(record=record, change=change),
        subject=_subject_of(record, change),
        judgement=judgement,
        moment=known.moment,
        look=known.look,
        lists=known.lists,
    )


def judged_again(
    finding: Finding,
    change: SecurityGroupChange | PrefixListChange,
    standards: Standards,
    *,
    today: date,
    known: Circumstances,
) -> Finding:
    """The finding of a call, which was judged by its record, by all that is known."""
    if finding.record and may_decide(known, change, finding.judgement):
        return finding_of(finding.record, change, standards, today=today, known=known)
    return replace(finding, moment=known.moment, look=known.look)


def with_reach(judgement: Judgement, reach: GroupReach) -> Judgement:
    """The judgement with what stands behind the group, and as severe as that leaves it."""
    severity = severity_with_reach(judgement.severity, reach)
    if severity is judgement.severity:
        return replace(judgement, reach=reach)
    return replace(judgement, reach=reach, severity=severity, lowered_from=judgement.severity)


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
        case AttachmentChange():
            kind, identifier = SubjectKind.SECURITY_GROUP, next(iter(change.group_ids), None)
            name = None
        case PrefixListChange():
            kind, identifier = SubjectKind.PREFIX_LIST, change.prefix_list_id
            name = change.prefix_list_name
        case _:
            kind, identifier, name = SubjectKind.TRAIL, change.trail, change.rule
    return Subject(
        kind=kind, id=identifier, name=name, account_id=record.account_id, region=record.region
    )


def _accepted_of(
    record: CloudTrailRecord, change: SecurityGroupChange, standards: Standards, today: date
) -> tuple[tuple[SecurityGroupRule, ...], Acceptance]:
    """The added rules, or ports of them, that no accepted opening covers, and what is accepted."""
    if record.outcome is Outcome.SUCCEEDED and standards.accepted:
        return acceptance_of(
            change,
            standards.accepted,
            account_id=record.account_id,
            region=record.region,
            today=today,
        )
    return change.added, Acceptance()


def _judged_group(
    change: SecurityGroupChange,
    known: Circumstances,
    rest: tuple[SecurityGroupRule, ...],
    acceptance: Acceptance,
) -> Judgement:
    """By the rules that are not accepted; what the call opened stays as it is.

    What stood beside the rules counts with them, where that is known, and what prefix lists hold.
    """
    moment, lists = known.moment, known.lists
    added = with_ranges(change.added, lists)
    beside = standing_beside(added, moment, lists)
    around = with_ranges(beside, lists)
    opened, closed = exposure_after(added, around), exposure_of(change.removed)
    closes = closed.is_world_open
    if moment is not None:
        # What removed nothing public ended nothing, whatever else is said to go by the rule's id.
        closes = bool(moment.ended) and bool(closed.openings or not change.removed)
    is_in_part = bool(acceptance.used) and not acceptance.covers_all
    unaccepted = exposure_after(with_ranges(rest, lists), around) if is_in_part else None
    judged = opened if unaccepted is None else unaccepted
    if acceptance.covers_all:
        severity = ACCEPTED
    elif change.action is Action.DESCRIBE_RULES:
        severity = DESCRIPTIONS_ONLY
    elif change.cannot_be_judged:
        severity = max(severity_of(judged), CANNOT_JUDGE)
    elif change.matched_nothing:
        severity = MATCHED_NOTHING
    else:
        severity = severity_of(judged)
    return Judgement(
        severity=severity,
        effect=_effect_of(opens=opened.is_world_open, closes=closes),
        world_open=opened.is_world_open,
        opened=opened,
        unaccepted=unaccepted,
        unaccepted_rules=frozenset(rest) if is_in_part else frozenset(),
        beside=beside if around and opened != exposure_of(added) else (),
        closed=closed,
        acceptance=acceptance,
    )


def _judged_prefix_list(change: PrefixListChange, moment: Moment | None) -> Judgement:
    """By the ranges that it adds; with what the list held beside them, where that is known."""
    listed, unlisted = internet_share_of(change.added), internet_share_of(change.removed)
    closes = unlisted.breadth is Breadth.WORLD
    if moment is not None:
        closes = bool(moment.ended)
        if listed.breadth is not Breadth.PRIVATE:
            listed = internet_share_of((*change.added, *moment.ranges_after))
    severity = PREFIX_LIST_EDIT.get(listed.breadth, ANY_OTHER_CHANGE)
    if change.action is Action.RESTORE and not (change.added or change.removed):
        severity = UNSEEN_PREFIX_LIST
    elif change.cannot_be_judged:
        severity = max(severity, CANNOT_JUDGE)
    elif change.ipam_sync:
        severity = max(severity, HANDED_TO_IPAM)
    opens = listed.breadth is Breadth.WORLD
    return Judgement(
        severity=severity,
        effect=_effect_of(opens=opens, closes=closes),
        world_open=opens,
        listed=listed,
    )


def _judged_trail(record: CloudTrailRecord, change: TrailChange, standards: Standards) -> Judgement:
    own_arn = standards.trail_arn
    is_own = own_arn is not None and _is_trail(change.trail, own_arn, record.account_id)
    is_repeated = record.principal.service_linked_role == _ROLE_OF_CLOUDTRAIL
    blinded, log_group_arn = change.blinded, change.log_group_arn
    if is_own and log_group_arn and not _is_log_group(log_group_arn, record.log_group):
        blinded += (Blinding.OTHER_LOG_GROUP,)
    severity = _severity_of_trail_change(change, is_own=is_own, is_blinded=bool(blinded))
    return Judgement(
        severity=REPEATED_BY_CLOUDTRAIL if is_repeated else severity,
        is_own_trail=is_own,
        is_repeated=is_repeated,
        blinded=blinded,
    )


def _severity_of_trail_change(change: TrailChange, *, is_own: bool, is_blinded: bool) -> Severity:
    if change.action in _ON_THE_ORGANIZATION:
        return ORGANIZATION_CHANGED
    if is_own or change.rule or change.action is TrailAction.DISABLE_TRUSTED_ACCESS:
        return OWN_TRAIL_BLINDED if is_blinded else OWN_TRAIL_CHANGED
    return TRAIL_BLINDED if is_blinded else ANY_OTHER_CHANGE


# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/using-service-linked-roles.html
_ROLE_OF_CLOUDTRAIL = "cloudtrail.amazonaws.com/AWSServiceRoleForCloudTrail"
_ON_THE_ORGANIZATION = (
    TrailAction.LEAVE_ORGANIZATION,
    TrailAction.REMOVE_ACCOUNT,
    TrailAction.REGISTER_ADMINISTRATOR,
)


def refused(judgement: Judgement, change: Change, outcome: Outcome) -> Judgement:
    """Nothing changed: what it would have done decides whether anybody has to know."""
    severity = REFUSED
    is_denied = outcome is Outcome.DENIED
    if is_denied and judgement.would_open_world:
        severity = DENIED_WORLD_OPENING
    elif isinstance(change, TrailChange) and _may_blind(judgement, change):
        is_access = change.action is TrailAction.DISABLE_TRUSTED_ACCESS
        is_about_own = judgement.is_own_trail or is_access or change.rule is not None
        severity = REFUSED_BLINDING if is_denied or is_about_own else REFUSED
    return replace(judgement, severity=severity, effect=Effect.ATTEMPT, world_open=False)


def _may_blind(judgement: Judgement, change: TrailChange) -> bool:
    """Whether a refused call would have blinded the trail, by all that its record says.

    Refused calls are often recorded without their parameters.
    """
    is_edit = change.action in (TrailAction.UPDATE, TrailAction.SELECT_EVENTS)
    is_unknown = is_edit and not change.settings
    return (bool(judgement.blinded) or is_unknown) and not judgement.is_repeated


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
