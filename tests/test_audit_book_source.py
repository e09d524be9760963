"""No row of the source is lost on the way into the rule book."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from codebooks import paths
from codebooks.audit.books import NATIONAL, AuditBook, read_book
from codebooks.audit.forms import FORMS

LISTS = {
    "duplicate_charge_pairs": "GZ10000102012000",
    "surgery_discount": "GZ10000102002000",
    "frequency_limits": "GZ10000102014000",
    "cycle_limits": "N2025-31",
    "course_limits": "GZ10000102010000",
}


@pytest.fixture(scope="module")
def national() -> AuditBook:
    return read_book(paths.shipped() / "audit" / NATIONAL)


@pytest.fixture(scope="module")
def by_id(national: AuditBook) -> dict[str, tuple[str, dict[str, object]]]:
    """Table and row by id."""
    return {row["row"]: (name, row) for name in FORMS for row in national.tables[name].to_pylist()}


def source(facts: Path, name: str) -> list[dict[str, str]]:
    content = (facts / "audit" / name).read_bytes()
    if name.endswith(".gz"):
        content = gzip.decompress(content)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_ids_are_unique_over_all_tables(national: AuditBook) -> None:
    ids = Counter(
        row for name, table in national.tables.items() for row in table.column("row").to_pylist()
    )
    assert max(ids.values()) == 1


def test_every_rule_stands_in_the_book(facts: Path, national: AuditBook) -> None:
    for row in source(facts, "rules.csv"):
        rule = national.rules[row["rule_code"]]
        assert rule.names["zh"] == row["name"]
        assert rule.level == row["level"]
        assert rule.subclass == row["subclass"]


def test_every_link_of_a_point_is_a_row(
    facts: Path, by_id: dict[str, tuple[str, dict[str, object]]]
) -> None:
    points = {row["kp_id"]: row for row in source(facts, "knowledge_points.csv.gz")}
    links = source(facts, "knowledge_point_codes.csv.gz")
    rules = {
        "药品限就医方式": "N2025-13",
        "医疗服务项目限年龄": "N2025-29",
        "医疗服务项目周期超频次": "N2025-31",
        "超互联网医院药品支付范围": "N2025-47",
    }
    listed = set(LISTS.values())
    order: Counter[str] = Counter()
    found = 0
    for link in links:
        point = points[link["kp_id"]]
        rule = point["rule_code"] or rules[point["rule_name"]]
        if rule in listed:
            continue
        order[link["kp_id"]] += 1
        key = f"{rule}/{point['batch']}.{point['source_row']}.{order[link['kp_id']]}"
        table, row = by_id[key]
        assert row["item"] == link["nhsa_code"]
        assert str(row["source"]).startswith(point["source_attachment"])
        assert str(row["note"]).startswith(point["item_name"])
        assert table != "kept" or row["reason"] in {"limit_unknown", "internet_visit"}
        found += 1
    # Five rules have their points in files of their own, one row a point.
    assert found == len(links) - 1800 - 378 - 67 - 14 - 11
    linked = {link["kp_id"] for link in links}
    without = [one for one in points if one not in linked]
    assert [points[one]["source_row"] for one in without] == [""]
    assert by_id["GZ10000302004000/1.0.1"][1]["reason"] == "remark"


def test_every_row_of_the_lists_is_a_row(
    facts: Path, by_id: dict[str, tuple[str, dict[str, object]]]
) -> None:
    for name, rule in LISTS.items():
        for number, row in enumerate(source(facts, f"{name}.csv"), 1):
            table, own = by_id[f"{rule}/{number}"]
            codes = {own[one] for one in ("item", "item_a", "item_b") if own.get(one)}
            cells = set(row.values())
            if table == "kept":
                assert (own["reason"], cells - {""}) == ("remark", {own["text"]})
            else:
                assert codes
                assert codes <= cells
    for name, rule, column, cell in (
        ("procedure_sex", "GZ10000201005000", "prefix", "proc_code"),
        ("procedure_allowed_diagnoses", "GZ10000201006000", "dx", "allowed_dx_code"),
    ):
        for number, row in enumerate(source(facts, f"{name}.csv"), 1):
            assert by_id[f"{rule}/{number}"][1][column] == row[cell]


def test_points_and_lists_tell_the_same_items(facts: Path, national: AuditBook) -> None:
    """The five rules whose rows come from the lists lose no item of their points."""
    points = {row["kp_id"]: row for row in source(facts, "knowledge_points.csv.gz")}
    told: dict[str, set[str]] = {}
    for link in source(facts, "knowledge_point_codes.csv.gz"):
        point = points[link["kp_id"]]
        rule = point["rule_code"] or "N2025-31" * (point["rule_name"] == "医疗服务项目周期超频次")
        if rule in LISTS.values():
            told.setdefault(rule, set()).add(link["nhsa_code"])
    for rule, table in zip(
        LISTS.values(), ("pairs", "surgery", "quantity", "cycle", "course"), strict=True
    ):
        columns = ("item_a", "item_b") if table == "pairs" else ("item",)
        rows = national.tables[table].to_pylist()
        own = {row[one] for row in rows for one in columns if row["rule"] == rule}
        assert told[rule] <= own, rule


@pytest.mark.parametrize(
    ("name", "letter", "first"),
    [("drug_limits_suspect", "D", "药品编码"), ("service_limits_suspect", "S", "诊疗编码")],
)
def test_every_limit_of_the_suspect_lists_is_a_row(
    facts: Path,
    by_id: dict[str, tuple[str, dict[str, object]]],
    name: str,
    letter: str,
    first: str,
) -> None:
    rows = [
        (str(row["source"]), table, row)
        for table, row in by_id.values()
        if str(row["source"]).startswith(f"{name}.csv ")
    ]
    per_row = Counter(place for place, _, _ in rows)
    limits = 0
    for number, row in enumerate(source(facts, f"{name}.csv"), 1):
        values = [v for k, v in row.items() if v and k.endswith("限制")]
        assert per_row[f"{name}.csv {number}"] == len(values)
        limits += len(values)
    assert limits == sum(per_row.values())
    places = {f"{name}.csv {n}": r[first] for n, r in enumerate(source(facts, f"{name}.csv"), 1)}
    for place, table, found in rows:
        assert found["item"] == places[place]
        assert str(found["row"]).rpartition("/")[2].startswith(letter)
        # Another project's limits never make a violation.
        assert table == "kept" or found["level"] in {"suspect", "verify"}


def test_every_condition_of_the_front_page_is_a_row(facts: Path, national: AuditBook) -> None:
    checks = {row["check"] for row in source(facts, "front_page_checks.csv")}
    assert checks <= set(national.tables["front_page"].column("check").to_pylist())


def test_sex_is_told_with_its_grounds(national: AuditBook) -> None:
    rows = national.tables["sex"].to_pylist()
    assert all("推定" in str(row["note"]) for row in rows if row["level"] == "violation")
    # Names that leave no doubt agree with what was inferred.
    women, men = ("子宫", "卵巢", "妇", "阴道"), ("前列腺", "阴茎", "睾丸", "精囊")
    plain = 0
    for row in rows:
        name = str(row["note"]).partition("；")[0]
        is_woman, is_man = any(w in name for w in women), any(w in name for w in men)
        if is_woman != is_man:
            assert row["sex"] == ("2" if is_woman else "1"), row
            plain += 1
    assert plain > 1000


def test_the_carrying_can_be_repeated(
    facts: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    tool = pytestconfig.rootpath / "tools" / "make_audit_book.py"
    target = tmp_path / NATIONAL
    subprocess.run([sys.executable, tool, facts / "audit", target], check=True)
    shipped = paths.shipped() / "audit" / NATIONAL
    made = sorted(one.relative_to(target) for one in target.rglob("*") if one.is_file())
    assert len(made) > 20
    for name in made:
        assert (target / name).read_bytes() == (shipped / name).read_bytes(), name
