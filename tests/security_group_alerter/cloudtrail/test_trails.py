"""What a call on a trail takes from our sight, and what it leaves."""

from collections.abc import Mapping
from typing import Any

import pytest

from security_group_alerter.cloudtrail.changes import UnreadableRecordError, change_of
from security_group_alerter.model.change import Blinding, TrailAction, TrailChange
from tests.security_group_alerter.builders import record

ARN = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"


def change(event_name: str, request: Any, response: Any = None, **members: Any) -> TrailChange:
    read = change_of(
        record(
            eventSource="cloudtrail.amazonaws.com",
            eventName=event_name,
            requestParameters=request,
            responseElements=response,
            **members,
        )
    )
    assert isinstance(read, TrailChange)
    return read


@pytest.mark.parametrize(
    ("event_name", "action", "blinded"),
    [
        pytest.param("StopLogging", TrailAction.STOP, Blinding.STOPPED, id="stopped"),
        pytest.param("DeleteTrail", TrailAction.DELETE, Blinding.DELETED, id="deleted"),
    ],
)
@pytest.mark.parametrize("name", ["organization-trail", ARN])
def test_trail_that_is_stopped_or_deleted_is_named_as_it_was_called(
    event_name: str, action: TrailAction, blinded: Blinding, name: str
) -> None:
    assert change(event_name, {"name": name}) == TrailChange(
        action=action, trail=name, blinded=(blinded,)
    )


@pytest.mark.parametrize(
    ("changed", "blinded"),
    [
        pytest.param({}, (), id="nothing"),
        pytest.param({"kmsKeyId": ""}, (), id="encryption"),
        pytest.param({"enableLogFileValidation": False}, (), id="validation"),
        pytest.param(
            {"isMultiRegionTrail": True, "isOrganizationTrail": "true"}, (), id="sees-all"
        ),
        pytest.param({"isMultiRegionTrail": None}, (), id="null-leaves-it-as-it-is"),
        pytest.param({"cloudWatchLogsLogGroupArn": None}, (), id="null-leaves-the-log-group"),
        pytest.param({"isMultiRegionTrail": False}, (Blinding.NOT_EVERY_REGION,), id="one-region"),
        pytest.param(
            {"isOrganizationTrail": "false"},
            (Blinding.NO_MEMBER_ACCOUNTS,),
            id="one-account-with-the-flag-as-text",
        ),
        pytest.param(
            {"cloudWatchLogsLogGroupArn": "", "cloudWatchLogsRoleArn": ""},
            (Blinding.NO_LOG_GROUP,),
            id="no-log-group",
        ),
        pytest.param(
            {"isOrganizationTrail": False, "isMultiRegionTrail": False},
            (Blinding.NOT_EVERY_REGION, Blinding.NO_MEMBER_ACCOUNTS),
            id="one-region-of-one-account",
        ),
    ],
)
def test_update_blinds_by_what_it_names(
    changed: dict[str, Any], blinded: tuple[Blinding, ...]
) -> None:
    update = change("UpdateTrail", {"name": ARN, **changed})

    assert (update.action, update.trail, update.blinded) == (TrailAction.UPDATE, ARN, blinded)


@pytest.mark.parametrize(
    "log_group_arn",
    [None, "", "arn:aws:logs:eu-central-1:111122223333:log-group:another:*"],
    ids=["left", "taken-away", "another"],
)
def test_update_tells_the_log_group_that_it_sets(log_group_arn: str | None) -> None:
    request = {"name": ARN, "cloudWatchLogsLogGroupArn": log_group_arn}

    assert change("UpdateTrail", request).log_group_arn == log_group_arn


def test_updated_trail_may_be_named_by_the_response_only() -> None:
    assert change("UpdateTrail", None, {"trailARN": ARN}).trail == ARN


def advanced(*selectors: Mapping[str, object]) -> dict[str, Any]:
    """Advanced selectors: each a field and what it equals, or `field!` and what it does not."""
    return {
        "advancedEventSelectors": [
            {
                "name": "…",
                "fieldSelectors": [
                    {
                        "field": field.removesuffix("!"),
                        "notEquals" if field.endswith("!") else "equals": values,
                    }
                    for field, values in selector.items()
                ],
            }
            for selector in selectors
        ]
    }


MANAGEMENT = {"eventCategory": ["Management"]}
OBJECTS = {"eventCategory": ["Data"], "resources.type": ["AWS::S3::Object"]}
WITHOUT_KEYS = (
    {"field": "eventCategory", "equals": ["Management"]},
    {"field": "eventSource", "equals": [], "notEquals": ["kms.amazonaws.com"], "endsWith": None},
)
WRITES_ONLY = {"readWriteType": "WriteOnly", "includeManagementEvents": True}
READS_ONLY = {"readWriteType": "ReadOnly", "includeManagementEvents": True}
DATA_ONLY = {"readWriteType": "All", "includeManagementEvents": False}

NONE = (Blinding.NO_MANAGEMENT_EVENTS,)
READS = (Blinding.READING_CALLS_ONLY,)
SOME = (Blinding.SOME_MANAGEMENT_EVENTS,)


