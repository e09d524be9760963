"""JSON and TOML from outside: whatever is wrong is a ``ValueError``."""

from __future__ import annotations

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codebooks.plain import ARROW_FAULTS, json_of, toml_of

DEEP = "[" * 5000 + "]" * 5000


def test_what_is_sound_is_read() -> None:
    assert json_of(b'{"a": [1, 2.5]}', parse_float=Decimal) == {"a": [1, Decimal("2.5")]}
    assert toml_of("a = [1, 2]") == {"a": [1, 2]}


@pytest.mark.parametrize("text", ["", "{", DEEP, b"\xff\xff\xff", "9" * 5000], ids=range(5))
def test_broken_json(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- that it is one is the contract
        json_of(text)


def test_a_number_beyond_all_bounds() -> None:
    with pytest.raises(ValueError, match="InvalidOperation"):
        json_of(f"1e{'9' * 20}", parse_float=Decimal)


@pytest.mark.parametrize("text", ["a", "a = 1\na = 2", f"a = {DEEP}"], ids=range(3))
def test_broken_toml(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- that it is one is the contract
        toml_of(text)


def test_a_column_whose_name_is_no_text_is_a_fault() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"aaaa": [1]}), out)
    broken = pa.BufferReader(out.getvalue().replace(b"aaaa", b"aaa\x89"))
    with pytest.raises(ARROW_FAULTS):
        pq.ParquetFile(broken)
