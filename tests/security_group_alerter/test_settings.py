"""Each variable, good, empty and bad; and what is said when several are wrong."""

from datetime import UTC
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from security_group_alerter.model.presentation import Presentation
from security_group_alerter.model.severity import Severity
from security_group_alerter.settings import (
    CHECK,
    DELIVERY,
    DIGEST,
    PRESENTATION,
    WATCH,
    CheckSettings,
    DeliverySettings,
    DigestSettings,
    PlanSettings,
    SettingsError,
    SweepSettings,
    WatchSettings,
    check_settings_in,
    delivery_settings_in,
    digest_settings_in,
    plan_settings_in,
    sweep_settings_in,
    watch_settings_in,
)
from tests.stories import LEAST
from tests.stories import TOPIC_ARN as TOPIC

VARIABLES: Final = PRESENTATION | DELIVERY
PORTAL: Final = "https://d-1234567890.awsapps.com/start"

# Variable -> text -> the setting.
GOOD: Final[dict[str, dict[str, Any]]] = {
    "ALERT_TOPIC_ARN": {
        TOPIC: TOPIC,
        "arn:aws-us-gov:sns:us-gov-west-1:111122223333:Alerts_1-a": (
            "arn:aws-us-gov:sns:us-gov-west-1:111122223333:Alerts_1-a"
        ),
        "arn:aws-cn:sns:cn-north-1:111122223333:a": "arn:aws-cn:sns:cn-north-1:111122223333:a",
        f" {TOPIC}\n": TOPIC,
    },
    "ORGANIZATION_ID": {
        "o-exampleorgid": "o-exampleorgid",
        f"o-{'a1' * 16}": f"o-{'a1' * 16}",
        "": None,
        " ": None,
    },
    "TRAIL_ARN": {
        "arn:aws:cloudtrail:eu-central-1:111122223333:trail/my.trail_1": (
            "arn:aws:cloudtrail:eu-central-1:111122223333:trail/my.trail_1"
        ),
        "": None,
    },
    "TIME_ZONE": {
        "Europe/Berlin": ZoneInfo("Europe/Berlin"),
        "America/Argentina/Ushuaia": ZoneInfo("America/Argentina/Ushuaia"),
        "UTC": UTC,
        "": UTC,
    },
    "ACCESS_PORTAL_URL": {
        PORTAL: PORTAL,
        f"{PORTAL}/#/": f"{PORTAL}/#/",
        "https://example.awsapps.com": "https://example.awsapps.com",
        "": None,
    },
    "ACCESS_PORTAL_ROLE": {
        "SecurityAudit": "SecurityAudit",
        "a+=,.@-_1": "a+=,.@-_1",
        "": None,
    },
    "SEEN_EVENTS_TABLE": {
        "seen-events": "seen-events",
        "alerter-SeenEventsTable-1A2B_3.C": "alerter-SeenEventsTable-1A2B_3.C",
        "abc": "abc",
        "a" * 255: "a" * 255,
    },
    "GROUP_MEMORY_TABLE": {
        "group-memory": "group-memory",
        "alerter-GroupMemoryTable-1A2B_3.C": "alerter-GroupMemoryTable-1A2B_3.C",
        "a" * 255: "a" * 255,
    },
    "LOOK_ROLE_NAME": {
        "look": "look",
        "a+=,.@-_1": "a+=,.@-_1",
        "security-group-alerter/alerter/look": "security-group-alerter/alerter/look",
        "/security-group-alerter/alerter/look": "security-group-alerter/alerter/look",
        "a" * 64: "a" * 64,
        # 512 characters with both slashes, and 64.
        f"/{'p' * 510}/{'a' * 64}": f"{'p' * 510}/{'a' * 64}",
        "": None,
    },
    "HEARTBEAT_ROLE_ARN": {
        "arn:aws:iam::111122223333:role/alerter-HeartbeatRole-1A2B3C": (
            "arn:aws:iam::111122223333:role/alerter-HeartbeatRole-1A2B3C"
        ),
        "arn:aws-us-gov:iam::111122223333:role/with/a/path/a+=,.@-_1": (
            "arn:aws-us-gov:iam::111122223333:role/with/a/path/a+=,.@-_1"
        ),
        "": None,
    },
    "RUNBOOK_URL": {
        "https://wiki.example.com/x?y=1#z": "https://wiki.example.com/x?y=1#z",
        "": None,
    },
    "ACCOUNT_TAGS": {
        "Owner": ("Owner",),
        " Owner, Cost center ,,Environment,": ("Owner", "Cost center", "Environment"),
        "": (),
        ",": (),
    },
    "CHAT_TOPIC_ARN": {
        "arn:aws:sns:eu-central-1:111122223333:chat": "arn:aws:sns:eu-central-1:111122223333:chat",
        "": None,
    },
    "MINIMUM_CHAT_SEVERITY": {
        **{severity.name: severity for severity in Severity},
        " LOW ": Severity.LOW,
        "": Severity.HIGH,
    },
}
BAD: Final[dict[str, list[str]]] = {
    "ALERT_TOPIC_ARN": [
        "alerts",
        "arn:aws:sqs:eu-central-1:111122223333:alerts",
        "arn:aws:sns:eu-central-1:1111:alerts",
        "arn:aws:sns:eu-central-1:١١١١٢٢٢٢٣٣٣٣:alerts",
        # A FIFO topic delivers to no e-mail.
        f"{TOPIC}.fifo",
        f"{TOPIC}\nx",
    ],
    "ORGANIZATION_ID": ["exampleorgid", "o-short", "o-EXAMPLEORGID", f"o-{'a' * 33}"],
    "TRAIL_ARN": ["organization-trail", "arn:aws:cloudtrail:eu-central-1:111122223333:channel/x"],
    "TIME_ZONE": ["Mars/Phobos", "Europe", "../../etc/passwd", "/etc/passwd", "a" * 300, "\0"],
    "ACCESS_PORTAL_URL": [
        "d-1234567890.awsapps.com",
        "http://d-1234567890.awsapps.com/start",
        "https://",
        "https://аpple.awsapps.com/start",  # noqa: RUF001, a Cyrillic letter is the point
        "https://x.com/start?next=y",
    ],
    "ACCESS_PORTAL_ROLE": ["Security Audit", "a" * 33, "a/b"],
    "SEEN_EVENTS_TABLE": [
        "ab",
        "a" * 256,
        "seen events",
        "seen/events",
        "tábla",
        "arn:aws:dynamodb:eu-central-1:111122223333:table/seen-events",
    ],
    "GROUP_MEMORY_TABLE": ["ab", "a" * 256, "group memory", "tábla"],
    "LOOK_ROLE_NAME": [
        "/",
        "look/",
        "//look",
        "a//look",
        "a" * 65,
        f"{'p' * 511}/look",
        "look here",
        "l\u014dok",
        "*",
        "arn:aws:iam::111122223333:role/look",
    ],
    "HEARTBEAT_ROLE_ARN": [
        "HeartbeatRole",
        "arn:aws:iam::1111:role/HeartbeatRole",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:user/HeartbeatRole",
        "arn:aws:sts::111122223333:assumed-role/HeartbeatRole/session",
        "arn:aws:iam::١١١١٢٢٢٢٣٣٣٣:role/HeartbeatRole",
        "arn:aws:iam::111122223333:role/*",
    ],
    "RUNBOOK_URL": ["wiki.example.com", "http://wiki.example.com", "https://", "https://a b"],
    "ACCOUNT_TAGS": [],
    "CHAT_TOPIC_ARN": [
        "chat",
        "arn:aws:sqs:eu-central-1:111122223333:chat",
        "arn:aws:sns:eu-central-1:111122223333:chat.fifo",
    ],
    "MINIMUM_CHAT_SEVERITY": ["high", "3", "WORST", "HIGH,LOW"],
}


