"""Files of weights: what is read, and every fault with its place."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from codebooks.errors import GrouperError
from grouper.compare.weights import read_weights


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "w.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(folder: Path, content: str | bytes) -> GrouperError:
    with pytest.raises(GrouperError) as caught:
        read_weights(write(folder, content))
    for lang in ("zh", "en"):
        assert "w.csv" in caught.value.describe(lang)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        "group,weight\nHC43,1.2034\nhc45,0.8\n",
        "\ufeff病组编码,病组名称,权重\nHC43,胆囊切除,1.2034\nHC45,,0.8000\n",
        "DRG编码\t相对权重\n\nＨＣ43\t 1.2034 \nHC45\t0.8\nHC49\t\n",
        "分值;病种编码\n1.2034;HC43\n.8;HC45\n1.2034;HC43\n",
        "病组编码,权重\nHC43,1.2034\nHC45,8e-1\n".encode("gb18030"),
        "group,weight\nHC43,1.2034\nHC45,0.8\n".encode("utf-16"),
        'group,weight\n"HC43","1.2034"\n"HC45",0.8\n',
    ],
)
def test_tables_as_bureaus_write_them(tmp_path: Path, content: str | bytes) -> None:
    found = read_weights(write(tmp_path, content))
    assert found.of("any", "HC43") == Decimal("1.2034")
    assert found.of("any", "hc45") == Decimal("0.8")
    assert found.of("any", "HC49") is None
    assert found.file == "w.csv"


def test_a_column_may_name_the_scheme(tmp_path: Path) -> None:
    content = "方案,病组编码,权重\none,A,1\ntwo,A,2\n,A,3\n"
    found = read_weights(write(tmp_path, content))
    assert [found.of(scheme, "A") for scheme in ("one", "two", "three")] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "code", "row", "column"),
    [
        ("", "WEIGHTS_EMPTY", None, None),
        ("\n\n", "WEIGHTS_EMPTY", None, None),
        ("group,weight\n", "WEIGHTS_EMPTY", None, None),
        ("group,weight\nA,\n", "WEIGHTS_EMPTY", None, None),
        ("\ngroup,name\nA,x\n", "WEIGHTS_COLUMN", 2, None),
        ("weight,name\n1,x\n", "WEIGHTS_COLUMN", 1, None),
        ("group,weight,权重\nA,1,2\n", "WEIGHTS_COLUMN_TWICE", 1, None),
        ("group,weight\nA,1\n ,2\n", "WEIGHTS_GROUP", 3, "group"),
        ("病组编码,权重\nA,1\nB,很高\n", "WEIGHTS_NUMBER", 3, "权重"),
        ("group,weight\nA,-1\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,nan\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,Infinity\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,1_000\n", "WEIGHTS_NUMBER", 2, "weight"),
        ('group,weight\nA,"1,000"\n', "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,50%\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,1000000000000\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,1e999999999\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,0.0000000000001\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,1." + "0" * 60 + "1\n", "WEIGHTS_NUMBER", 2, "weight"),
        ("group,weight\nA,1\nB,1\na,1.5\n", "WEIGHTS_TWICE", 4, "weight"),
        ('group,weight\nA,"1\n', "WEIGHTS_TEXT", 2, None),
        ('group,weight\nA,1"\n"B"x,2\n', "WEIGHTS_NUMBER", 2, "weight"),
        (b"group,weight\nA\xff\xfe\xfd,1\n", "WEIGHTS_TEXT", 2, None),
        ("group,weight\nA,1\nB\0,1\n", "WEIGHTS_TEXT", 3, None),
        (b"PK\x03\x04rest", "FILE_FORMAT", None, None),
        (b"\xd0\xcf\x11\xe0rest", "FILE_FORMAT", None, None),
    ],
)
def test_faults_are_told_with_their_place(
    tmp_path: Path, content: str | bytes, code: str, row: int | None, column: str | None
) -> None:
    error = refused(tmp_path, content)
    assert (error.code, error.where.row, error.where.column) == (code, row, column)


def test_the_first_of_two_weights_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "group,weight\nA,1\nA,1.0\nA,2\n")
    assert error.params == {"found": "A", "first": 2}
    assert error.where.row == 4


def test_twelve_places_are_exact(tmp_path: Path) -> None:
    found = read_weights(write(tmp_path, "group,weight\nA,999999999999.999999999999\n"))
    assert found.of("x", "A") == Decimal("999999999999.999999999999")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "no.csv", tmp_path, tmp_path / "in.csv" / "w.csv"):
        (tmp_path / "in.csv").touch()
        with pytest.raises(GrouperError, match="FILE_NOT_FOUND"):
            read_weights(path)


def test_a_file_without_the_right_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "group,weight\nA,1\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(GrouperError, match="FILE_DENIED"):
        read_weights(path)


def test_any_bytes_give_weights_or_a_declared_error(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 -- faults, not secrets
    good = '病组编码,病组名称,权重\nHC43,"胆囊\n切除",1.2034\nHC45,x,0.8\n'.encode()
    for _ in range(400):
        broken = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(broken))
            broken[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        try:
            read_weights(write(tmp_path, bytes(broken)))
        except GrouperError as error:
            assert error.describe()  # noqa: PT017 -- only declared errors, each with its words
