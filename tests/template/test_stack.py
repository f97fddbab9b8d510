"""How the parts fit together: what is made first, what is kept, what can be set."""

import tomllib
from typing import Any

import pytest

from local.template import read_template
from security_group_alerter.model.severity import Severity
from security_group_alerter.settings import DELIVERY, PRESENTATION, delivery_settings_in
from tests.template.stack import ACCOUNT, ROOT, TEAMS, Stack, deployed, is_accepted

ORDER = [
    # A delivery without permission is lost, so the filter comes after the permission.
    ("LogsMayInvokeTheFunction", "SecurityGroupChangesSubscription"),
    ("SecurityGroupAlerterFunction", "SecurityGroupChangesSubscription"),
    # Failed deliveries are kept from the first one on.
    ("SecurityGroupAlerterFailures", "SecurityGroupChangesSubscription"),
    ("FailureQueue", "SecurityGroupAlerterFailures"),
    # The path is complete before the first record arrives.
    ("SecurityGroupChangesSubscription", "Trail"),
    # CloudTrail checks the policies when the trail is made.
    ("TrailBucketPolicy", "Trail"),
    ("TrailLogRole", "Trail"),
    ("EncryptionKey", "Trail"),
    ("EncryptionKey", "TrailLogGroup"),
    # A rule that may not publish reports nothing.
    ("OperationsTopicPolicy", "TrailPathTamperingRule"),
    ("OperationsTopicPolicy", "LogPathTamperingRule"),
    ("OperationsTopicPolicy", "FunctionPathTamperingRule"),
    ("OperationsTopicPolicy", "AlertPathTamperingRule"),
]


@pytest.mark.parametrize(("first", "then"), ORDER)
def test_made_first(stack: Stack, first: str, then: str) -> None:
    assert first in stack.made_before(then)
    assert then not in stack.made_before(first)


def test_only_our_log_group_may_invoke_the_function(stack: Stack) -> None:
    permission = stack.properties("LogsMayInvokeTheFunction")
    subscription = stack.properties("SecurityGroupChangesSubscription")

    assert permission["Principal"] == "logs.amazonaws.com"
    elsewhere = deployed(partition="aws-cn").properties("LogsMayInvokeTheFunction")
    assert elsewhere["Principal"] == "logs.amazonaws.com.cn"
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["FunctionName"] == subscription["DestinationArn"]
    assert permission["SourceAccount"] == ACCOUNT
    # The form with :* is the one that CloudWatch Logs presents.
    assert permission["SourceArn"].endswith(f":log-group:{subscription['LogGroupName']}:*")


@pytest.mark.parametrize(
    ("logical_id", "policy"),
    [
        # S3 would not delete a bucket that is written to: a first deployment could not be undone.
        ("TrailBucket", "Retain"),
        ("TrailBucketPolicy", "Retain"),
        ("TrailLogGroup", "RetainExceptOnCreate"),
        # Without it, nobody could read them.
        ("EncryptionKey", "RetainExceptOnCreate"),
    ],
)
def test_records_outlive_the_stack(stack: Stack, logical_id: str, policy: str) -> None:
    resource = stack.resources[logical_id]

    assert resource["DeletionPolicy"] == policy
    assert resource["UpdateReplacePolicy"] == "Retain"


def test_one_trail_arn(stack: Stack) -> None:
    # Three times in the template by name, since it is needed before the trail exists.
    arn = stack.outputs["TrailArn"]["Value"]
    function = stack.properties("SecurityGroupAlerterFunction")
    statements = stack.properties("TrailBucketPolicy")["PolicyDocument"]["Statement"]

    assert function["Environment"]["Variables"]["TRAIL_ARN"] == arn
    assert [
        statement["Condition"]["StringEquals"]["aws:SourceArn"]
        for statement in statements
        if statement["Effect"] == "Allow"
    ] == [arn] * 3


# What can be set.


def test_the_function_gets_the_settings_it_reads(stack: Stack) -> None:
    environment = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    ours = {name for name in environment if not name.startswith("POWERTOOLS_")}
    assert ours == set(PRESENTATION | DELIVERY)


