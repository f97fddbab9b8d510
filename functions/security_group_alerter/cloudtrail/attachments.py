"""Step 3e: calls that give a network interface or an instance its groups: AttachmentChanges.

No recorded example that names groups was found. The shape is inferred from the EC2 API and from how
CloudTrail records the groups of other calls: `groupSet: {"items": [{"groupId": "sg-…"}]}`.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.change import AttachmentChange
from ..model.record import CloudTrailRecord
from .dialects import ANY_REQUEST, items_in, members_of, unknown_in
from .json_values import text_in, text_of

_Json = Mapping[str, Any]

# As CloudTrail writes it elsewhere; as the two calls name it in a request, and the AWS CLI.
_GROUPS = ("groupSet", "groupId", "securityGroupId", "groups")
_ATTRIBUTE = "attribute"
_KNOWN = ANY_REQUEST | {*_GROUPS, _ATTRIBUTE, "networkInterfaceId", "instanceId"}


def groups_attached(
    _record: CloudTrailRecord, request: _Json, _response: _Json
) -> AttachmentChange | None:
    """Read ModifyNetworkInterfaceAttribute or ModifyInstanceAttribute.

    None where it names no groups: both calls are frequent, and set one attribute each.
    """
    group_ids: list[str] = []
    problems: list[str] = []
    for name in _GROUPS:
        for index, item in enumerate(items_in(request.get(name))):
            group_id = text_in(members_of(item), "groupId") or text_of(item) or ""
            if group_id.startswith("sg-"):
                group_ids.append(group_id)
            else:
                problems.append(f"{name}[{index}]: expected a group id, found {group_id!r}")
    if not (group_ids or problems):
        if text_in(request, _ATTRIBUTE) not in _GROUPS:
            return None
        problems.append(f"{_GROUPS[0]}: expected group ids, found none")
    return AttachmentChange(
        group_ids=tuple(dict.fromkeys(group_ids)),
        interface_id=text_in(request, "networkInterfaceId"),
        instance_id=text_in(request, "instanceId"),
        unknown_parameters=unknown_in(request, _KNOWN),
        problems=tuple(problems),
    )
