from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from codebooks.book import BookCard, SchemeBook, make_book
from codebooks.errors import Where
from codebooks.findings import Finding, Severity
from grouper.rules.check import check_book

CARD = BookCard(
    id="small",
    family="chs-drg",
    region="national",
    valid_from=date(2024, 1, 1),
    valid_to=None,
    diagnosis_code_set="icd10-nhsa-2.0",
    procedure_code_set="icd9cm3-nhsa-2.0",
    newborn_weight="birth",
    standing="test",
    source="test",
    options={"retry_each_procedure_as_main": True},
)

Rows = dict[str, list[dict[str, Any]]]


def rows() -> Rows:
    """A small book without a fault; codes are of the insurance edition."""
    return {
        "mdc": [
            {"mdc": "MDCA", "name": "先期", "rule": "", "sort": 1, "source_row": 3},
            {"mdc": "MDCB", "name": "神经", "rule": "ZYZD in DI_B00", "sort": 2, "source_row": 4},
        ],
        "adrg": [
            adrg("AA1", "ZYSS in OP_AA1", 1, "MDCA"),
            adrg("BB1", "ZYSS in OP_BB1", 1),
            adrg("BR1", "ZYZD in DI_BR1", 2),
            adrg("BZ1", "", 3),
        ],
        "drg": [
            drg("AA19", "", 1, "AA1", "MDCA"),
            drg("BB11", "QTZD in MCC", 1, "BB1"),
            drg("BB13", "QTZD in {MCC, CC}", 2, "BB1"),
            drg("BB15", "", 3, "BB1"),
            drg("BR19", "", 1, "BR1"),
            drg("BZ19", "", 1, "BZ1"),
        ],
        "sets": [
            member("DI_B00", "I61.000"),
            member("DI_B00", "I63.900"),
            member("DI_BR1", "I61.000"),
            member("OP_AA1", "33.6x00"),
            member("OP_BB1", "01.2400"),
        ],
        "cc": [
            {"code": "A41.900", "level": "MCC", "exclusion": "EX_1"},
            {"code": "E11.900", "level": "CC", "exclusion": "EX_1"},
            {"code": "I10.x00", "level": "CC", "exclusion": ""},
        ],
        "exclusions": [{"exclusion": "EX_1", "principal_code": "A41.900"}],
    }


def adrg(code: str, rule: str, sort: int, mdc: str = "MDCB") -> dict[str, Any]:
    name = f"名称{code}"
    return {
        "adrg": code, "name": name, "rule": rule, "mdc": mdc, "sort": sort, "source_row": sort + 9
    }  # fmt: skip


def drg(code: str, rule: str, sort: int, parent: str, mdc: str = "MDCB") -> dict[str, Any]:
    return {"drg": code, "name": code, "rule": rule, "adrg": parent, "mdc": mdc, "sort": sort}


def member(set_id: str, code: str) -> dict[str, Any]:
    return {"set_id": set_id, "code": code}


def check(given: Rows, card: BookCard = CARD) -> list[Finding]:
    book: SchemeBook = make_book(card, given)
    found = check_book(book)
    for finding in found:
        for lang in ("zh", "en"):
            assert finding.code in finding.describe(lang)
    return found


def only(given: Rows, code: str, card: BookCard = CARD) -> Finding:
    """The one finding of that code."""
    found = [finding for finding in check(given, card) if finding.code == code]
    assert len(found) == 1, found
    return found[0]


def with_rule(table: str, index: int, rule: str) -> Rows:
    given = rows()
    given[table][index]["rule"] = rule
    return given


def test_a_good_book_has_no_findings() -> None:
    assert check(rows()) == []


def test_a_syntax_error_names_sheet_row_column_and_position() -> None:
    finding = only(with_rule("adrg", 2, "ZYZD on DI_BR1"), "RULE_TOKEN")
    assert finding.severity is Severity.ERROR
    assert finding.where == Where(sheet="ADRG", row=11, column="规则", position=6)
    assert "“on”" in finding.describe("zh")


def test_of_a_broken_rule_nothing_is_concluded() -> None:
    given = with_rule("adrg", 1, "ZYSS in (")
    given["adrg"][2]["rule"] = "NL>="
    codes = {finding.code for finding in check(given)}
    assert codes == {"RULE_TOKEN", "RULE_INCOMPLETE", "SETS_UNUSED"}


def test_an_unknown_set_is_an_error() -> None:
    finding = only(with_rule("drg", 1, "ZYZD in DI_BB9"), "RULE_SET_UNKNOWN")
    assert finding.severity is Severity.ERROR
    assert finding.params == {"set_id": "DI_BB9", "group": "BB11"}
    assert finding.where == Where(sheet="DRG", row=2, column="规则")


