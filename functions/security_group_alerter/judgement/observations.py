"""The watch, step 2: an exposure that stands is judged as it is now.

By the rules that keep it open, with what is accepted left out, and by what stands behind them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..model.change import Action, PrefixListChange, SecurityGroupChange
from ..model.dataclass import dataclass, replace
from ..model.exposure import Breadth, Exposure
from ..model.exposure_life import ExposureLife
from ..model.finding import Effect, Finding, Judgement
from ..model.group_state import GroupReach, GroupState, Look, PrefixListState
from ..model.ledger import Told
from ..model.origin import Observation, Observed
from ..model.rules import (
    Direction,
    Peer,
    SecurityGroupRule,
)
from ..model.standing import Moment
from ..model.subject import Subject, SubjectKind
from .accepted_openings import acceptance_of
from .exposure import exposure_of, internet_share_of
from .findings import Standards, with_reach
from .severities import ACCEPTED, ANY_OTHER_CHANGE, PREFIX_LIST_EDIT, severity_of
from .touched_ports import part_of, standing_on, with_ranges

# What the watch opens with an alert: nobody was told of it, or not of it as severe.
_OPENS = (Observed.FOUND, Observed.WORSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingExposure:
    """An exposure that stands. `reach` is what is behind it, as `look` showed; `at` is now.

    `seen_before` is when it had been looked at before, if ever.
    """

    life: ExposureLife
    look: Look | None
    reach: GroupReach
    at: datetime
    seen_before: datetime | None = None


def standing_group(
    standing: StandingExposure, rules: Iterable[SecurityGroupRule], standards: Standards
) -> Finding:
    """An exposure of a group; `rules` are all that stand in it."""
    life = standing.life
    resource = life.resource
    added = standing_on(life.openings, rules)
    state = standing.look.state if standing.look else None
    change = SecurityGroupChange(
        action=Action.ADD_RULES,
        group_id=resource.id,
        group_name=state.name if state else None,
        vpc_id=state.vpc_id if isinstance(state, GroupState) else None,
        direction=Direction.INGRESS,
        added=added,
    )
    rest, acceptance = acceptance_of(
        change,
        standards.accepted,
        account_id=resource.account_id,
        region=resource.region,
        today=standing.at.date(),
    )
    opened = part_of(exposure_of(added), life.openings)
    if not opened.openings:
        # What keeps it open is not among the rules that are known.
        opened = Exposure(openings=life.openings)
    is_in_part = bool(acceptance.used) and not acceptance.covers_all
    unaccepted = part_of(exposure_of(rest), life.openings) if is_in_part else None
    severity = ACCEPTED if acceptance.covers_all else severity_of(unaccepted or opened)
    judgement = Judgement(
        severity=severity,
        world_open=True,
        opened=opened,
        unaccepted=unaccepted,
        unaccepted_rules=frozenset(rest) if is_in_part else frozenset(),
        acceptance=acceptance,
    )
    return _found(standing, change, with_reach(judgement, standing.reach))


def standing_list(standing: StandingExposure, ranges: tuple[Peer, ...]) -> Finding:
    """An exposure of a prefix list, which holds these ranges: as bad as the worst rule known."""
    life, state = standing.life, standing.look.state if standing.look else None
    change = PrefixListChange(
        action=Action.MODIFY,
        prefix_list_id=life.resource.id,
        prefix_list_name=state.name if state else None,
        added=ranges,
    )
    severity = PREFIX_LIST_EDIT[Breadth.WORLD]
    if isinstance(state, PrefixListState):
        lists = {life.resource.id: ranges}
        rules = [it for group in state.groups for it in group.rules if it.peer.value in lists]
        severity = max(severity, severity_of(exposure_of(with_ranges(rules, lists))))
    judgement = Judgement(severity=severity, world_open=True, listed=internet_share_of(ranges))
    return _found(standing, change, replace(judgement, reach=standing.reach))


def observed(finding: Finding, what: Observed, told: Told | None) -> Finding:
    """The finding as the report of an exposure that stands."""
    origin = finding.observed
    if origin is None:
        raise ValueError("expected what the watch found")
    effect = Effect.OPENS if what in _OPENS else Effect.OTHER
    return replace(
        finding,
        origin=replace(origin, what=what, told=told),
        judgement=replace(finding.judgement, effect=effect),
    )


def closed(standing: StandingExposure, told: Told | None, moment: Moment) -> Finding:
    """The report of an exposure that is over; `moment` is what stands in the group now."""
    life, resource = standing.life, standing.life.resource
    change: SecurityGroupChange | PrefixListChange
    if resource.kind is SubjectKind.PREFIX_LIST:
        change = PrefixListChange(action=Action.MODIFY, prefix_list_id=resource.id)
    else:
        change = SecurityGroupChange(action=Action.REMOVE_RULES, group_id=resource.id)
    judgement = Judgement(
        severity=ANY_OTHER_CHANGE,
        effect=Effect.CLOSES,
        closed=Exposure(openings=life.openings),
    )
    found = _found(standing, change, judgement)
    return replace(observed(found, Observed.CLOSED, told), judgement=judgement, moment=moment)


def _found(
    standing: StandingExposure,
    change: SecurityGroupChange | PrefixListChange,
    judgement: Judgement,
) -> Finding:
    life, look = standing.life, standing.look
    resource, state = life.resource, look.state if look else None
    return Finding(
        origin=Observation(
            what=Observed.STILL_OPEN,
            life=life,
            change=change,
            at=standing.at,
            seen_at=state.seen_at if state and state.has_all_rules else None,
            seen_before=standing.seen_before,
        ),
        subject=Subject(
            kind=resource.kind,
            id=resource.id,
            name=state.name if state else None,
            account_id=resource.account_id,
            region=resource.region,
        ),
        judgement=judgement,
        look=look,
    )
