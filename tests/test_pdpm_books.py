"""Books of the family: what is checked when one is loaded, and what a trace says of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pdpm_support import JINHUA, LATER, PLAIN, US, RandomStays, batch_of, case_of, gg, row_of, stay

from codebooks import codes as code_sets
from codebooks.book import SchemeBook
from codebooks.errors import CodebookError
from codebooks.forms import FORMS
from codebooks.registry import registry
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.compiled import CompiledPdpm
from grouper.schemes.pdpm.scheme import PdpmScheme
from grouper.schemes.pdpm.spans import Spans, places_of
from grouper.schemes.protocol import PartedScheme, Scheme

SMALL = ("diagnoses", "list_codes")


@pytest.fixture(scope="module")
def book() -> SchemeBook:
    """The US book with its long tables cut short."""
    found = registry().book(US)
    tables = {n: t.slice(0, 50) if n in SMALL else t for n, t in found.tables.items()}
    return SchemeBook(found.card, tables)


Rows = list[dict[str, Any]]


def changed(book: SchemeBook, table: str, change: Callable[[Rows], object]) -> SchemeBook:
    rows = book.rows(table)
    change(rows)
    made = pa.Table.from_pylist(rows, schema=FORMS["pdpm"][table])
    return SchemeBook(book.card, {**book.tables, table: made})


def put(**values: object) -> Callable[[Rows], object]:
    """Set cells of the first row."""
    return lambda rows: rows[0].update(values)


def add(**values: object) -> Callable[[Rows], object]:
    """Add a row like the first."""
    return lambda rows: rows.append({**rows[0], **values})


VALUE, REFERENCE, TWICE = "PDPM_VALUE", "PDPM_REFERENCE", "PDPM_NAME_TWICE"


@pytest.mark.parametrize(
    ("table", "change", "code"),
    [
        ("items", put(allowed="1..x"), VALUE),
        ("items", put(allowed=""), VALUE),
        ("items", put(allowed="1|"), VALUE),
        ("items", put(allowed="10000"), VALUE),
        ("items", put(absent=-1), VALUE),
        ("items", add(), VALUE),
        ("items", add(item="NEW"), VALUE),
        ("items", add(item="CATEGORY", aliases=""), TWICE),
        ("items", add(item="depressed", aliases=""), TWICE),
        ("conditions", put(subject="NOTHING"), REFERENCE),
        ("conditions", put(test="is"), VALUE),
        ("conditions", put(test="ge", value="1|2"), VALUE),
        ("conditions", put(test="in", value=""), VALUE),
        ("conditions", put(subject="depressed"), REFERENCE),
        ("conditions", put(test="holds", value=""), REFERENCE),
        (
            "conditions",
            add(condition="depressed", subject="depressed", test="holds", value=""),
            "PDPM_CYCLE",
        ),
        ("scores", put(item="NOTHING"), REFERENCE),
        ("scores", put(scale="NOTHING"), REFERENCE),
        ("scores", put(zero_if="NOTHING"), REFERENCE),
        ("scores", put(denominator=0), VALUE),
        ("scores", put(numerator=-1), VALUE),
        ("scales", put(points=-1), VALUE),
        ("measures", put(subject="NOTHING"), REFERENCE),
        ("measures", put(points=None), VALUE),
        ("requirements", put(item="NOTHING"), REFERENCE),
        ("requirements", put(value="x"), VALUE),
        ("categories", put(category="x"), VALUE),
        ("categories", put(kind="x"), VALUE),
        ("categories", put(condition="x"), REFERENCE),
        ("categories", put(sort=None), VALUE),
        ("groups", put(axis="x"), REFERENCE),
        ("groups", put(condition="x"), REFERENCE),
        ("groups", put(letter=""), VALUE),
        ("groups", add(sort=99), VALUE),
        ("axes", add(axis="EMPTY", sort=9), VALUE),
        ("components", put(axis="x"), REFERENCE),
        ("components", put(decay="x"), REFERENCE),
        ("components", put(points=None), VALUE),
        ("components", put(axis=""), VALUE),
        ("factors", put(factor=None), VALUE),
        ("factors", put(group="x"), VALUE),
        ("factors", add(component="x"), REFERENCE),
        ("components", put(points=Decimal("99999.9999")), VALUE),
        ("decay", put(day_from=2), VALUE),
        ("decay", put(day_to=0), VALUE),
        ("decay", put(share=None), VALUE),
        ("decay", lambda rows: rows[-1].update(day_to=9), VALUE),
        ("decay", lambda rows: rows.append({**rows[-1], "day_from": 9}), VALUE),
        ("rates", put(component="x"), VALUE),
        ("rates", put(valid_from=None), VALUE),
        ("assessment_types", put(position="middle"), VALUE),
        ("assessment_types", put(regroups=False), VALUE),
        ("list_codes", put(list="x"), REFERENCE),
    ],
)
def test_a_broken_book_says_where(
    book: SchemeBook, table: str, change: Callable[[Rows], object], code: str
) -> None:
    broken = changed(book, table, change)
    with pytest.raises(CodebookError) as caught:
        Spans(CompiledPdpm(broken))
    assert caught.value.code == code, caught.value
    assert caught.value.where.file == US
    assert caught.value.describe("zh")
    assert caught.value.describe("en")


@pytest.mark.parametrize("value", [-1, "30", True, 10**9])
def test_options_are_checked(book: SchemeBook, value: object) -> None:
    options = {**book.card.options, "interval_days": value}
    with pytest.raises(CodebookError, match="PDPM_VALUE"):
        CompiledPdpm(book.with_card(options=options))


def test_a_row_without_a_condition_always_holds(book: SchemeBook) -> None:
    open_book = changed(book, "groups", lambda rows: rows[0].update(condition=None))
    open_book = changed(open_book, "categories", lambda rows: rows[0].update(condition=""))
    scheme = PdpmScheme(SchemeBook(book.card, {**open_book.tables, **long_tables()}))
    found = scheme.group(stay(gg("06"), dx=("J44.9",)))
    assert found.group == "AAYF1"
    assert found.group_kind == "pdpm_joint_spine"
    assert found.trace.document("zh")["path"][1]["rule"] == ""


def long_tables() -> dict[str, pa.Table]:
    return {name: registry().book(US).tables[name] for name in SMALL}


def test_no_group_is_a_reason_of_its_own(book: SchemeBook) -> None:
    def last_away(rows: Rows) -> None:
        rows[:] = [r for r in rows if r["group"] != "PA1"]

    fewer = changed(changed(book, "groups", last_away), "factors", last_away)
    scheme = PdpmScheme(SchemeBook(book.card, {**fewer.tables, **long_tables()}))
    row = row_of([(0, "admission", PLAIN | gg("06"))])
    assert scheme.group(case_of(row)).reason == "GROUP_NONE"
    result, issues = scheme.group_with_issues(batch_of([row, row]))
    assert result.column("status").to_pylist() == ["ungrouped"] * 2
    assert issues.column("value").to_pylist() == ["I63.9"] * 2


def test_an_item_without_a_stand_in_is_open(book: SchemeBook) -> None:
    def no_stand_in(rows: Rows) -> None:
        next(r for r in rows if r["item"] == "I2000")["absent"] = None

    made = changed(book, "items", no_stand_in)
    scheme = PdpmScheme(SchemeBook(book.card, {**made.tables, **long_tables()}))
    for items, reason in (
        (PLAIN | gg("03"), "ASSESSMENT_ITEM_MISSING"),
        (PLAIN | gg("03") | {"I2100": "1"}, None),
    ):
        row = row_of([(0, "admission", items)])
        assert scheme.group(case_of(row)).reason == reason
        assert scheme.group_batch(batch_of([row])).column("reason").to_pylist() == [reason]


def test_schemes_meet_the_protocol() -> None:
    for name in (US, LATER, JINHUA):
        scheme: Scheme = load_scheme(name)
        assert isinstance(scheme, PartedScheme)
        assert scheme.id == scheme.card.id == name
        assert scheme.content_hash == registry().book(name).content_hash()
        assert scheme.card.kinds == ("long_stay",)
        assert "assessment_item" in scheme.needs


def test_the_us_book_needs_no_package_for_its_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        return None

    code_sets.reload()
    monkeypatch.setattr("codebooks.icd10cm.data_file", absent)
    try:
        scheme = PdpmScheme(registry().book(US))
    finally:
        code_sets.reload()
    found = scheme.group(stay(gg("03")))
    assert found.group == "ODXF1"
    assert found.trace.document()["case"]["diagnoses"][0]["name"] == ""


def test_an_unknown_code_set_is_told(book: SchemeBook) -> None:
    with pytest.raises(CodebookError, match="CODESET_UNKNOWN"):
        PdpmScheme(book.with_card(diagnosis_code_set="no-such-set"))


def test_numbers_need_so_many_places() -> None:
    assert places_of([Decimal("1.50"), Decimal(100), Decimal("0.025")]) == 3
    assert places_of([]) == 0


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_trace_tells_steps_and_arithmetic(lang: str) -> None:
    scheme = load_scheme(US)
    items = gg("03") | {"I2000": "1", "GG0170I1": "88", "C0500": "9"}
    assessments = [
        (0, "admission", PLAIN | items),
        (9, "periodic", PLAIN | gg("03") | {"D0300": ""}),
        (30, "periodic", PLAIN | gg("06")),
    ]
    row = row_of(assessments, dx=("S72.001D", "I69.020"))
    document = scheme.group(case_of(row)).trace.document(lang)
    levels = [s["level"] for s in document["steps"]]
    assert levels.count("pdpm_assessment") == 3
    assert [s["level"] for s in document["path"]] == ["pdpm_category", *["pdpm_group"] * 4]
    assert [s["code"] for s in document["path"]] == ["2", "TG", "SD", "PBC1", "NF"]
    total = sum(Decimal(line["value"]) for line in document["arithmetic"])
    assert Decimal(document["result"]["weight"]) == total
    assert [p["code"] for p in document["parts"]] == ["admission", "periodic", "periodic"]
    assert document["parts"][2]["weight"] == "0"
    walked = next(
        e
        for s in document["steps"]
        if s["code"] == "FUNCTION"
        for e in s["held_by"]["evidence"]
        if e["asked"].startswith("GG0170J")
    )
    assert "0" in walked["found"]
    scheme.group(case_of(row)).trace.html(lang)


def test_a_trace_of_a_refused_case_names_the_items() -> None:
    scheme = load_scheme(US)
    found = scheme.group(stay({"C0500": "-"}))
    document = found.trace.document("en")
    assert document["path"] == document["steps"] == []
    assert document["case"]["values"][-1]["shown"] == "C0500"
    assert document["result"]["reason"] == "ASSESSMENT_ITEM_MISSING"


def test_an_open_mood_is_shown_as_open() -> None:
    scheme = load_scheme(US)
    found = scheme.group(stay(gg("03") | {"D0300": "-"}, days=1))
    steps = found.trace.document("en")["steps"]
    assert next(s for s in steps if s["code"] == "NURSING")["name"].endswith("= 8")
    assert found.group == "ODXF1"
    assert found.parts[0].start == date(2022, 1, 3)


def test_open_items_are_open_in_both_engines(book: SchemeBook) -> None:
    """Items of the scores and of the categories without a stand-in, and rows that always hold."""
    names = ("GG0130A", "GG0170I", "GG0170J", "J2100", "B0700", "M0300B1")

    def no_stand_in(rows: Rows) -> None:
        for row in rows:
            if row["item"] in names:
                row["absent"] = None

    def last_is_open(rows: Rows) -> None:
        next(r for r in rows if r["group"] == "NF")["condition"] = ""

    made = changed(changed(book, "items", no_stand_in), "groups", last_is_open)
    scheme = PdpmScheme(SchemeBook(book.card, {**made.tables, **long_tables()}))
    full = PLAIN | gg("06") | {"J2310": "1", "J2700": "1"}
    full |= {"J2100": "0", "B0700": "0", "M0300B1": "0"}
    rows, reasons = [], []
    for missing in (*(f"{n}1" if n.startswith("GG") else n for n in names), "nothing"):
        for dx in ("I63.9", "S72.001D", "I26.99"):
            items = {k: v for k, v in full.items() if k != missing}
            rows.append(row_of([(0, "admission", items)], dx=(dx,)))
            found = scheme.group(case_of(rows[-1]))
            assert found.trace.text("en")
            reasons.append(found.reason)
    assert scheme.group_batch(batch_of(rows)).column("reason").to_pylist() == reasons
    assert reasons[:9] == ["ASSESSMENT_ITEM_MISSING"] * 9
    assert reasons[12:] == [None] * 9
    # An operation matters where the diagnosis is open to its category alone.
    assert reasons[9:12] == [None, "ASSESSMENT_ITEM_MISSING", "ASSESSMENT_ITEM_MISSING"]


def test_no_category_is_no_group(book: SchemeBook) -> None:
    def medical_away(rows: Rows) -> None:
        rows[:] = [r for r in rows if r["category"] != "3"]

    fewer = changed(book, "categories", medical_away)
    scheme = PdpmScheme(SchemeBook(book.card, {**fewer.tables, **long_tables()}))
    row = row_of([(0, "admission", PLAIN | gg("06"))], dx=("J44.9",))
    assert scheme.group(case_of(row)).reason == "GROUP_NONE"
    assert scheme.group_batch(batch_of([row])).column("reason").to_pylist() == ["GROUP_NONE"]


def test_chunks_of_assessments_give_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    scheme = load_scheme(US)
    rows = RandomStays(scheme, 11).rows(200)
    wanted = scheme.group_batch(batch_of(rows)).to_pylist()
    monkeypatch.setattr("grouper.schemes.pdpm.batch.CHUNK", 17)
    assert scheme.group_batch(batch_of(rows)).to_pylist() == wanted


def test_an_open_category_is_never_guessed(book: SchemeBook) -> None:
    """Therapy groups that do not ask the category leave it alone open."""

    def alone(rows: Rows) -> None:
        rows[:] = [r for r in rows if r["axis"] != "PTOT" or r["group"] == "TA"]
        rows[0]["condition"] = ""

    def factors(rows: Rows) -> None:
        rows[:] = [r for r in rows if not r["group"].startswith("T") or r["group"] == "TA"]

    def no_stand_in(rows: Rows) -> None:
        next(r for r in rows if r["item"] == "J2100")["absent"] = None

    made = changed(changed(book, "groups", alone), "factors", factors)
    made = changed(made, "items", no_stand_in)
    scheme = PdpmScheme(SchemeBook(book.card, {**made.tables, **long_tables()}))
    items = PLAIN | gg("06") | {"J2310": "1"}
    row = row_of([(0, "admission", items)], dx=("S72.001D",))
    assert scheme.group(case_of(row)).reason == "ASSESSMENT_ITEM_MISSING"
    found = scheme.group_batch(batch_of([row])).column("reason").to_pylist()
    assert found == ["ASSESSMENT_ITEM_MISSING"]
    assert scheme.group(case_of(row | {"dx": ["I63.9"]})).group == "ADYF1"
