"""One CloudTrail event: what it is known by."""

import pytest

from tests.security_group_alerter.builders import record


@pytest.mark.parametrize(
    ("members", "call_id"),
    [
        pytest.param({"eventID": "e-1"}, "e-1", id="an-event"),
        pytest.param(
            {"eventID": "e-9", "addendum": {"originalEventID": "e-1"}}, "e-1", id="an-update-of-it"
        ),
        pytest.param({"eventID": None}, None, id="without-an-id"),
    ],
)
def test_an_update_of_an_event_is_known_by_the_event(
    members: dict[str, object], call_id: str | None
) -> None:
    assert record(**members).call_id == call_id
