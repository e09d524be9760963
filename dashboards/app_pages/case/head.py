"""The head of a case: state, days, cost, group and payment; the person only for who asks and may."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.app_pages.case_rows import grouped, local_time
from dashboards.app_pages.office_sizes import sizes
from dashboards.frame.figures import NONE, days, yuan
from dashboards.frame.labels import department
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Link, link, plain
from grouper.case.dates import LOCAL
from grouper.payment.words import document
from grouper.service.access.principal import Right
from grouper.service.pricing import payment_of
from grouper.service.stored import person_of
from grouper.store.schema import now
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.stored import Reach, Stay
    from grouper.store.database import Database


def show(view: View, stay: Stay, merged: str | None) -> None:
    """Show the head.

    Args:
        view: who looks.
        stay: in the version asked for.
        merged: the case that goes on in its place.
    """
    _standing(view, stay, merged)
    found = paid(view, stay)
    told = (
        ("state", say(f"stay_state.{stay.head.state}")),
        ("days", days(_days(stay), view.lang, places=0)),
        ("cost", yuan(stay.case.total_cost, view.lang)),
        ("amount", yuan(amount(found, "amount"), view.lang)),
        ("surplus", yuan(amount(found, "surplus"), view.lang, sign=True)),
    )
    for column, (name, value) in zip(st.columns(len(told)), told, strict=True):
        column.metric(say(f"case_page.head.{name}"), value)
    st.markdown(f"**{_group(view, stay)}**")
    more = _paying(found)
    if more:
        st.markdown(more)
    facts = [
        (name, value)
        for name, value in (
            ("visit", stay.head.visit),
            ("department", department(stay.head.department)),
            ("admitted", local_time(stay.head.admitted)),
            ("discharged", local_time(stay.head.discharged)),
            ("changed", local_time(stay.head.changed)),
            ("case_id", stay.case_id),
        )
        if value and value != NONE
    ]
    st.caption(
        " · ".join(f"{say(f'case_page.fact.{name}')} {plain(value)}" for name, value in facts)
    )
    _person(view, stay)


def paid(view: View, stay: Stay) -> Mapping[str, Any] | None:
    """The payment in words, kept for a little; None: it cannot be reckoned (its tab says why)."""
    try:
        return _paid(
            view.parts.database,
            stay,
            (
                view.parts.settings.url,
                stay.case_id,
                stay.version,
                str(stay.head.changed),
                view.principal.reach,
            ),
            view.parts.settings.region,
            view.lang,
        )
    except GrouperError:
        return None


@st.cache_data(ttl=sizes().payment_seconds, max_entries=256, show_spinner=False)
def _paid(
    _database: Database,
    _stay: Stay,
    key: tuple[str, str, int, str, Reach],  # noqa: ARG001 -- what the stay is known by
    region: str,
    lang: str,
) -> Mapping[str, Any]:
    return document(payment_of(_database, _stay, region, now()), lang)


def amount(told: Mapping[str, Any] | None, name: str) -> Decimal | None:
    """An amount of a payment in words."""
    return None if told is None or told[name] is None else Decimal(told[name])


def _standing(view: View, stay: Stay, merged: str | None) -> None:
    """What is not as usual: an old version, a cancelled or merged case, one that still runs."""
    if stay.version != stay.head.version:
        newest = link(view, say("case_page.to_newest"), "case", case_id=stay.case_id)
        words = say("case_page.old_version", version=stay.version, newest=stay.head.version)
        st.warning(f"{words} {_written(newest)}", icon=":material/history:")
    if stay.head.state == StayState.CANCELLED:
        st.warning(say("case_page.cancelled"), icon=":material/cancel:")
    elif stay.head.state == StayState.MERGED:
        words = say("case_page.merged")
        other = merged and _written(link(view, say("case_page.to_merged"), "case", case_id=merged))
        st.warning(f"{words} {other or ''}", icon=":material/merge:")
    elif stay.head.state == StayState.RUNNING:
        st.caption(say("case_page.as_if_today"))


def _written(cell: Link | str | None) -> str:
    return f"[{plain(cell.label)}]({cell.to})" if isinstance(cell, Link) else plain(cell or "")


def _days(stay: Stay) -> Decimal | None:
    """Days of stay; of one that runs until today."""
    case = stay.case
    if case.los is not None:
        return Decimal(case.los)
    if stay.head.state != StayState.RUNNING or case.admission_time is None:
        return None
    today, admitted = (at.astimezone(LOCAL).date() for at in (now(), case.admission_time))
    return Decimal(max((today - admitted).days, 0))


def _group(view: View, stay: Stay) -> str:
    """The group in words, or why there is none; of an old version the group that it had."""
    binding = next((one for one in stay.groupings if one.binding), None)
    if stay.version == stay.head.version or binding is None:
        return plain(grouped(stay.head, view.lang))
    return plain(f"{binding.group or NONE} {binding.group_name or ''}".strip())


def _paying(found: Mapping[str, Any] | None) -> str:
    """The band of the cost, or why there is no payment."""
    words = []
    if found is not None and found["band_name"]:
        words.append(say("case_page.band", band=found["band_name"]))
    if found is not None and found["reason_text"]:
        words.append(say("case_page.unpriced", why=found["reason_text"]))
    return " · ".join(plain(one) for one in words)


def _person(view: View, stay: Stay) -> None:
    if not view.principal.may(Right.PERSONS) or stay.head.person_id is None:
        return
    if not st.button(
        say("case_page.person"),
        icon=":material/person:",
        key=f"case.person.{stay.case_id}",
        help=say("case_page.person_help"),
    ):
        return
    who = person_of(view.parts.database, stay.head)
    if who is None:
        st.info(say("case_page.no_person"))
        return
    looked(view, "person_shown", f"case:{stay.case_id}", again=True)
    sex = str(who.details.get("sex") or "")
    told = (
        ("name", who.details.get("name")),
        ("sex", say(f"case_page.sex.{sex}") if sex in {"1", "2"} else sex),
        ("birth_date", who.details.get("birth_date")),
        ("id_number", who.details.get("id_number")),
        ("patient", who.patient),
    )
    st.markdown(
        " · ".join(
            f"{say(f'case_page.who.{name}')} {plain(str(value))}" for name, value in told if value
        )
    )
