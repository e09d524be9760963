"""What the checker calls impossible must be so: held against all cases of tiny books."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import TYPE_CHECKING

import pytest
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rule_trees import TinyBook, TinyCase, trees

from grouper.rules.ast import Count, Expr, Field, Scalar
from grouper.rules.facts import walk
from grouper.rules.formula import Reader, negate
from grouper.rules.parser import parse
from grouper.rules.reach import check_reach
from grouper.rules.rows import RuleRow
from grouper.rules.satisfy import Facts, Scope
from grouper.rules.universe import Universe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codebooks.findings import Finding

DIAGNOSES, PROCEDURES = ("D1", "D2"), ("P1", "P2")
SETS = ("DI_A", "DI_B", "OP_A", "OP_ALL")
UNREACHED = {"RULE_NEVER", "RULE_NEVER_IN_SCOPE", "RULE_REPEATED"}
UNREACHED |= {"GROUP_SHADOWED_BY", "GROUP_SHADOWED"}


def subsets(of: tuple[str, ...]) -> Iterator[frozenset[str]]:
    sizes = range(len(of) + 1)
    return map(frozenset, chain.from_iterable(combinations(of, n) for n in sizes))


def every_case() -> list[TinyCase]:
    """All cases over two codes of each kind, a code in no set, and a few numbers."""
    none: frozenset[str] = frozenset()
    principals = [none, frozenset({"D1"}), frozenset({"D2"}), frozenset({"X"})]
    mains = [none, frozenset({"P1"}), frozenset({"P2"})]
    facts = product(
        principals, subsets(DIAGNOSES), mains, subsets(PROCEDURES), (None, 1, 3), (None, "a")
    )
    return [
        TinyCase(
            dict(zip(Field, codes, strict=True)),
            {Scalar.NL: age, Scalar.XSRTZ: age, Scalar.KS: department},
        )
        for *codes, age, department in facts
    ]


CASES = every_case()

RULES = trees(
    st.sampled_from((*SETS, "DI_ABSENT", "MCC", "CC")),
    st.integers(0, 3),
    st.sampled_from((Scalar.NL, Scalar.XSRTZ)),
    st.just("a"),
    fields=st.sampled_from(
        (
            (Field.ZYZD,),
            (Field.QTZD,),
            (Field.ZYSS,),
            (Field.QTSS,),
            (Field.ZYZD, Field.QTZD),
            (Field.ZYSS, Field.QTSS),
        )
    ),
    max_leaves=5,
)


@st.composite
def tiny_books(draw: st.DrawFn) -> TinyBook:
    codes = st.sampled_from(DIAGNOSES), st.sampled_from(PROCEDURES)
    sets = {s: draw(st.frozensets(codes[s.startswith("OP")])) for s in SETS}
    levels = st.tuples(st.sampled_from(("MCC", "CC")), st.sampled_from(("E1", "E2")))
    cc = draw(st.dictionaries(codes[0], levels))
    exclusions = draw(st.dictionaries(st.sampled_from(("E1", "E2")), st.frozensets(codes[0])))
    return TinyBook(sets, cc, exclusions)


def universe_of(book: TinyBook, rules: list[Expr | None]) -> Universe:
    counted = {n.set_id for rule in rules for n in walk(rule) if isinstance(n, Count)}
    cc = [(code, level, exclusion) for code, (level, exclusion) in book.cc.items()]
    return Universe(book.sets, cc, book.exclusions, counted)


def possible(book: TinyBook, *rules: Expr | None) -> bool:
    universe = universe_of(book, list(rules))
    reader = Reader(universe, rules)
    return Scope(Facts(universe)).possible(*(reader.read(rule) for rule in rules))


@settings(max_examples=examples(150), deadline=None)
@given(tiny_books(), st.lists(RULES, min_size=1, max_size=3))
def test_no_case_satisfies_what_is_called_impossible(book: TinyBook, rules: list[Expr]) -> None:
    satisfied = any(all(book.holds(rule, case) for rule in rules) for case in CASES)
    assert possible(book, *rules) or not satisfied


@settings(max_examples=examples(100), deadline=None)
@given(tiny_books(), RULES)
def test_what_cannot_be_denied_always_holds(book: TinyBook, rule: Expr) -> None:
    universe = universe_of(book, [rule])
    formula = Reader(universe, [rule]).read(rule)
    denied = Scope(Facts(universe)).possible(negate(formula))
    assert denied or all(book.holds(rule, case) for case in CASES)


@dataclass(frozen=True)
class TinyScheme:
    rows: dict[str, list[RuleRow]]

    def tries(self, book: TinyBook, case: TinyCase) -> Iterator[tuple[str, str]]:
        """What a case meets: ``holds`` rows in order, ``falls`` ADRGs whose splits all fail."""
        for mdc in self.rows["mdc"]:
            if not book.holds(mdc.rule, case):
                continue
            yield "holds", mdc.code
            for adrg in self.rows["adrg"]:
                if adrg.parent != (mdc.code,) or not book.holds(adrg.rule, case):
                    continue
                yield "holds", adrg.code
                for drg in self.rows["drg"]:
                    if drg.parent == adrg.path and book.holds(drg.rule, case):
                        yield "holds", drg.code
                        return
                if any(drg.parent == adrg.path for drg in self.rows["drg"]):
                    yield "falls", adrg.code


@st.composite
def tiny_schemes(draw: st.DrawFn) -> TinyScheme:
    maybe = st.one_of(st.none(), RULES)
    rows: dict[str, list[RuleRow]] = {"mdc": [], "adrg": [], "drg": []}

    def add(table: str, code: str, parent: tuple[str, ...]) -> RuleRow:
        row = RuleRow(table, code, "name", (*parent, code)[0], parent, 1, draw(maybe))
        rows[table].append(row)
        return row

    for letter in "AB":
        mdc = add("mdc", f"MDC{letter}", ())
        for number in range(1, draw(st.integers(1, 3)) + 1):
            adrg = add("adrg", f"{letter}{number}", mdc.path)
            for split in range(draw(st.integers(0, 2))):
                add("drg", f"{letter}{number}{split}", adrg.path)
    return TinyScheme(rows)


def check(book: TinyBook, scheme: TinyScheme) -> list[Finding]:
    rules = [row.rule for rows in scheme.rows.values() for row in rows]
    return list(check_reach(universe_of(book, rules), scheme.rows))


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tiny_books(), tiny_schemes())
def test_no_case_reaches_what_is_called_unreachable(book: TinyBook, scheme: TinyScheme) -> None:
    findings = check(book, scheme)
    met = {what for case in CASES for what in scheme.tries(book, case)}
    idle = {f.params["group"] for f in findings if f.code in UNREACHED}
    assert not idle & {code for kind, code in met if kind == "holds"}
    noted = {f.params["group"] for f in findings if f.code == "DRG_FALL_THROUGH"}
    assert {code for kind, code in met if kind == "falls"} <= noted
    alone = {f.params["group"] for f in findings if f.code == "RULE_NEVER"}
    for row in chain.from_iterable(scheme.rows.values()):
        if row.code in alone:
            assert not any(book.holds(row.rule, case) for case in CASES)


BOOK = TinyBook(
    sets={
        "DI_A": frozenset({"D1", "D2"}),
        "DI_B": frozenset({"D3"}),
        "DI_C": frozenset({"D1"}),
        "OP_A": frozenset({"P1"}),
        "OP_B": frozenset({"P2"}),
        "OP_ALL": frozenset({"P1", "P2"}),
    },
    cc={"D2": ("MCC", "E1"), "D3": ("CC", "E2")},
    exclusions={"E1": frozenset({"D1"}), "E2": frozenset({"D1", "D2", "D3"})},
)


@pytest.mark.parametrize(
    "rule",
    [
        "0",
        "NL>=70 and NL<18",
        "NL>3 and NL<4",
        "NL<0",
        "NL=3 and not NL>2",
        "XB=1 and XB=2",
        "ZYZD in DI_A and ZYZD in DI_B",
        "ZYSS in OP_A and ZYSS not in OP_ALL",
        "QTZD in DI_NONE",
        "QTZD in DI_C and QTZD not in DI_A",
        "{ZYZD, QTZD} in DI_C and ZYZD not in DI_C and QTZD not in DI_A",
        "QTZD in MCC and QTZD not in {MCC, CC}",
        "ZYZD in DI_C and QTZD in MCC",
        "ZYZD in DI_A and QTZD in CC",
        "QTZD in MCC and QTZD not in DI_A",
        "ZYZD in DI_B and QTZD not in MCC and QTZD in DI_A and QTZD not in DI_C",
        "length(OP_A ∩ {ZYSS, QTSS})>=2",
        "length(OP_ALL ∩ ZYSS)>1",
        "length(OP_ALL ∩ {ZYSS, QTSS})<1 and ZYSS in OP_A",
        "length(OP_ALL ∩ {ZYSS, QTSS})=0 and QTSS in OP_A",
        "length(OP_A ∩ QTSS)<0",
        "length(OP_ALL ∩ QTSS)>=2 and length(OP_ALL ∩ QTSS)<=1",
        "length(OP_ALL ∩ QTSS)>=2 and QTSS not in OP_B",
        "KS='a' and not KS='a'",
        "(NL<18 or XB=1) and NL>=18 and XB=2",
        "not (ZYZD in DI_A or ZYZD not in DI_A)",
    ],
)
def test_contradictions_that_are_found(rule: str) -> None:
    assert not possible(BOOK, parse(rule))


@pytest.mark.parametrize(
    "rule",
    [
        "1",
        "NL>=70 or NL<18",
        "not NL>=18 and not NL<18",  # true when the age is missing
        "XSRTZ>3 and XSRTZ<4",  # weights may have decimals
        "QTZD in DI_A and QTZD in DI_B",  # two diagnoses
        "ZYSS not in OP_ALL",
        "ZYZD not in {DI_A, DI_B}",
        "ZYZD in DI_B and QTZD in MCC",
        "QTZD in MCC and QTZD in CC",
        "ZYZD in DI_C and QTZD in DI_A and QTZD not in MCC",
        "ZYZD in MCC",
        "length(OP_ALL ∩ {ZYSS, QTSS})>=2",
        "length(OP_ALL ∩ {ZYSS, QTSS})=1 and ZYSS in OP_A",
        "not length(OP_ALL ∩ QTSS)=1",
        "length(OP_ALL ∩ QTSS)>=0",
        "KS='a' and not KS='b'",
    ],
)
def test_what_can_hold_is_never_called_impossible(rule: str) -> None:
    assert possible(BOOK, parse(rule))


def test_out_of_fuel_means_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = parse("(KS='a' or KS='b') and (not KS='a' or KS='c') and not KS='b' and not KS='c'")
    assert not possible(BOOK, rule)
    hard = parse(
        "(KS='a' or KS='b') and (not KS='a' or KS='b') and (KS='a' or not KS='b')"
        " and (not KS='a' or not KS='b')"
    )
    assert not possible(BOOK, hard)
    monkeypatch.setattr("grouper.rules.satisfy._FUEL", 0)
    assert possible(BOOK, hard)
