"""How bad a finding is."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """Security Hub's words, in order.

    https://docs.aws.amazon.com/securityhub/latest/userguide/asff-required-attributes.html#Severity
    """

    INFORMATIONAL = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4
