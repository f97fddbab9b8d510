"""Rules that were added, removed or modified."""

from dataclasses import replace

import pytest

from security_group_alerter.model.change import Action, SecurityGroupChange
from security_group_alerter.model.rules import Direction, SecurityGroupRule
from tests.security_group_alerter.builders import rules
from tests.security_group_alerter.cloudtrail.calls import (
    GROUP,
    HTTPS,
    INGRESS,
    MODIFY,
    OMITTED,
    REVOKE,
    SSH,
    answered,
    api_permission,
    asked,
    edited,
    group_change,
    newer,
    older,
    revoked,
)

# --- Rules added ----------------------------------------------------------------------------------


@pytest.mark.parametrize("event_name", [INGRESS, "AuthorizeSecurityGroupEgress"])
def test_rules_added_have_the_direction_of_the_call(event_name: str) -> None:
    added = group_change(event_name, older(asked([SSH])))
    direction = Direction.INGRESS if event_name == INGRESS else Direction.EGRESS

    assert added.action is Action.ADD_RULES
    assert added.direction is direction
    assert added.added == (replace(SSH, direction=direction),)


def test_rules_added_come_with_their_ids_from_the_response() -> None:
    response = older({"securityGroupRuleSet": [answered(SSH)]})

    [added] = group_change(INGRESS, older(asked([SSH])), response).added
    assert added.rule_id == "sgr-0a1b2c3d"


def test_group_called_by_name_has_its_id_in_the_response() -> None:
    request = {"groupName": "web-demo", "ipPermissions": [api_permission(SSH)]}
    added = older({"securityGroupRuleSet": ["?", answered(SSH)]})
    removed = older({"revokedSecurityGroupRuleSet": [revoked(SSH)]})

    for change in (group_change(INGRESS, request, added), group_change(REVOKE, request, removed)):
        assert (change.group_name, change.group_id) == ("web-demo", GROUP["groupId"])
    assert group_change(INGRESS, request).group_id is None


@pytest.mark.parametrize(
    ("request_parameters", "response", "is_omitted"),
    [
        pytest.param(older(asked([SSH])), OMITTED, False, id="the-request-tells"),
        pytest.param(
            OMITTED,
            older({"securityGroupRuleSet": [answered(SSH)]}),
            False,
            id="the-response-tells",
        ),
        pytest.param(OMITTED, None, True, id="request"),
        pytest.param(OMITTED, OMITTED, True, id="both"),
        pytest.param(None, OMITTED, True, id="request-null"),
        pytest.param({**OMITTED, "omitted": "true"}, None, True, id="mark-as-text"),
        pytest.param({f"{INGRESS}Request": OMITTED}, None, True, id="mark-in-the-wrapper"),
        pytest.param({**GROUP, "omitted": True}, {"_return": True}, True, id="group-left-in"),
    ],
)
def test_rules_left_out_are_told_as_left_out_only_if_nothing_else_tells_them(
    request_parameters: object, response: object, is_omitted: bool
) -> None:
    added = group_change(INGRESS, request_parameters, response)

    assert added.is_omitted is is_omitted
    assert added.added == (() if is_omitted else (SSH,))


def test_rule_that_cannot_be_read_is_a_problem_beside_the_others() -> None:
    request = older(asked([SSH, HTTPS]))
    request["ipPermissions"]["items"][1]["ipRanges"] = {"omitted": True}

    added = group_change(INGRESS, request)
    assert added.added == (SSH,)
    assert added.problems == (
        "ipPermissions[1].ipRanges: expected a CIDR, a prefix list or a group",
    )


# --- Rules removed --------------------------------------------------------------------------------

BY_ID = {**GROUP, "securityGroupRuleIds": [{"securityGroupRuleId": "sgr-1"}]}
BOTH = older(asked([SSH, HTTPS]))
GONE = {"revokedSecurityGroupRuleSet": [revoked(SSH)]}
ANOTHER = {"revokedSecurityGroupRuleSet": [revoked(SSH), {"cidrIpv4": "?"}]}
UNKNOWN = {"unknownIpPermissionSet": [api_permission(HTTPS)]}
STRANGE = {"unknownIpPermissionSet": [{"ipProtocol": "tcp"}]}


@pytest.mark.parametrize(
    ("request_parameters", "response", "removed", "missed"),
    [
        pytest.param(BOTH, None, [SSH, HTTPS], [], id="asked-for-before-2025"),
        pytest.param(BOTH, UNKNOWN, [SSH], [HTTPS], id="one-of-two-not-found-before-2025"),
        pytest.param(BOTH, GONE, [SSH], [], id="the-response-names-what-went"),
        pytest.param(BOTH, {**GONE, **UNKNOWN}, [SSH], [HTTPS], id="and-what-was-not-found"),
        pytest.param(
            BOTH, {"revokedSecurityGroupRuleSet": []}, [], [SSH, HTTPS], id="nothing-went"
        ),
        pytest.param(BY_ID, GONE, [SSH], [], id="by-id"),
        pytest.param(BY_ID, {"_return": True}, [], [], id="by-id-before-2025"),
        pytest.param(BY_ID, {"revokedSecurityGroupRuleSet": {}}, [], [], id="by-id-nothing-went"),
        pytest.param({**BY_ID, "omitted": True}, GONE, [SSH], [], id="request-omitted"),
        pytest.param(BOTH, {**ANOTHER}, [SSH, HTTPS], [], id="the-request-fills-the-gap"),
    ],
)
def test_rules_removed_are_what_went_not_what_was_asked_for(
    request_parameters: object,
    response: object,
    removed: list[SecurityGroupRule],
    missed: list[SecurityGroupRule],
) -> None:
    read = group_change(REVOKE, request_parameters, response and older(response))

    assert read.action is Action.REMOVE_RULES
    assert (read.removed, read.missed) == (tuple(removed), tuple(missed))
    assert (read.problems, read.is_omitted) == ((), False)
    assert read.rule_ids == (("sgr-1",) if request_parameters != BOTH else ())