ACCEPTED = [
    ("OrganizationId", "o-exampleorgid"),
    ("TrailName", "organization-trail"),
    ("TrailName", "org.trail_2"),
    ("ManagementAccountId", ""),
    ("ManagementAccountId", "111122223333"),
    ("ExistingTrailLogGroupName", "aws-controltower/CloudTrailLogs"),
    ("ExistingTrailLogGroupName", "/aws/cloudtrail/org#1"),
    ("ExistingTrailLogRoleName", "AWSControlTowerCloudTrailRole"),
    ("ExistingTrailBucketName", "aws-controltower-logs-111122223333-eu-central-1"),
    ("ArchiveTransitionInDays", "0"),
    ("SlackWorkspaceId", "T07EA123LEP"),
    ("SlackChannelId", "C07EZ1ABC23"),
    *TEAMS.items(),
    ("TeamsChannelId", "19%3aab-12_cd%40thread.skype"),
    *(("MinimumChatSeverity", name) for name in Severity.__members__),
    ("LookRole", "none"),
    ("LookRole", "create"),
    ("LookRole", "look"),
    ("LookRole", "security/read-only/look"),
    ("OrganizationalUnitIds", ""),
    ("OrganizationalUnitIds", "r-ab12"),
    ("OrganizationalUnitIds", "ou-ab12-11111111,ou-ab12-22222222"),
    ("KmsKey", "create"),
    ("KmsKey", "none"),
    ("KmsKey", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
    ("KmsKey", "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef"),
    ("Architecture", "arm64"),
    ("Architecture", "x86_64"),
    ("ReservedConcurrency", ""),
    ("ReservedConcurrency", "5"),
    ("PermissionsBoundary", ""),
    ("PermissionsBoundary", "arn:aws:iam::111122223333:policy/boundary"),
    ("PermissionsBoundary", "arn:aws-us-gov:iam::aws:policy/job-function/ViewOnlyAccess"),
    ("AlertEmail", ""),
    ("AlertEmail", "aws+security@mail.example.com"),
    ("TimeZone", "UTC"),
    ("TimeZone", "Europe/Zurich"),
    ("TimeZone", "Etc/GMT+5"),
    ("TimeZone", "America/Argentina/Buenos_Aires"),
    ("AccountTags", ""),
    ("AccountTags", "Owner, Cost Center, aws:team"),
    ("AccessPortalUrl", ""),
    ("AccessPortalUrl", "https://d-1234567890.awsapps.com/start"),
    ("AccessPortalUrl", "https://example.awsapps.com/start/#/"),
    ("AccessPortalUrl", "https://identitycenter.amazonaws.com/ssoins-1234567890abcdef"),
    ("AccessPortalRole", ""),
    ("AccessPortalRole", "AWSReadOnlyAccess"),
]
REFUSED = [
    ("OrganizationId", ""),
    ("OrganizationId", "r-exampleroot"),
    ("OrganizationId", "o-ExampleOrgId"),
    ("TrailName", "ab"),
    ("TrailName", "two--dashes"),
    ("TrailName", "-dash-first"),
    ("TrailName", "dash-last-"),
    ("TrailName", "with space"),
    ("ManagementAccountId", "11112222333"),
    ("ExistingTrailLogGroupName", "arn:aws:logs:eu-central-1:111122223333:log-group:a:*"),
    ("ExistingTrailLogRoleName", "service-role/AWSControlTowerCloudTrailRole"),
    ("ExistingTrailBucketName", "s3://bucket"),
    ("ExistingTrailBucketName", "Bucket"),
    ("SlackWorkspaceId", "my-workspace"),
    ("SlackChannelId", "#alerts"),
    ("TeamsTenantId", "example.onmicrosoft.com"),
    ("TeamsTeamId", "Security"),
    ("TeamsTeamId", "1a2b3c4d5e6f708192a3b4c5d6e7f809"),
    # As Teams shows it elsewhere. AWS takes it only as it stands in a link.
    ("TeamsChannelId", "19:ab12cd34ef56@thread.tacv2"),
    ("TeamsChannelId", "General"),
    ("TeamsChannelId", f"19%3A{'a' * 256}%40thread.tacv2"),
    ("MinimumChatSeverity", "high"),
    ("LookRole", ""),
    ("LookRole", "/security/look"),
    ("LookRole", "security/"),
    ("LookRole", "*"),
    ("LookRole", "arn:aws:iam::111122223333:role/look"),
    ("OrganizationalUnitIds", "root"),
    ("OrganizationalUnitIds", "r-ab12, ou-ab12-11111111"),
    ("OrganizationalUnitIds", "111122223333"),
    ("KmsKey", ""),
    ("KmsKey", "alias/aws/sns"),
    ("KmsKey", "arn:aws:kms:eu-central-1:111122223333:alias/mine"),
    ("Architecture", "arm"),
    # It would stop the function.
    ("ReservedConcurrency", "0"),
    ("ReservedConcurrency", "-1"),
    ("ReservedConcurrency", "10000"),
    ("PermissionsBoundary", "boundary"),
    ("PermissionsBoundary", "arn:aws:iam::111122223333:role/boundary"),
    ("OperationsEmail", "operations"),
    ("AlertEmail", "security"),
    ("AlertEmail", "a@example.com, b@example.com"),
    ("TimeZone", ""),
    ("TimeZone", "../etc/passwd"),
    ("TimeZone", "Europe/Zurich "),
    ("AccessPortalUrl", "http://d-1234567890.awsapps.com/start"),
    ("AccessPortalUrl", "d-1234567890.awsapps.com"),
    ("AccessPortalUrl", "https://example.com/?next=1"),
    ("AccessPortalRole", "Read Only"),
    ("AccessPortalRole", "x" * 33),
]


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_what_a_parameter_accepts_the_function_accepts(name: str, value: str) -> None:
    assert is_accepted(read_template()["Parameters"][name], value)
    stack = deployed(**{name: value})
    delivery_settings_in(
        stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]
    )


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_wrong_parameter_is_refused_before_anything_is_made(name: str, value: str) -> None:
    assert not is_accepted(read_template()["Parameters"][name], value)


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_the_function_runs_on_the_architecture_that_is_chosen(architecture: str) -> None:
    function = deployed(Architecture=architecture).properties("SecurityGroupAlerterFunction")

    assert function["Architectures"] == [architecture]


