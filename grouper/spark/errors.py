"""What can be wrong with a run on Spark."""

from __future__ import annotations

from codebooks.errors import GrouperError


class SparkRunError(GrouperError):
    """A run on Spark cannot be made as asked."""
