"""What a reconciliation found, as tables that people read."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from codebooks.messages import text
from dashboards.frame.figures import NONE
from dashboards.frame.labels import label
from dashboards.frame.navigation import address
from grouper.mart.slices import Axis
from grouper.payment.settlement.causes import Cause
from grouper.payment.settlement.reconcile import COMPARED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.service.reconciling import Outcome

_YUAN = pa.decimal128(28, 2)
_POINTS = pa.decimal128(28, 6)
_SIDES = ("ours", "theirs")
STATES = ("rec_state", "cases", "rec_ours", "rec_theirs", "rec_difference", "rec_deduction")
CAUSES = ("rec_cause", "cases", "rec_difference")
CASES = (
    *("rec_case", "rec_rows", "department", "rec_state", "rec_cause", "rec_differs"),
    *(f"rec_{name}_{side}" for name in COMPARED for side in _SIDES),
    *("rec_difference", "rec_deduction", "rec_said"),
)
"""The columns of a case in a file; those of a page are :data:`SHORT`."""
SHORT = (
    *("link", "rec_rows", "department", "rec_cause", "rec_differs"),
    *("rec_ours", "rec_theirs", "rec_difference", "rec_deduction", "rec_said"),
)
NO_SIDE = {"missing_here": "ours", "unpriced": "ours", "missing_there": "theirs"}
"""The side that says nothing of the cases of a state; that is no amount of nought."""
_TYPES = {
    **dict.fromkeys(("cases", "rec_entry", "rec_entries"), pa.int64()),
    **dict.fromkeys(("rec_points_ours", "rec_points_theirs"), _POINTS),
    **dict.fromkeys(("rec_ours", "rec_theirs", "rec_difference", "rec_deduction"), _YUAN),
    **dict.fromkeys(("rec_earlier", "rec_change"), _YUAN),
    **{f"rec_{name}_{side}": _YUAN for name in ("amount", "fund") for side in _SIDES},
}


def typed(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pa.Table:
    """Rows as a table with these columns, amounts as amounts.

    Args:
        rows: by name of column.
        columns: which.
    """
    schema = pa.schema([(name, _TYPES.get(name, pa.string())) for name in columns])
    return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema)


def states(told: Mapping[str, Any], lang: str) -> pa.Table:
    """The sums of each state that occurs, then of all.

    Args:
        told: the answer of the errand.
        lang: ``zh`` or ``en``.
    """
    names = ("ours", "theirs", "difference", "deduction")
    rows = []
    for one in told["totals"]:
        if not one["cases"]:
            continue
        row: dict[str, Any] = {f"rec_{name}": Decimal(one[name]) for name in names}
        if one["state"] in NO_SIDE:
            row[f"rec_{NO_SIDE[one['state']]}"] = None
        rows.append(row | {"rec_state": state(one["state"], lang), "cases": one["cases"]})
    whole = {f"rec_{name}": Decimal(told[name]) for name in ("ours", "theirs", "deduction")}
    whole["rec_difference"] = whole["rec_theirs"] - whole["rec_ours"]
    rows.append(whole | {"rec_state": text("reconcile_page.whole", lang), "cases": told["cases"]})
    return typed(rows, STATES)


def causes(told: Mapping[str, Any], lang: str) -> pa.Table:
    """The likely reasons with how many cases and what the bureau's amounts are above ours; then deductions.

    Args:
        told: the answer of the errand.
        lang: ``zh`` or ``en``.
    """
    rows = [
        {
            "rec_cause": cause(one["cause"], lang),
            "cases": one["cases"],
            "rec_difference": Decimal(one["difference"]),
        }
        for one in told["causes"]
        if one["cause"] != Cause.NONE
    ]
    if told["deducted"]:
        rows.append(
            {
                "rec_cause": text("reconcile_page.deducted", lang),
                "cases": told["deducted"],
                "rec_difference": -Decimal(told["deduction"]),
            }
        )
    return typed(rows, CAUSES)


def state(name: str, lang: str) -> str:
    """A state in words."""
    return text(f"reconcile_state.{name}", lang)


def field(name: str, lang: str) -> str:
    """What is compared or adjusted, in words."""
    return text(f"reconcile_field.{name}", lang)


def cause(name: str, lang: str) -> str:
    """A likely reason in words."""
    return text(f"reconcile_cause.{name}", lang)


def cases(found: Outcome, lang: str, rows: pa.Table) -> pa.Table:
    """Cases with the columns of :data:`CASES` and :data:`SHORT`.

    Args:
        found: whose.
        lang: ``zh`` or ``en``.
        rows: of its entries, those that are wanted.
    """
    measure = found.told["measure"]
    worded = [_case(row, measure, lang) for row in rows.to_pylist()]
    return typed(worded, tuple(dict.fromkeys((*SHORT, *CASES))))


@st.cache_data(max_entries=4, show_spinner=False)
def all_cases(number: str, lang: str, _found: Outcome) -> pa.Table:
    """All cases of a reconciliation, which never change, for a file.

    Args:
        number: id of the errand.
        lang: ``zh`` or ``en``.
        _found: what it found.
    """
    del number
    return cases(_found, lang, _found.entries)


def _case(row: Mapping[str, Any], measure: str, lang: str) -> dict[str, Any]:
    missing = NO_SIDE.get(row["state"])
    theirs = row[f"{measure}_theirs"]
    if row["cause"] == Cause.DEDUCTED:
        # As it was before the deduction, so that the row adds up.
        theirs = row[f"{measure}_ours"] + row["difference"]
    sides = {f"rec_{name}_{side}": row[f"{name}_{side}"] for name in COMPARED for side in _SIDES}
    return sides | {
        "link": address("case", case_id=row["case_id"]) if row["case_id"] else None,
        "rec_case": row["case_id"] or text("reconcile_page.unknown", lang),
        "rec_rows": ", ".join(map(str, row["rows"])) or None,
        "department": label(Axis.DEPARTMENT, row["department"], None, lang)
        if row["department"]
        else None,
        "rec_state": state(row["state"], lang),
        "rec_cause": cause(row["cause"], lang),
        "rec_differs": _differs(row, lang),
        "rec_ours": None if missing == "ours" else row[f"{measure}_ours"],
        "rec_theirs": None if missing == "theirs" else theirs,
        "rec_difference": row["difference"],
        "rec_deduction": row["deduction"],
        "rec_said": row["reason"] or None,
    }


def _differs(row: Mapping[str, Any], lang: str) -> str | None:
    """Which fields differ and by how much."""
    told = []
    for name in row["differs"]:
        ours, theirs = row[f"{name}_ours"], row[f"{name}_theirs"]
        named = field(name, lang)
        if name == "group" or ours is None:
            words = text(
                "reconcile_page.instead",
                lang,
                field=named,
                ours=NONE if ours is None else ours,
                theirs=theirs,
            )
        else:
            by = theirs - ours
            told_by = f"{by:+,.2f}" if name != "points" else f"{by.normalize():+,f}"
            words = text("reconcile_page.by", lang, field=named, by=told_by)
        told.append(words)
    return text("reconcile_page.between", lang).join(told) or None
