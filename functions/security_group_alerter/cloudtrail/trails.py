"""Step 3b: calls that stop, delete or blind a trail become TrailChanges.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.change import Blinding, TrailAction, TrailChange
from ..model.record import CloudTrailRecord
from .dialects import items_in, members_of
from .json_values import flag_in, text_in, text_of


def trail_stopped(
    _record: CloudTrailRecord, request: Mapping[str, Any], _response: Mapping[str, Any]
) -> TrailChange:
    """Read StopLogging."""
    return TrailChange(
        action=TrailAction.STOP, trail=text_in(request, "name"), blinded=(Blinding.STOPPED,)
    )


def trail_deleted(
    _record: CloudTrailRecord, request: Mapping[str, Any], _response: Mapping[str, Any]
) -> TrailChange:
    """Read DeleteTrail."""
    return TrailChange(
        action=TrailAction.DELETE, trail=text_in(request, "name"), blinded=(Blinding.DELETED,)
    )


def trail_updated(
    _record: CloudTrailRecord, request: Mapping[str, Any], response: Mapping[str, Any]
) -> TrailChange:
    """Read UpdateTrail: what it does not name stays as it is."""
    blinded = [
        blinding for name, blinding in _FLAGS_THAT_BLIND.items() if flag_in(request, name) is False
    ]
    log_group_arn = request.get("cloudWatchLogsLogGroupArn")
    if log_group_arn == "":
        blinded.append(Blinding.NO_LOG_GROUP)
    return TrailChange(
        action=TrailAction.UPDATE,
        trail=text_in(request, "name") or text_in(response, "trailARN"),
        blinded=tuple(blinded),
        log_group_arn=log_group_arn if isinstance(log_group_arn, str) else None,
    )


def events_selected(
    _record: CloudTrailRecord, request: Mapping[str, Any], response: Mapping[str, Any]
) -> TrailChange:
    """Read PutEventSelectors, which replaces every selector by those that it names."""
    basic, advanced = (
        [members_of(item) for item in items_in(request.get(name)) or items_in(response.get(name))]
        for name in ("eventSelectors", "advancedEventSelectors")
    )
    is_recorded = bool(basic or advanced)
    return TrailChange(
        action=TrailAction.SELECT_EVENTS,
        trail=text_in(request, "trailName") or text_in(response, "trailARN"),
        blinded=blinded_by_selectors(basic, advanced) if is_recorded else (),
        problems=() if is_recorded else ("no event selectors",),
    )


_FLAGS_THAT_BLIND = {
    "isMultiRegionTrail": Blinding.NOT_EVERY_REGION,
    "isOrganizationTrail": Blinding.NO_MEMBER_ACCOUNTS,
}


def blinded_by_selectors(
    basic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]]
) -> tuple[Blinding, ...]:
    """What a trail with these event selectors, in lowerCamel, misses; nothing if it sees changes.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
    """
    if any(map(_records_changes, basic)) or any(map(_records_all_changes, advanced)):
        return ()
    if any(flag_in(item, "includeManagementEvents") is not False for item in basic):
        return (Blinding.READING_CALLS_ONLY,)
    if any("Management" in _wanted(item, "eventCategory") for item in advanced):
        return (Blinding.SOME_MANAGEMENT_EVENTS,)
    return (Blinding.NO_MANAGEMENT_EVENTS,)


def _records_changes(selector: Mapping[str, Any]) -> bool:
    """A basic selector: management events are on and all of them unless it says otherwise."""
    return (
        flag_in(selector, "includeManagementEvents") is not False
        and text_in(selector, "readWriteType") != "ReadOnly"
    )


def _records_all_changes(selector: Mapping[str, Any]) -> bool:
    """An advanced selector that takes management events and leaves out none that writes.

    Leaving out KMS and the RDS Data API is what AWS offers to save cost, and harmless to us.
    """
    return "Management" in _wanted(selector, "eventCategory") and all(
        _is_harmless(members_of(item)) for item in items_in(selector.get("fieldSelectors"))
    )


def _is_harmless(field: Mapping[str, Any]) -> bool:
    name = text_in(field, "field")
    if name == "eventSource":
        conditions = {key for key, value in field.items() if key != "field" and items_in(value)}
        return conditions == {"notEquals"} and _HARMLESS_TO_LEAVE_OUT.issuperset(
            _texts_in(field, "notEquals")
        )
    if name == "readOnly":
        return "false" in _texts_in(field, "equals")
    return name == "eventCategory"


_HARMLESS_TO_LEAVE_OUT = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})


def _wanted(selector: Mapping[str, Any], name: str) -> list[str]:
    return [
        text
        for field in map(members_of, items_in(selector.get("fieldSelectors")))
        if text_in(field, "field") == name
        for text in _texts_in(field, "equals")
    ]


def _texts_in(field: Mapping[str, Any], condition: str) -> list[str]:
    """The values of a condition. One that is no text keeps its place, and equals nothing."""
    return [text_of(value) or "" for value in items_in(field.get(condition))]
