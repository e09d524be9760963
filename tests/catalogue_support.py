"""Catalogue files for tests; every code, name and price is invented."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import workbook_builder

from codebooks.catalogues.catalogue import Catalogues
from codebooks.catalogues.importer import (
    CatalogueOptions,
    Draft,
    install_catalogue,
    read_catalogue,
)

DAY = date(2026, 1, 1)
NEXT = date(2026, 7, 1)
WESTERN = [f"XA01AAA001A{n:012d}" for n in range(10)]
PATENT = [f"ZA01AAA{n:013d}" for n in range(4)]
SERVICES = [f"00110100001{n:04d}" for n in range(10)]
MATERIALS = [f"C{n:026d}" for n in range(4)]
HEAD = {
    "drugs": [
        "药品代码",
        "注册名称",
        "甲乙类",
        "最高限价(元)",
        "先行自付比例",
        "备注",
        "生效日期",
        "失效日期",
    ],
    "services": [
        "项目编码",
        "项目名称",
        "医保类别",
        "三级价格",
        "二级价格",
        "一级价格",
        "生效日期",
        "失效日期",
    ],
    "materials": ["耗材代码", "医保通用名", "规格型号", "最高限价"],
    "grey": ["医保代码", "名称", "置灰原因", "置灰日期", "恢复日期"],
    "mapping": [
        "院内编码",
        "院内名称",
        "地方编码",
        "国家编码",
        "医保类别",
        "单价",
        "生效日期",
        "失效日期",
    ],
}

Row = list[workbook_builder.Cell]


def drug(code: str, scope: str = "甲", price: Any = "10", **more: str) -> Row:
    return [
        code,
        more.get("name", f"虚构药{code[-2:]}"),
        scope,
        price,
        more.get("share", ""),
        more.get("limit", ""),
        more.get("start", ""),
        more.get("end", ""),
    ]


def service(code: str, scope: str = "甲", three: Any = "30", **more: str) -> Row:
    return [
        code,
        f"虚构项目{code[-2:]}",
        scope,
        three,
        more.get("two", "20"),
        more.get("one", "10"),
        more.get("start", ""),
        more.get("end", ""),
    ]


def mapped(own: str, code: str, scope: str = "甲", price: Any = "10", **more: str) -> Row:
    return [
        own,
        f"院内{own}",
        more.get("city", f"S{own}"),
        code,
        scope,
        price,
        more.get("start", ""),
        more.get("end", ""),
    ]


def as_csv(kind: str, rows: list[Row], head: list[str] | None = None) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head or HEAD[kind])
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def as_xlsx(kind: str, rows: list[Row], head: list[str] | None = None) -> bytes:
    return workbook_builder.pack({"目录": [["虚构的目录"], head or HEAD[kind], *rows]})


def draft(
    folder: Path, kind: str, content: bytes, at_hand: Catalogues | None = None, **options: Any
) -> Draft:
    """Read a file; name and kind of file by its bytes."""
    path = folder / ("file.xlsx" if content.startswith(b"PK") else "file.csv")
    path.write_bytes(content)
    options.setdefault("valid_from", DAY)
    return read_catalogue(kind, path, CatalogueOptions(**options), at_hand)


def put(folder: Path, kind: str, rows: list[Row], **options: Any) -> Draft:
    """Import rows into the hospital's own catalogues."""
    made = draft(folder, kind, as_csv(kind, rows), **options)
    install_catalogue(made)
    return made


def codes(made: Draft) -> list[tuple[str, int | None, str | None]]:
    """Code, row and column of the findings."""
    return [(f.code, f.where.row, f.where.column) for f in made.report.findings]


@pytest.fixture
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder of the hospital, and a folder for files."""
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path / "data"))
    (tmp_path / "files").mkdir()
    return tmp_path / "files"
