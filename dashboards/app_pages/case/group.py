"""The group of a case and why: by the scheme that binds and by those it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.messages import catalogue
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from dashboards.frame.rows import Column, plain, table
from grouper.service.grouping import issues_out
from grouper.service.tracing import retrace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.stored import Stay

_SHORT = frozenset({"level", "severity", "counts", "field"})
_COMPLICATED = frozenset({"drg", "msdrg"})
"""Families of schemes that ask for complications."""


def show(view: View, stay: Stay) -> None:
    """Show the tab.

    Raises:
        GrouperError: no scheme bound the case, or its book is not at hand.
    """
    schemes = [
        one.scheme for one in sorted(stay.groupings, key=lambda one: not one.binding) if one.scheme
    ]
    chosen = None
    if schemes:
        binding = {one.scheme for one in stay.groupings if one.binding}
        chosen = st.segmented_control(
            say("case_group.scheme"),
            schemes,
            default=schemes[0],
            required=True,
            format_func=lambda one: say(
                "case_group.binding" if one in binding else "case_group.compared", scheme=one
            ),
            key=f"case.scheme.{stay.case_id}.{stay.version}",
        )
    found = retrace(stay, chosen, view.parts.settings.region)
    looked(view, "case_trace_shown", f"case:{stay.case_id}", {"version": stay.version})
    if found.same_rules is False:
        st.warning(say("service.rules_changed"), icon=":material/rule:")
    told = found.trace.document(view.lang)
    result(told)
    _issues(view, stay)
    _path(told)
    _complications(told)
    _rest(told)
    _others(view, told)
    st.caption(
        say("case_group.source", scheme=found.scheme, hash=found.content_hash[:16])
        + (f" {plain(told['binding']['source'])}" if told["binding"] else "")
    )


def result(told: Mapping[str, Any]) -> None:
    """The answer of a scheme, and what to do where there is no plain one."""
    answer = told["result"]
    names = [answer[one] for one in ("mdc", "adrg", "group") if answer[one]]
    st.markdown(
        f"**{plain(answer['status_text'])}** "
        + " → ".join(plain(f"{one['code']} {one['name']}") for one in names)
    )
    more = [one for one in (answer["group_kind_text"],) if one]
    if answer["weight"]:
        more.append(f"{say('trace.weight')}{answer['weight']}")
    if more:
        st.caption(" · ".join(plain(one) for one in more))
    if answer["reason"]:
        words = f"{answer['reason_text']} {answer['advice'] or ''}"
        st.warning(plain(words), icon=":material/help:")


def _issues(view: View, stay: Stay) -> None:
    """What is missing or wrong with the values of the case."""
    issues = issues_out(stay.issues, view.lang)
    if not issues:
        return
    _title("issues")
    table(
        _columns("field", "value", "why", "advice"),
        [(one["label"], str(one["value"] or ""), one["text"], one["advice"]) for one in issues],
    )


def _path(told: Mapping[str, Any]) -> None:
    if not told["path"]:
        return
    _title("path")
    table(
        _columns("level", "node", "rule", "found", "place"),
        [
            (
                _level(one),
                f"{one['code']} {one['name']}",
                one["held_by"]["words"] if one["held_by"] else one["words"],
                _evidence(one["held_by"]["evidence"] if one["held_by"] else ()),
                say("trace.row", sheet=one["sheet"], row=one["source_row"])
                if one["source_row"]
                else None,
            )
            for one in told["path"]
        ],
    )


def _complications(told: Mapping[str, Any]) -> None:
    if not told["complications"] and told["scheme"]["family"] not in _COMPLICATED:
        return
    _title("complications")
    if not told["complications"]:
        st.caption(say("case_group.no_complications"))
        return
    table(
        _columns("code", "severity", "counts", "exclusion"),
        [
            (
                f"{one['code']} {one['name']}",
                one["level"],
                say("case_group.yes" if one["counts"] else "case_group.no"),
                say(
                    "case_group.not_excluded" if one["counts"] else "case_group.excluded",
                    table=one["exclusion"],
                    principal=one["principal"],
                ),
            )
            for one in told["complications"]
        ],
    )


def _rest(told: Mapping[str, Any]) -> None:
    """Procedures that do not group, warnings, parts and arithmetic; each only where there is any."""
    for one in told["not_grouping"]:
        st.caption(plain(say("trace.not_grouping", code=one["code"], name=one["name"])))
    if told["warnings"]:
        _title("warnings")
        table(
            _columns("why", "codes"),
            [(one["text"], ", ".join(one["codes"])) for one in told["warnings"]],
        )
    if told["parts"]:
        _title("parts")
        table(
            _columns("part", "node", "action", "why"),
            [
                (
                    f"{one['number']} {one['code']} {one['name']}",
                    f"{one['group']['code']} {one['group']['name']}" if one["group"] else None,
                    one["action"],
                    one["why"],
                )
                for one in told["parts"]
            ],
        )
    if told["arithmetic"]:
        _title("arithmetic")
        table(
            [*_columns("label", "formula"), Column(say("case_group.column.value"), right=True)],
            [(one["label"], one["formula"], str(one["value"])) for one in told["arithmetic"]],
        )


def _others(view: View, told: Mapping[str, Any]) -> None:
    """What was asked and did not hold, in the order in which it was asked."""
    passed = [one for one in told["steps"] if not one["holds"]]
    if not passed:
        return
    with st.expander(say("case_group.others", count=len(passed))):
        table(
            _columns("level", "node", "missing"),
            [
                (_level(one), f"{one['code']} {one['name']}", _failed(view, one["failed_by"]))
                for one in passed
            ],
        )


def _failed(view: View, failed: Sequence[Mapping[str, Any]]) -> str:
    nothing = catalogue(view.lang)["trace.nothing"]
    return "; ".join(f"{one['asked']} ← {one['found'] or nothing}" for one in failed)


def _evidence(evidence: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(dict.fromkeys(str(one["found"]) for one in evidence if one["found"]))


def _level(step: Mapping[str, Any]) -> str:
    return say(f"trace.level_{step['level']}")


def _title(name: str) -> None:
    st.subheader(say(f"case_group.title.{name}"), anchor=False)


def _columns(*names: str) -> list[Column]:
    return [Column(say(f"case_group.column.{name}"), short=name in _SHORT) for name in names]
