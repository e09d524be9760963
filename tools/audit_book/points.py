"""The knowledge points, and the files that list some of them in columns, as rows of the book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from audit_book.readings import Row
from codebooks.audit.forms import FORMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit_book.readings import Reader

Files = dict[str, list[dict[str, str]]]

SPECIAL = {
    "GZ10000102012000": "duplicate_charge_pairs",
    "GZ10000102002000": "surgery_discount",
    "GZ10000102014000": "frequency_limits",
    "N2025-31": "cycle_limits",
    "GZ10000102010000": "course_limits",
}
"""Rules whose points stand with their parameters in a file of their own."""
INFERRED = "知识点未写明，据疑似清单推定：{found}"
TEXT_INFERRED = "知识点未写明支付限定，据疑似清单推定"


@dataclass(frozen=True)
class Point:
    """A knowledge point with its item codes."""

    rule: str
    name: str
    text: str
    batch: str
    published: str
    ended: str
    file: str
    place: str
    codes: tuple[str, ...]

    def head(self, number: int, code: str) -> dict[str, str]:
        """The columns that each of its rows has."""
        # An update replaces points already out; the others explain limits that held before.
        start = self.published if self.batch == "update" else ""
        return {
            "row": f"{self.rule}/{self.batch}.{self.place or 0}.{number}",
            "rule": self.rule,
            "item": code,
            "valid_from": start,
            "valid_to": self.ended,
            "source": " ".join(filter(None, (self.file, self.place, self.published))),
            "note": self.name,
        }


def knowledge_points(points: list[Point], reader: Reader) -> Iterator[Row]:
    """The rows of the points that no file of their own lists."""
    for point in points:
        if point.rule in SPECIAL:
            continue
        found = READINGS[point.rule](point, reader)
        if found is None:
            found = (
                "kept",
                {
                    "limit": "支付限定",
                    "text": point.text or point.name,
                    "reason": "text_unclear" if point.text else "limit_unknown",
                },
            )
        table, cells = found
        note = cells.pop("note", "")
        for number, code in enumerate(point.codes or ("",), 1):
            row = point.head(number, code) | cells
            row["note"] = "；".join(filter(None, (row["note"], note)))
            yield Row(table, row)


Reading = tuple[str, dict[str, str]] | None


def _insurance(point: Point, reader: Reader) -> Reading:
    return "insurance", dict(reader.plan["insurances"][point.text])


def _excluded(when: str) -> Callable[[Point, Reader], Reading]:
    return lambda _point, _reader: ("excluded", {"when": when})


def _second_line(point: Point, reader: Reader) -> Reading:
    if point.text:
        return "second_line", {"text": point.text}
    found = reader.suspected("阶梯限制", point.name, point.codes)
    note = INFERRED.format(found=found) if found else "知识点未写明支付限定"
    return "second_line", {"text": "限二线用药", "note": note}


def _age(point: Point, reader: Reader) -> Reading:
    limits, note = reader.age(point.text)
    if limits:
        return "age", limits | {"note": "；".join(filter(None, (note, point.text)))}
    found = reader.suspected("年龄限制", point.name, point.codes)
    limits, note = reader.age(found)
    if not limits:
        return None
    return "age", limits | {"note": "；".join((note, INFERRED.format(found=found)))}


def _indication(point: Point, reader: Reader) -> Reading:
    text, note = point.text, ""
    if not text:
        found = reader.suspected("疾病限制", point.name, point.codes)
        if not found:
            return None
        text, note = found, TEXT_INFERRED
    return "indication", {"text": text, "note": note} | indication(text, reader)


def indication(text: str, reader: Reader) -> dict[str, str]:
    """The prefixes of a text that was read by eye; else only a finding to verify."""
    read = reader.indications.get(text)
    if read is None:
        return {"level": "verify"}
    return {"allowed": read["allowed"], "level": "suspect"}


def _course(point: Point, reader: Reader) -> Reading:
    limits = reader.course(point.text)
    if limits:
        return "course", limits | {"note": point.text}
    found = reader.suspected("疗程限制", point.name, point.codes)
    days = found.removesuffix("天")
    return ("course", {"most_days": days, "note": INFERRED.format(found=found)}) if days else None


def _level(point: Point, reader: Reader) -> Reading:
    if found := reader.first("levels", point.text):
        # Where the level binds the first prescription alone, a later one may stand elsewhere.
        level = "verify" if reader.plan["first_prescription"] in point.text else ""
        return "level", {"least_level": found, "level": level, "note": point.text}
    found = reader.suspected("机构限制", point.name, point.codes)
    least = reader.plan["levels"].get(found)
    return (
        ("level", {"least_level": least, "note": INFERRED.format(found=found)}) if least else None
    )


def _visit(point: Point, reader: Reader) -> Reading:
    if found := reader.first("visits", point.text):
        return "visit", {"allowed": found, "note": point.text}
    found = reader.suspected("就医限制", point.name, point.codes)
    allowed = reader.plan["visits"].get(found)
    return (
        ("visit", {"allowed": allowed, "note": INFERRED.format(found=found)}) if allowed else None
    )


def _sex(point: Point, reader: Reader) -> Reading:
    if not point.codes:
        return "kept", {"limit": "说明", "text": point.name, "reason": "remark"}
    found = reader.suspected("性别限制", point.name, point.codes)
    if found:
        return "sex", {"sex": reader.plan["sexes"][found], "note": INFERRED.format(found=found)}
    sex = reader.plan["sex_names"].get(point.name)
    return ("sex", {"sex": sex, "note": "知识点未写明，据药品用途推定"}) if sex else None


def _child(_point: Point, reader: Reader) -> Reading:
    limits, note = reader.age("儿童")
    return "age", limits | {"note": note}


def _kept(limit: str, reason: str) -> Callable[[Point, Reader], Reading]:
    return lambda point, _reader: (
        "kept",
        {"limit": limit, "text": point.name, "reason": reason},
    )


READINGS: dict[str, Callable[[Point, Reader], Reading]] = {
    "GZ10000101001000": _insurance,
    "GZ10000101002000": _insurance,
    "GZ10000101003000": _excluded("always"),
    "GZ10000101004000": _excluded("alone"),
    "GZ10000101005000": _second_line,
    "GZ10000101007000": _age,
    "GZ10000101008000": _indication,
    "GZ10000101010000": _course,
    "GZ10000101012000": _level,
    "N2025-13": _visit,
    "N2025-29": _age,
    "N2025-47": _kept("互联网医院支付范围", "internet_visit"),
    "GZ10000301002000": _child,
    "GZ10000301004000": _sex,
    "GZ10000302003000": _age,
    "GZ10000302004000": _sex,
}


def special_rows(files: Files, points: list[Point], reader: Reader) -> Iterator[Row]:
    """The rows of the files that list points in columns, in the order of the files."""
    plan = reader.plan
    sources = {point.rule: point.file for point in points if point.rule in SPECIAL}
    for rule, name in SPECIAL.items():
        for number, row in enumerate(files[name], 1):
            code = next(
                (row[one] for one in ("code_a", "项目编码", "项目代码", "国标代码") if one in row),
                "",
            )
            head = {"row": f"{rule}/{number}", "rule": rule, "source": f"{sources[rule]} {number}"}
            if not code:
                text = "".join(row.values())
                yield Row("kept", head | {"limit": "说明", "text": text, "reason": "remark"})
            elif name == "duplicate_charge_pairs":
                yield Row(
                    "pairs",
                    head
                    | {
                        "item_a": code,
                        "item_b": row["code_b"],
                        "window": plan["windows"][row["window"]],
                        "keep": "a",
                        "note": f"{row['item_a']}×{row['item_b']}：{row['basis']}",
                    },
                )
            elif name == "surgery_discount":
                yield Row(
                    "surgery",
                    head
                    | {
                        "item": code,
                        "group": row["限定值域"],
                        "share": plan["surgery"]["share"],
                        "note": f"{row['项目名称']}；{plan['surgery']['note']}",
                    },
                )
            elif name == "frequency_limits":
                yield Row(
                    "quantity",
                    head
                    | {
                        "item": code,
                        "most": row["限制数量"],
                        "per": plan["per"][row["数量单位"]],
                        "note": row["项目名称"],
                    },
                )
            elif name == "cycle_limits":
                yield Row(
                    "cycle",
                    head
                    | {
                        "item": code,
                        "times": row["频次上限"],
                        "days": row["疗程周期"],
                        "note": f"{row['项目名称']}：{row['备注']}",
                    },
                )
            else:
                limits = reader.course(row["备注"])
                note = f"{row['项目名称']}：{row['备注']}"
                yield Row("course", head | {"item": code, "note": note} | limits)
    for number, row in enumerate(files["procedure_sex"], 1):
        rule = "GZ10000201005000"
        yield Row(
            "px_sex",
            {
                "row": f"{rule}/{number}",
                "rule": rule,
                "prefix": row["proc_code"],
                "sex": plan["sexes"][row["limit_sex"]],
                "source": f"procedure_sex.csv {number}",
                "note": row["proc_name"],
            },
        )
    for number, row in enumerate(files["procedure_allowed_diagnoses"], 1):
        rule = "GZ10000201006000"
        yield Row(
            "px_dx",
            {
                "row": f"{rule}/{number}",
                "rule": rule,
                "px": row["proc_code"],
                "dx": row["allowed_dx_code"],
                "source": f"procedure_allowed_diagnoses.csv {number}",
                "note": f"{row['proc_name']}：{row['allowed_dx_name']}",
            },
        )


def settled(rows: list[Row]) -> list[Row]:
    """The rows without two that speak of one item on the same day.

    An update ends what earlier points say of an item, whether it names them or not. What else
    speaks twice is kept with its reason.
    """
    seen: dict[tuple[str, ...], Row] = {}
    found: list[Row] = []
    for row in rows:
        form = FORMS[row.table]
        key = (
            row.table,
            row.cells["rule"],
            row.cells.get("level", ""),
            *(row.cells[one] for one in form.key),
        )
        earlier = seen.get(key) if form.key else None
        start = row.cells.get("valid_from", "")
        if earlier is not None and not _apart(earlier.cells, start):
            if start > earlier.cells["valid_from"]:
                earlier.cells["valid_to"] = start
            else:
                own = [one.name for one in form.columns]
                same = all(row.cells.get(one) == earlier.cells.get(one) for one in own)
                cells = {one: row.cells[one] for one in ("row", "rule", "item", "source", "note")}
                found.append(
                    Row(
                        "kept",
                        cells
                        | {
                            "limit": "支付限定",
                            "text": " ".join(row.cells.get(one, "") for one in own[1:]).strip()
                            or row.table,
                            "reason": "repeated" if same else "contradicts",
                        },
                    )
                )
                continue
        seen[key] = row
        found.append(row)
    return found


def _apart(earlier: dict[str, str], start: str) -> bool:
    end = earlier.get("valid_to", "")
    return bool(end) and end <= start
