"""`make exposures`: what is open by the ledger, in a table, as JSON, and looked at again."""

import io
import json
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from local.exposures import __main__ as exposures
from local.exposures import deployed_ledger
from local.exposures.deployed_ledger import ROLE_OUTPUT, Exposure
from local.exposures.table import WIDTH, table_of
from security_group_alerter.aws.ledger_items import value_of_snooze
from security_group_alerter.memory.statements import RangesEdited
from security_group_alerter.model.exposure_life import Event
from security_group_alerter.model.group_state import Reach
from security_group_alerter.model.ledger import Snooze
from security_group_alerter.model.severity import Severity
from security_group_alerter.model.subject import SubjectKind
from tests.local.cloud import REGION, STACK, Answer, Run, Terminal, refusal
from tests.local.exposures.ledger_samples import (
    JANE,
    NOW,
    PAYMENTS,
    SSH,
    TABLE,
    WEB,
    LedgerSample,
    closed,
    group,
    opened,
)
from tests.security_group_alerter.builders import peer

ROOT_OF: Final = "arn:aws:sts::333344445555:assumed-role"
BOB: Final = f"{ROOT_OF}/AWSReservedSSO_AdministratorAccess_0123456789abcdef/bob@example.com"
STAGING: Final = group(2, "333344445555", "ap-southeast-1")


@pytest.fixture
def two(ledger: LedgerSample) -> LedgerSample:
    """SSH for two days, reported; and a web server for half an hour, not reported yet."""
    [ssh] = ledger.says(group(1), opened(hours=51))
    ledger.reported(ssh, "uid-1")
    ledger.says(STAGING, opened(WEB, hours=0.5, by=BOB))
    return ledger


def lines_of(run: Run) -> list[str]:
    return run.out.splitlines()


# The table.


def test_the_worst_comes_first_with_all_that_is_known(two: LedgerSample, shell: Terminal) -> None:
    names = {PAYMENTS: "payments-production"}
    two.aws.answers["ListAccounts"] = lambda _: {
        "Accounts": [{"Id": account_id, "Name": name} for account_id, name in names.items()]
    }

    run = shell.run(exposures.main)

    assert (run.status, run.err) == (0, "")
    assert lines_of(run) == [
        "SEVERITY  OPEN FOR  IN                    REGION          ACCOUNT",
        "CRITICAL  2 d 3 h   sg-00000000000000001  eu-central-1    222233334444 "
        "payments-production",
        "          tcp 22 (SSH), since 2026-11-27 09:00 UTC by IAM user jane.doe@example.com",
        "          attached to something with a public address when last reported; looked at 12 "
        "min ago",
        "MEDIUM    30 min    sg-00000000000000002  ap-southeast-1  333344445555",
        "          tcp 443 (HTTPS), since 2026-11-29 11:30 UTC by bob@example.com of permission "
        "set",
        "            AdministratorAccess",
        "          never looked at",
        "          not reported yet",
        "",
        "2 open: 1 CRITICAL, 1 MEDIUM.",
    ]


def test_it_only_reads(two: LedgerSample, shell: Terminal) -> None:
    shell.run(exposures.main)

    assert two.aws.calls == {
        "cloudformation:DescribeStacks",
        "dynamodb:Query",
        "dynamodb:BatchGetItem",
        "organizations:ListAccounts",
    }


def test_of_equal_severity_the_oldest_comes_first(ledger: LedgerSample, shell: Terminal) -> None:
    for number, hours in enumerate([3, 40, 9]):
        ledger.says(group(number), opened(hours=hours))

    shown = [
        line.split()[-3] for line in lines_of(shell.run(exposures.main)) if "CRITICAL  " in line
    ]

    assert shown == [group(it).id for it in (1, 2, 0)]


def test_nothing_is_open(ledger: LedgerSample, shell: Terminal) -> None:
    # It is in the index until the watch has said that it was closed.
    ledger.says(group(1), opened(hours=2))
    ledger.says(group(1), closed(hours=1))

    run = shell.run(exposures.main)

    assert run == Run(0, "Nothing is open.\n", "")
    assert "organizations:ListAccounts" not in ledger.aws.calls


