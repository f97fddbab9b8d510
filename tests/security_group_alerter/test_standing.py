"""Several calls on one group: each is judged by what stood in the group at it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter import standing
from security_group_alerter.judgement.findings import Standards, judged_again, unreadable_finding
from security_group_alerter.knowledge import Knowledge, known_of
from security_group_alerter.model.alert import DeliveredFinding
from security_group_alerter.model.change import Action, SecurityGroupChange
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.rules import Direction, SecurityGroupRule
from security_group_alerter.model.severity import Severity
from security_group_alerter.standing import with_knowledge
from tests.security_group_alerter.builders import TODAY, calmly, record, rule
from tests.security_group_alerter.memories import Memories
from tests.security_group_alerter.messages.test_email import email
from tests.security_group_alerter.test_aftermath import call, delivered, group, opened, revoked
from tests.stories import NOW

GROUP_ID: Final = "sg-0123456789abcdef0"
STANDARDS: Final = Standards()


def known(text: str, number: int) -> SecurityGroupRule:
    return replace(rule(text), rule_id=f"sgr-{number:017x}")


SSH: Final = known("tcp 22 from 0.0.0.0/0", 1)
SSH_FROM_INSIDE: Final = known("tcp 22 from 10.0.0.0/8", 1)
SSH_FROM_A_CLOUD: Final = known("tcp 22 from 3.0.0.0/8", 1)
HTTPS: Final = known("tcp 443 from 0.0.0.0/0", 2)
EGRESS: Final = known("egress tcp 22 to 10.0.0.0/8", 3)


def edited(to: SecurityGroupRule) -> SecurityGroupChange:
    """As the record of an edit says it: without a direction."""
    return group(Action.MODIFY_RULES, replace(to, direction=Direction.UNKNOWN))


def by_id(*rules: SecurityGroupRule) -> SecurityGroupChange:
    return revoked(rule_ids=tuple(filter(None, (it.rule_id for it in rules))))


def calls(*changes: SecurityGroupChange) -> list[DeliveredFinding]:
    """One call after the other, all on one group."""
    return [
        call(f"e-{number}", number, replace(change, group_id=GROUP_ID))
        for number, change in enumerate(changes)
    ]


def findings(*changes: SecurityGroupChange) -> list[Finding]:
    """As they are judged: the same, in whatever order they come."""
    entries = calls(*changes)
    found = judged(entries)
    for order in permutations(entries):
        again = {it.keys: it for it in judged(order)}
        assert [again[it.keys] for it in entries] == found
    return [entry.finding for entry in found]


def judged(entries: Sequence[DeliveredFinding]) -> list[DeliveredFinding]:
    found, error = judged_by_themselves(entries)
    assert error is None
    return found


def judged_by_themselves(
    entries: Sequence[DeliveredFinding],
) -> tuple[list[DeliveredFinding], Exception | None]:
    """By what the delivery alone says: nothing is remembered, and nobody looks."""
    return with_knowledge(entries, known_by(entries), STANDARDS, today=TODAY)


def known_by(entries: Sequence[DeliveredFinding]) -> Knowledge:
    recall = Memories().recall
    return known_of(entries, look_at=None, recall=recall, now=NOW, time_left=lambda: 120.0)


def words_of(finding: Finding) -> str:
    return email(finding)


def test_slices_of_the_internet_add_up() -> None:
    slices = [known(f"tcp 22 from {first}.0.0.0/3", first) for first in (32, 64)]

    first, second = findings(*map(opened, slices))

    assert (first.judgement.severity, first.judgement.effect) == (Severity.HIGH, Effect.OTHER)
    assert (second.judgement.severity, second.judgement.effect) == (
        Severity.CRITICAL,
        Effect.OPENS,
    )
    assert second.judgement.world_open
    assert "tcp 22 (SSH) open to 29% of the IPv4 Internet" in words_of(second)
    assert (
        f"Open together with what stood before: tcp 22 (SSH) from 32.0.0.0/3 [{slices[0].rule_id}]."
    ) in words_of(second)


def test_a_narrower_range_on_a_port_that_is_open_is_judged_alone() -> None:
    _, narrow = findings(opened(SSH), opened(known("tcp 22 from 8.8.8.0/24", 4)))

    assert narrow.judgement.severity is Severity.LOW
    assert "Open together" not in words_of(narrow)


def test_what_is_open_already_and_opened_again_opens() -> None:
    _, again = findings(opened(SSH), opened(known("tcp 22 from 0.0.0.0/1", 4)))

    assert (again.judgement.severity, again.judgement.effect) == (Severity.CRITICAL, Effect.OPENS)


def test_an_edit_of_an_ingress_rule_opens() -> None:
    _, edit = findings(opened(SSH_FROM_INSIDE), edited(SSH))

    assert (edit.judgement.severity, edit.judgement.effect) == (Severity.CRITICAL, Effect.OPENS)
    text = words_of(edit)
    assert text.startswith("CRITICAL: edit opens tcp 22 (SSH) to the whole IPv4 Internet\n")
    assert "neither the direction" not in text
    assert "Open since" in text
    assert f"- ingress tcp 22 (SSH) from 10.0.0.0/8, no public addresses [{SSH.rule_id}]" in text
    assert (
        "aws ec2 modify-security-group-rules --region eu-central-1 --group-id "
        f"{GROUP_ID} --security-group-rules "
        f'\'[{{"SecurityGroupRuleId":"{SSH.rule_id}","SecurityGroupRule":'
        '{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv4":"10.0.0.0/8"}}]\''
    ) in text
    assert text.index("revoke-security-group-ingress") < text.index("modify-security-group-rules")
    assert (
        "Remove what is open to the Internet (1 edited rule, also what it allowed before), with "
        "credentials of account"
    ) in text
    assert "Warning, this lets through again what the rule let through before:" in text


def test_an_edit_of_an_egress_rule_is_low() -> None:
    _, edit = findings(
        group(Action.ADD_RULES, EGRESS), edited(known("egress tcp 22 to 0.0.0.0/0", 3))
    )

    assert (edit.judgement.severity, edit.judgement.effect) == (Severity.LOW, Effect.OTHER)
    assert "egress rule edited: tcp 22 (SSH) to 0.0.0.0/0" in words_of(edit)


@pytest.mark.parametrize(
    ("to", "severity"),
    [
        pytest.param(SSH_FROM_INSIDE, Severity.LOW, id="to-a-private-range"),
        pytest.param(SSH_FROM_A_CLOUD, Severity.HIGH, id="to-a-cloud"),
    ],
)
def test_an_edit_that_closes_never_hides_what_it_adds(
    to: SecurityGroupRule, severity: Severity
) -> None:
    _, edit = findings(opened(SSH), edited(to))

    assert (edit.judgement.severity, edit.judgement.effect) == (severity, Effect.CLOSES)
    assert not edit.judgement.world_open
    assert "Warning, this opens it to the world again:" in words_of(edit)


def test_the_words_of_an_edit_that_closes() -> None:
    _, edit = findings(opened(SSH), edited(SSH_FROM_INSIDE))

    assert words_of(edit).startswith(
        "LOW: edit closes tcp 22 (SSH), which was open to the whole IPv4 Internet\n"
    )


def test_an_edit_that_moves_the_world_opens() -> None:
    _, edit = findings(opened(SSH), edited(replace(HTTPS, rule_id=SSH.rule_id)))

    assert (edit.judgement.severity, edit.judgement.effect) == (Severity.MEDIUM, Effect.OPENS)


def test_an_edit_of_a_rule_that_no_other_call_names_stays_in_doubt() -> None:
    _, edit = findings(opened(HTTPS), edited(SSH))

    assert words_of(edit).startswith("CRITICAL: edit may open tcp 22 (SSH)")
    assert "No command: what the rule allowed before is not in the record." in words_of(edit)


def test_an_edit_of_two_rules_of_which_one_is_known() -> None:
    other = known("tcp 443 from 10.0.0.0/8", 2)
    both = group(
        Action.MODIFY_RULES,
        *(replace(it, direction=Direction.UNKNOWN) for it in (SSH_FROM_INSIDE, other)),
    )

    _, edit = findings(opened(SSH), both)

    assert (edit.judgement.severity, edit.judgement.effect) == (Severity.LOW, Effect.CLOSES)
    assert words_of(edit).startswith("LOW: 2 ingress rules edited\n")
    assert "No command: what the rule allowed before is not in the record." in words_of(edit)


def test_what_a_revoke_by_id_removed() -> None:
    _, revoke = findings(opened(SSH), by_id(SSH))

    assert revoke.judgement.effect is Effect.CLOSES
    text = words_of(revoke)
    assert "a world-open rule was removed: tcp 22 (SSH) from the whole IPv4 Internet" in text
    assert "Another rule may still keep the group open to the world." in text


def test_a_revoke_by_id_says_which_way_an_earlier_edit_was() -> None:
    edit, revoke = findings(edited(SSH), replace(by_id(SSH), direction=Direction.EGRESS))

    assert (edit.judgement.severity, edit.judgement.effect) == (Severity.LOW, Effect.OTHER)
    assert words_of(edit).startswith("LOW: egress rule edited: tcp 22 (SSH) to 0.0.0.0/0\n")
    assert revoke.judgement.effect is Effect.OTHER
    assert words_of(revoke).startswith("LOW: egress rule removed: tcp 22 (SSH) to 0.0.0.0/0\n")


def test_an_edit_of_what_is_revoked_as_ingress_opens() -> None:
    edit, revoke = findings(edited(SSH), replace(by_id(SSH), direction=Direction.INGRESS))

    assert edit.judgement.effect is Effect.OPENS
    assert "edit opens tcp 22 (SSH)" in words_of(edit)
    assert revoke.judgement.effect is Effect.CLOSES


def test_what_a_revoke_removed_is_not_known_in_part() -> None:
    _, revoke = findings(opened(SSH), by_id(SSH, HTTPS))

    assert isinstance(revoke.change, SecurityGroupChange)
    assert not revoke.change.removed
    assert revoke.judgement.effect is Effect.CLOSES


def test_a_record_that_names_other_contents_under_the_id_is_believed() -> None:
    """An edit in between may be in another delivery."""
    _, revoke = findings(opened(SSH), revoked(SSH_FROM_INSIDE))

    assert revoke.judgement.effect is Effect.OTHER


def test_another_rule_keeps_the_ports_open() -> None:
    half = known("tcp 20-25 from 0.0.0.0/1", 5)

    _, _, revoke = findings(opened(half), opened(SSH), revoked(SSH))

    assert revoke.judgement.effect is Effect.OTHER
    assert f"from 0.0.0.0/1 [{half.rule_id}]." in line_with("The ports stay open", revoke)


def line_with(words: str, finding: Finding) -> str:
    [line] = [it for it in words_of(finding).splitlines() if words in it]
    return line


MAY_BE_OPEN: Final = "Another rule may still keep the group open to the world."


def test_of_a_group_that_was_made_in_this_delivery_all_is_known() -> None:
    _, _, revoke = findings(group(Action.CREATE), opened(SSH), revoked(SSH))

    assert revoke.judgement.effect is Effect.CLOSES
    assert MAY_BE_OPEN not in words_of(revoke)


def test_unless_its_memory_could_not_be_read() -> None:
    entries = calls(group(Action.CREATE), opened(SSH), revoked(SSH))
    known = known_by(entries)
    unread = dict.fromkeys(known.recollection.folds, "the table is down")
    known = replace(known, recollection=replace(known.recollection, unread=unread))

    found, _ = with_knowledge(entries, known, STANDARDS, today=TODAY)

    assert found[2].memory_failed
    assert MAY_BE_OPEN in words_of(found[2].finding)


def test_a_group_that_is_known_whole_has_no_other_rule() -> None:
    _, _, revoke = findings(group(Action.CREATE), opened(SSH), revoked(SSH))
    assert revoke.moment is not None

    whole = replace(revoke, moment=replace(revoke.moment, is_whole=True))

    assert "Another rule may still" not in words_of(whole)


def test_a_fault_of_ours_leaves_each_call_to_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(finding: Finding, *_: Any, **__: Any) -> Finding:
        if finding.subject.id == GROUP_ID:
            raise ZeroDivisionError
        return judged_again(finding, *_, **__)

    monkeypatch.setattr(standing, "judged_again", broken)
    others = [
        call(f"o-{number}", number, replace(change, group_id="sg-0aaaaaaaaaaaaaaaa"))
        for number, change in enumerate((opened(SSH), by_id(SSH)))
    ]
    entries = [*calls(opened(SSH), by_id(SSH)), *others]

    found, error = judged_by_themselves(entries)

    assert isinstance(error, ZeroDivisionError)
    assert found[:2] == entries[:2]
    assert found[3].finding.judgement.effect is Effect.CLOSES


def test_what_was_open_goes_with_the_group() -> None:
    _, deletion = findings(opened(SSH, HTTPS), group(Action.DELETE))

    assert (deletion.judgement.severity, deletion.judgement.effect) == (
        Severity.LOW,
        Effect.CLOSES,
    )
    assert (
        "What was open to the world goes with the group: tcp 22 (SSH) and tcp 443 (HTTPS)."
    ) in words_of(deletion)


def test_a_group_with_nothing_open_is_deleted() -> None:
    _, deletion = findings(opened(SSH_FROM_INSIDE), group(Action.DELETE))

    assert deletion.judgement.effect is Effect.OTHER
    assert "goes with the group" not in words_of(deletion)


def test_what_comes_after_a_deletion_is_judged_by_its_record() -> None:
    _, late = findings(group(Action.DELETE), opened(SSH))

    assert late.moment is None
    assert late.judgement.effect is Effect.OPENS


def test_one_call_alone_is_judged_by_its_record() -> None:
    entries = calls(opened(SSH))

    assert [it.finding for it in judged(entries)] == [it.finding for it in entries]


OTHERS: Final[dict[str, dict[str, Any]]] = {
    "another-account": {"recipientAccountId": "999988887777"},
    "another-region": {"awsRegion": "us-west-2"},
    "refused": {"errorCode": "Client.UnauthorizedOperation"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_calls_that_do_not_belong_together(name: str) -> None:
    other = call("e-9", 9, replace(opened(SSH_FROM_INSIDE), group_id=GROUP_ID), **OTHERS[name])
    entries = [*calls(edited(SSH)), other]

    assert [it.finding.judgement for it in judged(entries)] == [
        it.finding.judgement for it in entries
    ]


def test_what_is_not_a_call_on_a_group_stays_as_it_is() -> None:
    unreadable = delivered(unreadable_finding(record(), "no time", "{}"), "e-8")
    entries = [unreadable, *calls(opened(SSH), by_id(SSH))]

    assert judged(entries)[0] == unreadable


def test_the_way_back_of_every_kind_of_peer() -> None:
    group_rule, list_rule = (
        replace(known("tcp 22 from 10.0.0.0/8", number), peer=it.peer)
        for number, it in (
            (1, rule("tcp 22 from sg-0fedcba9876543210")),
            (1, rule("tcp 22 from pl-0fedcba9876543210")),
        )
    )
    described = replace(known("tcp 22 from 2001:db8::/32", 1), description="Office")

    for old, words in (
        (group_rule, '"ReferencedGroupId":"sg-0fedcba9876543210"'),
        (list_rule, '"PrefixListId":"pl-0fedcba9876543210"'),
        (described, '"CidrIpv6":"2001:db8::/32","Description":"Office"'),
    ):
        _, edit = findings(opened(old), edited(SSH))
        assert words in words_of(edit)


POOL: Final = tuple(
    known(text, number)
    for number in (1, 2)
    for text in (
        "tcp 22 from 0.0.0.0/0",
        "tcp 20-25 from 0.0.0.0/1",
        "all from 64.0.0.0/2",
        "tcp 443 from 10.0.0.0/8",
        "47 from ::/0",
        "egress tcp 22 to 0.0.0.0/0",
        "tcp 22 from pl-0fedcba9876543210",
    )
)


@st.composite
def any_change(draw: st.DrawFn) -> SecurityGroupChange:
    rules = draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=2))
    unknown = (replace(it, direction=Direction.UNKNOWN) for it in rules)
    return draw(
        st.sampled_from(
            [
                opened(*rules),
                revoked(*rules),
                by_id(*rules),
                group(Action.MODIFY_RULES, *unknown),
                group(Action.CREATE),
                group(Action.DELETE),
            ]
        )
    )


@calmly
@given(st.lists(any_change(), min_size=2, max_size=4))
def test_any_calls_on_one_group_have_words(changes: list[SecurityGroupChange]) -> None:
    for entry in judged(calls(*changes)):
        finding = entry.finding
        assert words_of(finding).startswith(f"{finding.judgement.severity.name}: ")
        assert finding.judgement.world_open == (finding.judgement.effect is Effect.OPENS)


def test_a_group_whose_name_holds_half_a_character() -> None:
    named = [
        replace(it, group_id=None, group_name="half \ud83d") for it in (opened(SSH), revoked(SSH))
    ]
    entries = [call(f"e-{number}", number, it) for number, it in enumerate(named)]

    _, closing = judged(entries)

    assert closing.finding.judgement.effect is Effect.CLOSES
