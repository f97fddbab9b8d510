"""Step 7: what the later calls of a delivery make of the earlier ones.

CloudTrail's update of an event is one call with the event. A group, a list or a trail that was
deleted later needs no command to undo what was done to it before, nor does a rule that was revoked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from .judgement.exposure import reach_of
from .model.alert import DeliveredFinding, Ended, EndedBy
from .model.change import Action, PrefixListChange, SecurityGroupChange, TrailAction
from .model.exposure import Breadth
from .model.finding import Effect, Finding
from .model.record import Outcome
from .model.rules import Peer


def with_aftermath(found: Iterable[DeliveredFinding]) -> list[DeliveredFinding]:
    """The findings of one delivery in the order of their calls, each with what became of it."""
    later = _LaterCalls()
    marked: list[DeliveredFinding] = []
    for entry in reversed(_with_known_ranges(sorted(_merged(found), key=_order_of))):
        marked.append(later.marked(entry))
        later.add(entry.finding)
    return marked[::-1]


class _LaterCalls:
    """What the calls that were made later took away, by what it is called.

    They are noted from the last one back. So of a rule that was revoked and added again it is the
    next of these calls that counts: each call is undone by itself.
    """

    def __init__(self) -> None:
        self._deleted: dict[object, Ended] = {}
        # A rule, or the id of one, and when it was revoked.
        self._revoked: dict[object, dict[object, datetime | None]] = {}

    def add(self, finding: Finding) -> None:
        """Take note of one call more, which was made before those that are known."""
        record, change, name = finding.record, finding.change, _name_of(finding)
        if not (name and record and change) or record.outcome is not Outcome.SUCCEEDED:
            return
        if change.action in (Action.DELETE, TrailAction.DELETE):
            self._deleted[name] = Ended(by=EndedBy.DELETED, at=record.event_time)
        if not isinstance(change, SecurityGroupChange):
            return
        revoked = self._revoked.setdefault(name, {})
        # What is added again stands again.
        for rule in change.added:
            revoked.pop(rule, None)
        if change.action is Action.REMOVE_RULES:
            revoked |= dict.fromkeys(_gone_by(change), record.event_time)

    def marked(self, entry: DeliveredFinding) -> DeliveredFinding:
        """The finding, with what later calls took back of it."""
        name, change = _name_of(entry.finding), entry.finding.change
        if name in self._deleted:
            return replace(entry, ended=self._deleted[name])
        gone = self._revoked.get(name)
        if not gone or not isinstance(change, SecurityGroupChange):
            return entry
        revoked = {
            rule: gone.get(rule, gone.get(rule.rule_id))
            for rule in change.added
            if rule in gone or rule.rule_id in gone
        }
        if change.action is not Action.ADD_RULES or not revoked:
            return entry
        is_all = len(revoked) == len(set(change.added)) and not change.problems
        last = max(filter(None, revoked.values()), default=None)
        return replace(
            entry,
            ended=Ended(by=EndedBy.REVOKED, at=last) if is_all else None,
            revoked=frozenset(revoked),
        )


def _gone_by(change: SecurityGroupChange) -> set[object]:
    """What a revoke took away: rules and ids of rules. By ids alone, all that it asked for."""
    if change.matched_nothing:
        return set()
    if not change.removed:
        return set(change.rule_ids)
    ids = (rule.rule_id for rule in change.removed if rule.rule_id)
    return {*change.removed, *ids}


def _merged(found: Iterable[DeliveredFinding]) -> list[DeliveredFinding]:
    """One entry an event: an update of an event that came with it stands in its place."""
    entries: dict[str, DeliveredFinding] = {}
    # An update comes after its event, whatever its time.
    for entry in sorted(found, key=lambda it: _order_of(it)[::-1]):
        record = entry.finding.record
        name = (record and record.original_event_id) or ""
        original = entries.get(name)
        if original is None:
            entries[next(iter(entry.event_ids), entry.keys[0])] = entry
            continue
        # Both are of one call: the worse of the two is what has to be known.
        worse = max((entry, original), key=lambda it: it.finding.judgement.severity)
        entries[name] = replace(
            worse,
            keys=(*original.keys, *entry.keys),
            event_ids=(*original.event_ids, *entry.event_ids),
        )
    return list(entries.values())


def _order_of(entry: DeliveredFinding) -> tuple[datetime, bool]:
    """As the calls were made, and CloudTrail's update of an event after the event."""
    record = entry.finding.record
    time = record and record.event_time
    return time or datetime.min.replace(tzinfo=UTC), bool(record and record.original_event_id)


def _name_of(finding: Finding) -> object:
    """What the subject is called: None for what has neither id nor name."""
    subject = finding.subject
    called = subject.id or subject.name
    return called and (subject.kind, subject.account_id, subject.region, called)


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
        if change.action is Action.DELETE and reach_of(known).breadth is Breadth.WORLD:
            judgement = replace(finding.judgement, effect=Effect.CLOSES)
            closing[-1] = replace(entry, finding=replace(finding, judgement=judgement))
        known |= set(change.added)
        known -= set(change.removed)
    return closing
