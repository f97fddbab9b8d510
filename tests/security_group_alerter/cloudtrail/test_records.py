"""One CloudTrail document becomes one record, whatever is missing in it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.cloudtrail.payload import LogStream
from security_group_alerter.cloudtrail.records import record_of
from security_group_alerter.model.principal import Principal, Session
from security_group_alerter.model.record import CloudTrailRecord, Outcome, Refusal
from tests.security_group_alerter.builders import calmly

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
MEMBERS = LogStream(organization_id="o-exampleorgid", account_id="222233334444")


def read(**members: Any) -> CloudTrailRecord:
    return record_of(members, LogStream())


def test_empty_document_tells_nothing_and_that_is_all() -> None:
    assert read() == CloudTrailRecord(
        event_id=None,
        event_name=None,
        event_source=None,
        event_time=None,
        region=None,
        account_id=None,
        organization_id=None,
        principal=Principal(),
        session=Session(),
        outcome=Outcome.SUCCEEDED,
        error_code=None,
        refusal=None,
        is_network_activity=False,
        original_event_id=None,
        log_group=None,
        request=None,
        response=None,
    )


def test_whole_document() -> None:
    document = {
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "userName": "maria", "accountId": "333344445555"},
        "eventTime": "2026-11-18T10:15:29Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DeleteSecurityGroup",
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "203.0.113.24",
        "errorCode": "Client.DependencyViolation",
        "errorMessage": "resource sg-0a1b2c3d has a dependent object",
        "requestParameters": {"groupId": "sg-0a1b2c3d"},
        "responseElements": None,
        "eventID": "8f691526-44a1-4016-91f7-c3983af31934",
        "addendum": {
            "reason": "DELIVERY_DELAY",
            "originalEventID": "da33552d-4a20-4516-a58b-9da5b2b1cf8e",
        },
        "recipientAccountId": "222233334444",
    }

    assert record_of(document, MEMBERS, "organization-trail") == CloudTrailRecord(
        event_id="8f691526-44a1-4016-91f7-c3983af31934",
        event_name="DeleteSecurityGroup",
        event_source="ec2.amazonaws.com",
        event_time=datetime(2026, 11, 18, 10, 15, 29, tzinfo=UTC),
        region="eu-central-1",
        account_id="222233334444",
        organization_id="o-exampleorgid",
        principal=Principal(identity_type="IAMUser", person="maria", account_id="333344445555"),
        session=Session(source_address="203.0.113.24"),
        outcome=Outcome.FAILED,
        error_code="Client.DependencyViolation",
        refusal=Refusal(message="resource sg-0a1b2c3d has a dependent object"),
        is_network_activity=False,
        original_event_id="da33552d-4a20-4516-a58b-9da5b2b1cf8e",
        log_group="organization-trail",
        request={"groupId": "sg-0a1b2c3d"},
        response=None,
    )


@pytest.mark.parametrize(
    ("error_code", "outcome"),
    [
        pytest.param("Client.DependencyViolation", Outcome.FAILED, id="group-in-use"),
        pytest.param("Client.InvalidPermission.Duplicate", Outcome.FAILED, id="duplicate"),
        pytest.param("Client.InvalidGroup.NotFound", Outcome.FAILED, id="no-such-group"),
        pytest.param("Server.InternalError", Outcome.FAILED, id="ec2s-own-fault"),
        pytest.param("TrailNotFoundException", Outcome.FAILED, id="no-such-trail"),
        pytest.param("Something.New", Outcome.FAILED, id="code-of-tomorrow"),
        pytest.param("Client.DryRunOperation", Outcome.DRY_RUN, id="dry-run"),
        pytest.param("Client.UnauthorizedOperation", Outcome.DENIED, id="denied-by-ec2"),
        pytest.param("UnauthorizedOperation", Outcome.DENIED, id="denied-without-prefix"),
        pytest.param("Client.AuthFailure", Outcome.DENIED, id="not-authenticated"),
        pytest.param("AccessDenied", Outcome.DENIED, id="denied"),
        pytest.param("AccessDeniedException", Outcome.DENIED, id="denied-by-cloudtrail"),
        pytest.param("VpceAccessDenied", Outcome.DENIED, id="denied-by-an-endpoints-policy"),
        pytest.param("NotOrganizationMasterAccountException", Outcome.FAILED, id="not-management"),
        pytest.param("OperationNotPermittedException", Outcome.FAILED, id="not-permitted"),
        pytest.param("", Outcome.SUCCEEDED, id="empty-code"),
        pytest.param(None, Outcome.SUCCEEDED, id="null"),
        pytest.param({}, Outcome.SUCCEEDED, id="code-that-is-no-text"),
    ],
)
def test_error_code_tells_the_outcome(error_code: object, outcome: Outcome) -> None:
    assert read(errorCode=error_code).outcome is outcome


@pytest.mark.parametrize(
    ("written", "time"),
    [
        pytest.param("yesterday", None, id="word"),
        pytest.param("2026-13-01T00:00:00Z", None, id="thirteenth-month"),
        pytest.param("0001-01-01T00:00:00+23:59", None, id="before-the-first-year"),
        pytest.param({}, None, id="object"),
        pytest.param("2026-11-18T12:00:00Z", NOON, id="utc"),
        pytest.param("2026-11-18T12:00:00", NOON, id="no-zone"),
        pytest.param("2026-11-18T13:00:00+01:00", NOON, id="another-zone"),
    ],
)
def test_time_is_in_utc(written: object, time: datetime | None) -> None:
    assert read(eventTime=written).event_time == time


@pytest.mark.parametrize(
    ("members", "is_copy"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"eventCategory": "Management", "eventType": "AwsApiCall"}, False, id="call"),
        pytest.param({"eventCategory": "NetworkActivity"}, True, id="category"),
        pytest.param({"eventType": "AwsVpceEvent"}, True, id="type"),
        pytest.param({"eventCategory": ["NetworkActivity"]}, False, id="list"),
    ],
)
def test_what_a_vpc_endpoint_saw_is_marked(members: dict[str, Any], is_copy: bool) -> None:
    assert read(**members).is_network_activity is is_copy


@pytest.mark.parametrize("member", ["requestParameters", "responseElements"])
@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param('{"groupId": "sg-1"}', {"groupId": "sg-1"}, id="object"),
        pytest.param("null", None, id="null"),
        pytest.param("", "", id="empty"),
        pytest.param("sg-1", "sg-1", id="no-json"),
        pytest.param('{"groupId": ', '{"groupId": ', id="cut-short"),
        pytest.param("[" * 100_000, "[" * 100_000, id="too-deep"),
        pytest.param("9" * 5000, "9" * 5000, id="more-digits-than-python-reads"),
        pytest.param({"groupId": "sg-1"}, {"groupId": "sg-1"}, id="an-object-as-ever"),
    ],
)
def test_request_and_response_may_come_as_json_text(
    member: str, written: object, value: object
) -> None:
    record = read(**{member: written})

    assert (record.request if member == "requestParameters" else record.response) == value


CALLER = {"accountId": "333344445555"}


@pytest.mark.parametrize(
    ("members", "stream", "account_id"),
    [
        pytest.param({}, LogStream(), None, id="nobody-tells"),
        pytest.param({"userIdentity": CALLER}, LogStream(), "333344445555", id="caller-is-a-guess"),
        pytest.param({"userIdentity": CALLER}, MEMBERS, "222233334444", id="stream-knows-better"),
        pytest.param(
            {"userIdentity": CALLER, "recipientAccountId": "444455556666"},
            MEMBERS,
            "444455556666",
            id="record-knows-best",
        ),
        pytest.param(
            {"recipientAccountId": 11122223333}, MEMBERS, "011122223333", id="number-lost-its-zero"
        ),
        pytest.param({"recipientAccountId": "anonymous"}, MEMBERS, "222233334444", id="no-account"),
        pytest.param({"recipientAccountId": -1}, MEMBERS, "222233334444", id="negative"),
        pytest.param({"recipientAccountId": True}, MEMBERS, "222233334444", id="boolean"),
    ],
)
def test_account_is_the_one_that_was_changed(
    members: dict[str, Any], stream: LogStream, account_id: str | None
) -> None:
    assert record_of(members, stream).account_id == account_id


@pytest.mark.parametrize(
    ("written", "region"),
    [
        pytest.param(None, None, id="null"),
        pytest.param("", None, id="empty"),
        pytest.param([], None, id="list"),
        pytest.param({"content": ""}, None, id="wrapped-emptiness"),
        pytest.param({"content": 7}, None, id="wrapped-number"),
        pytest.param("eu-central-1", "eu-central-1", id="text"),
        pytest.param({"content": "eu-central-1", "tag": 1}, "eu-central-1", id="wrapped-text"),
        pytest.param(7, "7", id="number"),
        pytest.param(1.5, "1.5", id="fraction"),
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
    ],
)
def test_text_is_read_in_every_way_that_it_is_written(written: object, region: str | None) -> None:
    assert read(awsRegion=written).region == region


KEYS = st.sampled_from(
    [
        *("eventTime", "userIdentity", "errorCode", "addendum", "userAgent", "type", "arn"),
        *("sessionContext", "sessionIssuer", "attributes", "mfaAuthenticated", "accountId"),
        *("principalId", "userName", "invokedBy", "onBehalfOf", "userId", "originalEventID"),
        *("recipientAccountId", "sessionCredentialFromConsole", "errorMessage", "eventType"),
        *("invokedByDelegate", "inScopeOf", "credentialsIssuedTo", "identityProvider"),
        *("webIdFederationData", "federatedProvider", "requestParameters"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TEXTS = st.sampled_from(
    ["AssumedRole", "Root", "Role", "arn:aws:sts::1:assumed-role/a", "a:b", "/"]
)


DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS | TEXTS, lambda values: st.dictionaries(KEYS, values, max_size=4), max_leaves=12
    ),
)


@calmly
@given(DOCUMENTS)
def test_no_document_is_too_strange(document: dict[str, Any]) -> None:
    record = record_of(document, MEMBERS)

    assert record.account_id
    assert record.principal.is_known in (True, False)
