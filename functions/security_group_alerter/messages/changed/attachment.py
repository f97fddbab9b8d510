"""What a call attached: the security groups of a network interface or of an instance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.attachment import AttachedGroup
from ...model.change import AttachmentChange
from ...model.finding import Finding
from ...model.record import Outcome
from ...model.rules import SecurityGroupRule
from ..limits import Limits
from ..members import without_empty
from ..rule_words import concern_of, openings_words, was_or_were
from ..text import listed, plural, safe
from ..undo import NoUndoError, Step, needed, undo_of
from .standing_words import group_state_of
from .words import (
    ADDED,
    NOT_NAMED,
    WOULD_OPEN,
    Changed,
    Item,
    ItemList,
    Look,
    Weakened,
    acceptance_words,
    problem_lines,
    rules_look,
    unknown_lines,
)

_STEPS = (
    "Not planned? Take the open group off, or revoke its rule: that closes it wherever the group "
    "is attached.",
    "Then find out what it reaches, and who has connected since: VPC flow logs, the host's logins.",
    "Planned? Narrow the group's range, or add it to accepted_openings.toml.",
)
_CANNOT_JUDGE_STEPS = (
    "Look at the groups that it has now.",
    "Take off what is open to the Internet and not planned.",
)
# Of the groups that it has, those that opened nothing new.
_AS_WELL = "="
_SHOWS = "What it was attached to, and which groups that has now"
_NO_GROUPS_BEFORE = "the groups that it had before are not in the record"
_INTERFACE = (
    "NetworkInterfaces[].{Id:NetworkInterfaceId,Used_by:Description,Instance:Attachment.InstanceId,"
    "Public:Association.PublicIp,IPv6:Ipv6Addresses[0].Ipv6Address,Private:PrivateIpAddress,"
    "Groups:Groups[].GroupId}"
)
_INSTANCE = (
    "Reservations[].Instances[].{Id:InstanceId,State:State.Name,Public:PublicIpAddress,"
    "IPv6:Ipv6Address,Private:PrivateIpAddress,Groups:SecurityGroups[].GroupId}"
)


def groups_attached(entry: DeliveredFinding, change: AttachmentChange, limits: Limits) -> Changed:
    """The groups that an interface or an instance has from then on."""
    finding = entry.finding
    groups = sorted(_groups(finding, change), key=_order_of)
    opening = [group for group in groups if group.opens]
    foremost = [group.group_id for group in opening] or list(change.group_ids)
    acceptance = tuple(acceptance_words(finding.judgement.acceptance))
    return Changed(
        noun="Group",
        called=f"{_ids_words(foremost)} on {_target(change)}" if foremost else NOT_NAMED,
        reasons=tuple(_reasons(finding)),
        lists=tuple(
            ItemList(
                mark=mark,
                noun="group",
                items=tuple(_item(group) for group in listing[: limits.rules]),
                count=len(listing),
            )
            for mark, listing in (
                (ADDED, opening),
                (_AS_WELL, [group for group in groups if not group.opens]),
            )
            if listing
        ),
        repeats_headline=not opening,
        after=(
            *problem_lines(change.problems, limits.rules),
            *unknown_lines(change.unknown_parameters),
        ),
        notes=(*acceptance, *_notes(finding, groups)),
        acceptance=acceptance,
        undo=undo_of(entry, lambda: _steps_back(change, opening)),
        looks=tuple(_looks(finding, change, foremost)),
        steps=_STEPS if opening else _CANNOT_JUDGE_STEPS,
        resource_type="AWS::EC2::SecurityGroup",
        weakens=Weakened.FIREWALL if opening else None,
        facts={
            "action": change.action,
            "network_interface_id": limits.cut(change.interface_id),
            "instance_id": limits.cut(change.instance_id),
            "groups": [_group_facts(group, limits) for group in groups[: limits.rules]],
            "unknown_parameters": [limits.cut(name) for name in change.unknown_parameters[:10]],
            "not_readable": [limits.cut(problem) for problem in change.problems[: limits.rules]],
        },
    )


def attachment_phrases(
    finding: Finding, change: AttachmentChange, stood: str | None
) -> tuple[str, str]:
    """(What was attached, what was to be attached)."""
    target = _target(change)
    opening = [group for group in finding.judgement.groups if group.opens]
    if not opening:
        groups = _ids_words(change.group_ids) or "what the record does not name"
        unreadable = ", others unreadable: cannot judge" if change.problems else ""
        return (
            f"groups of {target} set to {groups}{unreadable}",
            f"set groups of {target}: {groups}",
        )
    worst = next(group for group in opening if group.group_id == finding.subject.id)
    is_one = len(opening) == 1
    which = "an open group" if is_one else plural(len(opening), "open group")
    opened, judgement = finding.judgement.foremost, finding.judgement
    rules: Iterable[SecurityGroupRule] = worst.rules
    if judgement.left:
        rules = judgement.left.rules
    elif opened is judgement.unaccepted:
        rules = judgement.unaccepted_rules
    traffic, whom = openings_words(opened, rules)
    is_open = "open" if stood is None else f"{was_or_were(opened)} open"
    through = f"{traffic} {is_open} to {whom}{stood or ''} through {safe(worst.group_id, 40)}"
    was = "was" if is_one else "were"
    return (
        f"{which} {was} attached to {target}: {through}",
        f"attach {which} to {target}: {through}",
    )


def _groups(finding: Finding, change: AttachmentChange) -> tuple[AttachedGroup, ...]:
    """All groups, of which nothing is known where nothing but the record is."""
    known = finding.judgement.groups
    return known or tuple(AttachedGroup(group_id=group_id) for group_id in change.group_ids)


def _order_of(group: AttachedGroup) -> tuple[bool, ...]:
    """Those that open something come first."""
    return (not group.opens, group.acceptance.covers_all)


def _target(change: AttachmentChange) -> str:
    named = safe(change.target, 40) if change.target else ""
    return named or "an interface or instance that is not named"


def _ids_words(group_ids: Iterable[str]) -> str:
    return listed([safe(group_id, 40) for group_id in group_ids], 3)


# The groups.


def _item(group: AttachedGroup) -> Item:
    name = safe(group.group_id, 40)
    exposure = group.exposure
    if exposure is None:
        return Item(text=name)
    before = ", attached before" if group.was_attached else ""
    if not exposure.is_world_open:
        is_open = "not open" if _is_known(group) else "not known to be open"
        return Item(text=f"{name}{before}, {is_open} to the world")
    traffic, whom = openings_words(exposure, group.rules)
    accepted = ", which is accepted" if group.acceptance.covers_all else ""
    is_open, since = "open", ", closed since" if group.is_closed else ""
    if group.left is not None and not group.is_closed:
        left = " to ".join(openings_words(group.left, group.rules))
        if left != f"{traffic} to {whom}":
            is_open, since = f"{was_or_were(exposure)} open", f"; still open: {left}"
    return Item(
        text=f"{name}{before}: {traffic} {is_open} to {whom}{accepted}{since}",
        concern=concern_of(exposure),
    )


def _is_known(group: AttachedGroup) -> bool:
    """Whether it is known if it lets in the world."""
    return group.exposure is not None and (group.is_world_open or not group.unknown_lists)


def _group_facts(group: AttachedGroup, limits: Limits) -> dict[str, Any]:
    return without_empty(
        group_id=limits.cut(group.group_id),
        world_open=group.is_world_open if _is_known(group) else None,
        was_attached=group.was_attached,
        is_accepted=group.acceptance.covers_all or None,
    )


# What a reader must not overlook.


def _notes(finding: Finding, groups: list[AttachedGroup]) -> Iterator[str]:
    if finding.outcome is not Outcome.SUCCEEDED:
        return
    if any(group.opens for group in groups):
        yield "What the call took off is not known: the record names only the groups that it set."
    before = [group.group_id for group in groups if group.is_world_open and group.was_attached]
    if before:
        were = "were" if len(before) > 1 else "was"
        yield f"Open to the world, but {were} there already at the last look: {_ids_words(before)}."
    unknown = [group.group_id for group in groups if group.exposure is None]
    if unknown:
        yield f"What {_ids_words(unknown)} {'let' if len(unknown) > 1 else 'lets'} in is not known."
    by_list = {group.group_id: group.unknown_lists for group in groups if group.unknown_lists}
    if by_list:
        lists = [safe(it, 40) for it in dict.fromkeys(chain(*by_list.values()))]
        yield (
            f"Rules of {_ids_words(by_list)} refer to prefix lists whose ranges are not known: "
            f"{listed(lists, 3)}."
        )
    unseen = [group.group_id for group in groups if group.opens and group.was_attached is None]
    if unseen:
        yield f"Whether it had {_ids_words(unseen)} before is not known."


def _reasons(finding: Finding) -> Iterator[str]:
    """Why it is as severe as it is, where no opening that is known says so."""
    if finding.outcome is not Outcome.SUCCEEDED:
        yield WOULD_OPEN
    else:
        yield "the record does not show everything that changed"


# What to look at.


def _looks(finding: Finding, change: AttachmentChange, group_ids: list[str]) -> Iterator[Look]:
    how_to_read = (
        "With a Public or IPv6 address, it can be reached from the Internet. Groups are those that "
        "it has now."
    )
    interface_id = ids.valid(ids.NETWORK_INTERFACE, change.interface_id)
    instance_id = ids.valid(ids.INSTANCE, change.instance_id)
    if interface_id is not None:
        yield Look(
            shows=_SHOWS,
            words=(
                *("ec2", "describe-network-interfaces", "--network-interface-ids", "{}"),
                *("--query", _INTERFACE, "--output", "table"),
            ),
            value=interface_id,
            how_to_read=how_to_read,
        )
    if instance_id is not None:
        yield Look(
            shows=_SHOWS,
            words=(
                *("ec2", "describe-instances", "--instance-ids", "{}"),
                *("--query", _INSTANCE, "--output", "table"),
            ),
            value=instance_id,
            how_to_read=how_to_read,
        )
    state = group_state_of(finding)
    seen = finding.subject.id if state is not None and state.has_all_rules else None
    for group_id in group_ids:
        if group_id != seen and ids.SECURITY_GROUP.fullmatch(group_id):
            yield rules_look(group_id)


# The way back.


def _steps_back(change: AttachmentChange, opening: list[AttachedGroup]) -> Iterator[Step]:
    """Take off what is open, and keep what else the call set: one group has to be left."""
    off = [group.group_id for group in opening if not group.is_closed]
    kept = [group_id for group_id in change.group_ids if group_id not in off]
    if not (off and kept) or change.problems:
        raise NoUndoError(_NO_GROUPS_BEFORE)
    if change.interface_id is not None:
        interface_id = needed(ids.NETWORK_INTERFACE, change.interface_id, "interface's id")
        call = ["modify-network-interface-attribute", "--network-interface-id", interface_id]
    else:
        instance_id = needed(ids.INSTANCE, change.instance_id, "instance's id")
        call = ["modify-instance-attribute", "--instance-id", instance_id]
    yield Step(
        words=[
            *("ec2", *call, "--groups"),
            *(needed(ids.SECURITY_GROUP, group_id, "id of a group") for group_id in kept),
        ],
        does=f"Take {_ids_words(off)} off again, and keep the other groups that the call set",
    )
