"""The levels of hospitals by the policies of the places where they treat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.payment.place import NoPlaceError, Terms, level_of

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa


def hospital_levels(
    cases: pa.Table, day: date, *, place: str | None = None, otherwise: str | None = None
) -> dict[str, str]:
    """The level (I, II, III) of each hospital, as far as a policy says.

    Args:
        cases: with the columns ``hospital`` and ``region``.
        day: on which the policies hold.
        place: whose policy is asked in the place of those of the cases' own regions.
        otherwise: the region of cases that name none.

    Raises:
        GrouperError: a policy cannot be used.
    """
    found = {}
    pairs = cases.select(["hospital", "region"]).group_by(["hospital", "region"]).aggregate([])
    for row in pairs.sort_by([("hospital", "ascending"), ("region", "ascending")]).to_pylist():
        region = place or row["region"] or otherwise
        if not row["hospital"] or not region:
            continue
        try:
            level = level_of(Terms(region=region).policy(region, day), row["hospital"])
        except NoPlaceError:
            continue
        if level is not None:
            found[row["hospital"]] = level
    return found
