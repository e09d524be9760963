"""The errors of telling a month."""

from __future__ import annotations

from codebooks.errors import GrouperError


class EmitError(GrouperError):
    """A month of the demonstration hospital cannot be told as asked."""
