"""`make close`: one group, as it is now, closed by the ids of its rules, or left as it is."""

import io
import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from botocore.exceptions import NoCredentialsError, ReadTimeoutError

from local.close import __main__ as close
from tests.local.cloud import MANAGEMENT, REGION, Cloud, Run, Terminal, refusal

TERRAFORM: Final = "Managed by Terraform"


@dataclass
class Group:
    """A group in moto, in a VPC of its own."""

    aws: Cloud
    group_id: str
    ec2: Any

    def opens(self, cidr: str = "0.0.0.0/0", port: int = 22, **more: str) -> str:
        """Let it in; the id of the rule."""
        name, member = ("Ipv6Ranges", "CidrIpv6") if ":" in cidr else ("IpRanges", "CidrIp")
        if cidr.startswith("pl-"):
            name, member = "PrefixListIds", "PrefixListId"
        before = set(self.ids)
        self.ec2.authorize_security_group_ingress(
            GroupId=self.group_id,
            IpPermissions=[
                {
                    "IpProtocol": "tcp",
                    "FromPort": port,
                    "ToPort": port,
                    name: [{member: cidr, **more}],
                }
            ],
        )
        [rule_id] = set(self.ids) - before
        return rule_id

    def tagged(self, **tags: str) -> None:
        self.ec2.create_tags(
            Resources=[self.group_id], Tags=[{"Key": k, "Value": v} for k, v in tags.items()]
        )

    @property
    def rules(self) -> list[dict[str, Any]]:
        pages = self.ec2.get_paginator("describe_security_group_rules").paginate(
            Filters=[{"Name": "group-id", "Values": [self.group_id]}]
        )
        return [it for page in pages for it in page["SecurityGroupRules"] if not it["IsEgress"]]

    @property
    def ids(self) -> list[str]:
        return [it["SecurityGroupRuleId"] for it in self.rules]


@pytest.fixture
def group(aws: Cloud) -> Group:
    ec2 = aws.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_security_group(GroupName="web", Description="web servers", VpcId=vpc_id)
    group = Group(aws, made["GroupId"], ec2)
    aws.calls.clear()
    return group


@dataclass
class Person:
    """Runs the command at a terminal, and answers its question."""

    shell: Terminal
    group: Group
    monkeypatch: pytest.MonkeyPatch
    asked: int = 0

    def closes(self, *arguments: str, answer: str | None = "y") -> Run:
        def say(_: str = "") -> str:
            self.asked += 1
            if answer is None:
                raise EOFError
            return answer

        self.monkeypatch.setattr("builtins.input", say)
        self.monkeypatch.setattr(sys, "stdin", At(terminal=True))
        return self.shell.run(close.main, self.group.group_id, *arguments)