@pytest.mark.usefixtures("two")
def test_nothing_is_open_of_what_was_asked_for(shell: Terminal) -> None:
    run = shell.run(exposures.main, "--account", "111122223333", "--severity", "critical")

    said = "Nothing is open with --account 111122223333 --severity CRITICAL.\n"
    assert run == Run(0, said, "")


@pytest.mark.usefixtures("two")
def test_only_the_exposures_that_are_asked_for(shell: Terminal) -> None:
    def shown(*arguments: str) -> list[str]:
        run = shell.run(exposures.main, "--json", *arguments)
        return [json.loads(line)["resource_id"] for line in run.out.splitlines()]

    assert shown() == [group(1).id, STAGING.id]
    assert shown("--account", PAYMENTS) == [group(1).id]
    assert shown("--account", PAYMENTS, "--account", "333344445555") == [group(1).id, STAGING.id]
    assert shown("--severity", "high") == [group(1).id]
    assert shown("--account", "111122223333") == []


def test_the_severity_is_that_of_the_last_report(ledger: LedgerSample, shell: Terminal) -> None:
    [ssh] = ledger.says(group(1), opened(hours=51))
    ledger.reported(ssh, severity=Severity.HIGH, reach=Reach.PRIVATE, is_accepted=True)

    run = shell.run(exposures.main)

    assert lines_of(run)[1].startswith("HIGH ")
    assert "attached, without a public address when last reported; looked at" in run.out
    assert "accepted in accepted_openings.toml, when it was last reported" in run.out


def test_what_stood_before_all_that_is_known(ledger: LedgerSample) -> None:
    prefix_list = group(1)._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0")
    exposure = _an_exposure(ledger)
    life = replace(exposure.life, opened=None, resource=prefix_list)

    lines = [*table_of([replace(exposure, life=life)], {}, now=NOW, in_colour=False)]

    assert lines[1].startswith("CRITICAL  >2 d 3 h  pl-0123456789abcdef0 ")
    assert lines[2].strip() == (
        "prefix list, since before 2026-11-27 09:00 UTC, when it was first seen"
    )


def _an_exposure(ledger: LedgerSample) -> Exposure:
    [life] = ledger.says(group(1), opened(hours=51))
    return Exposure(life=life, told=None, snooze=None, reach=Reach.UNKNOWN, looked_at=None)


def test_whatever_stands_in_it_it_fits(ledger: LedgerSample) -> None:
    exposure = _an_exposure(ledger)
    snooze = Snooze(
        until=NOW.date(), by="x" * 300, why="because " * 60, uids=frozenset({exposure.uid})
    )
    resource = group(1)._replace(id="\x1b[31m" + "g" * 300, region="r" * 40, account_id=None)
    opened_long_ago = exposure.life.revealed._replace(time=NOW - timedelta(days=1234, hours=5))
    life = replace(exposure.life, resource=resource, opened=opened_long_ago)
    worst = replace(
        exposure, life=life, snooze=snooze, problem="p" * 400, looked_at=NOW, reach=Reach.UNATTACHED
    )

    lines = [*table_of([worst], {"not recorded": "n" * 90}, now=NOW, in_colour=False)]

    assert max(map(len, lines)) <= WIDTH
    assert all(line.isprintable() for line in lines)
    assert lines[1].startswith("CRITICAL  1234 d  ")


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.01, "0 min"), (2.5, "2 h"), (23.9, "23 h"), (30, "1 d 6 h"), (300, "12 d")],
)
def test_how_long_it_is_open(ledger: LedgerSample, hours: float, said: str) -> None:
    [life] = ledger.says(group(1), opened(hours=hours))
    exposure = Exposure(life=life, told=None, snooze=None, reach=Reach.UNKNOWN, looked_at=None)

    _, line, *_ = table_of([exposure], {}, now=NOW, in_colour=False)

    assert line[10:20].strip() == said


