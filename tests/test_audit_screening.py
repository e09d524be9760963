"""A month screened whole: charges and codes together."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from test_audit_demo import march

from codebooks.audit.books import audit_book
from grouper.audit.charges import lines_at
from grouper.audit.engine import Context, audit
from grouper.audit.errors import AuditError
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.planning import CODING
from grouper.audit.reading import Sources, read_sources
from grouper.audit.screening import Screened, screen
from grouper.audit.words import document, is_coding, lines

PART = 0.05


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    root = tmp_path_factory.mktemp("hospital")
    made = march(PART)
    for kind in ("inpatient", "outpatient", "charges"):
        (root / kind).mkdir()
        pq.write_table(getattr(made, kind), root / kind / "2025-03.parquet")
    return read_sources([root])


@pytest.fixture(scope="module")
def found(sources: Sources) -> Screened:
    return screen(sources, audit_book(), context=Context(), region="demo")


def texts(column: Any) -> set[str]:
    return set(pc.unique(column).to_pylist())


def test_charges_and_codes_stand_in_one_table_in_order(sources: Sources, found: Screened) -> None:
    table = found.audited.findings
    assert table.schema.equals(FINDING_SCHEMA)
    alone = audit(sources.cases, sources.charges, audit_book(), context=Context())
    assert texts(alone.findings["finding"]) < texts(table["finding"])
    assert {"GZ10000201001000", "GZ10000201005000"} & texts(table["rule"])
    rows = table.select(["case_id", "rule", "lines", "finding"]).to_pylist()
    keys = [
        (r["case_id"], r["rule"], r["lines"][0] if r["lines"] else 0, r["finding"]) for r in rows
    ]
    assert keys == sorted(keys)


def test_what_the_checks_of_codes_ask_is_not_told_as_not_run(
    sources: Sources, found: Screened
) -> None:
    alone = audit(sources.cases, sources.charges, audit_book(), context=Context())
    assert CODING in {one.reason for one in alone.not_run}
    assert CODING not in {one.reason for one in found.audited.not_run}
    assert found.unasked
    for one in found.unasked:
        assert one.missing("zh")
        assert one.missing("en")
    assert len({(one.rule, one.row) for one in found.unasked}) == len(found.unasked)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_both_sorts_of_findings_have_words(found: Screened, lang: str) -> None:
    book = audit_book()
    sorts = set()
    for row in found.audited.findings.to_pylist():
        sorts.add(is_coding(row, book))
        told = lines(row, book, lang)
        assert book.rules[row["rule"]].name(lang) in " ".join(told)
        assert row["case_id"] in " ".join(told)
        assert document(row, book, lang)["words"] == told
    assert sorts == {True, False}


def test_only_some_cases_and_some_rules(sources: Sources) -> None:
    rule = "GZ10000201001000"
    whole = screen(sources, audit_book(), context=Context(rules=frozenset({rule})))
    assert texts(whole.audited.findings["rule"]) == {rule}
    judged = np.zeros(sources.cases.num_rows, bool)
    hit = whole.audited.findings["case_id"][0].as_py()
    judged[sources.cases["case_id"].to_pylist().index(hit)] = True
    one = screen(
        sources, audit_book(), context=Context(rules=frozenset({rule})), judged=judged
    ).audited.findings
    assert texts(one["case_id"]) == {hit}
    own = whole.audited.findings.filter(pc.equal(whole.audited.findings["case_id"], hit))
    assert one.equals(own)


def test_lines_may_stand_in_the_cases_alone_or_nowhere(sources: Sources) -> None:
    apart = sources.cases.filter(pc.equal(sources.cases["kind"], "inpatient"))
    nothing = screen(Sources(apart, (), {}), audit_book(), context=Context())
    assert "LOC-UPCODE" in {one.rule for one in nothing.unasked}
    visits = sources.cases.filter(pc.equal(sources.cases["kind"], "outpatient"))
    nested = screen(Sources(visits, (), {}), audit_book(), context=Context())
    assert nested.audited.counts["lines"] > 0
    empty = pa.table(visits.slice(0, 0))
    assert not screen(
        Sources(empty, (), {}), audit_book(), context=Context()
    ).audited.findings.num_rows


def test_charges_of_several_types_and_without_a_zone_say_the_same(
    sources: Sources, tmp_path: Path
) -> None:
    (path,) = sources.charges
    whole = pq.read_table(path)
    half = whole.num_rows // 2
    local = pc.local_timestamp(whole["line_time"])
    other = whole.set_column(whole.column_names.index("line_time"), "line_time", local)
    item = other["line_item"].cast(pa.string())
    other = other.set_column(other.column_names.index("line_item"), "line_item", item)
    amount = other["line_amount"].cast(pa.float64())
    other = other.set_column(other.column_names.index("line_amount"), "line_amount", amount)
    paths = (tmp_path / "one.parquet", tmp_path / "two.parquet")
    pq.write_table(whole.slice(0, half), paths[0])
    pq.write_table(other.slice(half), paths[1])
    rules = frozenset({"GZ10000201008000", "GZ10000102014000", "GZ10000201004000", "LOC-UPCODE"})
    asked = Context(rules=rules)
    expected = screen(sources, audit_book(), context=asked, region="demo").audited.findings
    found = screen(Sources(sources.cases, paths, {}), audit_book(), context=asked, region="demo")
    assert found.audited.findings.equals(expected)
    assert expected.num_rows


@pytest.mark.parametrize("fault", ["broken", "amount"])
def test_charges_that_cannot_be_used_are_refused(
    sources: Sources, tmp_path: Path, fault: str
) -> None:
    path = tmp_path / "x.parquet"
    if fault == "broken":
        path.write_bytes(b"no Parquet")
    else:
        table = pq.read_table(sources.charges[0]).slice(0, 3)
        place = table.column_names.index("line_amount")
        huge = pa.array([Decimal("9999999999999999.99")] * 3, pa.decimal128(18, 2))
        pq.write_table(table.set_column(place, "line_amount", huge), path)
    with pytest.raises(AuditError) as caught:
        screen(Sources(sources.cases, (path,), {}), audit_book(), context=Context())
    assert caught.value.code == "AUDIT_CHARGES"
    ids = sources.cases["case_id"].combine_chunks()
    with pytest.raises(AuditError):
        lines_at(
            [path],
            ids
            if fault == "broken"
            else pq.read_table(path)["case_id"].combine_chunks().cast(pa.string()),
        )
