"""FHIR R4 and R5: bundles to events, results to ClaimResponse (``docs/FHIR.md``)."""

from hl7_adapters.fhir.claim_response import encoder
from hl7_adapters.fhir.form import FhirForm

FORM = FhirForm()
"""The form under the entry point group ``grouper.forms``."""

__all__ = ["FORM", "FhirForm", "encoder"]
