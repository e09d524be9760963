"""How long the fund lasts, how the budget is used, what findings are about, the inputs of credit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.audit.books import audit_book
from codebooks.registry import registry
from dashboards.app_pages.auditing.acting import nothing
from dashboards.app_pages.auditing.months import month_picked
from dashboards.app_pages.auditing.tables import table
from dashboards.charts.leads import leads_chart, leads_table
from dashboards.frame.errors import advice
from dashboards.frame.figures import NONE, count, ratio, share, yuan
from dashboards.frame.language import lang, say
from dashboards.frame.looks import looked
from dashboards.frame.picture import Picture, show
from dashboards.frame.rows import plain, say_plain
from grouper.audit.fund.document import document
from grouper.service.fund import fund_view
from grouper.service.fund_files import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from dashboards.frame.view import View

_PAYABLE = {
    "insurance": "text",
    "month": "text",
    "balance": "money",
    "outlay": "money",
    "averaged": "count",
    "payable_months": "text",
    "payable_level": "text",
    "basis": "text",
    "why": "text",
}
_USE = {
    "insurance": "text",
    "used": "money",
    "budget": "money",
    "budget_share": "text",
    "expected": "money",
    "course": "text",
    "projected": "money",
    "basis": "text",
    "why": "text",
}
_LEAD = {
    "topic": "text",
    "found": "count",
    "open": "count",
    "confirmed": "count",
    "cleared": "count",
    "amount": "money",
    "open_amount": "money",
    "oldest": "text",
}
_CREDIT = {
    "input": "text",
    "part": "number",
    "whole": "number",
    "quotient": "text",
    "points": "number",
    "weight": "number",
    "source": "text",
    "why": "text",
}
_PER_MILLE = "per_mille"


def page(view: View) -> None:
    """Show the page."""
    month = month_picked("fund.month", over=True)
    place = registry().region(view.parts.settings.region).id
    found = fund_view(
        view.parts.database,
        audit_book(),
        files_of(view.parts.settings, month),
        region=place,
        month=month,
    )
    looked(view, "fund_shown", "fund", {"month": month})
    told = document(found, view.lang)
    st.caption(say_plain("fund_page.about", region=place, month=month))
    _headline(told, view.lang)
    _payable(told)
    _budget(told)
    _leads(told, view.lang)
    _credit(told)


def _money(told: str | None, lang: str) -> str:
    return yuan(None if told is None else Decimal(told), lang)


def _headline(told: Mapping[str, Any], lang: str) -> None:
    whole = next((one for one in told["budget"]["uses"] if one["insurance"] is None), None)
    months = [Decimal(one["months"]) for one in told["payable"] if one["months"] is not None]
    credit = told["credit"]
    figures = {
        "payable": ratio(min(months, default=None), places=1),
        "used": _money(None if whole is None else whole["used"], lang),
        "budget_share": _share(None if whole is None else whole["share"]),
        "leads": count(sum(one["open"] for one in told["leads"])),
        "credit": NONE if credit is None else credit["grade"] or say("fund_page.no_grade"),
    }
    for column, (name, value) in zip(st.columns(len(figures)), figures.items(), strict=True):
        column.metric(say(f"fund_metric.{name}"), plain(value))


def _share(told: str | None) -> str:
    return share(None if told is None else Decimal(told))


def _missing(told: Mapping[str, Any], part: str) -> bool:
    """Say why a part is missing, with what to do; whether it is."""
    reason = told["missing"].get(part)
    if reason is None:
        return False
    st.info(plain(_reasoned(reason)), icon=":material/info:")
    return True


def _why(one: Mapping[str, Any]) -> str | None:
    reason = one["reason"]
    return None if reason is None else _reasoned(reason)


def _reasoned(reason: Mapping[str, Any]) -> str:
    """A reason in words, with what people at a page can do."""
    todo = advice(reason["code"], reason["advice"], lang())
    return f"{reason['text']}{say('fund_page.stop')}{todo}"


def _payable(told: Mapping[str, Any]) -> None:
    st.subheader(say("fund_page.payable"), anchor=False)
    if _missing(told, "payable") or not told["payable"]:
        return
    rows = [
        {
            **one,
            "insurance": one["insurance_name"],
            "payable_months": NONE if one["months"] is None else f"{Decimal(one['months']):.1f}",
            "payable_level": one["level_name"],
            "basis": say(
                "fund_page.by", source=one["source"] or NONE, standing=one["standing_name"]
            ),
            "why": _why(one),
        }
        for one in told["payable"]
    ]
    table(rows, _PAYABLE, alt=say("fund_page.payable"))
    for one in told["payable"]:
        if one["missing"]:
            names = say("insurer_page.comma").join(one["missing"])
            st.caption(say_plain("fund_page.gaps", insurance=one["insurance_name"], months=names))
        if one["broken"]:
            names = say("insurer_page.comma").join(each["month"] for each in one["broken"])
            st.warning(
                say_plain("fund_page.broken", insurance=one["insurance_name"], months=names),
                icon=":material/warning:",
            )
    if told["payable_absent"]:
        names = say("insurer_page.comma").join(told["payable_absent"])
        st.caption(say_plain("fund_page.absent", names=names))


def _budget(told: Mapping[str, Any]) -> None:
    st.subheader(say("fund_page.budget"), anchor=False)
    budget = told["budget"]
    _missing(told, "budget")
    if not budget["uses"]:
        return
    rows = [
        {
            **one,
            "insurance": one["insurance_name"],
            "budget_share": _share(one["share"]),
            "course": one["course_name"],
            "basis": one["basis_name"],
            "why": _why(one),
        }
        for one in budget["uses"]
    ]
    table(rows, _USE, alt=say("fund_page.budget"))
    if budget["settled"]:
        st.caption(
            say_plain("fund_page.settled", months=say("insurer_page.comma").join(budget["settled"]))
        )
    if any(one["assumptions"] for one in budget["uses"]):
        names = sorted({path for one in budget["uses"] for path in one["assumptions"]})
        st.caption(say_plain("fund_page.assumed", names=say("insurer_page.comma").join(names)))
    _missing(told, "outlook")


def _leads(told: Mapping[str, Any], lang: str) -> None:
    if _missing(told, "leads"):
        return
    leads: Sequence[Mapping[str, Any]] = [one for one in told["leads"] if one["found"]]
    if not leads:
        st.subheader(say("chart.leads.title"), anchor=False)
        nothing("fund_page.no_lead")
        return
    show(
        Picture(
            key="leads",
            chart=leads_chart(leads, lang),
            table=leads_table(leads, lang),
            unit=say("fund_page.unit"),
            period=say("fund_page.period"),
            population=say("fund_page.population", count=count(sum(one["found"] for one in leads))),
            source=say("fund_page.source"),
        ),
        lang,
    )
    rows = [{**one, "topic": one["name"]} for one in leads]
    table(rows, _LEAD, alt=say("chart.leads.title"))


def _credit(told: Mapping[str, Any]) -> None:
    st.subheader(say("fund_page.credit"), anchor=False)
    if _missing(told, "credit") or told["credit"] is None:
        return
    credit = told["credit"]
    scheme = credit["scheme"]
    st.caption(
        say_plain(
            "fund_page.scheme",
            region=scheme["region"],
            standing=scheme["standing_name"],
            source=scheme["source"],
        )
    )
    if credit["grade"] is None:
        st.caption(
            say_plain(
                "fund_page.between",
                worst=credit["worst"],
                best=credit["best"],
                known=credit["known"],
                weight=credit["weight"],
            )
        )
    rows = [
        {
            **one,
            "input": one["name"],
            "quotient": _quotient(one),
            "source": say("fund_page.store") if one["source"] == "store" else one["source"],
            "why": _why(one),
        }
        for one in credit["inputs"]
    ]
    table(rows, _CREDIT, alt=say("fund_page.credit"))


def _quotient(one: Mapping[str, Any]) -> str:
    if one["value"] is None:
        return NONE
    value = Decimal(one["value"])
    if one["unit"] == _PER_MILLE:
        return say("fund_page.per_mille", value=f"{value:.2f}")
    return share(value)
