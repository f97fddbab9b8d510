"""Calls are judged by what looks show and by what is remembered, whole deliveries at a time."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from security_group_alerter.judgement.findings import Standards
from security_group_alerter.knowledge import KEPT_FOR_ALERTS, Clock, Knowledge, known_of
from security_group_alerter.messages import messages_of
from security_group_alerter.messages.briefing import NOT_REMEMBERED
from security_group_alerter.model.alert import DeliveredFinding
from security_group_alerter.model.change import (
    Action,
    AttachmentChange,
    Change,
    PrefixListChange,
    SecurityGroupChange,
)
from security_group_alerter.model.exposure_life import EndedHow, Resource
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.group_state import (
    GroupReach,
    GroupState,
    Looked,
    NetworkInterface,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.rules import Direction, SecurityGroupRule
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.standing import with_knowledge
from tests.security_group_alerter.builders import TODAY, peer, rule
from tests.security_group_alerter.memories import Memories
from tests.security_group_alerter.messages.forms import PLAIN, alert_of
from tests.security_group_alerter.messages.test_email import email
from tests.security_group_alerter.test_aftermath import call, group

GROUP: Final = "sg-0123456789abcdef0"
LIST: Final = "pl-0123456789abcdef0"
ENI: Final = "eni-0123456789abcdef0"
STANDARDS: Final = Standards()
PUBLIC: Final = NetworkInterface(
    id=ENI, used_as="instance", used_by="i-1", public_ipv4=("198.51.100.1",)
)


def known(text: str, number: int) -> SecurityGroupRule:
    return replace(rule(text), rule_id=f"sgr-{number:017x}")


SSH: Final = known("tcp 22 from 0.0.0.0/0", 1)
SSH_FROM_A_LIST: Final = known(f"tcp 22 from {LIST}", 2)


class Account:
    """What stands in the account at each look; nobody else knows of anything at first."""

    def __init__(self, *states: GroupState | PrefixListState, **problems: str) -> None:
        self.states = {it.resource.id: it for it in states}
        self.problems = problems
        self.asked: list[tuple[str, float]] = []
        self.memories = Memories()

    def look_at(self, resources: Sequence[Resource], *, clock: Clock, seconds: float) -> Looked:
        self.asked += [(it.id, seconds) for it in resources]
        seen = [self.states[it.id] for it in resources if it.id in self.states]
        seen = [
            replace(it, resource=of, seen_at=clock())
            for it in seen
            for of in resources
            if of.id == it.resource.id
        ]
        return Looked(
            groups={it.resource: it for it in seen if isinstance(it, GroupState)},
            prefix_lists={it.resource: it for it in seen if isinstance(it, PrefixListState)},
            problems={it: self.problems[it.id] for it in resources if it.id in self.problems},
        )

    def judged(
        self, *entries: DeliveredFinding, minutes: float = 5, time_left: float = 120
    ) -> list[DeliveredFinding]:
        """A delivery comes so long after the last of its calls."""
        times = [it.finding.record.event_time for it in entries if it.finding.record]
        now = max(filter(None, times)) + timedelta(minutes=minutes)
        self.known = known_of(
            entries,
            look_at=self.look_at,
            recall=self.memories.recall,
            now=now,
            time_left=lambda: time_left,
        )
        found, error = with_knowledge(entries, self.known, STANDARDS, today=TODAY)
        assert error is None
        return found

    def finding(self, change: Change, minute: int = 1) -> Finding:
        [entry] = self.judged(call(f"e-{minute}", minute, change))
        return entry.finding


def state(*rules: SecurityGroupRule, **members: Any) -> GroupState:
    resource = Resource(kind=SubjectKind.SECURITY_GROUP, id=GROUP)
    given: dict[str, Any] = {"interfaces": (PUBLIC,), "has_all_interfaces": True}
    given |= {"has_all_rules": True} | members
    return GroupState(
        resource=resource, seen_at=datetime.fromisoformat("2026-11-23T00:00Z"), rules=rules, **given
    )


def list_state(*cidrs: str, **members: Any) -> PrefixListState:
    return PrefixListState(
        resource=Resource(kind=SubjectKind.PREFIX_LIST, id=LIST),
        seen_at=datetime.fromisoformat("2026-11-23T00:00Z"),
        ranges=tuple(map(peer, cidrs)),
        has_all_rules=True,
        **members,
    )


def added(*rules: SecurityGroupRule) -> SecurityGroupChange:
    return replace(group(Action.ADD_RULES, *rules), group_id=GROUP)


def test_what_a_look_shows_beside_the_call_counts_with_it() -> None:
    before = known("tcp 22 from 0.0.0.0/3", 5)
    slice_of_it = known("tcp 22 from 32.0.0.0/3", 6)

    finding = Account(state(before, slice_of_it)).finding(added(slice_of_it))

    assert (finding.judgement.severity, finding.judgement.world_open) == (Severity.CRITICAL, True)
    assert finding.judgement.beside == (before,)
    assert finding.judgement.reach == GroupReach(reach=Reach.PUBLIC)


def test_memory_alone_does_as_much() -> None:
    account = Account()
    account.judged(call("e-0", 0, added(known("tcp 22 from 0.0.0.0/3", 5))))

    finding = account.finding(added(known("tcp 22 from 32.0.0.0/3", 6)), 9)

    assert finding.judgement.world_open
    assert finding.judgement.reach == GroupReach(reach=Reach.UNKNOWN)


def test_an_edit_has_its_direction_from_a_look() -> None:
    edited = known("egress tcp 22 to 0.0.0.0/0", 3)
    edit = replace(
        group(Action.MODIFY_RULES, replace(edited, direction=Direction.UNKNOWN)), group_id=GROUP
    )

    finding = Account(state(edited)).finding(edit)

    assert (finding.judgement.severity, finding.judgement.effect) == (Severity.LOW, Effect.OTHER)


def test_what_cannot_be_judged_is_no_less_urgent_for_what_is_behind_the_rest() -> None:
    account = Account(state(SSH, interfaces=()))
    unreadable = replace(added(SSH), problems=("a rule that cannot be read",))

    plain, partly = (account.finding(change) for change in (added(SSH), unreadable))

    assert plain.judgement.severity is Severity.MEDIUM
    assert (partly.judgement.severity, partly.judgement.lowered_from) == (Severity.CRITICAL, None)
    assert partly.judgement.reach is not None
    assert partly.judgement.reach.reach is Reach.UNATTACHED


def test_what_a_look_shows_no_more_had_ended() -> None:
    [entry] = Account(state()).judged(call("e-1", 1, added(SSH)), minutes=9)

    assert entry.ended is not None
    assert entry.ended.how is EndedHow.SEEN


def test_what_is_two_minutes_old_may_not_show_yet() -> None:
    [entry] = Account(state()).judged(call("e-1", 1, added(SSH)), minutes=1)

    assert entry.ended is None
    assert entry.finding.judgement.world_open


def test_nothing_is_seen_and_the_alert_says_why() -> None:
    account = Account(**{GROUP: "the look took too long"})

    finding = account.finding(added(SSH))

    assert finding.judgement.reach == GroupReach(reach=Reach.UNKNOWN)
    assert account.known.failed_looks == 1
    assert "the look took too long" in email(finding)


def test_where_little_time_is_left_it_is_kept_for_the_alerts() -> None:
    account = Account(state(SSH))

    account.judged(call("e-1", 1, added(SSH)), time_left=KEPT_FOR_ALERTS + 3)
    account.judged(call("e-2", 2, added(SSH)), time_left=KEPT_FOR_ALERTS - 3)

    assert account.asked == [(GROUP, 3.0), (GROUP, 0.0)]


# Prefix lists.


@pytest.mark.parametrize(
    ("cidr", "severity", "is_open"),
    [("0.0.0.0/0", Severity.CRITICAL, True), ("10.0.0.0/8", Severity.LOW, False)],
)
def test_a_rule_is_judged_by_what_its_list_holds(
    cidr: str, severity: Severity, is_open: bool
) -> None:
    account = Account(state(SSH_FROM_A_LIST), list_state(cidr))

    finding = account.finding(added(SSH_FROM_A_LIST))

    assert (finding.judgement.severity, finding.judgement.world_open) == (severity, is_open)
    assert finding.lists == {LIST: (peer(cidr),)}


def edited(*texts: str, **members: Any) -> PrefixListChange:
    return PrefixListChange(
        action=Action.MODIFY, prefix_list_id=LIST, added=tuple(map(peer, texts)), **members
    )


def test_a_list_is_filled_with_the_world_by_halves() -> None:
    account = Account()
    created = PrefixListChange(
        action=Action.CREATE, prefix_list_id=LIST, added=(peer("0.0.0.0/3"),), version=1
    )
    account.judged(call("e-0", 0, created))

    finding = account.finding(edited("32.0.0.0/3", version=1))

    assert (finding.judgement.severity, finding.judgement.world_open) == (Severity.HIGH, True)


def test_a_list_that_was_open_is_deleted() -> None:
    account = Account()
    account.judged(call("e-0", 0, edited("0.0.0.0/0")))

    deleted = account.finding(PrefixListChange(action=Action.DELETE, prefix_list_id=LIST), 5)

    assert deleted.judgement.effect is Effect.CLOSES


RESTORED: Final = PrefixListChange(
    action=Action.RESTORE, prefix_list_id=LIST, version=4, restored_version=1
)


@pytest.mark.parametrize(
    ("seen", "severity"),
    [
        (list_state("0.0.0.0/0", version=5), Severity.HIGH),
        (list_state("10.0.0.0/8", version=5), Severity.LOW),
        # Somebody has edited it since.
        (list_state("10.0.0.0/8", version=6), Severity.MEDIUM),
    ],
    ids=["the-world", "inside", "a-later-version"],
)
def test_a_look_shows_what_a_version_brought_back(
    seen: PrefixListState, severity: Severity
) -> None:
    finding = Account(seen).finding(RESTORED)

    assert finding.judgement.severity == severity
    is_known = severity is not Severity.MEDIUM
    assert ("contents not recorded" in email(finding)) is not is_known
    assert ("and now includes the whole IPv4 Internet" in email(finding)) is (
        severity is Severity.HIGH
    )


def test_memory_knows_the_versions_of_a_list_that_it_saw_made() -> None:
    account = Account()
    created = PrefixListChange(
        action=Action.CREATE, prefix_list_id=LIST, added=(peer("0.0.0.0/0"),), version=1
    )
    narrowed = PrefixListChange(
        action=Action.MODIFY, prefix_list_id=LIST, removed=(peer("0.0.0.0/0"),), version=1
    )
    account.judged(call("e-0", 0, created), call("e-1", 1, narrowed))

    restored = account.finding(replace(RESTORED, version=2), 5)

    assert (restored.judgement.severity, restored.judgement.world_open) == (Severity.HIGH, True)


def test_the_reach_of_a_list_is_that_of_the_groups_that_refer_to_it() -> None:
    seen = list_state("0.0.0.0/0", groups=(state(SSH_FROM_A_LIST),), version=2)

    finding = Account(seen).finding(edited("0.0.0.0/0", version=1))

    assert finding.judgement.reach == GroupReach(reach=Reach.PUBLIC)


# Attached groups.


def attached(target: str = ENI) -> AttachmentChange:
    return AttachmentChange(action=Action.ATTACH, group_ids=(GROUP,), interface_id=target)


def test_an_open_group_is_attached() -> None:
    finding = Account(state(SSH)).finding(attached())

    assert (finding.judgement.severity, finding.judgement.effect) == (
        Severity.CRITICAL,
        Effect.OPENS,
    )
    assert finding.judgement.reach == GroupReach(reach=Reach.PUBLIC)


def test_where_it_is_attached_may_not_show_yet() -> None:
    finding = Account(state(SSH)).finding(attached("eni-0aaaaaaaaaaaaaaaa"))

    assert finding.judgement.reach == GroupReach(reach=Reach.UNKNOWN)


def test_a_group_that_was_there_before_is_not_attached_anew() -> None:
    account = Account(state(SSH))
    account.judged(call("e-0", 0, added(SSH)), minutes=9)

    finding = account.finding(attached(), 30)

    assert (finding.judgement.severity, finding.judgement.world_open) == (Severity.LOW, False)


def test_of_a_group_that_nobody_knows_nothing_is_said() -> None:
    assert Account().finding(attached()).judgement.severity is Severity.LOW


def test_of_a_group_that_could_not_be_asked_after_nothing_is_said() -> None:
    attaching = call("e-1", 1, attached())

    [entry], error = with_knowledge([attaching], Knowledge(), STANDARDS, today=TODAY)

    assert (entry.finding.judgement.severity, error) == (Severity.LOW, None)


def test_of_a_group_that_was_deleted_before_nothing_is_said() -> None:
    account = Account()
    account.judged(call("e-0", 0, added(SSH)), call("e-1", 1, group(Action.DELETE, group_id=GROUP)))

    assert account.finding(attached(), 2).judgement.severity is Severity.LOW


def test_groups_that_were_not_attached_open_nothing() -> None:
    denied = call("e-1", 1, attached(), errorCode="Client.UnauthorizedOperation")

    [entry] = Account(state(SSH)).judged(denied)

    assert entry.finding.judgement.effect is Effect.ATTEMPT


@pytest.mark.parametrize(
    ("opened_at", "code", "severity"),
    [
        pytest.param(0, "Client.UnauthorizedOperation", Severity.MEDIUM, id="denied"),
        pytest.param(0, "Client.DryRunOperation", Severity.INFORMATIONAL, id="a-dry-run"),
        pytest.param(
            3, "Client.UnauthorizedOperation", Severity.INFORMATIONAL, id="before-it-was-open"
        ),
    ],
)
def test_an_open_group_that_would_have_been_attached(
    opened_at: int, code: str, severity: Severity
) -> None:
    account = Account()
    account.judged(call("e-0", opened_at, added(SSH)))

    [entry] = account.judged(call("e-1", 2, attached(), errorCode=code))

    judgement = entry.finding.judgement
    assert (judgement.severity, judgement.effect, judgement.world_open) == (
        severity,
        Effect.ATTEMPT,
        False,
    )
    is_known = opened_at < 2
    assert ("tcp 22 (SSH) open to the whole IPv4 Internet" in email(entry.finding)) == is_known


# What cannot be read.


def test_what_could_not_be_remembered_is_said_in_each_form() -> None:
    account = Account(state(SSH))
    account.judged(call("e-1", 1, added(SSH)))
    alert = alert_of(account.finding(added(SSH), 2))
    [entry] = alert.delivered
    unread = replace(alert, delivered=(replace(entry, memory_failed=True),))

    [message] = messages_of(unread, PLAIN)

    texts = json.loads(message.body)
    assert f"{NOT_REMEMBERED}." in " ".join(texts["email"].split())
    assert f"! {NOT_REMEMBERED}." in json.loads(texts["https"])["content"]["description"]
    assert json.loads(texts["default"])["unmapped"]["memory_failed"] is True


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen-by-a-look", "not-seen"])
def test_a_memory_that_failed_leaves_what_a_look_shows(*, is_seen: bool) -> None:
    created = replace(group(Action.CREATE), group_id=GROUP)
    account = Account(*([state(SSH)] if is_seen else []))
    entries = [call("e-0", 0, created), call("e-1", 1, added(SSH)), call("e-2", 2, edit_of(SSH))]
    account.judged(*entries)
    recollection = account.known.recollection
    unread = replace(recollection, unread=dict.fromkeys(recollection.folds, "the table is down"))

    found, _ = with_knowledge(
        entries, replace(account.known, recollection=unread), STANDARDS, today=TODAY
    )

    moment = found[2].finding.moment
    assert found[2].memory_failed
    assert moment is not None
    assert moment.is_whole is is_seen


def edit_of(it: SecurityGroupRule) -> SecurityGroupChange:
    edit = group(Action.MODIFY_RULES, replace(it, direction=Direction.UNKNOWN))
    return replace(edit, group_id=GROUP)
