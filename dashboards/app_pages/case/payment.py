"""The payment of a case: the arithmetic line by line, with what each number rests on."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboards.frame.figures import yuan
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, plain, table
from grouper.payment.words import document, label, shown
from grouper.service.pricing import payment_of
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_AMOUNTS = ("amount", "fund", "patient", "deducted", "surplus")


def show(view: View, stay: Stay) -> None:
    """Show the tab.

    Raises:
        GrouperError: no scheme bound the case, or its book is not at hand.
    """
    found = payment_of(view.parts.database, stay, view.parts.settings.region, now())
    looked(view, "case_payment_shown", f"case:{stay.case_id}", {"version": stay.version})
    told_payment(document(found, view.lang), view.lang)


def told_payment(told: Mapping[str, Any], lang: str) -> None:
    """Show a payment in words."""
    if told["pay_reason"]:
        st.warning(
            plain(f"{told['reason_text']} {told['advice'] or ''}"), icon=":material/payments:"
        )
    if told["share_reason"]:
        st.info(plain(f"{told['share_reason_text']} {told['share_advice'] or ''}"))
    for one in told["warnings"]:
        st.caption(plain(one["text"]))
    known = [
        (label(name, lang), yuan(Decimal(told[name]), lang))
        for name in _AMOUNTS
        if told[name] is not None
    ]
    if known:
        words = [Column(say("case_payment.what")), Column(say("case_payment.yuan"), right=True)]
        table(words, known)
    if told["policy"]:
        st.caption(
            " · ".join(
                plain(one)
                for one in (
                    say("case_payment.policy", policy=told["policy"]),
                    told["method_name"],
                    told["band_name"],
                )
                if one
            )
        )
    _arithmetic(told)
    _assumptions(told)


def _arithmetic(told: Mapping[str, Any]) -> None:
    """What was decided, in sentences; then what was reckoned, line by line."""
    decided = [one for one in told["lines"] if not one["formula"]]
    reckoned = [one for one in told["lines"] if one["formula"]]
    if decided:
        st.subheader(say("case_payment.decided"), anchor=False)
        table(
            [Column(say("case_payment.what")), Column(say("case_payment.rests_on"))],
            [(one["written"], _sources(one)) for one in decided],
        )
    if not reckoned:
        return
    st.subheader(say("case_payment.arithmetic"), anchor=False)
    table(
        [
            *(Column(say(f"case_payment.{name}")) for name in ("what", "formula", "worked")),
            Column(say("case_payment.value"), right=True),
            Column(say("case_payment.unit"), short=True),
            Column(say("case_payment.rests_on")),
        ],
        [
            (
                one["label"],
                one["formula"],
                one["worked"],
                shown(Decimal(one["value"])),
                say(f"pay.unit.{one['unit']}") if one["unit"] else None,
                _sources(one),
            )
            for one in reckoned
        ],
    )


def _sources(line: Mapping[str, Any]) -> str:
    return "; ".join(_source(one) for one in line["inputs"] if one["path"])


def _source(one: Mapping[str, Any]) -> str:
    words = f"{one['label']} {one['shown']}: {one['source']}"
    return f"{words} {say('case_payment.assumed')}" if one["assumption"] else words


def _assumptions(told: Mapping[str, Any]) -> None:
    if not told["assumptions"]:
        return
    with st.expander(say("case_payment.assumptions", count=len(told["assumptions"]))):
        table(
            [
                Column(say("case_payment.what")),
                Column(say("case_payment.value"), right=True),
                Column(say("case_payment.note")),
                Column(say("case_payment.source")),
            ],
            [
                (one["parameter"], one["value"], one["note"], one["source"])
                for one in told["assumptions"]
            ],
        )
