"""What a sweep finds in an account and Region, what it writes of it, and what it leaves alone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from security_group_alerter.memory.statements import Created, RuleGone, RuleThere, Statement
from security_group_alerter.model.exposure_life import EndedHow, Event, LookedBy
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import LedgerEntry, Told
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.sweep import Place, Survey, SweepItem
from security_group_alerter.sweeping import EARLIER_TRY_DIED
from tests.security_group_alerter.builders import rule
from tests.security_group_alerter.sweeps import (
    ACCOUNT,
    NOW,
    PLACE,
    Organization,
    a_list,
    a_rule,
    a_state,
    an_interface,
    an_organization,
    group,
    prefix_list,
)

SSH: Final = replace(rule("tcp 22 from 0.0.0.0/0"), rule_id=a_rule(1)["SecurityGroupRuleId"])


@pytest.fixture
def org() -> Iterator[Organization]:
    with an_organization() as org:
        yield org


def called(name: str, hours: float) -> Event:
    return Event(event_id=name, time=NOW - timedelta(hours=hours), principal="arn:…:user/jane")


def added(hours: float = 24) -> Statement:
    return RuleThere(event=called("added", hours), rule=SSH, rule_id=SSH.rule_id)


def item_of(*open_ids: str) -> SweepItem:
    return SweepItem(place=PLACE, open_ids=open_ids)


def by(org: Organization, number: int = 1) -> list[tuple[LookedBy | None, EndedHow | None]]:
    return [(it.revealed.looked_by, it.closed_how) for it in org.lives_of(group(number))]


def test_first_sweep_notes_what_is_open_and_nothing_else(org: Organization) -> None:
    org.has(a_state(a_rule(1), a_rule(2, "10.0.0.0/8"), groups=(1, 2, 3)))

    report = org.swept()

    assert (report.surveyed, report.looked_at, report.open, report.written) == (2, 1, 1, 1)
    assert report.problem is None
    assert org.remembered == {group(1).id}
    assert by(org) == [(LookedBy.FIRST_SWEEP, None)]


@pytest.mark.parametrize(
    ("interfaces", "reach", "severity"),
    [
        pytest.param([an_interface(1, public=True)], Reach.PUBLIC, Severity.CRITICAL, id="public"),
        pytest.param([an_interface(1)], Reach.PRIVATE, Severity.HIGH, id="private"),
        pytest.param([], Reach.UNATTACHED, Severity.MEDIUM, id="unattached"),
    ],
)
def test_what_a_first_sweep_finds_counts_as_told_with_its_reach(
    interfaces: list[object], reach: Reach, severity: Severity, org: Organization
) -> None:
    org.has(a_state(a_rule(1), interfaces=interfaces))

    org.swept()

    [life] = org.lives_of(group(1))
    assert org.told_of(group(1)) == [
        Told(uid=life.uid, at=NOW, severity=severity, reach=reach, is_quiet=True)
    ]


def test_what_a_later_sweep_finds_is_for_the_watch_to_tell(org: Organization) -> None:
    org.has(a_state(groups=[1]))
    org.swept()
    org.later(days=1)
    org.has(a_state(a_rule(1)))

    org.swept()

    assert by(org) == [(LookedBy.SWEEP, None)]
    assert org.told_of(group(1)) == []


def test_what_an_older_version_knew_to_be_open_is_followed_from_the_first_sweep_on(
    org: Organization,
) -> None:
    org.has(a_state(a_rule(1)))
    org.knows(added(), of=group(1))
    org.wrote_no_ledger(group(1))
    assert [*org.ledger.open_groups()] == []

    org.swept()

    [life] = org.lives_of(group(1))
    at = NOW - timedelta(hours=24)
    assert org.told_of(group(1)) == [Told(uid=life.uid, at=at, severity=Severity.CRITICAL)]
    assert [it.resource for it in org.ledger.open_groups()] == [group(1)]


def test_what_an_alert_told_before_the_first_sweep_stays_told(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    org.knows(added(), of=group(1))
    [life] = org.lives_of(group(1))
    told = Told(uid=life.uid, at=NOW, severity=Severity.CRITICAL)
    org.ledger.note([LedgerEntry(resource=group(1), told={life.uid: told})])

    org.swept()

    assert org.told_of(group(1)) == [told]
    assert by(org) == [(None, None)]


def test_an_opening_whose_alert_is_still_to_come_is_not_made_quiet(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    org.knows(added(), of=group(1))

    org.swept()

    assert org.told_of(group(1)) == []


def test_next_sweep_writes_nothing_of_what_is_as_it_was(org: Organization) -> None:
    org.has(a_state(a_rule(1), interfaces=[an_interface(1, public=True)]))
    org.swept()
    before = org.items_in_table()
    org.later(days=1)

    report = org.swept(group(1).id)

    key = f"{ACCOUNT}/eu-central-1/{group(1).id}"
    after = org.items_in_table()
    assert (report.open, report.written) == (1, 0)
    assert after[key] == {**before[key], "looked_at": {"N": str(org.now.timestamp())}}


def test_open_group_that_carries_something_else_is_written(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    org.swept()
    org.later(days=1)
    org.has(a_state(a_rule(1), interfaces=[an_interface(1)]))

    assert org.swept().written == 1


def test_closed_without_a_record(org: Organization) -> None:
    org.knows(added(), of=group(1))
    org.has(a_state(a_rule(1, "10.0.0.0/8", port=443)))

    report = org.swept(group(1).id)

    assert (report.open, report.written) == (0, 1)
    assert by(org) == [(None, EndedHow.SEEN)]


def test_closed_by_taking_the_last_rule_away(org: Organization) -> None:
    """The survey shows no rule of it: it is looked at since it is known to be open."""
    org.knows(added(), of=group(1))
    org.has(a_state(groups=[1]))

    org.swept(group(1).id)

    assert by(org) == [(None, EndedHow.SEEN)]


def test_group_that_is_gone(org: Organization) -> None:
    org.knows(added(), of=group(1))
    org.has(a_state())

    report = org.swept(group(1).id)
    org.later(days=1)
    again = org.swept(group(1).id)

    assert (report.written, again.written) == (1, 0)
    assert report.problem is again.problem is None
    [life] = org.lives_of(group(1))
    assert life.closed_how is EndedHow.SEEN
    assert life.closed
    assert life.closed.looked_by is LookedBy.FIRST_SWEEP


def test_group_whose_record_just_came_is_not_taken_for_gone(org: Organization) -> None:
    """EC2 may not show yet what was made in the last two minutes."""
    org.knows(Created(event=called("created", 0.02)), added(0.01), of=group(1))
    org.has(a_state())

    org.swept(group(1).id)

    assert by(org) == [(None, None)]


def test_quiet_group_that_is_known_is_brought_up_to_date(org: Organization) -> None:
    """What a missed call did counts when the next one is judged."""
    org.knows(added(), RuleGone(event=called("gone", 12), rule_id=SSH.rule_id), of=group(1))
    org.has(a_state(a_rule(1, "10.0.0.0/8", port=443)))

    first = org.swept()
    org.later(days=1)
    second = org.swept()

    assert (first.written, second.looked_at) == (1, 0)


def test_prefix_list_that_is_the_world(org: Organization) -> None:
    refers = a_rule(1, PrefixListId=prefix_list(1).id)
    lists = [a_list(1, "0.0.0.0/1", "128.0.0.0/1"), a_list(2, "10.0.0.0/8")]
    of_aws = {**a_list(3, "0.0.0.0/0"), "OwnerId": "AWS"}
    interfaces = [an_interface(1, public=True)]
    org.has(a_state(refers, lists=[*lists, of_aws], interfaces=interfaces))

    first = org.swept()
    org.later(days=1)
    second = org.swept(prefix_list(1).id)

    assert org.remembered == {prefix_list(1).id}
    [told] = org.told_of(prefix_list(1))
    assert (told.severity, told.reach, told.is_quiet) == (Severity.HIGH, Reach.PUBLIC, True)
    assert (first.written, second.written, second.open) == (1, 0, 1)


def test_prefix_list_that_is_known_and_changed(org: Organization) -> None:
    org.has(a_state(lists=[a_list(1, "0.0.0.0/0")]))
    org.swept()
    org.later(days=1)
    org.has(a_state(lists=[a_list(1, "10.0.0.0/8")]))
    closed = org.swept()
    org.later(days=1)
    quiet = org.swept()

    assert (closed.written, closed.open) == (1, 0)
    assert quiet.looked_at == 0
    assert [it.closed_how for it in org.lives_of(prefix_list(1))] == [EndedHow.SEEN]


def test_group_of_another_account_in_a_shared_vpc_is_that_accounts(org: Organization) -> None:
    org.has(a_state(a_rule(1, GroupOwnerId="333344445555"), a_rule(2, GroupOwnerId=ACCOUNT)))

    org.swept()

    assert org.remembered == {group(2).id}


def test_id_that_nobody_can_look_up_is_passed_over(org: Organization) -> None:
    """A group may be known by its name alone."""
    org.has(a_state())

    assert org.swept("bastion").looked_at == 0


def test_how_far_it_came(org: Organization) -> None:
    org.has(a_state())
    org.swept()
    first = org.swept_place()
    org.later(days=1)
    org.swept()
    second = org.swept_place()

    assert (first.first_at, first.swept_at, first.problem) == (NOW, NOW, None)
    assert (second.first_at, second.swept_at) == (NOW, NOW + timedelta(days=1))


def test_account_that_denies_the_role_is_named_until_it_does_not(org: Organization) -> None:
    org.has(None)
    report = org.swept()
    org.later(days=1)
    org.swept()
    named = [*org.places.not_swept()]
    org.has(a_state(a_rule(1)))
    org.swept()

    assert report.problem
    assert "does not exist in account 222233334444, or may not be assumed" in report.problem
    assert [(it.place, it.problem, it.problem_since) for it in named] == [
        (PLACE, report.problem, NOW)
    ]
    assert [*org.places.not_swept()] == []
    # It was the first that came to its end.
    assert by(org) == [(LookedBy.FIRST_SWEEP, None)]


def test_try_that_died_is_named_while_the_next_one_runs(org: Organization) -> None:
    org.has(a_state())
    problems = []
    survey = org.sweep.survey

    def spied(place: Place, seconds: float) -> Survey:
        problems.append(org.swept_place().problem)
        return survey(place, seconds)

    org.sweep = replace(org.sweep, survey=spied)
    org.swept(again=True)

    assert problems == [EARLIER_TRY_DIED]
    assert org.swept_place().problem is None


def test_without_time_nothing_is_asked_and_the_place_is_named(org: Organization) -> None:
    org.has(a_state(a_rule(1)))

    report = org.swept(group(1).id, seconds=5)

    assert report.problem == "the rules: the look took too long"
    assert org.accounts.calls == []
    assert org.swept_place().problem == report.problem


def test_group_whose_look_is_not_complete_comes_again(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    look_at = org.sweep.look_at

    def hasty(*args: object, **more: object) -> object:
        looked = look_at(*args, **more)  # type: ignore[arg-type]
        cut = {
            it: replace(state, is_complete=False, not_seen=("its interfaces could not be seen",))
            for it, state in looked.groups.items()
        }
        return replace(looked, groups=cut)

    org.sweep = replace(org.sweep, look_at=hasty)  # type: ignore[arg-type]
    report = org.swept()

    assert report.problem == f"{group(1).id}: its interfaces could not be seen"
    assert org.told_of(group(1))[0].reach is Reach.UNKNOWN
    # All that is open is known all the same: what comes next is no first sweep.
    org.later(days=1)
    org.has(a_state(a_rule(1), a_rule(2)))
    org.swept()
    [life] = org.lives_of(group(2))
    assert life.revealed.looked_by is LookedBy.SWEEP
    assert org.told_of(group(2)) == []


def test_look_that_fails_comes_again(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    # The clock, the survey, memory, the look.
    seconds = iter([300.0, 300.0, 300.0, 1.0])

    report = org.sweep.run(item_of(group(1).id), now=NOW, time_left=lambda: next(seconds, 300.0))

    assert report.problem == f"{group(1).id}: the look took too long"


def test_table_that_cannot_be_read_comes_again(org: Organization) -> None:
    """What was told of it is not known, so that nothing is noted of it either."""
    org.has(a_state(a_rule(1)))
    # The clock, the survey, memory, the look with three readings of the clock, memory.
    seconds = iter([300.0, 300.0, 5.0, *[300.0] * 4, 5.0])

    report = org.sweep.run(item_of(), now=NOW, time_left=lambda: next(seconds))

    assert report.problem == f"what is remembered of {group(1).id}: the time ran out"
    assert org.remembered == set()


def test_ledger_that_fails_comes_again(org: Organization) -> None:
    org.has(a_state(a_rule(1)))
    org.sweep = replace(org.sweep, note=lambda entries: len([*entries]))

    assert org.swept().problem == "the ledger could not note 1 groups"
