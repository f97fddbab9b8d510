"""The sweep: the places that it goes through, what it finds there, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from .dataclass import dataclass
from .exposure_life import Resource
from .rules import Peer, SecurityGroupRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account and Region; without a Region, an account whose Regions could not be read."""

    account_id: str
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepItem:
    """What one message asks for. `open_ids` are groups and lists that are open by all we know."""

    place: Place
    open_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweptPlace:
    """How far sweeps came in a place.

    `first_at` is when the first one was over, and `swept_at` the last. `problem` says why the
    newest one saw less than all; its first time was at `problem_since`.
    """

    place: Place
    first_at: datetime | None = None
    swept_at: datetime | None = None
    problem: str | None = None
    problem_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Every rule of an account and Region by its group, and every prefix list that it owns.

    `problem` says in words what could not be read.
    """

    rules: Mapping[Resource, tuple[SecurityGroupRule, ...]] = field(default_factory=dict)
    ranges: Mapping[Resource, tuple[Peer, ...]] = field(default_factory=dict)
    problem: str | None = None
