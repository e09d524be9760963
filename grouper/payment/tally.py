"""What a priced table comes to, counted: by method, by reason, in sums."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from codebooks.messages import text
from grouper.payment.result import PayStatus
from grouper.payment.words import reason_text, shown

if TYPE_CHECKING:
    import pyarrow as pa

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
    for name in _SUMS:
        total = pc.sum(priced.column(name)).as_py() or Decimal(0)
        label = text(f"price_cli.sum_{name}", lang)
        rows.append(text("price_cli.sum", lang, name=label, value=shown(total)))
    return rows


def _counts(priced: pa.Table, name: str) -> Counter[str]:
    column = priced.column(name).combine_chunks()
    counted = pc.value_counts(
        column.dictionary_decode() if hasattr(column, "dictionary") else column
    )
    return Counter({one["values"] or "": one["counts"] for one in counted.to_pylist()})
