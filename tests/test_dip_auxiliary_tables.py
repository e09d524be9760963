"""Tables of factors and triggers: what binds a scheme, and rows that are refused."""

from __future__ import annotations

import pytest
from auxiliary_support import EXAMPLE, GROUPS, HEADER, TRIGGERS, card, example, install
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.errors import CodebookError
from codebooks.factor_reading import load_tables, read_triggers
from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables


def test_what_changes_nothing_for_a_scheme_cuts_no_period() -> None:
    own = HEADER + "pingdingshan,,age,elderly,,1.2,40,2025-01-01,,example\n"
    few = example(own).periods
    more = example(own + "henan,,age,elderly,,1.5,40,2025-07-01,2025-08-01,hidden\n").periods
    assert more == few
    assert [p.valid_from.year for p in few] == [1, 2020, 2025, 2027]


def test_groups_that_the_scheme_lacks_are_refused() -> None:
    install(HEADER + "henan,chs-drg-2.0,age,elderly,G9,1.5,40,2025-01-01,,example\n")
    tables = AuxiliaryTables(card(scheme="chs-drg-2.0"))
    with pytest.raises(CodebookError, match="G9") as error:
        tables.check_groups(GROUPS)
    assert (error.value.code, error.value.where.row) == ("FACTOR_GROUP", 2)
    tables.check_groups((*GROUPS, "G9"))


CELLS = st.sampled_from(
    [
        "henan",
        "age",
        "elderly",
        "1.2",
        "1e5",
        "-0",
        "2025-01-01",
        "99999-1-1",
        "C00-C97",
        "|",
        "",
        '"',
        "\x00",
        "年",
    ]
)


@settings(max_examples=examples(150), deadline=None)
@given(
    lines=st.lists(st.lists(CELLS, min_size=9, max_size=14).map(",".join), max_size=4),
    raw=st.binary(max_size=20),
    at=st.sampled_from(("dip_factors.csv", "dip_triggers.csv")),
)
def test_whatever_stands_in_a_table_only_declared_errors_are_raised(
    lines: list[str], raw: bytes, at: str
) -> None:
    header = (
        HEADER.strip() if at == "dip_factors.csv" else TRIGGERS.read_text("utf-8").split("\n")[0]
    )
    path = install("", at)
    path.write_bytes("\n".join((header, *lines)).encode() + b"\n" + raw)
    told = ""
    try:
        load_tables()
    except CodebookError as error:
        told = error.describe("en")
    finally:
        path.unlink()
    assert "{" not in told


def test_the_hash_tells_what_binds_the_scheme() -> None:
    tables = example()
    assert tables.content_sha256 == AuxiliaryTables(card(), load_tables()).content_sha256
    assert example(EXAMPLE.replace("1.9,", "1.8,")).content_sha256 != tables.content_sha256
    assert len(tables.content_sha256) == 64


FACTOR_ROW = "henan,,age,elderly,,1.2,40,2025-01-01,,example\n"


@pytest.mark.parametrize(
    ("old", "new", "code", "column"),
    [
        ("henan", "atlantis", "FACTOR_REGION", "region"),
        ("henan", "", "FACTOR_EMPTY", "region"),
        (",,age", ",dip-nowhere,age", "FACTOR_SCHEME", "scheme"),
        ("age", "weather", "FACTOR_WORD", "directory"),
        ("elderly", "ancient", "FACTOR_SUBTYPE", "subtype"),
        ("elderly", "", "FACTOR_EMPTY", "subtype"),
        ("1.2", "1,2", "TABLE_ROW_WIDTH", None),
        ("1.2", "x", "FACTOR_NUMBER", "factor"),
        ("1.2", "NaN", "FACTOR_NUMBER", "factor"),
        ("1.2", "Infinity", "FACTOR_NUMBER", "factor"),
        ("1.2", "0", "FACTOR_NUMBER", "factor"),
        ("1.2", "-1", "FACTOR_NUMBER", "factor"),
        ("1.2", "1000", "FACTOR_NUMBER", "factor"),
        ("1.2", "1.0000001", "FACTOR_NUMBER", "factor"),
        ("1.2", "", "FACTOR_EMPTY", "factor"),
        ("40", "4.5", "FACTOR_WHOLE", "cases"),
        ("2025-01-01", "2025-13-01", "FACTOR_DATE", "valid_from"),
        ("2025-01-01", "", "FACTOR_EMPTY", "valid_from"),
        ("01,,example", "01,2025-01-01,example", "FACTOR_PERIOD", "valid_to"),
        ("example", "", "FACTOR_EMPTY", "source"),
        ("\n", "\n" + FACTOR_ROW, "FACTOR_OVERLAP", None),
    ],
)
def test_factors_that_are_not_understood_are_refused(
    old: str, new: str, code: str, column: str | None
) -> None:
    install(HEADER + FACTOR_ROW.replace(old, new, 1))
    with pytest.raises(CodebookError) as error:
        load_tables()
    row = 3 if code == "FACTOR_OVERLAP" else 2
    place = error.value.where
    assert (error.value.code, place.file, place.row, place.column) == (
        code,
        "dip_factors.csv",
        row,
        column,
    )
    assert error.value.describe("zh")
    assert error.value.describe("en")


