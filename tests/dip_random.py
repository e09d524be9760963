"""Random cases for DIP schemes: most are made from a random row of the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from grouper.schemes.dip.index import Diagnoses

if TYPE_CHECKING:
    from codebooks.dip.keys import Key
    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.rows import Row

SCHEMA = pa.schema(
    [
        ("sex", pa.int8()),
        ("age", pa.int16()),
        ("age_days", pa.int32()),
        ("birth_weight_g", pa.int32()),
        ("weight_g", pa.int32()),
        ("los", pa.int32()),
        ("icu_hours", pa.float64()),
        ("discharge_way", pa.string()),
        ("discharge_time", pa.timestamp("s", tz="Asia/Shanghai")),
        ("total_cost", pa.decimal128(14, 2)),
        ("dx", pa.list_(pa.string())),
        ("px", pa.list_(pa.string())),
    ]
)
Case = dict[str, Any]


class RandomCases:
    """A reproducible source of cases for one scheme."""

    def __init__(self, scheme: CompiledScheme, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.scheme = scheme
        self.rows = scheme.rows
        self.diagnoses = Diagnoses(scheme)
        self.dx = scheme.codes.diagnoses.codes
        self.px = scheme.codes.procedures.codes
        self.official = {
            number: kind.folded.get(code, code)
            for number, code in scheme.folded.items()
            for kind in (scheme.codes.diagnoses, scheme.codes.procedures)
            if code in kind.folded
        }
        self.listed = sorted({n for row in self.rows for n in row.lists})
        self.excluded_px = sorted(scheme.exclusions)
        self.excluded_dx = sorted(scheme.excluded_diagnoses)
        self.resistant = sorted(scheme.listed_resistant)
        self._members: dict[tuple[Key, ...], list[int]] = {}
        self._near: dict[str, list[Row]] = {}
        for row in self.rows:
            self._near.setdefault(row.principal[0].first[:3], []).append(row)

    def pick(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def members(self, keys: tuple[Key, ...]) -> list[int]:
        """Numbers of the diagnoses that keys take, those that may be principal if there are any."""
        found = self._members.get(keys)
        if found is None:
            every = self.diagnoses.members(keys).tolist()
            found = [n for n in every if n not in self.scheme.excluded_diagnoses] or every
            self._members[keys] = found
        return found

    def code(self, number: int) -> str:
        return self.official.get(number, self.scheme.folded.get(number, "?"))

    def case(self) -> Case:
        """One case as a row of :data:`SCHEMA`."""
        rng = self.rng
        dx: list[str | None] = [self.pick(self.dx)]
        px: list[str | None] = []
        days, weight = None, None
        if rng.random() < 0.9:
            row = self.pick(self.rows)
            dx, px, days, weight = self._aimed(row)
        dx += [self.pick(self.dx) for _ in range(rng.integers(0, 4))]
        px += [self._other_px() for _ in range(self.pick((0, 0, 0, 1, 1, 2, 4)))]
        if len(px) > 1 and rng.random() < 0.3:
            px = [px[i] for i in rng.permutation(len(px))]
        self._spoil(dx, px)
        newborn = days is not None or rng.random() < 0.05
        if newborn and days is None:
            days = self.pick((0, 28, 29, 200))
        return {
            "sex": int(rng.integers(1, 3)),
            "age": self.pick((None, 0, 0, 1)) if newborn else self.pick((None, 3, 17, 44, 66, 90)),
            "age_days": None if rng.random() < 0.2 else days,
            "birth_weight_g": None if rng.random() < 0.3 else weight,
            "weight_g": weight if rng.random() < 0.5 else None,
            "los": self.pick((0, 1, 3, 8, 40, None)),
            "icu_hours": self.pick((None, None, 0.0, 50.0, 400.0)),
            "discharge_way": self.pick(("1", "2", "5", None)),
            "discharge_time": None,
            "total_cost": self.pick((None, Decimal("321.09"), Decimal("5718.15"), Decimal(48_000))),
            "dx": dx,
            "px": px,
        }

    def _aimed(self, row: Row) -> tuple[list[str | None], list[str | None], Any, Any]:
        """Codes as a row asks for them, now and then with one left out or another row's added."""
        dx, px = self._aimed_diagnoses(row), self._aimed_procedures(row)
        days = int(self.pick((0, 5, 28, 29))) if row.age_days else None
        weight = None
        if row.weight_g:
            weight = self.pick((row.weight_g.least, row.weight_g.most, 999, 1000, 2499, 2500))
        return dx, px, days, weight

    def _aimed_diagnoses(self, row: Row) -> list[str | None]:
        rng = self.rng
        if row.principal[0].is_any:
            dx: list[str | None] = [self.pick(self.dx)]
        else:
            dx = [self.code(self.pick(self.members(row.principal)))]
        if row.diagnosis_any and rng.random() < 0.5:
            dx.insert(0, self.pick(self.dx))
        dx.extend(
            self.code(self.pick(self.diagnoses.members(others).tolist()))
            for others in row.others
            if rng.random() < 0.9
        )
        if row.resistance is not None:
            if rng.random() < 0.3:
                dx.append(self.code(self.pick(self.members(row.resistance.others))))
            if self.resistant and rng.random() < 0.3:
                dx[0] = self.code(self.pick(self.resistant))
        return dx

    def _aimed_procedures(self, row: Row) -> list[str | None]:
        rng = self.rng
        px: list[str | None] = [self.code(self.pick(sorted(row.main)))] if row.main else []
        px.extend(self.code(self.pick(sorted(p))) for p in row.related if rng.random() < 0.85)
        other = self.pick(self._near[row.principal[0].first[:3]])
        if other.lists and rng.random() < 0.5:
            px.append(self.code(self.pick(sorted(other.lists))))
        if row.treatment is not None and not px:
            px.append(self._other_px())
        return px

    def _other_px(self) -> str:
        draw = self.rng.random()
        if self.excluded_px and draw < 0.25:
            return self.code(self.pick(self.excluded_px))
        return self.code(self.pick(self.listed)) if draw < 0.7 else self.pick(self.px)

    def _spoil(self, dx: list[str | None], px: list[str | None]) -> None:
        """Repeats, other spellings, unknown, foreign, missing and excluded codes."""
        rng = self.rng
        if rng.random() < 0.1:
            dx.append(self.pick(dx))
        if px and rng.random() < 0.15:
            px.insert(int(rng.integers(len(px) + 1)), self.pick(px))
        if rng.random() < 0.03:
            dx[0] = self.pick(("Z99.Z99", "", None, "A01"))
        if self.excluded_dx and rng.random() < 0.03:
            dx[0] = self.code(self.pick(self.excluded_dx))
        if px and rng.random() < 0.03:
            px[0] = self.pick(("99.9999", "", None))
        if rng.random() < 0.03:
            dx.append(self.pick(("Z99.Z99", None, "")))
        if rng.random() < 0.03:
            px.append(self.pick(("99.9999", None, "")))
        if rng.random() < 0.01:
            dx.clear()
        if rng.random() < 0.05:
            dx[:] = [c.lower() if c else c for c in dx]
            px[:] = [c.upper() if c else c for c in px]

    def cases(self, count: int) -> list[Case]:
        """Many cases."""
        return [self.case() for _ in range(count)]


def batch_of(cases: list[Case]) -> pa.RecordBatch:
    """The cases as a record batch."""
    return pa.RecordBatch.from_pylist(cases, schema=SCHEMA)
