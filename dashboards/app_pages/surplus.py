"""Where surplus and loss come from: the way from charges to surplus, and who makes the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboards.charts.pareto import PICK, losses, pareto
from dashboards.charts.waterfall import steps, waterfall
from dashboards.frame.beginning import begin
from dashboards.frame.drill import drill, narrowed
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.figures import count, exact, share, yuan
from dashboards.frame.grounds import grounds
from dashboards.frame.labels import labelled
from dashboards.frame.language import say
from dashboards.frame.marts import ask
from dashboards.frame.picking import axis_choice, picked
from dashboards.frame.picture import Picture, show
from dashboards.frame.rows import plain
from dashboards.frame.tables import named, table
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any

    import pyarrow as pa

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View
    from grouper.mart.answers import Unreckoned
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_KEY = "surplus"
_AXES = (Axis.DEPARTMENT, Axis.GROUP, Axis.PHYSICIAN)
_BARS = 20
_ROWS = 200
"""So many rows stand on the page, the largest losses first; the workbook has all."""
_FIGURES = ("surplus", "amount", "cost", "losing", "losing_share")
_COLUMNS = (
    "name",
    "cases",
    "losing",
    "cost",
    "amount",
    "surplus",
    "high",
    "low",
    "cmi",
    "cost_index",
)


def page(view: View) -> None:
    """Show it."""
    begun = begin(view, _KEY, _FIGURES)
    if begun is None:
        return
    mart, cut, cases, on = begun.mart, begun.cut, begun.cases, begun.on
    way = ask(mart, "waterfall", cut)
    left = ask(mart, "unreckoned", cut)
    falls = _way(way, grounds(mart.about, cut, cases - left.cases, view.lang), view.lang)
    show(falls, view.lang)
    if left.cases:
        _left(left, way["amount"][0].as_py(), cases, view.lang)
    axis = axis_choice(_KEY, _AXES)
    by = labelled(ask(mart, "by", cut, axis=axis, order="surplus"), axis, view.lang)
    made = losses(by)
    pictures = [falls]
    chosen = None
    if made:
        bars = _loss(made, by, on, view.lang)
        pictures.append(bars)
        chosen = picked(show(bars, view.lang, key=f"{_KEY}.chart.{axis}"), PICK)
        first = made[:_BARS][-1]
        losing = {"count": count(len(made)), "all": count(by.num_rows), "shown": first["rank"]}
        lost = yuan(sum(one["loss"] for one in made), view.lang)
        st.caption(say("surplus.losing", **losing, loss=lost, share=share(first["cumulated"])))
    else:
        st.info(say("surplus.no_loss"), icon=":material/info:")
    rows = table(by.slice(0, _ROWS), view.lang, columns=_COLUMNS, key=f"{_KEY}.table.{axis}")
    _cases(view, mart, cut, axis, by, by["value"][rows[0]].as_py() if rows else chosen)
    sheets = [
        Sheet(say("chart.waterfall.title"), _worded(way), ("step", "sum_amount")),
        Sheet(say(f"axis_name.{axis}"), by, _COLUMNS),
    ]
    offer(view, _KEY, on, sheets, pictures)


def _left(left: Unreckoned, drawn: Decimal, cases: int, lang: str) -> None:
    """Why the way begins with less than all charges: so that both figures can be added up."""
    amounts = {"cost": left.cost, "amount": left.amount, "drawn": drawn, "all": drawn + left.cost}
    told = {name: plain(exact(value, lang)) for name, value in amounts.items()}
    numbers = {"cases": count(left.cases), "counted": count(cases - left.cases)}
    st.caption(say("surplus.left", **numbers, **told))


def _worded(way: pa.Table) -> pa.Table:
    words = [say(f"step.{one}") for one in way["step"].to_pylist()]
    return way.select(["amount"]).rename_columns(["sum_amount"]).append_column("step", [words])


def _way(way: pa.Table, on: Grounds, lang: str) -> Picture:
    amounts = [(say(f"step.{r['step']}"), r["amount"], r["total"]) for r in way.to_pylist()]
    return Picture(
        "waterfall",
        waterfall(steps(amounts), lang),
        named(_worded(way), lang, columns=("step", "sum_amount")),
        say("unit.drawn_yuan"),
        on.period,
        on.population,
        on.source,
    )


def _loss(made: list[dict[str, Any]], by: pa.Table, on: Grounds, lang: str) -> Picture:
    return Picture(
        "pareto",
        pareto(made[:_BARS], lang),
        named(by.slice(0, len(made)), lang, columns=("name", "cases", "surplus")),
        say("unit.drawn_yuan"),
        on.period,
        on.population,
        on.source,
    )


def _cases(
    view: View, mart: Mart, cut: Slice, axis: Axis, by: pa.Table, chosen: str | None
) -> None:
    values = by["value"].to_pylist()
    if chosen in values and chosen is not None:
        title = by["name"][values.index(chosen)].as_py()
        drill(view, mart, narrowed(cut, axis, chosen), key=f"{_KEY}.drill", title=title)
    else:
        st.caption(say("drill.how"))
