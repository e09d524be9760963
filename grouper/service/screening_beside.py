"""What a screening knows beside cases and book: catalogues, ceilings, levels, costs of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from codebooks.catalogues.catalogue import Catalogues, installed
from grouper.audit.context import Context
from grouper.audit.group_costs import group_costs
from grouper.audit.inputs import listed_ceilings
from grouper.audit.levels import hospital_levels
from grouper.store.screening_due import UPLOAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from grouper.service.screening_rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is the same for all pages of a run.

    Attributes:
        region: of cases that name none.
        day: on which policies hold.
        catalogues: as they were imported.
        ceilings: greatest prices (:data:`grouper.audit.context.PRICES`).
    """

    region: str
    day: date
    catalogues: Catalogues
    ceilings: pa.Table

    @property
    def fingerprint(self) -> str:
        """Of what was imported: another import means that stays are to be screened again."""
        return " ".join(one.kept.sha256 for one in self.catalogues.kinds.values())


def beside_of(hospitals: Sequence[str], region: str, day: date) -> Beside:
    """What is known beside.

    Args:
        hospitals: all that have stays, so that ceilings do not depend on a page.
        region: of cases that name none; its policy says the levels for the ceilings.
        day: on which policies hold.

    Raises:
        GrouperError: a catalogue or a policy cannot be used.
    """
    names = pa.array(list(hospitals), pa.string())
    treated = pa.table({"hospital": names, "region": pa.array([region] * len(names), pa.string())})
    catalogues = installed()
    levels = set(hospital_levels(treated, day).values())
    return Beside(
        region=region,
        day=day,
        catalogues=catalogues,
        ceilings=listed_ceilings(catalogues, levels),
    )


def context_of(
    beside: Beside, rules: Rules, cases: pa.Table, judged: NDArray[np.bool_], moment: str
) -> Context:
    """The context of a page.

    Args:
        beside: of the run.
        rules: as they stand here.
        cases: of the page, columns of ``CASE_SCHEMA``.
        judged: which of them are judged.
        moment: ``stay`` or ``upload``: what a stay costs is known when it has ended.

    Raises:
        GrouperError: a policy cannot be used.
    """
    costs = None
    if moment == UPLOAD:
        ended = cases.filter(pa.array(judged))
        costs = group_costs(ended, None, beside.day, region=beside.region)
    return Context(
        moment=moment,
        levels=hospital_levels(cases, beside.day, otherwise=beside.region),
        ceilings=beside.ceilings,
        group_costs=costs if costs is not None and costs.num_rows else None,
        rules=rules.asked,
        own=True,
        catalogue=beside.catalogues,
    )
