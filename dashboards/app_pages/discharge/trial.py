"""The trial of a clinical correction: what group the case would be of, and by which rules.

Nothing is stored or proposed, no amount is told, and both sides look alike whatever they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from codebooks.errors import GrouperError
from codebooks.messages import text
from codebooks.search import search
from dashboards.app_pages.discharge.group import coding_table, reason_line, show_result
from dashboards.frame.errors import show_error
from dashboards.frame.language import say
from dashboards.frame.looks import looked
from grouper.service.cds.markdown import escaped
from grouper.service.correction import Act, Change, code_sets, consequence
from grouper.service.discharge import why
from grouper.service.discharge_limits import discharge_limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dashboards.frame.view import View
    from grouper.service.correction import Consequence
    from grouper.service.discharge import Coding
    from grouper.service.stored import Stay

_Code = tuple[str, str]
"""Kind and code."""
_LISTS = {"diagnosis": "dx", "procedure": "px"}


def show(view: View, stay: Stay, scheme: str) -> None:
    """Show the section."""
    with st.expander(say("correction.title"), icon=":material/edit_note:"):
        st.info(say("correction.note"), icon=":material/policy:")
        _trial(view, stay, scheme)


@st.fragment
def _trial(view: View, stay: Stay, scheme: str) -> None:
    kept = f"trial:{stay.case_id}:{stay.version}"
    sets = code_sets(scheme)
    names = _chosen(kept, sets)
    own = [
        (kind, code) for kind, name in _LISTS.items() for code in getattr(stay.case, name) if code
    ]
    labels = {one: _label(one, sets, names) for one in [*own, *names]}
    with st.form(kept, border=False):
        add = st.multiselect(
            say("correction.add"),
            list(names),
            format_func=labels.__getitem__,
            key=f"{kept}:add",
            placeholder=say("correction.choose"),
            max_selections=discharge_limits().most_changes,
        )
        remove = st.multiselect(
            say("correction.remove"),
            own,
            format_func=labels.__getitem__,
            key=f"{kept}:remove",
            placeholder=say("correction.choose"),
            max_selections=discharge_limits().most_changes,
        )
        first = [_first(kept, kind, [*own, *names], labels) for kind in _LISTS]
        ground = st.selectbox(
            say("correction.ground"),
            discharge_limits().grounds,
            index=None,
            placeholder=say("correction.choose"),
            format_func=lambda one: text(f"correction_ground.{one}", view.lang),
            key=f"{kept}:ground",
        )
        tried = st.form_submit_button(say("correction.try"), icon=":material/rule:")
    if tried:
        changes = [Change(Act.ADD, *one) for one in add]
        changes += [Change(Act.REMOVE, *one) for one in remove]
        changes += [Change(Act.FIRST, *one) for one in first if one is not None]
        st.session_state[f"{kept}:tried"] = (tuple(changes), ground or "")
    if f"{kept}:tried" in st.session_state:
        _result(view, stay, *st.session_state[f"{kept}:tried"])


def _chosen(kept: str, sets: Mapping[str, str]) -> dict[_Code, str]:
    """What may be added: what the search finds, and what was chosen before; names by code."""
    query = st.text_input(
        say("correction.find"), key=f"{kept}:find", help=say("correction.find_help")
    )
    hits = search(query, sets.values(), discharge_limits().most_hits) if query.strip() else []
    if query.strip() and not hits:
        st.caption(say("correction.no_hits"))
    chosen: dict[_Code, str] = dict(st.session_state.get(f"{kept}:names", {}))
    still = set(st.session_state.get(f"{kept}:add", ()))
    names = {(hit.kind, hit.code): hit.name for hit in hits}
    names |= {one: name for one, name in chosen.items() if one in still}
    st.session_state[f"{kept}:names"] = names
    return names


def _label(one: _Code, sets: Mapping[str, str], names: Mapping[_Code, str]) -> str:
    kind, code = one
    name = names.get(one)
    if name is None:
        found = [hit.name for hit in search(code, [sets[kind]], 1) if hit.code == code]
        name = found[0] if found else ""
    return f"{say(f'discharge_kind.{kind}')} {code} {name}".strip()


def _first(
    kept: str, kind: str, codes: Sequence[_Code], labels: Mapping[_Code, str]
) -> _Code | None:
    """Which code is to be the principal one; None: it stays as it is."""
    return st.selectbox(
        say(f"correction.first_{_LISTS[kind]}"),
        [one for one in codes if one[0] == kind],
        index=None,
        placeholder=say("correction.unchanged"),
        format_func=labels.__getitem__,
        key=f"{kept}:first:{kind}",
    )


def _result(view: View, stay: Stay, changes: Sequence[Change], ground: str) -> None:
    try:
        found = consequence(stay, changes, ground, view.parts.settings.region, view.lang)
        about: dict[str, Any] = {"version": stay.version, "scheme": found.scheme, "ground": ground}
        about["changes"] = [one.plain() for one in changes]
        looked(view, "correction_tried", f"case:{stay.case_id}", about)
    except GrouperError as error:
        show_error(error)
        return
    st.markdown(f"**{say('correction.moved' if found.moved else 'correction.same')}**")
    sides = {"before": found.before, "after": found.after}
    for column, (side, document) in zip(st.columns(2), sides.items(), strict=True):
        with column, st.container(border=True):
            st.caption(say(f"correction.{side}"))
            _side(document)
    for key, codes in (("counts", found.now_counting()), ("counts_no", found.no_longer_counting())):
        if codes:
            st.markdown(say(f"correction.{key}", codes=_list(codes)))
    _table(found)
    words = text(f"correction_ground.{ground}", view.lang)
    st.caption(say("correction.rests_on", ground=words, scheme=found.scheme))


def _side(document: Mapping[str, Any]) -> None:
    show_result(document)
    result = document["result"]
    if result["reason"]:
        st.markdown(escaped(f"{result['reason_text']} {result['advice'] or ''}"))
    for one in why(document):
        place = ""
        if one.sheet and one.row:
            place = say("correction.rule_place", sheet=escaped(one.sheet), row=one.row)
        st.markdown(f"{reason_line(one)}{place}")
    for warning in document["warnings"]:
        words = escaped(" ".join([warning["text"], *warning["codes"]]))
        st.markdown(f":material/warning: {words}")


def _table(found: Consequence) -> None:
    st.table(coding_table(list(found.codes)))


def _list(codes: Sequence[Coding]) -> str:
    named = [escaped(f"{one.code} {one.name} {one.level}") for one in codes]
    return say("correction.separator").join(named)
