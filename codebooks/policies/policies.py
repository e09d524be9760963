"""All policies at hand: shipped, and the hospital's own in its data folder."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.policies.files import Fault, policy_files
from codebooks.policies.policy import Policy
from codebooks.policies.reading import read_file
from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codebooks.policies.files import Found
    from codebooks.policies.policy import Given

ASSIGNMENT = "assignment.rules"
"""The parameter that says which method binds a case: without it a region has no policy."""


class Policies:
    """Dated values of all regions.

    Of one parameter on one day the nearest goes before the farther: the hospital's own value
    before the shipped one, the region's before its parent's.
    """

    def __init__(self, shipped: Path, installed: Path) -> None:
        self._given: dict[str, list[Given]] = {}
        self._periods: dict[str, tuple[Policy, ...]] = {}
        self.faults: list[Fault] = []
        """What cannot be used, each file by itself."""
        for folder, own in ((shipped, False), (installed, True)):
            for found in policy_files(folder):
                self._take(found, own=own)
        self.broken: dict[str, CodebookError] = {}
        """Regions with a file that cannot be used: nothing is priced there until it is mended."""
        for fault in self.faults:
            self.broken.setdefault(fault.region, fault.error)

    def _take(self, found: Fault | Found, *, own: bool) -> None:
        if isinstance(found, Fault):
            self.faults.append(found)
            return
        try:
            given = read_file(found.path, found.region, own=own)
        except CodebookError as error:
            self.faults.append(Fault(found.region, error))
        else:
            self._given.setdefault(found.region, []).extend(given)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions whose own files say which method binds, by id."""
        rules = [g for given in self._given.values() for g in given if g.path == ASSIGNMENT]
        return tuple(sorted({one.region for one in rules if one.value}))

    @property
    def with_files(self) -> tuple[str, ...]:
        """The regions that have any file of their own, usable or not, by id."""
        known = registry().regions
        return tuple(sorted({*self._given, *(r for r in self.broken if r in known)}))

    def given(self, region: str) -> tuple[Given, ...]:
        """All that a region's own files say, at any time."""
        return tuple(self._given.get(registry().region(region).id, ()))

    def on(self, region: str, day: date) -> Policy:
        """The policy of a region on a day.

        Raises:
            CodebookError: ``REGION_UNKNOWN``, ``POLICY_MISSING``.
        """
        for period in self.periods(region):
            if period.valid_from <= day < period.valid_to:
                if period.find(ASSIGNMENT) is None:
                    break
                return period
        known = ", ".join(self.regions)
        name = registry().region(region).id
        raise PolicyError("POLICY_MISSING", region=name, day=day.isoformat(), known=known)

    def periods(self, region: str) -> tuple[Policy, ...]:
        """All that ever holds in a region, cut at each day on which something changes.

        Half-open, in order, without gaps; a period without :data:`ASSIGNMENT` has no policy.

        Raises:
            CodebookError: ``REGION_UNKNOWN``, or why a file of the region or of one above it
                cannot be used: a value from elsewhere in its place would be a wrong price.
        """
        name = registry().region(region).id
        if name not in self._periods:
            self._periods[name] = tuple(_cut(name, self._layers(name)))
        return self._periods[name]

    def _layers(self, region: str) -> list[list[Given]]:
        layers = []
        at: str | None = region
        while at is not None:
            if at in self.broken:
                raise self.broken[at]
            given = self._given.get(at, [])
            layers += [[g for g in given if g.own], [g for g in given if not g.own]]
            at = registry().regions[at].parent
        return layers


def _cut(region: str, layers: Sequence[Sequence[Given]]) -> Iterator[Policy]:
    given = [one for layer in layers for one in layer]
    days = {date.min, date.max} | {one.valid_from for one in given}
    cuts = sorted(days | {one.valid_to for one in given if one.valid_to})
    for start, end in pairwise(cuts):
        values: dict[str, Given] = {}
        for layer in layers:
            for one in layer:
                if one.covers(start):
                    values.setdefault(one.path, one)
        yield Policy(region, start, end, values)


@cache
def policies() -> Policies:
    """All policies at hand, read once."""
    return Policies(paths.shipped() / "policies", paths.installed() / "policies")
