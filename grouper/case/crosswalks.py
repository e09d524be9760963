"""Clinical codes become insurance codes, where and only where the record says it carries them.

249 clinical codes mean something else in the insurance edition, so a crosswalk is never applied on
suspicion, nor twice: a record whose codes were carried over states ``nhsa`` from then on. Each
record's changes stand in one warning per list, ``DX_CROSSWALKED`` or ``PX_CROSSWALKED``, as
``old>new`` pairs; codes that stay as they are spelled need none.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from codebooks.crosswalk import Crosswalk, crosswalk
from codebooks.errors import GrouperError
from codebooks.folding import fold_code
from grouper.case.reading import Remark

if TYPE_CHECKING:
    from collections.abc import Sequence

CLINICAL, INSURANCE = "clinical", "nhsa"
WALKS = {
    "dx": ("icd10-clinical-2.0", "icd10-nhsa-2.0"),
    "px": ("icd9cm3-clinical-3.0", "icd9cm3-nhsa-2.0"),
}
"""The code sets between which each list is carried over."""
SINGLES = {"admission_dx": "dx"}
"""Fields of one code, by the list whose code sets they are of."""


@cache
def _walk(name: str) -> Crosswalk | None:
    try:
        return crosswalk(*WALKS[name])
    except GrouperError:
        return None


def reload() -> None:
    """Forget the crosswalks, after an installation."""
    _walk.cache_clear()


def ready() -> bool:
    """Whether the crosswalks of both lists are at hand."""
    return all(_walk(name) is not None for name in WALKS)


def carry_over(
    name: str, codes: Sequence[str | None], field: str | None = None
) -> tuple[tuple[str | None, ...], list[Remark]]:
    """Carry one list (``dx`` or ``px``) over; a code without exactly one target stays as it is.

    Args:
        name: the list.
        codes: its codes.
        field: what the remarks speak of, if not the list itself (:data:`SINGLES`).

    Returns:
        The codes in their order, and remarks: ``…_NO_CROSSWALK``, ``…_CROSSWALK_AMBIGUOUS`` for
        each code that stays, ``…_CROSSWALKED`` once.
    """
    walk, kind, field = _walk(name), name.upper(), field or name
    assert walk is not None  # noqa: S101 -- ready() was asked
    found: list[str | None] = []
    remarks: list[Remark] = []
    changed: list[str] = []
    for code in codes:
        targets = walk.to(code) if code else ()
        if code and len(targets) != 1:
            reason = f"{kind}_CROSSWALK_AMBIGUOUS" if targets else f"{kind}_NO_CROSSWALK"
            remarks.append(Remark(field, reason, code))
        target = targets[0] if len(targets) == 1 else code
        if code and target and fold_code(code) != fold_code(target):
            changed.append(f"{code}>{target}")
        found.append(target)
    if changed:
        remarks.append(Remark(field, f"{kind}_CROSSWALKED", " ".join(changed)))
    return tuple(found), remarks
