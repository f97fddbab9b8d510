"""Whatever became of an opening: its alert is true, by a slow and plain model.

Rules come, change and go in a group, and the list to which some of them refer is filled and
emptied. The model counts port by port: what a call opened is open until it is closed, by whatever
closes it.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.model.message import Message
from security_group_alerter.model.rules import SecurityGroupRule
from tests.security_group_alerter.installation import (
    ACCOUNT,
    LIST,
    Installation,
    Record,
    at,
    closed,
    created_list,
    edited,
    list_edited,
    numbered,
    opened,
)

# A port and the family of addresses that reach it. REST are all other ports and protocols.
Cell = tuple[str, int]
SSH, WEB, REST = "tcp 22", "tcp 443", "all"
IPV4, IPV6, INSIDE = "0.0.0.0/0", "::/0", "10.0.0.0/8"
LIST_CREATED, END = -5, 60
RULE_IDS: Final = re.compile(r"--security-group-rule-ids((?: sgr-\w+)+)")


@dataclass
class History:
    """What was called, minute by minute, and what of the group was open after each call."""

    was_filled: bool
    is_filled: bool
    # In words, for whoever reads why a test failed.
    words: list[str] = field(default_factory=list)
    calls: dict[int, Record] = field(default_factory=dict, repr=False)
    standing: dict[str, SecurityGroupRule] = field(default_factory=dict, repr=False)
    # By the minute of a call that added rules: these, and what they opened.
    added: dict[int, list[SecurityGroupRule]] = field(default_factory=dict, repr=False)
    # After each call: the rules, and whether the list let in the world.
    stood: dict[int, list[SecurityGroupRule]] = field(default_factory=dict, repr=False)
    filled: dict[int, bool] = field(default_factory=dict, repr=False)

    def called(self, minute: int, record: Record, *words: object) -> None:
        """A call of somebody whom nobody else is, so that its alert is of nothing else."""
        self.words.append(f"{minute}: {' '.join(map(str, words))}")
        identity = {**record["userIdentity"], "arn": f"arn:aws:iam::{ACCOUNT}:user/u{minute}"}
        self.calls[minute] = {**record, "userIdentity": identity}
        self.filled[minute], self.stood[minute] = self.is_filled, [*self.standing.values()]

    def open_after(self, minute: int) -> set[Cell]:
        """What was open after a call: what the list lets in at last counts all the time."""
        is_filled = self.filled[minute] or self.is_filled
        return self._let_in(self.stood[minute], is_filled=is_filled)

    def opened(self, minute: int) -> set[Cell]:
        """What the rules of a call opened."""
        return self._let_in(self.added[minute], is_filled=self.filled[minute])

    def open_before(self, minute: int) -> set[Cell]:
        """What was open just before a call."""
        before = max((it for it in self.calls if it < minute), default=None)
        return set() if before is None else self.open_after(before)

    def never_closed(self, minute: int, cells: set[Cell], *, until: int = END) -> set[Cell]:
        """What of these cells was open after a call, and ever since."""
        later = (self.open_after(it) for it in self.calls if minute <= it <= until)
        return cells.intersection(*later)

    def closed_at(self, minute: int, cells: set[Cell]) -> int:
        """When the last of these cells was closed."""
        return next(it for it in self.calls if not self.never_closed(minute, cells, until=it))

    def _let_in(self, rules: Iterable[SecurityGroupRule], *, is_filled: bool) -> set[Cell]:
        families = {IPV4: 4, IPV6: 6, **({LIST: 4} if is_filled else {})}
        cells = set()
        for rule in rules:
            family = families.get(rule.peer.value)
            ports = (SSH, WEB, REST) if rule.ports is None else (f"tcp {rule.ports.first}",)
            cells |= {(port, family) for port in ports if family is not None}
        return cells


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Of some calls, of which the first adds rules."""
    is_filled = draw(st.booleans())
    history = History(was_filled=is_filled, is_filled=is_filled)
    moves = ["add", *draw(st.lists(st.sampled_from(MOVES), min_size=1, max_size=6))]
    for minute, move in enumerate(moves):
        _MAKERS[move](draw, history, 2 * minute)
    return history


def _add(draw: st.DrawFn, history: History, minute: int) -> None:
    added: dict[str, SecurityGroupRule] = {}
    for number in range(draw(st.integers(1, 2))):
        ports, peer = draw(st.sampled_from(PORTS)), draw(st.sampled_from(PEERS))
        rule = numbered(f"{ports} from {peer}", 100 + minute + number)
        if _is_new(rule, {**history.standing, **added}):
            added[str(rule.rule_id)] = rule
    if not added:
        return
    history.added[minute] = [*added.values()]
    history.standing |= added
    record = opened(*added.values(), time=at(minute), event_id=f"e-{minute}")
    history.called(minute, record, "add", *map(_words_of, added.values()))


