"""Step 6b: what a record leaves out, by what stood in the group just before the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..model.change import Action, SecurityGroupChange
from ..model.rules import SecurityGroupRule
from ..model.standing import Moment, StandingRule
from .touched_ports import standing_with


def says_more(change: SecurityGroupChange, moment: Moment) -> bool:
    """Whether the moment adds to what the call's record says."""
    if change.action is Action.ADD_RULES:
        return bool(standing_beside(change, moment))
    return change.action in (Action.MODIFY_RULES, Action.REMOVE_RULES, Action.DELETE)


def completed(change: SecurityGroupChange, moment: Moment) -> SecurityGroupChange:
    """The change, with what stood just before: the direction and contents of edited rules.

    The same for removed rules that the record names by their ids alone.
    """
    if change.action is Action.MODIFY_RULES:
        before, after = _by_id(moment.before), _by_id(moment.after)
        added = tuple(_directed(rule, after.get(rule.rule_id)) for rule in change.added)
        edited = dict.fromkeys(rule.rule_id for rule in change.added)
        return replace(change, added=added, removed=_of_ids(edited, before))
    if change.action is Action.REMOVE_RULES and not (change.removed or change.matched_nothing):
        return replace(change, removed=_of_ids(change.rule_ids, _by_id(moment.before)))
    return change


def standing_beside(
    change: SecurityGroupChange, moment: Moment | None
) -> tuple[SecurityGroupRule, ...]:
    """The rules that stood beside those that the call added, and let somebody in on their ports."""
    if moment is None:
        return ()
    edited = {rule.rule_id for rule in change.added} - {None}
    rules = (it.rule for it in moment.before if it.rule.rule_id not in edited)
    return standing_with(change.added, rules)


def _directed(rule: SecurityGroupRule, known: SecurityGroupRule | None) -> SecurityGroupRule:
    return rule if known is None else replace(rule, direction=known.direction)


def _by_id(standing: Iterable[StandingRule]) -> dict[str | None, SecurityGroupRule]:
    return {it.rule.rule_id: it.rule for it in standing if it.rule.rule_id is not None}


def _of_ids(
    rule_ids: Iterable[str | None], rules: Mapping[str | None, SecurityGroupRule]
) -> tuple[SecurityGroupRule, ...]:
    """The rules of these ids; none where one of them is not known, since part would mislead."""
    known = [rules.get(rule_id) for rule_id in rule_ids]
    return tuple(filter(None, known)) if None not in known else ()
