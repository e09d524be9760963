"""Long stays under test: single ones written short, and random ones that reach every rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.pdpm.scheme import PdpmScheme

US, LATER, JINHUA = "us-pdpm-fy2022", "us-pdpm-fy2024", "pdpm-jinhua-2021"
ADMITTED = date(2022, 1, 3)
GG = [f"GG0130{x}1" for x in "ABC"] + [f"GG0170{x}1" for x in "BCDEFIJK"]
PLAIN = {"C0500": "15", "D0300": "0", "K0100Z": "1", "K0510C2": "0"}
"""Items that must be stated, all of them without a finding."""

SCHEMA = pa.schema(
    [
        CASE_SCHEMA.field(name)
        for name in (
            "case_id",
            "kind",
            "code_system",
            "admission_time",
            "discharge_time",
            "los",
            "dx",
            "assessment_item",
            "assessment_value",
            "assessment_date",
            "assessment_type",
        )
    ]
)


def noon(day: date) -> datetime:
    """Noon of a day in China."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def row_of(
    assessments: list[tuple[int, str, dict[str, str]]],
    *,
    dx: tuple[str | None, ...] = ("I63.9",),
    days: int | None = 30,
    system: str = "icd10cm",
    **more: Any,
) -> dict[str, Any]:
    """A stay of ``days``; an assessment is its day (0: that of admission), its kind and its items."""
    places = [
        (item, value, ADMITTED + timedelta(days=day), kind)
        for day, kind, items in assessments
        for item, value in items.items()
    ]
    lists: list[list[Any]] = [[p[i] for p in places] for i in range(4)]
    row = {
        "case_id": "1",
        "kind": "long_stay",
        "code_system": system,
        "admission_time": noon(ADMITTED),
        "discharge_time": None if days is None else noon(ADMITTED + timedelta(days=days)),
        "los": None,
        "dx": list(dx),
        "assessment_item": lists[0],
        "assessment_value": lists[1],
        "assessment_date": lists[2],
        "assessment_type": lists[3],
    }
    return row | more


def case_of(row: dict[str, Any]) -> Case:
    """A row as a case."""
    return Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()})


def stay(items: dict[str, str], **more: Any) -> Case:
    """A stay with one assessment on the day of admission, its required items plain."""
    return case_of(row_of([(0, "admission", PLAIN | items)], **more))


