"""What looks show is placed in time as what records say is, and held against a slow model."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.memory.fold import Fold, fold
from security_group_alerter.memory.statements import (
    AccountLeft,
    Attached,
    Created,
    Deleted,
    RangesEdited,
    RuleGone,
    RulesUnknown,
    RuleThere,
    Seen,
    SeenGone,
    SeenRanges,
    Statement,
    account_left,
    attached_of,
    seen_gone,
    seen_of,
)
from security_group_alerter.model.exposure_life import (
    LOOKS_BACK,
    EndedHow,
    Event,
    LookedBy,
    Resource,
)
from security_group_alerter.model.group_state import GroupState, NetworkInterface, PrefixListState
from security_group_alerter.model.rules import Direction, SecurityGroupRule, peer_of_cidr
from tests.security_group_alerter.builders import record, rule
from tests.security_group_alerter.memory.test_fold import (
    EGRESS,
    GROUP,
    HTTPS,
    LIST,
    SSH,
    SSH_FROM_HALF,
    SSH_FROM_INSIDE,
    START,
    WORLD,
    Lives,
    added,
    any_rules,
    at,
    edited,
    events_of,
    gone,
    lives_of,
    open_atoms,
    ranges,
)


def look(second: int, *seen: SecurityGroupRule, attached: tuple[str, ...] = ()) -> Seen:
    """A look that counts as of this second: it was made two minutes later."""
    event = at(second)._replace(event_id=f"look-{second:03}")
    return Seen(
        event=event,
        seen_at=event.time + LOOKS_BACK,
        rules=seen,
        attached=frozenset(attached),
    )


def no_group(second: int) -> SeenGone:
    """A look that did not find the group."""
    event = at(second)._replace(event_id=f"look-{second:03}")
    return SeenGone(event=event, seen_at=event.time + LOOKS_BACK)


def left(second: int) -> AccountLeft:
    return AccountLeft(event=at(second))


def named(what: SecurityGroupRule, number: int) -> SecurityGroupRule:
    return replace(what, rule_id=f"sgr-{number}")


CREATED: Final = Created(event=at(0))
SSH_1, SSH_2, HTTPS_2 = named(SSH, 1), named(SSH, 2), named(HTTPS, 2)
SLICES: Final = [named(rule(f"tcp 22 from {first}.0.0.0/3"), first) for first in (32, 64, 96)]

STORIES: Final[dict[str, tuple[tuple[Statement, ...], Lives]]] = {
    "the-first-look-shows-what-stood-before-all": ((look(300, SSH_1),), [(None, None, None)]),
    "what-stood-before-all-is-revoked": (
        (look(300, SSH_1), gone(900, rule_id="sgr-1")),
        [(None, "e-900", EndedHow.REVOKED)],
    ),
    "the-first-look-at-a-new-group": (
        (CREATED, look(300, SSH_1)),
        [("look-300", None, None)],
    ),
    "a-group-that-was-created-just-before-the-look": (
        (Created(event=at(360)), look(300, SSH_1)),
        [("look-300", None, None)],
    ),
    "what-an-omitted-call-did": (
        (CREATED, RulesUnknown(event=at(60)), look(300, SSH_1)),
        [("look-300", None, None)],
    ),
    "new-in-the-second-look": (
        (look(300), look(900, SSH_1)),
        [("look-900", None, None)],
    ),
    "not-in-the-second-look": (
        (look(300, SSH_1), look(900)),
        [(None, "look-900", EndedHow.SEEN)],
    ),
    "told-by-a-record-and-not-in-the-look": (
        (added(1, SSH, "sgr-1"), look(300)),
        [("e-001", "look-300", EndedHow.SEEN)],
    ),
    "told-by-a-record-and-in-the-look": (
        (added(1, SSH, "sgr-1"), look(300, SSH_1)),
        [("e-001", None, None)],
    ),
    "told-without-an-id-and-in-the-look": (
        (added(1, SSH), look(300, SSH_1), gone(900, rule_id="sgr-1")),
        [("e-001", "e-900", EndedHow.REVOKED)],
    ),
    "added-just-before-the-look-and-not-visible-yet": (
        (CREATED, added(360, SSH, "sgr-1"), look(300)),
        [("e-360", None, None)],
    ),
    "added-just-before-the-look-and-visible": (
        (CREATED, added(360, SSH, "sgr-1"), look(300, SSH_1)),
        [("e-360", None, None)],
    ),
    "added-in-the-second-of-the-look": (
        (CREATED, added(420, SSH, "sgr-1"), look(300, SSH_1)),
        [("e-420", None, None)],
    ),
    "added-after-the-look": (
        (CREATED, look(300), added(421, SSH, "sgr-1")),
        [("e-421", None, None)],
    ),
    "revoked-just-before-the-look-and-still-visible": (
        (added(1, SSH, "sgr-1"), gone(360, rule_id="sgr-1"), look(300, SSH_1)),
        [("e-001", "e-360", EndedHow.REVOKED)],
    ),
    "revoked-just-before-the-look-and-visible-no-more": (
        (added(1, SSH, "sgr-1"), gone(360, SSH, "sgr-1"), look(300)),
        [("e-001", "e-360", EndedHow.REVOKED)],
    ),
    "known-without-an-id-and-revoked-just-before-the-look": (
        (added(1, SSH), gone(360, SSH, "sgr-1"), look(300)),
        [("e-001", "e-360", EndedHow.REVOKED)],
    ),
    "stood-before-all-and-revoked-just-before-the-first-look": (
        (gone(360, SSH, "sgr-1"), look(300)),
        [(None, "e-360", EndedHow.REVOKED)],
    ),
    "stood-before-all-and-unknown-to-the-first-look": (
        (gone(800, SSH, "sgr-1"), look(300)),
        [],
    ),
    "edited-just-before-the-look": (
        (added(1, SSH, "sgr-1"), edited(360, SSH_FROM_INSIDE, "sgr-1"), look(300, SSH_1)),
        [("e-001", "e-360", EndedHow.MODIFIED)],
    ),
    "told-without-an-id-just-before-the-look": (
        (CREATED, added(360, SSH), look(300, SSH_1)),
        [("e-360", None, None)],
    ),
    "edited-without-a-record": (
        (added(1, SSH_FROM_INSIDE, "sgr-1"), look(300, SSH_1), look(900, HTTPS_2)),
        [("look-300", "look-900", EndedHow.SEEN), ("look-900", None, None)],
    ),
    "narrowed-without-a-record": (
        (added(1, SSH, "sgr-1"), look(300, named(SSH_FROM_INSIDE, 1))),
        [("e-001", "look-300", EndedHow.SEEN)],
    ),
    "one-rule-for-another-is-open-all-the-time": (
        (CREATED, added(1, SSH, "sgr-1"), look(300, SSH_2)),
        [("e-001", None, None)],
    ),
    "one-edited-for-another-is-open-all-the-time": (
        (CREATED, added(1, SSH, "sgr-1"), look(300, named(HTTPS, 1), SSH_2)),
        [("e-001", None, None), ("look-300", None, None)],
    ),
    "slices-one-after-the-other-by-their-ids": (
        (CREATED, look(300, *reversed(SLICES))),
        [("look-300", None, None)],
    ),
    "egress": ((CREATED, look(300, named(EGRESS, 1))), []),
    "an-edit-that-was-of-egress": ((edited(1, SSH, "sgr-1"), look(300, named(EGRESS, 1))), []),
    "deleted-and-looked-at": (
        (added(1, SSH, "sgr-1"), Deleted(event=at(2)), look(300, SSH_1)),
        [("e-001", "e-002", EndedHow.DELETED)],
    ),
    "deleted-without-a-record": (
        (added(1, SSH, "sgr-1"), no_group(300)),
        [("e-001", "look-300", EndedHow.SEEN)],
    ),
    "deleted-without-a-record-and-the-record-comes-late": (
        (added(1, SSH, "sgr-1"), Deleted(event=at(2)), no_group(300)),
        [("e-001", "e-002", EndedHow.DELETED)],
    ),
    "created-just-before-the-look-and-not-visible-yet": (
        (Created(event=at(350)), added(360, SSH, "sgr-1"), no_group(300)),
        [("e-360", None, None)],
    ),
    "not-found-and-yet-there": (
        (added(1, SSH, "sgr-1"), no_group(300), look(900, SSH_1)),
        [("e-001", "look-300", EndedHow.SEEN), ("look-900", None, None)],
    ),
    "never-found": ((no_group(300), look(900, SSH_1)), [("look-900", None, None)]),
    "found-and-not-found-at-once": (
        (look(300, SSH_1), no_group(300)),
        [(None, "look-300", EndedHow.SEEN)],
    ),
    "the-account-left": (
        (added(1, SSH, "sgr-1"), left(500)),
        [("e-001", "e-500", EndedHow.ACCOUNT_LEFT)],
    ),
    "the-account-came-back": (
        (look(10, SSH_1), left(500), look(900, SSH_1)),
        [(None, "e-500", EndedHow.ACCOUNT_LEFT), ("look-900", None, None)],
    ),
    "twice-found-open": (
        (look(300), look(600, SSH_1), look(900), look(990, SSH_1)),
        [("look-600", "look-900", EndedHow.SEEN), ("look-990", None, None)],
    ),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("step", [1, -1])
def test_life(story: str, step: int) -> None:
    statements, lives = STORIES[story]

    assert lives_of(*(*statements, *statements)[::step]) == lives


def test_what_a_look_found_has_the_rule_in_its_uid() -> None:
    [before_all] = fold(GROUP, [look(300, SSH_1)]).exposures
    [opened] = fold(GROUP, [CREATED, look(600, SSH_1)]).exposures
    [another] = fold(GROUP, [CREATED, look(600, SSH_2)]).exposures
    [closed] = fold(GROUP, [look(300, SSH_1), gone(900, rule_id="sgr-1")]).exposures
    again = fold(GROUP, STORIES["twice-found-open"][0]).exposures

    assert before_all.uid == opened.uid == closed.uid != another.uid
    assert len({life.uid for life in again}) == 2


def test_each_of_several_rules_opens_what_those_before_it_did_not() -> None:
    first, second = fold(GROUP, [CREATED, look(300, HTTPS_2, SSH_1)]).exposures

    assert [it.ports and it.ports.first for it in (*first.openings, *second.openings)] == [22, 443]


def test_a_rule_that_a_look_shows_was_added_by_whom_the_record_says() -> None:
    seen = replace(SSH_1, description="from the look")
    [standing] = fold(GROUP, [added(1, SSH), look(300, seen)]).rules

    assert standing.since == at(1)
    assert standing.rule.rule_id == "sgr-1"
    assert standing.rule.description == "from the look"


def test_of_what_a_look_shows_first_nobody_knows_who_added_it() -> None:
    [before_all] = fold(GROUP, [look(300, SSH_1)]).rules
    [new] = fold(GROUP, [CREATED, look(300, SSH_1)]).rules

    assert before_all.since is None
    assert new.since == look(300).event


@pytest.mark.parametrize(
    ("statements", "is_whole"),
    [
        pytest.param((look(300),), True, id="looked-at"),
        pytest.param((RulesUnknown(event=at(1)), look(300)), True, id="omitted-before"),
        pytest.param((look(300), RulesUnknown(event=at(300))), False, id="omitted-at-the-time"),
        pytest.param((look(300), RulesUnknown(event=at(360))), False, id="omitted-since"),
    ],
)
def test_whether_all_is_known(statements: tuple[Statement, ...], is_whole: bool) -> None:
    assert fold(GROUP, statements).is_whole is is_whole


@pytest.mark.parametrize("end", [no_group(900), left(900)], ids=["not-found", "account-left"])
@pytest.mark.parametrize("resource", [GROUP, LIST], ids=["a-group", "a-list"])
def test_of_what_nobody_can_see_nothing_is_known(end: Statement, resource: Resource) -> None:
    look_at = look(300, SSH_1) if resource is GROUP else list_look(300, WORLD)

    folded = fold(resource, [look_at, end])

    assert (folded.rules, folded.ranges, folded.is_whole) == ((), (), False)


def test_what_was_attached_before_a_call() -> None:
    said = (
        added(1, SSH, "sgr-1"),
        look(300, SSH_1, attached=("eni-1", "i-1")),
        added(500, HTTPS, "sgr-2"),
        look(900, SSH_1, HTTPS_2, attached=()),
    )

    folded = fold(GROUP, said, at=frozenset({"e-001", "e-500"}))

    assert folded.attached == frozenset()
    assert folded.moments["e-001"].attached is None
    assert folded.moments["e-500"].attached == frozenset({"eni-1", "i-1"})
    assert fold(GROUP, [added(1, SSH)]).attached is None


@pytest.mark.parametrize(
    ("second", "attached"), [(301, ()), (420, ()), (421, ("eni-2",))], ids=lambda it: f"{it}"
)
def test_a_look_made_after_a_call_does_not_say_what_was_attached_before(
    second: int, attached: tuple[str, ...]
) -> None:
    """Though it counts as of before: it may show what the call has just attached."""
    said = (look(10), Attached(event=at(second)), look(300, attached=("eni-2",)))

    [moment] = fold(GROUP, said, at=frozenset({f"e-{second}"})).moments.values()

    assert moment.attached == frozenset(attached)


@pytest.mark.parametrize("resource", [GROUP, LIST], ids=["a-group", "a-list"])
def test_a_call_that_changes_no_rule_has_its_moment(resource: Resource) -> None:
    said = (CREATED, Attached(event=at(500)))

    folded = fold(resource, said, at=frozenset({"e-500"}))

    assert folded.is_whole
    assert folded.moments["e-500"].is_whole


def test_what_a_call_that_attached_a_group_says() -> None:
    called = {"eventID": "e-1", "eventTime": "2026-11-01T00:00:00Z"}

    [said] = attached_of(record(**called))
    assert said == Attached(event=said.event._replace(event_id="e-1", time=START))
    assert attached_of(record(**called, errorCode="UnauthorizedOperation")) == ()
    assert attached_of(record()) == ()


def test_two_looks_at_the_same_time_are_one_after_the_other_in_any_order() -> None:
    looks = [look(300, SSH_1, attached=(it,)) for it in ("eni-1", "eni-2")]

    assert fold(GROUP, looks) == fold(GROUP, looks[::-1])


def test_two_looks_at_a_list_at_the_same_time() -> None:
    looks = [list_look(300, WORLD, version=4), list_look(300, version=5)]

    assert fold(LIST, looks) == fold(LIST, looks[::-1])


# Prefix lists.


def list_look(second: int, *cidrs: str, version: int | None = None) -> SeenRanges:
    event = at(second)._replace(event_id=f"look-{second:03}")
    return SeenRanges(
        event=event,
        seen_at=event.time + LOOKS_BACK,
        ranges=tuple(map(peer_of_cidr, cidrs)),
        version=version,
    )


LISTS: Final[dict[str, tuple[tuple[Statement, ...], Lives]]] = {
    "stood-before-all": ((list_look(300, WORLD, version=4),), [(None, None, None)]),
    "nothing-stood-before-all": ((list_look(300), list_look(900)), []),
    "new-in-the-second-look": (
        (list_look(300), list_look(900, WORLD)),
        [("look-900", None, None)],
    ),
    "not-in-the-second-look": (
        (list_look(300, WORLD), list_look(900)),
        [(None, "look-900", EndedHow.SEEN)],
    ),
    "added-just-before-and-not-visible-yet": (
        (CREATED, ranges(360, WORLD), list_look(300)),
        [("e-360", None, None)],
    ),
    "deleted-without-a-record": (
        (ranges(1, WORLD), no_group(300)),
        [("e-001", "look-300", EndedHow.SEEN)],
    ),
    "created-just-before-and-not-found-yet": (
        (CREATED, ranges(360, WORLD), no_group(300)),
        [("e-360", None, None)],
    ),
    "the-account-left": (
        (ranges(1, WORLD), left(500)),
        [("e-001", "e-500", EndedHow.ACCOUNT_LEFT)],
    ),
    "restored-just-before-and-visible": (
        (
            ranges(1, WORLD, version=1),
            ranges(2, removed=[WORLD], version=2),
            ranges(360, version=3, restored_version=1),
            list_look(300, WORLD, version=3),
        ),
        [("e-001", "e-002", EndedHow.PREFIX_LIST), ("e-360", None, None)],
    ),
    "the-version-that-a-look-showed-is-restored": (
        (
            list_look(300, WORLD, version=4),
            ranges(600, removed=[WORLD], version=5),
            ranges(700, version=6, restored_version=4),
        ),
        [(None, "e-600", EndedHow.PREFIX_LIST), ("e-700", None, None)],
    ),
}


@pytest.mark.parametrize("story", LISTS)
@pytest.mark.parametrize("step", [1, -1])
def test_life_of_a_list(story: str, step: int) -> None:
    statements, lives = LISTS[story]

    assert lives_of(*(*statements, *statements)[::step], resource=LIST) == lives


def test_a_version_that_nobody_knows_ends_what_was_whole() -> None:
    known = (list_look(300, WORLD, version=4),)

    assert fold(LIST, known).is_whole
    assert not fold(LIST, (*known, ranges(900, version=6, restored_version=2))).is_whole


# What becomes of what a call added.


GONE: Final[dict[str, tuple[tuple[Statement, ...], tuple[str, EndedHow] | None]]] = {
    "it-stands": ((added(1, SSH, "sgr-1"),), None),
    "one-of-two-stands": (
        (added(1, SSH, "sgr-1"), added(1, HTTPS, "sgr-2"), gone(2, rule_id="sgr-1")),
        None,
    ),
    "the-last-of-two": (
        (
            added(1, SSH, "sgr-1"),
            added(1, HTTPS, "sgr-2"),
            gone(2, rule_id="sgr-2"),
            gone(3, rule_id="sgr-1"),
        ),
        ("e-003", EndedHow.REVOKED),
    ),
    "edited-since": (
        (added(1, SSH, "sgr-1"), edited(2, SSH_FROM_HALF, "sgr-1")),
        ("e-002", EndedHow.MODIFIED),
    ),
    "edited-to-the-same": ((added(1, SSH, "sgr-1"), edited(2, SSH, "sgr-1")), None),
    "the-group-deleted": (
        (added(1, SSH, "sgr-1"), Deleted(event=at(5))),
        ("e-005", EndedHow.DELETED),
    ),
    "as-a-look-shows": ((added(1, SSH, "sgr-1"), look(300)), ("look-300", EndedHow.SEEN)),
    "it-added-none": ((gone(1, SSH), added(2, SSH)), None),
    "revoked-and-added-again": (
        (added(1, SSH), gone(2, SSH), RuleThere(event=at(3)._replace(event_id="e-001"), rule=SSH)),
        None,
    ),
    "another-was-taken-back": (
        (added(1, SSH, "sgr-1"), added(2, HTTPS, "sgr-2"), gone(3, rule_id="sgr-2")),
        None,
    ),
}


@pytest.mark.parametrize("story", GONE)
def test_when_the_last_of_what_a_call_added_was_gone(story: str) -> None:
    statements, expected = GONE[story]

    taken_back = fold(GROUP, statements, at=frozenset({"e-001"})).moments["e-001"].gone

    found = taken_back and (taken_back.event.event_id, taken_back.how)
    assert found == expected


def test_when_the_last_of_the_ranges_was_gone() -> None:
    said = (ranges(1, WORLD, "::/0"), ranges(2, removed=["::/0"]), ranges(3, removed=[WORLD]))

    first = fold(LIST, said[:2], at=frozenset({"e-001"})).moments["e-001"]
    second = fold(LIST, said, at=frozenset({"e-001"})).moments["e-001"]

    assert first.gone is None
    assert second.gone
    assert second.gone.event == at(3)


# What a look says.


STATE: Final = GroupState(
    resource=GROUP,
    seen_at=START,
    rules=(SSH_1,),
    interfaces=(
        NetworkInterface(id="eni-1", used_as="instance", used_by="i-1"),
        NetworkInterface(id="eni-2", used_as="RDS database", used_by="db-1"),
        NetworkInterface(id="eni-3", used_as="instance"),
    ),
    has_all_rules=True,
)


def test_a_look_counts_as_of_two_minutes_before() -> None:
    [seen] = seen_of(STATE)

    assert isinstance(seen, Seen)
    assert seen.event.time == START - timedelta(minutes=2)
    assert seen.event.event_id == "look:2026-11-01T00:00:00+00:00"
    assert (seen.seen_at, seen.rules) == (START, (SSH_1,))
    assert seen.attached == {"eni-1", "i-1", "eni-2", "eni-3"}


def test_a_look_at_a_list() -> None:
    state = PrefixListState(
        resource=LIST,
        seen_at=START,
        version=4,
        ranges=(peer_of_cidr(WORLD),),
        has_all_rules=True,
    )

    [seen] = seen_of(state)

    assert isinstance(seen, SeenRanges)
    assert (seen.version, seen.ranges) == (4, (peer_of_cidr(WORLD),))
    assert seen.event.time == START - timedelta(minutes=2)


def test_a_look_that_did_not_find_it() -> None:
    gone = seen_gone(START, LookedBy.SWEEP)

    assert gone.event.time == START - timedelta(minutes=2)
    assert (gone.event.looked_by, gone.seen_at) == (LookedBy.SWEEP, START)


def test_that_an_account_left_is_known_from_the_sweep() -> None:
    event = account_left(START).event

    assert (event.time, event.looked_by) == (START, LookedBy.SWEEP)


@pytest.mark.parametrize(
    "state",
    [replace(STATE, has_all_rules=False), PrefixListState(resource=LIST, seen_at=START)],
    ids=["a-group", "a-list"],
)
def test_what_was_not_seen_to_the_end_says_nothing(state: GroupState | PrefixListState) -> None:
    assert seen_of(state) == ()


# Generated lives: one call a minute, of which some leave no record, and looks at the half minutes.


@dataclass(frozen=True)
class SeenLife:
    """What is said of a group that was created before our eyes, or not."""

    statements: tuple[Statement, ...]
    is_created: bool


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


@st.composite
def seen_lives(draw: st.DrawFn) -> SeenLife:
    """What a look shows of a rule is how it was at any time of the two minutes before."""
    standing: dict[str, SecurityGroupRule] = {}
    is_created = draw(st.booleans())
    said: list[Statement] = [Created(event=at(0))] if is_created else []
    if not is_created:
        stood = draw(st.lists(any_rules(), max_size=3, unique=True))
        standing = {f"sgr-0-{number}": it for number, it in enumerate(stood)}
    states = [dict(standing)]
    for number in range(1, draw(st.integers(2, 9))):
        event = Event(event_id=f"e-{number}", time=minute(number))
        move = draw(st.sampled_from(["add", "add", "edit", "revoke", "wait"]))
        record: list[Statement] = []
        rule_id = draw(st.sampled_from(sorted(standing))) if standing else ""
        if move == "add":
            new, new_id = draw(any_rules()), f"sgr-{number}"
            if new not in standing.values():
                standing[new_id] = new
                there = replace(new, rule_id=new_id)
                record = [RuleThere(event=event, rule=there, rule_id=new_id)]
        elif move == "edit" and standing:
            new = replace(draw(any_rules()), direction=standing[rule_id].direction)
            if new not in standing.values():
                standing[rule_id] = new
                unknown = replace(new, rule_id=rule_id, direction=Direction.UNKNOWN)
                record = [RuleThere(event=event, rule=unknown, rule_id=rule_id, is_edit=True)]
        elif move == "revoke" and standing:
            old = replace(standing.pop(rule_id), rule_id=rule_id)
            record = [RuleGone(event=event, rule=old, rule_id=rule_id)]
        said += record if draw(st.integers(0, 3)) else []
        states.append(dict(standing))
        if draw(st.integers(0, 2)) == 0:
            said.append(draw(looks_at(states, number)))
        elif draw(st.integers(0, 9)) == 0:
            # A stale look may show it still; nothing of it is edited any more.
            said.append(draw(ends_at(number)))
            standing = {}
    said.append(RulesUnknown(event=at(-600)))
    return SeenLife(statements=tuple(said), is_created=is_created)


@st.composite
def looks_at(draw: st.DrawFn, states: list[dict[str, SecurityGroupRule]], number: int) -> Seen:
    lately = states[-3:]
    shown = {rule_id: draw(st.sampled_from(lately)).get(rule_id) for it in lately for rule_id in it}
    seen_at = minute(number + 0.5)
    return Seen(
        event=Event(event_id=f"look-{number}", time=seen_at - LOOKS_BACK),
        seen_at=seen_at,
        rules=tuple(replace(it, rule_id=rule_id) for rule_id, it in shown.items() if it),
    )


def ends_at(number: int) -> st.SearchStrategy[Statement]:
    """A look that does not find the group, or the news that nobody can look."""
    seen_at = minute(number + 0.5)
    event = Event(event_id=f"look-{number}", time=seen_at - LOOKS_BACK)
    left_at = Event(event_id=f"left-{number}", time=minute(number + 0.25))
    return st.sampled_from([SeenGone(event=event, seen_at=seen_at), AccountLeft(event=left_at)])


@dataclass
class Belief:
    """Slowly: the exposures of a group created before our eyes, and the rules that stand."""

    directions: dict[str | None, Direction]
    records: list[RuleThere | RuleGone]
    rules: dict[str, SecurityGroupRule] = field(default_factory=dict)
    open: set[tuple[str, int, int]] = field(default_factory=set)
    followed: list[tuple[str, set[tuple[str, int, int]]]] = field(default_factory=list)
    ends: list[tuple[str | None, EndedHow | None]] = field(default_factory=list)

    @classmethod
    def of(cls, life: SeenLife) -> "Belief":
        records = [it for it in life.statements if isinstance(it, RuleThere | RuleGone)]
        named = [it.rule for it in records if it.rule]
        named += [it for one in life.statements if isinstance(one, Seen) for it in one.rules]
        belief = cls(
            {it.rule_id: it.direction for it in named if it.direction is not Direction.UNKNOWN},
            records,
        )
        for one in sorted(life.statements, key=lambda it: it.event.time):
            belief.learn(one)
        return belief

    @property
    def lives(self) -> Lives:
        return [(opened, *end) for (opened, _), end in zip(self.followed, self.ends, strict=True)]

    def learn(self, one: Statement) -> None:
        match one:
            case RuleThere(rule=new, rule_id=str(rule_id)):
                known = self.rules.get(rule_id, new).direction
                direction = self.directions.get(rule_id, known)
                self.rules[rule_id] = replace(new, direction=direction)
                self.turn(one, EndedHow.MODIFIED if one.is_edit else EndedHow.REVOKED)
            case RuleGone(rule_id=str(rule_id)):
                self.rules.pop(rule_id, None)
                self.turn(one, EndedHow.REVOKED)
            case Seen():
                self.see(one)
            case SeenGone(seen_at=seen_at):
                silent = self.silent(one, seen_at)
                self.rules = {it: self.rules[it] for it in self.rules if it in silent}
                self.turn(one, EndedHow.SEEN)
            case AccountLeft():
                self.rules = {}
                self.turn(one, EndedHow.ACCOUNT_LEFT)
            case _:
                pass

    def silent(self, one: Statement, seen_at: datetime) -> set[str | None]:
        return {it.rule_id for it in self.records if one.event.time <= it.event.time <= seen_at}

    def see(self, one: Seen) -> None:
        silent = self.silent(one, one.seen_at)
        shown = {it.rule_id or "": it for it in one.rules if it.rule_id not in silent}
        old = [it for it in self.rules if it not in silent and it not in shown]
        for rule_id, it in sorted(shown.items()):
            if self.rules.get(rule_id) not in (None, it):
                # Its old contents stand until all new ones do.
                self.rules[f"was-{rule_id}"] = self.rules[rule_id]
                old.append(f"was-{rule_id}")
            self.rules[rule_id] = it
            self.turn(one, EndedHow.SEEN)
        for rule_id in old:
            del self.rules[rule_id]
        self.turn(one, EndedHow.SEEN)

    def turn(self, one: Statement, how: EndedHow) -> None:
        before, self.open = self.open, inward(self.rules)
        for index, (_, parts) in enumerate(self.followed):
            if parts and not parts & self.open:
                self.ends[index] = (one.event.event_id, how)
            parts.intersection_update(self.open)
        if self.open - before:
            self.followed.append((one.event.event_id, self.open - before))
            self.ends.append((None, None))


def inward(belief: dict[str, SecurityGroupRule]) -> set[tuple[str, int, int]]:
    known = (
        replace(it, direction=Direction.INGRESS) if it.direction is Direction.UNKNOWN else it
        for it in belief.values()
    )
    return open_atoms(frozenset(known))


def standing_in(folded: Fold) -> dict[str | None, SecurityGroupRule]:
    return {it.rule.rule_id: it.rule for it in folded.rules}


@given(seen_lives(), st.data())
def test_any_life_with_looks_in_any_order(life: SeenLife, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(life.statements), max_size=4))
    shuffled = data.draw(st.permutations([*life.statements, *again]))

    found = fold(GROUP, shuffled)

    assert found == fold(GROUP, life.statements)
    belief = Belief.of(life)
    if life.is_created:
        assert [events_of(it) for it in found.exposures] == belief.lives
        assert standing_in(found) == belief.rules
    kinds = Seen | SeenGone | AccountLeft
    seen = [it for it in life.statements if isinstance(it, kinds)]
    if seen and isinstance(max(seen, key=lambda it: it.event.time), Seen):
        # What was there before all is known from the first look.
        assert found.is_whole
        assert belief.rules.items() <= standing_in(found).items()


def test_what_a_list_held_while_nobody_knew_is_not_known_by_a_later_look() -> None:
    inside, world = map(peer_of_cidr, ("10.0.0.0/8", WORLD))
    said: list[Statement] = [
        SeenRanges(event=at(1, "look:1"), seen_at=at(2).time, ranges=(inside,)),
        RangesEdited(event=at(10), restored_version=1, version=5),
        SeenRanges(event=at(30, "look:2"), seen_at=at(32).time, ranges=(world,)),
    ]

    folded = fold(LIST, said)

    held = [folded.ranges_at(at(second).time) for second in (5, 20, 40)]
    assert held == [(inside,), None, (world,)]
