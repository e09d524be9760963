"""The errors of the review."""

from __future__ import annotations

from codebooks.errors import GrouperError


class ReviewError(GrouperError):
    """A step, an exception, a standing or a file that is not taken as asked."""
