"""Calls on managed prefix lists: what each of them has to say, in every form."""

import pytest

from tests.cases.conftest import AlertsOf
from tests.cases.records import (
    HUB,
    PREFIX_LIST,
    WORLD,
    Json,
    call,
    entries,
    prefix_list_call,
    role_session,
)

pytestmark = pytest.mark.usefixtures("forgotten")


def modified(**parameters: object) -> Json:
    return prefix_list_call(
        "ModifyManagedPrefixList", {"PrefixListId": PREFIX_LIST, "CurrentVersion": 4, **parameters}
    )


@pytest.mark.parametrize(
    ("parameters", "says", "fact"),
    [
        ({"MaxEntries": 300}, "room for 300 entries", ("max_entries", 300)),
        ({"PrefixListName": "retired"}, "renamed to retired", ("new_name", "retired")),
    ],
)
def test_what_an_edit_set_is_said(
    alerts_of: AlertsOf, parameters: Json, says: str, fact: tuple[str, object]
) -> None:
    [alert] = alerts_of(modified(**parameters))

    assert alert.severity == "LOW"
    assert alert.machine["message"] == f"prefix list {PREFIX_LIST} edited: {says}"
    assert says in alert.chat_text
    assert fact in alert.calls[0].items()
    assert "No command: what was set before is not in the record." in alert.section("UNDO")


def test_a_restored_version_may_open_and_so_may_going_back(alerts_of: AlertsOf) -> None:
    parameters = {"PrefixListId": PREFIX_LIST, "PreviousVersion": 3, "CurrentVersion": 9}

    [alert] = alerts_of(prefix_list_call("RestoreManagedPrefixListVersion", parameters))

    assert alert.severity == "MEDIUM"
    warning, command = alert.section("UNDO").splitlines()[:2]
    assert warning == "Warning, this may open again what the restored version had closed:"
    assert command.endswith("--previous-version 9 --current-version 10")
    assert "aws " not in alert.remediation


def test_a_list_handed_to_ipam(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(modified(IpamPrefixListResolverSyncEnabled=True))

    assert (alert.severity, alert.attributes["kind"]) == ("MEDIUM", "prefix-list")
    assert "IPAM fills this list from now on" in alert.email
    assert "IPAM fills this list from now on" in alert.chat_text
    assert alert.calls[0]["ipam_sync"] is True
    [undo] = alert.changing_commands
    assert undo.endswith("--no-ipam-prefix-list-resolver-sync-enabled")
    assert alert.remediation == undo


def test_a_list_taken_back_from_ipam(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(modified(IpamPrefixListResolverSyncEnabled=False))

    assert alert.severity == "LOW"
    assert "IPAM no longer fills this list" in alert.email
    assert "Warning, IPAM may then put any range into the list:" in alert.section("UNDO")
    assert "aws " not in alert.remediation


def test_an_edit_by_ipam_has_a_reason_instead_of_a_command(alerts_of: AlertsOf) -> None:
    role = "aws-service-role/ipam.amazonaws.com/AWSServiceRoleForIPAM"
    edit = modified(AddEntry=entries(WORLD)) | {
        "userIdentity": role_session("ipam", role, HUB, invokedBy="ipam.amazonaws.com")
    }

    [alert] = alerts_of(edit)

    assert (alert.severity, alert.attributes["effect"]) == ("HIGH", "opens")
    assert not alert.changing_commands
    assert "No command: IPAM would make the same change again" in alert.section("UNDO")


def test_ipams_own_calls_are_not_seen(alerts_of: AlertsOf) -> None:
    """docs/guarantees.md says so."""
    rule = {"RuleType": "static-cidr", "StaticCidr": WORLD, "tag": 1}
    resolver = call(
        "CreateIpamPrefixListResolver", {"CreateIpamPrefixListResolverRequest": {"Rule": rule}}
    )

    assert alerts_of(resolver) == []


def created(*cidrs: str, at: str = "09:00:00") -> Json:
    parameters = {"PrefixListName": "offices", "MaxEntries": 5, "Entry": entries(*cidrs)}
    return prefix_list_call("CreateManagedPrefixList", parameters, at=at)


def deleted(at: str) -> Json:
    return prefix_list_call("DeleteManagedPrefixList", {"PrefixListId": PREFIX_LIST}, at=at)


def test_a_list_with_the_world_that_was_deleted_later(alerts_of: AlertsOf) -> None:
    made, gone = alerts_of(created(WORLD), deleted("09:04:00"))

    # One lower than by the table, since it had ended.
    assert (made.severity, gone.severity) == ("MEDIUM", "LOW")
    assert (made.attributes["effect"], gone.attributes["effect"]) == ("opens", "closes")
    assert "The prefix list was deleted at 09:04:00 UTC." in made.email
    assert not made.changing_commands
    assert not gone.changing_commands
    assert "with world-open ranges deleted" in gone.machine["message"]


@pytest.mark.parametrize(
    "earlier",
    [
        pytest.param((), id="contents-not-known"),
        pytest.param((created("192.0.2.0/24"),), id="private"),
        pytest.param(
            (
                created(WORLD),
                modified(RemoveEntry=entries(WORLD)) | {"eventTime": "2026-11-24T09:02:00Z"},
            ),
            id="closed-before",
        ),
    ],
)
def test_a_list_without_the_world_closes_nothing(
    alerts_of: AlertsOf, earlier: tuple[Json, ...]
) -> None:
    *_, gone = alerts_of(*earlier, deleted("09:04:00"))

    assert gone.severity == "LOW"
    assert any("deleted" in it["phrase"] for it in gone.calls)
    deletion = next(it for it in gone.calls if it["action"] == "delete")
    assert "world-wide" not in deletion["phrase"]


def test_a_parameter_that_we_do_not_know_is_named(alerts_of: AlertsOf) -> None:
    [alert] = alerts_of(modified(Sharing="everybody"))

    assert (alert.severity, alert.attributes["kind"]) == ("HIGH", "prefix-list")
    assert PREFIX_LIST in alert.subject
    assert "The call also sets sharing, which this alerter does not know." in alert.email
    assert alert.calls[0]["unknown_parameters"] == ["sharing"]


def test_what_was_added_is_taken_out_without_putting_anything_in(alerts_of: AlertsOf) -> None:
    edit = modified(AddEntry=entries(WORLD), RemoveEntry=entries("198.51.100.0/24"))

    [alert] = alerts_of(edit)

    assert (alert.severity, alert.attributes["world_open"]) == ("HIGH", "true")
    close, back = alert.changing_commands[-2:]
    assert close.endswith("--current-version 5 --remove-entries Cidr=0.0.0.0/0")
    assert back.endswith("--previous-version 4 --current-version 5")
    assert alert.remediation == close
    assert "Warning, this puts the removed ranges back:" in alert.section("UNDO")
    assert alert.email.count(close) == 1
