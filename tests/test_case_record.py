"""The record: one specification for dataclass, schema, page and catalogue; gaps and derivations."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from codebooks.messages import text
from grouper.case import CASE_SCHEMA, FIELDS, Case, crosswalks, normalise, record
from grouper.case.documentation import render, write
from grouper.case.issues import ISSUE_SCHEMA, Issue, Severity, issue_table, issues_of
from grouper.case.layout import aliases_of, bind, unique_names
from grouper.case.tables import rows

if TYPE_CHECKING:
    from pathlib import Path

ROOT_PAGE = "docs/CASE.md"


def read(**raw: object) -> tuple[Case, list[tuple[str, str]]]:
    case, issues = Case.from_mapping(raw)
    return case, [(i.field, i.reason) for i in issues]


def test_the_page_is_the_specifications(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    page = pytestconfig.rootpath / ROOT_PAGE
    assert page.read_text("utf-8") == render()
    write(tmp_path / "CASE.md")
    assert (tmp_path / "CASE.md").read_text("utf-8") == render()


def test_the_dataclass_cannot_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dict(FIELDS)
    changed.pop("region")
    monkeypatch.setattr(record, "FIELDS", changed)
    with pytest.raises(TypeError, match="differ"):
        record._hold_to_specification()


def test_schema_types() -> None:
    assert CASE_SCHEMA.field("sex").type == pa.int8()
    assert CASE_SCHEMA.field("age").type == pa.int16()
    assert CASE_SCHEMA.field("discharge_time").type == pa.timestamp("s", tz="Asia/Shanghai")
    assert CASE_SCHEMA.field("dx").type == pa.list_(pa.string())
    assert CASE_SCHEMA.field("total_cost").type == pa.decimal128(14, 2)


def test_catalogues_have_the_same_keys_and_every_reason_used() -> None:
    def keys(lang: str) -> dict[str, Any]:
        return tomllib.loads((files("grouper.text") / lang / "case.toml").read_text("utf-8"))

    zh, en = keys("zh"), keys("en")
    assert {t: list(v) for t, v in zh.items()} == {t: list(v) for t, v in en.items()}
    assert list(zh["reason"]) == list(zh["advice"])
    assert list(zh["error"]) == list(zh["hint"])
    assert list(zh["case"]["label"]) == list(FIELDS)
    sources = [f for d in ("", "readers") for f in (files("grouper.case") / d).iterdir()]
    program = "".join(f.read_text("utf-8") for f in sources if f.name.endswith(".py"))
    program += (files("hl7_adapters.hqms") / "dialect.py").read_text("utf-8")
    walked = {f"{k}_{r}" for k in ("DX", "PX") for r in re.findall(r"\{kind\}_([A-Z_]+)", program)}
    used = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', program)) | walked
    used -= {"BYTE_ARRAY", "CASE_SCHEMA", "ISSUE_SCHEMA"}
    assert used == set(zh["reason"]) | set(zh["error"])


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_issues_speak(lang: str) -> None:
    said = Issue(7, "sex", "SEX_INVALID", Severity.WARNING, "x").describe(lang)
    assert "7" in said
    assert "SEX_INVALID" in said
    assert text("case.label.sex", lang) in said
    assert "x" in said
    bare = Issue(7, "", "ROW_JSON", Severity.REJECT).describe(lang)
    assert "ROW_JSON" in bare
    assert "(" not in bare
    assert "（" not in bare


def test_issue_tables_round_trip() -> None:
    issues = [
        Issue(1, "age", "AGE_INVALID", Severity.WARNING, "x"),
        Issue(2, "", "ROW_JSON", Severity.REJECT),
    ]
    assert list(issues_of(issue_table(issues))) == issues
    assert issue_table([]).schema == ISSUE_SCHEMA
    assert issue_table([]).num_rows == 0


def test_every_alias_means_its_field_and_no_two() -> None:
    names = [r["alias"].replace("#", "3") for r in rows("aliases.csv")]
    for row, name in zip(rows("aliases.csv"), names, strict=True):
        bound = bind((name,)).bindings
        assert [b.field for b in bound] == [row["field"]], name
        assert bound[0].slot == int(row["slot"]) + (2 if "#" in row["alias"] else 0)
    assert len({n.lower() for n in names}) == len(names)
    assert "性别" in aliases_of("sex")


def test_names_compare_loosely() -> None:
    for name in ("ＡＧＥ", " Age ", "年龄（岁）", "年龄 (岁)", "\ufeffage"):
        assert [b.field for b in bind((name,)).bindings] == ["age"]
    assert bind(("dx0", "其他", "dx", "")).bindings == bind(("a", "b", "dx")).bindings


def test_the_better_name_counts_alone() -> None:
    case, issues = read(病案号="0001", case_id="c-1")
    assert case.case_id == "c-1"
    assert issues == []


def test_unique_names() -> None:
    assert unique_names(["a", "a", "", "a (2)", ""]) == ("a", "a (2)", "#3", "a (2) (2)", "#5")


def test_an_empty_principal_is_never_replaced() -> None:
    case, issues = read(主要诊断编码="", 其他诊断编码1="I10", 其他诊断编码3="E11.900")
    assert case.dx == (None, "I10", "E11.900")
    assert issues == []
    assert read(dx="|I10||E11.900|")[0].dx == (None, "I10", "E11.900")
    assert read(dx=["", "I10", None, "E11.900", ""])[0].dx == (None, "I10", "E11.900")
    assert read(dx1="", dx2="I10", dx5="E11.900")[0].dx == (None, "I10", "E11.900")
    assert read(主要手术编码=None, 其他手术编码2="51.2300")[0].px == (None, "51.2300")
    assert read(主要诊断编码="I10", 其他诊断编码="E11.900；K80.101")[0].dx == (
        "I10",
        "E11.900",
        "K80.101",
    )
    assert read(dx=["", None])[0].dx == ()
    assert read(dx="")[0].dx == ()


def test_dual_codes_are_one_code() -> None:
    assert read(dx="J10.801+G94.8* | I10")[0].dx == ("J10.801+G94.8*", "I10")


def test_companions_stay_with_their_codes() -> None:
    case, issues = read(
        主要诊断编码="I10",
        其他诊断编码2="E11.900",
        主要诊断入院病情="1",
        其他诊断入院病情1="4",
        其他诊断入院病情2="无",
    )
    assert case.dx_poa == ("1", "4")
    assert issues == [("dx_poa", "DETAIL_WITHOUT_CODE")]
    case, issues = read(px=["51.2300", "00.01"], px_date=["2026-01-02"], px_level="3|4|")
    assert case.px_date == (date(2026, 1, 2), None)
    assert case.px_level == ("3", "4")
    assert issues == []


def test_conflicting_columns_reject_the_row() -> None:
    case, issues = Case.from_mapping({"sex": "1", "性别": "女"}, row=9)
    assert case.sex is None
    assert issues == [Issue(9, "sex", "COLUMN_CONFLICT", Severity.REJECT)]
    assert read(sex="1", 性别="男", gender="")[1] == []
    assert read(sex="x", 性别="x")[1] == [("sex", "SEX_INVALID")]
    assert read(dx="I10", dx1="E11.900")[1] == [("dx", "COLUMN_CONFLICT")]
    assert read(dx="I10|E11.900", dx1="I10", dx2="E11.900")[0].dx == ("I10", "E11.900")
    assert read(dx1="I10", 主要诊断编码="E11.900")[1] == [("dx", "COLUMN_CONFLICT")]
    twice = bind(("sex", "性别", "备注", "备注", "dx"))
    assert [(i.row, i.reason, i.value) for i in twice.issues] == [
        (0, "COLUMN_TWICE", "sex"),
        (0, "COLUMN_TWICE", "性别"),
        (0, "COLUMN_TWICE", "备注"),
    ]


DERIVED: list[tuple[dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    (
        {"birth_date": "1950-02-28", "admission_time": "2026-02-27"},
        {"age": 75, "age_days": None},
        [],
    ),
    ({"birth_date": "1950-02-28", "admission_time": "2026-02-28"}, {"age": 76}, []),
    ({"birth_date": "2024-02-29", "admission_time": "2025-02-28"}, {"age": 0, "age_days": 365}, []),
    (
        {"birth_date": "2026-01-03", "admission_time": "2026-01-03 23:00"},
        {"age": 0, "age_days": 0},
        [],
    ),
    ({"age_days": 28}, {"age": 0, "age_days": 28}, []),
    ({"age_days": 365}, {"age": None, "age_days": 365}, []),
    ({"age": 3, "age_days": 10}, {"age": 3, "age_days": 10}, [("age_days", "AGE_CONFLICT")]),
    (
        {"birth_date": "2000-01-01", "admission_time": "2026-01-02", "age": 27},
        {"age": 27, "age_days": None},
        [("age", "AGE_CONFLICT")],
    ),
    (
        {"birth_date": "2026-01-01", "admission_time": "2026-01-03", "age_days": 3},
        {"age": 0, "age_days": 3},
        [("age_days", "AGE_CONFLICT")],
    ),
    (
        {"birth_date": "2026-02-01", "admission_time": "2026-01-03"},
        {"age": None, "age_days": None},
        [("birth_date", "BIRTH_AFTER_ADMISSION")],
    ),
    ({"admission_time": "2018-06-12 23:00", "discharge_time": "2018-06-15"}, {"los": 3}, []),
    ({"admission_time": "2018-06-12 23:00", "discharge_time": "2018-06-12"}, {"los": 1}, []),
    (
        {"admission_time": "2018-06-12", "discharge_time": "2018-06-11"},
        {"los": None},
        [("discharge_time", "DATE_ORDER")],
    ),
    (
        {"admission_time": "2018-06-12", "discharge_time": "2018-06-15", "los": 4},
        {"los": 4},
        [("los", "LOS_CONFLICT")],
    ),
]


@pytest.mark.parametrize(("raw", "wanted", "issues"), DERIVED)
def test_derivations(
    raw: dict[str, Any], wanted: dict[str, Any], issues: list[tuple[str, str]]
) -> None:
    case, said = read(**raw)
    assert {name: getattr(case, name) for name in wanted} == wanted
    assert said == issues


def test_a_case_reads_back_to_itself() -> None:
    case, _ = read(
        id="c", sex=2, birth_date="2026-01-03", admission_time="2026-01-05 10:00", discharge_time="2026-01-09",
        dx=["P07.200"], dx_poa=["1"], px=["96.0401"], px_date=["2026-01-05"], total_cost="12.30", weight_g=1200,
    )  # fmt: skip
    again, issues = Case.from_mapping(case.to_mapping())
    assert again == case
    assert issues == []


WALK = crosswalks.WALKS


class _Walk:
    def to(self, code: str) -> tuple[str, ...]:
        return {"A1": ("B1",), "A2": ("B2", "B3"), "I10": ("I10",)}.get(code, ())


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosswalks, "_walk", lambda _name: _Walk())


@pytest.mark.usefixtures("walk")
def test_clinical_codes_are_carried_over_once_and_said() -> None:
    raw = {"编码体系": "临床版", "dx": ["A1", "A2", "A9", "I10"], "px": [None, "A1"]}
    case, issues = Case.from_mapping(raw)
    assert case.dx == ("B1", "A2", "A9", "I10")
    assert case.px == (None, "B1")
    assert case.code_system == "nhsa"
    assert [(i.reason, i.value) for i in issues] == [
        ("DX_CROSSWALKED", "A1>B1"),
        ("DX_CROSSWALK_AMBIGUOUS", "A2"),
        ("DX_NO_CROSSWALK", "A9"),
        ("PX_CROSSWALKED", "A1>B1"),
    ]
    found = normalise(
        pa.RecordBatch.from_pylist([raw, {"dx": ["A1"], "编码体系": None, "px": None}])
    )
    assert [Case.from_batch(found.cases, at).dx for at in (0, 1)] == [case.dx, ("A1",)]
    assert list(issues_of(found.issues)) == issues


def test_without_crosswalk_codes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_ids: str) -> None:
        raise crosswalks.GrouperError("CROSSWALK_UNKNOWN")

    monkeypatch.setattr(crosswalks, "crosswalk", unknown)
    crosswalks.reload()
    case, issues = read(code_system="clinical", dx=["A1"])
    crosswalks.reload()
    assert case.dx == ("A1",)
    assert case.code_system == "clinical"
    assert issues == [("code_system", "CROSSWALK_MISSING")]


def test_insurance_codes_never_pass_the_crosswalk(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_name: str) -> None:
        pytest.fail("the crosswalk was asked for")

    monkeypatch.setattr(crosswalks, "_walk", never)
    assert read(code_system="yibao-2.0", dx=["A1"])[0].dx == ("A1",)
    assert read(dx=["A1"])[0].code_system == "nhsa"
