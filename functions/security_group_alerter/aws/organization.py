"""Looks up what the organization knows about an account, in AWS Organizations.

It decorates an alert: it never raises, and it never holds an alert up for long.
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from ..model.account import AccountFacts, Fact, LookupProblem

if TYPE_CHECKING:
    from mypy_boto3_organizations import OrganizationsClient

_Value = TypeVar("_Value")

# Names and OUs change rarely, and DescribeOrganizationalUnit allows two calls a second for the
# whole organization. A failure is kept for a shorter time, and not asked again at every record.
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
EXPIRY_SECONDS = 3600.0
FAILURE_EXPIRY_SECONDS = 60.0
# OUs nest five deep.
DEEPEST_OU = 5
CLIENT_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)


class AccountDirectory:
    """Looks accounts up, and remembers what it found for as long as the function is warm.

    `clock` is monotonic, in seconds. Tags other than `tag_names` are not kept.
    """

    def __init__(
        self,
        client: OrganizationsClient,
        *,
        tag_names: tuple[str, ...],
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._tag_names = tag_names
        self._accounts = _Cache[AccountFacts](clock)
        self._names_of_ous = _Cache[str](clock)
        self._outage = _Cache[str](clock)

    def facts_for(self, account_id: str) -> AccountFacts:
        """What is known of the account; where a look-up fails, why it did."""
        facts = self._accounts.get(account_id)
        if facts is None:
            facts = self._look_up(account_id)
            expiry = FAILURE_EXPIRY_SECONDS if facts.problems else EXPIRY_SECONDS
            self._accounts.put(account_id, facts, expiry)
        return facts

    def name_of(self, account_id: str) -> str | None:
        """The account's name alone, by one call; None where that fails."""
        account = self._described(account_id)
        return None if isinstance(account, LookupProblem) else account.get("Name")

    def _described(self, account_id: str) -> Any:
        """The account; or a LookupProblem."""
        outage = self._outage.get("")
        if outage is not None:
            return LookupProblem(Fact.NAME, outage)
        try:
            return self._client.describe_account(AccountId=account_id)["Account"]
        except Exception as error:  # noqa: BLE001 - whatever it is must stop no alert
            problem = _problem_of(error)
            if problem != "AccountNotFoundException":
                # Denied, throttled or out of reach: the next account would fare no better.
                self._outage.put("", problem, FAILURE_EXPIRY_SECONDS)
            return LookupProblem(Fact.NAME, problem)

    def _look_up(self, account_id: str) -> AccountFacts:
        account = self._described(account_id)
        if isinstance(account, LookupProblem):
            return AccountFacts(problems=(account,))
        problems: list[LookupProblem] = []
        ou_path = _attempt(Fact.OU, lambda: self._ou_path_of(account_id, account), problems)
        tags = _attempt(Fact.TAGS, lambda: self._tags_of(account_id), problems) or {}
        return AccountFacts(
            name=account.get("Name"),
            # `Status` was retired in September 2026 for `State`.
            state=account.get("State") or account.get("Status"),
            ou_path=ou_path,
            tags=tags,
            owner=tags.get(next(iter(self._tag_names), "")),
            problems=tuple(problems),
        )

    def _ou_path_of(self, account_id: str, account: Any) -> tuple[str, ...]:
        paths = account.get("Paths") or ()
        if paths:
            # o-…/r-…/ou-…/ou-…/<account id>/
            ou_ids = [part for part in paths[0].split("/") if part.startswith("ou-")]
        else:
            ou_ids = self._ou_ids_above(account_id)
        return ("Root", *(self._name_of_ou(ou_id) for ou_id in ou_ids))

    def _ou_ids_above(self, child_id: str) -> list[str]:
        ou_ids: list[str] = []
        for _ in range(DEEPEST_OU + 1):
            parent_id = self._client.list_parents(ChildId=child_id)["Parents"][0]["Id"]
            if not parent_id.startswith("ou-"):
                break
            ou_ids.insert(0, parent_id)
            child_id = parent_id
        return ou_ids

    def _name_of_ou(self, ou_id: str) -> str:
        name = self._names_of_ous.get(ou_id)
        if name is None:
            answer = self._client.describe_organizational_unit(OrganizationalUnitId=ou_id)
            name = answer["OrganizationalUnit"].get("Name", ou_id)
            self._names_of_ous.put(ou_id, name, EXPIRY_SECONDS)
        return name

    def _tags_of(self, account_id: str) -> dict[str, str]:
        if not self._tag_names:
            return {}
        tags: dict[str, str] = {}
        for page in self._client.get_paginator("list_tags_for_resource").paginate(
            ResourceId=account_id
        ):
            tags |= {tag["Key"]: tag["Value"] for tag in page["Tags"]}
        return {name: tags[name] for name in self._tag_names if name in tags}


class _Cache(Generic[_Value]):
    """Values that expire."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, _Value]] = {}

    def get(self, key: str) -> _Value | None:
        expires, value = self._entries.get(key, (0.0, None))
        return value if self._clock() < expires else None

    def put(self, key: str, value: _Value, seconds: float) -> None:
        self._entries[key] = (self._clock() + seconds, value)


def _attempt(
    fact: Fact, look_up: Callable[[], _Value], problems: list[LookupProblem]
) -> _Value | None:
    try:
        return look_up()
    except Exception as error:  # noqa: BLE001 - whatever it is must stop no alert
        problems.append(LookupProblem(fact, _problem_of(error)))
        return None


def _problem_of(error: Exception) -> str:
    """The service's own word for what went wrong."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") or type(error).__name__
    return type(error).__name__
