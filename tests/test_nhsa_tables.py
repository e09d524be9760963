"""The adapter's tables: they are what the tool makes of the facts, and they hang together."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from nhsa_support import TABLES

from codebooks.places import region_of
from codebooks.registry import registry
from grouper.case.fields import FIELDS
from hl7_adapters.nhsa.body import Number
from hl7_adapters.nhsa.table_files import SHAPES, read_tables

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "hl7_adapters" / "nhsa" / "data"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "build_nhsa_tables.py"
    spec = importlib.util.spec_from_file_location("build_nhsa_tables", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shipped(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_tables_are_what_the_tool_makes(
    tool: ModuleType, facts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "DATA", tmp_path)
    tool.main(facts / "interfaces")
    for name in ("fields.csv", "dialects.csv", "code_lists.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()


def test_every_field_of_the_facts_is_carried(tool: ModuleType, facts: Path) -> None:
    here = {(r["dialect"], r["transaction"], r["node"], r["field"]) for r in shipped("fields.csv")}
    missing = [
        (dialect, row["txn"], node, row["field"])
        for dialect, file in (
            ("", "nhsa_4101_settlement_list.csv"),
            ("guangzhou", "nhsa_4101A_settlement_list_GZ.csv"),
            ("", "nhsa_4401_medical_record_front_page.csv"),
            ("", "nhsa_2301_fee_detail_in.csv"),
        )
        for row in tool.read(facts / "interfaces" / file)
        if (node := tool.PLAN["nodes"].get(row["node"], row["node"]))
        and (dialect, row["txn"], node, row["field"]) not in here
    ]
    assert missing == []


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_no_row_stands_twice(name: str) -> None:
    keys = [tuple(r[c] for c in SHAPES[name].key) for r in shipped(f"{name}.csv")]
    assert len(keys) == len(set(keys))
    assert len(read_tables()[name]) == len(keys)


def test_meanings_are_of_fields_that_exist() -> None:
    known = {
        *FIELDS,
        *("code", "name", "role", "key", "start", "end", "duration", "amount", "class"),
        *("refund_of", "hospital_item", "price"),
        *("sum.patient_paid", "sum.fund_paid", "sum.own_cost"),
        *("scope.A", "scope.B", "scope.C", "scope.rest"),
        *(f"person.{n}" for n in ("name", "id_number", "birth_date", "sex")),
        *(f"ventilator.{n}" for n in ("days", "hours", "minutes")),
    }
    fields = {(r["transaction"], r["node"], r["field"]) for r in shipped("fields.csv")}
    for row in shipped("meanings.csv"):
        assert row["to"] in known, row
        of = [t for t, family in TABLES.families.items() if family == row["family"]]
        assert of, row
        stated = any((t, row["node"], row["field"]) in fields for t in of)
        assert stated or (row["node"], row["field"]) in _ANSWERED, row


_ANSWERED = {
    ("oprninfo", "main_oprn_flag"),
    ("result", "feedetl_sn"),
    ("result", "med_chrgitm_type"),
    ("result", "chrgitm_lv"),
    ("result", "selfpay_prop"),
    ("result", "pric_uplmt_amt"),
    ("feedetail", "med_chrgitm_type"),
}
"""Fields of an insurer's answer, for which no field table is at hand; all begin as of 2301, 4101."""


def test_every_node_of_a_field_table_is_a_node() -> None:
    for row in shipped("fields.csv"):
        assert row["node"] in TABLES.nodes[row["transaction"]], row
    for row in shipped("dialects.csv"):
        of = TABLES.families if row["transaction"] == "*" else [row["transaction"]]
        assert any(row["node"] in TABLES.nodes[t] for t in of), row


def test_lists_of_fields_have_codes() -> None:
    for row in shipped("fields.csv"):
        assert not row["list"] or TABLES.roles(row["list"], row["dialect"]), row


def test_what_names_a_person_is_never_open() -> None:
    assert not [r for r in shipped("fields.csv") if r["private"] and r["open"]]
    private = {r["field"] for r in shipped("fields.csv") if r["private"]}
    assert {"psn_name", "certno", "brdy", "coner_tel", "curr_addr", "XZZ_DZ", "DH"} <= private


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("420100", "420100"),
        ("420106", "420100"),
        ("429900", "420000"),
        ("990000", None),
        ("武汉", None),
        ("42010", None),
    ],
)
def test_regions_are_found_upwards(written: str, region: str | None) -> None:
    assert region_of(written) == region
    if region is not None:
        assert registry().region(region)


def test_a_number_is_a_text() -> None:
    assert Number("51.2300") == "51.2300"


@pytest.mark.parametrize(
    ("code", "western"),
    [
        ("I21.001", True),
        ("N18.900x001", True),
        ("C34", True),
        ("J10.801+G94.8*", True),
        ("M80000/3", False),
        ("A07.01.01", False),
        ("A07.01", False),
        ("BNG080", False),
        ("ZBEA00", False),
        ("", False),
    ],
)
def test_the_form_of_western_codes(code: str, western: bool) -> None:
    assert (TABLES.western.fullmatch(code) is not None) == western
