"""Import of an outpatient scheme: whole or in parts, from a folder, a workbook or one table."""

from __future__ import annotations

import io
import json
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from apg_small import COLD, LENS, packing, rows, small_book, weight
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks.apg.checks import check_apg
from codebooks.apg.exporting import write_folder
from codebooks.apg.importer import import_apg, kept_weights
from codebooks.apg.layout import apg_layout
from codebooks.apg.periods import periods
from codebooks.errors import CodebookError
from codebooks.findings import Severity
from codebooks.forms.apg import TABLES
from codebooks.importers.install import install
from codebooks.importers.options import ImportOptions
from codebooks.registry import OUTPATIENT, registry, reload
from grouper.cli.main import app
from grouper.run.choose import forget
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.load import load_scheme

D = Decimal
OPTIONS = ImportOptions(id="own-apg", region="jinhua", valid_from=date(2026, 1, 1))
DEFAULT = "apg-grouper-1.0"
QUIET = settings(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "scheme"
    write_folder(small_book(), path)
    return path


@pytest.fixture(autouse=True)
def _fresh() -> Any:
    reload()
    yield
    reload()
    forget()
    load_scheme.cache_clear()


def codes(path: Path, base: str | None = None) -> list[str]:
    report = import_apg(path, OPTIONS, base).report
    return [f.code for f in report.findings if f.severity is Severity.ERROR]


def test_a_folder_comes_back_as_the_same_book(folder: Path) -> None:
    result = import_apg(folder, OPTIONS)
    assert result.book is not None
    assert result.book.content_hash() == small_book().content_hash()
    assert (result.book.card.region, result.book.card.kinds) == ("jinhua", ("outpatient",))
    assert "SHA-256" in result.book.card.source
    assert result.report.to_text("zh")
    assert result.report.to_text("en")
    assert {line.key: line.read for line in result.report.counts}["apg_groups"] == 14
    json.dumps(result.report.to_json())


def test_gb18030_and_chinese_headers_are_read(folder: Path) -> None:
    (folder / "groups.csv").unlink()
    lines = [f"{r['group']},{r['name']},{r['type']},{r['consolidation']}" for r in rows()["groups"]]
    text = "\n".join(["分组编码,分组名称,类型,合并类", *lines]).replace("name of COLD", "感冒")
    (folder / "分组.csv").write_bytes(text.encode("gb18030"))
    book = import_apg(folder, OPTIONS).book
    assert book is not None
    assert {r["group"]: r["name"] for r in book.rows("groups")}["COLD"] == "感冒"


def workbook(tables: dict[str, list[dict[str, Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)  # type: ignore[arg-type] -- a new workbook has a sheet
    for spec in apg_layout().tables:
        if spec.table not in tables:
            continue
        sheet = book.create_sheet(spec.names[1])
        sheet.append(["某市门诊 APG 分组方案"])
        sheet.append([texts[1] if len(texts) > 1 else texts[0] for texts in spec.columns.values()])
        for row in tables[spec.table]:
            sheet.append([row.get(column) for column in spec.columns])
    book.create_sheet("说明").append(["其他"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_with_titles_above_its_headers_is_read(tmp_path: Path) -> None:
    path = tmp_path / "某市.xlsx"
    dated = [{**r, "valid_from": date(2026, 1, 1)} for r in rows()["weights"]]
    path.write_bytes(workbook(rows(weights=dated)))
    result = import_apg(path, OPTIONS)
    assert result.book is not None, result.report.to_text("en")
    assert result.book.content_hash() == small_book(weights=dated).content_hash()
    assert [t.header_row for t in result.report.tables] == [2] * 8
    assert "IMPORT_SHEET_IGNORED" in {f.code for f in result.report.findings}


def test_codes_as_numbers_of_a_workbook_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "numbers.xlsx"
    items = [{"code": 2102, "length": 15, "line_class": "", "group": "MRI"}]
    path.write_bytes(workbook(rows(items=items)))
    assert codes(path) == ["IMPORT_CELL_NUMBER"]


def replaced(folder: Path, table: str, **changes: Any) -> list[str]:
    """The error codes with one table rewritten."""
    (folder / f"{table}.csv").unlink()
    write_folder(small_book(**{table: changes["rows"]}), folder / "other")
    (folder / "other" / f"{table}.csv").rename(folder / f"{table}.csv")
    return codes(folder)


GROUP = {"group": "LENS", "name": "x", "type": "procedure", "consolidation": "", "source": ""}
LIST = {"list": "never_pay", "kind": "item", "code": "A", "companion": "", "source": ""}
RATE = {"rate": "further", "type": "procedure", "share": D(1), "source": ""}


@pytest.mark.parametrize(
    ("table", "added", "code"),
    [
        ("groups", GROUP, "APG_KEY_TWICE"),
        ("groups", {**GROUP, "group": "NEW", "type": "surgery"}, "APG_WORD"),
        ("groups", {**GROUP, "group": ""}, "APG_KEY_BLANK"),
        ("procedures", {"code": "13 ", "group": "LENS"}, "APG_KEY_TWICE"),
        ("procedures", {"code": "14", "group": "NOBODY"}, "APG_GROUP_UNKNOWN"),
        ("procedures", {"code": "14", "group": "COLD"}, "APG_GROUP_TYPE"),
        ("diagnoses", {"code": "K", "group": "LAB"}, "APG_GROUP_TYPE"),
        ("items", {"code": "9", "length": 3, "line_class": "", "group": "HEART"}, "APG_GROUP_TYPE"),
        ("packaging", packing("seen", "paid"), "APG_KEY_TWICE"),
        ("packaging", packing("new", "swallow"), "APG_WORD"),
        ("packaging", packing("new", "paid", visit="procedure|night"), "APG_WORD"),
        ("packaging", packing("new", "paid", type="thing"), "APG_WORD"),
        ("packaging", packing("new", "paid", group="NOBODY"), "APG_GROUP_UNKNOWN"),
        (
            "packaging",
            packing("new", "paid", amount_from=D(5), amount_below=D(5)),
            "APG_AMOUNTS",
        ),
        ("lists", {**LIST, "list": "sometimes"}, "APG_WORD"),
        ("lists", {**LIST, "kind": "person"}, "APG_WORD"),
        ("lists", {**LIST, "companion": "friend"}, "APG_WORD"),
        ("lists", {**LIST, "kind": "group", "code": "NOBODY"}, "APG_GROUP_UNKNOWN"),
        ("rates", {**RATE, "rate": "repeat", "type": "drug", "share": D(4)}, "APG_SHARE"),
        ("rates", {**RATE, "type": "drug"}, "APG_WORD"),
        ("rates", {**RATE, "rate": "repeat", "type": "thing"}, "APG_WORD"),
        ("weights", weight("NOBODY", "1"), "APG_GROUP_UNKNOWN"),
        ("weights", weight("LENS", "10000", date(2027, 1, 1)), "APG_WEIGHT"),
        ("weights", weight("LENS", "1", date(2027, 1, 1)), "APG_WEIGHT_OVERLAP"),
        ("weights", weight("LENS", "1", date(2027, 1, 1), date(2027, 1, 1)), "APG_VALIDITY"),
    ],
)
def test_what_contradicts_is_refused_with_its_place(
    folder: Path, table: str, added: dict[str, Any], code: str
) -> None:
    whole = [*rows()[table], added]
    found = replaced(folder, table, rows=whole)
    assert code in found
    report = import_apg(folder, OPTIONS).report
    (place, *_) = [f.where for f in report.findings if f.code == code]
    assert (place.file, place.row) == (f"{table}.csv", len(whole) + 1)
    assert import_apg(folder, OPTIONS).book is None
    assert report.to_text("en")


def test_what_is_missing_is_refused(folder: Path) -> None:
    assert replaced(folder, "rates", rows=rows()["rates"][:-1]) == ["APG_RATE_MISSING"]
    assert "APG_WEIGHT_MISSING" in replaced_weights(folder)
    (folder / "weights.csv").unlink()
    assert codes(folder) == ["APG_RATE_MISSING", "APG_TABLE_EMPTY"][::-1]


def replaced_weights(folder: Path) -> list[str]:
    (folder / "other" / "weights.csv").unlink()
    text = (folder / "weights.csv").read_text("utf-8-sig").splitlines()
    (folder / "weights.csv").write_text("\n".join(text[:-1]), "utf-8")
    return codes(folder)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("group,weight\nLENS,much\n", "APG_CELL_NUMBER"),
        ("group,weight\nLENS,1e999999\n", "APG_CELL_NUMBER"),
        ("group,weight\nLENS,1e30\n", "APG_CELL_NUMBER"),
        ("group,weight,cases\nLENS,1,1e30\n", "APG_CELL_NUMBER"),
        ("group,weight\nLENS,1.1234567\n", "APG_CELL_NUMBER"),
        ("group,weight,cases\nLENS,1,0.5\n", "APG_CELL_NUMBER"),
        ("group,weight,valid_from\nLENS,1,2026/13/1\n", "APG_CELL_DAY"),
        ("group\nLENS\n", "IMPORT_COLUMN"),
        ("group,weight,权重\nLENS,1,1\n", "IMPORT_COLUMN_TWICE"),
        ('group,weight\n"LENS,1\n', "IMPORT_CSV"),
        ("", "IMPORT_COLUMN"),
    ],
)
def test_tables_that_cannot_be_read_are_refused(folder: Path, text: str, code: str) -> None:
    (folder / "weights.csv").write_text(text, "utf-8")
    assert code in codes(folder)


def test_a_table_may_not_stand_twice(folder: Path) -> None:
    (folder / "权重.csv").write_text("group,weight\n", "utf-8")
    assert codes(folder) == ["IMPORT_TABLE_TWICE"]


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ({"options": {"consolidate_same_group": 1}}, "APG_OPTION"),
        ({"options": {"round": True}}, "APG_OPTION"),
        ({"kinds": ["inpatient"]}, "APG_KINDS"),
        ({"diagnosis_code_set": "icd11"}, "APG_CODE_SET"),
    ],
)
def test_a_card_that_is_not_understood_is_refused(
    folder: Path, card: dict[str, Any], code: str
) -> None:
    path = folder / "scheme.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | card), "utf-8")
    assert codes(folder) == [code]


@pytest.mark.parametrize("card", ["{", "[]", '{"family": "drg"}', '{"surprise": 1}'])
def test_a_broken_card_is_an_error(folder: Path, card: str) -> None:
    (folder / "scheme.json").write_text(card, "utf-8")
    with pytest.raises(CodebookError, match="IMPORT_CARD"):
        import_apg(folder, OPTIONS)


def test_sources_that_cannot_be_opened(tmp_path: Path) -> None:
    for name, content, code in (
        ("a.csv", b"\xff\xff\xff", "IMPORT_ENCODING"),
        ("a.xlsx", b"no", "IMPORT_NOT_XLSX"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CodebookError, match=code):
            import_apg(tmp_path / name, OPTIONS)
    with pytest.raises(CodebookError, match="IMPORT_FILE"):
        import_apg(tmp_path / "absent.csv", OPTIONS)
    (tmp_path / "x.csv").write_text("a,b\n", "utf-8")
    assert codes(tmp_path / "x.csv", DEFAULT) == ["APG_TABLE_UNKNOWN"]
    (tmp_path / "empty.csv").write_text("", "utf-8")
    assert codes(tmp_path / "empty.csv", DEFAULT) == ["APG_TABLE_UNKNOWN"]


def test_a_folder_that_cannot_be_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> Any:
        raise PermissionError(13, "no")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "iterdir", refuse)
        with pytest.raises(CodebookError, match="IMPORT_FILE"):
            import_apg(folder, OPTIONS)


def test_warnings_tell_what_leads_nowhere() -> None:
    found = {f.code for f in check_apg(small_book()) if f.severity is Severity.WARNING}
    assert found == {"APG_CODES_OPEN", "APG_CLASSES_OPEN"}
    book = small_book(
        procedures=[*rows()["procedures"], {"code": "XX", "group": "LENS"}],
        items=[*rows()["items"], {"code": "", "length": None, "line_class": "", "group": "LAB"}],
        diagnoses=[{"code": "J", "group": "COLD"}],
    )
    found = {f.code for f in check_apg(book) if f.severity is Severity.WARNING}
    assert found == {"APG_CODE_UNKNOWN", "APG_CODES_OPEN", "APG_GROUP_UNUSED"}


def test_weights_alone_join_those_of_the_base(tmp_path: Path) -> None:
    base = registry().book(DEFAULT)
    path = tmp_path / "weights-2026.csv"
    lines = [f"{row['group']},2026-01-01,2.5" for row in base.rows("groups")]
    path.write_text("\n".join(["group,valid_from,weight", *lines]), "utf-8")
    result = import_apg(path, OPTIONS, DEFAULT)
    assert result.book is not None
    assert result.book.card.options == base.card.options
    assert DEFAULT in result.book.card.source
    first, second = periods(result.book.rows("weights"))
    assert (first.end, second.start) == (date(2026, 1, 1), date(2026, 1, 1))
    assert set(first.weights.values()) == {D(1)}
    assert set(second.weights.values()) == {D("2.5")}
    assert "APG_WEIGHTS_KEPT" in {f.code for f in result.report.findings}


def test_undated_weights_take_the_place_of_the_old_ones(tmp_path: Path) -> None:
    base = registry().book(DEFAULT)
    path = tmp_path / "weights.csv"
    lines = [f"{row['group']},2.5" for row in base.rows("groups")]
    path.write_text("\n".join(["group,weight", *lines]), "utf-8")
    book = import_apg(path, OPTIONS, DEFAULT).book
    assert book is not None
    assert {row["weight"] for row in book.rows("weights")} == {D("2.5")}


def test_a_row_of_the_base_ends_where_a_new_one_begins() -> None:
    turn, later = date(2026, 1, 1), date(2027, 1, 1)
    old = [weight("A", "1", None, turn), weight("A", "2", turn), weight("B", "3", later)]
    kept = kept_weights(old, [weight("A", "9", date(2026, 7, 1)), weight("B", "9", turn)])
    spans = [(r["group"], r["valid_from"], r["valid_to"]) for r in kept]
    assert spans == [("A", None, turn), ("A", turn, date(2026, 7, 1))]
    assert kept_weights(old, []) == old


def test_a_base_must_be_an_outpatient_scheme(folder: Path) -> None:
    with pytest.raises(CodebookError, match="APG_BASE"):
        import_apg(folder, OPTIONS, "chs-drg-3.0")
    with pytest.raises(CodebookError, match="SCHEME_UNKNOWN"):
        import_apg(folder, OPTIONS, "nothing")


def test_a_card_may_name_the_base(folder: Path) -> None:
    for table in TABLES:
        if table != "packaging":
            (folder / f"{table}.csv").unlink()
    (folder / "packaging.csv").write_text("rule,sort,action\nall,1,packaged\n", "utf-8")
    card = {"family": "apg", "base": DEFAULT, "id": "own-apg", "valid_from": "2026-01-01"}
    (folder / "scheme.json").write_text(json.dumps(card), "utf-8")
    book = import_apg(folder).book
    assert book is not None
    assert [r["rule"] for r in book.rows("packaging")] == ["all"]
    assert len(book.rows("diagnoses")) == 33_304


def test_an_installed_scheme_binds_its_region_and_groups(folder: Path) -> None:
    result = import_apg(folder, OPTIONS)
    assert result.book is not None
    install(result.book, result.report)
    forget()
    binding = registry().binding("jinhua", date(2026, 5, 1), OUTPATIENT)
    assert (binding.scheme, binding.installed) == ("own-apg", True)
    assert registry().binding("jinhua", date(2025, 5, 1), OUTPATIENT).scheme == DEFAULT
    assert isinstance(load_scheme("own-apg"), ApgScheme)


def test_an_export_needs_a_new_folder(folder: Path) -> None:
    with pytest.raises(CodebookError, match="APG_FOLDER"):
        write_folder(small_book(), folder)


def cli(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["codebooks", *words])
    return done.exit_code, done.output + (str(done.exception) if done.exception else "")


def test_the_command_line_exports_and_imports(tmp_path: Path) -> None:
    target = tmp_path / "tables"
    status, told = cli("export-apg", DEFAULT, str(target))
    assert (status, "tables" in told) == (0, True)
    status, told = cli("import", str(target), "--id", "copy-apg", "--dry-run")
    assert status == 0, told
    assert DEFAULT in told
    (target / "scheme.json").unlink()
    words = ["import", str(target), "--id", "copy-apg", "--region", "jinhua"]
    status, told = cli(*words, "--valid-from", "2026-01-01")
    assert status == 0, told
    assert registry().card("copy-apg").family == "apg"
    (target / "groups.csv").write_text("group,name,type\n", "utf-8")
    status, told = cli(*words, "--valid-from", "2026-01-01", "--replace")
    assert (status, "APG_TABLE_EMPTY" in told) == (2, True)


def test_the_command_line_takes_one_table_onto_a_base(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    groups = registry().book(DEFAULT).rows("groups")
    path.write_text("\n".join(["group,weight", *(f"{r['group']},2" for r in groups)]), "utf-8")
    words = ["import", str(path), "--id", "own-apg", "--valid-from", "2026-01-01"]
    status, told = cli(*words, "--base", DEFAULT, "--region", "金华", "--json")
    assert status == 0, told
    assert json.loads(told)["card"]["region"] == "jinhua"
    status, told = cli("import", str(path), "--id", "x", "--family", "ddd")
    assert status == 2
    status, told = cli("export-apg", "chs-drg-3.0", str(tmp_path / "t"))
    assert "APG_FAMILY" in told


@pytest.mark.parametrize("card", ["{", "[]", '{"family": "drg"}'])
def test_a_folder_of_another_family_is_not_taken_for_ours(folder: Path, card: str) -> None:
    (folder / "scheme.json").write_text(card, "utf-8")
    status, told = cli("import", str(folder), "--id", "x", "--valid-from", "2026-01-01")
    assert status != 0
    assert "APG_" not in told


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(["LENS", "COLD", "procedure", "1e9", "-1", "2026-01-01", "never_pay", LENS]),
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
)


def judge(path: Path) -> None:
    try:
        result = import_apg(path, OPTIONS)
    except CodebookError as error:
        # Its words must be there in both languages; an absent text raises.
        error.describe("zh")
        error.describe("en")
        return
    assert (result.book is None) == result.report.refused
    assert result.report.to_text("zh")
    assert result.report.to_text("en")
    if result.book is not None:
        ApgScheme(result.book)


@QUIET
@given(
    st.sampled_from(list(TABLES)),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10), CELLS), min_size=1, max_size=4),
)
def test_changed_cells_of_a_workbook(table: str, changes: list[tuple[int, int, Any]]) -> None:
    tables = rows()
    for at, column, cell in changes:
        row = tables[table][at % len(tables[table])]
        row[TABLES[table].names[column % len(TABLES[table].names)]] = cell
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "fuzz.xlsx"
        path.write_bytes(workbook(tables))
        judge(path)


@QUIET
@given(
    st.sampled_from([*TABLES, "scheme"]),
    st.one_of(st.binary(max_size=120), st.text(max_size=80).map(lambda s: s.encode())),
    st.booleans(),
)
def test_random_tables_of_a_folder(table: str, content: bytes, headed: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "scheme"
        write_folder(small_book(), path)
        file = path / ("scheme.json" if table == "scheme" else f"{table}.csv")
        head = file.read_bytes().splitlines(keepends=True)[0] if headed else b""
        file.write_bytes(head + content)
        judge(path)


CARD_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)
    ),
    max_leaves=4,
)


@QUIET
@given(st.sampled_from(["id", "region", "kinds", "options", "valid_from", "base"]), CARD_VALUES)
def test_random_values_of_a_card(key: str, value: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "scheme"
        write_folder(small_book(), path)
        card = json.loads((path / "scheme.json").read_text("utf-8"))
        (path / "scheme.json").write_text(json.dumps(card | {key: value}), "utf-8")
        judge(path)


def test_the_layout_names_every_column() -> None:
    for spec in apg_layout().tables:
        assert list(spec.columns) == TABLES[spec.table].names
        assert all(texts[0] == column for column, texts in spec.columns.items())
    assert COLD
