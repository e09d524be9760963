"""What the name of an account may be; the same by REST, on the command line and on a page."""

from __future__ import annotations

import re

LONGEST = 64
PATTERN = r"^[\w.@-]+$"
_NAME = re.compile(PATTERN)


def is_name(written: str) -> bool:
    """Whether an account may be called so: letters, digits, ``. @ - _``, no blanks."""
    return len(written) <= LONGEST and _NAME.fullmatch(written) is not None