def _revoke(draw: st.DrawFn, history: History, minute: int) -> None:
    if not history.standing:
        return
    names = draw(st.lists(st.sampled_from(sorted(history.standing)), min_size=1, max_size=2))
    gone = [history.standing.pop(name) for name in dict.fromkeys(names)]
    record = closed(*gone, time=at(minute), event_id=f"e-{minute}")
    history.called(minute, record, "revoke", *map(_words_of, gone))


def _edit(draw: st.DrawFn, history: History, minute: int) -> None:
    if not history.standing:
        return
    name = draw(st.sampled_from(sorted(history.standing)))
    ports, peer = draw(st.sampled_from(PORTS)), draw(st.sampled_from((IPV4, INSIDE)))
    rule = numbered(f"{ports} from {peer}", int(name.removeprefix("sgr-"), 16))
    if _is_new(rule, history.standing):
        history.standing[name] = rule
        record = edited(rule, time=at(minute), event_id=f"e-{minute}")
        history.called(minute, record, "edit", _words_of(rule))


def _edit_list(_: st.DrawFn, history: History, minute: int) -> None:
    change = {"remove": IPV4} if history.is_filled else {"add": IPV4}
    history.is_filled = not history.is_filled
    record = list_edited(**change, time=at(minute), event_id=f"e-{minute}")
    history.called(minute, record, *change, "of the list")


def _words_of(rule: SecurityGroupRule) -> str:
    ports = f"tcp {rule.ports.first}" if rule.ports else REST
    return f"[{int(str(rule.rule_id)[4:], 16)}: {ports} from {rule.peer.value}]"


def _is_new(rule: SecurityGroupRule, standing: dict[str, SecurityGroupRule]) -> bool:
    """EC2 refuses a second rule with the same contents."""
    return rule not in standing.values()


PORTS: Final = (SSH, SSH, WEB, REST)
PEERS: Final = (IPV4, IPV6, LIST, INSIDE)
_MAKERS: Final[dict[str, Any]] = {
    "add": _add,
    "revoke": _revoke,
    "edit": _edit,
    "list": _edit_list,
}
MOVES: Final = ("add", "revoke", "revoke", "edit", "list")


def alert_of(history: History, minute: int, *, later: bool) -> Message:
    """The alert of a call that comes with all others, or after them."""
    installation = Installation(looks=False)
    entry = IPV4 if history.was_filled else INSIDE
    first = created_list(entry, time=at(LIST_CREATED), event_id="l-0")
    others = [record for time, record in history.calls.items() if not (later and time == minute)]
    sent = installation.deliver(first, *others, now=at(END))
    if later:
        sent = installation.deliver(history.calls[minute], now=at(END + 1))
    [message] = [it for it in sent if f"e-{minute}" in it.event_ids]
    return message


@given(histories(), st.booleans())
def test_an_alert_says_what_is_open_of_what_its_call_opened(history: History, later: bool) -> None:
    for minute in history.added:
        cells = history.opened(minute)
        if {port for port, _ in cells} & {port for port, _ in history.open_before(minute)}:
            # Whoever opened it, it counts as open for as long as the ports are.
            continue
        message = alert_of(history, minute, later=later)
        text = json.loads(message.body)["email"]
        for names in RULE_IDS.findall(text):
            assert {*names.split()} <= {*history.standing}
        if cells:
            assert_true(text, message.attributes["severity"], history, minute)
        else:
            assert message.attributes["effect"] != "opens"


def assert_true(text: str, severity: str, history: History, minute: int) -> None:
    """The headline is about the worst: whether that is open still, else for how long it was."""
    headline, cells = text.splitlines()[0], history.opened(minute)
    ssh = {it for it in cells if it[0] == SSH}
    is_open = bool(history.never_closed(minute, ssh or cells))
    assert (re.search(r"\b(was|were) open\b", headline) is None) is is_open
    if ssh:
        assert severity == ("CRITICAL" if is_open else "HIGH")
    if not is_open:
        is_all_closed = not history.never_closed(minute, cells)
        minutes = history.closed_at(minute, cells if is_all_closed else ssh) - minute
        assert re.search(rf" for (up to )?{minutes} min$", headline)
