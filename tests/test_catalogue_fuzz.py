"""Whatever comes in: a declared error, a report that refuses, or rows that can be kept and asked."""

from __future__ import annotations

import io
import tempfile
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import workbook_builder
from catalogue_support import DAY, HEAD, WESTERN, as_csv, as_xlsx, drug, mapped, service
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_support import repack

from codebooks.catalogues.catalogue import Catalogues
from codebooks.catalogues.cells import CellParser
from codebooks.catalogues.forms import KINDS, Kind, form
from codebooks.catalogues.importer import CatalogueOptions, Draft, read_catalogue
from codebooks.errors import CodebookError
from codebooks.importers.cells import CellError

GOOD = {
    "drugs": as_xlsx("drugs", [drug(WESTERN[0]), drug(WESTERN[1], "乙", share="10%")]),
    "services": as_xlsx("services", [service("001101000010000")]),
    "mapping": as_xlsx("mapping", [mapped("H1", WESTERN[0]), mapped("H1", WESTERN[1])]),
}
QUIET = settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20),
    st.sampled_from(
        ["甲", "9999-12-31", "20260101", "1e9", "-1", "10%", "_x000D_", WESTERN[0], "0"]
    ),
)


def judge(kind: str, content: bytes) -> Draft | None:
    """Read bytes; anything but a declared error is let through and fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.xlsx"
        path.write_bytes(content)
        nothing = Catalogues(Path(folder) / "none")
        try:
            made = read_catalogue(kind, path, CatalogueOptions(valid_from=DAY), nothing)
        except CodebookError as error:
            # Its words must be there in both languages; an absent text raises.
            return _declared(error)
    assert (made.new is None) == made.report.refused
    assert made.report.to_text("zh")
    assert made.report.to_text("en")
    assert made.report.rows == made.read.rows.num_rows
    if made.rows is not None:
        since, until = (made.rows[name].to_pylist() for name in ("since", "until"))
        assert all(a < b for a, b in zip(since, until, strict=True))
        keys = made.read.rows[form(kind).key].to_pylist()
        assert None not in keys
    return made


def _declared(error: CodebookError) -> None:
    assert error.describe("zh")
    assert error.describe("en")


@QUIET
@given(st.sampled_from(KINDS), st.binary(max_size=300), st.booleans())
def test_random_bytes(kind: str, content: bytes, zipped: bool) -> None:
    made = judge(kind, b"PK\x03\x04" + content if zipped else content)
    assert made is None or made.report.refused


@QUIET
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_flipped_bytes_of_a_workbook(kind: str, data: st.DataObject) -> None:
    content = bytearray(GOOD[kind])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    judge(kind, bytes(content))


@QUIET
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_changed_members_in_a_sound_archive(kind: str, data: st.DataObject) -> None:
    member = data.draw(st.sampled_from(["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"]))
    with zipfile.ZipFile(io.BytesIO(GOOD[kind])) as archive:
        xml = archive.read(member)
    start = data.draw(st.integers(0, len(xml)))
    end = data.draw(st.integers(start, min(len(xml), start + 40)))
    inserted = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"<", b"&#0;", b'"', b"99999999999"]))
    )
    judge(kind, repack(GOOD[kind], {member: xml[:start] + inserted + xml[end:]}))


@QUIET
@given(
    st.sampled_from(KINDS),
    st.lists(st.lists(CELLS, max_size=9), max_size=6),
    st.booleans(),
)
def test_any_cells_under_a_header(
    kind: str, rows: list[list[workbook_builder.Cell]], comma: bool
) -> None:
    make = as_csv if comma else as_xlsx
    made = judge(kind, make(kind, rows))
    assert made is not None
    filled = [row for row in rows if any(str(c).strip() for c in row if c is not None)]
    told = sum(made.report.mends.values()) + made.report.rows + made.report.left_out
    # Nothing is dropped silently: each row that holds something is read, merged or told.
    assert told >= len(filled)


@QUIET
@given(st.sampled_from(KINDS), st.text(max_size=200), st.booleans())
def test_any_text_as_csv(kind: str, words: str, headed: bool) -> None:
    head = ",".join(HEAD[kind]) + "\n" if headed else ""
    judge(kind, (head + words).encode("utf-8", "surrogatepass"))


VALUES = st.one_of(
    CELLS,
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text("0123456789.%-/年月日 ¥,元", max_size=14),
)


@pytest.mark.parametrize("kind", list(Kind))
@given(cell=VALUES, percent=st.booleans())
@settings(deadline=None)
def test_a_cell_is_read_or_refused(kind: Kind, cell: Any, percent: bool) -> None:
    field = next(f for one in KINDS for f in form(one).fields.values() if f.kind is kind)
    parser = CellParser(field, "drugs", percent=percent)
    try:
        value = parser.read(cell)
    except CellError:
        return
    if value is None:
        assert not field.required
        return
    kinds = {Kind.SHARE: Decimal, Kind.PRICE: Decimal}
    kinds |= dict.fromkeys((Kind.FIRST_DAY, Kind.LAST_DAY, Kind.END_DAY), date)
    assert isinstance(value, kinds.get(kind, str))
    assert not isinstance(value, datetime)
    if isinstance(value, Decimal):
        assert value >= 0
        assert value == value.quantize(Decimal("0.0001"))


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-01-05", date(2026, 1, 5)),
        ("2026年1月5日", date(2026, 1, 5)),
        (20260105.0, date(2026, 1, 5)),
        (datetime(2026, 1, 5, 10), date(2026, 1, 5)),  # noqa: DTZ001 -- a workbook's cell has none
        ("2026-1/5", None),
        ("05.01.2026", None),
        (46027, None),
    ],
)
def test_days_as_they_are_written(cell: object, day: date | None) -> None:
    parser = CellParser(form("drugs").fields["valid_from"], "drugs", percent=False)
    if day is None:
        with pytest.raises(CellError):
            parser.read(cell)
    else:
        assert parser.read(cell) == day


def test_equal_cells_of_different_kinds_are_not_the_same() -> None:
    parser = CellParser(form("drugs").fields["price"], "drugs", percent=False)
    assert parser.read(1) == Decimal(1)
    with pytest.raises(CellError):
        parser.read(cell=True)
