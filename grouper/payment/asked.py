"""One case as the scalar engine prices it: the case, its grouping, and what the policy says of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from grouper.payment.exact import Rounding
from grouper.payment.sheet import Sheet, TableCell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from codebooks.policies.policy import Given, Policy, Value
    from grouper.case.record import Case
    from grouper.payment.place import Terms
    from grouper.schemes.protocol import Grouping


@dataclass(slots=True, kw_only=True)
class Asked:
    """What methods and shares ask about one case.

    Attributes:
        case: the case.
        grouping: its grouping.
        family: of its scheme (``drg``, ``dip``, ``apg``, ``pdpm``, ``msdrg``); empty: not grouped.
        policy: what holds on its day.
        day: of discharge, or of the visit.
        here: whether the patient is insured in the region.
        facts: dimensions of the policy's values: ``insurance``, ``level``, ``hospital``,
            ``person``, ``aid``; None where the record does not say.
        sheet: the lines so far.
        extra: what a table of cases says of this one beside its own fields, by the names of
            ``HISTORY_SCHEMA``; what is not there is not known.
        terms: by which policies; None: those of this installation.
    """

    case: Case
    grouping: Grouping
    family: str
    policy: Policy
    day: date
    here: bool
    facts: Mapping[str, str | None]
    sheet: Sheet = field(default_factory=lambda: Sheet("general"))
    extra: Mapping[str, int | None] = field(default_factory=dict)
    terms: Terms | None = None

    def value(self, path: str, **more: str | None) -> Value:
        """The policy's value for this case.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        found = self.policy.value(path, **{**self.facts, **more})
        self.sheet.asked[found.path] = found
        return found

    def find(self, path: str, **more: str | None) -> Value | None:
        """The policy's value for this case, or None where it gives none."""
        found = self.policy.find(path, **{**self.facts, **more})
        if found is not None:
            self.sheet.asked[found.path] = found
        return found

    def cell(self, path: str, row: str | None, column: str) -> TableCell | None:
        """A cell of a table of the policy whose first key column is ``row``; None: no such row.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``: the policy has no such table.
        """
        table = self.value(path)
        found = rows_of(table).get(row or "")
        if found is None or found[column] is None:
            return None
        return TableCell(table, row or "", found[column])

    def rounding(self, what: str) -> Rounding:
        """The policy's rounding of ``money`` or ``points``."""
        return rounding_of(self, what)


def rounding_of(asked: Any, what: str) -> Rounding:  # noqa: ANN401 -- an Asked or a Block
    """The rounding of ``money`` or ``points`` for a case or a block of cases."""
    places = asked.value(f"general.{what}_places")
    return Rounding(int(places.value), asked.value(f"general.{what}_rounding").value)


def rows_of(table: Value) -> dict[str, dict[str, Any]]:
    """The rows of a table by their first key column."""
    return rows_of_given(SameGiven(table.given), table.keys)


class SameGiven:
    """A given value as a key of the cache: one object is one table."""

    __slots__ = ("given",)

    def __init__(self, given: Given) -> None:
        self.given = given

    def __hash__(self) -> int:
        return id(self.given)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameGiven) and other.given is self.given


@lru_cache(maxsize=512)
def rows_of_given(same: SameGiven, keys: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """As :func:`rows_of`, of the given value and the keys of its dimensions."""
    rows = same.given.value
    for key in keys:
        rows = rows[key]
    column = same.given.form.key[0]
    return {str(row[column]): row for row in rows}
