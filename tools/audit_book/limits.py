"""The suspect lists of another project as rows of the book, at the level of suspects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from audit_book.points import indication
from audit_book.readings import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit_book.readings import Reader

Cells = dict[str, str]

SUSPECT = "suspect"
IN_HOURS = "24小时"
DRUG_RULES = {
    "险种限制": "",
    "机构限制": "GZ10000101012000",
    "就医限制": "N2025-13",
    "专科限制": "GZ10000102008000",
    "性别限制": "GZ10000301004000",
    "年龄限制": "GZ10000301002000",
    "疾病限制": "GZ10000101008000",
    "阶梯限制": "GZ10000101005000",
    "疗程限制": "GZ10000101010000",
}
SERVICE_RULES = {
    "机构限制": "GZ10000102011000",
    "就医限制": "GZ10000102009000",
    "专科限制": "GZ10000102008000",
    "性别限制": "GZ10000302004000",
    "年龄限制": "GZ10000302003000",
    "疾病限制": "GZ10000102007000",
    "数量限制": "GZ10000102014000",
    "频次限制": "GZ10000102014000",
    "疗程限制": "GZ10000102010000",
    "总额限制": "GZ10000102015000",
}
INSURANCE_RULES = {"工伤": "GZ10000101001000", "生育": "GZ10000101002000"}
LETTERS = {
    "险种限制": "i",
    "机构限制": "l",
    "就医限制": "v",
    "专科限制": "d",
    "性别限制": "s",
    "年龄限制": "a",
    "疾病限制": "x",
    "阶梯限制": "t",
    "疗程限制": "c",
    "数量限制": "q",
    "频次限制": "f",
    "总额限制": "m",
}


def drug_limits(rows: list[Cells], reader: Reader) -> Iterator[Row]:
    """Every limit of the drugs' list: a row, or kept with its reason."""
    seen: dict[tuple[str, str, str], Cells] = {}
    for number, row in enumerate(rows, 1):
        for column in LETTERS:
            if not (value := row.get(column, "")):
                continue
            rule = DRUG_RULES[column] or INSURANCE_RULES[value]
            head = _head("D", number, column, row["药品编码"], row["药品名称"], rule)
            yield _once(_drug(column, value, reader), head, column, value, seen)


def service_limits(
    rows: list[Cells], reader: Reader, known: set[tuple[str, str, str]]
) -> Iterator[Row]:
    """Every limit of the services' list: a row, or kept with its reason.

    Args:
        rows: of the list.
        reader: the readings.
        known: table, rule and item of the rows that knowledge points gave; these go before.
    """
    seen: dict[tuple[str, str, str], Cells] = {}
    for number, row in enumerate(rows, 1):
        for column in LETTERS:
            if not (value := row.get(column, "")):
                continue
            rule, table, cells = _service(column, value, reader)
            if (column, row["数量限制"], cells.get("per")) == ("频次限制", IN_HOURS, "day"):
                # The quantity is one of hours; once a day speaks of it, not of one hour.
                table, cells = "kept", {"reason": "unit_hours"}
            head = _head("S", number, column, row["诊疗编码"], row["诊疗名称"], rule)
            found: tuple[str, Cells] = (table, cells)
            if table != "kept" and (table, rule, head["item"]) in known:
                found = "kept", {"reason": "covered"}
            yield _once(found, head, column, value, seen)


def _head(letter: str, number: int, column: str, item: str, name: str, rule: str) -> Cells:
    file = "drug_limits_suspect.csv" if letter == "D" else "service_limits_suspect.csv"
    return {
        "row": f"{rule}/{letter}{number}{LETTERS[column]}",
        "rule": rule,
        "item": item,
        "level": SUSPECT,
        "source": f"{file} {number}",
        "note": name,
    }


def _once(
    found: tuple[str, Cells],
    head: Cells,
    column: str,
    value: str,
    seen: dict[tuple[str, str, str], Cells],
) -> Row:
    """A row of its table; kept where an earlier row speaks of the same item already."""
    table, cells = found
    if table == "kept":
        return Row("kept", head | {"limit": column, "text": value} | cells)
    row = head | cells
    if note := cells.get("note"):
        row["note"] = f"{head['note']}；{note}"
    key = (table, head["rule"] + row.get("per", ""), head["item"])
    earlier = seen.setdefault(key, cells)
    if earlier is not cells:
        reason = "repeated" if earlier == cells else "contradicts"
        return Row("kept", head | {"limit": column, "text": value, "reason": reason})
    return Row(table, row)


def _drug(column: str, value: str, reader: Reader) -> tuple[str, Cells]:
    plan = reader.plan
    if column == "阶梯限制":
        if value == "一线":
            return "kept", {"reason": "no_template"}
        return "second_line", {"text": f"限{value}用药", "level": "verify"}
    if column == "险种限制":
        cells = dict(plan["insurances"][value])
        return "insurance", cells
    return _both(column, value, reader)


def _both(column: str, value: str, reader: Reader) -> tuple[str, Cells]:
    plan = reader.plan
    if column == "机构限制":
        return "level", {"least_level": plan["levels"][value]}
    if column == "就医限制":
        return "visit", {"allowed": plan["visits"][value]}
    if column == "性别限制":
        return "sex", {"sex": plan["sexes"][value]}
    if column == "年龄限制":
        limits, note = reader.age(value)
        return "age", limits | {"note": note}
    if column == "疾病限制":
        return "indication", {"text": value} | indication(value, reader)
    if column == "疗程限制":
        return "course", {"most_days": value.removesuffix("天")}
    return "kept", {"reason": "no_template"}


def _service(column: str, value: str, reader: Reader) -> tuple[str, str, Cells]:
    rule = SERVICE_RULES[column]
    if column == "年龄限制" and value == "成年":
        rule = "N2025-29"
    if column == "数量限制":
        if value == IN_HOURS:
            return rule, "quantity", {"most": "24", "per": "hours24"}
        return rule, "kept", {"reason": "window_unknown"}
    if column == "频次限制":
        found = re.fullmatch(r"([0-9]+)次(每.)", value)
        if found is None:
            raise ValueError(f"a frequency that nothing reads: {value}")
        times, days = found[1], reader.plan["periods"][found[2]]
        if days == 1:
            return rule, "quantity", {"most": times, "per": "day"}
        return "N2025-31", "cycle", {"times": times, "days": str(days)}
    return rule, *_both(column, value, reader)
