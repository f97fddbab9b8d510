"""What was said long ago is folded into a base, and what is said since goes on from there."""

import math
import random
import string
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from security_group_alerter.aws.group_items import LARGEST_MEMORY
from security_group_alerter.memory.codec import bytes_of, memory_in
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.group_memory import GroupMemory
from security_group_alerter.memory.settling import KEPT_AS_SAID, settled, smaller
from security_group_alerter.memory.statements import (
    Created,
    Deleted,
    RuleThere,
    Seen,
    Statement,
)
from security_group_alerter.model.exposure_life import EndedHow, Resource
from security_group_alerter.model.rules import Direction
from tests.security_group_alerter.builders import rule
from tests.security_group_alerter.memory.test_fold import (
    GROUP,
    HTTPS,
    LIST,
    SSH,
    SSH_FROM_INSIDE,
    START,
    WORLD,
    Life,
    added,
    at,
    events_of,
    generated_lives,
    gone,
    ranges,
)
from tests.security_group_alerter.memory.test_looks import (
    CREATED,
    HTTPS_2,
    SeenLife,
    list_look,
    look,
    named,
    seen_lives,
)

DAY: Final = 86_400
KNOWN: Final = (Direction.INGRESS, Direction.EGRESS)
EVERYTHING: Final = frozenset({f"e-{number:03}" for number in range(1000)})


def remembered(*statements: Statement) -> GroupMemory:
    return GroupMemory().adding(statements)


def settled_before(second: int, memory: GroupMemory, resource: Resource = GROUP) -> GroupMemory:
    """With what was said of the time before this second in the base."""
    last = max(it.event.time for it in memory.statements)
    kept = last - at(second).time
    return memory_in(bytes_of(settled(resource, memory, now=last, kept=kept)))


def test_what_is_older_than_two_days_goes_into_the_base() -> None:
    said = (added(1, SSH, "sgr-1"), added(2 * DAY, HTTPS, "sgr-2"), gone(3 * DAY, SSH))
    memory = remembered(*said)

    kept = settled(GROUP, memory, now=at(9 * DAY).time)

    assert kept.base
    assert kept.base.time == at(3 * DAY).time - KEPT_AS_SAID
    assert kept.statements == {*said[1:]}
    assert fold(GROUP, kept) == fold(GROUP, memory)


def test_age_is_counted_from_now_at_the_latest() -> None:
    """A clock that is wrong somewhere must not make everybody forget."""
    memory = remembered(added(1, SSH), added(9 * DAY, HTTPS))

    assert settled(GROUP, memory, now=at(DAY).time) == memory
    assert settled(GROUP, memory, now=at(9 * DAY).time) != memory


def test_nothing_is_settled_where_nothing_is_old() -> None:
    memory = remembered(added(1, SSH), added(DAY, HTTPS))

    assert settled(GROUP, memory, now=at(DAY).time) is memory
    assert settled(GROUP, GroupMemory(), now=START) == GroupMemory()


def test_what_is_said_of_the_time_before_the_base_adds_nothing() -> None:
    memory = settled_before(100, remembered(CREATED, added(1, SSH, "sgr-1"), added(200, HTTPS)))

    late = (gone(50, rule_id="sgr-1"), look(99))

    assert memory.adding(late) == memory
    assert "e-050" not in fold(GROUP, memory.adding(late), at=EVERYTHING).moments


def test_a_look_that_waits_for_records_is_not_settled_yet() -> None:
    said = (CREATED, look(300), added(360, SSH, "sgr-1"), look(310), added(900, HTTPS))
    memory = settled_before(400, remembered(*said))

    assert memory.base
    assert memory.base.time == at(300).time
    assert [events_of(it) for it in fold(GROUP, memory).exposures] == [
        ("e-360", None, None),
        ("e-900", None, None),
    ]


