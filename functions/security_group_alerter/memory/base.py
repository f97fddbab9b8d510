"""What became of a resource until a certain time, in place of what was said of it until then."""

from __future__ import annotations

from datetime import datetime

from ..model.dataclass import dataclass
from ..model.exposure import Opening, OpenPorts
from ..model.exposure_life import EndedHow, Event
from ..model.rules import Peer
from ..model.severity import Severity
from ..model.standing import StandingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """An exposure as it is followed. `parts` are what of it is still open.

    `revealed` is the event by which it is known, and `found_by` names it where that is a look.
    `event_ids` are in order, and each is there once. `rule_ids` are of the rules that its event
    added: a look may have found it by one of them before. They are known while it is told as said.
    """

    opened: Event | None
    revealed: Event
    severity: Severity
    openings: tuple[Opening, ...]
    parts: OpenPorts
    event_ids: tuple[str, ...] = ()
    found_by: str | None = None
    closed: Event | None = None
    how: EndedHow | None = None
    rule_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRange:
    """A range of a prefix list, and the event that added it; None where that is not known."""

    peer: Peer
    since: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """All that came of what was said of the time before `time`.

    `is_begun` says that nothing else can have stood before. `protocols` are those that were named.
    `versions` are what a prefix list held in each version that is known.
    """

    time: datetime
    is_whole: bool = False
    is_begun: bool = False
    is_deleted: bool = False
    rules: tuple[StandingRule, ...] = ()
    ranges: tuple[StandingRange, ...] = ()
    versions: tuple[tuple[int, tuple[Peer, ...]], ...] = ()
    attached: frozenset[str] | None = None
    protocols: frozenset[str | None] = frozenset()
    lives: tuple[Life, ...] = ()
