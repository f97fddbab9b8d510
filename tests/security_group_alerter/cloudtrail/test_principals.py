"""Who acted, and how they came: every type of userIdentity, and whatever is missing in it."""

from typing import Any

import pytest

from security_group_alerter.cloudtrail.principals import principal_of, session_of
from security_group_alerter.model.principal import Principal, Session, Tool

IDENTITY_CENTER_ROLE = "AWSReservedSSO_NetworkAdministrator_0123456789abcdef"
ROLE_ARN = "arn:aws:iam::222233334444:role/apps/app-server"
ROLE = {"sessionIssuer": {"type": "Role", "userName": "app-server", "arn": ROLE_ARN}}


SESSION_ARN = "arn:aws:sts::222233334444:assumed-role/Deployer/deploy"
FUNCTION_ARN = "arn:aws:lambda:eu-central-1:222233334444:function:opener"
OIDC_ARN = "arn:aws:iam::222233334444:oidc-provider/token.actions.example.com"
# What CloudTrail says of whoever stands behind a session, and what we know of them then.
BEHIND_A_SESSION: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "nobody-in-particular": ({}, {}),
    "somebody-with-a-source-identity": (
        {"sessionContext": {"sourceIdentity": "kim"}},
        {"source_identity": "kim"},
    ),
    "an-identity-center-user": (
        {"onBehalfOf": {"userId": "4b6af327-5871", "identityStoreArn": "arn:…"}},
        {"on_behalf_of": "4b6af327-5871"},
    ),
    "a-vendors-delegate": (
        {"invokedByDelegate": {"accountId": "999900001111"}},
        {"delegate": "999900001111"},
    ),
    "a-vendor-whose-account-lost-its-zero": (
        {"invokedByDelegate": {"accountId": 99900001111}},
        {"delegate": "099900001111"},
    ),
    "a-function": (
        {"inScopeOf": {"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": FUNCTION_ARN}},
        {"in_scope_of": FUNCTION_ARN},
    ),
    "a-source-without-an-issuer": (
        {"inScopeOf": {"sourceArn": FUNCTION_ARN, "sourceAccount": "222233334444"}},
        {"in_scope_of": FUNCTION_ARN},
    ),
    "an-oidc-provider": (
        {"sessionContext": {"webIdFederationData": {"federatedProvider": OIDC_ARN}}},
        {"identity_provider": OIDC_ARN},
    ),
    "a-saml-provider": ({"identityProvider": "saml"}, {"identity_provider": "saml"}),
    "what-is-of-the-wrong-type": (
        {"onBehalfOf": "kim", "invokedByDelegate": [], "inScopeOf": 7, "identityProvider": {}},
        {},
    ),
}


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param({}, id="empty"),
        pytest.param({"type": None, "arn": None, "principalId": None}, id="nulls"),
        pytest.param({"sessionContext": "none", "arn": ["a"], "userName": {}}, id="wrong-types"),
        pytest.param({"sessionContext": {"sessionIssuer": {}}}, id="empty-issuer"),
    ],
)
def test_nobody_is_named_where_the_record_names_nobody(identity: dict[str, Any]) -> None:
    principal = principal_of(identity)

    assert not principal.is_known
    assert principal.person is principal.role_name is principal.permission_set is None


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        pytest.param(
            {
                "type": "IAMUser",
                "principalId": "AIDAI4M2PLU2YMEXAMPLE",
                "arn": "arn:aws:iam::333344445555:user/bots/deploy-bot",
                "accountId": "333344445555",
                "userName": "deploy-bot",
            },
            Principal(
                identity_type="IAMUser",
                person="deploy-bot",
                account_id="333344445555",
                arn="arn:aws:iam::333344445555:user/bots/deploy-bot",
            ),
            id="iam-user",
        ),
        pytest.param(
            {"type": "IAMUser", "arn": "arn:aws-cn:iam::333344445555:user/bots/deploy-bot"},
            Principal(
                identity_type="IAMUser",
                person="deploy-bot",
                arn="arn:aws-cn:iam::333344445555:user/bots/deploy-bot",
            ),
            id="iam-user-without-name",
        ),
        pytest.param(
            {"type": "IAMUser", "principalId": "AIDAI4M2PLU2YMEXAMPLE"},
            Principal(identity_type="IAMUser", person="AIDAI4M2PLU2YMEXAMPLE"),
            id="iam-user-known-by-id-only",
        ),
        pytest.param(
            {"type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": 11122223333},
            Principal(
                identity_type="Root",
                person="root user",
                account_id="011122223333",
                arn="arn:aws:iam::111122223333:root",
            ),
            id="root-of-an-account-whose-zero-got-lost",
        ),
        pytest.param(
            {
                "type": "AssumedRole",
                "principalId": "AROAEY5J66TYJ6EXAMPLE:i-0d3f8a61b2c94e7f5",
                "arn": "arn:aws:sts::222233334444:assumed-role/app-server/i-0d3f8a61b2c94e7f5",
                "sessionContext": ROLE,
            },
            Principal(
                identity_type="AssumedRole",
                person="i-0d3f8a61b2c94e7f5",
                arn="arn:aws:sts::222233334444:assumed-role/app-server/i-0d3f8a61b2c94e7f5",
                role_name="app-server",
                role_arn=ROLE_ARN,
            ),
            id="role-of-an-instance",
        ),
        pytest.param(
            {"type": "AssumedRole", "principalId": "AROAEY5J66TYJ6EXAMPLE:nightly"},
            Principal(identity_type="AssumedRole", person="nightly"),
            id="role-without-arn",
        ),
        pytest.param(
            {
                "type": "AssumedRole",
                "arn": f"arn:aws-us-gov:sts::222233334444:assumed-role/{IDENTITY_CENTER_ROLE}/jane",
                "sessionContext": {"sessionIssuer": {}},
            },
            Principal(
                identity_type="AssumedRole",
                person="jane",
                arn=f"arn:aws-us-gov:sts::222233334444:assumed-role/{IDENTITY_CENTER_ROLE}/jane",
                role_name=IDENTITY_CENTER_ROLE,
                permission_set="NetworkAdministrator",
            ),
            id="person-from-identity-center-in-govcloud",
        ),
        pytest.param(
            {
                "type": "IdentityCenterUser",
                "onBehalfOf": {"userId": "4b6af327-5871", "identityStoreArn": "arn:…"},
            },
            Principal(
                identity_type="IdentityCenterUser",
                person="4b6af327-5871",
                on_behalf_of="4b6af327-5871",
            ),
            id="identity-center-user",
        ),
        pytest.param(
            {
                "type": "FederatedUser",
                "arn": "arn:aws:sts::555566667777:federated-user/contractor-lee",
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "IAMUser",
                        "userName": "broker",
                        "arn": "arn:aws:iam::555566667777:user/broker",
                    }
                },
            },
            Principal(
                identity_type="FederatedUser",
                person="contractor-lee",
                arn="arn:aws:sts::555566667777:federated-user/contractor-lee",
            ),
            id="federated-user-is-not-the-broker",
        ),
        pytest.param(
            {"type": "AWSAccount", "principalId": "AIDAQRSTUVWXYZEXAMPLE", "accountId": "1234"},
            Principal(identity_type="AWSAccount", person="AIDAQRSTUVWXYZEXAMPLE"),
            id="another-account-whose-id-is-mangled",
        ),
        pytest.param(
            {"type": "AWSService", "invokedBy": "eks.amazonaws.com"},
            Principal(
                identity_type="AWSService",
                person="eks.amazonaws.com",
                invoked_by="eks.amazonaws.com",
            ),
            id="service",
        ),
        pytest.param(
            {"accountId": "111122223333", "invokedBy": "autoscaling.amazonaws.com"},
            Principal(account_id="111122223333", invoked_by="autoscaling.amazonaws.com"),
            id="no-type-at-all",
        ),
        *(
            pytest.param(
                {"type": "AssumedRole", "arn": SESSION_ARN, **behind},
                Principal(
                    identity_type="AssumedRole",
                    person="deploy",
                    arn=SESSION_ARN,
                    role_name="Deployer",
                    **known,
                ),
                id=f"session-of-{story}",
            )
            for story, (behind, known) in BEHIND_A_SESSION.items()
        ),
        pytest.param(
            {"type": "AssumedRole", "invokedByDelegate": {"accountId": 999900001111}},
            Principal(identity_type="AssumedRole", delegate="999900001111"),
            id="product-of-a-provider-and-nobody-else",
        ),
        pytest.param(
            {
                "type": "WebIdentityUser",
                "principalId": "accounts.google.com:app:1234",
                "userName": "1234",
                "identityProvider": "accounts.google.com",
            },
            Principal(
                identity_type="WebIdentityUser",
                person="1234",
                identity_provider="accounts.google.com",
            ),
            id="web-identity",
        ),
        pytest.param(
            {"sessionContext": ROLE},
            Principal(role_name="app-server", role_arn=ROLE_ARN),
            id="role-and-nothing-else",
        ),
        pytest.param(
            {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/"},
            Principal(identity_type="AssumedRole", arn="arn:aws:sts::111122223333:assumed-role/"),
            id="role-cut-short",
        ),
        pytest.param(
            {"arn": "arn:aws:iam::111122223333:root"},
            Principal(person="root", arn="arn:aws:iam::111122223333:root"),
            id="arn-of-one-part",
        ),
        pytest.param(
            {"arn": "arn:aws:iam::111122223333:", "principalId": ""},
            Principal(arn="arn:aws:iam::111122223333:"),
            id="arn-cut-short",
        ),
        pytest.param(
            {"type": "Unknown", "userName": "someone"},
            Principal(identity_type="Unknown", person="someone"),
            id="type-unknown",
        ),
    ],
)
def test_principal_is_whoever_stands_behind_the_credentials(
    identity: dict[str, Any], principal: Principal
) -> None:
    assert principal_of(identity) == principal
    assert principal.is_known


