"""The trace of a stored version, recomputed by the scheme that grouped it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from codebooks.registry import registry
from grouper.case.fields import ZONE
from grouper.run.one_case import binding_of, grouping_of
from grouper.schemes.load import load_scheme
from grouper.service.problems import ServiceError

if TYPE_CHECKING:
    from grouper.schemes.protocol import Grouping
    from grouper.schemes.trace import Trace
    from grouper.service.stored import Stay


@dataclass(frozen=True, slots=True)
class Retraced:
    """A trace made anew.

    Attributes:
        scheme: its id.
        trace: of the version.
        content_hash: of the scheme's rules now.
        stored_hash: of the rules by which the stored grouping was made; None: there is none.
    """

    scheme: str
    trace: Trace
    content_hash: str
    stored_hash: str | None

    @property
    def same_rules(self) -> bool | None:
        """Whether the rules are those of the stored grouping; None: there is none."""
        return None if self.stored_hash is None else self.stored_hash == self.content_hash


def retrace(stay: Stay, scheme: str | None, region: str) -> Retraced:
    """Group a stored version once more.

    Args:
        stay: the case in one of its versions.
        scheme: by which; None: by that of the grouping that binds, else the one that binds now.
        region: of a case that names none.

    Raises:
        ServiceError: ``STORED_NOT_GROUPED``: no scheme bound the version when it was grouped.
        GrouperError: as :func:`grouper.run.one_case.grouping_of`.
    """
    grouping = regroup(stay, scheme, region)
    before = next(
        (one.content_hash for one in stay.groupings if one.scheme == grouping.scheme), None
    )
    now = load_scheme(grouping.scheme).content_hash
    return Retraced(grouping.scheme, grouping.trace, now, before)


def regroup(stay: Stay, scheme: str | None, region: str) -> Grouping:
    """The grouping of a stored version, made anew; arguments and errors as of :func:`retrace`."""
    binding = next((one for one in stay.groupings if one.binding), None)
    if scheme is None and binding is not None:
        if not binding.scheme:
            raise ServiceError("STORED_NOT_GROUPED")
        scheme = binding.scheme
    if scheme is None:
        return _bound(stay, region)
    registry().card(scheme)
    return grouping_of(stay.case, scheme, region)


def _bound(stay: Stay, region: str) -> Grouping:
    """By the scheme that binds; a running stay as if it ended today."""
    day = (stay.case.discharge_time or datetime.now(ZoneInfo(ZONE))).date()
    binding = binding_of(stay.case, region, day)
    grouping = load_scheme(binding.scheme).group(stay.case)
    grouping.trace.binding = binding
    return grouping
