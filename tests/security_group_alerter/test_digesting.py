"""The steps of the digest: what is in it, once a day, and what becomes of whatever fails."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.digesting import (
    KEPT_FOR_SENDING,
    LATE,
    MOST_NAMED_ACCOUNTS,
    READ_TOGETHER,
    Digester,
    DigestError,
    DigestReport,
)
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import (
    RangesEdited,
    RuleGone,
    RuleThere,
    Statement,
)
from security_group_alerter.model.acceptance import AcceptedOpening
from security_group_alerter.model.exposure_life import Event, ExposureLife, Resource
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.ledger import OpenGroup, Snooze, Told
from security_group_alerter.model.message import Message, Sent
from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.seen import AlertedChange, Mark, SeenAnswer
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from security_group_alerter.model.sweep import Place, SweptPlace
from tests.security_group_alerter.builders import peer, rule
from tests.security_group_alerter.memories import Memories
from tests.security_group_alerter.messages.digests import BERLIN, JANE, UNTIL, group

SSH: Final = "tcp 22 from 0.0.0.0/0"
WEB: Final = "tcp 443 from 0.0.0.0/0"
RDP: Final = "tcp 3389 from 0.0.0.0/0"
OPENED: Final = AlertedChange(
    kind=SubjectKind.SECURITY_GROUP,
    severity=Severity.CRITICAL,
    effect=Effect.OPENS,
    world_open=True,
    at=UNTIL - timedelta(hours=2),
    account_id="222233334444",
    region="eu-central-1",
    call="AuthorizeSecurityGroupIngress",
    principal=JANE,
)
ENTRY: Final = AcceptedOpening(
    account_id="222233334444",
    region=None,
    group_id=None,
    protocol="tcp",
    ports=(PortRange(22, 22),),
    peers=(peer("0.0.0.0/0"),),
    owner="bastion team",
    reason="the bastion",
    expires=date(2026, 11, 24),
)


def event(name: str, ago: timedelta) -> Event:
    return Event(event_id=name, time=UNTIL - ago, principal=JANE)


def there(text: str, ago: timedelta) -> Statement:
    return RuleThere(event=event(f"there {text} {ago}", ago), rule=rule(text))


def gone(text: str, ago: timedelta) -> Statement:
    return RuleGone(event=event(f"gone {text} {ago}", ago), rule=rule(text))


@dataclass
class Installation:
    """A digester with its world, and what was sent and marked."""

    presentation: Presentation = BERLIN
    accepted: tuple[AcceptedOpening, ...] = ()
    changes: list[AlertedChange | None] = field(default_factory=list)
    not_swept: list[SweptPlace] = field(default_factory=list)
    last_sweep: datetime | None = UNTIL - timedelta(hours=4)
    has_looks: bool = True
    is_sure: bool = True
    refusal: str | None = None
    write_failures: int = 0
    seconds_left: float = 300
    named: list[str] = field(default_factory=list)
    marked: list[str] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memories = Memories()
        self.open: dict[Resource, OpenGroup] = {}
        self.snoozed: dict[Resource, Snooze] = {}
        self.unread: dict[Resource, str] = {}
        self.without_fold: set[Resource] = set()

    def remember(self, resource: Resource, *statements: Statement, **told: Told) -> None:
        self.memories.recall({resource: statements}, at=(), now=UNTIL, seconds=60)
        self.memories.told[resource] = {
            it.uid: told["told"]
            for it in self.memories.recall({resource: ()}, at=(), now=UNTIL, seconds=1)
            .folds[resource]
            .exposures
            if "told" in told
        }
        self.open[resource] = OpenGroup(
            resource=resource,
            severity=Severity.CRITICAL,
            looked_at=UNTIL - timedelta(minutes=10),
        )

    def recall(
        self,
        said: Mapping[Resource, Collection[Statement]],
        *,
        at: Collection[str],
        now: datetime,
        seconds: float,
    ) -> Recollection:
        assert not any(said.values())
        self.batches.append(len(said))
        known = self.memories.recall(said, at=at, now=now, seconds=seconds)
        folds = {it: fold for it, fold in known.folds.items() if it not in self.without_fold}
        return replace(known, folds=folds, snoozed=self.snoozed, unread=self.unread)

    def digest(self, until: datetime = UNTIL) -> DigestReport:
        digester = Digester(
            presentation=self.presentation,
            organization_id="o-exampleorgid",
            has_looks=self.has_looks,
            accepted=self.accepted,
            name_of=self._name_of,
            alerted_among=self._alerted_among,
            mark_alerted=self._mark,
            changes_between=self._changes_between,
            open_groups=self.open.values,
            recall=self.recall,
            not_swept=lambda: self.not_swept,
            last_sweep=lambda: self.last_sweep,
            publish=self._publish,
        )
        return digester.send(until=until, time_left=lambda: self.seconds_left)

    @property
    def email(self) -> str:
        text: str = json.loads(self.sent[-1].body)["email"]
        return text

    def _name_of(self, account_id: str) -> str | None:
        self.named.append(account_id)
        return "payments" if account_id == "222233334444" else None

    def _alerted_among(self, keys: Iterable[str]) -> SeenAnswer:
        return SeenAnswer(keys=frozenset(self.marked) & {*keys}, is_sure=self.is_sure)

    def _mark(self, marks: Iterable[Mark]) -> int:
        assert self.sent
        if not self.write_failures:
            self.marked += [it.key for it in marks]
        return self.write_failures

    def _changes_between(self, since: datetime, until: datetime) -> list[AlertedChange | None]:
        self.asked.append((since, until))
        return self.changes

    def _publish(
        self, messages: Iterable[Message], time_left: Callable[[], float]
    ) -> Iterator[Sent]:
        assert time_left() > 0
        for message in messages:
            if self.refusal is None:
                self.sent.append(message)
            yield Sent(message=message, refusal=self.refusal)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def test_what_is_open_what_was_closed_and_what_changed() -> None:
    installation = Installation(changes=[OPENED, OPENED, None])
    installation.remember(group(1), there(SSH, hours(50)))
    installation.remember(
        group(2), there(WEB, hours(90)), there(SSH, hours(9)), gone(SSH, hours(6))
    )

    assert installation.digest() == DigestReport(
        is_sent=True, open=2, closed=1, changes=3, not_seen=0
    )
    lines = installation.email.split("\n")
    assert lines[0] == ("INFORMATIONAL: 2 open to the world (1 CRITICAL), 1 closed, 3 calls")
    assert lines[5] == "1. MEDIUM, for 3 d 18 h: tcp 443 (HTTPS) to the whole IPv4 Internet"
    assert lines[9] == "2. CRITICAL, for 2 d 2 h: tcp 22 (SSH) to the whole IPv4 Internet"
    assert lines[10].endswith(" in payments (222233334444), eu-central-1")
    assert "- open for 3 h: tcp 22 (SSH) to the whole IPv4 Internet" in lines


def test_a_second_one_of_the_same_day_is_not_sent() -> None:
    installation = Installation()

    assert installation.digest().is_sent
    again = installation.digest(UNTIL + timedelta(hours=3))
    tomorrow = installation.digest(UNTIL + timedelta(days=1))

    assert (again, tomorrow.is_sent) == (DigestReport(is_sent=False), True)
    assert again.counts()["sent"] == 0
    assert installation.marked == ["digest:2026-11-24", "digest:2026-11-25"]
    assert len(installation.sent) == 2


def test_what_amazon_sns_refuses_is_raised_and_not_marked() -> None:
    installation = Installation(refusal="too hot")

    with pytest.raises(DigestError, match="the digest was not sent: too hot"):
        installation.digest()
    assert installation.marked == []

    installation.refusal = None
    assert installation.digest().is_sent


def test_after_a_mark_that_failed_it_may_be_sent_again_rather_than_never() -> None:
    installation = Installation(write_failures=1)

    assert installation.digest().table_failures == 1
    assert installation.digest().is_sent


def test_a_table_that_does_not_say_whether_it_was_sent_does_not_keep_it() -> None:
    assert Installation(is_sure=False).digest().table_failures == 1


@pytest.mark.parametrize(
    ("until", "since"),
    [
        (UNTIL, UNTIL - timedelta(hours=24)),
        # The clocks went back, and went forward, in the night before.
        (datetime(2026, 10, 25, 6, tzinfo=UTC), datetime(2026, 10, 24, 5, tzinfo=UTC)),
        (datetime(2027, 3, 28, 5, tzinfo=UTC), datetime(2027, 3, 27, 6, tzinfo=UTC)),
    ],
    ids=["a-usual-day", "a-day-of-25-hours", "a-day-of-23-hours"],
)
def test_a_day_begins_where_the_one_before_ended(until: datetime, since: datetime) -> None:
    installation = Installation()
    installation.digest(until)

    assert installation.asked == [(since, until)]


@pytest.mark.parametrize(
    ("ago", "is_named"),
    [(hours(0), False), (hours(1), True), (hours(24), True), (hours(24.3), False)],
)
def test_a_closing_is_in_the_digest_of_its_day(ago: timedelta, is_named: bool) -> None:
    installation = Installation()
    installation.remember(group(1), there(SSH, hours(40)), gone(SSH, ago))

    assert installation.digest().closed == is_named


@pytest.mark.parametrize(
    ("ago", "is_named"),
    [(hours(24.1), True), (hours(24) + LATE, True), (hours(48.1), False)],
)
def test_a_closing_whose_record_came_after_the_last_digest_is_in_this_one(
    ago: timedelta, is_named: bool
) -> None:
    installation = Installation()
    installation.digest(UNTIL - hours(24))
    installation.remember(group(1), there(SSH, hours(60)), gone(SSH, ago))

    assert installation.digest().closed == is_named


@given(
    when=st.lists(st.tuples(st.floats(0, 71), st.floats(0, 23.9)), min_size=1, max_size=6),
)
def test_each_closing_is_in_one_digest(when: list[tuple[float, float]]) -> None:
    """Each is made some time before the fourth digest, and known so many hours later."""
    installation = Installation()
    installation.digest(UNTIL - hours(72))
    for days in (48, 24, 0, -24):
        for number, (ago, late) in enumerate(when):
            if ago - late >= days and group(number) not in installation.open:
                installation.remember(group(number), there(SSH, hours(80)), gone(SSH, hours(ago)))
        installation.digest(UNTIL - hours(days))

    named = Counter(it for it in installation.marked if it.startswith("digest:closed:"))
    assert [*named.values()] == [1] * len(when)


def test_a_closing_that_was_named_keeps_its_mark_whatever_explains_it_later() -> None:
    """It was told under the uid of the look that found it."""
    told = Told(uid="first-told", at=UNTIL - hours(40), severity=Severity.HIGH)
    installation = Installation()
    installation.remember(group(1), there(SSH, hours(40)), gone(SSH, hours(25)), told=told)
    installation.digest(UNTIL - hours(24))

    assert "digest:closed:first-told" in installation.marked
    assert installation.digest().closed == 0


def test_severity_is_the_one_that_was_told() -> None:
    told = Told(uid="u", at=UNTIL, severity=Severity.HIGH)
    installation = Installation()
    installation.remember(group(1), there(SSH, hours(5)), told=told)
    installation.digest()

    assert "1. HIGH, for 5 h: tcp 22" in installation.email


@pytest.mark.parametrize(
    ("until", "names_it", "is_snoozed"),
    [
        (date(2026, 11, 24), True, True),
        (date(2026, 11, 23), True, False),
        (date(2026, 11, 24), False, False),
    ],
    ids=["until-today", "until-yesterday", "of-another-exposure"],
)
@pytest.mark.parametrize("was_told", [True, False])
def test_snooze_is_in_force_up_to_and_on_its_day(
    until: date, names_it: bool, is_snoozed: bool, was_told: bool
) -> None:
    installation = Installation()
    told = {"told": Told(uid="first-told", at=UNTIL, severity=Severity.HIGH)} if was_told else {}
    installation.remember(group(1), there(SSH, hours(5)), **told)
    [life] = (
        installation.memories.recall({group(1): ()}, at=(), now=UNTIL, seconds=1)
        .folds[group(1)]
        .exposures
    )
    uid = ("first-told" if was_told else life.uid) if names_it else "another"
    installation.snoozed[group(1)] = Snooze(
        until=until, by="frank", why="moving", uids=frozenset({uid})
    )
    installation.digest()

    assert ("SNOOZED: 1" in installation.email) is is_snoozed
    assert ("OPEN TO THE WORLD: 1" in installation.email) is not is_snoozed


ACCEPTED: Final = {
    "covered": (ENTRY, (SSH,), True),
    "on-its-last-day": (replace(ENTRY, expires=UNTIL.date()), (SSH,), True),
    "run-out": (replace(ENTRY, expires=date(2026, 11, 23)), (SSH,), False),
    "of-another-account": (replace(ENTRY, account_id="333344445555"), (SSH,), False),
    "of-half-of-it": (ENTRY, (SSH, "tcp 22 from ::/0"), False),
    "beside-what-is-not": (ENTRY, (SSH, "tcp 23 from 10.0.0.0/8"), True),
}


@pytest.mark.parametrize(("entry", "texts", "is_accepted"), ACCEPTED.values(), ids=list(ACCEPTED))
def test_what_is_accepted_by_the_entries_of_today(
    entry: AcceptedOpening, texts: tuple[str, ...], is_accepted: bool
) -> None:
    installation = Installation(accepted=(entry,))
    at_once = event("open", hours(50))
    rules = (RuleThere(event=at_once, rule=rule(it)) for it in texts)
    installation.remember(group(1), *rules)
    installation.digest()

    assert ("ACCEPTED: 1" in installation.email) is is_accepted


def test_a_prefix_list_is_never_accepted() -> None:
    listed = group(1)._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0")
    installation = Installation(accepted=(replace(ENTRY, peers=(peer("0.0.0.0/0"),)),))
    edited = RangesEdited(event=event("edit", hours(5)), added=(peer("0.0.0.0/0"),))
    installation.remember(listed, edited)
    installation.digest()

    assert "a prefix list that holds the whole IPv4 Internet" in installation.email


def test_a_group_that_cannot_be_read_is_named_and_hides_no_other() -> None:
    installation = Installation()
    for number in (1, 2, 3):
        installation.remember(group(number), there(SSH, hours(number)))
    installation.unread[group(2)] = "ValueError: not a memory"
    installation.without_fold = {group(3)}

    report = installation.digest()

    assert (report.open, report.not_seen) == (1, 2)
    assert (
        "sg-00000000000000002 is open, and what is known of it could not be read: "
        "ValueError: not a memory" in installation.email
    )
    assert "sg-00000000000000003 is open, and" in installation.email


def test_a_fault_in_one_group_is_named_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = Installation()
    for number in (1, 2):
        installation.remember(group(number), there(SSH, hours(number)), there(WEB, hours(9)))
    accepted = Digester._accepted

    def broken(self: Digester, life: ExposureLife, *known: Any) -> Any:
        if life.resource == group(2) and life.opened and life.opened.time < UNTIL - hours(3):
            raise ZeroDivisionError("unheard of")
        return accepted(self, life, *known)

    monkeypatch.setattr(Digester, "_accepted", broken)
    report = installation.digest()

    # Of the broken one, not even what could be read is there: it would be taken for all.
    assert (report.is_sent, report.open, report.not_seen) == (True, 2, 1)
    assert (
        "sg-00000000000000002 is open, and what is known of it could not be read: "
        "ZeroDivisionError: unheard of" in installation.email
    )


def test_what_the_sweep_could_not_see_is_named() -> None:
    place = Place(account_id="222233334444", region="eu-west-1")
    account = Place(account_id="333344445555")
    installation = Installation(
        not_swept=[
            SweptPlace(place=place, problem="denied", problem_since=UNTIL),
            SweptPlace(place=account),
        ]
    )

    assert installation.digest().not_seen == 2
    assert "- payments (222233334444), eu-west-1\n  denied; since Tue 24 Nov" in installation.email
    assert installation.email.endswith("\n- 333344445555\n  the sweep did not say why\n")


def test_memories_are_read_as_many_at_a_time_as_one_call_takes() -> None:
    installation = Installation()
    for number in range(2 * READ_TOGETHER + 1):
        installation.remember(group(number), there(WEB, hours(5)))

    assert installation.digest().open == 2 * READ_TOGETHER + 1
    assert installation.batches == [READ_TOGETHER, READ_TOGETHER, 1]


def test_names_are_looked_up_of_those_that_are_shown_and_while_there_is_time() -> None:
    changes: list[Any] = [replace(OPENED, account_id=f"{it:012}") for it in range(90)]
    installation = Installation(changes=[*changes, replace(OPENED, account_id=None)])
    installation.remember(group(1), there(SSH, hours(2)))

    installation.digest()
    assert installation.named[0] == "222233334444"
    assert len(installation.named) == MOST_NAMED_ACCOUNTS

    late = Installation(changes=[OPENED], seconds_left=KEPT_FOR_SENDING - 1)
    late.digest()
    assert late.named == []
    assert "- 222233334444: 1" in late.email


def test_each_exposure_has_the_uid_of_its_alerts() -> None:
    """One was explained by its record after it was told; another took the uid that it had."""
    installation = Installation()
    installation.remember(
        group(1),
        there(SSH, hours(50)),
        there(WEB, hours(40)),
        there(RDP, hours(3)),
        gone(RDP, hours(2)),
    )
    known = installation.memories.recall({group(1): ()}, at=(), now=UNTIL, seconds=1)
    ssh, web, rdp = known.folds[group(1)].exposures
    told = Told(uid="first-told", at=UNTIL - hours(30), severity=Severity.CRITICAL)
    installation.memories.told[group(1)] = {
        web.uid: replace(told, uid=ssh.uid),
        rdp.uid: told,
    }
    known = replace(known, told=installation.memories.told)

    installation.digest()

    said = json.loads(json.loads(installation.sent[-1].body)["default"])["unmapped"]["digest"]
    assert [it["uid"] for it in said["open"]] == [known.uid_of(it) for it in (ssh, web)]
    assert known.uid_of(ssh) not in {ssh.uid, web.uid}
    assert [it["uid"] for it in said["closed"]] == [known.uid_of(rdp)] == ["first-told"]


def test_a_snooze_quiets_the_uid_that_alerts_have() -> None:
    installation = Installation()
    installation.remember(group(1), there(SSH, hours(50)), there(WEB, hours(40)))
    known = installation.memories.recall({group(1): ()}, at=(), now=UNTIL, seconds=1)
    ssh, web = known.folds[group(1)].exposures
    told = Told(uid=ssh.uid, at=UNTIL - hours(30), severity=Severity.CRITICAL)
    installation.memories.told[group(1)] = {web.uid: told}
    uid = replace(known, told=installation.memories.told).uid_of(ssh)
    installation.snoozed[group(1)] = Snooze(
        until=UNTIL.date(), by="jane", why="planned", uids=frozenset({uid})
    )

    installation.digest()

    counts = json.loads(json.loads(installation.sent[-1].body)["default"])["unmapped"]["digest"]
    assert (counts["counts"]["open"], counts["counts"]["snoozed"]) == (1, 1)


@pytest.mark.parametrize("missed", [1, 2])
def test_what_was_closed_on_a_day_without_a_digest_is_in_the_next(missed: int) -> None:
    installation = Installation()
    installation.digest(UNTIL - timedelta(days=missed + 1))
    installation.remember(group(2), there(SSH, hours(60)), gone(SSH, hours(30)))
    installation.refusal = "KMS denied"
    for day in range(missed, 0, -1):
        with pytest.raises(DigestError):
            installation.digest(UNTIL - timedelta(days=day))
    installation.refusal = None

    assert installation.digest(UNTIL).closed == 1
    assert installation.digest(UNTIL + timedelta(days=1)).closed == 0


def not_looked_at(*ago: float, text: str = SSH) -> Installation:
    """Groups that were looked at so many hours ago; negative: never, and reported as long ago."""
    installation = Installation()
    for number, count in enumerate(ago):
        at = UNTIL - hours(abs(count))
        report = Told(uid=f"uid-{number}", at=at, severity=Severity.CRITICAL)
        installation.remember(group(number), there(text, hours(200)), told=report)
        known = installation.open[group(number)]
        installation.open[group(number)] = replace(known, looked_at=at if count > 0 else None)
    return installation


@pytest.mark.parametrize(
    ("ago", "text", "is_named"),
    [
        pytest.param(25, SSH, False, id="a-day-ago"),
        pytest.param(27, SSH, True, id="longer-ago"),
        pytest.param(-0.5, SSH, False, id="never-but-just-reported"),
        pytest.param(-2, SSH, True, id="never-although-the-watch-looks"),
        pytest.param(-2, WEB, False, id="never-where-the-sweep-looks"),
        pytest.param(-27, WEB, True, id="never-although-the-sweep-looks"),
    ],
)
def test_where_looks_at_what_is_open_fail_is_named(ago: float, text: str, is_named: bool) -> None:
    installation = not_looked_at(ago, text=text)

    assert installation.digest().not_seen == int(is_named)
    assert ("Everything that should be seen was seen." in installation.email) is not is_named
    problem = "no look at what is open there succeeded; since "
    assert (problem in installation.email) is is_named


def test_a_place_where_looks_fail_is_named_once_since_the_first_failure() -> None:
    installation = not_looked_at(30, 50, 40)

    assert installation.digest().not_seen == 1
    assert "succeeded; since Sun 22 Nov 05:00" in installation.email


@pytest.mark.parametrize("region", ["eu-central-1", None])
def test_what_the_sweep_names_is_not_named_twice(region: str | None) -> None:
    installation = not_looked_at(30)
    place = Place(account_id="222233334444", region=region)
    installation.not_swept = [SweptPlace(place=place, problem="denied", problem_since=UNTIL)]

    assert installation.digest().not_seen == 1
    assert "no look at" not in installation.email


def test_without_a_look_role_nobody_expects_looks() -> None:
    installation = not_looked_at(30)
    installation.has_looks, installation.last_sweep = False, None

    assert installation.digest().not_seen == 0
    assert "nobody looks into the accounts (LookRole is none)." in installation.email


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (UNTIL - hours(26), "Everything that should be seen was seen."),
        (UNTIL - hours(27), "No sweep since Mon 23 Nov 04:00: this page may be incomplete."),
        (None, "No sweep yet: this page may be incomplete."),
    ],
)
def test_a_sweep_that_stopped_is_no_all_clear(last: datetime | None, said: str) -> None:
    installation = Installation(last_sweep=last)

    installation.digest()

    assert installation.email.split("\n")[2] == said
    assert ("no sweep" in installation.sent[0].subject) is said.startswith("No sweep")
