"""Random outpatient visits that reach every rule, and how an answer of either engine is compared."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from grouper.case.fields import CASE_SCHEMA, ZONE
from grouper.case.record import Case

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grouper.schemes.apg.compiled import CompiledApg
    from grouper.schemes.apg.scheme import ApgScheme

DAY = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo(ZONE))
CLASSES = [f"{n:02d}" for n in range(1, 15)]
AMOUNTS = ["0", "0.01", "12.50", "80", "499.99", "500", "999.99", "1000", "2400"]


class RandomVisits:
    """A reproducible source of visits for one scheme."""

    def __init__(
        self,
        scheme: CompiledApg,
        seed: int,
        *,
        dx: Sequence[str] = (),
        px: Sequence[str] = (),
        items: Sequence[str] = (),
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.dx = list(dx or scheme.codes.diagnoses.codes)
        self.px = list(px or scheme.codes.procedures.codes)
        # Neighbours often share a group or a class; a few stand for many repeats.
        self.few = self.px[1700:1760] or self.px
        self.items = [
            f"00{head}{tail}"
            for head in (
                "1102",
                "1109",
                "1201",
                "1204",
                "2101",
                "2102",
                "2103",
                "2203",
                "2304",
                "2401",
                "2501",
                "2502",
                "3109",
                "3301",
                "3304",
                "3310",
                "4300",
            )
            for tail in ("00001", "000010000", "000020000")
        ]
        self.items = list(items) or self.items
        self.drugs = ["XL02BBA326A001010102180", "ZD03AAA0043010100166", "T000700200", "T001700643"]
        self.listed = [code for of in scheme._lists.values() for code in of] or ["X"]

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def line(self) -> tuple[Any, ...]:
        draw = self.rng.random()
        item = self.pick(*self.items) if draw < 0.6 else self.pick(None, *self.drugs)
        if draw > 0.9:
            item = self.pick(None, "", "LOCAL1", *self.listed[:40])
        amount = Decimal(self.pick(*AMOUNTS))
        quantity = Decimal(self.pick("1", "2", "3", "0.5", "400"))
        return (
            item,
            self.pick("血常规", "阿莫西林", None),
            self.pick(None, "99", *CLASSES, *CLASSES),
            None if self.chance(0.05) else quantity,
            None if self.chance(0.05) else amount,
            DAY if self.chance(0.9) else None,
        )

    def refund(self, line: tuple[Any, ...]) -> tuple[Any, ...]:
        item, name, line_class, quantity, amount, time = line
        how = self.rng.random()
        if how < 0.4:
            amount = -amount if amount is not None else None
            quantity = -quantity if quantity is not None else None
        elif how < 0.6:
            amount = -(amount / 2).quantize(Decimal("0.01")) if amount is not None else None
        elif how < 0.8:
            quantity = -quantity if quantity is not None else Decimal(-1)
            amount = None
        else:
            amount, quantity = Decimal(-7), None
        return item, name, line_class, quantity, amount, time

    def visit(self) -> dict[str, Any]:
        dx = [
            self.pick(*self.few) if self.chance(0.01) else self.dx[self.rng.integers(len(self.dx))]
        ]
        dx += [self.dx[self.rng.integers(len(self.dx))] for _ in range(self.rng.integers(0, 2))]
        if self.chance(0.15):
            dx = self.pick([], [None], [""], ["Z99.Z99"], [None, "I10.x00x002"], ["I10", "B99.ZZ"])
        px: list[Any] = []
        if self.chance(0.4):
            source = self.few if self.chance(0.6) else self.px
            px = [source[self.rng.integers(len(source))] for _ in range(self.rng.integers(1, 5))]
            if self.chance(0.1):
                px.append(self.pick("99.ZZ", None, ""))
            if self.chance(0.03):
                px[0] = self.pick(None, "99.9999x999", "")
        modifiers = [self.pick(None, "bilateral", "terminated", "distinct", "x") for _ in px]
        if self.chance(0.2):
            modifiers = modifiers[: self.rng.integers(0, len(modifiers) + 1)]
        lines = [self.line() for _ in range(self.rng.integers(0, 9))]
        if lines and self.chance(0.3):
            lines.append(self.pick(*lines))
        if lines and self.chance(0.25):
            for _ in range(self.rng.integers(1, 4)):
                lines.insert(self.rng.integers(len(lines) + 1), self.refund(self.pick(*lines)))
        columns = list(zip(*lines, strict=True)) or [()] * 6
        names = ("item", "name", "class", "quantity", "amount", "time")
        found = {f"line_{n}": list(c) for n, c in zip(names, columns, strict=True)}
        if self.chance(0.1):
            found[f"line_{self.pick(*names)}"] = []
        return {
            "kind": "outpatient" if self.chance(0.98) else self.pick("inpatient", "long_stay"),
            "discharge_time": DAY if self.chance(0.95) else None,
            "dx": dx,
            "px": px,
            "px_modifier": modifiers,
            **found,
        }

    def visits(self, count: int) -> list[Case]:
        return [
            Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in self.visit().items()})
            for _ in range(count)
        ]


def batch_of(cases: list[Case]) -> pa.RecordBatch:
    """The cases as a record batch of the whole schema."""
    return pa.RecordBatch.from_pylist([asdict(case) for case in cases], schema=CASE_SCHEMA)


def by_scalar(scheme: ApgScheme, case: Case) -> tuple[Any, ...]:
    """What must agree of the scalar engine's answer."""
    found = scheme.answer(case)
    parts = tuple(
        (
            p.kind.value,
            p.code,
            p.group.code if p.group else None,
            p.action.value if p.action else None,
            p.why.value if p.why else None,
            p.share,
            p.weight,
        )
        for p in found.parts
    )
    return (
        found.status.value,
        found.reason.value if found.reason else None,
        ";".join(n.reason.value for n in found.notices) or None,
        found.group.code if found.group else None,
        found.kind.value if found.kind else None,
        found.weight,
        parts,
    )


def by_batch(scheme: ApgScheme, batch: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """The same of the batch engine's answers."""
    rows = scheme.group_batch(batch).to_pylist()
    parts: list[list[tuple[Any, ...]]] = [[] for _ in rows]
    for part in scheme.group_parts(batch, 0).to_pylist():
        assert part["part"] == len(parts[part["row"]]) + 1
        keys = ("kind", "code", "group", "action", "reason", "share", "weight")
        parts[part["row"]].append(tuple(part[key] for key in keys))
    keys = ("status", "reason", "warnings", "group", "group_kind", "weight")
    return [(*(row[k] for k in keys), tuple(of)) for row, of in zip(rows, parts, strict=True)]
