"""AWS's own shapes of what it describes, from the models that boto3 comes with.

A state is checked against them and answers are written by them: no list of members is kept here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from ..service_models import session

# The types of the models -> what they are in JSON, and in words.
_JSON_TYPES: Final[Mapping[str, tuple[type, str]]] = {
    "structure": (dict, "an object"),
    "list": (list, "a list"),
    "string": (str, "text"),
    "timestamp": (str, "a time as text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a whole number"),
    "long": (int, "a whole number"),
}
# What XML cannot carry, so that no answer of AWS has it: https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# So much is shown of what was found.
_EXCERPT: Final = 40


class MisfitError(ValueError):
    """A value does not have the shape that it needs: where, and what was expected."""


@cache
def model_of(service: str) -> ServiceModel:
    """The model of a service. It takes a tenth of a second to read Amazon EC2's."""
    return session().get_service_model(service)


def output_of(service: str, operation: str) -> StructureShape:
    """What an operation returns."""
    shape = model_of(service).operation_model(operation).output_shape
    assert shape  # noqa: S101 (those that are used here return something)
    return shape


def check(value: object, shape: Shape, where: str) -> None:
    """Check that a value of JSON has a shape. Raises MisfitError."""
    json_type, words = _JSON_TYPES[shape.type_name]
    # In Python, true is a number.
    if not isinstance(value, json_type) or (json_type is int and isinstance(value, bool)):
        raise MisfitError(f"{where}: expected {words}, {found(value)}")
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for key, member in value.items():
            if key not in shape.members:
                raise MisfitError(
                    f"{where}: expected what AWS describes of a {shape.name}, {found(key)}"
                )
            check(member, shape.members[key], f"{where}.{key}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, member in enumerate(value):
            check(member, shape.member, f"{where}[{number}]")
    elif shape.type_name == "timestamp" and isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            raise MisfitError(f"{where}: expected a time in ISO 8601, {found(value)}") from None


def found(value: object) -> str:
    """What stands there, shortened."""
    text = repr(value)
    return f"found {text if len(text) <= _EXCERPT else text[:_EXCERPT] + '…'}"


def xml_of(value: Mapping[str, Any], shape: StructureShape) -> str:
    """The members of a structure, as Amazon EC2 and AWS STS write them."""
    return "".join(
        f"<{tag}>{_content_of(value[name], member)}</{tag}>"
        for name, member in shape.members.items()
        if name in value
        for tag in [member.serialization.get("name", name)]
    )


def _content_of(value: Any, shape: Shape) -> str:
    if isinstance(shape, ListShape):
        return "".join(f"<item>{_content_of(it, shape.member)}</item>" for it in value)
    if isinstance(shape, StructureShape):
        return xml_of(value, shape)
    return xml_text(str(value).lower() if isinstance(value, bool) else str(value))


def xml_text(text: str) -> str:
    """Text as XML. What XML cannot carry becomes U+FFFD."""
    return escape(_NOT_IN_XML.sub("\ufffd", text), {"\r": "&#13;"})