def test_whoever_stands_behind_a_session_makes_it_another_principals() -> None:
    principals = [
        principal_of({"type": "AssumedRole", "arn": SESSION_ARN, **behind})
        for story, (behind, _) in BEHIND_A_SESSION.items()
        if story not in ("what-is-of-the-wrong-type", "a-source-without-an-issuer")
    ]

    assert len(set(principals)) == len(principals)


@pytest.mark.parametrize(
    ("role_name", "permission_set"),
    [
        pytest.param("app-server", None, id="any-role"),
        pytest.param("not-AWSReservedSSO_Admin_0123", None, id="name-that-only-contains-it"),
        pytest.param("AWSReservedSSO_Admin", None, id="no-hash"),
        pytest.param("AWSReservedSSO__0123", None, id="no-name"),
        pytest.param("AWSReservedSSO_Admin_0123", "Admin", id="permission-set"),
        pytest.param("AWSReservedSSO_Net_Admin_0123", "Net_Admin", id="name-with-underscore"),
    ],
)
def test_permission_set_is_in_the_role_of_identity_center(
    role_name: str, permission_set: str | None
) -> None:
    issuer = {"type": "Role", "userName": role_name}

    assert (
        principal_of({"sessionContext": {"sessionIssuer": issuer}}).permission_set == permission_set
    )


