"""What stood before, what stands beside, what became of it since: in the words of an alert."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from security_group_alerter.grouping import alerts_of
from security_group_alerter.judgement.exposure import exposure_of
from security_group_alerter.judgement.findings import Standards, finding_of
from security_group_alerter.messages import messages_of
from security_group_alerter.messages.changed import changed_by
from security_group_alerter.messages.limits import Limits
from security_group_alerter.messages.people import actor_words
from security_group_alerter.messages.reasons import lowered_words
from security_group_alerter.messages.undo import EDITED_SINCE, ended_words, stood_words
from security_group_alerter.model.alert import DeliveredFinding, Ended
from security_group_alerter.model.change import Action, PrefixListChange, SecurityGroupChange
from security_group_alerter.model.exposure_life import (
    EndedHow,
    Event,
    ExposureLife,
    Resource,
)
from security_group_alerter.model.finding import Effect, Finding
from security_group_alerter.model.group_state import (
    GroupReach,
    GroupState,
    Look,
    PrefixListState,
    Reach,
)
from security_group_alerter.model.message import Message
from security_group_alerter.model.rules import Peer
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.standing import Circumstances, Moment, StandingRule
from tests.security_group_alerter.builders import (
    TODAY,
    judged,
    peer,
    record,
    rule,
    rules,
    with_judgement,
    with_record,
)
from tests.security_group_alerter.messages.forms import (
    FACTS,
    PLAIN,
    call_of,
    machine,
    opened,
    texts_of,
)
from tests.security_group_alerter.messages.looks import (
    BASTION,
    CALLED,
    CALLED_AT,
    GROUP,
    JANE,
    LIST,
    ONLY_IPV6,
    SSH_RULE,
    WORKER,
    later,
    list_state,
    listed_world,
    looked,
    resource,
    ssh,
    state,
)
from tests.stories import NOW, delivered

BOB: Final = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Network_0123456789abcdef/bob"
MAY_BE_OPEN: Final = "Another rule may still keep the group open to the world."
NOTHING_ELSE: Final = "Nothing else in the group is open to the Internet."


def notes_of(finding: Finding) -> list[str]:
    return list(call_of(finding).changed.notes)


# What stands beside what a call opened -----------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "notes"),
    [
        pytest.param(state(), [], id="nothing-else"),
        pytest.param(
            state(
                rules=(
                    SSH_RULE,
                    replace(rule("tcp 443 from 0.0.0.0/0"), rule_id="sgr-0ddddddddddddddd"),
                    *rules("tcp 5432 from 3.0.0.0/8", "tcp 25 from 8.8.8.8/32", "all from sg-2"),
                    rule("egress all to 0.0.0.0/0"),
                )
            ),
            [
                "Also open in the group: tcp 5432 (PostgreSQL) from 3.0.0.0/8 and "
                "tcp 443 (HTTPS) from 0.0.0.0/0 [sgr-0ddddddddddddddd]."
            ],
            id="the-worst-first",
        ),
        pytest.param(
            state(rules=rules("tcp 443 from 0.0.0.0/0"), has_all_rules=False), [], id="not-all-seen"
        ),
        pytest.param(
            state(rules=rules(*(f"tcp {port} from 0.0.0.0/0" for port in range(8000, 8010)))),
            [
                "Also open in the group: "
                + ", ".join(f"tcp {port} from 0.0.0.0/0" for port in range(8000, 8005))
                + " and 5 more."
            ],
            id="many",
        ),
        pytest.param(
            state(rules=rules("tcp 443 from 0.0.0.0/1", "tcp 443 from 128.0.0.0/1")),
            [
                "Also open in the group: tcp 443 (HTTPS) from 0.0.0.0/1 and "
                "tcp 443 (HTTPS) from 128.0.0.0/1."
            ],
            id="halves",
        ),
    ],
)
def test_what_else_of_the_group_is_open(seen: GroupState, notes: list[str]) -> None:
    assert notes_of(looked(ssh(), seen, Reach.PUBLIC)) == notes


def test_what_the_call_counted_with_its_own_is_not_named_twice() -> None:
    half, other = rules("tcp 22 from 0.0.0.0/1", "tcp 22 from 128.0.0.0/1")
    finding = with_judgement(ssh("tcp 22 from 128.0.0.0/1"), beside=(half,))

    assert notes_of(looked(finding, state(rules=(half, other)), Reach.PUBLIC)) == [
        "Open together with what stood before: tcp 22 (SSH) from 0.0.0.0/1."
    ]


def test_by_memory_alone_the_rest_is_named_where_all_of_it_is_known() -> None:
    moment = Moment(after=standing("tcp 443 from 0.0.0.0/0"), is_whole=True)

    assert notes_of(replace(ssh(), moment=moment)) == [
        "Also open in the group: tcp 443 (HTTPS) from 0.0.0.0/0."
    ]
    assert notes_of(replace(ssh(), moment=replace(moment, is_whole=False))) == []


def test_what_is_beside_a_private_rule_is_not_told() -> None:
    finding = opened("tcp 22 from 10.0.0.0/8", **CALLED)

    assert notes_of(looked(finding, state(rules=rules("tcp 443 from ::/0")), None)) == []


def test_what_stood_beside_broad_ranges_counts_in_the_headline() -> None:
    half, added = rules("tcp 22 from 3.0.0.0/8", "tcp 22 from 4.0.0.0/8")
    moment = Moment(before=(StandingRule(rule=half),))
    change = SecurityGroupChange(action=Action.ADD_RULES, group_id=GROUP, added=(added,))

    finding = finding_of(
        record(**CALLED), change, Standards(), today=TODAY, known=Circumstances(moment=moment)
    )

    assert call_of(finding).phrase == (
        "tcp 22 (SSH) open to 2 public ranges, 33.5 million addresses"
    )


# What stays open when a call closes something -----------------------------------------------------


def standing(*texts: str) -> tuple[StandingRule, ...]:
    return tuple(StandingRule(rule=it) for it in rules(*texts))


def life(
    *texts: str, hours: float | None = 84, by: str | None = BOB, of: Resource | None = None
) -> ExposureLife:
    """What these rules opened so many hours before the call; None: nobody knows when."""
    opened_at = Event(event_id="o", time=later(-60 * hours), principal=by) if hours else None
    return ExposureLife(
        uid="u",
        resource=of or resource(),
        opened=opened_at,
        revealed=opened_at or Event(event_id="e-1", time=CALLED_AT, principal=JANE),
        closed=Event(event_id="e-1", time=CALLED_AT, principal=JANE),
        closed_how=EndedHow.REVOKED,
        severity=Severity.CRITICAL,
        openings=exposure_of(rules(*texts)).openings,
        event_ids=("o", "e-1"),
    )


SSH_LIFE: Final = life("tcp 22 from 0.0.0.0/0")
LIVED: Final = (
    "Closed: tcp 22 (SSH), open to the world for 3 d 12 h, since 2026-11-19 15:05:12 UTC, "
    "opened by bob of permission set Network."
)


def closed(
    *after: str,
    is_whole: bool = True,
    ended: tuple[ExposureLife, ...] = (SSH_LIFE,),
    narrowed: tuple[ExposureLife, ...] = (),
    seen: GroupState | None = None,
    lists: Mapping[str, tuple[Peer, ...]] | None = None,
    called_at: str = "2026-11-23T03:05:12Z",
) -> Finding:
    """A call that revoked SSH from the world, after which these rules stood."""
    change = SecurityGroupChange(action=Action.REMOVE_RULES, group_id=GROUP, removed=(SSH_RULE,))
    members = CALLED | {"eventName": "RevokeSecurityGroupIngress", "eventTime": called_at}
    moment = Moment(
        before=(StandingRule(rule=SSH_RULE), *standing(*after)),
        after=standing(*after),
        is_whole=is_whole,
        ended=ended,
        narrowed=narrowed,
    )
    finding = finding_of(
        record(**members), change, Standards(), today=TODAY, known=Circumstances(moment=moment)
    )
    return replace(finding, look=Look(state=seen) if seen else None, lists=lists or {})


RDP_OPENINGS: Final = exposure_of(rules("tcp 3389 from 0.0.0.0/0")).openings
CLOSED_IN_TWO_STEPS: Final = replace(
    SSH_LIFE, openings=(*SSH_LIFE.openings, *RDP_OPENINGS), event_ids=("o", "e-0", "e-1")
)
CLOSINGS: Final[dict[str, tuple[Finding, list[str]]]] = {
    "nothing-else": (closed(), [LIVED, NOTHING_ELSE]),
    "private-rules-only": (closed("tcp 22 from 10.0.0.0/8"), [LIVED, NOTHING_ELSE]),
    "a-website-and-a-broad-range": (
        closed("tcp 443 from ::/0", "tcp 5432 from 3.0.0.0/8"),
        [
            LIVED,
            "Still open in the group: tcp 5432 (PostgreSQL) from 3.0.0.0/8 and "
            "tcp 443 (HTTPS) from ::/0.",
        ],
    ),
    "not-all-is-known": (
        closed("tcp 443 from ::/0", is_whole=False),
        [LIVED, "Still open in the group: tcp 443 (HTTPS) from ::/0.", MAY_BE_OPEN],
    ),
    "nothing-is-known": (closed(is_whole=False), [LIVED, MAY_BE_OPEN]),
    "a-look-shows-the-rest": (
        closed(is_whole=False, seen=state(rules=rules("tcp 443 from ::/0"))),
        [LIVED, "Still open in the group: tcp 443 (HTTPS) from ::/0."],
    ),
    "a-look-that-shows-the-rule-still": (
        closed(seen=state(rules=(SSH_RULE,)), called_at="2026-11-23T03:11:30Z"),
        [LIVED, NOTHING_ELSE],
    ),
    "opened-again-since": (
        closed(seen=state(rules=rules("tcp 22 from 0.0.0.0/0"))),
        [LIVED, "Still open in the group: tcp 22 (SSH) from 0.0.0.0/0."],
    ),
    "an-unknown-list": (
        closed("tcp 22 from pl-1", "tcp 443 from ::/0"),
        [
            LIVED,
            "Still open in the group: tcp 443 (HTTPS) from ::/0.",
            "Other rules refer to prefix lists whose ranges are not known: pl-1.",
        ],
    ),
    "a-list-that-holds-the-world": (
        closed("tcp 22 from pl-1", lists={"pl-1": (peer("0.0.0.0/0"),)}),
        [LIVED, "Still open in the group: tcp 22 (SSH) from prefix list pl-1."],
    ),
    "a-part-of-what-was-opened-was-closed-before": (
        closed(ended=(CLOSED_IN_TWO_STEPS,)),
        [LIVED, NOTHING_ELSE],
    ),
    "since-nobody-knows-when": (
        closed(ended=(life("tcp 22 from 0.0.0.0/0", hours=None),)),
        [
            "Closed: tcp 22 (SSH). Since when it had been open to the world is not known.",
            NOTHING_ELSE,
        ],
    ),
    "opened-by-nobody-knows-whom": (
        closed(ended=(life("tcp 22 from 0.0.0.0/0", hours=1, by=None),)),
        [
            "Closed: tcp 22 (SSH), open to the world for 1 h, since 2026-11-23 02:05:12 UTC.",
            NOTHING_ELSE,
        ],
    ),
    "several": (
        closed(ended=(SSH_LIFE,) * 5),
        [LIVED] * 3 + ["2 more openings to the world ended with this call.", NOTHING_ELSE],
    ),
    "in-part": (
        closed("tcp 3389 from 0.0.0.0/0", ended=(), narrowed=(SSH_LIFE,)),
        ["Still open in the group: tcp 3389 (RDP) from 0.0.0.0/0."],
    ),
    "by-another-rule-still-open": (
        closed("tcp 20-25 from 0.0.0.0/0", "tcp 443 from ::/0", ended=()),
        ["The ports stay open to the world: tcp 20-25 (SSH, Telnet and FTP) from 0.0.0.0/0."],
    ),
}


@pytest.mark.parametrize(("finding", "notes"), CLOSINGS.values(), ids=CLOSINGS)
def test_what_stays_open(finding: Finding, notes: list[str]) -> None:
    assert notes_of(finding) == notes


def test_deleted_group_takes_with_it_what_was_open() -> None:
    change = SecurityGroupChange(action=Action.DELETE, group_id=GROUP)
    moment = Moment(before=(StandingRule(rule=SSH_RULE),), ended=(SSH_LIFE,))
    finding = finding_of(
        record(**CALLED), change, Standards(), today=TODAY, known=Circumstances(moment=moment)
    )

    assert notes_of(finding) == [
        LIVED,
        "What was open to the world goes with the group: tcp 22 (SSH).",
    ]


# What became of it since --------------------------------------------------------------------------


def entry_of(finding: Finding, **members: Any) -> DeliveredFinding:
    [entry] = delivered([finding])
    return replace(entry, **members)


def ended(how: EndedHow, *, by: str | None = BOB, minutes: float | None = 4.05) -> Ended:
    return Ended(how=how, at=None if minutes is None else later(minutes), principal=by)


@pytest.mark.parametrize(
    ("ended", "words", "stood"),
    [
        pytest.param(
            ended(EndedHow.REVOKED),
            "what the call added was revoked at 03:09:15 UTC",
            "it stood for 4 min 3 s, until bob of permission set Network ended it",
            id="revoked",
        ),
        pytest.param(
            ended(EndedHow.MODIFIED, by=JANE),
            "what the call opened was closed by an edit at 03:09:15 UTC",
            "it stood for 4 min 3 s, until the same principal ended it",
            id="edited-by-the-same",
        ),
        pytest.param(
            ended(EndedHow.DELETED, by=None),
            "the group was deleted at 03:09:15 UTC",
            None,
            id="deleted-by-nobody-knows-whom",
        ),
        pytest.param(
            ended(EndedHow.PREFIX_LIST, minutes=None),
            "the prefix list was edited later and no longer lets this in",
            None,
            id="taken-out-of-the-list-nobody-knows-when",
        ),
        pytest.param(
            ended(EndedHow.SEEN, by=None),
            "a look at 03:09:15 UTC no longer shows what the call opened",
            "it stood for 4 min 3 s at most; which call ended it is not known",
            id="a-look-shows-it-no-more",
        ),
        pytest.param(
            ended(EndedHow.ACCOUNT_LEFT, by=None),
            "the account left the organization or switched the Region off at 03:09:15 UTC",
            None,
            id="nobody-can-look-any-more",
        ),
    ],
)
def test_end_is_told_with_who_and_how_long(ended: Ended, words: str, stood: str | None) -> None:
    entry = entry_of(ssh(), ended=ended)

    assert ended_words(entry) == words
    assert stood_words(entry) == stood
    [message] = told_entries(entry)
    texts = texts_of(message)
    lines = texts["email"].split("\n")
    assert lines[1] == f"{words[:1].upper()}{words[1:]}."
    assert lines[2] == (f"I{stood[1:]}." if stood else "")
    # What the list held may be put back: the rule still refers to it.
    is_closed = ended.how is not EndedHow.PREFIX_LIST
    is_edited = ended.how is EndedHow.MODIFIED
    reason = EDITED_SINCE if is_edited else "there is nothing left to undo"
    assert (f"No command: {reason}." in lines) == is_closed
    assert (stood is None) or (f"I{stood[1:]}." in texts["https"])


def test_nothing_stood_where_no_time_is_known() -> None:
    finding = with_record(ssh(), event_time=None)

    assert stood_words(entry_of(finding, ended=ended(EndedHow.REVOKED))) is None
    assert stood_words(entry_of(ssh())) is None


def told_entries(*entries: DeliveredFinding) -> list[Message]:
    alerts = alerts_of(entries, facts_for=lambda _: FACTS, organization_id=None, seen_at=NOW)
    return [message for alert in alerts for message in messages_of(alert, PLAIN)]


def test_of_several_calls_each_says_how_it_ended() -> None:
    revoked = entry_of(ssh(), ended=ended(EndedHow.REVOKED), keys=("a",))
    stands = entry_of(ssh(eventID="e-2"), keys=("b",))

    [message] = told_entries(revoked, stands)

    text = texts_of(message)["email"]
    assert "  ! What the call added was revoked at 03:09:15 UTC." in text
    assert "  ! It stood for 4 min 3 s, until bob of permission set Network ended it." in text


PRIVATE: Final = GroupReach(reach=Reach.PRIVATE, may_lower=True)


@pytest.mark.parametrize(
    ("finding", "ended", "why"),
    [
        pytest.param(
            looked(ssh(), state(WORKER), Reach.PRIVATE),
            None,
            "no network interface with a public address uses the group",
            id="private",
        ),
        pytest.param(
            looked(ssh(), state(ONLY_IPV6), Reach.PRIVATE),
            None,
            "no network interface with a public IPv4 address uses the group",
            id="private-in-ipv4",
        ),
        pytest.param(
            looked(ssh(), state(), Reach.UNATTACHED),
            None,
            "nothing is attached to the group",
            id="unattached",
        ),
        pytest.param(
            ssh(),
            ended(EndedHow.REVOKED),
            "it was closed 4 min 3 s later by bob of permission set Network",
            id="closed",
        ),
        pytest.param(
            ssh(), ended(EndedHow.DELETED, by=None, minutes=None), "it was closed since", id="gone"
        ),
        pytest.param(
            ssh(), ended(EndedHow.SEEN), "a look at 03:09 UTC no longer shows it", id="seen"
        ),
        pytest.param(
            looked(ssh(), state(WORKER), Reach.PRIVATE),
            ended(EndedHow.REVOKED, by=None),
            "no network interface with a public address uses the group, "
            "and it was closed 4 min 3 s later",
            id="for-two-reasons",
        ),
        pytest.param(looked(ssh(), state(BASTION), Reach.PUBLIC), None, None, id="for-none"),
    ],
)
def test_lowered_severity_says_why(finding: Finding, ended: Ended | None, why: str | None) -> None:
    lowered = with_judgement(finding, severity=Severity.HIGH, lowered_from=Severity.CRITICAL)
    entry = entry_of(lowered, ended=ended)

    assert lowered_words(entry) == (f"HIGH instead of CRITICAL: {why}" if why else None)
    assert lowered_words(replace(entry, finding=finding)) is None


def test_lowered_severity_is_explained_in_every_form() -> None:
    finding = looked(ssh(), state(WORKER), Reach.PRIVATE)
    lowered = with_judgement(finding, severity=Severity.HIGH, lowered_from=Severity.CRITICAL)
    [message] = told_entries(entry_of(lowered))
    texts = texts_of(message)

    why = "no network interface with a public address uses the group"
    remote = (
        "SSH, remote access: one stolen password or unpatched bug gives an attacker the machine"
    )
    assert [f"Why CRITICAL: {remote}.", f"HIGH instead of CRITICAL: {why}."] == texts[
        "email"
    ].split("\n")[8:10]
    assert f"*Why CRITICAL:* {remote}\\n*HIGH instead of CRITICAL:* {why}\\n" in texts["https"]
    assert texts["sms"].startswith("HIGH tcp 22 (SSH) open")
    [evidence] = machine(lowered)["evidences"]
    assert evidence["data"]["severity_lowered_from"] == "Critical"


def test_of_several_calls_each_says_why_it_was_lowered() -> None:
    private, empty = (
        with_judgement(
            looked(ssh(eventID=f"e-{number}"), seen, Reach.PRIVATE),
            severity=Severity.HIGH,
            lowered_from=Severity.CRITICAL,
        )
        for number, seen in enumerate((state(WORKER), state(ONLY_IPV6)))
    )

    [message] = told_entries(entry_of(private, keys=("a",)), entry_of(empty, keys=("b",)))

    text = texts_of(message)["email"]
    assert text.count("HIGH instead of CRITICAL: no network interface with a public address") == 1
    assert (
        text.count("  HIGH instead of CRITICAL: no network interface with a public IPv4 address")
        == 1
    )


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (BOB, "bob of permission set Network"),
        (JANE, "jane of role deploy"),
        ("arn:aws-cn:iam::111122223333:user/team/eve", "IAM user eve"),
        ("arn:aws:iam::111122223333:root", "the root user"),
        ("arn:aws:iam::111122223333:user", "arn:aws:iam::111122223333:user"),
        ("cloudformation.amazonaws.com", "cloudformation.amazonaws.com"),
        ("assumed-role/a", "assumed-role/a"),
        ("x\ny" + "z" * 200, "x\\ny" + "z" * 115 + "…"),
    ],
)
def test_whom_an_arn_names(principal: str, words: str) -> None:
    assert actor_words(principal) == words


# What a look shows of the rules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen_rules", "called_at", "became"),
    [
        pytest.param((SSH_RULE,), CALLED_AT, "", id="there"),
        pytest.param((), CALLED_AT, " (no longer there, seen at 03:12 UTC)", id="gone"),
        pytest.param((), later(6), " (not visible yet)", id="called-a-minute-before"),
        pytest.param((), later(60), " (not visible yet)", id="called-after-it"),
        pytest.param(
            (replace(rule("tcp 22 from 10.0.0.0/8"), rule_id=SSH_RULE.rule_id),),
            CALLED_AT,
            " (edited since, seen at 03:12 UTC)",
            id="edited",
        ),
    ],
)
def test_what_a_look_shows_of_an_added_rule(
    seen_rules: tuple[Any, ...], called_at: Any, became: str
) -> None:
    finding = with_record(ssh(), event_time=called_at)
    shown = looked(finding, state(BASTION, rules=seen_rules), Reach.PUBLIC)

    [item] = call_of(shown).changed.lists[0].items
    assert item.text == f"ingress tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet{became}"


def test_rule_of_an_edit_is_known_whatever_its_direction() -> None:
    change = SecurityGroupChange(
        action=Action.MODIFY_RULES,
        group_id=GROUP,
        added=(replace(rule("unknown tcp 22 from 0.0.0.0/0"), rule_id=SSH_RULE.rule_id),),
    )
    finding = judged(change, **CALLED)

    [item] = call_of(looked(finding, state(), Reach.UNATTACHED)).changed.lists[0].items
    assert "seen at" not in item.text
    assert "visible" not in item.text


def test_revoked_rule_is_revoked_whatever_a_look_shows() -> None:
    finding = looked(ssh("tcp 22 from ::/0", "tcp 23 from ::/0"), state(), Reach.PUBLIC)
    [first, _] = finding.change.added  # type: ignore[union-attr]
    [message] = told_entries(entry_of(finding, revoked=frozenset({first})))

    lines = texts_of(message)["email"].split("\n")
    [line] = [it for it in lines if "(revoked since)" in it]
    assert "tcp 22" in line
    [line] = [it for it in lines if "(edited since" in it or "(no longer there" in it]
    assert "tcp 23" in line


# Prefix lists -------------------------------------------------------------------------------------

WORLD_LIST: Final = {"pl-0aaaaaaaaaaaaaaaa": (peer("10.0.0.0/8"), peer("0.0.0.0/0"))}
BROAD_LIST: Final = {"pl-0aaaaaaaaaaaaaaaa": (peer("3.0.0.0/8"),)}


def by_list(lists: Mapping[str, tuple[Peer, ...]], *others: str) -> Finding:
    """HTTPS opened to a prefix list whose ranges are known."""
    finding = opened("tcp 22 from pl-0aaaaaaaaaaaaaaaa", *others, **CALLED)
    ranges = rules(*(f"tcp 22 from {it.value}" for it in lists["pl-0aaaaaaaaaaaaaaaa"]), *others)
    exposure = exposure_of(ranges)
    judged_by_ranges = with_judgement(
        finding,
        severity=Severity.CRITICAL,
        opened=exposure,
        world_open=exposure.is_world_open,
        effect=Effect.OPENS if exposure.is_world_open else Effect.OTHER,
    )
    return replace(judged_by_ranges, lists=lists)


def test_rule_that_refers_to_a_list_names_what_the_list_holds() -> None:
    call = call_of(by_list(WORLD_LIST))

    assert call.phrase == "tcp 22 (SSH) open to the whole IPv4 Internet"
    [item] = call.changed.lists[0].items
    assert item.text == (
        "ingress tcp 22 (SSH) from prefix list pl-0aaaaaaaaaaaaaaaa, "
        "which holds 0.0.0.0/0 and 10.0.0.0/8"
    )
    assert not any("get-managed-prefix-list" in look.words for look in call.changed.looks)


def test_headline_counts_the_ranges_of_the_list() -> None:
    assert call_of(by_list(BROAD_LIST)).phrase == (
        "tcp 22 (SSH) open to 3.0.0.0/8, 16.7 million addresses"
    )


def test_command_closes_what_the_list_opens_before_the_rest() -> None:
    call = call_of(by_list(WORLD_LIST, "tcp 22 from 8.8.8.8/32"))

    close, _ = call.changed.undo.commands
    assert close.does == "Close what is open to the Internet (1 rule)"
    assert "pl-0aaaaaaaaaaaaaaaa" in close.text


def test_what_is_left_of_a_call_may_be_open_by_a_list() -> None:
    finding = by_list(WORLD_LIST, "tcp 22 from 0.0.0.0/0")
    _, cidr = finding.change.added  # type: ignore[union-attr]

    [message] = told_entries(entry_of(finding, revoked=frozenset({cidr})))

    assert "was revoked later" not in texts_of(message)["email"]


def test_empty_list_holds_nothing() -> None:
    finding = replace(by_list(BROAD_LIST), lists={"pl-0aaaaaaaaaaaaaaaa": ()})

    assert "which holds nothing" in call_of(finding).changed.lists[0].items[0].text


def list_changed(seen: PrefixListState | None = None, **members: Any) -> Finding:
    called: dict[str, Any] = {"action": Action.MODIFY, "prefix_list_id": LIST, "version": 2}
    change = PrefixListChange(**called | members)
    finding = judged(change, **{"eventName": "ModifyManagedPrefixList"} | CALLED)
    return replace(finding, look=Look(state=seen)) if seen else finding


TAKEN_OUT: Final[dict[str, Any]] = {"removed": (peer("0.0.0.0/0"),)}


@pytest.mark.parametrize(
    ("finding", "notes"),
    [
        pytest.param(
            list_changed(**TAKEN_OUT),
            ["Another world-open range may still be in the list."],
            id="not-known",
        ),
        pytest.param(
            list_changed(list_state(ranges=(peer("10.0.0.0/8"),)), **TAKEN_OUT),
            ["The list now holds 10.0.0.0/8."],
            id="closed",
        ),
        pytest.param(
            list_changed(list_state(ranges=(peer("10.0.0.0/8"), peer("::/0"))), **TAKEN_OUT),
            ["The list now holds ::/0 and 10.0.0.0/8: the whole IPv6 Internet."],
            id="still-open",
        ),
        pytest.param(
            list_changed(list_state(version=2), **TAKEN_OUT),
            ["Another world-open range may still be in the list."],
            id="a-look-that-came-too-soon",
        ),
        pytest.param(
            list_changed(list_state(has_all_rules=False), **TAKEN_OUT),
            ["Another world-open range may still be in the list."],
            id="a-look-that-did-not-see-it",
        ),
        pytest.param(
            replace(
                list_changed(**TAKEN_OUT),
                moment=Moment(
                    ranges_after=(peer("10.0.0.0/8"),),
                    is_whole=True,
                    ended=(life(of=resource(LIST)),),
                ),
            ),
            [
                "Closed: the prefix list, open to the world for 3 d 12 h, since 2026-11-19 "
                "15:05:12 UTC, opened by bob of permission set Network.",
                "The list now holds 10.0.0.0/8.",
            ],
            id="by-memory",
        ),
        pytest.param(
            replace(list_changed(**TAKEN_OUT), moment=Moment()),
            ["Another world-open range may still be in the list."],
            id="by-memory-of-a-part",
        ),
        pytest.param(
            list_changed(list_state(), action=Action.RESTORE, restored_version=1),
            ["The list now holds 0.0.0.0/0 and 10.0.0.0/8: the whole IPv4 Internet."],
            id="restored",
        ),
        pytest.param(
            list_changed(list_state(), action=Action.CREATE, added=(peer("0.0.0.0/0"),)),
            [],
            id="created",
        ),
        pytest.param(list_changed(list_state(), action=Action.DELETE), [], id="deleted"),
    ],
)
def test_what_a_list_holds_after_an_edit(finding: Finding, notes: list[str]) -> None:
    assert notes_of(finding) == notes


@pytest.mark.parametrize(
    ("seen", "looks"),
    [
        (list_state(), []),
        (list_state(has_all_rules=False), ["get-managed-prefix-list-entries"]),
        (list_state(is_complete=False), ["get-managed-prefix-list-associations"]),
    ],
    ids=["all-seen", "not-the-ranges", "not-the-groups"],
)
def test_commands_are_for_what_was_not_seen_of_a_list(
    seen: PrefixListState, looks: list[str]
) -> None:
    changed = call_of(looked(listed_world(), seen, Reach.UNKNOWN)).changed

    assert [look.words[1] for look in changed.looks] == looks
    assert changed.called == f'{LIST} "offices"'
    assert changed.steps[0].startswith("Find out") is not seen.is_complete


@pytest.mark.parametrize(
    ("how", "step"),
    [
        (EndedHow.DELETED, "Nothing is left to close: AWS deletes a list only when nothing"),
        (EndedHow.PREFIX_LIST, "The list no longer holds the range."),
    ],
)
def test_what_is_left_to_do_about_a_list_that_is_over(how: EndedHow, step: str) -> None:
    entry = DeliveredFinding(
        finding=list_changed(added=(peer("0.0.0.0/0"),)), keys=(), ended=Ended(how=how, at=None)
    )

    assert changed_by(entry, Limits(rules=10, text=100)).steps[0].startswith(step)
