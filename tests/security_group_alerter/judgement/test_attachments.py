"""Groups that were attached: what opens something to the world there, and what does not."""

from datetime import date
from typing import Any, Final

import pytest

from security_group_alerter.judgement.attachments import attachment_finding
from security_group_alerter.judgement.findings import Standards, finding_of
from security_group_alerter.model.acceptance import AcceptedOpening
from security_group_alerter.model.attachment import KnownGroup
from security_group_alerter.model.change import AttachmentChange
from security_group_alerter.model.exposure import Exposure
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.group_state import GroupReach, Reach
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import TODAY, peer, record, rules

ENI: Final = "eni-0f7be690ced904db8"
ELSEWHERE: Final = frozenset({"eni-0aaaaaaaaaaaaaaa1"})
HERE: Final = frozenset({ENI, "eni-0aaaaaaaaaaaaaaa1"})
ONE, TWO, THREE = "sg-0d672b96fe85008d5", "sg-0c1da023712fed568", "sg-0e7c41b29f5d8a360"
OPENS: Final = (Effect.OPENS, True)
NOTHING: Final = (Effect.OTHER, False)


def known(*texts: str, attached_to: frozenset[str] | None = None) -> KnownGroup:
    return KnownGroup(rules=rules(*texts), attached_to=attached_to)


SSH: Final = known("tcp 22 from 0.0.0.0/0", "egress all to 0.0.0.0/0")
WEB: Final = known("tcp 443 from 0.0.0.0/0", "tcp 443 from ::/0")
INSIDE: Final = known("tcp 22 from 10.0.0.0/8")
BY_LIST: Final = KnownGroup(
    rules=rules("tcp 22 from pl-1", "tcp 22 from 10.0.0.0/8"), lists={"pl-1": (peer("0.0.0.0/0"),)}
)


def accepting(*ports: int, expires: date = date(2027, 3, 31), **members: Any) -> AcceptedOpening:
    entry: dict[str, Any] = {
        "account_id": "111122223333",
        "region": None,
        "group_id": None,
        "protocol": "tcp",
        "ports": tuple(PortRange(port, port) for port in ports),
        "peers": (peer("0.0.0.0/0"), peer("::/0")),
        "owner": "web",
        "reason": "shop",
        "expires": expires,
    }
    return AcceptedOpening(**(entry | members))


def finding(
    groups: dict[str, KnownGroup | None],
    *accepted: AcceptedOpening,
    change: dict[str, Any] | None = None,
    **members: object,
) -> Finding:
    """The finding for a call that sets these groups on an interface."""
    attached = AttachmentChange(
        **{"group_ids": tuple(groups), "interface_id": ENI} | (change or {})
    )
    return attachment_finding(
        record(**members),
        attached,
        Standards(accepted=accepted),
        known={name: group for name, group in groups.items() if group is not None},
        today=TODAY,
    )


