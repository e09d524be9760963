"""The planted violations of a demonstration month are found, and nothing else but what is explained."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from demo_hospital_support import PART, march

from codebooks.audit.books import audit_book
from grouper.audit.engine import Audited, Context, audit
from grouper.case.fields import CASE_SCHEMA

JUDGED = {
    *("duplicate_charge", "duplicate_test", "over_frequency", "over_cycle", "duplicate_line"),
    *("drug_indication", "drug_course", "drug_sex", "drug_child", "drug_injury"),
    *("herb_excluded", "service_sex", "surgery_discount", "after_discharge"),
    *("refund_without_charge", "hanging_bed", "low_standard", "visit_in_stay"),
}
"""Planted kinds that the charge audit judges; those of the front page are for the coding checks, and
the other stay of a split admission may lie in another month."""
EXPLAINED = {
    # Stays for tests alone have days with nothing but a bed, too.
    ("low_standard", "LOC-HANG"),
    # The drug that is given too long has an indication in words, for a person to read.
    ("drug_course", "GZ10000101008000"),
    # What the visit is charged for, the stay is charged for, too.
    ("visit_in_stay", "LOC-SHIFT"),
    # Its other half lies in the same month.
    ("split_admission", "GZ10000204001000"),
}


def whole(table: pa.Table) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in CASE_SCHEMA.names} for row in table.to_pylist()],
        schema=CASE_SCHEMA,
    )


@cache
def month() -> tuple[pa.Table, pa.Table]:
    made = march(PART)
    return pa.concat_tables([whole(made.inpatient), whole(made.outpatient)]), made.charges


@cache
def found() -> Audited:
    cases, charges = month()
    return audit(cases, charges, audit_book(), context=Context(levels={"H00000000001": "III"}))


@cache
def planted() -> list[dict[str, Any]]:
    return [asdict(row) for row in march(PART).planted]


def test_every_planted_violation_is_found() -> None:
    rows = defaultdict(list)
    for row in found().findings.to_pylist():
        rows[row["case_id"], row["rule"]].append(row)
    missed = [
        (one["kind"], one["case_id"])
        for one in planted()
        if one["kind"] in JUDGED and not rows[one["case_id"], one["rule"]]
    ]
    assert missed == []
    assert {one["kind"] for one in planted()} >= JUDGED


def test_nothing_else_is_found() -> None:
    kinds = defaultdict(set)
    pairs = set()
    for one in planted():
        kinds[one["case_id"]].add(one["kind"])
        pairs.add((one["case_id"], one["rule"]))
    other = [
        (row["rule"], row["row"], kinds[row["case_id"]])
        for row in found().findings.to_pylist()
        if (row["case_id"], row["rule"]) not in pairs
        and not any((kind, row["rule"]) in EXPLAINED for kind in kinds[row["case_id"]])
    ]
    assert other == []


def test_a_clean_month_has_no_finding() -> None:
    cases, charges = month()
    bad = pa.array([one["case_id"] for one in planted()], pa.string())
    clean = ~np.isin(cases["case_id"].to_numpy(), bad.to_numpy(zero_copy_only=False))
    kept = cases.filter(pa.array(clean))
    own = pa.array(np.isin(charges["case_id"].to_pylist(), kept["case_id"].to_pylist()))
    context = Context(levels={"H00000000001": "III"})
    assert audit(kept, charges.filter(own), audit_book(), context=context).findings.num_rows == 0
