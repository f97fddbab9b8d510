"""JSON as it is sent and kept: without spaces."""

from __future__ import annotations

import json

# `json.dumps` would make an encoder for each text.
compact_json = json.JSONEncoder(separators=(",", ":")).encode