def test_every_variable_is_tried() -> None:
    assert list(GOOD) == list(BAD)
    assert sorted(GOOD) == sorted(VARIABLES)


def test_least_that_is_needed() -> None:
    settings = delivery_settings_in(LEAST | {"PATH": "/bin", "AWS_REGION": "nowhere"})

    assert settings == DeliverySettings(
        presentation=Presentation(
            time_zone=UTC,
            access_portal_url=None,
            access_portal_role=None,
            runbook_url=None,
        ),
        alert_topic_arn=TOPIC,
        seen_events_table="seen-events",
        group_memory_table="group-memory",
        look_role_name=None,
        organization_id=None,
        trail_arn=None,
        heartbeat_role_arn=None,
        account_tags=(),
        chat_topic_arn=None,
        minimum_chat_severity=Severity.HIGH,
    )


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [(name, text, value) for name, values in GOOD.items() for text, value in values.items()],
)
def test_good(name: str, text: str, value: Any) -> None:
    settings = delivery_settings_in(LEAST | {name: text})

    part = settings.presentation if name in PRESENTATION else settings
    assert getattr(part, VARIABLES[name].setting) == value


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts]
)
def test_bad(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        delivery_settings_in(LEAST | {name: text})

    assert str(raised.value) == f"{name}={text!r}: expected {VARIABLES[name].expected}"


@pytest.mark.parametrize("nothing", [{}, dict.fromkeys(LEAST, ""), dict.fromkeys(LEAST, " ")])
@pytest.mark.parametrize("name", LEAST)
def test_what_has_to_be_set(name: str, nothing: dict[str, str]) -> None:
    others = {other: text for other, text in LEAST.items() if other != name}
    with pytest.raises(SettingsError) as raised:
        delivery_settings_in(nothing | others)

    assert str(raised.value) == f"{name} is not set: expected {VARIABLES[name].expected}"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        delivery_settings_in(
            {"TIME_ZONE": "CET/CEST", "RUNBOOK_URL": "wiki", "ACCOUNT_TAGS": "Owner"}
        )

    assert str(raised.value) == (
        "TIME_ZONE='CET/CEST': expected an IANA time zone such as Europe/Berlin; "
        "RUNBOOK_URL='wiki': expected the https address of your runbook; "
        "ALERT_TOPIC_ARN is not set: expected the ARN of an SNS topic; "
        "SEEN_EVENTS_TABLE is not set: expected the name of a DynamoDB table; "
        "GROUP_MEMORY_TABLE is not set: expected the name of a DynamoDB table"
    )


# The daily check.

LEAST_OF_A_CHECK: Final = {
    "STACK_NAME": "alerter",
    "TRAIL_ARN": "arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization-trail",
    "TRAIL_LOG_GROUP": "aws-controltower/CloudTrailLogs",
    "SEEN_EVENTS_TABLE": "seen-events",
    "ALERT_TOPIC_ARN": TOPIC,
    "OPERATIONS_TOPIC_ARN": f"{TOPIC}-operations",
}


def test_what_a_check_needs() -> None:
    assert check_settings_in(LEAST_OF_A_CHECK) == CheckSettings(
        stack_name="alerter",
        trail_arn=LEAST_OF_A_CHECK["TRAIL_ARN"],
        trail_log_group="aws-controltower/CloudTrailLogs",
        seen_events_table="seen-events",
        alert_topic_arn=TOPIC,
        operations_topic_arn=f"{TOPIC}-operations",
        chat_topic_arn=None,
        runbook_url=None,
    )
    assert set(CHECK) == LEAST_OF_A_CHECK.keys() | {"CHAT_TOPIC_ARN", "RUNBOOK_URL"}


@pytest.mark.parametrize("name", LEAST_OF_A_CHECK)
def test_what_a_check_cannot_do_without(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set: expected "):
        check_settings_in(LEAST_OF_A_CHECK | {name: ""})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("STACK_NAME", "1st"),
        ("STACK_NAME", "a_b"),
        ("STACK_NAME", "a" * 129),
        ("TRAIL_LOG_GROUP", "a log group"),
        ("TRAIL_LOG_GROUP", "arn:aws:logs:eu-central-1:111122223333:log-group:a"),
        ("OPERATIONS_TOPIC_ARN", "operations"),
        *((name, text) for name in CHECK if name in BAD for text in BAD[name]),
    ],
)
def test_what_a_check_refuses(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        check_settings_in(LEAST_OF_A_CHECK | {name: text})

    assert str(raised.value) == f"{name}={text!r}: expected {CHECK[name].expected}"


# The digest.


def test_what_a_digest_needs() -> None:
    assert digest_settings_in(LEAST | {"TIME_ZONE": "Europe/Berlin"}) == DigestSettings(
        presentation=Presentation(time_zone=ZoneInfo("Europe/Berlin")),
        alert_topic_arn=TOPIC,
        seen_events_table="seen-events",
        group_memory_table="group-memory",
        look_role_name=None,
        organization_id=None,
        chat_topic_arn=None,
    )
    optional = {"TIME_ZONE", "LOOK_ROLE_NAME", "ORGANIZATION_ID", "CHAT_TOPIC_ARN"}
    assert set(DIGEST) == LEAST.keys() | optional


@pytest.mark.parametrize("name", LEAST)
def test_what_a_digest_cannot_do_without(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set: expected "):
        digest_settings_in(LEAST | {name: ""})


# The sweep, and its plan.

QUEUE: Final = "https://sqs.eu-central-1.amazonaws.com/111122223333/alerter-SweepQueue-1A2B3C"
LEAST_OF_A_SWEEP: Final = {
    "GROUP_MEMORY_TABLE": "group-memory",
    "LOOK_ROLE_NAME": "/security-group-alerter/look",
}
LEAST_OF_A_PLAN: Final = {**LEAST_OF_A_SWEEP, "SWEEP_QUEUE_URL": QUEUE}


def test_settings_of_a_sweep() -> None:
    assert sweep_settings_in(LEAST_OF_A_SWEEP) == SweepSettings(
        group_memory_table="group-memory", look_role_name="security-group-alerter/look"
    )
    assert plan_settings_in(LEAST_OF_A_PLAN) == PlanSettings(
        group_memory_table="group-memory",
        look_role_name="security-group-alerter/look",
        sweep_queue_url=QUEUE,
    )


@pytest.mark.parametrize("name", LEAST_OF_A_PLAN)
def test_what_has_to_be_set_for_a_sweep(name: str) -> None:
    others = {other: text for other, text in LEAST_OF_A_PLAN.items() if other != name}

    with pytest.raises(SettingsError, match=f"{name} is not set"):
        plan_settings_in(others)
    if name in LEAST_OF_A_SWEEP:
        with pytest.raises(SettingsError, match=f"{name} is not set"):
            sweep_settings_in(others)


@pytest.mark.parametrize(
    "text",
    [
        "sweep",
        "https://sqs.eu-central-1.amazonaws.com/sweep",
        "https://x/1/sweep?a=b",
        "ftp://x/1/q",
    ],
)
def test_what_is_no_queue(text: str) -> None:
    with pytest.raises(
        SettingsError, match=r"SWEEP_QUEUE_URL=.*: expected the URL of an SQS queue"
    ):
        plan_settings_in(LEAST_OF_A_PLAN | {"SWEEP_QUEUE_URL": text})


# The watch.


def test_what_a_watch_needs() -> None:
    """The same as the alerter, but for what is about its own trail."""
    assert watch_settings_in(LEAST | {"TIME_ZONE": "Europe/Berlin"}) == WatchSettings(
        presentation=Presentation(time_zone=ZoneInfo("Europe/Berlin")),
        alert_topic_arn=LEAST["ALERT_TOPIC_ARN"],
        seen_events_table=LEAST["SEEN_EVENTS_TABLE"],
        group_memory_table=LEAST["GROUP_MEMORY_TABLE"],
    )
    assert DELIVERY.keys() - WATCH.keys() == {"TRAIL_ARN", "HEARTBEAT_ROLE_ARN"}
    assert all(DELIVERY[name] == variable for name, variable in WATCH.items())


@pytest.mark.parametrize("name", LEAST)
def test_what_a_watch_cannot_do_without(name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set: expected "):
        watch_settings_in(LEAST | {name: ""})
