"""Lists of the insurer as files, and what reads them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from store_support import database

from codebooks.errors import GrouperError
from grouper.audit.insurer.reading import Row
from grouper.store.findings import FindingRow

__all__ = ["database"]


PAIRS = "GZ10000102012000"


PAIRS_NAME = "医疗服务项目重复收费"


HEADER = "结算ID,就诊ID,人员编号,姓名,规则编码,规则名称,项目编码,费用日期,数量,违规金额,违规内容,反馈截止时间"


def write(folder: Path, text: str, name: str = "list.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def code(error: pytest.ExceptionInfo[GrouperError]) -> str:
    return error.value.code


# --- rules, findings, lines --------------------------------------------------------------------


def row(number: int = 1, numbers: dict[str, tuple[str, ...]] | None = None, **said: Any) -> Row:
    return Row(
        number=number,
        sheet=None,
        row=number + 1,
        said=said,
        numbers={"visit": ("V1",)} if numbers is None else numbers,
    )


def own(stay_id: int, day: int, **values: Any) -> FindingRow:
    given: dict[str, Any] = {
        "key": f"{day:024x}",
        "source": "own",
        "moment": "upload",
        "stay_id": stay_id,
        "version": 1,
        "rule": PAIRS,
        "book": "national-2025",
        "book_hash": "0" * 64,
        "level": "violation",
        "amount": Decimal("12.50"),
        "day": date(2026, 3, day),
        "document": {"line_names": [f"l{day}"], "day": f"2026-03-0{day}"},
        "raised_by": "screening",
    }
    return FindingRow(**given | values)
