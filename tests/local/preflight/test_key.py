"""A KMS key that is to encrypt what the stack creates."""

from typing import Final

import pytest

from tests.local.cloud import MANAGEMENT, REGION, Cloud
from tests.local.preflight.arrangements import (
    ALL_SERVICES,
    EMAILS,
    Arrangement,
    Preflight,
    Row,
    assert_stop,
    key_for,
    nothing,
)

STOPS: Final[list[Row]] = [
    (
        "key-of-another-region",
        nothing,
        (*EMAILS, "--parameter", f"KmsKey=arn:aws:kms:eu-west-1:{MANAGEMENT}:key/1234abcd"),
        f"KMS key arn:aws:kms:eu-west-1:{MANAGEMENT}:key/1234abcd is not in {REGION}. Name",
    ),
    (
        "malformed-key",
        nothing,
        (*EMAILS, "--parameter", "KmsKey=arn:foo"),
        "parameters KmsKey='arn:foo'",
    ),
    (
        "no-such-key",
        nothing,
        (*EMAILS, "--parameter", f"KmsKey=arn:aws:kms:{REGION}:{MANAGEMENT}:key/1234abcd"),
        f"KMS key the key arn:aws:kms:{REGION}:{MANAGEMENT}:key/1234abcd does not exist. Name",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in STOPS]
)
def test_what_stops_the_deployment(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_stop(run(*arguments), line)


def test_a_key_for_all_services(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES)

    result = run(*EMAILS, "--parameter", f"KmsKey={arn}")

    assert f"KMS key {arn}" in result.lines("ok")
    assert result.lines("warning") == result.lines("stop") == []


def test_a_key_that_leaves_a_service_out(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *(it for it in ALL_SERVICES if "cloudwatch" not in it))

    (line,) = run(*EMAILS, "--parameter", f"KmsKey={arn}").lines("warning")

    assert line.startswith(
        "KMS key its policy does not name cloudwatch.amazonaws.com. Allow them to use"
    )


def test_a_key_that_is_off(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES)
    aws.client("kms").disable_key(KeyId=arn.rpartition("/")[2])

    result = run(*EMAILS, "--parameter", f"KmsKey={arn}")

    assert result.lines("stop") == [f"KMS key {arn} is Disabled. Enable it, or name another"]


def test_a_key_of_the_wrong_kind(aws: Cloud, run: Preflight) -> None:
    arn = key_for(aws, *ALL_SERVICES, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")

    (line,) = run(*EMAILS, "--parameter", f"KmsKey={arn}").lines("stop")

    assert line.startswith(f"KMS key {arn} has the key spec RSA_2048. ")
