"""Workbooks for tests: any cells into .xlsx bytes, and the published 3.0 workbook built anew."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from functools import cache
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from codebooks.importers.extent import column_letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Cell = str | float | bool | None
Sheets = dict[str, list[list[Cell]]]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def pack(sheets: Mapping[str, Iterable[Sequence[Cell]]]) -> bytes:
    """Write sheets, cell for cell as given, as the bytes of an .xlsx file with shared strings."""
    strings: dict[str, int] = {}
    parts: dict[str, str] = {}
    for number, rows in enumerate(sheets.values(), 1):
        parts[f"xl/worksheets/sheet{number}.xml"] = _sheet(rows, strings)
    items = "".join(f'<si><t xml:space="preserve">{escape(s)}</t></si>' for s in strings)
    parts["xl/sharedStrings.xml"] = f'{_HEAD}<sst xmlns="{_MAIN}">{items}</sst>'
    listed = "".join(
        f'<sheet name="{escape(name)}" sheetId="{i}" r:id="rId{i}"/>'
        for i, name in enumerate(sheets, 1)
    )
    parts["xl/workbook.xml"] = (
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
    )
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="rId0" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    parts["xl/_rels/workbook.xml.rels"] = _relations(links)
    parts["_rels/.rels"] = _relations(
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    )
    kinds = "".join(
        f'<Override PartName="/{name}" ContentType="{_TYPE}{kind}+xml"/>'
        for name, kind in [
            ("xl/workbook.xml", "sheet.main"),
            ("xl/sharedStrings.xml", "sharedStrings"),
            *((name, "worksheet") for name in parts if "/worksheets/" in name),
        ]
    )
    plain = f'<Default Extension="rels" ContentType="{_TYPE[:24]}-package.relationships+xml"/>'
    parts["[Content_Types].xml"] = (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">{plain}{kinds}</Types>'
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, xml in parts.items():
            archive.writestr(zipfile.ZipInfo(name), xml, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _relations(links: str) -> str:
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'


def _sheet(rows: Iterable[Sequence[Cell]], strings: dict[str, int]) -> str:
    lines: list[str] = []
    letters = [column_letter(i) for i in range(26)]
    for number, row in enumerate(rows, 1):
        cells: list[str] = []
        for letter, value in zip(letters, row, strict=False):
            at = f'r="{letter}{number}"'
            if isinstance(value, str):
                cells.append(f'<c {at} t="s"><v>{strings.setdefault(value, len(strings))}</v></c>')
            elif isinstance(value, bool):
                cells.append(f'<c {at} t="b"><v>{int(value)}</v></c>')
            elif value is not None:
                cells.append(f"<c {at}><v>{value}</v></c>")
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


@cache
def read_csv(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    words = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(words, newline="")))


def first_edition(facts: Path) -> Sheets:
    """The first published edition: its rows in their places, with its quirks."""
    groups = _groups(facts)
    sheets: Sheets = {
        "MDC": [
            ["按病组（DRG）付费3.0版分组方案配置信息"],
            ["MDC编码", "MDC名称", "MDC规则", "排序"],
            *([r["code"], r["name"], r["rule"] or None, int(r["sort"])] for r in groups["MDC"]),
        ],
        # The empty leading column, which the update removed.
        "ADRG": [
            [],
            [None, "ADRG编码", "ADRG名称", "ADRG规则", "所属MDC编码", "MDC内排序"],
            *(
                [None, r["code"], r["name"] or None, _escaped(r), r["mdc"], r["sort"]]
                for r in groups["ADRG"]
            ),
        ],
        "DRG": [
            [],
            ["DRG", "DRG名称", "DRG规则", "所属ADRG编码", "所属MDC编码", "排序"],
            *(
                [r["code"], r["name"], r["rule"], r["adrg"], r["mdc"], float(r["sort"])]
                for r in groups["DRG"]
            ),
        ],
    }
    return sheets | _lists(facts, "类型编号", "疾病编码", "疾病名称")


def update(facts: Path) -> Sheets:
    """The update: columns moved left, no title rows, MDCT renumbered, rows of ``0000``."""
    groups = _groups(facts)
    adrgs: list[list[Cell]] = []
    for r in groups["ADRG"]:
        sort = int(r["sort"]) - (11 if r["mdc"] == "MDCT" and int(r["sort"]) > 11 else 0)
        adrgs.append([r["code"], r["name"], r["rule"], r["mdc"], sort])
    sheets: Sheets = {
        "MDC": [
            ["MDC编码", "MDC名称", "MDC规则", "排序"],
            *([r["code"], r["name"], r["rule"], r["sort"]] for r in groups["MDC"]),
            ["0000", None, None, "27"],
        ],
        "ADRG": [
            ["ADRG编码", "ADRG名称", "ADRG规则", "所属MDC编码", "排序"],
            *adrgs,
            ["000", None, None, "0000", 1],
        ],
        "DRG": [
            ["DRG编码", "DRG名称", "DRG规则", "所属ADRG编码", "所属MDC编码", "排序"],
            *(
                [r["code"], r["name"], r["rule"], r["adrg"], r["mdc"], int(r["sort"])]
                for r in groups["DRG"]
            ),
            ["0000", None, None, "000", "0000", 1],
        ],
    }
    return sheets | _lists(facts, "类型", "ICD编码", "ICD名称")


def _groups(facts: Path) -> dict[str, list[dict[str, str]]]:
    rows = read_csv(facts / "chs_drg_3_0" / "published_rows.csv")
    return {sheet: [r for r in rows if r["sheet"] == sheet] for sheet in ("MDC", "ADRG", "DRG")}


def _escaped(row: Mapping[str, str]) -> str:
    """The rule's text; RN4's line breaks are written as the sheet's XML has them."""
    return row["rule"].replace("\n", "_x000D_\n") if row["code"] == "RN4" else row["rule"]


