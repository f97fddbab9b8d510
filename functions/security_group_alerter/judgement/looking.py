"""Step 6c: which groups and prefix lists are worth a look, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model.change import Action, AttachmentChange, PrefixListChange, SecurityGroupChange
from ..model.exposure import Breadth
from ..model.exposure_life import Resource
from ..model.finding import Finding
from ..model.record import Outcome
from ..model.rules import Direction, PeerKind, SecurityGroupRule
from ..model.severity import Severity
from ..model.subject import SubjectKind


def worth_a_look(findings: Iterable[Finding]) -> list[Resource]:
    """What to look at, once each: groups before the prefix lists that their rules refer to.

    Worth it are calls that succeeded and are MEDIUM or worse by their records, add a broad range,
    edit a rule, remove a world-open one, or attach groups; and prefix lists that changed.
    """
    worst: dict[Resource, int] = {}
    for finding in findings:
        if finding.outcome is Outcome.SUCCEEDED:
            severity = finding.judgement.severity
            for resource in _resources_of(finding):
                worst[resource] = max(severity, worst.get(resource, severity))
    return sorted(worst, key=lambda it: (-worst[it], it.kind is SubjectKind.PREFIX_LIST))


def _resources_of(finding: Finding) -> Iterator[Resource]:
    subject, change = finding.subject, finding.change
    called = subject.id or subject.name
    if isinstance(change, PrefixListChange):
        is_worth_it = change.action is not Action.DELETE
    elif isinstance(change, AttachmentChange):
        yield from groups_in(change, finding)
        return
    elif isinstance(change, SecurityGroupChange):
        is_worth_it = change.action is not Action.DELETE and _is_worth_it(finding, change)
        yield from prefix_lists_in(change, finding)
    else:
        return
    if called and is_worth_it:
        yield _resource(subject.kind, called, finding)


def prefix_lists_in(change: SecurityGroupChange, finding: Finding) -> Iterator[Resource]:
    """The prefix lists that the added rules let in."""
    return prefix_lists_of(change.added, finding)


def prefix_lists_of(rules: Iterable[SecurityGroupRule], finding: Finding) -> Iterator[Resource]:
    """The prefix lists that rules let in, in the finding's account and Region."""
    peers = (it.peer for it in rules if it.direction is not Direction.EGRESS)
    for name in dict.fromkeys(it.value for it in peers if it.kind is PeerKind.PREFIX_LIST):
        yield _resource(SubjectKind.PREFIX_LIST, name, finding)


def may_add_up(finding: Finding) -> bool:
    """Whether what a call added or removed may count together with prefix lists beside it."""
    added, change = finding.judgement.opened, finding.change
    # What a revoke by id removed, its record may not say.
    is_revoke = isinstance(change, SecurityGroupChange) and change.action is Action.REMOVE_RULES
    return is_revoke or bool(added.openings) or added.has_prefix_lists


def groups_in(change: AttachmentChange, finding: Finding) -> Iterator[Resource]:
    """The groups that a call attached."""
    for group_id in change.group_ids:
        yield _resource(SubjectKind.SECURITY_GROUP, group_id, finding)


def _resource(kind: SubjectKind, name: str, finding: Finding) -> Resource:
    """Where the finding's subject is."""
    subject = finding.subject
    return Resource(kind=kind, id=name, account_id=subject.account_id, region=subject.region)


def _is_worth_it(finding: Finding, change: SecurityGroupChange) -> bool:
    judgement = finding.judgement
    return (
        judgement.severity >= Severity.MEDIUM
        or judgement.opened.breadth >= Breadth.BROAD
        or change.action is Action.MODIFY_RULES
        or judgement.closed.is_world_open
    )