class At(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._is_terminal = terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def person(shell: Terminal, group: Group, monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(shell, group, monkeypatch)


def revoked(aws: Cloud) -> bool:
    return "ec2:RevokeSecurityGroupIngress" in aws.calls


# It closes.


def test_it_shows_asks_and_revokes_what_opens_the_group(group: Group, person: Person) -> None:
    ssh = group.opens(Description="vendor, until Friday")
    office = group.opens("8.8.8.0/24")

    run = person.closes()

    assert run.status == 0, run.err
    assert group.ids == [office]
    assert person.asked == 1
    first, second, blank, title, rule, *rest = run.out.splitlines()
    assert first == f"{group.group_id} (web) in account {MANAGEMENT}, {REGION}"
    assert second.startswith("as arn:aws:sts::")
    assert blank == ""
    assert title.startswith("Opens it to the Internet, as of 20")
    assert rule == (
        f'  {ssh}  tcp 22 (SSH) from 0.0.0.0/0, the whole IPv4 Internet  "vendor, until Friday"'
    )
    assert "Stays: 1 ingress rule for few addresses, private ones, or other groups" in rest
    assert rest[-1] == "Revoke this rule? [y/N] Revoked: 1 rule."


def test_the_way_back_opens_the_same_again(group: Group, person: Person) -> None:
    group.opens(Description="it's $HOME, for now")
    group.opens("::/0", 443)
    before = [{k: v for k, v in it.items() if k != "SecurityGroupRuleId"} for it in group.rules]

    run = person.closes("--yes")

    assert not group.ids
    assert person.asked == 0
    [command] = [line.strip() for line in run.out.splitlines() if "authorize-" in line]
    words = shlex.split(command)
    assert words[:5] == ["aws", "ec2", "authorize-security-group-ingress", "--region", REGION]
    assert words[5:7] == ["--group-id", group.group_id]
    permissions = json.loads(words[8])
    group.ec2.authorize_security_group_ingress(GroupId=group.group_id, IpPermissions=permissions)
    after = [{k: v for k, v in it.items() if k != "SecurityGroupRuleId"} for it in group.rules]
    key: Callable[[dict[str, Any]], int] = lambda it: it["FromPort"]  # noqa: E731
    assert sorted(after, key=key) == sorted(before, key=key)


def test_only_one_port(group: Group, person: Person) -> None:
    ssh, https = group.opens(), group.opens(port=443)

    run = person.closes("--port", "22")

    assert run.status == 0
    assert group.ids == [https]
    assert "Opens it to the Internet on port 22, as of" in run.out
    assert "STAYS OPEN TO THE INTERNET, on other ports: tcp 443 (HTTPS)" in run.out
    assert ssh in run.out


def test_what_stays_and_what_cannot_be_judged(group: Group, person: Person) -> None:
    group.opens()
    broad = group.opens("3.0.0.0/8")
    listed = group.opens("pl-0123456789abcdef0")

    run = person.closes()

    assert run.status == 0
    assert sorted(group.ids) == sorted([broad, listed])
    assert (
        "Stays, though it lets in many:\n"
        f"  {broad}  tcp 22 (SSH) from 3.0.0.0/8, 16.7 million addresses\n"
        "Stays, and cannot be judged here: it depends on what the prefix list holds:\n"
        f"  {listed}  tcp 22 (SSH) from prefix list pl-0123456789abcdef0\n"
    ) in run.out


def test_egress_is_never_touched(group: Group, person: Person) -> None:
    run = person.closes()

    # A new group lets everything out.
    assert run.status == 0
    assert "Nothing opens it to the Internet, as of" in run.out
    assert person.asked == 0
    assert not revoked(group.aws)


def test_rules_of_every_page_are_judged(group: Group, person: Person) -> None:
    first, second = group.opens(), group.opens(port=3389)
    listed = {it["SecurityGroupRuleId"]: it for it in group.rules}

    def page(request: dict[str, Any]) -> Any:
        assert request["Filters"] == [{"Name": "group-id", "Values": [group.group_id]}]
        assert request["MaxResults"] == 1000
        if "NextToken" not in request:
            return {"SecurityGroupRules": [listed[first]], "NextToken": "2"}
        return {"SecurityGroupRules": [listed[second]]}

    group.aws.answers["DescribeSecurityGroupRules"] = page
    run = person.closes()

    assert run.out.endswith("Revoke these 2 rules? [y/N] Revoked: 2 rules.\n")
    del group.aws.answers["DescribeSecurityGroupRules"]
    assert not group.ids


# What puts it back.

ORIGINS: Final[dict[str, tuple[dict[str, str], str]]] = {
    "cloudformation": (
        {"aws:cloudformation:stack-name": "shop"},
        "the CloudFormation stack shop (tag aws:cloudformation:stack-name)",
    ),
    "kubernetes": (
        {"kubernetes.io/cluster/blue": "owned"},
        "the Kubernetes cluster blue (tag kubernetes.io/cluster/blue)",
    ),
    "terraform": ({"ManagedBy": "terraform"}, "Terraform (tag ManagedBy=terraform)"),
    "pulumi": ({"pulumi:project": "shop"}, "Pulumi (tag pulumi:project=shop)"),
}


@pytest.mark.parametrize(("tags", "said"), ORIGINS.values(), ids=ORIGINS)
def test_who_will_put_it_back(
    group: Group, person: Person, tags: dict[str, str], said: str
) -> None:
    group.opens()
    found = group.ec2.describe_security_groups(GroupIds=[group.group_id])["SecurityGroups"][0]
    found["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    # moto, as EC2, lets nobody set a tag of AWS's own.
    group.aws.answers["DescribeSecurityGroups"] = lambda _: {"SecurityGroups": [found]}

    run = person.closes()

    assert f"It may come back, since this group seems to be kept by\n  {said}\n" in run.out
    assert "Change its source, too" in run.out


def test_descriptions_say_it_too(group: Group, person: Person) -> None:
    rule_id = group.opens(Description=TERRAFORM)

    assert f'  Terraform (the description "{TERRAFORM}" of {rule_id})\n' in person.closes().out


def test_nobody_puts_it_back_as_far_as_is_known(group: Group, person: Person) -> None:
    group.opens()
    group.tagged(Name="web", Owner="payments")

    assert "come back" not in person.closes().out


# It asks.


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe", None], ids=repr)
def test_anything_but_yes_is_no(group: Group, person: Person, answer: str | None) -> None:
    rule_id = group.opens()

    run = person.closes(answer=answer)

    assert run.status == 1
    assert run.out.endswith("Nothing was revoked, as you said.\n")
    assert group.ids == [rule_id]
    assert not revoked(group.aws)


def test_without_a_terminal_nobody_can_be_asked(
    group: Group, shell: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", At(terminal=False))

    with pytest.raises(SystemExit) as error:
        shell.run(close.main, group.group_id)

    assert error.value.code == 2
    assert not group.aws.calls


# It refuses what changed in between.


def between(person: Person, change: Callable[[], object], *arguments: str) -> Run:
    """Something happens while the person thinks."""

    def think(_: str = "") -> str:
        change()
        return "y"

    person.monkeypatch.setattr("builtins.input", think)
    person.monkeypatch.setattr(sys, "stdin", At(terminal=True))
    return person.shell.run(close.main, person.group.group_id, *arguments)


def test_a_rule_that_came_in_between(group: Group, person: Person) -> None:
    old = group.opens()
    new: list[str] = []

    run = between(person, lambda: new.append(group.opens("8.8.8.0/24", 443)))

    assert run.status == 1
    assert run.err == (
        f"close: the group changed while you looked at it (new: {new[0]}). Nothing was revoked: "
        "run it again, and look again\n"
    )
    assert sorted(group.ids) == sorted([old, *new])


def test_a_rule_that_went_in_between(group: Group, person: Person) -> None:
    rule_id = group.opens()

    def somebody_else() -> None:
        group.ec2.revoke_security_group_ingress(
            GroupId=group.group_id, SecurityGroupRuleIds=[rule_id]
        )

    run = between(person, somebody_else)

    assert run.status == 1
    assert f"(gone: {rule_id})" in run.err


def test_a_rule_that_was_edited_in_between(group: Group, person: Person) -> None:
    rule_id = group.opens()

    def edit() -> None:
        items = [{**it, "CidrIpv4": "8.8.8.8/32"} for it in group.rules]
        group.aws.answers["DescribeSecurityGroupRules"] = lambda _: {"SecurityGroupRules": items}

    run = between(person, edit)

    assert run.status == 1
    # Its egress rule is not in that answer.
    assert f"edited: {rule_id})" in run.err
    assert not revoked(group.aws)


def test_tags_that_were_set_in_between(group: Group, person: Person) -> None:
    group.opens()

    run = between(person, lambda: group.tagged(ManagedBy="terraform"))

    assert run.status == 1
    assert "(its name, description, tags or VPC)" in run.err


@pytest.mark.parametrize(
    "code", ["InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"]
)
def test_a_rule_that_goes_just_then(group: Group, person: Person, code: str) -> None:
    group.opens()
    group.aws.refuse("RevokeSecurityGroupIngress", code)

    run = person.closes()

    assert run.status == 1
    assert "the group changed while you looked at it (RevokeSecurityGroupIngress: no)" in run.err


# A dry run.


def test_a_dry_run_asks_ec2_and_nobody_else(group: Group, person: Person) -> None:
    rule_id = group.opens()

    run = person.closes("--dry-run")

    assert run.status == 0
    assert run.out.endswith("Dry run: you may revoke 1 rule. Nothing was revoked.\n")
    assert person.asked == 0
    assert group.ids == [rule_id]
    assert "authorize-security-group-ingress" in run.out


def test_a_dry_run_says_what_you_may_not(group: Group, person: Person) -> None:
    group.opens()
    denied = (
        "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:"
        "assumed-role/reader/me is not authorized to perform: ec2:RevokeSecurityGroupIngress on "
        "resource: arn:aws:ec2:eu-central-1:111122223333:security-group/sg-1 because no "
        "identity-based policy allows the ec2:RevokeSecurityGroupIngress action. Encoded "
        "authorization failure message: bm90aGluZwbm90aGluZw"
    )

    def refuse(request: dict[str, Any]) -> Any:
        assert request["DryRun"] is True
        return refusal("RevokeSecurityGroupIngress", "UnauthorizedOperation", denied)(request)

    group.aws.answers["RevokeSecurityGroupIngress"] = refuse
    run = person.closes("--dry-run")

    assert run.status == 2
    assert run.err.startswith("close: you may not do ec2:RevokeSecurityGroupIngress: ")
    assert "because no identity-based policy allows" in run.err
    assert "bm90" not in run.err


# It cannot.

Break = Callable[[Cloud], object]


def failing(operation: str, error: Exception) -> Break:
    def fail(_: dict[str, Any]) -> Any:
        raise error

    return lambda aws: aws.answers.__setitem__(operation, fail)


def denying(operation: str, code: str) -> Break:
    return lambda aws: aws.refuse(operation, code)


def answering(operation: str, answer: Any) -> Break:
    return lambda aws: aws.answers.__setitem__(operation, lambda _: answer)


CANNOT: Final[dict[str, tuple[Break, str]]] = {
    "no-such-group": (
        denying("DescribeSecurityGroups", "InvalidGroup.NotFound"),
        f"close: there is no security group sg-… in account {MANAGEMENT}, {REGION}: name its "
        "account's --profile, and its --region",
    ),
    "no-credentials": (
        failing("GetCallerIdentity", NoCredentialsError()),
        "close: no AWS credentials were found: sign in to the group's account (aws sso login, "
        "--profile, AWS_PROFILE, …)",
    ),
    "expired": (
        denying("GetCallerIdentity", "ExpiredToken"),
        "close: GetCallerIdentity: no: sign in to the group's account (aws sso login, --profile, "
        "AWS_PROFILE, …)",
    ),
    "region-off": (
        denying("DescribeSecurityGroups", "AuthFailure"),
        "close: DescribeSecurityGroups: no: sign in to the group's account (aws sso login, "
        "--profile, AWS_PROFILE, …), or check that the Region is enabled there",
    ),
    "may-not-read": (
        denying("DescribeSecurityGroupRules", "UnauthorizedOperation"),
        "close: you may not do DescribeSecurityGroupRules: DescribeSecurityGroupRules: no",
    ),
    "may-not-revoke": (
        denying("RevokeSecurityGroupIngress", "UnauthorizedOperation"),
        "close: you may not do RevokeSecurityGroupIngress: RevokeSecurityGroupIngress: no",
    ),
    "throttled": (
        denying("RevokeSecurityGroupIngress", "RequestLimitExceeded"),
        "close: RevokeSecurityGroupIngress: no: try again",
    ),
    "no-answer-to-the-revoke": (
        failing("RevokeSecurityGroupIngress", ReadTimeoutError(endpoint_url="https://ec2")),
        "close: EC2 did not answer, and may have revoked the rules all the same: run it again, "
        'which shows what is there (Read timeout on endpoint URL: "https://ec2")',
    ),
    "refused-in-the-answer": (
        answering("RevokeSecurityGroupIngress", {"Return": False}),
        "close: EC2 did not revoke the rules: run it again, which shows what is there",
    ),
    "another-rule-in-the-answer": (
        answering(
            "RevokeSecurityGroupIngress",
            {"Return": True, "RevokedSecurityGroupRules": [{"SecurityGroupRuleId": "sgr-0"}]},
        ),
        "close: EC2 did not revoke sgr-…: run it again, which shows what is there",
    ),
    "a-rule-of-a-new-form": (
        answering("DescribeSecurityGroupRules", {"SecurityGroupRules": [{"IsEgress": False}]}),
        "close: a rule of sg-… has a form that this version does not know (IpProtocol is missing): "
        "close it in the console, and report the form to the maintainers of this project",
    ),
}


@pytest.mark.parametrize(("broken", "said"), CANNOT.values(), ids=CANNOT)
def test_why_it_cannot(group: Group, person: Person, broken: Break, said: str) -> None:
    rule_id = group.opens()
    broken(group.aws)

    run = person.closes()

    assert run.status == 2
    assert run.err.rstrip() == said.replace("sg-…", group.group_id).replace("sgr-…", rule_id)
    group.aws.answers.clear()
    assert group.ids == [rule_id]


def test_the_group_of_another_account(group: Group, person: Person) -> None:
    found = group.ec2.describe_security_groups(GroupIds=[group.group_id])["SecurityGroups"][0]
    shared = {**found, "OwnerId": "222233334444"}
    group.aws.answers["DescribeSecurityGroups"] = lambda _: {"SecurityGroups": [shared]}

    run = person.closes()

    assert run.status == 2
    assert "belongs to account 222233334444, and these credentials are of" in run.err


def test_the_account_that_is_expected(group: Group, person: Person) -> None:
    rule_id = group.opens()

    run = person.closes("--account", "222233334444")
    assert run.status == 2
    assert f"these credentials are of account {MANAGEMENT}, not of 222233334444: sign in" in run.err
    assert group.ids == [rule_id]

    assert person.closes("--account", MANAGEMENT).status == 0
    assert not group.ids


def test_no_region(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr("boto3.Session", lambda **_: type("S", (), {"region_name": None})())

    run = person.closes()

    assert run.status == 2
    assert run.err == "close: no Region is set: name the group's with --region\n"


def test_a_profile_that_does_not_exist(person: Person) -> None:
    run = person.closes("--profile", "nobody")

    assert run.status == 2
    assert "The config profile (nobody) could not be found" in run.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("web",),
        ("sg-0123456789abcdef0", "--port", "70000"),
        ("sg-0123456789abcdef0", "--port", "ssh"),
        ("sg-0123456789abcdef0", "--account", "1234"),
    ],
    ids=" ".join,
)
def test_options_that_are_wrong(
    shell: Terminal, aws: Cloud, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", At(terminal=True))

    with pytest.raises(SystemExit) as error:
        shell.run(close.main, *arguments)

    assert error.value.code == 2
    assert not aws.calls
