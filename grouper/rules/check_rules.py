"""Each rule by itself: the sets it names, and the fields it holds them against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.code_storage import Kind
from codebooks.codes import kind_of_set
from grouper.rules.ast import SEVERITY_SETS, Count, Field, Member
from grouper.rules.facts import rule_inputs, walk
from grouper.rules.formula import PRINCIPAL
from grouper.rules.report import error, note, place, shorten, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codebooks.book import SchemeBook
    from codebooks.findings import Finding
    from grouper.rules.rows import RuleRow


def set_sizes(book: SchemeBook) -> dict[str, int]:
    """How many codes each set has; a set may be declared by a row without a code."""
    sizes: dict[str, int] = {}
    columns = (book.tables["sets"][name].to_pylist() for name in ("set_id", "code"))
    for set_id, code in zip(*columns, strict=True):
        sizes[set_id] = sizes.get(set_id, 0) + bool(code)
    return sizes


def check_rules(rows: Sequence[RuleRow], sizes: Mapping[str, int]) -> Iterator[Finding]:
    """Unknown and empty sets, fields that do not fit, and sets that no rule uses."""
    users: dict[str, list[RuleRow]] = {}
    for row in rows:
        for set_id in sorted(rule_inputs(row.rule).sets):
            users.setdefault(set_id, []).append(row)
        yield from _misfits(row)
    for set_id, using in users.items():
        if sizes.get(set_id):
            continue
        if set_id in sizes or any(is_own_list(row, set_id) for row in using):
            first = using[0]
            yield warning(
                "RULE_SET_EMPTY",
                first.where(),
                set_id=set_id,
                group=first.code,
                count=len(using),
            )
            continue
        for row in using:
            yield error("RULE_SET_UNKNOWN", row.where(), set_id=set_id, group=row.code)
    unused = sorted(set(sizes).difference(users))
    if unused:
        yield note("SETS_UNUSED", place("sets"), count=len(unused), examples=shorten(unused))


def is_own_list(row: RuleRow, set_id: str) -> bool:
    """Whether a set that has no rows is the group's own list, left empty in the official sheet.

    The sheet of sets has no way to write an empty set. A set named after the very group whose
    rule asks for it (``OP_DA1`` in DA1) is taken as one; any other name is a mistake.

    Args:
        row: a row whose rule names the set.
        set_id: the set.
    """
    _, _, suffix = set_id.partition("_")
    return kind_of_set(set_id) is not None and suffix.split("_")[0] == row.code


def _misfits(row: RuleRow) -> Iterator[Finding]:
    for node in walk(row.rule):
        if not isinstance(node, Member | Count):
            continue
        asked, where = ", ".join(node.fields), row.where()
        kinds = {_holds(field) for field in node.fields}
        if len(kinds) > 1:
            yield error("RULE_FIELDS_MIXED", where, fields=asked, group=row.code)
        for set_id in node.sets if isinstance(node, Member) else (node.set_id,):
            kind = Kind.DIAGNOSIS if set_id in SEVERITY_SETS else kind_of_set(set_id)
            if kind is not None and kind not in kinds:
                report, code = error, "RULE_SET_KIND"
            elif set_id in SEVERITY_SETS and set(PRINCIPAL).intersection(node.fields):
                report, code = warning, "RULE_SEVERITY_PRINCIPAL"
            else:
                continue
            yield report(code, where, fields=asked, set_id=set_id, group=row.code)


def _holds(field: Field) -> Kind:
    return Kind.DIAGNOSIS if field.is_diagnosis else Kind.PROCEDURE
