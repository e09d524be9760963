"""What the settlement asks the policy, and what of it was an assumption."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from grouper.payment.asked import rounding_of
from grouper.payment.exact import Rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.policies.policy import Policy, Value


@dataclass(frozen=True, slots=True)
class Looked:
    """A policy, asked for some facts; all that shares ``asked`` is remembered together.

    Attributes:
        policy: what holds on the day of the settlement.
        facts: dimensions of its values, such as ``method``, ``insurance``, ``hospital``.
        asked: the values that were given, by their path.
    """

    policy: Policy
    facts: Mapping[str, str | None] = field(default_factory=dict)
    asked: dict[str, Value] = field(default_factory=dict)

    def of(self, **facts: str | None) -> Looked:
        """The same policy asked for further facts."""
        return replace(self, facts={**self.facts, **facts})

    def value(self, path: str) -> Value:
        """The value for these facts.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        found = self.policy.value(path, **self.facts)
        self.asked[found.path] = found
        return found

    def find(self, path: str) -> Value | None:
        """The value for these facts, or None where the policy gives none."""
        found = self.policy.find(path, **self.facts)
        if found is not None:
            self.asked[found.path] = found
        return found

    def rounding(self, what: str) -> Rounding:
        """The policy's rounding of ``money`` or ``points``."""
        return rounding_of(self, what)

    def point_value_rounding(self) -> Rounding:
        """The policy's rounding of a point value."""
        places = self.value("settlement.point_value_places")
        return Rounding(int(places.value), self.value("settlement.point_value_rounding").value)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Paths of the values that are assumptions, in order."""
        return tuple(sorted({one.given.path for one in self.asked.values() if one.assumption}))
