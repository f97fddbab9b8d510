"""Accounts, severities and groups on a command line; what is none is refused."""

from __future__ import annotations

from argparse import ArgumentTypeError

from security_group_alerter.model import ids
from security_group_alerter.model.severity import Severity


def account_id(text: str) -> str:
    """The ID of an account."""
    if not ids.ACCOUNT.fullmatch(text):
        raise ArgumentTypeError(f"expected an account id of 12 digits, found {text}")
    return text


def severity(text: str) -> Severity:
    """A severity by its name."""
    try:
        return Severity[text.upper()]
    except KeyError:
        names = ", ".join(Severity.__members__)
        raise ArgumentTypeError(f"expected one of {names}, found {text}") from None


def group_id(text: str) -> str:
    """The ID of a security group."""
    if not ids.SECURITY_GROUP.fullmatch(text):
        raise ArgumentTypeError(f"expected an ID as sg-0123456789abcdef0, found {text}")
    return text


def group_or_list_id(text: str) -> str:
    """The ID of a security group or a prefix list."""
    return text if ids.PREFIX_LIST.fullmatch(text) else group_id(text)
