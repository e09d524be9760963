"""A mart built: facts of priced cases, only what has changed, whole or as it was before."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mart_support import Given, fact, write_mart
from settlement_support import SCHEMA, case, when
from typer.testing import CliRunner

from codebooks.policies.policies import policies
from grouper.cli.mart import app
from grouper.mart import building
from grouper.mart.building import build
from grouper.mart.errors import MartError
from grouper.mart.facts import FACTS, facts
from grouper.mart.hospital import HospitalFolder
from grouper.mart.loading import loaded
from grouper.mart.manifest import MANIFEST, read
from grouper.mart.mart import Mart
from grouper.mart.slices import Axis, Slice
from grouper.payment.indices.table import indices
from grouper.payment.settlement.looked import Looked

D = Decimal
MARCH, OCTOBER = when("2026-03-31T23:30:00"), when("2025-10-02T08:00:00")


def looked() -> Looked:
    return Looked(policies().on("demo", date(2026, 6, 30)))


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


def paid(number: int, **known: Any) -> dict[str, Any]:
    """A priced stay: 500 points of 5.00 yuan."""
    told = {
        "discharge_time": MARCH,
        "department": "D1",
        "group": "A09.0",
        "group_name": "组",
        "band": "normal",
        "unit_weight": D("500.000000"),
        "point_value": D("5.000000"),
        "amount": D("2550.00"),
        "patient": D("500.00"),
        "deducted": D("400.00"),
        "total_cost": D("3000.00"),
        "los": 6,
        "discharge_way": "1",
    }
    return case(number, **told | known)


def source(**years: pa.Table) -> Given:
    tables = {name.removeprefix("y"): one for name, one in years.items()}
    return Given(tables, dict.fromkeys(tables, "1"))


def test_a_fact_is_a_case_in_whole_fen() -> None:
    row = facts(
        table(
            paid(
                1,
                dx=["A09.000"],
                px=["45.1300"],
                admission_department="D2",
                line_class=["09", "99", None],
                line_amount=[D("10.00"), D("5.00"), D("1.50")],
                discharge_way="5",
                person="private",
            )
        ),
        looked(),
    ).to_pylist()[0]
    assert (row["cost"], row["amount"], row["fund"], row["surplus"]) == (
        300000,
        255000,
        215000,
        -35000,
    )
    # 500 points of which 1,000 make a weight of one; at 5.00 yuan they are worth 2,500.00.
    assert (row["weight"], row["standard"]) == (500_000_000, 250000)
    # A minute before midnight in China is still March.
    assert (row["month"], row["day"]) == ("2026-03", date(2026, 3, 31))
    assert (row["operated"], row["transferred"], row["died"]) == (True, True, True)
    assert (row["class_09"], row["class_none"], row["class_01"]) == (1000, 650, 0)
    assert row["insurance"] == "employee"
    assert "private" not in str(row)
    assert not {"person", "admission_number", "birth_date", "hospital"} & set(row)


def test_what_is_not_known_of_a_case_stays_open() -> None:
    rows = facts(
        table(
            paid(1, method="bed_day", band="bed_day"),
            paid(2, discharge_time=None),
            paid(3, amount=None, patient=None, deducted=None, discharge_way=None, total_cost=None),
        ),
        looked(),
    ).to_pylist()
    assert [row["case_id"] for row in rows] == ["CASE1", "CASE3"]
    # A method without a weight pays what it pays, and the policy names no base for it.
    assert (rows[0]["standard"], rows[0]["weight"]) == (255000, None)
    assert {rows[1][name] for name in ("standard", "amount", "surplus", "cost", "died")} == {None}
    assert rows[0]["class_01"] is None


def test_charge_lines_may_lie_apart() -> None:
    lines = pa.table(
        {
            "case_id": ["CASE1", "CASE1", "CASE9"],
            "line_class": ["01", "01", "01"],
            "line_amount": pa.array([D("1.10"), D("2.20"), D("9.00")]),
        }
    )
    rows = facts(table(paid(1), paid(2)), looked(), lines).to_pylist()
    assert [row["class_01"] for row in rows] == [330, None]


def test_the_mart_says_what_the_indices_say(tmp_path: Path) -> None:
    rows = [
        paid(n, group=("A04.9", "A09.0", "ZZZ")[n % 3], total_cost=D(1000 + 37 * n), los=n % 9,
             department=f"D{n % 4}", unit_weight=D(300 + n),
             status="invalid" if n == 7 else "grouped")
        for n in range(40)
    ]  # fmt: skip
    raw = table(*rows)
    build(tmp_path, source(y2026=raw))
    mart = Mart.open(tmp_path)
    cut = Slice(since=date(2026, 1, 1), until=date(2027, 1, 1), reach=None)
    wanted = {row.key: row for row in indices(raw, looked(), "department").rows}
    found = {row["value"]: row for row in mart.by(cut, Axis.DEPARTMENT).to_pylist()}
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        for name in (
            "cases",
            "groups",
            "cmi",
            "mean_cost",
            "mean_days",
            "cost_index",
            "time_index",
        ):
            assert row[name] == getattr(wanted[key], name), (key, name)
        assert row["weight"] == wanted[key].total_weight
        assert row["surplus"] == wanted[key].sums.surplus
    whole = indices(raw, looked()).whole
    told = mart.headline(cut)
    assert (told.cmi.value, told.cost_index.value) == (whole.cmi, whole.cost_index)
    assert mart.about.means == dict(indices(raw, looked()).sources)
    mart.close()


def test_only_the_years_that_changed_are_made_again(tmp_path: Path) -> None:
    given = source(y2025=table(paid(1, discharge_time=OCTOBER)), y2026=table(paid(2)))
    first = build(tmp_path, given)
    assert (first.cases, first.years, first.months) == (2, ("2025", "2026"), ("2025-10", "2026-03"))
    stamp = Mart.stamp(tmp_path)
    again = build(tmp_path, given)
    assert (again.years, again.kept, Mart.stamp(tmp_path)) == ((), ("2025", "2026"), stamp)
    files = set(read(tmp_path).months.values())
    given.hashes["2026"] = "2"
    given.tables = {**given.tables, "2026": table(paid(2), paid(3))}
    given.asked = ()
    third = build(tmp_path, given)
    assert (third.years, third.cases, given.asked) == (("2026",), 3, ("2026",))
    assert len(files & set(read(tmp_path).months.values())) == 1
    # Nothing is left of what is not of this state.
    assert {one.name for one in tmp_path.iterdir()} == {*read(tmp_path).files, MANIFEST}
    assert build(tmp_path, given, anew=True).years == ("2025", "2026")
    del given.hashes["2025"]
    assert build(tmp_path, given).months == ("2026-03",)


def test_other_rules_make_a_year_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = source(y2026=table(paid(1)))
    build(tmp_path, given)
    state = json.loads((tmp_path / MANIFEST).read_text())
    state["years"]["2026"]["schemes"] = ["no-such-scheme"]
    (tmp_path / MANIFEST).write_text(json.dumps(state))
    assert build(tmp_path, given).years == ("2026",)
    monkeypatch.setattr(building, "_rules", lambda *_: "others")
    assert build(tmp_path, given).years == ("2026",)
    given.region = "pingdingshan"
    assert build(tmp_path, given).years == ("2026",)


def test_a_build_that_breaks_off_leaves_what_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = source(y2026=table(paid(1)))
    build(tmp_path, given)
    stamp = Mart.stamp(tmp_path)
    given.hashes["2026"] = "2"

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "full")

    with monkeypatch.context() as patch:
        patch.setattr(building, "write_means", full)
        with pytest.raises(MartError) as broken:
            build(tmp_path, given)
    assert broken.value.code == "MART_WRITE"
    assert Mart.stamp(tmp_path) == stamp
    mart = Mart.open(tmp_path)
    assert mart.about.cases == 1
    mart.close()
    build(tmp_path, given)
    assert {one.name for one in tmp_path.iterdir()} == {*read(tmp_path).files, MANIFEST}


def test_a_mart_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    assert Mart.stamp(tmp_path) == ""
    for content, code in (
        (None, "MART_ABSENT"),
        ("{", "MART_BROKEN"),
        ("[]", "MART_OLD"),
        ('{"format": 0}', "MART_OLD"),
        ('{"format": 2, "other": 2}', "MART_OLD"),
        ('{"format": 2, "means": "away.parquet"}', "MART_OLD"),
        ('{"format": 2, "made": "2026-01-01T00:00:00+00:00", "names": {"mdc": ["B"]}}', "MART_OLD"),
        (
            '{"format": 2, "made": "2026-01-01T00:00:00+00:00", "means": "away.parquet"}',
            "MART_BROKEN",
        ),
    ):
        if content is not None:
            (tmp_path / MANIFEST).write_text(content)
        with pytest.raises(MartError) as refused:
            Mart.open(tmp_path)
        assert refused.value.code == code
        assert code in refused.value.describe("en")
    write_mart(tmp_path, [fact()])
    (tmp_path / "2026-03.parquet").write_bytes(b"no parquet")
    with pytest.raises(MartError, match="MART_BROKEN"):
        loaded(tmp_path)


def hospital(folder: Path) -> Path:
    """A folder of two months: one stay each."""
    for month, number in (("2026-02", 1), ("2026-03", 2)):
        (folder / "inpatient").mkdir(parents=True, exist_ok=True)
        (folder / "charges").mkdir(exist_ok=True)
        rows = [
            {
                "case_id": f"Z{number}",
                "region": "demo",
                "kind": "inpatient",
                "insurance_type": "310",
                "sex": 1,
                "age": 40,
                "admission_time": when(f"{month}-05T08:00:00"),
                "discharge_time": when(f"{month}-09T08:00:00"),
                "discharge_way": "1",
                "department": "03.01",
                "los": 4,
                "code_system": "nhsa",
                "dx": ["A04.900"],
                "total_cost": D("2200.00"),
            }
        ]
        names = list(rows[0])
        schema = pa.schema([SCHEMA.field(name) for name in names])
        pq.write_table(
            pa.Table.from_pylist(rows, schema), folder / "inpatient" / f"{month}.parquet"
        )
        charges = pa.table(
            {
                "case_id": [f"Z{number}"],
                "line_class": pa.array(["09"]).dictionary_encode(),
                "line_amount": pa.array([D("2200.00")]),
            }
        )
        pq.write_table(charges, folder / "charges" / f"{month}.parquet")
    (folder / "hospital.json").write_text(json.dumps({"departments": {"03.01": "呼吸内科"}}))
    return folder


def test_a_hospital_folder_is_grouped_priced_and_built(tmp_path: Path) -> None:
    given = HospitalFolder(hospital(tmp_path / "h"), "demo")
    seen: list[int] = []
    built = build(tmp_path / "mart", given, progress=seen.append)
    assert (built.cases, built.months) == (2, ("2026-02", "2026-03"))
    assert seen[-1] == 1
    mart = Mart.open(tmp_path / "mart")
    cut = Slice(since=date(2026, 2, 1), until=date(2026, 4, 1), reach=None)
    row = mart.by(cut, Axis.DEPARTMENT).to_pylist()[0]
    assert (row["name"], row["cases"], row["cost"]) == ("呼吸内科", 2, D("4400.00"))
    assert mart.structure(cut)["cost_class"].to_pylist() == ["09"]
    mart.close()
    assert build(tmp_path / "mart", given).years == ()
    (tmp_path / "h" / "charges" / "2026-02.parquet").unlink()
    (tmp_path / "h" / "hospital.json").write_text("[")
    assert build(tmp_path / "mart", given).years == ("2026",)
    assert given.names() == {}


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MartError) as refused:
        build(tmp_path / "mart", HospitalFolder(tmp_path, "demo"))
    assert refused.value.code == "MART_NO_CASES"


def test_months_beside_a_year_belong_to_what_it_is_made_of(tmp_path: Path) -> None:
    folder = hospital(tmp_path)
    (folder / "inpatient" / "2026-02.parquet").rename(folder / "inpatient" / "2025-12.parquet")
    (folder / "charges" / "2026-02.parquet").rename(folder / "charges" / "2026-01.parquet")
    given = HospitalFolder(folder, "demo")
    before = given.years()
    path = folder / "inpatient" / "2025-12.parquet"
    pq.write_table(pq.read_table(path), path, compression="none")
    after = given.years()
    assert before.keys() == after.keys() == {"2025", "2026"}
    assert before["2026"] != after["2026"]


def test_the_command_builds_and_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    run = CliRunner()
    where = ["--folder", str(tmp_path / "mart"), "--lang", "en"]
    folder = str(hospital(tmp_path / "h"))
    made = run.invoke(app, ["build", "--hospital", folder, "--region", "demo", *where])
    assert made.exit_code == 0, made.output
    assert "Mart built: 2 cases, 2 months; years made 2026, kept none" in made.output
    shown = run.invoke(app, ["show", "--by", "department", *where])
    assert "Mart: 2 cases, 2026-02-09 to 2026-03-09" in shown.output
    assert "03.01 呼吸内科: 2 cases" in shown.output
    assert "costs (yuan): 4400.00\n" in shown.output
    assert "mean cost (yuan): 2200.00 (95 % interval 2200.00 to 2200.00)" in shown.output
    none = run.invoke(app, ["show", "--since", "2030-01-01", "--last", "2030-02-01", *where])
    assert "cases: 0" in none.output
    assert "CMI: unknown" in none.output
    write_mart(tmp_path / "mart", [])
    assert "holds no case" in run.invoke(app, ["show", *where]).output


def test_facts_are_sorted_by_day() -> None:
    rows = [paid(n, discharge_time=MARCH - timedelta(days=n)) for n in range(5)]
    found = facts(table(*rows), looked())
    assert found["day"].to_pylist() == sorted(found["day"].to_pylist())
    assert found.schema == FACTS


def test_a_table_of_few_columns_makes_facts_with_gaps() -> None:
    names = [name for name in SCHEMA.names if name not in {"px", "age", "line_amount", "mdc"}]
    row = facts(table(paid(1, age=40, mdc="MDCA")).select(names), looked()).to_pylist()[0]
    assert (row["age"], row["mdc"], row["operated"]) == (None, None, False)
    assert row["cost"] == 300000


def test_mdc_and_adrg_have_the_names_of_the_book(tmp_path: Path) -> None:
    raw = table(paid(1, scheme="chs-drg-2.0", mdc="MDCB", adrg="BR2", group="BR21"))
    build(tmp_path, source(y2026=raw))
    mart = Mart.open(tmp_path)
    cut = Slice(since=date(2026, 1, 1), until=date(2027, 1, 1), reach=None)
    for axis, value, name in (
        (Axis.MDC, "MDCB", "神经系统疾病及功能障碍"),
        (Axis.ADRG, "BR2", "其他脑缺血性疾病"),
    ):
        row = mart.by(cut, axis).to_pylist()[0]
        assert (row["value"], row["name"]) == (value, name)
    mart.close()
