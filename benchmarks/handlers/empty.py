"""Does nothing: the cost of the client of Lambda's runtime API."""

from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Do nothing."""
