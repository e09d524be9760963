"""The two sides of a comparison: a named scheme, or the one that binds each case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.registry import registry
from grouper.run.choose import Chooser

if TYPE_CHECKING:
    from grouper.compare.weights import Weights

AUTO = "auto"
"""The name of the side on which region, kind of case and date choose the scheme."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side.

    Attributes:
        name: a scheme's id or :data:`AUTO`.
        region: the region of records that name none.
        weights: weights by group; None: those that the scheme itself gives.
    """

    name: str
    region: str
    weights: Weights | None = None

    @property
    def scheme(self) -> str | None:
        """The named scheme, or None."""
        return None if self.name == AUTO else self.name

    @property
    def chooser(self) -> Chooser:
        """How the side's schemes are chosen; a named one does not ask for the date."""
        return Chooser(self.scheme, self.region)


def side_of(name: str, region: str, weights: Weights | None = None) -> Side:
    """A side by name.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN`` or ``REGION_UNKNOWN``.
    """
    if name != AUTO:
        registry().card(name)
    return Side(name, registry().region(region).id, weights)


def family_of(scheme: str | None) -> str | None:
    """The family of a scheme, None for no scheme."""
    return None if scheme is None else registry().card(scheme).family