def test_exposures_closed_ninety_days_ago_are_forgotten() -> None:
    said = (
        *(added(1, SSH, "sgr-1"), gone(2, rule_id="sgr-1")),
        *(added(3, HTTPS), added(10 * DAY, SSH, "sgr-3"), gone(11 * DAY, rule_id="sgr-3")),
        added(100 * DAY, rule("tcp 3389 from 0.0.0.0/0")),
    )

    lives = fold(GROUP, settled(GROUP, remembered(*said), now=at(200 * DAY).time)).exposures

    assert [events_of(it) for it in lives] == [
        ("e-003", None, None),
        (f"e-{10 * DAY}", f"e-{11 * DAY}", EndedHow.REVOKED),
        (f"e-{100 * DAY}", None, None),
    ]


def test_a_deletion_in_the_base_is_final() -> None:
    memory = settled_before(100, remembered(added(1, SSH), Deleted(event=at(2)), added(300, HTTPS)))

    assert [events_of(it) for it in fold(GROUP, memory).exposures] == [
        ("e-001", "e-002", EndedHow.DELETED)
    ]


def test_what_stood_before_all_is_found_after_the_base() -> None:
    memory = settled_before(100, remembered(added(1, HTTPS, "sgr-2"), gone(900, SSH, "sgr-1")))
    folded = fold(GROUP, memory.adding([look(950, HTTPS_2)]), at=EVERYTHING)

    assert [events_of(it) for it in folded.exposures] == [
        ("e-001", None, None),
        (None, "e-900", EndedHow.REVOKED),
    ]
    # What the base has is not taken for new.
    assert [it.since for it in folded.rules] == [at(1)]


def test_a_protocol_named_after_the_base_was_open_with_all_others() -> None:
    everything = rule("all from 0.0.0.0/0")
    said = (added(1, everything), added(200, rule("47 from 0.0.0.0/0")), gone(300, everything))
    memory = remembered(*said)

    assert fold(GROUP, settled_before(100, memory)) == fold(GROUP, memory)


LISTS: Final[dict[str, tuple[Statement, ...]]] = {
    "edited": (ranges(1, "10.0.0.0/8"), ranges(2, WORLD), ranges(300, removed=[WORLD])),
    "restored": (
        (Created(event=at(0))),
        ranges(1, WORLD, version=1),
        ranges(2, removed=[WORLD], version=2),
        ranges(300, version=3, restored_version=1),
    ),
    "stood-before-all": (list_look(5, WORLD, version=7), ranges(300, removed=[WORLD])),
    "deleted": (ranges(1, WORLD), Deleted(event=at(300))),
}


@pytest.mark.parametrize("said", LISTS.values(), ids=LISTS)
def test_a_list_goes_on_from_its_base(said: tuple[Statement, ...]) -> None:
    memory = remembered(*said)
    kept = settled_before(250, memory, LIST)

    assert len(kept.statements) == 1
    asked = frozenset(it.event.event_id for it in kept.statements)
    assert fold(LIST, kept, at=asked) == fold(LIST, memory, at=asked)


# Any life.


@given(generated_lives(), st.data())
def test_any_life_goes_on_from_its_base(life: Life, data: st.DataObject) -> None:
    memory = remembered(*life.statements)
    kept = settled_before(data.draw(st.integers(0, 100)), memory)
    asked = frozenset(it.event.event_id for it in kept.statements)

    assert fold(GROUP, kept, at=asked) == fold(GROUP, memory, at=asked)
    # Saying again what the base holds makes no difference.
    assert kept.adding(life.statements) == kept


def goes_on(batches: Iterable[Iterable[Statement]]) -> GroupMemory:
    """The memory, as little of it as said as may be after each batch."""
    memory = GroupMemory()
    for batch in batches:
        memory = settled(GROUP, memory.adding(batch), now=at(DAY).time, kept=timedelta(seconds=1))
        memory = memory_in(bytes_of(memory))
    return memory


