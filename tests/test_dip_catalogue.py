"""Every row of the shipped catalogues is reached by a case made from it, and keeps its score."""

from __future__ import annotations

import csv
import gzip
import io
from decimal import Decimal
from itertools import islice, product
from typing import TYPE_CHECKING

import pytest

from grouper.case.record import Case
from grouper.schemes.dip.index import Diagnoses
from grouper.schemes.dip.policy import Treatment
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grouper.schemes.dip.rows import Row
    from grouper.schemes.dip.scheme import DipScheme

CITY_MEAN = Decimal("5718.153489")

TAKEN = {"2339": "361", "3992": "1143"}
"""Basic rows of DIP 3.0 that no case reaches, and the merged row that takes their cases: it has the
same diagnosis and lists the same main procedure without a related one, and merged rows go first
(docs/FINDINGS.md)."""


@pytest.fixture(scope="module")
def city() -> DipScheme:
    return load_scheme("dip-pingdingshan-2025")  # type: ignore[return-value]


@pytest.fixture(scope="module")
def national() -> DipScheme:
    return load_scheme("dip-3.0")  # type: ignore[return-value]


def test_every_core_row_of_the_city_regroups_to_itself(city: DipScheme, facts: Path) -> None:
    # The cases are made from the facts, not from the book: 3,877 of 3,877.
    packed = (facts / "dip" / "pingdingshan_2025_dip2.csv.gz").read_bytes()
    lines = list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode("utf-8-sig"))))
    codes = city.compiled.codes.diagnoses.codes
    by_key: dict[str, str] = {}
    for code in codes:
        by_key.setdefault(code[:5].upper(), code)
    core = [line for line in lines if line["kind"] == "core"]
    assert len(core) == 3877
    wrong = []
    for line in core:
        related = [code for code in line["related_procedures"].split(",") if code]
        px = tuple([line["procedure"], *related] if line["procedure"] else [])
        found = city.answer(Case(dx=(by_key[line["diagnosis"].upper()],), px=px))
        if found.row is None or found.row.group != line["dip_code"]:
            wrong.append(line["dip_code"])
    assert not wrong


def test_every_comprehensive_row_of_the_city_is_reached_by_a_probe(city: DipScheme) -> None:
    # A probe: a diagnosis of the category and procedures of the kind, the fewest core rows away.
    ready = city.compiled
    diagnoses = Diagnoses(ready)
    listed = {number for row in ready.rows for number in row.lists}
    of_kind: dict[Treatment, list[str]] = {}
    for number, kind in sorted(ready.treatments.items()):
        if number not in listed:
            of_kind.setdefault(kind, []).append(ready.folded[number])
    rows = [row for row in ready.rows if row.treatment is not None]
    assert len(rows) == 567
    for row in rows:
        numbers = diagnoses.members(row.principal).tolist()
        px = () if row.conservative else (of_kind[row.treatment or Treatment.SURGERY][0],)
        reached = (
            city.answer(Case(dx=(ready.folded[number],), px=px)).row is row for number in numbers
        )
        assert any(reached), row.group


def test_every_score_of_the_city_follows_from_its_mean_cost(city: DipScheme) -> None:
    # All three figures are published with six places: the bound is what their rounding allows.
    half = Decimal("0.0000005")
    for row in city.compiled.rows:
        assert row.mean_cost is not None
        assert row.score is not None
        score = row.mean_cost / CITY_MEAN * 1000
        bound = half * (1 + 1000 / CITY_MEAN + score / CITY_MEAN)
        assert abs(score - row.score) <= bound, row.group


def cases_of(scheme: DipScheme, row: Row, diagnoses: Diagnoses) -> Iterator[Case]:
    """Cases made from a row: its diagnoses, and its procedures in all ways."""
    ready = scheme.compiled
    numbers = diagnoses.members(row.principal).tolist()
    able = [n for n in numbers if n not in ready.excluded_diagnoses]
    if row.principal[0].is_any:
        able = able[:1]
    others = [ready.folded[int(diagnoses.members(keys)[0])] for keys in row.others]
    if row.resistance and row.resistance.wanted:
        others.append(ready.folded[int(diagnoses.members(row.resistance.others)[0])])
    newborn = bool(row.age_days)
    parts = [sorted(part) for part in (row.main, *row.related) if part]
    for number in able:
        for px in islice(product(*parts), 300):
            yield Case(
                dx=(ready.folded[number], *others),
                px=tuple(ready.folded[code] for code in px),
                age=0 if newborn else 40,
                age_days=row.age_days.most,
                birth_weight_g=row.weight_g.least,
            )


def test_every_national_group_is_reached_or_its_taker_is_named(national: DipScheme) -> None:
    ready = national.compiled
    assert len(ready.rows) == 5125
    diagnoses = Diagnoses(ready)
    taken: dict[str, set[str | None]] = {}
    for row in ready.rows:
        takers: set[str | None] = set()
        for case in cases_of(national, row, diagnoses):
            found = national.answer(case)
            if found.row is row:
                break
            takers.add(found.row.group if found.row else None)
        else:
            taken[row.group] = takers
    assert taken == {group: {taker} for group, taker in TAKEN.items()}


def test_the_taker_of_an_unreached_row_goes_before_it_by_its_section(national: DipScheme) -> None:
    rows = {row.group: row for row in national.compiled.rows}
    for group, taker in TAKEN.items():
        lost, won = rows[group], rows[taker]
        assert (lost.section, won.section) == ("JC", "BX")
        assert lost.principal == won.principal
        assert lost.main <= won.main
        assert not won.related


def test_no_key_of_the_catalogues_is_without_a_diagnosis(
    city: DipScheme, national: DipScheme
) -> None:
    for scheme in (city, national):
        diagnoses = Diagnoses(scheme.compiled)
        for row in scheme.compiled.rows:
            able = set(diagnoses.members(row.principal).tolist())
            assert able - scheme.compiled.excluded_diagnoses, row.group


def test_main_procedures_of_national_rows_may_be_main(national: DipScheme) -> None:
    # No row names a procedure that counts as conservative; what may not be main is only related.
    kinds = {n: e.treatment for n, e in national.compiled.exclusions.items()}
    mains = {kinds.get(n) for row in national.compiled.rows for n in row.main}
    related = {kinds.get(n) for row in national.compiled.rows for p in row.related for n in p}
    assert mains == {None, "restricted"}
    assert related == {None, "restricted", "not_main"}
