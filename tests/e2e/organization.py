"""An organization with a member account, and what CloudTrail records there."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from tests.e2e.emulator import Emulator
from tests.stories import ACCOUNT, story

# CRITICAL and open to the world.
OPENING: Final = "ssh-opened-to-the-world-from-the-console"
# INFORMATIONAL. The most severe alert of a delivery is sent first: a record that is put together
# with this one and should cause no alert would be alerted on before it.
SENTINEL: Final = "ingress-rule-description-updated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Its id, and that of the account payments-production in the OU Workloads."""

    id: str
    account_id: str

    def record_of(self, name: str, **changes: Any) -> dict[str, Any]:
        """A record of events/, as if the call had just been made in this account."""
        text = json.dumps(story(name)).replace(ACCOUNT, self.account_id)
        record: dict[str, Any] = json.loads(text)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return record | {"eventID": str(uuid4()), "eventTime": now} | changes


def make_organization(emulator: Emulator) -> Organization:
    """The emulator has an organization; the account joins it."""
    account_id = join(emulator, "payments-production", Owner="payments")
    move(emulator, account_id, make_unit(emulator, root_of(emulator), "Workloads"))
    organization = emulator.client("organizations").describe_organization()["Organization"]
    return Organization(id=organization["Id"], account_id=account_id)


def join(emulator: Emulator, name: str, **tags: str) -> str:
    """Make an account of the organization, in its root. Returns its id."""
    created = emulator.client("organizations").create_account(
        AccountName=name,
        Email=f"{name}@example.com",
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    account_id: str = created["CreateAccountStatus"]["AccountId"]
    return account_id


def root_of(emulator: Emulator) -> str:
    """The id of the organization's root."""
    [root] = emulator.client("organizations").list_roots()["Roots"]
    root_id: str = root["Id"]
    return root_id


def make_unit(emulator: Emulator, parent_id: str, name: str) -> str:
    """Make an organizational unit. Returns its id."""
    made = emulator.client("organizations").create_organizational_unit(
        ParentId=parent_id, Name=name
    )
    unit_id: str = made["OrganizationalUnit"]["Id"]
    return unit_id


def move(emulator: Emulator, account_id: str, unit_id: str) -> None:
    """Move the account into the unit, or into the root."""
    client = emulator.client("organizations")
    [parent] = client.list_parents(ChildId=account_id)["Parents"]
    client.move_account(
        AccountId=account_id, SourceParentId=parent["Id"], DestinationParentId=unit_id
    )
