"""How the share of coded severity of one unit compares with its peers: the data of a funnel plot.

Units are hospitals, departments or physicians; the peers of a unit are all units of the table. The
case mix is taken out by indirect standardisation: in each stratum every case is expected to have the
peers' share, so that a unit with severe cases is compared with severe cases. Limits are those of the
normal approximation to a sum of independent draws (Spiegelhalter, *Statistics in Medicine* 2005).
A unit outside the limits is worth a look, no more: it is no finding.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.audit.coding.regroup import placed
from grouper.audit.coding.upcoding import LESSER, prefixes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.coding.facts import Facts
    from grouper.run.choose import Chooser

FUNNEL_SCHEMA = pa.schema(
    [
        pa.field("unit", pa.string(), nullable=False),
        pa.field("cases", pa.int64(), nullable=False),
        pa.field("observed", pa.int64(), nullable=False),
        pa.field("expected", pa.float64(), nullable=False),
        # observed ÷ expected; null where nothing is expected.
        pa.field("ratio", pa.float64()),
        # Limits of the ratio within which 95 % and 99.8 % of units lie by chance.
        pa.field("low_95", pa.float64()),
        pa.field("high_95", pa.float64()),
        pa.field("low_998", pa.float64()),
        pa.field("high_998", pa.float64()),
    ]
)
"""The columns of a funnel, a row a unit by its name."""
_WITHIN = (0.95, 0.998)
_LEVELS = ("CC", "MCC")


def funnel(
    units: Sequence[str | None], strata: Sequence[str | None], events: NDArray[np.bool_]
) -> pa.Table:
    """Observed and expected events of units.

    Args:
        units: the unit of each case; a case without one is left out, among the peers too.
        strata: what of the case is comparable; a case without it is left out.
        events: whether the case has what is counted.

    Returns:
        A table of ``FUNNEL_SCHEMA``.
    """
    kept = [
        place
        for place, (unit, stratum) in enumerate(zip(units, strata, strict=True))
        if unit and stratum
    ]
    names, unit_of = np.unique([str(units[place]) for place in kept], return_inverse=True)
    kinds, kind_of = np.unique([str(strata[place]) for place in kept], return_inverse=True)
    hit = events[np.array(kept, np.int64)].astype(np.int64)
    share = np.bincount(kind_of, hit, len(kinds)) / np.maximum(
        np.bincount(kind_of, minlength=len(kinds)), 1
    )
    chance = share[kind_of]
    expected = np.bincount(unit_of, chance, len(names))
    spread = np.sqrt(np.bincount(unit_of, chance * (1 - chance), len(names)))
    observed = np.bincount(unit_of, hit, len(names)).astype(np.int64)
    sure = expected > 0
    base = np.where(sure, expected, 1.0)
    columns = {
        "unit": pa.array(names.tolist(), pa.string()),
        "cases": pa.array(np.bincount(unit_of, minlength=len(names)).astype(np.int64)),
        "observed": pa.array(observed),
        "expected": pa.array(expected),
        "ratio": pa.array(observed / base, mask=~sure),
    }
    for within, tag in zip(_WITHIN, ("95", "998"), strict=True):
        reach = NormalDist().inv_cdf((1 + within) / 2) * spread / base
        columns[f"low_{tag}"] = pa.array(np.maximum(1 - reach, 0.0), mask=~sure)
        columns[f"high_{tag}"] = pa.array(1 + reach, mask=~sure)
    return pa.table(columns, schema=FUNNEL_SCHEMA)


def complications(facts: Facts, chooser: Chooser, by: str) -> pa.Table:
    """The share of cases with CC or MCC, by ADRG, of schemes that have these levels.

    Args:
        facts: of the cases.
        chooser: how the scheme of a case is chosen.
        by: ``hospital``, ``department`` or ``physician``.
    """
    places = placed(facts.cases, range(facts.count), None, chooser)
    levelled = {one.scheme for one in places if one.level is not None}
    strata = [one.adrg if one.scheme in levelled else None for one in places]
    return funnel(
        _units(facts, by), strata, np.array([one.level in _LEVELS for one in places], bool)
    )


def principals(book: AuditBook, facts: Facts, by: str) -> pa.Table:
    """The share of the graver principal diagnosis within the families of the table ``lesser``.

    A family is the diagnoses of a row with those of less weight beside it; a case counts in the
    first family it belongs to.

    Args:
        book: the rule book.
        facts: of the cases.
        by: ``hospital``, ``department`` or ``physician``.
    """
    principal = facts.words("principal")
    family: list[str | None] = [None] * (len(principal.words) + 1)
    grave = np.zeros(len(principal.words) + 1, bool)
    for row in book.tables[LESSER].to_pylist():
        high, low = prefixes(row["dx"]), prefixes(row["lesser"])
        for place, word in enumerate(principal.words):
            if family[place] is None and (high.fits(word) or low.fits(word)):
                family[place], grave[place] = str(row["row"]), high.fits(word)
    strata = [family[place] for place in principal.at.tolist()]
    return funnel(_units(facts, by), strata, grave[principal.at])


def _units(facts: Facts, by: str) -> list[str | None]:
    words = facts.words(by)
    return [None if place < 0 else words.words[place] for place in words.at.tolist()]
