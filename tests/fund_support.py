"""What the tests of fund and credit share: a data folder, small tables, quantities."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from codebooks.errors import GrouperError
from grouper.audit.fund.credit import Quantity


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("GROUPER_DATA", str(folder))
    monkeypatch.delenv("GROUPER_CONFIG", raising=False)
    return folder


def write(folder: Path, text: str, name: str = "table.csv", encoding: str = "utf-8") -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def code(error: pytest.ExceptionInfo[GrouperError]) -> str:
    assert error.value.describe("zh")
    return error.value.code


def quantity(part_: str, whole: str) -> Quantity:
    return Quantity(part=Decimal(part_), whole=Decimal(whole), source="示例")


FULL = {
    "violations": quantity("1", "1000"),
    "corrected_before_upload": quantity("95", "100"),
    "answered_in_time": quantity("7", "7"),
    "appeals_won": quantity("6", "10"),
    "deducted_share": quantity("0", "100"),
    "lists_in_time": quantity("100", "100"),
    "upload_errors": quantity("0", "9"),
}


VALUES = "month,input,part,whole,source\n"
