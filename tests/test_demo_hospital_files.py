"""The demonstration hospital on disk: the same bytes, whole months, going on, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.case.readers import open_source
from grouper.cli import demo_hospital as command
from grouper.demo.hospital import build, catalogue, tables
from grouper.demo.hospital.build import MANIFEST, PLANTED, PLANTED_COLUMNS, make_hospital
from grouper.demo.hospital.errors import HospitalError
from grouper.demo.hospital.plan import Plan, make_plan, month_name, month_number
from grouper.demo.hospital.writing import KINDS, about, write_table, write_text

REGION, SCHEME = "demo", "dip-pingdingshan-2025"
SMALL = 0.04


def plan(first: str = "2025-02", months: int = 2, seed: int = 7) -> Plan:
    return make_plan(first, months, seed, SMALL, region=REGION, scheme=SCHEME)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hospital")
    make_hospital(out, plan())
    return out


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_folder_holds_what_the_contract_says(made: Path) -> None:
    wanted = {f"{kind}/2025-0{n}.parquet" for kind in KINDS for n in (2, 3)}
    assert set(content(made)) == wanted | {MANIFEST, PLANTED}
    manifest = json.loads((made / MANIFEST).read_text("utf-8"))
    assert "虚构" in manifest["statement"]
    assert manifest["seed"] == 7
    assert set(manifest["months"]) == {"2025-02", "2025-03"}
    for kind in KINDS:
        rows = sum(pq.read_metadata(made / kind / f"2025-0{n}.parquet").num_rows for n in (2, 3))
        assert manifest["totals"][kind] == rows
    for name, digest in manifest["files"].items():
        assert build.file_hash(made / name) == digest


def test_planted_names_cases_and_lines_that_are_there(made: Path) -> None:
    with (made / PLANTED).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == PLANTED_COLUMNS
    cases = {
        case
        for kind in ("inpatient", "outpatient", "long_stay")
        for path in (made / kind).iterdir()
        for case in pq.read_table(path, columns=["case_id"]).column("case_id").to_pylist()
    }
    assert {row["case_id"] for row in rows} <= cases
    assert len({row["kind"] for row in rows if row["sort"] == "violation"}) >= 10
    assert any(row["lines"] for row in rows)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    made: Path, tmp_path: Path
) -> None:
    make_hospital(tmp_path / "same", plan())
    assert content(tmp_path / "same") == content(made)
    make_hospital(tmp_path / "other", plan(months=1, seed=8))
    name = "inpatient/2025-02.parquet"
    assert content(tmp_path / "other")[name] != content(made)[name]


def test_a_month_alone_is_the_month_within_more(made: Path, tmp_path: Path) -> None:
    make_hospital(tmp_path, plan("2025-03", 1))
    alone = content(tmp_path)
    for kind in KINDS:
        name = f"{kind}/2025-03.parquet"
        assert alone[name] == content(made)[name]


def test_readers_take_every_case(made: Path) -> None:
    for kind in ("inpatient", "outpatient", "long_stay"):
        for path in sorted((made / kind).iterdir()):
            rows = 0
            for batch in open_source(path).batches():
                rows += batch.cases.num_rows
                assert batch.issues.num_rows == 0, batch.issues.to_pylist()
            assert rows == pq.read_metadata(path).num_rows


def test_an_interrupted_hospital_goes_on(made: Path, tmp_path: Path) -> None:
    def stop(done: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_hospital(tmp_path, plan(), stop)
    assert not (tmp_path / MANIFEST).exists()
    told: list[int] = []
    again = make_hospital(tmp_path, plan(), told.append)
    assert (again.written, again.kept, told) == (1, 1, [1, 2])
    assert content(tmp_path) == content(made)
    (tmp_path / "charges" / "2025-03.parquet").write_bytes(b"half")
    assert make_hospital(tmp_path, plan()).written == 1
    assert content(tmp_path) == content(made)


def test_an_interruption_within_a_file_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(table: Any, where: Path, **_: Any) -> None:
        del table
        where.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pq, "write_table", broken)
    with pytest.raises(KeyboardInterrupt):
        make_hospital(tmp_path, plan(months=1))
    assert content(tmp_path) == {}


def test_months_of_another_order_are_refused(made: Path) -> None:
    before = content(made)
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_OTHER"):
        make_hospital(made, plan(seed=8))
    assert content(made) == before


def test_a_file_in_the_way_is_told(tmp_path: Path, made: Path) -> None:
    (tmp_path / "outpatient").write_text("", "utf-8")
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_WRITE"):
        make_hospital(tmp_path, plan())
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_WRITE"):
        write_text(tmp_path / "outpatient" / "x", "")
    table = pq.read_table(made / "long_stay" / "2025-02.parquet")
    pq.write_table(table.replace_schema_metadata(None), tmp_path / "plain.parquet")
    assert about(tmp_path / "plain.parquet") is None
    write_table(tmp_path / "own.parquet", table, {"rows": 1})
    assert about(tmp_path / "own.parquet") == {"rows": 1}


@pytest.mark.parametrize(
    ("first", "months", "seed", "scale", "code"),
    [
        ("2025-13", 1, 1, 1.0, "DEMO_HOSPITAL_MONTH"),
        ("x" * 90, 1, 1, 1.0, "DEMO_HOSPITAL_MONTH"),
        ("2025-01", 0, 1, 1.0, "DEMO_HOSPITAL_SIZE"),
        ("2025-01", 1, -1, 1.0, "DEMO_HOSPITAL_SIZE"),
        ("2025-01", 1, 1, 0.0, "DEMO_HOSPITAL_SIZE"),
        ("2025-01", 1, 1, float("nan"), "DEMO_HOSPITAL_SIZE"),
        ("1990-01", 1, 1, 1.0, "DEMO_HOSPITAL_UNCOVERED"),
        ("2024-12", 1, 1, 1.0, "DEMO_HOSPITAL_UNCOVERED"),
        ("2025-01", 25, 1, 1.0, "DEMO_HOSPITAL_UNCOVERED"),
        ("2025-01", 10**9, 1, 1.0, "DEMO_HOSPITAL_UNCOVERED"),
        ("0000-01", 1, 1, 1.0, "DEMO_HOSPITAL_UNCOVERED"),
    ],
)
def test_orders_that_cannot_be_are_refused(
    first: str, months: int, seed: int, scale: float, code: str
) -> None:
    with pytest.raises(HospitalError) as caught:
        make_plan(first, months, seed, scale, region=REGION, scheme=SCHEME)
    assert caught.value.code == code
    for lang in ("zh", "en"):
        assert caught.value.describe(lang)


def test_months_are_written_and_read() -> None:
    assert month_name(month_number("2026-12")) == "2026-12"
    assert list(plan("2025-12", 2)) == [month_number("2025-12"), month_number("2026-01")]


ITEM = {
    "code": "1", "name": "a", "class": "01", "price": "1.00",
    "scope": "A", "first_share": "0", "limit": "", "use": "bed",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [("price", "1.005"), ("price", "x"), ("price", "-1"), ("price", "Infinity"), ("scope", "D"),
     ("first_share", "0.00001"), ("limit", "NaN"), ("code", "0")],
)  # fmt: skip
def test_items_that_cannot_be_are_refused(
    column: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "rows", lambda _: (ITEM | {"code": "0"}, ITEM | {column: value}))
    with pytest.raises(HospitalError) as caught:
        catalogue.items.__wrapped__()
    assert (caught.value.where.row, caught.value.where.column) == (3, column)


def test_tables_that_are_broken_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "short.csv").write_text("a,b\n1\n", "utf-8")
    monkeypatch.setattr(tables, "DATA", tmp_path)
    with pytest.raises(HospitalError) as caught:
        tables.rows.__wrapped__("short.csv")
    assert caught.value.where.row == 2
    monkeypatch.setattr(tables, "toml", lambda _: {"profiles": [{"id": "x", "hair": "red"}]})
    with pytest.raises(HospitalError, match="DEMO_HOSPITAL_TABLE"):
        tables.profiles.__wrapped__()


def runner(arguments: list[str]) -> Any:
    app = typer.Typer()
    app.command()(command.demo_hospital_command)
    return CliRunner().invoke(app, arguments)


def test_the_command_makes_and_tells(made: Path, tmp_path: Path) -> None:
    options = ["--from", "2025-02", "--months", "2", "--seed", "7", "--scale", str(SMALL)]
    found = runner([str(tmp_path), *options])
    assert found.exit_code == 0
    assert text("demo_hospital.done", "zh", written=2, kept=0) in found.output
    assert content(tmp_path) == content(made)
    found = runner([str(tmp_path), *options, "--lang", "en"])
    assert text("demo_hospital.done", "en", written=0, kept=2) in found.output
    found = runner([str(tmp_path), *options, "--json"])
    assert json.loads(found.output)["totals"]["planted"] > 0
    found = runner([str(tmp_path), "--from", "2027-01"])
    assert isinstance(found.exception, GrouperError)


def test_the_bar_is_drawn_on_terminals_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with command._progress_bar(2) as progress:
        assert progress is None
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with command._progress_bar(2) as progress:
        assert progress is not None
        progress(1)
