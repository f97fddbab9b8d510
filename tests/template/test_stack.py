"""How the parts hang together: what comes first, what stays, who is told, what can be set."""

import re
from typing import Any

import pytest

from local.template import read_template
from security_group_alerter.findings import Severity
from security_group_alerter.settings import VARIABLES, settings_from
from tests.template.stack import ACCOUNT, Stack, deployed

ORDER = [
    # A delivery that is refused is lost, so the filter comes after the permission.
    ("LogsMayInvokeTheFunction", "SecurityGroupChangesSubscription"),
    ("SecurityGroupAlerterFunction", "SecurityGroupChangesSubscription"),
    # The first record finds the road complete.
    ("SecurityGroupChangesSubscription", "Trail"),
    # CloudTrail tries the policies when the trail is made.
    ("TrailBucketPolicy", "Trail"),
    ("TrailLogRole", "Trail"),
]


@pytest.mark.parametrize(("first", "then"), ORDER)
def test_made_first(stack: Stack, first: str, then: str) -> None:
    assert first in stack.made_before(then)
    assert then not in stack.made_before(first)


def test_only_our_log_group_may_invoke_the_function(stack: Stack) -> None:
    permission = stack.properties("LogsMayInvokeTheFunction")
    subscription = stack.properties("SecurityGroupChangesSubscription")

    assert permission["Principal"] == "logs.amazonaws.com"
    assert permission["Action"] == "lambda:InvokeFunction"
    assert permission["FunctionName"] == subscription["DestinationArn"]
    assert permission["SourceAccount"] == ACCOUNT
    # The form with :* is the one that CloudWatch Logs presents.
    assert permission["SourceArn"].endswith(f":log-group:{subscription['LogGroupName']}:*")


@pytest.mark.parametrize("logical_id", ["TrailBucket", "TrailLogGroup"])
def test_records_outlive_the_stack(stack: Stack, logical_id: str) -> None:
    resource = stack.resources[logical_id]

    assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
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


# Who is told.


@pytest.mark.parametrize("minimum", Severity)
def test_mail_begins_at_the_minimum_severity(minimum: Severity) -> None:
    stack = deployed(AlertEmail="security@example.com", MinimumSeverity=minimum.name)

    subscription = stack.properties("AlertEmailSubscription")

    assert subscription["FilterPolicy"] == {
        "severity": [severity.name for severity in Severity if severity >= minimum]
    }
    assert subscription["FilterPolicyScope"] == "MessageAttributes"


def test_all_severities_can_be_chosen() -> None:
    template = read_template()

    assert template["Parameters"]["MinimumSeverity"]["AllowedValues"] == list(Severity.__members__)
    assert list(template["Mappings"]["SeveritiesFrom"]) == list(Severity.__members__)


def test_no_address_no_subscription() -> None:
    assert deployed().of_type("AWS::SNS::Subscription") == {}


# What can be set.


def test_the_function_gets_the_settings_it_reads(stack: Stack) -> None:
    environment = stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"]

    ours = {name for name in environment if not name.startswith("POWERTOOLS_")}
    assert ours == set(VARIABLES)


ACCEPTED = [
    ("OrganizationId", "o-exampleorgid"),
    ("TrailName", "organization-trail"),
    ("TrailName", "org.trail_2"),
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


def is_accepted(parameter: dict[str, Any], value: str) -> bool:
    """As CloudFormation checks it: the pattern must match the whole value."""
    fits = parameter.get("MinLength", 0) <= len(value) <= parameter.get("MaxLength", 4096)
    return fits and re.fullmatch(parameter.get("AllowedPattern", "(?s:.*)"), value) is not None


@pytest.mark.parametrize(("name", "value"), ACCEPTED)
def test_what_a_parameter_accepts_the_function_accepts(name: str, value: str) -> None:
    assert is_accepted(read_template()["Parameters"][name], value)
    stack = deployed(**{name: value})
    settings_from(stack.properties("SecurityGroupAlerterFunction")["Environment"]["Variables"])


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_wrong_parameter_is_refused_before_anything_is_made(name: str, value: str) -> None:
    assert not is_accepted(read_template()["Parameters"][name], value)


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
