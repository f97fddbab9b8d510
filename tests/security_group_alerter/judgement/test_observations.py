"""An exposure that stands is judged as it is now, and one that is over as what was open."""

from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.judgement.accepted_openings import accepted_openings_in
from security_group_alerter.judgement.exposure import exposure_of
from security_group_alerter.judgement.findings import Standards, configuration_finding
from security_group_alerter.judgement.observations import (
    StandingExposure,
    closed,
    observed,
    standing_group,
    standing_list,
)
from security_group_alerter.judgement.touched_ports import part_of
from security_group_alerter.model.exposure_life import ExposureLife
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.group_state import (
    GroupReach,
    GroupState,
    Look,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.origin import Observed
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.standing import Moment
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import peer, rules
from tests.security_group_alerter.lives import (
    GROUP,
    PREFIX_LIST,
    TOLD_AT,
    a_call,
    a_life,
    a_told,
    ended,
)
from tests.security_group_alerter.messages.looks import LIST, list_state, state

SSH: Final = "tcp 22 from 0.0.0.0/0"
UNKNOWN: Final = GroupReach(reach=Reach.UNKNOWN)


def standing(
    life: ExposureLife,
    seen: GroupState | PrefixListState | None = None,
    reach: GroupReach = UNKNOWN,
) -> StandingExposure:
    look = Look(state=seen) if seen else None
    return StandingExposure(life=life, look=look, reach=reach, at=TOLD_AT)


def judged(life: ExposureLife, *texts: str, text: str = "", **members: Any) -> Finding:
    accepted = accepted_openings_in(text, today=TOLD_AT.date())
    assert not accepted.problems
    standards = Standards(accepted=accepted.entries)
    return standing_group(standing(life, **members), rules(*texts), standards)


@pytest.mark.parametrize(
    ("reach", "severity", "lowered_from"),
    [
        pytest.param(GroupReach(reach=Reach.PUBLIC), Severity.CRITICAL, None, id="public"),
        pytest.param(UNKNOWN, Severity.CRITICAL, None, id="unknown"),
        pytest.param(
            GroupReach(reach=Reach.PRIVATE, may_lower=True),
            Severity.HIGH,
            Severity.CRITICAL,
            id="private",
        ),
        pytest.param(
            GroupReach(reach=Reach.PRIVATE, reasons=("a load balancer",)),
            Severity.CRITICAL,
            None,
            id="behind-a-load-balancer",
        ),
        pytest.param(
            GroupReach(reach=Reach.UNATTACHED, may_lower=True),
            Severity.MEDIUM,
            Severity.CRITICAL,
            id="unattached",
        ),
    ],
)
def test_what_stands_behind_it(
    reach: GroupReach, severity: Severity, lowered_from: Severity | None
) -> None:
    judgement = judged(a_life(), SSH, reach=reach).judgement

    assert (judgement.severity, judgement.lowered_from) == (severity, lowered_from)
    assert judgement.reach == reach
    assert judgement.world_open


@pytest.mark.parametrize(
    ("opened", "stands", "ports"),
    [
        pytest.param([SSH], [SSH], [(22, 22)], id="as-it-was-opened"),
        pytest.param([SSH], ["tcp 20-25 from 0.0.0.0/0"], [(22, 22)], id="a-wider-rule-holds-it"),
        pytest.param([SSH], ["all from 0.0.0.0/0"], [(22, 22)], id="everything-holds-it"),
        pytest.param(["tcp 20-25 from 0.0.0.0/0"], [SSH], [(22, 22)], id="a-part-of-it-is-left"),
        pytest.param(
            [SSH],
            ["tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1"],
            [(22, 22)],
            id="halves-of-the-internet",
        ),
        pytest.param([SSH], [SSH, "tcp 3389 from 0.0.0.0/0"], [(22, 22)], id="others-beside-it"),
        pytest.param([SSH], [SSH, "tcp 443 from 8.8.8.0/24"], [(22, 22)], id="narrow-ones-beside"),
        pytest.param([SSH], [], [(22, 22)], id="what-holds-it-is-not-known"),
        pytest.param([SSH], ["udp 22 from 0.0.0.0/0"], [(22, 22)], id="of-another-protocol"),
    ],
)
def test_what_is_open_of_it(
    opened: list[str], stands: list[str], ports: list[tuple[int, int]]
) -> None:
    finding = judged(a_life(*opened), *stands)

    openings = finding.judgement.opened.openings
    assert {(it.protocol, it.ports) for it in openings} == {
        ("tcp", PortRange(*pair)) for pair in ports
    }
    assert finding.judgement.severity is Severity.CRITICAL


def test_what_has_no_ports_is_open_of_itself() -> None:
    icmp = "icmp from 0.0.0.0/0"

    [opening] = judged(a_life(icmp), icmp).judgement.opened.openings

    assert (opening.protocol, opening.ports) == ("icmp", None)


def test_a_part_is_only_where_both_let_the_world_in() -> None:
    own = exposure_of(rules("tcp 1-100 from 0.0.0.0/0", "udp 53 from 8.8.8.0/24"))

    part = part_of(
        own, exposure_of(rules("tcp 50-200 from 0.0.0.0/0", "udp 53 from ::/0")).openings
    )

    assert [(it.protocol, it.ports) for it in part.openings] == [("tcp", PortRange(50, 100))]


ACCEPTED: Final = """
[[opening]]
account = "111122223333"
protocol = "tcp"
ports = [22]
peers = ["0.0.0.0/0"]
owner = "jane"
reason = "bastion"
expires = 2026-11-{}
"""


def test_it_is_accepted() -> None:
    judgement = judged(a_life(), SSH, text=ACCEPTED.format(23)).judgement

    assert judgement.severity is Severity.INFORMATIONAL
    assert judgement.acceptance.covers_all
    assert judgement.unaccepted is None


def test_its_acceptance_ran_out_the_day_before() -> None:
    judgement = judged(a_life(), SSH, text=ACCEPTED.format(22)).judgement

    assert judgement.severity is Severity.CRITICAL
    assert [it.owner for it in judgement.acceptance.expired] == ["jane"]


def test_it_is_accepted_in_part() -> None:
    web = "tcp 8080 from 0.0.0.0/0"
    judgement = judged(a_life(SSH, web), SSH, web, text=ACCEPTED.format(23)).judgement

    assert judgement.severity is Severity.HIGH
    assert judgement.unaccepted is not None
    assert [it.ports for it in judgement.unaccepted.openings] == [PortRange(8080, 8080)]
    assert judgement.unaccepted_rules == frozenset(rules(web))


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        pytest.param(None, Severity.HIGH, id="nobody-looked"),
        pytest.param(list_state(), Severity.HIGH, id="no-rule-refers-to-it"),
        pytest.param(
            list_state(state(rules=rules(f"tcp 22 from {LIST}"))),
            Severity.CRITICAL,
            id="ssh-refers-to-it",
        ),
        pytest.param(
            list_state(state(rules=rules(f"tcp 443 from {LIST}"))),
            Severity.HIGH,
            id="https-refers-to-it",
        ),
        pytest.param(
            list_state(state(rules=rules("tcp 22 from pl-0fedcba9876543210"))),
            Severity.HIGH,
            id="a-rule-refers-to-another-one",
        ),
    ],
)
def test_a_list_is_as_bad_as_the_worst_rule(
    seen: PrefixListState | None, severity: Severity
) -> None:
    life = a_life(resource=PREFIX_LIST)

    finding = standing_list(standing(life, seen), (peer("0.0.0.0/0"),))

    assert finding.judgement.severity is severity
    assert finding.judgement.world_open
    assert finding.subject.kind is SubjectKind.PREFIX_LIST
    assert finding.subject.name == (seen and "offices")


