"""The group of a case that no row takes, where a city has one (``data/dip/fallback.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

from codebooks import paths
from grouper.schemes.dip.policy import Treatment

if TYPE_CHECKING:
    from grouper.schemes.dip.compiled import CompiledScheme
    from grouper.schemes.dip.facts import Facts

NONE, CHAPTER = "none", "chapter"
"""Values of the option ``unmatched``; any other text is the code of the catalogue's empty group."""


@cache
def _table() -> dict[str, Any]:
    text = (paths.shipped() / "dip" / "fallback.toml").read_text("utf-8")
    return tomllib.loads(text)


def chapter_of(code: str) -> int:
    """The ICD-10 chapter of a folded diagnosis code; 0 when it stands in none."""
    chapters = _table()["chapters"]
    category = code[:3]
    return next((int(n) for n, (a, z) in chapters.items() if a <= category <= z), 0)


def chapter_group(chapter: int, treatment: Treatment) -> str | None:
    """The group of a chapter and treatment; None without a chapter."""
    if not chapter:
        return None
    word = _table()["treatments"][treatment.name.lower()]
    group: str = _table()["group"].format(chapter=chapter, treatment=word)
    return group


def fallback_of(scheme: CompiledScheme, facts: Facts) -> str | None:
    """The group of a case that no row takes, or None where the catalogue has none."""
    unmatched = scheme.policy.unmatched
    if unmatched == NONE:
        return None
    if unmatched != CHAPTER:
        return unmatched
    treatment = next(iter(facts.treatments()), Treatment.CONSERVATIVE)
    return chapter_group(chapter_of(facts.diagnoses[0]), treatment)
