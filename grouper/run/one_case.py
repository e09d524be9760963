"""One case grouped by itself, with its trace: by a named scheme, or by the one that binds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, GrouperError
from codebooks.registry import registry
from grouper.case.fields import FIELDS
from grouper.case.issues import shown
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from datetime import date

    from codebooks.registry import Binding
    from grouper.case.record import Case
    from grouper.schemes.protocol import Grouping


class CaseError(GrouperError):
    """The case asked for cannot be grouped."""


def kind_of(kind: str | None, scheme: str | None) -> str | None:
    """The kind of a case that is written by hand: as stated, else the first that a scheme serves.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``.
    """
    return kind if kind is not None or scheme is None else registry().card(scheme).kinds[0]


def grouping_of(case: Case, scheme: str | None, region: str) -> Grouping:
    """The grouping of a case under a named scheme, or under the one that binds it.

    Args:
        case: the case.
        scheme: id of a scheme; None: region, kind and discharge date of the case decide.
        region: of a case that names none.

    Raises:
        CaseError: ``DATE_NEEDED``, or ``CASE_KIND``: the named scheme is for other kinds of cases.
        CodebookError: ``SCHEME_UNKNOWN``, or no scheme binds the case.
    """
    if scheme is not None:
        served = registry().card(scheme).kinds
        if case.kind not in served:
            kind = shown(case.kind, FIELDS["kind"])
            raise CaseError("CASE_KIND", scheme=scheme, served=", ".join(served), kind=kind)
        return load_scheme(scheme).group(case)
    if case.discharge_time is None:
        raise CaseError("DATE_NEEDED")
    binding = binding_of(case, region, case.discharge_time.date())
    grouping = load_scheme(binding.scheme).group(case)
    grouping.trace.binding = binding
    return grouping


def binding_of(case: Case, region: str, day: date) -> Binding:
    """What binds a case on a day; of a case that names a region its own counts.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, ``SCHEME_UNCOVERED`` or ``SCHEME_NOT_AT_HAND``.
    """
    try:
        return registry().binding(case.region or region, day, case.kind)
    except CodebookError as error:
        # A column may hold something else than its name says, such as a person's name.
        if case.region and error.code == "REGION_UNKNOWN":
            error.params["found"] = shown(case.region, FIELDS["region"])
        if "kind" in error.params:
            error.params["kind"] = shown(case.kind, FIELDS["kind"])
        raise
