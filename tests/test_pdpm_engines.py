"""The engines agree with each other, and with a plain reading of the US model."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pdpm_naive import Dx, groups, hipps, stay_points
from pdpm_support import JINHUA, LATER, US, RandomStays, batch_of, case_of

from grouper.case.issues import ISSUE_SCHEMA
from grouper.schemes.load import load_scheme
from grouper.schemes.pdpm.scheme import PdpmScheme
from grouper.schemes.protocol import RESULT_SCHEMA, parts_table


def scheme_of(name: str) -> PdpmScheme:
    found = load_scheme(name)
    assert isinstance(found, PdpmScheme)
    return found


def scalar_results(scheme: PdpmScheme, rows: list[dict[str, Any]]) -> tuple[list[Any], pa.Table]:
    results, parts = [], []
    for number, row in enumerate(rows, 1):
        found = scheme.group(case_of(row))
        warnings = ";".join(w.reason for w in found.warnings) or None
        results.append(
            {
                "scheme": found.scheme,
                "status": found.status,
                "reason": found.reason,
                "warnings": warnings,
                "mdc": None,
                "adrg": None,
                "group": found.group,
                "group_name": found.group_name,
                "cc_level": None,
                "group_kind": found.group_kind,
                "weight": found.weight,
            }
        )
        parts.append((number, found.parts))
    return results, parts_table(parts)


def hold_equal(scheme: PdpmScheme, rows: list[dict[str, Any]], sizes: list[int]) -> Counter[str]:
    wanted, parts = scalar_results(scheme, rows)
    batch = batch_of(rows)
    for size in sizes:
        pieces = [batch.slice(at, size) for at in range(0, len(rows), size)]
        found = [r for piece in pieces for r in scheme.group_batch(piece).to_pylist()]
        for row, one, other in zip(rows, wanted, found, strict=True):
            assert one == other, row
    assert scheme.group_parts(batch).to_pylist() == parts.to_pylist()
    return Counter(r["reason"] or "grouped" for r in wanted)


@pytest.mark.parametrize(("name", "seed"), [(US, 1), (JINHUA, 2), (LATER, 3)])
def test_both_engines_agree_at_any_batch_size(name: str, seed: int) -> None:
    scheme = scheme_of(name)
    rows = RandomStays(scheme, seed).rows(1100)
    sizes = [7, 1024, 131_072] if name == LATER else [7, 131_072]
    found = hold_equal(scheme, rows, sizes)
    assert found["grouped"] > 350
    assert len(found) > 10, found


def test_both_engines_agree_one_by_one() -> None:
    scheme = scheme_of(US)
    hold_equal(scheme, RandomStays(scheme, 4).rows(60), [1])


@pytest.mark.slow
@pytest.mark.parametrize("name", [US, JINHUA])
def test_both_engines_agree_on_many(name: str) -> None:
    scheme = scheme_of(name)
    stays = RandomStays(scheme, 5)
    for _ in range(10):
        hold_equal(scheme, stays.rows(5000), [1024, 131_072])


def naive_of(scheme: PdpmScheme, row: dict[str, Any], dx: Dx) -> tuple[str, Decimal] | None:
    """The code and the points of a stay in order, by the plain reading; None: an item is missing."""
    together: dict[tuple[date, str], dict[str, int]] = {}
    places = zip(
        row["assessment_item"],
        row["assessment_value"],
        row["assessment_date"],
        row["assessment_type"],
        strict=True,
    )
    for item, value, day, kind in places:
        values = together.setdefault((day, kind), {})
        if value not in ("", "-", "^", None) and int(value) not in scheme.compiled.items[item].void:
            values[item] = int(value)
    order = {"admission": 0, "periodic": 1}
    deciding = sorted((k for k in together if k[1] in order), key=lambda k: (k[0], order[k[1]]))
    found = [groups(together[key], dx) for key in deciding]
    if None in found:
        return None
    told = [f for f in found if f is not None]
    start = row["admission_time"].date().toordinal()
    end = max(row["discharge_time"].date().toordinal(), start + 1)
    periods = [(day, f) for (day, _), f in zip(deciding, told, strict=True)]
    shown = [i for i, (day, _) in enumerate(periods) if i == 0 or day.toordinal() < end][-1]
    factors = {c.name: list(c.factors.values()) for c in scheme.compiled.components}
    points = stay_points(periods, start, end, factors)
    return hipps(told[shown], deciding[shown][1]), points


def hold_to_the_plain_reading(count: int, seed: int) -> Counter[str]:
    scheme = scheme_of(US)
    stays = RandomStays(scheme, seed, broken=0.0)
    said = {r["code"]: r for r in scheme.book.rows("diagnoses")}
    lists: dict[str, set[str]] = {}
    for row in scheme.book.rows("list_codes"):
        lists.setdefault(row["code"], set()).add(row["list"])
    tally: Counter[str] = Counter()
    for _ in range(count // 2000):
        rows = []
        for row in stays.rows(2000):
            # The plain reading knows no odd spellings and no assessments out of order.
            code = row["dx"][0].upper()
            row["dx"][0] = code if "." in code else f"{code[:3]}.{code[3:]}".rstrip(".")
            if row["dx"][0] in said and orderly(row):
                rows.append(row)
        found = scheme.group_batch(batch_of(rows)).to_pylist()
        for row, result in zip(rows, found, strict=True):
            principal = said[row["dx"][0]]
            others = {c for c in row["dx"][1:] if c != row["dx"][0]}
            held = {n for c in others for n in lists.get(c or "", ())}
            held |= {n for n in lists.get(row["dx"][0], ()) if n == "hiv"}
            dx = Dx(
                principal["category"],
                bool(principal["neurologic"]),
                principal["surgery"],
                frozenset(held),
            )
            wanted = naive_of(scheme, row, dx)
            if wanted is None:
                assert result["reason"] == "ASSESSMENT_ITEM_MISSING", row
            else:
                assert (result["group"], result["weight"]) == wanted, row
            tally[result["group"][2] if result["group"] else "missing"] += 1
    return tally


def orderly(row: dict[str, Any]) -> bool:
    """Whether a random stay begins with its admission assessment and ends with that of discharge."""
    pairs = set(zip(row["assessment_date"], row["assessment_type"], strict=True))
    days = sorted(day for day, _ in pairs)
    first = [day for day, kind in pairs if kind == "admission"]
    last = [day for day, kind in pairs if kind == "discharge"]
    return first == days[:1] and (not last or last == days[-1:])


def test_the_books_say_what_the_plain_reading_says() -> None:
    tally = hold_to_the_plain_reading(4000, 6)
    assert sum(tally.values()) > 3000
    assert len(tally) == 26, tally


@pytest.mark.slow
def test_the_books_say_what_the_plain_reading_says_of_many() -> None:
    assert sum(hold_to_the_plain_reading(130_000, 7).values()) >= 100_000


def test_batches_may_be_dictionary_encoded_sliced_or_lack_columns() -> None:
    scheme = scheme_of(US)
    rows = RandomStays(scheme, 8).rows(300)
    batch = batch_of(rows)
    wanted = scheme.group_batch(batch).to_pylist()
    encoded = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in ("dx", "assessment_item", "assessment_type"):
            items = column.values.dictionary_encode()
            column = pa.ListArray.from_arrays(column.offsets, items)  # noqa: PLW2901
        encoded.append(column)
    again = pa.RecordBatch.from_arrays(encoded, names=batch.schema.names)
    assert scheme.group_batch(again).to_pylist() == wanted
    assert scheme.group_batch(batch.slice(100, 50)).to_pylist() == wanted[100:150]
    bare = batch.select(["kind", "code_system", "dx"])
    assert {r["reason"] for r in scheme.group_batch(bare).to_pylist()} <= {
        "ADMISSION_MISSING",
        "CODE_SYSTEM_MISMATCH",
        "DX_PRINCIPAL_EDITION",
        "DX_PRINCIPAL_MISSING",
        "DX_PRINCIPAL_UNKNOWN",
        "DX_RETURNED",
        "KIND_UNSUPPORTED",
    }
    nothing = batch.slice(0, 0)
    result, issues = scheme.group_with_issues(nothing)
    assert result.schema == RESULT_SCHEMA
    assert result.num_rows == 0
    assert issues.schema == ISSUE_SCHEMA
    assert scheme.group_parts(nothing).num_rows == 0


def test_issues_tell_every_reason_and_warning() -> None:
    scheme = scheme_of(JINHUA)
    rows = RandomStays(scheme, 9, broken=0.4).rows(1500)
    results, issues = scheme.group_with_issues(batch_of(rows), first_row=11)
    told: dict[int, set[tuple[str, str]]] = {}
    for line in issues.to_pylist():
        told.setdefault(line["row"], set()).add((line["severity"], line["reason"]))
    for number, result in enumerate(results.to_pylist(), 11):
        wanted = {("warning", w) for w in (result["warnings"] or "").split(";") if w}
        if result["status"] in ("ungrouped", "invalid"):
            wanted.add(("reject", result["reason"]))
        assert told.get(number, set()) == wanted
    lines = issues.to_pylist()
    said = {line["reason"]: line["value"] for line in lines if line["value"]}
    assert {"ASSESSMENT_VALUE", "ASSESSMENT_ITEM_UNKNOWN", "ASSESSMENT_ITEM_MISSING"} <= set(said)
    assert all("=" in x["value"] for x in lines if x["reason"] == "ASSESSMENT_VALUE")
