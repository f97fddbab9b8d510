"""What every OCSF document of the alerter has. https://schema.ocsf.io/1.5.0."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..model.compact_json import compact_json
from ..model.severity import Severity

OCSF_VERSION = "1.5.0"
PRODUCT = "security-group-alerter"
DETECTION_FINDING = 2004
SEVERITY_IDS = {
    Severity.INFORMATIONAL: 1,
    Severity.LOW: 2,
    Severity.MEDIUM: 3,
    Severity.HIGH: 4,
    Severity.CRITICAL: 5,
}
# How JSON writes half a character, or a pair of them.
_HALF = "\\ud"


def json_of(document: Mapping[str, Any]) -> str:
    """The document, without spaces."""
    text = compact_json(document)
    # Looked for once in the whole, not in every text.
    if _HALF in text:
        text = compact_json(_whole(document))
    return text


def milliseconds(time: datetime) -> int:
    """Since 1970, as OCSF has times."""
    return int(time.timestamp() * 1000)


def _whole(value: Any) -> Any:
    """Half a character, which strict readers of JSON refuse, is escaped visibly."""
    if isinstance(value, dict):
        return {_whole(name): _whole(member) for name, member in value.items()}
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return [_whole(item) for item in value] if isinstance(value, list | tuple) else value
