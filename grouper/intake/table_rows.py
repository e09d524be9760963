"""One row of a file of cases as an event."""

from __future__ import annotations

import base64
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.case.derive import DERIVED
from grouper.case.fields import FIELDS, members
from grouper.case.record import Case
from grouper.intake.columns import Said, said_by
from grouper.intake.event import Coded, Event, EventKind, Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.issues import Issue
    from grouper.case.readers.source import Source

_OWN = ("case_id", "person", "hospital")
_NESTED = tuple(field.name for field in FIELDS.values() if field.nested)
_MEMBERS = {of: members(of) for of in ("dx", "px", "line_item", "assessment_item")}
_UNKNOWN = "VALUE_UNKNOWN"
LONGEST = 256
"""A longer number of a patient or visit cannot be stored."""


class RowReader:
    """Reads the rows of one file.

    Args:
        source: the file.
        hospital: whether it states the code of the hospital as the service knows it.
    """

    def __init__(self, source: Source, *, hospital: bool = False) -> None:
        layout = source.layout
        self._hospital = hospital
        self._dialect = layout.dialect
        self._bound = {field.name for field in FIELDS.values() if layout.of(field.name)}
        self._bound |= {name for name, _ in layout.defaults}
        by_field = {name: [layout.names[b.column] for b in layout.of(name)] for name in self._bound}
        self._columns = by_field
        self._meant = {name for names in by_field.values() for name in names}
        self._ids = [n for n in by_field.get("case_id", ()) if self._said(n) is not Said.RECORD]

    def event(
        self,
        values: dict[str, Any],
        original: Mapping[str, Any],
        row: int,
        issues: Sequence[Issue],
    ) -> Event:
        """What a row says.

        Args:
            values: the fields of its case, as a batch of cases gives them.
            original: its own columns.
            row: its number in the file, from 1.
            issues: of the row.
        """
        case = Case(**(values | {name: tuple(values[name] or ()) for name in _NESTED}))
        record = next(
            (str(v).strip() for n, v in original.items() if v and self._said(n) is Said.RECORD), ""
        )
        visit, patient = self._visit(case, original, record), case.person or record
        numbers = (visit, patient)
        if not visit or any(len(n) > LONGEST or not n.isprintable() for n in numbers):
            reason = "NUMBER_UNUSABLE" if visit else "VISIT_MISSING"
            return Event(kind=EventKind.REJECTED, reason=reason, place=f"row {row}")
        return Event(
            patient=patient,
            visit=visit,
            hospital=(case.hospital or "") if self._hospital else "",
            facts=self._facts(case),
            dx=self._codes(case, "dx"),
            px=self._codes(case, "px"),
            lines=_lines(case),
            lines_whole=self._states("line_item"),
            assessments=self._assessments(case),
            person=self._person(original),
            extra=self._extra(original, issues),
            unknown=tuple(
                (f"row {row}.{issue.field}", _unknown_value(case, issue))
                for issue in issues
                if issue.reason == _UNKNOWN
            ),
        )

    def _visit(self, case: Case, original: Mapping[str, Any], record: str) -> str:
        """The number of the stay; a record number, kept for life, with the admission."""
        if case.case_id and any(original.get(name) not in (None, "") for name in self._ids):
            return case.case_id
        known = case.case_id or record
        moment = case.admission_time or case.discharge_time
        return f"{known}@{moment:%Y%m%dT%H%M%S}" if known and moment is not None else ""

    def _states(self, name: str) -> bool:
        """Whether the file has a column of a list or of its companions."""
        return any(member in self._bound for member in _MEMBERS[name])

    def _facts(self, case: Case) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, field in FIELDS.items():
            value = getattr(case, name)
            if field.nested or name in _OWN or value is None:
                continue
            told = name in self._bound or not (value == field.default or _derivable(case, name))
            if told:
                found[name] = written(value)
        return found

    def _codes(self, case: Case, name: str) -> tuple[Coded, ...] | None:
        codes: tuple[str | None, ...] = getattr(case, name)
        if not codes and not self._states(name):
            return None
        found = []
        for at, code in enumerate(codes):
            if code is None:
                continue  # nothing is promoted: a principal that is missing has no entry
            details = {n: getattr(case, n)[at] for n in _MEMBERS[name][1:] if getattr(case, n)}
            about = {n: written(value) for n, value in details.items() if value is not None}
            found.append(Coded(code=code, rank=min(at, 1), about=about))
        return tuple(found)

    def _assessments(self, case: Case) -> dict[str, tuple[Any, ...]] | None:
        found = {
            name: tuple(None if v is None else written(v) for v in getattr(case, name))
            for name in _MEMBERS["assessment_item"]
            if getattr(case, name)
        }
        return found if found or self._states("assessment_item") else None

    def _extra(self, original: Mapping[str, Any], issues: Sequence[Issue]) -> dict[str, Any]:
        """Columns that mean nothing to a case, and those whose value could not be read."""
        doubtful = {column for issue in issues for column in self._columns.get(issue.field, ())}
        return {
            f"table.{name}": plain(value)
            for name, value in original.items()
            if value not in (None, "", [])
            and self._said(name) in (Said.NOTHING, Said.STAFF, Said.RECORD)
            and (name not in self._meant or name in doubtful)
        }

    def _said(self, column: str) -> Said:
        return said_by(column, self._dialect)

    def _person(self, original: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in original.items():
            said = self._said(name)
            if value in (None, "") or said not in (Said.NAME, Said.ID_NUMBER, Said.PRIVATE):
                continue
            found.setdefault(name if said is Said.PRIVATE else str(said), plain(value))
        return found


def _unknown_value(case: Case, issue: Issue) -> str:
    """The value that its list does not know; of a list what the issue may show of it."""
    return issue.value if FIELDS[issue.field].nested else str(getattr(case, issue.field))


def _derivable(case: Case, name: str) -> bool:
    """Whether a value may merely follow from others of the row."""
    if name not in DERIVED:
        return False
    other = case.discharge_time if name == "los" else case.birth_date
    return (case.admission_time is not None and other is not None) or (
        name == "age" and case.age_days is not None
    )


def _lines(case: Case) -> tuple[Line, ...]:
    columns = {n: getattr(case, n) for n in _MEMBERS["line_item"] if getattr(case, n)}
    length = max(map(len, columns.values()), default=0)
    return tuple(
        Line(
            key=f"#{at + 1}",
            about={
                name: written(values[at])
                for name, values in columns.items()
                if values[at] is not None
            },
        )
        for at in range(length)
    )


def written(value: Any) -> Any:  # noqa: ANN401 -- a field's own type
    """A value of a Case as JSON that reads back to the same value."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def plain(value: Any) -> Any:  # noqa: ANN401 -- whatever a Parquet column holds
    """A value of a file's own column as JSON."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value)
