"""Which calls are ours, and what is said of one that cannot be read or was refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from tests.security_group_alerter.builders import calmly, record
from tests.security_group_alerter.cloudtrail.calls import (
    GROUP,
    INGRESS,
    MODIFY,
    OMITTED,
    REVOKE,
    SSH,
    asked,
    change,
    group_change,
    older,
)

# --- Not ours -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_source", "event_name"),
    [
        pytest.param("ec2.amazonaws.com", None, id="no-name"),
        pytest.param("ec2.amazonaws.com", "", id="empty-name"),
        pytest.param("ec2.amazonaws.com", "DescribeSecurityGroups", id="reading"),
        pytest.param("ec2.amazonaws.com", "RunInstances", id="another-call"),
        pytest.param("ec2.amazonaws.com", "authorizesecuritygroupingress", id="lower-case"),
        pytest.param("ec2.amazonaws.com", "StopLogging", id="trail-call-of-ec2"),
        pytest.param("rds.amazonaws.com", "AuthorizeDBSecurityGroupIngress", id="database-group"),
        pytest.param("rds.amazonaws.com", "CreateSecurityGroup", id="our-name-of-another-service"),
        pytest.param("cloudtrail.amazonaws.com", "StartLogging", id="trail-started"),
    ],
)
def test_call_that_is_not_ours_is_nothing(event_source: str, event_name: str | None) -> None:
    assert change_of(record(eventSource=event_source, eventName=event_name)) is None


@pytest.mark.parametrize("event_source", [None, "", "ec2.amazonaws.com", "ec2.amazonaws.com.cn"])
def test_source_that_is_missing_or_from_another_partition_is_no_reason_to_be_silent(
    event_source: str | None,
) -> None:
    created = record(
        eventSource=event_source, eventName="CreateSecurityGroup", requestParameters=GROUP
    )

    assert change_of(created)


# --- Unreadable, or refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "complaint"),
    [
        pytest.param(INGRESS, None, "neither request nor response", id="null"),
        pytest.param(INGRESS, GROUP, "neither request nor response", id="no-rules"),
        pytest.param(INGRESS, '{"omitted": true}', "neither request", id="text-instead"),
        pytest.param(INGRESS, {"omitted": "no"}, "neither request", id="not-omitted-after-all"),
        pytest.param(
            INGRESS, {**GROUP, "ipPermissions": OMITTED}, r"ipPermissions\[0\]", id="rules-omitted"
        ),
        pytest.param(
            INGRESS, {**GROUP, "cidrIp": "any"}, r"requestParameters\[0\]\.peer: 'any'", id="flat"
        ),
        pytest.param(
            INGRESS, {"SomeOtherRequest": {"GroupId": "sg-1"}}, "neither", id="another-wrapper"
        ),
        pytest.param(REVOKE, GROUP, "neither request nor response", id="revoke-nothing"),
        pytest.param(
            MODIFY,
            {**GROUP, "securityGroupRule": {"cidrIpv4": "0.0.0.0/0"}},
            r"SecurityGroupRule\[0\]",
            id="modify-that-is-nested-once",
        ),
        pytest.param(MODIFY, {**GROUP, "rules": []}, "neither", id="modify-in-no-known-shape"),
        pytest.param("CreateSecurityGroup", {"vpcId": "vpc-1"}, "neither", id="group-without-name"),
        pytest.param("DeleteSecurityGroup", {}, "neither", id="delete-nothing"),
        pytest.param(
            "ModifyManagedPrefixList", None, "request: expected entries", id="no-prefix-list"
        ),
    ],
)
def test_success_in_no_shape_that_we_know_is_unreadable_and_a_refusal_is_not(
    event_name: str, request_parameters: object, complaint: str
) -> None:
    with pytest.raises(UnreadableRecordError, match=complaint):
        change(event_name, request_parameters)
    assert change(event_name, request_parameters, errorCode="Client.UnauthorizedOperation")
    assert change(event_name, request_parameters, errorCode="Client.DryRunOperation")
    assert change(event_name, request_parameters, errorCode="Client.InvalidGroup.NotFound")


def test_refused_call_tells_what_it_would_have_done() -> None:
    denied = group_change(INGRESS, older(asked([SSH])), errorCode="Client.UnauthorizedOperation")

    assert denied.added == (SSH,)


MEMBERS = st.sampled_from(
    [
        *("groupId", "GroupName", "ipPermissions", "items", "item", "ipProtocol", "fromPort"),
        *("cidrIp", "CidrIpv4", "ipRanges", "groups", "securityGroupRule", "SecurityGroupRule"),
        *("securityGroupRuleIds", "securityGroupRuleSet", "revokedSecurityGroupRuleSet"),
        *("unknownIpPermissionSet", "omitted", "prefixListId", "addEntry", "Cidr", "removeEntry"),
        *("currentVersion", "prefixList", "name", "isOrganizationTrail", "eventSelectors"),
        *("cloudWatchLogsLogGroupArn", "advancedEventSelectors", "fieldSelectors", "field"),
        *("equals", "notEquals", "content", "tag"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
WORDS = st.sampled_from(["0.0.0.0/0", "sg-1", "eventCategory", "Management", "eventSource", "true"])
JSON = st.recursive(
    SCALARS | WORDS,
    lambda values: st.lists(values, max_size=2) | st.dictionaries(MEMBERS, values, max_size=4),
    max_leaves=12,
)


@calmly
@given(st.sampled_from(sorted(READERS)), JSON, JSON)
def test_no_success_of_ours_is_silent_and_none_breaks_the_road(
    event_name: str, written: object, answered: object
) -> None:
    wrapped = ({f"{event_name}Request": written}, {f"{event_name}Response": answered})

    for request, response in ((written, answered), wrapped):
        with suppress(UnreadableRecordError):
            assert change(event_name, request, response, eventSource=None) is not None
