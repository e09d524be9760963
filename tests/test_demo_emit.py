"""The demonstration hospital speaks, and what it says is read back as the same cases."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from emit_support import CHARGES, ITEMS, LOCAL, MONTH, hospital, stay
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks.errors import GrouperError
from codebooks.registry import registry
from grouper.case.fields import CASE_SCHEMA, FIELDS, members
from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.case.tables import missing
from grouper.case.values import fold
from grouper.cli import demo_emit
from grouper.cli.demo_emit import emit_command
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.emit import FORMS, EmitError, emit
from grouper.demo.hospital.emit.month import Month
from grouper.demo.hospital.emit.settings import mapping, site_fields
from grouper.demo.hospital.emit.transactions import charges, settlement, settlement_list
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml
from grouper.intake.record import case_of, merge
from grouper.intake.table_form import TableForm
from hl7_adapters.hl7v2 import Hl7Form, load_mapping
from hl7_adapters.nhsa import NhsaForm

APART = {"case_id", "person", "hospital"}
SCORES = set(members("assessment_item"))
LINES = set(members("line_item"))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = hospital(tmp_path_factory.mktemp("hospital"))
    out = tmp_path_factory.mktemp("out")
    emit(folder, MONTH, out)
    return folder, out


def records(form: Any, bodies: list[bytes]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Of each visit the record and its lines by key, in the order in which they came."""
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for stamp, body in enumerate(bodies, 1):
        for event in form.events(body):
            record, lines = found.get(event.visit, ({}, {}))
            lines |= {line.key: dict(line.about) for line in event.lines}
            found[event.visit] = (merge(record, event, stamp), lines)
    return found


def bodies(path: Path) -> list[bytes]:
    return [line.encode() for line in path.read_text("utf-8").splitlines()]


def messages(path: Path) -> list[bytes]:
    return [json.loads(line)["text"].encode("utf-8") for line in bodies(path)]


def wanted(folder: Path) -> dict[str, Case]:
    month = Month(folder, MONTH)
    return {stay.case.case_id or "": month.case(stay) for stay in month.stays}


def same(found: Case, case: Case, names: set[str]) -> None:
    for name in sorted(names):
        assert getattr(found, name) == getattr(case, name), (case.case_id, name)


def test_messages_are_read_back_as_the_same_cases(told: tuple[Path, Path]) -> None:
    folder, out = told
    form = Hl7Form(load_mapping(out / "hl7.toml"))
    found = records(form, messages(out / "messages.jsonl"))
    cases = wanted(folder)
    assert set(found) == set(cases)
    assert len(cases) == 11
    for visit, case in cases.items():
        record, lines = found[visit]
        again, _ = case_of(record, _ordered(lines), case_id=visit)
        asked = set(FIELDS) - APART - SCORES
        if case.age is None or case.birth_date is None:
            asked -= {"age", "age_days"}
        if case.admission_time is None:
            # A stay whose admission nobody wrote down: its days cannot be told either.
            asked -= {"los", "admission_department"}
        if case.code_system != "nhsa":
            # What is said to be clinical is carried over when the record is read.
            assert record["facts"]["code_system"][0] == case.code_system
            asked -= {"code_system", "dx", "px"}
        same(again, case, asked)


def _ordered(lines: dict[str, Any]) -> list[dict[str, Any]]:
    """By time and number, as the month has them."""
    latest = "9"
    keys = sorted(
        lines, key=lambda k: (lines[k].get("line_time", latest), int(k.rpartition("-")[2]))
    )
    return [lines[key] for key in keys]


def test_every_message_is_taken_and_they_come_in_the_order_of_time(
    told: tuple[Path, Path],
) -> None:
    _, out = told
    form = Hl7Form(mapping())
    raws = messages(out / "messages.jsonl")
    times, ids, kinds = [], [], set()
    for raw in raws:
        envelope = form.envelope(raw)
        assert envelope.verdict == "AA", envelope.reason
        header = raw.decode().split("\r")[0].split("|")
        times.append(header[6])
        ids.append(envelope.control_id)
        kinds.add(header[8])
        for event in form.events(raw):
            assert event.unknown == ()
    assert times == sorted(times)
    assert len(set(ids)) == len(ids)
    assert kinds == {"ADT^A01^ADT_A01", "ADT^A08^ADT_A01", "DFT^P03^DFT_P03", "ADT^A03^ADT_A03"}