def test_a_groups_own_list_without_rows_is_an_empty_set() -> None:
    given = with_rule("adrg", 1, "ZYSS in OP2_BB1")
    given["adrg"][2]["rule"] = "ZYZD in DI_BR1 and ZYSS in OP2_BB1"
    finding = only(given, "RULE_SET_EMPTY")
    assert finding.severity is Severity.WARNING
    assert finding.params == {"set_id": "OP2_BB1", "group": "BB1", "count": 2}
    assert [f.params["group"] for f in check(given) if f.code == "RULE_NEVER"] == ["BB1", "BR1"]


def test_a_set_declared_by_a_row_without_a_code_is_empty() -> None:
    given = with_rule("drg", 1, "ZYSS in OP_NONE")
    given["sets"].append(member("OP_NONE", ""))
    assert only(given, "RULE_SET_EMPTY").params["set_id"] == "OP_NONE"
    assert not [f for f in check(given) if f.code == "CODES_UNKNOWN"]


@pytest.mark.parametrize(
    ("rule", "code", "severity"),
    [
        ("{ZYZD, QTSS} in DI_BR1", "RULE_FIELDS_MIXED", Severity.ERROR),
        ("ZYZD in OP_BB1", "RULE_SET_KIND", Severity.ERROR),
        ("{ZYSS, QTSS} not in DI_BR1", "RULE_SET_KIND", Severity.ERROR),
        ("length(DI_BR1 ∩ QTSS)>=1", "RULE_SET_KIND", Severity.ERROR),
        ("QTSS in CC", "RULE_SET_KIND", Severity.ERROR),
        ("{ZYZD, QTZD} in {MCC, DI_BR1}", "RULE_SEVERITY_PRINCIPAL", Severity.WARNING),
    ],
)
def test_fields_and_sets_that_do_not_fit(rule: str, code: str, severity: Severity) -> None:
    assert only(with_rule("drg", 1, rule), code).severity is severity


def test_a_set_of_no_known_kind_is_not_judged() -> None:
    given = with_rule("drg", 1, "QTSS in SPECIAL")
    given["sets"].append(member("SPECIAL", "01.2400"))
    assert check(given) == []


def test_sets_that_no_rule_names_are_one_note() -> None:
    given = rows()
    given["sets"] += [member(f"DI_U{n:02}", "I61.000") for n in range(12)]
    finding = only(given, "SETS_UNUSED")
    assert finding.severity is Severity.NOTE
    assert finding.params["count"] == 12
    assert str(finding.params["examples"]).endswith("DI_U07 …")


@pytest.mark.parametrize(
    ("table", "index", "rule", "code"),
    [
        ("adrg", 2, "0", "RULE_NEVER"),
        ("adrg", 2, "NL<18 and NL>=18", "RULE_NEVER"),
        ("drg", 1, "ZYZD in DI_B00 and ZYZD not in DI_B00", "RULE_NEVER"),
        ("adrg", 2, "ZYZD not in DI_B00", "RULE_NEVER_IN_SCOPE"),
        ("drg", 4, "ZYZD in DI_B00 and ZYZD not in DI_BR1", "RULE_NEVER_IN_SCOPE"),
        ("drg", 2, "QTZD in MCC and NL<18", "GROUP_SHADOWED_BY"),
        ("adrg", 2, "ZYSS in OP_BB1", "RULE_REPEATED"),
        ("adrg", 2, "ZYSS in OP_AA1", "GROUP_SHADOWED"),
        ("mdc", 1, "ZYSS in OP_AA1", "GROUP_SHADOWED_BY"),
    ],
)
def test_groups_that_no_case_reaches(table: str, index: int, rule: str, code: str) -> None:
    given = with_rule(table, index, rule)
    finding = only(given, code)
    assert finding.severity is Severity.WARNING
    assert finding.params["group"] == given[table][index][table]
    reach = [f for f in check(given) if f.code.startswith(("RULE_NEVER", "RULE_REP", "GROUP_SH"))]
    assert reach == [finding]


def test_a_shadowed_group_names_the_row_before_it() -> None:
    finding = only(with_rule("adrg", 2, "ZYSS in OP_BB1"), "RULE_REPEATED")
    assert (finding.params["first"], finding.params["row"]) == ("BB1", 10)
    assert "BB1（第 10 行）" in finding.describe("zh")


def test_earlier_rows_shadow_only_what_their_splits_take() -> None:
    given = with_rule("drg", 3, "NL<18")
    given["adrg"][2]["rule"] = "ZYSS in OP_BB1"
    found = check(given)
    assert [f.code for f in found if f.code != "SETS_UNUSED"] == ["DRG_FALL_THROUGH"]
    assert found[1].severity is Severity.NOTE
    assert found[1].params["group"] == "BB1"


