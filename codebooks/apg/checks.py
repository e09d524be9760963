"""The check of an APG book: what refuses it, and what the officer should judge."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from codebooks.apg.periods import periods
from codebooks.apg.words import (
    HIGHEST_SHARE,
    HIGHEST_WEIGHT,
    MODIFIER_RATES,
    SEPARATOR,
    Companion,
    GroupType,
    ListKind,
    ListName,
    Packing,
    Rate,
    VisitKind,
)
from codebooks.codes import code_set
from codebooks.errors import CodebookError, Where
from codebooks.findings import Finding, Severity
from codebooks.folding import fold_code, fold_codes
from codebooks.forms.apg import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from enum import StrEnum

    from codebooks.book import SchemeBook

FEE_CLASSES = tuple(f"{number:02d}" for number in range(1, 15))
"""The national fee classes (``med_chrgitm_type``), of which each should lead to a group."""
_KEYS = {
    "groups": ("group",),
    "procedures": ("code",),
    "diagnoses": ("code",),
    "items": ("code", "length", "line_class"),
    "packaging": ("rule",),
    "lists": ("list", "kind", "code"),
    "rates": ("rate", "type"),
    "weights": ("group", "valid_from"),
}
_FOLDED = frozenset({"code"})
_WORDS: Mapping[tuple[str, str], type[StrEnum]] = {
    ("groups", "type"): GroupType,
    ("packaging", "action"): Packing,
    ("lists", "list"): ListName,
    ("lists", "kind"): ListKind,
    ("lists", "companion"): Companion,
    ("rates", "rate"): Rate,
}
_NEEDED = ("groups", "rates", "weights")


@dataclass(slots=True)
class _Check:
    book: SchemeBook
    places: Mapping[str, Sequence[Where]]
    found: list[Finding] = field(default_factory=list)

    def rows(self, table: str) -> Iterator[tuple[Where, dict[str, Any]]]:
        given = self.places.get(table)
        for at, row in enumerate(self.book.rows(table)):
            yield given[at] if given else Where(sheet=table, row=at + 1), row

    def add(self, severity: Severity, code: str, where: Where, **params: object) -> None:
        self.found.append(Finding(code, severity, where, params))

    def error(self, code: str, where: Where, column: str | None = None, **params: object) -> None:
        place = Where(where.file, where.sheet, where.row, column or where.column)
        self.add(Severity.ERROR, code, place, **params)


def check_apg(
    book: SchemeBook, places: Mapping[str, Sequence[Where]] | None = None
) -> list[Finding]:
    """Check an APG book.

    Errors: tables that contradict themselves or each other (a group or key that stands twice, an
    unknown group or word, a rate or weight out of bounds, weights that overlap or miss a group), a
    card that the engine does not understand. Warnings: codes that no code set has, groups that
    nothing leads to, diagnoses, procedures and fee classes that lead to no group.

    Args:
        book: a book of the family ``apg``.
        places: the place of each row by table, as an import knows it; else rows count from 1.
    """
    check = _Check(book, places or {})
    groups = {row["group"]: row["type"] for row in book.rows("groups")}
    _card(check)
    for table in _NEEDED:
        if not book.tables[table].num_rows:
            check.error("APG_TABLE_EMPTY", Where(sheet=table))
    _keys(check)
    _words(check)
    _groups(check, groups)
    _packaging(check)
    _rates(check)
    _weights(check, groups)
    _coverage(check, groups)
    return check.found


def _card(check: _Check) -> None:
    options = check.book.card.options
    for name, value in options.items():
        known = OPTIONS.get(name, ())
        # True equals 1 and False 0, but only the truth value itself is meant.
        if not any(value is k or (isinstance(k, str) and value == k) for k in known):
            shown = ", ".join(map(str, known)) or ", ".join(OPTIONS)
            check.error("APG_OPTION", Where(column=name), found=value, known=shown)
    if check.book.card.kinds != ("outpatient",):
        found = ", ".join(check.book.card.kinds)
        check.error("APG_KINDS", Where(column="kinds"), found=found)


def _keys(check: _Check) -> None:
    for table, columns in _KEYS.items():
        seen: set[tuple[object, ...]] = set()
        for where, row in check.rows(table):
            key = tuple(fold_code(row[c]) if c in _FOLDED else row[c] for c in columns)
            blank = all(part in ("", None) for part in key)
            # A row of items without any condition is the one for all other lines.
            if blank and table != "items":
                check.error("APG_KEY_BLANK", where, columns[0])
            elif key in seen:
                check.error("APG_KEY_TWICE", where, columns[0], found=_shown(key))
            seen.add(key)


def _words(check: _Check) -> None:
    for (table, column), words in _WORDS.items():
        for where, row in check.rows(table):
            if row[column] not in [word.value for word in words]:
                known = ", ".join(word.value for word in words if word.value)
                check.error("APG_WORD", where, column, found=row[column], known=known)


def _groups(check: _Check, groups: Mapping[str, str]) -> None:
    """Every group that a table names, and whether it is of a kind that the table may lead to."""
    medical = GroupType.MEDICAL
    for table in ("procedures", "diagnoses", "items", "packaging", "weights"):
        for where, row in check.rows(table):
            group = row["group"]
            if table == "packaging" and not group:
                continue
            if group not in groups:
                check.error("APG_GROUP_UNKNOWN", where, "group", found=group)
            elif table in ("procedures", "diagnoses", "items") and (
                (groups[group] == medical) is not (table == "diagnoses")
            ):
                check.error("APG_GROUP_TYPE", where, "group", found=group, type=groups[group])
    for where, row in check.rows("lists"):
        if row["kind"] == ListKind.GROUP and row["code"] not in groups:
            check.error("APG_GROUP_UNKNOWN", where, "code", found=row["code"])


def _packaging(check: _Check) -> None:
    for where, row in check.rows("packaging"):
        for visit in row["visit"].split(SEPARATOR) if row["visit"] else ():
            if visit not in [kind.value for kind in VisitKind]:
                known = ", ".join(VisitKind)
                check.error("APG_WORD", where, "visit", found=visit, known=known)
        if row["type"] and row["type"] not in [t.value for t in GroupType]:
            known = ", ".join(GroupType)
            check.error("APG_WORD", where, "type", found=row["type"], known=known)
        if row["sort"] is None:
            check.error("APG_KEY_BLANK", where, "sort")
        low, high = row["amount_from"], row["amount_below"]
        if low is not None and high is not None and low >= high:
            check.error("APG_AMOUNTS", where, "amount_from", low=low, high=high)


def _rates(check: _Check) -> None:
    for where, row in check.rows("rates"):
        share = row["share"]
        if share is None or not 0 <= share <= HIGHEST_SHARE:
            check.error("APG_SHARE", where, "share", found=share, highest=HIGHEST_SHARE)
        if row["rate"] != Rate.REPEAT and row["type"] != GroupType.PROCEDURE:
            check.error(
                "APG_WORD", where, "type", found=row["type"], known=GroupType.PROCEDURE.value
            )
        elif row["type"] not in [t.value for t in GroupType]:
            check.error("APG_WORD", where, "type", found=row["type"], known=", ".join(GroupType))
    named = {row["rate"] for row in check.book.rows("rates")}
    for rate in (Rate.FIRST, Rate.FURTHER, *MODIFIER_RATES):
        if rate.value not in named:
            check.error("APG_RATE_MISSING", Where(sheet="rates"), rate=rate.value)


def _weights(check: _Check, groups: Mapping[str, str]) -> None:
    spans: dict[str, list[tuple[date, date, Where]]] = {}
    for where, row in check.rows("weights"):
        weight = row["weight"]
        if weight is None or not 0 <= weight < HIGHEST_WEIGHT:
            check.error("APG_WEIGHT", where, "weight", found=weight, highest=HIGHEST_WEIGHT)
        start, end = row["valid_from"] or date.min, row["valid_to"] or date.max
        if start >= end:
            check.error("APG_VALIDITY", where, "valid_to", start=start, end=end)
        spans.setdefault(row["group"], []).append((start, end, where))
    for group, of in spans.items():
        of.sort(key=lambda span: span[:2])
        for (_, before, _), (start, _, where) in pairwise(of):
            if start < before:
                check.error("APG_WEIGHT_OVERLAP", where, "valid_from", group=group)
    for period in periods(check.book.rows("weights")):
        lacking = [group for group in groups if group not in period.weights]
        if period.weights and lacking:
            start = period.start.isoformat() if period.start else "…"
            shown = ", ".join(lacking[:5])
            where = Where(sheet="weights")
            check.error("APG_WEIGHT_MISSING", where, count=len(lacking), groups=shown, start=start)


def _coverage(check: _Check, groups: Mapping[str, str]) -> None:
    """Codes that are not known, and what is known and leads nowhere."""
    card = check.book.card
    for table, set_id in (
        ("procedures", card.procedure_code_set),
        ("diagnoses", card.diagnosis_code_set),
    ):
        try:
            known = sorted(code_set(set_id).folded)
        except CodebookError as error:
            check.error("APG_CODE_SET", Where(column=table), found=set_id, reason=error.code)
            continue
        rows = list(check.rows(table))
        beginnings = fold_codes([row["code"] for _, row in rows])
        for (where, row), beginning in zip(rows, beginnings, strict=True):
            at = bisect_left(known, beginning)
            if at == len(known) or not known[at].startswith(beginning):
                check.add(
                    Severity.WARNING, "APG_CODE_UNKNOWN", where, found=row["code"], set=set_id
                )
        held = set(beginnings)
        lengths = sorted(set(map(len, held)))
        count = sum(not any(code[:n] in held for n in lengths) for code in known)
        if count:
            params = {"count": count, "set": set_id}
            check.add(Severity.WARNING, "APG_CODES_OPEN", Where(sheet=table), **params)
    classes = {row["line_class"] for row in check.book.rows("items") if not row["code"]}
    lacking = [c for c in FEE_CLASSES if c not in classes] if "" not in classes else []
    if lacking:
        params = {"classes": ", ".join(lacking)}
        check.add(Severity.WARNING, "APG_CLASSES_OPEN", Where(sheet="items"), **params)
    used = Counter(
        row["group"] for t in ("procedures", "diagnoses", "items") for row in check.book.rows(t)
    )
    for where, row in check.rows("groups"):
        if row["group"] in groups and not used[row["group"]]:
            check.add(Severity.WARNING, "APG_GROUP_UNUSED", where, group=row["group"])


def _shown(key: Iterable[object]) -> str:
    return " / ".join(str(part) for part in key if part not in ("", None))
