"""Random rules for property tests, and a plain reading of the language to hold others against."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

from hypothesis import strategies as st

from grouper.rules.ast import (
    SEVERITY_SETS,
    And,
    Cmp,
    Compare,
    Count,
    Expr,
    Field,
    Member,
    Not,
    Number,
    Or,
    Scalar,
)

COMPARE = {
    Cmp.GE: operator.ge,
    Cmp.LE: operator.le,
    Cmp.GT: operator.gt,
    Cmp.LT: operator.lt,
    Cmp.EQ: operator.eq,
}


def trees(
    sets: st.SearchStrategy[str],
    numbers: st.SearchStrategy[int],
    scalars: st.SearchStrategy[Scalar],
    texts: st.SearchStrategy[str],
    *,
    fields: st.SearchStrategy[tuple[Field, ...]] | None = None,
    max_leaves: int = 8,
) -> st.SearchStrategy[Expr]:
    """Trees as the parser gives them."""
    named = fields
    if named is None:
        named = st.lists(st.sampled_from(Field), min_size=1, max_size=3).map(tuple)
    listed = st.lists(sets, min_size=1, max_size=3).map(tuple)
    leaves = st.one_of(
        st.builds(Number, numbers),
        st.builds(Compare, scalars, st.sampled_from(Cmp), numbers),
        st.builds(Compare, scalars, st.just(Cmp.EQ), texts),
        st.builds(Member, named, listed, st.booleans()),
        st.builds(Count, sets, named, st.sampled_from(Cmp), numbers),
    )

    def combined(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        items = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(And, items), st.builds(Or, items), st.builds(Not, inner))

    return st.recursive(leaves, combined, max_leaves=max_leaves)


@dataclass(frozen=True)
class TinyCase:
    """As much of a case as rules read."""

    codes: dict[Field, frozenset[str]]
    scalars: dict[Scalar, int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class TinyBook:
    """Sets, complications and exclusions to read rules against."""

    sets: dict[str, frozenset[str]]
    cc: dict[str, tuple[str, str]]
    exclusions: dict[str, frozenset[str]]

    def holds(self, expr: Expr | None, case: TinyCase) -> bool:
        """The plain reading of ``docs/RULES.md``."""
        match expr:
            case None:
                return True
            case Number(value):
                return value != 0
            case Not(item):
                return not self.holds(item, case)
            case And(items):
                return all(self.holds(item, case) for item in items)
            case Or(items):
                return any(self.holds(item, case) for item in items)
            case _:
                return self.leaf(expr, case)

    def leaf(self, expr: Compare | Count | Member, case: TinyCase) -> bool:
        match expr:
            case Compare(scalar, cmp, value):
                known = case.scalars.get(scalar)
                same = known is not None and isinstance(known, str) == isinstance(value, str)
                return same and COMPARE[cmp](known, value)
            case Count(set_id, fields, cmp, number):
                codes = frozenset().union(*(case.codes[f] for f in fields))
                return COMPARE[cmp](len(codes & self.sets.get(set_id, frozenset())), number)
            case Member(fields, sets, negated):
                return negated != any(self.hit(f, s, case) for f in fields for s in sets)

    def hit(self, of: Field, set_id: str, case: TinyCase) -> bool:
        if set_id not in SEVERITY_SETS:
            return bool(case.codes[of] & self.sets.get(set_id, frozenset()))
        return any(
            self.cc.get(code, ("", ""))[0] == set_id
            and not case.codes[Field.ZYZD] & self.exclusions.get(self.cc[code][1], frozenset())
            for code in case.codes[of]
        )
