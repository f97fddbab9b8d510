"""The stack that is deployed, its parameters and their source, the addresses, the command."""

from typing import Final

import pytest

from local.sam_configuration import overrides_in
from tests.local.cloud import REGION, STACK, Cloud, Terminal
from tests.local.preflight.arrangements import (
    EMAILS,
    Arrangement,
    Preflight,
    Row,
    assert_stop,
    assert_warning,
    command_in,
    nothing,
)
from tests.template.stack import SLACK, TEAMS


def stack_is(status: str) -> Arrangement:
    return lambda aws: aws.deployed(status, OrganizationId=aws.organization_id)


STOPS: Final[list[Row]] = [
    (
        "stack-that-failed",
        stack_is("ROLLBACK_COMPLETE"),
        EMAILS,
        f"stack {STACK} is ROLLBACK_COMPLETE and cannot be updated. Delete it: sam delete "
        f"--stack-name {STACK} --region {REGION}",
    ),
    (
        "patterns-that-do-not-fit",
        nothing,
        (*EMAILS, "--stack", "s" * 120),
        "the event pattern of AlertPathTamperingRule would have 2,161 characters, and EventBridge "
        "allows 2,048: the stack's name has 120. Deploy with a name of at most 40 characters "
        "(--stack)",
    ),
    (
        "parameters-that-do-not-go-together",
        nothing,
        (*EMAILS, "--parameter", "SlackChannelId=C07EZ1ABC23"),
        "parameters SlackChannelId needs SlackWorkspaceId",
    ),
    (
        "a-time-zone-that-does-not-exist",
        nothing,
        (*EMAILS, "--parameter", "TimeZone=Europe/Zurch"),
        "parameters TimeZone='Europe/Zurch' is not in the IANA time zone database. Name a time "
        "zone such as Europe/Zurich: --parameter TimeZone=…",
    ),
    (
        "part-of-a-time-zone",
        nothing,
        (*EMAILS, "--parameter", "TimeZone=Europe"),
        "parameters TimeZone='Europe' is not in the IANA time zone database. Name a time zone such "
        "as Europe/Zurich: --parameter TimeZone=…",
    ),
    (
        "a-name-that-cloudformation-refuses",
        nothing,
        (*EMAILS, "--stack", "1st_alerter"),
        "stack the name '1st_alerter' has other characters than letters, digits and hyphens, or "
        "does not begin with a letter. Choose another name with --stack, or with stack_name in "
        "samconfig.toml",
    ),
    (
        "part-of-a-teams-channel",
        nothing,
        (*EMAILS, "--parameter", f"TeamsTenantId={TEAMS['TeamsTenantId']}"),
        "parameters TeamsTenantId needs TeamsTeamId",
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


WARNINGS: Final[list[Row]] = [
    (
        "nobody-is-alerted",
        nothing,
        (),
        "e-mail AlertEmail is empty: nobody gets the alerts until something subscribes to the "
        "topic. Set it: --parameter AlertEmail=security@example.com",
    ),
    (
        "nobody-learns-that-it-has-failed",
        nothing,
        (),
        "e-mail OperationsEmail is empty: nobody learns that the alerter itself has failed until",
    ),
]


@pytest.mark.parametrize(
    ("arrange", "arguments", "line"), [pytest.param(*row, id=name) for name, *row in WARNINGS]
)
def test_what_is_warned_of(
    aws: Cloud, run: Preflight, arrange: Arrangement, arguments: tuple[str, ...], line: str
) -> None:
    arrange(aws)

    assert_warning(run(*arguments), line)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(("ArchiveExpirationInDays=91",), id="later"),
        pytest.param(("ArchiveExpirationInDays=30", "ArchiveTransitionInDays=0"), id="never-moved"),
        pytest.param(
            ("ArchiveExpirationInDays=30", "ExistingTrailBucketName=theirs"), id="another-bucket"
        ),
    ],
)
def test_archives_that_s3_accepts(run: Preflight, more: tuple[str, ...]) -> None:
    result = run(*EMAILS, *(it for each in more for it in ("--parameter", each)))

    assert not [line for line in result.lines("stop") if "Archive" in line]


