"""Random small schemes in the whole language: the engines and a plain reading agree on every case.

The shipped books use a part of the language. Here rules are drawn freely, so that what a hospital
may import one day is held too: texts, departments, counts of diagnoses, levels of the principal
diagnosis, negations, nested alternatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_cases import batch_of
from rule_trees import TinyBook, TinyCase, trees

from codebooks.book import BookCard, SchemeBook, make_book
from grouper.case.record import Case
from grouper.rules.ast import And, Cmp, Compare, Expr, Field, Not, Or, Scalar
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule
from grouper.schemes.drg.batch import NO_REASON, OPEN, REASONS, BatchEngine
from grouper.schemes.drg.compiled import CompiledScheme
from grouper.schemes.drg.facts import facts_of
from grouper.schemes.drg.scalar import _group, answer

DX = [f"A{i:02}.000x001" for i in range(6)]
PX = [f"{i:02}.0000" for i in range(5)]
SETS = ["DI_A", "DI_B", "DI_C", "OP_A", "OP_B", "OP_ALL", "OP_ARB"]
FIELDS = st.sampled_from(
    [
        (Field.ZYZD,),
        (Field.QTZD,),
        (Field.ZYZD, Field.QTZD),
        (Field.ZYSS,),
        (Field.QTSS,),
        (Field.ZYSS, Field.QTSS),
    ]
)


def fitting(rule: Expr) -> Expr:
    """The rule with texts for what is text and numbers for what is a number."""
    match rule:
        case And() | Or():
            return type(rule)(tuple(fitting(item) for item in rule.items))
        case Not():
            return Not(fitting(rule.item))
        case Compare(scalar, cmp, value):
            if scalar in (Scalar.LYFS, Scalar.KS):
                return Compare(scalar, Cmp.EQ, str(value))
            return Compare(scalar, cmp, value if isinstance(value, int) else 1)
        case _:
            return rule


RULES = trees(
    st.sampled_from([*SETS, "MCC", "CC"]).filter(lambda s: s not in ("MCC", "CC")),
    st.integers(0, 3),
    st.sampled_from(Scalar),
    st.sampled_from(["1", "ICU", "2"]),
    fields=FIELDS,
    max_leaves=6,
).map(fitting)
LEVELS = st.sampled_from(["QTZD in MCC", "QTZD in CC", "QTZD in {MCC, CC}", "ZYZD in CC", ""])


@st.composite
def books(draw: st.DrawFn) -> SchemeBook:
    """A scheme of two categories with two ADRGs of up to two groups each."""
    card = BookCard(
        "tiny", "drg", "national", date(2020, 1, 1), None, "dx", "px",
        draw(st.sampled_from(["birth", "admission"])), "made up", "made up",
        {"retry_each_procedure_as_main": draw(st.booleans())},
    )  # fmt: skip

    def rule() -> str:
        return print_rule(draw(st.one_of(st.none(), RULES)))

    rows: dict[str, list[dict[str, Any]]] = {"mdc": [], "adrg": [], "drg": []}
    for m in "BC":
        rows["mdc"].append({"mdc": f"MDC{m}", "name": m, "rule": rule()})
        for a in "12":
            adrg = f"{m}A{a}"
            rows["adrg"].append({"adrg": adrg, "name": a, "rule": rule(), "mdc": f"MDC{m}"})
            for d in draw(st.sampled_from([("1",), ("1", "5")])):
                split = draw(st.one_of(LEVELS, RULES.map(print_rule)))
                rows["drg"].append(
                    {"drg": adrg + d, "name": d, "rule": split, "adrg": adrg, "mdc": f"MDC{m}"}
                )
    for table in rows.values():
        for i, row in enumerate(table):
            row |= {"sort": i, "source_row": i}
    some_dx = st.lists(st.sampled_from(DX), unique=True)
    some_px = st.lists(st.sampled_from(PX), unique=True)
    rows["sets"] = [
        {"set_id": s, "code": c}
        for s in SETS
        for c in draw(some_dx if s.startswith("DI") else some_px)
    ]
    rows["cc"] = [
        {"code": c, "level": draw(st.sampled_from(["MCC", "CC"])), "exclusion": f"EX_{i % 2}"}
        for i, c in enumerate(draw(some_dx))
    ]
    rows["exclusions"] = [
        {"exclusion": f"EX_{i}", "principal_code": c} for i in (0, 1) for c in draw(some_dx)
    ]
    rows["not_principal"] = [{"code": c} for c in draw(st.lists(st.sampled_from(DX), max_size=1))]
    rows["not_grouping"] = [{"code": c} for c in draw(some_px)][:2]
    return make_book(card, rows)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A case over the tiny universe, with gaps, repeats and an unknown code now and then."""
    small = st.one_of(st.none(), st.integers(0, 4))
    word = st.sampled_from([None, "1", "2", "ICU", "3a"])
    code = st.sampled_from([*DX, "Z00.000", "", None])
    return {
        "sex": draw(st.sampled_from([None, 1, 2])),
        "age": draw(small),
        "age_days": draw(small),
        "birth_weight_g": draw(small),
        "admission_weight_g": draw(small),
        "weight_g": draw(small),
        "los": draw(small),
        "discharge_way": draw(word),
        "department": draw(word),
        "icu_hours": draw(st.sampled_from([None, 0.0, 1.0, 1.5, 2.0, 3.5])),
        "dx": [draw(st.sampled_from(DX)), *draw(st.lists(code, max_size=4))],
        "px": draw(st.lists(st.sampled_from([*PX, "99.99", "", None]), max_size=4)),
    }


