"""The models of AWS's services, which each session would read again: half of a short replay."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from unittest import mock

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.session import Session


@contextmanager
def models_read_once() -> Iterator[None]:
    """All sessions that are used within share the models."""
    with mock.patch("botocore.session.create_loader", lambda *_: loader()):
        yield


@cache
def loader() -> Loader:
    """Reads models, and keeps them."""
    from botocore.loaders import create_loader

    return create_loader()


@cache
def session() -> Session:
    """A session to read models with. Nothing is called with it."""
    from botocore.session import Session

    made = Session()
    made.register_component("data_loader", loader())
    return made
