"""An example region with factors in every directory, random cases, and what both forms say."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from codebooks import paths
from codebooks.book import BookCard
from codebooks.factors import SCALE
from codebooks.registry import registry
from grouper.case.fields import CASE_SCHEMA
from grouper.case.record import Case
from grouper.schemes.dip.auxiliary import Auxiliary, factors_of
from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch
from grouper.schemes.dip.auxiliary_tables import GAPS, AuxiliaryTables

HERE = timezone(timedelta(hours=8))
TRIGGERS = paths.shipped() / "factors" / "triggers.csv"
GROUPS = ("G1", "G2", "G3")
HEADER = "region,scheme,directory,subtype,group,factor,cases,valid_from,valid_to,source\n"
# Example figures, of no region.
EXAMPLE = HEADER + (
    "pingdingshan,,age,newborn,,1.9,40,2025-01-01,,example\n"
    "pingdingshan,,age,infant,,1.4,40,2025-01-01,,example\n"
    "pingdingshan,,age,preschool,,1.1,40,2025-01-01,,example\n"
    "pingdingshan,,age,child,,1.05,40,2025-01-01,,example\n"
    "pingdingshan,,age,elderly,,1.12,40,2025-01-01,2026-01-01,example\n"
    "pingdingshan,,age,elderly,,1.2,40,2026-01-01,,example of the next year\n"
    "pingdingshan,,severity,mild,,0.85,900,2025-01-01,,example\n"
    "pingdingshan,,severity,moderate,,1.15,200,2025-01-01,,example\n"
    "pingdingshan,,severity,severe,,1.6,80,2025-01-01,,example\n"
    "pingdingshan,,severity,severe,G1,2.25,15,2025-01-01,,example\n"
    "pingdingshan,,severity,death,,1.3,50,2025-01-01,,example\n"
    "pingdingshan,,charlson,cci_1_2,,1.06,300,2025-01-01,,example\n"
    "pingdingshan,,charlson,cci_3_4,,1.18,120,2025-01-01,,example\n"
    "pingdingshan,,charlson,cci_5,,1.33,60,2025-01-01,,example\n"
    "pingdingshan,,tumour,metastasis,,1.45,60,2025-01-01,,example\n"
    "pingdingshan,,tumour,radiotherapy,,1.7,60,2025-01-01,,example\n"
    "pingdingshan,,tumour,chemotherapy,,1.25,60,2025-01-01,,example\n"
    "pingdingshan,,tumour,tumour_death,,1.3,60,2025-01-01,,example\n"
    "pingdingshan,,icu,icu_2_7,,1.5,60,2025-01-01,,example\n"
    "pingdingshan,,icu,icu_8_14,,2.2,60,2025-01-01,,example\n"
    "pingdingshan,,icu,icu_15_30,,3.4,60,2025-01-01,,example\n"
    "pingdingshan,,icu,icu_31,G2,5.123456,15,2025-01-01,,example\n"
)


def card(region: str = "pingdingshan", scheme: str = "dip-example") -> BookCard:
    """A card that no book stands behind."""
    sets = ("icd10-nhsa-2.0", "icd9cm3-nhsa-2.0")
    return BookCard(scheme, "dip", region, date(2025, 1, 1), None, *sets, "", "example", "example")


def install(text: str, name: str = "dip_factors.csv") -> Path:
    """Write a table into the hospital's own folder."""
    path = paths.installed() / "tables" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def moment(day: date | None) -> datetime | None:
    """Shortly after midnight of a day, which is still the day before in UTC."""
    return datetime(day.year, day.month, day.day, 0, 30, tzinfo=HERE) if day else None


DAY = moment(date(2025, 6, 1))


