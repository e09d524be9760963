"""The error of this room."""

from __future__ import annotations

from codebooks.errors import GrouperError


class SettlementError(GrouperError):
    """Something that cannot be settled, simulated or compared as asked."""
