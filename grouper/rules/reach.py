"""Groups that no case can reach, by proof: see :mod:`grouper.rules.satisfy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.findings import Severity
from grouper.rules.formula import Flag, Formula, Reader, all_of, either_of, negate
from grouper.rules.report import note, place, shorten, warning
from grouper.rules.satisfy import Facts, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codebooks.findings import Finding
    from grouper.rules.rows import RuleRow
    from grouper.rules.universe import Universe


@dataclass(frozen=True, slots=True)
class _Group:
    """A row with its rule, what it takes for good, and what stands under it."""

    row: RuleRow
    rule: Formula
    takes: Formula
    under: tuple[_Group, ...]


def check_reach(universe: Universe, rows: Mapping[str, list[RuleRow]]) -> Iterator[Finding]:
    """Warn of rules that never hold and of groups that earlier rows shadow.

    Of a group that cannot be reached only the group itself is named, not what stands under it. A
    fallback row that nothing reaches is as it should be: one note for all of them. An ADRG whose
    splits may all fail, so that cases fall through to the next, is a note.

    Args:
        universe: the codes of the book.
        rows: the rows of ``mdc``, ``adrg`` and ``drg`` in the order of evaluation.
    """
    everything = Scope(Facts(universe))
    idle: list[str] = []
    for row, finding in _walk(_tree(universe, rows), everything, everything, everything):
        if row.fallback and finding.severity is Severity.WARNING:
            idle.append(row.code)
        else:
            yield finding
    if idle:
        where = place("adrg")
        yield note("FALLBACKS_IDLE", where, count=len(idle), examples=shorten(idle))


def _tree(universe: Universe, rows: Mapping[str, list[RuleRow]]) -> list[_Group]:
    reader = Reader(universe, [row.rule for of in rows.values() for row in of])
    children: dict[tuple[str, ...], list[_Group]] = {}
    # From the leaves up, so that what stands under a group is ready for it.
    for table in ("drg", "adrg", "mdc"):
        for index, row in enumerate(rows[table]):
            under = tuple(children.get(row.path, ()))
            rule = reader.read(row.rule)
            if row.broken:  # it may hold or not: a statement of which nothing else is known
                rule = Flag(("rule", table, str(index)), holds=True)
            takes = rule if table == "drg" else all_of([rule, either_of(g.takes for g in under)])
            children.setdefault(row.parent, []).append(_Group(row, rule, takes, under))
    return children.get((), [])


def _walk(
    groups: Sequence[_Group], everything: Scope, scope: Scope, left: Scope | None
) -> Iterator[tuple[RuleRow, Finding]]:
    """The groups of one scope, each finding with its row.

    Args:
        groups: in the order of evaluation.
        everything: where nothing is known.
        scope: where the parents' rules hold.
        left: as ``scope``, less what earlier groups took; None when nothing is left.
    """
    for index, group in enumerate(groups):
        row = group.row
        if left is None or not left.possible(group.rule):
            yield row, _why(group, groups[:index], everything, scope)
        elif group.under:
            inner, reached = scope.narrow(group.rule), left.narrow(group.rule)
            # Both are possible, as the question above was.
            yield from _walk(group.under, everything, inner or scope, reached)
            rest = reached and reached.narrow(*(negate(g.takes) for g in group.under))
            if row.table == "adrg" and rest is not None and rest.possible():
                where = row.where()
                yield row, note("DRG_FALL_THROUGH", where, group=row.code, name=row.name)
        if left is not None:
            left = left.narrow(negate(group.takes))


def _why(group: _Group, earlier: Sequence[_Group], everything: Scope, scope: Scope) -> Finding:
    """Why a group cannot be reached: its rule, its scope, one earlier row, or several."""
    row = group.row
    where, named = row.where(), {"group": row.code, "name": row.name}
    if not everything.possible(group.rule):
        return warning("RULE_NEVER", where, **named)
    if not scope.possible(group.rule):
        return warning("RULE_NEVER_IN_SCOPE", where, scope="/".join(row.parent), **named)
    for other in earlier:
        if not scope.possible(group.rule, negate(other.takes)):
            code = "RULE_REPEATED" if other.row.rule == row.rule else "GROUP_SHADOWED_BY"
            return warning(code, where, first=other.row.code, row=other.row.number, **named)
    return warning("GROUP_SHADOWED", where, **named)
