"""What a priced table comes to, counted: by method, by reason, in sums."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from codebooks.messages import text
from grouper.payment.result import PayStatus
from grouper.payment.words import advice_text, reason_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

_PRICED = frozenset({"patient"})
"""Summed over priced cases alone: what the patient of an unpriced one pays belongs to no sum here."""
_SUMS = ("total_cost", "amount", "patient", "fund", "surplus")


def tally(priced: pa.Table, lang: str | None = None) -> list[str]:
    """Lines of text: how many cases were priced how, why others were not, and the sums in yuan.

    Args:
        priced: as :func:`grouper.payment.run.price_table` gives it.
        lang: of the words.
    """
    statuses = _counts(priced, "pay_status")
    done = statuses[PayStatus.PRICED.value]
    rows = [text("price_cli.cases", lang, count=priced.num_rows, priced=done)]
    for method, count in _counts(priced, "method").most_common():
        if method:
            name = text(f"pay.method.{method}", lang)
            rows.append("  " + text("price_cli.method", lang, name=name, count=count))
    for reason, count in _counts(priced, "pay_reason").most_common():
        if reason:
            words = reason_text(reason, lang)
            rows.append("  " + text("price_cli.reason", lang, code=reason, text=words, count=count))
            rows.append("    " + advice_text(reason, lang))
    paid = priced.filter(pc.equal(priced.column("pay_status"), PayStatus.PRICED.value))
    unknown = paid.filter(pc.is_null(paid.column("fund")))
    for reason, count in _counts(unknown, "share_reason").most_common():
        if reason:
            words = reason_text(reason, lang)
            rows.append(
                "  " + text("price_cli.unknown", lang, code=reason, text=words, count=count)
            )
            rows.append("    " + advice_text(reason, lang))
    return rows + [_sum(paid if name in _PRICED else priced, name, lang) for name in _SUMS]


def noted(issues: Iterable[pa.Table], lang: str | None = None) -> list[str]:
    """What a reader had to say of the values of a file, counted by reason.

    Args:
        issues: as ``ISSUE_SCHEMA``.
        lang: of the words.
    """
    counts: Counter[str] = Counter()
    for table in issues:
        counts.update(table.column("reason").to_pylist())
    return [
        text("price_cli.noted", lang, code=code, text=reason_text(code, lang), count=count)
        for code, count in counts.most_common()
    ]


def _sum(priced: pa.Table, name: str, lang: str | None) -> str:
    """A sum in yuan, with the cases that know the amount where others do not."""
    label = text(f"price_cli.sum_{name}", lang)
    column = priced.column(name)
    known = len(column) - column.null_count
    if not known:
        return text("price_cli.sum_unknown", lang, name=label)
    value = shown(pc.sum(column).as_py())
    if column.null_count:
        return text("price_cli.sum_partly", lang, name=label, value=value, count=known)
    return text("price_cli.sum", lang, name=label, value=value)


def _counts(priced: pa.Table, name: str) -> Counter[str]:
    column = priced.column(name).combine_chunks()
    counted = pc.value_counts(
        column.dictionary_decode() if hasattr(column, "dictionary") else column
    )
    return Counter({one["values"] or "": one["counts"] for one in counted.to_pylist()})
