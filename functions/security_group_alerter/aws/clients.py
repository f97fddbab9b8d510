"""Makes the AWS clients. How long each call may take stands in the module that makes it."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import Any
from urllib.parse import quote_plus

from botocore.config import Config
from botocore.httpsession import create_urllib3_context
from botocore.session import Session

# What a form does not take as it is: `%` first, since the others become a `%` and two digits, and
# the space last, since `+` is its sign.
_SPECIAL = [chr(code) for code in range(128) if not (chr(code).isalnum() or chr(code) in "%_.-~ ")]
_QUOTED = [(char.encode(), f"%{ord(char):02X}".encode()) for char in ("%", *_SPECIAL)]
_QUOTED.append((b" ", b"+"))
_PLAIN = re.compile(rb"[a-zA-Z0-9_.~-]*")


def session() -> Any:
    """One for all clients of a function.

    It is botocore's, since boto3's own layer takes 30 ms to import. Any, since to a type checker
    every client that it makes is the same.
    """
    made = _SessionOfOneTrust()
    made.register("before-call.sns", _encode_once)
    made.set_default_client_config(Config(user_agent="security-group-alerter"))
    return made


class _SessionOfOneTrust(Session):
    """Its clients share what TLS needs.

    botocore gives each client a context of its own, and urllib3 reads the certificates of all
    authorities into it for each connection: 17 ms of processor time, as much as ten calls.
    """

    def __init__(self) -> None:
        super().__init__()
        self._contexts = defaultdict[bool | str, Any](_context)

    def create_client(self, *arguments: Any, **settings: Any) -> Any:
        """As botocore makes it, with the context of all others that trust the same authorities."""
        client: Any = super().create_client(*arguments, **settings)
        # botocore has no setting for it. Should it name its parts otherwise some day, the context
        # is its own again, which is slower, and a test says so.
        http = _part_of(client, "_endpoint", "http_session")
        pool, verify = _part_of(http, "_manager", "connection_pool_kw"), _part_of(http, "_verify")
        if pool is not None and verify is not None:
            pool["ssl_context"] = self._contexts[verify]
        return client


def _part_of(whole: Any, *names: str) -> Any:
    for name in names:
        whole = getattr(whole, name, None)
    return whole


def _context() -> Any:
    """A context for TLS that reads each file of certificates once."""
    context = create_urllib3_context()
    context.load_verify_locations = cache(context.load_verify_locations)
    return context


def _encode_once(**event: Any) -> None:
    """Write down the form that botocore would write twice, to sign and to send."""
    request = event["params"]
    fields = request["body"].items()
    request["body"] = b"&".join(form_encoded(name) + b"=" + form_encoded(it) for name, it in fields)


def form_encoded(text: str) -> bytes:
    """The same bytes as `quote_plus`, in an eighth of the time for the long texts of a message.

    https://url.spec.whatwg.org/#application/x-www-form-urlencoded
    """
    if not text.isascii():
        return quote_plus(text).encode()
    encoded = text.encode()
    # The names of a form's fields, and most of their values.
    if _PLAIN.fullmatch(encoded):
        return encoded
    for plain, quoted in _QUOTED:
        encoded = encoded.replace(plain, quoted)
    return encoded