@pytest.mark.parametrize(
    ("groups", "severity", "effect", "subject"),
    [
        pytest.param({ONE: None}, Severity.LOW, NOTHING, ONE, id="of-which-nothing-is-known"),
        pytest.param({ONE: INSIDE, TWO: None}, Severity.LOW, NOTHING, ONE, id="private"),
        pytest.param({ONE: KnownGroup(rules=())}, Severity.LOW, NOTHING, ONE, id="without-rules"),
        pytest.param(
            {ONE: known("tcp 22 from 3.0.0.0/8")}, Severity.LOW, NOTHING, ONE, id="broad-is-low"
        ),
        pytest.param(
            {ONE: known("tcp 22 from pl-1")}, Severity.LOW, NOTHING, ONE, id="a-list-is-low"
        ),
        pytest.param({ONE: BY_LIST}, Severity.CRITICAL, OPENS, ONE, id="by-a-list-of-the-world"),
        pytest.param(
            {ONE: known("egress all to 0.0.0.0/0")}, Severity.LOW, NOTHING, ONE, id="egress-only"
        ),
        pytest.param({ONE: SSH}, Severity.CRITICAL, OPENS, ONE, id="open"),
        pytest.param({ONE: WEB}, Severity.MEDIUM, OPENS, ONE, id="a-website"),
        pytest.param({ONE: INSIDE, TWO: SSH}, Severity.CRITICAL, OPENS, TWO, id="open-and-private"),
        pytest.param({ONE: WEB, TWO: SSH}, Severity.CRITICAL, OPENS, TWO, id="the-worst-of-two"),
        pytest.param({TWO: SSH, ONE: SSH}, Severity.CRITICAL, OPENS, TWO, id="the-first-of-equals"),
        pytest.param(
            {ONE: known("tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1")},
            Severity.CRITICAL,
            OPENS,
            ONE,
            id="open-in-two-halves",
        ),
        pytest.param(
            {ONE: known("tcp 22 from 0.0.0.0/0", attached_to=HERE)},
            Severity.LOW,
            NOTHING,
            ONE,
            id="open-and-attached-before",
        ),
        pytest.param(
            {ONE: known("tcp 22 from 0.0.0.0/0", attached_to=ELSEWHERE)},
            Severity.CRITICAL,
            OPENS,
            ONE,
            id="open-and-attached-elsewhere-before",
        ),
        pytest.param(
            {ONE: known("tcp 22 from 0.0.0.0/0", attached_to=HERE), TWO: WEB},
            Severity.MEDIUM,
            OPENS,
            TWO,
            id="what-was-attached-before-is-not-the-worst",
        ),
    ],
)
def test_groups_that_were_attached(
    groups: dict[str, KnownGroup | None],
    severity: Severity,
    effect: tuple[Effect, bool],
    subject: str,
) -> None:
    found = finding(groups)

    judgement = found.judgement
    assert judgement.severity is severity
    assert (judgement.effect, judgement.world_open) == effect
    assert judgement.opened.is_world_open == judgement.world_open
    assert judgement.reach == (GroupReach(reach=Reach.UNKNOWN) if judgement.world_open else None)
    assert (found.subject.kind, found.subject.id) == (SubjectKind.SECURITY_GROUP, subject)
    assert [group.group_id for group in judgement.groups] == [*groups]


def test_every_group_says_what_is_known_of_it() -> None:
    before = known("tcp 443 from 0.0.0.0/0", attached_to=HERE)

    unknown, old, new = finding({ONE: None, TWO: before, THREE: SSH}).judgement.groups

    assert (unknown.exposure, unknown.was_attached, unknown.opens) == (None, None, False)
    assert (old.is_world_open, old.was_attached, old.opens) == (True, True, False)
    assert (new.is_world_open, new.was_attached, new.opens) == (True, None, True)


def test_attached_to_what_is_not_named_counts_as_new() -> None:
    group = known("tcp 22 from 0.0.0.0/0", attached_to=HERE)

    found = finding({ONE: group}, change={"interface_id": None})

    assert found.judgement.world_open
    assert found.judgement.groups[0].was_attached is None


def test_an_instance_is_known_by_its_own_id() -> None:
    group = known("tcp 22 from 0.0.0.0/0", attached_to=frozenset({ENI, "i-1"}))
    on_instance = {"interface_id": None, "instance_id": "i-1"}

    assert finding({ONE: group}, change=on_instance).judgement.severity is Severity.LOW
    other = finding({ONE: group}, change=on_instance | {"instance_id": "i-2"})
    assert other.judgement.severity is Severity.CRITICAL


def test_by_the_record_alone_it_is_low_and_of_the_first_group() -> None:
    change = AttachmentChange(group_ids=(ONE, TWO), interface_id=ENI)

    found = finding_of(record(), change, Standards(), today=TODAY)

    assert found.judgement.severity is Severity.LOW
    assert found.judgement.groups == ()
    assert found.subject.id == ONE


@pytest.mark.parametrize(
    ("groups", "severity"),
    [({ONE: None}, Severity.HIGH), ({ONE: WEB}, Severity.HIGH), ({ONE: SSH}, Severity.CRITICAL)],
    ids=["nothing-known", "less-than-that", "more-than-that"],
)
def test_a_group_that_cannot_be_read_may_be_any(
    groups: dict[str, KnownGroup | None], severity: Severity
) -> None:
    found = finding(groups, change={"problems": ("groupSet[1]: ?",)})

    assert found.judgement.severity is severity