def test_without_its_own_mapping_they_tell_what_grouping_asks(told: tuple[Path, Path]) -> None:
    folder, out = told
    found = records(Hl7Form(load_mapping()), messages(out / "messages.jsonl"))
    names = {"dx", "px", "px_date", "sex", "birth_date", "discharge_time", "discharge_way"}
    names |= {"admission_time", "department", "insurance_type", "kind", "total_cost", "code_system"}
    for visit, case in wanted(folder).items():
        record, lines = found[visit]
        carried = set() if case.code_system == "nhsa" else {"code_system", "dx", "px"}
        asked = (names | {"line_amount", "line_item"}) - carried
        same(case_of(record, _ordered(lines))[0], case, asked)


def test_transactions_are_read_back_as_the_same_cases(told: tuple[Path, Path]) -> None:
    folder, out = told
    files = ("charges.jsonl", "settlements.jsonl", "lists.jsonl")
    found = records(NhsaForm(), [body for name in files for body in bodies(out / name)])
    cases = wanted(folder)
    assert set(found) == set(cases)
    names = {"sex", "birth_date", "admission_time", "discharge_time", "discharge_way", "dx", "px"}
    names |= {"px_date", "dx_poa", "department", "admission_department", "insurance_type", "los"}
    names |= {"visit_type", "person_type", "aid_category", "physician", "birth_weight_g"}
    names |= {"total_cost", "scope_cost", "own_cost", "over_limit_cost", "first_share_cost"}
    names |= {"deductible_paid", "fund_paid", "patient_paid", "ventilator_hours", "icu_hours"}
    names |= {"admission_dx"}
    for visit, case in cases.items():
        record, lines = found[visit]
        again, _ = case_of(record, _ordered(lines), case_id=visit)
        # The interface has no name of what is charged.
        asked = (names | LINES) - {"line_name"}
        asked -= {"los"} if case.admission_time is None else set()
        same(again, case, asked)
        assert _same_region(again.insured_region, case.insured_region)


def test_messages_tell_what_is_known_day_by_day(told: tuple[Path, Path]) -> None:
    _, out = told
    form = Hl7Form(load_mapping(out / "hl7.toml"))
    seen = []
    for raw in messages(out / "messages.jsonl"):
        (event,) = form.events(raw)
        if event.visit == "ZY000008" and event.dx is not None:
            listed = [(one.code, one.rank, one.about.get("dx_time")) for one in event.dx]
            kinds = {one.about["type"] for one in event.dx}
            done = None if event.px is None else [one.code for one in event.px]
            seen.append((*kinds, event.facts.get("admission_dx"), listed, done))
    came, first, then = (
        f"2026-11-{at}+0800" for at in ("09T08:30:05", "09T15:20:00", "11T10:20:00")
    )
    both = [("I21.001", 0, then), ("E11.900", 1, first)]
    assert seen == [
        ("A", "R07.400", [("R07.400", 0, came)], None),
        ("W", None, [("R07.400", 0, None), ("E11.900", 1, first)], None),
        # The evening of the procedure.
        ("W", None, [("R07.400", 0, None), ("E11.900", 1, first)], ["36.0601"]),
        ("W", None, both, ["36.0601"]),
        ("F", None, both, ["36.0601", "88.5500"]),
    ]


def _same_region(found: str | None, stated: str | None) -> bool:
    if stated is None or found is None:
        return found == stated
    known = registry()
    return known.region(found).id == known.region(stated).id


def test_lines_of_both_ways_are_the_same_lines(told: tuple[Path, Path]) -> None:
    _, out = told
    theirs = records(Hl7Form(mapping()), messages(out / "messages.jsonl"))
    ours = records(NhsaForm(), bodies(out / "charges.jsonl"))
    assert {v: set(lines) for v, (_, lines) in theirs.items()} == {
        v: set(lines) for v, (_, lines) in ours.items()
    }


