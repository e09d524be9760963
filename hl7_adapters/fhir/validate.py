"""Full validation of a message by ``fhir.resources`` (the optional extra ``fhir``).

Some twenty times slower than reading: for the boundary with a new sender and for tests. R5 is
checked as R5; R4 as R4B, the nearest that the library has (what R4B added is allowed then).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hl7_adapters.fhir.values import Json


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as the version defines it.

    Attributes:
        path: where, such as ``entry.0.resource.status``; no value stands in it.
        kind: of the fault, as the library names it (``missing``, ``extra_forbidden`` …).
    """

    path: str
    kind: str


def faults(resource: Json, version: str) -> tuple[Fault, ...]:
    """Everything that is not as the version of FHIR defines it; empty for a valid resource.

    Args:
        resource: a Bundle or another resource as JSON values.
        version: ``R4`` or ``R5``; anything else is taken as R5.

    Raises:
        GrouperError: ``FHIR_EXTRA``: ``fhir.resources`` is not installed.
    """
    model = _models(version)
    try:
        model(resource)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        return _faults(error)
    return ()


def first_fault(resource: Json, version: str) -> Fault | None:
    """The first of :func:`faults`; None for a valid resource.

    Raises:
        GrouperError: ``FHIR_EXTRA``.
    """
    return next(iter(faults(resource, version)), None)


def _models(version: str) -> Callable[[Json], Any]:
    try:
        if version == "R4":
            from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 -- an extra
        else:
            from fhir.resources import get_fhir_model_class  # noqa: PLC0415 -- an extra
    except ImportError:
        raise GrouperError("FHIR_EXTRA") from None

    def check(resource: Json) -> Any:  # noqa: ANN401 -- a model of the library
        model = get_fhir_model_class(str(resource.get("resourceType")))
        return model.model_validate(resource)

    return check


def _faults(error: Exception) -> tuple[Fault, ...]:
    stated = getattr(error, "errors", None)
    if not callable(stated):
        return (Fault("resourceType", type(error).__name__),)
    return tuple(
        Fault(".".join(str(part) for part in fault.get("loc", ())), str(fault.get("type", "")))
        for fault in stated()
    ) or (Fault("", type(error).__name__),)