def test_concurrency_is_reserved_if_a_number_is_given(stack: Stack) -> None:
    function = "SecurityGroupAlerterFunction"
    reserved = deployed(ReservedConcurrency="5").properties(function)

    assert reserved["ReservedConcurrentExecutions"] == "5"
    assert "ReservedConcurrentExecutions" not in stack.properties(function)


def environments() -> dict[str, dict[str, Any]]:
    tables: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def test_every_environment_can_be_deployed_once_the_organization_is_known() -> None:
    parameters = read_template()["Parameters"]

    assert {"default", "organization", "existing-trail"} <= environments().keys()
    for environment in environments().values():
        deploy = environment["deploy"]["parameters"]
        assert environment["global"]["parameters"]["stack_name"]
        assert deploy["capabilities"] == "CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND"
        assert deploy["resolve_s3"] is True
        assert deploy["tags"] == "application=security-group-alerter"
        for override in deploy.get("parameter_overrides", []):
            name, _, value = override.partition("=")
            assert is_accepted(parameters[name], value)


@pytest.mark.parametrize(
    ("environment", "makes_a_trail"), [("organization", True), ("existing-trail", False)]
)
def test_environments_do_what_they_are_called(environment: str, makes_a_trail: bool) -> None:
    overrides = environments()[environment]["deploy"]["parameters"]["parameter_overrides"]
    stack = deployed(**dict(override.split("=", 1) for override in overrides))

    assert ("Trail" in stack.resources) == makes_a_trail


def test_only_the_organization_id_must_be_given() -> None:
    parameters = read_template()["Parameters"]

    assert [name for name in parameters if "Default" not in parameters[name]] == ["OrganizationId"]
    assert [name for name in parameters if not parameters[name].get("Description")] == []


def test_the_console_shows_every_parameter_once_with_a_label() -> None:
    template = read_template()
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]

    shown = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(shown) == sorted(template["Parameters"])
    assert sorted(interface["ParameterLabels"]) == sorted(template["Parameters"])
