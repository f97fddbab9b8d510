"""The item of one group in the table of group memories: its key, what it holds, how it changes.

`resource` (S) is the key, `version` (N) counts the writes, `memory` (B) is the memory, and
`expires` (N, seconds since 1970) is the time from which DynamoDB deletes the item. ledger_items.py
says what else there is. It is updated, not replaced: other attributes, which a newer version may
keep there, stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, unquote

from ..memory.codec import bytes_of, memory_in
from ..memory.fold import Fold, fold
from ..memory.group_memory import GroupMemory
from ..memory.settling import smaller
from ..memory.statements import Look
from ..model import ids
from ..model.dataclass import dataclass
from ..model.exposure_life import ExposureLife, Resource
from ..model.ledger import KEPT_WHEN_CLOSED, Snooze, Told
from ..model.subject import SubjectKind
from .ledger_items import size_of_told, snooze_in, told_in, value_of

# Those in which something is open to the world are kept for as long as it is.
KEPT = timedelta(days=90)
# An item has room for 400 KB, with its key and the names of its attributes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LARGEST_MEMORY = 396_000
# DynamoDB takes a key of 2,048 bytes; a name of AWS's has at most 255 characters.
_LONGEST_NAME = 1_000
_FORMS = {
    SubjectKind.SECURITY_GROUP: ids.SECURITY_GROUP,
    SubjectKind.PREFIX_LIST: ids.PREFIX_LIST,
}


class TooLargeError(Exception):
    """A memory does not fit into an item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the table has of a group; `version` is None where it has nothing.

    `is_told_unsaid` is of an item that a version without a ledger wrote: `told` is what that one
    alerted, by its memory.
    """

    version: int | None = None
    memory: GroupMemory = GroupMemory()
    told: Mapping[str, Told] = field(default_factory=dict)
    snoozed: Snooze | None = None
    looked_at: float = 0.0
    is_told_unsaid: bool = False


def key_of(resource: Resource) -> str:
    """`<account>/<Region>/<id>`; of what has no id, its kind and its name, quoted as in a URL."""
    form = _FORMS.get(resource.kind)
    own = resource.id
    if form is None or not form.fullmatch(own):
        quoted = _quoted(own)
        if len(quoted) > _LONGEST_NAME:
            quoted = f"sha256:{sha256(quoted.encode()).hexdigest()}"
        own = f"{resource.kind.value}:{quoted}"
    return f"{_quoted(resource.account_id)}/{_quoted(resource.region)}/{own}"


def _quoted(text: str | None) -> str:
    # No text is quoted as "?". What AWS names is written as it is: a Region, an account.
    if text is None or (text.isascii() and text.replace("-", "").isalnum()):
        return text or "?"
    return quote(text, safe="", errors="surrogatepass")


def resource_of(key: str) -> Resource | None:
    """What has this key; None where that is no group or list, or only a digest of its name."""
    account_id, _, rest = key.partition("/")
    region, _, own = rest.partition("/")
    for kind, form in _FORMS.items():
        if form.fullmatch(own):
            name = own
        elif own.startswith(f"{kind.value}:") and not own.startswith(f"{kind.value}:sha256:"):
            name = _unquoted(own.removeprefix(f"{kind.value}:")) or ""
        else:
            continue
        place = {"account_id": _unquoted(account_id), "region": _unquoted(region)}
        return Resource(kind=kind, id=name, **place)
    return None


def _unquoted(text: str) -> str | None:
    return None if text == "?" else unquote(text, errors="surrogatepass")


def kept_in(resource: Resource, item: Mapping[str, Any] | None) -> Kept:
    """What an item holds. Raises what the reading of a memory raises, or of an item, if broken."""
    if item is None or "version" not in item:
        return Kept()
    memory = memory_in(item["memory"]["B"])
    return Kept(
        version=int(item["version"]["N"]),
        memory=memory,
        told=told_in(item) if "told" in item else _alerted_by(resource, memory),
        snoozed=snooze_in(item),
        looked_at=float(item["looked_at"]["N"]) if "looked_at" in item else 0.0,
        is_told_unsaid="told" not in item,
    )


def _alerted_by(resource: Resource, memory: GroupMemory) -> dict[str, Told]:
    """What stands, as an older version alerted it: when its record or look came, by the table."""
    return {
        life.uid: Told(uid=life.uid, at=life.revealed.time, severity=life.severity)
        for life in fold(resource, memory).exposures
        if life.closed is None
    }


def update_of(
    resource: Resource, kept: Kept, memory: GroupMemory, folded: Fold, now: datetime
) -> dict[str, Any]:
    """The change that writes a memory, if the item still is as it was read; without its key.

    What is old in it is settled; and of one that does not fit, so much is left out that it does.
    `folded` is the memory's fold. Raises TooLargeError.
    """
    version, looked_at = kept.version, kept.looked_at
    encoded = _encoded(resource, memory, now, room=LARGEST_MEMORY - size_of_told(kept.told))
    unsaid = kept.told if kept.is_told_unsaid else {}
    values: dict[str, Any] = {
        ":memory": {"B": encoded},
        ":next": {"N": str((version or 0) + 1)},
        ":told": {"M": {uid: value_of(it) for uid, it in unsaid.items()}},
    }
    change = "SET memory = :memory, version = :next, told = if_not_exists(told, :told)"
    condition = "attribute_not_exists(version)"
    if version is not None:
        values[":read"] = {"N": str(version)}
        condition = "version = :read"
    recent = [it for it in folded.exposures if _is_listed(it, now)]
    if recent:
        # It stays in the index until the watch has told that nothing is open any more.
        values[":worst"] = {"S": max(it.severity for it in recent).name}
        values[":looked"] = {"N": str(max(looked_at, _last_look_in(memory)))}
        change += ", open_severity = :worst, looked_at = :looked"
    if any(life.closed is None for life in recent):
        change += " REMOVE expires"
    else:
        values[":expires"] = {"N": str(int((now + KEPT).timestamp()))}
        change += ", expires = :expires"
    return {
        "UpdateExpression": change,
        "ConditionExpression": condition,
        "ExpressionAttributeValues": values,
    }


def _is_listed(life: ExposureLife, now: datetime) -> bool:
    """Whether it is open, or was so shortly ago that the next digest has to say so."""
    return life.closed is None or life.closed.time + KEPT_WHEN_CLOSED > now


def _last_look_in(memory: GroupMemory) -> float:
    looks = (it.seen_at.timestamp() for it in memory.statements if isinstance(it, Look))
    return max(looks, default=0.0)


def _encoded(resource: Resource, memory: GroupMemory, now: datetime, *, room: int) -> bytes:
    encoded = b""
    for less in smaller(resource, memory, now=now):
        encoded = bytes_of(less)
        if len(encoded) <= room:
            return encoded
    raise TooLargeError(f"{len(encoded)} bytes, of which the item takes {room}")
