"""The schemes of credit: dated data (``data/credit.toml``), and a hospital's own before them.

The own file is ``GROUPER_DATA/fund/credit.toml``, of the same form. Of a region on a day the own
scheme goes before the shipped one, and the region's before that of its parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from codebooks import paths
from codebooks.errors import CodebookError, Where
from codebooks.plain import toml_of
from codebooks.registry import registry
from grouper.audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FILE = "credit.toml"
NAMES = (
    "violations",
    "corrected_before_upload",
    "answered_in_time",
    "appeals_won",
    "deducted_share",
    "lists_in_time",
    "upload_errors",
)
"""The inputs there are; a scheme asks some of them."""
UNITS = ("share", "per_mille")
_STANDINGS = ("official", "proposal")
_SCHEME = {"region", "valid_from", "valid_to", "standing", "source", "input", "grade"}


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a scheme.

    Attributes:
        name: one of :data:`NAMES`.
        weight: its greatest points.
        unit: ``share``, or ``per_mille`` of cases.
        full: the value from which on it has all its points.
        none: the value from which on it has none; greater than ``full`` where less is better.
    """

    name: str
    weight: Decimal
    unit: str
    full: Decimal
    none: Decimal


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade, and the least points of a hundred that it takes."""

    grade: str
    least: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How credit is evaluated.

    Attributes:
        region: where.
        valid_from, valid_to: half-open; ``valid_to`` None: not ended.
        standing: ``official`` or ``proposal``.
        source: in words.
        inputs: what is asked.
        grades: the best first; the last one takes no points.
        own: whether it is the hospital's own.
    """

    region: str
    valid_from: date
    valid_to: date | None
    standing: str
    source: str
    inputs: tuple[Input, ...]
    grades: tuple[Grade, ...]
    own: bool = False

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def scheme_of(region: str, day: date) -> Scheme | None:
    """The scheme that a region has on a day; None: there is none.

    Raises:
        AuditError: ``CREDIT_SCHEME``: the hospital's own file is not of the form.
        CodebookError: the region is not known.
    """
    own = paths.installed() / "fund" / FILE
    text = (files("grouper.audit.fund") / "data" / FILE).read_text("utf-8")
    schemes = list(read_schemes(text, FILE, own=False))
    if own.is_file():
        try:
            said = own.read_text("utf-8")
        except (OSError, ValueError) as cause:
            raise AuditError(
                "CREDIT_SCHEME", Where(file=FILE), name=type(cause).__name__
            ) from cause
        schemes = [*read_schemes(said, FILE, own=True), *schemes]
    for place in _places(region):
        for one in schemes:
            if one.region == place and one.holds(day):
                return one
    return None


def _places(region: str) -> Iterator[str]:
    """A region and those it lies in, the nearest first."""
    known = registry().region(region)
    while True:
        yield known.id
        if known.parent is None:
            return
        known = registry().region(known.parent)


def read_schemes(text: str, file: str, *, own: bool) -> Iterator[Scheme]:
    """The schemes of a file.

    Raises:
        AuditError: ``CREDIT_SCHEME``, with the name of what is wrong.
    """
    try:
        found = toml_of(text)
    except ValueError:
        raise _fault(file, "TOML") from None
    rows = found.get("scheme")
    if not isinstance(rows, list) or found.keys() - {"scheme"}:
        raise _fault(file, "scheme")
    for row in rows:
        if not isinstance(row, dict) or row.keys() - _SCHEME:
            raise _fault(file, "scheme")
        yield _scheme(row, file, own=own)


def _scheme(row: Mapping[str, Any], file: str, *, own: bool) -> Scheme:
    for name in ("region", "source"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise _fault(file, name)
    try:
        registry().region(row["region"])
    except CodebookError:
        raise _fault(file, "region") from None
    if row.get("standing") not in _STANDINGS:
        raise _fault(file, "standing")
    start, end = row.get("valid_from"), row.get("valid_to")
    # A datetime is a date, too.
    if type(start) is not date or (end is not None and (type(end) is not date or end <= start)):
        raise _fault(file, "valid_from")
    return Scheme(
        region=row["region"],
        valid_from=start,
        valid_to=end,
        standing=row["standing"],
        source=row["source"],
        inputs=_inputs(row.get("input"), file),
        grades=_grades(row.get("grade"), file),
        own=own,
    )


def _inputs(rows: object, file: str) -> tuple[Input, ...]:
    found: list[Input] = []
    for row in _rows(rows, file, "input"):
        name, unit = row.get("name"), row.get("unit")
        if name not in NAMES or name in {one.name for one in found}:
            raise _fault(file, "input.name")
        if unit not in UNITS:
            raise _fault(file, "input.unit")
        weight, full, none = (
            _number(row, one, file, "input") for one in ("weight", "full", "none")
        )
        if not weight or full == none:
            raise _fault(file, "input.weight")
        found.append(Input(name, weight, unit, full, none))
    return tuple(found)


def _grades(rows: object, file: str) -> tuple[Grade, ...]:
    found = [
        Grade(str(row.get("grade", "")), _number(row, "from", file, "grade"))
        for row in _rows(rows, file, "grade")
    ]
    least = [one.least for one in found]
    # From the best to the worst, which takes no points.
    if least != sorted(set(least), reverse=True) or least[-1] or not all(o.grade for o in found):
        raise _fault(file, "grade.from")
    return tuple(found)


def _rows(rows: object, file: str, name: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(rows, list) or not rows or not all(isinstance(one, dict) for one in rows):
        raise _fault(file, name)
    return rows


def _number(row: Mapping[str, Any], name: str, file: str, of: str) -> Decimal:
    """A number not below nought; written as a text, so that it is no binary fraction."""
    try:
        found = Decimal(row[name]) if isinstance(row[name], str) else None
    except (KeyError, InvalidOperation):
        found = None
    if found is None or not found.is_finite() or found < 0:
        raise _fault(file, f"{of}.{name}")
    return found


def _fault(file: str, name: str) -> AuditError:
    return AuditError("CREDIT_SCHEME", Where(file=file, column=name), name=name)
