"""HQMS front pages of full width: written by a generator here, read back to the same cases."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from grouper.case import Case
from grouper.case.issues import issues_of
from grouper.case.layout import fold_name
from grouper.case.readers import dialects, open_source
from hl7_adapters.hqms import DIALECT
from hl7_adapters.hqms.columns import Header, by_header, columns

if TYPE_CHECKING:
    from pathlib import Path

WIDTH = 811
STAY = {"B12": "2026-03-01 08:30:00", "B15": "2026-03-04 10:00:00"}


def front_page(record: dict[str, Any], number: int) -> dict[str, str]:
    """One front page by column code, filled from a record in the labelled cases' names."""
    page = {
        "A48": f"{number:08d}",
        "A49": "1",
        "A11": "-",
        "A12C": str(record["sex"]),
        "A14": str(record["age"]),
        "A16": "-" if record["age_days"] is None else str(record["age_days"]),
        "A18x01": "-" if record["weight_g"] is None else str(record["weight_g"]),
        "B16C": record["dept"] or "-",
        "B20": str(record["los"]),
        "B34C": record["discharge"],
        "C47": "0",
        "D01": "1234.50",
    }
    first, *others = record["dx"]
    page |= {"C03C": first, "C05C": "1"}
    for at, code in enumerate(others, 1):
        page |= {f"C06x{at:02d}C": code, f"C08x{at:02d}C": "4"}
    if record["px"]:
        first, *others = record["px"]
        page |= {"C14x01C": first, "C16x01": "2026-03-02", "C17x01": "4"}
        for at, code in enumerate(others, 1):
            page[f"C35x{at:02d}C"] = code
    if record["icu_hours"]:
        days, hours = divmod(int(record["icu_hours"]), 24)
        page |= {
            "C49x01": "2026-03-01 09:00:00",
            "C50x01": f"2026-03-{1 + days:02d} {9 + hours:02d}:00:00",
        }
    return page


def written(pages: list[dict[str, str]], header: Header = Header.CODE) -> str:
    out = io.StringIO()
    kept = [c for c in columns() if getattr(c, header)]
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([str(getattr(c, header)) for c in kept])
    writer.writerows([[page.get(c.column, "") for c in kept] for page in pages])
    return out.getvalue()


def read(
    path: Path, content: bytes, **options: object
) -> tuple[list[Case], list[tuple[int, str, str]], Any]:
    path.write_bytes(content)
    source = open_source(path, dialects=(DIALECT,), **options)  # type: ignore[arg-type]
    cases: list[Case] = []
    said: list[tuple[int, str, str]] = []
    for batch in source.batches():
        cases += [Case.from_batch(batch.cases, at) for at in range(batch.cases.num_rows)]
        said += [(i.row, i.field, i.reason) for i in issues_of(batch.issues)]
    return cases, said, source


def labelled(facts: Path, scheme: str, count: int) -> list[dict[str, Any]]:
    text = gzip.decompress((facts / "cases" / "chs_drg" / f"{scheme}.jsonl.gz").read_bytes())
    # A day of the month and an hour of the day bound what the generator's ICU stay can hold.
    found = [json.loads(line) for line in text.splitlines()]
    return [r for r in found if r["icu_hours"] % 24 <= 14][:count]


def same(case: Case, record: dict[str, Any]) -> None:
    wanted, _ = Case.from_mapping(record)
    for name in ("sex", "age", "los", "discharge_way", "department", "dx", "px", "age_days"):
        assert getattr(case, name) == getattr(wanted, name), name
    assert case.birth_weight_g == wanted.weight_g
    assert (case.icu_hours or 0) == wanted.icu_hours


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("scheme", ["chs-drg-3.0", "harbin-2022"])
def test_labelled_cases_come_back(facts: Path, tmp_path: Path, scheme: str, encoding: str) -> None:
    records = labelled(facts, scheme, 60)
    text = written([front_page(r, at) for at, r in enumerate(records)])
    cases, said, source = read(tmp_path / "hqms.csv", text.encode(encoding))
    assert len(source.schema) == WIDTH
    assert len(cases) == len(records)
    for case, record in zip(cases, records, strict=True):
        same(case, record)
    assert said == []
    assert cases[0].case_id == "00000000-1"
    assert cases[0].person is None
    assert str(cases[0].total_cost) == "1234.50"
    assert cases[0].dx_poa[0] == "1"
    assert source.layout.dialect == "hqms"


