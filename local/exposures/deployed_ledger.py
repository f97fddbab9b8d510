"""Reads the ledger of the deployed stack: what is open, what was reported, what is snoozed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from botocore.exceptions import ClientError

from security_group_alerter.aws.group_items import Kept, kept_in, key_of
from security_group_alerter.aws.ledger import Ledger
from security_group_alerter.memory.fold import fold
from security_group_alerter.memory.recollection import Recollection
from security_group_alerter.memory.statements import Statement
from security_group_alerter.model.exposure_life import ExposureLife, Resource
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import Snooze, Told
from security_group_alerter.model.severity import Severity

from ..aws_errors import code_of
from ..deployment import Deployment, DeploymentError

# Outputs of template.yaml.
TABLE_OUTPUT, ROLE_OUTPUT = "GroupMemoryTableName", "LookRoleName"
PERMISSIONS = ("cloudformation:DescribeStacks", "dynamodb:Query", "dynamodb:BatchGetItem")
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MOST_IN_CALL = 100
_WAIT_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """An exposure that is open by the ledger, or that a look just showed to be closed.

    `life` has the uid of its alerts. `told` is None while nothing was reported of it. `reach` and
    `looked_at` are as last reported and as of the last look, unless somebody just looked, which
    `is_seen` says. `problem` says why a look showed nothing.
    """

    life: ExposureLife
    told: Told | None
    snooze: Snooze | None
    reach: Reach
    looked_at: datetime | None
    is_seen: bool = False
    problem: str | None = None

    @property
    def uid(self) -> str:
        """The one that its alerts have."""
        return self.life.uid

    @property
    def severity(self) -> Severity:
        """As it was reported last, else by the table."""
        return self.told.severity if self.told else self.life.severity

    @property
    def since(self) -> datetime:
        """When it was opened, or first known to be open."""
        return (self.life.opened or self.life.revealed).time

    def is_snoozed(self, today: date) -> bool:
        """Whether nobody is reminded of it today."""
        snooze = self.snooze
        return snooze is not None and snooze.quiets(self.uid, self.told, today=today)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptGroup:
    """A group or list of the ledger, and what the table has of it."""

    resource: Resource
    looked_at: datetime | None
    kept: Kept

    def exposures(self, seen: Iterable[Statement] = ()) -> Iterator[Exposure]:
        """Those that were open, and those that are by what was just seen."""
        before = fold(self.resource, self.kept.memory).exposures
        folded = fold(self.resource, self.kept.memory.adding(seen))
        were_open = {uid for it in before if it.closed is None for uid in (it.uid, *it.other_uids)}
        known = Recollection(folds={self.resource: folded}, told={self.resource: self.kept.told})
        for life in folded.exposures:
            if life.closed is None or life.uid in were_open:
                told = known.told_of(life)
                yield Exposure(
                    life=known.as_told(life),
                    told=told,
                    snooze=self.kept.snoozed,
                    reach=told.reach if told else Reach.UNKNOWN,
                    looked_at=self.looked_at,
                )


class DeployedLedger:
    """The table of the stack. `client` is DynamoDB's, with the person's credentials."""

    def __init__(self, client: Any, table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def open_resources(self) -> dict[Resource, datetime | None]:
        """Every group and list that may be open, and when it was last looked at."""
        groups = Ledger(self._client, table_name=self._table_name).open_groups()
        return {it.resource: it.looked_at for it in groups}

    def read(
        self,
        resources: Mapping[Resource, datetime | None],
        problems: list[str],
        *,
        advance: Callable[[int], object] = id,
    ) -> list[KeptGroup]:
        """What is kept of each. Those that cannot be read are named in `problems`."""
        by_key = {key_of(resource): resource for resource in resources}
        keys = list(by_key)
        found: list[KeptGroup] = []
        for start in range(0, len(keys), MOST_IN_CALL):
            for item in self._items(keys[start : start + MOST_IN_CALL]):
                resource = by_key[item["resource"]["S"]]
                looked_at = resources[resource]
                try:
                    kept = kept_in(resource, item)
                except Exception as error:  # noqa: BLE001 - a broken item hides no other one
                    what = f"{type(error).__name__}: {error}"
                    problems.append(f"what is kept of {words_of(resource)} is broken: {what}")
                else:
                    found.append(KeptGroup(resource=resource, looked_at=looked_at, kept=kept))
            advance(len(keys[start : start + MOST_IN_CALL]))
        return found

    def _items(self, keys: Sequence[str]) -> Iterator[Any]:
        left: list[Any] = [{"resource": {"S": key}} for key in keys]
        while left:
            answer = self._client.batch_get_item(
                RequestItems={self._table_name: {"Keys": left, "ConsistentRead": True}}
            )
            yield from answer["Responses"].get(self._table_name, [])
            # What did not fit into 16 MB, or was throttled.
            left = answer.get("UnprocessedKeys", {}).get(self._table_name, {}).get("Keys", [])
            if left:
                time.sleep(_WAIT_SECONDS)


def words_of(resource: Resource) -> str:
    """`sg-… in account 222233334444, eu-central-1`."""
    return f"{resource.id} in account {resource.account_id}, {resource.region}"


def outputs_of(deployment: Deployment) -> Mapping[str, str]:
    """The stack's outputs, with the table's name among them. DeploymentError without it."""
    client = deployment.client("cloudformation")
    try:
        found = client.describe_stacks(StackName=deployment.stack)["Stacks"][0]
    except ClientError as error:
        if code_of(error) != "ValidationError":
            raise
        raise DeploymentError(
            f"there is no stack {deployment.stack} in this account and {deployment.region}: see "
            "--stack, --region and AWS_PROFILE"
        ) from None
    outputs = {it["OutputKey"]: it["OutputValue"] for it in found.get("Outputs", [])}
    if TABLE_OUTPUT not in outputs:
        raise DeploymentError(
            f"the stack {deployment.stack} has no output {TABLE_OUTPUT}: name the alerter's stack "
            "with --stack, or update it with make deploy"
        )
    return outputs
