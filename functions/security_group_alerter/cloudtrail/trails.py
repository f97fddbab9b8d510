"""Step 3c: calls that stop, delete or blind a trail, or its organization, become TrailChanges.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model.change import Blinding, TrailAction, TrailChange, TrailSetting
from ..model.record import CloudTrailRecord
from .dialects import items_in, members_of
from .json_values import account_id_in, flag_in, text_in, text_of

_Json = Mapping[str, Any]


def trail_stopped(_record: CloudTrailRecord, request: _Json, _response: _Json) -> TrailChange:
    """Read StopLogging."""
    return TrailChange(
        action=TrailAction.STOP, trail=text_in(request, "name"), blinded=(Blinding.STOPPED,)
    )


def trail_deleted(_record: CloudTrailRecord, request: _Json, _response: _Json) -> TrailChange:
    """Read DeleteTrail."""
    return TrailChange(
        action=TrailAction.DELETE, trail=text_in(request, "name"), blinded=(Blinding.DELETED,)
    )


def trail_updated(_record: CloudTrailRecord, request: _Json, response: _Json) -> TrailChange:
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
        settings=tuple(settings_in(request)),
        blinded=tuple(blinded),
        log_group_arn=log_group_arn if isinstance(log_group_arn, str) else None,
    )


def events_selected(_record: CloudTrailRecord, request: _Json, response: _Json) -> TrailChange:
    """Read PutEventSelectors, which replaces every selector by those that it names."""
    basic, advanced = (
        [members_of(item) for item in items_in(request.get(name)) or items_in(response.get(name))]
        for name in ("eventSelectors", "advancedEventSelectors")
    )
    is_recorded = bool(basic or advanced)
    return TrailChange(
        action=TrailAction.SELECT_EVENTS,
        trail=text_in(request, "trailName") or text_in(response, "trailARN"),
        settings=tuple(_selections_in(basic, advanced)),
        blinded=blinded_by_selectors(basic, advanced) if is_recorded else (),
        problems=() if is_recorded else ("no event selectors",),
    )


def trusted_access_disabled(
    _record: CloudTrailRecord, request: _Json, _response: _Json
) -> TrailChange | None:
    """Read DisableAWSServiceAccess; None for another service than CloudTrail.

    Organization trails then stop recording the member accounts.
    https://docs.aws.amazon.com/organizations/latest/userguide/services-that-can-integrate-cloudtrail.html
    """
    principal = text_in(request, "servicePrincipal")
    if principal is not None and principal != "cloudtrail.amazonaws.com":
        return None
    return TrailChange(
        action=TrailAction.DISABLE_TRUSTED_ACCESS,
        blinded=(Blinding.NO_TRUSTED_ACCESS,),
        problems=() if principal else ("servicePrincipal: expected a service's name",),
    )


def organization_left(record: CloudTrailRecord, _request: _Json, _response: _Json) -> TrailChange:
    """Read LeaveOrganization, which an account calls for itself."""
    return TrailChange(action=TrailAction.LEAVE_ORGANIZATION, member_account_id=record.account_id)


def account_removed(_record: CloudTrailRecord, request: _Json, _response: _Json) -> TrailChange:
    """Read RemoveAccountFromOrganization."""
    return _about_account(TrailAction.REMOVE_ACCOUNT, account_id_in(request, "accountId"))


def administrator_registered(
    _record: CloudTrailRecord, request: _Json, _response: _Json
) -> TrailChange:
    """Read RegisterOrganizationDelegatedAdmin: that account may then change organization trails."""
    account_id = account_id_in(request, "memberAccountId")
    return _about_account(TrailAction.REGISTER_ADMINISTRATOR, account_id)


def _about_account(action: TrailAction, account_id: str | None) -> TrailChange:
    problems = () if account_id else ("request: expected the id of an account",)
    return TrailChange(action=action, member_account_id=account_id, problems=problems)


def settings_in(request: _Json, called: str = "name") -> Iterator[TrailSetting]:
    """Every parameter but what names the trail, also those that AWS adds one day."""
    for name, value in request.items():
        if name in (called, "omitted") or value is None:
            continue
        flag, text = flag_in(request, name), text_in(request, name)
        if flag is not None:
            yield name, flag
        else:
            yield name, text or ("" if value == "" else json.dumps(value))


def _selections_in(
    basic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]]
) -> Iterator[TrailSetting]:
    """What each selector takes and leaves out, with its number where there are several."""
    selectors = (*map(_basic_selection, basic), *map(_advanced_selection, advanced))
    for number, selection in enumerate(selectors, start=1):
        which = f"selector {number}: " if len(selectors) > 1 else ""
        yield from ((f"{which}{name}", value) for name, value in selection)


def _basic_selection(selector: Mapping[str, Any]) -> Iterator[TrailSetting]:
    if (calls := text_in(selector, "readWriteType")) is not None:
        yield "readWriteType", calls
    if (flag := flag_in(selector, "includeManagementEvents")) is not None:
        yield "includeManagementEvents", flag
    if excluded := _texts_in(selector.get("excludeManagementEventSources")):
        yield "excludeManagementEventSources", excluded
    for resources in map(members_of, items_in(selector.get("dataResources"))):
        yield f"dataResources {text_in(resources, 'type')}", _texts_in(resources.get("values"))


def _advanced_selection(selector: Mapping[str, Any]) -> Iterator[TrailSetting]:
    for field in map(members_of, items_in(selector.get("fieldSelectors"))):
        for operator, values in field.items():
            if operator != "field" and (texts := _texts_in(values)):
                yield f"{text_in(field, 'field')} {operator}", texts


def _texts_in(value: object) -> tuple[str, ...]:
    """Each item as text. One that is no text stands as its JSON, which equals no value we know."""
    return tuple(text_of(item) or json.dumps(item) for item in items_in(value))


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
    with_management = [it for it in basic if flag_in(it, "includeManagementEvents") is not False]
    if any(text_in(it, "readWriteType") != "ReadOnly" for it in with_management):
        return (Blinding.SOME_MANAGEMENT_EVENTS,)
    if with_management:
        return (Blinding.READING_CALLS_ONLY,)
    if any("Management" in _wanted(item, "eventCategory") for item in advanced):
        return (Blinding.SOME_MANAGEMENT_EVENTS,)
    return (Blinding.NO_MANAGEMENT_EVENTS,)


def _records_changes(selector: Mapping[str, Any]) -> bool:
    """A basic selector: management events are on and all of them unless it says otherwise."""
    left_out = _texts_in(selector.get("excludeManagementEventSources"))
    return (
        flag_in(selector, "includeManagementEvents") is not False
        and text_in(selector, "readWriteType") != "ReadOnly"
        and _HARMLESS_TO_LEAVE_OUT.issuperset(left_out)
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
            _texts_in(field["notEquals"])
        )
    if name == "readOnly":
        return "false" in _texts_in(field.get("equals"))
    return name == "eventCategory"


_HARMLESS_TO_LEAVE_OUT = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})


def _wanted(selector: Mapping[str, Any], name: str) -> list[str]:
    return [
        text
        for field in map(members_of, items_in(selector.get("fieldSelectors")))
        if text_in(field, "field") == name
        for text in _texts_in(field.get("equals"))
    ]
