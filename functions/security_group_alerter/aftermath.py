"""Step 7: what the later calls of a delivery make of the earlier ones.

CloudTrail's update of an event is one call with the event. A group, a list or a trail that was
deleted later needs no command to undo what was done to it before, nor does a rule that was revoked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from .judgement.exposure import exposure_of, internet_share_of
from .judgement.moments import about_what_is_left
from .judgement.severities import severity_when_ended
from .judgement.touched_ports import with_ranges
from .model.alert import DeliveredFinding, Ended
from .model.change import (
    EDITED,
    Action,
    AttachmentChange,
    Change,
    Key,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    key_of_gone,
    rank_of,
)
from .model.dataclass import replace
from .model.exposure import Breadth
from .model.exposure_life import EndedHow
from .model.finding import Effect, Finding
from .model.record import Outcome
from .model.rules import Peer, SecurityGroupRule
from .model.subject import SubjectKind

# Calls that revoked rules, and the ids of these.
_Gone = Sequence[tuple[DeliveredFinding, Iterable[str]]]


def with_aftermath(
    found: Iterable[DeliveredFinding],
) -> tuple[list[DeliveredFinding], Exception | None]:
    """The findings of one delivery in the order of their calls, each with what became of it.

    And the last fault of ours: it takes no alert with it.
    """
    found = [*found]
    try:
        entries = _merged(found)
        gone = [(it, ids) for it in entries if (ids := _ids_revoked_by(it.finding))]
        entries = _in_order(entries, gone)
        later, entries = _LaterCalls(gone), _with_known_ranges(entries)
    except Exception as fault:  # noqa: BLE001
        # Then each is told as it came.
        return found, fault
    marked: list[DeliveredFinding] = []
    error: Exception | None = None
    for entry in reversed(entries):
        becomes = entry
        try:
            becomes = _lowered(later.marked(entry))
            later.add(entry.finding)
        except Exception as fault:  # noqa: BLE001
            error = fault
        marked.append(becomes)
    return marked[::-1], error


def _lowered(entry: DeliveredFinding) -> DeliveredFinding:
    """An opening that had ended when it was judged is less urgent than one that stands."""
    finding = entry.finding
    judgement = finding.judgement
    breadth = max(judgement.opened.breadth, judgement.listed.breadth)
    severity = severity_when_ended(judgement.severity, breadth)
    is_ended = entry.ended is not None and finding.outcome is Outcome.SUCCEEDED
    if not is_ended or severity is judgement.severity:
        return entry
    rated = judgement.lowered_from or judgement.severity
    lowered = replace(judgement, severity=severity, lowered_from=rated)
    return replace(entry, finding=replace(finding, judgement=lowered))


class _LaterCalls:
    """What the calls that were made later took away, by what it is called.

    Those that revoke a rule by its id (`gone`) count as later within a second: no other rule gets
    that id.
    """

    def __init__(self, gone: _Gone) -> None:
        self._deleted: dict[object, Ended] = {}
        # A rule, and when it was revoked; the id of one, and each time that it was.
        self._revoked: dict[object, dict[SecurityGroupRule, datetime | None]] = {}
        self._revoked_ids: dict[object, dict[str, list[datetime | None]]] = {}
        for entry, ids in gone:
            name, time = _name_of(entry.finding), _done_by(entry.finding)[1]
            for rule_id in ids if name else ():
                revoked = self._revoked_ids.setdefault(name, {})
                revoked.setdefault(rule_id, []).append(time)

    def add(self, finding: Finding) -> None:
        """Take note of one call more, which was made before those that are known."""
        name, change, time = _name_of(finding), *_done_by(finding)
        if not (name and change):
            return
        if change.action in (Action.DELETE, TrailAction.DELETE):
            self._deleted[name] = Ended(how=EndedHow.DELETED, at=time)
        if not isinstance(change, SecurityGroupChange):
            return
        revoked = self._revoked.setdefault(name, {})
        # What is added again stands again.
        for rule in change.added:
            revoked.pop(rule, None)
        if _revokes(change):
            # Of several, the next one counts.
            revoked.update(dict.fromkeys(change.removed, time))

    def marked(self, entry: DeliveredFinding) -> DeliveredFinding:
        """The finding, with what later calls took back of it."""
        name, change = _name_of(entry.finding), entry.finding.change
        several = isinstance(change, AttachmentChange) and len(change.group_ids) > 1
        if name in self._deleted and not several:
            known = entry.ended if entry.ended and entry.ended.at else None
            return replace(entry, ended=known or self._deleted[name])
        if not isinstance(change, SecurityGroupChange) or change.action is not Action.ADD_RULES:
            return entry
        revoked = dict(self._revoked_of(name, change.added, _done_by(entry.finding)[1]))
        if not revoked:
            return entry
        entry = replace(entry, revoked=entry.revoked | revoked.keys())
        if entry.ended or entry.stays_open or change.problems or change.unknown_parameters:
            return entry
        left = tuple(rule for rule in change.added if rule not in entry.revoked)
        if left and entry.moment is not None:
            # By memory, other rules may keep the ports open.
            return entry
        if left and not _is_closed_without(entry.finding, left):
            return about_what_is_left(entry, left, entry.finding.lists)
        times = {*filter(None, revoked.values())}
        ended = Ended(
            how=EndedHow.REVOKED,
            at=max(times, default=None),
            in_part=bool(left),
            in_steps=len(times) > 1,
        )
        return replace(entry, ended=ended)

    def _revoked_of(
        self, name: object, rules: Iterable[SecurityGroupRule], since: datetime | None
    ) -> Iterator[tuple[SecurityGroupRule, datetime | None]]:
        """Those that were revoked since, and when."""
        gone, gone_ids = self._revoked.get(name, {}), self._revoked_ids.get(name, {})
        if not (gone or gone_ids):
            return
        for rule in rules:
            if rule in gone:
                yield rule, gone[rule]
                continue
            times = gone_ids.get(rule.rule_id or "", ())
            later = [it for it in times if not (it and since and it < since)]
            yield from ((rule, it) for it in later[:1])


def _is_closed_without(finding: Finding, left: Iterable[SecurityGroupRule]) -> bool:
    """Whether the call opened something to much of the Internet, and what is left of it nothing."""
    opened = exposure_of(with_ranges(left, finding.lists))
    return opened.breadth < Breadth.BROAD <= finding.judgement.opened.breadth


def _done_by(finding: Finding) -> tuple[Change | None, datetime | None]:
    """What the call changed, and when; nothing if it was refused or could not be read."""
    record, change = finding.record, finding.change
    if record is None or record.outcome is not Outcome.SUCCEEDED:
        return None, None
    return change, record.event_time


def _revokes(change: SecurityGroupChange) -> bool:
    return change.action is Action.REMOVE_RULES and not change.matched_nothing


def _merged(found: Iterable[DeliveredFinding]) -> list[DeliveredFinding]:
    """One entry an event: an update of an event that came with it stands in its place."""
    entries: dict[str, DeliveredFinding] = {}
    for entry in sorted(found, key=_updates_last):
        record = entry.finding.record
        name = (record and record.original_event_id) or ""
        # The first key is the event's id, where that may be one.
        original = entries.get(name)
        if original is None:
            entries[entry.keys[0]] = entry
            continue
        # Both are of one call: the worse of the two is what has to be known.
        worse = max((entry, original), key=lambda it: it.finding.judgement.severity)
        entries[name] = replace(
            worse,
            keys=(*original.keys, *entry.keys),
            event_ids=(*original.event_ids, *entry.event_ids),
        )
    return list(entries.values())


def _updates_last(entry: DeliveredFinding) -> tuple[bool, str]:
    """In an order of their own, whichever came first."""
    record = entry.finding.record
    is_update = bool(record and record.original_event_id)
    return is_update, entry.keys[0] if is_update else ""


def _in_order(entries: list[DeliveredFinding], gone: _Gone) -> list[DeliveredFinding]:
    """As the calls were made, and as memory has them, where some revoked rules by their ids."""
    named = _last_named(entries, {it for _, ids in gone for it in ids}) if gone else {}
    if not named:
        return sorted(entries, key=_order_of)
    keys = {entry.keys[0]: _order_of(entry) for entry in entries}
    for entry, ids in gone:
        own, name = keys[entry.keys[0]], _name_of(entry.finding)
        keys[entry.keys[0]] = max(key_of_gone(own, named.get((name, it), own)) for it in ids)
    return sorted(entries, key=lambda entry: keys[entry.keys[0]])


def _order_of(entry: DeliveredFinding) -> Key:
    record, change = entry.finding.record, entry.finding.change
    long_ago = datetime.min.replace(tzinfo=UTC)
    if record is None:
        return long_ago, -1, "", 0
    return record.event_time or long_ago, rank_of(change) if change else EDITED, entry.keys[0], 0


def _ids_revoked_by(finding: Finding) -> Iterable[str]:
    """The ids of the rules that a call revoked: those it asked for, if EC2 names none."""
    change = finding.change
    if not isinstance(change, SecurityGroupChange) or change.action is not Action.REMOVE_RULES:
        return ()
    if change.matched_nothing or finding.outcome is not Outcome.SUCCEEDED:
        return ()
    removed = [rule.rule_id for rule in change.removed if rule.rule_id]
    return removed or change.rule_ids


def _last_named(
    entries: Iterable[DeliveredFinding], rule_ids: Collection[str]
) -> dict[tuple[object, str], Key]:
    """When the rules of these ids were last added or edited, by what the group is called."""
    last: dict[tuple[object, str], Key] = {}
    for entry in entries:
        change = entry.finding.change
        if not isinstance(change, SecurityGroupChange):
            continue
        for rule in change.added:
            if rule.rule_id in rule_ids and entry.finding.outcome is Outcome.SUCCEEDED:
                name, own = (_name_of(entry.finding), rule.rule_id or ""), _order_of(entry)
                last[name] = max(own, last.get(name, own))
    return last


def _name_of(finding: Finding) -> object:
    """What the subject is called: None for what has neither id nor name."""
    subject = finding.subject
    called, account_id, region = subject.id or subject.name, subject.account_id, subject.region
    if called and subject.kind is SubjectKind.TRAIL and called.count(":") == 5:
        # arn:<partition>:cloudtrail:<region>:<account>:trail/<name>, which may go by its name alone
        _, _, _, region, account_id, resource = called.split(":")
        called = resource.partition("/")[2]
    return called and (subject.kind, account_id, region, called)


def _with_known_ranges(entries: list[DeliveredFinding]) -> list[DeliveredFinding]:
    """The deletion of a list closes when earlier calls of the delivery filled it with the world."""
    ranges: dict[object, set[Peer]] = {}
    closing = []
    for entry in entries:
        finding = entry.finding
        change, succeeded = finding.change, finding.outcome is Outcome.SUCCEEDED
        closing.append(entry)
        if not (isinstance(change, PrefixListChange) and change.prefix_list_id and succeeded):
            continue
        known = ranges.setdefault((finding.subject.account_id, change.prefix_list_id), set())
        if change.action is Action.DELETE and internet_share_of(known).breadth is Breadth.WORLD:
            judgement = replace(finding.judgement, effect=Effect.CLOSES)
            closing[-1] = replace(entry, finding=replace(finding, judgement=judgement))
        known |= set(change.added)
        known -= set(change.removed)
    return closing