class RandomStays:
    """A reproducible source of cases that meet many subtypes."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        book = registry().book("chs-drg-2.0")
        self.cc = book.tables["cc"].column("code").to_pylist()
        pairs = book.tables["exclusions"]
        self.principals = pairs.column("principal_code").to_pylist()
        self.codes = ["I21.900", "E11.900", "E11.200", "K70.300", "K72.100", "N18.900", "J44.900"]
        self.tumours = ["C34.900", "C50.9", "C78.700", "C79.500", "C97.x00", "D38.0"]
        self.odd = ["", "  ", "XYZ", "z51.1", "Z51000", "Ｚ51.103", None]
        self.px = ["92.2400", "99.2503", "92.31", "45.2302", "", None, "99.2"]

    def pick(self, values: list[Any]) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def dx(self) -> list[str | None]:
        pools = (self.cc, self.principals, self.codes, self.tumours, self.odd)
        chosen = self.rng.choice(5, size=self.rng.integers(0, 7), p=(0.35, 0.2, 0.15, 0.2, 0.1))
        found = [self.pick(pools[at]) for at in chosen]
        if found and self.rng.random() < 0.2:
            found.append(found[0])
        if self.rng.random() < 0.1:
            found = [code.lower() if code else code for code in found]
        return found

    def case(self) -> dict[str, Any]:
        young = self.rng.random() < 0.3
        day = self.pick([date(2025, 6, 1), date(2025, 12, 31), date(2026, 1, 1), date(2027, 1, 1)])
        if self.rng.random() < 0.1:
            day = self.pick([None, date(2019, 12, 31), date(2024, 12, 31)])
        return {
            "discharge_time": moment(day),
            "age": None
            if self.rng.random() < 0.1
            else 0
            if young
            else self.pick([1, 6, 7, 17, 18, 64, 65, 90]),
            "age_days": self.pick([0, 28, 29, 364, None]) if young else None,
            "los": self.pick([0, 1, 2, 3, 10, None]),
            "icu_hours": self.pick(
                [0.0, 23.9, 47.99, 48.0, 191.9, 192.0, 360.0, 744.0, None, None]
            ),
            "discharge_way": self.pick(["1", "4", "5", "9", None]),
            "dx": self.dx(),
            "px": [self.pick(self.px) for _ in range(self.rng.integers(0, 3))],
        }

    def cases(self, count: int) -> list[dict[str, Any]]:
        return [self.case() for _ in range(count)]


def case_of(values: dict[str, Any]) -> Case:
    """A case from plain values."""
    lists = {n: tuple(values.get(n, ())) for n in ("dx", "px")}
    return Case(**{**values, **lists})


def batch_of(cases: list[dict[str, Any]], *, encoded: bool = False) -> pa.RecordBatch:
    """Cases as a batch; ``encoded`` gives lists of dictionary codes."""
    names = (
        "discharge_time",
        "age",
        "age_days",
        "los",
        "icu_hours",
        "discharge_way",
        "dx",
        "px",
        "total_cost",
    )
    schema = pa.schema([CASE_SCHEMA.field(name) for name in names])
    batch = pa.RecordBatch.from_pylist(cases, schema=schema)
    if encoded:
        word = pa.list_(pa.dictionary(pa.int32(), pa.string()))
        for name in ("dx", "px"):
            at = batch.schema.get_field_index(name)
            column = batch.column(at)
            flat = column.values.dictionary_encode()
            lists = pa.ListArray.from_arrays(column.offsets, flat).cast(word)
            batch = batch.set_column(at, name, lists)
    return batch


def example(text: str = EXAMPLE, region: str = "pingdingshan") -> AuxiliaryTables:
    """The tables of a region where this is installed."""
    install(text)
    return AuxiliaryTables(card(region))


def ask(tables: AuxiliaryTables, group: str = "G3", **values: Any) -> Auxiliary:
    """What the scalar form says of a case; nothing is missing unless a test says so."""
    facts = {"age": 40, "los": 5, "icu_hours": 0.0, "discharge_way": "1", "discharge_time": DAY}
    return factors_of(tables, case_of({**facts, **values}), group)


def by_scalar(tables: AuxiliaryTables, case: dict[str, Any], group: int) -> tuple[Any, ...]:
    """Factor, subtype that wins and gaps of a case, as the scalar form tells them."""
    if group < 0:
        return SCALE, None, ()
    found = factors_of(tables, case_of(case), GROUPS[group])
    winner = found.winner
    return int(found.factor * SCALE), winner.subtype if winner else None, found.gaps


def by_batch(
    engine: AuxiliaryBatch, batch: pa.RecordBatch, group: np.ndarray[Any, Any]
) -> list[tuple[Any, ...]]:
    """The same of each case of a batch, as the vectorised form tells them."""
    found = engine(batch, group)
    return [
        (
            int(found.factor[i]),
            found.subtypes[found.winner[i]] if found.winner[i] >= 0 else None,
            tuple(gap for k, gap in enumerate(GAPS) if found.gaps[i] >> k & 1),
        )
        for i in range(batch.num_rows)
    ]
