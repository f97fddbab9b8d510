"""What Lambda's own client of the runtime API costs: nothing is done."""

from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Do nothing."""