@pytest.mark.parametrize(
    ("group", "code", "severity"),
    [
        pytest.param(SSH, "Client.UnauthorizedOperation", Severity.MEDIUM, id="open-and-denied"),
        pytest.param(SSH, "Client.DryRunOperation", Severity.INFORMATIONAL, id="open-as-a-dry-run"),
        pytest.param(SSH, "Client.InvalidGroup.NotFound", Severity.INFORMATIONAL, id="failed"),
        pytest.param(INSIDE, "Client.UnauthorizedOperation", Severity.INFORMATIONAL, id="private"),
        pytest.param(None, "Client.UnauthorizedOperation", Severity.INFORMATIONAL, id="unknown"),
    ],
)
def test_a_call_that_was_refused_is_an_attempt(
    group: KnownGroup | None, code: str, severity: Severity
) -> None:
    # An accepted opening is not asked: what was refused opened nothing.
    found = finding({ONE: group}, accepting(22), errorCode=code)

    assert found.judgement.severity is severity
    assert (found.judgement.effect, found.judgement.world_open) == (Effect.ATTEMPT, False)
    assert not found.judgement.acceptance.used
    assert found.judgement.reach is None


# --- Accepted openings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [accepting(443), accepting(443, group_id=ONE), accepting(443, 22)],
    ids=["in-the-account", "in-the-group", "with-another-port"],
)
def test_what_is_accepted_in_a_group_is_accepted_wherever_it_is_attached(
    entry: AcceptedOpening,
) -> None:
    # Its other rules let in nobody: no entry has to name them.
    web = known("tcp 443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8", "egress all to 0.0.0.0/0")

    judgement = finding({ONE: web, TWO: INSIDE}, entry).judgement

    assert judgement.severity is Severity.INFORMATIONAL
    assert (judgement.effect, judgement.world_open) == OPENS
    assert judgement.acceptance.covers_all
    assert judgement.acceptance.used == (entry,)


@pytest.mark.parametrize(
    "entry",
    [accepting(443, group_id=TWO), accepting(80), accepting(443, region="us-east-1")],
    ids=["another-group", "another-port", "another-region"],
)
def test_what_is_accepted_elsewhere_is_not_accepted_here(entry: AcceptedOpening) -> None:
    judgement = finding({ONE: WEB}, entry).judgement

    assert judgement.severity is Severity.MEDIUM
    assert not judgement.acceptance.used


def test_a_list_that_is_accepted_in_a_group_is_accepted_with_what_it_holds() -> None:
    entry = accepting(22, peers=(peer("pl-1"),))

    assert finding({ONE: BY_LIST}, entry).judgement.severity is Severity.INFORMATIONAL


def test_the_rest_of_a_group_that_is_accepted_in_part_is_judged() -> None:
    both = known("tcp 443 from 0.0.0.0/0", "tcp 8443 from 0.0.0.0/0", "tcp 22 from 10.0.0.0/8")

    judgement = finding({ONE: both}, accepting(443)).judgement

    assert judgement.severity is Severity.HIGH
    assert not judgement.acceptance.covers_all
    assert judgement.unaccepted == judgement.foremost != judgement.opened != Exposure()
    assert {rule.ports for rule in judgement.unaccepted_rules} == {
        PortRange(8443, 8443),
        PortRange(22, 22),
    }


def test_a_group_that_is_not_accepted_comes_before_one_that_is() -> None:
    found = finding({ONE: SSH, TWO: WEB}, accepting(22))

    assert found.subject.id == TWO
    assert found.judgement.severity is Severity.MEDIUM
    assert found.judgement.acceptance.used == ()
    assert [group.acceptance.covers_all for group in found.judgement.groups] == [True, False]


def test_an_acceptance_that_ran_out_is_named() -> None:
    entry = accepting(22, expires=date(2026, 11, 22))

    judgement = finding({ONE: SSH}, entry).judgement

    assert judgement.severity is Severity.CRITICAL
    assert judgement.acceptance.expired == (entry,)


def test_no_acceptance_covers_what_cannot_be_read() -> None:
    judgement = finding(
        {ONE: WEB}, accepting(443), change={"problems": ("groupSet[1]: ?",)}
    ).judgement

    assert judgement.severity is Severity.HIGH
    assert not judgement.acceptance.covers_all
