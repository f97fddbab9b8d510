"""Step 5: a change and its exposure become a Finding: how bad, and in which way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum, IntEnum, StrEnum
from functools import lru_cache
from typing import NamedTuple

from ..cloudtrail.changes import Action, Change, PrefixListChange, SecurityGroupChange
from ..cloudtrail.records import CloudTrailRecord, Outcome
from ..cloudtrail.trails import TrailChange
from ..model.rules import ALL_PROTOCOLS, ICMP_PROTOCOLS, PortRange
from .accepted_openings import AcceptedOpening, acceptance_of
from .exposure import MOST_KEPT, Breadth, Exposure, Opening, Reach, exposure_of, reach_of
from .sensitive_ports import SensitivePort, sensitive_ports_in


class Severity(IntEnum):
    """Security Hub's words, in order.

    https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html#Severity
    """

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


class PortClass(Enum):
    """What kind of ports an opening reaches."""

    EVERYTHING = "everything"
    SENSITIVE = "sensitive"
    OTHER = "other"
    WEB = "web"
    ICMP = "icmp"


# --- What a security engineer may tune -----------------------------------------------------------

# Ports that are sensitive stand in sensitive_ports.py. These are the ones meant to be public:
WEB_PORTS = {"tcp": (PortRange(80, 80), PortRange(443, 443)), "udp": (PortRange(443, 443),)}

# So many ports at once are as good as all of them: nobody serves a thousand services on purpose.
EVERYTHING_PORTS = 1024

SEVERITY: dict[PortClass, dict[Breadth, Severity]] = {
    PortClass.EVERYTHING: {Breadth.WORLD: Severity.CRITICAL, Breadth.BROAD: Severity.HIGH},
    PortClass.SENSITIVE: {Breadth.WORLD: Severity.CRITICAL, Breadth.BROAD: Severity.HIGH},
    PortClass.OTHER: {Breadth.WORLD: Severity.HIGH, Breadth.BROAD: Severity.MEDIUM},
    PortClass.WEB: {Breadth.WORLD: Severity.MEDIUM, Breadth.BROAD: Severity.LOW},
    PortClass.ICMP: {Breadth.WORLD: Severity.MEDIUM, Breadth.BROAD: Severity.LOW},
}
# Any rule that refers to the list opens with it, on ports that the record does not tell.
PREFIX_LIST_EDIT = {Breadth.WORLD: Severity.HIGH, Breadth.BROAD: Severity.MEDIUM}
# What a prefix list holds is not recorded where it is used or restored.
UNSEEN_PREFIX_LIST = Severity.MEDIUM
CANNOT_JUDGE = Severity.HIGH
# A refused call changes nothing; an attempt to open the world is worth a line all the same.
REFUSED = Severity.INFORMATIONAL
DENIED_WORLD_OPENING = Severity.LOW
DESCRIPTIONS_ONLY = Severity.INFORMATIONAL
# Whoever stops or blinds the trail puts this alerter out, too.
OWN_TRAIL_BLINDED = Severity.CRITICAL
TRAIL_BLINDED = OWN_TRAIL_CHANGED = Severity.MEDIUM
# What the organization has accepted is told, and wakes nobody.
ACCEPTED = Severity.INFORMATIONAL
# An entry of accepted_openings.toml that is not in force makes for more alerts, not for fewer.
NOT_IN_FORCE = Severity.MEDIUM
ANY_OTHER_CHANGE = Severity.LOW

# -------------------------------------------------------------------------------------------------


class Effect(StrEnum):
    """What a change did to the world's access, as far as its record shows."""

    OPENS = "opens"
    CLOSES = "closes"
    OTHER = "other"


