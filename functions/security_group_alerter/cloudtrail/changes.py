"""Step 3: a record becomes what the call did: to a security group, a prefix list or a trail.

`READERS` names every call that we alert on; template.yaml's subscription filter names the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ..model.change import (
    Action,
    Change,
    PrefixListChange,
    SecurityGroupChange,
    TrailAction,
    TrailChange,
)
from ..model.dataclass import dataclass, replace
from ..model.record import CloudTrailRecord, Outcome
from .attachments import groups_attached
from .dialects import parameters_of
from .prefix_lists import prefix_list_changed
from .security_groups import (
    descriptions_updated,
    group_changed,
    rules_added,
    rules_modified,
    rules_removed,
)
from .tampering_rules import rule_changed
from .trails import (
    account_removed,
    administrator_registered,
    events_selected,
    organization_left,
    trail_deleted,
    trail_stopped,
    trail_updated,
    trusted_access_disabled,
)


class UnreadableRecordError(ValueError):
    """A call of ours that succeeded, recorded in no shape that we know. It has to be reported.

    `excerpt` is what matters of the record: the envelope alone would fill an alert.
    """

    def __init__(self, problem: str, record: CloudTrailRecord) -> None:
        super().__init__(problem)
        parts = {"requestParameters": record.request, "responseElements": record.response}
        self.excerpt = json.dumps(parts)


_Json = Mapping[str, Any]
_Read = Callable[[CloudTrailRecord, _Json, _Json], Change | None]


def change_of(record: CloudTrailRecord) -> Change | None:
    """What the call did; None for a call that is not ours.

    Raises UnreadableRecordError when it succeeded and the record fits nothing that we know.
    """
    reader = READERS.get(record.event_name or "")
    if reader is None or not _is_from(record.event_source, reader.service):
        return None
    if record.is_network_activity and record.outcome is not Outcome.DENIED:
        # The management event says the same, with parameters.
        return None
    change = reader.read(
        record,
        parameters_of(record.request, f"{record.event_name}Request"),
        parameters_of(record.response, f"{record.event_name}Response"),
    )
    if change is None:
        return None
    if record.outcome is not Outcome.SUCCEEDED:
        return _named_by_refusal(change, record)
    if change.is_unreadable:
        raise UnreadableRecordError(
            "; ".join(change.problems) or "neither request nor response shows what changed",
            record,
        )
    return change


def _is_from(event_source: str | None, service: str) -> bool:
    """A record without a source is read all the same: a missed change is worse."""
    return event_source is None or event_source.partition(".")[0] == service


def _named_by_refusal(change: Change, record: CloudTrailRecord) -> Change:
    """The change, with the resource's id where only the message of the refusal has it."""
    arn = (record.refusal and record.refusal.resource_arn) or ""
    service, resource = arn.split(":")[2:3], arn.rpartition("/")[2]
    match change:
        case SecurityGroupChange(group_id=None, group_name=None) if ":security-group/" in arn:
            return replace(change, group_id=resource)
        case PrefixListChange(prefix_list_id=None) if ":prefix-list/" in arn:
            return replace(change, prefix_list_id=resource)
        case TrailChange(trail=None) if service == ["cloudtrail"] and ":trail/" in arn:
            return replace(change, trail=arn)
    return change


@dataclass(frozen=True, slots=True)
class Reader:
    """Which service records the call, and what reads it."""

    service: str
    read: _Read


READERS: dict[str, Reader] = {
    # The six of CIS and of Security Hub's control CloudWatch.10 …
    "CreateSecurityGroup": Reader("ec2", group_changed(Action.CREATE)),
    "DeleteSecurityGroup": Reader("ec2", group_changed(Action.DELETE)),
    "AuthorizeSecurityGroupIngress": Reader("ec2", rules_added),
    "AuthorizeSecurityGroupEgress": Reader("ec2", rules_added),
    "RevokeSecurityGroupIngress": Reader("ec2", rules_removed),
    "RevokeSecurityGroupEgress": Reader("ec2", rules_removed),
    # … what they miss: the console's edit button, prefix lists that rules refer to, and what is
    # given groups …
    "ModifySecurityGroupRules": Reader("ec2", rules_modified),
    "UpdateSecurityGroupRuleDescriptionsIngress": Reader("ec2", descriptions_updated),
    "UpdateSecurityGroupRuleDescriptionsEgress": Reader("ec2", descriptions_updated),
    "AssociateSecurityGroupVpc": Reader("ec2", group_changed(Action.ASSOCIATE_VPC)),
    "DisassociateSecurityGroupVpc": Reader("ec2", group_changed(Action.DISASSOCIATE_VPC)),
    "CreateManagedPrefixList": Reader("ec2", prefix_list_changed(Action.CREATE)),
    "ModifyManagedPrefixList": Reader("ec2", prefix_list_changed(Action.MODIFY)),
    "RestoreManagedPrefixListVersion": Reader("ec2", prefix_list_changed(Action.RESTORE)),
    "DeleteManagedPrefixList": Reader("ec2", prefix_list_changed(Action.DELETE)),
    "ModifyNetworkInterfaceAttribute": Reader("ec2", groups_attached),
    "ModifyInstanceAttribute": Reader("ec2", groups_attached),
    # … tampering with the trail that all of this comes from …
    "StopLogging": Reader("cloudtrail", trail_stopped),
    "DeleteTrail": Reader("cloudtrail", trail_deleted),
    "UpdateTrail": Reader("cloudtrail", trail_updated),
    "PutEventSelectors": Reader("cloudtrail", events_selected),
    # … with which accounts it records, and who may change it …
    "DisableAWSServiceAccess": Reader("organizations", trusted_access_disabled),
    "LeaveOrganization": Reader("organizations", organization_left),
    "RemoveAccountFromOrganization": Reader("organizations", account_removed),
    "RegisterOrganizationDelegatedAdmin": Reader("cloudtrail", administrator_registered),
    # … and with the rules that report tampering with everything else.
    "DeleteRule": Reader("events", rule_changed(TrailAction.DELETE_RULE, "name")),
    "DisableRule": Reader("events", rule_changed(TrailAction.DISABLE_RULE, "name")),
    "RemoveTargets": Reader("events", rule_changed(TrailAction.REMOVE_TARGETS, "rule")),
    "PutRule": Reader("events", rule_changed(TrailAction.PUT_RULE, "name")),
    "PutTargets": Reader("events", rule_changed(TrailAction.PUT_TARGETS, "rule")),
}
