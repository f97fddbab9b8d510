"""Asks EC2 about the groups and prefix lists of one account and Region.

Whatever fails is noted in the answers, and stops nothing else.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ..ec2.answers import UNREADABLE, Read, UnreadableAnswerError, Unseen
from ..ec2.groups import (
    Answers,
    groups_in,
    in_doubt,
    lists_in,
    names_in,
    other_vpcs_in,
    regions_in,
    vpc_owners_in,
)
from ..ec2.interfaces import balancers_in, interfaces_in
from ..ec2.reach import BALANCERS
from ..ec2.rules import ranges_in, rules_in
from ..model.exposure_life import Resource
from ..model.group_state import InternetGatewayBlockMode, NetworkInterface
from ..model.rules import Peer
from ..model.subject import SubjectKind
from .look_problems import (
    is_of_every_call,
    may_be_of_credentials,
    problem_of_call,
    problem_of_role,
)
from .member_clients import MemberClients, Recent

_Value = TypeVar("_Value")
BlockModes = Recent[InternetGatewayBlockMode]
Clock = Callable[[], datetime]

BLOCK_MODE_SECONDS = 3600.0
# How many values a filter takes.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html
FILTER_VALUES = 200
# Items a page, at most: of most calls, and of those about prefix lists.
PAGE = 1000
PAGE_OF_LISTS = 100


class _OverError(Exception):
    """There is no point in asking more."""


class AccountLook:
    """A look into one account and Region. One thread asks; another may read what is answered."""

    def __init__(
        self,
        clients: MemberClients,
        block_modes: BlockModes,
        *,
        account_id: str,
        region: str,
        is_late: Callable[[], bool],
    ) -> None:
        self.resources: list[Resource] = []
        self.answers = Answers()
        self.calls = 0
        self.is_done = threading.Event()
        self._clients = clients
        self._block_modes = block_modes
        self._account_id = account_id
        self._region = region
        self._is_late = is_late
        # EC2 leaves it out where it is the account's own.
        self._owners = (None, account_id)
        self._has_new_credentials = False

    def run(self, clock: Clock) -> None:
        """Ask about these groups and lists, as far as it goes. Never raises."""
        self._run(lambda client: self._ask(client, clock))

    def survey(self) -> None:
        """Ask for the rules of all groups, and for the ranges of all lists. Never raises."""
        self._run(self._ask_for_all)

    def read_regions(self) -> None:
        """Ask which Regions are enabled in the account. Never raises."""
        self._run(self._ask_for_regions)

    def _run(self, ask: Callable[[Any], None]) -> None:
        try:
            self._act()
            ask(self._clients.ec2(self._region))
        except _OverError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is must stop no alert
            self.answers.otherwise = self._problem_of(error)
        finally:
            self.is_done.set()

    def _act(self, *, renew: bool = False) -> None:
        self._check_time()
        try:
            self._has_new_credentials = self._clients.act_as(self._account_id, renew=renew)
        except Exception as error:
            self.calls += 1
            role_name = self._clients.role_name
            self.answers.otherwise = problem_of_role(error, role_name, self._account_id)
            raise _OverError from error
        self.calls += self._has_new_credentials

    def _ask(self, client: Any, clock: Clock) -> None:
        """What rules and reach depend on first; what only decorates last."""
        group_ids = [it.id for it in self.resources if it.kind is SubjectKind.SECURITY_GROUP]
        list_ids = [it.id for it in self.resources if it.kind is SubjectKind.PREFIX_LIST]
        if list_ids:
            self._ask_about_lists(client, list_ids, clock)
            referring = self.answers.referring
            more = () if referring is None or isinstance(referring, Unseen) else referring
            group_ids = list(dict.fromkeys([*group_ids, *more]))
        if group_ids:
            self._ask_about_groups(client, group_ids, clock)
            self._ask_about_vpcs(client, in_doubt(self.answers, group_ids))
            self.answers.block_mode = self._seen(lambda: self._block_mode(client))
            self._ask_for_names(client, group_ids)

    def _ask_for_all(self, client: Any) -> None:
        """What belongs to the account: a shared VPC shows groups of others as well."""
        answers = self.answers
        rules = client.get_paginator("describe_security_group_rules")
        answers.rules = self._seen(
            lambda: rules_in(
                it
                for it in self._items("SecurityGroupRules", rules, {}, page=PAGE)
                if not (isinstance(it, dict) and it.get("GroupOwnerId") not in self._owners)
            )
        )
        lists = client.get_paginator("describe_managed_prefix_lists")
        answers.lists = self._seen(
            lambda: lists_in(
                self._filtered(
                    "PrefixLists", lists, "owner-id", [self._account_id], page=PAGE_OF_LISTS
                )
            )
        )
        for list_id in answers.lists.values if isinstance(answers.lists, Read) else ():
            answers.ranges = {**answers.ranges, list_id: self._ranges(client, list_id)}

    def _ask_for_regions(self, client: Any) -> None:
        self._check_time()
        self.calls += 1
        # Without AllRegions: those that are enabled.
        self.answers.regions = self._seen(lambda: regions_in(client.describe_regions()))

    def _ask_about_lists(self, client: Any, list_ids: list[str], clock: Clock) -> None:
        answers = self.answers
        answers.lists = self._seen(lambda: lists_in(self._lists(client, list_ids)))
        for list_id in list_ids:
            self._note_asked([list_id], clock)
            answers.ranges = {**answers.ranges, list_id: self._ranges(client, list_id)}
        found = self._seen(
            lambda: groups_in(self._groups(client, "ip-permission.prefix-list-id", list_ids))
        )
        if isinstance(found, Unseen):
            answers.referring = found
            return
        referring = tuple(found.values)
        if found.broken != frozenset():
            answers.more_referring = Unseen(UNREADABLE)
        elif len(referring) > FILTER_VALUES:
            answers.more_referring = Unseen(
                f"only {FILTER_VALUES} of {len(referring)} groups are looked at"
            )
        answers.referring = referring[:FILTER_VALUES]

    def _ask_about_groups(self, client: Any, group_ids: list[str], clock: Clock) -> None:
        answers = self.answers
        self._note_asked(group_ids, clock)
        answers.groups = self._seen(lambda: groups_in(self._groups(client, "group-id", group_ids)))
        answers.rules = self._seen(lambda: rules_in(self._rules(client, group_ids, clock)))
        answers.interfaces = self._seen(
            # One that carries groups of two filters comes twice.
            lambda: interfaces_in(_once(self._interfaces(client, "group-id", group_ids)))
        )

    def _ask_about_vpcs(self, client: Any, group_ids: list[str]) -> None:
        """What may lead to interfaces without public addresses, and what may not show."""
        if not group_ids:
            return
        answers = self.answers
        answers.other_vpcs = self._seen(
            lambda: other_vpcs_in(self._associations(client, group_ids))
        )
        vpc_ids = self._vpcs_of(group_ids)
        if not vpc_ids:
            return
        answers.vpc_owners = self._seen(lambda: vpc_owners_in(self._vpcs(client, vpc_ids)))
        kinds = _filter("interface-type", BALANCERS)
        answers.balancers = self._seen(
            lambda: balancers_in(self._interfaces(client, "vpc-id", vpc_ids, kinds))
        )

    def _ask_for_names(self, client: Any, group_ids: list[str]) -> None:
        """One call for the Name tags of those instances that an alert is most likely to name."""
        interfaces = self.answers.interfaces
        if not isinstance(interfaces, Read):
            return
        carriers = [it for group_id in group_ids for it in interfaces.of(group_id)]
        carriers.sort(key=_is_private)
        used_by = dict.fromkeys(it.used_by for it in carriers if it.used_as == "instance")
        instance_ids = [it for it in used_by if it is not None][:FILTER_VALUES]
        if not instance_ids:
            return
        names = self._seen(lambda: names_in(self._name_tags(client, instance_ids)))
        # Without them instances are called by their ids.
        if not isinstance(names, Unseen):
            self.answers.names = names

    def _vpcs_of(self, group_ids: list[str]) -> list[str]:
        """The VPCs of those groups that any interface carries."""
        groups, interfaces = self.answers.groups, self.answers.interfaces
        if not (isinstance(groups, Read) and isinstance(interfaces, Read)):
            return []
        carried = [group_id for group_id in group_ids if interfaces.of(group_id)]
        vpc_ids = [facts.vpc_id for group_id in carried for facts in groups.of(group_id)]
        return list(dict.fromkeys(filter(None, vpc_ids)))

    # Each call.

    def _lists(self, client: Any, list_ids: list[str]) -> list[object]:
        paginator = client.get_paginator("describe_managed_prefix_lists")
        return self._filtered(
            "PrefixLists", paginator, "prefix-list-id", list_ids, page=PAGE_OF_LISTS
        )

    def _ranges(self, client: Any, list_id: str) -> Read[Peer] | Unseen:
        paginator = client.get_paginator("get_managed_prefix_list_entries")
        asked = {"PrefixListId": list_id}
        return self._seen(
            lambda: ranges_in(list_id, self._items("Entries", paginator, asked, page=PAGE_OF_LISTS))
        )

    def _groups(self, client: Any, name: str, values: list[str]) -> list[object]:
        paginator = client.get_paginator("describe_security_groups")
        return self._filtered("SecurityGroups", paginator, name, values)

    def _rules(self, client: Any, group_ids: list[str], clock: Clock) -> list[object]:
        paginator = client.get_paginator("describe_security_group_rules")
        rules: list[object] = []
        for some in _chunks(group_ids):
            self._note_asked(some, clock)
            rules += self._filtered("SecurityGroupRules", paginator, "group-id", some)
        return rules

    def _interfaces(
        self, client: Any, name: str, values: list[str], *more: Mapping[str, Any]
    ) -> list[object]:
        paginator = client.get_paginator("describe_network_interfaces")
        return self._filtered("NetworkInterfaces", paginator, name, values, *more)

    def _associations(self, client: Any, group_ids: list[str]) -> list[object]:
        paginator = client.get_paginator("describe_security_group_vpc_associations")
        return self._filtered("SecurityGroupVpcAssociations", paginator, "group-id", group_ids)

    def _vpcs(self, client: Any, vpc_ids: list[str]) -> list[object]:
        return self._filtered("Vpcs", client.get_paginator("describe_vpcs"), "vpc-id", vpc_ids)

    def _name_tags(self, client: Any, instance_ids: list[str]) -> list[object]:
        paginator = client.get_paginator("describe_tags")
        is_name = _filter("key", ["Name"])
        return self._filtered("Tags", paginator, "resource-id", instance_ids, is_name)

    def _block_mode(self, client: Any) -> InternetGatewayBlockMode:
        key = self._account_id, self._region
        mode = self._block_modes.get(key)
        if mode is None:
            self._check_time()
            self.calls += 1
            answer = client.describe_vpc_block_public_access_options()
            try:
                options = answer["VpcBlockPublicAccessOptions"]
                mode = InternetGatewayBlockMode(options["InternetGatewayBlockMode"])
            except (KeyError, ValueError) as error:
                raise UnreadableAnswerError("VpcBlockPublicAccessOptions") from error
            self._block_modes.put(key, mode, BLOCK_MODE_SECONDS)
        return mode

    # What every call has in common.

    def _note_asked(self, names: Iterable[str], clock: Clock) -> None:
        self.answers.asked_at = {**self.answers.asked_at, **dict.fromkeys(names, clock())}

    def _seen(self, ask: Callable[[], _Value]) -> _Value | Unseen:
        """What is answered, or why there is no answer. Raises _OverError where none is to come."""
        try:
            return ask()
        except _OverError:
            raise
        except Exception as error:
            why = self._problem_of(error)
            if is_of_every_call(error):
                self.answers.otherwise = why
                raise _OverError from error
            return Unseen(why)

    def _problem_of(self, error: Exception) -> str:
        return problem_of_call(error, self._clients.role_name, self._account_id, self._region)

    def _filtered(
        self,
        member: str,
        paginator: Any,
        name: str,
        values: list[str],
        *more: Mapping[str, Any],
        page: int = PAGE,
    ) -> list[object]:
        """All items with one of these values, whatever their number."""
        return [
            item
            for some in _chunks(values)
            for item in self._items(
                member, paginator, {"Filters": [_filter(name, some), *more]}, page=page
            )
        ]

    def _items(
        self, member: str, paginator: Any, asked: Mapping[str, Any], *, page: int
    ) -> list[object]:
        """The items of all pages. What is kept of credentials is renewed once."""
        asked = {**asked, "PaginationConfig": {"PageSize": page}}
        try:
            return self._pages(member, paginator.paginate(**asked))
        except ClientError as error:
            if self._has_new_credentials or not may_be_of_credentials(error):
                raise
            self._act(renew=True)
            return self._pages(member, paginator.paginate(**asked))

    def _pages(self, member: str, pages: Iterable[Mapping[str, Any]]) -> list[object]:
        items: list[object] = []
        page_after_page = iter(pages)
        while True:
            self._check_time()
            self.calls += 1
            page = next(page_after_page, None)
            if page is None:
                # The page before was the last, and nothing was asked.
                self.calls -= 1
                return items
            some = page.get(member)
            if not isinstance(some, list):
                # EC2 writes a list down when it is empty, too.
                raise UnreadableAnswerError(f"{member} is missing")
            items += some

    def _check_time(self) -> None:
        if self._is_late():
            raise _OverError


def _filter(name: str, values: Iterable[str]) -> dict[str, Any]:
    return {"Name": name, "Values": [*values]}


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), FILTER_VALUES):
        yield values[start : start + FILTER_VALUES]


def _once(interfaces: Iterable[object]) -> list[object]:
    found: dict[object, object] = {}
    for interface in interfaces:
        key = interface.get("NetworkInterfaceId") if isinstance(interface, dict) else None
        found[key if isinstance(key, str) else id(interface)] = interface
    return list(found.values())


def _is_private(interface: NetworkInterface) -> bool:
    return not (interface.public_ipv4 or interface.ipv6)
