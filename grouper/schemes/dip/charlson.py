"""The Charlson index of one case, with the diagnoses that gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codebooks.charlson import CharlsonVariant, Comorbidity

ALL, OTHER = "all", "other"
"""Which diagnoses count: all of the case, or all but the principal one (and its repeats)."""


@dataclass(frozen=True, slots=True)
class FoundComorbidity:
    """A comorbidity of a case: the first code (as written) that means it, and whether it counts.

    It does not count beside its severer form.
    """

    comorbidity: Comorbidity
    code: str
    counts: bool


@dataclass(frozen=True, slots=True)
class CharlsonIndex:
    """The points of a case, and its comorbidities in the order of the variant."""

    points: int
    found: tuple[FoundComorbidity, ...]


def bare(code: str) -> str:
    """A code as its first characters are compared: folded, without dots."""
    return fold_code(code).replace(".", "")


def scoped(dx: Sequence[str | None], scope: str) -> list[str]:
    """The diagnoses that count, as written; what repeats the principal one is no other."""
    stated = [code for code in dx if code and bare(code)]
    if scope == ALL or not dx:
        return stated
    principal = bare(dx[0] or "")
    others = [code for code in dx[1:] if code and bare(code)]
    return [code for code in others if bare(code) != principal]


def charlson_index(
    variant: CharlsonVariant, dx: Sequence[str | None], scope: str = ALL
) -> CharlsonIndex:
    """Add up the points of a case's comorbidities, each once, the milder form giving way.

    Args:
        variant: mapping and weights.
        dx: the case's diagnoses, the principal one first, None where a place is empty.
        scope: ``all`` or ``other``.
    """
    codes = scoped(dx, scope)
    first: dict[str, str] = {}
    for comorbidity in variant.comorbidities:
        for code in codes:
            if bare(code).startswith(comorbidity.prefixes):
                first[comorbidity.id] = code
                break
    found = tuple(
        FoundComorbidity(c, first[c.id], c.yields_to not in first)
        for c in variant.comorbidities
        if c.id in first
    )
    return CharlsonIndex(sum(f.comorbidity.weight for f in found if f.counts), found)
