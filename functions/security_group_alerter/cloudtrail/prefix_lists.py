"""Step 3b: calls on a managed prefix list become PrefixListChanges.

https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model.change import Action, PrefixListChange
from ..model.record import CloudTrailRecord
from ..model.rules import Peer, peer_of_cidr
from .dialects import ANY_REQUEST, items_in, members_of, unknown_in, was_omitted
from .json_values import flag_in, text_in

_Json = Mapping[str, Any]

_ADDED_ENTRIES = (
    *("addEntry", "addEntries", "addEntrySet"),
    *("entry", "entries", "entrySet"),
)
_REMOVED_ENTRIES = ("removeEntry", "removeEntries", "removeEntrySet")
# EC2's versions are of 64 bits.
_BEYOND_REASON = 2**63
_IPAM_SYNC = "ipamPrefixListResolverSyncEnabled"
_KNOWN = ANY_REQUEST | {
    *(*_ADDED_ENTRIES, *_REMOVED_ENTRIES, _IPAM_SYNC),
    *("prefixListId", "prefixListName", "maxEntries", "addressFamily"),
    *("currentVersion", "previousVersion"),
}


def prefix_list_changed(
    action: Action,
) -> Callable[[CloudTrailRecord, _Json, _Json], PrefixListChange]:
    """Make the reader of a call."""

    def read(_record: CloudTrailRecord, request: _Json, response: _Json) -> PrefixListChange:
        prefix_list = members_of(response.get("prefixList"))
        added, added_problems = _entries_in(request, _ADDED_ENTRIES)
        removed, removed_problems = _entries_in(request, _REMOVED_ENTRIES)
        name = text_in(request, "prefixListName")
        return PrefixListChange(
            action=action,
            prefix_list_id=(
                text_in(request, "prefixListId") or text_in(prefix_list, "prefixListId")
            ),
            prefix_list_name=name or text_in(prefix_list, "prefixListName"),
            version=_number_in(request, "currentVersion"),
            restored_version=_number_in(request, "previousVersion"),
            added=added,
            removed=removed,
            new_name=name if action is Action.MODIFY else None,
            max_entries=_number_in(request, "maxEntries"),
            ipam_sync=flag_in(request, _IPAM_SYNC),
            unknown_parameters=unknown_in(request, _KNOWN),
            problems=added_problems + removed_problems,
            is_omitted=was_omitted(request),
        )

    return read


def _entries_in(request: _Json, names: tuple[str, ...]) -> tuple[tuple[Peer, ...], tuple[str, ...]]:
    peers: list[Peer] = []
    problems: list[str] = []
    for name in names:
        for index, entry in enumerate(items_in(request.get(name))):
            cidr = text_in(members_of(entry), "cidr") or text_in({"": entry}, "")
            try:
                peers.append(peer_of_cidr(cidr or ""))
            except ValueError as error:
                problems.append(f"{name}[{index}]: expected a CIDR: {error}")
    return tuple(peers), tuple(problems)


def _number_in(request: _Json, name: str) -> int | None:
    """A version, or a number of entries: none that fills an alert with its digits."""
    try:
        number = int(text_in(request, name) or "")
    except ValueError:
        return None
    return number if abs(number) < _BEYOND_REASON else None
