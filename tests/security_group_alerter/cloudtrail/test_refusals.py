"""What the message of a refused call says: the resource, the policy; without the encoded part."""

import pytest

from security_group_alerter.cloudtrail.refusals import refusal_in
from security_group_alerter.model.record import Refusal

GROUP = "arn:aws:ec2:eu-central-1:222233334444:security-group/sg-0a1b2c3d"
TRAIL = "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail"
POLICY = (
    "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-1a2b3c4d"
)
ENCODED = f"Encoded authorization failure message: {'aB3_-' * 120}"


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        pytest.param("", Refusal(), id="empty"),
        pytest.param("no", Refusal(message="no"), id="nothing-but-words"),
        pytest.param(
            f"You are not authorized to perform this operation. {ENCODED}",
            Refusal(message="You are not authorized to perform this operation."),
            id="encoded",
        ),
        pytest.param(ENCODED, Refusal(), id="nothing-but-encoded"),
        pytest.param(
            f"… is not authorized to perform: cloudtrail:StopLogging on resource: {TRAIL} because "
            "no identity-based policy allows the cloudtrail:StopLogging action",
            Refusal(
                message="… is not authorized to perform: cloudtrail:StopLogging on resource: "
                f"{TRAIL} because no identity-based policy allows the cloudtrail:StopLogging "
                "action",
                resource_arn=TRAIL,
                policy="no identity-based policy allows it",
            ),
            id="nothing-allows-it",
        ),
        pytest.param(
            f"… on resource: {GROUP} with an explicit deny in a service control policy: {POLICY}. "
            f"{ENCODED}",
            Refusal(
                message=f"… on resource: {GROUP} with an explicit deny in a service control "
                f"policy: {POLICY}.",
                resource_arn=GROUP,
                policy=f"an explicit deny in a service control policy {POLICY}",
            ),
            id="a-policy-that-is-named",
        ),
        pytest.param(
            f"… on resource: {GROUP} with an explicit deny in an identity-based policy",
            Refusal(
                message=f"… on resource: {GROUP} with an explicit deny in an identity-based policy",
                resource_arn=GROUP,
                policy="an explicit deny in an identity-based policy",
            ),
            id="a-policy-that-is-not-named",
        ),
        pytest.param(
            f"… on resource: {GROUP}.",
            Refusal(message=f"… on resource: {GROUP}.", resource_arn=GROUP),
            id="a-full-stop-is-not-of-the-arn",
        ),
        pytest.param(
            "… on resource: * because no permissions boundary allows the action",
            Refusal(
                message="… on resource: * because no permissions boundary allows the action",
                policy="no permissions boundary allows it",
            ),
            id="any-resource-and-no-policy-but-a-boundary",
        ),
    ],
)
def test_message_of_a_refusal(message: str, refusal: Refusal) -> None:
    assert refusal_in(message) == refusal


def test_no_message_no_refusal() -> None:
    assert refusal_in(None) is None


@pytest.mark.parametrize(
    "words", ["with an explicit deny in a ", "because no ", "on resource: arn:"]
)
def test_no_message_takes_long_to_read(words: str) -> None:
    assert refusal_in(words * 100_000) is not None
