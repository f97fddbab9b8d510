"""Makes the AWS clients. How long each call may take stands in the module that makes it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from botocore.config import Config
from botocore.session import Session


def session() -> Any:
    """One for all clients of a function.

    It is botocore's, since boto3's own layer takes 30 ms to import. Any, since to a type checker
    every client that it makes is the same.
    """
    made = Session()
    made.register("before-call.sns", _encode_once)
    made.set_default_client_config(Config(user_agent="security-group-alerter"))
    return made


def _encode_once(**event: Any) -> None:
    """Write down the form that botocore would write twice, to sign and to send."""
    request = event["params"]
    request["body"] = urlencode(request["body"]).encode()
