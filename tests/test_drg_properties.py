"""What must hold of every scheme; a variant whose own rules break a property is named here."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from random_cases import RandomCases, batch_of

from codebooks.registry import registry
from grouper.schemes.drg.batch import BatchEngine, Numbers
from grouper.schemes.drg.compiled import MCC
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from collections.abc import Callable

    from grouper.schemes.drg.scheme import DrgScheme

SCHEMES = sorted(i for i, card in registry().cards.items() if card.family == "drg")
COUNT = 3000

# Findings on the schemes themselves (docs/FINDINGS.md): the property and why it breaks.
BREAKS = {("zhejiang-2022", "order"), ("zhejiang-2022", "repeats")}

Case = dict[str, Any]


class Setting:
    """One scheme, its cases and their answers."""

    def __init__(self, scheme: str) -> None:
        self.scheme: DrgScheme = load_scheme(scheme)  # type: ignore[assignment]
        self.compiled = self.scheme.compiled
        self.engine = BatchEngine(self.compiled)
        self.source = RandomCases(self.compiled, 77)
        self.cases = self.source.cases(COUNT)
        self.answers = self.engine.run(batch_of(self.cases))
        self.rng = np.random.default_rng(5)

    def changed(self, change: Callable[[Case], Case]) -> Numbers:
        return self.engine.run(batch_of([change(dict(case)) for case in self.cases]))

    def differences(self, other: Numbers) -> int:
        same = (other.group == self.answers.group) & (other.reason == self.answers.reason)
        return int((~same).sum())


@pytest.fixture(scope="module", params=SCHEMES)
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(request.param)


def expect(setting: Setting, prop: str, found: int) -> None:
    if (setting.scheme.id, prop) in BREAKS:
        assert setting.compiled.retries_procedures
        assert found, "the finding no longer holds: take it out of docs/FINDINGS.md"
    else:
        assert found == 0


def test_order_of_other_codes_does_not_matter(setting: Setting) -> None:
    def shuffled(case: Case) -> Case:
        for name in ("dx", "px"):
            codes = case[name]
            order = setting.rng.permutation(len(codes[1:])) + 1
            case[name] = codes[:1] + [codes[i] for i in order]
        return case

    expect(setting, "order", setting.differences(setting.changed(shuffled)))


def test_repeated_codes_do_not_matter(setting: Setting) -> None:
    def repeated(case: Case) -> Case:
        for name in ("dx", "px"):
            codes = list(case[name])
            if codes:
                again = codes[setting.rng.integers(len(codes))]
                codes.insert(int(setting.rng.integers(1, len(codes) + 1)), again)
            case[name] = codes
        return case

    expect(setting, "repeats", setting.differences(setting.changed(repeated)))


def test_a_diagnosis_that_no_rule_names_changes_nothing(setting: Setting) -> None:
    ready = setting.compiled
    numbers = {c: ready.vocabulary.id(c) for c in setting.scheme.diagnosis_codes}
    unnamed = [c for c, n in numbers.items() if not ready.sets_of(n) and not ready.level[n]]
    assert unnamed

    def joined(case: Case) -> Case:
        if case["dx"]:
            extra = unnamed[setting.rng.integers(len(unnamed))]
            case["dx"] = [*case["dx"][:1], extra, *case["dx"][1:]]
        return case

    assert setting.differences(setting.changed(joined)) == 0


def test_an_unexcluded_mcc_never_lowers_severity_within_an_adrg(setting: Setting) -> None:
    ready = setting.compiled
    place = {
        drg.group: (adrg, rank)
        for mdc in ready.mdcs
        for adrg in mdc.adrgs
        for rank, drg in enumerate(adrg.drgs)
    }
    mccs = [c for c in setting.source.cc if ready.level[ready.vocabulary.id(c)] == MCC]
    added = [mccs[i] for i in setting.rng.integers(len(mccs), size=COUNT)]
    turn = iter(added)

    def joined(case: Case) -> Case:
        extra = next(turn)
        if case["dx"]:
            case["dx"] = [*case["dx"], extra]
        return case

    after = setting.changed(joined)
    lowered: Counter[tuple[str, str]] = Counter()
    raised = 0
    for i, case in enumerate(setting.cases):
        old, new = int(setting.answers.group[i]), int(after.group[i])
        if old not in place or new not in place or place[old][0] is not place[new][0]:
            continue
        principal = ready.vocabulary.id(case["dx"][0])
        if ready.excludes(principal, ready.vocabulary.id(added[i])):
            continue
        raised += place[new][1] < place[old][1]
        if place[new][1] > place[old][1]:
            lowered[ready.groups[old].drg.code, ready.groups[new].drg.code] += 1
    assert raised > 0
    assert not lowered


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
