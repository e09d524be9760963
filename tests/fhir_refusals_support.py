"""How a FHIR message is refused."""

from __future__ import annotations

import pytest
from fhir_support import raw

from codebooks.messages import catalogue
from grouper.intake.forms import IntakeError
from hl7_adapters.fhir import FORM, FhirForm


def refusal(message: object, form: FhirForm = FORM) -> tuple[str, str]:
    """Reason and place that the events are refused with."""
    with pytest.raises(IntakeError) as found:
        list(form.events(message if isinstance(message, bytes) else raw(message)))
    assert f"reason.{found.value.code}" in catalogue("zh")
    assert f"advice.{found.value.code}" in catalogue("en")
    return found.value.code, str(found.value.params["place"])
