"""What every family of schemes gives back, and how it is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal

    from codebooks.book import BookCard
    from grouper.case.record import Case
    from grouper.schemes.reasons import Reason, Status
    from grouper.schemes.trace import Trace

WEIGHT = pa.decimal128(18, 6)
"""Arrow type of a weight or score; its unit is the scheme's own (points, relative weight)."""

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
        ("group_kind", _WORD),
        ("weight", WEIGHT),
    ]
)
"""The columns of a grouping, the same for every family; what a family lacks is null.

``status`` and ``reason`` as in :mod:`grouper.schemes.reasons`; ``warnings`` are reason codes joined
by ``;``; ``group`` is null where the case is invalid and would else have a named group; the name of a group that
has none (``?QY``, ``X000``) is the empty text. ``group_kind`` is the kind of group within the family
(DIP: section of the catalogue, APG: kind of visit). ``weight`` is what the scheme itself gives the
case: the adjusted score (DIP), the sum of the visit's weights (APG), the stay's points (PDPM), the
relative weight (MS-DRG); null where the region sets it (CHS-DRG).
"""

PARTS_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("part", pa.int32()),
        ("kind", pa.string()),
        ("code", pa.string()),
        ("group", pa.string()),
        ("action", pa.string()),
        ("reason", pa.string()),
        ("start", pa.date32()),
        ("days", pa.int32()),
        ("share", WEIGHT),
        ("weight", WEIGHT),
    ]
)
"""What a case consists of, where a family groups parts of it: one line each.

``row`` is the case's number, ``part`` counts from 1 within it. ``kind`` says what the part is
(``procedure``, ``visit``, ``line``: APG; ``period``: PDPM; ``factor``: an auxiliary directory of
DIP, ``primary_care``: its primary-care group; ``initial``, ``final``, ``diagnosis``, ``procedure``, ``edit``: MS-DRG), ``code`` is its code as written, ``group`` the group it falls into. ``action`` is a stable word
for what was done with it (such as ``packaged``), ``reason`` a stable code for why. ``start`` and
``days`` are those of a period. A part adds ``weight`` × ``share`` to the case; of a factor ``share``
is the factor.
"""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning beside a group, with the codes it speaks of."""

    reason: Reason
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a case; fields as the columns of :data:`PARTS_SCHEMA`."""

    kind: str
    code: str | None = None
    group: str | None = None
    action: str | None = None
    reason: str | None = None
    start: date | None = None
    days: int | None = None
    share: Decimal | None = None
    weight: Decimal | None = None


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
    group_kind: str | None = None
    weight: Decimal | None = None
    parts: tuple[Part, ...] = ()


class Scheme(Protocol):
    """A scheme that is ready to group."""

    @property
    def id(self) -> str:
        """The scheme's id."""
        ...

    @property
    def card(self) -> BookCard:
        """The card of its book."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns of a case that the scheme asks about."""
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


@runtime_checkable
class PartedScheme(Scheme, Protocol):
    """A scheme that groups parts of a case: lines of a visit, periods of a stay."""

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        """The parts of cases.

        Args:
            cases: as for :meth:`Scheme.group_batch`.
            first_row: number of the first case.

        Returns:
            A table of :data:`PARTS_SCHEMA`, by row and part; none for cases that are refused.
        """
        ...


def parts_table(rows: Sequence[tuple[int, Sequence[Part]]]) -> pa.Table:
    """Parts as a table of :data:`PARTS_SCHEMA`, from the number and parts of each case."""
    flat = [
        {"row": row, "part": number, **asdict(part)}
        for row, parts in rows
        for number, part in enumerate(parts, 1)
    ]
    return pa.Table.from_pylist(flat, schema=PARTS_SCHEMA)
