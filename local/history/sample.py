"""A sample archive: thirty accounts over ninety days, always the same."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

_ORGANIZATION: Final = "o-exampleorgid"
_FIRST_ACCOUNT: Final = 100000000001
_REGIONS: Final = ("eu-central-1", "us-east-1")
# Ports, and how often each is what somebody opens.
_PORTS: Final = {443: 10, 22: 6, 3389: 2, 8080: 3, 5432: 2, 80: 4}
_PEOPLE: Final = ("jane.doe", "sam.okafor", "maria.rossi", "deploy-bot", "contractor-lee")
# Hours that an opening stands; some are never closed.
_STANDING: Final = (0.2, 1, 3, 8, 30, 24 * 9, 24 * 40, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """An organization in which, over some days, so many rules let in the world."""

    accounts: int
    start: datetime
    days: int
    lives: int

    def records(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """The records of all lives, each with the file of its hour in the archive."""
        # Made up, and the same every time.
        chance = random.Random(20261117)  # noqa: S311
        for number in range(self.lives):
            for record in self._life(number, chance):
                yield _name_of(record), record

    def _life(self, number: int, chance: random.Random) -> Iterator[dict[str, Any]]:
        """A rule that lets in the world, and perhaps what ends it."""
        account = f"{_FIRST_ACCOUNT + chance.randrange(self.accounts)}"
        region = chance.choice(_REGIONS)
        [port] = chance.choices([*_PORTS], [*_PORTS.values()])
        opened = self.start + timedelta(minutes=chance.randrange(self.days * 24 * 60))
        standing = chance.choice(_STANDING)
        rule: dict[str, Any] = {
            "groupId": f"sg-{number % (self.lives * 3 // 5):017x}",
            "securityGroupRuleId": f"sgr-{number:017x}",
            "isEgress": False,
            "ipProtocol": "tcp",
            "fromPort": port,
            "toPort": port,
            "cidrIpv4": "0.0.0.0/0",
        }
        place = {"recipientAccountId": account, "awsRegion": region}
        yield _record(2 * number, opened, chance.choice(_PEOPLE), rule) | place
        closed = opened + timedelta(hours=standing) if standing else None
        if closed and closed < self.start + timedelta(days=self.days):
            who = chance.choice(_PEOPLE)
            yield _record(2 * number + 1, closed, who, rule, is_end=True) | place


SAMPLE: Final = Organization(
    accounts=30, start=datetime(2026, 8, 20, tzinfo=UTC), days=90, lives=300
)


def write_sample(folder: Path) -> str:
    """Write the archive as a trail does; returns what it is, in words."""
    files: dict[Path, list[dict[str, Any]]] = {}
    for name, record in SAMPLE.records():
        files.setdefault(folder / name, []).append(record)
    for path, records in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"Records": records}, separators=(",", ":"))
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return f"{SAMPLE.accounts} accounts over {SAMPLE.days} days"


def _record(
    number: int, time: datetime, who: str, rule: dict[str, Any], *, is_end: bool = False
) -> dict[str, Any]:
    response = "revokedSecurityGroupRuleSet" if is_end else "securityGroupRuleSet"
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "arn": f"arn:aws:iam::{_FIRST_ACCOUNT}:user/{who}",
            "accountId": f"{_FIRST_ACCOUNT}",
            "userName": who,
        },
        "eventTime": f"{time:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": "ec2.amazonaws.com",
        "eventName": f"{'Revoke' if is_end else 'Authorize'}SecurityGroupIngress",
        "sourceIPAddress": "192.0.2.10",
        "requestParameters": {"groupId": rule["groupId"]},
        "responseElements": {"_return": True, response: {"items": [rule]}},
        "eventID": f"00000000-0000-4000-8000-{number:012x}",
    }


def _name_of(record: dict[str, Any]) -> Path:
    account, region = record["recipientAccountId"], record["awsRegion"]
    time = datetime.fromisoformat(record["eventTime"])
    name = f"{account}_CloudTrail_{region}_{time:%Y%m%dT%H00Z}_sample.json.gz"
    return Path("AWSLogs", _ORGANIZATION, account, "CloudTrail", region, f"{time:%Y/%m/%d}", name)
