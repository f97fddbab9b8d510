"""Links that lead to the right account, Region and partition, and nowhere else."""

import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security_group_alerter.messages.links import event_link, group_link, partition_of
from security_group_alerter.model.presentation import Presentation

GROUP: Final = "sg-0123456789abcdef0"


def shown(portal: str | None = None, role: str | None = None) -> Presentation:
    """How alerts look: with links through this portal, or into the console."""
    return Presentation(
        time_zone=ZoneInfo("UTC"), access_portal_url=portal, access_portal_role=role
    )


PLACE: Final = ("eu-central-1", "222233334444")
PORTAL: Final = "https://d-1234567890.awsapps.com/start"
EVENT_ID: Final = "47774687-7ee7-4aeb-a3df-ef22b36c0ecc"
IN_THE_CONSOLE: Final = (
    "https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1"
    f"#SecurityGroup:groupId={GROUP}"
)


def test_links_into_the_console() -> None:
    assert group_link(GROUP, *PLACE, shown()) == IN_THE_CONSOLE
    assert event_link(EVENT_ID, *PLACE, shown()) == (
        "https://eu-central-1.console.aws.amazon.com/cloudtrailv2/home?region=eu-central-1"
        f"#/events/{EVENT_ID}"
    )


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "us-east-1.console.aws.amazon.com"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
        ("ap-southeast-7", "ap-southeast-7.console.aws.amazon.com"),
    ],
)
def test_each_partition_has_its_console(region: str, host: str) -> None:
    for link in (
        group_link(GROUP, region, None, shown()),
        event_link(EVENT_ID, region, None, shown()),
    ):
        address = urlsplit(link or "")
        assert (address.scheme, address.netloc) == ("https", host)
        assert parse_qs(address.query) == {"region": [region]}


@pytest.mark.parametrize("portal", [PORTAL, f"{PORTAL}/", f"{PORTAL}/#/", PORTAL[: -len("/start")]])
@pytest.mark.parametrize("role", [None, "", "Audit+EU@x"])
def test_links_through_the_access_portal(portal: str, role: str | None) -> None:
    link = group_link(GROUP, *PLACE, shown(portal, role))

    start, _, query = (link or "").partition("/#/console?")
    assert start == PORTAL
    assert parse_qs(query) == {
        "account_id": ["222233334444"],
        "destination": [IN_THE_CONSOLE],
    } | ({"role_name": [role]} if role else {})


def test_without_an_account_the_portal_leads_nowhere() -> None:
    presentation = shown(PORTAL, "Audit")

    assert group_link(GROUP, "eu-central-1", None, presentation) == IN_THE_CONSOLE


@pytest.mark.parametrize("region", [None, "", "x", "eu-central-1.evil.example/", "EU-CENTRAL-1"])
def test_no_link_without_a_region(region: str | None) -> None:
    assert group_link(GROUP, region, None, shown()) is None
    assert event_link(EVENT_ID, region, None, shown()) is None


@pytest.mark.parametrize(
    "region", ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"]
)
def test_no_link_into_a_console_that_has_no_public_address(region: str) -> None:
    for presentation in (shown(), shown(PORTAL)):
        assert group_link(GROUP, region, "222233334444", presentation) is None
        assert event_link(EVENT_ID, region, "222233334444", presentation) is None


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        (None, "aws"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-west-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-east-1", "aws-iso-f"),
    ],
)
def test_partition_of_a_region(region: str | None, partition: str) -> None:
    assert partition_of(region) == partition


@pytest.mark.parametrize("group_id", [None, "", "web", "sg-1 2", "sg-1&x=y", "sg-1\n"])
def test_no_link_without_a_group(group_id: str | None) -> None:
    assert group_link(group_id, *PLACE, shown()) is None


@given(event_id=st.text(st.characters(), max_size=300))
def test_an_event_id_stays_within_its_part_of_a_link(event_id: str) -> None:
    link = event_link(event_id, *PLACE, shown(PORTAL)) or ""

    assert re.fullmatch(r"[A-Za-z0-9:/?#&=%._~-]*", link)
    assert not re.search(r"[^A-Za-z0-9%._~-]", link.partition("&destination=")[2])
    named = unquote(unquote(link.rpartition("events%2F")[2]))
    assert named == event_id[:100].encode("utf-8", "replace").decode()
    assert event_link(None, *PLACE, shown()) is None