def test_colour_only_on_a_terminal(two: LedgerSample, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    def shown(stream: io.StringIO) -> str:
        monkeypatch.setattr(sys, "stdout", stream)
        assert exposures.main([]) == 0
        return stream.getvalue()

    assert "\x1b" not in shown(io.StringIO())
    assert "\x1b[1;31mCRITICAL\x1b[0m  2 d 3 h" in shown(Screen())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in shown(Screen())
    assert two.aws.calls


# JSON.


def test_json_is_that_of_history_and_what_was_reported(two: LedgerSample, shell: Terminal) -> None:
    snooze = Snooze(until=NOW.date(), by="arn", why="vendor", uids=frozenset({"uid-1"}))
    two.client.update_item(
        TableName=TABLE,
        Key={"resource": two.item(group(1))["resource"]},
        UpdateExpression="SET snoozed = :it",
        ExpressionAttributeValues={":it": value_of_snooze(snooze)},
    )

    run = shell.run(exposures.main, "--json")

    first, second = map(json.loads, run.out.splitlines())
    assert first == {
        "uid": "uid-1",
        "account_id": PAYMENTS,
        "account_name": None,
        "region": "eu-central-1",
        "resource_id": group(1).id,
        "opened_at": "2026-11-27T09:00:00Z",
        "opened_by": "arn:aws:iam::222233334444:user/jane.doe@example.com",
        "opened_event_id": f"opened {SSH}",
        **dict.fromkeys(("closed_at", "closed_by", "closed_event_id", "closed_how"), None),
        "seconds_open": None,
        "worst_severity": "CRITICAL",
        "severity": "CRITICAL",
        "reach": "public",
        "openings": [
            {
                "protocol": "tcp",
                "first_port": 22,
                "last_port": 22,
                "ipv4_share": 1.0,
                "ipv6_share": 0.0,
            }
        ],
        "event_ids": [f"opened {SSH}"],
        "told_at": "2026-11-29T11:00:00Z",
        "accepted": False,
        "looked_at": "2026-11-29T11:48:00Z",
        "problem": None,
        "snoozed": {"until": "2026-11-29", "by": "arn", "why": "vendor"},
    }
    assert second["told_at"] is second["looked_at"] is second["snoozed"] is None


# It looks again.


@pytest.fixture
def standing(ledger: LedgerSample) -> Any:
    """A group in moto, open to the world on SSH, and in the ledger."""
    ec2 = ledger.aws.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc_id)
    ec2.authorize_security_group_ingress(
        GroupId=made["GroupId"],
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 22,
                "ToPort": 22,
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
            }
        ],
    )
    # What moto does not know.
    ledger.aws.answers["DescribeSecurityGroupVpcAssociations"] = lambda _: {
        "SecurityGroupVpcAssociations": []
    }
    ledger.aws.answers["DescribeVpcBlockPublicAccessOptions"] = lambda _: {
        "VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "off"}
    }
    ledger.aws.output(**{ROLE_OUTPUT: "look"})
    resource = group(1)._replace(id=made["GroupId"])
    [life] = ledger.says(resource, opened(hours=51))
    ledger.reported(life, "uid-1", reach=Reach.PUBLIC)
    return resource


def revoke_all(ledger: LedgerSample, group_id: str) -> None:
    ec2 = ledger.aws.client("ec2")
    found = ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    ec2.revoke_security_group_ingress(GroupId=group_id, IpPermissions=found["IpPermissions"])
    ledger.aws.calls.clear()


def test_what_the_first_sweep_found_is_of_when_it_did(
    ledger: LedgerSample, shell: Terminal
) -> None:
    [ssh] = ledger.says(group(1), opened(hours=51))
    ledger.reported(ssh, reach=Reach.PUBLIC, is_quiet=True)

    run = shell.run(exposures.main)

    words = "attached to something with a public address when the first sweep found it; looked at"
    assert words in " ".join(run.out.split())


def test_what_was_not_reported_yet_is_of_no_time(ledger: LedgerSample, shell: Terminal) -> None:
    ledger.says(group(1), opened(hours=51))

    assert "when last reported" not in shell.run(exposures.main).out


def test_a_look_shows_what_is_attached_now(
    ledger: LedgerSample, standing: Any, shell: Terminal
) -> None:
    run = shell.run(exposures.main, "--look")

    assert (run.status, run.err) == (0, "")
    assert standing.id in run.out
    assert "attached to nothing; looked at just now" in run.out
    assert "sts:AssumeRole" in ledger.aws.calls


