"""The coding and settlement-list checks against a plain reading, on random and planted cases."""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from audit_coding_plain import PLAIN, Case, make, table

from codebooks.audit.books import audit_book
from codebooks.audit.conditions import facts as known_facts
from codebooks.audit.conditions import types
from codebooks.messages import LANGUAGES, catalogue
from grouper.audit.coding.codes import KNOWN, CodeTables
from grouper.audit.coding.engine import Checked, check_coding
from grouper.audit.coding.facts import Facts
from grouper.audit.coding.words import describe
from grouper.audit.finding import FINDING_SCHEMA

START = datetime(2025, 3, 1, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
BOOK = audit_book()
WHOLE: Case = {
    "case_id": "X1",
    "person": "P1",
    "hospital": "H1",
    "region": "demo",
    "kind": "inpatient",
    "insurance_type": "310",
    "admission_number": 1,
    "sex": 1,
    "birth_date": datetime(1960, 1, 1).date(),  # noqa: DTZ001 -- a day
    "age": 65,
    "admission_time": START,
    "discharge_time": START + timedelta(days=4),
    "discharge_way": "1",
    "department": "03",
    "admission_department": "03",
    "physician": "D1",
    "los": 4,
    "admission_dx": "I10.x00",
    "dx": ["I10.x00"],
    "dx_poa": ["1"],
    "dx_time": [START],
    "px": [],
    "px_date": [],
    "px_level": [],
    "total_cost": Decimal(20),
    "scope_cost": Decimal(20),
    "own_cost": Decimal(0),
    "over_limit_cost": Decimal(0),
    "first_share_cost": Decimal(0),
    "birth_weight_g": None,
    "line_item": ["I1"],
    "line_name": ["床位费"],
    "line_class": ["01"],
    "line_quantity": [Decimal(1)],
    "line_amount": [Decimal(20)],
}


def asked(*cases: Case, **options: object) -> Checked:
    return check_coding(table(list(cases)), None, BOOK, **options)  # type: ignore[arg-type]


def rows_of(checked: Checked) -> set[tuple[str, str]]:
    found = checked.findings
    return set(zip(found["case_id"].to_pylist(), found["row"].to_pylist(), strict=True))


@pytest.fixture(scope="module")
def drawn() -> list[Case]:
    chance = random.Random(7)  # noqa: S311 -- test data
    return [make(chance, number) for number in range(600)]


@pytest.fixture(scope="module")
def judged(drawn: list[Case]) -> Checked:
    return asked(*drawn)


@pytest.mark.parametrize(
    ("sex", "found"), [(2, True), (1, False), (0, False), (9, False), (None, False)]
)
def test_of_a_person_of_unclear_sex_nothing_is_said(sex: int | None, found: bool) -> None:
    # Also of rows of tables, which a case read from a file could not have (only 1 and 2 are a sex).
    checked = asked(WHOLE | {"sex": sex, "dx": ["N40.x00"]})
    rules = {BOOK.rules[row["rule"]].rule for row in checked.findings.to_pylist()}
    assert ("GZ10000204006000" in rules) is found


def test_rows_agree_with_a_plain_reading(drawn: list[Case], judged: Checked) -> None:
    found = rows_of(judged)
    silent = []
    for row, (kinds, wrong) in PLAIN.items():
        plain = {(c["case_id"], row) for c in drawn if c["kind"] in kinds and wrong(c)}
        assert {one for one in found if one[1] == row} == plain, row
        if not plain:
            silent.append(row)
    assert silent == []


def test_codes_against_sex_agree_with_a_plain_reading(drawn: list[Case], judged: Checked) -> None:
    rule = "GZ10000204006000"
    found = {
        (one["case_id"], *one["items"])
        for one in judged.findings.to_pylist()
        if one["rule"] == rule and one["level"] == "violation"
    }
    for case in drawn:
        mine = {code.upper() for code in case["dx"] if code}
        of = {code for code in mine if code[:3] in {"N40", "C61"} and case["sex"] == 2}
        if case["sex"] == 1:
            of |= {code for code in mine if code.startswith("O80")}
        told = {code.upper() for key, *some in found if key == case["case_id"] for code in some}
        assert of <= told, case["case_id"]
        assert told <= of | {"Z37.000", "E28.200", "Q53.900", "D24.X00"}


def test_whitelist_flags_what_is_not_listed() -> None:
    px = BOOK.tables["px_dx"].column("px").to_pylist()[0]
    listed = [row["dx"] for row in BOOK.tables["px_dx"].to_pylist() if row["px"] == px]
    date_ = [START.date()]
    right = WHOLE | {"case_id": "R", "px": [px], "px_date": date_, "dx": [listed[0]]}
    wrong = right | {"case_id": "W", "dx": ["N20.000"]}
    none = right | {"case_id": "N", "dx": [None]}
    other = right | {"case_id": "O", "px": ["38.9300"], "dx": ["N20.000"]}
    found = asked(right, wrong, none, other, rules={"GZ10000201006000"}).findings
    assert found["case_id"].to_pylist() == ["W"]
    assert found["items"].to_pylist() == [[px, "N20.000"]]


def test_a_code_whose_extension_is_listed_is_only_to_be_verified() -> None:
    case = WHOLE | {"px": ["47.0100"], "px_date": [START.date()], "dx": ["K35.800"]}
    one = asked(case, rules={"GZ10000201006000"}).findings.to_pylist()[0]
    assert one["level"] == "verify"
    assert {"key": "extension", "value": "K35.800x001"} in one["evidence"]


def test_a_whole_list_has_no_finding() -> None:
    assert rows_of(asked(WHOLE)) == set()


def test_order_and_company_change_nothing(drawn: list[Case], judged: Checked) -> None:
    few = drawn[:25]
    alone = pa.concat_tables([asked(case).findings for case in few])
    ids = {case["case_id"] for case in few}
    whole = [one for one in judged.findings.to_pylist() if one["case_id"] in ids]
    key = ("case_id", "rule", "row", "finding")
    assert sorted(alone.to_pylist(), key=lambda r: [r[k] for k in key]) == sorted(
        whole, key=lambda r: [r[k] for k in key]
    )
    assert asked(*drawn[::-1]).findings.equals(judged.findings)


def test_lines_may_stand_apart(drawn: list[Case], judged: Checked) -> None:
    lines = [
        {
            "case_id": case["case_id"],
            "line": number,
            **{name: case[name][number - 1] for name in case if name.startswith("line_")},
        }
        for case in drawn
        for number in range(1, len(case["line_name"]) + 1)
    ]
    random.Random(3).shuffle(lines)  # noqa: S311 -- test data
    types_ = {"line_quantity": pa.decimal128(14, 4), "line_amount": pa.decimal128(14, 2)}
    charges = pa.Table.from_pylist(lines)
    for name, kind in types_.items():
        place = charges.schema.get_field_index(name)
        charges = charges.set_column(place, name, charges.column(name).cast(kind))
    bare = [{k: v for k, v in case.items() if not k.startswith("line_")} for case in drawn]
    assert check_coding(table(bare), charges, BOOK).findings.equals(judged.findings)
    unnumbered = check_coding(table(bare), charges.drop_columns(["line"]), BOOK)
    assert rows_of(unnumbered) == rows_of(judged)
    strangers = charges.slice(0, 0)
    assert check_coding(table(bare), strangers, BOOK).not_run[-1].rule == "LOC-UPCODE"


def test_without_lines_the_checks_on_charges_are_named() -> None:
    bare = {name: value for name, value in WHOLE.items() if not name.startswith("line_")}
    checked = asked(bare)
    waiting = {one.row for one in checked.not_run if one.missing("en") == "charge lines"}
    assert {"A06", "A07", "QC146", "AC005", None} <= waiting
    assert asked(WHOLE).not_run[0].missing("zh")


def test_refunds_cancel_before_a_charge_counts() -> None:
    charged = WHOLE | {
        "line_item": ["I1", "I2", "I2"],
        "line_name": ["床位费", "阑尾切除术", "阑尾切除术"],
        "line_class": ["01", "06", "06"],
        "line_quantity": [Decimal(1), Decimal(1), Decimal(-1)],
        "line_amount": [Decimal(20), Decimal(500), Decimal(-500)],
    }
    assert rows_of(asked(charged)) == set()
    kept = charged | {"line_quantity": [Decimal(1), Decimal(2), Decimal(-1)]}
    found = asked(kept, rules={"GZ10000201004000"}).findings.to_pylist()
    assert [(one["row"], one["lines"]) for one in found] == [("A07", [2])]


def test_totals_say_how_much() -> None:
    found = asked(WHOLE | {"total_cost": Decimal(140)}).findings.to_pylist()
    told = {(one["row"], one["observed"], one["allowed"], one["amount"]) for one in found}
    assert told == {("AC005", 140, 20, 120), ("AC006", 140, 20, 120)}


def test_ids_are_each_finding_s_own(judged: Checked) -> None:
    ids = judged.findings["finding"].to_pylist()
    assert len(set(ids)) == len(ids)
    twice = WHOLE | {"sex": 2, "dx": ["I10.x00", "N40.x00", "C61.x00"], "dx_poa": ["1"] * 3}
    found = asked(twice, rules={"GZ10000204006000"}).findings
    assert len(set(found["finding"].to_pylist())) == 2


def test_bad_cases_do_not_stop_the_rest() -> None:
    nothing: Case = dict.fromkeys(WHOLE) | {"kind": "inpatient", "case_id": "E"}
    odd = WHOLE | {
        "case_id": "O",
        "dx_poa": ["1", "1", "1"],
        "dx": [None, None],
        "line_quantity": [],
        "ventilator_hours": float("nan"),
        "los": None,
    }
    checked = asked(nothing | {"ventilator_hours": None}, odd, WHOLE | {"ventilator_hours": 1.0})
    found = rows_of(checked)
    assert ("E", "QC029") in found
    assert ("O", "A04") in found
    assert checked.findings.schema.equals(FINDING_SCHEMA)
    assert not {row for case, row in found if case == "X1"}


def test_every_fact_is_there() -> None:
    facts = Facts(table([WHOLE]))
    for name, kind in types().items():
        made = facts.lists if kind.many else facts.scalars if kind in {"number", "time"} else None
        (made or facts.words)(name)
    with pytest.raises(TypeError):
        facts.lists("sex")
    with pytest.raises(TypeError):
        facts.words("sex")
    with pytest.raises(TypeError):
        facts.scalars("dx")


def test_codes_of_an_edition_not_at_hand_are_not_judged() -> None:
    tables = CodeTables()
    assert tables.standing("dx", "icd10cm", "Z99.9Z9") == KNOWN
    assert tables.standing("dx", "clinical", "Z99.9Z9") != KNOWN
    assert tables.official("dx", "ZZZ") == "ZZZ"
    assert rows_of(asked(WHOLE | {"dx": ["I10"], "code_system": "icd10cm"})) == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_findings_in_words(judged: Checked, lang: str) -> None:
    for one in judged.findings.slice(0, 400).to_pylist():
        words = describe(one, BOOK, lang)
        assert "{" not in words
        assert words.count("\n") == 0


def test_a_missing_field_is_named() -> None:
    one = asked(WHOLE | {"sex": None}).findings.to_pylist()[0]
    assert one["evidence"] == [{"key": "sex", "value": ""}]
    assert "性别 未填" in describe(one, BOOK, "zh")
    assert "sex not stated" in describe(one, BOOK, "en")


DEARER = ("提高", "更高", "增收", "多支付", "升组", "高倍率", "补编", "增编诊断", "权重更", "收益")
DEARER_EN = (
    "higher pay",
    "pays more",
    "increase",
    "raise",
    "more money",
    "profit",
    "heavier",
    "add a ",
)


def test_no_text_advises_a_dearer_coding() -> None:
    table_ = BOOK.tables["front_page"]
    texts = [(text, DEARER) for text in table_["zh"].to_pylist()]
    texts += [(text, DEARER_EN) for text in table_["en"].to_pylist()]
    texts += [(text, DEARER) for text in table_["needs_zh"].to_pylist() if text]
    for lang, words in (("zh", DEARER), ("en", DEARER_EN)):
        texts += [(text, words) for key, text in catalogue(lang).items() if key.startswith("audit")]
        texts += [(fact.names[lang], words) for fact in known_facts().values()]
    for text, words in texts:
        if text == "本软件不提示增编诊断":
            continue
        assert not [word for word in words if word in text.lower()], text


def test_no_source_condition_is_lost(facts: Path) -> None:
    with (facts / "audit" / "front_page_checks.csv").open(encoding="utf-8") as file:
        source = {row["check"]: row for row in csv.DictReader(file)}
    rows = BOOK.tables["front_page"].to_pylist()
    own = [row for row in rows if row["check"] not in source]
    assert {row["check"][:2] for row in own} == {"AC"}
    assert {row["check"] for row in rows} >= set(source)
    same = {
        row["check"] for row in rows if row["zh"] == source.get(row["check"], {}).get("condition")
    }
    assert set(source) - same == {"A02", "A06", "A07"}
    for row in rows:
        assert bool(row["condition"]) != bool(row["needs_zh"] and row["needs_en"]), row["row"]
