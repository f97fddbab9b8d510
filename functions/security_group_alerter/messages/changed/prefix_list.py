"""What a call did to a managed prefix list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...judgement.exposure import reach_of
from ...model import ids
from ...model.change import Action, PrefixListChange
from ...model.exposure import Breadth
from ...model.finding import Effect, Finding
from ...model.record import Outcome
from ...model.rules import Peer
from ..limits import Limits
from ..people import NOT_RECORDED
from ..rule_words import amount_words, peer_words, reach_words, width_of, worst_of
from ..text import safe
from ..undo import NOT_ENOUGH, NoUndoError, needed, undo_of
from .words import ADDED, REMOVED, Changed, Item, ItemList, problem_lines

_VERSIONS = range(1, 2**31)
_LOOKS = (
    (
        "Which ranges the list holds now",
        "ec2 get-managed-prefix-list-entries --region {region} --prefix-list-id {id}",
    ),
    (
        "What refers to the list",
        "ec2 get-managed-prefix-list-associations --region {region} --prefix-list-id {id}",
    ),
)


def prefix_list_changed(finding: Finding, change: PrefixListChange, limits: Limits) -> Changed:
    """A prefix list that was created, edited or restored to an earlier version."""
    done, to_do = _phrases(finding, change)
    names = (change.prefix_list_id, change.prefix_list_name and f'"{change.prefix_list_name}"')
    added, removed = (
        worst_of(peers, limits.rules, lambda peer: width_of(reach_of((peer,))))
        for peers in (change.added, change.removed)
    )
    return Changed(
        done=done,
        to_do=to_do,
        called=change.prefix_list_id or change.prefix_list_name or "",
        before=(f"Prefix list: {safe(' '.join(filter(None, names))) or NOT_RECORDED}",),
        lists=(
            _ranges(ADDED, added, len(change.added)),
            _ranges(REMOVED, removed, len(change.removed)),
        ),
        after=problem_lines(change.problems, limits.rules),
        notes=tuple(_notes(finding, change)) if finding.outcome is Outcome.SUCCEEDED else (),
        undo=undo_of(finding, lambda: _undo(change)),
        looked_at=ids.valid(ids.PREFIX_LIST, change.prefix_list_id),
        looks=_LOOKS,
        resource_type="AWS::EC2::PrefixList",
        facts={
            "action": change.action,
            "prefix_list_id": limits.cut(change.prefix_list_id),
            "prefix_list_name": limits.cut(change.prefix_list_name),
            "ranges_added": [peer.value for peer, _ in added],
            "ranges_removed": [peer.value for peer, _ in removed],
            "ipv4_share": finding.judgement.listed.ipv4_share,
            "ipv6_share": finding.judgement.listed.ipv6_share,
            "not_readable": [limits.cut(problem) for problem in change.problems[: limits.rules]],
            "is_omitted": change.is_omitted or None,
        },
    )


def _ranges(mark: str, ranges: Sequence[tuple[Peer, tuple[object, ...]]], count: int) -> ItemList:
    items = [
        Item(text=f"{peer_words(peer)}{amount_words(peer)}", concern=concern)
        for peer, concern in ranges
    ]
    return ItemList(mark=mark, noun="range", items=tuple(items), count=count)


def _phrases(finding: Finding, change: PrefixListChange) -> tuple[str, str]:
    """(What was done, what was to be done) to the prefix list."""
    name = f"prefix list {safe(change.prefix_list_id or change.prefix_list_name or '', 60)}"
    listed = finding.judgement.listed
    if change.action is Action.RESTORE:
        version = f" to version {change.restored_version}" if change.restored_version else ""
        return f"{name} restored{version}, contents not recorded", f"restore {name}{version}"
    verb, past = ("create", "created") if change.action is Action.CREATE else ("edit", "edited")
    if listed.breadth >= Breadth.BROAD:
        whom = reach_words(listed)
        return f"{name} now includes {whom}", f"make {name} include {whom}"
    if change.is_omitted or change.problems:
        return f"{name} {past}, ranges unreadable: cannot judge", f"{verb} {name}"
    if finding.judgement.effect is Effect.CLOSES:
        return f"{name} {past}: a world-wide range was removed", f"{verb} {name}"
    if len(change.added) == 1:
        return f"{name} {past}: {peer_words(change.added[0])} added", f"{verb} {name}"
    return f"{name} {past}", f"{verb} {name}"


def _notes(finding: Finding, change: PrefixListChange) -> Iterator[str]:
    if change.is_omitted:
        yield "CloudTrail left the ranges out. Look at the prefix list itself."
    if change.action is Action.RESTORE:
        yield "The record does not tell which ranges the restored version holds."
    if change.added and change.action is Action.MODIFY:
        yield "Every rule that refers to this list now lets the added ranges through."
    if finding.judgement.effect is Effect.CLOSES:
        yield "A world-wide range was removed from the list. Another may still stand in it."


def _undo(change: PrefixListChange) -> list[str]:
    prefix_list_id = needed(ids.PREFIX_LIST, change.prefix_list_id)
    if change.action is Action.CREATE:
        return ["ec2", "delete-managed-prefix-list", "--prefix-list-id", prefix_list_id]
    changed_entries = change.added or change.removed or change.action is Action.RESTORE
    if change.version is None or change.version not in _VERSIONS or not changed_entries:
        raise NoUndoError(NOT_ENOUGH)
    # Every change of the entries makes one version more.
    # https://docs.aws.amazon.com/vpc/latest/userguide/working-with-managed-prefix-lists.html
    return [
        "ec2",
        "restore-managed-prefix-list-version",
        *("--prefix-list-id", prefix_list_id),
        *("--previous-version", str(change.version)),
        *("--current-version", str(change.version + 1)),
    ]
