"""A screening in words: what was found by class, level and rule, the dearest, and what was not asked."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from codebooks.messages import text
from grouper.audit.words import LEVELS, document, level_words, lines, not_run_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from codebooks.audit.books import AuditBook
    from grouper.audit.screening import Screened

DEAREST = 5
"""So many findings are told whole."""
_OTHER_GAPS = {"lines_sign", "lines_refund_alone", "lines_of_other_cases", "lines_before_book"}


def document_of(
    screened: Screened, left_out: Mapping[str, int], book: AuditBook, lang: str | None
) -> dict[str, Any]:
    """A screening for JSON.

    Args:
        screened: what was found.
        left_out: records that were not read, by the reason.
        book: the rule book.
        lang: language; None: that of the process.
    """
    found = screened.audited
    return {
        "book": book.id,
        "content_sha256": book.content_sha256,
        "counts": dict(found.counts),
        "left_out": dict(left_out),
        "findings": [document(row, book, lang) for row in found.findings.to_pylist()],
        "not_run": [
            {
                "rule": one.rule,
                "reason": one.reason,
                "missing": list(one.missing),
                "words": not_run_words(one, book, lang),
            }
            for one in found.not_run
        ],
        "not_asked": [
            {"rule": one.rule, "row": one.row, "words": one.missing(lang)}
            for one in screened.unasked
        ],
    }


def told(
    screened: Screened, left_out: Mapping[str, int], book: AuditBook, lang: str | None
) -> list[str]:
    """A screening as lines of text; the arguments are those of :func:`document_of`."""
    found = screened.audited
    return [
        *found_lines(found.findings, found.counts, left_out, book, lang),
        *_gaps(found.counts, lang),
        *_not_run(screened, book, lang),
    ]


def found_lines(
    findings: pa.Table,
    counts: Mapping[str, int],
    left_out: Mapping[str, int],
    book: AuditBook,
    lang: str | None,
) -> list[str]:
    """What was found: in all, by class and level, by rule, and the dearest whole.

    Args:
        findings: columns of ``FINDING_SCHEMA``.
        counts: of :class:`grouper.audit.engine.Audited`.
        left_out: records that were not read, by the reason.
        book: the rule book.
        lang: language; None: that of the process.
    """
    rows = findings.select(["rule", "level", "amount"]).to_pylist()
    summary = _say(
        "summary",
        lang,
        cases=counts["cases"],
        lines=counts.get("lines", 0),
        findings=len(rows),
        levels=_levels(rows, lang) or "0",
        amount=_sum(rows),
    )
    left = [
        _say("left_out", lang, count=count, why=text(f"audit_left.{why}", lang))
        for why, count in left_out.items()
    ]
    if not rows:
        return [summary, *left, _say("nothing", lang)]
    return [
        summary,
        *left,
        *_by_class(rows, book, lang),
        *_by_rule(rows, book, lang),
        *dearest(findings, book, lang),
    ]


def dearest(findings: pa.Table, book: AuditBook, lang: str | None) -> list[str]:
    """The findings with the greatest amounts at stake, whole, with their evidence."""
    order = pc.sort_indices(findings, [("amount", "descending"), ("finding", "ascending")])
    rows = findings.take(order[:DEAREST]).to_pylist()
    said = ["", _say("dearest", lang, count=len(rows))]
    for row in rows:
        said += [*lines(row, book, lang), ""]
    return said


def _levels(rows: Sequence[Mapping[str, Any]], lang: str | None) -> str:
    counted = Counter(row["level"] for row in rows)
    named = [
        _say("level_count", lang, level=level_words(one, lang), count=counted[one])
        for one in LEVELS
        if counted[one]
    ]
    return text("audit_words.separator", lang).join(named)


def _by_class(rows: Sequence[Mapping[str, Any]], book: AuditBook, lang: str | None) -> list[str]:
    """One line for each class of rules that found something, in the order of the book."""
    own: dict[str, list[Mapping[str, Any]]] = {}
    for rule in book.rules.values():
        own.setdefault(rule.class_, [])
    for row in rows:
        own[book.rules[row["rule"]].class_].append(row)
    return [
        _say(
            "by_class",
            lang,
            name=text(f"audit_class.{name}", lang),
            count=len(found),
            levels=_levels(found, lang),
            amount=_sum(found),
        )
        for name, found in own.items()
        if found
    ]


def _by_rule(rows: Sequence[Mapping[str, Any]], book: AuditBook, lang: str | None) -> list[str]:
    said = []
    for key, count in sorted(Counter(row["rule"] for row in rows).items()):
        amount = _sum([row for row in rows if row["rule"] == key])
        name = book.rules[key].name(lang)
        said.append(_say("by_rule", lang, rule=key, name=name, count=count, amount=amount))
    return said


def _sum(rows: Sequence[Mapping[str, Any]]) -> Decimal:
    return sum((row["amount"] for row in rows), Decimal("0.00"))


def _gaps(counts: Mapping[str, int], lang: str | None) -> list[str]:
    said = [
        _say("gap", lang, what=text(f"audit_gap.{name}", lang), count=count)
        for name, count in counts.items()
        if count and (name.startswith(("cases_without_", "lines_no_")) or name in _OTHER_GAPS)
    ]
    return [_say("gaps_title", lang), *said] if said else []


def _not_run(screened: Screened, book: AuditBook, lang: str | None) -> list[str]:
    said = [not_run_words(one, book, lang) for one in screened.audited.not_run]
    rows = Counter(one.rule for one in screened.unasked)
    said += [
        _say("not_asked", lang, rule=rule, name=book.rules[rule].name(lang), count=count)
        for rule, count in sorted(rows.items())
    ]
    return [_say("not_run_title", lang, count=len(said)), *said] if said else []


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"audit_words.{key}", lang, **params)