@pytest.mark.parametrize(
    ("region", "insured", "treated", "insuplc"),
    [
        ("金华", None, "330700", "330700"),
        ("金华", "henan", "330700", "410000"),
        ("demo", None, None, None),
    ],
)
def test_transactions_state_the_place_of_treatment_and_the_insured_place(
    region: str, insured: str | None, treated: str | None, insuplc: str | None
) -> None:
    case, _ = Case.from_mapping(stay(1, region=region, insured_region=insured))
    for body in (settlement_list(case, "M1"), settlement(case, "M2"), charges(case, [], "M3")):
        assert (body.get("mdtrtarea_admvs"), body.get("insuplc_admdvs")) == (treated, insuplc)
    body = settlement_list(case, "M1")
    assert body["input"].get("setlinfo", {}).get("insuplc") == insuplc
    (event,) = NhsaForm().events(json.dumps(body).encode())
    again = case_of(merge({}, event, 1))[0]
    assert (again.region, again.insured_region) == (treated, insuplc)


def test_items_of_the_lists_are_the_lines_by_class_and_scope(told: tuple[Path, Path]) -> None:
    folder, out = told
    cases = wanted(folder)
    for line in bodies(out / "lists.jsonl"):
        nodes = json.loads(line)["input"]
        case = cases[nodes["setlinfo"]["mdtrt_id"]]
        items = nodes["iteminfo"]
        parts = ("claa_sumfee", "clab_amt", "fulamt_ownpay_amt", "oth_amt")
        for item in items:
            assert Decimal(item["amt"]) == sum(Decimal(item[part]) for part in parts)
        assert sum(Decimal(item["fulamt_ownpay_amt"]) for item in items) == case.own_cost
        assert sum(Decimal(item["amt"]) for item in items) == case.total_cost
        assert nodes["setlinfo"]["psn_name"].startswith("示例患者")


def test_front_pages_are_read_back_as_the_same_cases(told: tuple[Path, Path]) -> None:
    folder, out = told
    cases = wanted(folder)
    source = open_source(out / "pages.csv")
    names = {"dx", "dx_poa", "px", "px_date", "px_level", "sex", "birth_date", "discharge_way"}
    names |= {"admission_time", "discharge_time", "department", "insurance_type", "total_cost"}
    names |= {"icu_hours", "ventilator_hours", "birth_weight_g", "admission_weight_g", "hospital"}
    names |= {"admission_dx"}
    seen = 0
    for batch in source.batches():
        assert batch.original.num_columns == 811
        for row in batch.cases.to_pylist():
            again = Case(**{n: tuple(v or ()) if FIELDS[n].nested else v for n, v in row.items()})
            case = cases[again.case_id or ""]
            same(again, case, names)
            seen += 1
    assert seen == len(cases)


def test_assessments_of_long_stays_come_as_a_table(told: tuple[Path, Path]) -> None:
    folder, out = told
    (event,) = TableForm().events((out / "assessments.jsonl").read_bytes())
    case = wanted(folder)[event.visit]
    again = case_of(merge({}, event, 1))[0]
    same(again, case, SCORES | {"kind"})
    # It says nothing of codes and lines: those of other messages stand.
    assert (event.dx, event.lines_whole) == (None, False)


