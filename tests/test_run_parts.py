"""``grouper group --parts``: the parts of cases beside their groups."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from grouper.case.readers import open_source
from grouper.cli.main import app
from grouper.run import parts
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.run.parts import PARTS_FILE_SCHEMA
from grouper.schemes.load import load_scheme
from grouper.schemes.protocol import PARTS_SCHEMA, Part, PartedScheme, Scheme, parts_table

HEADER = "case_id,discharge_time,sex,age,dx,px\n"
ROWS = [
    "P1,2027-01-01,1,45,K80.101|I50.900,51.2300",
    "P2,,1,45,K80.101,51.2300",
    "P3,2026-01-01,1,45,K80.101|I50.900,51.2300",
    "P4,2027-01-01,1,45,K80.101,51.2300,surplus",
    "P5,2027-01-02,1,45,K80.101,51.2300",
]


class Parted:
    """The scheme chs-drg-3.0 with one part for each diagnosis, as a family with parts would have."""

    def __init__(self) -> None:
        self._scheme = load_scheme("chs-drg-3.0")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheme, name)

    def group_parts(self, cases: pa.RecordBatch, first_row: int = 1) -> pa.Table:
        lists = cases.column("dx").to_pylist()
        return parts_table(
            [
                (
                    row,
                    [Part("line", code=c, share=Decimal("0.5"), weight=Decimal(2)) for c in codes],
                )
                for row, codes in enumerate(lists, first_row)
            ]
        )


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    parted = Parted()

    def load(scheme: str) -> Scheme:
        return parted if scheme == "chs-drg-3.0" else load_scheme(scheme)  # type: ignore[return-value]

    monkeypatch.setattr(parts, "load_scheme", load)
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "\n".join(ROWS) + "\n", "utf-8")
    return path


def test_the_stand_in_is_a_parted_scheme() -> None:
    assert isinstance(Parted(), PartedScheme)
    assert not isinstance(load_scheme("chs-drg-3.0"), PartedScheme)


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("workers", [1, 2])
def test_parts_stand_by_row_and_part(source: Path, size: int, workers: int) -> None:
    out = source.with_name("parts.csv")
    cases = open_source(source, batch_rows=size)
    run(cases, source.with_name("out.csv"), Chooser(), parts=out, workers=workers)
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["row"], r["case_id"], r["part"], r["code"]) for r in rows] == [
        ("1", "P1", "1", "K80.101"),
        ("1", "P1", "2", "I50.900"),
        ("5", "P5", "1", "K80.101"),
    ]
    assert list(rows[0]) == ["row", "case_id", *PARTS_SCHEMA.names[1:]]
    assert (rows[0]["share"], rows[0]["weight"]) == ("0.500000", "2.000000")


def test_every_ending_says_the_same(source: Path) -> None:
    found = {}
    for ending in ("parquet", "jsonl"):
        out = source.with_name(f"parts.{ending}")
        run(open_source(source), source.with_name("out.csv"), Chooser(), parts=out)
        found[ending] = out
    table = pq.read_table(found["parquet"])
    assert table.schema.equals(PARTS_FILE_SCHEMA)
    lines = [json.loads(x) for x in found["jsonl"].read_text("utf-8").splitlines()]
    assert [(r["row"], r["part"]) for r in table.to_pylist()] == [
        (r["row"], r["part"]) for r in lines
    ]


def test_schemes_without_parts_give_an_empty_file(source: Path) -> None:
    out = source.with_name("parts.csv")
    words = ["group", source, "-o", source.with_name("out.csv"), "--parts", out]
    words += ["--scheme", "chs-drg-2.0"]
    result = CliRunner().invoke(app, [str(w) for w in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    header, *lines = out.read_text("utf-8-sig").splitlines()
    assert header.startswith('"row","case_id","part"')
    assert lines == []


def test_an_interruption_leaves_no_parts(source: Path) -> None:
    def stop(rows: int) -> None:
        raise KeyboardInterrupt(rows)

    out = source.with_name("parts.parquet")
    cases = open_source(source, batch_rows=2)
    with pytest.raises(GrouperError, match="RUN_INTERRUPTED"):
        run(cases, source.with_name("out.csv"), Chooser(), parts=out, progress=stop)
    assert [p.name for p in source.parent.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(
    ("name", "code"), [("out.csv", "OUTPUT_TWICE"), ("parts.xlsx", "OUTPUT_FORMAT")]
)
def test_a_parts_file_that_cannot_be(source: Path, name: str, code: str) -> None:
    parts_file = source.with_name(name)
    with pytest.raises(GrouperError, match=code):
        run(open_source(source), source.with_name("out.csv"), Chooser(), parts=parts_file)
