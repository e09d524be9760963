"""A comparison as one HTML page that needs nothing else."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from codebooks.messages import text
from grouper.compare.words import (
    difference,
    findings,
    number,
    percent,
    points,
    reason_words,
    say,
    side_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOWN = 25
"""Rows of a table that stand open on the page; the rest can be unfolded."""
MOST = 1000
"""The most rows of a table on the page; the CSV and JSON reports hold all."""
_KINDS = ("unchanged", "renamed", "split", "merged", "split_merged", "left", "new", "minor")


@cache
def templates() -> Environment:
    """The templates of this room."""
    return Environment(
        loader=PackageLoader("grouper.compare", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(plain: Mapping[str, Any], lang: str) -> str:
    """The page of a report (:func:`grouper.compare.document.document`) in one language."""
    template = templates().get_template("report.html")
    return template.render(
        **{name: part for name, part in plain.items() if name not in ("from", "to")},
        **tools(lang),
        first=plain["from"],
        second=plain["to"],
        lines=list(findings(plain, lang)),
        view=_view(plain),
    )


def tools(lang: str) -> dict[str, Any]:
    """What templates call: words and forms of numbers."""
    return {
        "lang": lang,
        "t": partial(say, lang),
        "words": lambda key: text(key, lang),
        "reason_words": partial(reason_words, lang),
        "side_name": lambda side: side_name(side, lang),
        "pct": percent,
        "pts": points,
        "num": number,
        "change": difference,
        "shown": SHOWN,
        "most": MOST,
    }


def _view(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Selections that the page makes from the report."""
    first, second = plain["groups"]["from"], plain["groups"]["to"]
    totals = [t for end in ("from", "to") for t in plain["weights"][end].values()]
    return {
        "split": [g for g in first if g["kind"] in ("split", "split_merged")],
        "merged": [g for g in second if g["kind"] in ("merged", "split_merged")],
        "renamed": [g for g in first if g["kind"] == "renamed"],
        "lost": _outside(first),
        "gained": _outside(second),
        "kinds": [k for k in _KINDS if any(k in plain["kinds"][end] for end in ("from", "to"))],
        "several": any(len(plain[end]["schemes"]) > 1 for end in ("from", "to")),
        "weighed": any(total["weighed"] for total in totals),
    }


def _outside(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups with cases in no group on the other side, those with most of them first."""
    found = [group for group in groups if group["cases_outside"]]
    return sorted(found, key=lambda group: -int(group["cases_outside"]))
