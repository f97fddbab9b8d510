"""What is worth a look: by what the records say, the worst first."""

from dataclasses import replace
from typing import Final

import pytest

from security_group_alerter.judgement.looking import worth_a_look
from security_group_alerter.model.change import (
    Action,
    AttachmentChange,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from security_group_alerter.model.finding import Finding
from tests.security_group_alerter.builders import judged, peer, rules

GROUP: Final = "sg-0123456789abcdef0"
LIST: Final = "pl-0123456789abcdef0"


def group(action: Action, *texts: str, **members: object) -> SecurityGroupChange:
    change = SecurityGroupChange(action=action, group_id=GROUP, added=rules(*texts))
    return replace(change, **members)  # type: ignore[arg-type]


def ids_of(*findings: Finding) -> list[str]:
    return [resource.id for resource in worth_a_look(findings)]


WORTH_IT: Final[dict[str, tuple[Change, list[str]]]] = {
    "the-world": (group(Action.ADD_RULES, "tcp 22 from 0.0.0.0/0"), [GROUP]),
    "a-broad-range-on-web-ports": (group(Action.ADD_RULES, "tcp 443 from 3.0.0.0/8"), [GROUP]),
    "an-edit": (group(Action.MODIFY_RULES, "unknown tcp 22 from 10.0.0.0/8"), [GROUP]),
    "a-closing": (
        group(Action.REMOVE_RULES, removed=rules("tcp 22 from 0.0.0.0/0")),
        [GROUP],
    ),
    "a-reference-to-a-list": (group(Action.ADD_RULES, f"tcp 22 from {LIST}"), [GROUP, LIST]),
    "attached-groups": (
        AttachmentChange(action=Action.ATTACH, group_ids=(GROUP, "sg-1"), interface_id="eni-1"),
        [GROUP, "sg-1"],
    ),
    "a-list-that-changed": (
        PrefixListChange(action=Action.MODIFY, prefix_list_id=LIST, added=(peer("10.0.0.0/8"),)),
        [LIST],
    ),
}
NOT_WORTH_IT: Final[dict[str, Change]] = {
    "a-private-range": group(Action.ADD_RULES, "tcp 22 from 10.0.0.0/8"),
    "a-list-as-a-peer-of-egress": group(Action.ADD_RULES, f"egress tcp 22 to {LIST}"),
    "a-new-group": group(Action.CREATE),
    "a-group-that-is-gone": group(Action.DELETE),
    "a-list-that-is-gone": PrefixListChange(action=Action.DELETE, prefix_list_id=LIST),
    "a-trail": TrailChange(action=TrailAction.STOP, trail="audit"),
}


@pytest.mark.parametrize(("change", "expected"), WORTH_IT.values(), ids=WORTH_IT)
def test_worth_a_look(change: Change, expected: list[str]) -> None:
    assert ids_of(judged(change)) == expected
    # Nothing changed.
    assert ids_of(judged(change, errorCode="Client.UnauthorizedOperation")) == []


@pytest.mark.parametrize("change", NOT_WORTH_IT.values(), ids=NOT_WORTH_IT)
def test_not_worth_a_look(change: Change) -> None:
    assert ids_of(judged(change)) == []


def test_a_group_without_a_name_is_not_looked_at() -> None:
    nameless = replace(group(Action.ADD_RULES, "tcp 22 from 0.0.0.0/0"), group_id=None)

    assert ids_of(judged(nameless)) == []


def test_the_worst_comes_first_and_each_once() -> None:
    web = judged(replace(group(Action.ADD_RULES, "tcp 443 from 0.0.0.0/0"), group_id="sg-1"))
    ssh = judged(group(Action.ADD_RULES, "tcp 22 from 0.0.0.0/0"))

    assert ids_of(web, ssh, web) == [GROUP, "sg-1"]