def test_charges_stand_in_one_table_as_well(told: tuple[Path, Path]) -> None:
    folder, out = told
    with (out / "charges.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    charged = pq.read_table(folder / "charges" / f"{MONTH}.parquet")
    assert len(rows) == charged.num_rows
    total = sum(Decimal(row["det_item_fee_sumamt"]) for row in rows)
    assert total == sum(charged["line_amount"].to_pylist())
    assert {row["chrgitm_lv"] for row in rows} == {"01", "02", "03"}
    assert {row["med_list_codg"] for row in rows} == {item[0] for item in ITEMS}


def test_the_same_month_gives_the_same_bytes(told: tuple[Path, Path], tmp_path: Path) -> None:
    folder, out = told
    seen: list[tuple[str, int, int]] = []
    found = emit(folder, MONTH, tmp_path, progress=lambda *said: seen.append(said))
    assert {path.name for path in out.iterdir()} == {path.name for path in tmp_path.iterdir()}
    for path in out.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name
    assert found.stays == 11
    assert found.files["lists.jsonl"] == found.files["settlements.jsonl"] == 11
    assert found.files["pages.csv"] == 11
    assert found.files["charges.csv"] == found.lines
    assert {form for form, _, _ in seen} == set(FORMS)
    assert all(done == total == 11 for _, done, total in seen)


def test_the_first_stays_alone(told: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = told
    found = emit(folder, MONTH, tmp_path, forms=("nhsa",), stays=3)
    assert found.stays == 3
    assert {path.name for path in tmp_path.iterdir()} == {"lists.jsonl", "settlements.jsonl"}
    month = Month(folder, MONTH, 3)
    ids = [json.loads(b)["input"]["setlinfo"]["mdtrt_id"] for b in bodies(tmp_path / "lists.jsonl")]
    assert ids == [stay.case.case_id for stay in month.stays]
    times = [stay.case.discharge_time for stay in month.stays]
    assert times == sorted(t for t in times if t is not None)


@pytest.mark.parametrize(
    ("month", "options", "code"),
    [
        ("2026-12", {}, "DEMO_EMIT_MONTH"),
        ("../2026", {}, "DEMO_EMIT_MONTH"),
        (MONTH, {"forms": ("hl7v2", "fhir")}, "DEMO_EMIT_FORM"),
        (MONTH, {"stays": 0}, "DEMO_EMIT_COUNT"),
    ],
)
def test_what_cannot_be_told_is_refused(
    told: tuple[Path, Path], tmp_path: Path, month: str, options: dict[str, Any], code: str
) -> None:
    out = tmp_path / "out"
    with pytest.raises(EmitError) as caught:
        emit(told[0], month, out, **options)
    assert caught.value.code == code
    assert not out.exists()
    for lang in ("zh", "en"):
        assert caught.value.describe(lang)


@pytest.mark.parametrize("name", ["inpatient", "charges"])
@pytest.mark.parametrize("how", ["bytes", "columns", "type"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, name: str, how: str) -> None:
    folder = hospital(tmp_path / "h")
    path = folder / name / f"{MONTH}.parquet"
    if how == "bytes":
        path.write_bytes(b"PAR1 no")
    elif how == "columns":
        pq.write_table(pa.table({"case_id": ["1"]}), path)
    else:
        broken = pq.read_table(path)
        at = broken.schema.get_field_index("line_amount" if name == "charges" else "total_cost")
        texts = pa.array(["x"] * broken.num_rows)
        pq.write_table(broken.set_column(at, broken.schema.field(at).name, texts), path)
    with pytest.raises(EmitError) as caught:
        emit(folder, MONTH, tmp_path / "out")
    assert caught.value.code == "DEMO_EMIT_FILE"
    assert f"{MONTH}.parquet" in caught.value.describe("en")


def test_a_file_that_is_not_whole_has_no_name(told: tuple[Path, Path], tmp_path: Path) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emit(told[0], MONTH, tmp_path, forms=("hqms",), progress=stopped)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(told: tuple[Path, Path], tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(emit_command)
    base = [str(told[0]), "--month", MONTH, "--out", str(tmp_path)]
    found = CliRunner().invoke(app, [*base, "--form", "hqms", "--stays", "2", "--lang", "en"])
    assert found.exit_code == 0
    assert found.output.splitlines() == [
        f"{MONTH}: 2 stays, {Month(told[0], MONTH, 2).line_count} charge lines",
        "pages.csv: 2",
    ]
    refused = CliRunner().invoke(app, [*base, "--form", "x"])
    assert isinstance(refused.exception, GrouperError)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_for_each_form(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    with demo_emit._bar() as told_so_far:
        assert told_so_far is not None
        told_so_far("hqms", 1, 2)
        told_so_far("hqms", 2, 2)
    assert "hqms" in shown.getvalue()


def test_a_generated_month_goes_round(tmp_path: Path) -> None:
    own = toml("hospital.toml")["hospital"]
    plan = make_plan(MONTH, 1, 7, 0.02, region=own["region"], scheme=own["scheme"])
    make_hospital(tmp_path / "h", plan, None)
    out = tmp_path / "out"
    written = emit(tmp_path / "h", MONTH, out)
    cases = wanted(tmp_path / "h")
    assert written.stays == len(cases) > 20
    assert written.lines == pq.read_metadata(tmp_path / f"h/charges/{MONTH}.parquet").num_rows
    found = records(Hl7Form(mapping()), messages(out / "messages.jsonl"))
    theirs = records(NhsaForm(), bodies(out / "charges.jsonl"))
    for visit, case in cases.items():
        record, lines = found[visit]
        again, _ = case_of(record, _ordered(lines))
        same(again, case, set(FIELDS) - APART - SCORES - {"dx_poa", "px_level", "dx"})
        # Lists that hold nothing, and what stands beside a code that is missing, say nothing.
        assert [c for c in again.dx if c] == [c for c in case.dx if c]
        assert (again.dx[:1] or (None,)) == (case.dx[:1] or (None,))
        assert set(theirs.get(visit, ({}, {}))[1]) == set(lines)


def test_the_site_segments_state_fields_of_the_case() -> None:
    named = {name for fields in site_fields().values() for name in fields.values()}
    assert named <= set(FIELDS)
    assert {"line_scope", "line_limit", "line_first_share"} <= named
    assert set(site_fields()) == {"ZSY", "ZPR", "ZFT"}
    for fields in site_fields().values():
        assert sorted(fields) == list(range(1, len(fields) + 1))


CENTS = st.decimals(-99999, 99999, places=2)
TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\ufeff"),
    min_size=1,
    max_size=12,
).filter(lambda t: t.strip() == t and fold(t) not in {*missing(), '""'})


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(
        st.tuples(CENTS, st.integers(-20, 20), st.sampled_from("ABC"), TEXTS),
        min_size=1,
        max_size=6,
    ),
    own=st.none() | st.decimals(0, 99999, places=2),
)
def test_any_amounts_and_names_go_through_both_ways(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[Decimal, int, str, str]],
    own: Decimal | None,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    moment = datetime(2026, 11, 3, 9, tzinfo=LOCAL)
    charged = [
        {
            "case_id": "ZY000001",
            "line": at,
            "line_item": f"I{at}",
            "line_name": name,
            "line_class": "14",
            "line_quantity": Decimal(quantity),
            "line_price": Decimal("1.5"),
            "line_amount": amount,
            "line_time": moment,
            "line_scope": scope,
        }
        for at, (amount, quantity, scope, name) in enumerate(rows, 1)
    ]
    whole = {n: [] if f.nested else f.default for n, f in FIELDS.items()}
    case = whole | stay(1, own_cost=own, scope_cost=own, total_cost=None)
    (folder / "inpatient").mkdir()
    (folder / "charges").mkdir()
    pq.write_table(
        pa.Table.from_pylist([case], schema=CASE_SCHEMA),
        folder / "inpatient" / f"{MONTH}.parquet",
    )
    pq.write_table(
        pa.Table.from_pylist(charged, schema=CHARGES), folder / "charges" / f"{MONTH}.parquet"
    )
    emit(folder, MONTH, folder / "out", forms=("hl7v2", "charges"))
    (stated,) = wanted(folder).values()
    names = LINES - {"line_name"}
    for form, raws in (
        (Hl7Form(mapping()), messages(folder / "out" / "messages.jsonl")),
        (NhsaForm(), bodies(folder / "out" / "charges.jsonl")),
    ):
        ((record, lines),) = records(form, raws).values()
        again, _ = case_of(record, _ordered(lines))
        same(again, stated, names)
        if form.name == "hl7v2":
            assert [n.strip() for n in again.line_name if n] == [
                n.strip() for n in stated.line_name if n
            ]
