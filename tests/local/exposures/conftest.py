"""A ledger in the account of the stack."""

import pytest

from local import snooze
from local.exposures import __main__ as exposures
from tests.local.cloud import Cloud
from tests.local.exposures.ledger_samples import NOW, LedgerSample


@pytest.fixture
def ledger(aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> LedgerSample:
    monkeypatch.setattr(exposures, "clock", lambda: NOW)
    monkeypatch.setattr(snooze, "clock", lambda: NOW)
    return LedgerSample(aws)