def batch_of(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows as a batch of cases."""
    return pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def gg(code: str) -> dict[str, str]:
    """Every item of section GG with one code."""
    return dict.fromkeys(GG, code)


class RandomStays:
    """A reproducible source of stays for one scheme, some of them broken."""

    def __init__(self, scheme: PdpmScheme, seed: int, *, broken: float = 0.15) -> None:
        self.rng = np.random.default_rng(seed)
        self.broken = broken
        self.items = list(scheme.compiled.items.values())
        self.system = scheme.compiled.options.code_system
        rows = scheme.book.rows("diagnoses")
        self.by_category: dict[int | None, list[str]] = {}
        for row in rows:
            self.by_category.setdefault(row["category"], []).append(row["code"])
        self.eligible = [r["code"] for r in rows if r["surgery"] in (2, 3) and r["category"]]
        self.neurologic = [r["code"] for r in rows if r["neurologic"] and r["category"]]
        self.listed = [r["code"] for r in scheme.book.rows("list_codes")]
        self.gg = [i for i in self.items if 88 in i.allowed]
        self.rest = [i for i in self.items if 88 not in i.allowed]

    def one_of(self, *values: Any) -> Any:
        """One of some values."""
        return values[int(self.rng.integers(len(values)))]

    def pick(self, codes: list[str]) -> str:
        """One of many."""
        return codes[int(self.rng.integers(len(codes)))]

    def principal(self) -> str | None:
        """A principal diagnosis, now and then one that is refused."""
        if self.rng.random() < self.broken / 3:
            fallback = self.by_category.get(0, ["R99"])
            return self.one_of(None, "Z99.Z99", "I63.900x00", self.pick(fallback), "")
        pools = [self.eligible, self.neurologic, *(self.by_category[c] for c in (1, 2, 3, 4))]
        code = self.pick(pools[int(self.rng.integers(len(pools)))])
        return self.one_of(code, code, code.replace(".", ""), code.lower())

    def values(self) -> dict[str, str]:
        """The items of one assessment."""
        rng = self.rng
        level = self.one_of((1, 88, 9), (1, 2, 3), (3, 4, 5), (5, 6), (6,), (1, 2, 3, 4, 5, 6, 7))
        found = {i.name: f"{int(self.one_of(*level)):02d}" for i in self.gg if rng.random() < 0.97}
        busy = self.one_of(0.0, 0.02, 0.05, 0.3)
        family = self.one_of("-", "-", "O0500", "M", "E0", "I", "O01", "K0", "J", "H")
        for item in self.rest:
            wanted = item.absent in (None, 99) or item.name in _USUAL
            likely = 0.6 if item.name.startswith(family) else busy
            if wanted or rng.random() < likely:
                found[item.name] = str(self.pick(sorted(item.allowed)))  # type: ignore[arg-type]
        if rng.random() < self.broken:
            for name in list(found):
                if rng.random() < 0.1:
                    del found[name]
        if "C0500" in found and rng.random() < 0.15:
            found["C0500"] = self.one_of("99", "-", "^", "")
        return found

    def row(self) -> dict[str, Any]:
        """One stay as a row of :data:`SCHEMA`."""
        rng = self.rng
        days = int(self.one_of(0, 1, 3, 20, 21, 30, 58, 100, 150))
        count = int(rng.integers(1, 4))
        offsets = sorted(int(rng.integers(0, max(1, days))) for _ in range(count))
        offsets[0] = int(self.one_of(0, 0, 0, min(days, 4), min(days, 9)))
        kinds = ["admission", *(self.one_of("periodic", "discharge") for _ in offsets[1:])]
        pairs = list(dict.fromkeys(zip(offsets, kinds, strict=True)))
        if rng.random() < self.broken / 4:
            pairs.append(pairs[-1])
        if rng.random() < self.broken:
            pairs = pairs[1:] if rng.random() < 0.5 else [(o - 1, k) for o, k in pairs]
        assessments = [(o, k, self.values()) for o, k in pairs]
        others = [self.pick(self.listed) for _ in range(int(self.one_of(0, 0, 1, 2, 5)))]
        dx = [self.principal(), *others]
        if rng.random() < 0.1:
            dx.append(self.one_of("X99.999", dx[0], "A00.000x001", None))
        row = row_of(assessments, dx=tuple(dx), days=days, system=self.system)
        places = len(row["assessment_item"])
        if places and rng.random() < self.broken:
            at = int(rng.integers(places))
            column = self.one_of(
                "assessment_item", "assessment_value", "assessment_date", "assessment_type"
            )
            row[column][at] = None if column == "assessment_date" else self.one_of(*_ODD)
        if rng.random() < self.broken:
            row |= self.one_of(
                {"discharge_time": None},
                {"discharge_time": None, "los": 40},
                {"admission_time": None},
                {"kind": "inpatient"},
                {"code_system": None},
                {"discharge_time": noon(ADMITTED - timedelta(days=1))},
                {"assessment_date": row["assessment_date"][:-1]},
                {"dx": []},
            )
        if rng.random() < 0.2 and places:
            order = rng.permutation(places)
            for name in ("item", "value", "date", "type"):
                column = row[f"assessment_{name}"]
                row[f"assessment_{name}"] = [column[i] for i in order if i < len(column)]
        return row

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Many stays."""
        return [self.row() for _ in range(count)]


_USUAL = frozenset({"C0500", "D0300", "K0100Z", "K0510C2", "MMSE", "HAMD", "J2100", "M1040B"})
_ODD = (None, "", "x", "Q9999", "77", "-1", "１", "6", "discharge", "ADMISSION")
