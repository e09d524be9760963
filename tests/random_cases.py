"""Random cases that reach many rules: half of them are made from the sets of a random rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.rules.ast import Count, Field, Member
from grouper.schemes.drg.compiled import leaves

if TYPE_CHECKING:
    from grouper.schemes.drg.compiled import CompiledScheme

SCHEMA = pa.schema(
    [
        ("sex", pa.int8()),
        ("age", pa.int16()),
        ("age_days", pa.int32()),
        ("birth_weight_g", pa.int32()),
        ("admission_weight_g", pa.int32()),
        ("weight_g", pa.int32()),
        ("los", pa.int32()),
        ("discharge_way", pa.string()),
        ("department", pa.string()),
        ("icu_hours", pa.float64()),
        ("dx", pa.list_(pa.string())),
        ("px", pa.list_(pa.string())),
    ]
)


class RandomCases:
    """A reproducible source of cases for one scheme."""

    def __init__(self, scheme: CompiledScheme, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        tables = scheme.book.tables
        ids = tables["sets"].column("set_id").to_pylist()
        codes = tables["sets"].column("code").to_pylist()
        self.sets: dict[str, list[str]] = {}
        for set_id, code in zip(ids, codes, strict=True):
            self.sets.setdefault(set_id, []).append(code)
        self.dx = sorted({c for s, c in zip(ids, codes, strict=True) if s.startswith("DI")})
        self.px = sorted({c for s, c in zip(ids, codes, strict=True) if s.startswith("OP")})
        self.cc = tables["cc"].column("code").to_pylist()
        self.barred = tables["not_principal"].column("code").to_pylist()
        self.no_group = tables["not_grouping"].column("code").to_pylist()
        self.rules = [
            (mdc.rule, adrg.rule, drg.rule)
            for mdc in scheme.mdcs
            for adrg in mdc.adrgs
            for drg in adrg.drgs
        ]

    def _pick(self, codes: list[str]) -> str:
        return codes[int(self.rng.integers(len(codes)))]

    def _one_of(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def case(self) -> dict[str, Any]:
        """One case as a row of :data:`SCHEMA`."""
        rng = self.rng
        dx = [self._pick(self.dx), *(self._other_dx() for _ in range(rng.integers(0, 5)))]
        px = [self._other_px() for _ in range(rng.integers(0, 4))]
        if rng.random() < 0.6:
            self._aim(dx, px)
        if dx and rng.random() < 0.1:
            dx.append(self._pick(dx))
        if px and rng.random() < 0.1:
            px.append(self._pick(px))
        if rng.random() < 0.02:
            dx[0] = self._one_of("Z99.Z99", "", None, self._pick(self.barred or ["R99.x00"]))
        if rng.random() < 0.01:
            dx = []
        if px and rng.random() < 0.02:
            px[0] = self._one_of("99.9999", "", None)
        if rng.random() < 0.05:
            dx = [c.lower() if c else c for c in dx]
        newborn = rng.random() < 0.15
        age = 0 if newborn else int(self._one_of(1, 6, 7, 17, 18, 30, 69, 70, 71, 99))
        return {
            "sex": self._one_of(1, 2, 1, 2, 1, 2, 1, 2, 1, 2, None),
            "age": None if rng.random() < 0.03 else age,
            "age_days": self._one_of(0, 6, 7, 28, 29, 200, 364, None) if newborn else None,
            "birth_weight_g": self._weight(),
            "admission_weight_g": self._weight(),
            "weight_g": self._weight(),
            "los": self._one_of(0, 1, 2, 5, 8, 14, 30, 60, 90, None),
            "discharge_way": self._one_of("1", "2", "3", "4", "5", "9", None),
            "department": self._one_of("ICU", "A03", None),
            "icu_hours": self._one_of(0.0, 23.5, 24.0, 96.0, 100.5, 500.0, None),
            "dx": dx,
            "px": px,
        }

    def _weight(self) -> int | None:
        weight: int | None = self._one_of(999, 1000, 1499, 1500, 2499, 2500, 3200, 4000, None, None)
        return weight

    def _other_dx(self) -> str:
        return self._pick(self.cc if self.rng.random() < 0.5 else self.dx)

    def _other_px(self) -> str:
        if self.no_group and self.rng.random() < 0.1:
            return self._pick(self.no_group)
        return self._pick(self.px)

    def _aim(self, dx: list[str], px: list[str]) -> None:
        """Put codes where the rules of one group ask for them."""
        for rule in self.rules[int(self.rng.integers(len(self.rules)))]:
            for leaf in leaves(rule):
                if isinstance(leaf, Count):
                    px[1:1] = [self._pick(self.sets[leaf.set_id]) for _ in range(2)]
                if not isinstance(leaf, Member) or self.rng.random() < 0.15:
                    continue
                known = [s for s in leaf.sets if s in self.sets]
                if not known:
                    continue
                code = self._pick(self.sets[self._pick(known)])
                field = self._one_of(*leaf.fields)
                target = dx if field.is_diagnosis else px
                if field in (Field.ZYZD, Field.ZYSS):
                    target[:1] = [code]
                else:
                    target.insert(min(1, len(target)) if target else 0, code)

    def cases(self, count: int) -> list[dict[str, Any]]:
        """Many cases."""
        return [self.case() for _ in range(count)]


def batch_of(cases: list[dict[str, Any]]) -> pa.RecordBatch:
    """The cases as a record batch."""
    return pa.RecordBatch.from_pylist(cases, schema=SCHEMA)
