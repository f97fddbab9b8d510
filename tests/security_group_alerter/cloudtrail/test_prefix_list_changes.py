"""What is done to a managed prefix list."""

import re
from typing import Any

import pytest

from security_group_alerter.cloudtrail.changes import UnreadableRecordError
from security_group_alerter.model.change import Action, PrefixListChange
from tests.security_group_alerter.builders import peer
from tests.security_group_alerter.cloudtrail.calls import OMITTED, change, newer, older

MODIFY_LIST = "ModifyManagedPrefixList"
HALVES = [{"cidr": "0.0.0.0/1", "description": "a"}, {"cidr": "128.1.2.3/1", "description": "b"}]


@pytest.mark.parametrize(
    ("event_name", "request_parameters", "response", "expected"),
    [
        pytest.param(
            "CreateManagedPrefixList",
            {
                "CreateManagedPrefixListRequest": newer(
                    {"prefixListName": "partners", "maxEntries": 20, "entry": HALVES}
                )
            },
            {"CreateManagedPrefixListResponse": {"prefixList": {"prefixListId": "pl-1"}}},
            PrefixListChange(
                action=Action.CREATE,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                added=(peer("0.0.0.0/1"), peer("128.0.0.0/1")),
                max_entries=20,
            ),
            id="created",
        ),
        pytest.param(
            MODIFY_LIST,
            {
                f"{MODIFY_LIST}Request": newer(
                    {
                        "prefixListId": "pl-1",
                        "currentVersion": "3",
                        "addEntry": HALVES[:1],
                        "removeEntry": HALVES[1:],
                    }
                )
            },
            {f"{MODIFY_LIST}Response": {"prefixList": {"prefixListName": "partners"}}},
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                version=3,
                added=(peer("0.0.0.0/1"),),
                removed=(peer("128.0.0.0/1"),),
            ),
            id="modified",
        ),
        pytest.param(
            MODIFY_LIST,
            older({"prefixListId": "pl-1", "addEntries": HALVES, "removeEntries": []}),
            None,
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                added=(peer("0.0.0.0/1"), peer("128.0.0.0/1")),
            ),
            id="modified-in-the-older-way",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "removeEntry": HALVES[1:]},
            None,
            PrefixListChange(
                action=Action.MODIFY, prefix_list_id="pl-1", removed=(peer("128.0.0.0/1"),)
            ),
            id="narrowed",
        ),
        pytest.param(
            "CreateManagedPrefixList",
            {"entry": HALVES[:1]},
            None,
            PrefixListChange(action=Action.CREATE, prefix_list_id=None, added=(peer("0.0.0.0/1"),)),
            id="created-without-a-name",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "prefixListName": "partners", "currentVersion": "9" * 5000},
            None,
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                new_name="partners",
            ),
            id="renamed-with-a-version-beyond-reason",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "maxEntries": 60, "currentVersion": 10**4000},
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", max_entries=60),
            id="resized-with-a-version-that-would-fill-the-alert",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "maxEntries": 60},
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", max_entries=60),
            id="resized",
        ),
        pytest.param(
            MODIFY_LIST,
            {
                f"{MODIFY_LIST}Request": newer(
                    {"prefixListId": "pl-1", "ipamPrefixListResolverSyncEnabled": True}
                )
            },
            {f"{MODIFY_LIST}Response": {"prefixList": {"prefixListName": "partners"}}},
            PrefixListChange(
                action=Action.MODIFY,
                prefix_list_id="pl-1",
                prefix_list_name="partners",
                ipam_sync=True,
            ),
            id="handed-to-ipam",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "IpamPrefixListResolverSyncEnabled": "false"},
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", ipam_sync=False),
            id="taken-back-from-ipam-with-the-flag-as-text",
        ),
        pytest.param(
            "DeleteManagedPrefixList",
            {"DeleteManagedPrefixListRequest": {"PrefixListId": "pl-1"}},
            {
                "DeleteManagedPrefixListResponse": {
                    "prefixList": {"prefixListId": "pl-1", "prefixListName": "partners"}
                }
            },
            PrefixListChange(
                action=Action.DELETE, prefix_list_id="pl-1", prefix_list_name="partners"
            ),
            id="deleted",
        ),
        pytest.param(
            "DeleteManagedPrefixList",
            {"prefixListId": "pl-1"},
            None,
            PrefixListChange(action=Action.DELETE, prefix_list_id="pl-1"),
            id="deleted-without-an-answer",
        ),
        pytest.param(
            MODIFY_LIST,
            {"prefixListId": "pl-1", "entriesToAdd": HALVES},
            None,
            PrefixListChange(
                action=Action.MODIFY, prefix_list_id="pl-1", unknown_parameters=("entriesToAdd",)
            ),
            id="by-a-parameter-that-nobody-knows",
        ),
        pytest.param(
            MODIFY_LIST,
            OMITTED,
            {"prefixList": {"prefixListId": "pl-1"}},
            PrefixListChange(action=Action.MODIFY, prefix_list_id="pl-1", is_omitted=True),
            id="left-out",
        ),
        pytest.param(
            MODIFY_LIST,
            OMITTED,
            None,
            PrefixListChange(action=Action.MODIFY, prefix_list_id=None, is_omitted=True),
            id="left-out-with-its-id",
        ),
        pytest.param(
            "RestoreManagedPrefixListVersion",
            {"prefixListId": "pl-1", "previousVersion": 1, "currentVersion": 2},
            None,
            PrefixListChange(
                action=Action.RESTORE, prefix_list_id="pl-1", version=2, restored_version=1
            ),
            id="restored",
        ),
    ],
)
def test_prefix_list_is_changed(
    event_name: str, request_parameters: object, response: object, expected: PrefixListChange
) -> None:
    assert change(event_name, request_parameters, response) == expected


