"""Every exposure that the stack's table of group memories knows of, folded as records are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from security_group_alerter.aws.group_items import resource_of
from security_group_alerter.memory.codec import memory_in
from security_group_alerter.memory.fold import fold
from security_group_alerter.messages.text import safe
from security_group_alerter.model.exposure_life import ExposureLife

from ..deployment import CLIENT_CONFIG, session_for
from ..sam_configuration import SAM_CONFIGURATION, SamConfigurationError, deploy_settings
from .archive import Selection
from .aws_words import reason_of
from .sources import SourceError

# As template.yaml names it.
_TABLE: Final = "GroupMemoryTable"
_NEEDED: Final = (
    "you need cloudformation:DescribeStackResource on the stack, and dynamodb:Scan on its table"
)


@dataclass(slots=True)
class Ledger:
    """What the items of the table tell: exposures, and which items cannot be read."""

    exposures: list[ExposureLife] = field(default_factory=list)
    items: int = 0
    problems: list[str] = field(default_factory=list)
    is_complete: bool = True

    def take(self, item: Mapping[str, Any], selection: Selection) -> None:
        """Fold what is remembered of a group or a list, if it was asked for."""
        key = item["resource"]["S"]
        self.items += 1
        try:
            resource = resource_of(key)
            if resource is None:
                self.problems.append(f"{safe(key)}: its key does not name a group or a prefix list")
            elif selection.takes(resource.account_id, resource.region):
                self.exposures += fold(resource, memory_in(item["memory"]["B"])).exposures
        except (ValueError, LookupError, TypeError) as error:
            self.problems.append(f"{safe(key)}: {error}")


def ledger_table(config_env: str, stack: str | None) -> tuple[Any, str]:
    """A client, and the name of the stack's table. Raises SourceError."""
    try:
        settings = deploy_settings(config_env)
        stack = stack or settings.get("stack_name")
        if stack is None:
            raise SourceError(
                f"{SAM_CONFIGURATION.name} names no stack for {config_env}: name it with --stack"
            )
        # --region chooses what is shown.
        session = session_for(argparse.Namespace(region=None), settings)
        found = session.client("cloudformation", config=CLIENT_CONFIG).describe_stack_resource(
            StackName=stack, LogicalResourceId=_TABLE
        )
        client = session.client("dynamodb", config=CLIENT_CONFIG)
    except SamConfigurationError as error:
        raise SourceError(str(error)) from None
    except (ClientError, BotoCoreError) as error:
        raise SourceError(reason_of(error, _NEEDED)) from None
    return client, found["StackResourceDetail"]["PhysicalResourceId"]


def read_ledger(
    client: Any, table: str, selection: Selection, on_read: Callable[[int], object]
) -> Ledger:
    """All groups and lists that were asked for. Raises SourceError where none can be read.

    An item that cannot be read is a problem. An interruption ends the reading, and what was read
    until then is returned as not complete.
    """
    ledger = Ledger()
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        # The table has items of other kinds, too.
        FilterExpression="attribute_exists(memory)",
        ProjectionExpression="#resource, memory",
        # A word that DynamoDB reserves.
        ExpressionAttributeNames={"#resource": "resource"},
    )
    try:
        for page in pages:
            for item in page["Items"]:
                ledger.take(item, selection)
            on_read(len(page["Items"]))
    except KeyboardInterrupt:
        ledger.is_complete = False
    except (ClientError, BotoCoreError) as error:
        reason = reason_of(error, _NEEDED)
        if not ledger.items:
            raise SourceError(reason) from None
        ledger.problems.append(f"{reason}; what follows in the table was not read")
    return ledger