def test_nothing_is_left_after_a_row_that_takes_all() -> None:
    given = rows()
    given["mdc"][0]["rule"] = "1"
    given["adrg"][0]["rule"] = ""
    assert only(given, "GROUP_SHADOWED_BY").params["group"] == "MDCB"
    given["adrg"].append(adrg("AB1", "", 2, "MDCA"))
    given["drg"].append(drg("AB19", "", 1, "AB1", "MDCA"))
    assert only(given, "RULE_REPEATED").params["group"] == "AB1"


def test_fallback_rows_that_nothing_reaches_are_one_note() -> None:
    given = rows()
    given["adrg"].append({**adrg("B00", "", 4), "name": ""})
    given["drg"].append({**drg("B000", "", 1, "B00"), "name": ""})
    found = check(given)
    assert [(f.code, f.severity, f.params["count"]) for f in found] == [
        ("FALLBACKS_IDLE", Severity.NOTE, 1)
    ]


@pytest.mark.parametrize("table", ["mdc", "adrg", "drg"])
def test_a_group_that_stands_twice_is_an_error(table: str) -> None:
    given = rows()
    given[table].append(dict(given[table][1]))
    finding = only(given, "GROUP_DUPLICATE")
    assert finding.severity is Severity.ERROR
    assert finding.params["group"] == given[table][1][table]


def test_the_same_drg_under_two_adrgs_is_allowed() -> None:
    given = rows()
    given["drg"].append(drg("BR19", "", 2, "BZ1"))
    assert not [f for f in check(given) if f.severity is Severity.ERROR]


def test_parents_must_exist() -> None:
    given = rows()
    given["adrg"].append(adrg("CC1", "", 1, "MDCC"))
    given["drg"].append(drg("CC19", "", 1, "CC9", "MDCC"))
    found = [f for f in check(given) if f.code == "GROUP_PARENT"]
    assert [(f.params["group"], f.params["parent"]) for f in found] == [
        ("CC1", "MDCC"),
        ("CC19", "MDCC/CC9"),
    ]
    assert {f.severity for f in found} == {Severity.ERROR}


def test_groups_without_rows_are_never_reached() -> None:
    given = rows()
    given["adrg"].append(adrg("BX1", "ZYZD in DI_BR1", 2))
    given["mdc"].append({"mdc": "MDCX", "name": "", "rule": "", "sort": 9})
    found = [f for f in check(given) if f.code == "GROUP_CHILDLESS"]
    assert [f.params["group"] for f in found] == ["MDCX", "BX1"]
    assert [f.params["children"] for f in found] == ["ADRG", "DRG"]


def test_complications_must_be_clear() -> None:
    given = rows()
    given["cc"] += [
        {"code": "a41.900", "level": "CC", "exclusion": "EX_1"},
        {"code": "E11.900", "level": "CC", "exclusion": "EX_9"},
        {"code": "B18.100", "level": "XC", "exclusion": "EX_1"},
    ]
    given["exclusions"].append({"exclusion": "EX_2", "principal_code": "A41.900"})
    given["exclusions"].append({"exclusion": "EX_9", "principal_code": ""})
    codes = [(f.code, f.severity) for f in check(given)]
    assert sorted(codes) == [
        ("CC_EXCLUSION_EMPTY", Severity.WARNING),
        ("CC_LEVEL", Severity.ERROR),
        ("CC_TWICE", Severity.ERROR),
        ("CC_TWICE", Severity.ERROR),
        ("EXCLUSIONS_UNUSED", Severity.NOTE),
    ]


def test_unknown_codes_are_named_by_their_set() -> None:
    given = rows()
    given["sets"] += [member("DI_BR1", "I61.0"), member("DI_BR1", "X99.999")]
    given["exclusions"].append({"exclusion": "EX_1", "principal_code": "X99.999"})
    found = [f for f in check(given) if f.code == "CODES_UNKNOWN"]
    assert [(f.params["owner"], f.params["count"], f.severity) for f in found] == [
        ("DI_BR1", 2, Severity.WARNING),
        ("EX_1", 1, Severity.NOTE),
    ]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        (replace(CARD, valid_to=date(2024, 1, 1)), "CARD_VALIDITY"),
        (replace(CARD, options={"guess": True}), "CARD_OPTION"),
        (replace(CARD, newborn_weight="today"), "CARD_WEIGHT"),
        (replace(CARD, diagnosis_code_set="icd-99"), "CARD_CODE_SET"),
    ],
)
def test_a_card_that_the_engine_does_not_understand(card: BookCard, code: str) -> None:
    finding = only(rows(), code, card)
    assert finding.severity is Severity.ERROR
    assert finding.where.sheet == "方案卡"


def test_a_limited_validity_is_fine() -> None:
    assert check(rows(), replace(CARD, valid_to=date(2025, 1, 1))) == []
