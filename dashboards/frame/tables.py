"""Tables on a page and in a file: headings in words, numbers as numbers, each in its own form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import text
from codebooks.strict_csv import read_rows
from dashboards.frame.figures import NONE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

_DAY = "day"


@dataclass(frozen=True, slots=True)
class Form:
    """How numbers of one kind are written.

    Attributes:
        name: such as ``yuan``; its unit in words is ``unit.<name>``.
        page: format of Streamlit; empty: words, or days.
        sheet: format of Excel.
        width: of the column in Excel, in characters.
        step: the smallest difference that is written on the page; nought: as it comes.
    """

    name: str
    page: str
    sheet: str
    width: int
    step: float


@cache
def forms() -> Mapping[str, Form]:
    """The form of each column, from ``data/columns.csv`` and ``data/forms.csv``.

    Raises:
        CodebookError: a table is not as it should be.
    """
    folder = files("dashboards") / "data"
    with as_file(folder / "forms.csv") as path:
        known = {
            row.cells["form"]: Form(
                row.cells["form"],
                row.cells["page"],
                row.cells["sheet"],
                int(row.cells["width"]),
                float(row.cells["step"]),
            )
            for row in read_rows(path, ("form", "page", "sheet", "width", "step"))
        }
    with as_file(folder / "columns.csv") as path:
        return {
            row.cells["column"]: known[row.cells["form"]]
            for row in read_rows(path, ("column", "form"))
        }


def heading(column: str, lang: str) -> str:
    """The heading of a column with its unit."""
    unit = text(f"unit.{forms()[column].name}", lang)
    name = text(f"fact.{column}", lang)
    return text("table_heading", lang, name=name, unit=unit) if unit else name


def table(
    shown: pa.Table, lang: str, *, columns: Sequence[str], key: str | None = None
) -> list[int]:
    """Show a table.

    Args:
        shown: with these columns.
        lang: ``zh`` or ``en``.
        columns: which of them, in this order.
        key: makes rows choosable, one at a time; None: it is only to be read.

    Returns:
        Numbers of the rows chosen.
    """
    config: dict[str, Any] = {}
    for name in columns:
        form, title = forms()[name], heading(name, lang)
        if form.name == "link":
            words = text("table.open", lang)
            config[name] = st.column_config.LinkColumn(title, display_text=words)
        elif form.page:
            config[name] = st.column_config.NumberColumn(
                title, format=form.page, step=form.step or None
            )
        elif form.name == _DAY:
            config[name] = st.column_config.DateColumn(title, format="YYYY-MM-DD")
        else:
            config[name] = st.column_config.TextColumn(title)
    chosen: Any = st.dataframe(
        shown.select(list(columns)),
        column_config=config,
        hide_index=True,
        width="stretch",
        placeholder=NONE,
        key=key,
        on_select="rerun" if key else "ignore",
        selection_mode="single-row",
    )
    return list(chosen.selection.rows) if key else []


def named(shown: pa.Table, lang: str, *, columns: Sequence[str]) -> pa.Table:
    """The columns under their headings, for the table beside a chart."""
    return shown.select(list(columns)).rename_columns([heading(one, lang) for one in columns])
