"""Scores in words: figures as people read them, and a back-test in lines for a terminal."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from codebooks.messages import catalogue, text
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NOTHING = "—"
_SMALL, _TINY = 100.0, 10.0
_LINES_MOST = 12


def say(lang: str, key: str, **params: object) -> str:
    """A text of the evaluation."""
    return text(f"forecast_evaluation.{key}", lang, **params)


def number(value: float | None) -> str:
    """A count, an error or a mean: three figures or whole ones, thousands apart."""
    if value is None:
        return NOTHING
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    places = 0 if size >= _SMALL else 1 if size >= _TINY else 2
    return f"{value:,.{places}f}"


def tick(value: float) -> str:
    """A number beside an axis."""
    told = number(value)
    return told.rstrip("0").rstrip(".") if "." in told else told


def percent(value: float | None, places: int = 1) -> str:
    """A share as percent."""
    return NOTHING if value is None else f"{value * 100:,.{places}f}%"


def best(scores: Mapping[str, Any]) -> tuple[str, float] | None:
    """The baseline that errs least, and its mean absolute error."""
    known = {
        name: float(one["mae"])
        for name, one in scores["baselines"].items()
        if one["mae"] is not None
    }
    if not known:
        return None
    name = min(known, key=lambda one: (known[one], one))
    return name, known[name]


def margin(scores: Mapping[str, Any], name: str | None = None) -> str:
    """By how much the model beats a baseline, with its bounds.

    Args:
        scores: of a measure.
        name: of the baseline; None: of the best one.
    """
    chosen = best(scores)
    key = name or (chosen[0] if chosen else "")
    found = scores.get("margins", {}).get(key)
    if found is None or found[0] is None:
        return NOTHING
    value, low, high = found
    if low is None:
        return f"{value * 100:+.1f}%"
    return f"{value * 100:+.1f}% [{low * 100:+.1f}, {high * 100:+.1f}]"


def baseline(lang: str, name: str) -> str:
    """A baseline's name."""
    return say(lang, f"baseline_{name}")


def reason(lang: str, one: Mapping[str, Any]) -> str:
    """A reason with its code."""
    words = catalogue(lang).get(f"reason.{one['code']}") or one["words"]
    return f"{words} ({one['code']})" if words else str(one["code"])


def lines(document: Mapping[str, Any], lang: str) -> list[str]:
    """A back-test in lines.

    Args:
        document: as :meth:`grouper.forecast.evaluation.evaluation.Evaluation.document` gives it.
        lang: of the words.
    """
    return list(_lines(document, lang, partial(say, lang)))


def _lines(document: Mapping[str, Any], lang: str, t: Any) -> Iterator[str]:  # noqa: ANN401 -- a partial
    origins, overall = document["origins"], document["overall"]
    yield t("title", model=document["model"])
    yield t(
        "span",
        origins=len(origins),
        first=origins[0]["origin"],
        last=origins[-1]["tested_until"],
        stays=number(overall["stays"]),
        snapshots=number(overall["snapshots"]),
    )
    for measure in MEASURES:
        if not any(row[measure]["scored"] for row in document["by_day"]):
            continue
        yield ""
        yield t(f"table_{measure}")
        yield from table(_measure_rows(document, measure, lang))
    yield ""
    yield t("table_group")
    yield from table(_group_rows(document["by_day"], lang))
    yield ""
    yield t("table_department")
    yield from table(_department_rows(document, lang))
    for key in ("refused", "unpriced"):
        if document[key]:
            told = t("comma").join(f"{reason(lang, one)} {one['count']}" for one in document[key])
            yield t(key, reasons=told)
    yield t("margin_note", inside=percent(document["judging"]["inside"], 0))
    if document["drift"]:
        drift = document["drift"]
        yield ""
        yield drift_head(lang, drift)
        yield from (f"  {one['words']}" for one in drift["findings"])


def drift_head(lang: str, drift: Mapping[str, Any]) -> str:
    """What a drift watch found, in one sentence."""
    key = "drift_found" if drift["findings"] else "drift_none"
    return say(
        lang,
        key,
        first=drift["first"],
        last=drift["last"],
        count=len(drift["findings"]),
        watched=drift["watched"],
    )


def _measure_rows(document: Mapping[str, Any], measure: str, lang: str) -> list[list[str]]:
    heads = ("day", "cases", "mae", "best", "best_mae", "margin", "coverage", "width")
    found = [[say(lang, f"column_{head}") for head in heads]]
    rows = [(str(row["day"]), row) for row in document["by_day"]]
    for label, row in [*rows, (say(lang, "all"), document["overall"])]:
        scores = row[measure]
        chosen = best(scores)
        found.append(
            [
                label,
                number(scores["scored"]),
                number(scores["mae"]),
                baseline(lang, chosen[0]) if chosen else NOTHING,
                number(chosen[1]) if chosen else NOTHING,
                margin(scores),
                percent(scores["coverage"]),
                number(scores["width"]),
            ]
        )
    return found


def _group_rows(rows: Sequence[Mapping[str, Any]], lang: str) -> list[list[str]]:
    heads = ("day", "cases", "top1", "bare", "difference", "top3", "adrg", "adrg_bare")
    found = [[say(lang, f"column_{head}") for head in (*heads, "loss", "bare_loss")]]
    for row in rows:
        own = row["group"]
        found.append(
            [
                str(row["day"]),
                number(own["scored"]),
                percent(own["group"]["top1"]),
                percent(own["group"]["bare"]),
                points(own),
                percent(own["group"]["top3"]),
                percent(own["adrg"]["top1"]),
                percent(own["adrg"]["bare"]),
                number(own["loss"]),
                number(own["bare_loss"]),
            ]
        )
    return found


def points(scores: Mapping[str, Any], level: str = "group") -> str:
    """By how many percentage points the likeliest group is right more often than the bare answer."""
    found = scores.get("margins", {}).get(level)
    if found is None or found[0] is None:
        return NOTHING
    value, low, high = (None if one is None else one * 100 for one in found)
    return f"{value:+.1f}" if low is None else f"{value:+.1f} [{low:+.1f}, {high:+.1f}]"


def _department_rows(document: Mapping[str, Any], lang: str) -> list[list[str]]:
    heads = ("department", "stays", "cost_mae", "margin", "coverage", "amount_mae", "top1", "bare")
    rows = [
        [
            row["key"],
            number(row["stays"]),
            number(row["cost"]["mae"]),
            margin(row["cost"]),
            percent(row["cost"]["coverage"]),
            number(row["amount"]["mae"]),
            percent(row["group"]["group"]["top1"]),
            percent(row["group"]["group"]["bare"]),
        ]
        for row in document["by_department"][:_LINES_MOST]
    ]
    return [[say(lang, f"column_{head}") for head in heads], *rows]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns; Chinese characters take two places.

    Args:
        rows: the first is the head; columns but the first stand to the right.
    """
    widths = [max(cell_len(row[place]) for row in rows) for place in range(len(rows[0]))]
    found = []
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - cell_len(cell))
            cells.append(cell + blank if place == 0 else blank + cell)
        found.append("  ".join(cells).rstrip())
    return found