@pytest.mark.parametrize(
    ("selectors", "blinded"),
    [
        pytest.param({"eventSelectors": [{}]}, (), id="everything-by-default"),
        pytest.param({"eventSelectors": [WRITES_ONLY]}, (), id="writes"),
        pytest.param({"eventSelectors": [DATA_ONLY, WRITES_ONLY]}, (), id="data-and-writes"),
        pytest.param({"EventSelectors": {"items": [WRITES_ONLY]}}, (), id="in-another-dialect"),
        pytest.param(
            {"eventSelectors": [{"excludeManagementEventSources": ["kms.amazonaws.com"]}]},
            (),
            id="all-but-keys",
        ),
        pytest.param(advanced(MANAGEMENT), (), id="management"),
        pytest.param(advanced(OBJECTS, MANAGEMENT), (), id="objects-and-management"),
        pytest.param(advanced({**MANAGEMENT, "readOnly": ["false"]}), (), id="management-writes"),
        pytest.param(
            advanced({**MANAGEMENT, "readOnly": [False]}), (), id="management-writes-as-a-boolean"
        ),
        pytest.param(
            advanced({**MANAGEMENT, "readOnly": [True]}), SOME, id="management-reads-as-a-boolean"
        ),
        pytest.param(
            advanced({**MANAGEMENT, "eventSource!": [["kms.amazonaws.com"]]}),
            SOME,
            id="management-but-what-is-no-text",
        ),
        pytest.param(
            advanced({**MANAGEMENT, "readOnly": ["true"]}, {**MANAGEMENT, "readOnly": ["false"]}),
            (),
            id="reads-and-writes-apart",
        ),
        pytest.param(
            advanced(
                {**MANAGEMENT, "eventSource!": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}
            ),
            (),
            id="management-but-keys-and-data-api",
        ),
        pytest.param(
            {"advancedEventSelectors": [{"fieldSelectors": [*WITHOUT_KEYS]}]},
            (),
            id="conditions-that-are-empty",
        ),
        pytest.param({"eventSelectors": [DATA_ONLY]}, NONE, id="data-only"),
        pytest.param(
            {"eventSelectors": [{**WRITES_ONLY, "includeManagementEvents": "false"}]},
            NONE,
            id="data-only-with-the-flag-as-text",
        ),
        pytest.param({"eventSelectors": [READS_ONLY]}, READS, id="reads-only"),
        pytest.param({"eventSelectors": [DATA_ONLY, READS_ONLY]}, READS, id="data-and-reads"),
        pytest.param(advanced(OBJECTS), NONE, id="objects-only"),
        pytest.param(advanced({"eventCategory": "Data"}), NONE, id="a-lone-value"),
        pytest.param({"advancedEventSelectors": [{"name": "empty"}]}, NONE, id="no-fields"),
        pytest.param(advanced({**MANAGEMENT, "readOnly": ["true"]}), SOME, id="management-reads"),
        pytest.param(
            advanced({**MANAGEMENT, "eventSource!": ["ec2.amazonaws.com"]}), SOME, id="all-but-ec2"
        ),
        pytest.param(
            advanced({**MANAGEMENT, "eventSource": ["iam.amazonaws.com"]}), SOME, id="iam-only"
        ),
        pytest.param(
            advanced({**MANAGEMENT, "eventName!": ["RunInstances"]}), SOME, id="all-but-one-call"
        ),
        pytest.param(
            advanced(OBJECTS, {**MANAGEMENT, "readOnly": ["true"]}), SOME, id="objects-and-reads"
        ),
    ],
)
def test_selectors_blind_by_what_they_leave_out(
    selectors: dict[str, Any], blinded: tuple[Blinding, ...]
) -> None:
    named = change("PutEventSelectors", {"trailName": "organization-trail", **selectors})
    answered = change("PutEventSelectors", None, {"trailARN": ARN, **selectors})

    assert (named.action, named.trail) == (TrailAction.SELECT_EVENTS, "organization-trail")
    assert (answered.action, answered.trail) == (TrailAction.SELECT_EVENTS, ARN)
    assert named.blinded == answered.blinded == blinded


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "response", "complaint"),
    [
        pytest.param("StopLogging", None, None, "neither request nor response", id="stop-what"),
        pytest.param("DeleteTrail", {"name": ""}, None, "neither request", id="delete-what"),
        pytest.param("UpdateTrail", {"omitted": True}, None, "neither request", id="update-what"),
        pytest.param("PutEventSelectors", None, None, "no event selectors", id="select-what"),
        pytest.param(
            "PutEventSelectors",
            {"trailName": "organization-trail", "eventSelectors": []},
            {"trailARN": ARN},
            "no event selectors",
            id="selectors-of-no-known-shape",
        ),
    ],
)
def test_what_tells_too_little_is_unreadable_unless_it_was_refused(
    event_name: str, request_parameters: Any, response: Any, complaint: str
) -> None:
    with pytest.raises(UnreadableRecordError, match=complaint):
        change(event_name, request_parameters, response)
    refused = change(event_name, request_parameters, response, errorCode="AccessDenied")
    assert refused.trail in (None, "organization-trail")
