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
    client = emulator.client("organizations")
    root_id = client.list_roots()["Roots"][0]["Id"]
    ou = client.create_organizational_unit(ParentId=root_id, Name="Workloads")["OrganizationalUnit"]
    account_id = client.create_account(
        AccountName="payments-production",
        Email="payments@example.com",
        Tags=[{"Key": "Owner", "Value": "payments"}],
    )["CreateAccountStatus"]["AccountId"]
    client.move_account(AccountId=account_id, SourceParentId=root_id, DestinationParentId=ou["Id"])
    organization = client.describe_organization()["Organization"]
    return Organization(id=organization["Id"], account_id=account_id)