@given(generated_lives(), st.data())
def test_any_life_in_the_order_of_time_is_settled_bit_by_bit(
    life: Life, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, 100), max_size=4)))
    ends = [-1, *(at(cut).time.timestamp() for cut in cuts), math.inf]
    batches = [
        [it for it in life.statements if first < it.event.time.timestamp() <= last]
        for first, last in pairwise(ends)
    ]

    assert fold(GROUP, goes_on(batches)) == fold(GROUP, life.statements)


@given(seen_lives(), st.data())
def test_any_life_with_looks_goes_on_from_its_base(life: SeenLife, data: st.DataObject) -> None:
    memory = remembered(*life.statements)
    kept = settled_before(data.draw(st.integers(-2, 10)) * 60, memory)
    asked = frozenset(it.event.event_id for it in kept.statements)
    base = kept.base
    assume(base is None or base.is_begun)
    # Nor is it said later which way an edited rule goes.
    assume(base is None or all(it.rule.direction in KNOWN for it in base.rules))

    assert fold(GROUP, kept, at=asked) == fold(GROUP, memory, at=asked)


@given(seen_lives(), st.data())
def test_what_stands_is_the_same_from_any_base(life: SeenLife, data: st.DataObject) -> None:
    """Also where it turns out later what stood before all, and which way rules go."""
    memory = remembered(*life.statements)
    kept = settled_before(data.draw(st.integers(-2, 10)) * 60, memory)
    if not any(isinstance(it, Seen) for it in kept.statements):
        return

    found, expected = fold(GROUP, kept), fold(GROUP, memory)

    assert {it.rule.rule_id: it.rule for it in found.rules} == {
        it.rule.rule_id: it.rule for it in expected.rules
    }
    assert (found.is_whole, found.attached) == (expected.is_whole, expected.attached)


# What does not fit.


def test_what_does_not_fit_is_said_with_less_and_less() -> None:
    private = named(SSH_FROM_INSIDE, 2)
    said = (
        CREATED,
        *(added(1, HTTPS, "sgr-1"), gone(2, rule_id="sgr-1")),
        *(added(3, HTTPS, "sgr-3"), gone(4, rule_id="sgr-3")),
        RuleThere(event=at(5), rule=replace(SSH, description="why"), rule_id="sgr-5"),
        RuleThere(event=at(6), rule=private, rule_id="sgr-2"),
        look(600, named(SSH, 5), private),
    )

    steps = list(smaller(GROUP, remembered(*said), now=at(DAY).time))

    folds = [fold(GROUP, step) for step in steps]
    assert folds[0] == fold(GROUP, said)
    assert [len(step.statements) for step in steps] == [8, 8, 8, 8, *[0] * (len(steps) - 4)]
    assert [len(it.exposures) for it in folds] == [3, 3, 3, 3, 3, 2, 1, 1, 1, 1]
    sizes = [len(bytes_of(step)) for step in steps]
    assert sizes[-1] < sizes[4]
    *whole, last = folds
    assert all(it.is_whole and len(it.rules) == 2 for it in whole)
    assert (last.is_whole, [it.rule.rule_id for it in last.rules]) == (False, ["sgr-5"])
    # What is open is never dropped.
    assert [events_of(it) for it in last.exposures] == [("e-005", None, None)]


def test_nothing_to_make_smaller() -> None:
    assert {*map(bytes_of, smaller(GROUP, GroupMemory(), now=START))} == {bytes_of(GroupMemory())}


def test_a_group_of_a_thousand_rules_with_a_day_of_looks() -> None:
    """Descriptions as long as EC2 takes them, and of any characters: they do not compress."""
    characters = random.Random(7)
    rules = tuple(
        replace(
            rule(f"tcp {number} from 10.{number % 256}.0.0/16"),
            rule_id=f"sgr-{number:017x}",
            description="".join(characters.choices(string.printable[:90], k=255)),
        )
        for number in range(1000)
    )
    looks = [look(number * 900, *rules) for number in range(48)]

    assert len(bytes_of(remembered(*looks))) < LARGEST_MEMORY
