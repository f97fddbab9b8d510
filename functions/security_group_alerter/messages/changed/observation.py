"""What the watch found of an exposure: that it still stands, became worse, or is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ...judgement.exposure import internet_share_of
from ...judgement.reminders import NEXT_REMINDER, WITHOUT_A_LOOK, is_last_unseen
from ...model import ids
from ...model.alert import DeliveredFinding
from ...model.change import PrefixListChange
from ...model.dataclass import replace
from ...model.exposure import Breadth, Exposure
from ...model.exposure_life import LOOKS_BACK, EndedHow, ExposureLife, LookedBy, Resource
from ...model.finding import Finding
from ...model.group_state import PrefixListState, Reach
from ...model.ledger import Told
from ...model.origin import Observation, Observed
from ...model.subject import SubjectKind
from ..people import actor_words, age_words, bound_words, clock_words
from ..rule_words import internet_share_words, openings_words, was_or_were
from ..text import safe
from ..undo import NoUndoError, Step, needed, undo_of
from .words import REMOVED, Changed, Weakened

_NAMES = {
    Observed.FOUND: "Found open",
    Observed.WORSE: "Became worse",
    Observed.ACCEPTANCE_ENDED: "Acceptance ran out",
    Observed.STILL_OPEN: "Still open",
    Observed.CLOSED: "Closed",
}
_ENDED_HOW = {
    EndedHow.REVOKED: "its rules were revoked",
    EndedHow.MODIFIED: "its rules were edited",
    EndedHow.DELETED: "the group was deleted",
    EndedHow.PREFIX_LIST: "the prefix list was edited",
}


def observed_change(entry: DeliveredFinding, origin: Observation, base: Changed) -> Changed:
    """`base` is what a call would be that added all that stands of it."""
    finding = entry.finding
    facts = {name: it for name, it in base.facts.items() if name != "action"}
    changed = replace(
        base,
        name=_NAMES[origin.what],
        notes=(*_notes(origin), *base.notes),
        facts=facts | {"observed": origin.what.value, **_facts(origin, entry)},
    )
    if origin.what is Observed.CLOSED:
        undo = replace(base.undo, commands=(), reason="it is closed")
        return replace(
            changed,
            lines=tuple(_ended_lines(origin.life)),
            lists=(),
            repeats_headline=True,
            looks=(),
            steps=(),
            weakens=None,
            undo=undo,
        )
    steps = (*changed.steps[:-1], _planned(origin.life.resource)) if changed.steps else ()
    changed = replace(changed, steps=steps)
    if isinstance(origin.change, PrefixListChange):
        return replace(changed, undo=undo_of(entry, lambda: _taking_out(finding, origin)))
    return replace(changed, weakens=Weakened.FIREWALL)


def _planned(resource: Resource) -> str:
    is_list = resource.kind is SubjectKind.PREFIX_LIST
    name = ids.valid(ids.PREFIX_LIST if is_list else ids.SECURITY_GROUP, resource.id)
    args = f""" ARGS="{name} --until YYYY-MM-DD --why '...'\"""" if name else ""
    return (
        "Planned? Narrow the range, add it to accepted_openings.toml, or put the reminders off: "
        f"make snooze{args}"
    )


def _facts(origin: Observation, entry: DeliveredFinding) -> dict[str, str | None]:
    life, told = origin.life, origin.told
    opened, closed, before = life.opened, life.closed, life.closed_before
    return {
        "exposure": entry.exposures[0].uid,
        "opened_at": opened.time.isoformat() if opened else None,
        "opened_by": opened.principal if opened else None,
        "closed_at": closed.time.isoformat() if closed and not before else None,
        "closed_before": before.isoformat() if before else None,
        "seen_at": origin.seen_at.isoformat() if origin.seen_at else None,
        "told_at": told.at.isoformat() if told else None,
        "told_as": told.severity.name.capitalize() if told else None,
    }


# The headline.


def observed_end(finding: Finding, origin: Observation) -> str:
    """What ends a headline that names what is open."""
    match origin.what:
        case Observed.FOUND if origin.life.revealed.looked_by is not None:
            return ", found open"
        case Observed.FOUND if origin.told is not None:
            return ", reported as closed"
        case Observed.FOUND:
            return ", not reported before"
        case Observed.WORSE:
            return _was(finding, origin.told)
        case Observed.ACCEPTANCE_ENDED:
            return ", no longer accepted"
        case Observed.STILL_OPEN:
            still = "last reminder" if _is_last(origin) else "still open"
            return f"{_now_public(finding, origin.told)}, {still}{_after(origin)}"
        case Observed.CLOSED:
            return _after(origin)


def _was(finding: Finding, told: Told | None) -> str:
    """What it is no longer, in few words: the subject of a mail has to hold them."""
    reach = finding.judgement.reach
    if told is None or (reach and reach.reach is told.reach):
        return f", was {told.severity.name} before" if told else ""
    return f", no longer {told.reach}"


def _now_public(finding: Finding, told: Told | None) -> str:
    """Where that was not reported by itself: it became worse twice in a day."""
    reach = finding.judgement.reach
    is_public = reach is not None and reach.reach is Reach.PUBLIC
    is_new = told is not None and told.reach in (Reach.PRIVATE, Reach.UNATTACHED)
    return ", public now" if is_public and is_new else ""