@dataclass
class Plain:
    """The evaluation of ``docs/RULES.md`` written down as it reads, without our engines."""

    book: SchemeBook

    def __post_init__(self) -> None:
        def gather(table: str, key: str, value: str) -> dict[str, frozenset[str]]:
            found: dict[str, set[str]] = {}
            for row in self.book.rows(table):
                found.setdefault(row[key], set()).add(row[value])
            return {k: frozenset(v) for k, v in found.items()}

        sets = gather("sets", "set_id", "code")
        self.tiny = TinyBook(
            {name: sets.get(name, frozenset()) for name in SETS},
            {r["code"]: (r["level"], r["exclusion"]) for r in self.book.rows("cc")},
            gather("exclusions", "exclusion", "principal_code"),
        )

    def group(self, case: dict[str, Any]) -> str:
        barred = {r["code"] for r in self.book.rows("not_grouping")} - self.tiny.sets["OP_ARB"]
        dx, px = case["dx"], case["px"]
        main = [c for c in px[:1] if c and c not in barred]
        others = [c for c in px[1:] if c and c not in barred and c not in main]
        if not dx or not dx[0] or dx[0] in {r["code"] for r in self.book.rows("not_principal")}:
            return "0000"
        found = self._walk(case, main, others)
        if found == "0000" and self.book.card.options["retry_each_procedure_as_main"]:
            for code in others:
                found = self._walk(case, [code], [])
                if found != "0000":
                    break
        return found

    def _walk(self, case: dict[str, Any], main: list[str], others: list[str]) -> str:
        weight = case[f"{self.book.card.newborn_weight}_weight_g"]
        tiny = TinyCase(
            {
                Field.ZYZD: frozenset(case["dx"][:1]),
                Field.QTZD: frozenset(c for c in case["dx"][1:] if c and c != case["dx"][0]),
                Field.ZYSS: frozenset(main),
                Field.QTSS: frozenset(others),
            },
            {
                Scalar.NL: case["age"],
                Scalar.XB: case["sex"],
                Scalar.XSRTL: case["age_days"],
                Scalar.XSRTZ: case["weight_g"] if weight is None else weight,
                Scalar.ZYTS: case["los"],
                Scalar.LYFS: case["discharge_way"],
                Scalar.ICUXS: case["icu_hours"],
                Scalar.KS: case["department"],
            },
        )
        for mdc in self.book.rows("mdc"):
            if self._holds(mdc, tiny):
                for adrg in (r for r in self.book.rows("adrg") if r["mdc"] == mdc["mdc"]):
                    if self._holds(adrg, tiny):
                        for drg in (r for r in self.book.rows("drg") if r["adrg"] == adrg["adrg"]):
                            if self._holds(drg, tiny):
                                return str(drg["drg"])
        return "0000"

    def _holds(self, row: dict[str, Any], case: TinyCase) -> bool:
        return self.tiny.holds(parse(row["rule"]), case)


