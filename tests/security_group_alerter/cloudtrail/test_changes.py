"""Which calls are ours, and what is said of one that cannot be read or was refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.attachments import groups_attached
from security_group_alerter.cloudtrail.changes import READERS, UnreadableRecordError, change_of
from security_group_alerter.model.change import (
    Action,
    AttachmentChange,
    Change,
    PrefixListChange,
    SecurityGroupChange,
)
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
    edited,
    group_change,
    newer,
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
        pytest.param(
            "elasticache.amazonaws.com", "AuthorizeCacheSecurityGroupIngress", id="cache-group"
        ),
        pytest.param(
            "redshift.amazonaws.com", "RevokeClusterSecurityGroupIngress", id="cluster-group"
        ),
        pytest.param("ec2.amazonaws.com", "LeaveOrganization", id="organizations-call-of-ec2"),
        pytest.param(
            "organizations.amazonaws.com", "RegisterDelegatedAdministrator", id="another-delegation"
        ),
        pytest.param("ec2.amazonaws.com", "GetManagedPrefixListEntries", id="reading-a-list"),
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
        pytest.param(INGRESS, "omitted", "neither request", id="text-instead"),
        pytest.param(INGRESS, '{"groupId": "sg-1"}', "neither request", id="json-text-no-rules"),
        pytest.param(INGRESS, '{"omitted": true', "neither request", id="json-text-cut-short"),
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
        pytest.param(
            INGRESS, {"ruleTemplate": "open"}, "neither", id="unknown-parameter-of-no-group"
        ),
        pytest.param(
            INGRESS, {**GROUP, "ruleTemplate": []}, "neither", id="unknown-parameter-that-is-empty"
        ),
        pytest.param(REVOKE, GROUP, "neither request nor response", id="revoke-nothing"),
        pytest.param(
            MODIFY,
            {**GROUP, "securityGroupRule": {"cidrIpv4": "0.0.0.0/0"}},
            r"SecurityGroupRule\[0\]",
            id="modify-that-is-nested-once",
        ),
        pytest.param(MODIFY, {**GROUP, "rules": []}, "neither", id="modify-in-no-known-shape"),
        pytest.param(MODIFY, {**GROUP, "securityGroupRules": {}}, "neither", id="modify-no-rules"),
        pytest.param("CreateSecurityGroup", {"vpcId": "vpc-1"}, "neither", id="group-without-name"),
        pytest.param("DeleteSecurityGroup", {}, "neither", id="delete-nothing"),
        pytest.param("ModifyManagedPrefixList", None, "neither request", id="no-prefix-list"),
        pytest.param(
            "ModifyManagedPrefixList", {"entriesFrom": "x"}, "neither", id="parameter-of-no-list"
        ),
        pytest.param("DeleteManagedPrefixList", {}, "neither request", id="delete-no-list"),
        pytest.param(
            "RestoreManagedPrefixListVersion",
            {"prefixListId": "pl-1"},
            "neither",
            id="restore-what",
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


# --- Parameters newer than the reader -------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_name", "request_parameters"),
    [
        pytest.param(INGRESS, {**GROUP, "ruleTemplate": "open"}, id="rules"),
        pytest.param(INGRESS, {"groupName": "web", "RuleTemplate": {"a": 1}}, id="group-by-name"),
        pytest.param(REVOKE, {**GROUP, "ruleTemplate": "open"}, id="revoke"),
        pytest.param(MODIFY, {**GROUP, "ruleTemplate": ["open"]}, id="edit"),
        pytest.param(
            MODIFY,
            {f"{MODIFY}Request": {"GroupId": "sg-1", "RuleTemplate": 7, "ClientToken": "x"}},
            id="in-its-wrapper",
        ),
        pytest.param("DeleteSecurityGroup", {**GROUP, "ruleTemplate": True}, id="delete"),
        pytest.param(
            "ModifyManagedPrefixList", {"prefixListId": "pl-1", "ruleTemplate": "x"}, id="list"
        ),
        pytest.param(
            "CreateManagedPrefixList", {"prefixListId": "pl-1", "ruleTemplate": "x"}, id="new-list"
        ),
        pytest.param(
            "RestoreManagedPrefixListVersion",
            {"prefixListId": "pl-1", "ruleTemplate": "x"},
            id="restore",
        ),
        pytest.param(
            "DeleteManagedPrefixList", {"prefixListId": "pl-1", "ruleTemplate": 0}, id="list-gone"
        ),
    ],
)
def test_parameter_that_nobody_knows_is_named_with_group_or_list(
    event_name: str, request_parameters: object
) -> None:
    read = change(event_name, request_parameters)

    assert isinstance(read, SecurityGroupChange | PrefixListChange)
    assert read.unknown_parameters == ("ruleTemplate",)
    if isinstance(read, SecurityGroupChange):
        assert read.group_id or read.group_name
    else:
        assert read.prefix_list_id == "pl-1"
    is_deletion = read.action is Action.DELETE
    is_restored = read.action is Action.RESTORE
    assert read.cannot_be_judged is not (is_deletion or is_restored)


KNOWN = {
    "rules": (INGRESS, older(asked([SSH]))),
    "rules-with-tags": (INGRESS, older(asked([SSH])) | {"tagSpecificationSet": {"items": [{}]}}),
    "dry-run": (REVOKE, older(asked([SSH])) | {"dryRun": True}),
    "flat": (
        INGRESS,
        {**GROUP, "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIp": "10.0.0.0/8"},
    ),
    "edit": (
        MODIFY,
        {f"{MODIFY}Request": {"xmlns": "http://…", **newer(edited([SSH]))}},
    ),
    "group": (
        "CreateSecurityGroup",
        {"groupName": "web", "groupDescription": "Web", "vpcId": "vpc-1", "tagSpecification": [1]},
    ),
    "list": (
        "CreateManagedPrefixList",
        {"prefixListName": "x", "maxEntries": 1, "addressFamily": "IPv4", "entry": ["::/0"]},
    ),
    "list-sync": (
        "ModifyManagedPrefixList",
        {"prefixListId": "pl-1", "IpamPrefixListResolverSyncEnabled": True, "clientToken": "x"},
    ),
}


@pytest.mark.parametrize(("event_name", "request_parameters"), KNOWN.values(), ids=KNOWN)
def test_parameters_of_today_are_known(event_name: str, request_parameters: object) -> None:
    read = change(event_name, request_parameters)

    assert isinstance(read, SecurityGroupChange | PrefixListChange)
    assert read.unknown_parameters == ()


def test_known_rules_are_read_beside_a_parameter_that_nobody_knows() -> None:
    read = group_change(INGRESS, {**asked([SSH]), "ruleTemplate": "open"})

    assert read.added == (SSH,)
    assert read.unknown_parameters == ("ruleTemplate",)
    assert not read.cannot_be_judged


# --- What the network saw of a call ---------------------------------------------------------------

COPY = {"eventCategory": "NetworkActivity", "eventType": "AwsVpceEvent"}


ON_RULES = {name for name, reader in READERS.items() if reader.service == "events"}
# The calls that are ours only where they name groups.
ATTACHING = {name for name, reader in READERS.items() if reader.read is groups_attached}


@pytest.mark.parametrize("mark", [COPY, {"eventType": COPY["eventType"]}, {**COPY, "eventType": 7}])
@pytest.mark.parametrize("event_name", sorted(READERS))
def test_what_a_vpc_endpoint_saw_of_a_call_is_nothing_unless_it_was_denied(
    event_name: str, mark: dict[str, object]
) -> None:
    names = {"name": "alerter-LogPathTampering", "rule": "alerter-LogPathTampering"}
    access = {"servicePrincipal": "cloudtrail.amazonaws.com"} | names

    least = names if event_name in ON_RULES else GROUP if event_name in ATTACHING else None
    for request in (least, {**GROUP, **access}):
        assert change(event_name, request, eventSource=None, **mark) is None
        for code in ("Client.InvalidGroup.NotFound", "Client.DryRunOperation"):
            refused = change(event_name, request, eventSource=None, errorCode=code, **mark)
            assert refused is None
        for code in ("VpceAccessDenied", "AccessDenied", "Client.UnauthorizedOperation"):
            assert change(event_name, request, eventSource=None, errorCode=code, **mark)


# --- Refused --------------------------------------------------------------------------------------


def test_refused_call_tells_what_it_would_have_done() -> None:
    denied = group_change(INGRESS, older(asked([SSH])), errorCode="Client.UnauthorizedOperation")

    assert denied.added == (SSH,)


GROUP_ARN = "arn:aws:ec2:eu-central-1:222233334444:security-group/sg-0a1b2c3d"
LIST_ARN = "arn:aws:ec2:eu-central-1:222233334444:prefix-list/pl-0a1b2c3d"
NAMED_TRAIL_ARN = "arn:aws-us-gov:cloudtrail:us-gov-west-1:111122223333:trail/organization-trail"


def refused(event_name: str, arn: str, request: object = None) -> Change:
    action = f"ec2:{event_name}"
    read = change(
        event_name,
        request,
        eventSource=None,
        errorCode="Client.UnauthorizedOperation",
        errorMessage=f"You are not authorized to perform: {action} on resource: {arn} because no "
        f"identity-based policy allows the {action} action. Encoded authorization failure "
        f"message: {'x' * 600}",
    )
    assert read is not None
    return read


def called(read: Change) -> str | None:
    match read:
        case SecurityGroupChange():
            return read.group_id
        case PrefixListChange():
            return read.prefix_list_id
        case AttachmentChange():
            return read.target
        case _:
            return read.trail


@pytest.mark.parametrize(
    ("event_name", "arn", "name"),
    [
        pytest.param(INGRESS, GROUP_ARN, "sg-0a1b2c3d", id="group"),
        pytest.param("DeleteSecurityGroup", GROUP_ARN, "sg-0a1b2c3d", id="group-deleted"),
        pytest.param("ModifyManagedPrefixList", LIST_ARN, "pl-0a1b2c3d", id="list"),
        pytest.param("StopLogging", NAMED_TRAIL_ARN, NAMED_TRAIL_ARN, id="trail"),
        pytest.param("PutEventSelectors", NAMED_TRAIL_ARN, NAMED_TRAIL_ARN, id="selectors"),
        pytest.param(INGRESS, LIST_ARN, None, id="not-the-list-that-a-rule-refers-to"),
        pytest.param("ModifyManagedPrefixList", GROUP_ARN, None, id="not-a-group-for-a-list"),
        pytest.param("StopLogging", GROUP_ARN, None, id="not-a-group-for-a-trail"),
        pytest.param("StopLogging", "arn:aws:s3:::a:trail/b", None, id="trail-of-another-service"),
        pytest.param("StopLogging", "arn:", None, id="arn-cut-short"),
        pytest.param(INGRESS, "*", None, id="any-resource"),
    ],
)
def test_what_a_refusal_is_about_may_be_named_by_its_message_only(
    event_name: str, arn: str, name: str | None
) -> None:
    assert called(refused(event_name, arn)) == name


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "arn", "name"),
    [
        pytest.param(INGRESS, GROUP, GROUP_ARN, GROUP["groupId"], id="group"),
        pytest.param(INGRESS, {"groupName": "web"}, GROUP_ARN, None, id="group-by-name"),
        pytest.param(
            "DeleteManagedPrefixList", {"prefixListId": "pl-1"}, LIST_ARN, "pl-1", id="list"
        ),
        pytest.param("StopLogging", {"name": "x-trail"}, NAMED_TRAIL_ARN, "x-trail", id="trail"),
    ],
)
def test_what_the_request_names_stands(
    event_name: str, request_parameters: object, arn: str, name: str | None
) -> None:
    assert called(refused(event_name, arn, request_parameters)) == name


# --- Whatever is in it ----------------------------------------------------------------------------

MEMBERS = st.sampled_from(
    [
        *("groupId", "GroupName", "ipPermissions", "items", "item", "ipProtocol", "fromPort"),
        *("cidrIp", "CidrIpv4", "ipRanges", "groups", "securityGroupRule", "SecurityGroupRule"),
        *("securityGroupRuleIds", "securityGroupRuleSet", "revokedSecurityGroupRuleSet"),
        *("unknownIpPermissionSet", "omitted", "prefixListId", "addEntry", "Cidr", "removeEntry"),
        *("currentVersion", "prefixList", "name", "isOrganizationTrail", "eventSelectors"),
        *("cloudWatchLogsLogGroupArn", "advancedEventSelectors", "fieldSelectors", "field"),
        *("equals", "notEquals", "content", "tag", "servicePrincipal", "accountId"),
        *("memberAccountId", "maxEntries", "prefixListName", "dataResources", "ruleTemplate"),
        *("securityGroupRuleDescription", "securityGroupRuleId", "description", "userId"),
        *("groupSet", "securityGroupId", "networkInterfaceId", "attribute"),
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
            read = change(event_name, request, response, eventSource=None)
            # Of the calls of its name, only those for CloudTrail, or on our own rules, are ours.
            may_be_anothers = ON_RULES | ATTACHING | {"DisableAWSServiceAccess"}
            assert read is not None or event_name in may_be_anothers
