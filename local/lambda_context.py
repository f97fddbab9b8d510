"""The context that Lambda passes to the handler, beside the payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class _Context:
    def __init__(self, request_id: str, seconds_left: float) -> None:
        self.aws_request_id = request_id
        self._seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds_left * 1000)


def lambda_context(request_id: str = "local", seconds_left: float = 120) -> LambdaContext:
    """A context with as much time left as template.yaml gives an invocation."""
    return cast("LambdaContext", _Context(request_id, seconds_left))
