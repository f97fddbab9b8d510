"""A ledger in moto: what the functions remember and reported, written as they write it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from local.exposures.deployed_ledger import TABLE_OUTPUT
from local.template import table_in_template
from security_group_alerter.aws.group_memory import GroupMemoryTable
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.memory.statements import RuleGone, RuleThere, Statement
from security_group_alerter.model.exposure_life import Event, ExposureLife, Resource
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import LedgerEntry, Told
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.local.cloud import Cloud
from tests.security_group_alerter.builders import rule

TABLE: Final = "group-memory"
NOW: Final = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
PAYMENTS: Final = "222233334444"
JANE: Final = "arn:aws:iam::222233334444:user/jane.doe@example.com"
SSH: Final = "tcp 22 from 0.0.0.0/0"
WEB: Final = "tcp 443 from 0.0.0.0/0"


def group(number: int, account_id: str = PAYMENTS, region: str = "eu-central-1") -> Resource:
    return Resource(
        kind=SubjectKind.SECURITY_GROUP,
        id=f"sg-{number:017x}",
        account_id=account_id,
        region=region,
    )


def opened(text: str = SSH, *, hours: float = 0, by: str = JANE, name: str = "") -> Statement:
    """So many hours ago."""
    time = NOW - timedelta(hours=hours)
    event = Event(event_id=name or f"opened {text}", time=time, principal=by)
    return RuleThere(event=event, rule=rule(text))


def closed(text: str = SSH, *, hours: float = 0) -> Statement:
    event = Event(event_id=f"closed {text}", time=NOW - timedelta(hours=hours), principal=JANE)
    return RuleGone(event=event, rule=rule(text))


@dataclass
class LedgerSample:
    """The stack's table, in the account of the stack."""

    aws: Cloud

    def __post_init__(self) -> None:
        self.client: Any = self.aws.client("dynamodb")
        self.client.create_table(TableName=TABLE, **table_in_template("GroupMemoryTable"))
        self.aws.deployed()
        self.aws.output(**{TABLE_OUTPUT: TABLE})
        self.aws.calls.clear()

    def says(self, resource: Resource, *statements: Statement) -> list[ExposureLife]:
        """What the functions remember of it; what is open by that."""
        table = GroupMemoryTable(self.client, table_name=TABLE, sleep=lambda _: None)
        recollection = table.recall({resource: statements}, at=(), now=NOW, seconds=60)
        assert not recollection.failures
        self.aws.calls.clear()
        return [it for it in recollection.folds[resource].exposures if it.closed is None]

    def reported(
        self,
        life: ExposureLife,
        uid: str | None = None,
        *,
        severity: Severity = Severity.CRITICAL,
        reach: Reach = Reach.PUBLIC,
        is_accepted: bool = False,
        is_quiet: bool = False,
    ) -> None:
        told = Told(
            uid=uid or life.uid,
            at=NOW - timedelta(hours=1),
            severity=severity,
            reach=reach,
            is_accepted=is_accepted,
            is_quiet=is_quiet,
        )
        entry = LedgerEntry(
            resource=life.resource, told={life.uid: told}, looked_at=NOW - timedelta(minutes=12)
        )
        assert not Ledger(self.client, table_name=TABLE).note([entry])
        self.aws.calls.clear()

    def item(self, resource: Resource) -> dict[str, Any]:
        """As it is in the table."""
        key = f"{resource.account_id}/{resource.region}/{resource.id}"
        found: dict[str, Any] = self.client.get_item(TableName=TABLE, Key={"resource": {"S": key}})[
            "Item"
        ]
        return found
