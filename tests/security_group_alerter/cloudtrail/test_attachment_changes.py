"""The groups that a network interface or an instance is given."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.changes import UnreadableRecordError
from security_group_alerter.model.change import AttachmentChange
from tests.security_group_alerter.builders import calmly
from tests.security_group_alerter.cloudtrail.calls import OMITTED, change, lone, newer, older

INTERFACE = "ModifyNetworkInterfaceAttribute"
INSTANCE = "ModifyInstanceAttribute"
ENI = "eni-0f7be690ced904db8"
ONE, TWO = "sg-0d672b96fe85008d5", "sg-0c1da023712fed568"


def objects(group_ids: list[str]) -> list[dict[str, str]]:
    return [{"groupId": group_id} for group_id in group_ids]


# How a request may be written; the first is the one that the filter pattern lets through.
DIALECTS: dict[str, Callable[[list[str]], Any]] = {
    "nested": lambda groups: older({"groupSet": objects(groups)}),
    "nested-in-the-singular": lambda groups: {"groupSet": {"item": objects(groups)}},
    "plain-array": lambda groups: {"groupSet": objects(groups)},
    "lone-object": lambda groups: lone({"groupSet": objects(groups)}),
    "texts": lambda groups: {"groupSet": {"items": groups}},
    "groups": lambda groups: older({"groups": objects(groups)}),
    "as-the-request-names-it": lambda groups: older({"securityGroupId": groups}),
    "newer": lambda groups: newer({"groupSet": objects(groups)}),
    "newer-as-the-request-names-it": lambda groups: newer({"securityGroupId": groups}),
    "newer-as-the-other-request-names-it": lambda groups: newer({"groupId": groups}),
}


@pytest.mark.parametrize("groups", [[ONE], [TWO, ONE]], ids=["one-group", "two-groups"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_groups_are_the_same_in_every_dialect(dialect: str, groups: list[str]) -> None:
    request = DIALECTS[dialect](groups)
    name = "NetworkInterfaceId" if dialect.startswith("newer") else "networkInterfaceId"
    expected = AttachmentChange(group_ids=tuple(groups), interface_id=ENI)

    assert change(INTERFACE, {name: ENI, **request}) == expected
    assert change(INTERFACE, {f"{INTERFACE}Request": {name: ENI, **request}}) == expected


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "expected"),
    [
        pytest.param(
            INSTANCE,
            older({"instanceId": "i-1", "groupSet": objects([ONE])}),
            AttachmentChange(group_ids=(ONE,), instance_id="i-1"),
            id="of-an-instance",
        ),
        pytest.param(
            INTERFACE,
            older({"networkInterfaceId": ENI, "groupSet": objects([ONE, ONE])}),
            AttachmentChange(group_ids=(ONE,), interface_id=ENI),
            id="a-group-named-twice",
        ),
        pytest.param(
            INTERFACE,
            older({"groupSet": objects([ONE])}),
            AttachmentChange(group_ids=(ONE,)),
            id="of-what-is-not-named",
        ),
        pytest.param(
            INTERFACE,
            older({"networkInterfaceId": ENI, "groupSet": objects([ONE, "web"])}),
            AttachmentChange(
                group_ids=(ONE,),
                interface_id=ENI,
                problems=("groupSet[1]: expected a group id, found 'web'",),
            ),
            id="one-of-which-cannot-be-read",
        ),
        pytest.param(
            INTERFACE,
            older({"networkInterfaceId": ENI, "groupSet": objects([ONE]), "zone": "a"}),
            AttachmentChange(group_ids=(ONE,), interface_id=ENI, unknown_parameters=("zone",)),
            id="beside-a-parameter-that-nobody-knows",
        ),
    ],
)
def test_groups_are_set(
    event_name: str, request_parameters: object, expected: AttachmentChange
) -> None:
    assert change(event_name, request_parameters) == expected


@pytest.mark.parametrize(
    "request_parameters",
    [
        pytest.param({"instanceId": "i-1", "userData": "<sensitiveDataRemoved>"}, id="user-data"),
        pytest.param({"instanceId": "i-1", "attribute": "kernel", "value": "a"}, id="a-kernel"),
        pytest.param({"instanceId": "i-1", "groupSet": {}}, id="an-empty-set"),
        pytest.param({"instanceId": "i-1"}, id="nothing"),
        pytest.param(None, id="null"),
        pytest.param(OMITTED, id="left-out"),
    ],
)
@pytest.mark.parametrize("error", [{}, {"errorCode": "Client.UnauthorizedOperation"}])
def test_a_call_that_names_no_group_is_not_ours(
    request_parameters: object, error: dict[str, object]
) -> None:
    assert change(INSTANCE, request_parameters, **error) is None


@pytest.mark.parametrize(
    ("request_parameters", "problem"),
    [
        pytest.param(
            {"groupSet": {"items": [{"groupName": "web"}]}},
            "groupSet[0]: expected a group id, found ''",
            id="by-name",
        ),
        pytest.param(
            {"groupSet": {"members": [ONE]}},
            "groupSet[0]: expected a group id, found ''",
            id="in-a-list-of-another-name",
        ),
        pytest.param(
            {"attribute": "groupSet", "value": ONE},
            "groupSet: expected group ids, found none",
            id="as-an-attribute-by-name",
        ),
    ],
)
def test_groups_in_another_shape_are_reported(request_parameters: object, problem: str) -> None:
    with pytest.raises(UnreadableRecordError) as caught:
        change(INSTANCE, request_parameters)

    assert str(caught.value) == problem


@calmly
@given(
    st.recursive(
        st.integers(1) | st.text(min_size=1) | st.just(ONE),
        lambda it: (
            st.lists(it, min_size=1, max_size=2)
            | st.dictionaries(st.sampled_from(["items", "item", "groupId"]), it, min_size=1)
        ),
        max_leaves=4,
    )
)
def test_no_groups_that_are_set_are_dropped(groups: object) -> None:
    with suppress(UnreadableRecordError):
        assert change(INTERFACE, {"networkInterfaceId": ENI, "groupSet": groups}) is not None
