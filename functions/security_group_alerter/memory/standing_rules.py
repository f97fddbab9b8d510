"""What stands in a security group, and what of it the world reaches, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network

from ..judgement.exposure import exposure_of, is_enough_for_world
from ..judgement.severities import severity_of
from ..model.dataclass import dataclass, replace
from ..model.exposure import Exposure, Opening, OpenPorts
from ..model.exposure_life import EndedHow, Event
from ..model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    Direction,
    PortRange,
    SecurityGroupRule,
)
from ..model.severity import Severity
from ..model.standing import PastRule, Snapshot, StandingRule
from .base import Base
from .open_ports import (
    FAMILIES,
    open_ports_of,
    openings_in,
    ports_of,
    replaced,
)
from .order import Silence, Step, in_order_of_ids
from .statements import (
    AccountLeft,
    Created,
    Deleted,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Seen,
    SeenGone,
)

_Network = IPv4Network | IPv6Network
_ByFamily = dict[int, list[SecurityGroupRule]]


def ended_unseen(statement: SeenGone | AccountLeft) -> EndedHow:
    """How what was open ended where nothing is left, and no call was seen."""
    return EndedHow.SEEN if isinstance(statement, SeenGone) else EndedHow.ACCOUNT_LEFT


@dataclass(frozen=True, slots=True)
class Turn:
    """One change of what stands. A step is one turn; a look is one for each rule, and one more.

    `how` is what it is called if it ends an exposure. `found_by` names the exposure that it opens,
    where a look found it.
    """

    how: EndedHow
    found_by: str | None = None


@dataclass(slots=True)
class StandingRules:
    """The rules of a group. A rule is its id where that is known, else its contents.

    What is open is followed port by port: a step looks at no other ports than its own, since many
    calls on a group of many rules would take minutes otherwise.
    """

    directions: Mapping[str, Direction]
    protocols: frozenset[str | None]
    is_whole: bool = False
    is_missing: bool = False
    # What carried the group by each look, and when that was made.
    carriers: list[tuple[datetime, frozenset[str]]] = field(default_factory=list)
    standing: dict[object, StandingRule] = field(default_factory=dict)
    # By event id: how many of the rules that it added stand.
    left_of: Counter[str] = field(default_factory=Counter)
    # The ids of the events of which rules were taken away, since somebody asked.
    lessened: set[str] = field(default_factory=set)
    # The rules that stood and are gone, in the order in which they went.
    past: list[PastRule] = field(default_factory=list)
    _by_contents: dict[SecurityGroupRule, list[object]] = field(default_factory=dict)
    # Whether a rule stood of which the way is not known.
    _has_undirected: bool = False
    _by_ports: dict[tuple[str | None, PortRange], _Alike] = field(default_factory=dict)
    _open: OpenPorts = field(default_factory=dict)
    # Of the ports that the last turn touched.
    _exposure: Exposure = Exposure()

    @classmethod
    def since(
        cls, base: Base, directions: Mapping[str, Direction], protocols: frozenset[str | None]
    ) -> StandingRules:
        """The rules that stood at the time of a base."""
        rules = cls(directions, protocols, is_whole=base.is_whole)
        if base.attached is not None:
            # The look was made before the time of the base.
            rules.carriers.append((base.time - timedelta.resolution, base.attached))
        for it in base.rules:
            rules._place(it.rule.rule_id or it.rule, it)
            if it.since is not None:
                rules.left_of[it.since.event_id] += 1
        public = [it for alike in rules._by_ports.values() for it in alike.rules.values()]
        rules._open = open_ports_of(exposure_of(public), protocols)
        return rules

    def follow(self, step: Step) -> Iterator[Turn]:
        """Apply what one event says, turn by turn."""
        [first, *_] = step.statements
        if isinstance(first, Seen):
            yield from self._see(first, step.silence)
            return
        how = EndedHow.REVOKED
        self.is_missing = isinstance(first, SeenGone)
        since = None if step.before_all else step.event
        added: list[SecurityGroupRule] = []
        taken: list[StandingRule] = []
        for statement in step.statements:
            match statement:
                case RuleThere(rule=rule, rule_id=rule_id, is_edit=is_edit):
                    how = EndedHow.MODIFIED if is_edit else how
                    self._put(rule, rule_id, since, added, taken)
                case RuleGone(rule=gone, rule_id=rule_id):
                    key = self._key_of(gone, rule_id)
                    taken += [] if key is None else [self._take(key)]
                case Deleted():
                    how = EndedHow.DELETED
                    taken += [self._take(key) for key in [*self.standing]]
                case SeenGone() | AccountLeft():
                    how = ended_unseen(statement)
                    self.is_whole = False
                    taken += self._take_unsaid(step.silence)
                case Created() | RulesUnknown():
                    self.is_whole = isinstance(statement, Created)
                case _:
                    # A call that changed nothing of it.
                    pass
        self._keep(taken, step.event, how)
        self._judge(added, [it.rule for it in taken])
        yield Turn(how, step.found_by)

    def open_ports(self) -> OpenPorts:
        """What is open now. It is the same object while nothing of it changes."""
        return self._open

    def openings(self, new: OpenPorts, before: OpenPorts) -> tuple[Opening, ...]:
        """The openings that the last turn made."""
        return tuple(openings_in(self._exposure, new, before))

    def severity(self, openings: tuple[Opening, ...]) -> Severity:
        """How severe such openings are by the table."""
        return severity_of(Exposure(openings=openings))

    @property
    def held(self) -> tuple[()]:
        """A group holds no ranges."""
        return ()

    def now(self) -> Snapshot:
        """What stands now."""
        return Snapshot(tuple(self.standing.values()), (), self.is_whole, self.is_missing)

    @property
    def attached(self) -> frozenset[str] | None:
        """What carries the group, by the last look."""
        return self.carriers[-1][1] if self.carriers else None

    def attached_before(self, time: datetime) -> frozenset[str] | None:
        """What carried the group, by the last look that was made before a call.

        One that was made since may show what the call did.
        """
        return next((it for made, it in reversed(self.carriers) if made < time), None)

    def _see(self, look: Seen, silence: Silence) -> Iterator[Turn]:
        """Exactly these rules are there: new ones come one after the other, then old ones go.

        What is open before and after the look counts as open all the time.
        """
        self.is_whole, self.is_missing = True, False
        self.carriers.append((look.seen_at, look.attached))
        shown: set[object] = set()
        new: list[SecurityGroupRule] = []
        for rule in in_order_of_ids(it for it in look.rules if not silence.covers(it)):
            shown.add(rule.rule_id)
            known = self.standing.get(rule.rule_id)
            if known is not None and known.rule == rule:
                # Look after look shows it; it may have another description.
                if known.rule is not rule:
                    self.standing[rule.rule_id] = replace(known, rule=rule)
                continue
            key = self._key_of(rule, rule.rule_id)
            if key is None:
                new.append(rule)
            elif self.standing[key].rule == rule:
                self._rename(key, rule.rule_id, rule)
            else:
                # Edited: the old contents stand until the new ones of all rules do.
                self._rename(key, _Earlier(key), self.standing[key].rule)
                new.append(rule)
        for rule in new:
            added: list[SecurityGroupRule] = []
            self._put(rule, rule.rule_id, look.event, added, [])
            self._judge(added, [])
            yield Turn(EndedHow.SEEN, rule.rule_id)
        taken = self._take_unsaid(silence, shown)
        self._keep(taken, look.event, EndedHow.SEEN)
        self._judge([], [it.rule for it in taken])
        yield Turn(EndedHow.SEEN)

    def _judge(
        self, added: Iterable[SecurityGroupRule], taken: Iterable[SecurityGroupRule]
    ) -> None:
        """Find what is open on the ports where these rules may make a difference."""
        more, less = _by_family(added), _by_family(taken)
        if not (more or less):
            return
        ports = self._closed(more)
        at_risk = self._at_risk(less)
        for protocol, bits in at_risk.items():
            ports[protocol] = ports.get(protocol, 0) | bits
        alike = [it for it in self._by_ports.values() if it.is_about(ports)]
        is_enough = any(
            is_enough_for_world(sum(it.addresses[family] for it in alike), family)
            for family in FAMILIES
        )
        if is_enough or any(at_risk.values()):
            beside = [rule for it in alike for rule in it.rules.values()]
            self._exposure = exposure_of(beside) if is_enough else Exposure()
            now = open_ports_of(self._exposure, self.protocols)
            self._open = replaced(self._open, now, ports)

    def _closed(self, added: _ByFamily) -> dict[str | None, int]:
        """The ports of new rules that are not open yet in their families of addresses."""
        closed: dict[str | None, int] = {}
        for family, rules in added.items():
            for protocol, bits in ports_of(rules, self.protocols).items():
                left = bits & ~self._open.get((protocol, family), 0)
                closed[protocol] = closed.get(protocol, 0) | left
        return closed

    def _at_risk(self, taken: _ByFamily) -> dict[str | None, int]:
        """The open ports of rules that are gone, but where another is the world by itself."""
        at_risk: dict[str | None, int] = {}
        for family, rules in taken.items():
            worlds = (it for it in self._by_ports.values() if it.worlds[family] and it.meets(rules))
            safe = ports_of((it.example for it in worlds), self.protocols)
            for protocol, bits in ports_of(rules, self.protocols).items():
                left = bits & self._open.get((protocol, family), 0) & ~safe.get(protocol, 0)
                at_risk[protocol] = at_risk.get(protocol, 0) | left
        return at_risk

    def _put(
        self,
        rule: SecurityGroupRule,
        rule_id: str | None,
        since: Event | None,
        added: list[SecurityGroupRule],
        taken: list[StandingRule],
    ) -> None:
        """A rule is there; notes the rules of which there is one more or one less."""
        before = self.standing.get(rule_id) if rule_id else None
        if rule.direction is Direction.UNKNOWN and rule_id:
            known = before.rule.direction if before else Direction.UNKNOWN
            rule = replace(rule, direction=self.directions.get(rule_id, known))
        if rule.rule_id != rule_id:
            rule = replace(rule, rule_id=rule_id)
        key = rule_id if before else self._key_of(rule, rule_id)
        if key is not None and (rule_id is None or (self.standing[key].rule == rule and before)):
            return
        if key is not None:
            taken.append(self._take(key))
        self._place(rule_id or rule, StandingRule(rule=rule, since=since))
        added.append(rule)
        if since is not None:
            self.left_of[since.event_id] += 1

    def _keep(self, taken: Iterable[StandingRule], event: Event, how: EndedHow) -> None:
        self.past += (PastRule(it.rule, it.since, event, how) for it in taken)

    def _take(self, key: object) -> StandingRule:
        gone = self._unplace(key)
        if gone.since is not None:
            self.left_of[gone.since.event_id] -= 1
            self.lessened.add(gone.since.event_id)
        return gone

    def _take_unsaid(self, silence: Silence, shown: Collection[object] = ()) -> list[StandingRule]:
        """Take what a look does not show, but for that of which it says nothing."""
        old = [
            key
            for key, it in self.standing.items()
            if key not in shown and not silence.covers(it.rule)
        ]
        return [self._take(key) for key in old]

    def _rename(self, key: object, to: object, rule: SecurityGroupRule) -> None:
        """The same rule stands under another key."""
        it = self._unplace(key)
        self._place(to, replace(it, rule=rule))

    def _place(self, key: object, it: StandingRule) -> None:
        self.standing[key] = it
        self._by_contents.setdefault(it.rule, []).append(key)
        if it.rule.direction is Direction.UNKNOWN:
            self._has_undirected = True
        network = _public_network_of(it.rule)
        if network is not None:
            ports = it.rule.protocol, it.rule.ports or ALL_PORTS
            alike = self._by_ports.get(ports)
            if alike is None:
                alike = self._by_ports[ports] = _Alike(it.rule)
            alike.rules[key] = it.rule
            alike.count(network, +1)

    def _unplace(self, key: object) -> StandingRule:
        it = self.standing.pop(key)
        keys = self._by_contents[it.rule]
        keys.remove(key)
        if not keys:
            del self._by_contents[it.rule]
        network = _public_network_of(it.rule)
        if network is not None:
            ports = it.rule.protocol, it.rule.ports or ALL_PORTS
            alike = self._by_ports[ports]
            del alike.rules[key]
            alike.count(network, -1)
            if not alike.rules:
                del self._by_ports[ports]
        return it

    def _key_of(self, rule: SecurityGroupRule | None, rule_id: str | None) -> object:
        """What a rule stands under, if it does: a rule of another id is another one."""
        if rule_id in self.standing:
            return rule_id
        if rule is None or not self.standing:
            return None
        alike = [rule]
        if self._has_undirected:
            alike.append(replace(rule, direction=Direction.UNKNOWN))
        for contents in alike:
            for key in reversed(self._by_contents.get(contents, ())):
                if rule_id is None or not isinstance(key, str):
                    return key
        return None


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What the contents of a rule stand under that a look shows edited."""

    key: object


