"""The ``policy`` commands as a user runs them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from policy_support import put
from typer.testing import CliRunner

from codebooks.errors import CodebookError
from codebooks.messages import catalogue
from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies
from grouper.cli.policy import app
from grouper.cli.policy_words import key_words, plain, value_words

RATE = (
    "topic: drg_rate\nsource: 本院测算\nnote: 仅供测算\nparameters:\n  rate:\n    unit: CNY/weight\n    values:\n"
    "      - {from: 2024-01-01, to: 2024-07-01, value: {employee: {II: 11000.00, '*': 1}}, note: 试行}\n"
    "      - {from: 2024-07-01, value: null}\n"
)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    policies.cache_clear()
    yield
    policies.cache_clear()


@pytest.fixture
def own() -> Path:
    return Path(os.environ["GROUPER_DATA"]) / "policies"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def out(*words: str) -> str:
    found = run(*words)
    assert found.exit_code == 0, found.output
    return found.stdout


def told(*words: str) -> Any:
    return json.loads(out(*words, "--format", "json"))


def test_show_tells_value_keys_unit_validity_source_and_mark() -> None:
    text = out("show", "哈尔滨", "--on", "2024-06-30", "--topic", "drg_rate")
    title, _, topic, *rows = text.splitlines()
    assert title.startswith("哈尔滨市，2024-06-30：harbin@2024-01-01#")
    assert topic == "DRG 费率法 (drg_rate)"
    (employee,) = [row for row in rows if "职工、I 级" in row]
    *cells, mark = employee.split()
    assert " ".join(cells) == (
        "费率 (rate) 职工、I 级 12252.70 CNY/weight 2024-01-01 至 2025-01-01（不含） 随附"
    )
    (note,) = [row for row in rows if row.startswith(mark)]
    assert "公开表" in note
    assert "仅公布 I 级医院的费率" in note
    (factor,) = [row for row in rows if row.startswith("医院系数 (hospital_factor)")]
    assert "1〔假设〕" in factor
    assert "数据表，703 行" in text
    assert "AA19" in text
    assert "另有 698 行" in text
    assert "通用规则" not in text


def test_show_in_english_names_what_is_inherited() -> None:
    text = out("show", "harbin", "--on", "2024-06-30", "--lang", "en")
    (row,) = [r for r in text.splitlines() if "(money_rounding)" in r]
    assert "half_up [assumption]" in row
    assert "national (shipped)" in row
    (rules,) = [r for r in text.splitlines() if "(rules)" in r]
    assert "method drg_rate, rank 10, kind of case inpatient" in rules


def test_show_as_json_is_exact() -> None:
    found = told("show", "harbin", "--on", "2024-06-30", "--topic", "drg_rate")
    assert (found["region"], found["priced"]) == ("harbin", True)
    assert (found["valid_from"], found["valid_to"]) == ("2024-01-01", "2025-01-01")
    assert found["policy"].endswith(found["content_hash"][:8])
    by_path = {one["path"]: one for one in found["parameters"]}
    rate = by_path["drg_rate.rate"]
    assert rate["values"] == [
        {"keys": {"insurance": "employee", "level": "I"}, "value": "12252.70"},
        {"keys": {"insurance": "resident", "level": "I"}, "value": "9649.24"},
    ]
    assert (rate["unit"], rate["origin"], rate["inherited"]) == ("CNY/weight", "shipped", False)
    assert (rate["file"], rate["assumption"]) == ("harbin/drg_rate.yaml", False)
    (weights,) = by_path["drg_rate.weights"]["values"]
    assert len(weights["value"]) == 703
    assert weights["value"][0] == {"group": "AA19", "weight": "18.2858"}


def test_show_tells_what_is_the_hospitals_own(own: Path) -> None:
    put(own, "harbin/drg_rate.yaml", RATE)
    text = out("show", "harbin", "--on", "2024-06-30", "--topic", "drg_rate")
    (row,) = [r for r in text.splitlines() if "II 级" in r and "11000.00" in r]
    assert "本院" in row
    assert "其余医院等级" in text
    assert "12252.70" not in text
    assert "说明：仅供测算" in text
    assert "本院测算；试行" in text
    off = out("show", "harbin", "--on", "2024-07-01", "--topic", "drg_rate")
    (row,) = [r for r in off.splitlines() if "(rate)" in r]
    assert "（不执行）" in row
    (rate,) = [
        one
        for one in told("show", "harbin", "--on", "2024-06-30")["parameters"]
        if one["path"] == "drg_rate.rate"
    ]
    assert (rate["origin"], rate["about"]) == ("own", "仅供测算")


def test_show_tells_rows_and_leaves_out_keys_that_tell_nothing_apart() -> None:
    text = out("show", "金华", "--on", "2021-12-01", "--topic", "benefit")
    (row,) = [r for r in text.splitlines() if "缴费档次 tier_3" in r]
    assert "住院、缴费档次 tier_3、III 级" in row
    assert "费用高于 0、比例 0.75" in row
    shucheng = out("show", "舒城", "--on", "2022-06-01", "--topic", "disease_quota")
    (row,) = [r for r in shucheng.splitlines() if "(diseases)" in r]
    assert "（无）" in row


def test_show_says_where_no_case_is_priced() -> None:
    text = out("show", "harbin", "--on", "1990-01-01")
    assert "不予计价" in text
    assert "没有取值" in text
    found = told("show", "harbin", "--on", "9999-12-31", "--topic", "drg_rate")
    assert (found["priced"], found["valid_to"], found["parameters"]) == (False, None, [])
    assert out("show", "harbin")


def test_show_refuses_what_it_does_not_know(own: Path) -> None:
    put(own, "harbin/drg_rate.yaml", "topic: drg_rate\n")
    for words, code in (
        (("show", "atlantis"), "REGION_UNKNOWN"),
        (("show", "ningde", "--topic", "tax"), "POLICY_TOPIC"),
        (("show", "harbin"), "POLICY_KEY_MISSING"),
        (("diff", "harbin", "2023-01-01", "2024-01-01"), "POLICY_KEY_MISSING"),
    ):
        error = run(*words).exception
        assert isinstance(error, CodebookError)
        assert error.code == code


def test_list_tells_regions_methods_periods_topics() -> None:
    text = out("list")
    (harbin,) = [row for row in text.splitlines() if row.startswith("哈尔滨市")]
    assert "2022-01-01 至 2025-01-01（不含）" in harbin
    assert "drg_rate" in harbin
    (longyan,) = [row for row in text.splitlines() if row.startswith("龙岩市")]
    assert "无适用规则" in longyan
    assert "本院的政策文件" not in text
    assert "不可用" not in text
    found = told("list")
    assert found["faults"] == []
    regions = {one["region"]: one for one in found["regions"]}
    assert regions["harbin"]["priced"] == [
        {"valid_from": "2022-01-01", "valid_to": "2025-01-01", "methods": ["drg_rate"]}
    ]
    (rate,) = [t for t in found["topics"] if t["topic"] == "drg_rate"]
    assert "rate" in rate["parameters"]
    assert "harbin" in rate["regions"]


def test_list_joins_periods_with_the_same_rules_and_leaves_out_gaps(own: Path) -> None:
    rules = (
        "topic: assignment\nsource: x\nparameters:\n  rules:\n    values:\n"
        "      - {from: 2030-01-01, to: 2031-01-01, value: [{method: by_item, rank: 1}]}\n"
        "      - {from: 2031-01-01, to: 2032-01-01, value: null}\n"
        "      - {from: 2032-01-01, value: [{method: by_item, rank: 1}]}\n"
    )
    put(own, "wuhan/assignment.yaml", rules)
    level = "  level: {values: [{from: 2033-01-01, value: II}]}\n"
    put(own, "wuhan/hospital.yaml", f"topic: hospital\nsource: x\nparameters:\n{level}")
    (wuhan,) = [one for one in told("list")["regions"] if one["region"] == "wuhan"]
    assert [(s["valid_from"], s["valid_to"]) for s in wuhan["priced"]] == [
        ("2030-01-01", "2031-01-01"),
        ("2032-01-01", None),
    ]
    assert wuhan["own"] == ["assignment", "hospital"]
    text = out("list", "--lang", "en")
    assert "assignment* hospital*" in text
    assert "files of the hospital's own" in text


def test_list_tells_every_file_that_cannot_be_used(own: Path) -> None:
    put(own, "harbin/drg_rate.yaml", "topic: drg_rate\n")
    put(own, "atlantis/drg_rate.yaml", RATE)
    text = out("list")
    (harbin,) = [row for row in text.splitlines() if row.startswith("哈尔滨市")]
    assert "不可用 [POLICY_KEY_MISSING]" in harbin
    assert "[REGION_UNKNOWN] 文件 atlantis" in text
    assert "[POLICY_KEY_MISSING] 文件 harbin/drg_rate.yaml" in text
    assert {f["region"] for f in told("list")["faults"]} == {"harbin", "atlantis"}


def test_check_reads_all_at_hand(own: Path) -> None:
    text = out("check")
    assert "harbin/drg_rate.yaml" in text
    assert text.splitlines()[-1].endswith("没有错误")
    put(own, "harbin/drg_rate.yaml", RATE.replace("unit: CNY/weight", "unit: CNY"))
    put(own, "ningde/drg_rate.yaml", RATE.replace("employee", "employe"))
    found = run("check")
    assert found.exit_code == 2
    assert "文件 harbin/drg_rate.yaml，第 6 行，列 parameters.rate.unit" in found.stdout
    assert "第 8 行，列 parameters.rate.values[0].value.employe" in found.stdout
    assert found.stdout.splitlines()[-1].endswith("2 个有错误")


def test_check_reads_a_folder_a_region_or_a_file(tmp_path: Path) -> None:
    draft = put(tmp_path, "草稿/drg_rate.yaml", RATE)
    for place in (draft.parent, draft):
        found = told("check", str(place))
        assert [(one["file"], one["values"]) for one in found] == [("草稿/drg_rate.yaml", 2)]
    put(tmp_path, "草稿/old.csv", "group,weight\n")
    put(tmp_path, "草稿/bad.yaml", "{")
    found = {
        one["file"]: one
        for one in json.loads(run("check", str(draft.parent), "--format", "json").stdout)
    }
    assert found["草稿/bad.yaml"]["where"]["row"] is not None
    assert "草稿/old.csv" not in found, "a file that cannot be read may name it"
    (tmp_path / "草稿" / "bad.yaml").unlink()
    text = out("check", str(draft.parent), "--lang", "en")
    assert "named by no policy file" in text
    assert text.splitlines()[-1] == "2 files checked, no errors"
    put(tmp_path, "regions/harbin/weights.yml", "")
    put(tmp_path, "regions/atlantis/drg_rate.yaml", RATE)
    failed = run("check", str(tmp_path / "regions"), "--lang", "en")
    assert failed.exit_code == 2
    assert "unusable [REGION_UNKNOWN]" in failed.stdout
    assert "[POLICY_SUFFIX] file harbin/weights.yml" in failed.stdout


def test_check_knows_the_tables_that_files_name(tmp_path: Path) -> None:
    put(tmp_path, "harbin/w.csv", "group,weight\nA,1\n")
    text = "topic: drg_rate\nsource: x\nparameters:\n  weights:\n    values: [{from: 2024-01-01, value: {file: w.csv}}]\n"
    put(tmp_path, "harbin/drg_rate.yaml", text)
    (one,) = told("check", str(tmp_path))
    assert (one["file"], one["unused"]) == ("harbin/drg_rate.yaml", False)


def test_check_refuses_a_place_without_policies(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "none", tmp_path / "empty"):
        error = run("check", str(place)).exception
        assert isinstance(error, CodebookError)
        assert error.code == "POLICY_FOLDER"


def test_diff_tells_old_and_new() -> None:
    assert "没有差异" in out("diff", "harbin", "2024-01-01", "2024-12-31")
    text = out("diff", "harbin", "2023-06-30", "2024-06-30", "--lang", "en")
    (row,) = [r for r in text.splitlines() if "employee, level I" in r]
    assert row.split()[-3:] == ["12165.26", "12252.70", "CNY/weight"]
    found = told("diff", "harbin", "2023-06-30", "2024-06-30")
    assert {one["path"] for one in found["differences"]} == {"drg_rate.rate"}
    assert found["differences"][0] == {
        "path": "drg_rate.rate",
        "keys": {"insurance": "employee", "level": "I"},
        "row": "",
        "unit": "CNY/weight",
        "old": {"value": "12165.26", "assumption": False},
        "new": {"value": "12252.70", "assumption": False},
    }


def test_diff_tells_rows_of_tables_and_shortens_them() -> None:
    text = out("diff", "harbin", "2022-06-30", "2023-06-30")
    assert "AB19" in text
    assert "27.1292" in text
    assert "36.2185" in text
    assert "--all 列出全部" in text
    every = out("diff", "harbin", "2022-06-30", "2023-06-30", "--all")
    assert "--all" not in every
    assert len(every.splitlines()) > 500
    ended = out("diff", "harbin", "2024-06-30", "2025-06-30")
    (rules,) = [r for r in ended.splitlines() if "(rules)" in r]
    assert "付费方式 drg_rate、次序 10" in rules
    assert rules.rstrip().endswith("—")


def test_diff_tells_what_is_switched_off_and_what_is_an_assumption(own: Path) -> None:
    put(
        own,
        "harbin/drg_rate.yaml",
        "topic: drg_rate\nsource: x\nparameters:\n  hospital_factor:\n    values:\n"
        "      - {from: 2024-01-01, to: 2024-06-01, value: 1}\n"
        "      - {from: 2024-06-01, value: null}\n",
    )
    text = out("diff", "harbin", "2023-12-31", "2024-01-01")
    (row,) = [r for r in text.splitlines() if "hospital_factor" in r]
    assert row.split()[-2:] == ["1〔假设〕", "1"]
    off = out("diff", "harbin", "2024-05-31", "2024-06-01")
    (row,) = [r for r in off.splitlines() if "hospital_factor" in r]
    assert row.split()[-2:] == ["1", "（不执行）"]


def test_values_in_words() -> None:
    assert [value_words(flag) for flag in (True, False)] == ["是", "否"]
    assert value_words(Decimal("0.10")) == "0.10"
    assert value_words(Decimal("1E+3")) == "1000"
    assert value_words(date(2024, 2, 29)) == "2024-02-29"
    assert value_words(("a", "b")) == "a、b"
    assert value_words(()) == "（无）"
    assert value_words(3) == "3"
    assert plain({"a": (date(2024, 2, 29), Decimal("0.10"), 3)}) == {"a": ["2024-02-29", "0.10", 3]}


def test_keys_in_words() -> None:
    level = topic_forms()["hospital"].parameters["level"]
    rate = topic_forms()["drg_rate"].parameters["rate"]
    assert key_words(level, ("H1",)) == "医疗机构 H1"
    assert key_words(level, ("*",)) == "其余医疗机构"
    assert key_words(rate, ("employee", "*"), frozenset({1})) == "职工"
    assert key_words(rate, ("employee", "II")) == "职工、II 级"
    assert key_words(rate, ()) == ""


def test_the_commands_texts_are_all_used() -> None:
    code = "".join(
        path.read_text("utf-8")
        for path in (Path(__file__).parents[1] / "grouper" / "cli").glob("policy*.py")
    )
    keys = {k.removeprefix("policy_cli.") for k in catalogue("zh") if k.startswith("policy_cli.")}
    unused = {
        key
        for key in keys
        if f'"{key}"' not in code and key.split(".")[0] != "column" and key not in ("yes", "no")
    }
    assert unused == set()
