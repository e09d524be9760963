"""Whatever comes in: a declared error, a report that refuses, or a book that can be stored."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import workbook_builder
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from import_support import OPTIONS, parses, repack
from test_import_folder import CARD, ROWS, content_of

from codebooks.errors import CodebookError
from codebooks.importers.cells import CellError, CellReader
from codebooks.importers.folder import import_folder
from codebooks.importers.options import NONE, ImportOptions
from codebooks.importers.workbook import import_workbook
from grouper.rules.parser import parse

if TYPE_CHECKING:
    from codebooks.importers.report import ImportResult

GOOD = workbook_builder.pack(workbook_builder.small())
MEMBERS = [f"xl/worksheets/sheet{i}.xml" for i in range(1, 7)] + [
    "xl/sharedStrings.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
]
QUIET = settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30),
    st.sampled_from(["MDCA", "AA1", "0000", "ZYZD in DI_B00", "((", "MCC", "1e9", "_x000D_", "'"]),
)


def judge(content: bytes) -> ImportResult | None:
    """Import bytes; anything but a declared error is let through and fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.xlsx"
        path.write_bytes(content)
        try:
            result = import_workbook(path, OPTIONS, parses)
        except CodebookError as error:
            # Its words must be there in both languages; an absent text raises.
            error.describe("zh")
            error.describe("en")
            return None
    assert (result.book is None) == result.report.refused
    assert result.report.to_text("zh")
    assert result.report.to_text("en")
    if result.book is not None:
        for table in ("mdc", "adrg", "drg"):
            for row in result.book.rows(table):
                parse(row["rule"])
    return result


@QUIET
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes(content: bytes, zipped: bool) -> None:
    assert judge(b"PK\x03\x04" + content if zipped else content) is None


@QUIET
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), min_size=1, max_size=8)
)
def test_flipped_bytes_of_the_archive(changes: list[tuple[int, int]]) -> None:
    content = bytearray(GOOD)
    for at, flip in changes:
        content[at] ^= flip
    judge(bytes(content))


@QUIET
@given(st.sampled_from(MEMBERS), st.data())
def test_changed_members_in_a_sound_archive(member: str, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        xml = archive.read(member)
    start = data.draw(st.integers(0, len(xml)))
    end = data.draw(st.integers(start, min(len(xml), start + 40)))
    inserted = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"<", b"&#0;", b'"', b"99999999999"]))
    )
    judge(repack(GOOD, {member: xml[:start] + inserted + xml[end:]}))


@QUIET
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["MDC", "ADRG", "DRG", "集合", "CC", "排除表"]),
            st.integers(0, 5),
            st.integers(0, 5),
            CELLS,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_changed_cells(changes: list[tuple[str, int, int, workbook_builder.Cell]]) -> None:
    sheets = workbook_builder.small()
    for sheet, row, column, cell in changes:
        rows = sheets[sheet]
        cells = rows[row % len(rows)]
        cells[column % len(cells)] = cell
    assert judge(workbook_builder.pack(sheets)) is not None


@QUIET
@given(
    st.sampled_from(["mdc", "adrg", "drg", "sets", "cc", "exclusions"]),
    st.one_of(st.binary(max_size=200), st.text(max_size=100).map(lambda s: s.encode())),
    st.booleans(),
)
def test_random_tables_of_a_folder(table: str, content: bytes, headed: bool) -> None:
    head = content_of(table, []).encode() if headed else b""
    with tempfile.TemporaryDirectory() as name:
        for other, rows in ROWS.items():
            (Path(name) / f"{other}.csv").write_text(content_of(other, rows), "utf-8")
        (Path(name) / f"{table}.csv").write_bytes(head + content)
        card = {key: value for key, value in CARD.items() if isinstance(value, str)}
        (Path(name) / "scheme.json").write_text(str(card).replace("'", '"'), "utf-8")
        try:
            result = import_folder(Path(name), ImportOptions(lists_from=NONE), parses)
        except CodebookError:
            # Neither UTF-8 nor GB18030 is the one thing that ends the reading of a table.
            with pytest.raises(UnicodeDecodeError):
                (head + content).decode("gb18030")
            return
    assert (result.book is None) == result.report.refused


FIELDS = ["mdc", "set_id", "code", "exclusion", "level", "name", "rule", "sort", "kind"]
WRITTEN = st.one_of(
    CELLS, st.floats(), st.text("ABx0.９Ｘ \u3000_\u200b\ufeff伤\\\r\nMC", max_size=12)
)


@pytest.mark.parametrize("strict", [True, False])
@given(st.sampled_from(FIELDS), WRITTEN)
@settings(deadline=None)
def test_what_is_mended_needs_no_mending(strict: bool, field: str, cell: object) -> None:
    reader = CellReader(strict=strict)
    try:
        reading = reader.read(field, cell)
        if isinstance(reading.value, str) and not reading.value.isascii():
            return  # letters of all the world may fold in several steps
        again = reader.read(field, reading.value)
    except CellError:
        return
    assert again.value == reading.value
    if reading.value is not None:
        assert again.mend is None