@pytest.mark.parametrize(
    ("request_parameters", "response", "problem"),
    [
        pytest.param(BY_ID, ANOTHER, "revokedSecurityGroupRuleSet[1].peer", id="one-of-two-by-id"),
        pytest.param(BOTH, STRANGE, "unknownIpPermissionSet[0].peer", id="who-knows-what-is-left"),
        pytest.param({**BOTH, "cidrIp": "?"}, None, "requestParameters[0].peer", id="request"),
        pytest.param(
            {**BOTH, "cidrIp": "?"},
            {"revokedSecurityGroupRuleSet": ""},
            "requestParameters[0].peer",
            id="request-of-which-nothing-went",
        ),
    ],
)
def test_rule_removed_that_cannot_be_read_is_a_problem(
    request_parameters: object, response: object, problem: str
) -> None:
    read = group_change(REVOKE, request_parameters, response)

    assert read.removed + read.missed
    assert len(read.problems) == 1
    assert read.problems[0].startswith(problem)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param({"items": [{"securityGroupRuleId": "sgr-1"}]}, id="older"),
        pytest.param({"items": ["sgr-1"]}, id="older-texts"),
        pytest.param(["sgr-1", "", {}, None, {"tag": 2}], id="array-with-holes"),
        pytest.param("sgr-1", id="lone-text"),
        pytest.param({"content": "sgr-1", "tag": 1}, id="wrapped"),
        pytest.param([{"content": "sgr-1", "tag": 1}], id="array-of-wrapped"),
        pytest.param({"SecurityGroupRuleId": "sgr-1", "tag": 1}, id="lone-object"),
    ],
)
def test_rules_are_named_by_id_in_any_wrapping(ids: object) -> None:
    assert group_change(REVOKE, {"securityGroupRuleIds": ids}).rule_ids == ("sgr-1",)
    assert group_change(REVOKE, {"SecurityGroupRuleId": ids}).rule_ids == ("sgr-1",)


@pytest.mark.parametrize(
    ("response", "matched_nothing"),
    [
        pytest.param({"revokedSecurityGroupRuleSet": {}}, True, id="none-went"),
        pytest.param({"revokedSecurityGroupRuleSet": [revoked(SSH)]}, False, id="one-went"),
        pytest.param({"revokedSecurityGroupRuleSet": ["?"]}, False, id="not-readable"),
        pytest.param({"_return": True}, False, id="before-2025"),
        pytest.param(None, False, id="no-response"),
    ],
)
def test_revoke_by_id_matched_nothing_only_where_ec2_says_so(
    response: object, matched_nothing: bool
) -> None:
    read = group_change(REVOKE, BY_ID, response)

    assert read.matched_nothing is matched_nothing


def test_rules_removed_but_left_out_are_told_as_left_out() -> None:
    assert group_change(REVOKE, OMITTED, {"_return": True}).is_omitted


# --- Rules modified -------------------------------------------------------------------------------


def test_rules_modified_have_new_values_and_no_direction() -> None:
    request = {f"{MODIFY}Request": newer(edited([SSH, HTTPS]))}
    response = {f"{MODIFY}Response": {"requestId": "da33552d", "return": True}}

    modified = group_change(MODIFY, request, response)
    assert modified == SecurityGroupChange(
        action=Action.MODIFY_RULES,
        group_id=GROUP["groupId"],
        added=rules("unknown tcp 22 from 0.0.0.0/0", "unknown tcp 443 from 0.0.0.0/0"),
    )
    assert [rule.rule_id for rule in modified.added] == ["sgr-0a1b2c3d"] * 2


def test_rule_modified_that_cannot_be_read_is_a_problem_beside_the_others() -> None:
    request = edited([SSH, HTTPS])
    request["securityGroupRule"][0] = {"securityGroupRuleId": "sgr-1", "securityGroupRule": "?"}

    modified = group_change(MODIFY, request)
    assert modified.added == rules("unknown tcp 443 from 0.0.0.0/0")
    assert modified.problems == ("SecurityGroupRule[0][0]: expected an object, found str",)


def test_rules_modified_but_left_out_are_told_as_left_out() -> None:
    assert group_change(MODIFY, {f"{MODIFY}Request": OMITTED}).is_omitted
    assert not group_change(MODIFY, edited([SSH]), OMITTED).is_omitted
