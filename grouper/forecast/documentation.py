"""The tables of ``docs/FORECAST.md``: features, what is hidden, markers, reasons; from data and catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue
from grouper.forecast.result import ForecastReason
from grouper.forecast.tables import rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_NOTE = "made by grouper.forecast.documentation; a test holds the two equal"


def _table(heads: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    names = list(heads)
    found = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    found += [f"| {' | '.join(cells)} |" for cells in lines]
    return "\n".join(found) + "\n"


def features() -> str:
    """The features of a snapshot, and those of a likely group beside it."""
    words = {lang: catalogue(lang) for lang in ("zh", "en")}
    heads = ("feature", "中文", "part", "unit", "meaning")
    return _table(
        heads,
        (
            (
                f"`{row['feature']}`",
                words["zh"].get(f"feature.{row['feature']}", ""),
                row["part"],
                row["unit"],
                row["note"],
            )
            for row in (*rows("features.csv"), *rows("amount_features.csv"))
        ),
    )


def hidden() -> str:
    """Fields of the case that no snapshot has from the record."""
    return _table(("field", "why"), ((f"`{r['field']}`", r["why"]) for r in rows("hidden.csv")))


def marks() -> str:
    """By which codes and words a charge tells of an event."""
    return _table(
        ("event", "by", "value", "note"),
        ((r["marker"], r["holds"], f"`{r['value']}`", r["note"]) for r in rows("markers.csv")),
    )


def reasons() -> str:
    """Why there is no forecast, or why it is less sure."""
    zh, en = catalogue("zh"), catalogue("en")
    return _table(
        ("code", "中文", "处理", "meaning", "what to do"),
        (
            (
                f"`{code}`",
                *(words[f"{kind}.{code}"] for words in (zh, en) for kind in ("reason", "advice")),
            )
            for code in ForecastReason
        ),
    )


SECTIONS: dict[str, Callable[[], str]] = {
    "features": features,
    "hidden": hidden,
    "marks": marks,
    "reasons": reasons,
}
"""The sections of the page that are made, by the word in their marks."""


def render(page: str) -> str:
    """A page with its tables made anew.

    Args:
        page: Markdown that holds for each of :data:`SECTIONS` a beginning and an end mark.

    Raises:
        ValueError: a mark is missing.
    """
    for name, make in SECTIONS.items():
        start, end = f"<!-- {name}: {_NOTE} -->\n", f"<!-- end of {name} -->\n"
        before, found, rest = page.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(name)
        page = f"{before}{start}{make()}{end}{after}"
    return page


def write(path: Path) -> None:
    """Make the tables of a page anew.

    Raises:
        ValueError: as of :func:`render`.
    """
    path.write_text(render(path.read_text("utf-8")), "utf-8")
