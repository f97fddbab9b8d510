"""The fold, held against a plain, slow model of what AWS did."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.judgement.exposure import exposure_of, internet_share_of
from security_group_alerter.memory import standing_rules
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.open_ports import bits_of, families_of, ranges_of
from security_group_alerter.memory.statements import (
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Statement,
)
from security_group_alerter.model.exposure import Exposure
from security_group_alerter.model.exposure_life import EndedHow, Event, ExposureLife, Resource
from security_group_alerter.model.rules import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    PROTOCOLS_WITH_PORTS,
    Direction,
    PortRange,
    SecurityGroupRule,
    peer_of_cidr,
)
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rule, rules

START: Final = datetime(2026, 11, 1, tzinfo=UTC)
GROUP: Final = Resource(
    kind=SubjectKind.SECURITY_GROUP, id="sg-1", account_id="111122223333", region="eu-central-1"
)
LIST: Final = GROUP._replace(kind=SubjectKind.PREFIX_LIST, id="pl-1")
WORLD: Final = "0.0.0.0/0"


def at(second: int, name: str | None = None) -> Event:
    return Event(event_id=name or f"e-{second:03}", time=START + timedelta(seconds=second))


def added(second: int, what: SecurityGroupRule, rule_id: str | None = None) -> RuleThere:
    return RuleThere(event=at(second), rule=replace(what, rule_id=rule_id), rule_id=rule_id)


def edited(second: int, what: SecurityGroupRule, rule_id: str) -> RuleThere:
    unknown = replace(what, direction=Direction.UNKNOWN, rule_id=rule_id)
    return RuleThere(event=at(second), rule=unknown, rule_id=rule_id, is_edit=True)


def gone(
    second: int,
    what: SecurityGroupRule | None = None,
    rule_id: str | None = None,
    direction: Direction = Direction.UNKNOWN,
) -> RuleGone:
    return RuleGone(event=at(second), rule=what, rule_id=rule_id, direction=direction)


# (Opened by, closed by, how): the events of each exposure.
Lives = list[tuple[str | None, str | None, EndedHow | None]]


def lives_of(*statements: Statement, resource: Resource = GROUP) -> Lives:
    return [events_of(life) for life in fold(resource, statements).exposures]


def events_of(life: ExposureLife) -> tuple[str | None, str | None, EndedHow | None]:
    opened, closed = (it.event_id if it else None for it in (life.opened, life.closed))
    return opened, closed, life.closed_how


SSH, SSH_OVER_IPV6 = rules("tcp 22 from 0.0.0.0/0", "tcp 22 from ::/0")
SSH_FROM_HALF, SSH_FROM_INSIDE = rules("tcp 22 from 0.0.0.0/1", "tcp 22 from 10.0.0.0/8")
HTTPS, EVERYTHING = rules("tcp 443 from 0.0.0.0/0", "all from 0.0.0.0/0")
EGRESS = rule("egress tcp 22 to 0.0.0.0/0")
SLICES: Final = [rule(f"tcp 22 from {first}.0.0.0/5") for first in (16, 24, 32, 40, 48, 56, 64)]

STORIES: Final[dict[str, tuple[tuple[Statement, ...], Lives]]] = {
    "opened-and-not-closed": ((added(1, SSH),), [("e-001", None, None)]),
    "opened-and-closed": (
        (added(1, SSH, "sgr-1"), gone(2, SSH, "sgr-1")),
        [("e-001", "e-002", EndedHow.REVOKED)],
    ),
    "closed-by-id-alone": (
        (added(1, SSH, "sgr-1"), gone(2, rule_id="sgr-1")),
        [("e-001", "e-002", EndedHow.REVOKED)],
    ),
    "both-closed-by-id-alone-in-one-call": (
        (
            added(1, SSH, "sgr-1"),
            added(2, HTTPS, "sgr-2"),
            gone(3, rule_id="sgr-1"),
            gone(3, rule_id="sgr-2"),
        ),
        [("e-001", "e-003", EndedHow.REVOKED), ("e-002", "e-003", EndedHow.REVOKED)],
    ),
    "deleted-by-a-call-of-which-not-all-is-known": (
        (added(1, SSH, "sgr-1"), RulesUnknown(event=at(2)), Deleted(event=at(2))),
        [("e-001", "e-002", EndedHow.DELETED)],
    ),
    "closed-by-contents-alone": (
        (added(1, SSH, "sgr-1"), gone(2, SSH)),
        [("e-001", "e-002", EndedHow.REVOKED)],
    ),
    "opened-by-contents-and-closed-by-id": (
        (added(1, SSH), gone(2, SSH, "sgr-1")),
        [("e-001", "e-002", EndedHow.REVOKED)],
    ),
    "closed-with-the-group": (
        (added(1, SSH), Deleted(event=at(2))),
        [("e-001", "e-002", EndedHow.DELETED)],
    ),
    "narrowed-by-an-edit": (
        (added(1, SSH, "sgr-1"), edited(2, SSH_FROM_INSIDE, "sgr-1")),
        [("e-001", "e-002", EndedHow.MODIFIED)],
    ),
    "moved-by-an-edit": (
        (added(1, SSH, "sgr-1"), edited(2, HTTPS, "sgr-1")),
        [("e-001", "e-002", EndedHow.MODIFIED), ("e-002", None, None)],
    ),
    "an-edited-egress-rule-opens-nothing": (
        (
            added(1, rule("egress tcp 22 to 10.0.0.0/8"), "sgr-1"),
            edited(2, SSH, "sgr-1"),
        ),
        [],
    ),
    "an-egress-rule-by-what-is-known-later": (
        (edited(1, SSH, "sgr-1"), gone(2, EGRESS, "sgr-1")),
        [],
    ),
    "an-edit-of-a-rule-that-nothing-else-names": (
        (edited(1, SSH, "sgr-1"), gone(2, rule_id="sgr-1")),
        [("e-001", "e-002", EndedHow.REVOKED)],
    ),
    "ingress-and-egress-edited-to-the-same": (
        (edited(1, SSH, "sgr-1"), edited(1, SSH, "sgr-2"), gone(2, rule_id="sgr-1")),
        [("e-001", None, None)],
    ),
    "an-hour-of-ssh-beside-the-443-that-is-open-for-years": (
        (added(1, HTTPS), added(2, SSH), gone(3, SSH)),
        [("e-001", None, None), ("e-002", "e-003", EndedHow.REVOKED)],
    ),
    "a-second-rule-for-what-is-open-opens-nothing": (
        (added(1, SSH), added(2, SSH_FROM_HALF), gone(3, SSH), gone(4, SSH_FROM_HALF)),
        [("e-001", "e-004", EndedHow.REVOKED)],
    ),
    "half-of-the-ports-closed-and-opened-again": (
        (
            added(1, rule("tcp 20-29 from 0.0.0.0/0"), "sgr-1"),
            edited(2, rule("tcp 20-24 from 0.0.0.0/0"), "sgr-1"),
            added(3, rule("tcp 25-29 from 0.0.0.0/0"), "sgr-2"),
            gone(4, rule_id="sgr-1"),
            gone(5, rule_id="sgr-2"),
        ),
        [("e-001", "e-004", EndedHow.REVOKED), ("e-003", "e-005", EndedHow.REVOKED)],
    ),
    "both-families-by-one-call": (
        (added(1, SSH), added(1, SSH_OVER_IPV6), gone(2, SSH), gone(3, SSH_OVER_IPV6)),
        [("e-001", "e-003", EndedHow.REVOKED)],
    ),
    "a-world-out-of-slices": (
        tuple(added(second, part) for second, part in enumerate(SLICES)),
        [("e-006", None, None)],
    ),
    "everything-opened-where-ssh-is-open": (
        (
            added(1, SSH),
            added(2, EVERYTHING),
            gone(3, SSH),
            gone(4, EVERYTHING),
        ),
        [("e-001", "e-004", EndedHow.REVOKED), ("e-002", "e-004", EndedHow.REVOKED)],
    ),
    "ssh-stays-where-everything-was-open": (
        (
            added(1, EVERYTHING),
            added(2, SSH),
            gone(3, EVERYTHING),
        ),
        [("e-001", None, None)],
    ),
    "an-end-without-its-beginning": (
        (gone(2, SSH, "sgr-1"),),
        [(None, "e-002", EndedHow.REVOKED)],
    ),
    "two-ends-of-one-call-without-their-beginning": (
        (gone(2, SSH, "sgr-1"), gone(2, HTTPS, "sgr-2")),
        [(None, "e-002", EndedHow.REVOKED)],
    ),
    "what-stood-before-covers-what-is-opened": (
        (added(1, SSH_FROM_HALF), gone(2, SSH, "sgr-9"), gone(3, SSH_FROM_HALF)),
        [(None, "e-003", EndedHow.REVOKED)],
    ),
    "what-stood-before-under-what-stood-before": (
        (gone(2, SSH, "sgr-8"), gone(3, rule("tcp 20-29 from 0.0.0.0/0"), "sgr-9")),
        [(None, "e-003", EndedHow.REVOKED)],
    ),
    "a-part-of-what-stood-before-is-still-open": (
        (
            gone(3, SSH, "sgr-8"),
            added(4, rule("tcp 23 from 0.0.0.0/0"), "sgr-1"),
            gone(5, rule("tcp 22-23 from 0.0.0.0/0"), "sgr-9"),
        ),
        [(None, None, None)],
    ),
    "the-same-rule-twice": ((added(1, SSH), added(2, SSH)), [("e-001", None, None)]),
    "nothing-stood-before-a-new-group": (
        (Created(event=at(1)), gone(2, SSH, "sgr-1")),
        [],
    ),
    "gone-and-there-in-one-second-is-there": (
        (added(1, SSH), gone(5, SSH), RuleThere(event=at(5, "e-000"), rule=SSH)),
        [("e-001", "e-005", EndedHow.REVOKED), ("e-000", None, None)],
    ),
    "an-id-that-came-and-went-in-one-second": (
        (
            RuleThere(event=at(5, "e-b"), rule=SSH, rule_id="sgr-1"),
            RuleGone(event=at(5, "e-a"), rule_id="sgr-1"),
        ),
        [("e-b", "e-a", EndedHow.REVOKED)],
    ),
    "a-deletion-is-final": (
        (added(1, SSH), Deleted(event=at(2)), added(3, SSH)),
        [("e-001", "e-002", EndedHow.DELETED)],
    ),
    "nothing-but-egress": ((added(1, EGRESS),), []),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("step", [1, -1])
def test_life(story: str, step: int) -> None:
    statements, lives = STORIES[story]

    assert lives_of(*(*statements, *statements)[::step]) == lives


def test_what_is_known_of_an_exposure() -> None:
    [life] = fold(
        GROUP,
        [added(1, rule("tcp 20-25 from 0.0.0.0/0"), "sgr-1"), gone(3, rule_id="sgr-1")],
    ).exposures

    assert life.severity is Severity.CRITICAL
    assert life.event_ids == ("e-001", "e-003")
    [opening] = life.openings
    assert (opening.protocol, opening.ports) == ("tcp", PortRange(20, 25))
    assert (opening.share.ipv4_share, opening.share.ipv6_share) == (1.0, 0.0)


def test_a_family_that_was_open_before_is_not_opened_again() -> None:
    both = fold(GROUP, [added(1, SSH), added(2, SSH_OVER_IPV6)]).exposures

    shares = [(it.share.ipv4_share, it.share.ipv6_share) for life in both for it in life.openings]
    assert shares == [(1.0, 0.0), (0.0, 1.0)]


def test_ports_that_were_open_before_are_not_opened_again() -> None:
    _, life = fold(GROUP, [added(1, SSH), added(2, rule("tcp 20-24 from 0.0.0.0/0"))]).exposures

    assert [it.ports for it in life.openings] == [PortRange(20, 21), PortRange(23, 24)]


def test_uids_are_of_the_event_and_the_place() -> None:
    first, second = fold(GROUP, [added(1, SSH), added(2, HTTPS)]).exposures
    [elsewhere] = fold(GROUP._replace(region="eu-west-1"), [added(1, SSH)]).exposures
    [closed] = fold(GROUP, [added(1, SSH), gone(3, SSH)]).exposures

    assert len({first.uid, second.uid, elsewhere.uid}) == 3
    assert closed.uid == first.uid


def test_events_that_share_an_id_are_different_events() -> None:
    first = RuleThere(event=at(1, "1"), rule=SSH)
    closed = RuleGone(event=at(2, "1"), rule=SSH)
    again = RuleThere(event=at(3, "1"), rule=SSH)

    assert lives_of(first, closed, again) == [("1", "1", EndedHow.REVOKED), ("1", None, None)]


# Prefix lists.


def ranges(second: int, *cidrs: str, removed: Iterable[str] = (), **more: int) -> RangesEdited:
    return RangesEdited(
        event=at(second),
        added=tuple(map(peer_of_cidr, cidrs)),
        removed=tuple(map(peer_of_cidr, removed)),
        **more,
    )


LISTS: Final[dict[str, tuple[tuple[Statement, ...], Lives]]] = {
    "opened-and-closed": (
        (ranges(1, WORLD), ranges(2, removed=[WORLD])),
        [("e-001", "e-002", EndedHow.PREFIX_LIST)],
    ),
    "deleted": ((ranges(1, WORLD), Deleted(event=at(2))), [("e-001", "e-002", EndedHow.DELETED)]),
    "in-halves-by-two-calls": (
        (ranges(1, "0.0.0.0/3"), ranges(2, "128.0.0.0/3"), ranges(3, removed=["0.0.0.0/3"])),
        [("e-002", "e-003", EndedHow.PREFIX_LIST)],
    ),
    "the-second-family-later": (
        (ranges(1, WORLD), ranges(2, "::/0"), ranges(3, removed=[WORLD, "::/0"])),
        [("e-001", "e-003", EndedHow.PREFIX_LIST), ("e-002", "e-003", EndedHow.PREFIX_LIST)],
    ),
    "an-end-without-its-beginning": (
        (ranges(2, removed=[WORLD]),),
        [(None, "e-002", EndedHow.PREFIX_LIST)],
    ),
    "an-earlier-version-closes": (
        (
            Created(event=at(1)),
            ranges(1, "10.0.0.0/8", version=1),
            ranges(2, WORLD, version=2),
            ranges(3, version=3, restored_version=1),
        ),
        [("e-002", "e-003", EndedHow.PREFIX_LIST)],
    ),
    "an-earlier-version-opens-again": (
        (
            Created(event=at(1)),
            ranges(1, WORLD, version=1),
            ranges(2, removed=[WORLD], version=2),
            ranges(3, version=3, restored_version=1),
        ),
        [("e-001", "e-002", EndedHow.PREFIX_LIST), ("e-003", None, None)],
    ),
    "an-earlier-version-that-nobody-knows-ends-nothing": (
        (ranges(1, WORLD, version=8), ranges(2, version=9, restored_version=3)),
        [("e-001", None, None)],
    ),
    "by-version-within-one-second": (
        (
            RangesEdited(event=at(1, "e-z"), added=(peer_of_cidr(WORLD),), version=4),
            RangesEdited(event=at(1, "e-a"), removed=(peer_of_cidr(WORLD),), version=5),
        ),
        [("e-z", "e-a", EndedHow.PREFIX_LIST)],
    ),
}


@pytest.mark.parametrize("story", LISTS)
@pytest.mark.parametrize("step", [1, -1])
def test_life_of_a_list(story: str, step: int) -> None:
    statements, lives = LISTS[story]

    assert lives_of(*statements[::step], resource=LIST) == lives


def test_severity_of_a_list() -> None:
    [life] = fold(LIST, [ranges(1, WORLD)]).exposures

    assert life.severity is Severity.HIGH
    [opening] = life.openings
    assert (opening.protocol, opening.ports, opening.share.ipv4_share) == (None, None, 1.0)


# Generated lives.

CIDRS: Final = ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "::/0", "10.0.0.0/8")
PORTS: Final = ("22", "20-25", "443", "0-65535")
PROTOCOLS: Final = ("tcp", "udp", "47", "all")
SAMPLES: Final = (0, 20, 22, 24, 25, 443, 65535)


@dataclass(frozen=True)
class Life:
    """What AWS did, and what its records say: the rules after each event."""

    statements: tuple[Statement, ...]
    states: tuple[tuple[Event, EndedHow, frozenset[SecurityGroupRule]], ...]


@st.composite
def any_rules(draw: st.DrawFn) -> SecurityGroupRule:
    protocol, ports = draw(st.sampled_from(PROTOCOLS)), draw(st.sampled_from(PORTS))
    to = draw(st.sampled_from(["from", "from", "from", "to"]))
    words = (
        *(["egress"] if to == "to" else []),
        protocol,
        *([ports] if protocol in PROTOCOLS_WITH_PORTS else []),
        to,
        draw(st.sampled_from(CIDRS)),
    )
    return rule(" ".join(words))


@st.composite
def generated_lives(draw: st.DrawFn) -> Life:
    """A new group; then rules come, change and go, told in any dialect; perhaps a deletion."""
    standing: dict[str, SecurityGroupRule] = {}
    with_id: set[str] = set()
    statements: list[Statement] = [Created(event=at(0))]
    states = [(at(0), EndedHow.REVOKED, frozenset[SecurityGroupRule]())]
    for second in range(1, draw(st.integers(2, 12))):
        move = draw(st.sampled_from(["add", "add", "edit", "revoke"]))
        how = EndedHow.REVOKED
        if move == "add" or not standing:
            for number in range(draw(st.integers(1, 2))):
                new, rule_id = draw(any_rules()), f"sgr-{second}-{number}"
                if new in standing.values():
                    continue
                standing[rule_id] = new
                if draw(st.booleans()):
                    with_id.add(rule_id)
                statements.append(added(second, new, rule_id if rule_id in with_id else None))
        else:
            rule_id = draw(st.sampled_from(sorted(standing)))
            old = standing[rule_id]
            new = replace(draw(any_rules()), direction=old.direction)
            if move == "edit" and rule_id in with_id and new not in standing.values():
                how, standing[rule_id] = EndedHow.MODIFIED, new
                statements.append(edited(second, new, rule_id))
            else:
                del standing[rule_id]
                shown = draw(st.sampled_from(["id", "contents", "both"]))
                if shown == "id" and rule_id not in with_id:
                    shown = "both"
                statements.append(
                    gone(second, None, rule_id, old.direction)
                    if shown == "id"
                    else gone(
                        second,
                        replace(old, rule_id=rule_id),
                        None if shown == "contents" else rule_id,
                    )
                )
        states.append((at(second), how, frozenset(standing.values())))
    if draw(st.booleans()):
        statements.append(Deleted(event=at(99)))
        states.append((at(99), EndedHow.DELETED, frozenset()))
    return Life(statements=tuple(statements), states=tuple(states))


def open_atoms(standing: frozenset[SecurityGroupRule]) -> set[tuple[str, int, int]]:
    """Slowly: on each protocol, port and family, whether the world gets in."""
    atoms = set()
    for protocol in (*PROTOCOLS[:-1], "another"):
        for port in SAMPLES:
            peers = [
                it.peer
                for it in standing
                if it.direction is Direction.INGRESS
                and it.protocol in (protocol, ALL_PROTOCOLS)
                and (it.ports or ALL_PORTS).first <= port <= (it.ports or ALL_PORTS).last
            ]
            atoms |= {(protocol, port, family) for family in families_of(internet_share_of(peers))}
    return atoms


def slowly(life: Life) -> Lives:
    followed: list[tuple[str, set[tuple[str, int, int]]]] = []
    ends: dict[str, tuple[str, EndedHow]] = {}
    before: set[tuple[str, int, int]] = set()
    for event, how, standing in life.states:
        after = open_atoms(standing)
        for opened, parts in followed:
            if parts and not parts & after:
                ends[opened] = (event.event_id, how)
            parts.intersection_update(after)
        if after - before:
            followed.append((event.event_id, after - before))
        before = after
    return [(opened, *ends.get(opened, (None, None))) for opened, _ in followed]


@given(generated_lives(), st.data())
def test_any_life_in_any_order_is_what_it_was(life: Life, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(life.statements), max_size=4))
    shuffled = data.draw(st.permutations([*life.statements, *again]))

    found = fold(GROUP, shuffled)

    assert [events_of(it) for it in found.exposures] == slowly(life)
    assert frozenset(it.rule for it in found.rules) == life.states[-1][2]


@given(generated_lives(), st.data())
def test_what_stood_at_any_call_of_any_life(life: Life, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(life.statements))
    # Of a second in which nothing was said there is no moment.
    asked = frozenset(it.event.event_id for it in life.statements)

    found = fold(GROUP, shuffled, at=asked)

    assert found.is_whole
    for (_, _, before), (event, _, after) in pairwise(life.states):
        if event.event_id in asked:
            moment = found.moments[event.event_id]
            assert moment.is_whole
            assert frozenset(it.rule for it in moment.before) == before
            assert frozenset(it.rule for it in moment.after) == after
    for life_found in found.exposures:
        assert life_found.opened is not None
        assert life_found in found.moments[life_found.opened.event_id].opened
        if life_found.closed is not None:
            assert life_found in found.moments[life_found.closed.event_id].ended


def test_who_added_what_stands_and_what_a_call_made_of_it() -> None:
    narrow = replace(SSH_FROM_INSIDE, rule_id="sgr-1")
    said = (
        added(1, SSH, "sgr-1"),
        added(2, HTTPS, "sgr-2"),
        edited(3, SSH_FROM_INSIDE, "sgr-1"),
        gone(4, rule_id="sgr-2"),
    )

    moments = fold(GROUP, said, at=frozenset({"e-003", "e-004", "e-none"})).moments

    assert moments.keys() == {"e-003", "e-004"}
    edit, revoke = moments["e-003"], moments["e-004"]
    assert {it.rule.rule_id: it.since for it in edit.before} == {"sgr-1": at(1), "sgr-2": at(2)}
    assert {it.rule: it.since for it in edit.after} == {narrow: at(3), HTTPS: at(2)}
    assert not edit.is_whole
    assert [events_of(it) for it in edit.ended] == [("e-001", "e-003", EndedHow.MODIFIED)]
    assert [it.rule for it in revoke.after] == [narrow]
    assert [events_of(it) for it in revoke.ended] == [("e-002", "e-004", EndedHow.REVOKED)]


def test_what_a_call_opened_and_narrowed() -> None:
    ports = rule("tcp 20-25 from 0.0.0.0/0")
    said = (added(1, ports, "sgr-1"), edited(2, SSH, "sgr-1"))

    moments = fold(GROUP, said, at=frozenset({"e-001", "e-002"})).moments

    assert [events_of(it) for it in moments["e-001"].opened] == [("e-001", None, None)]
    assert moments["e-002"].narrowed == moments["e-001"].opened
    assert not moments["e-002"].opened
    assert not moments["e-002"].ended


def test_what_stood_before_all_was_added_by_nobody_that_is_known() -> None:
    found = fold(GROUP, [gone(2, SSH, "sgr-1"), added(3, HTTPS)], at=frozenset({"e-002"}))

    [stood] = found.moments["e-002"].before
    assert (stood.rule, stood.since) == (SSH, None)
    [ended] = found.moments["e-002"].ended
    assert ended.opened is None


@pytest.mark.parametrize(
    ("statements", "is_whole"),
    [
        pytest.param((Created(event=at(1)),), True, id="created-before-our-eyes"),
        pytest.param((), False, id="nothing-is-known"),
        pytest.param((RulesUnknown(event=at(1)),), False, id="unknown-from-the-beginning"),
        pytest.param(
            (Created(event=at(1)), RulesUnknown(event=at(2))), False, id="an-omitted-call-since"
        ),
    ],
)
@pytest.mark.parametrize("resource", [GROUP, LIST])
def test_whether_all_is_known(
    statements: tuple[Statement, ...], is_whole: bool, resource: Resource
) -> None:
    assert fold(resource, statements).is_whole is is_whole


def test_what_a_list_held_at_a_call() -> None:
    said = (ranges(1, "10.0.0.0/8"), ranges(2, WORLD, removed=["10.0.0.0/8"]))

    moment = fold(LIST, GroupMemory().adding(said), at=frozenset({"e-002"})).moments["e-002"]

    assert moment.ranges_before == (peer_of_cidr("10.0.0.0/8"),)
    assert moment.ranges_after == (peer_of_cidr(WORLD),)
    assert [events_of(it) for it in moment.opened] == [("e-002", None, None)]


@given(st.sets(st.integers(0, 65535), max_size=40))
def test_bits_and_ranges(ports: set[int]) -> None:
    bits = sum(1 << port for port in ports)

    found = list(ranges_of(bits))

    assert sum(map(bits_of, found)) == bits
    assert all(one.last + 1 < two.first for one, two in pairwise(found))


def every(count: int, text: str) -> list[SecurityGroupRule]:
    """Rules that differ in what stands in braces."""
    return [rule(text.format(number, number + 200, number % 200)) for number in range(1, count + 1)]


# Calls on one group, and how many rules are added up for them.
MANY: Final[dict[str, tuple[list[Statement], int, int]]] = {
    "a-port-each": (
        [added(number, it) for number, it in enumerate(every(300, f"tcp {{0}} from {WORLD}"))],
        300,
        300,
    ),
    "a-range-each-that-overlaps-all-others": (
        [
            added(number, it)
            for number, it in enumerate(every(300, f"tcp {{0}}-{{1}} from {WORLD}"))
        ],
        300,
        600,
    ),
    "one-port-a-little-at-a-time": (
        [added(number, it) for number, it in enumerate(every(199, "tcp 22 from 8.{2}.0.0/16"))],
        0,
        0,
    ),
    "one-port-that-is-open-already": (
        [
            added(0, rule(f"tcp 22 from {WORLD}"), "sgr-0"),
            *(
                it
                for number, one in enumerate(every(199, "tcp 22 from 8.{2}.0.0/16"), start=1)
                for it in (added(number, one), gone(number + 300, one))
            ),
        ],
        1,
        1,
    ),
    "a-port-each-opened-and-closed": (
        [
            it
            for number, one in enumerate(every(300, f"tcp {{0}} from {WORLD}"))
            for it in (added(number, one), gone(number + 300, one))
        ],
        300,
        300,
    ),
}


@pytest.mark.parametrize("story", MANY)
def test_a_step_looks_at_no_other_ports_than_those_that_it_may_change(
    story: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many calls on a group of many rules: the work grows with the calls, not with their square."""
    looked_at = 0

    def counted(rules: Iterable[SecurityGroupRule]) -> Exposure:
        nonlocal looked_at
        together = list(rules)
        looked_at += len(together)
        return exposure_of(together)

    monkeypatch.setattr(standing_rules, "exposure_of", counted)
    said, exposures, most = MANY[story]

    assert len(fold(GROUP, said).exposures) == exposures
    assert looked_at <= most