@settings(max_examples=examples(250), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(book=books(), drawn=st.lists(cases(), min_size=1, max_size=12))
def test_engines_and_a_plain_reading_agree(book: SchemeBook, drawn: list[dict[str, Any]]) -> None:
    scheme = CompiledScheme(book)
    numbers = BatchEngine(scheme).run(batch_of(drawn))
    plain = Plain(book)
    for i, row in enumerate(drawn):
        case = Case(**{**row, "dx": tuple(row["dx"]), "px": tuple(row["px"])})
        found = answer(scheme, case)
        told = tuple(n.reason for n in found.notices)
        one = (OPEN if found.group is None else found.group, found.reason, found.level, told)
        reason = None if numbers.reason[i] == NO_REASON else REASONS[numbers.reason[i]]
        notices = tuple(r for k, r in enumerate(REASONS) if numbers.notices[i] >> k & 1)
        assert one == (int(numbers.group[i]), reason, int(numbers.level[i]), notices)
        facts = facts_of(scheme, case)
        if facts.principal and not scheme.not_principal[facts.principal]:
            bare = scheme.groups[_group(scheme, facts, (), None)].drg.code
            assert bare == plain.group(row)


def test_numbers_and_texts_meet_where_they_write_the_same() -> None:
    card = BookCard("t", "drg", "national", date(2020, 1, 1), None, "d", "p", "birth", "", "")
    rules = ["LYFS=5", "KS='ICU'", "NL='7'", "LYFS>=3", "NL='x'"]
    rows: dict[str, list[dict[str, Any]]] = {
        "mdc": [{"mdc": "MDCB", "name": "B", "rule": "", "sort": 1, "source_row": 1}],
        "adrg": [
            {"adrg": f"BA{i}", "name": r, "rule": r, "mdc": "MDCB", "sort": i, "source_row": i}
            for i, r in enumerate(rules)
        ],
        "drg": [
            {"drg": f"BA{i}9", "name": r, "rule": "", "adrg": f"BA{i}", "mdc": "MDCB"}
            | {"sort": 1, "source_row": i}
            for i, r in enumerate(rules)
        ],
        "sets": [{"set_id": "DI_A", "code": DX[0]}],
    }
    scheme = CompiledScheme(make_book(card, rows))
    given_cases: list[tuple[dict[str, Any], str]] = [
        ({"discharge_way": "5", "age": 1, "department": "x"}, "BA09"),
        ({"discharge_way": "1", "age": 1, "department": "ICU"}, "BA19"),
        ({"discharge_way": "1", "age": 7, "department": "x"}, "BA29"),
        ({"discharge_way": "4", "age": 1, "department": "x"}, "BA39"),
        ({"discharge_way": "五", "age": 1, "department": "x"}, "0000"),
    ]
    gaps = dict.fromkeys(("sex", "age_days", "birth_weight_g", "admission_weight_g", "weight_g"))
    full = [
        {**gaps, "los": 1, "icu_hours": 0.0, **c, "dx": [DX[0]], "px": []} for c, _ in given_cases
    ]
    numbers = BatchEngine(scheme).run(batch_of(full))
    for i, (_, expected) in enumerate(given_cases):
        found = answer(scheme, Case(**{**full[i], "dx": (DX[0],), "px": ()}))
        assert found.group is not None
        assert scheme.groups[found.group].drg.code == expected
        assert scheme.groups[int(numbers.group[i])].drg.code == expected
