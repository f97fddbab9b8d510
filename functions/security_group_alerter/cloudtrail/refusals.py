"""Step 2b: the message of a refused call names the resource and the policy, where AWS says so.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

import re

from ..model.record import Refusal

_RESOURCE = re.compile(r"\bon resource: (arn:[^\s,;]+)")
_POLICY = re.compile(
    r"\b(?:because (no [\w -]{1,80}?) allows\b|with (an explicit deny in an? [^.:]{1,80}))"
    r"(?:: (arn:[^\s,;]+))?"
)
# Some 600 characters, which only sts:DecodeAuthorizationMessage can read.
_ENCODED = re.compile(r"\s*Encoded authorization failure message: \S+")


def refusal_in(message: str | None) -> Refusal | None:
    """What the message of an error says, without the encoded part; None without a message."""
    if message is None:
        return None
    resource, policy = _RESOURCE.search(message), _POLICY.search(message)
    return Refusal(
        message=_ENCODED.sub("", message).strip() or None,
        resource_arn=resource and resource[1].rstrip("."),
        policy=_policy_words(*policy.groups()) if policy else None,
    )


def _policy_words(missing: str | None, denying: str | None, arn: str | None) -> str:
    """`no identity-based policy allows it`, or the policy that denies it and its ARN."""
    words = f"{missing} allows it" if missing else denying
    return " ".join(filter(None, (words, arn and arn.rstrip("."))))
