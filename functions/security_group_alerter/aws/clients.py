"""Makes the AWS clients, and their calls cheap. How long each may take stands where it is used.

What each gains is processor time as benchmarks/ measures it: a cold start takes some 250 ms, a call
to AWS 1 ms, a delivery of 100 changes 50 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore import httpsession
from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from ssl import SSLContext

_new_tls_context = httpsession.create_urllib3_context


@contextmanager
def session() -> Iterator[Any]:
    """One for all clients, and botocore's: boto3's own layer takes 30 ms to import.

    Clients that are made within share one TLS context. Any, since to a type checker every client
    that it makes is the same.
    """
    made = Session()
    made.register("before-call.sns", _encode_once)
    made.set_default_client_config(
        Config(
            # Checking our own parameters takes 4 ms for 100 changes.
            parameter_validation=False,
            # botocore's is put together anew, twice in each call: 0.1 ms.
            user_agent="security-group-alerter",
        )
    )
    httpsession.create_urllib3_context = _tls_context
    try:
        yield made
    finally:
        httpsession.create_urllib3_context = _new_tls_context


def _encode_once(**event: Any) -> None:
    """Write down the form that botocore would write twice, to sign and to send: 13 ms for 100."""
    request = event["params"]
    request["body"] = urlencode(request["body"]).encode()


@cache
def _tls_context() -> SSLContext:
    """botocore's, but one for all connections, which reads the certificate authorities once.

    botocore has every connection read them anew: 25 ms for each of three in a cold start, and again
    whenever AWS has closed one that was idle.
    """
    context: SSLContext = _new_tls_context()
    read = cache(context.load_verify_locations)
    context.load_verify_locations = read  # type: ignore[assignment, method-assign]
    return context
