"""Step 6h: what is left of what a call did, where a part of it was taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..model.alert import DeliveredFinding, Ended, StaysOpen
from ..model.dataclass import replace
from ..model.exposure import Breadth, Exposure
from ..model.finding import Left
from ..model.rules import Peer, SecurityGroupRule
from .exposure import exposure_of, internet_share_of
from .severities import severity_of
from .touched_ports import keeping_open, left_open, with_ranges


def with_part_ended(
    entry: DeliveredFinding,
    ended: Ended,
    rules: Sequence[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
) -> DeliveredFinding:
    """The finding of a call on a group, by the rules that stand; it names those that do not.

    Where the worst of what the call opened was closed, it has ended, and the rest stays open. Where
    what is left is as severe, the finding is about that.
    """
    opened = entry.finding.judgement.foremost
    if opened.breadth < Breadth.BROAD:
        return entry
    left = left_open(opened, rules, lists)
    if severity_of(left) < severity_of(Exposure(openings=opened.openings)):
        keeping = keeping_open(opened, rules, lists, in_part=True)
        stays_open = StaysOpen(taken=ended, rules=keeping) if keeping else None
        return replace(entry, ended=ended, stays_open=stays_open)
    taken = exposure_of(with_ranges(entry.revoked | entry.edited, entry.finding.lists))
    keeping = keeping_open(taken, rules, lists, in_part=True)
    entry = replace(entry, stays_open=StaysOpen(taken=ended, rules=keeping))
    return about_what_is_left(entry, rules, lists)


def with_list_ended(
    entry: DeliveredFinding, ended: Ended, ranges: tuple[Peer, ...]
) -> DeliveredFinding:
    """The same of a call on a prefix list, by the ranges that it holds."""
    listed, now = entry.finding.judgement.listed, internet_share_of(ranges)
    if listed.breadth < Breadth.BROAD:
        return entry
    if now.breadth < listed.breadth:
        return replace(entry, ended=ended)
    if now == listed and now.breadth is Breadth.WORLD:
        return entry
    entry = replace(entry, stays_open=StaysOpen(taken=ended, ranges=ranges))
    return about_what_is_held(entry, ranges)


def about_what_is_left(
    entry: DeliveredFinding,
    rules: Iterable[SecurityGroupRule],
    lists: Mapping[str, tuple[Peer, ...]],
) -> DeliveredFinding:
    """The finding is about what these rules leave open, where that is not what was opened."""
    opened = entry.finding.judgement.foremost
    rules = keeping_open(opened, rules, lists, in_part=True)
    left, now = left_open(opened, rules, lists), exposure_of(with_ranges(rules, lists))
    is_all = {*left.openings} >= {*opened.openings}
    # The ranges that are named are others, if no more.
    if now.breadth is not opened.breadth or (is_all and opened.breadth is Breadth.WORLD):
        return entry
    return _about(entry, Left(opened=left, rules=rules))


def about_what_is_held(entry: DeliveredFinding, ranges: tuple[Peer, ...]) -> DeliveredFinding:
    """The same of a prefix list, which holds these ranges."""
    now = internet_share_of(ranges)
    if now.breadth is not entry.finding.judgement.listed.breadth:
        return entry
    return _about(entry, Left(listed=now, ranges=ranges))


def _about(entry: DeliveredFinding, left: Left) -> DeliveredFinding:
    judgement = replace(entry.finding.judgement, left=left)
    return replace(entry, finding=replace(entry.finding, judgement=judgement))
