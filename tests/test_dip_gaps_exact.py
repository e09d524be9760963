"""Missing ages and weights: reason and warnings are the same in both engines, whatever decides."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from dip_random import batch_of
from dip_small import row, scheme
from test_dip_engines import agree

from grouper.schemes.dip.scheme import DipScheme

NEWBORN = {"section": "XQ"}
LIGHT = row("P07", weight_g_min=0, weight_g_max=999, group="light", **NEWBORN)
YOUNG = row("P07", age_days_max=28, group="young", **NEWBORN)
BOTH = row("P07", age_days_max=28, weight_g_min=1000, weight_g_max=2499, group="both", **NEWBORN)
ANY = row("P07", group="any")
OPERATED = row("P07", "50.5100", group="operated")

AGES: tuple[dict[str, Any], ...] = (
    {}, {"age": 0}, {"age_days": 0}, {"age_days": 28}, {"age_days": 29}, {"age": 1}
)  # fmt: skip
WEIGHTS: tuple[dict[str, Any], ...] = tuple(
    {} if grams is None else {"weight_g": grams} for grams in (None, 999, 1000, 2500)
)


@pytest.mark.parametrize(
    "ready",
    [
        pytest.param(scheme(LIGHT), id="weight"),
        pytest.param(scheme(YOUNG), id="age"),
        pytest.param(scheme(LIGHT, YOUNG), id="either"),
        pytest.param(scheme(BOTH, ANY), id="together"),
        pytest.param(scheme(LIGHT, YOUNG, ANY), id="either-or-any"),
        pytest.param(scheme(LIGHT, OPERATED, ANY), id="operated"),
        pytest.param(scheme(OPERATED, BOTH, LIGHT), id="operated-first"),
    ],
)
def test_both_engines_agree_on_gaps(ready: DipScheme) -> None:
    cases = [
        {"dx": ["P07.100"], "px": px, **age, **weight}
        for age, weight, px in product(AGES, WEIGHTS, ([], ["50.5100"]))
    ]
    agree(ready, cases, {1: 10, 7: 20})


def test_a_gap_that_does_not_decide_is_a_warning_in_both() -> None:
    ready = scheme(BOTH, ANY)
    cases = [
        {"dx": ["P07.100"], "px": [], "age_days": 29},
        {"dx": ["P07.100"], "px": [], "weight_g": 2500},
        {"dx": ["P07.100"], "px": [], "age_days": 29, "weight_g": 2500},
        {"dx": ["P07.100"], "px": [], "age_days": 28},
        {"dx": ["P07.100"], "px": [], "weight_g": 2499},
        {"dx": ["K35.800"], "px": [], "age_days": 3},
    ]
    found = ready.group_batch(batch_of(cases)).to_pylist()
    told = [(one["group"], one["reason"], one["warnings"]) for one in found]
    assert told == [
        ("any", None, "NEWBORN_WEIGHT_MISSING"),
        ("any", None, "AGE_DAYS_MISSING"),
        ("any", None, None),
        (None, "NEWBORN_WEIGHT_MISSING", None),
        (None, "AGE_DAYS_MISSING", None),
        (None, "GROUP_NONE", None),
    ]
