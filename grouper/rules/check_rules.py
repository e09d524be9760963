"""Each rule by itself: the sets it names, and the fields it holds them against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.codes import Kind, kind_of_set
from codebooks.findings import Finding, Severity
from grouper.rules.ast import SEVERITY_SETS, Count, Field, Member
from grouper.rules.facts import rule_inputs, walk
from grouper.rules.formula import PRINCIPAL
from grouper.rules.rows import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from codebooks.book import SchemeBook
    from grouper.rules.rows import RuleRow

_SHOWN = 8
"""Examples that a finding about many names shows."""


def shorten(names: Iterable[str]) -> str:
    """Some of many names, for a finding's text."""
    listed = list(names)
    return ", ".join(listed[:_SHOWN]) + (" …" if len(listed) > _SHOWN else "")


def set_sizes(book: SchemeBook) -> dict[str, int]:
    """How many codes each set has; a set may be declared by a row without a code."""
    sizes: dict[str, int] = {}
    columns = (book.tables["sets"][name].to_pylist() for name in ("set_id", "code"))
    for set_id, code in zip(*columns, strict=True):
        sizes[set_id] = sizes.get(set_id, 0) + bool(code)
    return sizes


def check_rules(rows: Iterable[RuleRow], sizes: Mapping[str, int]) -> Iterator[Finding]:
    """Unknown and empty sets, fields that do not fit, and sets that no rule uses."""
    used: set[str] = set()
    empty: dict[str, RuleRow] = {}
    for row in rows:
        named = rule_inputs(row.rule).sets
        used |= named
        for set_id in sorted(named):
            if sizes.get(set_id):
                continue
            if set_id in sizes or is_own_list(row, set_id):
                empty.setdefault(set_id, row)
            else:
                params = {"set_id": set_id, "group": row.code}
                yield Finding("RULE_SET_UNKNOWN", Severity.ERROR, row.where(), params)
        yield from _misfits(row)
    for set_id, row in empty.items():
        params = {"set_id": set_id, "group": row.code}
        yield Finding("RULE_SET_EMPTY", Severity.WARNING, row.where(), params)
    unused = sorted(set(sizes) - used)
    if unused:
        params = {"count": len(unused), "examples": shorten(unused)}
        yield Finding("SETS_UNUSED", Severity.NOTE, place("sets"), params)


def is_own_list(row: RuleRow, set_id: str) -> bool:
    """Whether a set that has no rows is the group's own list, left empty in the official sheet.

    The sheet of sets has no way to write an empty set. A set named after the very group whose
    rule asks for it (``OP_DA1`` in DA1) is taken as one; any other name is a mistake.
    """
    _, _, suffix = set_id.partition("_")
    return kind_of_set(set_id) is not None and suffix.split("_")[0] == row.code


def _misfits(row: RuleRow) -> Iterator[Finding]:
    for node in walk(row.rule):
        if not isinstance(node, Member | Count):
            continue
        fields = ", ".join(node.fields)
        kinds = {_holds(field) for field in node.fields}
        if len(kinds) > 1:
            params = {"fields": fields, "group": row.code}
            yield Finding("RULE_FIELDS_MIXED", Severity.ERROR, row.where(), params)
        for set_id in node.sets if isinstance(node, Member) else (node.set_id,):
            kind = Kind.DIAGNOSIS if set_id in SEVERITY_SETS else kind_of_set(set_id)
            params = {"fields": fields, "set_id": set_id, "group": row.code}
            if kind is not None and kind not in kinds:
                yield Finding("RULE_SET_KIND", Severity.ERROR, row.where(), params)
            elif set_id in SEVERITY_SETS and set(PRINCIPAL).intersection(node.fields):
                yield Finding("RULE_SEVERITY_PRINCIPAL", Severity.WARNING, row.where(), params)


def _holds(field: Field) -> Kind:
    return Kind.DIAGNOSIS if field.is_diagnosis else Kind.PROCEDURE
