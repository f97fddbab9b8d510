"""Who made the call, and who stands behind them: shown, and what sets two callers apart."""

import pytest

from tests.cases.conftest import AlertsOf
from tests.cases.records import PAYMENTS, Json, opening, role_session

pytestmark = pytest.mark.usefixtures("forgotten")

FUNCTION = f"arn:aws:lambda:eu-central-1:{PAYMENTS}:function:tidy-up"
BEHIND = {
    "delegate": (
        role_session("deploy", invokedByDelegate={"accountId": "999900001111"}),
        "through the product provider's account 999900001111",
        ("invoked_by_delegate", "999900001111"),
    ),
    "function": (
        role_session(
            "deploy",
            inScopeOf={"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": FUNCTION},
        ),
        f"with credentials issued to {FUNCTION}",
        ("in_scope_of", FUNCTION),
    ),
    "identity-center": (
        role_session("deploy", onBehalfOf={"userId": "0c0c0c0c-1111-4000-8000-000000000001"}),
        "on behalf of IAM Identity Center user 0c0c0c0c-1111-4000-8000-000000000001",
        ("on_behalf_of", "0c0c0c0c-1111-4000-8000-000000000001"),
    ),
    "oidc": (
        role_session(
            "deploy",
            context={
                "webIdFederationData": {
                    "federatedProvider": f"arn:aws:iam::{PAYMENTS}:oidc-provider/ci.example.com"
                }
            },
        ),
        "signed in through ci.example.com",
        ("identity_provider", f"arn:aws:iam::{PAYMENTS}:oidc-provider/ci.example.com"),
    ),
    "source-identity": (
        role_session("deploy", context={"sourceIdentity": "ruth"}),
        "source identity ruth",
        ("source_identity", "ruth"),
    ),
    "web-identity": (
        {"type": "WebIdentityUser", "userName": "7", "identityProvider": "accounts.example.com"},
        "signed in through accounts.example.com",
        ("identity_provider", "accounts.example.com"),
    ),
}


@pytest.mark.parametrize(("identity", "words", "fact"), BEHIND.values(), ids=list(BEHIND))
def test_who_stands_behind_a_session_is_shown(
    alerts_of: AlertsOf, identity: Json, words: str, fact: tuple[str, str]
) -> None:
    [alert] = alerts_of(opening(userIdentity=identity))

    by = next(line for line in alert.email.splitlines() if line.startswith("By: "))
    assert words in by
    assert words in alert.chat_text
    assert fact in alert.machine["unmapped"]["actor"].items()


def test_what_stands_behind_sets_principals_apart(alerts_of: AlertsOf) -> None:
    identities = [role_session("deploy"), *(identity for identity, *_ in BEHIND.values())]

    alerts = alerts_of(*(opening(userIdentity=it) for it in identities))

    assert len(alerts) == len(identities)


@pytest.mark.parametrize(
    ("members", "line"),
    [
        pytest.param(
            {
                "userIdentity": {
                    "type": "AssumedRole",
                    "accountId": PAYMENTS,
                    "invokedBy": "cloudformation.amazonaws.com",
                },
                "sourceIPAddress": "cloudformation.amazonaws.com",
                "userAgent": "cloudformation.amazonaws.com",
            },
            "By: a principal that the record does not name, through cloudformation.amazonaws.com",
            id="formation-for-nobody",
        ),
        pytest.param(
            {
                "userIdentity": {
                    "type": "AssumedRole",
                    "arn": f"arn:aws:sts::{PAYMENTS}:assumed-role/AWSServiceRoleForX/x",
                    "accountId": PAYMENTS,
                    "invokedBy": "AWS Internal",
                },
                "sourceIPAddress": "AWS Internal",
                "userAgent": "AWS Internal",
            },
            "By: session x of role AWSServiceRoleForX, through an AWS service",
            id="inside-aws",
        ),
        pytest.param(
            {
                "userIdentity": {"type": "AWSService", "invokedBy": "eks.amazonaws.com"},
                "sourceIPAddress": "eks.amazonaws.com",
                "userAgent": "eks.amazonaws.com",
            },
            "By: AWS service eks.amazonaws.com",
            id="service",
        ),
        pytest.param(
            {
                "userIdentity": role_session("nora"),
                "sourceIPAddress": "AWS Internal",
                "userAgent": "AWS Internal",
            },
            "By: session nora of role Operations; through an AWS service",
            id="a-person-from-inside",
        ),
        pytest.param(
            {
                "userIdentity": role_session("nora"),
                "sourceIPAddress": "autoscaling.amazonaws.com",
                "userAgent": "autoscaling.amazonaws.com",
            },
            "By: session nora of role Operations; through autoscaling.amazonaws.com",
            id="a-person-through-a-service",
        ),
        pytest.param(
            {"userIdentity": {}, "sourceIPAddress": None, "userAgent": None},
            "By: not in the record",
            id="nobody",
        ),
        pytest.param(
            {"userIdentity": role_session("nora"), "sourceIPAddress": None, "userAgent": None},
            "By: session nora of role Operations; address not in the record",
            id="from-nowhere",
        ),
        pytest.param(
            {
                "userIdentity": role_session("nora"),
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101",
            },
            "By: session nora of role Operations; a web browser from 198.51.100.24",
            id="browser",
        ),
    ],
)
def test_identities_that_say_little_are_plain_words(
    alerts_of: AlertsOf, members: Json, line: str
) -> None:
    [alert] = alerts_of(opening(**members))

    assert line in alert.email.splitlines()


@pytest.mark.parametrize(
    ("value", "line"),
    [("true", "MFA: yes"), ("false", "MFA: no"), ("sometimes", None), (None, None)],
)
def test_mfa_is_only_said_where_it_is_known(
    alerts_of: AlertsOf, value: str | None, line: str | None
) -> None:
    user = {
        "type": "IAMUser",
        "userName": "ida",
        "accountId": PAYMENTS,
        "sessionContext": {"attributes": {"mfaAuthenticated": value}},
    }

    [alert] = alerts_of(opening(userIdentity=user))

    assert [it for it in alert.email.splitlines() if it.startswith("MFA")] == (
        [line] if line else []
    )
    assert alert.machine["unmapped"]["actor"].get("session", {}).get("is_mfa") is {
        "true": True,
        "false": False,
    }.get(value or "")
