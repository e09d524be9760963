"""A finding on codes or front page in words: what is wrong, where, why, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.audit.conditions import facts as known_facts
from codebooks.messages import catalogue, language, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from codebooks.audit.books import AuditBook

_ADVICE = "audit_coding.advice."
_KEYS = "audit_coding.key."


def describe(finding: Mapping[str, object], book: AuditBook, lang: str | None = None) -> str:
    """One finding on one line.

    Args:
        finding: a row of ``FINDING_SCHEMA``.
        book: the rule book it was found by.
        lang: language of the words.
    """
    lang = lang or language()
    return text(
        "audit_coding.layout",
        lang,
        level=text(f"audit_level.{finding['level']}", lang),
        rule=book.rules[str(finding["rule"])].name(lang),
        what=what(finding, book, lang),
        why=why(finding, lang),
        advice=advice(str(finding["rule"]), lang),
    )


def what(finding: Mapping[str, object], book: AuditBook, lang: str | None = None) -> str:
    """What is wrong: the words of the row, else those of the rule."""
    lang = lang or language()
    rows = _rows(book)
    row = rows.get(str(finding["row"]))
    return row[lang] if row else book.rules[str(finding["rule"])].name(lang)


def why(finding: Mapping[str, object], lang: str | None = None) -> str:
    """The evidence: each fact by its name, with its value."""
    lang = lang or language()
    evidence = finding["evidence"]
    told = evidence if isinstance(evidence, list) else []
    empty = text("audit_coding.empty", lang)
    parts = [
        text(
            "audit_coding.fact",
            lang,
            name=_name(str(one["key"]), lang),
            value=one["value"] or empty,
        )
        for one in told
    ]
    return text("audit_coding.between", lang).join(parts)


def advice(rule: str, lang: str | None = None) -> str:
    """What to do with a finding of a rule; the record is to be made true, never dearer."""
    lang = lang or language()
    key = _ADVICE + rule
    return text(key if key in catalogue(lang) else _ADVICE + "other", lang)


def knows(row: str | None, book: AuditBook) -> bool:
    """Whether a row of the book is a condition on the front page."""
    return row in _rows(book)


_Rows = dict[str, dict[str, str]]
_last: list[tuple[pa.Table, _Rows]] = []
"""The conditions that were asked for last, and their words: they are asked for with every finding."""


def _rows(book: AuditBook) -> Mapping[str, Mapping[str, str]]:
    table = book.tables["front_page"]
    if not _last or _last[0][0] is not table:
        _last[:] = [(table, _read_rows(table))]
    return _last[0][1]


def _read_rows(table: pa.Table) -> _Rows:
    columns: Iterable[tuple[str, str, str]] = zip(
        *(table.column(name).to_pylist() for name in ("row", "zh", "en")), strict=True
    )
    return {row: {"zh": zh, "en": en} for row, zh, en in columns}


def _name(key: str, lang: str) -> str:
    fact = known_facts().get(key)
    if fact is not None:
        return fact.names[lang]
    return text(_KEYS + key, lang)
