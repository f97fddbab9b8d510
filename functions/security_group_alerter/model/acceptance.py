"""Openings that the organization has accepted, and what they cover of one change."""

from __future__ import annotations

from datetime import date

from .dataclass import dataclass
from .rules import Peer, PortRange


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedOpening:
    """One entry of accepted_openings.toml. It is in force up to and on the day `expires`."""

    account_id: str
    region: str | None
    group_id: str | None
    protocol: str
    ports: tuple[PortRange, ...]
    peers: tuple[Peer, ...]
    owner: str
    reason: str
    expires: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What the accepted openings say about one change.

    `used` are the entries that cover something of it, and `covers_all` says whether together they
    cover everything that it adds. `expired` would cover some of the rest if they had not run out.
    """

    used: tuple[AcceptedOpening, ...] = ()
    expired: tuple[AcceptedOpening, ...] = ()
    covers_all: bool = False
