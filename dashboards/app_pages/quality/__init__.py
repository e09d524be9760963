"""How whole and usable the data of the cases are, what is missing where, and what it stops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import streamlit as st

from dashboards.app_pages.quality import head, worded
from dashboards.app_pages.quality.cases import cases_of
from dashboards.app_pages.quality.sizes import sizes
from dashboards.charts.heat import PICK, heat
from dashboards.charts.trend import trend
from dashboards.frame.exports import Sheet, offer
from dashboards.frame.filters import slice_of
from dashboards.frame.grounds import grounds
from dashboards.frame.language import say
from dashboards.frame.marts import ask, mart_of
from dashboards.frame.picking import axis_choice
from dashboards.frame.picture import Picture, show
from dashboards.frame.tables import named, table
from grouper.mart.quality import Stage
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from typing import Any

    import pyarrow as pa

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.view import View
    from grouper.mart.mart import Mart
    from grouper.mart.slices import Slice

_KEY = "quality"
_AXES = (Axis.DEPARTMENT, Axis.MONTH)
_TILES = ("name", "field_name", "field_asked", "field_missing", "complete")
_BY = (
    *("name", "cases", "complete", "whole", "ungrouped", "ambiguous", "invalid", "unpriced"),
    *("unshared", "unusable_codes", "remark_unknown", "remark_edition", "remark_unmapped"),
    *("remark_conflict", "remark_unreadable", "remark_mapped"),
)
_GAPS = (
    *("field_name", "field_weight", "field_asked", "field_missing", "complete", "ungrouped"),
    *("unpriced", "unshared", "sum_cost", "needed_for"),
)
_REASONS = ("what", "reason", "cases", "share", "sum_cost", "advice")
_PLAIN = ("reason", "cases", "share", "sum_cost", "advice")
_COURSES = ("complete", *(f"{name}_share" for name in worded.SHARES))
_COURSE = ("name", "cases", *_COURSES)
_FILTERS = {
    Stage.GROUP: "reasons",
    Stage.PRICE: "pay_reasons",
    Stage.SHARE: "share_reasons",
    Stage.NOTE: "notes",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What all parts of the page are of."""

    view: View
    mart: Mart
    cut: Slice
    on: Grounds

    @property
    def lang(self) -> str:
        return self.view.lang

    def picture(self, key: str, chart: Any, shown: pa.Table, unit: str) -> Picture:  # noqa: ANN401 -- of Altair
        return Picture(key, chart, shown, unit, self.on.period, self.on.population, self.on.source)


def page(view: View) -> None:
    """Show it."""
    cut = slice_of(view, key=_KEY)
    mart = mart_of(view) if cut else None
    if cut is None or mart is None:
        return
    found = ask(mart, "quality", cut, axis=None).to_pylist()
    if not found:
        st.info(say("filter.no_case"), icon=":material/info:")
        return
    shown = _Shown(view, mart, cut, grounds(mart.about, cut, found[0]["cases"], view.lang))
    head.headline(mart, cut, found[0], view.lang)
    tiles, where = _where(shown)
    gaps = _gaps(shown)
    reasons = _reasons(shown)
    course, line = _course(shown)
    sheets = [
        Sheet(say("quality_page.sheet_by"), tiles[1], _BY),
        Sheet(say("quality_page.sheet_fields"), tiles[0], _TILES),
        Sheet(say("quality_page.sheet_gaps"), gaps, _GAPS),
        *reasons,
        Sheet(say("quality_page.sheet_course"), course, _COURSE),
    ]
    offer(view, _KEY, shown.on, sheets, [where, line])


def _where(shown: _Shown) -> tuple[tuple[pa.Table, pa.Table], Picture]:
    """Which departments or months lack which fields; a tile leads to its cases."""
    axis = axis_choice(_KEY, _AXES)
    lang = shown.lang
    found = ask(shown.mart, "completeness", shown.cut, axis=axis)
    tiles = worded.completeness(found, axis, lang)
    drawn = heat(tiles, lang, most=sizes().heat_rows)
    picture = shown.picture("heat", drawn, named(tiles, lang, columns=_TILES), say("unit.lacking"))
    chosen = show(picture, lang, key=f"{_KEY}.heat.{axis}")
    by = worded.quality(ask(shown.mart, "quality", shown.cut, axis=axis), axis, lang)
    mark = _mark(chosen)
    if mark is None:
        st.caption(say("quality_page.how_tile"))
    else:
        _tile_cases(shown, axis, tiles, *mark)
    with st.expander(say("quality_page.by"), icon=":material/table_rows:"):
        table(by, lang, columns=_BY)
    return (tiles, by), picture


