"""What a call did to a managed prefix list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...judgement.exposure import internet_share_of
from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.change import Action, PrefixListChange
from ...model.exposure import Breadth
from ...model.exposure_life import EndedHow
from ...model.finding import Effect, Finding
from ...model.group_state import PrefixListState
from ...model.record import Outcome
from ...model.rules import Peer
from ..limits import Limits
from ..rule_words import (
    amount_words,
    held_words,
    internet_share_words,
    peer_words,
    whom_words,
    width_of,
    worst_of,
)
from ..text import plural, safe
from ..undo import NOT_ENOUGH, NoUndoError, Step, needed, undo_of
from .standing_words import lived_notes
from .words import (
    ADDED,
    NOT_NAMED,
    REMOVED,
    WOULD_OPEN,
    Changed,
    Item,
    ItemList,
    Look,
    problem_lines,
    ranges_look,
    unknown_lines,
)

_VERSIONS = range(1, 2**31)
_STEPS = (
    "Find out which security groups refer to the list: each of them lets these ranges in.",
    "Not planned? Take the ranges out of the list, or go back to the version before.",
)
_IPAM_STEPS = (
    "Not planned? Take it back. The ranges that IPAM has put into the list stay: check them.",
    "Planned? Look in IPAM at the rules of the list's resolver: what they match gets into the "
    "list.",
)
# https://docs.aws.amazon.com/vpc/latest/userguide/delete-managed-prefix-list.html
_GONE_STEPS = (
    "Nothing is left to close: AWS deletes a list only when nothing refers to it.",
    "Find out which rules referred to it before, and who has connected since.",
)
_EMPTIED_STEPS = (
    "The list no longer holds the range.",
    "Find out which rules refer to it, and who connected while it held the range.",
)
# The role by which IPAM keeps a list in step: a person's edit would be undone at once.
# https://docs.aws.amazon.com/vpc/latest/ipam/iam-ipam-slr.html
_IPAM_ROLE = "ipam.amazonaws.com/AWSServiceRoleForIPAM"


def prefix_list_changed(
    entry: DeliveredFinding, change: PrefixListChange, limits: Limits
) -> Changed:
    """A prefix list that was created, edited, deleted or restored to an earlier version."""
    finding, state = entry.finding, _state_of(entry.finding)
    name = change.prefix_list_name or (state.name if state else None)
    names = (change.prefix_list_id, name and f'"{name}"')
    added, removed = (
        worst_of(peers, limits.rules, lambda peer: width_of(internet_share_of((peer,))))
        for peers in (change.added, change.removed)
    )
    return Changed(
        noun="Prefix list",
        called=safe(" ".join(filter(None, names))) or NOT_NAMED,
        reasons=tuple(_reasons(finding, change)),
        repeats_headline=not (change.added or change.removed),
        lines=tuple(f"{words[:1].upper()}{words[1:]}." for words in _settings(change)),
        lists=(
            _ranges(ADDED, added, len(change.added)),
            _ranges(REMOVED, removed, len(change.removed)),
        ),
        after=(
            *problem_lines(change.problems, limits.rules),
            *unknown_lines(change.unknown_parameters),
        ),
        notes=tuple(_notes(entry, change)) if finding.outcome is Outcome.SUCCEEDED else (),
        undo=undo_of(entry, lambda: _steps_back(finding, change)),
        looks=() if entry.ended else tuple(_looks(change, state)),
        steps=_steps(entry, change, state),
        resource_type="AWS::EC2::PrefixList",
        facts={
            "action": change.action,
            "prefix_list_id": limits.cut(change.prefix_list_id),
            "prefix_list_name": limits.cut(change.prefix_list_name),
            "new_name": limits.cut(change.new_name),
            "max_entries": change.max_entries,
            "ipam_sync": change.ipam_sync,
            "ranges_added": [peer.value for peer, _ in added],
            "ranges_removed": [peer.value for peer, _ in removed],
            "ipv4_share": finding.judgement.listed.ipv4_share,
            "ipv6_share": finding.judgement.listed.ipv6_share,
            "unknown_parameters": [limits.cut(name) for name in change.unknown_parameters[:10]],
            "not_readable": [limits.cut(problem) for problem in change.problems[: limits.rules]],
            "is_omitted": change.is_omitted or None,
        },
    )


def _state_of(finding: Finding) -> PrefixListState | None:
    state = finding.seen
    return state if isinstance(state, PrefixListState) else None


def _steps(
    entry: DeliveredFinding, change: PrefixListChange, state: PrefixListState | None
) -> tuple[str, ...]:
    if entry.ended:
        return _GONE_STEPS if entry.ended.how is EndedHow.DELETED else _EMPTIED_STEPS
    if change.ipam_sync:
        return _IPAM_STEPS
    # What refers to it is named where a look has shown it.
    return _STEPS[1:] if state and state.is_complete else _STEPS


def _ranges(mark: str, ranges: Sequence[tuple[Peer, tuple[object, ...]]], count: int) -> ItemList:
    items = [
        Item(text=f"{peer_words(peer)}{amount_words(peer)}", concern=concern)
        for peer, concern in ranges
    ]
    return ItemList(mark=mark, noun="range", items=tuple(items), count=count)


def _settings(change: PrefixListChange) -> Iterator[str]:
    """What an edit set beside the ranges."""
    if change.action is not Action.MODIFY:
        return
    if change.new_name is not None:
        yield f"renamed to {safe(change.new_name, 100)}"
    if change.max_entries is not None:
        yield f"room for {change.max_entries:,} entries"
    if change.ipam_sync is True:
        yield "IPAM fills this list from now on"
    if change.ipam_sync is False:
        yield "IPAM no longer fills this list"


def prefix_list_phrases(
    finding: Finding, change: PrefixListChange, stood: str | None
) -> tuple[str, str]:
    """(What was done, what was to be done) to the prefix list; `stood` is of what had ended."""
    called = safe(change.prefix_list_id or change.prefix_list_name or "", 60)
    name = f"prefix list {called}" if called else "a prefix list that is not named"
    left = finding.judgement.left
    listed = left.listed if left else finding.judgement.listed
    ranges = left.ranges if left else change.added
    if change.action is Action.RESTORE:
        version = f" to version {change.restored_version}" if change.restored_version else ""
        # By memory or a look; its record does not say.
        what = "" if change.added or change.removed else ", contents not recorded"
        if listed.breadth >= Breadth.BROAD:
            what = f", and now includes {whom_words(listed, ranges)}"
        return f"{name} restored{version}{what}", f"restore {name}{version}"
    verb, past = {
        Action.CREATE: ("create", "created"),
        Action.DELETE: ("delete", "deleted"),
    }.get(change.action, ("edit", "edited"))
    if listed.breadth >= Breadth.BROAD:
        whom = whom_words(listed, ranges)
        includes = f"{name} now includes {whom}"
        if stood is not None:
            includes = f"{name} included {whom}{stood}"
        return includes, f"make {name} include {whom}"
    if change.cannot_be_judged:
        return f"{name} {past}, ranges unreadable: cannot judge", f"{verb} {name}"
    if change.ipam_sync is not None:
        still = "now" if change.ipam_sync else "no longer"
        return f"{name} is {still} filled by IPAM", f"{verb} {name}"
    details = [*_settings(change)]
    if finding.judgement.effect is Effect.CLOSES:
        if change.action is Action.DELETE:
            return f"{name} with world-open ranges deleted", f"delete {name}"
        details.append("a world-open range was removed")
    elif len(change.added) == 1:
        details.append(f"{peer_words(change.added[0])} added")
    return f"{name} {past}{': ' if details else ''}{'; '.join(details)}", f"{verb} {name}"


def _notes(entry: DeliveredFinding, change: PrefixListChange) -> Iterator[str]:
    finding = entry.finding
    if change.is_omitted:
        yield "CloudTrail left the ranges out. Look at the prefix list itself."
    is_reason = finding.judgement.listed.breadth >= Breadth.BROAD
    if change.added and change.action is Action.MODIFY and not is_reason:
        yield "Every rule that refers to this list now lets the added ranges through."
    yield from lived_notes(finding.moment.ended if finding.moment else ())
    if change.action is Action.DELETE:
        return
    ranges = _ranges_now(finding, change)
    if ranges is not None and change.action is not Action.CREATE:
        share = internet_share_of(ranges)
        much = f": {internet_share_words(share)}" if share.breadth >= Breadth.BROAD else ""
        # A look shows what it holds by now; else it is what it held just after the call.
        is_now = entry.taken is None or _state_of(finding) is not None
        yield f"The list {'now holds' if is_now else 'then held'} {held_words(ranges)}{much}."
    elif finding.judgement.effect is Effect.CLOSES:
        yield "Another world-open range may still be in the list."


def _ranges_now(finding: Finding, change: PrefixListChange) -> tuple[Peer, ...] | None:
    """What the list holds after the call; None where that is not known."""
    state, moment = _state_of(finding), finding.moment
    if state is not None and state.has_all_rules:
        # A look that came too soon shows the version before.
        is_old = state.version is not None and state.version == change.version
        return None if is_old else state.ranges
    return moment.ranges_after if moment is not None and moment.is_whole else None


def _reasons(finding: Finding, change: PrefixListChange) -> Iterator[str]:
    """Why it is as severe as it is."""
    if finding.outcome is not Outcome.SUCCEEDED:
        yield WOULD_OPEN
    elif change.action is Action.RESTORE:
        yield "the ranges of the restored version are not in the record"
    elif finding.judgement.listed.breadth >= Breadth.BROAD:
        yield "every rule that refers to the list lets these ranges through"
    elif change.cannot_be_judged:
        yield "the list may now hold the world"
    elif change.ipam_sync:
        yield "from now on its ranges change without a person's call"


def _looks(change: PrefixListChange, state: PrefixListState | None) -> Iterator[Look]:
    prefix_list_id = ids.valid(ids.PREFIX_LIST, change.prefix_list_id)
    if prefix_list_id is None or change.action is Action.DELETE:
        return
    # What a look has shown needs no command.
    if not (state and state.has_all_rules):
        yield ranges_look(prefix_list_id)
    if state and state.is_complete:
        return
    yield Look(
        shows="What refers to the list",
        words=(
            *("ec2", "get-managed-prefix-list-associations", "--prefix-list-id", "{}"),
            *("--query", "PrefixListAssociations[].{Used_by:ResourceId,Account:ResourceOwner}"),
            *("--output", "table"),
        ),
        value=prefix_list_id,
        how_to_read="Each security group listed lets the ranges through. No row: nothing uses it.",
    )


def _steps_back(finding: Finding, change: PrefixListChange) -> Iterator[Step]:
    if change.action is Action.DELETE:
        raise NoUndoError("a deleted prefix list cannot be brought back")
    if finding.record and finding.record.principal.service_linked_role == _IPAM_ROLE:
        raise NoUndoError("IPAM would make the same change again: change its rules in IPAM")
    prefix_list_id = needed(ids.PREFIX_LIST, change.prefix_list_id, "prefix list id")
    if change.action is Action.CREATE:
        yield Step(words=["ec2", "delete-managed-prefix-list", "--prefix-list-id", prefix_list_id])
        return
    changed_entries = bool(change.added or change.removed or change.action is Action.RESTORE)
    # While IPAM fills the list, nobody else edits it.
    if change.ipam_sync is True:
        yield _ipam_sync_set_back(prefix_list_id, was_on=False, is_part=changed_entries)
    if changed_entries:
        yield from _entries_set_back(change, prefix_list_id)
    if change.ipam_sync is False:
        yield _ipam_sync_set_back(prefix_list_id, was_on=True, is_part=changed_entries)
    if change.ipam_sync is None and not changed_entries:
        raise NoUndoError("what was set before is not in the record")


def _entries_set_back(change: PrefixListChange, prefix_list_id: str) -> Iterator[Step]:
    if change.version is None or change.version not in _VERSIONS:
        raise NoUndoError(NOT_ENOUGH)
    # Every change of the entries makes one version more.
    # https://docs.aws.amazon.com/vpc/latest/userguide/working-with-managed-prefix-lists.html
    named = ["--prefix-list-id", prefix_list_id]
    now = ["--current-version", str(change.version + 1)]
    warning = _warning(change)
    is_whole = not (change.problems or change.unknown_parameters)
    # Going back puts in again what was removed, also what could not be read; this only takes out.
    has_close = bool(change.added) and not (is_whole and warning is None)
    if has_close:
        entries = [f"Cidr={peer.value}" for peer in change.added]
        yield Step(
            words=[
                *("ec2", "modify-managed-prefix-list", *named, *now),
                *("--remove-entries", *entries),
            ],
            does=f"Take out what was added ({plural(len(entries), 'range')})",
        )
    if not is_whole:
        raise NoUndoError(NOT_ENOUGH)
    yield Step(
        words=[
            *("ec2", "restore-managed-prefix-list-version", *named),
            *("--previous-version", str(change.version), *now),
        ],
        does="Go back to the version before" if has_close else None,
        warning=warning,
    )


def _ipam_sync_set_back(prefix_list_id: str, *, was_on: bool, is_part: bool) -> Step:
    flag = "ipam-prefix-list-resolver-sync-enabled"
    does = "Let IPAM fill the list again" if was_on else "Stop IPAM from filling the list"
    return Step(
        words=[
            *("ec2", "modify-managed-prefix-list", "--prefix-list-id", prefix_list_id),
            f"--{flag}" if was_on else f"--no-{flag}",
        ],
        does=does if is_part else None,
        warning="IPAM may then put any range into the list" if was_on else None,
    )


def _warning(change: PrefixListChange) -> str | None:
    """What going back lets in again; None where it only takes ranges out."""
    if change.action is Action.RESTORE:
        return "this may open again what the restored version had closed"
    if not change.removed:
        return None
    if internet_share_of(change.removed).breadth is Breadth.WORLD:
        return "this opens it to the world again"
    return "this puts the removed ranges back"
