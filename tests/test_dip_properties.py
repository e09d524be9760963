"""What must hold of every DIP scheme, however a case is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from dip_random import Case, RandomCases, batch_of
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codebooks.errors import GrouperError
from codebooks.registry import registry
from grouper.case.record import Case as Record
from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.load import load_scheme
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMES = sorted(id_ for id_, card in registry().cards.items() if card.family == "dip")
COUNT = 2500


class Setting:
    """One scheme, its cases and their answers."""

    def __init__(self, name: str) -> None:
        self.scheme: DipScheme = load_scheme(name)  # type: ignore[assignment]
        self.ready = self.scheme.compiled
        source = RandomCases(self.ready, 77)
        self.cases = source.cases(COUNT)
        self.source = source
        self.rng = np.random.default_rng(5)
        self.answers = self.groups(self.cases)

    def groups(self, cases: list[Case]) -> list[tuple[str | None, str | None]]:
        found = self.scheme.group_batch(batch_of(cases))
        columns = (found.column(name).to_pylist() for name in ("group", "reason"))
        return list(zip(*columns, strict=True))

    def differing(self, change: Callable[[Case], Case]) -> list[int]:
        other = self.groups([change(dict(case)) for case in self.cases])
        return [i for i, (a, b) in enumerate(zip(self.answers, other, strict=True)) if a != b]


@pytest.fixture(scope="module", params=SCHEMES)
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.param)


def test_order_of_other_diagnoses_does_not_matter(setting: Setting) -> None:
    def shuffled(case: Case) -> Case:
        order = setting.rng.permutation(len(case["dx"][1:])) + 1
        case["dx"] = case["dx"][:1] + [case["dx"][i] for i in order]
        return case

    assert not setting.differing(shuffled)


def test_order_of_procedures_matters_where_the_main_one_decides_alone(setting: Setting) -> None:
    ready = setting.ready

    def may_be_main(case: Case) -> bool:
        """Whether the first procedure is a known one that may be main, so that it stays main."""
        first = ready.vocabulary.id(case["px"][0]) if case["px"] else 0
        return first > 1 and first not in ready.exclusions

    def shuffled(case: Case) -> Case:
        px = case["px"]
        if ready.policy.main_decides and not may_be_main(case):
            return case
        fixed = 1 if ready.policy.main_decides or not px or ready.vocabulary.id(px[0]) <= 1 else 0
        order = setting.rng.permutation(len(px[fixed:])) + fixed
        case["px"] = px[:fixed] + [px[i] for i in order]
        # An unknown code in the first place is the main procedure's own reason.
        if case["px"] and ready.vocabulary.id(case["px"][0]) == 1:
            case["px"] = px
        return case

    assert not setting.differing(shuffled)


def test_a_repeated_code_does_not_matter_but_to_rows_that_ask_for_it(setting: Setting) -> None:
    ready = setting.ready
    twice = {n for row in ready.rows for part in row.related for n in part & row.main}
    if setting.scheme.id == "dip-3.0":
        assert twice

    def repeated(case: Case) -> Case:
        for name in ("dx", "px"):
            codes = list(case[name])
            able = [c for c in codes if c and ready.vocabulary.id(c) not in twice]
            if able:
                # After its first place: before it the repeat might become the main one.
                again = able[setting.rng.integers(len(able))]
                least = codes.index(again) + 1
                codes.insert(int(setting.rng.integers(least, len(codes) + 1)), again)
            case[name] = codes
        return case

    assert not setting.differing(repeated)


def test_a_diagnosis_that_no_row_names_changes_nothing(setting: Setting) -> None:
    ready = setting.ready
    asked = [keys for row in ready.rows for keys in row.others]
    asked += [row.resistance.others for row in ready.rows if row.resistance]
    asked += [row.principal for row in ready.rows if row.diagnosis_any]
    every = {key for keys in asked for key in keys}
    unnamed = [
        official
        for code, official in ready.codes.diagnoses.folded.items()
        if not any(key.matches(code) for key in every)
    ]
    assert unnamed

    def joined(case: Case) -> Case:
        if case["dx"]:
            extra = unnamed[setting.rng.integers(len(unnamed))]
            case["dx"] = [*case["dx"][:1], extra, *case["dx"][1:]]
        return case

    assert not setting.differing(joined)


def test_a_procedure_that_counts_as_none_changes_nothing(setting: Setting) -> None:
    ready = setting.ready
    dropped = [n for n, e in ready.exclusions.items() if e.treatment == "conservative"]
    if not dropped:
        pytest.skip("the catalogue excludes no procedure")

    def joined(case: Case) -> Case:
        extra = ready.folded[dropped[setting.rng.integers(len(dropped))]]
        if any(case["px"]) or not case["px"]:
            case["px"] = [*case["px"], extra]
        return case

    assert not setting.differing(joined)


def test_letter_case_does_not_matter(setting: Setting) -> None:
    def swapped(case: Case) -> Case:
        for name in ("dx", "px"):
            case[name] = [c.swapcase() if c else c for c in case[name]]
        return case

    assert not setting.differing(swapped)


def test_a_batch_may_be_split_and_permuted_anywhere(setting: Setting) -> None:
    whole = batch_of(setting.cases)
    order = setting.rng.permutation(COUNT)
    cuts = np.sort(setting.rng.choice(COUNT, 5, replace=False))
    shuffled = whole.take(pa.array(order))
    parts = [
        setting.scheme.group_batch(shuffled.slice(a, b - a))
        for a, b in zip([0, *cuts.tolist()], [*cuts.tolist(), COUNT], strict=True)
    ]
    found = pa.Table.from_batches(parts).to_pylist()
    expected = setting.scheme.group_batch(whole).to_pylist()
    assert found == [expected[i] for i in order]


CODES = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["C16.900", "43.7x03", "40.5911", "P07.100", "A00.000", "38.9100", "Z51.1"]),
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(CODES, max_size=6),
    st.lists(CODES, max_size=6),
    st.one_of(st.none(), st.integers(-5, 200)),
    st.one_of(st.none(), st.integers(-5, 40_000)),
)
def test_whatever_is_written_gives_an_answer_with_a_reason(
    dx: list[str | None], px: list[str | None], age_days: int | None, weight: int | None
) -> None:
    scheme: DipScheme = load_scheme("dip-3.0")  # type: ignore[assignment]
    record = Record(dx=tuple(dx), px=tuple(px), age_days=age_days, weight_g=weight)
    found = scheme.group(record)
    assert (found.reason is None) == (found.status == "grouped")
    assert found.trace.document()["result"]["status"] == found.status
    row = {"dx": dx, "px": px, "age_days": age_days, "weight_g": weight}
    result = scheme.group_batch(batch_of([row])).to_pylist()[0]
    assert (result["group"], result["reason"]) == (found.group, found.reason)


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_a_fuzzed_book_raises_declared_errors_alone(data: st.DataObject) -> None:
    plain = registry().book("dip-3.0")
    rows = plain.rows("groups")
    picked = [rows[data.draw(st.integers(0, len(rows) - 1))] for _ in range(3)]
    columns = ("diagnosis", "second_diagnosis", "procedure", "related", "treatment", "resistant")
    noise = st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["A00-", "K35.8|", "47.0100++", "所有诊断", "A00+B00+C00", "M47.0+", "yes"]
        ),
    )
    for row in picked:
        row[data.draw(st.sampled_from(columns))] = data.draw(noise)
    option = data.draw(st.sampled_from(["tie", "unmatched", "kind_order", "mixed_expression"]))
    value = data.draw(st.one_of(st.text(max_size=5), st.booleans(), st.integers(0, 3)))
    changed = pa.Table.from_pylist(picked, schema=plain.tables["groups"].schema)
    book = type(plain)(plain.card, {**plain.tables, "groups": changed})
    try:
        scheme = DipScheme(book.with_card(options={option: value}))
    except GrouperError as error:
        assert error.describe("zh")  # noqa: PT017 -- whichever is raised must be declared
        assert error.describe("en")  # noqa: PT017 -- as above
        return
    found = scheme.group(Record(dx=("C16.900",), px=("43.7x03",)))
    assert found.reason in (None, Reason.GROUP_NONE)