def test_a_look_shows_what_was_closed_and_writes_nothing(
    ledger: LedgerSample, standing: Any, shell: Terminal
) -> None:
    revoke_all(ledger, standing.id)
    before = ledger.item(standing)

    run = shell.run(exposures.main, "--look")

    assert run.status == 0
    assert lines_of(run)[1].startswith(f"CLOSED    2 d 2 h   {standing.id} ")
    assert "          closed 2026-11-29 11:58 UTC" in run.out
    assert run.out.endswith("\nNothing is open. 1 exposure closed by now.\n")
    assert ledger.item(standing) == before


def test_a_look_at_a_prefix_list(ledger: LedgerSample, standing: Any, shell: Terminal) -> None:
    """The world was added to it, and taken out since; no group refers to it."""
    prefix_list = standing._replace(kind=SubjectKind.PREFIX_LIST, id="pl-0123456789abcdef0")
    event = Event(event_id="edited", time=NOW - timedelta(hours=5), principal=JANE)
    ledger.says(prefix_list, RangesEdited(event=event, added=(peer("0.0.0.0/0"),)))
    entries = [{"Cidr": "0.0.0.0/0"}]
    ledger.aws.answers |= {
        "DescribeManagedPrefixLists": lambda _: {
            "PrefixLists": [{"PrefixListId": prefix_list.id, "PrefixListName": "all", "Version": 3}]
        },
        "GetManagedPrefixListEntries": lambda _: {"Entries": entries},
    }

    # moto cannot look for the groups that refer to a list.
    run = shell.run(exposures.main, "--look", "--severity", "LOW")
    assert run.status == 2
    assert "which groups refer to it could not be seen" in run.out
    ledger.aws.answers["DescribeSecurityGroups"] = lambda request: {
        "SecurityGroups": [{"GroupId": standing.id, "GroupName": "web"}]
        if request["Filters"][0]["Name"] == "group-id"
        else []
    }

    run = shell.run(exposures.main, "--look")
    assert (run.status, run.err) == (0, "")
    assert f"HIGH      5 h       {prefix_list.id} " in run.out
    assert "prefix list, since 2026-11-29 07:00 UTC by IAM user jane.doe@example.com" in run.out

    entries.clear()
    run = shell.run(exposures.main, "--look")
    assert f"CLOSED    4 h       {prefix_list.id} " in run.out


def test_the_role_that_is_named(ledger: LedgerSample, standing: Any, shell: Terminal) -> None:
    asked: list[str] = []

    def refuse(request: dict[str, Any]) -> Any:
        asked.append(request["RoleArn"])
        return ledger.aws.answers["Denied"](request)

    ledger.aws.refuse("Denied", "AccessDenied")
    ledger.aws.answers["AssumeRole"] = refuse

    run = shell.run(exposures.main, "--look", "--role", "audit/Reader")

    assert asked == [f"arn:aws:iam::{PAYMENTS}:role/audit/Reader"]
    assert run.status == 2
    assert standing.id in run.out
    assert "not seen now: the role audit/Reader does not exist in account 222233334444" in run.out
    assert run.err == "exposures: of 1 exposure, not everything could be seen now\n"


def test_a_stack_without_a_look_role(two: LedgerSample, shell: Terminal) -> None:
    run = shell.run(exposures.main, "--look")

    assert run.status == 2
    assert run.err == (
        "exposures: the stack has no look role (LookRole none): name one with --role\n"
    )
    assert "dynamodb:Query" not in two.aws.calls


# It cannot.


def test_a_broken_item_hides_no_other(two: LedgerSample, shell: Terminal) -> None:
    two.client.update_item(
        TableName=TABLE,
        Key={"resource": two.item(group(1))["resource"]},
        UpdateExpression="SET memory = :it",
        ExpressionAttributeValues={":it": {"B": b"broken"}},
    )

    run = shell.run(exposures.main)

    assert run.status == 2
    assert STAGING.id in run.out
    assert run.err.startswith(
        f"exposures: what is kept of {group(1).id} in account {PAYMENTS}, eu-central-1 is broken: "
    )


