"""What was wrong with a row or a value, in stable reason codes.

The words stand in the catalogues under ``reason.<CODE>`` and ``advice.<CODE>``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.messages import text
from grouper.case.tables import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grouper.case.fields import Field

_SHOWN = 40
_COMPOUND = (list, tuple, dict, frozenset)
_WORD = re.compile(r"[^\W\d_]+")
# A date with its time has 14 digits; a citizen's number has 15 or 18, a telephone number 11.
_LONG_NUMBER = re.compile(r"\d{15,}|(?<!\d)\d{11}(?!\d)")


class Severity(StrEnum):
    """A rejected row is no case; a warning concerns one value of a case that stands."""

    REJECT = "reject"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue.

    Attributes:
        row: 1-based number of the data record (the header is not counted); 0: the file itself.
        field: the case's field, or empty.
        reason: stable code.
        severity: ``reject`` or ``warning``.
        value: what was found, without anything that may name a person; may be empty.
    """

    row: int
    field: str
    reason: str
    severity: Severity
    value: str = ""

    def describe(self, lang: str | None = None) -> str:
        """What is wrong and what to do, in one language."""
        label = text(f"case.label.{self.field}", lang) if self.field else ""
        return text(
            "case.issue",
            lang,
            row=self.row,
            field=label,
            reason=text(f"reason.{self.reason}", lang),
            advice=text(f"advice.{self.reason}", lang),
            value=text("case.value", lang, value=self.value) if self.value else "",
            code=self.reason,
        )


ISSUE_SCHEMA: pa.Schema = pa.schema(
    [
        ("row", pa.int64()),
        ("field", pa.string()),
        ("reason", pa.string()),
        ("severity", pa.string()),
        ("value", pa.string()),
    ]
)


def issue_table(issues: Iterable[Issue]) -> pa.Table:
    """Issues as a table of :data:`ISSUE_SCHEMA`, in the order given."""
    rows = [(i.row, i.field, i.reason, str(i.severity), i.value) for i in issues]
    columns = list(zip(*rows, strict=True)) or [()] * len(ISSUE_SCHEMA)
    arrays = [pa.array(c, t) for c, t in zip(columns, ISSUE_SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=ISSUE_SCHEMA)


def issues_of(table: pa.Table) -> Iterator[Issue]:
    """The issues of a table of :data:`ISSUE_SCHEMA`."""
    for row in table.to_pylist():
        yield Issue(**{**row, "severity": Severity(row["severity"])})


def codes_by_row(issues: pa.Table, first_row: int, size: int) -> pa.Array:
    """What was said of each of some rows: reason codes in order, joined by ``;``; null: nothing.

    Args:
        issues: columns of :data:`ISSUE_SCHEMA`.
        first_row: number of the first row.
        size: how many rows there are.
    """
    found: dict[int, set[str]] = {}
    columns = (issues["row"].to_pylist(), issues["reason"].to_pylist())
    for row, reason in zip(*columns, strict=True):
        found.setdefault(row - first_row, set()).add(reason)
    told = [";".join(sorted(found[at])) if at in found else None for at in range(size)]
    return pa.array(told, pa.string())


def shown(raw: object, field: Field) -> str:
    """A value as an issue may show it; the fields that identify are never shown."""
    return "" if field.private else masked(raw)


def masked(raw: object) -> str:
    """A value as an error may show it: short, and nothing in it that may name a person.

    Words are starred unless they are units or values of our own code lists, so are numbers as long
    as those of identity cards and telephones.
    """
    if raw is None or isinstance(raw, _COMPOUND):
        return ""
    try:
        value = " ".join(str(raw)[: 4 * _SHOWN].split())
    except ValueError:  # a whole number of thousands of digits has no text
        return ""
    value = value.encode("utf-8", "replace").decode("utf-8")
    value = _LONG_NUMBER.sub(lambda m: "*" * len(m.group()), value)
    return _WORD.sub(_star, value)[:_SHOWN]


def _star(word: re.Match[str]) -> str:
    found = word.group()
    harmless = (found.isascii() and len(found) == 1) or found.lower() in vocabulary()
    return found if harmless else "*" * len(found)
