"""What is to be noted of what alerts told."""

from dataclasses import replace

from security_group_alerter.model.ledger import (
    Activity,
    ExposureNews,
    LedgerEntry,
    Status,
    entries_of,
)
from tests.security_group_alerter.lives import GROUP, PREFIX_LIST, UID, a_told


def test_where_an_alert_told_nothing_new_there_is_nothing_to_note() -> None:
    new = ExposureNews(
        resource=GROUP,
        key=UID,
        uid=UID,
        activity=Activity.CREATE,
        status=Status.NEW,
        told=a_told(),
    )
    nothing_new = replace(new, resource=PREFIX_LIST, told=None)

    assert entries_of([nothing_new, new]) == [LedgerEntry(resource=GROUP, told={UID: a_told()})]