@pytest.mark.parametrize(
    ("entries", "problem"),
    [
        pytest.param(
            {"addEntry": {"cidr": "?"}}, "addEntry[0]: expected a CIDR: '?'", id="no-cidr"
        ),
        pytest.param({"addEntry": OMITTED}, "addEntry[0]: expected a CIDR", id="omitted"),
        pytest.param({"removeEntry": {"tag": 1}}, "removeEntry[0]: expected a CIDR", id="removed"),
        pytest.param(
            {"entriesToAdd": []},
            "neither request nor response shows what changed",
            id="no-known-shape",
        ),
        pytest.param(
            {"entriesToAdd": HALVES, "addEntry": "?"},
            "addEntry[0]: expected a CIDR: '?'",
            id="beside-a-parameter-that-nobody-knows",
        ),
    ],
)
def test_prefix_list_of_which_no_range_can_be_read_is_unreadable(
    entries: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnreadableRecordError, match=f"^{re.escape(problem)}"):
        change(MODIFY_LIST, {"prefixListId": "pl-1", **entries})


@pytest.mark.parametrize("name", ["addEntry", "addEntries", "addEntrySet", "AddEntry"])
@pytest.mark.parametrize("entry", ["::/0", {"cidr": "::/0"}, {"Cidr": "::/0", "tag": 1}])
def test_entries_are_read_under_every_name(name: str, entry: object) -> None:
    read = change(MODIFY_LIST, {"prefixListId": "pl-1", name: [entry]})

    assert isinstance(read, PrefixListChange)
    assert [peer.value for peer in read.added] == ["::/0"]


def test_entries_that_can_be_read_are_told_beside_the_others() -> None:
    read = change(MODIFY_LIST, {"prefixListId": "pl-1", "addEntry": [{"cidr": "?"}, *HALVES]})

    assert isinstance(read, PrefixListChange)
    assert read.added == (peer("0.0.0.0/1"), peer("128.0.0.0/1"))
    assert read.problems
