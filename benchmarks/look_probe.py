"""Looks twice at one group in each of the accounts named, as the function does.

    python -m benchmarks.look_probe REGION ACCOUNT…

Prints as JSON what the first look took, and the next: seconds, processor seconds and AWS calls.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime

from security_group_alerter.aws import clients
from security_group_alerter.aws.member_account import MemberAccounts
from security_group_alerter.model.exposure_life import Resource
from security_group_alerter.model.subject import SubjectKind

GROUP_ID = "sg-0123456789abcdef0"


def main(region: str, account_ids: list[str]) -> None:
    """Look, print."""
    session = clients.session()
    # The other clients have read the common models by now.
    session.create_client("sns")
    accounts = MemberAccounts(session, role_name="look", clock=time.monotonic)
    resources = [
        Resource(kind=SubjectKind.SECURITY_GROUP, id=GROUP_ID, account_id=it, region=region)
        for it in account_ids
    ]
    found = []
    for _ in range(2):
        started, spent = time.monotonic(), time.process_time()
        looked = accounts.look(resources, clock=lambda: datetime.now(UTC), seconds=10)
        found.append(
            {
                "seconds": time.monotonic() - started,
                "processor": time.process_time() - spent,
                "calls": looked.calls,
            }
        )
        if looked.problems or not all(it.is_complete for it in looked.groups.values()):
            raise RuntimeError(f"not everything was seen: {looked}")
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
