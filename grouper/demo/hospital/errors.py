"""The errors of the demonstration hospital."""

from __future__ import annotations

from codebooks.errors import GrouperError


class HospitalError(GrouperError):
    """The demonstration hospital cannot be made as asked, or one of its tables is broken."""