def test_where_there_is_no_chat_service(run: Preflight) -> None:
    chat = [it for pair in (SLACK | TEAMS).items() for it in ("--parameter", "=".join(pair))]

    here, china = run(*chat), run(*chat, "--region", "cn-north-1")

    assert [line for line in here.lines("warning") if line.startswith("chat")] == []
    assert [line for line in china.lines("warning") if line.startswith("chat")] == [
        f"chat {service} gets nothing: Amazon Q Developer in chat applications is not available in "
        f"cn-north-1. Subscribe something else to the alert topic, and leave {name} empty"
        for service, name in (("Slack", "SlackWorkspaceId"), ("Microsoft Teams", "TeamsTenantId"))
    ]


# Which parameters, and from where.


def test_samconfigs_environment_is_overlaid_by_the_command_line(
    aws: Cloud, run: Preflight, shell: Terminal
) -> None:
    shell.configure(
        '[staging.deploy.parameters]\nstack_name = "alerter-staging"\nregion = "eu-north-1"\n'
        'capabilities = "CAPABILITY_IAM"\nresolve_s3 = true\n'
        'parameter_overrides = ["AlertEmail=a@example.com", "TimeZone=Europe/Zurich"]'
    )

    result = run("--config-env", "staging", "--parameter", "AlertEmail=b@example.com")

    assert "Region eu-north-1 (from samconfig.toml, staging)" in result.lines("ok")
    assert command_in(result)[3:] == [
        *(".venv/sam/bin/sam", "deploy", "--config-env", "staging"),
        *("--stack-name", "alerter-staging", "--region", "eu-north-1", "--parameter-overrides"),
        *("AlertEmail=b@example.com", "TimeZone=Europe/Zurich"),
        f"OrganizationId={aws.organization_id}",
    ]


def test_the_profile_is_samconfigs(run: Preflight, shell: Terminal) -> None:
    shell.configure(f'[default.deploy.parameters]\nstack_name = "{STACK}"\nprofile = "nobodys"')

    assert run().lines("stop") == [
        "account The config profile (nobodys) could not be found. Name another profile in "
        "AWS_PROFILE or samconfig.toml"
    ]


def test_the_command_line_names_the_region(run: Preflight) -> None:
    assert "Region eu-west-1 (from --region)" in run("--region", "eu-west-1").lines("ok")


def test_the_command_is_quoted_for_the_shell_and_for_sam(aws: Cloud, run: Preflight) -> None:
    given = {
        "AlertEmail": "security@example.com",
        "AccountTags": "Owner, Cost Center",
        "RunbookUrl": "https://example.com/run?a=1&b='2'",
        "OperationsEmail": "",
    }

    result = run(*(it for pair in given.items() for it in ("--parameter", "=".join(pair))))

    words = command_in(result)
    overrides = words[words.index("--parameter-overrides") + 1 :]
    assert overrides_in({"parameter_overrides": overrides}) == given | {
        "OrganizationId": aws.organization_id
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            ("--parameter", "AlertMail=a@example.com"),
            "template.yaml has no parameter AlertMail: do you mean AlertEmail?",
            id="mistyped",
        ),
        pytest.param(
            ("--parameter", "Nonsense=1"),
            "template.yaml has no parameter Nonsense: there are OrganizationId, ",
            id="unknown",
        ),
        pytest.param(
            ("--parameter", "AlertEmail"),
            "--parameter: expected Name=Value, found 'AlertEmail'",
            id="no-value",
        ),
        pytest.param(
            ("--config-env", "mine"), "samconfig.toml names no stack for mine: name it", id="env"
        ),
        pytest.param(
            ("--region", "the moon"), "'the moon' is not an AWS Region: see --region", id="region"
        ),
    ],
)
def test_options_that_make_no_sense(run: Preflight, arguments: tuple[str, ...], line: str) -> None:
    result = run(*arguments)

    assert result.status == 2
    assert result.out == ""
    assert result.err.startswith(f"preflight: {line}")
    assert len(result.err.splitlines()) == 1
