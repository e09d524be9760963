"""Factors at every edge of their triggers: both forms say the same of the whole grid."""

from __future__ import annotations

from itertools import product

import numpy as np
from auxiliary_support import DAY, GROUPS, batch_of, by_batch, by_scalar, example

from grouper.schemes.dip.auxiliary_batch import AuxiliaryBatch
from grouper.schemes.dip.auxiliary_tables import GAPS

AGES = ((None, None), (0, None), (0, 28), (0, 29), (1, None), (17, None), (18, None), (65, None))
ICU = (None, 47.9, 48.0, 192.0)
STAYS = (None, 2, 3)
WAYS = (None, "1", "5")
DIAGNOSES = (["K35.800"], ["K35.800", "J96.000"])


def test_both_forms_agree_on_every_edge() -> None:
    tables = example()
    cases = [
        {
            "age": age,
            "age_days": days,
            "icu_hours": icu,
            "los": los,
            "discharge_way": way,
            "discharge_time": DAY,
            "dx": dx,
        }
        for (age, days), icu, los, way, dx in product(AGES, ICU, STAYS, WAYS, DIAGNOSES)
    ]
    groups = np.arange(len(cases)) % len(GROUPS)
    expected = [by_scalar(tables, case, int(at)) for case, at in zip(cases, groups, strict=True)]
    found = by_batch(AuxiliaryBatch(tables, GROUPS), batch_of(cases), groups)
    wrong = [at for at, one in enumerate(expected) if found[at] != one]
    assert not wrong, (cases[wrong[0]], found[wrong[0]], expected[wrong[0]])
    told = {gap for one in expected for gap in one[2]}
    assert len(told) == len(GAPS) - 1  # the day of discharge is known
    assert len({one[0] for one in expected}) > 5
