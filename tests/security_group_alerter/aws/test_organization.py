"""What the organization knows of an account, what asking costs, and what happens when it fails."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from mypy_boto3_organizations import OrganizationsClient

from local.aws import Topic
from security_group_alerter.aws.organization import (
    CLIENT_CONFIG,
    EXPIRY_SECONDS,
    FAILURE_EXPIRY_SECONDS,
    AccountDirectory,
)
from security_group_alerter.model.account import AccountFacts, Fact, LookupProblem

ACCOUNT: Final = "222233334444"
ANOTHER: Final = "333344445555"
PATH: Final = "o-exampleorgid/r-ab12/ou-ab12-workloads/ou-ab12-payments/"
OUS: Final = {"ou-ab12-workloads": "Workloads", "ou-ab12-payments": "Payments / EU"}
# child -> parent
PARENTS: Final = {
    ACCOUNT: "ou-ab12-payments",
    ANOTHER: "r-ab12",
    "ou-ab12-payments": "ou-ab12-workloads",
    "ou-ab12-workloads": "r-ab12",
}


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeAccount")


@dataclass
class Organizations:
    """AWS Organizations, as far as it is asked. `failures` are raised by the calls they name."""

    account: dict[str, Any] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=lambda: PARENTS)
    calls: Counter[str] = field(default_factory=Counter)
    now: float = 1000.0

    def directory(self, *tag_names: str) -> AccountDirectory:
        return AccountDirectory(
            cast("OrganizationsClient", self), tag_names=tag_names, clock=lambda: self.now
        )

    def asked(self) -> dict[str, int]:
        """How often each call was made since the last time."""
        calls, self.calls = self.calls, Counter()
        return dict(calls)

    def describe_account(self, *, AccountId: str) -> dict[str, Any]:  # noqa: N803, AWS's name
        self._call("describe_account")
        known = {"Id": AccountId, "Name": f"name-{AccountId}", "State": "ACTIVE"}
        return {"Account": known | self.account}

    def describe_organizational_unit(self, *, OrganizationalUnitId: str) -> dict[str, Any]:  # noqa: N803
        self._call("describe_organizational_unit")
        name = OUS.get(OrganizationalUnitId)
        unit = {"Id": OrganizationalUnitId}
        return {"OrganizationalUnit": unit | ({"Name": name} if name else {})}

    def list_parents(self, *, ChildId: str) -> dict[str, Any]:  # noqa: N803
        self._call("list_parents")
        return {"Parents": [{"Id": self.parents[ChildId]}] if ChildId in self.parents else []}

    def get_paginator(self, name: str) -> "Organizations":
        assert name == "list_tags_for_resource"
        return self

    def paginate(self, *, ResourceId: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert ResourceId in PARENTS
        for tag in self.tags:
            self._call("list_tags_for_resource")
            yield {"Tags": [tag]}

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        if name in self.failures:
            raise self.failures[name]


# What an account is known by.


def test_against_an_organization(topic: Topic) -> None:
    assert topic.arn
    directory = AccountDirectory(
        boto3.client("organizations", config=CLIENT_CONFIG),
        tag_names=("Owner", "Environment", "CostCenter"),
        clock=lambda: 0.0,
    )

    assert directory.facts_for(ACCOUNT) == AccountFacts(
        name="payments-production",
        state="ACTIVE",
        ou_path=("Root", "Workloads"),
        tags={"Owner": "payments", "Environment": "production"},
        owner="payments",
    )
    assert directory.facts_for("999999999999") == AccountFacts(
        problems=(LookupProblem(Fact.NAME, "AccountNotFoundException"),)
    )


ANSWERS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "state": ({"State": "SUSPENDED"}, {"state": "SUSPENDED"}),
    "state-before-status": ({"State": "CLOSED", "Status": "SUSPENDED"}, {"state": "CLOSED"}),
    "status-before-2026": ({"State": None, "Status": "SUSPENDED"}, {"state": "SUSPENDED"}),
    "neither": ({"State": None}, {"state": None}),
    "any-name": ({"Name": "<b>\n\u202e"}, {"name": "<b>\n\u202e"}),
    "path": ({"Paths": [f"{PATH}{ACCOUNT}/"]}, {"ou_path": ("Root", *OUS.values())}),
    "path-of-the-root": ({"Paths": [f"o-exampleorgid/r-ab12/{ACCOUNT}/"]}, {"ou_path": ("Root",)}),
    "no-path": ({"Paths": []}, {"ou_path": ("Root", *OUS.values())}),
    "ou-without-a-name": (
        {"Paths": [f"o-exampleorgid/r-ab12/ou-ab12-new/{ACCOUNT}/"]},
        {"ou_path": ("Root", "ou-ab12-new")},
    ),
}


@pytest.mark.parametrize(("answer", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answers(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    facts = Organizations(account=answer).directory().facts_for(ACCOUNT)

    assert {name: getattr(facts, name) for name in expected} == expected
    assert facts.problems == ()


def test_only_the_tags_in_the_settings_in_their_order() -> None:
    tags = [
        {"Key": "Environment", "Value": "production"},
        {"Key": "secret", "Value": "x"},
        {"Key": "Owner", "Value": ""},
    ]

    facts = Organizations(tags=tags).directory("Owner", "Gone", "Environment").facts_for(ACCOUNT)

    assert list(facts.tags.items()) == [("Owner", ""), ("Environment", "production")]
    assert facts.owner == ""


@pytest.mark.parametrize(
    ("tag_names", "owner"),
    [
        pytest.param(("Owner", "Team"), "payments", id="the-first"),
        pytest.param(("Team", "Owner"), "checkout", id="whichever-it-is"),
        pytest.param(("Gone", "Owner"), None, id="not-another-where-it-is-missing"),
        pytest.param((), None, id="none"),
    ],
)
def test_owner_is_the_first_tag_in_the_settings(
    tag_names: tuple[str, ...], owner: str | None
) -> None:
    tags = [{"Key": "Team", "Value": "checkout"}, {"Key": "Owner", "Value": "payments"}]

    assert Organizations(tags=tags).directory(*tag_names).facts_for(ACCOUNT).owner == owner


# What it costs.


@pytest.mark.parametrize(
    ("organizations", "tag_names", "calls"),
    [
        pytest.param(
            Organizations(account={"Paths": [f"{PATH}{ACCOUNT}/"]}),
            (),
            {"describe_account": 1, "describe_organizational_unit": 2},
            id="with-a-path",
        ),
        pytest.param(
            Organizations(tags=[{"Key": "Owner", "Value": "x"}]),
            ("Owner",),
            {
                "describe_account": 1,
                "list_parents": 3,
                "describe_organizational_unit": 2,
                "list_tags_for_resource": 1,
            },
            id="with-everything",
        ),
    ],
)
def test_calls(
    organizations: Organizations, tag_names: tuple[str, ...], calls: dict[str, int]
) -> None:
    organizations.directory(*tag_names).facts_for(ACCOUNT)

    assert organizations.asked() == calls


def test_a_name_alone_is_one_call() -> None:
    organizations = Organizations()

    assert organizations.directory("Owner").name_of(ACCOUNT) == f"name-{ACCOUNT}"
    assert organizations.asked() == {"describe_account": 1}


def test_a_name_that_cannot_be_had_raises_nothing_and_an_outage_is_not_asked_about_again() -> None:
    failures: dict[str, Exception] = {"describe_account": refused("AccessDeniedException")}
    organizations = Organizations(failures=failures)
    directory = organizations.directory()

    assert [directory.name_of(it) for it in (ACCOUNT, ANOTHER)] == [None, None]
    assert organizations.asked() == {"describe_account": 1}


def test_an_account_is_remembered_until_it_expires() -> None:
    organizations = Organizations()
    directory = organizations.directory()
    facts = directory.facts_for(ACCOUNT)
    organizations.asked()

    organizations.now += EXPIRY_SECONDS - 1
    assert directory.facts_for(ACCOUNT) is facts
    assert organizations.asked() == {}

    organizations.now += 1
    assert directory.facts_for(ACCOUNT) == facts
    assert organizations.asked()["describe_account"] == 1


def test_names_of_ous_are_shared_by_accounts_until_they_expire() -> None:
    organizations = Organizations(account={"Paths": [PATH]})
    directory = organizations.directory()
    directory.facts_for(ACCOUNT)
    organizations.asked()

    directory.facts_for(ANOTHER)
    assert organizations.asked() == {"describe_account": 1}

    organizations.now += EXPIRY_SECONDS
    directory.facts_for(ANOTHER)
    assert organizations.asked() == {"describe_account": 1, "describe_organizational_unit": 2}


# What happens when it fails: never an exception, and not the same question again and again.

OUTAGES: Final[dict[str, tuple[Exception, str]]] = {
    "denied": (refused("AccessDeniedException"), "AccessDeniedException"),
    "no-organization": (
        refused("AWSOrganizationsNotInUseException"),
        "AWSOrganizationsNotInUseException",
    ),
    "throttled": (refused("TooManyRequestsException"), "TooManyRequestsException"),
    "slow-to-connect": (ConnectTimeoutError(endpoint_url="x"), "ConnectTimeoutError"),
    "slow-to-answer": (ReadTimeoutError(endpoint_url="x"), "ReadTimeoutError"),
    "out-of-reach": (EndpointConnectionError(endpoint_url="x"), "EndpointConnectionError"),
    "without-credentials": (NoCredentialsError(), "NoCredentialsError"),
    "an-error-without-a-code": (ClientError({}, "DescribeAccount"), "ClientError"),
    "an-answer-of-another-shape": (KeyError("Account"), "KeyError"),
    "an-answer-that-is-no-json": (ResponseParserError("…"), "ResponseParserError"),
    "whatever-else": (RuntimeError("unheard of"), "RuntimeError"),
}


@pytest.mark.parametrize(("failure", "problem"), OUTAGES.values(), ids=OUTAGES)
def test_an_outage_is_said_and_asked_about_once_a_minute(failure: Exception, problem: str) -> None:
    organizations = Organizations(failures={"describe_account": failure})
    directory = organizations.directory("Owner")
    nothing_known = AccountFacts(problems=(LookupProblem(Fact.NAME, problem),))

    assert directory.facts_for(ACCOUNT) == nothing_known
    assert directory.facts_for(ACCOUNT) == nothing_known
    assert directory.facts_for(ANOTHER) == nothing_known
    assert organizations.asked() == {"describe_account": 1}

    organizations.failures.clear()
    organizations.now += FAILURE_EXPIRY_SECONDS
    assert directory.facts_for(ACCOUNT).name == f"name-{ACCOUNT}"
    assert directory.facts_for(ANOTHER).name == f"name-{ANOTHER}"


def test_an_account_of_no_organization_is_no_outage() -> None:
    organizations = Organizations(
        failures={"describe_account": refused("AccountNotFoundException")}
    )
    directory = organizations.directory()

    for _ in range(2):
        assert directory.facts_for(ACCOUNT) == AccountFacts(
            problems=(LookupProblem(Fact.NAME, "AccountNotFoundException"),)
        )
    assert organizations.asked() == {"describe_account": 1}

    organizations.failures.clear()
    assert directory.facts_for(ANOTHER).name == f"name-{ANOTHER}"


@pytest.mark.parametrize(
    ("call", "fact"),
    [
        ("describe_organizational_unit", Fact.OU),
        ("list_parents", Fact.OU),
        ("list_tags_for_resource", Fact.TAGS),
    ],
)
def test_what_could_be_had_is_told_without_the_rest(call: str, fact: Fact) -> None:
    organizations = Organizations(
        tags=[{"Key": "Owner", "Value": "x"}],
        failures={call: refused("TooManyRequestsException")},
    )
    directory = organizations.directory("Owner")

    facts = directory.facts_for(ACCOUNT)

    assert facts.name == f"name-{ACCOUNT}"
    assert facts.problems == (LookupProblem(fact, "TooManyRequestsException"),)
    assert (facts.ou_path is None) == (fact is Fact.OU)
    assert (facts.tags == {}) == (facts.owner is None) == (fact is Fact.TAGS)

    organizations.asked()
    organizations.now += FAILURE_EXPIRY_SECONDS - 1
    assert directory.facts_for(ACCOUNT) is facts
    assert organizations.asked() == {}

    organizations.failures.clear()
    organizations.now += 1
    assert directory.facts_for(ACCOUNT).problems == ()


@pytest.mark.parametrize(
    ("parents", "ou_path", "problems"),
    [
        pytest.param({}, None, (LookupProblem(Fact.OU, "IndexError"),), id="no-parent"),
        pytest.param(
            {ACCOUNT: "ou-a", "ou-a": "ou-a"}, ("Root", *["ou-a"] * 6), (), id="a-circle-ends"
        ),
    ],
)
def test_strange_parents(
    parents: dict[str, str],
    ou_path: tuple[str, ...] | None,
    problems: tuple[LookupProblem, ...],
) -> None:
    facts = Organizations(parents=parents).directory().facts_for(ACCOUNT)

    assert (facts.ou_path, facts.problems) == (ou_path, problems)


def test_path_that_is_no_text() -> None:
    facts = Organizations(account={"Paths": [None]}).directory().facts_for(ACCOUNT)

    assert facts.name == f"name-{ACCOUNT}"
    assert (facts.ou_path, facts.problems) == (
        None,
        (LookupProblem(Fact.OU, "AttributeError"),),
    )
