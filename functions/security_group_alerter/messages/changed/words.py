"""What every kind of change says of itself, for the forms to lay out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from enum import Enum, auto
from typing import Any

from ...model import ids
from ...model.acceptance import Acceptance
from ...model.dataclass import dataclass
from ..text import safe
from ..undo import Undo


class Weakened(Enum):
    """Which defense a change weakens."""

    FIREWALL = auto()
    LOGS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A rule, or a range of a prefix list, as one line. `concern` puts the worst first."""

    text: str
    rule_id: str | None = None
    description: str | None = None
    concern: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemList:
    """What a call added, removed or did not find: the items written out, and how many there are.

    `mark` stands before each item. `noun` is what one of them is called.
    """

    mark: str
    noun: str
    items: tuple[Item, ...]
    count: int

    @property
    def is_change(self) -> bool:
        """Whether something was added or removed."""
        return self.mark in (ADDED, REMOVED)

    @property
    def left_out(self) -> int:
        """How many are not written out."""
        return self.count - len(self.items)


# Why a refused call is more than informational: the caller has other ways, or finds one.
WOULD_OPEN = "it would have let the Internet in, and may be tried again in another way"
# What stands in the place of a subject's names.
NOT_NAMED = "not named in the record"
ADDED, REMOVED, MISSED = "+", "-", "no such rule:"
_RULES = (
    "SecurityGroupRules[].{Id:SecurityGroupRuleId,Egress:IsEgress,Protocol:IpProtocol,"
    "From:FromPort,To:ToPort,IPv4:CidrIpv4,IPv6:CidrIpv6,List:PrefixListId,"
    "Group:ReferencedGroupInfo.GroupId,Description:Description}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A read-only AWS CLI command to decide by: what it shows, and how to read that.

    One of the words has `{}` in it, for the value. With `takes_many`, the values of several calls
    stand there, with commas between them; else each gets a command of its own.
    """

    shows: str
    words: tuple[str, ...]
    value: str
    takes_many: bool = False
    how_to_read: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What one call changed, or would have changed.

    `name` stands in the place of an API call where there is none. `called` are the subject's names
    in a row, None where there is no subject, `noun` what such a subject is, and `within` the VPC
    that it is in. `reasons` say why it is as severe as it is, where that does not come from what
    the rules open. `repeats_headline` says that only the headline says what was done. `lines` are
    what the call set beside its lists; `after` what could not be read in part, and `problem` what
    could not be read at all. `description` was given to the worst rule. `looks` are what to decide
    by. `steps` are what whoever is woken has to do. `facts` are for the machine form.
    """

    name: str | None = None
    noun: str | None = None
    called: str | None = None
    within: str | None = None
    reasons: tuple[str, ...] = ()
    repeats_headline: bool = False
    lines: tuple[str, ...] = ()
    lists: tuple[ItemList, ...] = ()
    after: tuple[str, ...] = ()
    problem: str | None = None
    description: str | None = None
    notes: tuple[str, ...] = ()
    acceptance: tuple[str, ...] = ()
    undo: Undo
    looks: tuple[Look, ...] = ()
    steps: tuple[str, ...] = ()
    resource_type: str | None = None
    weakens: Weakened | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_named(self) -> bool:
        """Whether the record says which subject it was."""
        return self.called not in (None, NOT_NAMED)

    @property
    def subject(self) -> str | None:
        """The subject in a sentence: its names, or `a group that is not named`."""
        if self.called is None or self.is_named:
            return self.called
        return f"a {(self.noun or '').lower()} that is not named"


def problem_lines(problems: tuple[str, ...], most: int) -> tuple[str, ...]:
    """What could not be read, a line each; at most so many."""
    lines = [f"! Not readable, so not judged: {safe(problem)}" for problem in problems[:most]]
    if len(problems) > most:
        lines.append(f"! Not readable, so not judged: {len(problems) - most:,} more")
    return tuple(lines)


def unknown_lines(parameters: tuple[str, ...]) -> tuple[str, ...]:
    """Parameters of the call that are newer than this alerter."""
    if not parameters:
        return ()
    names = ", ".join(safe(name, 60) for name in parameters[:10])
    return (f"! The call also sets {names}, which this alerter does not know.",)


def acceptance_words(acceptance: Acceptance) -> Iterator[str]:
    """Whose exceptions cover the opening, and which have run out."""
    how = "Accepted" if acceptance.covers_all else "Accepted in part"
    for entry in acceptance.used:
        yield f"{how} until {entry.expires} by {safe(entry.owner)}: {safe(entry.reason)}"
    for entry in acceptance.expired:
        yield (
            f"An acceptance by {safe(entry.owner)} ran out on {entry.expires} and no longer "
            f"counts: {safe(entry.reason)}"
        )


def rules_look(group_id: str) -> Look:
    """What a group lets through."""
    return Look(
        shows="Which rules the group has now",
        words=(
            *("ec2", "describe-security-group-rules"),
            *("--filters", "Name=group-id,Values={}"),
            *("--query", _RULES, "--output", "table"),
        ),
        value=group_id,
        takes_many=True,
        how_to_read="0.0.0.0/0 or ::/0 where Egress is False is open to the Internet.",
    )


def ranges_look(prefix_list_id: str) -> Look:
    """What a prefix list holds."""
    return Look(
        shows="Which ranges the prefix list holds now",
        words=(
            *("ec2", "get-managed-prefix-list-entries", "--prefix-list-id", "{}"),
            *("--query", "Entries[].{Range:Cidr,Description:Description}", "--output", "table"),
        ),
        value=prefix_list_id,
        how_to_read="0.0.0.0/0 or ::/0 is the whole Internet.",
    )


def event_looks(event_id: str | None, *, noun: str = "group") -> Iterator[Look]:
    """Where the record does not name what was changed: CloudTrail's own index may.

    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
    """
    valid = ids.valid(ids.EVENT, event_id)
    if valid is not None:
        yield Look(
            shows="What the call was about",
            words=(
                *("cloudtrail", "lookup-events"),
                *("--lookup-attributes", "AttributeKey=EventId,AttributeValue={}"),
                *("--query", "Events[].Resources[]", "--output", "table"),
            ),
            value=valid,
            how_to_read=f"ResourceName is the {noun}. CloudTrail keeps this for 90 days.",
        )
