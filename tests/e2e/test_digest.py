"""The digest on the deployed stack: in a queue, once a day, with no right too many."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.e2e.organization import OPENING, Organization
from tests.e2e.queues import Notification, Queue
from tests.e2e.roles import Role
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """The digest of a stack on which something is open, and that has not been sent today."""

    stack: Stack
    queue: Queue

    def run(self) -> Any:
        """What the function returns; the error's type and message if it fails."""
        # Marks are of whole seconds: the day ends after what was alerted just now.
        until = datetime.now(UTC) + timedelta(minutes=1)
        answer = self.stack.emulator.client("lambda").invoke(
            FunctionName=self.stack.outputs["DigestFunctionName"],
            Payload=json.dumps({"time": until.isoformat()}).encode(),
        )
        return json.loads(answer["Payload"].read())

    def told(self) -> list[Notification]:
        """The digests that the queue has got by now."""
        return [it for it in self.queue.alerts() if it.attributes["kind"] == "digest"]

    def one(self) -> Notification:
        """The one digest that is on its way."""
        [digest] = wait_for(self.told, "digest")
        return digest

    def log(self) -> str:
        """All that the function has written."""
        pages = self.stack.emulator.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{self.stack.name}-digest"
        return "".join(
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        )

    def forget(self) -> None:
        """As if it was the next day."""
        client, table = self.stack.emulator.client("dynamodb"), self._table
        days = (datetime.now(UTC) + timedelta(days=it) for it in (0, 1))
        for day in days:
            key = {"event_id": {"S": f"digest:{day.date()}"}}
            client.delete_item(TableName=table, Key=key)

    @property
    def _table(self) -> str:
        return self.stack.resources()["SeenEventsTable"]


@pytest.fixture(scope="module")
def _opened(stack: Stack, organization: Organization) -> None:
    stack.forget_groups()
    stack.put(organization.record_of(OPENING))


@pytest.fixture
def digest(stack: Stack, queue: Queue, _opened: None) -> Iterator[Digest]:
    digest = Digest(stack=stack, queue=queue)
    digest.forget()
    yield digest
    digest.forget()


def test_the_day_is_in_a_queue_once(digest: Digest, organization: Organization) -> None:
    counts = wait_for(lambda: _with_changes(digest), "digest with what was opened")
    assert (counts["sent"], counts["open"]) == (1, 1)

    last = wait_for(lambda: digest.told()[-1:], "digest")[0]
    assert last.subject.startswith("INFORMATIONAL: Digest of ")
    told = last.finding["unmapped"]["digest"]
    [exposure] = told["open"]
    assert exposure["account_id"] == organization.account_id
    assert exposure["severity"] == "CRITICAL"
    assert told["changes"]
    assert last.attributes == {
        "severity": "INFORMATIONAL",
        "world_open": "false",
        "effect": "other",
        "kind": "digest",
    }

    assert digest.run()["sent"] == 0
    assert digest.told() == []


def _with_changes(digest: Digest) -> Any:
    """What a digest counts, once the delivery has come; until then, as if none was sent."""
    counts = digest.run()
    if counts["open"] and counts["changes"]:
        return counts
    digest.forget()
    return None


# Every statement of its role is needed.


def it_fails(operation: str) -> Callable[[Digest], str]:
    def effect(digest: Digest) -> str:
        answer = digest.run()

        assert operation in answer["errorMessage"]
        assert digest.told() == []
        return f"no digest, and the function fails: {answer['errorMessage'][:70]}…"

    return effect


def it_names_no_account(digest: Digest) -> str:
    assert digest.run()["sent"] == 1

    assert "account_names" not in digest.one().finding["unmapped"]["digest"]
    return "the digest shows the accounts by their ids"


def it_is_sent_again(digest: Digest) -> str:
    assert [digest.run()["table_failures"] for _ in range(2)] == [1, 1]

    return "the digest is sent at each invocation"


def it_keeps_the_pace_by_itself(digest: Digest) -> str:
    assert digest.run()["sent"] == 1

    digest.one()
    return "the digest goes out, but other functions do not know of it"


def it_names_what_it_cannot_read(digest: Digest) -> str:
    assert digest.run()["not_seen"] == 1

    [place] = digest.one().finding["unmapped"]["digest"]["not_seen"]
    assert "is open, and what is known of it could not be read: " in place["problem"]
    return f"the digest says: {place['problem'][:70]}…"


def it_leaves_no_trace(digest: Digest) -> str:
    before = digest.log()

    assert digest.run()["sent"] == 1
    assert digest.log() == before
    return "the digest goes out, but the log says nothing"


EFFECTS: Final[Mapping[str, Callable[[Digest], str]]] = {
    "PublishTheDigest": it_fails("the digest was not sent"),
    "NameTheAccount": it_names_no_account,
    "CountWhatWasAlerted": it_fails("Scan"),
    "RememberThatItWasSent": it_is_sent_again,
    "KeepThePace": it_keeps_the_pace_by_itself,
    "ReadTheGroups": it_names_what_it_cannot_read,
    "FindWhatIsOpen": it_fails("Query"),
    "WriteItsOwnLog": it_leaves_no_trace,
}
# The emulator checks no use of keys.
NOT_SHOWN: Final = {"UseTheKeyOfTheTopic"}


@pytest.fixture(scope="module")
def role(stack: Stack) -> Role:
    return Role(stack.emulator, stack.nested("Digest").resources()["DigestRole"])


def test_the_table_has_every_statement(role: Role) -> None:
    assert [it for it in role.sids if it not in NOT_SHOWN] == list(EFFECTS)


@pytest.mark.parametrize("sid", EFFECTS)
def test_without_one_statement_somebody_notices(
    role: Role, digest: Digest, noticed: dict[str, str], sid: str
) -> None:
    with role.without(sid):
        noticed[f"digest, {sid}"] = EFFECTS[sid](digest)
