"""Files of CSV: encodings, delimiters, broken rows, odd batch sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from case_readers_support import opened, rows_of
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from grouper.case import Case
from grouper.case.readers import csv_file, text_input

if TYPE_CHECKING:
    from pathlib import Path

TABLE = '病例编号,性别,年龄,dx,备注\nc1,男,45,I10|E11.900,"好,的"\nc2,女,３,K80.101,\n'


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("gb18030"),
        TABLE.encode("utf-16"),
        b"\xfe\xff" + TABLE.encode("utf-16-be"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode("gbk"),
        ("\n\n" + TABLE.replace("\n", "\n\n")).encode(),
        TABLE.rstrip().encode(),
        TABLE.replace(",\n", ",,\n").encode(),
    ],
)
def test_csv_in_every_encoding(tmp_path: Path, content: bytes) -> None:
    source = opened(tmp_path / "a.csv", content)
    originals, cases, said, _ = rows_of(source)
    assert [(c.case_id, c.sex, c.age, c.dx) for c in cases] == [
        ("c1", 1, 45, ("I10", "E11.900")),
        ("c2", 2, 3, ("K80.101",)),
    ]
    assert originals[0] == {
        "病例编号": "c1",
        "性别": "男",
        "年龄": "45",
        "dx": "I10|E11.900",
        "备注": "好,的",
    }
    assert said == []
    assert source.file_issues == []
    assert source.total_rows is None
    assert source.bytes_read == source.size == len(content)


@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_delimiters(tmp_path: Path, mark: str) -> None:
    source = opened(tmp_path / "a.txt", f"id{mark}dx{mark}x\n1{mark}I10{mark}a\n")
    assert rows_of(source)[0] == [{"id": "1", "dx": "I10", "x": "a"}]


def test_named_encoding(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", TABLE.encode("gbk"), encoding="GB2312", format="csv")
    assert rows_of(source)[1][0].sex == 1
    with pytest.raises(GrouperError) as error:
        opened(tmp_path / "a.csv", TABLE, encoding="rot13")
    assert error.value.code == "FILE_ENCODING"


@pytest.mark.parametrize(
    ("cells", "encoding", "found"),
    [
        ("女", "gb18030", "gb18030"),
        ("女", "utf-8", "utf-8"),
        ("37°", "utf-8", "utf-8"),
        ("联通", "gbk", "gb18030"),
    ],
)
def test_short_texts_are_told_apart(tmp_path: Path, cells: str, encoding: str, found: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"id,x\n1,{cells}\n2,{cells}\n".encode(encoding))
    assert text_input.encoding_of(path, None) == found


def test_encoding_is_found_behind_much_ascii(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_input, "_BLOCK", 64)
    rows = "".join(f"{at},I10,\n" for at in range(100))
    for encoding in ("utf-8", "gb18030"):
        text = "id,dx,sex\n" + rows + "x,I10,男\n"
        assert rows_of(opened(tmp_path / "a.csv", text.encode(encoding)))[1][-1].sex == 1
    assert rows_of(opened(tmp_path / "a.csv", "id,dx,sex\n" + rows))[1][-1].case_id == "99"


BROKEN = (
    b"id,dx,sex\n"
    b"1,I10,1\n"
    b"2,I10\n"  # ragged
    b"3,I10,1,x\n"  # ragged
    b"4,I10,\xff\n"  # undecodable
    b"5,\0I10,1\n"  # NUL
    b'6,"I10,1\n'  # a quotation mark that never ends
    b"7,I10,2\n"
    b'8,"I1"0,1\n'  # text behind the closing quotation mark
    b'9,"I10\n|E11.900",1\n'  # a line break that is meant
    b'10,"I10\n'  # a record of two lines, and ragged
    b'",2,3\n'
    b"11,\xe6\x97\xa0,1\n"
)


@pytest.mark.parametrize("block", [16, 1 << 20])
@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_broken_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, batch_rows: int
) -> None:
    monkeypatch.setattr(csv_file, "_BLOCK", block)
    source = opened(tmp_path / "a.csv", BROKEN, batch_rows=batch_rows)
    originals, cases, said, rejected = rows_of(source)
    assert [o["id"] for o in originals] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "10",
        '"',
        "11",
    ]
    assert said == [
        (2, "", "ROW_RAGGED"),
        (3, "", "ROW_RAGGED"),
        (4, "", "ROW_ENCODING"),
        (5, "", "ROW_NUL"),
        (6, "", "ROW_QUOTE"),
        (8, "", "ROW_QUOTE"),
        (10, "", "ROW_RAGGED"),
        (11, "", "ROW_QUOTE"),
    ]
    assert [at for at, r in enumerate(rejected, 1) if r] == [row for row, _, _ in said]
    assert originals[1] == {"id": "2", "dx": "I10", "sex": None}
    assert originals[3]["sex"] == "\ufffd"
    assert cases[1] == Case()
    assert cases[6].case_id == "7"
    assert cases[8].dx == ("I10", "E11.900")


def test_undecodable_utf_16(tmp_path: Path) -> None:
    content = "id,dx\n1,I10\n2,".encode("utf-16") + b"\x00\xd8\n\x00"
    assert rows_of(opened(tmp_path / "a.csv", content))[2] == [(2, "", "ROW_ENCODING")]


def test_columns_twice(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "id,sex,性别,x,x,,dx\n1,1,男,a,b,c,I10\n2,1,女,a,b,c,I10\n")
    originals, cases, said, rejected = rows_of(source)
    assert list(originals[0]) == ["id", "sex", "性别", "x", "x (2)", "#6", "dx"]
    assert said == [(2, "sex", "COLUMN_CONFLICT")]
    assert rejected == [False, True]
    assert [c.sex for c in cases] == [1, None]
    assert [i.value for i in source.file_issues] == ["sex", "性别", "x"]


CELLS = st.sampled_from(
    [
        "",
        "1",
        "男",
        "I10|E11.900",
        "2026-01-31",
        'a"b',
        '"',
        "a,b",
        "x\ny",
        "\0",
        "  ",
        "\r",
        "\udcff",
    ]
)


@given(
    st.lists(st.lists(CELLS, max_size=4), max_size=6),
    st.sampled_from(["id,sex,dx", "id\tsex\tdx", "dx", 'id,"s\nex",dx']),
    st.integers(1, 4),
    st.integers(1, 40),
)
@settings(
    max_examples=examples(120),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_batch_and_block_sizes_do_not_matter(
    tmp_path: Path, rows: list[list[str]], header: str, batch_rows: int, block: int
) -> None:
    mark = "\t" if "\t" in header else ","
    text = "\n".join([header, *(mark.join(row) for row in rows)])
    content = text.encode("utf-8", "surrogateescape")
    path = tmp_path / "a.csv"
    whole = rows_of(opened(path, content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_file, "_BLOCK", block)
        assert rows_of(opened(path, content, batch_rows=batch_rows)) == whole