def _lists(facts: Path, kind: str, code: str, name: str) -> Sheets:
    scheme, codes = facts / "schemes" / "chs-drg-3.0", facts / "codes"
    names: dict[str, str] = {}
    for file in ("icd10_nhsa_2_0.csv.gz", "icd9cm3_nhsa_2_0.csv.gz", "icd9cm3_nhsa_additions.csv"):
        names |= {r["code"]: r["name"] for r in read_csv(codes / file)}
    doubled = read_csv(facts / "chs_drg_3_0" / "published_duplicate_set_rows.csv")
    times = {(r["set_id"], r["code"]): int(r["times"]) for r in doubled}
    sets: list[list[Cell]] = []
    for row in read_csv(scheme / "sets.csv.gz"):
        set_id, member = row["set_id"], row["code"]
        line: list[Cell] = [set_id, member, names.get(member, ""), set_id[:2]]
        sets += [line] * times.get((set_id, member), 1)
    return {
        "集合": [["集合编号", "ICD编码", "ICD名称", kind], *sets],
        "CC": [
            [code, name, "排除表", "类型"],
            *(
                [r["code"], names.get(r["code"], ""), r["exclusion"], r["level"]]
                for r in read_csv(scheme / "cc.csv.gz")
            ),
        ],
        "排除表": [
            ["集合编号", "ICD编码", "ICD名称"],
            *(
                [r["exclusion"], r["principal_code"], names.get(r["principal_code"], "")]
                for r in read_csv(scheme / "exclusions.csv.gz")
            ),
        ],
    }


def small() -> Sheets:
    """An invented scheme of a few rows in the layout of the workbook."""
    return {
        "MDC": [
            ["MDC编码", "MDC名称", "MDC规则", "排序"],
            ["MDCA", "先期分组", None, 1],
            ["MDCB", "神经系统疾病", "ZYZD in DI_B00", 2],
        ],
        "ADRG": [
            ["ADRG编码", "ADRG名称", "ADRG规则", "所属MDC编码", "排序"],
            ["AA1", "移植", "ZYSS in OP_AA1", "MDCA", 1],
            ["BB1", "手术", "ZYSS in OP_AA1", "MDCB", 1],
            ["B00", None, None, "MDCB", 2],
            ["BR1", "内科", "ZYZD in DI_B00", "MDCB", 3],
        ],
        "DRG": [
            ["DRG编码", "DRG名称", "DRG规则", "所属ADRG编码", "所属MDC编码", "排序"],
            ["AA19", "移植", None, "AA1", "MDCA", 1],
            ["BB11", "手术，伴严重合并症", "QTZD in MCC", "BB1", "MDCB", 1],
            ["BB15", "手术，不伴合并症", None, "BB1", "MDCB", 2],
            ["B000", None, None, "B00", "MDCB", 1],
            ["BR19", "内科", None, "BR1", "MDCB", 1],
        ],
        "集合": [
            ["集合编号", "ICD编码", "ICD名称", "类型"],
            ["DI_B00", "G40.900", "癫痫", "DI"],
            ["DI_B00", "I61.000x006", "出血", "DI"],
            ["OP_AA1", "33.6x00", "移植", "OP"],
        ],
        "CC": [
            ["疾病编码", "疾病名称", "排除表", "类型"],
            ["J96.000", "呼吸衰竭", "EX_1", "MCC"],
            ["I10.x00", "高血压", "EX_1", "CC"],
        ],
        "排除表": [["集合编号", "ICD编码", "ICD名称"], ["EX_1", "J96.000", "呼吸衰竭"]],
    }