def test_what_does_not_fit_into_one_answer_is_asked_for_again(
    two: LedgerSample, shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployed_ledger, "_WAIT_SECONDS", 0)
    asked: list[int] = []

    def one_at_a_time(request: dict[str, Any]) -> Any:
        [(table, keys)] = ((name, it["Keys"]) for name, it in request["RequestItems"].items())
        asked.append(len(keys))
        found = [two.client.get_item(TableName=table, Key=keys[0])["Item"]]
        left = {table: {"Keys": keys[1:]}} if keys[1:] else {}
        return {"Responses": {table: found}, "UnprocessedKeys": left}

    two.aws.answers["BatchGetItem"] = one_at_a_time

    assert shell.run(exposures.main).out.endswith("2 open: 1 CRITICAL, 1 MEDIUM.\n")
    assert asked == [2, 1]


def failure(operation: str, error: str | Exception) -> Answer:
    """An error of AWS's, by its code, or of the way there."""
    if isinstance(error, str):
        return refusal(operation, error)

    def fail(_: dict[str, Any]) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("AccessDeniedException", "ListAccounts: no"),
        (
            EndpointConnectionError(endpoint_url="https://organizations"),
            'Could not connect to the endpoint URL: "https://organizations"',
        ),
    ],
)
def test_without_the_names_of_accounts(
    two: LedgerSample, shell: Terminal, error: str | Exception, said: str
) -> None:
    two.aws.answers["ListAccounts"] = failure("ListAccounts", error)

    run = shell.run(exposures.main)

    assert run.status == 0
    assert run.err == f"exposures: without the names of accounts: {said}\n"
    assert PAYMENTS in run.out


CANNOT: Final = {
    "no-credentials": (
        "DescribeStacks",
        NoCredentialsError(),
        "no AWS credentials were found. Sign in to the stack's account (aws sso login, "
        "AWS_PROFILE, …)",
    ),
    "may-not": ("Query", "AccessDeniedException", "Query: no. Get the permission"),
    "may-not-read-items": (
        "BatchGetItem",
        "AccessDeniedException",
        "BatchGetItem: no. Get the permission",
    ),
    "stack-may-not": ("DescribeStacks", "AccessDenied", "DescribeStacks: no. Get the permission"),
    "expired": (
        "Query",
        "ExpiredTokenException",
        "Query: no. Sign in to the stack's account (aws sso login, AWS_PROFILE, …)",
    ),
}


@pytest.mark.parametrize(("operation", "error", "said"), CANNOT.values(), ids=CANNOT)
def test_why_it_cannot(
    two: LedgerSample, shell: Terminal, operation: str, error: str | Exception, said: str
) -> None:
    two.aws.answers[operation] = failure(operation, error)

    assert shell.run(exposures.main) == Run(2, "", f"exposures: {said}\n")


def test_the_stack_does_not_exist(two: LedgerSample, shell: Terminal) -> None:
    run = shell.run(exposures.main, "--stack", "other")

    assert run.status == 2
    assert run.err == (
        f"exposures: there is no stack other in this account and {REGION}: see --stack, --region "
        "and AWS_PROFILE\n"
    )
    assert two.aws.calls == {"cloudformation:DescribeStacks"}


def test_a_stack_from_before_the_ledger(two: LedgerSample, shell: Terminal) -> None:
    assert two.aws.stack
    two.aws.stack["Outputs"] = []

    run = shell.run(exposures.main)

    assert run.status == 2
    assert run.err == (
        f"exposures: the stack {STACK} has no output GroupMemoryTableName: name the alerter's "
        "stack with --stack, or update it with make deploy\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [("--account", "12"), ("--severity", "bad"), ("--role", "look"), ("sg-0123456789abcdef0",)],
    ids=" ".join,
)
def test_options_that_are_wrong(
    two: LedgerSample, shell: Terminal, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit) as error:
        shell.run(exposures.main, *arguments)

    assert error.value.code == 2
    assert not two.aws.calls
