"""How many examples a property is tried on: all in the full run, a part of them in the default one."""

from __future__ import annotations

import os

FULL = "GROUPER_TESTS_FULL"
"""Set by ``make test-full``."""
_PART, _LEAST = 4, 10


def examples(full: int) -> int:
    """Examples of a property.

    Args:
        full: in the full run.

    Returns:
        All of them there; else a quarter, but not fewer than ten where there are as many.
    """
    return full if os.environ.get(FULL) else max(full // _PART, min(full, _LEAST))
