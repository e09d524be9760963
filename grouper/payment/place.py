"""Where and when a case is priced, and for whom: policy, day and the dimensions of its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError
from codebooks.places import insured_of
from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.case.dates import LOCAL
from grouper.payment.asked import rows_of
from grouper.payment.reasons import PayReason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from codebooks.policies.policies import Policies
    from codebooks.policies.policy import Policy
    from grouper.case.record import Case

PEOPLE = ("insurance", "person", "aid")
"""Dimensions that the topic ``people`` reads from a record's own words, and the fields they stand in."""
PEOPLE_FIELDS = {"insurance": "insurance_type", "person": "person_type", "aid": "aid_category"}


class NoPlaceError(Exception):
    """A case that no policy prices: ``reason``, and what its words need."""

    def __init__(self, reason: str, **params: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.params = params


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """By which policies cases are priced.

    Attributes:
        region: of cases that name none.
        today: the day of cases that have not ended; None: they are not priced.
        changes: values by ``topic.parameter`` that replace those of every policy that has them (a
            simulation); typed as the parameter's kind.
        source: what is said of the changes.
        at_hand: the policies; None: those of this installation.
    """

    region: str = NATIONAL
    today: date | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    at_hand: Policies | None = None

    @property
    def policies(self) -> Policies:
        """The policies at hand."""
        return self.at_hand or policies()

    def policy(self, region: str, day: date) -> Policy:
        """The policy of a region on a day.

        Raises:
            NoPlaceError: with its reason.
        """
        try:
            found = self.policies.on(region, day)
        except CodebookError as error:
            reason = error.code
            if reason not in {PayReason.POLICY_MISSING, PayReason.REGION_UNKNOWN}:
                reason = PayReason.POLICY_UNUSABLE
            told: dict[str, object] = {"day": day.isoformat(), "code": error.code}
            if reason == PayReason.POLICY_MISSING:
                # A column may hold something else than its name says: only a known region is named.
                told["region"] = region_id(region)
            raise NoPlaceError(reason, **told) from error
        return self._changed(found)

    def _changed(self, policy: Policy) -> Policy:
        known = {path: value for path, value in self.changes.items() if path in policy.values}
        return policy.changed(known, self.source) if known else policy


def day_of(case: Case, terms: Terms) -> date:
    """The day on which a case is priced: of discharge or of the visit.

    Raises:
        NoPlaceError: ``PAY_DAY_MISSING``.
    """
    if case.discharge_time is not None:
        return case.discharge_time.astimezone(LOCAL).date()
    if terms.today is not None:
        return terms.today
    raise NoPlaceError(PayReason.DAY_MISSING)


def people(policy: Policy, dimension: str, written: str | None) -> str | None:
    """What a record's word means in one of :data:`PEOPLE`; None where the policy does not know it."""
    table = policy.find(f"people.{dimension}")
    if table is None or written is None:
        return None
    row = rows_of(table).get(written.strip())
    return None if row is None else row[dimension]


def level_of(policy: Policy, hospital: str | None) -> str | None:
    """The level of a hospital; None where the policy does not say."""
    found = policy.find("hospital.level", hospital=hospital)
    return None if found is None else str(found.value)


@lru_cache(maxsize=4096)
def region_id(name: str) -> str | None:
    """A region by one of its names; None: unknown."""
    try:
        return registry().region(name).id
    except CodebookError:
        return None


def is_here(region: str, insured: str | None) -> bool:
    """Whether a person insured at a place is insured in a region, as far as the record says.

    The district of a city is of the city's region; a city is never taken for its province.
    """
    return insured is None or region_id(insured_of(insured)) == region
