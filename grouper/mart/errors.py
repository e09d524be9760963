"""Errors of the mart."""

from __future__ import annotations

from codebooks.errors import GrouperError


class MartError(GrouperError):
    """The mart is not there, is of an older form, or cannot be asked so."""