def _mark(event: Any) -> tuple[str, str] | None:  # noqa: ANN401 -- Streamlit's own
    """Value and field of the tile that was chosen; those without a value have no cases to lead to."""
    marks = (event or {}).get("selection", {}).get(PICK) or []
    if not isinstance(marks, list) or not marks:
        return None
    value, field = marks[0].get("value"), marks[0].get("field")
    return (value, field) if value is not None and field is not None else None


def _tile_cases(shown: _Shown, axis: Axis, tiles: pa.Table, value: str, field: str) -> None:
    cut = replace(shown.cut, gaps=(field,))
    if axis is Axis.MONTH:
        narrowed = head.month_of(cut, value)
    else:
        narrowed = replace(cut, departments=(value,))
    rows = [r for r in tiles.to_pylist() if (r["value"], r["field"]) == (value, field)]
    if not rows or narrowed is None:
        st.caption(say("quality_page.how_tile"))
        return
    title = say("quality_page.tile", value=rows[0]["name"], field=rows[0]["field_name"])
    cases_of(shown.view, shown.mart, narrowed, key=f"{_KEY}.tile", title=title)


def _gaps(shown: _Shown) -> pa.Table:
    """What each missing field stops; a row leads to its cases."""
    st.subheader(say("quality_page.gaps"), anchor=False)
    st.caption(say("quality_page.gaps_about"))
    found = ask(shown.mart, "gaps", shown.cut)
    asked = found.filter(pc.greater(found["asked"], 0))
    order = [("sum_cost", "descending"), ("missing", "descending"), ("field_weight", "descending")]
    gaps = worded.gaps(asked.take(pc.sort_indices(asked, order)), shown.lang)
    rows = table(gaps, shown.lang, columns=_GAPS, key=f"{_KEY}.gaps")
    if rows:
        chosen = gaps.slice(rows[0], 1).to_pylist()[0]
        title = say("quality_page.lacking", field=chosen["field_name"])
        st.caption(chosen["needed_for"])
        cut = replace(shown.cut, gaps=(chosen["field"],))
        cases_of(shown.view, shown.mart, cut, key=f"{_KEY}.gap", title=title)
    return gaps


def _reasons(shown: _Shown) -> list[Sheet]:
    """Why cases stopped, stage by stage, and remarks on them; a row leads to its cases."""
    st.subheader(say("quality_page.reasons"), anchor=False)
    found = ask(shown.mart, "reasons", shown.cut)
    told = {stage: worded.reasons(found, stage, shown.lang) for stage in Stage}
    chosen = st.segmented_control(
        say("quality_page.stage"),
        list(Stage),
        default=Stage.GROUP,
        format_func=lambda one: say(f"quality_stage.{one}"),
        key=f"{_KEY}.stage",
    )
    stage = chosen or Stage.GROUP
    st.caption(say(f"quality_stage_about.{stage}"))
    reasons = told[stage]
    if not reasons.num_rows:
        st.info(say("quality_page.no_stop"), icon=":material/check:")
    else:
        rows = table(reasons, shown.lang, columns=_columns(stage), key=f"{_KEY}.reasons.{stage}")
        code = reasons["code"][rows[0]].as_py() if rows else ""
        if code:
            title = reasons["reason"][rows[0]].as_py()
            kept: dict[str, Any] = {_FILTERS[stage]: (code,)}
            cut = replace(shown.cut, **kept)
            cases_of(shown.view, shown.mart, cut, key=f"{_KEY}.reason", title=title)
    return [Sheet(say(f"quality_stage.{one}"), rows, _columns(one)) for one, rows in told.items()]


def _columns(stage: Stage) -> tuple[str, ...]:
    return _REASONS if stage in (Stage.GROUP, Stage.NOTE) else _PLAIN


def _course(shown: _Shown) -> tuple[pa.Table, Picture]:
    """How it went month by month."""
    found = ask(shown.mart, "quality", shown.cut, axis=Axis.MONTH)
    course = worded.quality(found, Axis.MONTH, shown.lang)
    measure = st.segmented_control(
        say("pick.measure"),
        _COURSES,
        default="complete",
        format_func=lambda one: say(f"chart_axis.{one}"),
        key=f"{_KEY}.measure",
    )
    months = course.append_column("month", course["value"])
    drawn = trend(months, shown.lang, measure=measure or "complete", form=".2%")
    picture = shown.picture(
        "quality_course", drawn, named(course, shown.lang, columns=_COURSE), say("unit.share")
    )
    show(picture, shown.lang)
    return course, picture
