"""Pieces of the DRG engine that whole cases ask for seldom: each alone, and the two engines together."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
from random_cases import batch_of

from codebooks.book import BookCard, make_book
from grouper.case.record import Case
from grouper.rules.ast import Cmp, Compare, Scalar
from grouper.schemes.drg.atoms import Nay, assign, conjunction, disjunction
from grouper.schemes.drg.batch import OPEN, BatchEngine
from grouper.schemes.drg.compiled import ROBOT_SET, CompiledScheme
from grouper.schemes.drg.prepare import Others
from grouper.schemes.drg.scalar import answer
from grouper.schemes.load import load_scheme

ADULT = Compare(Scalar.NL, Cmp.GE, 18)
MALE = Compare(Scalar.XB, Cmp.EQ, 1)
SCALARS = ("sex", "age", "age_days", "birth_weight_g", "admission_weight_g", "weight_g", "los")
BLANK: dict[str, Any] = dict.fromkeys((*SCALARS, "discharge_way", "department", "icu_hours"))
DX = ("A00.000x001", "A01.000x001", "A02.000x001")
PX = ("00.0000", "01.0000", "02.0000")


def scheme_of(rules: tuple[str, ...], **tables: list[dict[str, Any]]) -> CompiledScheme:
    """One category whose ADRGs, and their one group each, have these rules."""
    retry = {"retry_each_procedure_as_main": bool(tables.pop("retry", []))}
    card = BookCard(
        "t", "drg", "national", date(2020, 1, 1), None, "d", "p", "birth", "", "", retry
    )
    place = {"mdc": "MDCB", "sort": 1}
    rows: dict[str, list[dict[str, Any]]] = {
        "mdc": [{"mdc": "MDCB", "name": "B", "rule": "", "sort": 1, "source_row": 1}],
        "adrg": [
            {"adrg": f"BA{i}", "name": rule, "rule": rule, "source_row": i} | place
            for i, rule in enumerate(rules)
        ],
        "drg": [
            {"drg": f"BA{i}9", "name": rule, "rule": "", "adrg": f"BA{i}", "source_row": i} | place
            for i, rule in enumerate(rules)
        ],
        "sets": [{"set_id": "DI_ALL", "code": code} for code in DX]
        + [{"set_id": "OP_ALL", "code": code} for code in PX],
    }
    for name, more in tables.items():
        rows[name] = [*rows.get(name, []), *more]
    return CompiledScheme(make_book(card, rows))


def groups_of(scheme: CompiledScheme, cases: list[dict[str, Any]]) -> list[str | None]:
    """The group of each case, on which both engines have to agree."""
    cases = [{**BLANK, "age": 40, "sex": 1, "px": [], **case} for case in cases]
    numbers = BatchEngine(scheme).run(batch_of(cases))
    names: list[str | None] = []
    for i, case in enumerate(cases):
        one = answer(scheme, Case(**{**case, "dx": tuple(case["dx"]), "px": tuple(case["px"])}))
        assert (OPEN if one.group is None else one.group) == numbers.group[i]
        names.append(None if one.group is None else scheme.groups[one.group].drg.code)
    return names


def test_what_is_settled_stays_settled() -> None:
    for settled in (True, False):
        assert assign(settled, {ADULT: not settled}) is settled
    both = conjunction([ADULT, MALE])
    assert assign(both, {ADULT: True}) == MALE
    assert assign(both, {ADULT: False}) is False
    assert assign(both, {}) == both
    assert assign(disjunction([Nay(ADULT), MALE]), {ADULT: True}) == MALE


def test_parts_that_decide_nothing_are_left_out() -> None:
    assert disjunction([False, ADULT]) == ADULT
    assert conjunction([True, ADULT]) == ADULT
    assert disjunction([False, ADULT, True]) is True
    assert conjunction([True, ADULT, False]) is False
    assert disjunction([]) is False
    assert conjunction([]) is True


def test_codes_of_some_cases_go_with_their_rows() -> None:
    others = Others(np.array([0, 2, 2, 4]), np.array([7, 8, 9, 10]))
    some = others.take(np.array([4, 2]), 5)
    assert some.rows.tolist() == [0, 1, 1]
    assert some.ids.tolist() == [10, 8, 9]


def test_a_robot_code_that_does_not_group_still_splits() -> None:
    scheme = scheme_of(
        (f"ZYSS in {ROBOT_SET}", f"QTSS in {ROBOT_SET}", "ZYSS in OP_ALL", ""),
        sets=[{"set_id": ROBOT_SET, "code": PX[0]}],
        not_grouping=[{"code": PX[0]}, {"code": PX[1]}],
    )
    px = [[PX[0]], [PX[2], PX[0]], [PX[2], PX[1]], [PX[1], PX[2]]]
    found = groups_of(scheme, [{"dx": [DX[0]], "px": codes} for codes in px])
    assert found == ["BA09", "BA19", "BA29", "BA39"]


def test_a_batch_without_a_text_answers_no_other_question() -> None:
    # The bits of a case's values lie in one word: a text that nobody has may not set another's.
    scheme = scheme_of(("ICUXS>=10", "LYFS='5'", ""))
    cases = [{"dx": [DX[0]], "icu_hours": hours} for hours in (0.0, 12.0)]
    assert groups_of(scheme, cases) == [None, "BA09"]
    told = [{**case, "discharge_way": way} for case, way in zip(cases, "15", strict=True)]
    assert groups_of(scheme, told) == ["BA29", "BA09"]


def test_a_procedure_that_is_tried_as_the_first_is_no_longer_counted_among_the_others() -> None:
    rule = "length(OP_ALL∩QTSS)>=1"
    scheme = scheme_of(
        (f"{rule} and ZYSS in OP_B", "NL>=18 and ZYSS in OP_B"),
        sets=[{"set_id": "OP_B", "code": PX[1]}],
        retry=[{}],
    )
    # Main and other: counted. The other tried as the main one stands alone.
    cases = [{"dx": [DX[0]], "px": codes} for codes in ([PX[1], PX[0]], [PX[0], PX[1]], [PX[1]])]
    assert groups_of(scheme, cases) == ["BA09", "BA19", "BA19"]


def test_a_procedure_that_is_tried_as_the_first_stands_alone() -> None:
    scheme = scheme_of(
        ("ZYSS in OP_B and QTSS in OP_C", "ZYSS in OP_B"),
        sets=[{"set_id": "OP_B", "code": PX[1]}, {"set_id": "OP_C", "code": PX[2]}],
        retry=[{}],
    )
    cases = [{"dx": [DX[0]], "px": codes} for codes in ([PX[1], PX[2]], [PX[0], PX[1], PX[2]])]
    assert groups_of(scheme, cases) == ["BA09", "BA19"]


def test_the_diagnoses_of_a_case_go_with_it_when_procedures_are_tried() -> None:
    scheme = scheme_of(
        ("ZYSS in OP_B and length(DI_B∩QTZD)>=1", "ZYSS in OP_B"),
        sets=[
            {"set_id": "OP_B", "code": PX[1]},
            {"set_id": "DI_B", "code": DX[1]},
        ],
        retry=[{}],
    )
    cases = [
        {"dx": [DX[0]], "px": [PX[1]]},
        {"dx": [DX[0]], "px": [PX[0], PX[1]]},
        {"dx": [DX[0], DX[1]], "px": [PX[0], PX[1]]},
        {"dx": [DX[0], DX[2]], "px": [PX[0], PX[1]]},
    ]
    assert groups_of(scheme, cases) == ["BA19", "BA19", "BA09", "BA19"]


def test_what_a_batch_cannot_group_is_told_with_its_row() -> None:
    scheme = load_scheme("chs-drg-3.0")
    cases = [{**BLANK, "dx": dx, "px": []} for dx in (["I63.902"], ["Q99.999x999"])]
    batch = batch_of(cases)
    groups, issues = scheme.group_with_issues(batch, first_row=11)
    assert groups.num_rows == 2
    refused = [
        (one["row"], one["reason"]) for one in issues.to_pylist() if one["severity"] == "reject"
    ]
    assert refused == [(11, "AGE_MISSING"), (12, "DX_PRINCIPAL_UNKNOWN")]
