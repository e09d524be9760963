"""Every family through the commands: a trace, a line of ``--explain`` and parts, saying one thing."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.cli.main import app
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PartedScheme

RUN = CliRunner()
STAY = {"sex": 1, "age": 45, "dx": ["K80.101", "I50.900"], "px": ["51.2300"], "department": "外科"}
US = {
    "sex": 1,
    "age": 45,
    "code_system": "icd10cm",
    "dx": ["K80.10"],
    "px": ["0FT44ZZ"],
    "discharge_status": "1",
}
VISIT = {
    "kind": "outpatient",
    "dx": ["H26.900"],
    "px": ["13.4100x001"],
    "line_item": ["001102000010000", None],
    "line_name": ["普通门诊诊查费", "西药"],
    "line_class": ["02", "09"],
    "line_quantity": ["1", "1"],
    "line_amount": ["20", "45"],
}
GG = [f"GG0130{x}1" for x in "ABC"] + [f"GG0170{x}1" for x in "BCDEFIJK"]
ASSESSED = {**dict.fromkeys(GG, "03"), "C0500": "15", "D0300": "0", "K0100Z": "1", "K0510C2": "0"}
INDICES = {"BARTHEL": "40", "MMSE": "20", "HAMD": "5", "SWALLOW": "1", "DIET_ALTERED": "0"}


def long_stay(dx: str, items: dict[str, str], **more: str) -> dict[str, Any]:
    """A stay of thirty days that was assessed on admission."""
    return {
        "kind": "long_stay",
        "dx": [dx],
        "admission_time": "2026-01-03 12:00:00",
        "discharge_time": "2026-02-02 12:00:00",
        "assessment_item": list(items),
        "assessment_value": list(items.values()),
        "assessment_date": ["2026-01-03"] * len(items),
        "assessment_type": ["admission"] * len(items),
        **more,
    }


CASES: dict[str, dict[str, Any]] = {
    "chs-drg-3.0": STAY,
    "dip-3.0": STAY,
    "dip-pingdingshan-2025": STAY,
    "ms-drg": US,
    "apg-grouper-1.0": VISIT,
    "pdpm-jinhua-2021": long_stay("I63.900", INDICES),
    "us-pdpm-fy2024": long_stay("I63.9", ASSESSED, code_system="icd10cm"),
}
PARTS = {
    "scheme",
    "result",
    "case",
    "path",
    "steps",
    "complications",
    "not_grouping",
    "arithmetic",
    "parts",
    "warnings",
    "language",
    "binding",
}


@pytest.fixture(params=sorted(CASES))
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(scheme: str, tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    case = {"case_id": "N1", "discharge_time": "2026-02-02 10:00:00", **CASES[scheme]}
    path.write_text(json.dumps(case, ensure_ascii=False) + "\n", "utf-8")
    return path


def call(*words: object) -> str:
    result = RUN.invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_explain_in_every_form(scheme: str, source: Path) -> None:
    plain = json.loads(call("explain", source, "--scheme", scheme, "--format", "json"))
    assert set(plain) == PARTS
    assert plain["scheme"]["id"] == scheme
    assert plain["scheme"]["family"] == load_scheme(scheme).card.family
    assert plain["result"]["status"] == "grouped", plain["result"]
    group = plain["result"]["group"]["code"]
    assert group in call("explain", source, "--scheme", scheme)
    page = call("explain", source, "--scheme", scheme, "--format", "html")
    assert "</html>" in page
    assert group in page
    english = call("explain", source, "--scheme", scheme, "--lang", "en")
    assert group in english
    assert plain["path"] or plain["parts"]


def test_a_file_says_the_same(scheme: str, source: Path, tmp_path: Path) -> None:
    out, lines, parts = (tmp_path / name for name in ("out.jsonl", "why.jsonl", "parts.csv"))
    words = ["group", source, "-o", out, "--scheme", scheme]
    call(*words, "--explain", lines, "--parts", parts)
    row = json.loads(out.read_text("utf-8"))
    (line,) = [json.loads(x) for x in lines.read_text("utf-8").splitlines()]
    one = json.loads(call("explain", source, "--scheme", scheme, "--format", "json"))
    assert {name: line[name] for name in PARTS} == one
    assert (line["row"], line["case_id"]) == (1, "N1")
    assert row["group"] == one["result"]["group"]["code"]
    with parts.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    ready = load_scheme(scheme)
    if isinstance(ready, PartedScheme):
        assert [(r["row"], r["case_id"]) for r in found] == [("1", "N1")] * len(found)
        assert [int(r["part"]) for r in found] == list(range(1, len(found) + 1))
        assert len(found) == len(one["parts"])
    else:
        assert found == []


def test_a_case_of_another_kind_is_refused_in_words(scheme: str) -> None:
    kinds = load_scheme(scheme).card.kinds
    other = next(k for k in ("inpatient", "outpatient", "long_stay") if k not in kinds)
    words = ["explain", "--dx", "A09.900", "--scheme", scheme, "--kind", other]
    result = RUN.invoke(app, words)
    assert isinstance(result.exception, GrouperError)
    assert result.exception.code == "CASE_KIND"
    assert other in result.exception.describe("en")


def test_a_typed_case_is_of_the_kind_that_its_scheme_serves() -> None:
    words = ["explain", "--dx", "J06.900", "--scheme", "apg-grouper-1.0", "--format", "json"]
    assert json.loads(call(*words))["result"]["status"] == "grouped"
