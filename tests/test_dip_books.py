"""The shipped DIP books: whole, as published, readable, and what the facts give."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
import re
from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from codebooks import paths
from codebooks.book import SchemeBook
from codebooks.dip.city import city_row, decimal_of, whole_of
from codebooks.dip.grammar import is_mixed, parse_diagnoses, parse_keys, parse_procedures
from codebooks.dip.known import known_codes
from codebooks.dip.naming import mend_name
from codebooks.dip.national import catalogue_row, excluded_procedure
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.storage import verify_book

NATIONAL, CITY = "dip-3.0", "dip-pingdingshan-2025"


@cache
def shipped(scheme: str) -> SchemeBook:
    return verify_book(paths.shipped() / "schemes" / scheme)


def builder() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "tools" / "build_dip.py"
    spec = importlib.util.spec_from_file_location("build_dip", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_count_is_the_published_one() -> None:
    book = shipped(NATIONAL)
    groups = book.rows("groups")
    assert Counter(row["section"] for row in groups) == {
        "XQ": 19,
        "BX": 1725,
        "FZ": 113,
        "JC": 3268,
    }
    assert Counter(row["detail"] for row in groups if row["section"] == "FZ") == {
        "burn": 25,
        "tumour": 42,
        "tuberculosis": 46,
    }
    assert [row["group"] for row in groups] == [str(number) for number in range(1, 5126)]
    assert Counter(row["treatment"] for row in book.rows("excluded_procedures")) == {
        "conservative": 4017,
        "not_main": 87,
        "restricted": 7,
    }
    assert book.counts() == {
        "groups": 5125,
        "excluded_diagnoses": 4742,
        "excluded_procedures": 4111,
        "resistant_diagnoses": 48,
        "primary_care": 127,
    }
    city = shipped(CITY).rows("groups")
    assert Counter((row["section"], row["treatment"]) for row in city) == {
        ("HX", ""): 3877,
        ("ZH", "surgery"): 293,
        ("ZH", "therapeutic"): 138,
        ("ZH", "diagnostic"): 100,
        ("ZH", "conservative"): 36,
    }


def test_the_books_are_what_the_facts_give(facts: Path) -> None:
    for book in builder().books(facts):
        found = shipped(book.card.id)
        assert found.content_hash() == book.content_hash()
        assert found.card == book.card
        assert found.rows("groups") == book.rows("groups")


@pytest.mark.parametrize("scheme", [NATIONAL, CITY])
def test_every_cell_can_be_read_and_every_code_is_known(scheme: str) -> None:
    book = shipped(scheme)
    diagnoses = known_codes(book.card.diagnosis_code_set)
    procedures = known_codes(book.card.procedure_code_set)
    seen: set[str] = set()
    for row in (*book.rows("groups"), *book.rows("primary_care")):
        for column in ("procedure", "related"):
            assert all(map(procedures.has, parse_procedures(row.get(column, "")).codes))
        seen |= {row["diagnosis"], row.get("second_diagnosis", "")}
    seen |= {row["diagnoses"] for row in book.rows("excluded_procedures")}
    for cell in seen:
        for key in (key for part in parse_diagnoses(cell) for key in part):
            assert diagnoses.takes(key), cell
    for table in ("excluded_diagnoses", "resistant_diagnoses"):
        assert all(diagnoses.has(fold_code(row["code"])) for row in book.rows(table))
    for row in book.rows("excluded_procedures"):
        assert procedures.has(fold_code(row["code"]))


def test_known_codes_are_found_by_prefix() -> None:
    diagnoses = known_codes("icd10-nhsa-2.0")
    assert diagnoses.begins("A00")
    assert not diagnoses.begins("A01.9")
    assert not diagnoses.begins("Z999")
    for cell, found in {"A00": True, "A01.9": False, "A00.0+": False, "Z99.9+": False}.items():
        assert diagnoses.takes(parse_keys(cell)[0]) is found
    assert diagnoses.takes(parse_keys("所有诊断")[0])


@pytest.mark.parametrize("scheme", [NATIONAL, CITY])
def test_texts_are_never_null_and_every_group_has_a_name(scheme: str) -> None:
    for row in shipped(scheme).rows("groups"):
        texts = {k for k, v in row.items() if v is None}
        assert texts <= {
            "age_days_min",
            "age_days_max",
            "weight_g_min",
            "weight_g_max",
            "score",
            "mean_cost",
            "mean_los",
            "cost_cv",
            "cases",
        }
        assert 0 < len(row["name"]) < 80


def test_keys_of_groups_are_unique() -> None:
    columns = ("section", "diagnosis", "second_diagnosis", "resistant", "procedure", "related")
    for scheme in (NATIONAL, CITY):
        rows = shipped(scheme).rows("groups")
        keys = Counter(
            tuple(row[c] for c in (*columns, "treatment", "weight_g_min")) for row in rows
        )
        assert keys.most_common(1)[0][1] == 1


def test_conditions_of_the_pre_groups_are_columns() -> None:
    rows = {row["group"]: row for row in shipped(NATIONAL).rows("groups")}
    anywhere = {g for g, row in rows.items() if row["procedure_position"] == "any"}
    tumours = {g for g, row in rows.items() if row["detail"] == "tumour"}
    assert anywhere == {"11", "13", "14"} | tumours
    assert {g for g, row in rows.items() if row["diagnosis_position"] == "any"} == {
        "16",
        "17",
        "18",
        "19",
    }
    bands = {
        "16": (0, 999),
        "17": (1000, 1499),
        "18": (1500, 1999),
        "19": (2000, 2499),
    }
    for group, band in bands.items():
        row = rows[group]
        assert (row["weight_g_min"], row["weight_g_max"]) == band
        assert (row["age_days_min"], row["age_days_max"]) == (0, 28)
    assert {g for g, row in rows.items() if row["age_days_max"] is not None} == set(bands)


def test_conditions_of_the_diagnostic_detail_are_columns() -> None:
    rows = [row for row in shipped(NATIONAL).rows("groups") if row["section"] == "FZ"]
    listed = {row["code"][:3] for row in shipped(NATIONAL).rows("resistant_diagnoses")}
    for row in rows:
        assert bool(row["second_diagnosis"]) is (row["detail"] in {"burn", "tumour"})
        assert bool(row["resistant"]) is (row["detail"] == "tuberculosis")
        if row["resistant"]:
            assert row["resistant_other"] == "U84.300"
            keys = parse_keys(row["diagnosis"])
            has = any(key.matches(code) for key in keys for code in listed)
            assert (row["resistant_list"] == "yes") is has


def test_mixed_cells_are_the_thirty_or_so_that_are_known() -> None:
    rows = shipped(NATIONAL).rows("groups")
    assert sum(is_mixed(row["related"]) for row in rows) == 23
    assert not any(is_mixed(row["procedure"]) for row in rows)


def test_restricted_procedures_name_their_diagnoses() -> None:
    rows = shipped(NATIONAL).rows("excluded_procedures")
    restricted = [row for row in rows if row["treatment"] == "restricted"]
    assert {row["diagnoses"] for row in restricted} == {
        "A00-A09|C15-C26|D01|D12|D13|D37|I85|K20-K93"
    }
    assert all(row["note"] for row in restricted)


def test_every_score_is_made_of_its_mean_cost() -> None:
    book = shipped(CITY)
    mean = Decimal(str(book.card.options["city_mean_cost"]))
    base = Decimal(str(book.card.options["score_base"]))
    for row in book.rows("groups"):
        # Both figures are published with six places; the quotient carries both roundings.
        assert abs(row["score"] - row["mean_cost"] / mean * base) < Decimal("0.000002")


def test_group_codes_are_those_of_the_catalogue(facts: Path) -> None:
    path = facts / "dip" / "pingdingshan_2025_dip2.csv.gz"
    rows = csv.DictReader(gzip.decompress(path.read_bytes()).decode("utf-8").splitlines())
    published = {row["dip_code"]: row for row in rows}
    found = {row["group"]: row for row in shipped(CITY).rows("groups")}
    assert found.keys() == published.keys()
    for group, row in found.items():
        assert Decimal(published[group]["score"]) == row["score"]
        assert row["cases"] == int(published[group]["cases"])
        if row["section"] == "HX":
            tail = "".join(
                sign + cell
                for sign, cell in ((":", row["procedure"]), ("_", row["related"]))
                if cell
            )
            assert fold_code(group) == fold_code(row["diagnosis"] + tail)


def test_printed_procedure_names_are_those_of_the_code_set(facts: Path) -> None:
    """The names of merged and basic groups come from the code set: it names printed rows alike."""
    names = builder().procedure_names()
    for file in ("burns", "tuberculosis", "pre_groups"):
        for line in (facts / "dip_3_0" / f"{file}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            codes = re.split(r"[|+]", "|".join(row["principalProcedure"]))
            printed = re.split(r"[|+]", row["principalProcedureName"])
            if codes != [""] and codes[0][0].isdigit():
                assert [names[code] for code in codes] == printed


def test_torn_names_are_mended() -> None:
    assert mend_name("未特指的病 毒性脑炎") == "未特指的病毒性脑炎"
    assert mend_name("未特指的人 类免疫缺陷 病毒[HIV] 病") == "未特指的人类免疫缺陷病毒[HIV]病"
    assert mend_name(" Graves  disease\n甲亢 ") == "Graves disease甲亢"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"diagnosis": "P07", "age": "29天", "weight": "出生体重0-999克"}, "DIP_AGE"),
        ({"diagnosis": "P07", "age": "＜29天", "weight": "999克以下"}, "DIP_WEIGHT"),
        ({"diagnosis": "P07", "age": "<29天", "weight": "出生体重999-1克"}, "DIP_WEIGHT"),
        ({"diagnosis": "A15", "resistant": "?", "resistance": ""}, "DIP_RESISTANT"),
        ({"diagnosis": "A15", "resistant": "是", "resistance": "耐药"}, "DIP_RESISTANCE"),
        ({"diagnosis": "15"}, "DIP_DIAGNOSIS_KEY"),
        ({"diagnosis": "A15", "second_diagnosis": "A15+A16"}, "DIP_KEYS_JOINED"),
        ({"diagnosis": "A15", "related": "x"}, "DIP_PROCEDURE_CODE"),
    ],
)
def test_odd_words_are_refused(cells: dict[str, str], code: str) -> None:
    detail = "tuberculosis" if "resistant" in cells else ""
    with pytest.raises(CodebookError) as caught:
        catalogue_row("FZ", detail, {"diagnosis_name": "", **cells})
    assert caught.value.code == code
    assert caught.value.describe("en")


def test_the_words_for_excluded_procedures() -> None:
    assert excluded_procedure("00.0100", "按保守治疗处理")["treatment"] == "conservative"
    assert excluded_procedure("00.0100", "不作为主要手术操作")["treatment"] == "not_main"
    with pytest.raises(CodebookError, match="DIP_TREATMENT"):
        excluded_procedure("00.0100", "另议")
    with pytest.raises(CodebookError, match="DIP_DIAGNOSIS_KEY"):
        excluded_procedure("00.0100", "肿瘤作为主要诊断，可作为主要手术操作")


@pytest.mark.parametrize("text", ["1e3", "-1", "1.2.3", "一", "9" * 13, "1" * 40])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(CodebookError, match="DIP_NUMBER"):
        decimal_of("score", text)
    with pytest.raises(CodebookError, match="DIP_NUMBER"):
        city_row({"group": "A00.0", "diagnosis": "A00.0", "diagnosis_name": "", "cases": text})


def test_numbers_as_people_write_them() -> None:
    assert decimal_of("score", "1,234.5") == Decimal("1234.5")
    assert decimal_of("score", " ") is None
    assert whole_of("12.0") == 12
    assert whole_of("") is None