@pytest.mark.parametrize("header", list(Header))
def test_every_kind_of_header(tmp_path: Path, header: Header) -> None:
    page = {
        "A48": "00001", "A49": "2", "A12C": "女", "A13": "1950-01-01", "A14": "76", **STAY, "B20": "3", "B34C": "1",
        "C03C": "I10.x00", "C06x01C": "E11.900", "C14x01C": "51.2300", "C16x01": "2026-03-02 10:00:00",
        "C17x01": "4", "D01": "10.00", "B16C": "03",
    }  # fmt: skip
    cases, said, source = read(tmp_path / "a.csv", written([page], header).encode("gb18030"))
    assert said == []
    case = cases[0]
    assert (case.case_id, case.sex, case.age, case.los, case.department) == (
        "00001-2",
        2,
        76,
        3,
        "03",
    )
    assert (case.dx, case.px, case.px_level) == (("I10.x00", "E11.900"), ("51.2300",), ("4",))
    assert str(case.px_date[0]) == "2026-03-02"
    assert [i.reason for i in source.file_issues] == ["CODE_SYSTEM_UNSTATED"]


def test_stating_the_code_system_settles_it(tmp_path: Path) -> None:
    text = written([{"A48": "1", "C03C": "I10.x00"}]).encode()
    _, _, source = read(tmp_path / "a.csv", text, defaults={"code_system": "nhsa"})
    assert source.file_issues == []


def test_intensive_care_is_the_sum_of_its_spans(tmp_path: Path) -> None:
    spans = [
        {},
        {
            "C49x01": "2026-03-01 08:00:00",
            "C50x01": "2026-03-01 20:30:00",
            "C49x03": "20260302",
            "C50x03": "20260303",
        },
        {"C49x01": "2026-03-01 08:00:00"},
        {"C49x01": "2026-03-02 08:00:00", "C50x01": "2026-03-01 08:00:00"},
        {"C49x01": "02/03/2026", "C50x01": "2026-03-01 08:00:00"},
    ]
    pages = [{"A48": str(at), "C03C": "I10.x00", **span} for at, span in enumerate(spans)]
    cases, said, _ = read(tmp_path / "a.csv", written(pages).encode())
    assert [c.icu_hours for c in cases] == [None, 36.5, None, None, None]
    assert said == [
        (3, "icu_hours", "DATE_INVALID"),
        (4, "icu_hours", "DATE_ORDER"),
        (5, "icu_hours", "DATE_AMBIGUOUS"),
    ]


def test_an_empty_principal_and_gaps(tmp_path: Path) -> None:
    page = {"A48": "1", "C03C": "-", "C06x02C": "E11.900", "C08x02C": "2", "C35x40C": "51.2300"}
    cases, _, _ = read(tmp_path / "a.csv", written([page]).encode())
    assert cases[0].dx == (None, "E11.900")
    assert cases[0].dx_poa == (None, "2")
    assert cases[0].px == (None, "51.2300")


def test_the_table_of_columns() -> None:
    assert len(columns()) == WIDTH
    for header in Header:
        written_names = [str(getattr(c, header)) for c in columns() if getattr(c, header)]
        assert (
            len({fold_name(n) for n in written_names})
            == len(written_names)
            == len(by_header(header))
        )
    bound = [(c.field, c.slot, c.part) for c in columns() if c.field]
    assert len(set(bound)) == len(bound)
    named = {"A11", "A20", "A22", "A24", "A26", "A27", "A32", "A34", "A35", "A47"}
    assert not [c for c in columns() if c.column in named and c.field]
    assert sum(c.field == "dx" for c in columns()) == 41
    assert sum(c.field == "px_date" for c in columns()) == 41


def test_other_headers_are_none() -> None:
    assert DIALECT.bind(["病案号", "性别", "出院时间", "出院主要诊断编码", *"abcdefgh"]) is None
    assert DIALECT.bind(["id", "sex", "dx"]) is None
    assert DIALECT.bind([]) is None
    assert DIALECT.bind(["A48", "A12C", "B15", "C03C", ""]) is not None


def test_dialects_register_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        def load(self) -> object:
            return DIALECT

    monkeypatch.setattr(
        dialects, "entry_points", lambda group: [Point()] if group == "grouper.readers" else []
    )
    dialects.registered.cache_clear()
    assert dialects.registered() == (DIALECT,)
    assert dialects.lay_out(["A48", "A12C", "B15", "C03C"], dialects.registered()).dialect == "hqms"
    dialects.registered.cache_clear()