class FindingKind(StrEnum):
    """What was changed, for filter policies."""

    SECURITY_GROUP = "security-group"
    PREFIX_LIST = "prefix-list"
    TRAIL = "trail"
    UNREADABLE = "unreadable"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A judged change.

    `opened` and `closed` are what the added and removed rules reach, `listed` what a prefix list's
    added ranges are: also for a refused call, of which `world_open` is always False. `is_own_trail`
    and `blinded` are for trails. `accepted` are the exceptions that cover the opening or part of
    it, `expired` those that would have. `problem` and `excerpt` tell of what could not be read.
    `key` is what the event is known by when it comes again; empty for what is no event.
    `updates_alerted` says that the record is CloudTrail's update of an event alerted before.
    """

    record: CloudTrailRecord
    kind: FindingKind
    severity: Severity
    effect: Effect = Effect.OTHER
    world_open: bool = False
    change: Change | None = None
    opened: Exposure = Exposure()
    closed: Exposure = Exposure()
    listed: Reach = Reach()
    is_own_trail: bool = False
    blinded: tuple[str, ...] = ()
    accepted: tuple[AcceptedOpening, ...] = ()
    expired: tuple[AcceptedOpening, ...] = ()
    problem: str | None = None
    excerpt: str | None = None
    key: str = ""
    updates_alerted: bool = False

    @property
    def would_open_world(self) -> bool:
        """Whether the call opened the world, or would have if it had not been refused."""
        return self.opened.is_world_open or self.listed.breadth is Breadth.WORLD


def finding_of(record: CloudTrailRecord, change: Change, *, trail_arn: str | None) -> Finding:
    """Judge one change. `trail_arn` is the trail that this alerter lives on, if it is known."""
    if isinstance(change, SecurityGroupChange):
        finding = _security_group_finding(record, change)
    elif isinstance(change, PrefixListChange):
        finding = _prefix_list_finding(record, change)
    else:
        finding = _trail_finding(record, change, trail_arn)
    return finding if record.outcome is Outcome.SUCCEEDED else _refused(finding)


def with_acceptance(
    finding: Finding, entries: Sequence[AcceptedOpening], *, today: date
) -> Finding:
    """Judge a finding by what of it is not accepted. What it opened stays as it is."""
    change = finding.change
    if not (isinstance(change, SecurityGroupChange) and change.added and entries):
        return finding
    if finding.record.outcome is not Outcome.SUCCEEDED:
        return finding
    acceptance = acceptance_of(
        change.added, entries, record=finding.record, group_id=change.group_id, today=today
    )
    severity = ACCEPTED
    if acceptance.rest or change.problems:
        rest = replace(change, added=acceptance.rest)
        severity = _security_group_finding(finding.record, rest).severity
    return replace(finding, severity=severity, accepted=acceptance.used, expired=acceptance.expired)


def configuration_finding(record: CloudTrailRecord, problem: str) -> Finding:
    """What to tell of an entry in accepted_openings.toml that is not in force."""
    return Finding(
        record=record, kind=FindingKind.CONFIGURATION, severity=NOT_IN_FORCE, problem=problem
    )


def unreadable_finding(record: CloudTrailRecord, problem: str, excerpt: str) -> Finding:
    """What to tell of a record, or of a log event, that could not be read."""
    return Finding(
        record=record,
        kind=FindingKind.UNREADABLE,
        severity=CANNOT_JUDGE,
        problem=problem,
        excerpt=excerpt,
    )


class Judgement(NamedTuple):
    """One cell of the table that openings touch."""

    severity: Severity
    port_class: PortClass
    openings: tuple[Opening, ...]


def judgements_of(exposure: Exposure) -> tuple[Judgement, ...]:
    """Every cell of the table that is touched: the worst of them is the severity."""
    is_small = len(exposure.openings) <= MOST_KEPT
    return (_kept_judgements_of if is_small else _judgements_of)(exposure)


def _judgements_of(exposure: Exposure) -> tuple[Judgement, ...]:
    judgements = [
        Judgement(
            severity=SEVERITY[port_class].get(opening.reach.breadth, ANY_OTHER_CHANGE),
            port_class=port_class,
            openings=(opening,),
        )
        for opening in exposure.openings
        for port_class in port_classes_of(opening)
    ]
    for breadth, severity in SEVERITY[PortClass.EVERYTHING].items():
        wide = tuple(
            opening
            for opening in exposure.openings
            if opening.ports is not None and opening.reach.breadth >= breadth
        )
        if ports_in(wide) >= EVERYTHING_PORTS:
            judgements.append(
                Judgement(severity=severity, port_class=PortClass.EVERYTHING, openings=wide)
            )
    return tuple(judgements)


# Asked for the severity, its reasons and the order: 15 µs less a change.
_kept_judgements_of = lru_cache(maxsize=256)(_judgements_of)


def severity_of(exposure: Exposure) -> Severity:
    """The worst cell of the table that the openings touch."""
    cells = [judgement.severity for judgement in judgements_of(exposure)]
    if exposure.has_prefix_lists:
        cells.append(UNSEEN_PREFIX_LIST)
    return max(cells, default=ANY_OTHER_CHANGE)


def ports_in(openings: Iterable[Opening]) -> int:
    """How many ports these are, of every protocol."""
    return sum(opening.ports.count for opening in openings if opening.ports is not None)


def sensitive_ports_of(opening: Opening) -> list[SensitivePort]:
    """The sensitive ports among an opening's; none where it has no ports."""
    return sensitive_ports_in(opening.protocol, opening.ports) if opening.ports else []


