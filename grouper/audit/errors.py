"""The errors of the audit."""

from __future__ import annotations

from codebooks.errors import GrouperError


class AuditError(GrouperError):
    """Cases or charges cannot be screened as asked."""
