"""Tables of the audit's pages: titles from the catalogue, figures at the right, one page of rows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboards.frame.language import say
from grouper.case.dates import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_MONEY = pa.decimal128(18, 2)
_TYPES = {
    "text": pa.string(),
    "count": pa.int64(),
    "money": _MONEY,
    "number": pa.decimal128(28, 6),
    "link": pa.string(),
}
_CENT = Decimal("0.01")
_MILLIONTH = Decimal("0.000001")
_LITTLE = timedelta(seconds=1)


def table(
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, str],
    *,
    alt: str,
    key: str | None = None,
    choose: str | None = None,
) -> list[int]:
    """Show rows.

    Args:
        rows: by name of column.
        columns: name to kind: ``text``, ``count``, ``money`` (yuan), ``number`` or ``link`` (address of a page,
            shown as the value of its ``id``). Titles are ``findings_column.<name>``.
        alt: what the table is, for those who cannot see it.
        key: of the widget, where rows can be chosen.
        choose: ``single`` or ``multi``; None: nothing can be chosen.

    Returns:
        The places of the rows chosen.
    """
    found = {
        name: pa.array([_cell(row.get(name), kind) for row in rows], _TYPES[kind])
        for name, kind in columns.items()
    }
    shown = pa.table(found)
    config = {name: _column(name, kind) for name, kind in columns.items()}
    if choose is None:
        st.dataframe(shown, hide_index=True, column_config=config, alt=alt, placeholder="")
        return []
    state = st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        alt=alt,
        placeholder="",
        key=key,
        on_select="rerun",
        selection_mode="multi-row" if choose == "multi" else "single-row",
    )
    return [one for one in state["selection"]["rows"] if one < len(rows)]


def _cell(value: Any, kind: str) -> Any:  # noqa: ANN401 -- a value of any column
    if value is None:
        return None
    if kind == "money":
        return Decimal(value).quantize(_CENT)
    if kind == "number":
        return Decimal(value).quantize(_MILLIONTH)
    return value if kind == "count" else str(value)


def _column(name: str, kind: str) -> Any:  # noqa: ANN401 -- Streamlit's own
    title = say(f"findings_column.{name}")
    if kind == "link":
        return st.column_config.LinkColumn(title, display_text=r"[?&]id=([0-9]+)", width="small")
    if kind == "money":
        return st.column_config.NumberColumn(title, format="accounting")
    if kind in {"count", "number"}:
        return st.column_config.NumberColumn(title, format="localized")
    return st.column_config.TextColumn(title)


def moment(at: datetime | None) -> str:
    """A time as it is here."""
    return "" if at is None else at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")


def deadline(due: datetime | None) -> str:
    """The last local day of a deadline, which ends with that day."""
    return "" if due is None else (due.astimezone(LOCAL) - _LITTLE).date().isoformat()
