"""The function itself, as without_network.py has it, and without memory of groups."""

import without_memory  # type: ignore[import-not-found]  # noqa: F401 - it takes the memory away
from without_network import lambda_handler  # type: ignore[import-not-found]

__all__ = ["lambda_handler"]
