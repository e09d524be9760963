"""What the auxiliary directories of one DIP scheme rest on: triggers, factors, CC and Charlson."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from codebooks.charlson import charlson_variant
from codebooks.errors import CodebookError
from codebooks.factor_reading import load_tables
from codebooks.factors import Asked, Condition, InForce
from codebooks.registry import registry
from codebooks.treatment import content_hash
from grouper.schemes.dip.charlson import bare
from grouper.schemes.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from datetime import date

    from codebooks.book import BookCard
    from codebooks.charlson import CharlsonVariant
    from codebooks.factors import FactorTables

NO_LEVEL, CC, MCC = "none", "CC", "MCC"
LEVELS = (NO_LEVEL, CC, MCC)
"""The levels of a case, lightest first."""

GAP_REASON: dict[Asked, Reason] = {
    Asked.AGE: Reason.AGE_MISSING,
    Asked.AGE_DAYS: Reason.AGE_DAYS_MISSING,
    Asked.LOS: Reason.LOS_MISSING,
    Asked.ICU_DAYS_COMPLETED: Reason.ICU_HOURS_MISSING,
    Asked.ICU_DAYS_BEGUN: Reason.ICU_HOURS_MISSING,
    Asked.DISCHARGE_WAY: Reason.DISCHARGE_WAY_MISSING,
    Asked.NOT_DISCHARGE_WAY: Reason.DISCHARGE_WAY_MISSING,
}
"""The reason that a missing value gives when a factor could depend on it."""
GAPS = (Reason.SCHEME_DATE_MISSING, *dict.fromkeys(GAP_REASON.values()))
"""Every gap there can be, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class CcTable:
    """The complications of a DRG book by bare code: level and exclusion table; principals of each."""

    levels: Mapping[str, tuple[str, str]]
    excluded: Mapping[str, frozenset[str]]


@cache
def cc_table(scheme: str) -> CcTable:
    """The CC table of a CHS-DRG book, read once in a process."""
    book = registry().book(scheme)
    principals: dict[str, set[str]] = {}
    for row in book.rows("exclusions"):
        principals.setdefault(row["exclusion"], set()).add(bare(row["principal_code"]))
    levels = {bare(row["code"]): (row["level"], row["exclusion"]) for row in book.rows("cc")}
    return CcTable(levels, {name: frozenset(codes) for name, codes in principals.items()})


def variant_of(condition: Condition) -> tuple[CharlsonVariant, str]:
    """The Charlson variant that a condition names, and which diagnoses count for it."""
    mapping, weights, scope = condition.table.split("/")
    return charlson_variant(mapping, weights), scope


class AuxiliaryTables:
    """The triggers and factors that ever bind a scheme.

    Args:
        card: the scheme's card; its region and the regions above it are looked through.
        tables: by default all that are shipped and installed.

    Raises:
        CodebookError: as :func:`codebooks.factor_reading.load_tables`.
    """

    def __init__(self, card: BookCard, tables: FactorTables | None = None) -> None:
        self.card = card
        found = load_tables() if tables is None else tables
        self.periods = found.periods(_chain(card.region), card.id)
        self.active = any(period.factors for period in self.periods)
        """Whether any factor ever binds the scheme; where none does every factor is 1."""

    def on(self, day: date) -> InForce:
        """What holds on a day (that of discharge)."""
        return next(p for p in reversed(self.periods) if p.valid_from <= day)

    def check_groups(self, groups: Container[str]) -> None:
        """Refuse factors for groups that the scheme does not have.

        Rows for every scheme are passed over: they may be for another one's groups.

        Raises:
            CodebookError: ``FACTOR_GROUP`` with file and row.
        """
        for period in self.periods:
            for of_groups in period.factors.values():
                for group, row in of_groups.items():
                    if group and row.scheme and group not in groups:
                        params = {"found": group, "scheme": self.card.id}
                        raise CodebookError("FACTOR_GROUP", row.where, **params)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of what binds the scheme, by which a result can be recomputed."""
        rows: list[tuple[str, ...]] = []
        for period in self.periods:
            head = (period.valid_from.isoformat(), period.valid_to.isoformat())
            rows += [(*head, repr(s.alternatives), s.directory, s.id) for s in period.subtypes]
            for (directory, subtype), of_groups in period.factors.items():
                rows += [
                    (*head, directory, subtype, g, str(f.factor)) for g, f in of_groups.items()
                ]
        return content_hash(rows)


def _chain(region: str) -> tuple[str, ...]:
    found = []
    at: str | None = region
    while at is not None:
        found.append(at)
        at = registry().regions[at].parent if at in registry().regions else None
    return tuple(found)
