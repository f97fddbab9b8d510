"""What the looks of an alert showed, in words: each group or prefix list once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from ..model.dataclass import dataclass
from ..model.finding import Finding
from ..model.group_state import GroupState, Look, NetworkInterface, PrefixListState
from ..model.rules import PeerKind
from ..model.subject import SubjectKind
from .attached import (
    MOST_INTERFACES,
    although_words,
    attached_in_short,
    attached_lines,
    families_of,
    group_words,
    interfaces_behind,
    is_public,
    seen_words,
)
from .limits import Limits
from .members import without_empty
from .text import listed, plural, safe

ATTACHED_TO, REFERRED_TO_BY = "ATTACHED TO", "REFERRED TO BY"
_MOST_TAGS = 4
# As many as a delivery looks at.
_MOST_GROUPS = 20
_COULD_NOT = " could not be seen: "


@dataclass(frozen=True, slots=True, kw_only=True)
class LookWords:
    """What a look showed of one group or prefix list, for the forms to lay out.

    `title` and `lines` are a section of an e-mail, `line` the same where several groups are looked
    at, and `in_short` what a chat says; there is none of them where nothing was seen. `seen` is
    when that was. `not_seen` says what was not seen, and why, and `although` why it may be
    reached without a public address. `facts` are for the machine form, and
    `interfaces` what carries the group or the groups.
    """

    subject_id: str
    title: str = ATTACHED_TO
    seen: str | None = None
    lines: tuple[str, ...] = ()
    line: str | None = None
    in_short: str | None = None
    not_seen: str | None = None
    although: str | None = None
    tags: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    interfaces: tuple[NetworkInterface, ...] = ()


def looked_at(findings: Iterable[Finding], limits: Limits) -> tuple[LookWords, ...]:
    """What was seen of each group or list, in the order of the findings."""
    seen: dict[str, LookWords] = {}
    for finding in findings:
        subject_id = finding.subject.id or finding.subject.name
        if finding.look is not None and subject_id and subject_id not in seen:
            seen[subject_id] = _look_words(subject_id, finding, finding.look, limits)
    return tuple(seen.values())


def _look_words(subject_id: str, finding: Finding, look: Look, limits: Limits) -> LookWords:
    families = families_of(finding)
    facts = _facts(subject_id, finding, look, families, limits)
    is_list = finding.subject.kind is SubjectKind.PREFIX_LIST
    not_seen = not_seen_words(look, "the prefix list" if is_list else "the group")
    match look.state:
        case None:
            return LookWords(subject_id=subject_id, not_seen=not_seen, facts=facts)
        case GroupState() as state:
            # Where no interface was seen, and not all could be, nothing is said of them.
            is_seen = bool(state.interfaces) or state.has_all_interfaces
            return LookWords(
                subject_id=subject_id,
                seen=seen_words(state.seen_at),
                lines=tuple(attached_lines(state, families)) if is_seen else (),
                line=group_words(state, families),
                in_short=f"{attached_in_short(state, families)}; seen at "
                f"{seen_words(state.seen_at)}"
                if is_seen
                else None,
                not_seen=not_seen,
                although=although_words(finding),
                tags=tags_words(state.tags),
                facts=facts,
                interfaces=interfaces_behind(finding),
            )
        case PrefixListState() as state:
            return LookWords(
                subject_id=subject_id,
                title=REFERRED_TO_BY,
                seen=seen_words(state.seen_at),
                lines=tuple(_referring_lines(state, families)),
                line=f"{safe(subject_id, 40)}: {_referring_in_short(state)}",
                in_short=f"{_referring_in_short(state)}; seen at {seen_words(state.seen_at)}",
                not_seen=not_seen_words(look, "the prefix list"),
                facts=facts,
                interfaces=interfaces_behind(finding),
            )


# For the forms.


def attached_section(looked: Sequence[LookWords]) -> tuple[str, list[str]]:
    """(Title, lines): all of what one look showed, or a line for each of several."""
    seen = [it for it in looked if it.line]
    title = seen[0].title if seen else ATTACHED_TO
    if len(looked) == 1:
        return title, [line for it in seen for line in it.lines]
    times = [*dict.fromkeys(it.seen for it in seen if it.seen)]
    lines = [f"Seen at {listed(times, 2)}:"] if seen else []
    lines += [f"  {it.line}" for it in seen[:_MOST_GROUPS]]
    rest = len(seen) - _MOST_GROUPS
    return title, [*lines, f"  and {plural(rest, 'more group')}"] if rest > 0 else lines


def attached_line(looked: Sequence[LookWords]) -> str | None:
    """What stands behind the groups, in one line."""
    if len(looked) == 1:
        return looked[0].in_short
    return "; ".join(it.line for it in looked[:3] if it.line) or None


def not_seen_lines(looked: Sequence[LookWords]) -> Iterator[str]:
    """`Not seen: its rules (…).`; of several groups, which of them."""
    subjects_by_words: dict[str, list[str]] = {}
    for it in looked:
        if it.not_seen is not None:
            subjects_by_words.setdefault(it.not_seen, []).append(safe(it.subject_id, 40))
    for words, subjects in [*subjects_by_words.items()][:3]:
        of = f" of {listed(subjects, 3)}" if len(looked) > 1 else ""
        yield f"Not seen{of}: {words}."


# Of a prefix list.


def _referring_lines(state: PrefixListState, families: Iterable[PeerKind]) -> Iterator[str]:
    known = frozenset(families)
    seen = f"seen at {seen_words(state.seen_at)}"
    if not state.groups:
        if state.is_complete:
            yield f"No security group refers to the list, as {seen}."
        return
    count = len(state.groups)
    perhaps = "" if state.is_complete else " (perhaps more)"
    yield f"{plural(count, 'security group')}{perhaps}, {seen}:"
    worst_first = sorted(
        state.groups, key=lambda it: not any(is_public(its, known) for its in it.interfaces)
    )
    yield from (f"  {group_words(group, known)}" for group in worst_first[:MOST_INTERFACES])
    rest = count - MOST_INTERFACES
    if rest > 0:
        yield f"  and {plural(rest, 'more group')}"


def _referring_in_short(state: PrefixListState) -> str:
    if not state.groups:
        return "no security group refers to it" if state.is_complete else "not seen"
    shown = [safe(group.resource.id, 40) for group in state.groups]
    return f"{plural(len(shown), 'security group')}: {listed(shown, 3)}"


# Of a group or a list.


def not_seen_words(look: Look, subject: str) -> str | None:
    """`its rules and its network interfaces (the look took too long)`; None when all was seen."""
    if look.state is None:
        why = f" ({safe(look.problem, 300)})" if look.problem else ""
        return f"{subject}{why}"
    groups = look.state.groups if isinstance(look.state, PrefixListState) else ()
    said = dict.fromkeys(
        (
            *look.state.not_seen,
            *(_of_group(words, group) for group in groups for words in group.not_seen),
        )
    )
    # What could not be seen for one reason stands together.
    things_by_reason: dict[str, list[str]] = {}
    for words in said:
        what, _, why = words.partition(_COULD_NOT)
        things_by_reason.setdefault(why, []).append(safe(what, 100).removesuffix(","))
    return (
        "; ".join(
            f"{listed(things, 5)}{f' ({safe(why, 300)})' if why else ''}"
            for why, things in [*things_by_reason.items()][:3]
        )
        or None
    )


def _of_group(words: str, group: GroupState) -> str:
    return f"of {group.resource.id}: {words}" if words.startswith("its ") else words


def tags_words(tags: Mapping[str, str]) -> str | None:
    """`Name=web, team=payments and 2 more`; what AWS itself sets comes last."""
    order = sorted(tags, key=lambda name: (name != "Name", name.startswith("aws:")))
    shown = [f"{safe(name, 40)}={safe(tags[name], 60)}" for name in order]
    return listed(shown, _MOST_TAGS) or None


def _facts(
    subject_id: str,
    finding: Finding,
    look: Look,
    families: Iterable[PeerKind],
    limits: Limits,
) -> dict[str, Any]:
    """What was seen, for programs."""
    state, known = look.state, frozenset(families)
    reach = finding.judgement.reach
    facts: dict[str, Any] = {"resource_id": limits.cut(subject_id)}
    if reach is not None:
        facts |= {
            "reach": reach.reach.value,
            "reasons": [limits.cut(reason) for reason in reach.reasons],
        }
    if state is None:
        return without_empty(**facts, problem=limits.cut(look.problem))
    interfaces = interfaces_behind(finding)
    facts |= {
        "seen_at": state.seen_at.isoformat(),
        "is_complete": state.is_complete,
        "not_seen": [limits.cut(words) for words in state.not_seen[:10]],
        "name": limits.cut(state.name),
        "attached": len(interfaces),
        "attached_public": sum(is_public(it, known) for it in interfaces),
    }
    if isinstance(state, GroupState):
        facts |= {
            "vpc_id": limits.cut(state.vpc_id),
            "tags": {limits.cut(key): limits.cut(it) for key, it in [*state.tags.items()][:50]},
            "block_public_access": state.block_mode,
        }
    else:
        facts |= {
            "version": state.version,
            "ranges": [peer.value for peer in state.ranges[: min(100, limits.rules)]],
            "referred_to_by": [limits.cut(it.resource.id) for it in state.groups[:50]],
        }
    return without_empty(**facts)
