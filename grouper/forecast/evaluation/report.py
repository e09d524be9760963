"""A back-test as one HTML page that needs nothing else: tables, charts as SVG, no script."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from grouper.forecast.evaluation import words
from grouper.forecast.evaluation.charts import Line, diagonal_chart, line_chart
from grouper.forecast.evaluation.judged import NAMED
from grouper.forecast.result import MEASURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

SHOWN = 15
"""Rows of a table that stand open; the rest can be unfolded."""
_CHARTED = ("cost", "amount", "los", "surplus")
_BAND = 0.02
"""A coverage within two points of its level is shown as good."""


@cache
def templates() -> Environment:
    """The templates of this room."""
    return Environment(
        loader=PackageLoader("grouper.forecast.evaluation", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(document: Mapping[str, Any], lang: str) -> str:
    """The page of a back-test.

    Args:
        document: as :meth:`grouper.forecast.evaluation.evaluation.Evaluation.document` gives it.
        lang: of the words.
    """
    return (
        templates()
        .get_template("report.html")
        .render(
            d=document,
            lang=lang,
            t=partial(words.say, lang),
            num=words.number,
            pct=words.percent,
            best=words.best,
            margin=words.margin,
            points=words.points,
            baseline=partial(words.baseline, lang),
            reason=partial(words.reason, lang),
            drift_head=partial(words.drift_head, lang),
            measures=_measured(document),
            shown=SHOWN,
            charts=_charts(document, lang),
        )
    )


def _measured(document: Mapping[str, Any]) -> list[str]:
    """The measures that anything is said about."""
    return [measure for measure in MEASURES if document["overall"][measure]["scored"]]


def _charts(document: Mapping[str, Any], lang: str) -> dict[str, list[tuple[str, Markup]]]:
    """Titles and charts by section."""
    t = partial(words.say, lang)
    rows = document["by_day"]
    days = [str(row["day"]) for row in rows]
    measures = _measured(document)
    by_day = []
    for measure in [one for one in _CHARTED if one in measures]:
        names = list(document["overall"][measure]["baselines"])
        drawn = [
            Line(
                words.baseline(lang, name),
                [_of(row[measure]["baselines"], name) for row in rows],
                number + 1,
            )
            for number, name in enumerate(names)
        ]
        drawn.append(Line(t("model"), [row[measure]["mae"] for row in rows]))
        chart = line_chart(days, drawn, below=t("column_day"), form=words.tick)
        by_day.append((t("chart_error", measure=t(f"measure_{measure}")), chart))
    by_day.append((t("chart_top1"), _top1(rows, days, lang)))
    return {
        "by_day": by_day,
        "coverage": [(t("chart_coverage"), _coverage(document, days, lang))],
        "reliability": _reliability(document, lang),
        "quantiles": _quantiles(document, lang),
        "parts": _parts(document, lang),
    }


def _of(baselines: Mapping[str, Any], name: str) -> float | None:
    found: float | None = baselines.get(name, {}).get("mae")
    return found


def _top1(rows: list[dict[str, Any]], days: list[str], lang: str) -> Markup:
    t = partial(words.say, lang)
    drawn = [
        Line(t(f"{level}_{what}"), [row["group"][level][key] for row in rows], look)
        for level, what, key, look in (
            ("adrg", "bare", "bare", 2),
            ("group", "bare", "bare", 1),
            ("adrg", "model", "top1", 3),
            ("group", "model", "top1", 0),
        )
    ]
    form = partial(words.percent, places=0)
    return line_chart(days, drawn, below=t("column_day"), form=form)


def _coverage(document: Mapping[str, Any], days: list[str], lang: str) -> Markup:
    t = partial(words.say, lang)
    rows = document["by_day"]
    level = document["overall"]["cost"]["level"]
    drawn = [
        Line(t(f"measure_{measure}"), [row[measure]["coverage"] for row in rows], look)
        for look, measure in enumerate(_measured(document))
    ]
    band = (level - _BAND, min(level + _BAND, 1.0)) if level else None
    form = partial(words.percent, places=0)
    return line_chart(
        days, drawn, below=t("column_day"), form=form, floor_=None, target=level, band=band
    )


def _reliability(document: Mapping[str, Any], lang: str) -> list[tuple[str, Markup]]:
    t = partial(words.say, lang)
    found = []
    for level in NAMED:
        own = document["reliability"][level]
        points = [(b["probability"], b["right"], b["forecasts"]) for b in own["bins"]]
        chart = diagonal_chart(
            points,
            below=t("axis_probability"),
            beside=t("axis_right"),
            form=partial(words.percent, places=0),
            whole=(0.0, 1.0),
        )
        title = t("chart_reliability", level=t(f"level_{level}"), error=words.percent(own["error"]))
        found.append((title, chart))
    return found


def _quantiles(document: Mapping[str, Any], lang: str) -> list[tuple[str, Markup]]:
    t = partial(words.say, lang)
    found = []
    for measure in _measured(document):
        points = [(p["nominal"], p["observed"], 1.0) for p in document["quantiles"][measure]]
        chart = diagonal_chart(
            points,
            below=t("axis_nominal"),
            beside=t("axis_observed"),
            form=partial(words.percent, places=0),
            whole=(0.0, 1.0),
        )
        found.append((t(f"measure_{measure}"), chart))
    return found


def _parts(document: Mapping[str, Any], lang: str) -> list[tuple[str, Markup]]:
    t = partial(words.say, lang)
    found = []
    for measure in _measured(document):
        points = [(p["foretold"], p["came"], 1.0) for p in document["parts"][measure]]
        chart = diagonal_chart(
            points, below=t("axis_foretold"), beside=t("axis_came"), form=words.tick
        )
        found.append((t(f"measure_{measure}"), chart))
    return found
