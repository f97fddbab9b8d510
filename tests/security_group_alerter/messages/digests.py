"""Days of an installation, for tests of what the digest says of them."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from security_group_alerter.judgement.exposure import exposure_of
from security_group_alerter.messages.digest import digest_message
from security_group_alerter.model.acceptance import AcceptedOpening
from security_group_alerter.model.digest import ChangeCount, Digest, NotSeen, OpenExposure
from security_group_alerter.model.exposure import InternetShare, Opening
from security_group_alerter.model.exposure_life import EndedHow, Event, ExposureLife, Resource
from security_group_alerter.model.finding import Effect
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import Snooze, Told
from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.rules import PortRange
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.security_group_alerter.builders import rules

# A Tuesday, at seven in Berlin.
UNTIL: Final = datetime(2026, 11, 24, 6, tzinfo=UTC)
DAY: Final = Digest(
    since=UNTIL - timedelta(days=1), until=UNTIL, last_sweep=UNTIL - timedelta(hours=4)
)
BERLIN: Final = Presentation(time_zone=ZoneInfo("Europe/Berlin"))
JANE: Final = (
    "arn:aws:sts::222233334444:assumed-role/"
    "AWSReservedSSO_NetworkAdministrator_0123456789abcdef/jane.doe@example.com"
)
TERRAFORM: Final = "arn:aws:iam::333344445555:user/terraform"
NAMES: Final = {
    "222233334444": "payments-production",
    "333344445555": "payments-staging",
    "444455556666": "data-platform",
}


def group(number: int, account_id: str | None = "222233334444") -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id=account_id,
        region="eu-central-1",
    )


def event(name: str, ago: timedelta, principal: str | None = None) -> Event:
    return Event(event_id=name, time=UNTIL - ago, principal=principal)


def life(*texts: str, number: int = 1, ago: timedelta = timedelta(days=3), **members: Any) -> Any:
    """What these rules opened, so long before the digest."""
    opened = event(f"open-{number}", ago, JANE)
    openings = exposure_of(rules(*texts)).openings
    made = ExposureLife(
        uid=f"uid-{number}",
        resource=group(number),
        opened=opened,
        revealed=opened,
        closed=None,
        closed_how=None,
        severity=Severity.CRITICAL,
        openings=openings,
        event_ids=(opened.event_id,),
    )
    return replace(made, **members)


def found_by(looker: str, ago: timedelta) -> dict[str, Any]:
    """An opening that only a look knows."""
    found = event(f"{looker}:1", ago)
    return {"opened": found, "revealed": found}


def ended(
    how: EndedHow, ago: timedelta, principal: str | None = JANE, name: str = "close"
) -> dict[str, Any]:
    return {"closed": event(name, ago, principal), "closed_how": how}


def told(
    severity: Severity = Severity.CRITICAL, reach: Reach = Reach.PUBLIC, **members: Any
) -> Told:
    return Told(
        uid="uid-1", at=UNTIL - timedelta(days=3), severity=severity, reach=reach, **members
    )


SSH: Final = OpenExposure(
    life=life("tcp 22 from 0.0.0.0/0"), told=told(), looked_at=UNTIL - timedelta(minutes=12)
)
WEB: Final = OpenExposure(
    life=life(
        "tcp 443 from 0.0.0.0/0",
        "tcp 443 from ::/0",
        number=2,
        ago=timedelta(days=400),
        severity=Severity.MEDIUM,
        resource=group(2, "333344445555"),
    )
)
LIST: Final = OpenExposure(
    life=life(
        "tcp 443 from 0.0.0.0/0",
        number=3,
        ago=timedelta(hours=5),
        severity=Severity.HIGH,
        resource=group(3)._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0"),
        openings=(Opening(protocol=None, ports=None, share=InternetShare(ipv4_share=1.0)),),
    ),
    told=told(Severity.HIGH, Reach.UNKNOWN),
)
SWEPT: Final = OpenExposure(
    life=life(
        "tcp 5432 from 0.0.0.0/0",
        number=4,
        resource=group(4, "444455556666"),
        **found_by("first-sweep", timedelta(days=6, hours=4)),
    ),
    told=told(reach=Reach.PRIVATE, is_quiet=True),
    looked_at=UNTIL - timedelta(hours=4),
)
SNOOZED: Final = replace(
    SSH,
    life=life("tcp 3389 from 0.0.0.0/0", number=5, ago=timedelta(days=9)),
    snooze=Snooze(
        until=date(2026, 12, 1),
        by="arn:aws:iam::222233334444:user/frank",
        why="the vendor migrates until then",
        uids=frozenset({"uid-1"}),
    ),
)
ACCEPTED: Final = replace(
    SSH,
    life=life("tcp 25 from 0.0.0.0/0", number=6, ago=timedelta(days=90)),
    told=told(Severity.INFORMATIONAL, is_accepted=True),
    accepted=(
        AcceptedOpening(
            account_id="222233334444",
            region=None,
            group_id=None,
            protocol="tcp",
            ports=(PortRange(25, 25),),
            peers=(),
            owner="mail-team",
            reason="the mail gateway takes mail from everywhere",
            expires=date(2027, 3, 1),
        ),
    ),
)
CLOSED: Final = life(
    "tcp 22 from 0.0.0.0/0",
    number=7,
    ago=timedelta(hours=9, minutes=12),
    **ended(EndedHow.REVOKED, timedelta(hours=6)),
)
OPENED_TWICE: Final = ChangeCount(
    count=2,
    account_id="222233334444",
    call="AuthorizeSecurityGroupIngress",
    effect=Effect.OPENS,
    world_open=True,
    principal=JANE,
    is_machine_made=False,
)
CLOSED_ONCE: Final = replace(
    OPENED_TWICE,
    count=1,
    call="RevokeSecurityGroupIngress",
    effect=Effect.CLOSES,
    world_open=False,
)
BY_TERRAFORM: Final = ChangeCount(
    count=14,
    account_id="333344445555",
    call="AuthorizeSecurityGroupIngress",
    effect=Effect.OTHER,
    world_open=False,
    principal=TERRAFORM,
    is_machine_made=False,
)
BY_MACHINES: Final = replace(
    BY_TERRAFORM, count=23, principal="eks.amazonaws.com", is_machine_made=True
)
DENIED: Final = replace(
    BY_TERRAFORM, count=1, effect=Effect.ATTEMPT, account_id="444455556666", principal=None
)
NOT_SEEN: Final = (
    NotSeen(
        problem="the role security-group-alerter-look may not be assumed",
        account_id="444455556666",
        region="eu-west-1",
        since=UNTIL - timedelta(days=2),
    ),
    NotSeen(
        problem="the role security-group-alerter-look may not be assumed",
        account_id="444455556666",
        region="eu-central-1",
        since=UNTIL - timedelta(days=2, hours=1),
    ),
)
BUSY: Final = replace(
    DAY,
    open=(WEB, ACCEPTED, SNOOZED, SWEPT, SSH, LIST),
    closed=(CLOSED,),
    changes=(BY_MACHINES, BY_TERRAFORM, OPENED_TWICE, CLOSED_ONCE, DENIED),
    not_known=3,
    not_seen=NOT_SEEN,
    names=NAMES,
)


def forms(digest: Digest, presentation: Presentation = BERLIN) -> dict[str, str]:
    """The texts by protocol."""
    texts: dict[str, str] = json.loads(digest_message(digest, presentation).body)
    return texts