def test_session_is_how_the_call_came() -> None:
    document = {
        "sourceIPAddress": "2001:db8::24",
        "userAgent": "Mozilla/5.0 (X11) Firefox/151.0",
        "sessionCredentialFromConsole": "true",
        "userIdentity": {
            "type": "IAMUser",
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {"attributes": {"mfaAuthenticated": "true"}},
        },
    }

    assert session_of({}) == Session()
    assert session_of(document) == Session(
        source_address="2001:db8::24",
        tool=Tool.CONSOLE,
        user_agent="Mozilla/5.0 (X11) Firefox/151.0",
        access_key_id="ASIAIOSFODNN7EXAMPLE",
        mfa=True,
    )


@pytest.mark.parametrize(
    ("identity_type", "authenticated", "mfa"),
    [
        pytest.param("AssumedRole", "false", None, id="identity-center-may-have-asked-for-mfa"),
        pytest.param("FederatedUser", "false", None, id="federation-may-have-asked-for-mfa"),
        pytest.param("IAMUser", None, None, id="access-key-does-not-tell"),
        pytest.param("IAMUser", "", None, id="empty-does-not-tell"),
        pytest.param("IAMUser", "unknown", None, id="a-word-does-not-tell"),
        pytest.param("Root", "0", None, id="a-number-as-text-does-not-tell"),
        pytest.param("Root", {}, None, id="an-object-does-not-tell"),
        pytest.param("IAMUser", "False", False, id="in-capitals"),
        pytest.param("IAMUser", "false", False, id="user-without-mfa"),
        pytest.param("Root", "false", False, id="root-without-mfa"),
        pytest.param("Root", "true", True, id="root-with-mfa"),
        pytest.param("AssumedRole", "true", True, id="role-with-mfa"),
        pytest.param("IAMUser", True, True, id="boolean"),
    ],
)
def test_mfa_is_told_only_where_aws_itself_asked_for_it(
    identity_type: str, authenticated: object, mfa: bool | None
) -> None:
    attributes = {"attributes": {"mfaAuthenticated": authenticated}}
    identity = {"type": identity_type, "sessionContext": attributes}

    assert session_of({"userIdentity": identity}).mfa is mfa


BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/149.0.0.0 Safari/537.36"
TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.14.3 provider/6.31.0 aws-sdk-go-v2/1.41.1"


@pytest.mark.parametrize(
    ("document", "tool"),
    [
        pytest.param({}, None, id="no-agent"),
        pytest.param({"userAgent": "curl/8.5.0"}, None, id="unknown-agent"),
        pytest.param({"userAgent": "AWS Internal"}, None, id="aws-internal"),
        pytest.param({"userAgent": BROWSER}, None, id="browser-alone"),
        pytest.param(
            {"userAgent": BROWSER, "sessionCredentialFromConsole": "false"}, None, id="not-console"
        ),
        pytest.param(
            {"userAgent": BROWSER, "sessionCredentialFromConsole": "true"},
            Tool.CONSOLE,
            id="console-in-a-browser",
        ),
        pytest.param({"userAgent": "console.ec2.amazonaws.com"}, Tool.CONSOLE, id="console"),
        pytest.param({"userAgent": "signin.amazonaws.com"}, Tool.CONSOLE, id="console-of-old"),
        pytest.param(
            {
                "userAgent": "aws-cli/2.33.9 exec-env/CloudShell",
                "sessionCredentialFromConsole": "true",
            },
            Tool.CLI,
            id="cli-in-cloudshell",
        ),
        pytest.param({"userAgent": "aws-sdk-go-v2/1.41.1 api/ec2"}, Tool.SDK, id="go"),
        pytest.param({"userAgent": "Boto3/1.42.8 Botocore/1.42.8"}, Tool.SDK, id="python"),
        pytest.param({"userAgent": TERRAFORM}, Tool.TERRAFORM, id="terraform-is-written-in-go"),
        pytest.param({"userAgent": "OpenTofu/1.10"}, Tool.TERRAFORM, id="opentofu"),
        pytest.param(
            {"userAgent": "cloudformation.amazonaws.com"}, Tool.CLOUDFORMATION, id="cloudformation"
        ),
        pytest.param({"userAgent": "eks.amazonaws.com"}, Tool.SERVICE, id="service"),
        pytest.param(
            {"userAgent": BROWSER, "userIdentity": {"invokedBy": "cloudformation.amazonaws.com"}},
            Tool.CLOUDFORMATION,
            id="cloudformation-for-somebody-in-a-browser",
        ),
        pytest.param(
            {"userAgent": TERRAFORM, "userIdentity": {"invokedBy": "eks.amazonaws.com"}},
            Tool.SERVICE,
            id="service-for-somebody",
        ),
        pytest.param(
            {"userAgent": TERRAFORM, "userIdentity": {"invokedBy": "AWS Internal"}},
            Tool.TERRAFORM,
            id="invoker-that-is-no-service",
        ),
    ],
)
def test_tool_is_what_the_call_says_it_was_made_with(
    document: dict[str, Any], tool: Tool | None
) -> None:
    assert session_of(document).tool is tool