@pytest.mark.parametrize(
    ("what", "effect"),
    [
        (Observed.FOUND, Effect.OPENS),
        (Observed.WORSE, Effect.OPENS),
        (Observed.ACCEPTANCE_ENDED, Effect.OTHER),
        (Observed.STILL_OPEN, Effect.OTHER),
    ],
)
def test_what_a_report_says_of_the_world_s_access(what: Observed, effect: Effect) -> None:
    told = a_told()

    finding = observed(judged(a_life(), SSH), what, told)

    assert finding.judgement.effect is effect
    assert finding.observed is not None
    assert (finding.observed.what, finding.observed.told) == (what, told)
    assert finding.record is None


def test_only_what_the_watch_found_is_observed() -> None:
    with pytest.raises(ValueError, match="what the watch found"):
        observed(configuration_finding("no owner"), Observed.STILL_OPEN, None)


def test_when_it_was_seen() -> None:
    whole, part = state(), state(has_all_rules=False)

    origins = [judged(a_life(), SSH, seen=it).observed for it in (whole, part, None)]

    assert [it and it.seen_at for it in origins] == [whole.seen_at, None, None]


@pytest.mark.parametrize("resource", [GROUP, PREFIX_LIST], ids=["group", "list"])
def test_what_is_over(resource: Any) -> None:
    life = replace(ended(a_life(), a_call(TOLD_AT, "e-2")), resource=resource)
    moment = Moment(is_whole=True)

    finding = closed(standing(life), a_told(), moment)

    judgement = finding.judgement
    assert (judgement.severity, judgement.effect) == (Severity.LOW, Effect.CLOSES)
    assert (judgement.world_open, judgement.reach) == (False, None)
    assert judgement.closed.openings == life.openings
    assert finding.moment == moment
    assert finding.subject.kind is resource.kind