def port_classes_of(opening: Opening) -> Iterator[PortClass]:
    """What kinds of ports an opening reaches."""
    if opening.protocol == ALL_PROTOCOLS:
        yield PortClass.EVERYTHING
    elif opening.protocol in ICMP_PROTOCOLS:
        yield PortClass.ICMP
    else:
        if sensitive_ports_of(opening):
            yield PortClass.SENSITIVE
        web_ports = WEB_PORTS.get(opening.protocol or "", ())
        yield PortClass.WEB if opening.ports in web_ports else PortClass.OTHER


def _security_group_finding(record: CloudTrailRecord, change: SecurityGroupChange) -> Finding:
    opened, closed = exposure_of(change.added), exposure_of(change.removed)
    severity = severity_of(opened)
    if change.action is Action.DESCRIBE_RULES:
        severity = DESCRIPTIONS_ONLY
    elif change.problems or change.is_omitted:
        severity = max(severity, CANNOT_JUDGE)
    return Finding(
        record=record,
        kind=FindingKind.SECURITY_GROUP,
        severity=severity,
        effect=_effect_of(opens=opened.is_world_open, closes=closed.is_world_open),
        world_open=opened.is_world_open,
        change=change,
        opened=opened,
        closed=closed,
    )


def _prefix_list_finding(record: CloudTrailRecord, change: PrefixListChange) -> Finding:
    listed, unlisted = reach_of(change.added), reach_of(change.removed)
    severity = PREFIX_LIST_EDIT.get(listed.breadth, ANY_OTHER_CHANGE)
    if change.action is Action.RESTORE:
        severity = UNSEEN_PREFIX_LIST
    elif change.problems or change.is_omitted:
        severity = max(severity, CANNOT_JUDGE)
    opens = listed.breadth is Breadth.WORLD
    return Finding(
        record=record,
        kind=FindingKind.PREFIX_LIST,
        severity=severity,
        effect=_effect_of(opens=opens, closes=unlisted.breadth is Breadth.WORLD),
        world_open=opens,
        change=change,
        listed=listed,
    )


def _trail_finding(record: CloudTrailRecord, change: TrailChange, trail_arn: str | None) -> Finding:
    is_own = trail_arn is not None and _is_trail(change.trail, trail_arn, record.account_id)
    blinded, log_group_arn = change.blinded, change.log_group_arn
    if is_own and log_group_arn and not _is_log_group(log_group_arn, record.log_group):
        blinded += ("it sends its events to another log group, where no alerter listens",)
    if is_own:
        severity = OWN_TRAIL_BLINDED if blinded else OWN_TRAIL_CHANGED
    else:
        severity = TRAIL_BLINDED if blinded else ANY_OTHER_CHANGE
    return Finding(
        record=record,
        kind=FindingKind.TRAIL,
        severity=severity,
        change=change,
        is_own_trail=is_own,
        blinded=blinded,
    )


def _refused(finding: Finding) -> Finding:
    is_attempt = finding.record.outcome is Outcome.DENIED and finding.would_open_world
    return replace(
        finding,
        severity=DENIED_WORLD_OPENING if is_attempt else REFUSED,
        effect=Effect.OTHER,
        world_open=False,
    )


def _effect_of(*, opens: bool, closes: bool) -> Effect:
    if opens:
        return Effect.OPENS
    return Effect.CLOSES if closes else Effect.OTHER


def _is_trail(called: str | None, arn: str, account_id: str | None) -> bool:
    """A short name means a trail of the account in which the call was made."""
    if called is None or called.startswith("arn:"):
        return called == arn
    account_of_trail, name = arn.split(":")[4], arn.rpartition("/")[2]
    return called == name and account_id in (account_of_trail, None)


def _is_log_group(arn: str, name: str | None) -> bool:
    # arn:<partition>:logs:<region>:<account>:log-group:<name>:*
    return name is None or arn.split(":")[6:7] == [name]
