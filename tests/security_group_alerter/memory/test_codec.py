"""A memory comes back from its bytes as it was, or says what is wrong with them."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given

from security_group_alerter.memory.codec import UnreadableMemoryError, bytes_of, memory_in
from security_group_alerter.memory.group_memory import GroupMemory
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
)
from security_group_alerter.model.rules import Direction, IcmpType, Peer, PeerKind, peer_of_cidr
from tests.security_group_alerter.builders import rule
from tests.security_group_alerter.memory.test_fold import Life, at, generated_lives

SSH: Final = rule("tcp 22 from 0.0.0.0/0")
WITH_ALL: Final = replace(SSH, rule_id="sgr-1", description="Vendor \ud83d, remove \u2603")
GROUP: Final = Peer(kind=PeerKind.SECURITY_GROUP, value="sg-2", account_id="222233334444")
EVENT: Final = at(1)._replace(principal="arn:aws:iam::111122223333:user/ann\udc00")
SAID: Final[dict[str, Statement]] = {
    "created": Created(event=EVENT),
    "deleted": Deleted(event=EVENT),
    "attached": Attached(event=EVENT),
    "account-left": AccountLeft(event=EVENT),
    "not-found": SeenGone(event=EVENT, seen_at=EVENT.time + timedelta(minutes=2)),
    "rules-unknown": RulesUnknown(event=EVENT),
    "a-rule": RuleThere(event=EVENT, rule=WITH_ALL, rule_id="sgr-1"),
    "an-edit": RuleThere(event=EVENT, rule=SSH, rule_id="sgr-1", is_edit=True),
    "a-rule-of-icmp": RuleThere(
        event=EVENT, rule=replace(rule("icmp from ::/0"), icmp_type=IcmpType(8, None))
    ),
    "a-rule-of-a-group": RuleThere(event=EVENT, rule=replace(SSH, peer=GROUP)),
    "a-rule-without-a-protocol": RuleThere(event=EVENT, rule=rule("? 22 from 0.0.0.0/0")),
    "gone-by-contents": RuleGone(event=EVENT, rule=WITH_ALL),
    "gone-by-id": RuleGone(event=EVENT, rule_id="sgr-1"),
    "gone-by-id-of-egress": RuleGone(event=EVENT, rule_id="sgr-1", direction=Direction.EGRESS),
    "ranges": RangesEdited(
        event=EVENT,
        added=(peer_of_cidr("0.0.0.0/0"), peer_of_cidr("::/0")),
        removed=(peer_of_cidr("10.0.0.0/8"),),
        version=3,
        restored_version=1,
    ),
    "a-look": Seen(
        event=EVENT,
        seen_at=EVENT.time + timedelta(minutes=2),
        rules=(WITH_ALL, replace(rule("egress all to ::/0"), rule_id="sgr-2")),
        attached=frozenset({"eni-1"}),
    ),
    "a-look-at-a-list": SeenRanges(
        event=EVENT, seen_at=EVENT.time, ranges=(peer_of_cidr("::/0"),), version=3
    ),
    "in-a-part-of-a-second": Created(
        event=EVENT._replace(time=EVENT.time + timedelta(microseconds=123456))
    ),
}


@pytest.mark.parametrize("name", SAID)
def test_a_statement_comes_back(name: str) -> None:
    memory = GroupMemory().adding([SAID[name]])

    [found] = memory_in(bytes_of(memory)).statements

    # What does not make two rules different comes back, too.
    assert repr(found) == repr(SAID[name])


def test_an_older_version_reads_what_it_knows_of() -> None:
    """It goes on for a while as it is replaced, and comes back with a rollback."""
    memory = GroupMemory().adding([SAID["gone-by-id-of-egress"]])

    document = json.loads(zlib.decompress(bytes_of(memory)[1:]))

    assert document["said"] == [["gone", 0, "sgr-1", None]]
    del document["directions"]
    assert memory_in(packed(document)) == GroupMemory().adding([SAID["gone-by-id"]])


def test_where_it_has_nothing_to_add_it_writes_what_an_older_version_does() -> None:
    document = json.loads(zlib.decompress(bytes_of(GroupMemory().adding([SAID["created"]]))[1:]))

    assert sorted(document) == ["base", "events", "rules", "said"]


@given(generated_lives())
def test_any_life_comes_back(life: Life) -> None:
    memory = GroupMemory().adding(life.statements)

    assert memory_in(bytes_of(memory)) == memory


def packed(document: Any) -> bytes:
    return b"\x02" + zlib.compress(json.dumps(document).encode())


def saying(*said: Any, **members: Any) -> bytes:
    document = {"events": [["e-1", 0, None]], "rules": [], "base": None, "said": said}
    return packed(document | members)


BROKEN: Final = {
    "nothing": (b"", "format"),
    "a-newer-format": (b"\x03" + bytes_of(GroupMemory())[1:], "format"),
    "cut-off": (bytes_of(GroupMemory().adding(SAID.values()))[:-4], "error"),
    "not-json": (b"\x02" + zlib.compress(b"{"), "JSONDecodeError"),
    "not-an-object": (packed(7), "TypeError"),
    "an-object-without-statements": (packed({"events": [], "rules": []}), "KeyError"),
    "an-unknown-statement": (saying(["lost", 0]), "KeyError"),
    "a-statement-with-too-much": (saying(["gone", 0, None, None, 1]), "'gone' with 3 members"),
    "an-event-that-is-not-there": (saying(["created", 1]), "IndexError"),
    "an-event-without-a-time": (saying(events=[["e-1", None, None]]), "TypeError"),
    "a-rule-of-another-shape": (saying(rules=[[1, 2]]), "ValueError"),
    "a-range-that-is-none": (saying(["ranges", 0, ["x"], [], None, None]), "ValueError"),
    "a-direction-that-is-none": (
        saying(["gone", 0, "sgr-1", None], directions={"0": "up"}),
        "ValueError",
    ),
    "directions-of-another-shape": (saying(directions=[0]), "TypeError"),
    "a-base-without-a-time": (saying(base={"lives": []}), "KeyError"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_memory_is_said(name: str) -> None:
    data, problem = BROKEN[name]

    with pytest.raises(UnreadableMemoryError, match=problem):
        memory_in(data)