class _Alike:
    """The public rules of one protocol and port range."""

    __slots__ = ("addresses", "example", "rules", "worlds")

    def __init__(self, example: SecurityGroupRule) -> None:
        self.example = example
        self.rules: dict[object, SecurityGroupRule] = {}
        # By family: their addresses, each counted as often as it is, and how many rules are the
        # world by themselves.
        self.addresses = dict.fromkeys(FAMILIES, 0)
        self.worlds = dict.fromkeys(FAMILIES, 0)

    def is_about(self, ports: Mapping[str | None, int]) -> bool:
        """Whether they are about some of these ports."""
        own = self.example.ports or ALL_PORTS
        if self.example.protocol == ALL_PROTOCOLS:
            return any(ports.values())
        # Without the ports below, and then without those above.
        return bool(ports.get(self.example.protocol, 0) >> own.first & (1 << own.size) - 1)

    def meets(self, rules: Iterable[SecurityGroupRule]) -> bool:
        """Whether one of these rules is about some of the same ports."""
        own, ports = self.example, self.example.ports or ALL_PORTS
        return any(
            (
                own.protocol == rule.protocol
                and ports.first <= (rule.ports or ALL_PORTS).last
                and (rule.ports or ALL_PORTS).first <= ports.last
            )
            or ALL_PROTOCOLS in (own.protocol, rule.protocol)
            for rule in rules
        )

    def count(self, network: _Network, by: int) -> None:
        """There is a rule more, or less, with these addresses."""
        self.addresses[network.version] += by << network.max_prefixlen - network.prefixlen
        # Half of the Internet is the world as well, but this is what people write.
        if not network.prefixlen:
            self.worlds[network.version] += by


def _by_family(rules: Iterable[SecurityGroupRule]) -> _ByFamily:
    """The rules that may let the public in, by the family of its addresses."""
    by_family: _ByFamily = {}
    for rule in rules:
        network = _public_network_of(rule)
        if network is not None:
            by_family.setdefault(network.version, []).append(rule)
    return by_family


def _public_network_of(rule: SecurityGroupRule) -> _Network | None:
    """Whom a rule lets in, if that may be the public; None for an egress rule."""
    return None if rule.direction is Direction.EGRESS else rule.peer.network
