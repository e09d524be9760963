"""Indices as a document, as text and as rows of a table."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import language, text
from grouper.payment.settlement.document import named, sums_document
from grouper.payment.words import shown

if TYPE_CHECKING:
    from grouper.payment.indices.table import Indices, Row

COUNTS = ("cases", "groups", "weighed", "costed", "stayed", "deaths")
LOW_RISK = ("low_risk_cases", "low_risk_deaths", "low_risk_mortality")
FIGURES = (
    *("total_weight", "cmi", "mean_cost", "mean_days", "cost_index", "time_index"),
    "mortality",
)
MONEY = ("amount", "fund", "booked", "surplus")
_WHOLE = ("known", "losing")
_RATES = ("mortality", "low_risk_mortality")


def document(found: Indices, lang: str | None = None) -> dict[str, Any]:
    """The indices as plain values; numbers that are no counts are texts."""
    lang = lang or language()
    return {
        "language": lang,
        "axis": found.axis,
        "whole": _row(found.whole, None, lang),
        "rows": [_row(row, found.axis, lang) for row in found.rows],
        "mean_sources": dict(sorted(found.sources.items())),
        "low_risk_groups": found.low_risk,
        "low_risk_estimated": found.estimated,
        "shares": list(found.shares),
        "assumptions": list(found.assumptions),
    }


def lines(told: dict[str, Any]) -> list[str]:
    """The indices in words: all together, then a line for each value of the axis."""
    lang = told["language"]
    whole = told["whole"]
    rows = [say(lang, "title"), say(lang, "cases", **_words(whole))]
    rows += [f"  {column(name, lang)} {_shown(whole, name)}" for name in FIGURES]
    low = "low_estimated" if told["low_risk_estimated"] else "low_listed"
    rows.append("  " + say(lang, low, **{**_words(whole), "groups": told["low_risk_groups"]}))
    for name in told["shares"]:
        share = whole["shares"][name]
        rows.append(f"  {column(name, lang)} {_percent(share)}")
    rows.append("  " + say(lang, "surplus", **_words(whole)))
    sources = ", ".join(
        f"{say(lang, f'source_{name}')} {count}" for name, count in told["mean_sources"].items()
    )
    rows.append("  " + say(lang, "sources", sources=sources or "—"))
    if told["axis"]:
        rows += ["", say(lang, f"by_{told['axis']}")]
        rows += ["  " + say(lang, "row", **_words(row)) for row in told["rows"]]
    if told["assumptions"]:
        rows += ["", say(lang, "assumptions", paths=", ".join(told["assumptions"]))]
    return rows


def header(told: dict[str, Any]) -> list[str]:
    """The names of the columns of :func:`table`."""
    lang = told["language"]
    names = (*COUNTS, *FIGURES, *LOW_RISK, *told["shares"], "billed", *_WHOLE, *MONEY)
    return [say(lang, "key"), say(lang, "name"), *(column(name, lang) for name in names)]


def table(told: dict[str, Any]) -> list[list[str]]:
    """A row for each value of the axis, then one for all together; amounts as texts."""
    lang = told["language"]
    found = []
    for row in (*told["rows"], told["whole"]):
        sums = row["sums"]
        cells = [row[name] for name in (*COUNTS, *FIGURES, *LOW_RISK)]
        cells += [row["shares"][name] for name in told["shares"]]
        cells += [row["billed"], *(sums[name] for name in (*_WHOLE, *MONEY))]
        key = row["key"] if row is not told["whole"] else say(lang, "all")
        label = row["name"] if row is not told["whole"] else ""
        written = ["" if one is None else str(one) for one in cells]
        found.append([key or "", label, *written])
    return found


def column(name: str, lang: str) -> str:
    """What a column is called."""
    return say(lang, f"column.{name}")


def say(lang: str, key: str, **params: object) -> str:
    """A text of the indices."""
    return text(f"indices.{key}", lang, **params)


def _row(row: Row, axis: str | None, lang: str) -> dict[str, Any]:
    found: dict[str, Any] = {"key": row.key, "name": row.name or named(axis or "", row.key, lang)}
    found |= {name: getattr(row, name) for name in (*COUNTS, *LOW_RISK[:2])}
    for name in (*FIGURES, LOW_RISK[2], "billed"):
        found[name] = _text(getattr(row, name))
    found["shares"] = {name: _text(value) for name, value in row.shares.items()}
    found["sums"] = sums_document(row.sums)
    return found


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _shown(row: dict[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "—"
    if name in _RATES:
        return _percent(value)
    return shown(Decimal(value)) if isinstance(value, str) else f"{value:,}"


def _percent(value: str | None) -> str:
    return "—" if value is None else f"{(Decimal(value) * 100).normalize():f}%"


def _words(row: dict[str, Any]) -> dict[str, str]:
    found = {name: _shown(row, name) for name in (*COUNTS, *FIGURES, *LOW_RISK)}
    sums = row["sums"]
    found |= {name: "—" if sums[name] is None else shown(Decimal(sums[name])) for name in MONEY}
    found |= {name: f"{sums[name]:,}" for name in _WHOLE}
    key, name = row["key"] or "", row["name"]
    return found | {"label": name if name == key else f"{key} {name}".strip()}
