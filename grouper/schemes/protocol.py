"""What every family of schemes gives back, and how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa

if TYPE_CHECKING:
    from grouper.case.record import Case
    from grouper.schemes.reasons import Reason, Status
    from grouper.schemes.trace import Trace

_WORD = pa.dictionary(pa.int32(), pa.string())

RESULT_SCHEMA = pa.schema(
    [
        ("scheme", _WORD),
        ("status", _WORD),
        ("reason", _WORD),
        ("warnings", _WORD),
        ("mdc", _WORD),
        ("adrg", _WORD),
        ("group", _WORD),
        ("group_name", _WORD),
        ("cc_level", _WORD),
    ]
)
"""The columns of a grouping, the same for every family; what a family lacks is null.

``status`` and ``reason`` as in :mod:`grouper.schemes.reasons`; ``warnings`` are reason codes joined
by ``;``; ``group`` is null where the case is invalid and would else have a named group; the name of a group that
has none (``?QY``, ``X000``) is the empty text.
"""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning beside a group, with the codes it speaks of."""

    reason: Reason
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grouping:
    """The grouping of one case; fields as the columns of :data:`RESULT_SCHEMA`."""

    scheme: str
    status: Status
    reason: Reason | None
    warnings: tuple[Warned, ...]
    mdc: str | None
    adrg: str | None
    group: str | None
    group_name: str | None
    cc_level: str | None
    trace: Trace


class Scheme(Protocol):
    """A scheme that is ready to group."""

    @property
    def id(self) -> str:
        """The scheme's id."""
        ...

    @property
    def content_hash(self) -> str:
        """Hash of the rules, stored with results so that they can be recomputed."""
        ...

    def group(self, case: Case) -> Grouping:
        """Group one case, with its trace."""
        ...

    def group_batch(self, cases: pa.RecordBatch) -> pa.RecordBatch:
        """Group cases; one row of :data:`RESULT_SCHEMA` for each, in their order."""
        ...

    def group_with_issues(
        self, cases: pa.RecordBatch, first_row: int = 1
    ) -> tuple[pa.RecordBatch, pa.Table]:
        """Group cases and tell their issues.

        Args:
            cases: as for :meth:`group_batch`.
            first_row: number of the first case, for the issues.

        Returns:
            The results, and a table of :data:`grouper.case.issues.ISSUE_SCHEMA` by row.
        """
        ...
