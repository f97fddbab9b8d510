"""The daily check on the deployed stack: an account that fell silent, and its role.

Not shown here, because the emulator records nothing: deliveries of the trail, and the heartbeat. On
a stack that is new, the check waits for both.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pytest

from local.deliveries import TRAIL_REGION
from security_group_alerter.aws.check_memory import KEY
from tests.e2e.organization import Organization
from tests.e2e.queues import Queue, subscribed_queue
from tests.e2e.roles import Role
from tests.e2e.stacks import Stack
from tests.e2e.waiting import wait_for

pytestmark = pytest.mark.no_cover

EIGHT_DAYS: Final = 8 * 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The check of a stack that has reported nothing yet, and who gets its mail."""

    stack: Stack
    organization: Organization
    operations: Queue

    def run(self) -> Any:
        """What the function returns; the error's type and message if it fails."""
        answer = self.stack.emulator.client("lambda").invoke(
            FunctionName=self.stack.outputs["DailyCheckFunctionName"], Payload=b"{}"
        )
        return json.loads(answer["Payload"].read())

    def mails(self) -> list[str]:
        """What it has sent by now. Alarms may go off meanwhile."""
        texts = (message["Body"] for message in self.operations.messages())
        return [text for text in texts if text.startswith("The daily check of ")]

    def mail(self) -> str:
        """The one mail that is on its way."""
        [text] = wait_for(self.mails, "mail")
        return text

    def log(self) -> str:
        """All that it has written."""
        pages = self.stack.emulator.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{self.stack.name}-daily-check"
        return "".join(
            event["message"]
            for page in pages.paginate(logGroupName=group)
            for event in page["events"]
        )


@pytest.fixture
def check(stack: Stack, organization: Organization) -> Iterator[Check]:
    fall_silent(stack, organization)
    stack.emulator.client("dynamodb").delete_item(
        TableName=stack.resources()["SeenEventsTable"], Key={"event_id": {"S": KEY}}
    )
    with subscribed_queue(
        stack.emulator, stack.outputs["OperationsTopicArn"], RawMessageDelivery="true"
    ) as operations:
        yield Check(stack=stack, organization=organization, operations=operations)


def fall_silent(stack: Stack, organization: Organization) -> None:
    """The newest record of the member account is eight days old."""
    logs = stack.emulator.client("logs")
    group = stack.outputs["TrailLogGroupName"]
    stream = f"{organization.id}_{organization.account_id}_CloudTrail_{TRAIL_REGION}"
    with suppress(logs.exceptions.ResourceNotFoundException):
        logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": int((time.time() - EIGHT_DAYS) * 1000), "message": "{}"}],
    )


def test_a_silent_account_is_reported_once_and_again_when_it_speaks(
    check: Check, organization: Organization
) -> None:
    first, second = check.run(), check.run()
    silent = check.mail()
    check.stack.put({"recipientAccountId": organization.account_id})
    third = check.run()

    assert first == {"begun": 1, "lasting": 0, "ended": 0}
    assert second == {"begun": 0, "lasting": 0, "ended": 0}
    assert f"payments-production ({organization.account_id}), since " in silent
    assert "8 days ago" in silent
    assert third == {"begun": 0, "lasting": 0, "ended": 1}
    assert f"payments-production ({organization.account_id}) is seen again" in check.mail()
    assert check.mails() == []


def test_a_trail_that_was_stopped_is_reported(check: Check) -> None:
    cloudtrail, arn = check.stack.emulator.client("cloudtrail"), check.stack.outputs["TrailArn"]
    cloudtrail.stop_logging(Name=arn)
    try:
        check.run()
    finally:
        cloudtrail.start_logging(Name=arn)

    assert "The trail is stopped." in check.mail()


# Every statement of its role is needed.


def it_says_what_it_cannot_see(look: str, operation: str) -> Callable[[Check], str]:
    def effect(check: Check) -> str:
        check.run()

        text = check.mail()
        first, *others = [it for it in text.splitlines() if ", since now: " in it]
        assert first.startswith(f"- {look}, since now: {operation}: A")
        assert "is not authorized to perform" in first
        # All else is seen.
        assert all(f": {operation}: " in it for it in others)
        assert ("payments-production" in text) == (look != "the accounts")
        return f"the mail says: {first.removeprefix('- ')[:80]}…"

    return effect


def it_forgets_and_fails(check: Check) -> str:
    answer = check.run()

    assert "- what was reported before, since now: GetItem: AccessDenied" in check.mail()
    assert "PutItem" in answer["errorMessage"]
    return f"everything is reported again, and the check fails: {answer['errorMessage'][:60]}…"


def it_fails(check: Check) -> str:
    answer = check.run()

    assert "Publish" in answer["errorMessage"]
    assert check.mails() == []
    return f"no mail, and the check fails: {answer['errorMessage'][:60]}…"


def it_leaves_no_trace(check: Check) -> str:
    before = check.log()
    answer = check.run()

    assert answer["begun"] == 1
    assert check.log() == before
    return "the mail goes out, but the log says nothing"


EFFECTS: Final[Mapping[str, Callable[[Check], str]]] = {
    "ListTheAccounts": it_says_what_it_cannot_see("the accounts", "ListAccounts"),
    "FindTheNewestRecords": it_says_what_it_cannot_see("the accounts", "DescribeLogStreams"),
    "SeeWhetherTheTrailDelivers": it_says_what_it_cannot_see("the trail", "GetTrailStatus"),
    "SeeWhoIsSubscribed": it_says_what_it_cannot_see("the alert topic", "ListSubscriptionsByTopic"),
    "SeeTheHeartbeat": it_says_what_it_cannot_see("the heartbeat", "GetMetricStatistics"),
    "RememberWhatWasReported": it_forgets_and_fails,
    "Report": it_fails,
    "WriteItsOwnLog": it_leaves_no_trace,
}


@pytest.fixture(scope="module")
def role(stack: Stack) -> Role:
    return Role(stack.emulator, stack.nested("DailyCheck").resources()["DailyCheckRole"])


def test_the_table_has_every_statement(role: Role) -> None:
    assert role.sids == list(EFFECTS)


@pytest.mark.parametrize("sid", EFFECTS)
def test_without_one_statement_somebody_notices(
    role: Role, check: Check, noticed: dict[str, str], sid: str
) -> None:
    with role.without(sid):
        noticed[f"daily check, {sid}"] = EFFECTS[sid](check)
