"""What stands in an account and Region, as a scenario writes it: checked, and made whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .shapes import MisfitError, check, found, model_of

# A thing in AWS's words, such as a security group.
Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionState:
    """All that the Describe calls can show. The rules of a group stand in a list of their own."""

    block_public_access: Described
    security_groups: tuple[Described, ...] = ()
    security_group_rules: tuple[Described, ...] = ()
    network_interfaces: tuple[Described, ...] = ()
    managed_prefix_lists: tuple[Described, ...] = ()
    security_group_vpc_associations: tuple[Described, ...] = ()
    vpcs: tuple[Described, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A list of a state: AWS's shape of its members, what each needs, and what AWS fills in."""

    field: str
    shape: str
    needs: tuple[str, ...]
    when_missing: Mapping[str, Any]
    # The member that names the account of the thing.
    owner: str = "OwnerId"


_KINDS: Final[Mapping[str, _Kind]] = {
    "SecurityGroups": _Kind(
        field="security_groups",
        shape="SecurityGroup",
        needs=("GroupId",),
        when_missing={},
    ),
    "SecurityGroupRules": _Kind(
        field="security_group_rules",
        shape="SecurityGroupRule",
        needs=("SecurityGroupRuleId", "GroupId", "IpProtocol"),
        when_missing={"IsEgress": False, "FromPort": -1, "ToPort": -1},
        owner="GroupOwnerId",
    ),
    "NetworkInterfaces": _Kind(
        field="network_interfaces",
        shape="NetworkInterface",
        needs=("NetworkInterfaceId",),
        when_missing={"InterfaceType": "interface", "Status": "in-use"},
    ),
    "ManagedPrefixLists": _Kind(
        field="managed_prefix_lists",
        shape="ManagedPrefixList",
        needs=("PrefixListId",),
        when_missing={"Version": 1, "State": "create-complete", "Entries": []},
    ),
    "SecurityGroupVpcAssociations": _Kind(
        field="security_group_vpc_associations",
        shape="SecurityGroupVpcAssociation",
        needs=("GroupId", "VpcId"),
        when_missing={"State": "associated"},
        owner="GroupOwnerId",
    ),
    "Vpcs": _Kind(
        field="vpcs",
        shape="Vpc",
        needs=("VpcId",),
        when_missing={"IsDefault": False, "State": "available"},
    ),
}
# Each managed prefix list carries its entries, which AWS tells in a call of their own.
_ENTRIES: Final = "Entries"
_BLOCK_PUBLIC_ACCESS: Final = "VpcBlockPublicAccessOptions"


def nothing_in(account_id: str, region: str) -> RegionState:
    """An enabled Region in which nothing stands."""
    return RegionState(block_public_access=_block_public_access({}, account_id, region))


def region_state_of(document: object, account_id: str, region: str, where: str) -> RegionState:
    """What a scenario says of a Region. Raises MisfitError."""
    if not isinstance(document, dict):
        raise MisfitError(f"{where}: expected an object of lists, {found(document)}")
    for name in document:
        if name not in _KINDS and name != _BLOCK_PUBLIC_ACCESS:
            names = ", ".join((*_KINDS, _BLOCK_PUBLIC_ACCESS))
            raise MisfitError(f"{where}: expected {names}, {found(name)}")
    options = document.get(_BLOCK_PUBLIC_ACCESS, {})
    check(
        options, model_of("ec2").shape_for(_BLOCK_PUBLIC_ACCESS), f"{where}.{_BLOCK_PUBLIC_ACCESS}"
    )
    return RegionState(
        block_public_access=_block_public_access(options, account_id, region),
        **{
            kind.field: _things_of(document.get(name, []), kind, account_id, f"{where}.{name}")
            for name, kind in _KINDS.items()
        },
    )


def _block_public_access(options: Described, account_id: str, region: str) -> Described:
    return {
        "AwsAccountId": account_id,
        "AwsRegion": region,
        "State": "default-state",
        "InternetGatewayBlockMode": "off",
        **options,
    }


def _things_of(
    things: object, kind: _Kind, account_id: str, where: str
) -> tuple[dict[str, Any], ...]:
    if not isinstance(things, list):
        raise MisfitError(f"{where}: expected a list, {found(things)}")
    return tuple(
        _thing_of(thing, kind, account_id, f"{where}[{number}]")
        for number, thing in enumerate(things)
    )


def _thing_of(thing: object, kind: _Kind, account_id: str, where: str) -> dict[str, Any]:
    if not isinstance(thing, dict):
        raise MisfitError(f"{where}: expected an object, {found(thing)}")
    ec2 = model_of("ec2")
    own = dict(thing)
    if kind.shape == "ManagedPrefixList":
        check(own.pop(_ENTRIES, []), ec2.shape_for("PrefixListEntrySet"), f"{where}.{_ENTRIES}")
    check(own, ec2.shape_for(kind.shape), where)
    for name in kind.needs:
        if name not in thing:
            raise MisfitError(f"{where}: expected {name}, {found(thing)}")
    return {**kind.when_missing, kind.owner: account_id, **thing}