AGE_ROW = "henan,age,old,老,old,1,age,66,,,,2020-01-01,,city"
CODE_ROW = "henan,tumour,t,瘤,t,1,diagnosis,,,C00-C97|Z51.1,,2020-01-01,,city"
LEVEL_ROW = "henan,severity,s,重,s,1,cc_level,,,MCC,chs-drg-2.0,2020-01-01,,city"
INDEX_ROW = "henan,charlson,c,分,c,1,charlson,1,2,,quan/quan/all,2020-01-01,,city"


@pytest.mark.parametrize(
    ("row", "old", "new", "code", "column"),
    [
        (AGE_ROW, "age,66", "weight,66", "FACTOR_WORD", "condition"),
        (AGE_ROW, "66,,", ",,", "FACTOR_EMPTY", "low"),
        (AGE_ROW, "66,,", "66,65,", "FACTOR_BOUNDS", "high"),
        (AGE_ROW, "66,,", "-1,,", "FACTOR_WHOLE", "low"),
        (AGE_ROW, "66,,,", "66,,C00,", "FACTOR_UNUSED", "codes"),
        (AGE_ROW, "66,,,", "66,,,chs-drg-2.0", "FACTOR_UNUSED", "table"),
        (AGE_ROW, "老", "", "FACTOR_EMPTY", "name_zh"),
        (CODE_ROW, "diagnosis,,", "diagnosis,1,", "FACTOR_UNUSED", "low"),
        (CODE_ROW, "C00-C97|Z51.1", "", "FACTOR_EMPTY", "codes"),
        (CODE_ROW, "C00-C97", "C97-C00", "FACTOR_KEY", "codes"),
        (CODE_ROW, "C00-C97", "C00-C9", "FACTOR_KEY", "codes"),
        (CODE_ROW, "C00-C97", "?", "FACTOR_KEY", "codes"),
        (CODE_ROW, "C00-C97|", "|", "FACTOR_KEY", "codes"),
        (LEVEL_ROW, "MCC", "MMC", "FACTOR_WORD", "codes"),
        (LEVEL_ROW, "chs-drg-2.0", "", "FACTOR_EMPTY", "table"),
        (LEVEL_ROW, "chs-drg-2.0", "chs-drg-9", "FACTOR_TABLE", "table"),
        (INDEX_ROW, "quan/quan/all", "quan/shmi/all", "FACTOR_TABLE", "table"),
        (INDEX_ROW, "quan/quan/all", "quan/quan/some", "FACTOR_TABLE", "table"),
        (INDEX_ROW, "quan/quan/all", "quan", "FACTOR_TABLE", "table"),
    ],
)
def test_triggers_that_are_not_understood_are_refused(
    row: str, old: str, new: str, code: str, column: str
) -> None:
    header = TRIGGERS.read_text("utf-8").splitlines()[0]
    path = install(f"{header}\n{row}\n", "dip_triggers.csv")
    assert len(read_triggers(path)) == 1
    install(f"{header}\n{row.replace(old, new, 1)}\n", "dip_triggers.csv")
    with pytest.raises(CodebookError) as error:
        read_triggers(path)
    assert (error.value.code, error.value.where.row, error.value.where.column) == (code, 2, column)
