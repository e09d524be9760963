"""Our default outpatient scheme: complete, plainly ours, bound where it should be; the bundled day."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from codebooks.apg.checks import FEE_CLASSES, check_apg
from codebooks.codes import code_set
from codebooks.registry import OUTPATIENT, registry
from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.load import load_scheme

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = "apg-grouper-1.0"
VISITS = ROOT / "grouper" / "demo" / "visits.jsonl"


def scheme() -> ApgScheme:
    found = load_scheme(DEFAULT)
    assert isinstance(found, ApgScheme)
    return found


def grouped(column: str, codes: list[str]) -> list[dict[str, Any]]:
    """One visit for each code and nothing else."""
    lists = pa.array([[code] for code in codes], pa.list_(pa.string()))
    kinds = pa.array(["outpatient"] * len(codes))
    rows: list[dict[str, Any]] = (
        scheme().group_batch(pa.RecordBatch.from_pydict({"kind": kinds, column: lists})).to_pylist()
    )
    return rows


def test_every_diagnosis_alone_has_a_medical_group() -> None:
    codes = list(code_set("icd10-nhsa-2.0").codes)
    assert len(codes) == 33_304
    rows = grouped("dx", codes)
    assert {(row["status"], row["group_kind"]) for row in rows} == {("grouped", "medical")}
    assert all(row["group"].startswith("M") and row["group_name"] for row in rows)


def test_every_procedure_alone_has_a_group() -> None:
    codes = list(code_set("icd9cm3-nhsa-2.0").codes)
    assert len(codes) == 13_767 + 9
    rows = grouped("px", codes)
    assert {row["status"] for row in rows} == {"grouped"}
    kinds = Counter(row["group_kind"] for row in rows)
    # Those of chapter 16 that are no operation in CHS-DRG are charged by their lines.
    assert kinds["procedure"] + kinds["ancillary"] == len(codes)
    operations = {
        r["code"] for r in registry().book("chs-drg-3.0").rows("sets") if r["set_id"] == "OP_ALL"
    }
    for code, row in zip(codes, rows, strict=True):
        significant = code in operations or code < "87"
        assert (row["group_kind"] == "procedure") is significant, code
        assert significant or row["warnings"] == "DX_PRINCIPAL_MISSING;VISIT_NOT_PAYABLE"


@pytest.mark.parametrize("line_class", FEE_CLASSES)
def test_a_line_of_every_fee_class_alone_has_a_group_that_pays(line_class: str) -> None:
    one, five = (Decimal(1),), (Decimal(5),)
    case = Case(kind="outpatient", line_class=(line_class,), line_quantity=one, line_amount=five)
    found = scheme().answer(case)
    assert (found.status, found.weight) == ("grouped", 1)
    assert found.group is not None


def test_every_fee_class_of_the_code_list_is_known(facts: Path) -> None:
    with (facts / "interfaces" / "code_lists.csv").open(encoding="utf-8-sig") as file:
        rows = [r for r in csv.DictReader(file) if r["field"].startswith("med_chrgitm_type")]
    assert tuple(r["code"] for r in rows) == FEE_CLASSES


@pytest.mark.parametrize(
    ("item", "group"),
    [
        ("002102000010000", "A2102"),  # 磁共振平扫
        ("002103000010000", "A2103"),  # CT 平扫
        ("332103000040200", "A2103"),  # the same number of Zhejiang's own
        ("002304000100000", "A2304"),  # PET/CT
        ("002301000010000", "A2300"),
        ("001109000050000", "B01"),  # 急诊观察床位费
        ("001102000010000", "V01"),  # 普通门诊诊查费
        ("003110000060000", "S3110"),  # 血液透析
        ("003110000310000", "A3110"),  # 膀胱灌注
        ("003301000010000", "A3301"),  # 局部浸润麻醉
        ("003310010140000", "S3310"),
        ("XL02BBA326A001010102180", "D09"),
        ("ZD03AAA0043010100166", "D11"),
        ("T000700200", "D10"),
        ("2102000010000", None),  # a code of another length says nothing
    ],
)
def test_items_lead_to_their_groups(item: str, group: str | None) -> None:
    found = scheme().compiled.line(item, None).group
    assert (found.code if found else None) == group


def test_diagnoses_keep_the_adrg_that_chs_drg_gives_them() -> None:
    rows = grouped("dx", ["J45.900", "I10.x00x002", "A09.000", "Z34.900", "P07.100"])
    drg = load_scheme("chs-drg-3.0")
    for code, row in zip(("J45.900", "I10.x00x002"), rows, strict=False):
        adrg = drg.group(Case(dx=(code,), sex=2, age=40)).adrg
        assert row["group"] == f"M{adrg}"
    # A09.000 is no group of CHS-DRG alone; most of its category are.
    assert rows[2]["group"] == "MGW1"


def test_the_lists_of_herbs_are_the_published_ones(facts: Path) -> None:
    def codes(rule: str) -> set[str]:
        with gzip.open(
            facts / "audit" / "knowledge_points.csv.gz", "rt", encoding="utf-8-sig"
        ) as f:
            points = {r["kp_id"] for r in csv.DictReader(f) if r["rule_code"] == rule}
        path = facts / "audit" / "knowledge_point_codes.csv.gz"
        with gzip.open(path, "rt", encoding="utf-8-sig") as f:
            return {r["nhsa_code"] for r in csv.DictReader(f) if r["kp_id"] in points}

    rows = [r for r in registry().book(DEFAULT).rows("lists") if r["kind"] == "item"]
    never = {r["code"] for r in rows if r["list"] == "never_pay"}
    alone = {r["code"] for r in rows if r["list"] == "not_alone"}
    assert (never, alone) == (codes("GZ10000101003000"), codes("GZ10000101004000"))
    assert (len(never), len(alone)) == (37, 116)


def test_the_scheme_says_that_it_is_ours_and_its_weights_are_placeholders() -> None:
    card = registry().card(DEFAULT)
    assert "本软件自拟" in card.standing
    assert "占位" in card.standing
    assert card.kinds == ("outpatient",)
    weights = registry().book(DEFAULT).rows("weights")
    assert {(row["weight"], row["source"]) for row in weights} == {(1, "占位权重 1，未经测算")}


def test_the_book_has_no_finding() -> None:
    assert check_apg(registry().book(DEFAULT)) == []


@pytest.mark.parametrize(
    ("region", "day", "bound"),
    [
        ("jinhua", date(2019, 12, 31), None),
        ("jinhua", date(2020, 1, 1), "jinhua"),
        ("jinhua", date(2026, 12, 21), "jinhua"),
        ("zhejiang", date(2021, 12, 31), None),
        ("zhejiang", date(2022, 1, 1), "zhejiang"),
        ("national", date(2026, 1, 1), None),
    ],
)
def test_where_and_when_it_binds(region: str, day: date, bound: str | None) -> None:
    found = [
        b for b in registry().bindings
        if (b.region, b.kind) == (region, OUTPATIENT) and b.covers(day)
    ]  # fmt: skip
    assert [b.region for b in found] == ([bound] if bound else [])
    assert all(b.scheme == DEFAULT and "未公开" in b.source and "自拟" in b.source for b in found)


def test_the_bundled_day_is_what_its_tool_makes() -> None:
    spec = importlib.util.spec_from_file_location("make_visits", ROOT / "tools" / "make_visits.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    written = [json.loads(line) for line in VISITS.read_text("utf-8").splitlines()]
    assert made.visits() == written
    assert 200 <= len(written) <= 300


def test_the_bundled_day_shows_every_kind_of_visit_and_fault(tmp_path: Path) -> None:
    output = tmp_path / "visits.jsonl"
    summary = run(open_source(VISITS), output, Chooser())
    rows = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert summary.rows == len(rows) == 240
    kinds = Counter(row["group_kind"] for row in rows)
    assert all(kinds[kind] >= 8 for kind in ("procedure", "medical", "ancillary"))
    assert {row["reason"] for row in rows} == {
        None, "LINES_MISSING", "LINES_REFUNDED", "DX_PRINCIPAL_UNKNOWN", "PX_MAIN_UNKNOWN",
    }  # fmt: skip
    warned = {word for row in rows for word in (row["warnings"] or "").split(";")}
    assert {
        "DX_PRINCIPAL_MISSING", "DX_PRINCIPAL_UNKNOWN", "PX_UNKNOWN", "LINE_UNASSIGNED",
        "LINE_AMOUNT_MISSING", "LINE_QUANTITY_UNUSABLE", "REFUND_UNMATCHED", "VISIT_NOT_PAYABLE",
    } <= warned  # fmt: skip
    first = rows[0]
    # The lens on both sides, the lid a further one, an MRI apart and a lens material apart.
    assert (first["group"], first["weight"]) == ("P13A", "4.000000")


def test_a_batch_of_the_bundled_day_has_its_parts_in_order() -> None:
    batch = next(open_source(VISITS).batches())
    parts = scheme().group_parts(batch.cases, batch.first_row).to_pylist()
    shown = [p for p in parts if p["row"] == 1]
    assert [p["kind"] for p in shown] == [*["procedure"] * 3, "visit", *["line"] * 8]
    assert [p["action"] for p in shown[:3]] == ["paid", "consolidated", "discounted"]


@pytest.mark.slow
def test_the_shipped_book_is_what_its_tool_builds(facts: Path) -> None:
    spec = importlib.util.spec_from_file_location("build_apg", ROOT / "tools" / "build_apg.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    built = tool.build(facts)
    assert built.card == registry().card(DEFAULT)
    assert built.content_hash() == registry().book(DEFAULT).content_hash()
