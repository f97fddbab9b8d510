"""Step 6d: groups that were attached are judged by what is known of them.

The record of the call names every group that the interface or the instance has from then on, and
not what they let in. So a group that is open to the world counts as opened there, unless a look
showed it there before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial

from ..model.acceptance import Acceptance
from ..model.attachment import AttachedGroup, KnownGroup
from ..model.change import Action, AttachmentChange, SecurityGroupChange
from ..model.dataclass import replace
from ..model.finding import Effect, Finding, Judgement
from ..model.group_state import GroupReach, Reach
from ..model.record import CloudTrailRecord, Outcome
from ..model.rules import SecurityGroupRule
from ..model.severity import Severity
from .accepted_openings import acceptance_of
from .exposure import exposure_of
from .findings import Standards, finding_of, refused
from .severities import ACCEPTED, CANNOT_JUDGE, severity_of
from .touched_ports import left_open, with_ranges


def attachment_finding(
    record: CloudTrailRecord,
    change: AttachmentChange,
    standards: Standards,
    *,
    known: Mapping[str, KnownGroup],
    today: date,
) -> Finding:
    """Judge groups that were attached: the worst that opens something to the world is the subject.

    What is open still is worse than what was closed since.
    `known` is what is known of the groups, by id; a group that is not known is left out. Who
    can reach what was opened is left to the caller: `reach` is unknown.
    """
    by_record = finding_of(record, change, standards, today=today)
    groups = tuple(
        _attached_group(group_id, change.target, known.get(group_id, KnownGroup()))
        for group_id in change.group_ids
    )
    if record.outcome is Outcome.SUCCEEDED and standards.accepted:
        accept = partial(
            acceptance_of,
            entries=standards.accepted,
            account_id=record.account_id,
            region=record.region,
            today=today,
        )
        groups = tuple(
            _with_acceptance(group, known[group.group_id], change, accept) if group.opens else group
            for group in groups
        )
    opening = [group for group in groups if group.opens]
    if not opening:
        return replace(by_record, judgement=replace(by_record.judgement, groups=groups))
    worst = max(opening, key=_concern_of)
    judgement = _judged(worst, groups, cannot_be_judged=change.cannot_be_judged)
    if record.outcome is not Outcome.SUCCEEDED:
        judgement = refused(judgement, change, record.outcome)
    else:
        judgement = replace(judgement, reach=GroupReach(reach=Reach.UNKNOWN))
    subject = replace(by_record.subject, id=worst.group_id)
    return replace(by_record, subject=subject, judgement=judgement)


def _attached_group(group_id: str, target: str | None, known: KnownGroup) -> AttachedGroup:
    places, rules = known.attached_to, with_ranges(known.rules or (), known.lists)
    exposure, left = exposure_of(rules), None
    if known.left is not None and not known.closed:
        left = left_open(exposure, known.left, {})
    return AttachedGroup(
        group_id=group_id,
        rules=rules,
        exposure=None if known.rules is None else exposure,
        was_attached=None if places is None or target is None else target in places,
        closed=known.closed,
        left=None if left == left_open(exposure, rules, {}) else left,
    )


def _with_acceptance(
    group: AttachedGroup,
    known: KnownGroup,
    change: AttachmentChange,
    accept: Callable[[SecurityGroupChange], tuple[tuple[SecurityGroupRule, ...], Acceptance]],
) -> AttachedGroup:
    """An opening that is accepted in a group is accepted wherever the group is attached."""
    opening = SecurityGroupChange(
        action=Action.ADD_RULES, group_id=group.group_id, added=known.rules or ()
    )
    left, acceptance = accept(opening)
    rest = with_ranges(left, known.lists)
    unaccepted = exposure_of(rest)
    if not unaccepted.is_world_open:
        # What else stands in the group would not count on its own. What is unreadable may.
        covers_all = not change.problems
        return replace(group, acceptance=replace(acceptance, covers_all=covers_all))
    if not acceptance.used:
        return replace(group, acceptance=acceptance)
    return replace(
        group, acceptance=acceptance, unaccepted=unaccepted, unaccepted_rules=frozenset(rest)
    )


def _concern_of(group: AttachedGroup) -> tuple[bool, Severity, Severity]:
    """What is open still comes first, by how severe that is, and then what was open."""
    severity = _severity_of(group)
    left = severity if group.left is None else min(severity, severity_of(group.left))
    return not group.is_closed, left, severity


def _severity_of(group: AttachedGroup) -> Severity:
    if group.acceptance.covers_all:
        return ACCEPTED
    return severity_of(group.unaccepted or exposure_of(group.rules))


def _judged(
    worst: AttachedGroup, groups: tuple[AttachedGroup, ...], *, cannot_be_judged: bool
) -> Judgement:
    severity = _severity_of(worst)
    return Judgement(
        severity=max(severity, CANNOT_JUDGE) if cannot_be_judged else severity,
        effect=Effect.OPENS,
        world_open=True,
        opened=exposure_of(worst.rules),
        unaccepted=worst.unaccepted,
        unaccepted_rules=worst.unaccepted_rules,
        acceptance=worst.acceptance,
        groups=groups,
    )
