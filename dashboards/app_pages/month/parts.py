"""A statement by method and insurance, with every line of its arithmetic and what that rests on."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.app_pages.settled_tables import made
from dashboards.charts.waterfall import steps, waterfall
from dashboards.frame.exports import Sheet
from dashboards.frame.figures import yuan
from dashboards.frame.language import lang as language
from dashboards.frame.language import say
from dashboards.frame.picture import Picture
from dashboards.frame.picture import show as draw
from dashboards.frame.rows import plain
from dashboards.frame.tables import named, table
from grouper.case.dates import LOCAL
from grouper.payment.words import shown
from grouper.service.settled_telling import way

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.kept_results import Kept

_COLUMNS = (
    *("pool", "cases", "amount", "fund", "settled_due", "settled_back", "settled_less"),
    *("settled_paid", "surplus", "settled_priced", "settled_why"),
)
_LINES = ("pool", "settled_line", "settled_formula", "settled_worked", "settled_value")
_INPUTS = (
    *("settled_input", "settled_given", "settled_since", "settled_standing", "settled_source"),
    "settled_note",
)
_STEPS = ("step", "sum_amount")
_OF_PART = {
    "settled_due": "due",
    "settled_back": "kept_back",
    "settled_less": "deductions",
    "settled_paid": "paid",
}
_COUNTS = ("cases", "priced")
_SUMS = (*_COUNTS, "amount", "fund", "surplus")
_OF_WHOLE = {name: f"sum_{line}" for name, line in _OF_PART.items()}


def show(view: View, kept: Kept, told: Mapping[str, Any]) -> None:
    """Show the parts, the way from payment to what is paid, and the arithmetic."""
    for picture in pictures(kept, told, view.lang):
        draw(picture, view.lang)
    st.subheader(say("month_page.by_part"), anchor=False)
    table(_parts(told), view.lang, columns=_COLUMNS)
    if not told["lines"]:
        st.warning(say("month_page.unsettled"), icon=":material/warning:")
    st.subheader(say("month_page.arithmetic"), anchor=False)
    st.caption(say("month_page.arithmetic_about"))
    for part in told["parts"]:
        _arithmetic(view, _called(part), part["lines"])
    _arithmetic(view, say("month_page.whole"), told["lines"])


def money(value: Decimal | None) -> str:
    """An amount in the language of the page."""
    return yuan(value, language())


def pictures(kept: Kept, told: Mapping[str, Any], lang: str) -> list[Picture]:
    """The way from the payment of the settled parts to what is paid; none where nothing is settled."""
    found = way(told)
    if not found:
        return []
    worded = [(say(f"settled_step.{name}"), value, whole) for name, value, whole in found]
    rows = made(({"step": name, "sum_amount": value} for name, value, _ in worded), _STEPS)
    at = kept.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
    settled = sum(one["sums"]["priced"] for one in told["parts"] if one["reason"] is None)
    return [
        Picture(
            "settled_way",
            waterfall(steps(worded), lang),
            named(rows, lang, columns=_STEPS),
            say("unit.drawn_yuan"),
            say("month_page.period", month=kept.of),
            say("month_page.settled", cases=f"{settled:,}"),
            say("month_page.source", policy=told["policy"], made=at),
        )
    ]


def sheets(told: Mapping[str, Any]) -> list[Sheet]:
    """The parts and all lines, for a file."""
    lines = [
        {"pool": name} | _line(line)
        for name, part in (
            *((_called(one), one["lines"]) for one in told["parts"]),
            (say("month_page.whole"), told["lines"]),
        )
        for line in part
    ]
    return [
        Sheet(say("month_page.by_part"), _parts(told), _COLUMNS),
        Sheet(say("month_page.arithmetic"), made(lines, _LINES), _LINES),
    ]


def _called(part: Mapping[str, Any]) -> str:
    return f"{part['method_name']} · {part['insurance_name']}"


def _parts(told: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- a table of Arrow
    rows = [
        _row(_called(one), one["sums"], one["lines"], _OF_PART)
        | {"settled_why": one["reason_text"] or ""}
        for one in told["parts"]
    ]
    rest = _rest(told)
    if rest["cases"]:
        rows.append(_row(say("month_page.no_part"), rest, (), {}))
    rows.append(
        _row(say("month_page.whole"), told["sums"], told["lines"], _OF_WHOLE)
        | {"settled_why": _besides(told)}
    )
    return made(rows, _COLUMNS)


def _rest(told: Mapping[str, Any]) -> dict[str, Any]:
    """The sums of the cases that are of no part, so that the parts add up to the whole."""
    rest: dict[str, Any] = {}
    for name in _SUMS:
        of_parts = [one["sums"][name] for one in told["parts"]]
        left = Decimal(told["sums"][name] or 0) - sum(Decimal(one or 0) for one in of_parts)
        rest[name] = int(left) if name in _COUNTS else f"{left:f}" if left else None
    return rest


def _row(
    name: str,
    sums: Mapping[str, Any],
    lines: Iterable[Mapping[str, Any]],
    of: Mapping[str, str],
) -> dict[str, Any]:
    values = {line["name"]: line["value"] for line in lines}
    return {
        "pool": name,
        "settled_priced": sums["priced"],
        **{one: sums[one] for one in ("cases", "amount", "fund", "surplus")},
        **{column: values.get(line) for column, line in of.items()},
    }


def _besides(told: Mapping[str, Any]) -> str:
    """What is deducted from the whole alone."""
    general = next(
        (one["value"] for one in told["lines"] if one["name"] == "general_deductions"), None
    )
    if general is None or not Decimal(general):
        return ""
    return say("month_page.general", amount=money(Decimal(general)))


def _arithmetic(view: View, title: str, lines: Sequence[Mapping[str, Any]]) -> None:
    if not lines:
        return
    with st.expander(plain(title)):
        columns = _LINES[1:]
        table(made([_line(one) for one in lines], columns), view.lang, columns=columns)
        given = {
            (one["path"], one["shown"]): one
            for line in lines
            for one in line["inputs"]
            if one["path"]
        }
        if given:
            st.caption(say("month_page.rests_on"))
            rows = made([_input(one) for one in given.values()], _INPUTS)
            table(rows, view.lang, columns=_INPUTS)


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "settled_line": line["label"],
        "settled_formula": line["formula"],
        "settled_worked": line["worked"],
        "settled_value": line["value"],
    }


def _input(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "settled_input": one["parameter"],
        "settled_given": shown(one["value"]),
        "settled_since": one["since"],
        "settled_standing": say("month_page.assumed" if one["assumption"] else "month_page.stated"),
        "settled_source": one["source"],
        "settled_note": one["note"],
    }