def closed_phrase(finding: Finding, origin: Observation) -> str:
    """The headline of what is over."""
    if isinstance(origin.change, PrefixListChange):
        what, whom = f"prefix list {safe(origin.life.resource.id, 60)}", "the world"
        was = "was"
    elif not origin.life.openings:
        return "what was reported as open was never open to the world"
    else:
        what, whom = openings_words(finding.judgement.closed, ())
        was = was_or_were(finding.judgement.closed)
    return f"{what}, which {was} open to {whom}, {'is' if was == 'was' else 'are'} closed"


def _after(origin: Observation) -> str:
    """` after 2 d 3 h`, where it is known since when."""
    life = origin.life
    if life.opened is None:
        return ""
    if life.closed_before is not None:
        return f" after at most {bound_words(life.closed_before - life.opened.time)}"
    until = life.closed.time if life.closed else origin.at
    return f" after {age_words(until - life.opened.time)}"


# What a reader must not overlook.


def _notes(origin: Observation) -> Iterator[str]:
    if origin.what is Observed.CLOSED:
        yield from _end_notes(origin.life)
        return
    yield from _found_notes(origin.life)
    told = origin.told
    if told is not None and not told.is_quiet and origin.what is not Observed.FOUND:
        reach = f", {told.reach}" if told.reach is not Reach.UNKNOWN else ""
        yield f"Reported at {_time(told.at)} as {told.severity.name}{reach}."
    if origin.what is Observed.WORSE:
        yield "Which call changed what is behind the group is not known: it is not read."
    if origin.seen_at is None:
        since = f" since {_time(origin.seen_before)}" if origin.seen_before else ""
        yield (
            f"It could not be looked at{since}: this is what CloudTrail recorded, and it may be "
            "closed by now."
        )
    if origin.what is Observed.STILL_OPEN:
        yield _next_note(origin)


def _next_note(origin: Observation) -> str:
    if _is_last(origin):
        weeks = WITHOUT_A_LOOK.days // 7
        return (
            "This is the last reminder. The alerter cannot look into this account, so it stops "
            f"reminding you after {weeks} weeks. It stays in the digest and in make exposures, and "
            "if a look shows it again, the reminders go on."
        )
    return f"If it stays open, the next reminder comes in {NEXT_REMINDER.days} days."


def _is_last(origin: Observation) -> bool:
    if origin.told is None or origin.seen_at is not None:
        return False
    return is_last_unseen(origin.told, seen_before=origin.seen_before, now=origin.at)


def _ended_lines(life: ExposureLife) -> Iterator[str]:
    """`- ingress tcp 22 (SSH) from the whole IPv4 Internet, opened …, closed before …`."""
    if not life.openings or life.closed is None:
        return
    opened, before = life.opened, life.closed_before
    since = ", since when is not known"
    if opened is not None and opened.looked_by is None:
        by = f" by {actor_words(opened.principal)}" if opened.principal else ""
        since = f", opened {_time(opened.time)}{by}"
    elif opened is not None:
        since = f", opened before {_time(opened.time + LOOKS_BACK)}"
    end = f"closed before {_time(before)}" if before else f"closed {_time(life.closed.time)}"
    if life.resource.kind is SubjectKind.PREFIX_LIST:
        widest = max(life.openings, key=lambda it: it.share.ipv4_share + it.share.ipv6_share)
        yield f"{REMOVED} {internet_share_words(widest.share)} in the list{since}, {end}"
        return
    what, whom = openings_words(Exposure(openings=life.openings), ())
    yield f"{REMOVED} ingress {what} from {whom}{since}, {end}"


def _found_notes(life: ExposureLife) -> Iterator[str]:
    """How it is known, where no call is known to have opened it."""
    revealed = life.revealed
    if revealed.looked_by is None:
        return
    if revealed.looked_by in (LookedBy.SWEEP, LookedBy.FIRST_SWEEP):
        yield "A sweep found it. No call that opened it was seen."
    else:
        yield "A look found it. No call that opened it was seen."


def _end_notes(life: ExposureLife) -> Iterator[str]:
    closed = life.closed
    if closed is None or not life.openings:
        return
    if life.closed_before is not None:
        yield (
            f"A look at {_time(life.closed_before)} no longer showed it: it was closed before "
            "that. No call that closed it was seen."
        )
        return
    how = _ENDED_HOW.get(life.closed_how) if life.closed_how else None
    by = f" by {actor_words(closed.principal)}" if closed.principal else ""
    yield f"Closed at {_time(closed.time)}{by}{f': {how}' if how else ''}."


def _time(time: datetime) -> str:
    return f"{time.date()} {clock_words(time)}"


# The way to close a list.


def _taking_out(finding: Finding, origin: Observation) -> Iterator[Step]:
    state = finding.seen
    change = origin.change
    if not (isinstance(state, PrefixListState) and isinstance(change, PrefixListChange)):
        raise NoUndoError("it could not be looked at: a command needs the list's version")
    if state.version is None:
        raise NoUndoError("a command needs the list's version, which was not seen")
    wide = [it for it in change.added if internet_share_of((it,)).breadth >= Breadth.BROAD]
    entries = [f"Cidr={it.value}" for it in wide or change.added]
    prefix_list_id = needed(ids.PREFIX_LIST, change.prefix_list_id, "prefix list id")
    yield Step(
        words=[
            *("ec2", "modify-managed-prefix-list", "--prefix-list-id", prefix_list_id),
            *("--current-version", str(state.version), "--remove-entries", *entries),
        ],
        does="Take out the ranges that are open to the Internet",
    )
