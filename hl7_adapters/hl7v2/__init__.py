"""HL7 version 2: reading and writing messages, and what they say about a case.

:data:`FORM` is the entry point of ``grouper.forms``, :func:`encoder` that of ``grouper.encoders``.
"""

from __future__ import annotations

from hl7_adapters.hl7v2.form import FORM, Hl7Form
from hl7_adapters.hl7v2.mapping import load_mapping
from hl7_adapters.hl7v2.result import encoder

__all__ = ["FORM", "Hl7Form", "encoder", "load_mapping"]
